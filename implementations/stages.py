"""What the stages of an update give back, and by which names `explain` tells it: the same in every engine.

Arrays are of the engine's framework and of one seed; `gradient` is as the engine's optimiser takes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Pass(NamedTuple):
    """How a network is passed: whether batch renormalisation goes by the batch, and by r and d beside it; what dropout
    keeps of each hidden layer [B, width]: 0, or the factor by which the kept is enlarged."""

    learns: bool = False
    renorms: Any = False
    kept: Sequence[Any] = ()


JUDGES = Pass()


class ValueResult(NamedTuple):
    loss: Any
    target: Any  # [B] or [B, B]
    gradient: Any


class CriticResult(NamedTuple):
    losses: Any  # [n]
    predicted: Any  # [n, B, outputs]: Q, or its quantiles
    target: Any  # [B], or of quantiles [B, kept]
    next_action: Any | None  # [B, A] in [-1, 1], its log pi [B], and what critics predict of it [n, B, outputs];
    next_log_prob: Any | None  # None with a value net
    next_predicted: Any | None
    gradient: Any
    moved: Any = None  # by how much running statistics are to move, as the gradient lies

    @property
    def loss(self) -> Any:
        return self.losses.sum()


class ActorResult(NamedTuple):
    loss: Any
    alpha: Any  # this and log_prob are those the loss was taken at
    log_prob: Any  # [B]
    dq_da: Any  # [B, A], of the mean reduced Q
    gradient: Any
    moved: Any = None  # as above


class AlphaResult(NamedTuple):
    loss: Any
    fresh_log_prob: Any | None  # [B]; None where the actor's sample served
    gradient: Any


Result = ValueResult | CriticResult | ActorResult | AlphaResult
Results = dict[tuple[str, int], Result]
"""By stage and pass: actor and alpha may have several."""


def numbered(name: str, turn: int) -> str:
    """The name of a draw, or of something computed, in pass `turn` (from 1) of actor and alpha."""
    return name if turn == 1 else f"{name}_{turn}"


def named(stage: str, turn: int, result: Result) -> dict[str, Any]:
    """A stage's losses, targets and log-probabilities by name."""
    seen = {numbered(f"{stage}_loss", turn): result.loss}
    match result:
        case ValueResult():
            seen["value_target"] = result.target
        case CriticResult():
            seen |= {"next_action": result.next_action, "next_log_prob": result.next_log_prob}
            seen |= {"q": result.predicted.mean(-1)}
            if result.target.ndim > 1:
                seen |= {"quantiles": result.predicted, "target_quantiles": result.target}
                seen["next_quantiles"] = result.next_predicted
            else:
                seen["target_q"] = result.target
                seen["next_q"] = None if result.next_predicted is None else result.next_predicted[..., 0]
            seen |= {f"critic{i + 1}_loss": result.losses[i] for i in range(len(result.losses))}
        case ActorResult():
            seen |= {"dq_da": result.dq_da, numbered("alpha", turn): result.alpha}
            seen[numbered("log_prob", turn)] = result.log_prob
        case AlphaResult():
            seen[numbered("log_prob_alpha", turn)] = result.fresh_log_prob
    return {name: value for name, value in seen.items() if value is not None}

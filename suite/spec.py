"""SacSpec: one SAC update as a frozen tableau of switches, as a Butcher tableau is one Runge-Kutta method.

A code base is a value of this type (implementations/presets), an ablation is a difference of two values (ablations/),
and both engines and suite.equations read nothing else. There are no defaults: a default would be an opinion.

Notation, everywhere: u ~ N(mean, std) before squashing, a = tanh(u), A = action dimension, n = number of critics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

STAGES = ("value", "critic", "actor", "alpha", "target")


class SpecError(ValueError):
    """A combination of switches that has no meaning; the message names the fields."""


@dataclass(frozen=True, kw_only=True)
class FixedAlpha:
    """A constant temperature (arXiv 1801.01290 folds it into the reward scale)."""

    value: float


@dataclass(frozen=True, kw_only=True)
class LearnedAlpha:
    """A temperature that keeps the entropy at `entropy_per_dim` * A (arXiv 1812.05905, section 5).

    objective "alpha" minimises alpha * (-log_prob - H) (its eq. 18), "log_alpha" log(alpha) * (-log_prob - H) as most
    code does; sample says whose action it reads: the "actor" loss's, or a "fresh" one of the policy at that moment.
    """

    init: float
    entropy_per_dim: float
    objective: Literal["alpha", "log_alpha"]
    sample: Literal["actor", "fresh"]
    lr: float


@dataclass(frozen=True, kw_only=True)
class ValueNet:
    """A state-value network V with a target copy: critics regress on target V, V on the policy (arXiv 1801.01290).

    It learns at critic_lr, as in every code base that has one.
    """

    loss_scale: float


@dataclass(frozen=True, kw_only=True)
class ClipLogStd:
    """log std = clip(raw, low, high): no gradient outside."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class SquashLogStd:
    """log std = low + (high - low) * (tanh(raw) + 1) / 2."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class SoftplusStd:
    """std = softplus(raw) + floor."""

    floor: float


@dataclass(frozen=True, kw_only=True)
class ExpStd:
    """log std = raw, unbounded."""


@dataclass(frozen=True, kw_only=True)
class ExactLogDet:
    """log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u)), without a floor."""


@dataclass(frozen=True, kw_only=True)
class EpsilonLogDet:
    """log(1 - tanh(u)^2 + eps): floored at log eps, flat beyond."""

    eps: float


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam (arXiv 1412.6980); eps joins sqrt(v_hat) in "torch", sqrt(v) before bias correction in "tensorflow"."""

    beta1: float
    beta2: float
    eps: float
    eps_placement: Literal["torch", "tensorflow"]


Temperature = FixedAlpha | LearnedAlpha
Std = ClipLogStd | SquashLogStd | SoftplusStd | ExpStd
LogDet = ExactLogDet | EpsilonLogDet
Reduce = Literal["min", "mean", "first"]
Init = Literal["torch", "glorot_uniform"]


@dataclass(frozen=True, kw_only=True)
class SacSpec:
    """The update: what one gradient step of SAC computes from a batch, its noise and the parameters."""

    # objective
    temperature: Temperature
    reward_scale: float
    discount: float
    critics: int
    target_reduce: Reduce  # over the critics in the target (of Q, or of V where there is a value net)
    actor_reduce: Reduce  # over the critics in the actor's loss
    value_net: ValueNet | None
    entropy_in_target: bool  # False: entropy regularises the policy only
    critic_loss_scale: float  # 0.5 or 1 times the mean squared error of each critic
    # policy
    std: Std
    log_det: LogDet
    # networks
    hidden: tuple[int, ...]
    hidden_init: Init
    output_init: Init
    target_init: Literal["copy", "independent"]
    # update
    order: tuple[str, ...]  # of STAGES; a stage the spec has no use for is passed over
    gradients: Literal["sequential", "simultaneous"]  # every loss at the newest, or at the update's first, parameters
    target_every: int
    tau: float
    batch_size: int
    # optimisers
    actor_lr: float
    critic_lr: float
    adam: Adam
    precision: Literal["float32", "float64", "bfloat16_hidden"]  # of all; or float32 with rounded hidden products

    def __post_init__(self) -> None:
        _check_choices(self)
        if sorted(self.order) != sorted(STAGES):
            raise SpecError(f"order must name each of {', '.join(STAGES)} once, not {', '.join(map(str, self.order))}")
        if self.gradients == "simultaneous" and self.order[-1] != "target":
            raise SpecError("gradients 'simultaneous' takes every gradient first, so order must end with 'target'")
        if self.critics == 1 and (self.target_reduce, self.actor_reduce) != ("first", "first"):
            raise SpecError("critics 1 leaves nothing to reduce: target_reduce and actor_reduce must be 'first'")
        if not self.hidden or min(self.hidden) < 1:
            raise SpecError(f"hidden must be one or more positive widths, not {self.hidden}")
        for name in ("critics", "batch_size", "target_every"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("reward_scale", "critic_loss_scale", "actor_lr", "critic_lr"):
            if not getattr(self, name) > 0:
                raise SpecError(f"{name} must be positive, not {getattr(self, name)}")
        if not 0 <= self.discount <= 1:
            raise SpecError(f"discount must lie in [0, 1], not {self.discount}")
        if not 0 < self.tau <= 1:
            raise SpecError(f"tau must lie in (0, 1], not {self.tau}")
        if not (0 <= self.adam.beta1 < 1 and 0 <= self.adam.beta2 < 1 and self.adam.eps > 0):
            raise SpecError(f"adam needs betas in [0, 1) and a positive eps, not {self.adam}")
        if isinstance(self.temperature, LearnedAlpha) and not (self.temperature.init > 0 and self.temperature.lr > 0):
            raise SpecError(f"temperature.init and temperature.lr must be positive, not {self.temperature}")
        if isinstance(self.temperature, FixedAlpha) and self.temperature.value < 0:
            raise SpecError(f"temperature.value must not be negative, not {self.temperature.value}")
        if isinstance(self.std, ClipLogStd | SquashLogStd) and not self.std.low < self.std.high:
            raise SpecError(f"std.low must be below std.high, not {self.std}")

    @property
    def learns_alpha(self) -> bool:
        return isinstance(self.temperature, LearnedAlpha)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages this spec runs, in its order."""
        unused = {"value": self.value_net is None, "alpha": not self.learns_alpha}
        return tuple(stage for stage in self.order if not unused.get(stage, False))

    @property
    def draws(self) -> tuple[str, ...]:
        """The standard-normal draws one update takes, by name, in the order of the noise array's axis."""
        next_action = () if self.value_net else ("next_action",)
        fresh = ("alpha",) if self.learns_alpha and self.temperature.sample == "fresh" else ()
        return (*next_action, "action", *fresh)

    @property
    def online(self) -> tuple[str, ...]:
        """The networks that gradients move, by canonical name."""
        value = ("value",) if self.value_net else ()
        return ("actor", *(f"critic{i + 1}" for i in range(self.critics)), *value)

    @property
    def targets(self) -> tuple[str, ...]:
        """The networks that follow others by averaging: target V where there is a value net, else target critics."""
        return tuple(f"target_{net}" for net in (("value",) if self.value_net else self.online[1:]))

    @property
    def dtype(self) -> str:
        """The type of every parameter, moment, loss and action."""
        return "float64" if self.precision == "float64" else "float32"

    def target_entropy(self, action_dim: int) -> float:
        """The entropy, in nats of the action in [-1, 1], that a learned temperature aims at."""
        return self.temperature.entropy_per_dim * action_dim

    def learning_rate(self, net: str) -> float:
        """The learning rate of "actor", "critic", "value" or "alpha"."""
        if net == "alpha":
            return self.temperature.lr
        return self.actor_lr if net == "actor" else self.critic_lr


CHOICES = {
    "target_reduce": ("min", "mean", "first"),
    "actor_reduce": ("min", "mean", "first"),
    "hidden_init": ("torch", "glorot_uniform"),
    "output_init": ("torch", "glorot_uniform"),
    "target_init": ("copy", "independent"),
    "gradients": ("sequential", "simultaneous"),
    "precision": ("float32", "float64", "bfloat16_hidden"),
    "temperature.objective": ("alpha", "log_alpha"),
    "temperature.sample": ("actor", "fresh"),
    "adam.eps_placement": ("torch", "tensorflow"),
}
"""The values of every switch that is a word, by field path: what validation accepts and what the tests walk through."""


def _check_choices(spec: SacSpec) -> None:
    for path, choices in CHOICES.items():
        value = spec
        for name in path.split("."):
            value = getattr(value, name, None)
        if value is not None and value not in choices:
            raise SpecError(f"{path} must be one of {', '.join(choices)}, not {value!r}")
    for name, kind in {"temperature": Temperature, "std": Std, "log_det": LogDet, "adam": Adam}.items():
        if not isinstance(getattr(spec, name), kind):
            raise SpecError(f"{name} must be a {kind}, not {getattr(spec, name)!r}")
    if not isinstance(spec.value_net, ValueNet | None):
        raise SpecError(f"value_net must be a ValueNet or None, not {spec.value_net!r}")
    for name in ("reward_scale", "discount", "tau", "actor_lr", "critic_lr", "critic_loss_scale"):
        if not math.isfinite(getattr(spec, name)):
            raise SpecError(f"{name} must be a finite number, not {getattr(spec, name)}")

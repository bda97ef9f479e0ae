"""Conformance of the algorithms after SAC, whose recorded updates have keys of their own: translated into those of
suite/specimens/conformance.py, and examined as all others are.

Critics lie along the last axis of a file's arrays and along the first of ours. A file says which critics a target took
(`subset`) and what dropout kept (`mask`): from these come draws that choose the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from suite.errors import UsageError
from suite.sac.spec import D_MAX, R_MAX, BatchRenorm, LayerNorm, LearnedAlpha, SacSpec, SpecError
from suite.specimens import conformance
from suite.specimens.conformance import Recorded, Verdict

RENAMED = {
    "q": "q",
    "current_q": "q",
    "next_q": "next_q",
    "current_quantiles": "quantiles",
    "next_quantiles": "next_quantiles",
}
"""What a file expects, by our name."""

SIZES = ("gradient_steps", "utd_ratio", "n_quantiles", "n_target_quantiles", "policy_update_delay", "q_target_mode")
"""What is the recording's own affair beside sizes of networks, or said by other words of it."""


def examine(recorded: Recorded, spec: SacSpec, name: str, precision: Literal["float64", "float32"]) -> Verdict:
    """The recorded updates of a preset with that spec through an engine; UsageError if they lack something."""
    try:
        overrides = recorded.meta["overrides"]
        declared = conformance.DECLARED.get((recorded.preset, recorded.case))
        spec = replace(spec, **declared.changes) if declared else spec
        if spec.quantiles:
            spec = replace(spec, quantiles=replace(spec.quantiles, n=overrides["n_quantiles"]))
        sizes = {"hidden": tuple(overrides["hidden"]), "actor_hidden": None, "batch_size": overrides["batch_size"]}
        spec = replace(spec, **sizes)
        contradictions = tuple(_contradictions(spec, recorded))
        translated = recorded._replace(meta=_meta(recorded, spec), arrays=dict(_arrays(recorded, spec)))
    except (SpecError, KeyError, TypeError, ValueError, IndexError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(f"{recorded.path} holds no recorded updates of {recorded.preset} ({reason})") from None
    vectors = conformance.vectors_of(translated, spec)
    both = (*contradictions, *vectors.contradictions)
    return conformance.examine(vectors._replace(contradictions=both), name, precision)


def _ours(spec: SacSpec, updates: int) -> dict[str, Any]:
    """By a file's word what the preset has there; None where it has nothing of the kind."""
    norm = spec.critic_norm if isinstance(spec.critic_norm, BatchRenorm) else None
    learned = spec.temperature if isinstance(spec.temperature, LearnedAlpha) else None
    dropped = spec.quantiles.dropped if spec.quantiles else None
    return {
        "num_Q": spec.critics,
        "n_critics": spec.critics,
        "num_min": spec.target_subset,
        "policy_updates": [int(spec.due(spec.actor_every, k + 1)) for k in range(updates)],
        "policy_delay": spec.actor_every,
        "dropout_rate": spec.critic_dropout,
        "layer_norm": isinstance(spec.critic_norm, LayerNorm),
        "initial_alpha_in_use": learned and learned.in_use_at_first,
        "top_quantiles_to_drop_per_net": dropped,
        "top_quantiles_to_drop": dropped,
        "renorm_warmup_steps": norm and norm.warmup,
        "batch_norm_eps": norm and norm.eps,
        "rmax": norm and R_MAX,
        "dmax": norm and D_MAX,
    }


def _contradictions(spec: SacSpec, recorded: Recorded) -> Iterator[str]:
    """What the file says the original was set to or did, where it is not what the spec says."""
    overrides, updates = recorded.meta["overrides"], recorded.meta["updates"]
    ours = _ours(spec, updates)
    for name, value in ours.items():
        if name in overrides and overrides[name] != value:
            yield f"{name} is {overrides[name]!r} in the file and {value!r} in the preset"
    if overrides.get("q_target_mode", spec.target_reduce) != spec.target_reduce:
        yield f"q_target_mode is {overrides['q_target_mode']!r} in the file and {spec.target_reduce!r} in the preset"
    if isinstance(spec.critic_norm, BatchRenorm):
        if spec.actor_norm != spec.critic_norm:
            yield "actor and critics have one normalisation in the file and two in the preset"
        kept = overrides["batch_norm_momentum"]  # of the old statistics in one package, of the new ones in the other
        if not np.isclose(max(kept, 1 - kept), spec.critic_norm.momentum):
            yield f"batch_norm_momentum is {kept} in the file and {spec.critic_norm.momentum} in the preset"
    for k, due in enumerate(ours["policy_updates"]):
        if (f"noise/{k}/action" in recorded.arrays) != due:
            yield f"update {k} {'leaves' if due else 'moves'} the actor in the file, and in the preset it does not"
    for done in range(updates + 1):
        counted = {"bn_steps_critic": done, "bn_steps_actor": spec.actor_steps_before(done + 1, 1)}
        for name, count in counted.items():
            key = f"after/{done - 1}/{name}" if done else f"init/{name}"
            if int(recorded.arrays.get(key, count)) != count:
                yield f"{key} is {int(recorded.arrays[key])} in the file and {count} by the preset's count"
    yield from _of_the_actor(spec, recorded)


def _of_the_actor(spec: SacSpec, recorded: Recorded) -> Iterator[str]:
    """What is recorded of the critics at the actor's action stands in no engine's answer: it must make the actor's
    loss, which does; and the temperature that is in use after an update must be the one of the next."""
    arrays = {key: np.asarray(value, float) for key, value in recorded.arrays.items() if value.dtype.kind in "fiu"}
    for k in range(recorded.meta["updates"]):
        for key, mean in ((f"expect/{k}/pi_q", False), (f"expect/{k}/pi_quantiles", True)):
            if key in arrays:
                q = arrays[key].mean(2) if mean else arrays[key]
                reduced = {"min": q.min(1), "mean": q.mean(1), "first": q[:, 0]}[spec.actor_reduce]
                loss = (arrays[f"expect/{k}/alpha"] * arrays[f"expect/{k}/log_prob"] - reduced).mean()
                if abs(loss - arrays[f"expect/{k}/actor_loss"]) > conformance.RELATIVE * max(1, abs(loss)):
                    yield f"{key} does not make the actor's loss by the preset's {spec.actor_reduce} of the critics"
        following = arrays.get(f"expect/{k + 1}/alpha")
        in_use = arrays.get(f"after/{k}/alpha_in_use")
        if in_use is not None and following is not None and not np.isclose(in_use, following):
            yield f"after/{k}/alpha_in_use is {in_use} in the file, and the next update uses {following}"


def _meta(recorded: Recorded, spec: SacSpec) -> dict[str, Any]:
    """The file's words that all recordings have."""
    own = {*_ours(spec, recorded.meta["updates"]), *SIZES, "batch_norm_momentum"}
    kept = {name: value for name, value in recorded.meta["overrides"].items() if name not in own}
    kept["first_update_index"] = spec.first_update  # which updates moved the actor says more: see _contradictions
    return {**recorded.meta, "overrides": kept}


def _arrays(recorded: Recorded, spec: SacSpec) -> Iterator[tuple[str, np.ndarray]]:
    """The file's arrays by our names, in our order of axes, and with draws that choose as the original did."""
    width = spec.noise_width(recorded.meta["overrides"]["act_dim"])
    for key, value in recorded.arrays.items():
        kind, number, *rest = key.split("/")
        inner = "/".join(rest)
        if kind == "noise":
            yield key, _widened(value, width)
        elif kind == "subset":
            yield f"noise/{number}/subset", _choosing(value, spec, width)
        elif kind == "mask":
            passed, net, layer = rest
            name = spec.kept_draws(passed)[net, int(layer.removeprefix("h"))]
            yield f"noise/{number}/{name}", _widened(np.where(value > 0, 9.0, -9.0), width)
        elif kind in ("expect", "derived"):
            yield from _expected(number, inner, value)
        elif not _counted(kind, number, inner):
            yield key, value


def _expected(number: str, name: str, value: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """What the file expects of an update, by our names."""
    if name == "joint_q":
        half = len(value) // 2
        yield f"expect/{number}/q", value[:half].T
        yield f"expect/{number}/next_q", value[half:].T
    elif name in RENAMED:
        yield f"expect/{number}/{RENAMED[name]}", np.moveaxis(value, 1, 0)
    elif name not in ("pi_q", "pi_quantiles"):  # see _of_the_actor
        yield f"expect/{number}/{name}", value


def _counted(kind: str, number: str, inner: str) -> bool:
    """Whether a key repeats another one, or counts what the preset counts: what is compared by _contradictions."""
    last = number if kind == "init" else inner
    return kind in ("bn_before", "subset_uniform") or last in ("bn_steps_actor", "bn_steps_critic", "alpha_in_use")


def _widened(draw: np.ndarray, width: int) -> np.ndarray:
    return np.pad(np.asarray(draw, float), ((0, 0), (0, width - draw.shape[1])))


def _choosing(subset: np.ndarray, spec: SacSpec, width: int) -> np.ndarray:
    """A draw whose smallest numbers stand where the chosen critics do, in the order in which they were chosen."""
    draw = np.ones(spec.batch_size * width)
    draw[subset] = np.arange(len(subset)) - len(subset)
    return draw.reshape(spec.batch_size, width)

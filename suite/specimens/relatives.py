"""Conformance of SAC's relatives, whose recorded updates have keys of their own: see suite/specimens/conformance.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from suite.errors import UsageError
from suite.sac.spec import SpecError
from suite.sac.specs import MixtureSpec, SoftQSpec
from suite.specimens import conformance
from suite.specimens.conformance import Recorded, Vectors, Verdict

normal_of = np.vectorize(NormalDist().inv_cdf, otypes=[float])
"""The standard normal draw below which a share of all lies."""


def examine(
    recorded: Recorded, spec: SoftQSpec | MixtureSpec, name: str, precision: Literal["float64", "float32"]
) -> Verdict:
    """The recorded updates of a preset with that spec through an engine; UsageError if they lack something."""
    meta = recorded.meta
    draws: dict[type, Callable[[Vectors, int, str], np.ndarray]] = {SoftQSpec: _soft_q_draw, MixtureSpec: _mixture_draw}
    try:
        overrides, updates = meta["overrides"], meta["updates"]
        contradictions = tuple(_contradictions(spec, meta))
        spec = replace(spec, hidden=tuple(overrides["hidden"]), batch_size=overrides["batch_size"])
        spaces = conformance.spaces_of(overrides)
        what = recorded.path, recorded.preset, recorded.case
        vectors = Vectors(*what, spec, spaces, updates, recorded.arrays, contradictions)
        if not contradictions:
            noise = _noise(vectors)
            shapes = {f"noise/{k}/{draw}": noise[draw] for k in range(updates) for draw in noise}
            conformance.check(vectors, noise, shapes)
        return conformance.examine(vectors, name, precision, draws[type(spec)])
    except (SpecError, KeyError, TypeError, ValueError, IndexError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(f"{recorded.path} holds no recorded updates of {recorded.preset} ({reason})") from None


def _noise(vectors: Vectors) -> dict[str, tuple[int, ...]]:
    """The shapes of an update's noise, by the file's names."""
    spec, size, action_dim = vectors.spec, vectors.spec.batch_size, vectors.spaces.action_dim
    if isinstance(spec, MixtureSpec):
        return {"component": (size,), "action": (size, action_dim)}
    particles = spec.fixed_particles + spec.updated_particles
    return {"value_actions": (1, spec.value_particles, action_dim), "latents": (size, particles, action_dim)}


def _contradictions(spec: SoftQSpec | MixtureSpec, meta: Mapping[str, Any]) -> Iterator[str]:
    """What the file says the original was set to, where it is not what the spec says."""
    adam = {"b1": spec.adam.beta1, "b2": spec.adam.beta2, "eps": spec.adam.eps, "style": "tf1"}
    ours: dict[str, Any] = {"gamma": spec.discount, "reward_scale": spec.reward_scale, "alpha": 1.0, "adam": adam}
    ours |= {"squash_eps": spec.squash_eps, "lr_actor": spec.actor_lr, "lr_critic": spec.critic_lr}
    match spec:
        case SoftQSpec():
            both = spec.fixed_particles + spec.updated_particles
            ours |= {"value_n_particles": spec.value_particles, "kernel_n_particles": both}
            ours |= {"kernel_update_ratio": spec.updated_particles / both, "h_min": spec.bandwidth_floor}
            ours |= {"td_target_update_interval": spec.target_copy_every}
            ours["iterations"] = [spec.first_update + k for k in range(meta["updates"])]
        case MixtureSpec():
            ours |= {"components": spec.components, "tau": spec.tau, "lr_value": spec.critic_lr}
    overrides = {"critics": 1, "reward_scale": spec.reward_scale}
    for in_file, known in ((meta, ours), (meta["overrides"], overrides)):
        for name, value in known.items():
            if in_file[name] != value:
                yield f"{name} is {in_file[name]!r} in the file and {value!r} in the preset"
    if spec.adam.eps_placement != "tensorflow":
        yield "adam's epsilon is TensorFlow's in the file and torch's in the preset"


def _soft_q_draw(vectors: Vectors, k: int, name: str) -> np.ndarray:
    """The file has the uniform actions themselves, and all latents of a state in one array."""
    if name == "value":
        actions = vectors.arrays[f"noise/{k}/value_actions"][0].astype(np.float64)
        rows = np.zeros((vectors.spec.batch_size, vectors.spaces.action_dim))
        rows[: len(actions)] = normal_of((actions + 1) / 2)
        return rows
    return vectors.arrays[f"noise/{k}/latents"][:, int(name.removeprefix("particle_")) - 1].astype(np.float64)


def _mixture_draw(vectors: Vectors, k: int, name: str) -> np.ndarray:
    """The file has the components themselves: the draw is the middle of those that choose each, by the weights that the
    original had."""
    if name == "action":
        return vectors.arrays[f"noise/{k}/action"].astype(np.float64)
    weights_of = np.exp(vectors.arrays[f"expect/{k}/log_weights"].astype(np.float64))
    shares = np.cumsum(weights_of / weights_of.sum(1, keepdims=True), axis=1)
    chosen, states = vectors.arrays[f"noise/{k}/component"], np.arange(len(shares))
    below = np.concatenate([np.zeros((len(shares), 1)), shares], axis=1)[states, chosen]
    rows = np.zeros((vectors.spec.batch_size, vectors.spaces.action_dim))
    rows[:, 0] = normal_of((below + shares[states, chosen]) / 2)
    return rows

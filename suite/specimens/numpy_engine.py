"""A complete implementation in NumPy: all that suite.sac.contract asks of an engine.

It computes by the suite's equations, so it is right by construction, and slow; your engine's mathematics stands there.
Arrays carry a leading axis S, a seed each; inside, every seed is computed alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from suite.sac import equations
from suite.sac.contract import Metrics, Params, Spaces, unpack
from suite.sac.spec import SacSpec

FRAMEWORK = "numpy"


class State(NamedTuple):
    """A learner: what it was told to be, and each seed's parameters at the spec's precision."""

    spec: SacSpec
    spaces: Spaces
    seeds: tuple[Params, ...]


def device() -> str | None:
    return None  # the processor


def init(spec: SacSpec, spaces: Spaces, params: Params) -> State:
    return set_params(State(spec, spaces, ()), params)


def get_params(state: State) -> Params:
    return {name: np.stack([seed[name] for seed in state.seeds]) for name in state.seeds[0]}


def set_params(state: State, params: Params) -> State:
    count = len(params["actor/w0"])
    return state._replace(seeds=tuple({name: np.array(params[name][i]) for name in params} for i in range(count)))


def act(state: State, obs: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
    """Actions [S, N, A] at obs [S, N, O]: sampled with noise [S, N, A], or the mean's tanh without."""
    draws = np.zeros((*obs.shape[:2], state.spaces.action_dim)) if noise is None else noise
    actions = []
    for params, o, draw in zip(state.seeds, obs, draws, strict=True):
        policy = equations.sample(state.spec, state.spaces, _exact(params), o.astype(float), draw.astype(float))
        actions.append(np.tanh(policy.mean) if noise is None else policy.action)
    return np.stack(actions).astype(np.float32)


def log_prob(state: State, obs: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Log densities [S, N] before tanh of actions [S, N, A] at obs [S, N, O]."""
    several = zip(state.seeds, obs.astype(float), actions.astype(float), strict=True)
    return np.stack([equations.log_density(state.spec, _exact(params), *one) for params, *one in several])


def update(
    state: State, rows: np.ndarray, noise: np.ndarray, obs: np.ndarray | None, act_noise: np.ndarray | None
) -> tuple[State, np.ndarray | None, Metrics]:
    """K updates of rows [S, K, B, width], noise [S, K, draws, B, noise width]; then the next action if given obs."""
    metrics: Metrics = {}
    for k in range(rows.shape[1]):
        state, seen = _one_update(state, rows[:, k], noise[:, k])
        metrics = {name: seen[name].reshape(-1) for name in ("critic_loss", "actor_loss", "alpha")}
        metrics["entropy"] = -seen["log_prob"].mean(axis=1)
        if not state.spec.due(state.spec.actor_every, int(state.seeds[0]["updates_done"])):
            metrics["actor_loss"] = np.full(len(rows), np.nan)
    action = None if obs is None else act(state, obs, act_noise)
    return state, action, metrics


def explain(state: State, rows: np.ndarray, noise: np.ndarray) -> tuple[State, dict[str, np.ndarray]]:
    """The state after one update, beside the one passed in; every loss, target and gradient of it by name."""
    return _one_update(state, rows[:, 0], noise[:, 0])


def _one_update(state: State, rows: np.ndarray, noise: np.ndarray) -> tuple[State, dict[str, np.ndarray]]:
    """Every seed's update of rows [S, B, width], and what the equations name, [S, ...]."""
    spec, after, seen = state.spec, [], []
    for params, row, draw in zip(state.seeds, rows, noise, strict=True):
        draws = dict(zip(spec.draws, draw.astype(float), strict=True))
        batch = unpack(row.astype(float), state.spaces, spec.further_steps)
        updated, named = equations.update(spec, state.spaces, _exact(params), batch, draws)
        named["action"] = equations.sample(spec, state.spaces, _exact(params), batch.obs, draws["action"]).action
        after.append({name: np.asarray(value).astype(spec.dtype) for name, value in updated.items()})
        seen.append({name: np.asarray(value) for name, value in named.items() if value is not None})
    return state._replace(seeds=tuple(after)), {name: np.stack([one[name] for one in seen]) for name in seen[0]}


def _exact(params: Params) -> Params:
    return {name: value.astype(float) for name, value in params.items()}

"""What the instrument and the specimens promise each other: shapes, names and the protocol of an engine.

S seeds run in lockstep, so every array that crosses this border has a leading axis S. Rows are packed (one gather, one
transfer): obs, action, reward, next_obs, terminated side by side in float32.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

from suite.schedule import Schedule
from suite.spec import SacSpec

Params = dict[str, np.ndarray]
"""Canonical arrays: "<net>/<tensor>" ("actor/w0", "target_critic1/b2", matrices [in, out]), "log_alpha",
Adam's moments "adam_m/<net>/<tensor>", "adam_v/...", and the count "updates_done"."""

Metrics = dict[str, np.ndarray]
"""Scalars of the last update by name, [S]: "critic_loss", "actor_loss", "alpha", "entropy"; perhaps lazy."""

State = Any
"""An engine's own learner; opaque to everyone else."""


class Spaces(NamedTuple):
    """The sizes an engine must know of a task: observations [obs_dim], actions [action_dim] in [-1, 1]."""

    obs_dim: int
    action_dim: int


class Batch(NamedTuple):
    """Transitions by field; reward and terminated are [..., B], before scaling and 0.0 or 1.0."""

    obs: Any
    action: Any
    reward: Any
    next_obs: Any
    terminated: Any


def row_width(spaces: Spaces) -> int:
    """The width of a packed row."""
    return 2 * spaces.obs_dim + spaces.action_dim + 2


def unpack(rows: Any, spaces: Spaces) -> Batch:
    """The fields of packed rows [..., width], as views; works on arrays of any framework."""
    o, a = spaces.obs_dim, spaces.action_dim
    return Batch(
        obs=rows[..., :o],
        action=rows[..., o : o + a],
        reward=rows[..., o + a],
        next_obs=rows[..., o + a + 1 : 2 * o + a + 1],
        terminated=rows[..., 2 * o + a + 1],
    )


class Job(NamedTuple):
    """What one training process is to do: everything but where its files lie."""

    task: str
    implementation: str
    run_id: str
    spec: SacSpec
    schedule: Schedule
    evaluate_every: int  # environment steps
    evaluation_episodes: int
    env_steps: int  # the budget
    seeds: tuple[int, ...]
    origin: dict[str, str]  # the study and the preset or arm that asked for it first: provenance, no identity


class Implementation(Protocol):
    """A native engine: the algorithm of one framework at the level of single updates. A module satisfies it."""

    FRAMEWORK: str

    def init(self, spec: SacSpec, spaces: Spaces, params: Params) -> State:
        """A learner that starts at `params` (each [S, ...]; what is absent starts at zero), for S seeds."""

    def act(self, state: State, obs: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
        """Actions [S, N, A] in [-1, 1] at obs [S, N, O]: sampled with noise [S, N, A], or the mean's tanh for None."""

    def update(
        self, state: State, rows: np.ndarray, noise: np.ndarray, obs: np.ndarray | None, act_noise: np.ndarray | None
    ) -> tuple[State, np.ndarray | None, Metrics]:
        """K updates: rows [S, K, B, width], noise [S, K, draws, B, A] (spec.draws names the axis).

        Given obs [S, N, O], also the updated actor's action there, as `act` would return it. The state passed in is
        spent: use the one returned.
        """

    def explain(self, state: State, rows: np.ndarray, noise: np.ndarray) -> tuple[State, dict[str, np.ndarray]]:
        """One update (K = 1) that keeps `state`: every loss, target, log-probability and gradient by name, [S, ...]."""

    def get_params(self, state: State) -> Params:
        """The learner as canonical arrays, complete: `set_params` of them continues bit for bit."""

    def set_params(self, state: State, params: Params) -> State:
        """The learner at the given arrays."""

    def device(self) -> str | None:
        """The accelerator this engine computes on, by name; None for the processor."""


class Loop(Protocol):
    """A training loop that has started, whoever wrote it. A module of implementations/adapters gives one by `start`."""

    def learn(self, env_steps: int) -> None:
        """Plays and learns for so many further environment steps."""

    def update(self, times: int) -> None:
        """So many updates, one batch of the loop's own replay buffer each, without playing."""

    def fill(self) -> None:
        """Writes to the whole of the replay buffer, which takes the memory that a full one takes."""

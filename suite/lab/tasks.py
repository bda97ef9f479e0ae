"""Tasks: Gymnasium environments behind one door, with what a run must save to continue bit for bit."""

from __future__ import annotations

import logging
import warnings
from typing import Any, NamedTuple

import numpy as np

from suite.errors import UsageError
from suite.lab import seeding
from suite.sac.contract import Spaces


class Task(NamedTuple):
    """What the suite must know of an environment before making it: sizes, and the episode's limit in steps."""

    obs_dim: int
    action_dim: int
    time_limit: int


TASKS = {
    "MultiGoal-v0": Task(2, 2, 30),
    "Pendulum-v1": Task(3, 1, 200),
    "InvertedPendulum-v4": Task(4, 1, 1000),
    "InvertedPendulum-v5": Task(4, 1, 1000),
    "InvertedDoublePendulum-v4": Task(11, 1, 1000),
    "InvertedDoublePendulum-v5": Task(9, 1, 1000),
    "Reacher-v4": Task(11, 2, 50),
    "Reacher-v5": Task(10, 2, 50),
    "Pusher-v5": Task(23, 7, 100),
    "Swimmer-v4": Task(8, 2, 1000),
    "Swimmer-v5": Task(8, 2, 1000),
    "Hopper-v4": Task(11, 3, 1000),
    "Hopper-v5": Task(11, 3, 1000),
    "Walker2d-v4": Task(17, 6, 1000),
    "Walker2d-v5": Task(17, 6, 1000),
    "HalfCheetah-v4": Task(17, 6, 1000),
    "HalfCheetah-v5": Task(17, 6, 1000),
    "Ant-v4": Task(27, 8, 1000),
    "Ant-v5": Task(105, 8, 1000),
    "Humanoid-v4": Task(376, 17, 1000),
    "Humanoid-v5": Task(348, 17, 1000),
    "HumanoidStandup-v4": Task(376, 17, 1000),
    "HumanoidStandup-v5": Task(348, 17, 1000),
}
"""Pusher-v4 is absent: it does not start on MuJoCo 3 and later. MultiGoal is ours: suite/lab/multigoal.py."""


def measured(task: str) -> Task:
    """What the table would say of a Gymnasium environment; UsageError if it cannot be made, is of another kind, or does
    not continue bit for bit from a saved state."""
    import gymnasium

    try:
        env, fresh = Environment(task), Environment(task)
    except gymnasium.error.Error as error:
        raise UsageError(f"Gymnasium cannot make {task}: {error}") from None
    except (AttributeError, IndexError, TypeError) as error:
        raise UsageError(
            f"{task} is of no kind that the suite plays: a box of actions and a time limit ({error})"
        ) from None
    actions = np.random.default_rng(0).uniform(-1, 1, (40, env.spaces.action_dim)).astype(np.float32)
    try:
        env.reset(seed=3)
        for action in actions[:20]:
            if any(env.step(action)[2:]):
                env.reset()
        fresh.set_state(env.get_state())
    except AttributeError as error:
        raise UsageError(
            f"{task} cannot be saved and restored: its class needs `state` or MuJoCo's data ({error})"
        ) from None
    for action in actions[20:]:
        (obs, *rest), (same, *others) = env.step(action), fresh.step(action)
        if not (np.array_equal(obs, same) and rest == others):
            raise UsageError(f"{task} does not continue bit for bit from a saved state: something of it is not saved")
        if any(rest[1:]):
            break
    return Task(*env.spaces[:2], env.time_limit)


# What rewards and observations of the next step read besides the integration state: the last forward pass's results.
_DERIVED = (
    *("xpos", "xipos", "xquat", "xmat", "ximat", "geom_xpos", "site_xpos", "subtree_com"),
    *("cfrc_ext", "cinert", "cvel", "qfrc_actuator"),
)


class Environment:
    """One environment: actions [A] in [-1, 1] in, float32 observations out, termination kept apart from truncation.

    `range` is what `step` plays without clipping: two bounds [A], of [-1, 1] where actions are rescaled, else the box.
    """

    def __init__(self, task: str, action_to_env: str = "rescale"):
        import gymnasium  # here, so that the table above costs a planner nothing

        import suite.lab.multigoal  # noqa: F401, which registers a task of ours

        with warnings.catch_warnings():  # v4 ids are the published ones: their deprecation is no news
            warnings.simplefilter("ignore")
            logging.getLogger("gymnasium").setLevel(logging.ERROR)
            gymnasium.logger.min_level = gymnasium.logger.ERROR
            self.env: Any = gymnasium.make(task, disable_env_checker=True)
        observations: Any = self.env.observation_space
        box: Any = self.env.action_space
        self._low, self._high = box.low.astype(np.float64), box.high.astype(np.float64)
        self._rescale = action_to_env == "rescale"
        unit = np.ones(box.shape)
        self.spaces = Spaces(observations.shape[0], box.shape[0])
        if self._rescale and not (np.array_equal(self._low, -unit) and np.array_equal(self._high, unit)):
            scale, center = (self._high - self._low) / 2, (self._high + self._low) / 2
            self.spaces = self.spaces._replace(action_scale=tuple(scale.tolist()), action_center=tuple(center.tolist()))
        self.range = (-unit, unit) if self._rescale else (self._low, self._high)
        self.time_limit = int(self._limiter._max_episode_steps)

    def reset(self, seed: int | None = None) -> np.ndarray:
        """The first observation [O] of a new episode; a seed starts the environment's own stream afresh."""
        obs, _ = self.env.reset(seed=seed)
        return obs.astype(np.float32)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool]:
        """Next observation [O], reward, terminated, truncated."""
        if self._rescale:
            action = self._low + (action.astype(np.float64) + 1) * 0.5 * (self._high - self._low)
        obs, reward, terminated, truncated, _ = self.env.step(np.clip(action, self._low, self._high))
        return obs.astype(np.float32), float(reward), bool(terminated), bool(truncated)

    def get_state(self) -> dict[str, np.ndarray | dict | int]:
        """Everything the rest of the episode depends on: simulator, step counter, the environment's own generator."""
        inner = self.env.unwrapped
        state = {"elapsed": self._limiter._elapsed_steps, "random": seeding.get_state(inner.np_random)}
        if hasattr(inner, "data"):
            import mujoco

            full = mujoco.mjtState.mjSTATE_INTEGRATION
            physics = np.empty(mujoco.mj_stateSize(inner.model, full))
            mujoco.mj_getState(inner.model, inner.data, physics, full)
            return state | {"physics": physics} | {name: getattr(inner.data, name).copy() for name in _DERIVED}
        return state | {"physics": np.array(inner.state)}

    def set_state(self, state: dict) -> None:
        """Continues where `get_state` was called, bit for bit, in a freshly made environment too."""
        self.reset()
        inner = self.env.unwrapped
        if hasattr(inner, "data"):
            import mujoco

            mujoco.mj_setState(inner.model, inner.data, state["physics"], mujoco.mjtState.mjSTATE_INTEGRATION)
            for name in _DERIVED:
                getattr(inner.data, name)[:] = state[name]
        else:
            inner.state = np.array(state["physics"])
        self._limiter._elapsed_steps = int(state["elapsed"])
        seeding.set_state(inner.np_random, state["random"])

    @property
    def _limiter(self) -> Any:
        """The wrapper that counts the episode's steps."""
        wrapper = self.env
        while not hasattr(wrapper, "_elapsed_steps"):
            wrapper = wrapper.env
        return wrapper

    def close(self) -> None:
        self.env.close()

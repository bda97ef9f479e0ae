"""A scripted task: episodes of known lengths, observations that count, for the loop's own golden runs and proofs."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import gymnasium
import numpy as np

from suite.sac.contract import Params, Spaces

TASK = "SacSuiteScripted-v0"

OBS_DIM, ACTION_DIM = 3, 2

ID_UNIT = 2.0**-14
"""An observation's first number in these units is its id: 2 x steps played so far, + 1 if it opens an episode."""


class Episode(NamedTuple):
    """One scripted episode: "fall" terminates at its last step, "limit" runs into the task's time limit."""

    length: int
    ends: Literal["fall", "limit"]


class Scripted(gymnasium.Env):
    """Plays `script` over and over; an action's sum is felt in the reward, so that no rescaling goes unseen."""

    def __init__(self, script: tuple[Episode, ...]):
        self.script = script
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (OBS_DIM,), np.float64)
        self.action_space = gymnasium.spaces.Box(np.array([-2.0, -1.0]), np.array([2.0, 3.0]), dtype=np.float64)
        self.played, self.begun, self.steps = 0, 0, 0

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.begun, self.steps = self.begun + 1, 0
        return self._obs(opens=True), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.played, self.steps = self.played + 1, self.steps + 1
        episode = self.script[(self.begun - 1) % len(self.script)]
        falls = episode.ends == "fall" and self.steps >= episode.length
        return self._obs(opens=False), 1.0 + 0.01 * float(np.sum(action)), falls, False, {}

    def _obs(self, opens: bool) -> np.ndarray:
        return np.array([(2 * self.played + opens) * ID_UNIT, np.sin(self.steps), np.cos(self.played)])


def register(time_limit: int, script: tuple[Episode, ...]) -> str:
    """The name under which Gymnasium makes the scripted task from now on in this process."""
    gymnasium.registry.pop(TASK, None)
    gymnasium.register(
        TASK, entry_point=f"{__name__}:Scripted", max_episode_steps=time_limit, kwargs={"script": script}
    )
    return TASK


class Counting:
    """An engine that only counts: its actions depend on the noise and on how many updates there were."""

    FRAMEWORK = "numpy"

    def init(self, spec: Any, spaces: Spaces, params: Params) -> np.ndarray:
        return np.zeros(len(params["actor/w0"]), np.int64)

    def act(self, state: np.ndarray, obs: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
        drawn = obs[..., 1:] if noise is None else noise
        return np.tanh(0.1 * drawn + 0.01 * state[:, None, None]).astype(np.float32)

    def update(self, state: np.ndarray, rows: np.ndarray, noise: np.ndarray, obs: Any, act_noise: Any) -> tuple:
        state = state + rows.shape[1]
        return state, None if obs is None else self.act(state, obs, act_noise), {}

    def log_prob(self, state: np.ndarray, obs: np.ndarray, actions: np.ndarray) -> np.ndarray:
        return actions.sum(axis=2) + obs[..., 1]

    def get_params(self, state: np.ndarray) -> Params:
        return {"updates_done": state}

    def set_params(self, state: np.ndarray, params: Params) -> np.ndarray:
        return params.get("updates_done", np.zeros_like(state))

"""A point in the plane with four goals around it, so that a good policy has four ways to go: "MultiGoal-v0".

The environment of soft Q-learning's paper (arXiv 1702.08165, section 5.1), by haarnoja/softqlearning@6f51eac
softqlearning/environments/multigoal.py with its defaults and the 30 steps of examples/multigoal_sql.py:24.
"""

from __future__ import annotations

import gymnasium
import numpy as np

TASK = "MultiGoal-v0"
GOALS = np.array([[5.0, 0.0], [-5.0, 0.0], [0.0, 5.0], [0.0, -5.0]])
REACHED = 1.0  # how near a goal is near enough
GOAL_REWARD, ACTION_COST, DISTANCE_COST = 10.0, 30.0, 1.0
BOUND = 7.0  # of both coordinates
START_SD = 0.1
TIME_LIMIT = 30


class MultiGoal(gymnasium.Env):
    """The state is the point's position [2], the action its step [2] in [-1, 1]; a goal that is reached ends it.

    The reward is 10 at a goal, minus 30 |action|^2, minus the squared distance to the nearest goal.
    """

    def __init__(self) -> None:
        self.observation_space = gymnasium.spaces.Box(-BOUND, BOUND, (2,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.state = np.zeros(2)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.state = np.clip(START_SD * self.np_random.standard_normal(2), -BOUND, BOUND)
        return self.state.astype(np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        action = np.clip(np.asarray(action, np.float64), -1, 1)
        self.state = np.clip(self.state + action, -BOUND, BOUND)
        nearest = ((self.state - GOALS) ** 2).sum(1).min()
        reached = bool(nearest < REACHED**2)
        reward = GOAL_REWARD * reached - ACTION_COST * (action**2).sum() - DISTANCE_COST * nearest
        return self.state.astype(np.float32), float(reward), reached, False, {}


gymnasium.register(TASK, entry_point=f"{__name__}:MultiGoal", max_episode_steps=TIME_LIMIT)

"""Normaliser: the mean and variance of what a seed has observed so far, and observations in their units."""

from __future__ import annotations

import numpy as np

EPSILON, BOUND = 1e-8, 10.0
"""Added to the variance; of a normalised number (DLR-RM/stable-baselines3@e05d2dbe vec_env/vec_normalize.py:40-44)."""


class Normaliser:
    """Mean and variance [O] of the observations at which training has chosen an action, float64.

    They start as those of 1e-4 observations of mean 0 and variance 1 (DLR-RM/stable-baselines3@e05d2dbe
    common/running_mean_std.py:5-47). An episode's last observation does not count: there the package has the next
    episode's first one in its place (vec_env/dummy_vec_env.py:68-72, vec_env/vec_normalize.py:186-191).
    """

    def __init__(self, obs_dim: int):
        self.mean, self.variance, self.count = np.zeros(obs_dim), np.ones(obs_dim), np.array(1e-4)

    def observe(self, obs: np.ndarray) -> None:
        """Counts one observation [O]."""
        total, distance = self.count + 1, obs - self.mean
        self.mean = self.mean + distance / total
        self.variance = (self.variance + distance**2 / total) * self.count / total
        self.count = total

    def normalised(self, obs: np.ndarray) -> np.ndarray:
        """Observations [..., O] less the mean, in standard deviations, within +-BOUND."""
        spread = np.sqrt(self.variance + EPSILON)
        return np.clip((obs - self.mean) / spread, -BOUND, BOUND).astype(np.float32)

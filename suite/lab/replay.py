"""Replay: packed transitions in a ring, sampled uniformly, one by one or several steps in one."""

from __future__ import annotations

import numpy as np

from suite.sac.contract import Spaces, row_width, unpack


class Replay:
    """A ring of packed rows [capacity, width], float32.

    The array is reserved, not touched: memory grows with what is stored. `added` counts every row ever stored, so row
    number i lies at i modulo capacity and a checkpoint can write just the rows that are new.
    """

    def __init__(self, capacity: int, width: int):
        self.rows = np.empty((capacity, width), np.float32)
        self.added = 0

    def __len__(self) -> int:
        return min(self.added, len(self.rows))

    def add(self, row: np.ndarray) -> None:
        """Stores one packed row [width], over the oldest once full."""
        self.rows[self.added % len(self.rows)] = row
        self.added += 1

    def sample(self, rng: np.random.Generator, out: np.ndarray, distinct: bool = False) -> None:
        """Fills out [K, B, width] with rows drawn uniformly; distinct: none twice in a batch, of B rows at least."""
        if distinct:
            index = np.stack([rng.choice(len(self), out.shape[1], replace=False) for _ in range(len(out))])
        else:
            index = rng.integers(len(self), size=out.shape[:2])
        self.gather(index, out)

    def gather(self, index: np.ndarray, out: np.ndarray) -> None:
        """Fills out [..., width] with the rows that lie at index [...] of the ring."""
        np.take(self.rows, index, axis=0, out=out, mode="clip")  # clip: "raise" would buffer the output

    def slice(self, start: int, stop: int) -> np.ndarray:
        """Rows number start to stop of all ever added, in order; they must still be in the ring."""
        return self.rows[np.arange(start, stop) % len(self.rows)]

    def restore(self, start: int, rows: np.ndarray) -> None:
        """Puts back what `slice` gave."""
        self.rows[np.arange(start, start + len(rows)) % len(self.rows)] = rows
        self.added = max(self.added, start + len(rows))


class NStepReplay(Replay):
    """A replay that gives n steps in one: the discounted sum of their rewards, and where the last of them led.

    A stored row has one more number, 1 where it opens an episode. Steps are summed up to a terminal, the last one
    before another episode opens, the newest row or the n-th step: see Batch on what `terminated` then is. Naive:
    nothing corrects for actions that another policy chose (DLR-RM/stable-baselines3@e05d2dbe
    stable_baselines3/common/buffers.py:886-954).
    """

    def __init__(self, capacity: int, spaces: Spaces, n_step: int, discount: float):
        super().__init__(capacity, row_width(spaces) + 1)
        self.spaces, self.n_step, self.discount = spaces, n_step, discount

    def gather(self, index: np.ndarray, out: np.ndarray) -> None:
        stored, filled = unpack(self.rows, self.spaces), unpack(out, self.spaces)
        at = (index[..., None] + np.arange(self.n_step + 1)) % len(self.rows)  # [..., n + 1]
        opens = self.rows[at[..., 1:], -1] > 0
        at = at[..., :-1]
        goes_on = ~(opens | (stored.terminated[at] > 0) | (at == (self.added - 1) % len(self.rows)))
        summed = np.ones(at.shape, bool)  # whether all steps before go on; what lies behind the newest row is no number
        np.logical_and.accumulate(goes_on[..., :-1], axis=-1, out=summed[..., 1:])
        weights = self.discount ** np.arange(self.n_step)
        count = summed.sum(-1)
        last = np.take_along_axis(at, count[..., None] - 1, axis=-1)[..., 0]
        filled.obs[...], filled.action[...] = stored.obs[index], stored.action[index]
        filled.reward[...] = (np.where(summed, stored.reward[at], 0) * weights).sum(-1)
        filled.next_obs[...] = stored.next_obs[last]
        filled.terminated[...] = 1 - weights[count - 1] * (1 - stored.terminated[last])

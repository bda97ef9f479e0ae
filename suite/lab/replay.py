"""Replay: packed transitions in a ring, sampled uniformly, one by one, several steps in one, or several in a row."""

from __future__ import annotations

import numpy as np

from suite.sac.contract import Spaces, row_width, unpack
from suite.sac.schedule import Schedule
from suite.sac.specs import Spec


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


class SuccessiveReplay(Replay):
    """A replay that knows which rows follow each other: each has one more number, 1 where it opens an episode."""

    def __init__(self, capacity: int, spaces: Spaces, steps: int, more: int = 0):
        super().__init__(capacity, row_width(spaces) + more + 1)
        self.spaces, self.steps = spaces, steps

    def following(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the rows lie [..., steps] that begin at index [...], and whether they go on from there: up to a
        terminal, the last one before another episode opens, or the newest. What lies behind is no number."""
        at = (index[..., None] + np.arange(self.steps + 1)) % len(self.rows)
        opens = self.rows[at[..., 1:], -1] > 0
        at = at[..., :-1]
        ends = opens | (unpack(self.rows, self.spaces).terminated[at] > 0) | (at == (self.added - 1) % len(self.rows))
        goes_on = np.ones(at.shape, bool)
        np.logical_and.accumulate(~ends[..., :-1], axis=-1, out=goes_on[..., 1:])
        return at, goes_on


class NStepReplay(SuccessiveReplay):
    """A replay that gives n steps in one: the discounted sum of their rewards, and where the last of them led.

    See Batch on what `terminated` then is. Naive: nothing corrects for actions that another policy chose
    (DLR-RM/stable-baselines3@e05d2dbe stable_baselines3/common/buffers.py:886-954).
    """

    def __init__(self, capacity: int, spaces: Spaces, n_step: int, discount: float):
        super().__init__(capacity, spaces, n_step)
        self.n_step, self.discount = n_step, discount

    def gather(self, index: np.ndarray, out: np.ndarray) -> None:
        stored, filled = unpack(self.rows, self.spaces), unpack(out, self.spaces)
        at, summed = self.following(index)
        weights = self.discount ** np.arange(self.n_step)
        count = summed.sum(-1)
        last = np.take_along_axis(at, count[..., None] - 1, axis=-1)[..., 0]
        filled.obs[...], filled.action[...] = stored.obs[index], stored.action[index]
        filled.reward[...] = (np.where(summed, stored.reward[at], 0) * weights).sum(-1)
        filled.next_obs[...] = stored.next_obs[last]
        filled.terminated[...] = 1 - weights[count - 1] * (1 - stored.terminated[last])


class StackedReplay(SuccessiveReplay):
    """A replay that gives rows with their further steps (see Step); stored ones have a number more, log_prob."""

    def __init__(self, capacity: int, spaces: Spaces, steps: int):
        super().__init__(capacity, spaces, steps, more=1)

    def gather(self, index: np.ndarray, out: np.ndarray) -> None:
        first = row_width(self.spaces)
        at, goes_on = self.following(index)
        out[..., :first] = self.rows[index, :first]
        for n, step in enumerate(unpack(out, self.spaces, self.steps - 1).further, start=1):
            rows, follows = self.rows[at[..., n]], goes_on[..., n]
            rows[~follows] = 0
            stored = unpack(rows, self.spaces)
            step.action[...], step.reward[...] = stored.action, stored.reward
            step.next_obs[...], step.terminated[...] = stored.next_obs, stored.terminated
            step.log_prob[...], step.goes_on[...] = rows[..., first], follows


def made_for(capacity: int, spaces: Spaces, spec: Spec, schedule: Schedule) -> Replay:
    """The replay that an update and a schedule ask for."""
    if spec.further_steps:
        return StackedReplay(capacity, spaces, spec.further_steps + 1)
    if schedule.n_step > 1:
        return NStepReplay(capacity, spaces, schedule.n_step, spec.discount)
    return Replay(capacity, row_width(spaces))

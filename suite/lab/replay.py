"""Replay: packed transitions in a ring, sampled uniformly."""

from __future__ import annotations

import numpy as np


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
        np.take(self.rows, index, axis=0, out=out, mode="clip")  # clip: "raise" would buffer the output

    def slice(self, start: int, stop: int) -> np.ndarray:
        """Rows number start to stop of all ever added, in order; they must still be in the ring."""
        return self.rows[np.arange(start, stop) % len(self.rows)]

    def restore(self, start: int, rows: np.ndarray) -> None:
        """Puts back what `slice` gave."""
        self.rows[np.arange(start, start + len(rows)) % len(self.rows)] = rows
        self.added = max(self.added, start + len(rows))

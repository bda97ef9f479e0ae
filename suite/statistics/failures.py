"""What a failed or absent run is worth: a failure is an outcome and scores the floor, an absent run leaves bounds.

"diverged" and "crashed" are outcomes of the algorithm. "timeout", "missing" and "invalid" are absent data: they are
not averaged, and what they could have changed is stated as bounds.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

FAILED = ("diverged", "crashed")


class Rate(NamedTuple):
    """A rate with its interval, as fractions of 1."""

    estimate: float
    low: float
    high: float


class Bounds(NamedTuple):
    """The mean if all absent runs had scored the floor (the worst run, if lower), and if all as the best run did."""

    worst: float
    best: float


def at_floor(scores, failed, floor) -> np.ndarray:
    """Scores [runs] with those of failed runs (bool [runs]) replaced by the floor (the random policy's return).

    What a failed run reached before does not count: asked for its policy at the end of the budget, it has none.
    """
    scores = np.where(failed, floor, np.asarray(scores, dtype=float))
    if not np.isfinite(scores).all():
        raise ValueError("a run that did not fail has a score that is NaN or infinite")
    return scores


def complete_case(scores, failed) -> np.ndarray:
    """The scores [k] of the runs that did not fail; printed beside the floor policy, never instead of it."""
    return np.asarray(scores, dtype=float)[~np.asarray(failed, dtype=bool)]


def curve_at_floor(values, grid, stopped_at: float, floor: float) -> np.ndarray:
    """A failed run's curve [G] on its grid [G] (environment steps): the floor after it stopped, and at that very point
    if it was not evaluated there any more."""
    values, grid = np.asarray(values, dtype=float), np.asarray(grid, dtype=float)
    return np.where((grid > stopped_at) | ((grid == stopped_at) & np.isnan(values)), floor, values)


def bounds(scores, absent: int, floor: float) -> Bounds:
    """Worst and best case of the mean of scores [runs] when `absent` more runs were planned."""
    scores = np.asarray(scores, dtype=float)
    if len(scores) == 0 or not np.isfinite(scores).all():
        raise ValueError("bounds need at least one score, all of them finite numbers")
    total, n = np.sort(scores).sum(), len(scores) + absent
    return Bounds(*(float((total + absent * value) / n) for value in (min(floor, scores.min()), scores.max())))


def wilson(failed: int, n: int, confidence: float) -> Rate:
    """The rate failed / n with Wilson's score interval (Wilson 1927)."""
    interval = stats.binomtest(failed, n).proportion_ci(confidence, method="wilson")
    return Rate(failed / n, interval.low, interval.high)

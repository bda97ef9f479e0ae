"""What a failed or absent run is worth: a failure is an outcome and scores the floor, an absent run leaves bounds.

"diverged" and "crashed" are outcomes of the algorithm. "timeout", "missing" and "invalid" are absent data: they are
not averaged, and what they could have changed is stated as bounds.
"""

import difflib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

POLICIES = ("floor", "complete_case", "last", "bounds")
NAME_A_POLICY = "name a failure policy: suite.statistics.failures.apply"
"""What a refusal of NaN tells its reader to do."""


class Rate(NamedTuple):
    """A rate with its interval, as fractions of 1."""

    estimate: float
    low: float
    high: float


class Bounds(NamedTuple):
    """The mean, or the scores, if all absent runs had scored the floor (the worst run, if lower) or as the best did."""

    worst: float | np.ndarray | list[np.ndarray]
    best: float | np.ndarray | list[np.ndarray]


class Association(NamedTuple):
    """Barnard's exact test of equal rates: the pooled difference in standard errors, and its two-sided p."""

    statistic: float
    p: float


def apply(scores, policy: str, floor=None, last=None):
    """The scores with every NaN, a failed run, treated as the policy says.

    scores: [runs], [runs, tasks] or a list of one array [runs] per task. "floor": NaN becomes the floor, a number or
    one per task, in the unit of the scores. "complete_case": NaN is dropped. "last": NaN becomes what `last`, of the
    shape of the scores, holds there: the last score observed. "bounds": a Bounds of two sets of scores, NaN being the
    floor (the task's worst run, if lower) in the first and the task's best run in the second. Arrays come back as
    arrays, except from "complete_case", which gives a list per task.
    """
    if policy not in POLICIES:
        close = difflib.get_close_matches(str(policy), POLICIES, n=1, cutoff=0)[0]
        raise ValueError(
            f'a failed run is treated by one of {", ".join(POLICIES)}, not "{policy}"; did you mean {close}?'
        )
    tasks, whole = _tasks(scores)
    if not tasks or any(task.ndim != 1 or len(task) == 0 for task in tasks):
        raise ValueError("scores need at least one task, and every task a list of at least one run")
    if any(np.isinf(task).any() for task in tasks):
        raise ValueError("a score is infinite; a failed run is NaN, any other score a finite number")
    if policy == "last":
        if last is None:
            raise ValueError('the policy "last" needs `last`, the last score observed of every failed run')
        observed = _tasks(last)[0]
        if [task.shape for task in observed] != [task.shape for task in tasks]:
            raise ValueError("`last` must have the shape of the scores")
        return whole(_filled(tasks, observed))
    if policy != "floor" and not all(np.isfinite(task).any() for task in tasks):
        raise ValueError(f'all runs of a task failed, which leaves nothing for "{policy}"; "floor" needs none')
    if policy == "complete_case":
        return [task[~np.isnan(task)] for task in tasks]
    if floor is None or np.shape(floor) not in ((), (len(tasks),)) or not np.isfinite(floor).all():
        raise ValueError(
            f'the policy "{policy}" needs a floor: a finite number, or one for each of the {len(tasks)} tasks'
        )
    floors = np.broadcast_to(np.asarray(floor, dtype=float), len(tasks))
    if policy == "floor":
        return whole(_filled(tasks, floors))
    worst = [min(floor, np.nanmin(task)) for floor, task in zip(floors, tasks, strict=True)]
    return Bounds(whole(_filled(tasks, worst)), whole(_filled(tasks, [np.nanmax(task) for task in tasks])))


def _tasks(scores) -> tuple[list[np.ndarray], Callable]:
    """One array [runs] per task, and what makes an array or list like the scores of such arrays again."""
    if isinstance(scores, np.ndarray) and scores.ndim > 1:
        return list(np.moveaxis(scores, 1, 0).astype(float)), lambda tasks: np.stack(tasks, axis=1)
    if all(np.ndim(task) == 0 for task in scores):
        return [np.asarray(scores, dtype=float)], lambda tasks: tasks[0]
    return [np.asarray(task, dtype=float) for task in scores], list


def _filled(tasks, values) -> list[np.ndarray]:
    filled = [np.where(np.isnan(task), value, task) for task, value in zip(tasks, values, strict=True)]
    if not all(np.isfinite(task).all() for task in filled):
        raise ValueError("a failed run would be given a score that is NaN or infinite")
    return filled


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


def barnard(failed_a: int, n_a: int, failed_b: int, n_b: int) -> Association:
    """Barnard's exact test that two groups of runs fail at the same rate (Barnard 1945, Nature 156); > 0: a fails more.

    More powerful than Fisher's, which takes the total of failures as known beforehand.
    """
    for name, failed, n in (("a", failed_a, n_a), ("b", failed_b, n_b)):
        if not (n >= 1 and 0 <= failed <= n):
            raise ValueError(f"group {name} needs at least 1 run and from 0 to all of them failed, not {failed} of {n}")
    result = stats.barnard_exact([[failed_a, failed_b], [n_a - failed_a, n_b - failed_b]])
    return Association(float(result.statistic), min(float(result.pvalue), 1.0))

"""What a failed or absent run is worth: a failure is an outcome and scores the floor, an absent run leaves bounds.

"diverged" and "crashed" are outcomes of the algorithm. "timeout", "missing" and "invalid" are absent data: they are
not averaged, and what they could have changed is stated as bounds.
"""

import difflib
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from suite.statistics.aggregate import Scores

POLICIES = ("floor", "complete_case", "last", "bounds")
NAME_A_POLICY = "name a failure policy: suite.statistics.failures.apply"  # what a refusal of NaN tells its reader to do


class Rate(NamedTuple):
    """A rate with its interval."""

    estimate: float  # a fraction of 1
    low: float  # where its interval begins
    high: float  # where it ends


class Bounds(NamedTuple):
    """What absent runs could have made of a mean, or of the scores, in the unit of the scores."""

    worst: float | np.ndarray | list[np.ndarray]  # if all had scored the floor, or the worst run's score if lower
    best: float | np.ndarray | list[np.ndarray]  # if all had scored as the best run did


class Association(NamedTuple):
    """A test of equal rates."""

    statistic: float  # the difference of the rates in pooled standard errors; above 0 the first group's is higher
    p: float  # two-sided, exact


def apply(
    scores: Scores, policy: str, floor: ArrayLike | None = None, last: Scores | None = None
) -> np.ndarray | list[np.ndarray] | Bounds:
    """Treats every failed run among the scores, which is NaN, as the policy says.

    Parameters:
        scores: [runs], [runs, tasks] or a list of one array [runs] per task
        policy: "floor": NaN becomes the floor. "complete_case": NaN is dropped. "last": NaN becomes the last score
            observed. "bounds": NaN is the floor (the task's worst run, if lower) once, and the task's best run once
        floor: a number or one per task, in the unit of the scores; for "floor" and "bounds"
        last: of the shape of the scores, the last score observed of every failed run; for "last"
    Returns: the scores, arrays as arrays; a list per task from "complete_case"; Bounds of two sets of scores from
        "bounds"
    Raises ValueError: another policy, what the policy needs is missing, an infinite score, nothing but failed runs
    >>> apply([10.0, np.nan, 20.0], "floor", floor=-5).tolist()
    [10.0, -5.0, 20.0]
    """
    _check_policy(policy)
    tasks, whole = _tasks(scores)
    _check_tasks(tasks)
    if policy == "last":
        return whole(_filled(tasks, _last(last, tasks)))
    if policy != "floor" and not all(np.isfinite(task).any() for task in tasks):
        raise ValueError(f'all runs of a task failed, which leaves nothing for "{policy}"; "floor" needs none')
    if policy == "complete_case":
        return [task[~np.isnan(task)] for task in tasks]
    floors = _floors(floor, policy, len(tasks))
    if policy == "floor":
        return whole(_filled(tasks, floors))
    worst = [min(lowest, np.nanmin(task)) for lowest, task in zip(floors, tasks, strict=True)]
    return Bounds(whole(_filled(tasks, worst)), whole(_filled(tasks, [np.nanmax(task) for task in tasks])))


def complete_case(scores: ArrayLike, failed: ArrayLike) -> np.ndarray:
    """The scores of the runs that did not fail; printed beside the floor policy, never instead of it.

    Parameters:
        scores, failed: [runs], and whether each failed
    Returns: [k], in the unit of the scores
    >>> complete_case([10.0, np.nan, 20.0], [False, True, False]).tolist()
    [10.0, 20.0]
    """
    return np.asarray(scores, dtype=float)[~np.asarray(failed, dtype=bool)]


def curve_at_floor(values: ArrayLike, grid: ArrayLike, stopped_at: float, floor: float) -> np.ndarray:
    """A failed run's curve: the floor after it stopped, and at that very point if it was not evaluated there any more.

    Parameters:
        values, grid: [G], NaN where there is no value, and [G] in environment steps
        stopped_at: the environment step at which the run stopped
        floor: in the unit of the values
    Returns: [G], in the unit of the values
    >>> curve_at_floor([1.0, 2.0, np.nan, np.nan], [10, 20, 30, 40], 25, -5).tolist()
    [1.0, 2.0, -5.0, -5.0]
    """
    values, grid = np.asarray(values, dtype=float), np.asarray(grid, dtype=float)
    return np.where((grid > stopped_at) | ((grid == stopped_at) & np.isnan(values)), floor, values)


def bounds(scores: ArrayLike, absent: int, floor: float) -> Bounds:
    """Worst and best case of the mean when more runs were planned than have scores.

    Parameters:
        scores: [runs]
        absent: number of planned runs without a score
        floor: in the unit of the scores
    Returns: Bounds, two means, in the unit of the scores
    Raises ValueError: no score, or one that is NaN or infinite
    >>> bounds([10.0, 20.0], 2, 0.0)
    Bounds(worst=7.5, best=17.5)
    """
    scores = np.asarray(scores, dtype=float)
    if len(scores) == 0 or not np.isfinite(scores).all():
        raise ValueError("bounds need at least one score, all of them finite numbers")
    total, n = np.sort(scores).sum(), len(scores) + absent
    return Bounds(*(float((total + absent * value) / n) for value in (min(floor, scores.min()), scores.max())))


def wilson(failed: int, n: int, confidence: float) -> Rate:
    """The rate of failures with Wilson's score interval (Wilson 1927).

    Parameters:
        failed, n: numbers of failed runs and of all runs
        confidence: of the two-sided interval, between 0 and 1
    Returns: Rate, fractions of 1
    >>> [round(float(value), 4) for value in wilson(1, 10, 0.95)]
    [0.1, 0.0179, 0.4042]
    """
    interval = stats.binomtest(failed, n).proportion_ci(confidence, method="wilson")
    return Rate(failed / n, interval.low, interval.high)


def barnard(failed_a: int, n_a: int, failed_b: int, n_b: int) -> Association:
    """Barnard's exact test that two groups of runs fail at the same rate (Barnard 1945, Nature 156).

    More powerful than Fisher's, which takes the total of failures as known beforehand.

    Parameters:
        failed_a, n_a, failed_b, n_b: numbers of failed runs and of all runs, of each group
    Returns: Association, statistic above 0: a fails more
    Raises ValueError: a group without runs, or with more failed runs than runs
    >>> test = barnard(6, 10, 1, 10)
    >>> round(test.statistic, 3), round(test.p, 3)
    (2.344, 0.023)
    """
    for name, failed, n in (("a", failed_a, n_a), ("b", failed_b, n_b)):
        if not (n >= 1 and 0 <= failed <= n):
            raise ValueError(f"group {name} needs at least 1 run and from 0 to all of them failed, not {failed} of {n}")
    result = stats.barnard_exact([[failed_a, failed_b], [n_a - failed_a, n_b - failed_b]])
    return Association(float(result.statistic), min(float(result.pvalue), 1.0))


def _check_policy(policy: str) -> None:
    if policy not in POLICIES:
        close = difflib.get_close_matches(str(policy), POLICIES, n=1, cutoff=0)[0]
        raise ValueError(
            f'a failed run is treated by one of {", ".join(POLICIES)}, not "{policy}"; did you mean {close}?'
        )


def _check_tasks(tasks: list[np.ndarray]) -> None:
    if not tasks or any(task.ndim != 1 or len(task) == 0 for task in tasks):
        raise ValueError("scores need at least one task, and every task a list of at least one run")
    if any(np.isinf(task).any() for task in tasks):
        raise ValueError("a score is infinite; a failed run is NaN, any other score a finite number")


def _tasks(scores: Scores) -> tuple[list[np.ndarray], Callable[[list[np.ndarray]], np.ndarray | list[np.ndarray]]]:
    """One array [runs] per task, and what makes an array or list like the scores of such arrays again."""
    if isinstance(scores, np.ndarray) and scores.ndim > 1:
        return list(np.moveaxis(scores, 1, 0).astype(float)), lambda tasks: np.stack(tasks, axis=1)
    if all(np.ndim(task) == 0 for task in scores):
        return [np.asarray(scores, dtype=float)], lambda tasks: tasks[0]
    return [np.asarray(task, dtype=float) for task in scores], list


def _filled(tasks: list[np.ndarray], values: Iterable[float | np.ndarray]) -> list[np.ndarray]:
    filled = [np.where(np.isnan(task), value, task) for task, value in zip(tasks, values, strict=True)]
    if not all(np.isfinite(task).all() for task in filled):
        raise ValueError("a failed run would be given a score that is NaN or infinite")
    return filled


def _last(last: Scores | None, tasks: list[np.ndarray]) -> list[np.ndarray]:
    """The last scores observed, one array [runs] per task."""
    if last is None:
        raise ValueError('the policy "last" needs `last`, the last score observed of every failed run')
    observed = _tasks(last)[0]
    if [task.shape for task in observed] != [task.shape for task in tasks]:
        raise ValueError("`last` must have the shape of the scores")
    return observed


def _floors(floor: ArrayLike | None, policy: str, tasks: int) -> np.ndarray:
    """One floor per task."""
    if floor is None or np.shape(floor) not in ((), (tasks,)) or not np.isfinite(floor).all():
        raise ValueError(f'the policy "{policy}" needs a floor: a finite number, or one for each of the {tasks} tasks')
    return np.broadcast_to(np.asarray(floor, dtype=float), tasks)

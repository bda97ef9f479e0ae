"""Aggregates of scores over tasks and runs, and Student's interval of their mean.

Scores come as an array [runs], [runs, tasks] or [runs, tasks, ...], or as a list with one array [runs, ...] per task,
whose numbers of runs may differ; the axes behind the runs (checkpoints, say) are kept. `counts` says how often each
run counts: one array [runs, R] per task, whose columns each sum to the number of runs, is R resamples of the runs, and
the result then ends in an axis [R]. A score that is not a finite number is refused: a failed run must be given a score
(`suite.statistics.failures`) before anything is averaged. Sections are those of Agarwal et al. 2021, arXiv 2108.13264.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

Scores = np.ndarray | Sequence[float] | Sequence[np.ndarray] | Sequence[Sequence[float]]
Counts = Sequence[np.ndarray]


class Interval(NamedTuple):
    """An estimate with its interval: numbers, or arrays where the scores have axes behind the runs."""

    estimate: float | np.ndarray  # the statistic, in the unit of the scores
    low: float | np.ndarray  # where its interval begins, in that unit
    high: float | np.ndarray  # where it ends
    standard_error: float | np.ndarray  # of the estimate, in that unit


def strata(scores: Scores) -> list[np.ndarray]:
    """The scores, in whatever form they come, as one float array per task.

    Parameters:
        scores: [runs], [runs, tasks, ...], or one array [runs, ...] per task
    Returns: one float array [runs, ...] per task
    Raises ValueError: no task, a task without runs, tasks of different shapes, a score that is NaN or infinite
    >>> [task.tolist() for task in strata([[1, 2, 3], [10, 20]])]
    [[1.0, 2.0, 3.0], [10.0, 20.0]]
    """
    if isinstance(scores, np.ndarray) and scores.ndim > 1:
        scores = list(np.moveaxis(scores, 1, 0))
    one_task = all(np.ndim(task) == 0 for task in scores)
    arrays = [np.asarray(task, dtype=float) for task in ([scores] if one_task else scores)]
    if not arrays or any(task.ndim == 0 or len(task) == 0 for task in arrays):
        raise ValueError("scores need at least one task, and every task an array of at least one run")
    if len({task.shape[1:] for task in arrays}) > 1:
        raise ValueError(f"tasks differ in more than their runs: shapes {', '.join(str(x.shape) for x in arrays)}")
    if not all(np.isfinite(task).all() for task in arrays):
        raise ValueError(
            "a score is NaN or infinite; give a failed run a score before aggregating (suite.statistics.failures.apply)"
        )
    return arrays


def mean(scores: Scores, counts: Counts | None = None) -> np.ndarray:
    """The mean over tasks of each task's mean over runs; every task weighs the same.

    Parameters:
        scores: as in `strata`
        counts: one array [runs, R] per task, how often each run counts; None counts each once
    Returns: a number or an array [...] (with counts [..., R]) in the unit of the scores
    >>> float(mean([[0, 1, 2, 3], [10, 20]]))
    8.25
    """
    return np.mean(_task_means(strata(scores), counts), axis=0)


def median(scores: Scores, counts: Counts | None = None) -> np.ndarray:
    """The median over tasks of each task's mean over runs (section 4.3).

    Parameters:
        scores: as in `strata`
        counts: one array [runs, R] per task, how often each run counts; None counts each once
    Returns: a number or an array [...] (with counts [..., R]) in the unit of the scores
    >>> float(median([[0, 2], [10, 20], [100, 300]]))
    15.0
    """
    return np.median(_task_means(strata(scores), counts), axis=0)


def optimality_gap(scores: Scores, gamma: float = 1.0, counts: Counts | None = None) -> np.ndarray:
    """By how much the scores fall short of gamma on average, what lies above it counting as gamma (section 4.3).

    Parameters:
        scores: as in `strata`
        gamma: the score to reach, in the unit of the scores
        counts: one array [runs, R] per task, how often each run counts; None counts each once
    Returns: a number or an array [...] (with counts [..., R]) in the unit of the scores; less is better
    >>> float(optimality_gap([[0.5, 1.5], [0.25, 0.75]]))
    0.375
    """
    return gamma - mean([np.minimum(task, gamma) for task in strata(scores)], counts)


def performance_profile(scores: Scores, taus: ArrayLike, of: str = "runs", counts: Counts | None = None) -> np.ndarray:
    """The share of runs, or of tasks' mean scores, strictly above each tau (section 4.2).

    Parameters:
        scores: as in `strata`
        taus: [T] in the unit of the scores
        of: "runs" (every task weighs the same, whatever its runs) or "means" (of each task's mean over its runs)
        counts: one array [runs, R] per task, how often each run counts; None counts each once
    Returns: [..., T] (with counts: "runs" [..., T, R], "means" [..., R, T]), fractions of 1
    Raises ValueError: `of` is neither
    >>> performance_profile([[0.5, 1.5], [0.25, 0.75]], [0, 0.5, 1]).tolist()
    [1.0, 0.5, 0.25]
    """
    arrays, taus = strata(scores), np.asarray(taus, dtype=float)
    if of == "runs":
        return mean([(task[..., None] > taus).astype(float) for task in arrays], counts)
    if of != "means":
        raise ValueError(f'a profile is one of "runs" or of "means", not of "{of}"')
    return np.mean([means[..., None] > taus for means in _task_means(arrays, counts)], axis=0)


def probability_of_improvement(x: Scores, y: Scores, counts: tuple[Counts, Counts] | None = None) -> np.ndarray:
    """The mean over tasks of P(x > y) + P(x = y) / 2 for a run of x and one of y (section 4.3; Mann & Whitney 1947).

    Parameters:
        x, y: one array [runs] per task, or [runs, tasks]; the same tasks in the same order and unit
        counts: a pair, of x and of y, each one array [runs, R] per task; None counts each run once
    Returns: a number, or [R] with counts; 0.5 if neither is better
    Raises ValueError: x and y differ in their number of tasks
    >>> float(probability_of_improvement([[2, 3]], [[1, 2]]))
    0.875
    """
    x, y = strata(x), strata(y)
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} tasks and y has {len(y)}; both need the same ones in the same order")
    shares = []
    for i, (a, b) in enumerate(zip(x, y, strict=True)):
        wins = (a[:, None] > b) + 0.5 * (a[:, None] == b)
        if counts is None:
            shares.append(wins.mean())
        else:
            counts_a, counts_b = (np.asarray(side[i], dtype=float) for side in counts)
            shares.append(np.einsum("ir,ir->r", counts_a, wins @ counts_b) / wins.size)
    return np.mean(shares, axis=0)


def iqm(scores: Scores, weights: str = "task", counts: Counts | None = None) -> np.ndarray:
    """The interquartile mean, the mean of the middle half of all scores (section 4.3).

    Parameters:
        scores: as in `strata`
        weights: "task": a run weighs 1 / (tasks * runs of its task), and a score that straddles a quartile counts with
            the part of its weight that lies inside. "pooled": all runs weigh the same and floor(N / 4) go at either end
        counts: one array [runs, R] per task, how often each run counts; None counts each once
    Returns: a number or an array [...] (with counts [..., R]) in the unit of the scores
    >>> float(iqm([[0, 1, 2, 3], [10, 20]])), float(iqm([[0, 1, 2, 3], [10, 20]], "pooled"))
    (6.25, 4.0)
    """
    arrays = strata(scores)
    runs = [len(task) for task in arrays]
    units, low, high = _quartiles(runs, weights)
    pooled = np.concatenate(arrays)
    if counts is None:
        order = np.argsort(pooled, axis=0, kind="stable")
        reached = np.clip(np.cumsum(np.repeat(units, runs)[order], axis=0), low, high)
        inside = np.diff(reached, axis=0, prepend=low)
        return (inside * np.take_along_axis(pooled, order, axis=0)).sum(axis=0) / (high - low)
    kind = np.min_scalar_type(sum(unit * n for unit, n in zip(units, runs, strict=True)))
    parts = [np.asarray(task).astype(kind) * kind.type(unit) for task, unit in zip(counts, units, strict=True)]
    mass = np.concatenate(parts)
    columns = pooled.reshape(len(pooled), -1).T
    means = np.array([_middle(column, mass, low, high) for column in columns])
    return means.reshape(*pooled.shape[1:], mass.shape[1])


def student(scores: Scores, confidence: float) -> Interval:
    """Student's t interval of the mean over tasks of each task's mean over runs (Student 1908).

    Of several tasks the error adds the variances of their means, with Welch-Satterthwaite degrees of freedom.

    Parameters:
        scores: [runs], or as in `strata` without axes behind the runs; two or more runs of every task
        confidence: of the two-sided interval, between 0 and 1
    Returns: Interval, the mean with its limits and its standard error
    Raises ValueError: fewer than two runs of a task, or a score that is NaN or infinite
    >>> [round(float(value), 3) for value in student([1, 2, 3, 4, 5], 0.95)]
    [3.0, 1.037, 4.963, 0.707]
    """
    tasks = [np.sort(runs) for runs in strata(scores)]
    if min(map(len, tasks)) < 2:
        raise ValueError("an interval of a mean needs at least two runs")
    errors = [runs.std(ddof=1) / np.sqrt(len(runs)) for runs in tasks]
    total = math.hypot(*errors)
    center, error = np.mean([runs.mean() for runs in tasks]), total / len(tasks)
    if total == 0:
        return Interval(center, center, center, 0.0)
    df = 1 / sum((part / total) ** 4 / (len(runs) - 1) for part, runs in zip(errors, tasks, strict=True))
    half = stats.t.ppf((1 + confidence) / 2, df) * error
    return Interval(center, center - half, center + half, error)


def _task_means(arrays: list[np.ndarray], counts: Counts | None) -> list[np.ndarray]:
    if counts is None:
        return [task.mean(axis=0) for task in arrays]
    return [
        np.tensordot(task, np.asarray(times, dtype=float), axes=(0, 0)) / len(task)
        for task, times in zip(arrays, counts, strict=True)
    ]


def _quartiles(runs: list[int], weights: str) -> tuple[list[int], int, int]:
    """What one run of each task weighs, and the total weights at both quartiles, in whole numbers.

    Whole, so that a score at a quartile lies there exactly.
    """
    if weights == "task":
        whole = math.lcm(*runs)
        return [4 * whole // n for n in runs], len(runs) * whole, 3 * len(runs) * whole
    if weights == "pooled":
        low = sum(runs) // 4
        return [1] * len(runs), low, sum(runs) - low
    raise ValueError(f'iqm knows the weights "task" and "pooled", not "{weights}"')


def _middle(values: np.ndarray, mass: np.ndarray, low: int, high: int) -> np.ndarray:
    """The mean [R] of the part of values [N], with whole-number masses [N, R], that lies between two total masses.

    Summed by parts along the sorted values, so that a step costs one addition of small integers and one of floats.
    """
    order = np.argsort(values, kind="stable")
    gaps = np.diff(values[order])
    reached = np.zeros(mass.shape[1], mass.dtype)
    total = np.full(mass.shape[1], high * (values[order[-1]] - values[order[0]]))
    for place, gap in zip(order, gaps, strict=False):
        reached += mass[place]
        total -= gap * np.clip(reached, low, high)
    return values[order[0]] + total / (high - low)

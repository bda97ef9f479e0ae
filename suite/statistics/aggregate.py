"""Aggregates of scores over tasks and runs, and Student's interval of a mean.

Scores come as an array [runs], [runs, tasks] or [runs, tasks, ...], or as a list with one array [runs, ...] per task,
whose numbers of runs may differ; the axes behind the runs (checkpoints, say) are kept. `counts` says how often each
run counts: one array [runs, R] per task, whose columns each sum to the number of runs, is R resamples of the runs, and
the result then ends in an axis [R]. A score that is not a finite number is refused: a failed run must be given a score
(`suite.statistics.failures`) before anything is averaged.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
    """An estimate with its interval and standard error, all in the unit of the scores."""

    estimate: float
    low: float
    high: float
    standard_error: float


def strata(scores) -> list[np.ndarray]:
    """The scores as one float array [runs, ...] per task; refuses an empty task and any score that is not finite."""
    if isinstance(scores, np.ndarray) and scores.ndim > 1:
        scores = list(np.moveaxis(scores, 1, 0))
    elif all(np.ndim(task) == 0 for task in scores):
        scores = [scores]
    arrays = [np.asarray(task, dtype=float) for task in scores]
    if not arrays or any(task.ndim == 0 or len(task) == 0 for task in arrays):
        raise ValueError("scores need at least one task, and every task an array of at least one run")
    if len({task.shape[1:] for task in arrays}) > 1:
        raise ValueError(f"tasks differ in more than their runs: shapes {', '.join(str(x.shape) for x in arrays)}")
    if not all(np.isfinite(task).all() for task in arrays):
        raise ValueError(
            "a score is NaN or infinite; give a failed run a score before aggregating (suite.statistics.failures.apply)"
        )
    return arrays


def mean(scores, counts=None) -> np.ndarray:
    """The mean over tasks of each task's mean over runs; every task weighs the same."""
    return np.mean(_task_means(strata(scores), counts), axis=0)


def median(scores, counts=None) -> np.ndarray:
    """The median over tasks of each task's mean over runs (Agarwal et al. 2021, arXiv 2108.13264, section 4.3)."""
    return np.median(_task_means(strata(scores), counts), axis=0)


def optimality_gap(scores, gamma: float = 1.0, counts=None) -> np.ndarray:
    """By how much the scores fall short of gamma on average, what lies above it counting as gamma (section 4.3)."""
    return gamma - mean([np.minimum(task, gamma) for task in strata(scores)], counts)


def performance_profile(scores, taus, of: str = "runs", counts=None) -> np.ndarray:
    """The share of runs (or of tasks' mean scores) strictly above each tau: [..., taus] (section 4.2).

    "runs": every task weighs the same whatever its number of runs. "means": of each task's mean over its runs.
    """
    arrays, taus = strata(scores), np.asarray(taus, dtype=float)
    if of == "runs":
        return mean([(task[..., None] > taus).astype(float) for task in arrays], counts)
    if of != "means":
        raise ValueError(f'a profile is one of "runs" or of "means", not of "{of}"')
    return np.mean([found[..., None] > taus for found in _task_means(arrays, counts)], axis=0)


def probability_of_improvement(x, y, counts=None) -> np.ndarray:
    """The mean over tasks of P(x > y) + P(x = y) / 2 for a run of x and one of y (section 4.3; Mann & Whitney 1947).

    x and y are scores of the same tasks, one array [runs] each; counts: a pair, of x and of y.
    """
    ours, theirs = strata(x), strata(y)
    if len(ours) != len(theirs):
        raise ValueError(f"x has {len(ours)} tasks and y has {len(theirs)}; both need the same ones in the same order")
    found = []
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        wins = (a[:, None] > b) + 0.5 * (a[:, None] == b)
        if counts is None:
            found.append(wins.mean())
        else:
            of_a, of_b = (np.asarray(side[i], dtype=float) for side in counts)
            found.append(np.einsum("ir,ir->r", of_a, wins @ of_b) / wins.size)
    return np.mean(found, axis=0)


def iqm(scores, weights: str = "task", counts=None) -> np.ndarray:
    """The interquartile mean, the mean of the middle half of all scores (section 4.3).

    "task": a run weighs 1 / (tasks * runs of its task), and a score that straddles a quartile counts with the part of
    its weight that lies inside. "pooled": all runs weigh the same and floor(N / 4) whole scores go at either end.
    """
    arrays = strata(scores)
    runs = [len(task) for task in arrays]
    if weights == "task":  # in whole numbers, so that a score at a quartile is one exactly
        whole = math.lcm(*runs)
        units = [4 * whole // n for n in runs]
        low, high = len(runs) * whole, 3 * len(runs) * whole
    elif weights == "pooled":
        units = [1] * len(runs)
        low = sum(runs) // 4
        high = sum(runs) - low
    else:
        raise ValueError(f'iqm knows the weights "task" and "pooled", not "{weights}"')
    pooled = np.concatenate(arrays)
    if counts is None:
        order = np.argsort(pooled, axis=0, kind="stable")
        reached = np.clip(np.cumsum(np.repeat(units, runs)[order], axis=0), low, high)
        inside = np.diff(reached, axis=0, prepend=low)
        return (inside * np.take_along_axis(pooled, order, axis=0)).sum(axis=0) / (high - low)
    kind = np.min_scalar_type(sum(unit * n for unit, n in zip(units, runs, strict=True)))
    parts = [np.asarray(own).astype(kind) * kind.type(unit) for own, unit in zip(counts, units, strict=True)]
    mass = np.concatenate(parts)
    columns = pooled.reshape(len(pooled), -1).T
    found = np.array([_middle(column, mass, low, high) for column in columns])
    return found.reshape(*pooled.shape[1:], mass.shape[1])


def student(scores, confidence: float) -> Interval:
    """Student's t interval of the mean of one task's scores [runs], runs >= 2 (Student 1908)."""
    (runs,) = strata(np.sort(np.asarray(scores, dtype=float)))
    if len(runs) < 2:
        raise ValueError("an interval of a mean needs at least two runs")
    error = runs.std(ddof=1) / np.sqrt(len(runs))
    half = stats.t.ppf((1 + confidence) / 2, len(runs) - 1) * error
    return Interval(runs.mean(), runs.mean() - half, runs.mean() + half, error)


def _task_means(arrays: list[np.ndarray], counts) -> list[np.ndarray]:
    if counts is None:
        return [task.mean(axis=0) for task in arrays]
    return [
        np.tensordot(task, np.asarray(own, dtype=float), axes=(0, 0)) / len(task)
        for task, own in zip(arrays, counts, strict=True)
    ]


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

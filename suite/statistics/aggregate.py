"""Mean, median and interquartile mean of scores over tasks and runs, and Student's interval of a mean.

Scores come as a 2-D array [runs, tasks], as a 1-D array [runs] of one task, or as a list with one array [..., runs]
per task; the tasks of a list may have unequal numbers of runs. Leading axes are kept, so that a bootstrap can pass all
its resamples in one call. A score that is not a finite number is refused: a failed run must be given a score
(`suite.statistics.failures`) before anything is averaged.
"""

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
    """The scores as one float array [..., runs] per task; refuses an empty task and any score that is not finite."""
    if isinstance(scores, np.ndarray):
        scores = [scores] if scores.ndim == 1 else list(scores.T)
    arrays = [np.asarray(task, dtype=float) for task in scores]
    if not arrays or any(task.ndim == 0 or task.shape[-1] == 0 for task in arrays):
        raise ValueError("scores need at least one task, and every task an array of at least one run")
    if not all(np.isfinite(task).all() for task in arrays):
        raise ValueError("a score is NaN or infinite; give a failed run a score before aggregating")
    return arrays


def mean(scores) -> np.ndarray:
    """The mean over tasks of each task's mean over runs: [] or the leading axes; every task weighs the same."""
    return np.mean([task.mean(axis=-1) for task in strata(scores)], axis=0)


def median(scores) -> np.ndarray:
    """The median over tasks of each task's mean over runs (Agarwal et al. 2021, arXiv 2108.13264, section 4.3)."""
    return np.median([task.mean(axis=-1) for task in strata(scores)], axis=0)


def iqm(scores, weights: str = "task") -> np.ndarray:
    """The interquartile mean, the mean of the middle half of all scores (arXiv 2108.13264, section 4.3).

    "task": a run weighs 1 / (tasks * runs of its task), and a score that straddles a quartile counts with the part of
    its weight that lies inside. "pooled": all runs weigh the same and floor(N / 4) whole scores go at either end.
    """
    arrays = strata(scores)
    pooled = np.concatenate(arrays, axis=-1)
    if weights == "pooled":
        cut = pooled.shape[-1] // 4
        return np.sort(pooled, axis=-1)[..., cut : pooled.shape[-1] - cut].mean(axis=-1)
    if weights != "task":
        raise ValueError(f'iqm knows the weights "task" and "pooled", not "{weights}"')
    weight = np.concatenate([np.full(task.shape[-1], 1 / (len(arrays) * task.shape[-1])) for task in arrays])
    order = np.argsort(pooled, axis=-1, kind="stable")
    upper_edge = np.clip(np.cumsum(weight[order], axis=-1), 0.25, 0.75)
    inside = np.diff(upper_edge, axis=-1, prepend=0.25)
    return (inside * np.take_along_axis(pooled, order, axis=-1)).sum(axis=-1) / inside.sum(axis=-1)


def student(scores, confidence: float) -> Interval:
    """Student's t interval of the mean of one task's scores [runs], runs >= 2 (Student 1908)."""
    (runs,) = strata(np.sort(np.asarray(scores, dtype=float)))
    if len(runs) < 2:
        raise ValueError("an interval of a mean needs at least two runs")
    error = runs.std(ddof=1) / np.sqrt(len(runs))
    half = stats.t.ppf((1 + confidence) / 2, len(runs) - 1) * error
    return Interval(runs.mean(), runs.mean() - half, runs.mean() + half, error)

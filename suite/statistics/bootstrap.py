"""Bootstrap intervals whose resampling unit is a whole training run, drawn within each task.

One draw of runs serves every checkpoint and every part of the statistic. The runs are sorted first, so that the order
in which seeds arrive changes nothing, not even the last bit.
"""

import inspect
from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from scipy import stats

from suite.statistics.aggregate import Interval, Scores, strata

BLOCK = 32  # checkpoints whose resampled statistics are held in memory at once
CHUNK = 5_000  # resamples that a statistic without counts is given at once
METHODS = ("percentile", "basic", "bca")

Statistic = Callable[..., ArrayLike]
Groups = list[list[np.ndarray]]  # of one or two groups, one array per task


def draw(runs: int, resamples: int, scheme: str, rng: Generator) -> np.ndarray:
    """Draws which runs make up each resample.

    Parameters:
        runs: number of runs, at least 2
        resamples: number of resamples
        scheme: "plain" draws n runs of n. "bootknife" first leaves out one random run and draws n of the other n - 1,
            which removes the deficit of the plain bootstrap's variance (Hesterberg 2004, Unbiasing the bootstrap)
        rng: source of the draws
    Returns: [resamples, runs], indices of runs
    Raises ValueError: fewer than two runs, or another scheme
    >>> drawn = draw(3, 100, "bootknife", np.random.default_rng(0))
    >>> drawn.shape, max(len(set(resample)) for resample in drawn)
    ((100, 3), 2)
    """
    if runs < 2:
        raise ValueError("a bootstrap interval needs at least two runs of every task")
    if scheme == "plain":
        return rng.integers(runs, size=(resamples, runs))
    if scheme != "bootknife":
        raise ValueError(f'the bootstrap knows the schemes "bootknife" and "plain", not "{scheme}"')
    left_out = rng.integers(runs, size=(resamples, 1))
    drawn = rng.integers(runs - 1, size=(resamples, runs))
    return drawn + (drawn >= left_out)


def count(drawn: np.ndarray) -> np.ndarray:
    """Counts how often each run is among the drawn ones.

    Parameters:
        drawn: [resamples, runs], indices from `draw`
    Returns: [runs, resamples], whole numbers; every column sums to the number of runs
    >>> count(np.array([[0, 0, 2], [1, 2, 0]])).tolist()
    [[2, 1], [0, 1], [1, 1]]
    """
    resamples, runs = drawn.shape
    cells = drawn * resamples + np.arange(resamples)[:, None]
    counts = np.bincount(cells.ravel(), minlength=runs * resamples).reshape(runs, resamples)
    return counts.astype(np.min_scalar_type(runs))


def stratified(
    scores: Scores,
    statistic: Statistic,
    *,
    scheme: str = "bootknife",
    method: str = "percentile",
    confidence: float = 0.95,
    resamples: int = 50_000,
    rng: Generator,
) -> Interval:
    """The statistic of the scores with its bootstrap interval, runs resampled independently within each task.

    Of bootknife draws, "percentile" goes out as far as Student's t does, with as many degrees of freedom as there are
    runs beyond one of each task, since few runs know their spread badly (Hesterberg 2015, arXiv 1411.5279).

    Parameters:
        scores: as in `suite.statistics.aggregate`; with axes behind the runs, every part of the result has them too
        statistic: one of that module's, or any function of a list of arrays [runs, ...] per task (slower)
        scheme: as in `draw`
        method: "percentile" takes the quantiles of the resampled statistic, "basic" reflects them at the estimate,
            "bca" corrects them for bias and skewness (Efron & Tibshirani 1993, ch. 13, 14)
        confidence, resamples, rng: of the two-sided interval, between 0 and 1; number of resamples; source of the draws
    Returns: Interval, in the unit of the statistic; standard_error is the SD of its resamples
    Raises ValueError: scores as in `strata`, a task of one run, an unknown scheme or method, no confidence between 0
        and 1
    >>> from suite.statistics.aggregate import iqm
    >>> interval = stratified([3, 1, 4, 1, 5], iqm, resamples=2_000, rng=np.random.default_rng(0))
    >>> [round(value, 1) for value in interval[:3]]
    [2.7, 1.0, 5.0]
    """
    return _interval([strata(scores)], statistic, scheme, method, confidence, resamples, rng)


def two_sample(
    x: Scores,
    y: Scores,
    statistic: Statistic,
    *,
    scheme: str = "bootknife",
    method: str = "percentile",
    confidence: float = 0.95,
    resamples: int = 50_000,
    rng: Generator,
) -> Interval:
    """A statistic of two sets of scores with its bootstrap interval, both resampled independently.

    Parameters:
        x, y: scores as in `suite.statistics.aggregate`
        statistic: `probability_of_improvement`, or any function of two lists of arrays [runs, ...] per task
        scheme, method, confidence, resamples, rng: as in `stratified`
    Returns: Interval, of statistic(x, y), in its unit
    >>> from suite.statistics.aggregate import probability_of_improvement
    >>> rng = np.random.default_rng(0)
    >>> two_sample([[3.0, 4, 5, 6]], [[1.0, 2, 3, 4]], probability_of_improvement, resamples=2_000, rng=rng)[:3]
    (0.875, 0.375, 1.0)
    """
    return _interval([strata(x), strata(y)], statistic, scheme, method, confidence, resamples, rng)


def studentised_mean(scores: Scores, confidence: float, resamples: int, rng: Generator) -> Interval:
    """The mean of one task's scores with its bootstrap-t interval (Efron & Tibshirani 1993, ch. 12.5).

    A resample's standard error is floored at a quarter of the observed one, as in `suite.statistics.curves`: few runs
    may all be drawn the same.

    Parameters:
        scores: [runs], two or more
        confidence, resamples, rng: of the two-sided interval, between 0 and 1; number of resamples; source of the draws
    Returns: Interval, of the mean, in the unit of the scores; without any spread all of it is the mean
    >>> interval = studentised_mean([1, 2, 3, 4, 10], 0.9, 2_000, np.random.default_rng(0))
    >>> interval.high - interval.estimate > 2 * (interval.estimate - interval.low)
    True
    """
    (runs,) = map(_in_order, strata(scores))
    n = len(runs)
    counts = count(draw(n, resamples, "plain", rng))
    center, error = runs.mean(), runs.std(ddof=1) / np.sqrt(n)
    if error == 0:
        return Interval(center, center, center, 0.0)
    deviation = runs - center
    shift = deviation @ counts / n
    errors = np.sqrt(np.maximum(deviation**2 @ counts / n - shift**2, 0) / (n - 1))
    studentised = shift / np.maximum(errors, error / 4)
    tails = [(1 + confidence) / 2, (1 - confidence) / 2]
    low, high = center - error * np.quantile(studentised, tails)
    return Interval(float(center), float(low), float(high), float(error))


def limit_error(confidence: float, resamples: int) -> float:
    """The Monte-Carlo error of a percentile limit, if the estimate is about normal.

    Parameters:
        confidence: of the two-sided interval, between 0 and 1
        resamples: number of resamples
    Returns: a number, in standard errors of the estimate
    >>> round(limit_error(0.95, 50_000), 5)
    0.01195
    """
    tail = (1 - confidence) / 2
    return float(np.sqrt(tail * (1 - tail) / resamples) / stats.norm.pdf(stats.norm.ppf(tail)))


def expanded(confidence: float, df: int) -> np.ndarray:
    """The percentiles of bootknife draws that lie as far out as Student's t does (Hesterberg 2015, arXiv 1411.5279).

    Parameters:
        confidence: of the two-sided interval, between 0 and 1
        df: degrees of freedom, the runs beyond one of each task
    Returns: [2], the lower and the upper one, fractions of 1
    >>> expanded(0.95, 4).round(4).tolist()
    [0.0027, 0.9973]
    """
    return stats.norm.cdf(stats.t.ppf([(1 - confidence) / 2, (1 + confidence) / 2], df))


def _interval(
    groups: Groups, statistic: Statistic, scheme: str, method: str, confidence: float, resamples: int, rng: Generator
) -> Interval:
    """The interval of statistic(*groups), a block of checkpoints at a time."""
    if method not in METHODS:
        raise ValueError(f"the bootstrap knows the methods {', '.join(METHODS)}, not {method}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    groups = [[_in_order(task) for task in group] for group in groups]
    drawn = [[draw(len(task), resamples, scheme, rng) for task in group] for group in groups]
    resampled = _resampler(statistic, drawn)
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    if scheme == "bootknife" and method == "percentile":
        tails = expanded(confidence, sum(len(task) - 1 for group in groups for task in group))
    behind = groups[0][0].shape[1:]
    flat = [[task.reshape(len(task), -1) for task in group] for group in groups]
    parts = []
    for start in range(0, int(np.prod(behind)), BLOCK):
        block = [[task[:, start : start + BLOCK] if behind else task[:, 0] for task in group] for group in flat]
        estimate = np.asarray(statistic(*block), dtype=float)
        draws = np.asarray(resampled(block), dtype=float)
        limits = _limits(block, statistic, estimate, draws, tails, method)
        parts.append(np.stack([estimate, *limits, draws.std(axis=-1, ddof=1)]))
    rows = np.concatenate(parts, axis=1).reshape(4, *behind, *parts[0].shape[2:]) if behind else parts[0]
    return Interval(*(rows.tolist() if rows.ndim == 1 else rows))


def _resampler(statistic: Statistic, drawn: Groups) -> Callable[[Groups], ArrayLike]:
    """What makes the statistic [..., R] of groups whose runs are drawn R times: by counts, if it takes them."""
    if "counts" not in inspect.signature(statistic).parameters:
        return lambda groups: _without_counts(groups, statistic, drawn)
    counts = [[count(task) for task in group] for group in drawn]
    given = counts[0] if len(counts) == 1 else counts
    return lambda groups: statistic(*groups, counts=given)


def _limits(
    groups: Groups, statistic: Statistic, estimate: np.ndarray, draws: np.ndarray, tails: np.ndarray, method: str
) -> np.ndarray:
    """Lower and upper limits [2, ...] from the draws [..., R]."""
    if method == "percentile":
        return np.quantile(draws, tails, axis=-1)
    if method == "basic":
        return 2 * estimate - np.quantile(draws, tails[::-1], axis=-1)
    below = ((draws < estimate[..., None]).mean(axis=-1) + (draws <= estimate[..., None]).mean(axis=-1)) / 2
    bias = stats.norm.ppf(below)
    acceleration = _acceleration(groups, statistic)
    z = stats.norm.ppf(tails).reshape(2, *(1,) * estimate.ndim) + bias
    shares = stats.norm.cdf(bias + z / (1 - acceleration * z))
    shares = np.where(np.isfinite(shares), shares, tails.reshape(2, *(1,) * estimate.ndim))  # no draw differs
    flat = draws.reshape(-1, draws.shape[-1])
    limits = [np.quantile(row, share) for row, share in zip(flat, shares.reshape(2, -1).T, strict=True)]
    return np.array(limits).T.reshape(2, *estimate.shape)


def _acceleration(groups: Groups, statistic: Statistic) -> np.ndarray:
    """The skewness of the statistic's influence values, by leaving out each run of each task in turn."""
    third, second = np.zeros(()), np.zeros(())
    for g, group in enumerate(groups):
        for t, task in enumerate(group):
            left = []
            for i in range(len(task)):
                fewer = [*group[:t], np.delete(task, i, axis=0), *group[t + 1 :]]
                left.append(np.asarray(statistic(*groups[:g], fewer, *groups[g + 1 :])))
            n = len(task)
            influence = (n - 1) * (np.mean(left, axis=0) - left)
            third = third + (influence**3).sum(axis=0) / n**3
            second = second + (influence**2).sum(axis=0) / n**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(second > 0, third / (6 * second**1.5), 0.0)


def _without_counts(groups: Groups, statistic: Statistic, drawn: Groups) -> np.ndarray:
    """The statistic [..., R] of resampled arrays: in chunks if it keeps axes behind the runs, else one by one."""
    resamples = len(drawn[0][0])

    def resampled(chosen: int | slice) -> np.ndarray:
        pairs = (zip(group, rows, strict=True) for group, rows in zip(groups, drawn, strict=True))
        picked = [[task[rows[chosen].T] for task, rows in pair] for pair in pairs]
        return np.asarray(statistic(*picked), dtype=float)

    two = resampled(slice(0, 2))
    if two.shape == (2, *np.shape(statistic(*groups))):
        chunks = [resampled(slice(start, start + CHUNK)) for start in range(0, resamples, CHUNK)]
        return np.moveaxis(np.concatenate(chunks), 0, -1)
    return np.stack([resampled(i) for i in range(resamples)], axis=-1)


def _in_order(runs: np.ndarray) -> np.ndarray:
    """The runs [n, ...] sorted, by their first value, then their second and so on."""
    if runs.ndim == 1:
        return np.sort(runs)
    return runs[np.lexsort(runs.reshape(len(runs), -1).T[::-1])]

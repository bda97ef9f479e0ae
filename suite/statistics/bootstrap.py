"""Bootstrap intervals whose resampling unit is a whole training run, drawn within each task."""

from collections.abc import Callable

import numpy as np

from suite.statistics.aggregate import Interval, strata

CHUNK = 5_000  # resamples held in memory at once


def resample(runs: np.ndarray, resamples: int, scheme: str, rng: np.random.Generator) -> np.ndarray:
    """Resamples [resamples, n] of one task's runs [n].

    "plain" draws n runs of n. "bootknife" first leaves out one random run and draws n of the other n - 1, which
    removes the (n - 1) / n deficit of the plain bootstrap's variance (Hesterberg 2004, Unbiasing the bootstrap).
    """
    n = len(runs)
    if n < 2:
        raise ValueError("a bootstrap interval needs at least two runs of every task")
    if scheme == "plain":
        return runs[rng.integers(n, size=(resamples, n))]
    if scheme != "bootknife":
        raise ValueError(f'the bootstrap knows the schemes "bootknife" and "plain", not "{scheme}"')
    left_out = rng.integers(n, size=(resamples, 1))
    drawn = rng.integers(n - 1, size=(resamples, n))
    return runs[drawn + (drawn >= left_out)]


def stratified(
    scores,
    statistic: Callable[[list[np.ndarray]], np.ndarray],
    *,
    scheme: str = "bootknife",
    method: str = "percentile",
    confidence: float = 0.95,
    resamples: int = 50_000,
    rng: np.random.Generator,
) -> Interval:
    """The statistic of the scores with its bootstrap interval, runs resampled independently within each task.

    scores: as in `aggregate`; statistic: a list of arrays [resamples, runs], one per task, to [resamples]. The runs
    are sorted first, so the order in which seeds arrive changes nothing, not even the last bit. "percentile" takes
    the quantiles of the resampled statistic, "basic" reflects them at the estimate (Efron & Tibshirani 1993, ch. 13).
    """
    if method not in ("percentile", "basic"):
        raise ValueError(f'the bootstrap knows the methods "percentile" and "basic", not "{method}"')
    arrays = [np.sort(task) for task in strata(scores)]
    estimate = float(statistic(arrays))
    sizes = [min(CHUNK, resamples - start) for start in range(0, resamples, CHUNK)]
    draws = np.concatenate([statistic([resample(runs, size, scheme, rng) for runs in arrays]) for size in sizes])
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    if method == "basic":
        low, high = 2 * estimate - high, 2 * estimate - low
    return Interval(estimate, float(low), float(high), float(draws.std(ddof=1)))

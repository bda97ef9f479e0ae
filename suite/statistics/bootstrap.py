"""Bootstrap intervals whose resampling unit is a whole training run, drawn within each task.

One draw of runs serves every checkpoint and every part of the statistic. The runs are sorted first, so that the order
in which seeds arrive changes nothing, not even the last bit.
"""

import inspect
from collections.abc import Callable

import numpy as np
from scipy import stats

from suite.statistics.aggregate import Interval, strata

BLOCK = 32  # checkpoints whose resampled statistics are held in memory at once
METHODS = ("percentile", "basic", "bca")


def draw(runs: int, resamples: int, scheme: str, rng: np.random.Generator) -> np.ndarray:
    """Indices [resamples, runs] of resampled runs.

    "plain" draws n runs of n. "bootknife" first leaves out one random run and draws n of the other n - 1, which
    removes the (n - 1) / n deficit of the plain bootstrap's variance (Hesterberg 2004, Unbiasing the bootstrap).
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
    """How often each run is among the drawn ones [resamples, runs]: [runs, resamples]."""
    resamples, runs = drawn.shape
    cells = drawn * resamples + np.arange(resamples)[:, None]
    counts = np.bincount(cells.ravel(), minlength=runs * resamples).reshape(runs, resamples)
    return counts.astype(np.min_scalar_type(runs))


def stratified(
    scores,
    statistic: Callable[..., np.ndarray],
    *,
    scheme: str = "bootknife",
    method: str = "percentile",
    confidence: float = 0.95,
    resamples: int = 50_000,
    rng: np.random.Generator,
) -> Interval:
    """The statistic of the scores with its bootstrap interval, runs resampled independently within each task.

    scores: as in `suite.statistics.aggregate`; with axes behind the runs, every part of the result has them too.
    statistic: one of that module's, or any function of a list of arrays [runs, ...] per task (slower; slowest if it
    does not keep the axes behind the runs). "percentile" takes the quantiles of the resampled statistic, "basic"
    reflects them at the estimate, "bca" corrects them for bias and skewness (Efron & Tibshirani 1993, ch. 13, 14).
    Of bootknife draws, "percentile" goes out as far as Student's t does, with as many degrees of freedom as there are
    runs beyond one of each task, since few runs know their own spread badly (Hesterberg 2015, arXiv 1411.5279).
    """
    return _interval([strata(scores)], statistic, scheme, method, confidence, resamples, rng)


def two_sample(
    x,
    y,
    statistic: Callable[..., np.ndarray],
    *,
    scheme: str = "bootknife",
    method: str = "percentile",
    confidence: float = 0.95,
    resamples: int = 50_000,
    rng: np.random.Generator,
) -> Interval:
    """As `stratified`, of a statistic of two sets of scores that are resampled independently: statistic(x, y)."""
    return _interval([strata(x), strata(y)], statistic, scheme, method, confidence, resamples, rng)


def studentised_mean(scores, confidence: float, resamples: int, rng: np.random.Generator) -> Interval:
    """The mean of one task's scores [runs] with its bootstrap-t interval (Efron & Tibshirani 1993, ch. 12.5).

    A resample's own standard error is floored at a quarter of the observed one, as in `suite.statistics.curves`: few
    runs may all be drawn the same.
    """
    (runs,) = map(_in_order, strata(scores))
    n = len(runs)
    counts = count(draw(n, resamples, "plain", rng))
    center, error = runs.mean(), runs.std(ddof=1) / np.sqrt(n)
    if error == 0:
        return Interval(center, center, center, 0.0)
    deviation = runs - center
    shift = deviation @ counts / n
    own_error = np.sqrt(np.maximum(deviation**2 @ counts / n - shift**2, 0) / (n - 1))
    studentised = shift / np.maximum(own_error, error / 4)
    tails = [(1 + confidence) / 2, (1 - confidence) / 2]
    low, high = center - error * np.quantile(studentised, tails)
    return Interval(*map(float, (center, low, high, error)))


def limit_error(confidence: float, resamples: int) -> float:
    """The Monte-Carlo error of a percentile limit in standard errors of the estimate, if that is about normal."""
    tail = (1 - confidence) / 2
    return float(np.sqrt(tail * (1 - tail) / resamples) / stats.norm.pdf(stats.norm.ppf(tail)))


def _interval(sides, statistic, scheme, method, confidence, resamples, rng) -> Interval:
    """The interval of statistic(*sides), sides being lists of arrays [runs, ...], a block of checkpoints at a time."""
    if method not in METHODS:
        raise ValueError(f"the bootstrap knows the methods {', '.join(METHODS)}, not {method}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    sides = [[_in_order(task) for task in side] for side in sides]
    drawn = [[draw(len(task), resamples, scheme, rng) for task in side] for side in sides]
    if "counts" in inspect.signature(statistic).parameters:
        counts = [[count(own) for own in side] for side in drawn]

        def resampled(sides):
            return statistic(*sides, counts=counts[0] if len(counts) == 1 else counts)
    else:

        def resampled(sides):
            return _one_by_one(sides, statistic, drawn)

    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    if scheme == "bootknife" and method == "percentile":
        tails = stats.norm.cdf(stats.t.ppf(tails, sum(len(task) - 1 for side in sides for task in side)))
    behind = sides[0][0].shape[1:]
    flat = [[task.reshape(len(task), -1) for task in side] for side in sides]
    parts = []
    for start in range(0, int(np.prod(behind)), BLOCK):
        block = [[task[:, start : start + BLOCK] if behind else task[:, 0] for task in side] for side in flat]
        estimate = np.asarray(statistic(*block), dtype=float)
        draws = np.asarray(resampled(block), dtype=float)
        limits = _limits(block, statistic, estimate, draws, tails, method)
        parts.append(np.stack([estimate, *limits, draws.std(axis=-1, ddof=1)]))
    if not behind:
        found = parts[0]
    else:
        found = np.concatenate(parts, axis=1)
        found = found.reshape(4, *behind, *found.shape[2:])
    return Interval(*(found.tolist() if found.ndim == 1 else found))


def _limits(sides, statistic, estimate, draws, tails, method) -> np.ndarray:
    """Lower and upper limits [2, ...] from the draws [..., R]."""
    if method == "percentile":
        return np.quantile(draws, tails, axis=-1)
    if method == "basic":
        return 2 * estimate - np.quantile(draws, tails[::-1], axis=-1)
    below = ((draws < estimate[..., None]).mean(axis=-1) + (draws <= estimate[..., None]).mean(axis=-1)) / 2
    bias = stats.norm.ppf(below)
    acceleration = _acceleration(sides, statistic)
    z = stats.norm.ppf(tails).reshape(2, *(1,) * estimate.ndim) + bias
    shares = stats.norm.cdf(bias + z / (1 - acceleration * z))
    shares = np.where(np.isfinite(shares), shares, tails.reshape(2, *(1,) * estimate.ndim))  # no draw differs
    flat = draws.reshape(-1, draws.shape[-1])
    found = [np.quantile(own, share) for own, share in zip(flat, shares.reshape(2, -1).T, strict=True)]
    return np.array(found).T.reshape(2, *estimate.shape)


def _acceleration(sides, statistic) -> np.ndarray:
    """The skewness of the statistic's influence values, by leaving out each run of each task in turn."""
    third, second = 0.0, 0.0
    for s, side in enumerate(sides):
        for m, task in enumerate(side):
            left = []
            for i in range(len(task)):
                fewer = [*side[:m], np.delete(task, i, axis=0), *side[m + 1 :]]
                left.append(statistic(*sides[:s], fewer, *sides[s + 1 :]))
            n = len(task)
            influence = (n - 1) * (np.mean(left, axis=0) - left)
            third = third + (influence**3).sum(axis=0) / n**3
            second = second + (influence**2).sum(axis=0) / n**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(second > 0, third / (6 * second**1.5), 0.0)


def _one_by_one(sides, statistic, drawn) -> np.ndarray:
    """The statistic [..., R] of resampled arrays, for a statistic that cannot take counts."""
    resamples = len(drawn[0][0])

    def of(chosen):
        pairs = (zip(side, own, strict=True) for side, own in zip(sides, drawn, strict=True))
        picked = [[task[rows[chosen].T] for task, rows in pair] for pair in pairs]
        return np.asarray(statistic(*picked), dtype=float)

    two = of(slice(0, 2))
    behind = np.shape(statistic(*sides))
    if two.shape == (2, *behind):
        chunks = [of(slice(start, start + 5_000)) for start in range(0, resamples, 5_000)]
        return np.moveaxis(np.concatenate(chunks), 0, -1)
    return np.stack([of(i) for i in range(resamples)], axis=-1)


def _in_order(runs: np.ndarray) -> np.ndarray:
    """The runs [n, ...] sorted, by their first value, then their second and so on."""
    if runs.ndim == 1:
        return np.sort(runs)
    return runs[np.lexsort(runs.reshape(len(runs), -1).T[::-1])]

"""Comparing two groups of seeds: their means without assuming equal spreads, their order, their curves, their ranks.

Where groups of seeds are permuted the statistic is Welch's, since a permuted difference of means alone assumes equal
spreads (Janssen 1997, Statistics & Probability Letters 36; Chung & Romano 2013, Annals of Statistics 41).
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from scipy import optimize, special, stats
from statsmodels.stats.nonparametric import rank_compare_2indep

EXHAUSTIVE = 200_000  # assignments of seeds to groups; up to so many all are tried instead of a sample of them
EXHAUSTIVE_VALUES = 2e8  # the same limit in statistics, assignments times checkpoints: some seconds
CHUNK_VALUES = 1_000_000  # statistics held in memory at once
NOISE = 1e-12  # shares of spread no further apart than this are tied

Summary = tuple[float, float, int]  # mean, sample SD (n - 1 in the denominator) and number of seeds


class Test(NamedTuple):
    """A two-sided test of equal means, or of what its function puts in their place."""

    statistic: float  # t
    df: float  # its degrees of freedom
    p: float  # two-sided, not adjusted for other tests
    difference: float  # mean(x) - mean(y), in the unit of the values
    low: float  # where its interval begins, in that unit
    high: float  # where it ends
    confidence: float  # of the interval


class Permutation(NamedTuple):
    """A two-sided test of equal means by permutation of the seeds."""

    statistic: float  # Welch's t
    df: float  # its degrees of freedom
    p: float  # the permutation's
    difference: float  # mean(x) - mean(y), in the unit of the values
    low: float  # where its interval begins, in that unit
    high: float  # where it ends
    confidence: float  # of the interval
    assignments: int  # how many splits of the seeds were tried
    exact: bool  # whether these are all there are


class MaxT(NamedTuple):
    """Where two groups of curves differ."""

    statistic: np.ndarray  # [T], Welch's t of the difference of means at every checkpoint
    p_adjusted: np.ndarray  # [T], its p over the whole curve
    p_raw: np.ndarray  # [T], its p at the checkpoint alone
    assignments: int  # how many splits of the seeds were tried


class EffectSizes(NamedTuple):
    """How far apart two groups lie; all without a unit."""

    a12: float  # P(x > y) + P(x = y) / 2
    cliff_delta: float  # twice that less 1
    cohen_d: float  # the difference of means in pooled SDs
    hedges_g: float  # that without its bias
    ratio: float  # mean(x) / mean(y)


class Friedman(NamedTuple):
    """Friedman's test of equal ranks."""

    chi2: float  # Friedman's chi-square
    df: int  # its degrees of freedom
    p: float  # its p
    f: float  # Iman and Davenport's F, less conservative
    f_df: tuple[int, int]  # its two degrees of freedom
    f_p: float  # its p


def welch(x: ArrayLike, y: ArrayLike, confidence: float = 0.95) -> Test:
    """Welch's test of two samples (Welch 1947, Biometrika 34).

    Parameters:
        x, y: [n], [m], one value per seed, in the same unit
        confidence: of the two-sided interval, between 0 and 1
    Returns: Test, of mean(x) - mean(y), in the unit of the values
    Raises ValueError: fewer than two values, or one that is not a finite number
    >>> test = welch([4, 7, 8, 6, 3, 2], [6, 8, 7, 10, 11, 9])
    >>> test.difference, round(test.statistic, 3), round(test.df, 3), round(test.p, 4)
    (-3.5, -2.842, 9.494, 0.0184)
    """
    return welch_from_summary(*summary(x, "x"), *summary(y, "y"), confidence)


def welch_from_summary(m1: float, s1: float, n1: int, m2: float, s2: float, n2: int, confidence: float = 0.95) -> Test:
    """Welch's test from means, sample SDs and numbers of seeds, as they are published.

    Parameters:
        m1, m2: means, in the same unit
        s1, s2: sample SDs (n - 1 in the denominator)
        n1, n2: numbers of seeds, 2 or more
        confidence: of the two-sided interval, between 0 and 1
    Returns: Test, of m1 - m2, in the unit of the means; without any spread statistic is 0 or infinite and p 1 or 0
    Raises ValueError: a mean or SD that is not finite, a negative SD, fewer than two seeds
    >>> test = welch_from_summary(10_000, 800, 10, 10_500, 900, 5)
    >>> test.difference, round(test.low), round(test.high), round(test.p, 2)
    (-500, -1615, 615, 0.33)
    """
    _check_summaries(m1, s1, n1, m2, s2, n2, confidence)
    error, df = standard_error(s1, n1, s2, n2)
    return _t_test(m1 - m2, float(error), float(df), confidence)


def paired(x: ArrayLike, y: ArrayLike, confidence: float = 0.95) -> Test:
    """Student's test of the differences within pairs (Student 1908, Biometrika 6), such as of runs with equal seeds.

    Parameters:
        x, y: [n], the two values of each pair, in the same unit
        confidence: of the two-sided interval, between 0 and 1
    Returns: Test, of mean(x - y), in the unit of the values, with n - 1 degrees of freedom
    Raises ValueError: x and y of other lengths, fewer than two pairs, or a value that is not a finite number
    >>> test = paired([4, 7, 8, 6, 3, 2], [6, 8, 7, 10, 11, 9])
    >>> test.difference, round(test.low, 2), round(test.high, 2), round(test.p, 3)
    (-3.5, -7.18, 0.18, 0.058)
    """
    mean, sd, n = differences(x, y)
    _check_confidence(confidence)
    return _t_test(mean, sd / math.sqrt(n), n - 1, confidence)


def differences(x: ArrayLike, y: ArrayLike) -> Summary:
    """Mean, sample SD and number of the differences within pairs.

    Parameters:
        x, y: [n], the two values of each pair, in the same unit
    Returns: as `summary` does
    Raises ValueError: as `paired` does
    >>> differences([1, 2, 5], [0, 0, 0])[:2] == summary([1, 2, 5])[:2]
    True
    """
    a, b = np.asarray(x, float), np.asarray(y, float)
    for name, values in {"x": a, "y": b}.items():
        summary(values, name)  # refuses what is no sample
    if a.shape != b.shape:
        raise ValueError(f"pairs need as many x as y, not {len(a)} and {len(b)}; welch and tost compare those")
    return summary(a - b)


def correlation(x: ArrayLike, y: ArrayLike) -> float:
    """Pearson's correlation over pairs: how much of their spread the two sides share.

    Parameters:
        x, y: [n], the two values of each pair
    Returns: a number between -1 and 1; NaN where a side has no spread
    Raises ValueError: as `paired` does
    >>> round(correlation([1, 2, 3], [2, 4, 6]), 3), correlation([1, 2, 3], [5, 5, 5])
    (1.0, nan)
    """
    differences(x, y)  # refuses what are no pairs
    if not all(summary(side)[1] for side in (x, y)):
        return math.nan
    return float(np.clip(stats.pearsonr(x, y).statistic, -1, 1))


def student_from_summary(
    m1: float, s1: float, n1: int, m2: float, s2: float, n2: int, confidence: float = 0.95
) -> Test:
    """Student's test from the same summaries, which assumes equal spreads: for numbers published with it (1908).

    Parameters:
        m1, m2, s1, s2, n1, n2, confidence: as in `welch_from_summary`
    Returns: Test, of m1 - m2, in the unit of the means, with n1 + n2 - 2 degrees of freedom
    >>> round(student_from_summary(15, 87.5**0.5, 13, 12, 39**0.5, 11).p, 3)
    0.375
    """
    _check_summaries(m1, s1, n1, m2, s2, n2, confidence)
    pooled = _pooled_sd(s1, n1, s2, n2)
    return _t_test(m1 - m2, pooled * math.sqrt(1 / n1 + 1 / n2), n1 + n2 - 2, confidence)


def loss_p(ours: Summary, reference: Summary, allowed: float) -> float:
    """The one-sided p of the hypothesis that no more than `allowed` is lost.

    Cochran and Cox's test (Experimental Designs, 1957, section 4.14): Welch's t against the mean of both groups' own
    quantiles, weighted by their squared standard errors. In the far tail, where adjusted p values are read, Welch's
    degrees of freedom promise too much: where the smaller of two groups of 10 and 3 runs has twice the spread, its test
    at 0.00125 gives 6 times too many alarms, and this one as many as it says (1e6 draws; fewer in all other cases).

    Parameters:
        ours, reference: mean, sample SD and number of seeds, in the same unit
        allowed: the loss that does not count, in that unit
    Returns: a number between 0 and 1; small: more than `allowed` is lost
    >>> round(loss_p((10_000, 800, 10), (12_000, 900, 5), 500), 4)
    0.014
    """
    mean, sd, n = ours
    t = welch_from_summary(mean + allowed, sd, n, *reference).statistic
    groups = [(sd**2 / n, n - 1) for _, sd, n in (ours, reference)]
    whole = sum(weight for weight, _ in groups)
    ends = sorted(float(special.stdtr(df, t)) for weight, df in groups if weight or not whole)
    if ends[0] == ends[-1]:
        return ends[0]

    def beyond(p: float) -> float:
        return sum(weight / whole * special.stdtrit(df, p) for weight, df in groups) - t

    return float(optimize.brentq(beyond, *ends, xtol=1e-300, rtol=1e-9))


def standard_error(
    s1: float, n1: float | np.ndarray, s2: float, n2: float | np.ndarray
) -> tuple[float | np.ndarray, float | np.ndarray]:
    """The standard error of mean(x) - mean(y) and its Welch-Satterthwaite degrees of freedom.

    Parameters:
        s1, s2: sample SDs (n - 1 in the denominator), in the same unit
        n1, n2: numbers of seeds, 2 or more, or arrays of them
    Returns: the error in that unit and the degrees of freedom, each of the shape of the numbers of seeds
    >>> error, df = standard_error(3.0, 9, 4.0, 16)
    >>> round(float(error), 4), round(float(df), 2)
    (1.4142, 20.87)
    """
    e1, e2 = s1 / np.sqrt(n1), s2 / np.sqrt(n2)
    if s1 == s2 == 0:
        return e1 + e2, n1 + n2 - 2
    error = np.hypot(e1, e2)
    return error, 1 / ((e1 / error) ** 4 / (n1 - 1) + (e2 / error) ** 4 / (n2 - 1))


def summary(values: ArrayLike, name: str = "values") -> Summary:
    """Mean, sample SD and number of a sample.

    Parameters:
        values: [n], one value per seed, two or more
        name: what an error calls them
    Returns: mean and SD (n - 1 in the denominator) in the unit of the values, and n
    Raises ValueError: fewer than two values, or one that is not a finite number
    >>> summary([1, 2, 3])
    (2.0, 1.0, 3)
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"{name} must be a list of at least 2 values, not of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds a value that is no finite number; a failed seed needs a value first")
    values = np.sort(values)  # the order of the seeds must not change the last bit
    if values[0] == values[-1]:  # rounding would give equal values a spread
        return float(values[0]), 0.0, len(values)
    return float(values.mean()), float(values.std(ddof=1)), len(values)


def permutation(
    x: ArrayLike, y: ArrayLike, *, resamples: int = 9_999, rng: Generator | None = None, confidence: float = 0.95
) -> Permutation:
    """The studentised permutation test: how often a random split of the seeds has so large a |t|.

    All C(n + m, n) splits are tried if they are at most 200,000, else `resamples` random ones beside the observed one,
    so that p is never 0 (Phipson & Smyth 2010, arXiv 1603.05766). Ties count against a difference. The interval takes
    the splits' quantile of |t|; it is infinite where all splits of so few seeds are needed to exclude anything.

    Parameters:
        x, y: [n], [m], one value per seed, in the same unit
        resamples, rng, confidence: random splits and their source, for want of all; of the interval, between 0 and 1
    Returns: Permutation, of mean(x) - mean(y), in the unit of the values
    Raises ValueError: as `welch` does, or rng is missing where it is needed
    >>> test = permutation([1.0, 2, 3, 4], [5.0, 6, 7, 9])
    >>> round(test.p, 4), test.assignments, test.exact
    (0.0286, 70, True)
    """
    test = welch(x, y, confidence)
    a, b = (np.asarray(group, float)[:, None] for group in (x, y))
    splits = math.comb(len(a) + len(b), len(a))
    exact = splits <= EXHAUSTIVE
    observed, chunks = _spread_shares(a, b, None if exact else resamples, rng)
    shares = np.concatenate([chunk[:, 0] for chunk in chunks] + ([] if exact else [observed]))
    shares[abs(shares - observed) <= NOISE] = observed
    half = _half_width(shares, a[:, 0], b[:, 0], confidence)
    interval = test.difference - half, test.difference + half
    p = float((shares <= observed).mean())
    tried = splits if exact else resamples
    return Permutation(test.statistic, test.df, p, test.difference, *interval, confidence, tried, exact)


def max_t(curves_a: ArrayLike, curves_b: ArrayLike, *, resamples: int = 9_999, rng: Generator | None = None) -> MaxT:
    """Where two groups of curves differ, with p that holds over all checkpoints at once.

    Whole curves are split anew, all ways or `resamples` ways as in `permutation`; p_adjusted is the share of splits
    whose largest |t| along the curve reaches a checkpoint's own (single-step: Westfall & Young 1993, ch. 2), p_raw of
    those whose |t| there does. A checkpoint at which no curve varies has t = 0, constant groups apart t = inf.

    Parameters:
        curves_a, curves_b: [n, T], [m, T], one curve per seed, in the same unit at the same checkpoints
        resamples, rng: random splits and their source, not used where all splits are tried
    Returns: MaxT, of every checkpoint
    Raises ValueError: other shapes, fewer than two seeds, a value that is not finite, rng missing where it is needed
    >>> test = max_t([[0, 1], [0, 2], [1, 3], [1, 2]], [[0, 7], [1, 8], [1, 9], [0, 8]])
    >>> np.round(test.p_adjusted, 3).tolist(), test.assignments
    ([1.0, 0.057], 70)
    """
    a, b = np.asarray(curves_a, float), np.asarray(curves_b, float)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2 or not a.shape[1]:
        shapes = f"{a.shape} and {b.shape}"
        raise ValueError(f"curves must be [seeds, checkpoints] of 2 seeds or more and equal checkpoints, not {shapes}")
    statistic = np.array([welch(x, y).statistic for x, y in zip(a.T, b.T, strict=True)])
    splits = math.comb(len(a) + len(b), len(a))
    exact = splits <= EXHAUSTIVE and splits * a.shape[1] <= EXHAUSTIVE_VALUES
    observed, chunks = _spread_shares(a, b, None if exact else resamples, rng)
    anywhere, at_each = _as_extreme(observed, chunks)
    if exact:
        return MaxT(statistic, anywhere / splits, at_each / splits, splits)
    return MaxT(statistic, (anywhere + 1) / (resamples + 1), (at_each + 1) / (resamples + 1), resamples)


def permutation_floor(n: int, m: int) -> float:
    """The least two-sided p that all C(n + m, n) splits of n and m seeds can give.

    The most extreme split alone, and of groups of the same size its mirror image too, which is as extreme.

    Parameters:
        n, m: numbers of seeds of the two groups
    Returns: a number between 0 and 1
    >>> permutation_floor(3, 3), round(permutation_floor(5, 5), 4)
    (0.1, 0.0079)
    """
    return min(1.0, (1 + (n == m)) / math.comb(n + m, n))


def brunner_munzel(x: ArrayLike, y: ArrayLike, confidence: float = 0.95) -> Test:
    """Whether P(x > y) + P(x = y) / 2 is one half (Brunner & Munzel 2000, Biometrical J. 42).

    Samples that do not overlap leave its variance without an estimate; then p and interval are the exact binomial ones
    of min(n, m) independent pairs, all won by the same side.

    Parameters:
        x, y: [n], [m], one value per seed, in the same unit
        confidence: of the two-sided interval, between 0 and 1
    Returns: Test, difference, low and high are that probability and its limits, between 0 and 1
    >>> test = brunner_munzel([4, 7, 8, 6, 3, 2], [6, 8, 7, 10, 11, 9])
    >>> round(test.difference, 3), round(test.p, 3)
    (0.125, 0.004)
    """
    (*_, n), (*_, m) = summary(x, "x"), summary(y, "y")
    _check_confidence(confidence)
    x, y = np.sort(np.asarray(x, float)), np.sort(np.asarray(y, float))
    if x[0] == x[-1] == y[0] == y[-1]:
        return Test(0.0, float(n + m - 2), 1.0, 0.5, 0.5, 0.5, confidence)
    if x[0] > y[-1] or y[0] > x[-1]:
        return _all_pairs_won(bool(x[0] > y[-1]), min(n, m), confidence)
    ranks = rank_compare_2indep(x, y)
    statistic, df, p, share = np.array([ranks.statistic, ranks.df, ranks.pvalue, ranks.prob1], dtype=float).tolist()
    low, high = np.clip(ranks.conf_int(alpha=1 - confidence), 0, 1).tolist()
    return Test(statistic, df, p, share, low, high, confidence)


def effect_sizes(x: ArrayLike, y: ArrayLike) -> EffectSizes:
    """How far apart two groups lie, in units of their own.

    Vargha & Delaney 2000 (A12), Cliff 1993 (delta), Cohen 1988 (d), Hedges 1981 (g, by his factor 1 - 3 / (4 df - 1)).

    Parameters:
        x, y: [n], [m], one value per seed, in the same unit
    Returns: EffectSizes, d and g of groups without any spread are 0 or infinite; ratio is NaN unless both means are
        positive
    >>> [round(size, 3) for size in effect_sizes([4, 7, 8, 6, 3, 2], [6, 8, 7, 10, 11, 9])]
    [0.125, -0.75, -1.641, -1.515, 0.588]
    """
    (m1, s1, n1), (m2, s2, n2) = summary(x, "x"), summary(y, "y")
    x, y = np.asarray(x, float), np.sort(np.asarray(y, float))
    above = np.searchsorted(y, x, side="left").sum() + np.searchsorted(y, x, side="right").sum()
    a12 = float(above / (2 * n1 * n2))
    d = _in_spreads(m1 - m2, _pooled_sd(s1, n1, s2, n2))
    g = d * (1 - 3 / (4 * (n1 + n2 - 2) - 1))
    return EffectSizes(a12, 2 * a12 - 1, d, g, m1 / m2 if min(m1, m2) > 0 else math.nan)


def yuen(x: ArrayLike, y: ArrayLike, confidence: float = 0.95, trim: float = 0.2) -> Test:
    """Welch's test of trimmed means (Yuen 1974, Biometrika 61).

    Parameters:
        x, y: [n], [m], one value per seed, in the same unit
        confidence: of the two-sided interval, between 0 and 1
        trim: the share of the values cut from either end, at least 0 and below 0.5
    Returns: Test, of the difference of trimmed means, in the unit of the values
    Raises ValueError: as `welch` does, or fewer than two values of a group are left
    >>> test = yuen([4, 7, 8, 6, 3, -200], [6, 8, 7, 10, 11, 9])
    >>> test.difference, round(test.p, 3)
    (-3.5, 0.064)
    """
    (*_, n), (*_, m) = summary(x, "x"), summary(y, "y")
    if not 0 <= trim < 0.5 or min(n, m) - 2 * int(trim * min(n, m)) < 2:
        raise ValueError(f"trim must lie in [0, 0.5) and leave 2 values of each group, not {trim} of {min(n, m)}")
    return welch_from_summary(*_trimmed(x, trim), *_trimmed(y, trim), confidence)


def friedman_from_ranks(mean_ranks: ArrayLike, n: int) -> Friedman:
    """Friedman's test of the mean ranks of several groups over tasks (Demsar 2006, JMLR 7, section 3.2.2).

    Parameters:
        mean_ranks: [k], the mean rank of each of k groups, 1 to k
        n: number of tasks, 2 or more
    Returns: Friedman, both its statistics with their p
    Raises ValueError: the ranks do not sum to k (k + 1) / 2, or fewer than two groups or tasks
    >>> test = friedman_from_ranks([3.143, 2.000, 2.893, 1.964], 14)
    >>> round(test.chi2, 2), round(test.f, 2), round(test.f_p, 3)
    (9.28, 3.69, 0.02)
    """
    ranks = np.asarray(mean_ranks, float)
    k = len(ranks)
    if ranks.ndim != 1 or k < 2 or n < 2 or not math.isclose(ranks.sum(), k * (k + 1) / 2, rel_tol=1e-2):
        raise ValueError(f"mean ranks of k groups over 2 tasks or more must sum to k (k + 1) / 2, not {ranks.sum():g}")
    chi2 = float(12 * n / (k * (k + 1)) * ((ranks**2).sum() - k * (k + 1) ** 2 / 4))
    left = n * (k - 1) - chi2
    f = (n - 1) * chi2 / left if left > 0 else math.inf
    f_df = k - 1, (k - 1) * (n - 1)
    return Friedman(chi2, k - 1, float(stats.chi2.sf(chi2, k - 1)), f, f_df, float(stats.f.sf(f, *f_df)))


def critical_difference(k: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """The least difference between two mean ranks that Nemenyi's test finds (Demsar 2006, JMLR 7, section 3.2.2).

    Parameters:
        k, n: numbers of groups and of tasks
        alpha: the probability of any false alarm among all pairs of groups
    Returns: q of the studentised range over sqrt(2), and the difference in ranks
    >>> [round(value, 3) for value in critical_difference(4, 14)]
    [2.569, 1.254]
    """
    q = float(stats.studentized_range.ppf(1 - alpha, k, np.inf) / math.sqrt(2))
    return q, q * math.sqrt(k * (k + 1) / (6 * n))


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")


def _check_summaries(m1: float, s1: float, n1: int, m2: float, s2: float, n2: int, confidence: float) -> None:
    for name, value in zip(("m1", "s1", "m2", "s2"), (m1, s1, m2, s2), strict=True):
        if not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number, not {value}")
    for group, (s, n) in {"1": (s1, n1), "2": (s2, n2)}.items():
        if s < 0:
            raise ValueError(f"s{group} is a standard deviation and must not be negative, not {s}")
        if not n >= 2:
            raise ValueError(f"n{group} must be at least 2 for a spread to exist, not {n}")
    _check_confidence(confidence)


def _t_test(difference: float, se: float, df: float, confidence: float) -> Test:
    if se == 0:  # no spread on either side: the difference is exact
        p = float(difference == 0)
        return Test(_in_spreads(difference, 0), float(df), p, difference, difference, difference, confidence)
    statistic = float(difference / se)
    p, half = float(2 * special.stdtr(df, -abs(statistic))), special.stdtrit(df, (1 + confidence) / 2) * se
    return Test(statistic, float(df), p, difference, float(difference - half), float(difference + half), confidence)


def _in_spreads(difference: float, spread: float) -> float:
    """The difference in units of the spread; without any spread 0 or infinite."""
    if spread:
        return difference / spread
    return math.copysign(math.inf, difference) if difference else 0.0


def _pooled_sd(s1: float, n1: int, s2: float, n2: int) -> float:
    return math.hypot(s1 * math.sqrt(n1 - 1), s2 * math.sqrt(n2 - 1)) / math.sqrt(n1 + n2 - 2)


def _trimmed(values: ArrayLike, trim: float) -> Summary:
    """The trimmed mean, the SD that Welch's formulas need for its error, and the number of values kept."""
    values = np.sort(np.asarray(values, float))
    cut = int(trim * len(values))
    mean, _, kept = summary(values[cut : len(values) - cut])
    winsorised = summary(np.clip(values, values[cut], values[-1 - cut]))[1]
    return mean, winsorised * math.sqrt((len(values) - 1) / (kept - 1)), kept


def _all_pairs_won(by_x: bool, pairs: int, confidence: float) -> Test:
    """The exact binomial test of so many pairs that the same side wins."""
    test = stats.binomtest(pairs * by_x, pairs)
    interval = test.proportion_ci(confidence, method="exact")
    ends = float(interval.low), float(interval.high)
    return Test(math.inf if by_x else -math.inf, math.nan, float(test.pvalue), float(by_x), *ends, confidence)


def _half_width(shares: np.ndarray, x: np.ndarray, y: np.ndarray, confidence: float) -> float:
    """Half the interval of mean(x) - mean(y): the quantile of |t| of all splits, whose shares are given, in errors."""
    share = -np.quantile(-shares, confidence, method="inverted_cdf")
    error = standard_error(*summary(x)[1:], *summary(y)[1:])[0]
    return float(math.sqrt((1 - share) / share) * error) if share > NOISE else math.inf


def _as_extreme(observed: np.ndarray, chunks: Iterator[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Per checkpoint [T]: of how many splits |t| is as large anywhere along the curve, and of how many right there."""
    anywhere, at_each = np.zeros((2, len(observed)))
    for chunk in chunks:
        at_each += (chunk <= observed + NOISE).sum(axis=0)
        smallest = np.sort(chunk.min(axis=1))
        anywhere += np.searchsorted(smallest, observed + NOISE, side="right")
    return anywhere, at_each


def _spread_shares(
    a: np.ndarray, b: np.ndarray, resamples: int | None, rng: Generator | None
) -> tuple[np.ndarray, Iterator[np.ndarray]]:
    """s = v / (v + d^2) of the groups a [n, T], b [m, T] as they are: [T], and of splits of all seeds: chunks [c, T].

    v is the squared standard error of the difference d of means, so that |t| = sqrt((1 - s) / s) falls as s grows,
    from infinity at 0 to 0 at 1; s has no poles, and rounding moves it by no more than it moves the values.
    """
    if resamples is not None and rng is None:
        raise ValueError(f"{len(a)} and {len(b)} seeds split in too many ways to try them all: rng must be given")
    n, m = sorted((len(a), len(b)))
    pooled = np.concatenate([a, b])
    order = np.lexsort(pooled.T[::-1])  # neither the order of the seeds nor that of the groups may change the draws
    observed, pooled = (order < len(a)) == (len(a) == n), pooled[order]
    low, high = pooled.min(axis=0), pooled.max(axis=0)
    z = (pooled - (low / 2 + high / 2)) / np.where(high > low, high / 2 - low / 2, 1)
    z -= z.mean(axis=0)
    squares = z**2

    def shares(splits: np.ndarray) -> np.ndarray:
        total = splits @ z  # and -total is the other group's, the values being centred
        spread = squares.sum(axis=0) / (m * (m - 1)) - total**2 * (1 / (n**2 * (n - 1)) + 1 / (m**2 * (m - 1)))
        if n != m:
            spread += (splits @ squares) * (1 / (n * (n - 1)) - 1 / (m * (m - 1)))
        spread = np.maximum(spread, 0)
        whole = spread + (total * (1 / n + 1 / m)) ** 2
        return np.divide(spread, whole, out=np.ones_like(whole), where=whole > 0)

    size = max(1, CHUNK_VALUES // max(z.shape))
    return shares(observed[None].astype(float))[0], map(shares, _splits(n, n + m, resamples, rng, size))


def _splits(n: int, total: int, resamples: int | None, rng: Generator | None, size: int) -> Iterator[np.ndarray]:
    """Splits of `total` seeds as rows [<= size, total] of 0 and 1, n ones each: all there are, or `resamples` drawn."""
    if resamples is None or rng is None:
        every = _every_split(n, total)
        for start in range(0, len(every), size):
            yield every[start : start + size].astype(float)
    else:
        for start in range(0, resamples, size):
            unsplit = np.tile((np.arange(total) < n).astype(float), (min(size, resamples - start), 1))
            yield rng.permuted(unsplit, axis=1)


@lru_cache(maxsize=2)  # a study asks for the same again and again
def _every_split(n: int, total: int) -> np.ndarray:
    chosen: np.ndarray = np.fromiter(combinations(range(total), n), np.dtype((np.intp, n)), math.comb(total, n))
    splits = np.zeros((len(chosen), total), np.uint8)
    np.put_along_axis(splits, chosen, 1, axis=1)
    return splits

"""Comparing two groups of seeds: their means without assuming equal spreads, their order, their curves, their ranks.

Where groups of seeds are permuted the statistic is Welch's, since a permuted difference of means alone assumes equal
spreads (Janssen 1997, Statistics & Probability Letters 36; Chung & Romano 2013, Annals of Statistics 41).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats
from statsmodels.stats.nonparametric import rank_compare_2indep

EXHAUSTIVE = 200_000  # assignments of seeds to groups; up to so many all are tried instead of a sample of them


EXHAUSTIVE_VALUES = 2e8  # the same limit in statistics, assignments times checkpoints: some seconds


CHUNK_VALUES = 1_000_000  # statistics held in memory at once


NOISE = 1e-12  # shares of spread no further apart than this are tied


class Test(NamedTuple):
    """A two-sided test of equal means; difference, low and high are mean(x) - mean(y) and its interval's ends."""

    statistic: float
    df: float
    p: float
    difference: float
    low: float
    high: float
    confidence: float


class Permutation(NamedTuple):
    """A Test by permutation, of how many assignments of seeds to groups, and whether these were all there are."""

    statistic: float
    df: float
    p: float
    difference: float
    low: float
    high: float
    confidence: float
    assignments: int
    exact: bool


class MaxT(NamedTuple):
    """Per checkpoint [T]: Welch's t of the difference of means, its p over the whole curve, and its p on its own."""

    statistic: np.ndarray
    p_adjusted: np.ndarray
    p_raw: np.ndarray
    assignments: int


class EffectSizes(NamedTuple):
    """P(x > y) + P(x = y) / 2, twice that less 1, the difference in pooled SDs, that unbiased, mean(x) / mean(y)."""

    a12: float
    cliff_delta: float
    cohen_d: float
    hedges_g: float
    ratio: float


class Friedman(NamedTuple):
    """Friedman's chi-square of equal ranks with its p, and Iman and Davenport's F, less conservative, with its own."""

    chi2: float
    df: int
    p: float
    f: float
    f_df: tuple[int, int]
    f_p: float


def welch(x: np.ndarray, y: np.ndarray, confidence: float = 0.95) -> Test:
    """Welch's test of two samples [n1], [n2] in the same units: one value per seed (Welch 1947, Biometrika 34)."""
    return welch_from_summary(*summary(x, "x"), *summary(y, "y"), confidence)


def welch_from_summary(m1: float, s1: float, n1: int, m2: float, s2: float, n2: int, confidence: float = 0.95) -> Test:
    """The same from means, sample SDs (n - 1 in the denominator) and numbers of seeds."""
    _check_summaries(m1, s1, n1, m2, s2, n2, confidence)
    return _t_test(m1 - m2, *standard_error(s1, n1, s2, n2), confidence)


def student_from_summary(
    m1: float, s1: float, n1: int, m2: float, s2: float, n2: int, confidence: float = 0.95
) -> Test:
    """Student's test from the same summaries, which assumes equal spreads: for numbers published with it (1908)."""
    _check_summaries(m1, s1, n1, m2, s2, n2, confidence)
    pooled = math.hypot(s1 * math.sqrt(n1 - 1), s2 * math.sqrt(n2 - 1)) / math.sqrt(n1 + n2 - 2)
    return _t_test(m1 - m2, pooled * math.sqrt(1 / n1 + 1 / n2), n1 + n2 - 2, confidence)


def loss_p(ours: tuple, there: tuple, allowed: float) -> float:
    """One-sided p of the hypothesis that no more than `allowed` is lost; ours, there: mean, sample SD, n.

    Cochran and Cox's test (Experimental Designs, 1957, section 4.14): Welch's t against the mean of both groups' own
    quantiles, weighted by their squared standard errors. In the far tail, where adjusted p values are read, Welch's
    degrees of freedom promise too much: where the smaller of two groups of 10 and 3 runs has twice the spread, its test
    at 0.00125 gives 6 times too many alarms, and this one as many as it says (1e6 draws; fewer in all other cases).
    """
    t = welch_from_summary(ours[0] + allowed, *ours[1:], *there).statistic
    groups = [(sd**2 / n, n - 1) for _, sd, n in (ours, there)]
    whole = sum(weight for weight, _ in groups)
    ends = sorted(float(special.stdtr(df, t)) for weight, df in groups if weight or not whole)
    if ends[0] == ends[-1]:
        return ends[0]

    def beyond(p: float) -> float:
        return sum(weight / whole * special.stdtrit(df, p) for weight, df in groups) - t

    return float(optimize.brentq(beyond, *ends, xtol=1e-300, rtol=1e-9))


def standard_error(s1: float, n1: np.ndarray, s2: float, n2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standard error of mean(x) - mean(y) and its Welch-Satterthwaite degrees of freedom; n1, n2 may be arrays."""
    e1, e2 = s1 / np.sqrt(n1), s2 / np.sqrt(n2)
    if s1 == s2 == 0:
        return e1 + e2, n1 + n2 - 2
    error = np.hypot(e1, e2)
    return error, 1 / ((e1 / error) ** 4 / (n1 - 1) + (e2 / error) ** 4 / (n2 - 1))


def summary(values: np.ndarray, name: str = "values") -> tuple[float, float, int]:
    """Mean, sample SD and number of the values [n]; `name` is what an error calls them."""
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
    x: np.ndarray, y: np.ndarray, *, resamples: int = 9_999, rng: np.random.Generator | None = None, confidence=0.95
) -> Permutation:
    """The studentised permutation test of x [n], y [m]: how often a random split of the seeds has so large a |t|.

    All C(n + m, n) splits are tried if they are at most 200,000 (rng is not used then), else `resamples` random ones
    beside the observed one, so that p is never 0 (Phipson & Smyth 2010, arXiv 1603.05766). Ties count against a
    difference. The interval takes the permutation's own quantile of |t|; it is infinite where all splits of so few
    seeds are needed to exclude anything.
    """
    test = welch(x, y, confidence)
    splits = math.comb(len(x) + len(y), len(x))
    exact = splits <= EXHAUSTIVE
    groups = [np.asarray(group, float)[:, None] for group in (x, y)]
    observed, chunks = _spread_shares(*groups, None if exact else resamples, rng)
    shares = np.concatenate([chunk[:, 0] for chunk in chunks] + ([] if exact else [observed]))
    shares[abs(shares - observed) <= NOISE] = observed
    share = -np.quantile(-shares, confidence, method="inverted_cdf")
    error = standard_error(*summary(x)[1:], *summary(y)[1:])[0]
    half = float(math.sqrt((1 - share) / share) * error) if share > NOISE else math.inf
    interval = test.difference - half, test.difference + half
    count = splits if exact else resamples
    p = float((shares <= observed).mean())
    return Permutation(test.statistic, test.df, p, test.difference, *interval, confidence, count, exact)


def max_t(
    curves_a: np.ndarray,
    curves_b: np.ndarray,
    *,
    resamples: int = 9_999,
    rng: np.random.Generator | None = None,
) -> MaxT:
    """Where curves [n, T] and [m, T] differ, with p that holds over all checkpoints at once.

    Whole curves are split anew, all ways or `resamples` ways as in `permutation`; p_adjusted is the share of splits
    whose largest |t| along the curve reaches a checkpoint's own (single-step: Westfall & Young 1993, ch. 2), p_raw of
    those whose |t| there does. A checkpoint at which no curve varies has t = 0, constant groups apart t = inf.
    """
    a, b = np.asarray(curves_a, float), np.asarray(curves_b, float)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2 or not a.shape[1]:
        told = f"{a.shape} and {b.shape}"
        raise ValueError(f"curves must be [seeds, checkpoints] of 2 seeds or more and equal checkpoints, not {told}")
    statistic = np.array([welch(x, y).statistic for x, y in zip(a.T, b.T, strict=True)])
    splits = math.comb(len(a) + len(b), len(a))
    exact = splits <= EXHAUSTIVE and splits * a.shape[1] <= EXHAUSTIVE_VALUES
    observed, chunks = _spread_shares(a, b, None if exact else resamples, rng)
    reached_anywhere, reached = np.zeros((2, a.shape[1])) if exact else np.ones((2, a.shape[1]))
    for chunk in chunks:
        reached += (chunk <= observed + NOISE).sum(axis=0)
        smallest = np.sort(chunk.min(axis=1))
        reached_anywhere += np.searchsorted(smallest, observed + NOISE, side="right")
    count = splits if exact else resamples
    of = count if exact else count + 1
    return MaxT(statistic, reached_anywhere / of, reached / of, count)


def permutation_floor(n: int, m: int) -> float:
    """The least two-sided p that all C(n + m, n) splits of n and m seeds can give.

    The most extreme split alone, and of groups of the same size its mirror image too, which is as extreme.
    """
    return min(1.0, (1 + (n == m)) / math.comb(n + m, n))


def brunner_munzel(x: np.ndarray, y: np.ndarray, confidence: float = 0.95) -> Test:
    """Whether P(x > y) + P(x = y) / 2, here in the place of the difference, is one half, for x [n], y [m].

    Brunner & Munzel 2000, Biometrical J. 42. Samples that do not overlap leave its variance without an estimate; then
    p and interval are the exact binomial ones of min(n, m) independent pairs, all won by the same side.
    """
    (*_, n), (*_, m) = summary(x, "x"), summary(y, "y")
    _check_confidence(confidence)
    x, y = np.sort(np.asarray(x, float)), np.sort(np.asarray(y, float))
    if x[0] == x[-1] == y[0] == y[-1]:
        return Test(0.0, float(n + m - 2), 1.0, 0.5, 0.5, 0.5, confidence)
    if x[0] > y[-1] or y[0] > x[-1]:
        won = x[0] > y[-1]
        pairs = stats.binomtest(min(n, m) * won, min(n, m))
        interval = pairs.proportion_ci(confidence, method="exact")
        ends = float(interval.low), float(interval.high)
        return Test(math.inf if won else -math.inf, math.nan, float(pairs.pvalue), float(won), *ends, confidence)
    found = rank_compare_2indep(x, y)
    low, high = np.clip(found.conf_int(alpha=1 - confidence), 0, 1)
    return Test(*map(float, (found.statistic, found.df, found.pvalue, found.prob1, low, high)), confidence)


def effect_sizes(x: np.ndarray, y: np.ndarray) -> EffectSizes:
    """How far apart x [n] and y [m] lie, in units of their own.

    Vargha & Delaney 2000 (A12), Cliff 1993 (delta), Cohen 1988 (d), Hedges 1981 (g, by his factor 1 - 3 / (4 df - 1)).
    d and g of two groups without any spread are 0 or infinite; the ratio is NaN unless both means are positive.
    """
    (m1, s1, n1), (m2, s2, n2) = summary(x, "x"), summary(y, "y")
    x, y = np.asarray(x, float), np.sort(np.asarray(y, float))
    above = np.searchsorted(y, x, side="left").sum() + np.searchsorted(y, x, side="right").sum()
    a12 = float(above / (2 * n1 * n2))
    df = n1 + n2 - 2
    pooled = math.hypot(s1 * math.sqrt(n1 - 1), s2 * math.sqrt(n2 - 1)) / math.sqrt(df)
    d = (m1 - m2) / pooled if pooled else math.copysign(math.inf, m1 - m2) if m1 != m2 else 0.0
    return EffectSizes(a12, 2 * a12 - 1, d, d * (1 - 3 / (4 * df - 1)), m1 / m2 if min(m1, m2) > 0 else math.nan)


def yuen(x: np.ndarray, y: np.ndarray, confidence: float = 0.95, trim: float = 0.2) -> Test:
    """Welch's test of trimmed means, `trim` of the values cut from either end (Yuen 1974, Biometrika 61).

    x [n], y [m]; difference, low and high are of the trimmed means.
    """
    (*_, n), (*_, m) = summary(x, "x"), summary(y, "y")
    if not 0 <= trim < 0.5 or min(n, m) - 2 * int(trim * min(n, m)) < 2:
        raise ValueError(f"trim must lie in [0, 0.5) and leave 2 values of each group, not {trim} of {min(n, m)}")
    trimmed = []
    for group in (x, y):
        group = np.sort(np.asarray(group, float))
        cut = int(trim * len(group))
        mean, _, kept = summary(group[cut : len(group) - cut])
        winsorised = summary(np.clip(group, group[cut], group[-1 - cut]))[1]
        trimmed += [mean, winsorised * math.sqrt((len(group) - 1) / (kept - 1)), kept]
    return welch_from_summary(*trimmed, confidence)


def friedman_from_ranks(mean_ranks: np.ndarray, n: int) -> Friedman:
    """Friedman's test from the mean ranks [k] of k groups over n tasks (Demsar 2006, JMLR 7, section 3.2.2)."""
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
    """Nemenyi's q and the least difference between two of k mean ranks over n tasks that is one (Demsar 2006)."""
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
        statistic = math.copysign(math.inf, difference) if difference else 0.0
        return Test(statistic, float(df), float(difference == 0), difference, difference, difference, confidence)
    statistic = float(difference / se)
    p, half = float(2 * special.stdtr(df, -abs(statistic))), special.stdtrit(df, (1 + confidence) / 2) * se
    return Test(statistic, float(df), p, difference, float(difference - half), float(difference + half), confidence)


def _spread_shares(
    a: np.ndarray, b: np.ndarray, resamples: int | None, rng: np.random.Generator | None
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


def _splits(n: int, total: int, resamples: int | None, rng, size: int) -> Iterator[np.ndarray]:
    """Splits of `total` seeds as rows [<= size, total] of 0 and 1, n ones each: all there are, or `resamples` drawn."""
    if resamples is None:
        every = _every_split(n, total)
        for start in range(0, len(every), size):
            yield every[start : start + size].astype(float)
    else:
        for start in range(0, resamples, size):
            unsplit = np.tile((np.arange(total) < n).astype(float), (min(size, resamples - start), 1))
            yield rng.permuted(unsplit, axis=1)


@lru_cache(maxsize=2)  # a study asks for the same again and again
def _every_split(n: int, total: int) -> np.ndarray:
    chosen = np.fromiter(combinations(range(total), n), np.dtype((np.intp, n)), math.comb(total, n))
    splits = np.zeros((len(chosen), total), np.uint8)
    np.put_along_axis(splits, chosen, 1, axis=1)
    return splits

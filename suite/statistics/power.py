"""How many seeds a question needs, what a number of seeds can settle, and where most runs lie rather than their mean.

Effects are in standard deviations of one run's score; n is the number of seeds of each of two groups.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from itertools import count
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

NODES = 64  # of the quadratures; twice as many change no fourth digit
LARGEST_GROUP = 10_000  # seeds; a question this many do not settle is reported as one that no number settles


class Simulated(NamedTuple):
    """The share of simulated studies that found a difference, its Monte-Carlo error, and how many studies they were."""

    power: float
    standard_error: float
    studies: int


def power(n: float, effect: float, alpha: float = 0.05) -> float:
    """The power of the two-sided t test of two groups of n >= 2, of equal spread, at a true effect in SDs.

    Cohen 1988, ch. 2; the number R's power.t.test(strict = TRUE) gives.
    """
    if not n >= 2:
        raise ValueError(f"n must be at least 2 for a spread to exist, not {n}")
    if not (math.isfinite(effect) and 0 < alpha < 1):
        raise ValueError(f"effect must be a finite number and alpha lie between 0 and 1, not {effect} and {alpha}")
    df, shift = 2 * n - 2, abs(effect) * math.sqrt(n / 2)
    critical = stats.t.isf(alpha / 2, df)
    # scipy finds no number for the far tail where it is next to nothing, and statsmodels' power is NaN with it
    return float(stats.nct.sf(critical, df, shift) + np.nan_to_num(stats.nct.cdf(-critical, df, shift)))


def minimum_detectable_effect(n: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """The effect in SDs that two groups of n >= 2 seeds find with the given power."""
    _check_power(power, alpha)
    return _root(lambda effect: _power(n, effect, alpha) - power, 0.0, 1.0)


def required_n(effect: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """The seeds per group, not rounded and at least 2, that find an effect in SDs with the given power."""
    _check_power(power, alpha)
    if not (math.isfinite(effect) and effect):
        raise ValueError(f"no number of seeds finds an effect of {effect}: it must be finite and not zero")
    return _root(lambda n: _power(n, effect, alpha) - power, 2.0, 4.0)


_power = power  # the name is an argument of the two functions above


def tost_power(
    n: int,
    margin: float,
    sd: float = 1.0,
    difference: float = 0.0,
    confidence: float = 0.90,
    n_reference: int | None = None,
    sd_reference: float | None = None,
) -> float:
    """How often the Welch interval of two normal groups lies within +-margin, at a true difference of their means.

    margin, difference and SDs in one unit; confidence of the two-sided interval (0.90: two one-sided tests at 5 %,
    Schuirmann 1987). The reference has n seeds of the same SD unless told otherwise. The two sample variances are
    integrated over by Gauss-Legendre quadrature of their chi-square quantiles, given which the rest is normal.
    """
    n_reference, sd_reference = n_reference or n, sd if sd_reference is None else sd_reference
    if min(n, n_reference) < 2:
        raise ValueError(f"n must be at least 2 for a spread to exist, not {min(n, n_reference)}")
    if not (math.isfinite(margin) and margin > 0 and min(sd, sd_reference) > 0):
        raise ValueError(f"margin and SDs must be positive numbers, not {margin}, {sd} and {sd_reference}")
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    quantiles, weights = (nodes + 1) / 2, weights / 2
    v1, v2 = (s**2 / k * stats.chi2.ppf(quantiles, k - 1) / (k - 1) for s, k in ((sd, n), (sd_reference, n_reference)))
    v1, v2 = v1[:, None], v2[None, :]
    df = (v1 + v2) ** 2 / (v1**2 / (n - 1) + v2**2 / (n_reference - 1))
    room = np.maximum(margin - stats.t.ppf((1 + confidence) / 2, df) * np.sqrt(v1 + v2), 0)
    error = math.hypot(sd / math.sqrt(n), sd_reference / math.sqrt(n_reference))
    inside = stats.norm.cdf((room - difference) / error) - stats.norm.cdf((-room - difference) / error)
    return float(weights @ inside @ weights)


def tost_required_n(
    margin: float, sd: float = 1.0, difference: float = 0.0, power: float = 0.8, confidence: float = 0.90
) -> int | None:
    """The least seeds in each of two groups of this SD that show equivalence within +-margin with the given power.

    None where the true difference lies outside the margin, or 10,000 seeds are too few.
    """
    _check_power(power, 1 - confidence)

    def enough(n: int) -> bool:
        return tost_power(n, margin, sd, difference, confidence) >= power

    if not enough(LARGEST_GROUP):
        return None
    high = next(n for n in (2**k for k in count(1)) if enough(n))
    return bisect_left(range(high), True, lo=high // 2, key=enough) if high > 2 else 2


def simulated(
    pilot_a: np.ndarray,
    pilot_b: np.ndarray,
    n: int,
    test: Callable[[np.ndarray, np.ndarray, np.random.Generator], float],
    *,
    difference: float = 0.0,
    alpha: float = 0.05,
    studies: int = 1_000,
    rng: np.random.Generator,
) -> Simulated:
    """How often test(x, y, rng) -> p is below alpha when x and y are n runs each, drawn with replacement from pilots.

    pilot_a, pilot_b: scores [k] or whole curves [k, T] of runs already made; `difference`, in their unit, is added to
    every x. What k pilot runs did not show (a rare failure) is not in the answer, and their spread is (k - 1) / k of
    the population's variance. A NaN p finds nothing.
    """
    pilots = [np.asarray(pilot, float) for pilot in (pilot_a, pilot_b)]
    if n < 2 or studies < 2 or min(len(pilot) for pilot in pilots) < 2:
        raise ValueError("a simulated study needs two pilot runs of each group, n of at least 2 and two studies")
    if not all(np.isfinite(pilot).all() for pilot in pilots):
        raise ValueError("a pilot run holds a value that is NaN or infinite; give a failed run a score first")
    a, b = (pilot[np.lexsort(pilot.reshape(len(pilot), -1).T[::-1])] for pilot in pilots)
    found = 0
    for _ in range(studies):
        x, y = a[rng.integers(len(a), size=n)] + difference, b[rng.integers(len(b), size=n)]
        found += bool(test(x, y, rng) <= alpha)
    share = found / studies
    return Simulated(share, math.sqrt(share * (1 - share) / studies), studies)


def tolerance_factor(n: int, content: float = 0.90, confidence: float = 0.95, two_sided: bool = True) -> float:
    """k such that mean +- k SD of n normal scores holds the share `content` of all runs, at the given confidence.

    One-sided (mean - k SD lies below that share): from the noncentral t. Two-sided: the exact factor, the root of Wald
    & Wolfowitz's equation averaged over the sample mean (Krishnamoorthy & Mathew 2009, ch. 2; ISO 16269-6).
    """
    _check_shares(content, confidence)
    if n < 2:
        raise ValueError(f"n must be at least 2 for a spread to exist, not {n}")
    if not two_sided:
        return float(stats.nct.ppf(confidence, n - 1, stats.norm.ppf(content) * math.sqrt(n)) / math.sqrt(n))
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    mean = 4 * (nodes + 1) / math.sqrt(n)  # of the sample, in SDs: all but 1e-15 of it lies within 8 errors
    weights = 8 * weights * stats.norm.pdf(mean * math.sqrt(n))
    reach = stats.ncx2.ppf(content, 1, mean**2)  # the square of the half-width that holds the content around it

    def held(k: float) -> float:
        return float(weights @ stats.chi2.sf((n - 1) * reach / k**2, n - 1))

    return _root(lambda k: held(k) - confidence, 1e-3, 4.0)


def order_statistics_needed(content: float = 0.90, confidence: float = 0.95, two_sided: bool = True) -> int:
    """The least number of runs whose lowest and highest (or lowest alone) bound that share of all runs (Wilks 1941)."""
    _check_shares(content, confidence)
    return next(n for n in count(2) if stats.binom.sf(n - 1 - two_sided, n, content) <= 1 - confidence)


def _root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where the function crosses zero, or `low` if it is above already; the bracket is doubled until it holds."""
    if rising(low) >= 0:
        return low
    while rising(high) < 0:
        high *= 2
    return float(optimize.brentq(rising, low, high, xtol=1e-12, rtol=1e-12))


def _check_power(power: float, alpha: float) -> None:
    if not alpha < power < 1:
        raise ValueError(f"power must lie between alpha ({alpha}) and 1, not {power}")


def _check_shares(content: float, confidence: float) -> None:
    if not (0 < content < 1 and 0 < confidence < 1):
        raise ValueError(f"content and confidence must lie between 0 and 1, not {content} and {confidence}")

"""How many seeds a question needs, what a number of seeds can settle, and where most runs lie rather than their mean.

Effects are in standard deviations of one run's score; n is the number of seeds of each of two groups.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

TARGET = 0.80  # the power of every number of seeds that is said to decide something
NODES = 64  # of the quadratures; twice as many change no fourth digit
_GAUSS, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)
_SHARES, _SHARE_WEIGHTS = (_GAUSS + 1) / 2, _WEIGHTS / 2  # quantiles that a sample variance is integrated over
LARGEST_GROUP = 10_000  # seeds; a question this many do not settle is reported as one that no number settles


class Simulated(NamedTuple):
    """How often simulated studies found a difference."""

    power: float  # the share that found one, a fraction of 1
    standard_error: float  # its Monte-Carlo error, a fraction of 1
    studies: int  # how many were simulated


def power(n: float, effect: float, alpha: float = 0.05) -> float:
    """The power of the two-sided t test of two groups of equal spread (Cohen 1988, ch. 2; R's strict power.t.test).

    Parameters:
        n: seeds in each group, 2 or more
        effect: the true difference, in SDs
        alpha: of the test, between 0 and 1
    Returns: a number between 0 and 1
    Raises ValueError: n below 2, an effect that is not finite, alpha not between 0 and 1
    >>> round(power(20, 1.0), 4)
    0.869
    """
    return _power(n, effect, alpha)


def minimum_detectable_effect(n: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """The effect that the two-sided t test of two groups finds with the given power.

    Parameters:
        n: seeds in each group, 2 or more
        power, alpha: of the test, alpha < power < 1
    Returns: a number, in SDs
    >>> round(minimum_detectable_effect(5), 2), round(minimum_detectable_effect(10), 2)
    (2.02, 1.32)
    """
    _check_power(power, alpha)
    return _root(lambda effect: _power(n, effect, alpha) - power, 0.0, 1.0)


def minimum_detectable_in_pairs(n: int, power: float = 0.8, alpha: float = 0.05) -> float:
    """The mean difference that the two-sided t test of paired differences finds with the given power.

    Parameters:
        n: pairs, 2 or more
        power, alpha: of the test, alpha < power < 1
    Returns: a number, in SDs of the differences
    >>> round(minimum_detectable_in_pairs(5), 2), round(minimum_detectable_in_pairs(10), 2)
    (1.68, 1.0)
    """
    _check_power(power, alpha)
    return _root(lambda effect: power_of_t(n - 1, effect * math.sqrt(n), alpha) - power, 0.0, 1.0)


def required_n(effect: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """The seeds per group that find an effect with the given power.

    Parameters:
        effect: the true difference, in SDs, not 0
        power, alpha: of the two-sided t test, alpha < power < 1
    Returns: a number of at least 2, not rounded
    Raises ValueError: an effect of 0 or one that is not finite, or power not between alpha and 1
    >>> round(required_n(1.0), 2), round(required_n(0.5), 2)
    (16.71, 63.77)
    """
    _check_power(power, alpha)
    if not (math.isfinite(effect) and effect):
        raise ValueError(f"no number of seeds finds an effect of {effect}: it must be finite and not zero")
    return _root(lambda n: _power(n, effect, alpha) - power, 2.0, 4.0)


def tost_power(
    n: int,
    margin: float,
    sd: float = 1.0,
    difference: float = 0.0,
    confidence: float = 0.90,
    n_reference: int | None = None,
    sd_reference: float | None = None,
) -> float:
    """How often the Welch interval of two normal groups lies within +-margin.

    Parameters:
        n, sd: seeds and SD of one group
        margin, difference: in the unit of the SDs; the true difference of the means
        confidence: of the two-sided interval (0.90: two one-sided tests at 5 %, Schuirmann 1987)
        n_reference, sd_reference: of the other group; None: as of the first
    Returns: a number between 0 and 1
    Raises ValueError: fewer than two seeds, a margin or SD that is not positive
    >>> round(tost_power(10, 1.5), 3), round(tost_power(10, 3000, sd=2000), 3)
    (0.883, 0.883)
    """
    n_reference, sd_reference = n_reference or n, sd if sd_reference is None else sd_reference
    if min(n, n_reference) < 2:
        raise ValueError(f"n must be at least 2 for a spread to exist, not {min(n, n_reference)}")
    if not (math.isfinite(margin) and margin > 0 and min(sd, sd_reference) > 0):
        raise ValueError(f"margin and SDs must be positive numbers, not {margin}, {sd} and {sd_reference}")
    v1, v2 = _variances(sd, n)[:, None], _variances(sd_reference, n_reference)[None, :]
    error = math.hypot(sd / math.sqrt(n), sd_reference / math.sqrt(n_reference))
    half = _welch_half(v1, n, v2, n_reference, confidence)
    return float(_SHARE_WEIGHTS @ _between(margin + difference, margin - difference, half, error) @ _SHARE_WEIGHTS)


def tost_required_n(
    margin: float, sd: float = 1.0, difference: float = 0.0, power: float = 0.8, confidence: float = 0.90
) -> int | None:
    """The least seeds in each of two groups that show equivalence with the given power.

    Parameters:
        margin, sd, difference, confidence: as in `tost_power`, of two groups of this SD
        power: 1 - confidence < power < 1
    Returns: a number of at least 2; None where the true difference lies outside the margin, or 10,000 seeds are too few
    >>> tost_required_n(1.0), tost_required_n(1.0, difference=1.0)
    (18, None)
    """
    _check_power(power, 1 - confidence)

    return least_n(lambda n: tost_power(n, margin, sd, difference, confidence), power)


def least_n(power_of: Callable[[int], float], power: float = TARGET, fewest: int = 2) -> int | None:
    """The least number of seeds that gives the power.

    Parameters:
        power_of: from a number of seeds to a power, which rises until it is reached
        power: to be reached, between 0 and 1
        fewest: seeds to begin with
    Returns: a number of at least `fewest`; None where no doubling of it up to 10,000 seeds gives that power
    >>> least_n(lambda n: 1 - 1 / n), least_n(lambda n: 0.5)
    (5, None)
    """

    def enough(n: int) -> bool:
        return power_of(n) >= power

    doubled = [fewest * 2**k for k in range(LARGEST_GROUP.bit_length()) if fewest * 2**k < LARGEST_GROUP]
    few = fewest - 1
    for many in (*doubled, max(LARGEST_GROUP, fewest)):
        if enough(many):
            return few + 1 + bisect_left(range(few + 1, many), True, key=enough)
        few = many
    return None


def interval_power(below: float, above: float, error: float, df: float, confidence: float = 0.90) -> float:
    """How often Student's interval of a normal estimate ends nearer to the truth than two limits.

    Parameters:
        below, above: how far the limits lie below and above the truth, in its unit; infinite where there is no limit
        error: the true standard error of the estimate, positive, in that unit
        df: degrees of freedom of the estimated one, its square being distributed as chi-square
        confidence: of the two-sided interval, between 0 and 1
    Returns: a number between 0 and 1
    >>> round(interval_power(1.5, 1.5, math.sqrt(2 / 10), 18), 2), round(interval_power(math.inf, 2, 1, 8), 2)
    (0.89, 0.57)
    """
    half = special.stdtrit(df, (1 + confidence) / 2) * error * np.sqrt(special.chdtri(df, 1 - _SHARES) / df)
    return float(_SHARE_WEIGHTS @ _between(below, above, half, error))


def power_of_t(df: float, shift: float, alpha: float = 0.05) -> float:
    """How often |t| exceeds its critical value, if the estimate lies `shift` standard errors from zero.

    Parameters:
        df, shift: degrees of freedom of the standard error; the truth in true standard errors
        alpha: of the two-sided test, between 0 and 1
    Returns: a number between 0 and 1
    >>> round(power_of_t(8, 3.0), 2), round(power_of_t(8, 0.0), 2)
    (0.75, 0.05)
    """
    critical = stats.t.isf(alpha / 2, df)
    # scipy finds no number for the far tail where it is next to nothing, and statsmodels' power is NaN with it
    return float(stats.nct.sf(critical, df, shift) + np.nan_to_num(stats.nct.cdf(-critical, df, shift)))


def one_sided_power(
    n: int, sd: float, gap: float, sd_reference: float, n_reference: int, confidence: float = 0.90
) -> float:
    """How often the Welch interval of new normal runs against a published sample excludes what lies `gap` away.

    The published mean and spread stay as they are: no new runs of theirs are drawn.

    Parameters:
        n, sd: runs and true SD of ours
        gap: from the true difference to the limit, in the unit of the SDs
        sd_reference, n_reference: sample SD and runs of the published sample
        confidence: of the two-sided interval, between 0 and 1
    Returns: a number between 0 and 1
    >>> round(one_sided_power(7, 543.2, 462.4, 463.4, 10), 2), round(one_sided_power(16, 543.2, 462.4, 463.4, 10), 2)
    (0.54, 0.81)
    """
    half = _welch_half(_variances(sd, n), n, sd_reference**2 / n_reference, n_reference, confidence)
    return float(_SHARE_WEIGHTS @ _between(math.inf, gap, half, sd / math.sqrt(n)))


def simulated(
    pilot_a: ArrayLike,
    pilot_b: ArrayLike,
    n: int,
    test: Callable[[np.ndarray, np.ndarray, Generator], float],
    *,
    difference: float = 0.0,
    alpha: float = 0.05,
    studies: int = 1_000,
    rng: Generator,
) -> Simulated:
    """How often a test finds a difference between groups drawn with replacement from pilot runs.

    What the pilots did not show (a rare failure) is not in the answer, and their variance is (k - 1) / k of the true.

    Parameters:
        pilot_a, pilot_b: scores [k] or whole curves [k, T] of runs already made
        n, studies, rng: runs in each group, simulated studies, both 2 or more; source of the draws
        test, alpha: test(x, y, rng) -> p, which finds a difference at or below alpha; a NaN p finds nothing
        difference: added to every x, in the unit of the pilots
    Returns: Simulated, fractions of 1
    Raises ValueError: fewer than two pilots of a group, runs or studies, or a value that is not finite
    >>> rng = np.random.default_rng(0)
    >>> simulated([0, 1], [5, 6], 4, lambda x, y, rng: float(x.max() > y.min()), studies=9, rng=rng)
    Simulated(power=1.0, standard_error=0.0, studies=9)
    """
    a, b = _pilots(pilot_a, pilot_b, n, studies)
    draws = ((a[rng.integers(len(a), size=n)] + difference, b[rng.integers(len(b), size=n)]) for _ in range(studies))
    share = sum(bool(test(x, y, rng) <= alpha) for x, y in draws) / studies
    return Simulated(share, math.sqrt(share * (1 - share) / studies), studies)


def tolerance_factor(n: int, content: float = 0.90, confidence: float = 0.95, two_sided: bool = True) -> float:
    """k such that mean +- k SD of n normal scores holds the share `content` of all runs.

    One-sided (mean - k SD lies below that share): from the noncentral t. Two-sided: the exact factor, the root of Wald
    & Wolfowitz's equation averaged over the sample mean (Krishnamoorthy & Mathew 2009, ch. 2; ISO 16269-6).

    Parameters:
        n: number of scores, 2 or more
        content, confidence: the share of all runs, and how surely it is held, both between 0 and 1
        two_sided: False: the lower limit alone
    Returns: k, in sample SDs
    Raises ValueError: n below 2, content or confidence not between 0 and 1
    >>> round(tolerance_factor(10), 2), round(tolerance_factor(10, two_sided=False), 3)
    (2.86, 2.355)
    """
    _check_shares(content, confidence)
    if n < 2:
        raise ValueError(f"n must be at least 2 for a spread to exist, not {n}")
    if not two_sided:
        return float(stats.nct.ppf(confidence, n - 1, stats.norm.ppf(content) * math.sqrt(n)) / math.sqrt(n))
    mean = 4 * (_GAUSS + 1) / math.sqrt(n)  # of the sample, in SDs: all but 1e-15 of it lies within 8 errors
    weights = 8 * _WEIGHTS * stats.norm.pdf(mean * math.sqrt(n))
    reach = stats.ncx2.ppf(content, 1, mean**2)  # the square of the half-width that holds the content around it

    def held(k: float) -> float:
        return float(weights @ stats.chi2.sf((n - 1) * reach / k**2, n - 1))

    return _root(lambda k: held(k) - confidence, 1e-3, 4.0)


def order_statistics_needed(content: float = 0.90, confidence: float = 0.95, two_sided: bool = True) -> int:
    """The least number of runs whose lowest and highest bound that share of all runs (Wilks 1941).

    Parameters:
        content, confidence: the share of all runs, and how surely it is held, both between 0 and 1
        two_sided: False: the lowest alone bounds it
    Returns: a number of runs
    >>> order_statistics_needed(), order_statistics_needed(two_sided=False)
    (46, 29)
    """
    _check_shares(content, confidence)
    return next(n for n in count(2) if stats.binom.sf(n - 1 - two_sided, n, content) <= 1 - confidence)


def _power(n: float, effect: float, alpha: float) -> float:
    """As `power`, under a name that is not an argument of the functions that invert it."""
    if not n >= 2:
        raise ValueError(f"n must be at least 2 for a spread to exist, not {n}")
    if not (math.isfinite(effect) and 0 < alpha < 1):
        raise ValueError(f"effect must be a finite number and alpha lie between 0 and 1, not {effect} and {alpha}")
    return power_of_t(2 * n - 2, abs(effect) * math.sqrt(n / 2), alpha)


def _variances(sd: float, n: int) -> np.ndarray:
    """The squared standard error of a normal sample's mean, at the quantiles of its chi-square distribution [NODES]."""
    return sd**2 / n * special.chdtri(n - 1, 1 - _SHARES) / (n - 1)


def _welch_half(v1: np.ndarray, n1: int, v2: np.ndarray | float, n2: int, confidence: float) -> np.ndarray:
    """Half the width of the Welch interval, from the squared standard errors of both means."""
    df = (v1 + v2) ** 2 / (v1**2 / (n1 - 1) + v2**2 / (n2 - 1))
    return special.stdtrit(df, (1 + confidence) / 2) * np.sqrt(v1 + v2)


def _between(below: float, above: float, half: np.ndarray, error: float) -> np.ndarray:
    """How often an interval of that half-width around a normal estimate ends nearer to the truth than both limits."""
    with np.errstate(divide="ignore", invalid="ignore"):  # where nothing varies
        return np.maximum(special.ndtr((above - half) / error) - special.ndtr((half - below) / error), 0)


def _pilots(pilot_a: ArrayLike, pilot_b: ArrayLike, n: int, studies: int) -> tuple[np.ndarray, np.ndarray]:
    """Both groups' pilot runs in an order that does not depend on that of the seeds."""
    pilots = [np.asarray(pilot, float) for pilot in (pilot_a, pilot_b)]
    if n < 2 or studies < 2 or min(len(pilot) for pilot in pilots) < 2:
        raise ValueError("a simulated study needs two pilot runs of each group, n of at least 2 and two studies")
    if not all(np.isfinite(pilot).all() for pilot in pilots):
        raise ValueError("a pilot run holds a value that is NaN or infinite; give a failed run a score first")
    a, b = (pilot[np.lexsort(pilot.reshape(len(pilot), -1).T[::-1])] for pilot in pilots)
    return a, b


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

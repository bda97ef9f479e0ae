"""Do two means agree up to a margin, and is one no worse? Verdicts from values, summaries, bands and epoch counts."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.nonparametric import rank_compare_2indep

from suite.statistics.curves import Band
from suite.statistics.power import interval_power, least_n, one_sided_power, power_of_t
from suite.statistics.two_samples import Summary, Test, differences, standard_error, summary, welch_from_summary

PASS, FAIL, INCONCLUSIVE, SUSPICIOUSLY_BETTER = "PASS", "FAIL", "INCONCLUSIVE", "SUSPICIOUSLY_BETTER"
EQUIVALENT, DIFFERENT = "EQUIVALENT", "DIFFERENT"

Numbers = float | np.ndarray
BySizes = Callable[[Numbers, Numbers], tuple[Numbers, Numbers]]
"""From both groups' numbers of seeds to a standard error and its degrees of freedom, or to an interval's ends."""


class Verdict(NamedTuple):
    """A verdict of non-inferiority."""

    verdict: str  # PASS, FAIL, SUSPICIOUSLY_BETTER or INCONCLUSIVE
    difference: float  # ours - reference, in the unit of the values
    low: float  # where its interval begins, in that unit
    high: float  # where it ends
    p: float  # one-sided, of the hypothesis that ours is worse by the margin or more
    df: float  # degrees of freedom of that p
    margin: float  # the loss that does not count, in that unit
    n_needed: int | None  # seeds of ours that decide it with a power of 80 %; None if decided, or no number does


class Equivalence(NamedTuple):
    """A verdict of equivalence."""

    statistic: float  # t of the harder one of the two one-sided tests
    df: float  # its degrees of freedom
    p: float  # its p
    difference: float  # of the means, in the unit of the values
    low: float  # where its interval begins, in that unit
    high: float  # where it ends
    confidence: float  # of the interval
    verdict: str  # EQUIVALENT, DIFFERENT or INCONCLUSIVE
    margin: float  # the difference that does not count, in that unit
    n_needed: int | None  # seeds per arm that decide it with a power of 80 %; None if decided, or no number does


class Within(NamedTuple):
    """Whether an estimate is known to lie within a margin."""

    within: bool  # whether all of its interval does
    low: float  # where its interval begins, in the unit of the estimate
    high: float  # where it ends
    confidence: float  # of the interval
    n_needed: int | None  # runs that show, with a power of 80 %, that it is within or not zero; None: no number does


class Prediction(NamedTuple):
    """Whether a number could be one more run of ours."""

    inside: bool  # whether the number lies in the interval of one more run
    value: float  # the number, in the unit of the values
    low: float  # where that interval begins, in that unit
    high: float  # where it ends
    p: float  # two-sided, of the number
    confidence: float  # of that interval


class ConvergencePoint(NamedTuple):
    """A submission's epochs to the target against a reference convergence point."""

    mean: float  # of the submission without its least and greatest value, in epochs
    sd: float  # of the reference, in epochs
    reference_mean: float  # of the reference, likewise, in epochs
    p: float  # of the test that the submission is not faster
    minimum: float  # the mean at which it just rejects, in epochs
    max_speedup: float  # reference_mean / minimum
    passes: bool  # whether the submission is slow enough to be believed
    normalisation: float  # what the score of one that is faster within the band is multiplied by, 1 if it is not faster


def non_inferiority_from_summary(ours: Summary, reference: Summary, margin: float, confidence: float = 0.90) -> Verdict:
    """Whether ours falls short of the reference by less than the margin.

    PASS: the Welch interval of ours - reference lies above -margin. FAIL: it lies below. SUSPICIOUSLY_BETTER: it lies
    above +margin, as it does when two quantities are compared that are not the same. Else INCONCLUSIVE.

    Parameters:
        ours, reference: mean, sample SD and number of seeds, in the same unit
        margin: the loss that does not count, in that unit
        confidence: of the two-sided interval; 0.90 puts both limits at one-sided 95 % (Schuirmann 1987, J Pharmacokinet
            Biopharm 15)
    Returns: Verdict; n_needed is more than the present number, where ours has its mean and SD and the reference stays
        as it is
    Raises ValueError: a margin that is not positive, or a summary that `welch_from_summary` refuses
    >>> test = non_inferiority_from_summary((10_000, 800, 10), (10_500, 900, 5), 1050)
    >>> test.verdict, round(test.low), round(test.p, 3)
    ('INCONCLUSIVE', -1395, 0.142)
    """
    if not (math.isfinite(margin) and margin > 0):
        raise ValueError(f"margin must be a positive number of return units, not {margin}")
    test = _welch(ours, reference, confidence)
    mean, sd, n = ours
    shifted = _welch((mean + margin, sd, n), reference, confidence)
    p = float(stats.t.sf(shifted.statistic, shifted.df))
    verdict, n_needed = str(_no_worse(test.low, test.high, margin)), None
    if verdict == INCONCLUSIVE:
        gap = abs(test.difference + margin)
        n_needed = least_n(lambda more: one_sided_power(more, sd, gap, *reference[1:], confidence), fewest=n + 1)
    return Verdict(verdict, test.difference, test.low, test.high, p, test.df, margin, n_needed)


def non_inferiority(x: ArrayLike, y: ArrayLike, margin: float, confidence: float = 0.90) -> Verdict:
    """Whether the values of our seeds fall short of the reference's by less than the margin.

    Parameters:
        x, y: [n1], [n2], one value per seed of ours and of the reference, in the same unit
        margin, confidence: as in `non_inferiority_from_summary`
    Returns: Verdict, as from `non_inferiority_from_summary`
    >>> non_inferiority([4, 7, 8, 6, 3, 2], [6, 8, 7, 10, 11, 9], 6).verdict
    'PASS'
    """
    return non_inferiority_from_summary(summary(x, "x"), summary(y, "y"), margin, confidence)


def prediction_check(ours: Summary, value: float, confidence: float = 0.95) -> Prediction:
    """Whether a published number without a spread lies where one more run of ours would.

    Student's prediction interval mean +- t sd sqrt(1 + 1/n). Advisory only: it takes the number for a single run with
    our spread, and it is wide for few seeds, so being inside says little.

    Parameters:
        ours: mean, sample SD and number of seeds
        value: the number, in the same unit
        confidence: of the two-sided interval, between 0 and 1
    Returns: Prediction, in the unit of the value
    >>> check = prediction_check((10, 2, 4), 17)
    >>> check.inside, round(check.low, 2), round(check.high, 2), round(check.p, 3)
    (True, 2.88, 17.12, 0.052)
    """
    _welch(ours, (value, 0.0, 2), confidence)  # refuses what is no summary and no number
    mean, sd, n = ours
    error = sd * math.sqrt(1 + 1 / n)
    low, high = _interval(mean, error, n - 1, confidence)
    p = 2 * float(stats.t.sf(abs(_studentised(value - mean, error)), n - 1))
    return Prediction(bool(low <= value <= high), value, float(low), float(high), p, confidence)


def tost_from_summary(
    ours: Summary, reference: Summary, margin: float, confidence: float = 0.90, *, variances: str = "unequal"
) -> Equivalence:
    """Two one-sided t tests of |difference| >= margin (Schuirmann 1987, J Pharmacokinet Biopharm 15).

    EQUIVALENT: the interval of ours - reference lies within +-margin. DIFFERENT: all of it lies beyond one side. Else
    INCONCLUSIVE.

    Parameters:
        ours, reference: mean, sample SD and number of seeds, in the same unit
        margin: the difference that does not count, in that unit
        confidence: of the two-sided interval, 1 - 2 alpha: 0.90 tests at 5 %
        variances: "unequal" (Welch) or "pooled"
    Returns: Equivalence, of ours - reference; n_needed is of two equal arms with these means and spreads
    Raises ValueError: a margin that is not positive, other variances, or a summary that `welch_from_summary` refuses
    >>> test = tost_from_summary((7, 6, 5), (0, 6, 5), 10)
    >>> test.verdict, round(test.low, 2), round(test.high, 2), test.n_needed
    ('INCONCLUSIVE', -0.06, 14.06, 51)
    """
    errors = {"unequal": standard_error, "pooled": _pooled_error}
    if variances not in errors:
        raise ValueError(f'variances must be "unequal" or "pooled", not "{variances}"')
    test = _welch(ours, reference, confidence)

    def error(n1: Numbers, n2: Numbers) -> tuple[Numbers, Numbers]:
        return errors[variances](ours[1], n1, reference[1], n2)

    return _tested(test.difference, error, ours[2], reference[2], margin, confidence)


def tost(
    x: ArrayLike, y: ArrayLike, margin: float, confidence: float = 0.90, *, variances: str = "unequal"
) -> Equivalence:
    """Two one-sided t tests that two samples' means differ by less than the margin.

    Parameters:
        x, y: [n1], [n2], one value per seed, in the same unit
        margin, confidence, variances: as in `tost_from_summary`
    Returns: Equivalence, of mean(x) - mean(y), as from `tost_from_summary`
    >>> test = tost([4, 7, 8, 6, 3, 2], [6, 8, 7, 10, 11, 9], 10)
    >>> test.verdict, round(test.p, 5)
    ('EQUIVALENT', 0.00021)
    """
    return tost_from_summary(summary(x, "x"), summary(y, "y"), margin, confidence, variances=variances)


def tost_paired(x: ArrayLike, y: ArrayLike, margin: float, confidence: float = 0.90) -> Equivalence:
    """Two one-sided t tests that the two values of a pair differ by less than the margin on average.

    Runs are pairs that share more than chance gives them, such as start states, initial weights and noise.

    Parameters:
        x, y: [n], the two values of each pair, in the same unit
        margin, confidence: as in `tost_from_summary`
    Returns: Equivalence, of mean(x - y); n_needed counts pairs
    Raises ValueError: as `tost` does, or x and y differ in length
    >>> test = tost_paired([4, 7, 8, 6, 3, 2], [6, 8, 7, 10, 11, 9], 2)
    >>> test.verdict, round(test.p, 3)
    ('INCONCLUSIVE', 0.829)
    """
    mean, sd, n = differences(x, y)

    def error(pairs: Numbers, _: Numbers) -> tuple[Numbers, Numbers]:
        return sd / np.sqrt(pairs), pairs - 1

    return _tested(mean, error, n, n, margin, confidence)


def tost_superiority(x: ArrayLike, y: ArrayLike, delta: float = 0.15, confidence: float = 0.90) -> Equivalence:
    """Whether P(x > y) + P(x = y) / 2 lies within 0.5 -+ delta (variance: Brunner & Munzel 2000, Biometrical J. 42).

    Samples that do not overlap leave no estimate of the variance: then the interval is the exact binomial one of
    min(n1, n2) independent pairs, all won by the same side, and p is 1.

    Parameters:
        x, y: [n1], [n2], one value per seed, in the same unit
        delta: between 0 and 0.5
        confidence: as in `tost_from_summary`
    Returns: Equivalence, difference, low and high are that probability and its limits, minus 0.5
    Raises ValueError: delta not between 0 and 0.5, fewer than two values, or one that is not finite
    >>> test = tost_superiority([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], delta=0.4)
    >>> test.verdict, round(test.high, 3)
    ('EQUIVALENT', 0.326)
    """
    x, y = (np.sort(np.asarray(values, dtype=float)) for values in (x, y))
    n1, n2 = summary(x, "x")[2], summary(y, "y")[2]
    if not 0 < delta < 0.5:
        raise ValueError(f"delta must lie between 0 and 0.5, the farthest a probability is from 0.5, not {delta}")
    with np.errstate(divide="ignore", invalid="ignore"):  # its own test of 0.5 fails where there is no spread
        ranks = rank_compare_2indep(x, y)
    difference = float(ranks.prob1) - 0.5
    if abs(difference) == 0.5:
        nearest = partial(_all_pairs_won, difference, confidence)

        def certain(n: int) -> float:  # if one side wins every pair of all there could be
            return float(_within(*nearest(n, n), delta) != INCONCLUSIVE)

        return _equivalence(difference, math.inf, n1 + n2 - 2, nearest, certain, (n1, n2), delta, confidence)
    sd1, sd2 = math.sqrt(ranks.s1) / n2, math.sqrt(ranks.s2) / n1
    return _tested(difference, lambda n1, n2: standard_error(sd1, n1, sd2, n2), n1, n2, delta, confidence)


def band_verdict(band: Band, margin: ArrayLike, from_index: int = 0) -> str:
    """The verdict of a simultaneous band of the difference of two curves, from a checkpoint on.

    EQUIVALENT: the band lies within +-margin at every checkpoint. DIFFERENT: at some checkpoint all of it lies beyond
    one side. Else INCONCLUSIVE. No correction for the number of checkpoints is due, because the band holds at all of
    them at once.

    Parameters:
        band: [T], as from `suite.statistics.curves.difference_band`
        margin: a number or [T], in the unit of the values
        from_index: the first checkpoint that counts
    Returns: EQUIVALENT, DIFFERENT or INCONCLUSIVE
    Raises ValueError: a margin that is not positive or of another shape, a limit that is not finite, no such
        checkpoint
    >>> band = Band(np.zeros(2), np.array([-4, -1]), np.array([-3, 1]), 2.0)
    >>> band_verdict(band, 2), band_verdict(band, 2, from_index=1)
    ('DIFFERENT', 'EQUIVALENT')
    """
    verdicts = _within(*_from(band, margin, from_index))
    if (verdicts == EQUIVALENT).all():
        return EQUIVALENT
    return DIFFERENT if DIFFERENT in verdicts else INCONCLUSIVE


def band_non_inferiority(band: Band, margin: ArrayLike, from_index: int = 0) -> str:
    """The one-sided verdict of a band of ours - reference, from a checkpoint on.

    Parameters:
        band, margin, from_index: as in `band_verdict`
    Returns: PASS: the band lies above -margin everywhere. FAIL: it lies below somewhere. Else INCONCLUSIVE
    >>> band = Band(np.zeros(2), np.array([-4, -1]), np.array([-3, 9]), 2.0)
    >>> band_non_inferiority(band, 2), band_non_inferiority(band, 2, from_index=1)
    ('FAIL', 'PASS')
    """
    low, high, margins = _from(band, margin, from_index)
    if (low > -margins).all():
        return PASS
    return FAIL if (high < -margins).any() else INCONCLUSIVE


def to_sample_sd(spread: float, kind: str, n: int) -> float:
    """The sample SD (n - 1 in the denominator) behind a published spread.

    Parameters:
        spread: as published, at least 0
        kind: sd_ddof1, sd_ddof0 (numpy's default), sem, ci95_t and ci95_norm (half-widths of a 95 % interval), half_sd
            (bands drawn at half a standard deviation)
        n: number of seeds, 2 or more
    Returns: a number in the unit of the spread
    Raises ValueError: a negative spread, fewer than two seeds, another kind; "unknown" too, since it tests nothing
    >>> to_sample_sd(100, "sem", 4), round(to_sample_sd(100, "ci95_t", 5), 1)
    (200.0, 80.5)
    """
    if not (math.isfinite(spread) and spread >= 0):
        raise ValueError(f"spread must be a finite number of at least 0, not {spread}")
    if not n >= 2:
        raise ValueError(f"n must be at least 2 for a spread to exist, not {n}")
    factors = {
        "sd_ddof1": 1.0,
        "sd_ddof0": math.sqrt(n / (n - 1)),
        "sem": math.sqrt(n),
        "ci95_t": math.sqrt(n) / stats.t.ppf(0.975, n - 1),
        "ci95_norm": math.sqrt(n) / stats.norm.ppf(0.975),
        "half_sd": 2.0,
    }
    if kind == "unknown":
        raise ValueError("kind is unknown, so this spread tests nothing: the check can only be advisory")
    if kind not in factors:
        raise ValueError(f"kind must be one of {', '.join(factors)}, not {kind}")
    return float(spread * factors[kind])


def reference_convergence_point(reference: ArrayLike, submission: ArrayLike, alpha: float = 0.05) -> ConvergencePoint:
    """Whether the epochs to the target of a submission are no fewer than chance explains by the reference's.

    MLPerf's rule: means without the least and the greatest value, and a one-sided pooled t test with n - 2 and m - 2
    values and, for both, the SD (n in the denominator) of all n reference values. A submission with more than one run
    that did not converge fails (mlcommons/logging@7bbf792, rcp_checker.py lines 189, 302-310, 377-422, 459-500).

    Parameters:
        reference, submission: [n >= 4], [m >= 3], epochs to the target; inf for a submission's run that did not
            converge
        alpha: of the one-sided test, between 0 and 1
    Returns: ConvergencePoint, in epochs
    Raises ValueError: too few runs, epochs that are not positive, a reference run that did not converge
    >>> point = reference_convergence_point([39, 42, 40, 41, 39, 40, 41, 39, 40, 39], [39, 39, 40, 40, 41])
    >>> point.passes, round(point.minimum, 3), round(point.normalisation, 4)
    (True, 38.634, 1.0053)
    """
    reference, submission = (np.sort(np.asarray(values, dtype=float)) for values in (reference, submission))
    _check_epochs(reference, submission, alpha)
    center, mean, sd = float(reference[1:-1].mean()), float(submission[1:-1].mean()), float(reference.std())
    se, df = _pooled_error(sd, len(reference) - 2, sd, len(submission) - 2)
    minimum = max(0.0, float(center - stats.t.ppf(1 - alpha, df) * se))
    p = float(stats.t.cdf(_studentised(mean - center, float(se)), df)) if se > 0 else float(mean >= center)
    speedup = center / minimum if minimum else math.inf
    passes = mean >= minimum and bool(np.isinf(submission).sum() <= 1)
    return ConvergencePoint(mean, sd, center, p, minimum, speedup, passes, max(1.0, center / mean))


def _all_pairs_won(difference: float, confidence: float, n1: Numbers, n2: Numbers) -> tuple[Numbers, Numbers]:
    nearest = difference * (2 * ((1 - confidence) / 2) ** (1 / np.minimum(n1, n2)) - 1)
    return np.minimum(nearest, difference), np.maximum(nearest, difference)


def within_margin(
    estimate: float, error: float, df: float, n: int, margin: float, confidence: float = 0.90, alpha: float = 0.05
) -> Within:
    """Whether all of an estimate's Student interval lies within +-margin: two one-sided t tests of any contrast.

    Parameters:
        estimate, error, df: the contrast, its standard error and the degrees of freedom of that
        n: runs on each side, on which the error depends as 1 / sqrt(n) and df as n - 1; 2 or more
        margin: the difference that does not count, in the unit of the estimate
        confidence: of the interval, between 0 and 1
        alpha: of the test that the contrast is zero, by which n_needed is settled, too
    Returns: Within; n_needed is more than n, where the estimate is the truth and spreads stay as they are
    Raises ValueError: a margin or an error that is not positive (an error may be 0), or n below 2
    >>> within_margin(0.02, 0.03, 8, 5, 0.1)[0], within_margin(0.02, 0.09, 8, 5, 0.1).n_needed
    (True, 42)
    """
    if not (math.isfinite(margin) and margin > 0 and error >= 0 and n >= 2):
        raise ValueError(f"margin must be positive, error not negative and n at least 2, not {margin}, {error}, {n}")
    low, high = _interval(estimate, error, df, confidence)

    def settled(runs: int) -> float:
        smaller, freedom = error * math.sqrt(n / runs), df * (runs - 1) / (n - 1)
        inside = interval_power(margin + estimate, margin - estimate, smaller, freedom, confidence)
        return max(inside, power_of_t(freedom, abs(estimate) / smaller, alpha))

    within = bool(-margin < low and high < margin)
    n_needed = None if within or not error else least_n(settled, fewest=n + 1)
    return Within(within, float(low), float(high), confidence, n_needed)


def _tested(difference: float, error: BySizes, n1: int, n2: int, margin: float, confidence: float) -> Equivalence:
    """The t tests of a difference whose standard error and degrees of freedom are error(n1, n2)."""
    se, df = error(n1, n2)
    beyond = _studentised(abs(difference) - margin, float(se))
    inside = margin - abs(difference)
    below = 2 * margin - inside if inside > 0 else math.inf

    def interval(n1: Numbers, n2: Numbers) -> tuple[Numbers, Numbers]:
        return _interval(difference, *error(n1, n2), confidence)

    def power_of(n: int) -> float:
        se, df = error(n, n)
        return interval_power(below, abs(inside), float(se), float(df), confidence)

    return _equivalence(difference, beyond, float(df), interval, power_of, (n1, n2), margin, confidence)


def _equivalence(
    difference: float,
    beyond: float,
    df: float,
    interval: BySizes,
    power_of: Callable[[int], float],
    sizes: tuple[int, int],
    margin: float,
    confidence: float,
) -> Equivalence:
    """The verdict of a difference `beyond` the margin by so many standard errors; interval(*sizes) is its interval."""
    if not (math.isfinite(margin) and margin > 0 and 0 < confidence < 1):
        raise ValueError(f"margin must be positive and confidence between 0 and 1, not {margin} and {confidence}")
    low, high = interval(*sizes)
    verdict = str(_within(low, high, margin))
    n_needed = least_n(power_of) if verdict == INCONCLUSIVE else None
    statistic, p = math.copysign(1, difference) * beyond, float(stats.t.cdf(beyond, df))
    ends = float(low), float(high)
    return Equivalence(statistic, float(df), p, difference, *ends, confidence, verdict, margin, n_needed)


def _within(low: Numbers, high: Numbers, margin: Numbers) -> np.ndarray:
    cases = [np.asarray((low > -margin) & (high < margin)), np.asarray((low > margin) | (high < -margin))]
    return np.select(cases, [EQUIVALENT, DIFFERENT], INCONCLUSIVE)


def _no_worse(low: Numbers, high: Numbers, margin: float) -> np.ndarray:
    cases = [np.asarray(low > margin), np.asarray(low > -margin), np.asarray(high < -margin)]
    return np.select(cases, [SUSPICIOUSLY_BETTER, PASS, FAIL], INCONCLUSIVE)


def _interval(center: float, se: Numbers, df: Numbers, confidence: float) -> tuple[Numbers, Numbers]:
    half = stats.t.ppf((1 + confidence) / 2, df) * se
    return center - half, center + half


def _studentised(value: float, se: float) -> float:
    if se > 0:
        return float(value / se)
    return math.copysign(math.inf, value) if value else 0.0


def _pooled_error(s1: float, n1: Numbers, s2: float, n2: Numbers) -> tuple[Numbers, Numbers]:
    df = n1 + n2 - 2
    return np.sqrt(((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / df * (1 / n1 + 1 / n2)), df


def _welch(ours: Summary, reference: Summary, confidence: float) -> Test:
    try:
        return welch_from_summary(*ours, *reference, confidence)
    except ValueError as error:
        raise ValueError(f"of ours (1) and reference (2): {error}") from error


def _check_epochs(reference: np.ndarray, submission: np.ndarray, alpha: float) -> None:
    """Refuses sorted epochs that make no convergence point."""
    if reference.ndim != 1 or len(reference) < 4 or submission.ndim != 1 or len(submission) < 3:
        raise ValueError("a convergence point needs a list of at least 4 reference and 3 submission runs")
    if not np.isfinite(reference).all() or np.isnan(submission).any() or min(reference[0], submission[0]) <= 0:
        raise ValueError("epochs must be positive, and finite numbers but for a submission's inf: did not converge")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")


def _from(band: Band, margin: ArrayLike, from_index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The band's limits and the margin, all [T - from_index], from a checkpoint on."""
    low, high, margins = (np.asarray(values, dtype=float) for values in (band.low, band.high, margin))
    if margins.shape not in ((), low.shape) or not (np.isfinite(margins) & (margins > 0)).all():
        raise ValueError("margin must be a positive number, or one for every checkpoint of the band")
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ValueError("the band has a limit that is NaN or infinite; start it where every run has a value")
    if not 0 <= from_index < len(low):
        raise ValueError(f"from_index must be a checkpoint from 0 to {len(low) - 1}, not {from_index}")
    return low[from_index:], high[from_index:], np.broadcast_to(margins, low.shape)[from_index:]

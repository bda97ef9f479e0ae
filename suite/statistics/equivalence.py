"""Do two means agree up to a margin, and is one no worse? Verdicts from values, summaries, bands and epoch counts."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import stats
from statsmodels.stats.nonparametric import rank_compare_2indep

from suite.statistics.curves import Band
from suite.statistics.two_samples import standard_error, summary, welch_from_summary

PASS, FAIL, INCONCLUSIVE, SUSPICIOUSLY_BETTER = "PASS", "FAIL", "INCONCLUSIVE", "SUSPICIOUSLY_BETTER"
EQUIVALENT, DIFFERENT = "EQUIVALENT", "DIFFERENT"
LARGEST_GROUP = 10_000  # seeds; a question this many do not settle is reported as one that no number settles

Summary = tuple[float, float, int]
"""Mean, sample SD (n - 1 in the denominator) and number of seeds."""


class Verdict(NamedTuple):
    """A non-inferiority verdict: difference and its interval in return units, one-sided p, own seeds that settle it."""

    verdict: str
    difference: float
    low: float
    high: float
    p: float
    df: float
    margin: float
    n_needed: int | None


class Equivalence(NamedTuple):
    """An equivalence verdict: t and p of the harder one-sided test, the difference and its interval, seeds per arm.

    n_needed is None for a verdict that is settled, and for one that no number of seeds settles.
    """

    statistic: float
    df: float
    p: float
    difference: float
    low: float
    high: float
    confidence: float
    verdict: str
    margin: float
    n_needed: int | None


class Prediction(NamedTuple):
    """Whether a number could be one more run of ours: the interval of such a run and the two-sided p of the number."""

    inside: bool
    value: float
    low: float
    high: float
    p: float
    confidence: float


class ConvergencePoint(NamedTuple):
    """A submission's epochs to the target against a reference convergence point, all means olympic and in epochs.

    mean, reference_mean: of submission and reference. sd: the reference's. p: of the test that the submission is not
    faster. minimum: the mean at which it just rejects. max_speedup: reference_mean / minimum. normalisation: what the
    score of a submission that is faster within the band is multiplied by, 1 if it is not faster.
    """

    mean: float
    sd: float
    reference_mean: float
    p: float
    minimum: float
    max_speedup: float
    passes: bool
    normalisation: float


def non_inferiority_from_summary(ours: Summary, reference: Summary, margin: float, confidence: float = 0.90) -> Verdict:
    """Whether ours = (mean, sample SD, n) falls short of the reference by less than the margin, all in return units.

    PASS: the Welch interval of ours - reference lies above -margin. FAIL: it lies below. SUSPICIOUSLY_BETTER: it lies
    above +margin, as it does when two quantities are compared that are not the same. Else INCONCLUSIVE. `confidence`
    is the two-sided interval's: 0.90 puts both limits at one-sided 95 % (Schuirmann 1987, J Pharmacokinet Biopharm 15).
    n_needed is the least number of own seeds, not below the present one, that settles it at the observed means and
    spreads; None where the reference's own spread forbids it.
    """
    if not (math.isfinite(margin) and margin > 0):
        raise ValueError(f"margin must be a positive number of return units, not {margin}")
    test = _welch(ours, reference, confidence)
    shifted = _welch((ours[0] + margin, *ours[1:]), reference, confidence)
    p = float(stats.t.sf(shifted.statistic, shifted.df))
    seeds = np.arange(ours[2], max(LARGEST_GROUP, ours[2]) + 1)
    intervals = _interval(test.difference, *standard_error(ours[1], seeds, *reference[1:]), confidence)
    n_needed = _least(seeds, _no_worse(*intervals, margin))
    verdict = str(_no_worse(test.low, test.high, margin))
    return Verdict(verdict, test.difference, test.low, test.high, p, test.df, margin, n_needed)


def non_inferiority(x, y, margin: float, confidence: float = 0.90) -> Verdict:
    """The same for the values of our seeds x [n1] and of the reference's y [n2]."""
    return non_inferiority_from_summary(summary(x, "x"), summary(y, "y"), margin, confidence)


def prediction_check(ours: Summary, value: float, confidence: float = 0.95) -> Prediction:
    """Whether a published number without a spread lies where one more run of ours = (mean, sample SD, n) would.

    Student's prediction interval mean +- t sd sqrt(1 + 1/n). Advisory only: it takes the number for a single run with
    our spread, and it is wide for few seeds, so being inside says little.
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
    """Two one-sided t tests of |difference| >= margin; ours and reference = (mean, sample SD, n), in return units.

    EQUIVALENT: the interval of ours - reference lies within +-margin. DIFFERENT: all of it lies beyond one side. Else
    INCONCLUSIVE. `confidence` is the interval's, 1 - 2 alpha: 0.90 tests at 5 % (Schuirmann 1987, J Pharmacokinet
    Biopharm 15). variances: "unequal" (Welch) or "pooled". n_needed: the least number of seeds in each of two equal
    arms that settles it at these means and spreads.
    """
    errors = {"unequal": standard_error, "pooled": _pooled_error}
    if variances not in errors:
        raise ValueError(f'variances must be "unequal" or "pooled", not "{variances}"')
    test = _welch(ours, reference, confidence)

    def error(n1, n2):
        return errors[variances](ours[1], n1, reference[1], n2)

    return _tested(test.difference, error, ours[2], reference[2], margin, confidence)


def tost(x, y, margin: float, confidence: float = 0.90, *, variances: str = "unequal") -> Equivalence:
    """The same for values x [n1] and y [n2], one per seed."""
    return tost_from_summary(summary(x, "x"), summary(y, "y"), margin, confidence, variances=variances)


def tost_paired(x, y, margin: float, confidence: float = 0.90) -> Equivalence:
    """The same for pairs: x [n] and y [n] hold the two values of each; n_needed counts pairs.

    Runs that share nothing but the number of their seed are no pairs.
    """
    pair = {name: np.asarray(values, dtype=float) for name, values in {"x": x, "y": y}.items()}
    for name, values in pair.items():
        summary(values, name)  # refuses what is no sample
    if pair["x"].shape != pair["y"].shape:
        raise ValueError(f"pairs need as many x as y, not {len(pair['x'])} and {len(pair['y'])}; tost compares those")
    mean, sd, n = summary(pair["x"] - pair["y"])
    return _tested(mean, lambda pairs, _: (sd / np.sqrt(pairs), pairs - 1), n, n, margin, confidence)


def tost_superiority(x, y, delta: float = 0.15, confidence: float = 0.90) -> Equivalence:
    """Whether P(x > y) + P(x = y) / 2 lies within 0.5 -+ delta; `difference` is that probability minus 0.5.

    Values x [n1] and y [n2], one per seed; Brunner & Munzel's variance (2000, Biometrical J. 42), of which samples that
    do not overlap leave no estimate: then the interval is the exact binomial one of min(n1, n2) independent pairs, all
    won by the same side, and p is 1.
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
        return _equivalence(difference, math.inf, n1 + n2 - 2, nearest, (n1, n2), delta, confidence)
    sd1, sd2 = math.sqrt(ranks.s1) / n2, math.sqrt(ranks.s2) / n1
    return _tested(difference, lambda n1, n2: standard_error(sd1, n1, sd2, n2), n1, n2, delta, confidence)


def _all_pairs_won(difference: float, confidence: float, n1, n2) -> tuple:
    nearest = difference * (2 * ((1 - confidence) / 2) ** (1 / np.minimum(n1, n2)) - 1)
    return np.minimum(nearest, difference), np.maximum(nearest, difference)


def _tested(difference: float, error: Callable, n1: int, n2: int, margin: float, confidence: float) -> Equivalence:
    """The t tests of a difference whose standard error and degrees of freedom are error(n1, n2)."""
    se, df = error(n1, n2)
    beyond = _studentised(abs(difference) - margin, se)

    def interval(n1, n2):
        return _interval(difference, *error(n1, n2), confidence)

    return _equivalence(difference, beyond, df, interval, (n1, n2), margin, confidence)


def _equivalence(difference, beyond, df, interval: Callable, sizes, margin, confidence) -> Equivalence:
    """The verdict of a difference `beyond` the margin by so many standard errors; interval(*sizes) is its interval."""
    if not (math.isfinite(margin) and margin > 0 and 0 < confidence < 1):
        raise ValueError(f"margin must be positive and confidence between 0 and 1, not {margin} and {confidence}")
    low, high = interval(*sizes)
    verdict, n_needed = str(_within(low, high, margin)), None
    if verdict == INCONCLUSIVE and not math.isclose(abs(difference), margin, rel_tol=1e-9):
        seeds = np.arange(2, LARGEST_GROUP + 1)
        n_needed = _least(seeds, _within(*interval(seeds, seeds), margin))
    statistic, p = math.copysign(1, difference) * beyond, float(stats.t.cdf(beyond, df))
    ends = float(low), float(high)
    return Equivalence(statistic, float(df), p, difference, *ends, confidence, verdict, margin, n_needed)


def _within(low, high, margin) -> np.ndarray:
    cases = [(low > -margin) & (high < margin), (low > margin) | (high < -margin)]
    return np.select(cases, [EQUIVALENT, DIFFERENT], INCONCLUSIVE)


def _no_worse(low, high, margin) -> np.ndarray:
    cases = [low > margin, low > -margin, high < -margin]
    return np.select(cases, [SUSPICIOUSLY_BETTER, PASS, FAIL], INCONCLUSIVE)


def _least(seeds: np.ndarray, verdicts: np.ndarray) -> int | None:
    settled = verdicts != INCONCLUSIVE
    return int(seeds[settled.argmax()]) if settled.any() else None


def _interval(center, se, df, confidence) -> tuple:
    half = stats.t.ppf((1 + confidence) / 2, df) * se
    return center - half, center + half


def _studentised(value: float, se: float) -> float:
    if se > 0:
        return float(value / se)
    return math.copysign(math.inf, value) if value else 0.0


def _pooled_error(s1: float, n1, s2: float, n2) -> tuple:
    df = n1 + n2 - 2
    return np.sqrt(((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / df * (1 / n1 + 1 / n2)), df


def _welch(ours: Summary, reference: Summary, confidence: float):
    try:
        return welch_from_summary(*ours, *reference, confidence)
    except ValueError as error:
        raise ValueError(f"of ours (1) and reference (2): {error}") from error


def band_verdict(band: Band, margin, from_index: int = 0) -> str:
    """The verdict of a simultaneous band [T] of the difference of two curves, from a checkpoint on.

    EQUIVALENT: the band lies within +-margin (a number or [T], in the values' unit) at every checkpoint. DIFFERENT: at
    some checkpoint all of it lies beyond one side. Else INCONCLUSIVE. No correction for the number of checkpoints is
    due, because the band holds at all of them at once.
    """
    verdicts = _within(*_from(band, margin, from_index))
    return EQUIVALENT if (verdicts == EQUIVALENT).all() else DIFFERENT if DIFFERENT in verdicts else INCONCLUSIVE


def band_non_inferiority(band: Band, margin, from_index: int = 0) -> str:
    """The same one-sided, of ours - reference: PASS above -margin everywhere, FAIL below somewhere."""
    low, high, margin = _from(band, margin, from_index)
    return PASS if (low > -margin).all() else FAIL if (high < -margin).any() else INCONCLUSIVE


def _from(band: Band, margin, from_index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    low, high, margin = (np.asarray(values, dtype=float) for values in (band.low, band.high, margin))
    if margin.shape not in ((), low.shape) or not (np.isfinite(margin) & (margin > 0)).all():
        raise ValueError("margin must be a positive number, or one for every checkpoint of the band")
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ValueError("the band has a limit that is NaN or infinite; start it where every run has a value")
    if not 0 <= from_index < len(low):
        raise ValueError(f"from_index must be a checkpoint from 0 to {len(low) - 1}, not {from_index}")
    return low[from_index:], high[from_index:], np.broadcast_to(margin, low.shape)[from_index:]


def to_sample_sd(spread: float, kind: str, n: int) -> float:
    """The sample SD (n - 1 in the denominator) behind a published spread over n seeds.

    kind: sd_ddof1, sd_ddof0 (numpy's default), sem, ci95_t and ci95_norm (half-widths of a 95 % interval), half_sd
    (bands drawn at half a standard deviation). "unknown" is refused.
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


def reference_convergence_point(reference, submission, alpha: float = 0.05) -> ConvergencePoint:
    """Whether the epochs to the target of a submission [m >= 3] are no fewer than chance explains by the reference's.

    MLPerf's rule for reference [n >= 4]: means without the least and the greatest value, and a one-sided pooled t test
    with n - 2 and m - 2 values and, for both, the SD (n in the denominator) of all n reference values. A run that did
    not converge is inf; a submission with more than one fails (mlcommons/logging@7bbf792, rcp_checker.py lines 189,
    302-310, 377-422, 459-500).
    """
    reference, submission = (np.sort(np.asarray(values, dtype=float)) for values in (reference, submission))
    if reference.ndim != 1 or len(reference) < 4 or submission.ndim != 1 or len(submission) < 3:
        raise ValueError("a convergence point needs a list of at least 4 reference and 3 submission runs")
    if not np.isfinite(reference).all() or np.isnan(submission).any() or min(reference[0], submission[0]) <= 0:
        raise ValueError("epochs must be positive, and finite numbers but for a submission's inf: did not converge")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    center, mean, sd = float(reference[1:-1].mean()), float(submission[1:-1].mean()), float(reference.std())
    se, df = _pooled_error(sd, len(reference) - 2, sd, len(submission) - 2)
    minimum = max(0.0, float(center - stats.t.ppf(1 - alpha, df) * se))
    p = float(stats.t.cdf(_studentised(mean - center, se), df)) if se > 0 else float(mean >= center)
    speedup = center / minimum if minimum else math.inf
    passes = mean >= minimum and bool(np.isinf(submission).sum() <= 1)
    return ConvergencePoint(mean, sd, center, p, minimum, speedup, passes, max(1.0, center / mean))

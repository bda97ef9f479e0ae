"""Is a mean no worse than a published one by more than a margin? Verdicts from means, spreads and numbers of seeds."""

import math
from typing import NamedTuple

import numpy as np
from scipy import stats

from suite.statistics.compare import standard_error, welch_from_summary

PASS, FAIL, INCONCLUSIVE, SUSPICIOUSLY_BETTER = "PASS", "FAIL", "INCONCLUSIVE", "SUSPICIOUSLY_BETTER"
LARGEST_GROUP = 10_000  # seeds; a question this many do not settle is reported as one that no number settles


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


def non_inferiority_from_summary(
    ours: tuple[float, float, int], reference: tuple[float, float, int], margin: float, confidence: float
) -> Verdict:
    """Whether ours = (mean, sample SD, n) falls short of the reference by less than the margin, all in return units.

    PASS: the Welch interval of ours - reference lies above -margin. FAIL: it lies below. SUSPICIOUSLY_BETTER: it lies
    above +margin, as it does when two quantities are compared that are not the same. Else INCONCLUSIVE. `confidence`
    is the two-sided interval's: 0.90 puts both limits at one-sided 95 % (Schuirmann 1987, J Pharmacokinet Biopharm 15).
    n_needed is the least number of own seeds, not below the present one, that settles it at the observed means and
    spreads; None where the reference's own spread forbids it.
    """
    if not (math.isfinite(margin) and margin > 0):
        raise ValueError(f"margin must be a positive number of return units, not {margin}")
    try:
        test = welch_from_summary(*ours, *reference, confidence)
        shifted = welch_from_summary(ours[0] + margin, *ours[1:], *reference, confidence)
    except ValueError as error:
        raise ValueError(f"of ours (1) and reference (2): {error}") from error
    p = float(stats.t.sf(shifted.statistic, shifted.df))
    verdict = str(_verdict(test.low, test.high, margin))
    n_needed = _seeds_needed(ours, reference, margin, confidence)
    return Verdict(verdict, test.difference, test.low, test.high, p, test.df, margin, n_needed)


def _verdict(low: np.ndarray, high: np.ndarray, margin: float) -> np.ndarray:
    cases = [low > margin, low > -margin, high < -margin]
    return np.select(cases, [SUSPICIOUSLY_BETTER, PASS, FAIL], INCONCLUSIVE)


def _seeds_needed(ours: tuple, reference: tuple, margin: float, confidence: float) -> int | None:
    mean, sd, n = ours
    seeds = np.arange(n, max(LARGEST_GROUP, n) + 1)
    se, df = standard_error(sd, seeds, reference[1], reference[2])
    half = stats.t.ppf((1 + confidence) / 2, df) * se
    difference = mean - reference[0]
    settled = _verdict(difference - half, difference + half, margin) != INCONCLUSIVE
    return int(seeds[settled.argmax()]) if settled.any() else None


def to_sample_sd(spread: float, kind: str, n: int) -> float:
    """The sample SD (n - 1 in the denominator) behind a published spread over n seeds.

    kind: sd_ddof1, sd_ddof0 (numpy's default), sem, ci95_t and ci95_norm (half-widths of a 95 % interval), half_sd
    (bands drawn at half a standard deviation).
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
    if kind not in factors:
        raise ValueError(f"kind must be one of {', '.join(factors)}, not {kind}")
    return float(spread * factors[kind])

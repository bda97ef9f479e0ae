"""How far runs scatter, how far one run swings, and how bad the bad ones are.

The measures are those of Chan et al. 2020 (arXiv 1912.05663) as google-research/rl-reliability-metrics@50da84b computes
them, without its filters: curves [runs, T] come on one grid of evenly spaced checkpoints, already normalised, and
low-passed where dispersion across runs is to leave out the noise of evaluation. Leading axes are kept everywhere.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

from suite.statistics.failures import NAME_A_POLICY
from suite.statistics.power import order_statistics_needed, tolerance_factor

MEASURES = {
    "iqr": lambda values: stats.iqr(values, axis=-1),
    "mad": lambda values: stats.median_abs_deviation(values, axis=-1),  # unscaled: no SD of a normal distribution
    "sd": lambda values: np.std(values, axis=-1, ddof=1),
}


class Tolerance(NamedTuple):
    """An interval that holds at least the share `content` of all runs, with the confidence asked for and achieved."""

    low: float
    high: float
    content: float
    confidence: float
    achieved: float


def dispersion_across(curves, measure: str = "iqr") -> np.ndarray:
    """How far the runs of curves [runs, T] lie apart at every checkpoint: [T], in the unit of the values.

    measure: "iqr" (quartiles interpolated), "mad" (median absolute deviation from the median) or "sd" (n - 1).
    """
    return _measure(measure)(_finite(curves, runs=2).T)


def dispersion_within(curves, window: int, measure: str = "iqr") -> np.ndarray:
    """How unevenly every run of curves [runs, T] moves: dispersion of its differences from checkpoint to checkpoint.

    Returns [runs, T - window]: one value for every `window` differences in a row, in the values' unit per checkpoint.
    Differences take the trend out, so that steady learning counts as no dispersion.
    """
    steps = np.diff(_finite(curves), axis=-1)
    if not 2 <= window <= steps.shape[-1]:
        raise ValueError(f"window must be 2 to {steps.shape[-1]} differences of these curves, not {window}")
    return _measure(measure)(np.lib.stride_tricks.sliding_window_view(steps, window, axis=-1))


def cvar(values, alpha: float = 0.05, tail: str = "lower") -> np.ndarray:
    """The mean of the values [..., n] at or below their alpha quantile, or at or above the 1 - alpha one ("upper").

    Conditional value at risk, or expected shortfall, of the last axis. With alpha < 1 / n it is the worst value, which
    no bound on the true tail comes from.
    """
    values = _finite(values)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    if tail not in ("lower", "upper"):
        raise ValueError(f'tail must be "lower" or "upper", not "{tail}"')
    threshold = np.quantile(values, alpha if tail == "lower" else 1 - alpha, axis=-1, keepdims=True)
    inside = values <= threshold if tail == "lower" else values >= threshold
    return np.mean(values, axis=-1, where=inside)


def cvar_of_differences(curves, alpha: float = 0.05, tail: str = "lower") -> np.ndarray:
    """The steepest falls of every run from one checkpoint to the next, as their CVaR: [runs] (short-term risk)."""
    return cvar(np.diff(_finite(curves), axis=-1), alpha, tail)


def drawdown(curves) -> np.ndarray:
    """How far curves [..., T] lie below the highest point they reached before: [..., T], never negative."""
    curves = _finite(curves)
    return np.maximum.accumulate(curves, axis=-1) - curves


def max_drawdown(curves) -> np.ndarray:
    """The deepest fall of curves [..., T] from a peak: [...]."""
    return drawdown(curves).max(axis=-1)


def cvar_of_drawdown(curves, alpha: float = 0.05, tail: str = "upper") -> np.ndarray:
    """The deepest drawdowns of every run, as their CVaR: [...] (long-term risk).

    The upper tail, because a large drawdown is a bad one; the lower, which is 0 for a run that keeps reaching new
    peaks, is the one that has been published under the name of lower CVaR on drawdown.
    """
    return cvar(drawdown(curves), alpha, tail)


def tolerance_interval(
    x, content: float = 0.90, confidence: float = 0.95, kind: str = "normal", two_sided: bool = True
) -> Tolerance:
    """Where at least the share `content` of all runs of this kind lie, from the values x [n] of some.

    "normal": mean +- k SD, k from the non-central t distribution. "distribution_free": from the k-th least value to
    the k-th greatest, k as great as the confidence allows (Wilks 1941, Annals of Mathematical Statistics 12). Not
    two-sided: the lower limit alone, above which the share lies.
    """
    x = np.sort(_finite(x))
    if x.ndim != 1 or len(x) < 2:
        raise ValueError(f"a tolerance interval needs a list of at least 2 values, not of shape {x.shape}")
    for name, value in {"content": content, "confidence": confidence}.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie between 0 and 1, not {value}")
    if kind == "normal":
        half = tolerance_factor(len(x), content, confidence, two_sided) * x.std(ddof=1)
        high = x.mean() + half if two_sided else np.inf
        return Tolerance(float(x.mean() - half), float(high), content, confidence, confidence)
    if kind != "distribution_free":
        raise ValueError(f'kind must be "normal" or "distribution_free", not "{kind}"')
    sides = 1 + two_sided
    cut = np.arange(1, len(x) // sides + 1)
    achieved = stats.beta.sf(content, len(x) + 1 - sides * cut, sides * cut)  # what lies beyond: sides * cut gaps
    kept = int((achieved >= confidence).sum())
    if not kept:
        raise ValueError(
            f"a distribution-free interval of {content:g} of all runs at {confidence:g} confidence needs at least"
            f" {order_statistics_needed(content, confidence, two_sided)} runs, not {len(x)}"
        )
    high = x[-kept] if two_sided else np.inf
    return Tolerance(float(x[kept - 1]), float(high), content, confidence, float(achieved[kept - 1]))


def _measure(measure: str):
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {', '.join(MEASURES)}, not {measure}")
    return MEASURES[measure]


def _finite(values, runs: int = 0) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim == 0 or values.size == 0:
        raise ValueError(f"values or curves must be an array of at least one value, not of shape {values.shape}")
    if runs and (values.ndim != 2 or len(values) < runs):
        raise ValueError(f"curves must be an array [runs, checkpoints] of at least {runs} runs, not {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"a value is NaN or infinite; {NAME_A_POLICY}")
    return values

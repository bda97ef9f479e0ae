"""How far runs scatter, how far one run swings, and how bad the bad ones are.

The measures are those of Chan et al. 2020 (arXiv 1912.05663) as google-research/rl-reliability-metrics@50da84b computes
them, without its filters: curves [runs, T] come on one grid of evenly spaced checkpoints, already normalised, and
low-passed where dispersion across runs is to leave out the noise of evaluation. Leading axes are kept everywhere.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from suite.statistics.failures import NAME_A_POLICY
from suite.statistics.power import order_statistics_needed, tolerance_factor

MEASURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "iqr": lambda values: stats.iqr(values, axis=-1),
    "mad": lambda values: stats.median_abs_deviation(values, axis=-1),  # unscaled: no SD of a normal distribution
    "sd": lambda values: np.std(values, axis=-1, ddof=1),
}


class Tolerance(NamedTuple):
    """An interval that holds at least a given share of all runs."""

    low: float  # in the unit of the values
    high: float  # likewise; infinite if only the lower limit was asked for
    content: float  # the share of all runs
    confidence: float  # how surely it is held, as asked for
    achieved: float  # how surely in fact


def dispersion_across(curves: ArrayLike, measure: str = "iqr") -> np.ndarray:
    """How far runs lie apart at every checkpoint.

    Parameters:
        curves: [runs, T], two runs or more
        measure: "iqr" (quartiles interpolated), "mad" (median absolute deviation from the median) or "sd" (n - 1)
    Returns: [T], in the unit of the values
    Raises ValueError: another shape or measure, or a value that is NaN or infinite
    >>> dispersion_across([[0, 0], [0, 1], [0, 2], [0, 3], [0, 4]]).tolist()
    [0.0, 2.0]
    """
    return _measure(measure)(_finite(curves, runs=2).T)


def dispersion_within(curves: ArrayLike, window: int, measure: str = "iqr") -> np.ndarray:
    """How unevenly every run moves: the dispersion of its differences from checkpoint to checkpoint.

    Differences take the trend out, so that steady learning counts as no dispersion.

    Parameters:
        curves: [runs, T]
        window: how many differences in a row each value is of, 2 to T - 1
        measure: as in `dispersion_across`
    Returns: [runs, T - window], in the values' unit per checkpoint
    Raises ValueError: another window or measure, or a value that is NaN or infinite
    >>> dispersion_within([[0, 1, 2, 3], [0, 2, 0, 2]], 3).tolist()
    [[0.0], [2.0]]
    """
    steps = np.diff(_finite(curves), axis=-1)
    if not 2 <= window <= steps.shape[-1]:
        raise ValueError(f"window must be 2 to {steps.shape[-1]} differences of these curves, not {window}")
    return _measure(measure)(np.lib.stride_tricks.sliding_window_view(steps, window, axis=-1))


def cvar(values: ArrayLike, alpha: float = 0.05, tail: str = "lower") -> np.ndarray:
    """The mean of the worst values: conditional value at risk, or expected shortfall.

    With alpha < 1 / n it is the worst value, which no bound on the true tail comes from.

    Parameters:
        values: [..., n]
        alpha: the share of the values that counts, between 0 and 1
        tail: "lower": at or below the alpha quantile. "upper": at or above the 1 - alpha quantile
    Returns: [...], in the unit of the values
    Raises ValueError: alpha not between 0 and 1, another tail, or a value that is NaN or infinite
    >>> float(cvar([1, 2, 3, 4, 100], 0.4)), float(cvar([1, 2, 3, 4, 100], 0.2, "upper"))
    (1.5, 100.0)
    """
    values = _finite(values)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    if tail not in ("lower", "upper"):
        raise ValueError(f'tail must be "lower" or "upper", not "{tail}"')
    threshold = np.quantile(values, alpha if tail == "lower" else 1 - alpha, axis=-1, keepdims=True)
    inside = values <= threshold if tail == "lower" else values >= threshold
    return np.mean(values, axis=-1, where=inside)


def cvar_of_differences(curves: ArrayLike, alpha: float = 0.05, tail: str = "lower") -> np.ndarray:
    """The steepest falls of every run from one checkpoint to the next, as their CVaR (short-term risk).

    Parameters:
        curves: [..., T]
        alpha, tail: as in `cvar`
    Returns: [...], in the values' unit per checkpoint
    >>> cvar_of_differences([[0, 5, 1, 6, 6], [0, 1, 2, 3, 4]], 0.25).tolist()
    [-4.0, 1.0]
    """
    return cvar(np.diff(_finite(curves), axis=-1), alpha, tail)


def drawdown(curves: ArrayLike) -> np.ndarray:
    """How far curves lie below the highest point they reached before.

    Parameters:
        curves: [..., T]
    Returns: [..., T], in the unit of the values, never negative
    >>> drawdown([0, 5, 1, 6, 2]).tolist()
    [0.0, 0.0, 4.0, 0.0, 4.0]
    """
    curves = _finite(curves)
    return np.maximum.accumulate(curves, axis=-1) - curves


def max_drawdown(curves: ArrayLike) -> np.ndarray:
    """The deepest fall of curves from a peak.

    Parameters:
        curves: [..., T]
    Returns: [...], in the unit of the values
    >>> max_drawdown([[0, 5, 1, 6, 3], [0, 1, 2, 3, 4]]).tolist()
    [4.0, 0.0]
    """
    return drawdown(curves).max(axis=-1)


def cvar_of_drawdown(curves: ArrayLike, alpha: float = 0.05, tail: str = "upper") -> np.ndarray:
    """The deepest drawdowns of every run, as their CVaR (long-term risk).

    The upper tail, because a large drawdown is a bad one; the lower, which is 0 for a run that keeps reaching new
    peaks, is the one that has been published under the name of lower CVaR on drawdown.

    Parameters:
        curves: [..., T]
        alpha, tail: as in `cvar`
    Returns: [...], in the unit of the values
    >>> cvar_of_drawdown([[0, 5, 1, 6, 2], [0, 1, 2, 3, 4]], 0.25).tolist()
    [4.0, 0.0]
    """
    return cvar(drawdown(curves), alpha, tail)


def tolerance_interval(
    x: ArrayLike, content: float = 0.90, confidence: float = 0.95, kind: str = "normal", two_sided: bool = True
) -> Tolerance:
    """Where at least the share `content` of all runs of this kind lie.

    Parameters:
        x: [n], the values of some, two or more
        content, confidence: the share of all runs, and how surely it is held, both between 0 and 1
        kind: "normal": mean +- k SD, k from the non-central t distribution. "distribution_free": from the k-th least
            value to the k-th greatest, k as great as the confidence allows (Wilks 1941, Annals of Mathematical
            Statistics 12)
        two_sided: False: the lower limit alone, above which the share lies
    Returns: Tolerance, in the unit of the values
    Raises ValueError: another kind, too few values, one that is NaN or infinite, content or confidence not between 0
        and 1
    >>> interval = tolerance_interval([1, 2, 3, 4, 5])
    >>> round(interval.low, 2), round(interval.high, 2)
    (-3.78, 9.78)
    """
    x = np.sort(_finite(x))
    if x.ndim != 1 or len(x) < 2:
        raise ValueError(f"a tolerance interval needs a list of at least 2 values, not of shape {x.shape}")
    for name, value in {"content": content, "confidence": confidence}.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie between 0 and 1, not {value}")
    if kind not in ("normal", "distribution_free"):
        raise ValueError(f'kind must be "normal" or "distribution_free", not "{kind}"')
    limits = _normal_limits if kind == "normal" else _order_limits
    return limits(x, content, confidence, two_sided)


def _normal_limits(x: np.ndarray, content: float, confidence: float, two_sided: bool) -> Tolerance:
    half = tolerance_factor(len(x), content, confidence, two_sided) * x.std(ddof=1)
    high = x.mean() + half if two_sided else np.inf
    return Tolerance(float(x.mean() - half), float(high), content, confidence, confidence)


def _order_limits(x: np.ndarray, content: float, confidence: float, two_sided: bool) -> Tolerance:
    """Limits at two of the sorted values x, or at one."""
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


def _measure(measure: str) -> Callable[[np.ndarray], np.ndarray]:
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {', '.join(MEASURES)}, not {measure}")
    return MEASURES[measure]


def _finite(values: ArrayLike, runs: int = 0) -> np.ndarray:
    """The values as a float array; refuses none, one that is not finite and, if asked, fewer runs [runs, T]."""
    values = np.asarray(values, dtype=float)
    if values.ndim == 0 or values.size == 0:
        raise ValueError(f"values or curves must be an array of at least one value, not of shape {values.shape}")
    if runs and (values.ndim != 2 or len(values) < runs):
        raise ValueError(f"curves must be an array [runs, checkpoints] of at least {runs} runs, not {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"a value is NaN or infinite; {NAME_A_POLICY}")
    return values

"""Comparing the means of two groups of seeds without assuming equal spreads."""

import math
from typing import NamedTuple

import numpy as np
from scipy import stats


class Test(NamedTuple):
    """Welch's two-sided test of equal means; difference, low and high are mean(x) - mean(y) and its interval's ends."""

    statistic: float
    df: float
    p: float
    difference: float
    low: float
    high: float
    confidence: float


def welch(x: np.ndarray, y: np.ndarray, confidence: float) -> Test:
    """Welch's test of two samples [n1], [n2] in the same units: one value per seed (Welch 1947, Biometrika 34)."""
    return welch_from_summary(*summary(x, "x"), *summary(y, "y"), confidence)


def welch_from_summary(m1: float, s1: float, n1: int, m2: float, s2: float, n2: int, confidence: float) -> Test:
    """The same from means, sample SDs (n - 1 in the denominator) and numbers of seeds; p and statistic are scipy's."""
    for name, value in {"m1": m1, "s1": s1, "m2": m2, "s2": s2}.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number, not {value}")
    for name, value in {"s1": s1, "s2": s2}.items():
        if value < 0:
            raise ValueError(f"{name} is a standard deviation and must not be negative, not {value}")
    for name, value in {"n1": n1, "n2": n2}.items():
        if not value >= 2:
            raise ValueError(f"{name} must be at least 2 for a spread to exist, not {value}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    difference = m1 - m2
    se, df = standard_error(s1, n1, s2, n2)
    if se == 0:  # no spread on either side: the difference is exact
        statistic = math.copysign(math.inf, difference) if difference else 0.0
        return Test(statistic, float(df), float(difference == 0), difference, difference, difference, confidence)
    statistic, p = stats.ttest_ind_from_stats(m1, s1, n1, m2, s2, n2, equal_var=False)
    half = stats.t.ppf((1 + confidence) / 2, df) * se
    low, high = float(difference - half), float(difference + half)
    return Test(float(statistic), float(df), float(p), difference, low, high, confidence)


def standard_error(s1: float, n1: np.ndarray, s2: float, n2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standard error of mean(x) - mean(y) and its Welch-Satterthwaite degrees of freedom; n1, n2 may be arrays."""
    v1, v2 = s1**2 / n1, s2**2 / n2
    if s1 == s2 == 0:
        return v1 + v2, n1 + n2 - 2
    return np.sqrt(v1 + v2), (v1 + v2) ** 2 / (v1**2 / (n1 - 1) + v2**2 / (n2 - 1))


def summary(values: np.ndarray, name: str = "values") -> tuple[float, float, int]:
    """Mean, sample SD and number of the values [n]; `name` is what an error calls them."""
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"{name} must be a list of at least 2 values, not of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds a value that is no finite number; a failed seed needs a value first")
    return float(values.mean()), float(values.std(ddof=1)), len(values)

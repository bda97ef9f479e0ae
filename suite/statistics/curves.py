"""Learning curves on a common grid of environment steps, and a band that holds over the whole curve at once."""

from typing import NamedTuple

import numpy as np

FEWEST_RUNS = 5  # with fewer runs the studentised bootstrap has too few distinct resamples to mean anything


class Band(NamedTuple):
    """Mean curve [T] with its simultaneous band [T], in the unit of the values; quantile: half-width in errors."""

    center: np.ndarray
    low: np.ndarray
    high: np.ndarray
    quantile: float


def align(env_steps, values, grid, window: float) -> np.ndarray:
    """At every grid point g the last value evaluated in (g - window, g], NaN where there is none: [len(grid)].

    env_steps [E] strictly increasing, values [E], grid [G] and window in environment steps. Nothing is carried past
    the window, so a run that stopped ends where it stopped and no axis is stretched.
    """
    env_steps, values, grid = (np.asarray(x, dtype=float) for x in (env_steps, values, grid))
    if env_steps.shape != values.shape or (np.diff(env_steps) <= 0).any():
        raise ValueError("a curve needs one value per environment step, and steps that strictly increase")
    if not np.isfinite(values).all():
        raise ValueError("a value of the curve is NaN or infinite; cut the curve where the run failed")
    last = np.searchsorted(env_steps, grid, side="right") - 1
    fresh = (last >= 0) & (np.append(env_steps, -np.inf)[last] > grid - window)
    return np.where(fresh, np.append(values, np.nan)[last], np.nan)


def sup_t_band(curves, confidence: float, resamples: int, rng: np.random.Generator) -> Band:
    """The mean of curves [runs, T] with a band that covers the whole true mean curve at the given confidence.

    Whole runs are resampled; the half-width is q times the standard error at each point, q being the quantile of the
    largest studentised deviation along the curve, errors of a resample floored at a quarter of the observed ones
    (sup-t band: Montiel Olea & Plagborg-Moller 2019, J. Applied Econometrics 34(1)). Fewer than 5 runs are refused.
    """
    curves = np.asarray(curves, dtype=float)
    n = len(curves)
    if not np.isfinite(curves).all():
        raise ValueError("a curve has a point that is NaN or infinite; a band needs every run at every point")
    if n < FEWEST_RUNS:
        raise ValueError(f"a simultaneous band needs at least {FEWEST_RUNS} runs, here are {n}: draw the runs alone")
    curves = curves[np.lexsort(curves.T[::-1])]  # the order of the seeds must not change the draws
    center = curves.mean(axis=0)
    deviation = curves - center
    error = deviation.std(axis=0, ddof=1) / np.sqrt(n)
    varies = error > 0
    if not varies.any():
        return Band(center, center, center, 0.0)
    deviation, floor = deviation[:, varies], 0.25 * error[varies]
    share = rng.multinomial(n, np.full(n, 1 / n), size=resamples) / n
    shift = share @ deviation
    resampled_error = np.sqrt(np.maximum(share @ deviation**2 - shift**2, 0) / (n - 1))
    quantile = float(np.quantile((abs(shift) / np.maximum(resampled_error, floor)).max(axis=1), confidence))
    return Band(center, center - quantile * error, center + quantile * error, quantile)


def area_under_curve(env_steps, values) -> float:
    """The trapezoid mean of values [E] over env_steps [E], uneven spacing allowed, in the unit of the values."""
    env_steps, values = np.asarray(env_steps, dtype=float), np.asarray(values, dtype=float)
    if len(env_steps) < 2 or not np.isfinite(values).all():
        raise ValueError("an area under a curve needs at least two points, all of them finite numbers")
    return float(np.trapezoid(values, env_steps) / (env_steps[-1] - env_steps[0]))

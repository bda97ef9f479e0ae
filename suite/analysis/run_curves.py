"""The curves of a cell's runs on one grid: what the mean curve, its band and comparisons of curves are made of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from suite.analysis.types import CellResult, CurveResult, RunCurve
from suite.statistics import curves, failures


class AlignedCurves(NamedTuple):
    """A grid of environment steps [T] and the scored runs' curves on it [runs, T], all finite."""

    grid: np.ndarray
    values: np.ndarray


def aligned(runs: Sequence[RunCurve], grid: np.ndarray, evaluate_every: int) -> np.ndarray:
    """The runs' curves at the grid's points [T], NaN where a run was not evaluated within evaluate_every steps before.

    A failed run counts at its floor from where it stopped.
    """
    rows = []
    for run in runs:
        values = curves.align(run.env_steps, run.values, grid, evaluate_every)
        if run.stopped_at is not None and run.floor is not None:
            values = failures.curve_at_floor(values, grid, run.stopped_at, run.floor)
        rows.append(values)
    return np.array(rows)


def aligned_where_known(runs: Sequence[RunCurve], evaluate_every: int, env_steps: int) -> AlignedCurves | None:
    """The curves of scored runs at the planned evaluations, where every one of them has a value; None without any.

    A mean over changing runs would jump by itself, so a point that some run lacks is left out for all.
    """
    start = 0 if any(run.env_steps[:1] == (0,) for run in runs) else evaluate_every
    grid = np.unique([*range(start, env_steps + 1, evaluate_every), env_steps])
    values = aligned(runs, grid, evaluate_every)
    known = np.isfinite(values).all(axis=0)
    return AlignedCurves(grid[known], values[:, known]) if known.any() else None


def scored_curves(curve: CurveResult, cell: CellResult) -> AlignedCurves | None:
    """The same from a cell's results."""
    if not curve.grid or curve.evaluate_every is None:
        return None
    scored: Collection[int] = {run.seed for run in cell.seeds if run.score is not None}
    grid = np.array(curve.grid)
    runs = [run for run in curve.runs if run.seed in scored]
    return AlignedCurves(grid, aligned(runs, grid, curve.evaluate_every))

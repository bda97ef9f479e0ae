"""The diagnostics of every run over training, thinned to what a figure can show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from suite.analysis.runs import PlannedCell
from suite.analysis.types import CellKey, RunTrace, Traces
from suite.study.cells import CELL

TRACED = ("alpha", "entropy", "q_bias", "critic_loss", "actor_loss", "critic_grad_norm", "actor_grad_norm")
POINTS = 40  # of a run, at most: a panel is hardly wider
DIGITS = 5  # significant ones of a value, more than any drawing shows


def traces_of(diagnostics: pd.DataFrame, cells: Sequence[PlannedCell]) -> tuple[Traces, ...]:
    """The traces of these cells, from the table of diagnostics; without steps where a cell has none recorded."""
    recorded = {} if diagnostics.empty else {CellKey(*key): rows for key, rows in diagnostics.groupby(CELL)}
    return tuple(_traces(cell, recorded.get(cell.key)) for cell in cells)


def _traces(cell: PlannedCell, recorded: pd.DataFrame | None) -> Traces:
    if recorded is None:
        return Traces(cell.key, (), (), {})
    fresh = [run for run in cell.runs if not run.stale]
    rows = recorded[recorded["seed"].isin([run.seed for run in fresh])].replace([np.inf, -np.inf], np.nan)
    names = [name for name in TRACED if name in rows and rows[name].notna().any()]
    rows = rows.dropna(subset=names, how="all").drop_duplicates(["seed", "env_step"], keep="last")
    if not names:
        return Traces(cell.key, (), (), {})
    steps = thinned(sorted(set(rows["env_step"])))
    rows = rows[rows["env_step"].isin(steps)].set_index(["seed", "env_step"])[names]
    by_seed = {seed: of_run.droplevel("seed").reindex(steps) for seed, of_run in rows.groupby(level="seed")}
    finished = [by_seed.get(run.seed) for run in fresh if run.status == "finished"]
    whole = [of_run for of_run in finished if of_run is not None]
    mean = sum(whole[1:], whole[0]) / len(whole) if len(whole) == len(finished) > 0 else None
    runs = (RunTrace(int(seed), _plain(of_run, names)) for seed, of_run in by_seed.items())
    return Traces(cell.key, tuple(map(int, steps)), tuple(runs), {} if mean is None else _plain(mean, names))


def thinned(steps: Sequence[int]) -> list[int]:
    """At most POINTS of the steps, evenly, the first and the last among them."""
    places = np.unique(np.linspace(0, len(steps) - 1, POINTS).round().astype(int)) if len(steps) > POINTS else None
    return list(steps) if places is None else [steps[place] for place in places]


def _plain(rows: pd.DataFrame, names: Iterable[str]) -> dict[str, tuple[float, ...]]:
    """Of each diagnostic that has a value, its values [T] to a few digits."""
    return {
        name: tuple(float(f"{value:.{DIGITS}g}") for value in rows[name]) for name in names if rows[name].notna().any()
    }

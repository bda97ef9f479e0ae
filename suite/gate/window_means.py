"""Our side of a check: the trailing window mean of every run at a published step."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from suite.analysis.check_rows import SampleSummary
from suite.analysis.evaluations import evaluation_curves, evaluation_means
from suite.analysis.runs import stopped_at, with_outcomes
from suite.analysis.tables import read_table
from suite.analysis.types import CellKey
from suite.published.references import trailing_mean
from suite.sac.status import FAILED, KindOfReturn
from suite.statistics.failures import curve_at_floor
from suite.study.cells import CELL


class StudyTables(NamedTuple):
    """The tables of a gathered study that a check reads: a row per planned run, and one per evaluation episode."""

    runs: pd.DataFrame
    evaluations: pd.DataFrame


class RunReturns(NamedTuple):
    """What names a run's evaluations of one kind."""

    cell: CellKey
    seed: int
    kind: KindOfReturn


EvaluationMeans = Mapping[RunReturns, pd.Series]
"""The mean return of each evaluation (index: environment step) of each run."""


class OwnRun(NamedTuple):
    """A planned run's window mean, NaN without a result; failed: it counts at the floor from where it stopped."""

    seed: int
    value: float
    failed: bool


class Sample(NamedTuple):
    """A cell's planned runs at one step, one per seed, in the order in which the study asks for them."""

    runs: tuple[OwnRun, ...]

    @property
    def present(self) -> list[OwnRun]:
        """The runs with a result."""
        return [run for run in self.runs if math.isfinite(run.value)]

    @property
    def values(self) -> np.ndarray:
        return np.array([run.value for run in self.present], dtype=float)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those with a result."""
        return tuple(run.seed for run in self.present)

    @property
    def missing(self) -> int:
        """How many have no result."""
        return len(self.runs) - len(self.present)

    @property
    def planned(self) -> int:
        return len(self.runs)

    @property
    def complete(self) -> int:
        """So many runs from the first on have a result."""
        return next((i for i, run in enumerate(self.runs) if not math.isfinite(run.value)), len(self.runs))

    def first(self, n: int) -> Sample:
        return Sample(self.runs[:n])

    @property
    def summary(self) -> SampleSummary:
        """As a row of a check shows it."""
        values, n = self.values, len(self.values)
        mean, sd = float(values.mean()) if n else None, float(values.std(ddof=1)) if n >= 2 else None
        failed = sum(run.failed for run in self.present)
        return SampleSummary(mean, sd, n, n - failed, failed, self.missing, self.planned, tuple(values.tolist()))


def gathered(study_dir: str | Path) -> StudyTables:
    """The tables that a check reads; UsageError if the study has not been gathered, or one is damaged."""
    return StudyTables(*(read_table(study_dir, name) for name in StudyTables._fields))


def judged(tables: StudyTables) -> StudyTables:
    """The tables with runs as their evaluations make them, by the rule that the statistics count by."""
    return tables._replace(runs=with_outcomes(tables.runs, evaluation_curves(tables.evaluations)))


def means_by_run(evaluations: pd.DataFrame) -> EvaluationMeans:
    """The mean return of every evaluation, by run and kind; evaluations: a row per episode, as gathered."""
    if evaluations.empty:
        return {}
    means = evaluation_means(evaluations).groupby([*CELL, "seed", "kind"])
    return {RunReturns(CellKey(*of[:3]), *of[3:]): rows.set_index("env_step")["mean"] for of, rows in means}


def sample(runs: pd.DataFrame, means: EvaluationMeans, at: int, floor: float) -> Sample:
    """The window means of a cell's runs at step `at`, of those that are planned to get there."""
    chosen = _one_per_seed(runs[(runs["env_steps"] >= at) & (runs["evaluate_every"] <= at)])
    kind: KindOfReturn = "deterministic" if kind_of_return(runs) == "deterministic" else "sampled"
    values = ((run, _window_mean(run, kind, means, at, floor)) for run in chosen)
    return Sample(tuple(OwnRun(int(run.seed), value, run.status in FAILED) for run, value in values))


def kind_of_return(runs: pd.DataFrame) -> KindOfReturn:
    """What the returns of one cell's runs are returns of, as their records say or else as their schedule has it."""
    recorded = [kind for kind in runs.get("kind_of_return", ()) if kind]  # empty where a run has no record
    if recorded:
        return recorded[0]
    sampled = json.loads(runs["schedule"].iloc[0])["evaluation_action"] == "sample"
    return "sampled" if sampled else "deterministic"


READ = (*CELL, "seed", "env_steps", "evaluate_every", "status", "stale", "stopped_at", "last_env_step")
"""What a window mean reads of a run; the other thirty columns would take most of its time."""


def _one_per_seed(planned: pd.DataFrame) -> list[Any]:
    """One planned run per seed, in the study's order of seeds: a finished one if there is one, else a failed one, and
    of several the longest."""
    best: dict[int, tuple[int, Any]] = {}
    for run in planned[[name for name in READ if name in planned]].itertuples():
        rank = _rank(run)
        known = best.setdefault(run.seed, (rank, run))
        if (rank, -run.env_steps) < (known[0], -known[1].env_steps):
            best[run.seed] = rank, run
    return [run for _, run in best.values()]


def _rank(run: Any) -> int:
    """0 of a run that finished, 1 of one that failed, 2 of one without a result."""
    if run.stale or run.status not in ("finished", *FAILED):
        return 2
    return 0 if run.status == "finished" else 1


def _window_mean(run: Any, kind: KindOfReturn, means: EvaluationMeans, at: int, floor: float) -> float:
    """The trailing window mean of a run (a row of the table of runs) at step `at`; NaN where it has no result."""
    if _rank(run) == 2:
        return math.nan
    key = RunReturns(CellKey(run.task, run.implementation, run.run_id), run.seed, kind)
    curve = means.get(key, pd.Series(dtype=float))
    if run.status in FAILED:
        curve = _at_the_floor(curve, run, at, floor)
    return trailing_mean(curve.index, curve.to_numpy(), at, run.evaluate_every)[0]


def _at_the_floor(curve: pd.Series, run: Any, at: int, floor: float) -> pd.Series:
    """A failed run's evaluations up to step `at`, with the planned ones after it stopped, which count at the floor."""
    known = curve.index[curve.index <= at].to_numpy(dtype=int)
    after = np.arange(max(known, default=0) + run.evaluate_every, at + 1, run.evaluate_every)
    grid = np.concatenate([known, after])
    values = curve_at_floor(curve.reindex(grid), grid, stopped_at(run._asdict()) or 0, floor)
    return pd.Series(np.where(np.isfinite(values), values, floor), grid)

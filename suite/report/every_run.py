"""Every run of a study as a row of its page: what became of it, its score, and the record that tells."""

import re
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from suite.analysis.types import CellResult, Results, RunResult
from suite.study.cells import CELL


@dataclass(frozen=True)
class RunRow:
    """A planned run, and where its record lies ("" where the tables know of none)."""

    anchor: str
    seed: int
    status: str
    stale: bool
    score: float | None  # None: not averaged
    stopped_at: int | None  # environment step where a failed run stopped
    minutes: float | None  # wall time; None without a record
    path: str


@dataclass(frozen=True)
class CellRuns:
    """A cell with all its planned runs."""

    cell: CellResult
    runs: tuple[RunRow, ...]


def anchor(name: str) -> str:
    """The name as a fragment of a link."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


class _OfACell(Protocol):  # a cell, its key, or a row of it
    @property
    def task(self) -> str: ...

    @property
    def implementation(self) -> str: ...

    @property
    def run_id(self) -> str: ...


def cell_anchor(cell: _OfACell) -> str:
    """Where the runs of a cell begin."""
    return f"runs-{anchor(cell.task)}-{anchor(cell.implementation)}-{cell.run_id}"


def run_anchor(cell: _OfACell, seed: int) -> str:
    """Where a run stands."""
    return f"{cell_anchor(cell)}-seed-{seed}"


def every_run(results: Results, runs: pd.DataFrame) -> list[CellRuns]:
    """The planned runs of every cell, by seed; runs: the study's table of them."""
    made = {(*(row[name] for name in CELL), row["seed"]): row for row in runs.to_dict("records")}
    return [
        CellRuns(cell, tuple(_row(cell, run, made.get((*cell.key, run.seed), {})) for run in cell.seeds))
        for cell in results.cells
    ]


def _row(cell: CellResult, run: RunResult, made: dict) -> RunRow:
    seconds = made.get("wall_time_s")
    return RunRow(
        anchor=run_anchor(cell, run.seed),
        seed=run.seed,
        status=run.status,
        stale=run.stale,
        score=run.score,
        stopped_at=run.stopped_at,
        minutes=None if seconds is None or pd.isna(seconds) else seconds / 60,
        path=made.get("path") or "",
    )

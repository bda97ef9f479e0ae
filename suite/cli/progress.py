"""The sweep at a glance, on a terminal: what it will cost before it runs, and how far it is while it does."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from suite.lab.progress import Progress
from suite.lab.records import RecordError, read_meta
from suite.study.cells import Cell, Planned
from suite.study.forecast import Forecast, forecast
from suite.study.plan import Plan

STALLED_S = 120.0
"""A run whose progress file is older than this is no longer called running."""


class CellForecast(NamedTuple):
    """What a cell, or the whole study, asks for: counts of runs and what they are expected to cost on one core."""

    task: str
    implementation: str
    variant: str
    run_id: str
    imported: bool
    jobs: int
    done: int
    env_steps: int
    core_hours: float
    work_gb: float


SUMMED = ("jobs", "done", "env_steps", "core_hours", "work_gb")


def plan(config: Path, as_json: bool) -> None:
    """Prints jobs, environment steps and forecast cost of a config, by cell."""
    study = Plan(config)
    rows = _forecasts(study)
    total = CellForecast(
        "total",
        "",
        "",
        "",
        False,
        *(sum(getattr(row, name) for row in rows) for name in SUMMED),  # type: ignore[arg-type]
    )
    if as_json:
        sums = {name: getattr(total, name) for name in SUMMED}
        print(json.dumps({"study": study.study, "cells": [row._asdict() for row in rows], "total": sums}, indent=1))
        return
    console = Console() if sys.stdout.isatty() else Console(width=120)
    console.print(_forecast_table(study, rows, total))
    console.print("GB: checkpoints and replay if every run were under way at once; a finished run leaves about 1 MB")
    if absent := sum(row.jobs - row.done for row in rows if row.imported):
        console.print(f"{absent} imported records are missing: python -m suite import makes them")


def _forecasts(study: Plan) -> list[CellForecast]:
    """A row for every cell."""
    seeds = Counter(run.cell.key for run in study.runs.values())
    done = Counter(run.cell.key for run in study.runs.values() if Path(run.record).exists())
    rows = []
    for cell in study.cells:
        count, imported = seeds[cell.key], cell.implementation in study.imported
        cost = Forecast(0.0, 0) if imported else forecast(cell)
        steps, hours, gb = count * cell.env_steps, count * cost.seconds / 3600, count * cost.work_bytes / 1e9
        rows.append(
            CellForecast(*cell.key[:2], cell.variant, cell.run_id, imported, count, done[cell.key], steps, hours, gb)
        )
    return rows


def _forecast_table(study: Plan, rows: list[CellForecast], total: CellForecast) -> Table:
    table = Table(
        title=f"study {study.study}: forecast on one quiet core each", title_justify="left", box=box.SIMPLE_HEAD
    )
    for name in ("task", "engine", "variant", "run"):
        table.add_column(name)
    for name in ("jobs", "done", "env steps", "core-h", "GB"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in (*rows, total):
        if row is total:
            table.add_section()
        counts = (f"{row.jobs:,}", f"{row.done:,}", f"{row.env_steps:,}")
        costs = ("imported", "") if row.imported else (f"{row.core_hours:.2f}", f"{row.work_gb:.2f}")
        table.add_row(row.task, row.implementation, row.variant, row.run_id, *counts, *costs)
    return table


def status(config: Path, watch: bool, every: float) -> None:
    """Prints what became of every run of a config; with `watch` again and again until none is left to do."""
    study = Plan(config)
    console = Console() if sys.stdout.isatty() else Console(width=120)
    if not watch:
        console.print(_status(study)[0])
        return
    with Live(console=console, auto_refresh=False) as live:
        while True:
            table, left = _status(study)
            live.update(table, refresh=True)
            if not left:
                return
            time.sleep(every)


ENDED = ("diverged", "crashed", "interrupted", "timeout", "invalid")
"""What is named by its seed in the table: everything that left a record and did not finish."""


class State(NamedTuple):
    """How a run stands: a status, or "running" while its progress file is fresh."""

    run: Planned
    status: str
    progress: Progress | None = None


def _status(study: Plan) -> tuple[Group, int]:
    """The table, and how many runs a sweep has yet to make."""
    states = [_state(study, run) for run in study.runs.values()]
    by_cell: dict[Cell, list[State]] = {}
    for state in states:
        by_cell.setdefault(state.run.cell, []).append(state)
    table = Table(title=f"study {study.study}", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("task", "implementation", "variant"):
        table.add_column(name)
    for name in ("finished", "running", "missing"):
        table.add_column(name, justify="right")
    table.add_column("failed")
    table.add_column("under way: seed, step, return, alpha, steps/s, ETA")
    left = 0
    for cell, of_cell in by_cell.items():
        count = Counter(state.status for state in of_cell)
        failed = ", ".join(f"s{state.run.seed} {state.status}" for state in of_cell if state.status in ENDED)
        under_way = "\n".join(_progress(state.run, state.progress) for state in of_cell if state.progress)
        if cell.implementation in study.imported:
            under_way = "imported" + ("; python -m suite import makes what is missing" if count["missing"] else "")
        else:
            left += count["running"] + count["missing"]
        counts = (f"{count['finished']}/{len(of_cell)}", str(count["running"] or ""), str(count["missing"] or ""))
        table.add_row(cell.task, cell.implementation, cell.variant, *counts, failed, under_way)
    total = Counter(state.status for state in states)
    line = ", ".join(f"{count} {status}" for status, count in total.most_common())
    return Group(table, f"{len(states)} runs: {line}"), left


def _state(study: Plan, run: Planned) -> State:
    """A run's state, by its record or its progress file."""
    if Path(run.record).exists():
        try:
            return State(run, read_meta(Path(run.record)).status)
        except RecordError:
            return State(run, "invalid")
    try:
        progress = Progress(**json.loads((study.work(run.cell, run.seed) / "progress.json").read_text()))
    except (OSError, TypeError, json.JSONDecodeError):
        return State(run, "missing")
    return State(run, "running", progress) if time.time() - progress.time < STALLED_S else State(run, "missing")


def _progress(run: Planned, progress: Progress) -> str:
    value, alpha = progress.mean_return, progress.alpha
    return (
        f"s{run.seed} {progress.env_step:,}/{run.cell.env_steps:,} "
        f"{'-' if value is None else f'{value:.0f}'} {'-' if alpha is None else f'{alpha:.3f}'} "
        f"{progress.env_steps_per_s:.0f}/s {progress.eta_s / 60:.1f} min"
    )

"""The sweep at a glance, on a terminal: what it will cost before it runs, and how far it is while it does."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from suite.lab.progress import Progress, read
from suite.lab.records import RecordError, read_meta
from suite.study.cells import Cell, Planned
from suite.study.forecast import Forecast, forecast
from suite.study.plan import Plan

STALLED_S = 120.0  # a run whose progress file is older than this is no longer called running
ENDED = ("diverged", "crashed", "interrupted", "timeout", "invalid")  # what is named by its seed in the table
SUMMED = ("jobs", "done", "env_steps", "core_hours", "work_gb")


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


class State(NamedTuple):
    """A run's status, "running" while its progress file is fresh."""

    run: Planned
    status: str
    progress: Progress | None = None


def show_plan(plan: Plan, as_json: bool) -> None:
    """Prints jobs, environment steps and forecast cost of a plan, by cell."""
    rows = _forecasts(plan)
    sums: dict[str, Any] = {name: sum(getattr(row, name) for row in rows) for name in SUMMED}
    if as_json:
        print(json.dumps({"study": plan.study, "cells": [row._asdict() for row in rows], "total": sums}, indent=1))
        return
    title = f"study {plan.study}: forecast on one quiet core each"
    table = _table(title, ("task", "engine", "variant", "run"), ("jobs", "done", "env steps", "core-h", "GB"))
    for column in table.columns[4:]:
        column.no_wrap = True
    total = CellForecast("total", "", "", "", False, **sums)
    for row in (*rows, total):
        if row is total:
            table.add_section()
        counts = (f"{row.jobs:,}", f"{row.done:,}", f"{row.env_steps:,}")
        costs = ("imported", "") if row.imported else (f"{row.core_hours:.2f}", f"{row.work_gb:.2f}")
        table.add_row(*row[:4], *counts, *costs)
    console = _console()
    console.print(table)
    console.print("GB: checkpoints and replay if every run were under way at once; a finished run leaves about 1 MB")
    for one in plan.meaningless:
        console.print(f"not trained on {one.task}: {one.ablation}/{one.arm}, for {one.why}")
    if absent := sum(row.jobs - row.done for row in rows if row.imported):
        console.print(f"{absent} imported records are missing: python -m suite import makes them")


def _forecasts(plan: Plan) -> list[CellForecast]:
    """A row for every cell."""
    seeds = Counter(run.cell.key for run in plan.runs.values())
    done = Counter(run.cell.key for run in plan.runs.values() if Path(run.record).exists())
    rows = []
    for cell in plan.cells:
        count, imported = seeds[cell.key], cell.implementation in plan.imported
        cost = Forecast(0.0, 0) if imported else forecast(cell)
        names = (cell.task, cell.implementation, cell.variant, cell.run_id)
        totals = (count * cell.env_steps, count * cost.seconds / 3600, count * cost.work_bytes / 1e9)
        rows.append(CellForecast(*names, imported, count, done[cell.key], *totals))
    return rows


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 120, markup=False, emoji=False)  # names are no markup


def _table(title: str, names: Sequence[str], numbers: Sequence[str]) -> Table:
    """An empty table of columns of words, then of numbers."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in names:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def show_status(plan: Plan, watch: bool, every: float) -> None:
    """Prints what became of every run of a plan; with `watch` again and again until none is left to do."""
    console = _console()
    if not watch:
        console.print(_status(plan)[0])
        return
    with Live(console=console, auto_refresh=False) as live:
        while True:
            table, left = _status(plan)
            live.update(table, refresh=True)
            if not left:
                return
            time.sleep(every)


def _status(plan: Plan) -> tuple[Group, int]:
    """The table, and how many runs a sweep has yet to make."""
    states = [_state(plan, run) for run in plan.runs.values()]
    by_cell: dict[Cell, list[State]] = {}
    for state in states:
        by_cell.setdefault(state.run.cell, []).append(state)
    title = f"study {plan.study}"
    table = _table(title, ("task", "implementation", "variant"), ("finished", "running", "missing"))
    table.add_column("failed")
    table.add_column("under way: seed, step, return, alpha, steps/s, ETA")
    left = 0
    for cell, of_cell in by_cell.items():
        count = Counter(state.status for state in of_cell)
        failed = ", ".join(f"s{state.run.seed} {state.status}" for state in of_cell if state.status in ENDED)
        under_way = "\n".join(_progress(state.run, state.progress) for state in of_cell if state.progress)
        if cell.implementation in plan.imported:
            under_way = "imported" + ("; python -m suite import makes what is missing" if count["missing"] else "")
        else:
            left += count["running"] + count["missing"]
        counts = (f"{count['finished']}/{len(of_cell)}", str(count["running"] or ""), str(count["missing"] or ""))
        table.add_row(cell.task, cell.implementation, cell.variant, *counts, failed, under_way)
    total = Counter(state.status for state in states)
    line = ", ".join(f"{count} {status}" for status, count in total.most_common())
    return Group(table, f"{len(states)} runs: {line}"), left


def _state(plan: Plan, run: Planned) -> State:
    """A run's state, by its record or its progress file."""
    if record := next((path for path in (Path(run.record), plan.waiting(run)) if path.exists()), None):
        try:
            return State(run, read_meta(record).status)
        except RecordError:
            return State(run, "invalid")
    progress = read(plan.work(run.cell, run.seed) / "progress.json")
    fresh = progress is not None and time.time() - progress.time < STALLED_S
    return State(run, "running", progress) if fresh else State(run, "missing")


def _progress(run: Planned, progress: Progress) -> str:
    value = "-" if progress.mean_return is None else f"{progress.mean_return:.0f}"
    alpha = "-" if progress.alpha is None else f"{progress.alpha:.3f}"
    return (
        f"s{run.seed} {progress.env_step:,}/{run.cell.env_steps:,} {value} {alpha} "
        f"{progress.env_steps_per_s:.0f}/s {progress.eta_s / 60:.1f} min"
    )

"""The sweep at a glance, on a terminal: what it will cost before it runs, and how far it is while it does."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from suite.cli.app import as_json_text
from suite.study.accuracy import Accuracy, Compared, accuracy, taken
from suite.study.forecast import Forecast, forecast, process_bytes
from suite.study.plan import Plan
from suite.study.under_way import ENDED, State, Watch, counts, in_words, seconds_left

MOST = 10  # runs that a row of the status names
SUMMED = ("jobs", "done", "env_steps", "core_hours", "work_gb", "kept_gb")


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
    memory_mb: float  # of one run
    work_gb: float
    kept_gb: float


def show_plan(plan: Plan, as_json: bool) -> None:
    """Prints jobs, environment steps and forecast cost of a plan, by cell."""
    rows = _forecasts(plan)
    sums: dict[str, Any] = {name: sum(getattr(row, name) for row in rows) for name in SUMMED}
    if as_json:
        print(as_json_text({"study": plan.study, "cells": rows, "total": sums}))
        return
    title = f"study {plan.study}: forecast on one quiet core each"
    table = _table(title, ("task", "engine", "variant", "run"), ("jobs", "done", "env steps", "core-h", "MB", "GB"))
    for column in table.columns[4:]:
        column.no_wrap = True
    total = CellForecast("total", "", "", "", False, **sums, memory_mb=max((row.memory_mb for row in rows), default=0))
    for row in (*rows, total):
        if row is total:
            table.add_section()
        counts = (f"{row.jobs:,}", f"{row.done:,}", f"{row.env_steps:,}")
        costs = (f"{row.core_hours:.2f}", f"{row.memory_mb:.0f}", f"{row.work_gb:.2f}")
        costs = ("imported", "", "") if row.imported else costs
        table.add_row(*row[:4], *counts, *costs)
    console = _console()
    console.print(table)
    console.print("MB: memory of a process that trains one run; GB: checkpoints if every run were under way at once")
    console.print(f"finished runs leave {total.kept_gb:.2f} GB")
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
        cost = Forecast(0.0, 0, 0) if imported else forecast(cell)
        row = CellForecast(
            *(cell.task, cell.implementation, cell.variant, cell.run_id, imported),
            jobs=count,
            done=done[cell.key],
            env_steps=count * cell.env_steps,
            core_hours=count * cost.seconds / 3600,
            memory_mb=0.0 if imported else process_bytes([cell]) / 1e6,
            work_gb=count * cost.work_bytes / 1e9,
            kept_gb=count * cost.kept_bytes / 1e9,
        )
        rows.append(row)
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
    """Prints what became of every run of a plan; with `watch` again and again until none is left to do, or Ctrl-C.

    On a terminal the table stays in its place; elsewhere each look is a few plain lines.
    """
    console, watching = _console(), Watch(plan)
    if not watch:
        console.print(_table_of(plan, watching.states()))
        return
    with suppress(KeyboardInterrupt):
        if console.is_terminal:
            _stay(plan, watching, console, every)
        else:
            _look_again(watching, every)


def _stay(plan: Plan, watching: Watch, console: Console, every: float) -> None:
    """The table in its place on a terminal, with as many rows as fit while runs are left to do."""
    with Live(console=console, auto_refresh=False) as live:
        while True:
            states = watching.states()
            left = any(state.to_do for state in states)
            live.update(_at_a_glance(plan, states, console.height) if left else _table_of(plan, states), refresh=True)
            if not left:
                return
            time.sleep(every)


def _look_again(watching: Watch, every: float) -> None:
    """A line on the whole sweep, and one on each run under way, at every look."""
    while True:
        states = watching.states()
        print(f"{time.strftime('%H:%M:%S')} {summary(states)}")
        for state in states:
            if state.status == "running":
                cell = state.run.cell
                print(f"  {cell.task} {cell.implementation} {cell.variant} {_progress(state)}")
        sys.stdout.flush()
        if not any(state.to_do for state in states):
            return
        time.sleep(every)


def summary(states: Sequence[State]) -> str:
    """How many runs there are of each status, and how long the others will take, as one line."""
    left = in_words(seconds_left(states)) if any(state.to_do for state in states) else ""
    return f"{len(states)} runs: {counts(states)}" + (f"; {left}" if left else "")


def _table_of(plan: Plan, states: Sequence[State]) -> Group:
    """A row for every cell, the summary, and how the forecast held."""
    return Group(_rows(plan, states, ("task", "implementation", "variant")), summary(states), *_accuracy(states))


def _at_a_glance(plan: Plan, states: Sequence[State], height: int) -> Group:
    """The summary above a row for every cell; if these are too many, for every task and implementation."""
    names = ("task", "implementation", "variant")
    lines = len({state.run.cell.key for state in states}) + sum(state.status == "running" for state in states)
    return Group(summary(states), _rows(plan, states, names if lines + 6 < height else names[:2]))


def _rows(plan: Plan, states: Sequence[State], names: tuple[str, ...]) -> Table:
    """The table of runs, joined by what these columns name."""
    rows: dict[tuple, list[State]] = {}
    for state in states:
        cell = state.run.cell
        rows.setdefault(cell.key if "variant" in names else (cell.task, cell.implementation), []).append(state)
    table = _table(f"study {plan.study}", names, ("finished", "running", "to do"))
    table.add_column("failed")
    table.add_column("under way: seed, step, return, alpha, steps/s, ETA")
    for of_row in rows.values():
        table.add_row(*_row(of_row, len(names)))
    return table


def _row(states: Sequence[State], names: int) -> list[str]:
    """A row of the table: the first so many names, counts, and what there is to say of single runs."""
    cell, count = states[0].run.cell, Counter(state.status for state in states)
    failed = _shortened([f"s{state.run.seed} {state.status}" for state in states if state.status in ENDED], ", ")
    under_way = [_progress(state) for state in states if state.progress and state.to_do]
    if count["to import"]:
        under_way = ["imported; python -m suite import makes what is missing"]
    elif any(state.record and state.record.imported for state in states):
        under_way = ["imported"]
    counted = (f"{count['finished']}/{len(states)}", count["running"] or "", count["missing"] + count["stopped"] or "")
    return [
        *(cell.task, cell.implementation, cell.variant)[:names],
        *map(str, counted),
        failed,
        _shortened(under_way, "\n"),
    ]


def _shortened(items: Sequence[str], between: str) -> str:
    """The first few of them, and how many more there are."""
    more = [f"and {len(items) - MOST} more"] if len(items) > MOST else []
    return between.join([*items[:MOST], *more])


def _progress(state: State) -> str:
    """How far a run is, in a line."""
    progress = state.progress
    assert progress, "a run under way tells how far it is"
    value = "-" if progress.mean_return is None else f"{progress.mean_return:.0f}"
    alpha = "-" if progress.alpha is None else f"{progress.alpha:.3f}"
    pace = f"{progress.env_steps_per_s:.0f}/s {progress.eta_s / 60:.1f} min"
    return (
        f"s{state.run.seed} {progress.env_step:,}/{state.run.cell.env_steps:,} {value} {alpha} "
        f"{'stopped' if state.status == 'stopped' else pace}"
    )


def _accuracy(states: Sequence[State]) -> list[Table | str]:
    """How the forecast held for finished runs, as a table and its legend; nothing where there is none."""
    finished = [(state.run, state.record) for state in states if state.status == "finished" and state.record]
    trained = [taken(run, record, Path(run.record)) for run, record in finished if not record.imported]
    if not (rows := accuracy(trained)):
        return []
    table = _table("forecast and used", ("task", "implementation"), ("runs", *QUANTITIES.values()))
    for column in table.columns[2:]:
        column.no_wrap = True
    for row in rows:
        if not row.task:
            table.add_section()
        quantities = (_compared(getattr(row, name)) for name in QUANTITIES)
        table.add_row(row.task or "all", row.implementation, f"{row.runs}", *quantities)
    return [table, *_legend(rows[-1])]


QUANTITIES = {"core_hours": "core-h", "memory_mb": "memory MB", "work_mb": "checkpoints MB", "kept_mb": "kept MB"}


def _compared(quantity: Compared) -> str:
    """A forecast, what was used, and how many times the one is the other."""
    if math.isnan(quantity.used):
        return "-"
    return f"{quantity.forecast:.3g} {quantity.used:.3g} x{quantity.factor:.2f}"


def _legend(every: Accuracy) -> list[str]:
    """What the numbers are."""
    line = (
        "of each: forecast, used, their ratio; core-h: time on cores; memory: the largest process; -: no record tells"
    )
    by_the_clock = f"{every.by_the_clock} of {every.runs} runs tell the clock's time alone, on a busy machine too long"
    return [line, by_the_clock] if every.by_the_clock else [line]

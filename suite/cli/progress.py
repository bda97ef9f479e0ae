"""The sweep at a glance, on a terminal: what it will cost before it runs, and how far it is while it does."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from suite.lab.records import RecordError, read_meta
from suite.study.cells import Cell, Planned
from suite.study.forecast import Forecast, forecast
from suite.study.plan import Plan

STALLED_S = 120.0
"""A run whose progress file is older than this is no longer called running."""


def plan(config: Path, as_json: bool) -> None:
    """Prints jobs, environment steps and forecast cost of a config, by cell."""
    study = Plan(config)
    seeds = Counter(run.cell[:3] for run in study.runs.values())
    rows = []
    for cell in study.cells:
        count, imported = seeds[cell[:3]], cell.implementation in study.imported
        cost = Forecast(0.0, 0) if imported else forecast(cell)
        done = sum(Path(run.record).exists() for run in study.runs.values() if run.cell == cell)
        rows.append(
            {
                "task": cell.task,
                "implementation": cell.implementation,
                "variant": cell.variant,
                "run_id": cell.run_id,
                "imported": imported,
                "jobs": count,
                "done": done,
                "env_steps": count * cell.env_steps,
                "core_hours": count * cost.seconds / 3600,
                "work_gb": count * cost.work_bytes / 1e9,
            }
        )
    total = {key: sum(row[key] for row in rows) for key in ("jobs", "done", "env_steps", "core_hours", "work_gb")}
    if as_json:
        print(json.dumps({"study": study.study, "cells": rows, "total": total}, indent=1))
        return
    table = Table(
        title=f"study {study.study}: forecast on one quiet core each", title_justify="left", box=box.SIMPLE_HEAD
    )
    for name in ("task", "engine", "variant", "run"):
        table.add_column(name)
    for name in ("jobs", "done", "env steps", "core-h", "GB"):
        table.add_column(name, justify="right", no_wrap=True)
    unnamed = dict.fromkeys(("implementation", "variant", "run_id"), "")
    for row in [*rows, {"task": "total", **unnamed, "imported": False, **total}]:
        if row["task"] == "total":
            table.add_section()
        counts = (f"{row['jobs']:,}", f"{row['done']:,}", f"{row['env_steps']:,}")
        costs = ("imported", "") if row["imported"] else (f"{row['core_hours']:.2f}", f"{row['work_gb']:.2f}")
        table.add_row(row["task"], row["implementation"], row["variant"], row["run_id"], *counts, *costs)
    console = Console() if sys.stdout.isatty() else Console(width=120)
    console.print(table)
    console.print("GB: checkpoints and replay if every run were under way at once; a finished run leaves about 1 MB")
    if absent := sum(row["jobs"] - row["done"] for row in rows if row["imported"]):
        console.print(f"{absent} imported records are missing: python -m suite import makes them")


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


def _status(study: Plan) -> tuple[Group, int]:
    """The table, and how many runs a sweep has yet to make."""
    states = {record: _state(study, run) for record, run in study.runs.items()}
    by_cell: dict[Cell, list[tuple[Planned, str, dict]]] = {}
    for record, run in study.runs.items():
        by_cell.setdefault(run.cell, []).append((run, *states[record]))
    table = Table(title=f"study {study.study}", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("task", "implementation", "variant"):
        table.add_column(name)
    for name in ("finished", "running", "missing"):
        table.add_column(name, justify="right")
    table.add_column("failed")
    table.add_column("under way: seed, step, return, alpha, steps/s, ETA")
    left = 0
    for cell, runs in by_cell.items():
        count = Counter(state for _, state, _ in runs)
        failed = ", ".join(f"s{run.seed} {state}" for run, state, _ in runs if state in _FAILED)
        under_way = "\n".join(_progress(run, progress) for run, state, progress in runs if state == "running")
        if cell.implementation in study.imported:
            under_way = "imported" + ("; python -m suite import makes what is missing" if count["missing"] else "")
        else:
            left += count["running"] + count["missing"]
        counts = (f"{count['finished']}/{len(runs)}", str(count["running"] or ""), str(count["missing"] or ""))
        table.add_row(cell.task, cell.implementation, cell.variant, *counts, failed, under_way)
    total = Counter(state for state, _ in states.values())
    line = ", ".join(f"{count} {state}" for state, count in total.most_common())
    return Group(table, f"{len(states)} runs: {line}"), left


_FAILED = ("diverged", "crashed", "timeout", "invalid")


def _state(study: Plan, run: Planned) -> tuple[str, dict]:
    """A run's status (`running` if its progress file is fresh), and its progress."""
    if Path(run.record).exists():
        try:
            return read_meta(Path(run.record))["status"], {}
        except RecordError:
            return "invalid", {}
    try:
        progress = json.loads((study.work(run.cell, run.seed) / "progress.json").read_text())
    except (OSError, json.JSONDecodeError):
        return "missing", {}
    return ("running", progress) if time.time() - progress["time"] < STALLED_S else ("missing", {})


def _progress(run: Planned, progress: dict) -> str:
    value, alpha = progress["return"], progress["alpha"]
    return (
        f"s{run.seed} {progress['env_step']:,}/{run.cell.env_steps:,} "
        f"{'-' if value is None else f'{value:.0f}'} {'-' if alpha is None else f'{alpha:.3f}'} "
        f"{progress['env_steps_per_s']:.0f}/s {progress['eta_s'] / 60:.1f} min"
    )

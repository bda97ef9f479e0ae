"""What a study's runs were made with and how long they took: beside the results, since no two makings agree in it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pandas as pd

from suite.study.cells import CELL


@dataclass(frozen=True)
class CellProvenance:
    """Wall time and speed of a cell, and the code that made it."""

    task: str
    implementation: str
    run_id: str
    variant: str  # as shown
    runs: int
    with_record: int
    hours: float  # wall time of all its runs; runs that shared a process count its time each
    env_steps_per_s: float  # median over runs, as updates
    updates: float
    device: str
    code_id: str


@dataclass(frozen=True)
class Making:
    """What all runs of a study were made with: every value that occurs, and what they took."""

    device: tuple[str, ...]
    code_id: tuple[str, ...]
    commit: tuple[str, ...]  # none where the records are older than it
    packages: dict[str, tuple[str, ...]]  # package -> its versions
    hours: float  # wall time of all runs; runs that shared a process count its time each
    core_hours: float | None  # as `core_hours` has it
    runs_with_time: int


def provenance(runs: pd.DataFrame) -> list[CellProvenance]:
    """A row per cell, from the study's table of runs."""
    grouped = runs.groupby([*CELL, "variant"], sort=False)
    table = grouped.agg(
        runs=("seed", "size"),
        with_record=("wall_time_s", "count"),
        hours=("wall_time_s", lambda seconds: seconds.sum() / 3600),
        env_steps_per_s=("env_steps_per_s", "median"),
        updates=("updates", "median"),
        device=("device", lambda column: ", ".join(sorted(set(column.dropna())))),
        code_id=("code_id", lambda column: ", ".join(sorted(set(column.dropna())))),
    )
    return [CellProvenance(**row) for row in table.reset_index().to_dict("records")]


def making(runs: pd.DataFrame) -> Making:
    """The same of all runs together."""
    packages: dict[str, set[str]] = {}
    for text in runs["versions"].dropna().unique():
        for name, value in json.loads(text).items():
            packages.setdefault(name, set()).add(str(value))
    return Making(
        device=_values(runs["device"]),
        code_id=_values(runs["code_id"]),
        commit=_values(runs.get("commit", pd.Series(dtype=str)).str.split(", ").explode()),
        packages={name: tuple(sorted(values)) for name, values in sorted(packages.items())},
        hours=float(runs["wall_time_s"].sum() / 3600),
        core_hours=core_hours(runs),
        runs_with_time=int(runs["wall_time_s"].count()),
    )


def core_hours(runs: pd.DataFrame) -> float | None:
    """What all runs took on cores, and by the clock those of which no other time is known; None where none is."""
    took = runs.get("used_seconds", runs["wall_time_s"]).fillna(runs["wall_time_s"])
    return float(took.sum() / 3600) if took.notna().any() else None


def _values(column: pd.Series) -> tuple[str, ...]:
    return tuple(sorted({str(value) for value in column.dropna()} - {""}))

"""What was run, in words: tasks and budgets, every preset's fields with their sources, what an arm changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from suite.analysis.types import AblationResult, CellKey
from suite.report.files import PresetSources, Study
from suite.study.cells import CELL

PARTS = ("spec", "schedule")

Path = tuple[str, ...]
"""Names from a spec or schedule down to a field of it."""


@dataclass(frozen=True)
class PresetField:
    """A field of a preset's spec or schedule, its value in words, and where that comes from."""

    part: str
    field: str
    value: str
    citation: str


@dataclass(frozen=True)
class Preset:
    """A preset of the study; without a run on record its fields are unknown."""

    name: str
    about: PresetSources
    fields: tuple[PresetField, ...]


@dataclass(frozen=True)
class TaskRow:
    """What was planned on a task, in words."""

    task: str
    implementations: str
    budget: str
    seeds: str
    runs: int
    every: str
    episodes: str
    floor: float | None  # return per episode of the random policy


def tasks_of(study: Study) -> list[TaskRow]:
    """Every task of the study."""
    return [_task(task, rows, study) for task, rows in study.manifest.groupby("task", sort=False)]


def _task(task: str, rows: pd.DataFrame, study: Study) -> TaskRow:
    runs = study.runs[study.runs["task"] == task]
    return TaskRow(
        task=task,
        implementations=", ".join(rows["implementation"].unique()),
        budget=", ".join(f"{steps:,}" for steps in sorted(rows["env_steps"].unique())),
        seeds=", ".join(str(seed) for seed in sorted(rows["seed"].unique())),
        runs=len(rows.drop_duplicates([*CELL, "seed", "env_steps"])),
        every=", ".join(f"{int(steps):,}" for steps in sorted(runs["evaluate_every"].dropna().unique())),
        episodes=", ".join(str(int(n)) for n in sorted(runs["evaluation_episodes"].dropna().unique())),
        floor=study.results.settings.random_policy.get(task),
    )


def presets_of(study: Study) -> list[Preset]:
    """Every preset with every field of its spec and schedule, and the tasks a value holds for where they differ."""
    plain = study.manifest[(study.manifest["ablation"] == "") | study.manifest["baseline"]]
    by_preset = plain.drop_duplicates([*CELL, "preset"]).groupby("preset", sort=False)
    return [_preset(name, rows, study) for name, rows in by_preset]


def _preset(name: str, rows: pd.DataFrame, study: Study) -> Preset:
    alone = rows[rows["ablation"] == ""]
    cells = alone if len(alone) else rows
    known = cells[CELL].merge(study.runs, on=CELL).dropna(subset=list(PARTS)).drop_duplicates(CELL)
    tasks: dict[tuple[str, Path], dict[str, list[str]]] = {}  # (part, path of a field) -> value -> where it holds
    for run in known.to_dict("records"):
        for part in PARTS:
            for path, value in _flat(json.loads(run[part])):
                tasks.setdefault((part, path), {}).setdefault(value, []).append(run["task"])
    about = study.sources.get(name, PresetSources())
    fields = [
        PresetField(part, ".".join(path), _value(by_value), about.of_field(path))
        for (part, path), by_value in tasks.items()
    ]
    return Preset(name, about, tuple(fields))


def _value(tasks: Mapping[str, list[str]]) -> str:
    """A field's value, or each with its tasks."""
    if len(tasks) == 1:
        return next(iter(tasks))
    return "; ".join(f"{value} ({', '.join(dict.fromkeys(names))})" for value, names in tasks.items())


def changes_of(ablation: AblationResult, runs: pd.DataFrame) -> dict[str, list[str]]:
    """By arm, every field in which its spec or schedule differs from the baseline's, in words."""
    known = runs.dropna(subset=list(PARTS)).drop_duplicates(CELL)
    flat = {
        CellKey(run["task"], run["implementation"], run["run_id"]):
            dict(_flat(json.loads(run["spec"]) | json.loads(run["schedule"])))
        for run in known.to_dict("records")
    }  # fmt: skip
    changes: dict[str, list[str]] = {}
    for table in ablation.tables:
        baseline = next((flat.get(table.key_of(arm)) for arm in table.arms if arm.baseline), None)
        for arm in table.arms:
            fields = flat.get(table.key_of(arm))
            if baseline and fields and not arm.baseline and not changes.get(arm.arm):
                changes[arm.arm] = _differences(fields, baseline)
    return changes


def _differences(fields: Mapping[Path, str], baseline: Mapping[Path, str]) -> list[str]:
    words = []
    for path, value in fields.items():
        if path not in baseline:
            words.append(f"{'.'.join(path)}: {value}")
        elif value != baseline[path]:
            words.append(f"{'.'.join(path)}: {value} instead of {baseline[path]}")
    return words


def _flat(data: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, str]]:
    """The fields of a spec as path and text; a nested choice is named by its kind, and after it come its fields."""
    for name, value in data.items():
        if isinstance(value, dict):
            yield (*above, name), str(value.get("kind", ""))
            yield from _flat({key: part for key, part in value.items() if key != "kind"}, (*above, name))
        else:
            yield (*above, name), ", ".join(map(str, value)) if isinstance(value, list) else _word(value)


def _word(value: object) -> str:
    words = {None: "none", True: "yes", False: "no"}
    return words[value] if value is None or isinstance(value, bool) else str(value)

"""What was run, in words: tasks and budgets, every preset's fields with their sources, what an arm changes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from suite.analysis.types import AblationResult, CellKey
from suite.report.files import PresetSources, Study
from suite.study.cells import CELL

PARTS = ("spec", "schedule")
FieldPath = tuple[str, ...]  # names from a spec or schedule down to a field of it


class PresetField(NamedTuple):
    part: str  # "spec" or "schedule"
    field: str
    value: str  # in words
    citation: str  # where it comes from


class Preset(NamedTuple):
    name: str
    about: PresetSources
    fields: list[PresetField]  # unknown without a run on record


class TaskRow(NamedTuple):
    """What was planned on a task, in words."""

    task: str
    implementations: str
    budget: str
    seeds: str
    runs: int
    every: str
    episodes: str
    floor: float | None  # return per episode of the random policy


def tasks_of(study: Study) -> Iterator[TaskRow]:
    """Every task of the study."""
    for task, rows in study.manifest.groupby("task", sort=False):
        runs = study.runs[study.runs["task"] == task]
        yield TaskRow(
            task=task,
            implementations=", ".join(rows["implementation"].unique()),
            budget=_numbers(rows["env_steps"]),
            seeds=", ".join(str(seed) for seed in sorted(rows["seed"].unique())),
            runs=len(rows.drop_duplicates([*CELL, "seed", "env_steps"])),
            every=_numbers(runs["evaluate_every"]),
            episodes=", ".join(str(int(n)) for n in sorted(runs["evaluation_episodes"].dropna().unique())),
            floor=study.results.settings.random_policy.get(task),
        )


def _numbers(column: pd.Series) -> str:
    return ", ".join(f"{int(n):,}" for n in sorted(column.dropna().unique()))


def presets_of(study: Study) -> list[Preset]:
    """Every preset with every field of its spec and schedule, and the tasks a value holds for where they differ."""
    plain = study.manifest[(study.manifest["ablation"] == "") | study.manifest["baseline"]]
    by_preset = plain.drop_duplicates([*CELL, "preset"]).groupby("preset", sort=False)
    return [_preset(name, rows, study) for name, rows in by_preset]


def _preset(name: str, rows: pd.DataFrame, study: Study) -> Preset:
    alone = rows[rows["ablation"] == ""]
    cells = alone if len(alone) else rows
    known = cells[CELL].merge(study.runs, on=CELL).dropna(subset=list(PARTS)).drop_duplicates(CELL)
    tasks: dict[tuple[str, FieldPath], dict[str, list[str]]] = {}  # (part, path of a field) -> value -> where it holds
    for run in known.to_dict("records"):
        for part in PARTS:
            for path, value in _flat(json.loads(run[part])):
                tasks.setdefault((part, path), {}).setdefault(value, []).append(run["task"])
    about = study.sources.get(name, PresetSources())
    fields = []
    for (part, path), by_value in tasks.items():
        values = [f"{value} ({', '.join(dict.fromkeys(names))})" for value, names in by_value.items()]
        value = "; ".join(values if len(values) > 1 else by_value)
        fields.append(PresetField(part, ".".join(path), value, about.of_field(path)))
    return Preset(name, about, fields)


def changes_of(ablation: AblationResult, runs: pd.DataFrame) -> dict[str, list[str]]:
    """By arm, every field in which its spec or schedule differs from the baseline's, in words; of the baseline, what it
    is in the fields that another arm changes."""
    known = runs.dropna(subset=list(PARTS)).drop_duplicates(CELL)
    flat = {
        CellKey(run["task"], run["implementation"], run["run_id"]):
            dict(_flat(json.loads(run["spec"]) | json.loads(run["schedule"])))
        for run in known.to_dict("records")
    }  # fmt: skip
    changes: dict[str, list[str]] = {}
    for table in ablation.tables:
        known_arms = {arm.arm: fields for arm in table.arms if (fields := flat.get(table.key_of(arm)))}
        name = next((arm.arm for arm in table.arms if arm.baseline and arm.arm in known_arms), None)
        if name is None:
            continue
        baseline = known_arms.pop(name)
        for arm, fields in known_arms.items():
            changes[arm] = changes.get(arm) or _differences(fields, baseline)
        switched = (path for path in baseline if any(baseline[path] != one.get(path) for one in known_arms.values()))
        changes[name] = changes.get(name) or [f"{'.'.join(path)}: {baseline[path]}" for path in switched]
    return changes


def _differences(fields: Mapping[FieldPath, str], baseline: Mapping[FieldPath, str]) -> list[str]:
    words = []
    for path, value in fields.items():
        if path not in baseline:
            words.append(f"{'.'.join(path)}: {value}")
        elif value != baseline[path]:
            words.append(f"{'.'.join(path)}: {value} instead of {baseline[path]}")
    return words


def _flat(data: Mapping[str, Any], above: FieldPath = ()) -> Iterator[tuple[FieldPath, str]]:
    """The fields of a spec as path and text; a nested choice is named by its kind, and after it come its fields."""
    for name, value in data.items():
        if isinstance(value, dict):
            yield (*above, name), str(value.get("kind", ""))
            yield from _flat({key: part for key, part in value.items() if key != "kind"}, (*above, name))
        else:
            yield (*above, name), ", ".join(map(str, value)) if isinstance(value, list) else word(value)


def word(value: object) -> str:
    """A plain value as it is read."""
    words = {None: "none", True: "yes", False: "no"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def rounded(runs: pd.DataFrame) -> tuple[int, int]:
    """How many cells are trained with products between hidden layers in bfloat16, and of how many."""
    cells = runs.drop_duplicates(CELL)
    specs = [json.loads(spec) for spec in cells["spec"].dropna()]
    return sum(spec.get("precision") == "bfloat16_hidden" for spec in specs), len(cells)

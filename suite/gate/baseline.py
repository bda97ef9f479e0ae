"""Own baselines: a study's window means, frozen, so that what a later release does is held against what this one did.

A baseline is a table (`<name>.csv`: one row per run and step) and beside it what made it (`<name>.json`: settings,
versions, code and floor of every cell). They lie in suite/gate/baselines, or wherever a path says.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from suite.analysis.results_file import from_plain, to_plain
from suite.analysis.types import CellKey
from suite.errors import UsageError, nearest
from suite.files import atomic
from suite.gate.window_means import EvaluationMeans, StudyTables, gathered, judged, means_by_run, sample
from suite.published.anchors import Anchor
from suite.published.references import Reference
from suite.sac import identity, numerics
from suite.sac.status import Status
from suite.specimens.naming import in_full
from suite.study.cells import CELL

FOLDER = Path(__file__).parent / "baselines"
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of the budget: where a run is frozen beside the steps at which something is published."""
SCHEMA_VERSION = 1
"""Of a baseline's two files. One that names none is of this version."""


class EvaluationProtocol(NamedTuple):
    every: int  # environment steps
    episodes: int


@dataclass(frozen=True)
class BaselineCell:
    """What made a frozen cell; spec and schedule as plain values, as a record has them."""

    task: str
    implementation: str
    run_id: str
    variant: str  # as shown, "critics/single"
    env_steps: tuple[int, ...]  # budgets of its runs
    evaluation: EvaluationProtocol
    code_id: str
    numerics: Mapping[str, str]  # versions of the parts that made it; empty if saved before they had versions
    versions: Mapping[str, str]  # by package
    settings_sha256: str
    spec: Mapping[str, Any]
    schedule: Mapping[str, Any]
    random_policy: float  # its mean return: what a failed run counts for

    @property
    def key(self) -> CellKey:
        return CellKey(self.task, self.implementation, self.run_id)

    @property
    def name(self) -> str:
        """The cell as sentences name it."""
        return f"{self.task}, {in_full(self.implementation, self.variant)}"

    @property
    def made_by(self) -> Mapping[str, str]:
        """What made its numbers: versions of the suite's parts and of packages; of unknown code its digest."""
        if self.numerics:
            return {**self.numerics, **self.versions}
        known = numerics.of_code_id(self.code_id)
        parts = {"code": self.code_id} if known is None else {part: str(one.version) for part, one in known.items()}
        return {**parts, **self.versions}


class FrozenRun(NamedTuple):
    """A row of a baseline's table: a run's trailing window mean at a step, as text that reads back bit for bit."""

    task: str
    implementation: str
    run_id: str
    seed: int
    status: Status
    env_step: int
    value: str


class Baseline(NamedTuple):
    """A frozen study: what its cells were, and the window means of their runs.

    values: cell -> step -> seed -> trailing window mean; a diverged or crashed run counts at the floor since it ended.
    """

    name: str
    cells: Mapping[CellKey, BaselineCell]
    values: Mapping[CellKey, Mapping[int, Mapping[int, float]]]


def save(
    name: str,
    study_dir: str | Path,
    references: Sequence[Reference],
    random_policy: Mapping[str, Anchor],
    *,
    force: bool = False,
) -> Path:
    """Freezes a gathered study under a name (or path); UsageError if the name is taken or nothing has a result."""
    path = _path(name)
    if path.exists() and not force:
        raise UsageError(f"{path} is there already, and a baseline is to stay; give another name, or --force")
    cells, runs = freeze(gathered(study_dir), references, random_policy)
    if not runs:
        raise UsageError(f"no run of {study_dir} has a result, so there is nothing to freeze; train it first")
    data = {"schema_version": SCHEMA_VERSION, "study": Path(study_dir).name, "cells": to_plain(cells)}
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(FrozenRun._fields)
    writer.writerows(runs)
    _write(path.with_suffix(".json"), json.dumps(data, indent=1) + "\n")
    _write(path, table.getvalue())
    return path


def _write(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text)


def load(name: str) -> Baseline:
    """The baseline of that name (or path); UsageError if there is none or its files do not fit each other."""
    path = _path(name)
    if not path.exists():
        names = sorted(file.stem for file in path.parent.glob("*.csv"))
        raise UsageError(f"there is no baseline {path}; did you mean {nearest(path.stem, names)}?")
    try:
        cells = _read_cells(path.with_suffix(".json"))
        return Baseline(path.stem, cells, _read_values(path, cells))
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise UsageError(f"{path} and its .json are no baseline ({what}); save it anew") from None


def _read_cells(path: Path) -> dict[CellKey, BaselineCell]:
    data = json.loads(path.read_text())
    version = data.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise ValueError(f"schema version {version}, and this suite reads {SCHEMA_VERSION}")
    cells = from_plain(tuple[BaselineCell, ...], [{"numerics": {}} | cell for cell in data["cells"]])
    return {cell.key: cell for cell in cells}


def _read_values(path: Path, cells: Iterable[CellKey]) -> dict[CellKey, dict[int, dict[int, float]]]:
    values: dict[CellKey, dict[int, dict[int, float]]] = {cell: {} for cell in cells}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            steps = values[CellKey(row["task"], row["implementation"], row["run_id"])]
            steps.setdefault(int(row["env_step"]), {})[int(row["seed"])] = float(row["value"])
    return values


def _path(name: str) -> Path:
    if "/" in name or name.endswith(".csv"):
        return Path(name).with_suffix(".csv")
    if not re.fullmatch(r"\w[\w-]*", name):
        raise UsageError(f"a baseline is called by letters, digits, - and _ (or by a path), not {name!r}")
    return FOLDER / f"{name}.csv"


def freeze(
    tables: StudyTables, references: Sequence[Reference], random_policy: Mapping[str, Anchor]
) -> tuple[list[BaselineCell], list[FrozenRun]]:
    """What each cell of a gathered study was, and a row per run with a result and frozen step."""
    means, tables = means_by_run(tables.evaluations), judged(tables)
    cells: list[BaselineCell] = []
    frozen: list[FrozenRun] = []
    for key, runs in tables.runs.groupby(CELL, sort=True):
        cell = CellKey(*key)
        if cell.task not in random_policy:
            remedy = "python -m suite.published.measure adds it"
            raise UsageError(f"random_policy.csv: task {cell.task} is missing; {remedy}")
        floor = random_policy[cell.task].mean
        of_cell = list(_frozen(cell, runs, means, references, floor))
        if of_cell:
            frozen += of_cell
            cells.append(described(cell, runs, floor))
    return cells, frozen


def _frozen(
    cell: CellKey, runs: pd.DataFrame, means: EvaluationMeans, references: Iterable[Reference], floor: float
) -> Iterator[FrozenRun]:
    status = {run.seed: run.status for run in runs.itertuples()}
    for at in _steps(cell.task, runs, references):
        ours = sample(runs, means, at, floor)
        for seed, value in zip(ours.seeds, ours.values, strict=True):
            yield FrozenRun(*cell, seed, status[seed], at, repr(float(value)))


def _steps(task: str, runs: pd.DataFrame, references: Iterable[Reference]) -> list[int]:
    """The evaluations nearest before shares of the budgets, and every step at which something is published."""
    steps = {at for reference in references if task in reference.tasks for at in reference.summaries}
    for every, budget in runs[["evaluate_every", "env_steps"]].drop_duplicates().itertuples(index=False):
        steps |= {max(int(budget * share) // every, 1) * every for share in SHARES}
    return sorted(int(at) for at in steps)


def described(cell: CellKey, runs: pd.DataFrame, floor: float) -> BaselineCell:
    """What made the runs of a cell (rows of the table of runs), as its records have it."""
    recorded = runs[runs["code_id"] != ""]
    first = runs.iloc[0]
    spec, schedule = json.loads(first["spec"]), json.loads(first["schedule"])
    settings = identity.canonical({"spec": spec, "schedule": schedule})
    return BaselineCell(
        **cell._asdict(),
        variant=first["variant"],
        env_steps=tuple(sorted({int(steps) for steps in runs["env_steps"]})),
        evaluation=EvaluationProtocol(int(first["evaluate_every"]), int(first["evaluation_episodes"])),
        code_id=", ".join(sorted(recorded["code_id"].unique())),
        numerics=_all_versions(recorded["numerics"]) if "numerics" in recorded else {},
        versions=_all_versions(recorded["versions"]),
        settings_sha256=hashlib.sha256(settings.encode()).hexdigest(),
        spec=spec,
        schedule=schedule,
        random_policy=floor,
    )


def _all_versions(recorded: pd.Series) -> dict[str, str]:
    """Every part or package with the version, or all versions, that made these runs; recorded: JSON by run."""
    versions: dict[str, set[str]] = {}
    for one in recorded.unique():
        for name, version in json.loads(one).items():
            versions.setdefault(name, set()).add(str(version))
    return {name: ", ".join(sorted(versions[name])) for name in sorted(versions)}

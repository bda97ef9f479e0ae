"""Migration: what a user's results need to be read by this version of the suite, as steps that say what they do."""

from __future__ import annotations

import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from suite.lab.records import SCHEMA_VERSION, RecordError, read_schema_version

ASIDE = "before-migration"
"""The folder, beside a study's tables, for those of an older form."""

DERIVED = (
    *("runs.parquet", "evaluations.parquet", "diagnostics.parquet", "ablations.json", "sources.json"),
    *("check.json", "results.json"),
)
"""What gather, check and statistics make anew from records; manifest and declaration are no such files."""


class Step(NamedTuple):
    """One thing to do: what, in words, and the act."""

    what: str
    act: Callable[[], None]


def steps(results: Path) -> list[Step]:
    """What the tables of studies need: those of an older form are put aside, since they are made from records."""
    needed = []
    for runs in sorted((results / "studies").glob("*/runs.parquet")):
        if _is_of_an_older_form(runs):
            needed.append(Step(f"put the tables of study {runs.parent.name} aside (into {ASIDE})", _aside(runs.parent)))
    return needed


def notes(results: Path) -> list[str]:
    """What needs nothing to be done, but is good to know: records and checkpoints of older forms."""
    versions: Counter[int | None] = Counter(map(_schema_version, sorted((results / "runs").rglob("*.parquet"))))
    lines = [
        f"{count} records of schema {version}: they are read as they are"
        for version, count in sorted(versions.items(), key=str)
        if version not in (SCHEMA_VERSION, None)
    ]
    if broken := versions[None]:
        lines.append(f"{broken} files among the records are none of this suite: gather calls them invalid")
    if silent := sum(map(_is_silent, (results / ".work").rglob("checkpoint-*.npz"))):
        lines.append(f"{silent} checkpoints do not tell what made them: their runs start anew")
    return lines


def _schema_version(record: Path) -> int | None:
    try:
        return read_schema_version(record)
    except RecordError:
        return None


def _is_of_an_older_form(runs: Path) -> bool:
    """Whether a table of runs was gathered before runs had numerics."""
    try:
        return "numerics" not in pq.read_schema(runs).names
    except (OSError, pa.ArrowInvalid):
        return True


def _aside(folder: Path) -> Callable[[], None]:
    def act() -> None:
        (folder / ASIDE).mkdir(exist_ok=True)
        for name in DERIVED:
            if (folder / name).exists():
                shutil.move(folder / name, folder / ASIDE / name)

    return act


def _is_silent(checkpoint: Path) -> bool:
    """Whether a checkpoint does not tell what made it."""
    try:
        with np.load(checkpoint, allow_pickle=False) as file:
            return b'"maker"' not in file["state"].tobytes()
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return True

"""Migration: what a user's results need to be read by this version of the suite."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from suite.lab.records import SCHEMA_VERSION, RecordError, read_schema_version

ASIDE = "before-migration"  # the folder, beside a study's tables, for those of an older form
DERIVED = (
    *("runs.parquet", "evaluations.parquet", "diagnostics.parquet", "ablations.json", "sources.json"),
    *("check.json", "results.json"),
)
"""What gather, check and statistics make anew from records; manifest and declaration are no such files."""


def outdated(results: Path) -> list[Path]:
    """The folders of studies whose tables are of an older form: these are put aside, since records give them anew."""
    tables = sorted((results / "studies").glob("*/runs.parquet"))
    return [runs.parent for runs in tables if _is_of_an_older_form(runs)]


def put_aside(folder: Path) -> None:
    """Moves a study's derived files into the folder ASIDE."""
    (folder / ASIDE).mkdir(exist_ok=True)
    for name in DERIVED:
        if (folder / name).exists():
            shutil.move(folder / name, folder / ASIDE / name)


def notes(results: Path) -> list[str]:
    """What needs nothing to be done, but is good to know: records and checkpoints of older forms."""
    versions = Counter(map(_schema_version, sorted((results / "runs").rglob("*.parquet"))))
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
        version = read_schema_version(record)
    except RecordError:
        return None
    return version if isinstance(version, int) else None


def _is_of_an_older_form(runs: Path) -> bool:
    """Whether a table of runs was gathered before runs had numerics."""
    try:
        return "numerics" not in pq.read_schema(runs).names
    except (OSError, pa.ArrowException):
        return True


def _is_silent(checkpoint: Path) -> bool:
    """Whether a checkpoint does not tell what made it."""
    try:
        with np.load(checkpoint, allow_pickle=False) as file:
            return b'"maker"' not in file["state"].tobytes()
    except Exception:  # numpy, zipfile, zlib and tokenize each have their own for a damaged file
        return True

"""The tables of a gathered study, read here alone: a damaged one is one sentence with the command that remakes it."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from suite.errors import UsageError
from suite.sac.status import STATUSES
from suite.study.cells import CELL

_RUN = {**dict.fromkeys(CELL, "text"), "seed": "number"}
COLUMNS: dict[str, dict[str, str]] = {
    "manifest": {
        **_RUN,
        **dict.fromkeys(("preset", "ablation", "arm", "label"), "text"),
        **{"levels": "JSON", "baseline": "bool", "env_steps": "number"},
    },
    "runs": {
        **_RUN,
        **dict.fromkeys(("variant", "status", "message", "device", "code_id"), "text"),
        **dict.fromkeys(("env_steps", "last_env_step", "stopped_at", "evaluate_every"), "number"),
        **dict.fromkeys(("final_episodes", "final_return", "final_variance"), "number"),
        **dict.fromkeys(("spec", "schedule", "versions", "pace"), "JSON"),
        "stale": "bool",
    },
    "evaluations": {**_RUN, "kind": "text", "env_step": "number", "episode": "number", "return": "number"},
    "diagnostics": {**_RUN, "env_step": "number"},
}
"""What the columns that are read hold; a text or a JSON object may be absent in a row."""


def read_table(study_dir: str | Path, name: str) -> pd.DataFrame:
    """A study's table; UsageError if there is none, it is damaged, or a column holds other things than COLUMNS says."""
    path = Path(study_dir, f"{name}.parquet")
    if not path.exists():
        raise UsageError(f"{path} is missing: the study must be gathered first (python -m suite gather)")
    remedy = "run `python -m suite gather` for this study again"
    try:
        with path.open("rb") as file:  # of a folder pandas would make a table without rows
            table = pd.read_parquet(file, page_checksum_verification=True, partitioning=None)
    except Exception as error:  # pandas and pyarrow each have their own for a damaged file
        raise UsageError(f"{path} is damaged, it is no table ({type(error).__name__}): {remedy}") from None
    for column, kind in COLUMNS[name].items():
        if column in table and not _holds(table[column], kind):
            raise UsageError(f"{path} is damaged, its column {column} is not what gather writes: {remedy}")
    needed = {*_RUN, *(("variant", "status", "stale", "env_steps") if name == "runs" else COLUMNS[name])}
    if (len(table) or name in ("manifest", "runs")) and (absent := sorted(needed - set(table))):
        raise UsageError(f"{path} is damaged, it lacks the column {absent[0]}: {remedy}")
    if name == "runs" and (unknown := set(table["status"]) - set(STATUSES)):
        what = textwrap.shorten(repr(min(unknown, key=str)), 40)
        raise UsageError(f"{path} is damaged, a run has the status {what}, which there is not: {remedy}")
    return table


def _holds(column: pd.Series, kind: str) -> bool:
    if kind == "bool":
        return is_bool_dtype(column)
    if kind == "number":
        return column.isna().all() or (is_numeric_dtype(column) and not is_bool_dtype(column))
    values = column.dropna().unique() if any(isinstance(value, str) for value in column) else column.dropna()
    return all(isinstance(value, str) and (kind == "text" or _is_object(value)) for value in values)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False

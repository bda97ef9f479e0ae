"""Cited tables as files: every row complete, every number a number, or the file is refused by name."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

DATA = Path(__file__).parent / "data"


class BrokenReference(ValueError):
    """A table or metadata file that cannot be used; the message names the file and the field."""


def complete(row: dict[str, str], fields: Sequence[str], table: Path) -> None:
    """BrokenReference if one of these fields of a row is empty."""
    empty = next((field for field in fields if not row[field]), None)
    if empty:
        raise BrokenReference(f"{table}: {empty} is missing ({next(iter(row.values()))})")


def csv_columns(table: Path) -> tuple[str, ...]:
    """The columns that a table's first line names."""
    if not table.is_file():
        raise BrokenReference(f"{table}: the table is missing")
    with table.open(newline="") as file:
        return tuple(next(csv.reader(file), ()))


def read_rows(table: Path, fields: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a table that must have exactly these columns, in this order."""
    columns = csv_columns(table)
    if columns != fields:
        raise BrokenReference(f"{table}: the columns must be {', '.join(fields)}, not {', '.join(columns)}")
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def number_in(text: str | None, field: str, table: Path) -> float:
    """A finite number."""
    try:
        value = math.nan if text is None else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BrokenReference(f"{table}: {field} must be a finite number, not {text!r}")
    return value


def whole_number(text: str | None, field: str, table: Path) -> int:
    """A whole number of at least 0."""
    value = number_in(text, field, table)
    if not value.is_integer() or value < 0:
        raise BrokenReference(f"{table}: {field} must be a whole number of at least 0, not {text!r}")
    return int(value)

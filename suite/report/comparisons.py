"""The regression check's rows as they are shown: by cell, and in each by the reference it is held against."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from suite.analysis.check_rows import CheckRow
from suite.gate.outcome import failing

MOST_FAILING = 4  # endpoints that a sentence names
COLUMNS = 8  # published steps with a column each; of more, those up to each of these stand together
UP_TO = (10_000, 20_000, 50_000, 100_000, 200_000, 300_000, 500_000, 1_000_000, 2_000_000)


class Reference(NamedTuple):
    """The rows of one cell against one reference."""

    title: str  # its name, and what sets it apart
    rows: tuple[CheckRow, ...]


@dataclass(frozen=True)
class CheckedCell:
    """A cell with something published to hold it against, the references that may decide first."""

    task: str
    implementation: str
    variant: str
    references: tuple[Reference, ...]

    @property
    def figure(self) -> str:
        """The name of its figure."""
        return f"published-{self.slug}"

    @property
    def slug(self) -> str:
        """Its parts as a name of a file or of a place on the page."""
        return re.sub(r"[^A-Za-z0-9_-]+", "-", f"{self.task}-{self.implementation}-{self.variant}")


class Mark(NamedTuple):
    row: CheckRow
    aside: str  # what stands under its verdict


class Line(NamedTuple):
    """A cell against one reference in the overview."""

    title: str
    columns: list[list[Mark]]


@dataclass(frozen=True)
class Overview:
    """The whole check in one table: its columns of published steps, and the lines of each cell."""

    columns: tuple[str, ...]
    column_per_step: bool
    cells: list[CheckedCell]
    lines: list[list[Line]]  # by cell


def checked_cells(rows: Iterable[CheckRow]) -> list[CheckedCell]:
    """The rows by task, implementation and variant, in each by reference."""
    cells: dict[tuple[str, str, str], dict[tuple[str, str], list[CheckRow]]] = {}
    for row in rows:
        by_reference = cells.setdefault((row.task, row.implementation, row.variant), {})
        by_reference.setdefault((row.reference, row.run_id), []).append(row)
    return [CheckedCell(*place, _references(by_reference)) for place, by_reference in cells.items()]


def _references(by_reference: dict[tuple[str, str], list[CheckRow]]) -> tuple[Reference, ...]:
    """Those that may decide first; the run is named where there are several, and what is advice alone."""
    several = len({run_id for _, run_id in by_reference}) > 1
    deciding, advisory = [], []
    for (name, run_id), rows in by_reference.items():
        title = f"{name}, run {run_id}" if several else name
        if all(row.advisory for row in rows):
            advisory.append(Reference(f"{title} (advisory)", tuple(rows)))
        else:
            deciding.append(Reference(title, tuple(rows)))
    return (*deciding, *advisory)


def overview(rows: Sequence[CheckRow]) -> Overview:
    """Every row in the column of its published step, or of the next one that has a column."""
    steps = sorted({row.env_step for row in rows})
    columns = steps
    if len(steps) > COLUMNS:
        columns = sorted({next((end for end in UP_TO if step <= end), steps[-1]) for step in steps})
    cells = checked_cells(rows)
    lines = [[_line(reference, columns) for reference in cell.references] for cell in cells]
    return Overview(tuple(map(step_text, columns)), columns == steps, cells, lines)


def _line(reference: Reference, columns: Sequence[int]) -> Line:
    marks: list[list[Mark]] = [[] for _ in columns]
    for row in reference.rows:
        place = bisect_left(columns, row.env_step)
        aside = _aside(row) if row.env_step == columns[place] else [step_text(row.env_step), *_aside(row)]
        marks[place].append(Mark(row, ", ".join(aside)))
    return Line(reference.title, marks)


def step_text(env_step: int) -> str:
    """A number of environment steps in few characters: "500k", "1.25M"."""
    return f"{env_step / 1e6:g}M" if env_step >= 1e6 else f"{env_step / 1e3:g}k"


def _aside(row: CheckRow) -> list[str]:
    words = []
    if row.gated:
        words.append(f"{row.looks[-1].n} seeds" if row.looks else "no look")
    elif row.verdict == "INCONCLUSIVE":
        words += _what_would_decide(row)
    if row.advisory:
        words.append("adv.")
    return words


def _what_would_decide(row: CheckRow) -> list[str]:
    if row.ours.n < 2:
        return ["1 run" if row.ours.n else "no run"]
    if row.basis == "a number":
        return []
    if row.held_back:
        return ["runs lack"]
    return [f"needs n {row.n_needed:,}" if row.n_needed else "no n decides"]


def failing_in_words(check: Sequence[CheckRow]) -> str:
    """Which primary endpoints fail, as many as can be read; "" if none does."""
    names = [
        f"{row.variant} on {row.task} ({row.implementation}) at {row.env_step:,} steps against {row.reference}"
        for row in failing(check)
    ]
    more = len(names) - MOST_FAILING
    return "; ".join(names if more <= 0 else [*names[:MOST_FAILING], f"{more} more"])

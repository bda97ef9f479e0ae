"""Text and tables as LaTeX prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from suite.wording import number, p_value

SIGNS = str.maketrans({
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{sign: f"\\ensuremath{{{sign}}}" for sign in "<>|"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "−": r"\ensuremath{-}", "–": "--", "×": r"\ensuremath{\times}", "\u00a0": "~",
})  # fmt: skip


class PValue(NamedTuple):
    """A column of p values."""

    column: str


class Ends(NamedTuple):
    """The columns of an estimate and of the ends of its interval."""

    estimate: str
    low: str
    high: str


class Ratio(NamedTuple):
    """The columns of a count and of what it is out of."""

    part: str
    whole: str


Printed = str | PValue | Ends | Ratio
"""What a heading prints of a row; a bare name is a column of numbers or words."""


def escaped(text: str) -> str:
    """The text as LaTeX prints it."""
    return text.translate(SIGNS)


def latex(rows: list[dict[Any, Any]], columns: Mapping[str, Printed]) -> str:
    """The rows as a tabular; intervals stand in brackets."""
    printed = pd.DataFrame([{escaped(head): _cell(row, column) for head, column in columns.items()} for row in rows])
    texts = {column for column in columns.values() if any(isinstance(row.get(column), str) for row in rows)}
    form = "".join("l" if column in texts else "r" for column in columns.values())
    return printed.style.hide(axis="index").to_latex(hrules=True, column_format=form)


def _cell(row: dict[Any, Any], column: Printed) -> str:
    match column:
        case Ends():
            estimate, low, high = (escaped(number(row.get(name))) for name in column)
            return estimate if "--" in (low, high) else f"{estimate} [{low}, {high}]"
        case Ratio():
            return f"{row[column.part]:.0f}/{row[column.whole]:.0f}"
        case PValue():
            return escaped(p_value(row.get(column.column)))
    value = row.get(column)
    return escaped(value if isinstance(value, str) else number(value))

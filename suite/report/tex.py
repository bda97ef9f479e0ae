"""Text and tables as LaTeX prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from suite.wording import number, p_value

SIGNS = str.maketrans({
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{sign: f"\\ensuremath{{{sign}}}" for sign in "<>|"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "−": r"\ensuremath{-}", "–": "--", "×": r"\ensuremath{\times}", "\u00a0": "~",
})  # fmt: skip

Printed = str | tuple[str, str, str]
"""What a heading prints of a row: a column, three for an estimate with its interval, or two joined by "/"."""


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
    if isinstance(column, tuple):
        estimate, low, high = (escaped(number(row.get(name))) for name in column)
        return estimate if "--" in (low, high) else f"{estimate} [{low}, {high}]"
    if "/" in column:
        return "/".join(f"{row[name]:.0f}" for name in column.split("/"))
    value = row.get(column)
    if isinstance(value, str):
        return escaped(value)
    form = p_value if column.split("_")[-1] in ("p", "adjusted") else number
    return escaped(form(value))

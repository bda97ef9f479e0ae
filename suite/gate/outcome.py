"""What the gate makes of all rows: adjustment, failures, exit code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from suite.analysis.check_rows import CheckRow
from suite.analysis.types import FamilyName
from suite.gate.drift_rows import DriftRow
from suite.statistics import multiplicity
from suite.statistics.equivalence import FAIL

FAMILY: FamilyName = "regression"
NOTHING = 3
"""The exit code where there is nothing to compare, or nothing to gate."""
Row = TypeVar("Row", CheckRow, DriftRow)


def adjusted(rows: Iterable[CheckRow], method: str, level: float) -> list[CheckRow]:
    """The rows with p_adjusted and p_fail_adjusted, over all rows that are no advice, and `fails`.

    A row fails the gate if it is gated, its verdict is FAIL, and its p_fail is below `level` after adjustment: with
    "holm" no more than that share of studies fails at all, however many rows lose exactly the margin.
    """
    rows = list(rows)
    family = [i for i, row in enumerate(rows) if not row.advisory and row.p is not None]
    p = multiplicity.adjust(np.array([rows[i].p for i in family]), method).tolist()
    p_fail = multiplicity.adjust(np.array([rows[i].p_fail for i in family]), method).tolist()
    for i, passes, fails in zip(family, p, p_fail, strict=True):
        falls = rows[i].gated and rows[i].verdict == FAIL and fails < level
        asked = replace(rows[i], p_adjusted=passes, p_fail_adjusted=fails, family=FAMILY, family_size=len(family))
        rows[i] = replace(asked, fails=falls)
    return rows


def failing(rows: Sequence[Row]) -> list[Row]:
    """The rows that fail the gate."""
    return [row for row in rows if row.fails]


def exit_code(rows: Sequence[CheckRow] | Sequence[DriftRow], gate: bool) -> int:
    """0; 1 with the gate and a row that fails it; 3 where nothing is comparable, or nothing of it gated."""
    if not rows or (gate and not any(row.gated for row in rows)):
        return NOTHING
    return 1 if gate and any(row.fails for row in rows) else 0

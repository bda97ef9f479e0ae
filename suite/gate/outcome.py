"""What the gate makes of all rows: adjustment, failures, exit code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from suite.statistics import multiplicity
from suite.statistics.equivalence import FAIL

FAMILY = "regression"


NOTHING = 3
"""The exit code where there is nothing to compare, or nothing to gate."""


def adjust(rows: Iterable[dict], method: str, level: float) -> None:
    """Puts beside every row p_adjusted and p_fail_adjusted, over all rows that are no advice, and `fails`.

    A row fails the gate if it is gated, its verdict is FAIL, and its p_fail is below `level` after adjustment: with
    "holm" no more than that share of studies fails at all, however many rows lose exactly the margin.
    """
    rows = list(rows)
    family = [row for row in rows if not row["advisory"] and row["p"] is not None]
    adjusted = {name: multiplicity.adjust(np.array([row[name] for row in family]), method) for name in ("p", "p_fail")}
    for row in rows:
        row |= {"p_adjusted": None, "p_fail_adjusted": None, "family": None, "family_size": None, "fails": False}
    for i, row in enumerate(family):
        p, p_fail = (float(adjusted[name][i]) for name in ("p", "p_fail"))
        row |= {"p_adjusted": p, "p_fail_adjusted": p_fail, "family": FAMILY, "family_size": len(family)}
        row["fails"] = bool(row["gated"] and row["verdict"] == FAIL and p_fail < level)


def failing(rows: Sequence[dict]) -> list[dict]:
    """The rows that fail the gate."""
    return [row for row in rows if row["fails"]]


def exit_code(rows: Sequence[dict], gate: bool) -> int:
    """0; 1 with the gate and a row that fails it; 3 where nothing is comparable, or nothing of it gated."""
    if not rows or (gate and not any(row["gated"] for row in rows)):
        return NOTHING
    return 1 if gate and failing(rows) else 0

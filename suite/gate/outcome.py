"""What the gate makes of all rows: the exit code, and in one line why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from suite.analysis.check_rows import CheckRow
from suite.gate.drift_rows import DriftRow

FAILED, NOTHING, UNDECIDED = 1, 3, 4
"""Exit codes of the gate: an endpoint FAILs (or is NOT_LEARNED, DIFFERENT); none could be judged at all; not all PASS
(or are EQUIVALENT)."""
IN_WORDS = {0: "passes", FAILED: "fails", NOTHING: "has nothing to judge", UNDECIDED: "is undecided"}
"""What the gate does, by its exit code."""
Row = TypeVar("Row", CheckRow, DriftRow)


def failing(rows: Sequence[Row]) -> list[Row]:
    """The rows that fail the gate."""
    return [row for row in rows if row.fails]


def exit_code(rows: Sequence[CheckRow] | Sequence[DriftRow], gate: bool, undecided_ok: bool = False) -> int:
    """0, or without the gate 3 where nothing is comparable; with it also 1, 3 and 4, in this order.

    undecided_ok: INCONCLUSIVE after the last look passes; whatever waits for seeds or is better than it should be does
    not.
    """
    endpoints = [row for row in rows if row.gated]
    if not gate:
        return 0 if rows else NOTHING
    if any(row.fails for row in endpoints):
        return FAILED
    if not any(row.judged for row in endpoints):
        return NOTHING
    return 0 if all(row.passes or (undecided_ok and row.exhausted) for row in endpoints) else UNDECIDED


def gate_line(rows: Sequence[CheckRow] | Sequence[DriftRow], undecided_ok: bool = False) -> str:
    """What the gate makes of the rows, in one line."""
    endpoints = [row for row in rows if row.gated]
    if not endpoints:
        return "gate: no row of this study decides, so there is nothing to pass or fail (exit code 3 with --gate)"
    counts = Counter(row.verdict if row.judged else "not judged" for row in endpoints)
    listed = ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in sorted(counts.items()))
    code = exit_code(rows, True, undecided_ok)
    return f"gate {IN_WORDS[code]} (exit code {code} with --gate): of {primary(len(endpoints))} {listed}"


def primary(count: int) -> str:
    """So many primary endpoints, in words."""
    return f"{count} primary endpoint{'s' if count != 1 else ''}"

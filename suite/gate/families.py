"""Rows as families: the primary endpoints of one implementation and preset, and what is tested only after them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from suite.analysis.check_rows import CheckRow
from suite.specimens.naming import in_full
from suite.statistics import multiplicity
from suite.statistics.equivalence import PASS


def with_families(rows: Iterable[CheckRow], method: str) -> list[CheckRow]:
    """The rows with their families, and with adjusted p where they are secondary.

    A family passes if every primary endpoint of it does, which needs no adjustment; each of them can fail it. Only then
    are its secondary rows tested, adjusted for their number. Advisory rows are in no family.
    """
    rows = list(rows)
    members: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        if not row.advisory:
            members.setdefault(in_full(row.implementation, row.variant), []).append(i)
    for family, indices in members.items():
        primary = [i for i in indices if rows[i].gated]
        secondary = [i for i in indices if not rows[i].gated]
        for i in primary:
            rows[i] = replace(rows[i], family=family, family_size=len(primary))
        tested = primary and all(rows[i].verdict == PASS for i in primary)
        adjusted = _adjusted([rows[i] for i in secondary], method) if tested else [(None, None)] * len(secondary)
        for i, (p, p_fail) in zip(secondary, adjusted, strict=True):
            asked = replace(rows[i], family=family, family_size=len(secondary))
            rows[i] = replace(asked, p_adjusted=p, p_fail_adjusted=p_fail)
    return rows


def _adjusted(rows: Sequence[CheckRow], method: str) -> list[tuple[float | None, float | None]]:
    """p and p_fail of each row, adjusted."""
    both = (
        [np.nan if p is None else p for p in column] for column in zip(*((r.p, r.p_fail) for r in rows), strict=True)
    )
    columns = (multiplicity.adjust(np.array(column, dtype=float), method).tolist() for column in both)
    return [tuple(None if np.isnan(p) else p for p in pair) for pair in zip(*columns, strict=True)]  # type: ignore[misc]

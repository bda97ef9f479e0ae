"""How many primary endpoints should PASS, were ours equal to what is published."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from suite.analysis.check_rows import CheckRow
from suite.gate.outcome import primary
from suite.published import deciding
from suite.specimens.naming import in_full
from suite.statistics.equivalence import INCONCLUSIVE, PASS, SUSPICIOUSLY_BETTER
from suite.statistics.looks import LOOKS


def chance(row: CheckRow) -> float | None:
    """That runs equal to what is published PASS a primary endpoint by the seeds its study plans, by simulation
    (`suite/published/data/deciding.csv`); None where that was not simulated: other looks, or another margin."""
    simulated = _simulated().get((row.task, row.reference, row.env_step))
    within = [look for look in LOOKS if look <= row.seeds_planned]
    tolerated = deciding.MARGIN * (row.published.mean - row.random_policy)
    if simulated is None or not within or row.looks_planned != LOOKS or not math.isclose(row.margin, tolerated):
        return None
    return float(getattr(simulated, f"pass_{within[-1]}"))


def expected_line(rows: Sequence[CheckRow]) -> str:
    """A sentence: how many primary endpoints were to PASS of equal runs, and how they stand; empty where the chance of
    one is not known."""
    endpoints = [row for row in rows if row.gated]
    chances = [chance(row) for row in endpoints]
    known = [share for share in chances if share is not None]
    if not known or len(known) < len(chances):
        return ""
    tasks = {row.task for row in endpoints}
    names = [in_full(row.implementation, row.variant) + f" on {row.task}" * (len(tasks) > 1) for row in endpoints]
    listed = ", ".join(f"{share:.2f} of {name}" for name, share in zip(names, known, strict=True))
    return (
        f"Were ours equal to what is published, {sum(known):.2f} of {primary(len(endpoints))} would PASS by the seeds "
        f"planned (simulated: {listed}); {_standing(endpoints)}."
    )


def waiting(rows: Sequence[CheckRow]) -> int:
    """How many primary endpoints wait for a further look."""
    return sum(row.gated and not row.exhausted and not (row.judged and row.verdict != INCONCLUSIVE) for row in rows)


def _standing(endpoints: Sequence[CheckRow]) -> str:
    """How many endpoints PASS, how many are decided otherwise, and how many, if any, are open after the last look or
    wait for a further one. SUSPICIOUSLY_BETTER is a PASS here as in the simulation."""
    decided = [row.verdict for row in endpoints if row.judged and row.verdict != INCONCLUSIVE]
    passed = sum(verdict in (PASS, SUSPICIOUSLY_BETTER) for verdict in decided)
    others, exhausted = len(decided) - passed, sum(row.exhausted for row in endpoints)
    wait = waiting(endpoints)
    parts = [
        f"{passed} {'does' if passed == 1 else 'do'}",
        f"{others} {'is' if others == 1 else 'are'} decided otherwise",
    ]
    parts += [f"{exhausted} {'stays' if exhausted == 1 else 'stay'} open after the last look"] * bool(exhausted)
    parts += [f"{wait} {'waits' if wait == 1 else 'wait'} for a further look"] * bool(wait)
    return f"{', '.join(parts[:-1])}{',' * (len(parts) > 2)} and {parts[-1]}"


@cache
def _simulated() -> dict[tuple[str, str, int], deciding.Row]:
    return {(row.task, row.reference, row.env_step): row for row in deciding.committed()}

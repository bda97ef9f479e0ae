"""Checks as a terminal shows them: a table, the sentences and the notes, and what the gate makes of it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from suite.analysis.check_rows import CheckFile, CheckRow
from suite.gate.chances import expected_line
from suite.gate.drift_rows import Drift, DriftRow
from suite.gate.drift_wording import identical_in_every_seed
from suite.gate.outcome import gate_line
from suite.gate.wording import counted, number, p_value
from suite.specimens.naming import in_full
from suite.statistics.equivalence import DIFFERENT, EQUIVALENT, INCONCLUSIVE


class _Column(NamedTuple):
    title: str
    is_text: bool = False  # text stands left, numbers right


def _drawn(columns: Sequence[_Column], rows: Iterable[Sequence[str]], width: int) -> str:
    """A table of cells that are shown as they are; width: characters of a line."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    for column in columns:
        table.add_column(column.title, justify="left" if column.is_text else "right")
    for row in rows:
        table.add_row(*row)
    text = io.StringIO()
    Console(file=text, width=width, markup=False, emoji=False).print(table)
    return text.getvalue().rstrip()


_CHECK = (_Column("cell", True), _Column("step"), _Column("ours"), _Column("published", True),
          _Column("difference"), _Column("tolerated"), _Column("p, adjusted"), _Column("verdict", True),
          _Column("both ways", True))  # fmt: skip


def render_check(checked: CheckFile, undecided_ok: bool = False) -> str:
    """The rows as a table for a terminal, a sentence for each, the notes, the verdicts counted, what the gate says, and
    how many decisions were to be expected."""
    rows, notes = checked.rows, checked.notes
    if not rows:
        return "\n".join(["No cell of this study has a published counterpart in suite/published.", *notes])
    table = _drawn(_CHECK, map(_check_cells, rows), width=170)
    last = [counted(rows), gate_line(rows, undecided_ok), *filter(None, [expected_line(rows)])]
    return "\n".join([table, "", *(row.sentence for row in rows), *notes, "", *last])


def _check_cells(row: CheckRow) -> tuple[str, ...]:
    ours, published = row.ours, row.published
    interval = f"\n[{number(row.low)}, {number(row.high)}]" if row.low is not None else ""
    return (
        f"{row.task}\n{in_full(row.implementation, row.variant)}",
        f"{row.env_step:,}",
        f"{number(ours.mean)} ± {number(ours.sd)}\n{ours.n_finished}/{ours.n_planned} finished",
        f"{number(published.mean)} ± {number(published.sd)} (n {published.n or '?'})\n{row.reference}",
        f"{number(row.difference)}{interval}",
        number(row.margin),
        f"{p_value(row.p)}\n{p_value(row.p_adjusted)}",
        "\n".join(_verdict_lines(row)),
        row.equivalence.verdict if row.equivalence else "-",
    )


def _verdict_lines(row: CheckRow) -> Iterable[str]:
    yield row.verdict
    if row.verdict == INCONCLUSIVE and row.n_needed:
        yield f"{row.n_needed:,} seeds: 80 %"
    if row.advisory:
        yield "advisory"
    elif row.gated:
        yield f"primary, {row.looks[-1].n} seeds" if row.looks else "primary"


_DRIFT = (_Column("cell", True), _Column("step"), _Column("now"), _Column("baseline"), _Column("difference"),
          _Column("margin"), _Column("identical"), _Column("verdict", True))  # fmt: skip


def render_drift(drift: Drift, undecided_ok: bool = False) -> str:
    """The rows as a table for a terminal, a sentence for each that is not identical, the notes and a count."""
    rows, notes = drift.rows, drift.notes
    if not rows:
        return "\n".join(["No cell of this study is in the baseline.", *notes])
    table = _drawn(_DRIFT, map(_drift_cells, rows), width=150)
    sentences = [row.sentence for row in rows if row.identical < row.seeds_in_both or row.verdict != EQUIVALENT]
    return "\n".join([table, "", *sentences, *notes, _drift_counted(rows), gate_line(rows, undecided_ok)])


def _drift_cells(row: DriftRow) -> tuple[str, ...]:
    return (
        f"{row.task} {in_full(row.implementation, row.variant)}",
        f"{row.env_step:,}",
        f"{number(row.ours.mean)} ± {number(row.ours.sd)} ({row.ours.n})",
        f"{number(row.theirs.mean)} ± {number(row.theirs.sd)} ({row.theirs.n})",
        f"{number(row.difference)}{_test_of(row)}",
        number(row.margin),
        f"{row.identical}/{row.seeds_in_both}",
        f"{row.verdict}\nprimary" if row.gated else row.verdict,
    )


def _test_of(row: DriftRow) -> str:
    if row.p is None:
        return ""
    return f"\n{len(row.paired_seeds)} pairs" if row.paired_seeds else "\nWelch"


def _drift_counted(rows: Sequence[DriftRow]) -> str:
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in (EQUIVALENT, INCONCLUSIVE, DIFFERENT)}
    total = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    whole = sum(identical_in_every_seed(row) for row in rows)
    return f"{total}; identical in every seed: {whole} of {len(rows)}"

"""Comparisons and tables of power as a terminal shows them."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from suite.analysis.seeds_needed import CellPower, PowerQuestion, PowerRow, PowerTable, StudyPower
from suite.analysis.two_cells import ComparedCell, Comparison, ComparisonSettings, OverallImprovement, StudyComparison
from suite.analysis.types import AdjustedDifference, Superiority, Test
from suite.wording import number, p_short, ranges

NOTHING = "–"

# --- two cells


def comparison_table(comparison: StudyComparison) -> str:
    """A comparison as a table for a terminal and a sentence for each task."""
    first = comparison.tasks[0]
    tests = ("A − B", "p, adjusted", "pairs", "permuted", "P(A > B)", "effect", "curves", "equivalence")
    heads = ("task", "A", "B", *tests)
    table = _table(heads, f"study {comparison.study}: A {first.a.name}, B {first.b.name}", left=("task", "equivalence"))
    for row in comparison.tasks:
        table.add_row(row.task, _cell(row.a), _cell(row.b), *_columns(row))
    lines = [_printed(table), *(row.sentence for row in comparison.tasks)]
    if comparison.improvement is not None:
        lines.append(_improvement(comparison.improvement, comparison.settings))
    return "\n".join(lines)


def _cell(cell: ComparedCell) -> str:
    return f"{number(cell.mean)} ± {number(cell.sd)}\n{cell.n_finished}/{cell.n_planned} finished"


def _columns(row: Comparison) -> list[str]:
    """The columns of a row behind its two cells; of two that are not compared the note in the last one."""
    tested = row.difference
    if tested is None:
        return [*[NOTHING] * 7, row.note]
    p, welch_p, yuen_p = (p_short(value) for value in (tested.p, tested.welch.p, tested.yuen_p))
    permuted, better, curve, test = tested.permutation, tested.superiority, row.curve, row.equivalence
    exact = "" if permuted.exact else " draws"
    return [
        f"{number(tested.difference)}\n{_interval(tested)}\nWelch {_interval(tested.welch)}",
        f"{p}, {p_short(tested.p_adjusted)}\nWelch {welch_p}\nYuen {yuen_p}",
        _pairs(tested),
        f"{p_short(permuted.p)} of {permuted.assignments:,}{exact}\nleast {p_short(permuted.floor)}",
        f"{better.estimate:.2f}\n{_interval(better)}",
        f"g {number(tested.hedges_g)}\nδ {number(tested.cliff_delta)}",
        NOTHING if curve is None else f"{p_short(curve.p)}\nat {curve.env_step:,}",
        "no margin" if test is None else f"{test.verdict}\n±{number(test.margin)}, TOST p {p_short(test.p)}",
    ]


def _pairs(tested: AdjustedDifference) -> str:
    if tested.pairs is None:
        return "none"
    return f"seeds {ranges(tested.pairs.seeds)}\nr {number(tested.pairs.correlation)}"


def _interval(of: Test | Superiority) -> str:
    return "no interval" if of.low is None else f"[{number(of.low)}, {number(of.high)}]"


def _improvement(better: OverallImprovement, settings: ComparisonSettings) -> str:
    interval = "no interval: it would be 0 to 1, or no two runs of any task are in another order"
    if better.low is not None:
        interval = f"{settings.confidence:.0%} interval {number(better.low)} to {number(better.high)}"
    probability = number(better.estimate)
    return f"Over {len(better.tasks)} tasks a run of A beats a run of B with probability {probability} ({interval})."


# --- power without a study


def power_text(table: PowerTable) -> str:
    """A table of power for a terminal, and in words what it means."""
    asked = table.asked
    titles = _titles(asked)
    shown = _table(titles.values())
    for row in table.rows:
        shown.add_row(*(_power_cell(row, name) for name in titles))
    lines = [_printed(shown)]
    target, level = f"{asked.target:.0%}", f"{asked.alpha:.3g}"
    if asked.effect and table.needed.difference is not None:
        lines.append(
            f"A difference of {number(abs(asked.effect))} SDs is found in {target} of studies with "
            f"{number(math.ceil(table.needed.difference))} seeds per group (two-sided t test at {level})."
        )
    if asked.margin:
        unit, n = "" if asked.sd is not None else " SDs", table.needed.equivalence
        seeds = f"with {n:,} seeds per group" if n else "with no number of seeds"
        lines.append(
            f"Two equal implementations are shown equivalent within ±{number(asked.margin)}{unit} in {target} of "
            f"studies {seeds} (two one-sided tests at {level})."
        )
    return "\n".join(lines)


def _titles(asked: PowerQuestion) -> dict[str, str]:
    """Headings by the field of a row, of what was asked."""
    target = f"{asked.target:.0%}"
    titles = {"n": "seeds per group", "detectable": f"found in {target} (SDs)"}
    if asked.sd is not None:
        titles["detectable_return"] = f"found in {target} (return)"
    if asked.effect is not None:
        titles["power"] = f"power at {number(asked.effect)} SDs"
    if asked.margin is not None:
        titles["equivalence"] = f"power of equivalence within ±{number(asked.margin)}"
    return titles


def _power_cell(row: PowerRow, name: str) -> str:
    value = getattr(row, name)
    return f"{value:.3f}" if name in ("power", "equivalence") else number(value)


# --- power of a study


def study_power_text(power: StudyPower) -> str:
    """What the seeds of a study could settle, for a terminal, and in words what it means."""
    of_margin = ("power, simulated", "seeds needed", "equivalence", "seeds needed")
    heads = ("cell", "seeds", "mean ± SD", "found", "margin", *of_margin)
    table = _table(heads, f"study {power.study}", left=("cell",))
    for row in power.rows:
        table.add_row(*_study_columns(row))
    target, share = f"{power.settings.target:.0%}", f"{power.settings.margin:.0%}"
    legend = (
        f"found: the difference to an equal number of seeds that {target} of studies would find. margin: {share} of "
        f"(reference - random policy); power, equivalence and seeds needed (for {target}) are of a true difference of "
        "the margin and of none."
    )
    notes = [f"{row.task}, {row.name}: {row.note}." for row in power.rows if row.note]
    return "\n".join([_printed(table), legend, *notes])


def _study_columns(row: CellPower) -> list[str]:
    drawn = row.simulated
    return [
        f"{row.task}\n{row.name}",
        f"{row.n}/{row.n_planned}",
        f"{number(row.mean)} ± {number(row.sd)}",
        number(row.detectable),
        number(row.margin),
        NOTHING if drawn is None or row.power is None else f"{row.power:.2f}, {drawn.power:.2f}",
        NOTHING if row.n_difference is None else f"{math.ceil(row.n_difference):,}",
        NOTHING if row.equivalence is None else f"{row.equivalence:.2f}",
        f"{row.n_equivalence:,}" if row.n_equivalence else NOTHING,
    ]


def _table(heads: Iterable[str], title: str = "", left: Sequence[str] = ()) -> Table:
    """An empty table; left: the heads of its columns of words."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), title_justify="left", title=title or None)
    for head in heads:
        table.add_column(head, justify="left" if head in left else "right", overflow="fold")
    return table


def _printed(table: Table) -> str:
    text = io.StringIO()
    Console(file=text, width=160, markup=False, emoji=False).print(table)
    return text.getvalue().rstrip() + "\n"

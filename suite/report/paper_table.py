"""The compact tables of a study, variants × tasks: what a paper prints, with the best marked only where it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import NamedTuple

from suite.analysis.types import SIGNIFICANT, AblationResult, ArmResult, CellResult, Results
from suite.wording import share

MOST_DECIMALS = 3
FEWER_RUNS = "†"


class PaperCell(NamedTuple):
    """A variant on a task: its mean final return and half the width of the interval, None where there is none."""

    n: int
    n_planned: int
    mean: float | None
    half_width: float | None
    best: bool


@dataclass(frozen=True)
class PaperRow:
    """A variant of an implementation, with a cell for each task on which it was planned."""

    implementation: str
    variant: str
    baseline: bool
    cells: Mapping[str, PaperCell]  # by task


@dataclass(frozen=True)
class PaperTable:
    """The arms of an ablation, or a study's presets (ablation ""), on every task; rows of one implementation adjoin."""

    ablation: str
    tasks: tuple[str, ...]
    rows: tuple[PaperRow, ...]
    decimals: Mapping[str, int]  # by task: one precision a column
    caption: str

    @property
    def of_several(self) -> bool:
        """Whether there is more than one implementation, so that rows must name theirs."""
        return len({row.implementation for row in self.rows}) > 1

    def printed(self, row: PaperRow, task: str) -> str:
        """A cell as it is read, "−155.5 ± 14.7"; a dash where nothing was planned or averaged."""
        cell = row.cells.get(task)
        if cell is None or cell.mean is None:
            return "–"
        parts = [cell.mean] if cell.half_width is None else [cell.mean, cell.half_width]
        text = " ± ".join(decimal(part, self.decimals[task], ",") for part in parts)
        return text.replace("-", "−").replace(" ", "\u00a0") + (FEWER_RUNS if cell.n < cell.n_planned else "")


class _Entry(NamedTuple):
    """A cell under the name that a table gives it."""

    cell: CellResult
    name: str
    arm: ArmResult | None  # None of a preset

    @property
    def row(self) -> tuple[str, str]:
        return self.cell.implementation, self.name


def decimal(value: float, decimals: int, separator: str = "") -> str:
    """The number with so many decimals and no negative zero; separator: what stands between thousands."""
    rounded = round(value, decimals) + 0.0  # turns -0.0 into 0.0
    return f"{rounded:{separator}.{decimals}f}"


def paper_tables(results: Results) -> Iterator[PaperTable]:
    """The table of the presets, if the study has some, and one of every ablation."""
    presets = [_Entry(cell, label.name, None) for cell in results.cells for label in cell.labels if label.preset]
    if presets:
        yield _table("", presets, results)
    for ablation in results.ablations:
        yield _table(ablation.name, list(_arms(ablation, results)), results)


def _arms(ablation: AblationResult, results: Results) -> Iterator[_Entry]:
    for table in ablation.tables:
        yield from (_Entry(results.cell(table.key_of(arm)), arm.arm, arm) for arm in table.arms)


def _table(ablation: str, entries: Sequence[_Entry], results: Results) -> PaperTable:
    tasks = tuple(dict.fromkeys(one.cell.task for one in entries))
    engines = list(dict.fromkeys(one.cell.implementation for one in entries))
    best = {id(one) for task in tasks for engine in engines if (one := best_of(_at(entries, task, engine)))}
    names = sorted(dict.fromkeys(one.row for one in entries), key=lambda row: engines.index(row[0]))
    rows = tuple(_row(*name, [one for one in entries if one.row == name], best) for name in names)
    decimals = {task: _decimals([row.cells[task] for row in rows if task in row.cells]) for task in tasks}
    return PaperTable(ablation, tasks, rows, decimals, _caption(ablation, rows, results))


def _at(entries: Iterable[_Entry], task: str, implementation: str) -> list[_Entry]:
    return [one for one in entries if (one.cell.task, one.cell.implementation) == (task, implementation)]


def _row(implementation: str, name: str, entries: Sequence[_Entry], best: set[int]) -> PaperRow:
    cells = {one.cell.task: _cell(one.cell, id(one) in best) for one in entries}
    return PaperRow(implementation, name, any(one.arm and one.arm.baseline for one in entries), cells)


def _cell(cell: CellResult, best: bool) -> PaperCell:
    mean, low, high = cell.mean.estimate, cell.mean.low, cell.mean.high
    half_width = (high - low) / 2 if low is not None and high is not None else None
    return PaperCell(cell.n_scored, cell.n_planned, mean, half_width, best)


def best_of(entries: Sequence[_Entry]) -> _Entry | None:
    """The one that is shown to be better than every other, of those of one task and implementation; None if none is.

    To be the best is to be better than each, so every comparison must hold at its own level and none needs another
    correction (an intersection-union test). One that is not shown to have learned is not the best of anything.
    """
    if len(entries) < 2:
        return None
    scored = [one for one in entries if one.cell.mean.estimate is not None]
    leader = max(scored, key=lambda one: one.cell.mean.estimate or 0.0, default=None)
    if leader is None or leader.cell.learned not in (None, "learned"):
        return None
    return leader if all(_shown_better(leader, other) for other in entries if other is not leader) else None


def _shown_better(one: _Entry, other: _Entry) -> bool:
    """By the adjusted p where the study tests the two against each other, else by intervals that do not overlap."""
    if one.cell.kind != other.cell.kind or one.cell.env_steps != other.cell.env_steps:
        return False
    if one.arm and other.arm and (one.arm.baseline or other.arm.baseline):
        test, sign = (other.arm.difference, -1) if one.arm.baseline else (one.arm.difference, 1)
        p = test.p_adjusted if test else None
        return test is not None and p is not None and p <= SIGNIFICANT and sign * test.difference > 0
    low, high = one.cell.mean.low, other.cell.mean.high
    return low is not None and high is not None and low > high


def _decimals(cells: Sequence[PaperCell]) -> int:
    """As few as leave the smallest interval of a column one digit; without intervals, three digits of a mean."""
    widths = [cell.half_width for cell in cells if cell.half_width]
    if widths:
        return min(max(-floor(log10(min(widths))), 0), MOST_DECIMALS)
    largest = max((abs(cell.mean) for cell in cells if cell.mean), default=1.0)
    return min(max(2 - floor(log10(largest)), 0), MOST_DECIMALS)


def _caption(ablation: str, rows: Sequence[PaperRow], results: Results) -> str:
    """What the numbers are and what is marked: true of this very table."""
    cells = [cell for row in rows for cell in row.cells.values()]
    level, runs = share(results.settings.confidence), sorted({cell.n for cell in cells})
    counted = f"{runs[0]}" if len(runs) == 1 else f"{runs[0]} to {runs[-1]}"
    words = [
        f"{ablation}: final return" if ablation else "Final return of the presets",
        f"per episode, mean ± half the width of its {level} interval over runs (Student's), {counted} a cell.",
    ]
    if any(cell.n < cell.n_planned for cell in cells):
        words.append(f"{FEWER_RUNS}: of fewer runs than planned.")
    return " ".join([*words, _what_is_marked(ablation, rows, cells)])


def _what_is_marked(ablation: str, rows: Sequence[PaperRow], cells: Sequence[PaperCell]) -> str:
    kind, variants = "arm" if ablation else "preset", len({row.variant for row in rows})
    if variants < 2:
        return f"There is one {kind}, and nothing to be the best of."
    rule = _rule(variants) if ablation else "its interval lies above that of every other preset"
    engines = "of its implementation " if len({row.implementation for row in rows}) > 1 else ""
    if any(cell.best for cell in cells):
        return f"Bold: shown to be the best {engines}on that task, for it has learned and {rule}."
    return f"No {kind} is shown to be the best {engines}on any task, so none is marked: it would be where {rule}."


def _rule(variants: int) -> str:
    """When an arm is shown to be the best of an ablation's."""
    tested = f"the adjusted p of its difference to the baseline is at most {SIGNIFICANT}"
    if variants == 2:
        return tested
    further = "its interval lies above that of every further arm"
    return f"{tested} and {further} (of the baseline: every arm is worse by that p)"

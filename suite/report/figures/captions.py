"""What captions share: how many runs finished, how p is adjusted, how far an interval can be trusted."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from suite.analysis.types import AblationTable, CellResult, FamilyName, Label, LeftOut, Results
from suite.published.calibration import measured
from suite.report.families import adjusted_in

FAITHFUL = 0.02  # a coverage this near to the nominal one is not worth a word


class Shown(NamedTuple):
    cell: CellResult
    name: str  # that it goes by in a figure


class Without(NamedTuple):
    name: str  # who is shown
    left_out: Sequence[LeftOut]  # the tasks that it is shown without


def cells_of(implementation: str, variant: Label, tasks: Iterable[str], results: Results) -> Iterator[Shown]:
    """The cells of a variant of an implementation on these tasks."""
    tasks = set(tasks)
    for cell in results.cells:
        if cell.implementation == implementation and cell.task in tasks and variant in cell.labels:
            yield Shown(cell, variant.name)


def arms_of(tables: Iterable[AblationTable], results: Results) -> list[Shown]:
    """The cells of an ablation's arms."""
    return [
        Shown(results.cell(table.key_of(arm)), f"{arm.arm} (baseline)" if arm.baseline else arm.arm)
        for table in tables
        for arm in table.arms
    ]


def finished(shown: Iterable[Shown]) -> str:
    """How many runs finished, of how many planned: once if all cells agree, else cell by cell where runs are short."""
    distinct = {(cell.key, name): cell for cell, name in shown}
    short = [
        f"{name} on {cell.task} ({cell.implementation}) {cell.n_finished}/{cell.n_planned}"
        for (_, name), cell in distinct.items()
        if cell.n_finished < cell.n_planned
    ]
    planned = sorted({cell.n_planned for cell in distinct.values()})
    every = f"n finished / n planned: {planned[0]}/{planned[0]}" if len(planned) == 1 else "every planned run finished"
    return f"{every} in every {'other ' if short else ''}cell" + "".join(f"; {text}" for text in short) + "."


def coverage(quantity: str, shown: Iterable[Shown], confidence: float, of: str = "its coverage") -> str:
    """In brackets, what such an interval was measured to cover at the smallest number of seeds shown, or at the nearest
    below it that was measured; nothing where it covers what it promises."""
    n = min((cell.n_scored for cell, _ in shown if cell.n_scored > 1), default=0)
    row = next(filter(None, (measured(quantity, fewer) for fewer in range(n, 1, -1))), None)
    if row is None or row.nominal != confidence or round(abs(row.measured - confidence), 4) <= FAITHFUL:
        return ""
    return f" (measured on published SAC curves, {of} is {row.measured:.0%} at n = {row.n})"


def scored_in_words(results: Results) -> str:
    """What makes a run's score: the evaluations at the end of its budget, or its final episodes where all have some."""
    words = f"mean over the evaluations in the last {results.settings.scored_share:.0%} of the budget"
    used = {task: one.episodes for task, one in results.settings.final_episodes.items() if one.used}
    if not used:
        return words
    episodes = " or ".join(f"{n:,}" for n in sorted(set(used.values())))
    by_final = f"mean over {episodes} final episodes"
    if used.keys() == {cell.task for cell in results.cells}:
        return by_final
    return f"{by_final} on {', '.join(used)}, else {words}"


def level(results: Results) -> str:
    """The level of the report's intervals."""
    return f"{results.settings.confidence:.0%}"


def undrawn(family: FamilyName, results: Results) -> str:
    """Where the p values are that a figure does not show."""
    return f"No p value is drawn; those of the report are adjusted ({adjusted_in(family, results)}). "


def tasks_of(tasks: Iterable[str]) -> str:
    """How many tasks, and which."""
    names = list(dict.fromkeys(tasks))
    return f"{len(names)} tasks ({', '.join(names)})" if len(names) > 1 else f"one task, {names[0]}"


def left_out(entries: Sequence[Without]) -> str:
    """The tasks that are left out and why, each reason once, with whom it concerns unless that is all of them."""
    reasons: dict[str, list[str]] = {}
    for name, tasks in entries:
        for task in tasks:
            reasons.setdefault(f"{task.task} ({task.why})", []).append(name)
    sentences = []
    for reason, names in reasons.items():
        sentences.append(reason if len(names) == len(entries) else f"{reason}: {', '.join(dict.fromkeys(names))}")
    return f"Left out: {'; '.join(sentences)}. " if sentences else ""

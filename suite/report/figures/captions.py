"""What captions share: how many runs finished, how p is adjusted, how far an interval can be trusted."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from suite.analysis.types import AblationTable, CellResult, FamilyName, Label, LeftOut, Results
from suite.published.calibration import Row, nearest
from suite.report.families import adjusted_in
from suite.specimens.naming import unclaimed

FAITHFUL = 0.02  # a coverage this near to the nominal one is not worth a word
LISTED = 6  # cells that a caption names, of those that fall short
MANY = 1_000  # tasks, more than were ever measured


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
        if cell.implementation != implementation or cell.task not in tasks:
            continue
        names = [label.name for label in cell.labels]
        if variant.name in (*names, *(unclaimed(name, implementation) for name in names)):
            yield Shown(cell, variant.name)


def arms_of(tables: Iterable[AblationTable], results: Results) -> list[Shown]:
    """The cells of an ablation's arms."""
    return [
        Shown(results.cell(table.key_of(arm)), f"{arm.arm} (baseline)" if arm.baseline else arm.arm)
        for table in tables
        for arm in table.arms
    ]


def finished(shown: Iterable[Shown]) -> str:
    """How many runs finished, of how many planned: once if all cells agree, else cell by cell where runs are short,
    the first of them if they are many."""
    distinct = {(cell.key, name): cell for cell, name in shown}
    short = [
        f"{name} on {cell.task} ({cell.implementation}) {cell.n_finished}/{cell.n_planned}"
        for (_, name), cell in distinct.items()
        if cell.n_finished < cell.n_planned
    ]
    planned = sorted({cell.n_planned for cell in distinct.values()})
    every = f"{planned[0]}/{planned[0]}" if len(planned) == 1 else "as many as planned"
    more = len(short) - LISTED
    listed = short if more <= 1 else [*short[:LISTED], f"fewer than planned in {more} more cells, see each run"]
    others = f"{every} in every {'other ' if short else ''}cell"
    return f"n finished / n planned: {'; '.join([*listed, others])}."


class Case(NamedTuple):
    """What an interval is made from, as far as its coverage hangs on it."""

    tasks: int
    n: int  # the fewest scored runs of any of them


def case_of(shown: Iterable[Shown]) -> Case:
    """The case of an interval over all the tasks of these cells."""
    cells = [cell for cell, _ in shown if cell.n_scored > 1]
    return Case(len({cell.task for cell in cells}), min((cell.n_scored for cell in cells), default=0))


def one_task(shown: Iterable[Shown]) -> list[Case]:
    """The case of each cell's own interval."""
    return [case_of([one]) for one in shown]


class Drawn(NamedTuple):
    """A kind of interval in a figure."""

    words: str  # what its coverage goes by
    quantity: str  # of the calibration
    cases: Sequence[Case]


def coverage(quantity: str, cases: Iterable[Case], confidence: float) -> str:
    """As `coverages`, of the one kind of interval that a figure draws."""
    return coverages([Drawn("its coverage", quantity, list(cases))], confidence)


def coverages(kinds: Iterable[Drawn], confidence: float) -> str:
    """In brackets, what such intervals were measured to cover, of each number of tasks shown at the fewest seeds, or
    at the nearest to these that was measured, below if there is one; nothing where they cover what they promise."""
    texts = []
    for words, quantity, cases in kinds:
        fewest: dict[int, int] = {}
        for tasks, n in cases:
            fewest[tasks] = min(n, fewest.get(tasks, n))
        rows = [nearest(quantity, n, tasks) for tasks, n in sorted(fewest.items())]
        told = [row for row in rows if row and row.nominal == round(confidence, 4) and not _faithful(row)]
        if told:
            texts.append(f"{words} is " + ", ".join(map(_measured, dict.fromkeys(told))))
    return f" (measured on published SAC curves, {'; '.join(texts)})" if texts else ""


def _faithful(row: Row) -> bool:
    return row.nominal is None or round(abs(row.measured - row.nominal), 4) <= FAITHFUL


def _measured(row: Row) -> str:
    if nearest(row.quantity, row.n, MANY) == nearest(row.quantity, row.n):  # it is of one task alone
        return f"{row.measured:.0%} at n = {row.n}"
    return f"{row.measured:.0%} of {row.tasks} {'task' if row.tasks == 1 else 'tasks'} at n = {row.n}"


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


def marked(name: str, tasks: Sequence[str], all_tasks: Sequence[str]) -> str:
    """A name with the tasks that it is of, where others are of more."""
    return name if len(tasks) == len(all_tasks) else f"{name} (only {', '.join(tasks)})"


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

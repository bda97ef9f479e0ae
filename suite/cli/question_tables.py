"""The list of questions, as the terminal shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from suite.errors import UsageError, nearest
from suite.sac import identity
from suite.sac.ablation import TAGS, Ablation
from suite.sac.spec import SpecError
from suite.specimens.catalogue import ablation_names, load_ablation, questions, resolve
from suite.study.cells import Cell, Label
from suite.study.forecast import forecast


class Row(NamedTuple):
    """A question: its arms with what is expected of each, what it is measured by, and a seed's cost of all its arms."""

    name: str
    tags: tuple[str, ...]
    question: str
    arms: dict[str, str]  # arm -> better, worse, equal or "" beside the baseline
    outcomes: tuple[str, ...]
    expected: str
    literature: tuple[str, ...]
    core_hours: float


def rows(words: Sequence[str], task: str, env_steps: int) -> list[Row]:
    """The questions meant; UsageError for a word that is no ablation and no tag."""
    for word in words:
        if word not in (known := ["all", *TAGS, *ablation_names()]):
            raise UsageError(f"there is no ablation {word!r}; did you mean {nearest(word, known)}?")
    return [_row(name, load_ablation(name), task, env_steps) for name in questions(words)]


def _row(name: str, one: Ablation, task: str, env_steps: int) -> Row:
    directions = {arm.name: one.directions.get(arm.name, "") for arm in one.arms}
    cells = cells_of(name, one, task, env_steps, every=max(env_steps // 20, 1))
    cost = sum(forecast(cell).seconds for cell in cells) / 3600
    return Row(name, one.tags, one.question, directions, one.outcomes, one.expected, one.literature, cost)


def cells_of(name: str, one: Ablation, task: str, env_steps: int, every: int) -> list[Cell]:
    """The distinct cells of an ablation's arms on a task in JAX, evaluated every so many steps."""
    cells = {}
    for arm in one.arms:
        try:
            spec, schedule = resolve(one.baseline, task, arm.changes)
        except SpecError:
            continue
        label = Label(one.baseline, name, arm.name)
        run_id = identity.run_id(spec, schedule, task, every, 10)
        cells[run_id] = Cell(task, "jax", run_id, spec, schedule, every, 10, env_steps, label)
    return list(cells.values())


def show(of: Sequence[Row], task: str, env_steps: int) -> None:
    """Prints a table of questions, an arm that something is expected of with that beside it."""
    title = f"core-h: a seed of every arm, {env_steps:,} steps of {task}, forecast"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_lines=True)
    for column in ("question", "arms (the first is the baseline)", "core-h"):
        table.add_column(column)
    for row in of:
        arms = ", ".join(f"{arm} ({direction})" if direction else arm for arm, direction in row.arms.items())
        about = f"{row.name} [{', '.join(row.tags)}]\n{row.question}\nexpected: {row.expected}"
        table.add_row(f"{about}\n{'; '.join(row.literature)}", arms, f"{row.core_hours:.2f}")
    table.add_section()
    table.add_row(
        f"{len(of)} questions", f"{sum(len(row.arms) for row in of)} arms", f"{sum(row.core_hours for row in of):.2f}"
    )
    Console(width=140, markup=False, emoji=False).print(table)

"""Commands about questions: list them, walk from one preset to another, start a new one."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.app import as_json_text, json_option, main
from suite.cli.starters import write_new
from suite.errors import UsageError, nearest
from suite.lab.tasks import TASKS


@main.command()
@click.argument("words", nargs=-1)
@click.option("--task", default="HalfCheetah-v5", show_default=True, help="The task that the cost is of.")
@click.option("--env-steps", default=100_000, show_default=True, type=click.IntRange(1, 10**12), help="And the budget.")
@json_option
def ablations(words: tuple[str, ...], task: str, env_steps: int, as_json: bool) -> None:
    """The questions with their arms, what is expected, sources and cost. WORDS: names, tags, or all (without any, all).

    Cost: core-hours of a seed of every arm that the baseline's preset does not share with another, in JAX.
    """
    from suite.cli import question_tables

    _check_task(task)
    rows = question_tables.rows(words or ("all",), task, env_steps)
    if as_json:
        click.echo(as_json_text(rows))
    else:
        question_tables.show(rows, task, env_steps)


@main.command()
@click.argument("start")
@click.argument("end")
@click.option("--task", required=True, help="The task whose values the presets are walked between.")
@click.option("--together", multiple=True, help="Switches that change in one step, as in critic_lr,actor_lr.")
@click.option("--write", is_flag=True, help="Write it as an ablation into the working directory.")
def walk(start: str, end: str, task: str, together: tuple[str, ...], write: bool) -> None:
    """The way from preset START to END, a switch a step: print it, or make it an ablation of every step."""
    from suite.sac import ablation
    from suite.sac.spec import SpecError
    from suite.specimens.catalogue import load_preset

    _check_task(task)
    groups = tuple(tuple(group.split(",")) for group in together)
    try:
        one = ablation.walk(start, end, load_preset(start), load_preset(end), task, groups)
    except SpecError as error:
        raise UsageError(str(error)) from None
    if len(one.arms) == 1:
        raise UsageError(f"{start} and {end} are the same on {task}: there is no step to take")
    fields = [name for arm in one.arms for name in arm.changes]
    if unknown := next((name for group in groups for name in group if name not in fields), None):
        raise UsageError(f"--together names {unknown!r}, in which {start} and {end} do not differ on {task}")
    if write:
        write_new({Path("ablations", f"walk_{start}_{end}.py"): _walk_file(start, end, task, groups)})
    for before, arm in zip((None, *one.arms), one.arms, strict=False):
        new = {name: value for name, value in arm.changes.items() if before is None or name not in before.changes}
        click.echo(f"{arm.name}: {', '.join(f'{name} is {value}' for name, value in new.items()) or 'as it is'}")


def _walk_file(start: str, end: str, task: str, groups: tuple[tuple[str, ...], ...]) -> str:
    return (
        f'"""Which switch on the way from {start} to {end} moves the curve on {task}?"""\n\n'
        f"from implementations.presets import {', '.join(sorted((start, end)))}\n"
        "from suite.sac.ablation import walk\n\n"
        f'ABLATION = walk("{start}", "{end}", {start}, {end}, "{task}", {groups!r})\n'
    )


def _check_task(task: str) -> None:
    if task not in TASKS:
        raise UsageError(f"there is no task {task!r}; did you mean {nearest(task, TASKS)}?")

"""Commands that train: run, sweep."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from suite.cli.app import (
    EXIT_INTERRUPTED,
    EXIT_OWNED,
    EXIT_USAGE,
    config_option,
    main,
    plan_option,
)
from suite.errors import UsageError, nearest, no_room
from suite.study.plan import Plan

if TYPE_CHECKING:
    from suite.lab.loop import Place
    from suite.lab.records import Provenance
    from suite.lab.tracking import Tracker, Tracking
    from suite.study.cells import Planned


LOG = "log.txt"  # of a run, in its work folder: a line for whatever was said, of every attempt


@main.command()
@config_option
@click.option("--attempt", default=1, help="Which try this is; only the last one records a crash.")
@click.option("--attempts", default=1, help="How many tries there are.")
@click.option("--in-turn", is_flag=True, help="Train one run after the other; they may be of several cells.")
@click.argument("records", nargs=-1, required=True)
@click.pass_obj
def run(parent: int | None, config: str, records: tuple[str, ...], attempt: int, attempts: int, in_turn: bool) -> None:
    """Train the runs that leave these RECORDS (paths the plan of the config names; of one implementation).

    Several are trained in lockstep, unless --in-turn: seeds of one cell, with jax also those of cells that differ in
    the update's numbers alone. A record that exists is kept.
    """
    from suite.lab.signals import die_of_interrupts

    die_of_interrupts()
    from suite.lab.records import move
    from suite.lab.tracking import check_installed

    plan = Plan(Path(config), records)
    plan.check_writable()
    chosen = _chosen(plan, records)
    left = [one for one in chosen if not plan.waiting(one).exists()]
    if left:
        _check_trained_here(plan, left, in_turn)
        _in_own_environment(plan, left[0].cell.implementation)
        _check_brought(left)
        check_installed(plan.config.tracking)
    # What was begun before comes last: a run that takes its process with it must not keep the others from their turn.
    in_order = sorted(left, key=lambda one: (plan.work(one.cell, one.seed) / LOG).exists())
    by_cell = sorted(left, key=lambda one: [other.cell for other in left].index(one.cell))
    blocks = [[one] for one in in_order] if in_turn else [by_cell]
    options = {"last_attempt": attempt >= attempts, "parent": parent, "leave": partial(_leave, plan, chosen)}
    if code := max((_attempt(plan, block, attempt, **options) for block in blocks if block), default=0):
        sys.exit(code)
    for one in chosen:
        move(plan.waiting(one), Path(one.record))


def _chosen(plan: Plan, records: Sequence[str]) -> list[Planned]:
    """The planned runs of these records that are still to be made."""
    for record in records:
        if record not in plan.runs:
            close = nearest(record, Plan(plan.path).runs)
            raise UsageError(f"{plan.path} plans no run with the record {record}; did you mean {close}?")
        if Path(record).exists():
            click.echo(f"{record} exists and is kept; remove it to train the run again", err=True)
    return [plan.runs[record] for record in dict.fromkeys(records) if not Path(record).exists()]


def _check_trained_here(plan: Plan, chosen: Sequence[Planned], in_turn: bool) -> None:
    """UsageError if the runs are imported, or cannot be trained in one process."""
    import implementations

    cell = chosen[0].cell
    if cell.implementation in plan.imported:
        raise UsageError(
            f"{plan.path}: {chosen[0].record} is missing, and {cell.implementation} is imported, not trained here; "
            "python -m suite import makes its records"
        )
    if in_turn and any(other.cell.implementation != cell.implementation for other in chosen):
        raise UsageError("the records belong to different implementations; one process trains runs of one")
    arms = implementations.registered()[cell.implementation].arms and len({one.cell.shape for one in chosen}) == 1
    if not in_turn and not arms and any(other.cell != cell for other in chosen):
        raise UsageError(
            "the records belong to different cells; one process trains seeds of one cell, with jax of cells that "
            "differ in the update's numbers alone, or --in-turn"
        )
    trainer = implementations.registered()[cell.implementation].trainer
    if len(chosen) > 1 and (trainer or not (in_turn or cell.schedule.lockstep)):
        raise UsageError(f"{cell.implementation} trains {cell.variant} one seed in a process; name one record")


def _in_own_environment(plan: Plan, implementation: str) -> None:
    """Goes on in the interpreter that the implementation needs, if it is not this one: then it does not return."""
    import implementations

    entry = implementations.registered()[implementation]
    environment = entry.environment
    if environment and environment.exists() and environment.samefile(sys.prefix):
        return
    plan.check_environments()
    if environment:  # with its own lock
        interpreter = str(implementations.ROOT / str(entry.interpreter))
        os.execv(interpreter, [interpreter, "-m", "suite", *sys.argv[1:]])


def _check_brought(chosen: Sequence[Planned]) -> None:
    """UsageError if the engine cannot be imported or, where it is not the suite's, does not answer as it must."""
    import implementations
    from suite.lab.tasks import TASKS
    from suite.sac.contract import Spaces
    from suite.specimens.catalogue import load_implementation

    name = chosen[0].cell.implementation
    engine = load_implementation(name)
    if implementations.ours(name) or implementations.registered()[name].trainer:
        return
    from suite.specimens import contract_checks

    for cell in dict.fromkeys(one.cell for one in chosen):
        task = TASKS[cell.task]
        spaces = Spaces(task.obs_dim, task.action_dim, (1.0,) * task.action_dim, (0.0,) * task.action_dim)
        contract_checks.check_shapes(name, engine, cell.spec, spaces)


def _leave(plan: Plan, chosen: Sequence[Planned], recorded: bool) -> NoReturn:
    """Ends a process that hangs; what it could still record takes its place first."""
    from suite.lab.records import move

    for one in chosen:
        if recorded and plan.waiting(one).exists():
            move(plan.waiting(one), Path(one.record))
    os._exit(0 if all(Path(one.record).exists() for one in chosen) else EXIT_INTERRUPTED)


def _logger(places: Sequence[Place], attempt: int) -> Callable[[str], None]:
    """Says a line on the terminal and in every run's log: the workflow's own is deleted before every attempt."""

    def say(line: str) -> None:
        click.echo(line, err=True)
        for place in places:
            with suppress(OSError), (place.work / LOG).open("a") as file:  # a full disk must not end the run here
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} [{attempt}] {line}\n")

    return say


def _attempt(plan: Plan, chosen: Sequence[Planned], attempt: int, **options: object) -> int:
    """Trains the chosen seeds of one cell, to records in their work folders; else says what went wrong.

    0, or the exit code of what went wrong; where the process was told to stop, it ends.
    """
    from suite.lab.checkpoint import OwnedError
    from suite.lab.loop import Interrupted, Place
    from suite.lab.machine import slowness

    places = [Place(plan.waiting(one), plan.work(one.cell, one.seed)) for one in chosen]
    say = _logger(places, attempt)
    if slow := slowness(chosen[0].cell.spec):
        say(slow)
    try:
        _train(plan, chosen, places, say=say, **options)
    except Interrupted as error:
        say(str(error))
        sys.exit(EXIT_INTERRUPTED)
    except OwnedError as error:
        click.echo(f"error: {error}", err=True)
        return EXIT_OWNED
    except Exception as error:
        if sentence := no_room(error):
            click.echo(f"error: {sentence}", err=True)
            return EXIT_USAGE
        traceback.print_exc()
        return 1
    return 0


def _train(plan: Plan, chosen: Sequence[Planned], places: Sequence[Place], **options: object) -> None:
    """Trains the chosen seeds in this process, in lockstep."""
    import implementations
    from suite.lab import lab, package_loop, training
    from suite.specimens import proofs

    cell, execution = chosen[0].cell, plan.config.execution
    jobs = [
        cell.job(tuple(one.seed for one in chosen if one.cell == cell), plan.study, plan.declaration_id[:10])
        for cell in dict.fromkeys(one.cell for one in chosen)
    ]
    trainer = implementations.registered()[cell.implementation].trainer
    engine = implementations.load(cell.implementation, type(cell.spec).__name__)
    training.train(
        engine,
        jobs[0]._replace(beside=tuple(jobs[1:])),
        places,
        lambda job: proofs.present(job.implementation, job.spec, job.schedule, job.task),
        checkpoint_seconds=execution.checkpoint_seconds,
        keep_checkpoint=execution.keep_checkpoints,
        time_limit_hours=execution.time_limit_hours,
        make_lab=package_loop.Guest if trainer else getattr(engine, "LAB", lab.Lab),
        make_tracker=partial(_tracker, plan.config.tracking),
        **options,
    )


def _tracker(tracking: Tracking, run: Provenance, folder: Path) -> Tracker:
    """The tracker of a run, which is told how far the run's preset is its code base."""
    from suite.lab.tracking import Conformance, tracker
    from suite.specimens import naming

    return tracker(tracking, run, folder, Conformance(*naming.state(run.origin.preset)))


@main.command(context_settings={"ignore_unknown_options": True})
@plan_option
@click.option("--cores", default=os.cpu_count(), show_default="all", help="How many runs at once.")
@click.option(
    "--until-decided", is_flag=True, help="Train the seeds of a further look (check.looks) only where needed."
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sweep(plan: Plan, cores: int, until_decided: bool, arguments: tuple[str, ...]) -> None:
    """Run Snakemake on a config, first clearing what a killed sweep left; further ARGUMENTS go to Snakemake.

    A signal (TERM, INT, HUP, USR1) asks the runs to write their checkpoints, waits for them and ends with exit code 75;
    a second one ends them at once. The same command goes on where they stopped.
    """
    from suite.cli import sweep as sweeping
    from suite.cli.children import Children

    with Children() as children:
        run = sweeping.until_decided if until_decided else sweeping.sweep
        code = run(plan, cores, arguments, children)
    sys.exit(code)

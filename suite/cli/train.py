"""Commands that train: run, sweep."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.app import EXIT_INTERRUPTED, EXIT_OWNED, fail, main, plan_option
from suite.errors import UsageError, nearest
from suite.study.plan import Plan

if TYPE_CHECKING:
    from suite.lab.loop import Place
    from suite.study.cells import Planned


@main.command()
@plan_option
@click.option("--attempt", default=1, help="Which try this is; only the last one records a crash.")
@click.option("--attempts", default=1, help="How many tries there are.")
@click.option("--stop-with-parent", is_flag=True, help="Checkpoint and stop when the starting process is gone.")
@click.argument("records", nargs=-1, required=True)
def run(plan: Plan, records: tuple[str, ...], attempt: int, attempts: int, stop_with_parent: bool) -> None:
    """Train the runs that leave these RECORDS (paths the plan of the config names; one or more seeds of one cell).

    Several seeds are trained in lockstep; with jax also those of cells that differ in the update's numbers alone. A
    record that exists is kept.
    """
    from suite.lab.checkpoint import OwnedError
    from suite.lab.loop import Interrupted, Place

    plan.check_writable()
    chosen = _chosen(plan, records)
    if not chosen:
        return
    _check_trained_here(plan, chosen)
    _in_own_environment(plan, chosen[0].cell.implementation)
    places = [Place(Path(one.record), plan.work(one.cell, one.seed)) for one in chosen]
    say = _logger(places, attempt)
    try:
        _train(plan, chosen, places, last_attempt=attempt >= attempts, stop_with_parent=stop_with_parent, say=say)
    except Interrupted as error:
        say(str(error))
        sys.exit(EXIT_INTERRUPTED)
    except OwnedError as error:
        fail(str(error), EXIT_OWNED)


def _chosen(plan: Plan, records: Sequence[str]) -> list[Planned]:
    """The runs of these records that are to be made, cell by cell; UsageError unless one lockstep holds them."""
    import implementations

    for record in records:
        if record not in plan.runs:
            close = nearest(record, plan.runs)
            raise UsageError(f"{plan.path} plans no run with the record {record}; did you mean {close}?")
    chosen = [plan.runs[record] for record in records]
    cells = list(dict.fromkeys(one.cell for one in chosen))
    arms = implementations.registered()[cells[0].implementation].arms and len({cell.shape for cell in cells}) == 1
    if len(cells) > 1 and not arms:
        raise UsageError(
            "the records belong to different cells; one process trains seeds of one cell, or with jax of cells that "
            "differ in the update's numbers alone"
        )
    chosen.sort(key=lambda one: cells.index(one.cell))
    for one in chosen:
        if Path(one.record).exists():
            click.echo(f"{one.record} exists and is kept; remove it to train the run again", err=True)
    return [one for one in chosen if not Path(one.record).exists()]


def _check_trained_here(plan: Plan, chosen: Sequence[Planned]) -> None:
    """UsageError if the runs are imported, or cannot be trained side by side."""
    import implementations

    cell = chosen[0].cell
    if cell.implementation in plan.imported:
        raise UsageError(
            f"{plan.path}: {chosen[0].record} is missing, and {cell.implementation} is imported, not trained here; "
            "python -m suite import makes its records"
        )
    trainer = implementations.registered()[cell.implementation].trainer
    if len(chosen) > 1 and (trainer or not cell.schedule.lockstep):
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


def _logger(places: Sequence[Place], attempt: int) -> Callable[[str], None]:
    """Says a line on the terminal and in every run's log: the workflow's own is deleted before every attempt."""

    def say(line: str) -> None:
        click.echo(line, err=True)
        for place in places:
            with (place.work / "log.txt").open("a") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} [{attempt}] {line}\n")

    return say


def _train(plan: Plan, chosen: Sequence[Planned], places: Sequence[Place], **options: object) -> None:
    """Trains the chosen seeds in this process, in lockstep."""
    import implementations
    from suite.lab import lab, package_loop, training
    from suite.lab.tracking import tracker
    from suite.specimens import proofs

    cell, execution, tracking = chosen[0].cell, plan.config.execution, plan.config.tracking
    jobs = [
        cell.job(tuple(one.seed for one in chosen if one.cell == cell), plan.study, plan.declaration_id[:10])
        for cell in dict.fromkeys(one.cell for one in chosen)
    ]
    trainer = implementations.registered()[cell.implementation].trainer
    training.train(
        implementations.load(cell.implementation),  # type: ignore[arg-type]
        jobs[0]._replace(beside=tuple(jobs[1:])),
        places,
        lambda job: proofs.present(job.implementation, job.spec, job.schedule, job.task),
        checkpoint_seconds=execution.checkpoint_seconds,
        keep_checkpoint=execution.keep_checkpoints,
        time_limit_hours=execution.time_limit_hours,
        make_lab=package_loop.Guest if trainer else lab.Lab,
        make_tracker=partial(tracker, tracking.mode, tracking.project),
        **options,
    )


@main.command(context_settings={"ignore_unknown_options": True})
@plan_option
@click.option("--cores", default=os.cpu_count(), show_default="all", help="How many runs at once.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sweep(plan: Plan, cores: int, arguments: tuple[str, ...]) -> None:
    """Run Snakemake on a config, first clearing what a killed sweep left; further ARGUMENTS go to Snakemake."""
    from suite.cli import sweep as sweeping

    sys.exit(sweeping.sweep(plan, cores, arguments))

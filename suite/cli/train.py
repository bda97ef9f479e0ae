"""Commands that train: run, sweep."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from suite.cli.app import EXIT_INTERRUPTED, EXIT_OWNED, config_option, fail, main
from suite.errors import UsageError, nearest


@main.command()
@config_option
@click.option("--attempt", default=1, help="Which try this is; only the last one records a crash.")
@click.option("--attempts", default=1, help="How many tries there are.")
@click.option("--stop-with-parent", is_flag=True, help="Checkpoint and stop when the starting process is gone.")
@click.argument("records", nargs=-1, required=True)
def run(config: str, records: tuple[str, ...], attempt: int, attempts: int, stop_with_parent: bool) -> None:
    """Train the runs that leave these RECORDS (paths the plan of the config names; one cell, one or more seeds).

    Several seeds are trained in lockstep. A record that exists is kept.
    """
    import implementations
    from suite.lab import lab, loop, tracking, training
    from suite.lab import package_loop as guest
    from suite.lab.checkpoint import OwnedError
    from suite.sac import identity
    from suite.study.plan import Plan

    planned_study = Plan(Path(config))
    planned_study.check_writable()
    chosen = []
    for record in records:
        if record not in planned_study.runs:
            close = nearest(record, planned_study.runs)
            raise UsageError(f"{config} plans no run with the record {record}; did you mean {close}?")
        chosen.append(planned_study.runs[record])
    cell = chosen[0].cell
    if any(other.cell != cell for other in chosen):
        raise UsageError("the records belong to different cells; one process trains seeds of one cell")
    for one in chosen:
        if Path(one.record).exists():
            click.echo(f"{one.record} exists and is kept; remove it to train the run again", err=True)
    chosen = [one for one in chosen if not Path(one.record).exists()]
    if not chosen:
        return
    if cell.implementation in planned_study.imported:
        raise UsageError(
            f"{config}: {chosen[0].record} is missing, and {cell.implementation} is imported, not trained here; "
            "python -m suite import makes its records"
        )
    entry = implementations.registered()[cell.implementation]
    if len(chosen) > 1 and (entry.trainer or not cell.schedule.lockstep):
        raise UsageError(f"{cell.implementation} trains {cell.variant} one seed in a process; name one record")
    if not entry.environment or not entry.environment.exists() or not entry.environment.samefile(sys.prefix):
        planned_study.check_environments()
        if entry.environment:  # with its own lock
            interpreter = str(implementations.ROOT / entry.interpreter)
            os.execv(interpreter, [interpreter, "-m", "suite", *sys.argv[1:]])
    options = planned_study.config
    job = cell.job(tuple(one.seed for one in chosen), planned_study.study, planned_study.declaration_id[:10])
    places = [loop.Place(Path(one.record), planned_study.work(cell, one.seed)) for one in chosen]

    def make_tracker(job: Any, seed: int, folder: Path) -> tracking.Tracker:
        return tracking.tracker(options.tracking.mode, options.tracking.project, job, seed, folder)

    def say(line: str) -> None:
        click.echo(line, err=True)
        for place in places:  # the workflow's own log is deleted before every attempt: this one is kept
            with (place.work / "log.txt").open("a") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} [{attempt}] {line}\n")

    try:
        training.train(
            implementations.load(cell.implementation),
            job,
            places,
            code_id=identity.code_id(entry.target.split(":")[0]),
            checkpoint_seconds=options.execution.checkpoint_seconds,
            keep_checkpoint=options.execution.keep_checkpoints,
            last_attempt=attempt >= attempts,
            time_limit_hours=options.execution.time_limit_hours,
            stop_with_parent=stop_with_parent,
            make_lab=guest.Guest if entry.trainer else lab.Lab,
            make_tracker=make_tracker,
            say=say,
        )
    except loop.Interrupted as error:
        say(str(error))
        sys.exit(EXIT_INTERRUPTED)
    except OwnedError as error:
        fail(str(error), EXIT_OWNED)


@main.command(context_settings={"ignore_unknown_options": True})
@config_option
@click.option("--cores", default=os.cpu_count(), show_default="all", help="How many runs at once.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sweep(config: str, cores: int, arguments: tuple[str, ...]) -> None:
    """Run Snakemake on a config, first clearing what a killed sweep left; further ARGUMENTS go to Snakemake."""
    from suite.cli import sweep as sweeping

    sys.exit(sweeping.sweep(Path(config), cores, list(arguments)))

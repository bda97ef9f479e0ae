"""Commands around a study: plan, manifest, status, retry, release, reproduce, import, gather, migrate."""

from __future__ import annotations

import gc
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from suite.cli.app import json_option, main, plan_option
from suite.errors import UsageError, nearest
from suite.study.plan import Plan, check_place

RETRIED = ("interrupted", "crashed", "diverged", "timeout", "invalid", "stale")
"""What `retry` can clear: statuses of records, and that they are stale."""


@main.command()
@plan_option
@json_option
def plan(plan: Plan, as_json: bool) -> None:
    """What a config would run, and what it is expected to cost, before anything runs."""
    from suite.cli import progress

    progress.show_plan(plan, as_json)


@main.command(hidden=True)
@plan_option
def manifest(plan: Plan) -> None:
    """Put the planned runs and the declaration on record; Snakemake calls it before the first run."""
    from suite.study import manifest

    manifest.write(plan)


@main.command()
@plan_option
@click.option("--watch", is_flag=True, help="Stay and refresh until everything is done.")
@click.option("--every", default=2.0, show_default=True, help="Seconds between looks.")
def status(plan: Plan, watch: bool, every: float) -> None:
    """The whole sweep at a glance: done, running with ETA, failed, missing."""
    from suite.cli import progress

    progress.show_status(plan, watch, every)


@main.command()
@plan_option
@click.option("--status", "wanted", required=True, help=f"{', '.join(RETRIED[:-1])} or {RETRIED[-1]}.")
@click.option("--dry-run", is_flag=True, help="Only say which.")
def retry(plan: Plan, wanted: str, dry_run: bool) -> None:
    """Remove the records of one status, so that the next sweep trains these runs again."""
    from suite.lab.records import arrays_path
    from suite.study.gather import gather

    if wanted not in RETRIED:
        raise UsageError(f"--status is {wanted!r}; did you mean {nearest(wanted, RETRIED)}?")
    runs = gather(plan, say=click.echo)["runs"]
    chosen = runs[runs["stale"]] if wanted == "stale" else runs[runs["status"] == wanted]
    imported = chosen["implementation"].isin(plan.imported)
    for path in chosen["path"][imported]:
        click.echo(f"kept {path}: it is imported, and no sweep could make it again")
    chosen = chosen[~imported]
    if folders := [path for path in chosen["path"] if Path(path).is_dir()]:
        raise UsageError(f"{folders[0]} is a folder where a record belongs; nothing is removed, look into it first")
    for path in chosen["path"]:
        click.echo(f"{'would remove' if dry_run else 'removed'} {path}")
        if not dry_run:
            Path(path).unlink()
            arrays_path(Path(path)).unlink(missing_ok=True)
    click.echo(f"{len(chosen)} {wanted} of {len(runs)} runs")


@main.command()
@plan_option
@click.option("--mend", is_flag=True, help="Do what is safe; what loses results is left to you.")
def doctor(plan: Plan, mend: bool) -> None:
    """What is wrong around a study: orphans, locks, damaged checkpoints, leftovers, records that do not count, disk.

    Each with the command that mends it. Exit code 1 if something is left to be done.
    """
    from suite.cli import health

    left = 0
    for finding in health.findings(plan):
        mended = mend and finding.mend is not None
        if finding.mend and mended:
            finding.mend()
        left += not mended
        click.echo(f"{finding.what}\n    {finding.where}\n    {'mended' if mended else finding.command}")
    click.echo("nothing is wrong" if not left else f"{left} left to be done")
    if left:
        sys.exit(1)


@main.command()
@plan_option
@click.argument("folder")
def release(plan: Plan, folder: str) -> None:
    """Pass a study's results on in FOLDER: records without final networks, declaration, config, checksums.

    What FOLDER has already stays; a sweep whose `results` is FOLDER trains only what is missing there.
    """
    from suite.study.release import release

    done = release(plan, Path(folder), click.echo)
    click.echo(f"{folder}: {done.there:,} of {done.planned:,} runs, {done.new:,} of them new")


@main.command()
@click.option("--draw", default=10, show_default=True, help="How many runs.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Draws them.")
@click.option("--cores", default=2, show_default=True, type=click.IntRange(1), help="How many are trained at once.")
@click.option(
    "--sources",
    type=click.Choice(["present", "own", "both"]),
    default="present",
    show_default=True,
    help="Train by the present code, by that of the commit that made the record, or by each.",
)
@click.option("--out", help="A CSV file for what came out.")
@click.argument("folders", nargs=-1, required=True)
def reproduce(draw: int, seed: int, cores: int, sources: str, out: str | None, folders: tuple[str, ...]) -> None:
    """Train runs of released FOLDERS again that a seed draws, and hold them against their records.

    Exit code 1 unless, on the processor of its record, each has the same numbers to the last bit; on another, returns
    what one more run of its cell would with a probability of 99 %.
    """
    from tempfile import TemporaryDirectory
    from typing import get_args

    from suite.study import reproduction

    drawn = reproduction.draw([Path(folder) for folder in folders], draw, seed, click.echo)
    choices = [choice for choice in get_args(reproduction.Choice) if sources in (choice, "both")]
    with TemporaryDirectory() as work:
        rows = [
            row for choice in choices for row in reproduction.reproduce(drawn, Path(work), cores, click.echo, choice)
        ]
    if out:
        reproduction.write(rows, Path(out))
    holding = sum(row.holds for row in rows)
    click.echo(f"{holding} of {len(rows)} runs hold")
    sys.exit(0 if holding == len(rows) else 1)


_STEPS, _MORE = click.IntRange(1, 10**12), click.IntRange(0, 10**12)  # no log goes on for longer


@main.command(name="import")
@click.option("--task", "tasks", multiple=True, required=True, help="Of the runs; of an array's columns, in order.")
@click.option("--implementation", required=True, help='What these runs are to be called, such as "mylib".')
@click.option("--preset", required=True, help="The settings that they claim to be trained with.")
@click.option("--write-config", "config", help="Write the config of a study of them here.")
@click.option("--results", default="results", show_default=True, help="Where the records go.")
@click.option("--format", help="What the files are, where name and content do not tell.")
@click.option("--kind", type=click.Choice(["mean", "sample", "training"]), help="Evaluations (by action) or training.")
@click.option("--seeds", help="Of the runs that do not tell theirs, in order, as in 0,1,2.")
@click.option("--step-column", "step", help="The column, tag or key of the environment step.")
@click.option("--return-column", "value", help="The column, tag or key of the return.")
@click.option("--seed-column", "seed", help="The column or key of the seed.")
@click.option("--step-scale", "scale", type=_STEPS, help="Environment steps in one unit of the step's column.")
@click.option("--algorithm", help="Which of rliable's arrays.")
@click.option("--frames", help="Environment steps along an array's third axis, as in 50000,100000.")
@click.option("--every", type=_STEPS, help="Steps between evaluations, or a window of training returns.")
@click.option("--episodes", type=_STEPS, help="How many the log has averaged into each value.")
@click.option("--env-steps", type=_STEPS, help="The budget.  [default: where the longest run ends]")
@click.option("--step-offset", type=_MORE, default=0, help="Steps that the log's axis leaves out.")
@click.option("--tolerance", type=_MORE, default=0, help="How many steps before a point of the grid its value may lie.")
@click.option("--first-step", type=_STEPS, help="Where the logs begin, if earlier ones are lost.")
@click.option(
    "--status-of-short",
    "short",
    type=click.Choice(["crashed", "diverged", "timeout", "interrupted"]),
    help="What became of runs that end early, or whose returns stop being numbers.",
)
@click.option("--version", "versions", multiple=True, help="Of a package that made the runs, as in torch=2.1.")
@click.argument("files", nargs=-1, required=True)
def import_(files: tuple[str, ...], config: str | None, results: str, **options: Any) -> None:
    """Make records of runs that were trained elsewhere, so that they are gathered, checked and shown like our own.

    FILES: logs or folders of them (of stable-baselines3 and its zoo, RLlib, Spinning Up, rlkit, softlearning, jaxrl,
    nnabla-rl, tianshou, acme, TensorBoard, W&B, rliable; tables), or wandb:entity/project/run. docs/import.md has a
    command for each.
    """
    from suite.study import importing, logs

    for name in ("seeds", "frames"):
        options[name] = _whole_numbers(f"--{name}", options[name])
    if wrong := [version for version in options["versions"] if version.find("=") < 1]:
        raise UsageError(f"--version is {wrong[0]!r}; it must be a package and its version, as in torch=2.1")
    options["versions"] = dict(version.split("=", 1) for version in options["versions"])
    if options["format"] not in (None, *logs.FORMATS):
        close = nearest(options["format"], logs.FORMATS)
        raise UsageError(f"--format is {options['format']!r}; did you mean {close}?")
    request = logs.Request(**{name: value for name, value in options.items() if name in logs.Request._fields})
    claim = importing.Claim(**{name: value for name, value in options.items() if name in importing.Claim._fields})
    gc.disable()  # a log's points are in no cycles, and to look for some among a million takes a fifth of the time
    try:
        for line in importing.main(files, request, claim, results, config):
            click.echo(line)
    finally:
        gc.enable()


def _whole_numbers(option: str, text: str | None) -> tuple[int, ...]:
    """A list such as 0,1,2."""
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise UsageError(f"{option} is {text!r}; it must be whole numbers, as in 0,1,2") from None


@main.command()
@plan_option
def gather(plan: Plan) -> None:
    """Collect the runs' records into tidy tables; missing, invalid and stale ones are named."""
    gather_and_tell(plan)


def gather_and_tell(plan: Plan, declare: bool = True) -> None:
    """Gathers, and says what became of the runs; declare: as of `manifest.write`."""
    from suite.analysis.evaluations import evaluation_curves
    from suite.analysis.runs import with_outcomes
    from suite.study import gather

    tables = gather.main(plan, click.echo, declare)
    recorded = tables["runs"]
    runs = with_outcomes(recorded, evaluation_curves(tables["evaluations"]))  # as statistics and check count them
    for status, count in runs["status"].value_counts().items():
        click.echo(f"{count:>6} {status}")
    judged = runs[runs["status"].to_numpy() != recorded["status"].to_numpy()]
    for (status, message), of_it in judged.groupby(["status", "message"]):
        click.echo(f"{len(of_it):>6} of these {status} though recorded as finished: {message}")
    for reason, count in runs.loc[runs["stale"], "stale_reason"].value_counts().items():
        click.echo(f"{count:>6} stale: {reason}")
    if runs["stale"].any():
        command = f"python -m suite retry --config {shlex.quote(str(plan.path))} --status stale"
        click.echo(f"       left out of every average; {command}   clears them")
    for note, count in runs.loc[runs["note"] != "", "note"].value_counts().items():
        click.echo(f"{count:>6} {note}")


@main.command()
@click.option("--config", help="A study's YAML file to look at; its results are meant, unless RESULTS names others.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.argument("results", required=False)
def migrate(config: str | None, dry_run: bool, results: str | None) -> None:
    """Bring RESULTS (by default, results) of an earlier version to the present form, and say what was done.

    Records are read in every form there has been and are never rewritten. Tables made from them are put aside where
    their form is an older one; the next sweep makes them anew.
    """
    from suite.study import migration
    from suite.study.config import load

    if config:
        options = load(Path(config))
        results = results or options.results
        click.echo(f"{config} is of the present form")
    place = Path(results or "results")
    check_place("results", place)
    if not place.is_dir():
        raise UsageError(f"there is no folder {place}; name the one that holds the results")
    for line in migration.notes(place):
        click.echo(line)
    outdated = migration.outdated(place)
    for folder in outdated:
        line = f"put the tables of study {folder.name} aside (into {migration.ASIDE})"
        click.echo(f"would {line}" if dry_run else line)
        if not dry_run:
            migration.put_aside(folder)
    if not outdated:
        click.echo(f"nothing in {place} needs to be migrated")
    elif not dry_run:
        command = f"python -m suite sweep --config {shlex.quote(config or 'CONFIG')}"
        click.echo(f"{command}   makes the tables anew from the records")

"""The command migrate: brings results and configs of earlier versions to the present form."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.app import main
from suite.errors import UsageError


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
        click.echo(f"{config} is of the present form")
        results = results or options.results
    place = Path(results or "results")
    if not place.is_dir():
        raise UsageError(f"there is no folder {place}; name the one that holds the results")
    for line in migration.notes(place):
        click.echo(line)
    steps = migration.steps(place)
    for step in steps:
        click.echo(f"would {step.what}" if dry_run else step.what)
        if not dry_run:
            step.act()
    if not steps:
        click.echo(f"nothing in {place} needs to be migrated")
    elif not dry_run:
        click.echo(f"python -m suite sweep --config {config or 'CONFIG'}   makes the tables anew from the records")

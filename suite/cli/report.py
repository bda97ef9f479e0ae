"""Commands that draw: figures, report, paper, goals."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from suite.cli.app import config_option, main, plan_option
from suite.errors import UsageError
from suite.study.config import read
from suite.study.plan import Plan


@main.command()
@plan_option
@click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes at once; changes no picture."
)
def figures(plan: Plan, workers: int) -> None:
    """The study's figures as PDF, SVG and PNG, with the numbers behind each as CSV.

    A figure of the same numbers as the last time stays as it is.
    """
    from suite.report import figures as drawing

    done = drawing.main(plan.study_dir, plan.report_dir, workers)
    click.echo(f"{done.drawn} figures drawn, {done.taken_over} as they were")


@main.command()
@config_option
@click.option("--from", "folder", help="A released folder: every step after training, of the records that lie there.")
@click.option("--workers", type=click.IntRange(1), help="Processes at once, with --from.  [default: one a core]")
def report(config: str, folder: str | None, workers: int | None) -> None:
    """The study's self-contained report.html."""
    if not folder:
        if workers:
            raise UsageError("--workers is of use with --from alone; leave it out")
        _page(Plan(Path(config)), f"snakemake --cores N --configfile {shlex.quote(config)}")
        return
    if click.get_current_context().get_parameter_source("config") is not click.core.ParameterSource.DEFAULT:
        raise UsageError("--from has a config of its own; leave --config out")
    from suite.study.release import released

    plan = released(Path(folder))
    _after_training(plan, workers or os.cpu_count() or 1)
    _page(plan, f"python -m suite report --from {shlex.quote(folder)}")


def _after_training(plan: Plan, workers: int) -> None:
    """Every step between the records and the page."""
    from suite.analysis.declared import declared_of
    from suite.cli import analyse, study
    from suite.gate import check
    from suite.report import figures as drawing

    study.gather_and_tell(plan, declare=False)
    check.main(plan.study_dir, plan.config.check, declared_of(plan.config))
    analyse.compute(plan, workers)
    drawing.main(plan.study_dir, plan.report_dir, workers)


def _page(plan: Plan, command: str) -> None:
    """Writes the page and says where; command: what makes it again."""
    from suite.report import page

    page.main(plan.study_dir, plan.report_dir, config_text=read(plan.path), command=command)
    click.echo(plan.report_dir / "report.html")


@main.command()
@config_option
@click.option("--from", "folder", help="A released folder, of which `report --from` has made the page.")
def paper(config: str, folder: str | None) -> None:
    """A short PDF of the study's main figures and tables, beside its report.html."""
    from suite.report import paper as short
    from suite.study.release import released

    plan = released(Path(folder)) if folder else Plan(Path(config))
    click.echo(short.main(plan.study_dir, plan.report_dir))


@main.command()
@click.option("--output", default="reports/goals", show_default=True, help="The figure's path, without an ending.")
@click.argument("records", nargs=-1, required=True)
def goals(output: str, records: tuple[str, ...]) -> None:
    """What policies trained on MultiGoal-v0 do, side by side: PDF, SVG, PNG and CSV. RECORDS: a run of each."""
    from suite.analysis.goals import played
    from suite.report.figures.goals import policies
    from suite.report.figures.saving import save

    content, stem = policies(played([Path(record) for record in records])), Path(output)
    stem.parent.mkdir(parents=True, exist_ok=True)
    save(content, stem)
    click.echo(f"{stem}.png: {content.caption}")

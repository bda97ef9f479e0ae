"""Commands that draw: figures, report, goals."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from suite.cli.app import main, plan_option
from suite.study import config
from suite.study.plan import Plan


@main.command()
@plan_option
def figures(plan: Plan) -> None:
    """The study's figures as PDF, SVG and PNG, with the numbers behind each as CSV."""
    from suite.report import figures as drawing

    drawing.main(plan.study_dir, plan.report_dir)


@main.command()
@plan_option
def report(plan: Plan) -> None:
    """The study's self-contained report.html."""
    from suite.report import page

    command = f"snakemake --cores N --configfile {shlex.quote(str(plan.path))}"
    page.main(plan.study_dir, plan.report_dir, config_text=config.read(plan.path), command=command)
    click.echo(plan.report_dir / "report.html")


@main.command()
@click.option("--output", default="reports/goals", show_default=True, help="The figure's path, without an ending.")
@click.argument("records", nargs=-1, required=True)
def goals(output: str, records: tuple[str, ...]) -> None:
    """What policies trained on MultiGoal-v0 do, side by side: PDF, SVG, PNG and CSV. RECORDS: a run of each."""
    from suite.analysis.goals import played
    from suite.report import figures as drawing
    from suite.report.figures.goals import policies

    content, stem = policies(played([Path(record) for record in records])), Path(output)
    stem.parent.mkdir(parents=True, exist_ok=True)
    drawing.save(content, stem)
    click.echo(f"{stem}.png: {content.caption}")

"""Commands that draw: figures, report."""

from __future__ import annotations

import shlex

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

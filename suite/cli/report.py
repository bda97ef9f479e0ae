"""Commands that draw: figures, report."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.app import config_option, main


@main.command()
@config_option
def figures(config: str) -> None:
    """The study's figures as PDF, SVG and PNG, with the numbers behind each as CSV."""
    from suite.report import figures as drawing
    from suite.study.plan import Plan

    planned_study = Plan(Path(config))
    drawing.main(planned_study.study_dir, planned_study.report_dir)


@main.command()
@config_option
def report(config: str) -> None:
    """The study's self-contained report.html."""
    from suite.report import page as reporting
    from suite.study.plan import Plan

    planned_study = Plan(Path(config))
    command = f"snakemake --cores N --configfile {config}"
    text = Path(config).read_text()
    reporting.main(planned_study.study_dir, planned_study.report_dir, config_text=text, command=command)
    click.echo(planned_study.report_dir / "report.html")

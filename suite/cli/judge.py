"""Commands that judge: check, baseline."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.analysis.declared import declared_of
from suite.cli.app import Commands, as_json_text, json_option, main, plan_option
from suite.errors import UsageError, nearest
from suite.study.config import DEFAULT_CONFIG
from suite.study.plan import Plan
from suite.study.workflow import default_config

if TYPE_CHECKING:
    from suite.analysis.check_rows import CheckFile
    from suite.gate.drift_rows import Drift


@main.command()
@click.option("--config", help=f"The study's YAML file.  [default: {DEFAULT_CONFIG}]")
@click.option("--study", help="Instead: the study of that name, config/NAME.yaml.")
@click.option("--gate", is_flag=True, help="Exit 1, 3 or 4 unless every primary endpoint passes.")
@click.option("--undecided", type=click.Choice(["fail", "ok"]), default="fail", show_default=True,
              help="With --gate: whether INCONCLUSIVE after the last look is 4, or passes.")  # fmt: skip
@click.option("--against-baseline", "baseline", help="Instead of published results: a baseline's name, or path.")
@click.option("--blind", is_flag=True, help="Take every ablation's arm for its baseline: would a mistake be noticed?")
@click.option("--ci", "folder", help="With --gate: a folder for gate.md and gate.html, which a CI job shows.")
@json_option
def check(
    config: str | None,
    study: str | None,
    gate: bool,
    undecided: str,
    baseline: str | None,
    blind: bool,
    folder: str | None,
    as_json: bool,
) -> None:
    """Hold every finished cell against the published results of the same settings, or against a baseline.

    Exit code 2 for a mistake; without --gate else 0, or 3 if there is nothing to compare. With --gate: 1 if a primary
    endpoint FAILs, is NOT_LEARNED or DIFFERENT; else 3 if none has runs enough to be judged; else 4 if any does not
    PASS (or is not EQUIVALENT); else 0. With --ci, what gate.md says is added to the file $GITHUB_STEP_SUMMARY, and
    under GitHub Actions every primary endpoint that does not pass becomes an annotation.
    """
    from suite.gate import baseline as baselines
    from suite.gate import check as published_check
    from suite.gate import drift, outcome, terminal, window_means

    if blind and baseline:
        raise UsageError("--blind is about published results; leave out --against-baseline")
    if folder and not gate:
        raise UsageError("--ci shows what the gate says; give --gate with it")
    plan = Plan(_config_file(config, study))
    declared, options = declared_of(plan.config), plan.config.check
    checked: CheckFile | Drift
    if baseline:
        tables = window_means.gathered(plan.study_dir)
        checked = drift.compare(tables, baselines.load(baseline), options, declared)
        text = terminal.render_drift(checked, undecided == "ok")
    else:
        checked = published_check.main(plan.study_dir, options, declared, blind=blind)
        text = terminal.render_check(checked, undecided == "ok")
    click.echo(as_json_text(checked) if as_json else text)
    if folder:
        _for_ci(plan, checked, undecided == "ok", Path(folder))
    sys.exit(outcome.exit_code(checked.rows, gate, undecided == "ok"))


def _for_ci(plan: Plan, checked: CheckFile | Drift, undecided_ok: bool, folder: Path) -> None:
    """Writes what a CI job shows; annotations go to standard error, where they disturb no JSON."""
    from suite.report import gate as page

    result = page.result_of(plan.study, str(plan.path), checked.rows, checked.notes, undecided_ok)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    page.write(result, folder, Path(summary) if summary else None)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in result.annotations:
            click.echo(line, err=True)


def _config_file(config: str | None, study: str | None) -> Path:
    """The config that the options of a command name; UsageError if they name two or none that exists."""
    if config and study:
        raise UsageError("--study names a config, and so does --config; give one of them")
    known = [path.stem for path in sorted(Path("config").glob("*.yaml"))]
    if study and study not in known:
        raise UsageError(f"there is no config/{study}.yaml; did you mean {nearest(study, known)}?")
    return Path(f"config/{study}.yaml" if study else config or default_config())


@main.group(cls=Commands)
def baseline() -> None:
    """A study's results frozen, for `check --against-baseline`."""


@baseline.command("save")
@plan_option
@click.option("--force", is_flag=True, help="Overwrite the baseline of that name.")
@click.argument("name")
def save_baseline(plan: Plan, force: bool, name: str) -> None:
    """Freeze the window means of a gathered study's runs as NAME in suite/gate/baselines, or at a path."""
    from suite.gate import baseline as baselines
    from suite.published import anchors, reading

    click.echo(baselines.save(name, plan.study_dir, reading.load(), anchors.random_policy(), force=force))

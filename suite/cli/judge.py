"""Commands that judge: check, baseline."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from suite.analysis.declared import declared_of
from suite.cli.app import Commands, config_option, main
from suite.errors import UsageError, nearest
from suite.study.config import DEFAULT_CONFIG
from suite.study.workflow import default_config


@main.command()
@click.option("--config", help=f"The study's YAML file.  [default: {DEFAULT_CONFIG}]")
@click.option("--study", help="Instead: the study of that name, config/NAME.yaml.")
@click.option("--gate", is_flag=True, help="Exit 1 if a gated row FAILs, 3 if none is gated.")
@click.option("--against-baseline", "baseline", help="Instead of published results: a baseline's name, or path.")
@click.option("--blind", is_flag=True, help="Take every ablation's arm for its baseline: would a mistake be noticed?")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def check(config: str | None, study: str | None, gate: bool, baseline: str | None, blind: bool, as_json: bool) -> None:
    """Hold every finished cell against the published results of the same settings, or against a baseline.

    Exit code 0; 1 with --gate and something gated that FAILs (or is DIFFERENT); 2 for a mistake; 3 if there is nothing
    to compare. INCONCLUSIVE alone is 0: it asks for more seeds.
    """
    from suite.gate import baseline as baselines
    from suite.gate import outcome, window_means
    from suite.gate import wording as verdicts
    from suite.gate.check import main
    from suite.study.plan import Plan

    if config and study:
        raise UsageError("--study names a config, and so does --config; give one of them")
    if blind and baseline:
        raise UsageError("--blind is about published results; leave out --against-baseline")
    known = [path.stem for path in sorted(Path("config").glob("*.yaml"))]
    if study and study not in known:
        raise UsageError(f"there is no config/{study}.yaml; did you mean {nearest(study, known)}?")
    planned_study = Plan(Path(f"config/{study}.yaml" if study else config or default_config()))
    declared, options = declared_of(planned_study.config), planned_study.config.check
    if baseline:
        found = baselines.compare(
            window_means.gathered(planned_study.study_dir), baselines.load(baseline), declared=declared,
            margin=options.margin, confidence=options.confidence,
        )  # fmt: skip
    else:
        found = main(planned_study.study_dir, **options.model_dump(), declared=declared, blind=blind)
    render = baselines.render if baseline else verdicts.render
    click.echo(json.dumps(found, indent=1) if as_json else render(found))
    sys.exit(outcome.exit_code(found["rows"], gate))


@main.group(cls=Commands)
def baseline() -> None:
    """A study's results frozen, for `check --against-baseline`."""


@baseline.command("save")
@config_option
@click.option("--force", is_flag=True, help="Overwrite the baseline of that name.")
@click.argument("name")
def save_baseline(config: str, force: bool, name: str) -> None:
    """Freeze the window means of a gathered study's runs as NAME in suite/gate/baselines, or at a path."""
    from suite.gate import baseline as baselines
    from suite.published import anchors, reading
    from suite.study.plan import Plan

    study_dir = Plan(Path(config)).study_dir
    click.echo(baselines.save(name, study_dir, reading.load(), anchors.random_policy(), force=force))

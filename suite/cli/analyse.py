"""Commands that compute: statistics, compare, power."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from suite.cli.app import as_json_text, json_option, main, plan_option
from suite.errors import UsageError
from suite.study.plan import Plan

WORTH_A_PROCESS = 200  # runs: a process takes as long to start as such a share of the work takes


@main.command()
@plan_option
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help=f"Processes at once, at most one for {WORTH_A_PROCESS} runs; changes no number.",
)
def statistics(plan: Plan, workers: int) -> None:
    """Estimates, intervals, comparisons and effects of a study: results.json."""
    compute(plan, workers)


def compute(plan: Plan, workers: int) -> None:
    """Writes results.json of a gathered study."""
    from suite.analysis import results
    from suite.analysis.declared import declared_of
    from suite.published import anchors

    results.main(
        plan.study_dir,
        random_policy={task: anchor.mean for task, anchor in anchors.random_policy().items()},
        anchors=anchors.anchors(),
        second_anchors=anchors.anchors("second"),
        declared=declared_of(plan.config),
        workers=max(1, min(workers, len(plan.runs) // WORTH_A_PROCESS)),
    )


@main.command()
@plan_option
@click.option("--task", help="Only this task.")
@json_option
@click.argument("a")
@click.argument("b")
def compare(plan: Plan, task: str | None, as_json: bool, a: str, b: str) -> None:
    """Hold cell A of a gathered study against cell B: means, order, curves, equivalence.

    A and B: a label ("sac_v2", "critics/single"), a preset or the start of a run id, with the implementation in front
    ("jax/sac_v2") where several have it.
    """
    from suite.analysis import two_cells
    from suite.analysis.declared import declared_of
    from suite.cli.comparison_tables import comparison_table
    from suite.published.anchors import anchors

    declared = declared_of(plan.config)
    comparison = two_cells.compare(plan.study_dir, a, b, task=task, anchors=anchors(), declared=declared)
    click.echo(as_json_text(comparison) if as_json else comparison_table(comparison))


@main.command()
@click.option("--config", help="Plan with a gathered study: what the seeds of its cells could settle.")
@click.option("--task", help="Only this task of the study.")
@click.option("--n", multiple=True, type=click.IntRange(2, 10**9), help="Seeds per group; may be given several times.")
@click.option("--effect", type=float, help="A difference in standard deviations.")
@click.option("--difference", type=float, help="A difference in return units; needs --sd.")
@click.option("--sd", type=float, help="Standard deviation over seeds, in return units.")
@click.option("--margin", type=float, help="Margin of an equivalence test, in return units with --sd, else in SDs.")
@click.option("--power", "target", type=click.FloatRange(0, 1, True, True), default=0.8, show_default=True)
@click.option("--alpha", type=click.FloatRange(0, 1, True, True), default=0.05, show_default=True)
@json_option
def power(config: str | None, task: str | None, as_json: bool, target: float, alpha: float, **question: Any) -> None:
    """How many seeds a question needs, and what a number of seeds can settle."""
    from suite.analysis import seeds_needed
    from suite.analysis.declared import declared_of
    from suite.cli.comparison_tables import power_text, study_power_text
    from suite.published.anchors import anchors

    given = [f"--{name}" for name in ("n", "effect", "difference", "sd", "margin") if question[name] not in (None, ())]
    if config is not None and given:
        raise UsageError(f"{given[0]} is for planning without a study; a study has its own seeds, spreads and margins")
    if config is None and task:
        raise UsageError("--task is of a study; give its --config too")
    if config is not None:
        plan = Plan(Path(config))
        declared = declared_of(plan.config)
        study = seeds_needed.study_power(plan.study_dir, task=task, anchors=anchors(), declared=declared, target=target)
        text = as_json_text(study) if as_json else study_power_text(study)
    else:
        sizes = question.pop("n") or seeds_needed.SEEDS
        table = seeds_needed.power_table(n=sizes, target=target, alpha=alpha, **question)
        text = as_json_text(table) if as_json else power_text(table)
    click.echo(text)

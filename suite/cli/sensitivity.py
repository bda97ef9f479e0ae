"""The command about sensitivity: start a study of it, or read what one found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np

from suite.cli.app import main
from suite.cli.starters import check_name, write_new
from suite.errors import UsageError, nearest
from suite.lab.tasks import TASKS
from suite.sac.ablation import Ablation
from suite.sac.sensitivity import GRID, Setting, fields_of, one_at_a_time, rounded, sensitivity
from suite.sac.spec import SpecError
from suite.specimens.catalogue import load_preset
from suite.study.plan import Plan

Values = Mapping[str, Sequence[float]]
"""The values to try of each parameter."""


@main.command("sensitivity")
@click.argument("presets", nargs=-1)
@click.option("--over", default=",".join(GRID), show_default=True, help="Hyper-parameters of the grid.")
@click.option("--values", multiple=True, help="Values in the place of the grid's, as in lr=1e-4,1e-3.")
@click.option("--sobol", type=click.IntRange(1, 1000), help="Not one at a time: so many Sobol points a parameter.")
@click.option("--sobol-seed", default=0, show_default=True, type=click.IntRange(0), help="Of the sequence.")
@click.option("--tasks", default="Pendulum-v1,InvertedDoublePendulum-v5", show_default=True)
@click.option("--env-steps", default=20_000, show_default=True, type=click.IntRange(10, 10**12), help="Of a run.")
@click.option("--seeds", default=10, show_default=True, type=click.IntRange(4, 1000), help="Of each setting.")
@click.option("--name", default="tuning", show_default=True, help="Of the study.")
@click.option("--dry-run", is_flag=True, help="Only say what it would train, and what that costs.")
@click.option("--config", help="Instead: what this study says, or its plan while it has no results.")
def command(presets: tuple[str, ...], config: str | None, name: str, dry_run: bool, **asked) -> None:
    """Start a study of how much PRESETS must be tuned: an ablation of each one's settings, and a config; then sweep it.

    Every value of one hyper-parameter at a time, the others being as the preset has them. The grid and its reasons:
    suite/sac/sensitivity.py. A variant that is no preset: ablations/sensitivity_fixed.py and config/sensitivity.yaml.
    """
    if bool(presets) == bool(config):
        raise UsageError("name presets to start a study of, or a study to look at by --config, one of the two")
    if config:
        _show(Plan(Path(config)))
        return
    tasks, values = _tasks(asked["tasks"]), _values(asked["over"], asked["values"])
    check_name(name)
    if asked["env_steps"] % 10:
        raise UsageError(f"--env-steps is {asked['env_steps']}; it must be a multiple of 10, the number of evaluations")
    settings = {one: _settings(one, values, asked["sobol"], asked["sobol_seed"]) for one in presets}
    if len(settings) < len(presets):
        raise UsageError(f"a preset is named twice among {', '.join(presets)}; name it once")
    _forecast({one: _ablation(one, settings[one]) for one in settings}, tasks, asked["env_steps"], asked["seeds"])
    if not dry_run:
        files = {Path("ablations", f"{name}_{one}.py"): _file(one, settings[one]) for one in presets}
        config_text = _config(tasks, asked["env_steps"], asked["seeds"], [file.stem for file in files])
        _write(files, Path("config", f"{name}.yaml"), config_text)


def _tasks(text: str) -> list[str]:
    tasks = list(dict.fromkeys(text.split(",")))
    for task in tasks:
        if task not in TASKS:
            raise UsageError(f"there is no task {task!r}; did you mean {nearest(task, TASKS)}?")
    return tasks


def _values(over: str, given: Sequence[str]) -> Values:
    """The values of every parameter asked for, the grid's unless others are given."""
    values: dict[str, Sequence[float]] = {}
    for name in over.split(","):
        if name not in GRID:
            raise UsageError(f"--over names {name!r}; did you mean {nearest(name, GRID)}?")
        values[name] = GRID[name].values
    for text in given:
        name, _, numbers = text.partition("=")
        if name not in values:
            raise UsageError(f"--values gives values of {name!r}; did you mean {nearest(name, values)}?")
        try:
            values[name] = [rounded(name, float(number)) for number in numbers.split(",")]
        except (ValueError, OverflowError):
            values[name] = [math.nan]
        if not all(map(math.isfinite, values[name])):
            raise UsageError(f"--values is {text!r}; it must be a parameter and numbers, as in lr=1e-4,1e-3")
    return values


def _settings(preset: str, values: Values, per_parameter: int | None, seed: int) -> tuple[Setting, ...]:
    """The settings of a preset: one at a time, or points that change all parameters that mean something with it."""
    if per_parameter is None:
        return one_at_a_time(values)
    from suite.statistics.sensitivity import sobol

    names = [name for name in values if fields_of(name, load_preset(preset).SPEC)]
    if not names:
        return ()
    ranges = [(min(values[name]), max(values[name])) for name in names]
    log = [GRID[name].log for name in names]
    for name, (low, high), by_log in zip(names, ranges, log, strict=True):
        if low == high or (by_log and low <= 0):
            raise UsageError(f"{name} from {low:g} to {high:g} is no range to spread points over")
    points = 2 ** math.ceil(math.log2(per_parameter * len(names)))
    spread = sobol(ranges, log, points, np.random.default_rng(seed))
    digits = [[float(f"{value:.3g}") for value in point] for point in spread]
    return tuple({name: rounded(name, x) for name, x in zip(names, point, strict=True)} for point in digits)


def _ablation(preset: str, settings: Sequence[Setting]) -> Ablation:
    try:
        return sensitivity(preset, load_preset(preset), settings, variant=preset)
    except SpecError as error:
        raise UsageError(f"{preset}: {error}") from None


def _forecast(ablations: Mapping[str, Ablation], tasks: Sequence[str], env_steps: int, seeds: int) -> None:
    """Prints every variant's settings, how many runs they are, and what these are expected to cost."""
    from suite.cli.question_tables import cells_of
    from suite.study.forecast import forecast

    total_runs, total_hours = 0, 0.0
    for preset, one in ablations.items():
        cells = [cell for task in tasks for cell in cells_of(preset, one, task, env_steps, env_steps // 10)]
        runs, hours = len(cells) * seeds, seeds * sum(forecast(cell).seconds for cell in cells) / 3600
        total_runs, total_hours = total_runs + runs, total_hours + hours
        click.echo(f"{preset}: {len(one.arms)} settings, {runs:,} runs, {hours:.1f} core-hours. {one.question}")
        for arm in one.arms:
            click.echo(f"  {arm.name}: {', '.join(f'{key} {value}' for key, value in arm.levels.items())}")
    of = f"{len(tasks)} tasks, {seeds} seeds, {env_steps:,} steps"
    click.echo(f"together {total_runs:,} runs ({of}): {total_hours:.1f} core-hours in JAX by forecast")


def _write(files: dict[Path, str], config: Path, text: str) -> None:
    """The files of a study; none of them if it cannot be planned."""
    write_new(files | {config: text}, lambda: Plan(config))
    click.echo(f"next: python -m suite sweep --config {config}, then python -m suite sensitivity --config {config}")


def _file(preset: str, settings: Sequence[Setting]) -> str:
    lines = "".join(f"    {dict(setting)!r},\n" for setting in settings).replace("'", '"')
    return (
        f'"""How much must {preset} be tuned?"""\n\n'
        f"from implementations.presets import {preset}\n"
        "from suite.sac.sensitivity import sensitivity\n\n"
        f"SETTINGS = (\n{lines})\n"
        f'ABLATION = sensitivity("{preset}", {preset}, SETTINGS, variant="{preset}")\n'
    )


def _config(tasks: Sequence[str], env_steps: int, seeds: int, ablations: Sequence[str]) -> str:
    return (
        "# How much must each variant be tuned? python -m suite sensitivity wrote this.\nsweeps:\n"
        f"  - tasks: [{', '.join(tasks)}]\n    env_steps: {env_steps}\n"
        f"    evaluate: {{every: {env_steps // 10}, episodes: 10}}\n    seeds: {seeds}\n"
        f"    implementations: [jax]\n    ablations: [{', '.join(ablations)}]\n"
    )


def _show(plan: Plan) -> None:
    """Prints what a study found, or its plan."""
    from suite.analysis.results_file import read_results
    from suite.cli import progress
    from suite.cli.sensitivity_table import table

    if not any(one.variant for one in plan.ablations.values()):
        raise UsageError(f"{plan.path} names no ablation whose arms are the settings of a variant")
    results = read_results(plan.study_dir)
    if results is None:
        progress.show_plan(plan, as_json=False)
        click.echo("there are no results yet: python -m suite sweep makes them")
    for entry in results.sensitivity if results else ():
        click.echo(table(entry, results.settings.confidence if results else 0.0))

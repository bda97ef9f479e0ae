"""Learning curves in their own unit, every seed of them, with their simultaneous bands."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from suite.analysis.types import AblationResult, CurveResult, Results
from suite.report.figures.canvas import Content, grid, label, legend, looks, over_steps, runs, titles
from suite.report.figures.captions import Shown, arms_of, coverage, finished, level, one_task
from suite.sac.status import FAILED, KindOfReturn

EPISODES: dict[KindOfReturn, str] = {
    "deterministic": "deterministic evaluation",
    "sampled": "sampled evaluation",
    "training": "training",
}
"""What a value of a curve is the mean of, by kind."""
COLUMNS = ["task", "implementation", "variant", "series", "env_step", "return", "seed", "status"]


class Line(NamedTuple):
    curve: CurveResult
    name: str  # that it goes by


class Panels(NamedTuple):
    columns: tuple[str, str]  # of the data, whose values make a panel
    lines: str  # the column that names its lines


BY_IMPLEMENTATION = Panels(("task", "implementation"), "variant")
BY_VARIANT = Panels(("task", "variant"), "implementation")
"""A panel for every task and variant, in it every implementation of the same."""


def lines_of(ablation: AblationResult, results: Results) -> list[Line]:
    """The learning curves of an ablation's arms."""
    return [Line(results.curve(cell.key), name) for cell, name in arms_of(ablation.tables, results)]


def learning_curves(lines: Sequence[Line], results: Results, panels: Panels = BY_IMPLEMENTATION) -> Content:
    """Every curve in its panel under its name, one colour and line style per name, every seed drawn faintly."""
    rows = [row for line in lines for row in _rows(line, results)]
    data = pd.DataFrame(rows, columns=COLUMNS).astype({"env_step": "Int64", "seed": "Int64", "return": float})
    return Content(data, partial(_draw, panels=panels), _caption(lines, results))


def _rows(line: Line, results: Results) -> Iterator[dict[str, Any]]:
    """A row per point: the seeds, the mean and the band, where a run failed, and the random policy."""
    curve = line.curve
    place = {"task": curve.task, "implementation": curve.implementation, "variant": line.name}
    for run in curve.runs:
        of_run = {**place, "series": f"seed {run.seed}", "seed": run.seed, "status": run.status}
        for env_step, value in zip(run.env_steps, run.values, strict=True):
            yield {**of_run, "env_step": env_step, "return": value}
        if run.failed:
            last = run.values[-1] if run.values else run.floor
            yield {**of_run, "series": "failure", "env_step": run.stopped_at, "return": last}
    series = {"mean": curve.mean}
    if curve.band is not None:
        series |= {"band low": curve.band.low, "band high": curve.band.high}
    for name, values in series.items():
        for env_step, value in zip(curve.grid, values, strict=True):
            yield {**place, "series": name, "env_step": env_step, "return": value}
    floor = results.settings.random_policy.get(curve.task)
    if floor is not None:
        yield {**place, "series": "random policy", "return": floor}
    if not curve.grid:
        yield {**place, "series": "no mean"}


def _draw(data: pd.DataFrame, panels: Panels) -> Figure:
    by_panel = {tuple(key): rows for key, rows in data.groupby(list(panels.columns), sort=False)}
    look = looks(data[panels.lines])
    figure, axes = grid(titles(by_panel), height=1.45)
    crowd = 1 if len(look) <= 4 else 0.5  # paler bands and seeds where many lie on each other
    handles: dict[str, Any] = {}
    for axis, rows in zip(axes, by_panel.values(), strict=True):
        for name, line in rows.groupby(panels.lines, sort=False):
            handles[name] = _draw_line(axis, line, look[name]["color"], look[name]["linestyle"], crowd)
        floor = rows["return"][rows["series"] == "random policy"]
        if len(floor):
            handles["random policy"] = axis.axhline(floor.iloc[0], color="0.5", linewidth=0.7, linestyle=":", zorder=0)
        _limit(axis, data[data["task"].isin(rows["task"])])  # the same for every panel of a task
        over_steps(axis, rows["env_step"].max())
    label(axes, "environment steps", "return per episode")
    legend(figure, handles | _of_failures(data[data["series"] == "failure"]))
    return figure


def _of_failures(failures: pd.DataFrame) -> dict[str, Any]:
    """For the legend: the tick of runs that failed and the cross of those that diverged, where there are some."""
    marks = {"a run failed": ("|", len(failures)), "a run diverged": ("x", (failures["status"] == "diverged").any())}
    return {
        name: Line2D([], [], color="0.3", marker=mark, markersize=5, mew=1.2, linestyle="none")
        for name, (mark, some) in marks.items()
        if some
    }


def _draw_line(axis: Axes, line: pd.DataFrame, color: object, style: object, crowd: float) -> object:
    """Seeds, mean and band of one curve, a tick where a run failed and a cross where it diverged; for the legend."""
    series = {name: rows for name, rows in line.groupby("series", sort=False)}
    seeds = line[line["seed"].notna() & (line["series"] != "failure")]
    runs(axis, seeds, "seed", "return", color, 0.4 * crowd)
    for failure in line[line["series"] == "failure"].to_dict("records"):
        axis.plot(failure["env_step"], 0.03, "|", color=color, markersize=6, mew=1.2, clip_on=False, zorder=5,
                  transform=axis.get_xaxis_transform())  # fmt: skip
        if failure["status"] == "diverged":
            axis.plot(failure["env_step"], failure["return"], "x", color=color, markersize=5, mew=1.4, zorder=5)
    mean = series.get("mean", line.iloc[:0])
    handle = axis.plot(mean["env_step"], mean["return"], color=color, linestyle=style, zorder=3)[0]
    if "band low" in series:
        low, high = series["band low"], series["band high"]
        axis.fill_between(low["env_step"], low["return"], high["return"], color=color, alpha=0.16 * crowd, linewidth=0,
                          zorder=0)  # fmt: skip
    return handle


def _limit(axis: Axes, rows: pd.DataFrame) -> None:
    """Scale to means, bands and runs that did not fail, so that one exploding return does not flatten the panel."""
    shown = rows["return"][~rows["status"].isin(FAILED)]
    if len(shown) and shown.max() > shown.min():
        margin = 0.05 * (shown.max() - shown.min())
        axis.set_ylim(shown.min() - margin, shown.max() + margin)


def _caption(lines: Sequence[Line], results: Results) -> str:
    shown = [Shown(results.cell(curve.key), name) for curve, name in lines]
    banded = [Shown(results.cell(curve.key), name) for curve, name in lines if curve.band is not None]
    trust = coverage("band", one_task(banded), results.settings.confidence)
    if len(banded) == len(lines):
        band = f"Shaded: simultaneous {level(results)} sup-t bootstrap band of the whole mean curve{trust}."
    elif banded:
        band = (f"Shaded, where at least five runs are averaged: simultaneous {level(results)} sup-t bootstrap band of "
                f"the whole mean curve{trust}; elsewhere no interval is drawn.")  # fmt: skip
    else:
        band = "No interval is drawn: a simultaneous band needs at least five runs, so look at the seeds."
    marks = ""
    if any(run.failed for curve, _ in lines for run in curve.runs):
        marks = (" A tick at the foot marks where a run failed, a cross its last return if it diverged; from there the "
                 "mean counts it at the floor (the random policy's return), and the axis is scaled to the runs that "
                 "did not fail.")  # fmt: skip
    seeds = "Thin lines: every seed; thick lines: their mean."
    return f"{_evaluated(lines, shown)} {seeds} {band}{marks}{_waiting(lines)} {finished(shown)}"


def _waiting(lines: Sequence[Line]) -> str:
    """A sentence on the tasks of which no run has learned half, where the results know what half is."""
    known = {curve.task for curve, _ in lines if curve.reached is not None}
    reached = {curve.task for curve, _ in lines if curve.reached is not None and curve.reached.any}
    tasks = [task for task in dict.fromkeys(curve.task for curve, _ in lines) if task in known - reached]
    half = "half of the way from the random policy's return to the task's reference"
    return f" No run was seen {half} on {', '.join(tasks)}." if tasks else ""


def _evaluated(lines: Sequence[Line], shown: Iterable[Shown]) -> str:
    """What a point of these curves is the mean of."""
    episodes = sorted({curve.evaluation_episodes for curve, _ in lines if curve.evaluation_episodes})
    kinds = {cell.kind for cell, _ in shown}
    of_kinds = [words for kind, words in EPISODES.items() if kind in kinds] or [EPISODES["deterministic"]]
    return f"Return: mean of {' or '.join(map(str, episodes)) or 'the'} {' or '.join(of_kinds)} episodes."

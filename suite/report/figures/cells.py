"""Final returns of cells in their own unit: every seed, the mean and the interquartile mean with their intervals."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.analysis.types import AblationResult, CellResult, Estimate, Results
from suite.report.figures.canvas import Content, grid, instead, interval, label, legend, rows, titles
from suite.report.figures.captions import (
    Shown,
    arms_of,
    coverage,
    finished,
    level,
    one_task,
    scored_in_words,
    undrawn,
)

FINAL = "final return per episode"
COLUMNS = ["task", "implementation", "variant", "series", "return", "status", "baseline"]
MEAN, IQM = "mean", "iqm"
UNSCORED = "no scored run"


def arms(ablation: AblationResult, results: Results) -> Content:
    """One panel per task and implementation, one line per arm: all seeds, the mean and Student's interval of it."""
    shown = arms_of(ablation.tables, results)
    baselines = [arm.baseline for table in ablation.tables for arm in table.arms]
    points = [row for one, baseline in zip(shown, baselines, strict=True) for row in _rows(one, baseline)]
    caption = (
        f"{_final(results)} large dot and bar: mean and {level(results)} Student-t interval of the mean"
        f"{coverage('mean_student', one_task(shown), results.settings.confidence)}; dashed line: mean of the baseline. "
        f"{undrawn('exploratory', results)}"
    )
    data = pd.DataFrame(points, columns=COLUMNS)
    return Content(data, partial(_draw, with_iqm=False), caption + finished(shown))


def alike(cells: Sequence[CellResult]) -> list[list[Shown]]:
    """The cells by figure: panels of the same variants together."""
    names = [(cell.task, cell.implementation, cell.variant.name) for cell in cells]
    panels: dict[tuple[str, str], dict[str, CellResult]] = {}
    for cell in cells:
        place = (cell.task, "") if _told_by_name(names) else (cell.task, cell.implementation)
        panels.setdefault(place, {})[cell.variant.name] = cell
    figures: dict[frozenset[str], list[Shown]] = {}
    for panel in panels.values():
        figures.setdefault(frozenset(panel), []).extend(Shown(cell, name) for name, cell in panel.items())
    return list(figures.values())


def _told_by_name(cells: Iterable[tuple[str, str, str]]) -> bool:
    """Whether a task's cells of all implementations fit one panel, as no two have the same name; cells: the task, the
    implementation and the name of each."""
    distinct = set(cells)
    by_name = {(task, name) for task, _, name in distinct}
    return len(by_name) == len(distinct) and len({implementation for _, implementation, _ in distinct}) > 1


def final_performance(shown: Sequence[Shown], results: Results) -> Content:
    """One panel per task, and per implementation where these have variants in common; one line per variant: mean with
    t, IQM with bootknife interval."""
    confidence = results.settings.confidence
    caption = (
        f"{_final(results)} dot: mean with {level(results)} Student-t interval"
        f"{coverage('mean_student', one_task(shown), confidence)}; square: interquartile mean{_iqm(shown, results)}. "
    )
    data = pd.DataFrame([row for one in shown for row in _rows(one, baseline=False)], columns=COLUMNS)
    return Content(data, partial(_draw, with_iqm=True), caption + finished(shown))


def _iqm(shown: Sequence[Shown], results: Results) -> str:
    """What is drawn around an interquartile mean."""
    with_interval = [one for one in shown if one.cell.iqm.low is not None]
    only_range = ", whose range is that of the circles: of fewer than five seeds no interval of it holds"
    if not with_interval:
        return only_range
    trust = coverage("iqm", one_task(with_interval), results.settings.confidence)
    interval = f" with {level(results)} expanded percentile bootknife interval over seeds{trust}"
    return interval if len(with_interval) == len(shown) else f"{interval} or alone{only_range}"


def _final(results: Results) -> str:
    circles = "Small circles: seeds; crosses: failed seeds at the floor (the random policy's return);"
    return f"{FINAL.capitalize()} ({scored_in_words(results)}). {circles}"


def _rows(shown: Shown, baseline: bool) -> Iterator[dict[str, Any]]:
    """A row per scored seed, estimate and end of an interval."""
    cell, name = shown
    place = {"task": cell.task, "implementation": cell.implementation, "variant": name, "baseline": baseline}
    if not cell.n_scored:
        yield {**place, "series": UNSCORED}
        return
    for run in cell.seeds:
        if run.score is not None:
            yield {**place, "series": f"seed {run.seed} ({run.status})", "return": run.score, "status": run.status}
    for what, estimate in ((MEAN, cell.mean), (IQM, cell.iqm)):
        for part in ("estimate", "low", "high"):
            yield {**place, "series": f"{what} {part}", "return": getattr(estimate, part)}


def _draw(data: pd.DataFrame, with_iqm: bool) -> Figure:
    names = list(dict.fromkeys(data["variant"]))
    together = _told_by_name(data[["task", "implementation", "variant"]].itertuples(index=False, name=None))
    shown = data.assign(implementation="") if together else data
    panels = {tuple(key): part for key, part in shown.groupby(["task", "implementation"], sort=False)}
    figure, axes = grid(titles(panels), height=0.35 + (0.27 if with_iqm else 0.23) * len(names), sharey=True)
    for axis, part in zip(axes, panels.values(), strict=True):
        by_name = {name: cell for name, cell in part.groupby("variant", sort=False)}
        for place, name in enumerate(names):
            if name not in by_name:
                instead(axis, place, "not planned")
            elif (by_name[name]["series"] == UNSCORED).any():
                instead(axis, place, UNSCORED)
            else:
                _draw_cell(axis, by_name[name], place, with_iqm)
        rows(axis, names)
    label(axes, FINAL)
    if with_iqm:
        _explain(figure, axes[0])
    return figure


def _draw_cell(axis: Axes, cell: pd.DataFrame, place: int, with_iqm: bool) -> None:
    colors = sns.color_palette("colorblind")
    for run in cell[cell["status"].notna()].to_dict("records"):
        failed = run["status"] != "finished"
        axis.plot(run["return"], place + 0.28, "x" if failed else "o", mew=1.0 if failed else 0.5,
                  markersize=3.5 if failed else 2.5, mfc="none", color="0.45", zorder=2)  # fmt: skip
    mean = _estimate(cell, MEAN)
    interval(axis, mean, place - (0.22 if with_iqm else 0.1), colors[0], "o")
    if with_iqm:
        interval(axis, _estimate(cell, IQM), place + 0.02, colors[3], "s")
    if cell["baseline"].any() and mean.estimate is not None:
        axis.axvline(mean.estimate, color="0.6", linestyle="--", linewidth=0.7, zorder=0)


def _estimate(cell: pd.DataFrame, what: str) -> Estimate:
    values = cell.set_index("series")["return"]
    return Estimate(values[f"{what} estimate"], values[f"{what} low"], values[f"{what} high"], None)


def _explain(figure: Figure, axis: Axes) -> None:
    """The legend of what is drawn of a cell."""
    colors = sns.color_palette("colorblind")
    legend(figure, {
        "mean": axis.plot([], [], "o-", color=colors[0], markersize=4)[0],
        "interquartile mean": axis.plot([], [], "s-", color=colors[3], markersize=4)[0],
        "seed": axis.plot([], [], "o", color="0.45", mfc="none", markersize=2.5, mew=0.5)[0],
        "failed seed at the floor": axis.plot([], [], "x", color="0.45", markersize=3.5)[0],
    })  # fmt: skip

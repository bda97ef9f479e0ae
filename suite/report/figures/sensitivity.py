"""How settings matter: each hyper-parameter's values on each task, and what tuning is worth beside what it takes."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from suite.analysis.types import Results, Sensitivity
from suite.report.figures.canvas import Content, fold, grid, label, legend, looks
from suite.report.figures.captions import Without, left_out, level, tasks_of
from suite.sac.sensitivity import AS_IS, GRID

BESIDE = 0.06  # from one variant's marks to the next one's, as a share of the value where the axis is logarithmic
SCALE = "score (0 and 1: 5th and 95th percentile of all settings)"


def settings(entry: Sensitivity, results: Results) -> Content:
    """One panel per task and hyper-parameter, one line per variant: the score at each value, with its interval."""
    caption = (
        f"The score at each value of a hyper-parameter, the others being as the variant has them; filled: the variant "
        f"as it is. {SCALE.capitalize()}, of {_seeds(entry)}. Bars: {level(results)} Student-t intervals of "
        f"the settings' own means, of runs that share their seeds. Settings that change several at once are dots "
        f"without a line. {left_out([Without('', entry.left_out)])}{entry.note}"
    )
    return Content(pd.DataFrame(_rows(entry)), _draw_settings, caption.strip())


def _rows(entry: Sensitivity) -> Iterator[dict[str, Any]]:
    for task in entry.tasks:
        for variant in entry.variants:
            for setting in variant.settings:
                score, as_is = setting.by_task[task], setting.arm == AS_IS
                for parameter, value in setting.values.items():
                    yield {
                        "implementation": entry.implementation, "task": task, "parameter": parameter,
                        "variant": variant.variant, "value": float(value), "as_is": as_is,
                        "alone": as_is or len(setting.values) == 1,
                        "estimate": score.estimate, "low": score.low, "high": score.high,
                    }  # fmt: skip


def _draw_settings(data: pd.DataFrame) -> Figure:
    tasks, parameters = (list(dict.fromkeys(data[name])) for name in ("task", "parameter"))
    panels = [(task, parameter) for task in tasks for parameter in parameters]
    look = looks(data["variant"])
    figure, axes = grid([f"{parameter}\n{fold(task)}" for task, parameter in panels], height=1.25, sharey=True)
    handles: dict[str, Any] = {}
    for axis, (task, parameter) in zip(axes, panels, strict=True):
        shown = data[(data["task"] == task) & (data["parameter"] == parameter)].sort_values("value")
        _scale(axis, parameter, sorted(set(shown["value"][shown["alone"]])))
        for n, (name, part) in enumerate(shown.groupby("variant", sort=False)):
            color, marker, beside = look[name]["color"], look[name]["marker"], n * BESIDE
            part = part.assign(x=part["value"] * (1 + beside) if GRID[parameter].log else part["value"] + beside)
            line = part[part["alone"]]
            axis.plot(line["x"], line["estimate"], color=color, linestyle=look[name]["linestyle"], linewidth=0.9)
            axis.vlines(part["x"], part["low"], part["high"], color=color, linewidth=0.8)
            for as_is, fill in ((False, "white"), (True, color)):
                points = part[part["as_is"] == as_is]
                axis.plot(points["x"], points["estimate"], marker, color=color, mfc=fill, markersize=3.5, mew=0.8)
            handles[str(name)] = axis.plot([], [], marker=marker, markersize=3.5, **_line(look[name]))[0]
    label(axes, "", "score")
    legend(figure, handles)
    return figure


def _line(look: dict[str, Any]) -> dict[str, Any]:
    return {name: look[name] for name in ("color", "linestyle")}


def _scale(axis: Axes, parameter: str, values: list[float]) -> None:
    """The axis of a hyper-parameter, marked where there are values."""
    if GRID[parameter].log:
        axis.set_xscale("log")
    if values:
        axis.xaxis.set_major_locator(FixedLocator(values))
        axis.xaxis.set_major_formatter(FixedFormatter([f"{value:g}" for value in values]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.tick_params(axis="x", labelsize=5, labelrotation=45)


def plane(entry: Sensitivity, results: Results) -> Content:
    """Each variant's tuned score over its sensitivity, both with their intervals (arXiv 2412.07165, figure 3)."""
    first = entry.variants[0].variant
    caption = (
        f"What a variant scores where each task has the setting chosen for it, over how much of that is lost to one "
        f"setting for all of {tasks_of(entry.tasks)}, its sensitivity: top left is best. {SCALE.capitalize()}. "
        f"Dots and bars: settings chosen by one half of the seeds and scored by the other ({_seeds(entry)}), with "
        f"{level(results)} expanded percentile bootknife intervals of seeds (how often they hold: docs/statistics.md). "
        f"Crosses: chosen and scored by the same seeds, which is too high by luck. Dashed: where {first} "
        f"would gain exactly as much as it takes in tuning. {left_out([Without('', entry.left_out)])}"
    )
    rows = [
        {"variant": one.variant, "series": series, **_ends("sensitivity", x), **_ends("tuned", y)}
        for one in entry.variants
        for series, x, y in (
            ("cross-fitted", one.sensitivity, one.tuned),
            ("same seeds", one.naive_sensitivity, one.naive_tuned),
        )
    ]
    return Content(pd.DataFrame(rows), _draw_plane, caption.strip())


def _ends(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, float):
        return {name: value, f"{name}_low": None, f"{name}_high": None}
    return {name: value.estimate, f"{name}_low": value.low, f"{name}_high": value.high}


def _draw_plane(data: pd.DataFrame) -> Figure:
    figure, (axis,) = grid([""], height=2.6)
    look = looks(data["variant"])
    handles: dict[str, Any] = {}
    row: Any
    for row in data.itertuples():
        color, marker = look[row.variant]["color"], look[row.variant]["marker"]
        if row.series != "cross-fitted":
            axis.plot(row.sensitivity, row.tuned, "x", color=color, markersize=4)
            continue
        axis.plot([row.sensitivity_low, row.sensitivity_high], [row.tuned] * 2, color=color)
        axis.plot([row.sensitivity] * 2, [row.tuned_low, row.tuned_high], color=color)
        handles[row.variant] = axis.plot(row.sensitivity, row.tuned, marker, color=color, markersize=5, mec="white")[0]
    first = data.iloc[0]
    axis.axline((first["sensitivity"], first["tuned"]), slope=1, color="0.6", linewidth=0.7, linestyle="--", zorder=0)
    axis.axvline(0, color="0.6", linewidth=0.7, zorder=0)
    label([axis], "sensitivity", "tuned score")
    legend(figure, handles)
    return figure


def _seeds(entry: Sensitivity) -> str:
    counts = sorted({len(seeds) for seeds in entry.seeds.values()})
    return f"{' or '.join(map(str, counts))} seeds that every setting has"

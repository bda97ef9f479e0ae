"""Dose and response: what every value of one field comes to, where a question's arms are such values."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from suite.analysis.types import AblationResult, AblationTable, Doses, Results
from suite.report.figures.canvas import Content, grid, label, titles
from suite.report.figures.captions import arms_of, coverage, finished, level, one_task, scored_in_words
from suite.wording import number

NUMBERS = ("value", "estimate", "low", "high")
DECADE = 10.0  # values further apart than this are spread by their logarithm


def response(ablation: AblationResult, results: Results) -> Content:
    """One panel per task and implementation: the final return at each value, with its interval and every seed."""
    assert ablation.doses, "a question whose arms are values"
    field = ablation.doses.field
    data = pd.DataFrame([row for table in ablation.tables for row in _rows(table, ablation.doses, results)])
    data = data.astype(dict.fromkeys(NUMBERS, float))  # where no run has a score, too
    shown = arms_of(ablation.tables, results)
    trust = coverage("mean_student", one_task(shown), results.settings.confidence)
    caption = (
        f"Final return at each value of {field}, the rest being as the baseline has it (filled; dashed where it has no "
        f"such value). A run's score: {scored_in_words(results)}. Bars: {level(results)} Student-t interval of the "
        f"mean over seeds{trust}; small dots: single seeds. Arms that change anything else are in the figure of all. "
    )
    return Content(data, _draw, caption + finished(shown))


def _rows(table: AblationTable, doses: Doses, results: Results) -> Iterator[dict[str, Any]]:
    """An entry for each value's mean, and one for each seed."""
    for arm in table.arms:
        value = doses.baseline.get(table.task) if arm.baseline else doses.arms.get(arm.arm)
        if value is None and not arm.baseline:
            continue
        cell = results.cell(table.key_of(arm))
        place = {"task": table.task, "implementation": table.implementation, "field": doses.field, "arm": arm.arm,
                 "value": value, "baseline": arm.baseline}  # fmt: skip
        mean = {name: getattr(cell.mean, name) for name in ("estimate", "low", "high")}
        yield {**place, "seed": None, **mean}
        for run in cell.seeds:
            if run.score is not None:
                yield {**place, "seed": run.seed, "estimate": run.score, "low": None, "high": None}


def _draw(data: pd.DataFrame) -> Figure:
    panels = {tuple(key): part for key, part in data.groupby(["task", "implementation"], sort=False)}
    figure, axes = grid(titles(panels), height=1.5)
    color = sns.color_palette("colorblind", 1)[0]
    values = sorted(set(data["value"].dropna()))
    for axis, part in zip(axes, panels.values(), strict=True):
        seeds, means = part[part["seed"].notna()], part[part["seed"].isna()].sort_values("value")
        axis.plot(seeds["value"], seeds["estimate"], ".", color="0.6", markersize=2.5, zorder=2)
        axis.plot(means["value"], means["estimate"], color=color, linewidth=0.9, zorder=3)
        axis.vlines(means["value"], *means[["low", "high"]].to_numpy(dtype=float).T, color=color, linewidth=1, zorder=3)
        for baseline, fill in ((False, "white"), (True, color)):
            points = means[means["baseline"] == baseline]
            axis.plot(points["value"], points["estimate"], "o", color=color, mfc=fill, markersize=4, zorder=4)
        for without in means["estimate"][means["value"].isna()].dropna():
            axis.axhline(without, color=color, linestyle="--", linewidth=0.9, zorder=1)
        if _by_logarithm(values):
            axis.set_xscale("log")
        axis.xaxis.set_major_locator(FixedLocator(_apart(values)))
        axis.xaxis.set_major_formatter(FixedFormatter([number(value) for value in _apart(values)]))
        axis.xaxis.set_minor_locator(NullLocator())
    label(axes, str(data["field"].iloc[0]), "final return\nper episode")
    return figure


def _by_logarithm(values: list[float]) -> bool:
    return min(values) > 0 and max(values) / min(values) >= DECADE


def _apart(values: list[float]) -> list[float]:
    """The values that can be marked without their numbers touching; the ends always."""
    wide = np.log(values) if _by_logarithm(values) else np.array(values)
    marked = [0]
    for n in range(1, len(values)):
        if wide[n] - wide[marked[-1]] >= 0.12 * (wide[-1] - wide[0]):
            marked.append(n)
    return [values[n] for n in marked]

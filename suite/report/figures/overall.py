"""Variants over all their tasks in normalised scores: aggregates, performance profiles, probability of improvement."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.analysis.types import Aggregate, Improvement, Results
from suite.report.figures.canvas import MARKERS, Content, fold, grid, instead, interval, label, legend, looks, rows
from suite.report.figures.captions import (
    Case,
    Drawn,
    Shown,
    Without,
    case_of,
    cells_of,
    coverage,
    coverages,
    finished,
    left_out,
    level,
    marked,
    tasks_of,
)
from suite.wording import WithInterval

STATISTICS = {"median": "median", "iqm": "IQM", "mean": "mean", "optimality_gap": "optimality gap"}
BANDS = 3  # profiles with their bands in one panel
SCALE = "normalised score (0: random policy, 1: published reference)"
ALL = "all"  # tasks at once, in a column of tasks


def aggregates(results: Results) -> Content:
    """A column per statistic, a row per variant, in it one interval per implementation."""
    entries = [entry for entry in results.aggregates if entry.iqm]
    shown, cases = _shown(entries, results), _cases(entries, results)
    of_iqm = _cases([entry for entry in entries if entry.iqm and entry.iqm.low is not None], results)
    kinds = [
        Drawn("the IQM’s coverage", "iqm", of_iqm),
        Drawn("the mean’s coverage", "mean", cases),
        Drawn("the median’s coverage", "median", cases),
        Drawn("the gap’s coverage", "optimality_gap", cases),
    ]
    trust = coverages(kinds, results.settings.confidence)
    caption = (
        f"{SCALE[0].upper()}{SCALE[1:]} over {_tasks(entries)}. Point and bar: estimate and {level(results)} "
        f"interval, of the mean Student’s t, of the others expanded percentiles of bootknife draws of runs within each "
        f"task{trust}; none of an IQM of one "
        f"task and fewer than five runs, which would be their range. Optimality gap: how far runs "
        f"fall short of 1 on average, less is better. {_left_out(results)}"
    )
    return Content(pd.DataFrame(_aggregate_rows(entries)), _draw_aggregates, caption + finished(shown))


def _aggregate_rows(entries: Sequence[Aggregate]) -> Iterator[dict[str, Any]]:
    all_tasks = _all_tasks(entries)
    for statistic in STATISTICS:
        for entry in entries:
            variant = marked(entry.variant.name, entry.tasks, all_tasks)
            place = {"implementation": entry.implementation, "variant": variant}
            place |= {"tasks": ", ".join(entry.tasks), "statistic": statistic}
            yield place | vars(getattr(entry, statistic))


def _draw_aggregates(data: pd.DataFrame) -> Figure:
    names, look = list(dict.fromkeys(data["variant"])), looks(data["implementation"])
    lower = {name: 0.8 * ((i + 0.5) / len(look) - 0.5) for i, name in enumerate(look)}
    height = 0.35 + len(names) * (0.16 + 0.08 * len(look))
    figure, axes = grid(list(STATISTICS.values()), height, columns=len(STATISTICS), sharey=True)
    for axis, statistic in zip(axes, STATISTICS, strict=True):
        for row in data[data["statistic"] == statistic].itertuples():
            color, marker = look[row.implementation]["color"], look[row.implementation]["marker"]
            interval(axis, row, names.index(row.variant) + lower[row.implementation], color, marker, size=3.5)
        if axis.get_xlim()[0] < 1 < axis.get_xlim()[1]:
            axis.axvline(1, color="0.6", linewidth=0.7, linestyle=":", zorder=0)
        rows(axis, names)
    label(axes, "normalised score", size="small")
    if len(look) > 1:
        legend(figure, {name: axes[0].plot([], [], **one, markersize=3.5)[0] for name, one in look.items()})
    return figure


def profiles(results: Results) -> Content:
    """The share of runs above every score: a panel per implementation, or per variant where there are many."""
    entries = [entry for entry in results.aggregates if entry.iqm]
    tables, all_tasks = [], _all_tasks(entries)
    for entry in (entry for entry in entries if entry.profile):
        table = pd.DataFrame(vars(entry.profile)).rename(columns={"taus": "tau"})
        variant = marked(entry.variant.name, entry.tasks, all_tasks)
        tables.append(table.assign(implementation=entry.implementation, variant=variant))
    caption = (
        f"Share of the runs over {_tasks(entries)} whose {SCALE} exceeds τ, every task weighing the same. Shaded: "
        f"simultaneous {level(results)} bootknife band (it covers the whole profile)"
        f"{coverage('profile', _cases(entries, results), results.settings.confidence)}, none where it would be 0 to 1. "
        f"Where every variant has a panel, the others are grey. {_left_out(results)}"
    )
    return Content(pd.concat(tables), _draw_profiles, caption + finished(_shown(entries, results)))


def _draw_profiles(data: pd.DataFrame) -> Figure:
    pairs = data[["implementation", "variant"]].drop_duplicates()
    crowded = max(Counter(pairs["implementation"]).values()) > BANDS
    where, who = ("variant", "implementation") if crowded else ("implementation", "variant")
    panels, look = list(dict.fromkeys(pairs[where])), looks(pairs[who])
    figure, axes = grid(list(map(fold, panels)), height=1.0 if crowded else 1.45, sharex=True, sharey=True)
    handles = {}
    for panel, axis in zip(panels, axes, strict=True):  # where every variant has a panel, the others stand behind it
        for _, other in data[data[where] != panel].groupby([where, who], sort=False) if crowded else ():
            axis.plot(other["tau"], other["share"], color="0.7", linewidth=0.6, zorder=0)
    for (panel, name), profile in data.groupby([where, who], sort=False):
        axis, color, style = axes[panels.index(panel)], look[name]["color"], look[name]["linestyle"]
        handles[name] = axis.plot(profile["tau"], profile["share"], color=color, linestyle=style)[0]
        telling = (profile["low"] > 0) | (profile["high"] < 1)
        axis.fill_between(profile["tau"], profile["low"], profile["high"], where=telling, color=color, alpha=0.14,
                          linewidth=0)  # fmt: skip
    axes[0].set_xlim(data["tau"].min(), data["tau"].max())
    axes[0].set_ylim(-0.02, 1.02)
    label(axes, "normalised score τ", "share of runs\nabove τ")
    legend(figure, handles)
    return figure


def improvement(results: Results) -> Content:
    """A panel per implementation, a row per variant: the probability over all tasks, and that of each task."""
    entries = results.improvements
    shown = _shown(entries, results)
    trust = coverage("improvement", _cases(entries, results), results.settings.confidence)
    compared_with = " or ".join(dict.fromkeys(entry.over.name for entry in entries))
    caption = (
        f"Probability that a run of the variant ends above a run of {compared_with} of the same implementation and "
        f"task, ties counting half. Dot and bar: mean over tasks with {level(results)} expanded percentile bootknife "
        f"interval{trust}, none where it would be 0 to 1 or every pair of runs agrees; small grey marks: single tasks. "
        f"No p value is drawn. "
    )
    return Content(pd.DataFrame(_improvement_rows(results)), _draw_improvement, caption + finished(shown))


def _improvement_rows(results: Results) -> Iterator[dict[str, Any]]:
    all_tasks = _all_tasks(results.improvements)
    for entry in results.improvements:
        variant = marked(entry.variant.name, entry.tasks, all_tasks)
        place = {"implementation": entry.implementation, "variant": variant, "over": entry.over.name}
        by_task: list[tuple[str, WithInterval]] = [(ALL, entry.probability)]
        by_task += zip(entry.tasks, entry.by_task, strict=True)
        for task, value in by_task:
            yield {**place, "task": task, "estimate": value.estimate, "low": value.low, "high": value.high}


def _draw_improvement(data: pd.DataFrame) -> Figure:
    names = list(dict.fromkeys(data["variant"]))
    tasks = [task for task in dict.fromkeys(data["task"]) if task != ALL]
    panels = {engine: part for engine, part in data.groupby("implementation", sort=False)}
    headings = [f"{engine},\nover {fold(part['over'].iloc[0])}" for engine, part in panels.items()]
    figure, axes = grid(headings, 0.35 + (0.23 + 0.015 * len(tasks)) * len(names), sharex=True, sharey=True)
    color = looks([ALL])[ALL]["color"]
    handles: dict[str, Any] = {"all tasks": axes[0].plot([], [], "o-", color=color, markersize=4)[0]}
    for axis, part in zip(axes, panels.values(), strict=True):
        axis.axvline(0.5, color="0.6", linewidth=0.7, linestyle="--", zorder=0)
        for place, name in enumerate(names):
            row = part[part["variant"] == name]
            if len(row):
                handles |= _draw_probabilities(axis, row, place, tasks, color)
            else:
                instead(axis, place, "not compared")
        rows(axis, names)
    axes[0].set_xlim(-0.04, 1.04)
    label(axes, "P(variant > first)")
    legend(figure, handles)
    return figure


def _draw_probabilities(axis: Axes, part: pd.DataFrame, place: int, tasks: list[str], color: Any) -> dict[str, object]:
    """The probability over all tasks with its interval, below it that of each; what stands for a task in the legend."""
    handles: dict[str, object] = {}
    row: Any
    for row in part.itertuples():
        if row.task == ALL:
            interval(axis, row, place - 0.1, color, "o")
            continue
        i = tasks.index(row.task)
        lower = place + 0.14 + 0.26 * (i + 0.5) / len(tasks)
        handles[row.task] = axis.plot(row.estimate, lower, MARKERS[i % len(MARKERS)], mfc="none", color="0.45",
                                      markersize=2.8, mew=0.6, linestyle="")[0]  # fmt: skip
    return handles


def _shown(entries: Sequence[Aggregate | Improvement], results: Results) -> list[Shown]:
    return [one for entry in entries for one in cells_of(entry.implementation, entry.variant, entry.tasks, results)]


def _cases(entries: Sequence[Aggregate | Improvement], results: Results) -> list[Case]:
    return [case_of(cells_of(entry.implementation, entry.variant, entry.tasks, results)) for entry in entries]


def _all_tasks(entries: Sequence[Aggregate | Improvement]) -> list[str]:
    return list(dict.fromkeys(task for entry in entries for task in entry.tasks))


def _tasks(entries: Sequence[Aggregate]) -> str:
    return tasks_of(_all_tasks(entries))


def _left_out(results: Results) -> str:
    return left_out([Without(entry.variant.name, entry.left_out) for entry in results.aggregates])

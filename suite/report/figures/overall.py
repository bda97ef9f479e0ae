"""Variants over all their tasks in normalised scores: aggregates, performance profiles, probability of improvement."""

from __future__ import annotations

from collections import Counter

import pandas as pd
from matplotlib.figure import Figure

from suite.report.figures.canvas import MARKERS, fold, grid, instead, interval, label, legend, looks, rows
from suite.report.figures.captions import behind, coverage, finished, left_out, level, tasks_of

STATISTICS = {"median": "median", "iqm": "IQM", "mean": "mean", "optimality_gap": "optimality gap"}


BANDS = 3  # profiles with their bands in one panel


SCALE = "normalised score (0: random policy, 1: published reference)"


def aggregates(results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """A column per statistic, a row per variant, in it one interval per implementation."""
    entries = _aggregated(results)
    names = list(dict.fromkeys(entry["variant"] for entry in entries))
    own = looks(entry["implementation"] for entry in entries)
    lower = {name: 0.8 * ((i + 0.5) / len(own) - 0.5) for i, name in enumerate(own)}
    height = 0.35 + len(names) * (0.16 + 0.08 * len(own))
    figure, axes = grid(list(STATISTICS.values()), height, columns=len(STATISTICS), sharey=True)
    data = []
    for axis, statistic in zip(axes, STATISTICS, strict=True):
        for entry in entries:
            engine, variant = entry["implementation"], entry["variant"]
            color, marker = own[engine]["color"], own[engine]["marker"]
            interval(axis, entry[statistic], names.index(variant) + lower[engine], color, marker, size=3.5)
            identity = {"implementation": engine, "variant": variant, "tasks": ", ".join(entry["tasks"])}
            data.append(identity | {"statistic": statistic} | entry[statistic])
        if axis.get_xlim()[0] < 1 < axis.get_xlim()[1]:
            axis.axvline(1, color="0.6", linewidth=0.7, linestyle=":", zorder=0)
        rows(axis, names)
    label(axes, "normalised score", size="small")
    if len(own) > 1:
        legend(figure, {name: axes[0].plot([], [], **look, markersize=3.5)[0] for name, look in own.items()})
    shown = list(behind(entries, results))
    quantity = "iqm" if any(len(entry["tasks"]) > 1 for entry in entries) else "iqm_one_task"
    caption = (
        f"{SCALE[0].upper()}{SCALE[1:]} over {tasks_of(entries)}. Point and bar: estimate and {level(results)} "
        f"expanded percentile interval, bootknife draws of runs within each task"
        f"{coverage(quantity, shown, results, of='the IQM’s coverage')}. Optimality gap: how far runs fall "
        f"short of 1 on average, less is better. {left_out(results['aggregates'])}"
    )
    return caption + finished(shown), figure, pd.DataFrame(data)


def profiles(results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """The share of runs above every score: a panel per implementation, or per variant where there are many."""
    entries, data, handles = _aggregated(results), [], {}
    crowded = max(Counter(entry["implementation"] for entry in entries).values()) > BANDS
    where, who = ("variant", "implementation") if crowded else ("implementation", "variant")
    panels = list(dict.fromkeys(entry[where] for entry in entries))
    own = looks(entry[who] for entry in entries)
    figure, axes = grid(list(map(fold, panels)), height=1.0 if crowded else 1.45, sharex=True, sharey=True)
    for entry in entries:
        taus, share, low, high = (entry["profile"][name] for name in ("taus", "share", "low", "high"))
        axis, color, style = axes[panels.index(entry[where])], own[entry[who]]["color"], own[entry[who]]["linestyle"]
        handles[entry[who]] = axis.plot(taus, share, color=color, linestyle=style)[0]
        axis.fill_between(taus, low, high, color=color, alpha=0.14, linewidth=0)
        table = pd.DataFrame({"tau": taus, "share": share, "low": low, "high": high})
        data.append(table.assign(implementation=entry["implementation"], variant=entry["variant"]))
    data = pd.concat(data)
    bends = data["tau"][data["share"].between(0, 1, inclusive="neither")]
    if len(bends):
        axes[0].set_xlim(bends.min() - 0.1, bends.max() + 0.1)
    axes[0].set_ylim(-0.02, 1.02)
    label(axes, "normalised score τ", "share of runs\nabove τ")
    legend(figure, handles)
    caption = (
        f"Share of the runs over {tasks_of(entries)} whose {SCALE} exceeds τ, every task weighing the same. Shaded: "
        f"simultaneous {level(results)} bootknife band (it covers the whole profile). "
        f"{left_out(results['aggregates'])}"
    )
    return caption + finished(behind(entries, results)), figure, data


def improvement(results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """A panel per implementation, a row per variant: the probability over all tasks, and that of each task."""
    entries, data, handles = results["improvement"], [], {}
    names = list(dict.fromkeys(entry["variant"] for entry in entries))
    over = {entry["implementation"]: entry["over"] for entry in entries}
    tasks = list(dict.fromkeys(task for entry in entries for task in entry["tasks"]))
    height = 0.35 + (0.23 + 0.015 * len(tasks)) * len(names)
    titles = [f"{engine},\nover {fold(first)}" for engine, first in over.items()]
    figure, axes = grid(titles, height, sharex=True, sharey=True)
    color = looks(["all"])["all"]["color"]
    for axis, engine in zip(axes, over, strict=True):
        own = {entry["variant"]: entry for entry in entries if entry["implementation"] == engine}
        axis.axvline(0.5, color="0.6", linewidth=0.7, linestyle="--", zorder=0)
        for place, name in enumerate(names):
            if name not in own:
                instead(axis, place, "not compared")
                continue
            interval(axis, own[name]["probability"], place - 0.1, color, "o")
            told = {what: own[name][what] for what in ("implementation", "variant", "over")}
            data.append(told | {"task": "all"} | own[name]["probability"])
            for task, found in zip(own[name]["tasks"], own[name]["by_task"], strict=True):
                i = tasks.index(task)
                lower = place + 0.14 + 0.26 * (i + 0.5) / len(tasks)
                handles[task] = axis.plot(found["estimate"], lower, MARKERS[i % len(MARKERS)], mfc="none", color="0.45",
                                          markersize=2.8, mew=0.6, linestyle="")[0]  # fmt: skip
                data.append(told | {"task": task} | found)
        rows(axis, names)
    axes[0].set_xlim(-0.04, 1.04)
    label(axes, "P(variant > first)")
    legend(figure, {"all tasks": axes[0].plot([], [], "o-", color=color, markersize=4)[0], **handles})
    shown = list(behind(entries, results))
    caption = (
        f"Probability that a run of the variant ends above a run of {' or '.join(dict.fromkeys(over.values()))} of the "
        f"same implementation and task, ties counting half. Dot and bar: mean over tasks with {level(results)} "
        f"expanded percentile bootknife interval"
        f"{coverage('improvement', shown, results)}, none where every pair of runs "
        f"agrees; small grey marks: single tasks. No p value is drawn. "
    )
    columns = ["implementation", "variant", "over", "task", "estimate", "low", "high"]
    return caption + finished(shown), figure, pd.DataFrame(data)[columns]


def _aggregated(results: dict) -> list[dict]:
    return [entry for entry in results["aggregates"] if entry["iqm"]]

"""What factors and arms of an ablation do: effects of one task and of all, cell means, and shares of the gap."""

from __future__ import annotations

from itertools import product

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.report.figures.canvas import WIDTH, grid, interval, label, legend, looks, rows, titles, write
from suite.report.figures.captions import (
    adjusted,
    by_key,
    coverage,
    finished,
    key,
    left_out,
    level,
    p_value,
    tasks_of,
    undrawn,
)
from suite.report.figures.cells import FINAL, arms_of, panel


def factorial(ablation: dict, results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """One panel per task and implementation: every main effect and interaction with its interval."""
    tables = [table for table in ablation["tables"] if table["factorial"] and table["factorial"]["effects"]]
    most = len(tables[0]["factorial"]["effects"])
    figure, axes = grid(titles(map(panel, tables)), height=0.35 + 0.2 * most, sharey=True)
    data = []
    for axis, table in zip(axes, tables, strict=True):
        data += _effects(axis, table["factorial"]["effects"], table["task"], table["implementation"])
    label(axes, "change of the final return\nper episode")
    caption = (
        f"Effects of the factors ({_levels(ablation)}) on the final return, averaged over the levels of the others, "
        f"and their interactions. Bars: {level(results)} intervals with Welch-Satterthwaite degrees of freedom; failed "
        f"runs count at the floor. {undrawn('exploratory', results)}"
    )
    return caption + finished(arms_of(tables, results)), figure, pd.DataFrame(data)


def over_tasks(ablation: dict, results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """One panel per implementation: every effect in normalised scores, its adjusted p beside it."""
    suites = [suite for suite in ablation["suite"] if suite["effects"]]
    most = max(len(suite["effects"]) for suite in suites)
    figure, axes = grid([suite["implementation"] for suite in suites], 0.3 + 0.2 * most, columns=1, sharex=True)
    figure.set_figwidth(WIDTH)
    data = []
    for axis, suite in zip(axes, suites, strict=True):
        data += _effects(axis, suite["effects"], "all", suite["implementation"])
        for place, effect in enumerate(suite["effects"]):
            write(axis, 1.02, place, p_value(effect, results), fontsize="small")
    label(axes, "change of the normalised score")
    factors = f"Factors: {_levels(ablation)}. " if any(suite["shapley"] for suite in suites) else ""
    caption = (
        f"Effects on the normalised score (0: random policy, 1: published reference) over {tasks_of(suites)}, every "
        f"task weighing the same. {factors}Bars: {level(results)} percentile bootknife intervals, not adjusted. At the "
        f"right: p of a permutation test within tasks, adjusted ({adjusted('ablation', results)}). "
        f"{left_out(ablation['suite'], 'implementation')}"
    )
    used = {(task, suite["implementation"]) for suite in suites for task in suite["tasks"]}
    tables = [table for table in ablation["tables"] if panel(table) in used]
    return caption + finished(arms_of(tables, results)), figure, pd.DataFrame(data)


def interaction(ablation: dict, results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """One panel per task and implementation: mean returns over the first factor, a line per levels of the others."""
    first, *others = ablation["factors"]
    tables = [table for table in ablation["tables"] if table["factorial"] and table["factorial"]["simple"]]
    cells, lines = by_key(results["cells"]), list(product(*(ablation["factors"][factor] for factor in others)))
    said = [", ".join(f"{factor} {at}" for factor, at in zip(others, levels, strict=True)) for levels in lines]
    own = looks(said)
    figure, axes = grid(titles(map(panel, tables)), height=1.45)
    data, handles = [], {}
    for axis, table in zip(axes, tables, strict=True):
        arms = {tuple(arm["levels"].get(factor) for factor in (first, *others)): arm for arm in table["arms"]}
        for i, (levels, name) in enumerate(zip(lines, said, strict=True)):
            shift = 0.3 * ((i + 0.5) / len(lines) - 0.5)  # so that intervals stand beside one another
            points = []
            for place, one in enumerate(ablation["factors"][first]):
                arm = arms.get((one, *levels))
                if arm is None or (mean := cells[key(table | arm)]["mean"])["estimate"] is None:
                    continue
                points.append((place + shift, mean["estimate"]))
                if mean["low"] is not None:
                    axis.plot([place + shift] * 2, [mean["low"], mean["high"]], color=own[name]["color"], linewidth=0.9)
                data.append({"task": table["task"], "implementation": table["implementation"], **arm["levels"], **mean})
            if points:
                line = axis.plot(*zip(*points, strict=True), markersize=4, mec="white", mew=0.4, **own[name])
                handles[name] = line[0]
        axis.set(xticks=[0, 1], xticklabels=ablation["factors"][first], xlim=(-0.35, 1.35))
    label(axes, first, FINAL)
    legend(figure, handles)
    shown = arms_of(tables, results)
    caption = (
        f"Mean final return of every combination of levels: {first} along the axis, a line for each of "
        f"{' and '.join(others)}. Parallel lines: no interaction. Bars: {level(results)} Student-t intervals of the "
        f"means{coverage('mean_student', shown, results)}. {undrawn('exploratory', results)}"
    )
    return caption + finished(shown), figure, pd.DataFrame(data)


def shapley(ablation: dict, results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """A panel for all tasks of each implementation in normalised scores, then one per task in returns."""
    tables = [table for table in ablation["tables"] if table["factorial"] and table["factorial"]["shapley"]]
    suites = [suite for suite in ablation["suite"] if suite["shapley"]]
    panels = [("all tasks", suite["implementation"], suite["shapley"], "normalised score") for suite in suites]
    panels += [(*panel(table), table["factorial"]["shapley"], "return per episode") for table in tables]
    names = [share["name"] for share in tables[0]["factorial"]["shapley"]]
    figure, axes = grid(titles(own[:2] for own in panels), height=0.45 + 0.24 * (len(names) + 1), sharey=True)
    color, data = sns.color_palette("colorblind")[0], []
    for axis, (task, engine, shares, unit) in zip(axes, panels, strict=True):
        gap = sum(share["estimate"] for share in shares)
        axis.barh(range(len(names)), [share["estimate"] for share in shares], height=0.6, color=color, alpha=0.6)
        axis.barh(len(names), gap, height=0.6, color="0.8", hatch="///", edgecolor="0.5", linewidth=0)
        limits = pd.DataFrame(shares)[["low", "high"]].astype(float)  # none of a cell with a single run
        axis.hlines(range(len(names)), limits["low"], limits["high"], color="0.2", linewidth=1)
        axis.axvline(0, color="0.4", linewidth=0.7)
        rows(axis, [*names, "their sum: the gap"])
        axis.set_xlabel(f"share of the gap,\n{unit}", fontsize="small")
        identity = {"task": task, "implementation": engine, "unit": unit}
        data += [identity | {name: share[name] for name in ("name", "estimate", "low", "high")} for share in shares]
        data.append(identity | {"name": "gap", "estimate": gap})
    ends = [", ".join(f"{factor} {levels[i]}" for factor, levels in ablation["factors"].items()) for i in (0, 1)]
    caption = (
        f"What each factor contributes to the gap between [{ends[1]}] and [{ends[0]}]: its effect averaged over all "
        f"orders in which the factors can be changed (Shapley). The shares sum to the gap (hatched). Black lines: "
        f"{level(results)} percentile bootknife intervals; no p value is drawn, and nothing is adjusted. "
        f"{left_out(ablation['suite'], 'implementation') if suites else ''}"
    )
    return caption + finished(arms_of(tables, results)), figure, pd.DataFrame(data)


def _effects(axis: Axes, effects: list[dict], task: str, implementation: str) -> list[dict]:
    """Effects in rows, main effects and interactions in looks of their own; their data."""
    axis.axvline(0, color="0.6", linewidth=0.7, zorder=0)
    colors = sns.color_palette("colorblind")
    for place, effect in enumerate(effects):
        crossed = "×" in effect["name"]
        interval(axis, effect, place, colors[crossed], "D" if crossed else "o", size=3.5)
    rows(axis, [effect["name"] for effect in effects])
    return [{"task": task, "implementation": implementation, **effect} for effect in effects]


def _levels(ablation: dict) -> str:
    return "; ".join(f"{name}: from {a} to {b}" for name, (a, b) in ablation["factors"].items())

"""What factors and arms of an ablation do: effects of one task and of all, cell means, and shares of the gap."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.analysis.types import (
    AblationOverTasks,
    AblationResult,
    AblationTable,
    AdjustedEffect,
    Effect,
    Results,
    SuiteEffect,
)
from suite.report.families import METHODS, adjusted_in
from suite.report.figures.canvas import WIDTH, Content, grid, interval, label, legend, looks, rows, titles, write
from suite.report.figures.captions import (
    Without,
    arms_of,
    case_of,
    coverage,
    finished,
    left_out,
    level,
    marked,
    one_task,
    tasks_of,
    undrawn,
)
from suite.report.figures.cells import FINAL
from suite.report.outcomes import over_all
from suite.wording import p_equals

PANEL = ["task", "implementation"]
NUMBERS = ("name", "estimate", "standard_error", "df", "low", "high", "p", "p_adjusted", "family", "family_size",
           "is_interaction", "pairs")  # fmt: skip
GAP = "gap"  # the sum of all shares, in the column of factors


def factorial(ablation: AblationResult, results: Results) -> Content:
    """One panel per task and implementation: every main effect and interaction with its interval."""
    tables = [table for table in ablation.tables if table.factorial and table.factorial.effects]
    effects = []
    for table in tables:
        for effect in table.factorial.effects if table.factorial else ():
            effects.append(_effect_row(effect, table.task, table.implementation))
    shown = arms_of(tables, results)
    caption = (
        f"Effects of the factors ({_levels(ablation)}) on the final return, averaged over the levels of the others, "
        f"and their interactions. Bars: {level(results)} Student-t intervals with Welch-Satterthwaite degrees of "
        f"freedom{coverage('main_effect', one_task(shown), results.settings.confidence)}; failed runs count at the "
        f"floor. {undrawn('exploratory', results)}"
    )
    return Content(pd.DataFrame(effects), _draw_factorial, caption + finished(shown))


def _draw_factorial(data: pd.DataFrame) -> Figure:
    panels = {tuple(key): part for key, part in data.groupby(PANEL, sort=False)}
    most = len(next(iter(panels.values())))
    figure, axes = grid(titles(panels), height=0.35 + 0.2 * most, sharey=True)
    for axis, part in zip(axes, panels.values(), strict=True):
        _draw_effects(axis, part)
    label(axes, "change of the final return\nper episode")
    return figure


def waterfall(ablation: AblationResult, results: Results) -> Content:
    """One panel per task and implementation: what every step of a walk adds to the final return, from end to end."""
    steps = [
        {"task": table.task, "implementation": table.implementation} | step
        for table in ablation.tables
        for step in _steps(table, results)
    ]
    shown = arms_of(ablation.tables, results)
    trust = coverage("pairs", one_task(shown), results.settings.confidence)
    caption = (
        f"The way from {ablation.tables[0].arms[0].arm}, a switch a step, each arm with all the switches before it. "
        "Bars reach from the mean final return of the arm before to the arm's own, blue where it rises; so they add up "
        f"to the difference of the two ends. Lines: {level(results)} Student-t interval of the step, of pairs of seeds "
        f"where there are enough of them{trust}. Steps are looked into, not tested: of many, one is outside by chance. "
    )
    return Content(pd.DataFrame(steps), _draw_waterfall, caption + finished(shown))


def _steps(table: AblationTable, results: Results) -> Iterator[dict[str, Any]]:
    """The arms in order, each with the mean before it and its step's difference and interval."""
    before = None
    for arm in table.arms:
        mean = results.cell(table.key_of(arm)).mean.estimate
        ends = {name: getattr(arm.step, name, None) for name in ("difference", "low", "high")}
        yield {"arm": arm.arm, "before": before, "mean": mean, **ends}
        before = mean


def _draw_waterfall(data: pd.DataFrame) -> Figure:
    panels = {tuple(key): part for key, part in data.groupby(PANEL, sort=False)}
    most = max(len(part) for part in panels.values())
    figure, axes = grid(titles(panels), height=0.35 + 0.2 * most, sharey=True)
    up, down = sns.color_palette("colorblind", 2)
    for axis, part in zip(axes, panels.values(), strict=True):
        rows(axis, list(part["arm"]))
        for place, step in enumerate(part.itertuples()):
            if pd.isna(step.before):
                axis.plot(step.mean, place, "o", color="0.2", markersize=4)
                continue
            rise = step.mean - step.before
            axis.barh(place, rise, left=step.before, height=0.6, color=up if rise >= 0 else down, alpha=0.7)
            if not pd.isna(step.low):
                axis.plot([step.before + step.low, step.before + step.high], [place] * 2, color="0.2", linewidth=0.9)
    label(axes, "final return per episode")
    return figure


def over_tasks(ablation: AblationResult, results: Results) -> Content:
    """One panel per implementation: every effect in normalised scores, its adjusted p beside it."""
    entries = [entry for entry in ablation.over_tasks if entry.effects]
    all_tasks = list(dict.fromkeys(task for entry in entries for task in entry.tasks))
    effects, cases = [], []
    for entry in entries:
        for effect in entry.effects:
            tables = _tables_of(effect, entry, ablation)
            cases.append(case_of(arms_of(tables, results)))
            row = _effect_row(effect, "all", entry.implementation)
            effects.append(row | {"name": marked(effect.name, [table.task for table in tables], all_tasks)})
    by_factors = any(entry.shapley for entry in entries)
    factors = f"Factors: {_levels(ablation)}. " if by_factors else ""
    confidence, measure = results.settings.confidence, over_all(ablation)
    trust = coverage("main_effect" if by_factors else "effect", cases, confidence)
    in_pairs = coverage("pairs", cases, confidence)
    caption = (
        f"Effects on the normalised {measure} (0: random policy, 1: published reference) over {tasks_of(all_tasks)}, "
        f"every task weighing the same. {factors}{_bars(effects, trust, in_pairs, results)} At the right: p, adjusted "
        f"({adjusted_in('ablation', results)}). {_left_out(ablation)}"
    )
    used = {(task, entry.implementation) for entry in entries for task in entry.tasks}
    drawn = [table for table in ablation.tables if (table.task, table.implementation) in used]
    draw = partial(_draw_over_tasks, method=METHODS[results.families["ablation"].method], measure=measure)
    return Content(pd.DataFrame(effects), draw, caption + finished(arms_of(drawn, results)))


def _tables_of(effect: SuiteEffect, entry: AblationOverTasks, ablation: AblationResult) -> list[AblationTable]:
    """The tables of one task each that an effect is averaged over: an arm's, those where it and its baseline are."""
    sides = set() if effect.factors else {effect.arm, effect.baseline}
    tables = [table for table in ablation.tables if table.implementation == entry.implementation]
    return [table for table in tables if table.task in entry.tasks and sides <= {arm.arm for arm in table.arms}]


def _bars(effects: list[dict[str, Any]], trust: str, trust_in_pairs: str, results: Results) -> str:
    """What the bars and the p values beside them are."""
    of_pairs = {bool(effect["pairs"]) for effect in effects}
    kinds = {
        True: f"Bars: {level(results)} intervals of the differences seed by seed (Student){trust_in_pairs}, not "
        "adjusted; p likewise.",
        False: f"Bars: {level(results)} Student-t intervals with Welch-Satterthwaite degrees of freedom{trust}, not "
        "adjusted; p permutes runs within tasks.",
    }
    if len(of_pairs) == 1:
        return kinds[of_pairs.pop()]
    return f"Where all seeds lack pairs: {kinds[False]} Else: {kinds[True]}"


def _draw_over_tasks(data: pd.DataFrame, method: str, measure: str) -> Figure:
    """method: that the p values were adjusted by; measure: what the effects are on."""
    panels = {engine: part for engine, part in data.groupby("implementation", sort=False)}
    most = max(map(len, panels.values()))
    figure, axes = grid(list(panels), 0.3 + 0.2 * most, columns=1, sharex=True)
    figure.set_figwidth(WIDTH)
    for axis, part in zip(axes, panels.values(), strict=True):
        _draw_effects(axis, part)
        for place, effect in enumerate(part.itertuples()):
            write(axis, 1.02, place, adjusted_p(effect.p_adjusted, method, effect.family_size), fontsize="small")
    label(axes, f"change of the normalised {measure}")
    return figure


def adjusted_p(p: float | None, method: str, family_size: int) -> str:
    """An adjusted p with the method and the size of its family."""
    return "no p" if pd.isna(p) else f"{p_equals(p)} ({method}, {family_size})"


def interaction(ablation: AblationResult, results: Results) -> Content:
    """One panel per task and implementation: mean returns over the first factor, a line per levels of the others."""
    first, *others = ablation.factors
    tables = [table for table in ablation.tables if table.factorial and table.factorial.simple]
    means = []
    for table in tables:
        for arm in table.arms:
            mean = results.cell(table.key_of(arm)).mean
            if set(arm.levels) == set(ablation.factors) and mean.estimate is not None:
                place = {"task": table.task, "implementation": table.implementation}
                means.append({**place, **arm.levels, **vars(mean)})
    shown = arms_of(tables, results)
    caption = (
        f"Mean final return of every combination of levels: {first} along the axis, a line for each of "
        f"{' and '.join(others)}. Parallel lines: no interaction. Bars: {level(results)} Student-t intervals of the "
        f"means{coverage('mean_student', one_task(shown), results.settings.confidence)}. "
        f"{undrawn('exploratory', results)}"
    )
    factors = {name: tuple(levels) for name, levels in ablation.factors.items()}
    return Content(pd.DataFrame(means), partial(_draw_interaction, factors=factors), caption + finished(shown))


def _draw_interaction(data: pd.DataFrame, factors: dict[str, tuple[str, ...]]) -> Figure:
    """factors: the columns that hold levels, and the order of these."""
    first, *others = factors
    lines = {
        levels: ", ".join(f"{factor} {at}" for factor, at in zip(others, levels, strict=True))
        for levels in product(*(factors[factor] for factor in others))
    }
    look = looks(lines.values())
    panels = {tuple(key): part for key, part in data.groupby(PANEL, sort=False)}
    figure, axes = grid(titles(panels), height=1.45)
    handles = {}
    for axis, part in zip(axes, panels.values(), strict=True):
        for i, (levels, name) in enumerate(lines.items()):
            shift = 0.3 * ((i + 0.5) / len(lines) - 0.5)  # so that intervals stand beside one another
            means = part[(part[others] == list(levels)).all(axis=1)]
            if len(means):  # else no run has these levels yet
                means = means.assign(place=means[first].map(factors[first].index) + shift).sort_values("place")
                handles[name] = _draw_means(axis, means, look[name])
        axis.set(xticks=[0, 1], xticklabels=factors[first], xlim=(-0.35, 1.35))
    label(axes, first, FINAL)
    legend(figure, handles)
    return figure


def _draw_means(axis: Axes, means: pd.DataFrame, look: dict[str, Any]) -> object:
    """Means along the first factor with their intervals; what stands for the line in the legend."""
    for mean in means[means["low"].notna()].to_dict("records"):
        axis.plot([mean["place"]] * 2, [mean["low"], mean["high"]], color=look["color"], linewidth=0.9)
    return axis.plot(means["place"], means["estimate"], markersize=4, mec="white", mew=0.4, **look)[0]


def shapley(ablation: AblationResult, results: Results) -> Content:
    """A panel for all tasks of each implementation in normalised scores, then one per task in returns."""
    tables = [table for table in ablation.tables if table.factorial and table.factorial.shapley]
    over_all = [entry for entry in ablation.over_tasks if entry.shapley]
    all_tasks = {task for entry in over_all for task in entry.tasks}
    shown = arms_of(tables, results)
    cases = [*one_task(shown), *(case_of(one for one in shown if one.cell.task in entry.tasks) for entry in over_all)]
    shares: list[dict[str, Any]] = []
    for entry in over_all:
        where = "all tasks" if len(entry.tasks) == len(all_tasks) else f"only {', '.join(entry.tasks)}"
        shares += _share_rows(entry.shapley, where, entry.implementation, "normalised score")
    for table in tables:
        if table.factorial:
            shares += _share_rows(table.factorial.shapley, table.task, table.implementation, "return per episode")
    start, end = (", ".join(f"{factor} {levels[i]}" for factor, levels in ablation.factors.items()) for i in (0, 1))
    caption = (
        f"What each factor contributes to the gap between [{end}] and [{start}]: its effect averaged over all "
        f"orders in which the factors can be changed (Shapley). The shares sum to the gap (hatched). Black lines: "
        f"{level(results)} Student-t intervals with Welch-Satterthwaite degrees of freedom"
        f"{coverage('shapley', cases, results.settings.confidence)}; no p value is drawn, and nothing is adjusted. "
        f"{_left_out(ablation) if over_all else ''}"
    )
    return Content(pd.DataFrame(shares), _draw_shapley, caption + finished(shown))


def _share_rows(shares: Sequence[Effect], task: str, implementation: str, unit: str) -> Iterator[dict[str, Any]]:
    place = {"task": task, "implementation": implementation, "unit": unit}
    for share in shares:
        yield {**place, "name": share.name, "estimate": share.estimate, "low": share.low, "high": share.high}
    yield {**place, "name": GAP, "estimate": sum(share.estimate for share in shares)}


def _draw_shapley(data: pd.DataFrame) -> Figure:
    panels = {tuple(key): part for key, part in data.groupby([*PANEL, "unit"], sort=False)}
    names = [name for name in dict.fromkeys(data["name"]) if name != GAP]
    headings = titles((task, implementation) for task, implementation, _ in panels)
    figure, axes = grid(headings, height=0.45 + 0.24 * (len(names) + 1), sharey=True)
    color = sns.color_palette("colorblind")[0]
    for axis, ((_, _, unit), part) in zip(axes, panels.items(), strict=True):
        shares, gap = part[part["name"] != GAP], part[part["name"] == GAP]
        axis.barh(range(len(names)), shares["estimate"], height=0.6, color=color, alpha=0.6)
        axis.barh(len(names), gap["estimate"], height=0.6, color="0.8", hatch="///", edgecolor="0.5", linewidth=0)
        limits = shares[["low", "high"]].astype(float)  # none of a cell with a single run
        axis.hlines(range(len(names)), limits["low"], limits["high"], color="0.2", linewidth=1)
        axis.axvline(0, color="0.4", linewidth=0.7)
        rows(axis, [*names, "their sum: the gap"])
        axis.set_xlabel(f"share of the gap,\n{unit}", fontsize="small")
    return figure


def _effect_row(effect: AdjustedEffect | SuiteEffect, task: str, implementation: str) -> dict[str, Any]:
    numbers = {name: getattr(effect, name, None) for name in NUMBERS}  # one task's effects have no pairs
    return {"task": task, "implementation": implementation, **numbers}


def _draw_effects(axis: Axes, effects: pd.DataFrame) -> None:
    """Effects in rows, main effects and interactions in looks of their own."""
    axis.axvline(0, color="0.6", linewidth=0.7, zorder=0)
    colors = sns.color_palette("colorblind")
    for place, effect in enumerate(effects.itertuples()):
        color, marker = (colors[1], "D") if effect.is_interaction else (colors[0], "o")
        interval(axis, effect, place, color, marker, size=3.5)
    rows(axis, list(effects["name"]))


def _levels(ablation: AblationResult) -> str:
    return "; ".join(f"{name}: from {levels[0]} to {levels[1]}" for name, levels in ablation.factors.items())


def _left_out(ablation: AblationResult) -> str:
    return left_out([Without(entry.implementation, entry.left_out) for entry in ablation.over_tasks])

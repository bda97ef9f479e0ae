"""How soon runs reach half of what there is to learn: Kaplan and Meier's curves of every arm."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from suite.analysis.types import AblationResult, AblationTable, Crossing, Reached, Results
from suite.report.figures.canvas import Content, grid, label, legend, looks, over_steps, titles
from suite.report.figures.captions import Shown, arms_of, finished, undrawn

ARM, SHARE, CENSORED = "arm", "share", "censored"
PLACE = ["task", "implementation"]
DATA = [*PLACE, "variant", "threshold", "series", "seed", "env_step", "share"]


def reached(ablation: AblationResult, results: Results) -> Content | None:
    """One panel per task and implementation: the share of an arm's runs that have reached the threshold, over steps;
    None where no arm has anywhere."""
    shown = [table for table in ablation.tables if _any(table, results)]
    if not shown:
        return None
    arms = [{"variant": one.name, "series": ARM} for one in arms_of(ablation.tables, results)]
    rows = [row for one in arms_of(shown, results) for row in _rows(one, results)]
    data = pd.DataFrame([*arms, *rows], columns=DATA)
    data = data.astype({"seed": "Int64", "env_step": "Int64", "share": float, "threshold": float})
    return Content(data, _draw, _caption(ablation, shown, results))


def _any(table: AblationTable, results: Results) -> bool:
    """Whether a run of any arm has reached the threshold."""
    return any(run.observed for run in _runs(table, results))


def _runs(table: AblationTable, results: Results) -> Iterator[Crossing]:
    """The runs of all arms for which the results know whether they have."""
    for arm in table.arms:
        if once := results.curve(table.key_of(arm)).reached:
            yield from once.runs


def _rows(shown: Shown, results: Results) -> Iterator[dict[str, Any]]:
    """A row per step of an arm's curve, from none at 0 to the last seen, and one per censored run."""
    cell, name = shown
    once = results.curve(cell.key).reached
    if once is None:
        return
    place = {"task": cell.task, "implementation": cell.implementation, "variant": name, "threshold": once.threshold}
    for env_step, waiting in ((0, 1.0), *zip(once.env_steps, once.waiting, strict=True)):
        yield {**place, "series": SHARE, "env_step": env_step, "share": 1 - waiting}
    if once.env_steps and once.env_steps[-1] < cell.env_steps and not once.waiting[-1]:
        yield {**place, "series": SHARE, "env_step": cell.env_steps, "share": 1.0}
    for run in once.runs:
        if not run.observed:
            share = 1 - _waiting(once, run.env_step)
            yield {**place, "series": CENSORED, "seed": run.seed, "env_step": run.env_step, "share": share}


def _waiting(once: Reached, env_step: int) -> float:
    """The share of the runs that still wait at a step."""
    before = [share for at, share in zip(once.env_steps, once.waiting, strict=True) if at <= env_step]
    return before[-1] if before else 1.0


def _draw(data: pd.DataFrame) -> Figure:
    look = looks(data["variant"])
    rows = data[data["series"] != ARM]
    by_panel = {tuple(key): part for key, part in rows.groupby(PLACE, sort=False)}
    figure, axes = grid(titles(by_panel), height=1.3, sharey=True)
    handles: dict[str, Any] = {}
    for axis, part in zip(axes, by_panel.values(), strict=True):
        for name, line in part.groupby("variant", sort=False):
            color, style = look[name]["color"], look[name]["linestyle"]
            share, censored = (line[line["series"] == series] for series in (SHARE, CENSORED))
            handles[name] = axis.step(share["env_step"], share["share"], where="post", color=color, linestyle=style)[0]
            if len(censored):
                axis.plot(censored["env_step"], censored["share"], "+", color=color, markersize=5, mew=0.9, zorder=5)
        axis.set_ylim(-0.03, 1.03)
        over_steps(axis, part["env_step"].max())
        axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    label(axes, "environment steps", "runs that\nreached it")
    legend(figure, {name: handles[name] for name in look if name in handles})
    return figure


def _caption(ablation: AblationResult, shown: Sequence[AblationTable], results: Results) -> str:
    tables = {(table.task, table.implementation) for table in shown}
    out = [table for table in ablation.tables if (table.task, table.implementation) not in tables]
    without = [table for table in out if table.task not in results.settings.anchors.primary]
    never = [table for table in out if table not in without]
    sentences = [
        "Share of the scored runs (Kaplan-Meier) that were seen by then half of the way from the random policy's "
        "return to the task's reference. "
    ]
    if any(not run.observed for table in shown for run in _runs(table, results)):
        sentences.append("Plus: runs that never were; one that failed before waits until the end. ")
    if never:
        sentences.append(f"Left out, as no run of any arm got there: {_places(never)}. ")
    if without:
        sentences.append(f"Left out, as there is no reference return: {_places(without)}. ")
    return "".join([*sentences, "No interval is drawn. ", undrawn("exploratory", results),
                    finished(arms_of(shown, results))])  # fmt: skip


def _places(tables: Sequence[AblationTable]) -> str:
    return ", ".join(f"{table.task} ({table.implementation})" for table in tables)

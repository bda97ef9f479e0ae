"""How fast the runs went while they trained: environment steps per second between evaluations, these included.

Taken of the table of runs and not of the results, which hold no wall time: of all figures this alone differs between
two sweeps with the same results.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from suite.errors import UsageError
from suite.report.figures.canvas import CROWD, Content, grid, label, legend, looks, over_steps, runs, titles

PLACE = ["task", "implementation"]
DATA = [*PLACE, "variant", "seed", "env_step", "steps_per_s"]
ALL = "all variants"
CAPTION = (
    "Environment steps per second of wall time since the evaluation before, this one included. Thin lines: every seed; "
    "thick lines: their median. Of runs trained side by side in one process each has the process's time. No part of "
    "the results: two sweeps that differ in nothing else differ in this."
)


def over_training(made: pd.DataFrame) -> Content | None:
    """A panel per task and implementation, a line per variant or one of all where they are many; None where no run
    tells its pace. made: the table of runs."""
    if "pace" not in made:
        return None
    data = pd.DataFrame(_rows(made), columns=DATA)
    return Content(data, _draw, CAPTION) if len(data) else None


def _rows(made: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """A row per evaluation of each run, but for those that took no time that the clock shows."""
    for run in made.to_dict("records"):
        before, spent = 0, 0.0
        for env_step, seconds in _pace(run["pace"]):
            if seconds > spent:
                rate = (env_step - before) / (seconds - spent)
                yield {**{name: run[name] for name in (*PLACE, "variant", "seed")}, "env_step": env_step,
                       "steps_per_s": rate}  # fmt: skip
            before, spent = env_step, seconds


def _pace(text: str) -> list[tuple[int, float]]:
    """Environment steps and the seconds until then; UsageError where gather has not written them."""
    try:
        return [(int(env_step), float(seconds)) for env_step, seconds in json.loads(text).items()]
    except (TypeError, ValueError):
        remedy = "run `python -m suite gather` for this study again"
        raise UsageError(f"runs.parquet is damaged, a run's pace is not what gather writes: {remedy}") from None


def _draw(data: pd.DataFrame) -> Figure:
    many = data.groupby(PLACE)["variant"].nunique().max() > CROWD
    data = data.assign(run=data["variant"] + data["seed"].astype(str), line=ALL if many else data["variant"])
    look = looks(data["line"])
    panels = {tuple(key): rows for key, rows in data.groupby(PLACE, sort=False)}
    figure, axes = grid(titles(panels), height=1.2)
    handles: dict[str, Any] = {}
    for axis, rows in zip(axes, panels.values(), strict=True):
        for name, line in rows.groupby("line", sort=False):
            color, style = look[str(name)]["color"], look[str(name)]["linestyle"]
            runs(axis, line, "run", "steps_per_s", color, 0.2 if many else 0.4)
            median = line.groupby("env_step")["steps_per_s"].median()
            handles[str(name)] = axis.plot(median.index, median, color=color, linestyle=style, zorder=3)[0]
        axis.set_ylim(bottom=0)
        over_steps(axis, rows["env_step"].max())
    label(axes, "environment steps", "steps per second")
    legend(figure, handles)
    return figure

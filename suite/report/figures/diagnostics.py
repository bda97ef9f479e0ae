"""What was recorded beside the returns, over training: temperature, entropy, Q bias, losses, gradient norms."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from suite.analysis.types import AblationResult, AblationTable, Results
from suite.report.figures.canvas import COLUMNS, Content, grid, label, legend, looks, over_steps, runs, titles, wrap
from suite.report.figures.captions import Shown, arms_of, finished
from suite.sac.status import FAILED

NAMES = {
    "alpha": "temperature α",
    "entropy": "entropy (nats)",
    "q_bias": "Q bias",
    "critic_loss": "critic loss",
    "actor_loss": "actor loss",
    "critic_grad_norm": "critic's gradient",
    "actor_grad_norm": "actor's gradient",
}
"""The diagnostics that are drawn, in this order."""
WIDE = 100  # a panel whose values are positive and span so much has a logarithmic axis
MEAN, ARM = "mean", "arm"
PLACE = ["task", "implementation"]
DATA = [*PLACE, "variant", "diagnostic", "series", "seed", "status", "env_step", "value"]
INTRODUCTION = (
    "Recorded at the evaluations: Q bias is Q where an episode starts less the discounted return then obtained; "
    "losses, Euclidean norms of gradients and entropy are of batches from the replay. Thin lines: every seed; thick "
    "lines: mean of the seeds that finished, where each has a value. No interval is drawn. "
)
Places = dict[str, list[str]]
"""Diagnostic -> tasks."""


class Panel(NamedTuple):
    diagnostic: str
    task: str
    implementation: str

    @property
    def place(self) -> tuple[str, str]:
        return self.task, self.implementation


class _Part(NamedTuple):
    """Some of a question's tasks, side by side."""

    tables: Sequence[AblationTable]
    rows: pd.DataFrame
    still: Places  # what moves in no arm
    absent: Places  # what was not recorded


def over_training(ablation: AblationResult, results: Results) -> Iterator[Content]:
    """A figure for every few tasks of a question: a row of panels per diagnostic, a column per task, a line per arm."""
    for first in range(0, len(ablation.tables), COLUMNS):
        tables = ablation.tables[first : first + COLUMNS]
        part = _part(ablation, tables, results)
        if part.rows["diagnostic"].notna().any():
            yield Content(part.rows, _draw, _caption(part, results))


def _part(ablation: AblationResult, tables: Sequence[AblationTable], results: Results) -> _Part:
    """The rows of what moves; before them a row for each arm of the question, so that each keeps its colour."""
    arms = [{"variant": name, "series": ARM} for _, name in arms_of(ablation.tables, results)]
    drawn: list[dict[str, Any]] = []
    still: Places = {}
    absent: Places = {}
    for name in NAMES:
        for table in tables:
            rows = list(_rows(name, arms_of([table], results), results))
            if _moves(rows):
                drawn += rows
            else:
                (still if rows else absent).setdefault(name, []).append(table.task)
    data = pd.DataFrame([*arms, *drawn], columns=DATA)
    return _Part(tables, data.astype({"seed": "Int64", "env_step": "Int64", "value": float}), still, absent)


def _rows(diagnostic: str, shown: Sequence[Shown], results: Results) -> Iterator[dict[str, Any]]:
    """A row per point of a diagnostic: of every seed, and of the mean."""
    for cell, name in shown:
        trace, status = results.trace(cell.key), {run.seed: run.status for run in cell.seeds}
        place = {"task": cell.task, "implementation": cell.implementation, "variant": name, "diagnostic": diagnostic}
        lines = [(f"seed {run.seed}", run.seed, status[run.seed], run.values) for run in trace.runs]
        for series, seed, of_run, values in (*lines, (MEAN, None, None, trace.mean)):
            for env_step, value in zip(trace.env_steps, values.get(diagnostic, ()), strict=False):
                if value is not None:
                    yield {**place, "series": series, "seed": seed, "status": of_run, "env_step": env_step,
                           "value": value}  # fmt: skip


def _moves(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether a seed of any arm has more than one value."""
    values: dict[tuple, set[float]] = {}
    for row in rows:
        values.setdefault((row["variant"], row["series"]), set()).add(row["value"])
    return any(len(of_run) > 1 for of_run in values.values())


def _in_words(places: Places, tables: Sequence[AblationTable]) -> str:
    """Diagnostics with the tasks that they are left out on, alone where these are all."""
    texts = []
    for name, tasks in places.items():
        where = "" if len(tasks) == len(tables) else f" on {' and '.join(dict.fromkeys(tasks))}"
        texts.append(f"{NAMES[name]}{where}")
    return ", ".join(texts)


def _draw(data: pd.DataFrame) -> Figure:
    look = looks(data["variant"])
    rows = data[data["series"] != ARM]
    by_panel = {Panel(*key): part for key, part in rows.groupby(["diagnostic", *PLACE], sort=False)}
    figure, axes = _grid(list(by_panel))
    handles: dict[str, Any] = {}
    for panel, axis in axes.items():
        for name, line in by_panel[panel].groupby("variant", sort=False):
            handles[name] = _draw_arm(axis, line, look[name], crowd=1 if len(look) <= 4 else 0.5)
        _limit(axis, by_panel[panel])
        over_steps(axis, by_panel[panel]["env_step"].max())
    label(list(axes.values()), "environment steps")
    if len({panel.place for panel in axes}) > 1:
        _name_rows(axes)
    legend(figure, {name: handles[name] for name in look if name in handles})
    return figure


def _grid(panels: Sequence[Panel]) -> tuple[Figure, dict[Panel, Axes]]:
    """An axis for every panel: of one place side by side, else a row for every diagnostic and a column for a place."""
    places = list(dict.fromkeys(panel.place for panel in panels))
    if len(places) == 1:
        figure, axes = grid([NAMES[panel.diagnostic] for panel in panels], height=0.95)
        return figure, dict(zip(panels, axes, strict=True))
    cells = [Panel(name, *place) for name in NAMES if name in {one.diagnostic for one in panels} for place in places]
    figure, axes = grid([""] * len(cells), height=0.6, columns=len(places))
    by_panel = dict(zip(cells, axes, strict=True))
    for panel in by_panel.keys() - set(panels):
        by_panel.pop(panel).remove()
    return figure, {panel: by_panel[panel] for panel in cells if panel in by_panel}


def _name_rows(axes: dict[Panel, Axes]) -> None:
    """The diagnostic beside the first panel of each row, the place above the first of each column, and steps below the
    last of it alone."""
    places = list(dict.fromkeys(panel.place for panel in axes))
    for panel, axis in reversed(axes.items()):
        axis.set_ylabel("")
        row = [other for other in axes if other.diagnostic == panel.diagnostic]
        column = [other for other in axes if other.place == panel.place]
        if panel == row[0]:
            axis.set_ylabel(wrap(NAMES[panel.diagnostic], 10), fontsize="small")
        if panel == column[0]:
            axis.set_title(titles(places)[places.index(panel.place)], fontsize="small")
        axis.xaxis.set_tick_params(labelbottom=panel == column[-1])


def _draw_arm(axis: Axes, line: pd.DataFrame, look: dict[str, Any], crowd: float) -> object:
    """An arm's seeds, and their mean; for the legend."""
    color, style = look["color"], look["linestyle"]
    runs(axis, line[line["series"] != MEAN], "series", "value", color, 0.4 * crowd)
    mean = line[line["series"] == MEAN]
    return axis.plot(mean["env_step"], mean["value"], color=color, linestyle=style, linewidth=1.1, zorder=3)[0]


def _limit(axis: Axes, rows: pd.DataFrame) -> None:
    """Scale to the runs that did not fail, if there are any, by logarithm where these span much."""
    kept = rows["value"][~rows["status"].isin(FAILED)]
    shown = kept if len(kept) else rows["value"]
    low, high = shown.min(), shown.max()
    if low > 0 and high / low >= WIDE:
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(numticks=4))
        axis.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.set_ylim(low / 1.3, high * 1.3)
    elif high > low:
        axis.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))


def _caption(part: _Part, results: Results) -> str:
    shown = arms_of(part.tables, results)
    drawn = part.rows[part.rows["series"] != ARM]
    sentences = [INTRODUCTION]
    if any(_by_logarithm(panel) for _, panel in drawn.groupby(["diagnostic", *PLACE], sort=False)):
        sentences.append(f"Where values span a factor of {WIDE} and more, their axis is logarithmic. ")
    if drawn["status"].isin(FAILED).any():
        sentences.append("Axes are scaled to the runs that did not fail; those that did end where they stopped. ")
    if part.still:
        sentences.append(f"Left out, as no arm moves it: {_in_words(part.still, part.tables)}. ")
    if part.absent:
        sentences.append(f"Left out, as no run recorded it: {_in_words(part.absent, part.tables)}. ")
    return "".join([*sentences, finished(shown)])


def _by_logarithm(panel: pd.DataFrame) -> bool:
    """Whether `_limit` chooses a logarithmic axis."""
    kept = panel["value"][~panel["status"].isin(FAILED)]
    shown = kept if len(kept) else panel["value"]
    return bool(shown.min() > 0 and shown.max() / shown.min() >= WIDE)

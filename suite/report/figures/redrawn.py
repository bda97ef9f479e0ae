"""A published figure drawn again with our runs: its panels and axes, every seed of ours, and what was published."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from suite.analysis.types import CellKey, RedrawnFigure, RedrawnPanel, Results
from suite.report.figures.canvas import Content, grid, label, legend, looks, runs
from suite.report.figures.captions import Shown, arms_of, finished
from suite.sac.status import FAILED

WIDE = 10  # times our budget: where the paper's axis ends beyond, steps are drawn on a logarithmic one
OURS, MEAN, PUBLISHED = "ours", "mean", "published"
PRESETS = "presets"
DATA = ["panel", "question", "line", "implementation", "series", "seed", "status", "env_step", "return", "sd", "budget",
        "last_step"]  # fmt: skip


def redrawn(figure: RedrawnFigure, results: Results) -> Content:
    """A panel per panel of the published figure that a task of ours stands for."""
    lines = [(panel, key, name) for panel in figure.panels for key, name in _lines(panel, figure, results).items()]
    rows = [row for line in lines for row in _our_rows(*line, results)]
    rows += [row for panel in figure.panels for row in _published_rows(panel)]
    data = pd.DataFrame(rows, columns=DATA)
    kinds = dict.fromkeys(("seed", "env_step", "budget", "last_step"), "Int64") | dict.fromkeys(("return", "sd"), float)
    shown = [Shown(results.cell(key), name) for _, key, name in lines]
    return Content(data.astype(kinds), _draw, _caption(figure, shown, results))


def _lines(panel: RedrawnPanel, figure: RedrawnFigure, results: Results) -> dict[CellKey, str]:
    """The cells of a panel with the names that they go by."""
    several = len({key.implementation for one in figure.panels for key in one.cells}) > 1
    names = {key: results.cell(key).variant.name for key in panel.cells}
    if panel.ablation:
        tables = [table for one in results.ablations if one.name == panel.ablation for table in one.tables]
        arms = {cell.key: name for cell, name in arms_of(tables, results)}
        names = {key: f"{panel.ablation} {arms[key]}" for key in panel.cells}
    return {key: f"{name} ({key.implementation})" if several else name for key, name in names.items()}


def _title(panel: RedrawnPanel) -> str:
    first = f"{panel.environment}: {panel.ablation}" if panel.ablation else panel.environment
    return f"{first}\nours: {panel.task}"


def _our_rows(panel: RedrawnPanel, key: CellKey, name: str, results: Results) -> Iterator[dict[str, Any]]:
    """A row per point of our runs and of their mean."""
    curve = results.curve(key)
    place = {"panel": _title(panel), "question": panel.ablation or PRESETS, "line": name,
             "implementation": key.implementation, "budget": curve.env_steps, "last_step": panel.last_step}  # fmt: skip
    for run in curve.runs:
        for env_step, value in zip(run.env_steps, run.values, strict=True):
            yield {**place, "series": OURS, "seed": run.seed, "status": run.status, "env_step": env_step,
                   "return": value}  # fmt: skip
    for env_step, value in zip(curve.grid, curve.mean, strict=True):
        yield {**place, "series": MEAN, "env_step": env_step, "return": value}


def _published_rows(panel: RedrawnPanel) -> Iterator[dict[str, Any]]:
    place = {"panel": _title(panel), "series": PUBLISHED, "last_step": panel.last_step}
    variants = {curve.reference.variant for curve in panel.published}
    for curve in panel.published:
        name = " ".join(["published:", *curve.reference[: 1 if len(variants) == 1 else 2]])
        for env_step, mean, sd in zip(curve.env_steps, curve.mean, curve.sd, strict=True):
            yield {**place, "line": name, "env_step": env_step, "return": mean, "sd": sd}


def _draw(data: pd.DataFrame) -> Figure:
    panels = {title: part for title, part in data.groupby("panel", sort=False)}
    figure, axes = grid(list(panels), height=1.35)
    theirs = list(dict.fromkeys(data["line"][data["series"] == PUBLISHED]))
    look = _looks(data[data["series"] != PUBLISHED])
    greys = {name: str(0.15 + 0.3 * n) for n, name in enumerate(theirs)}
    handles: dict[str, Any] = {}
    for axis, part in zip(axes, panels.values(), strict=True):
        for name in (name for name in look if name in set(part["line"])):
            handles[name] = _draw_ours(axis, part[part["line"] == name], look[name])
        for name in (name for name in theirs if name in set(part["line"])):
            handles[name] = _draw_theirs(axis, part[part["line"] == name], greys[name])
        for budget in part["budget"].dropna().unique():
            handles["our budget"] = axis.axvline(budget, color="0.5", linewidth=0.7, linestyle=":", zorder=0)
        _limit(axis, part)
        _steps(axis, part)
    label(axes, "environment steps", "return per episode")
    order = [*look, "our budget", *theirs]
    legend(figure, {name: handles[name] for name in order if name in handles})
    return figure


def _looks(ours: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The looks of our lines; arms have those that they have among the arms of their question."""
    by_question = (looks(lines) for _, lines in ours.groupby("question", sort=False)["line"])
    return {name: look for group in by_question for name, look in group.items()}


def _draw_ours(axis: Axes, line: pd.DataFrame, look: dict[str, Any]) -> object:
    """Our seeds thin, their mean thick; for the legend."""
    runs(axis, line[line["series"] == OURS], ["implementation", "seed"], "return", look["color"])
    mean = line[line["series"] == MEAN]
    return axis.plot(mean["env_step"], mean["return"], color=look["color"], linestyle=look["linestyle"], zorder=4)[0]


def _draw_theirs(axis: Axes, line: pd.DataFrame, color: str) -> object:
    """A published curve with its spread, or a diamond for a single point; for the legend."""
    if line["sd"].notna().any():
        axis.fill_between(line["env_step"].astype(float), line["return"] - line["sd"], line["return"] + line["sd"],
                          color=color, alpha=0.15, linewidth=0, zorder=0)  # fmt: skip
    if len(line) > 1:
        return axis.plot(line["env_step"], line["return"], color=color, linewidth=0.9, zorder=3)[0]
    return axis.plot(line["env_step"], line["return"], "D", color=color, markersize=3.5, clip_on=False, zorder=5)[0]


def _limit(axis: Axes, part: pd.DataFrame) -> None:
    """Scale to what was published, our means and our runs that did not fail."""
    kept = part[~part["status"].isin(FAILED)]
    spread = kept["sd"].fillna(0)
    low, high = (kept["return"] - spread).min(), (kept["return"] + spread).max()
    if high > low:
        axis.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))


def _steps(axis: Axes, part: pd.DataFrame) -> None:
    """The panel's axis, logarithmic where our budget would be a sliver of it."""
    last, steps = int(part["last_step"].iloc[0]), part["env_step"][part["env_step"] > 0]
    if last >= WIDE * part["budget"].max():
        axis.set_xscale("log")
        axis.set_xlim(steps.min() / 1.2, last * 1.2)
        axis.xaxis.set_major_locator(LogLocator(numticks=5))
        axis.xaxis.set_minor_formatter(NullFormatter())
    else:
        axis.set_xlim(0, last)
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))


def _caption(figure: RedrawnFigure, shown: Sequence[Shown], results: Results) -> str:
    sentences = [
        f"{_heading(figure)}, its panels with our runs, the axis of steps as long as the authors' code trains. Thin "
        "lines: every seed of ours; thick lines: their mean, no interval is drawn of it; dotted: where our budget ends."
    ]
    if any(panel.ablation for panel in figure.panels):
        sentences.append("Lines: the arms of our questions of these names, beside the baselines that the study gives "
                         "them; the paper varied its own algorithm.")  # fmt: skip
    narrow = [panel for panel in figure.panels if _sliver(panel, results)]
    if narrow:
        sentences.append("The axis of steps is logarithmic where it ends at ten times our budget or later.")
    sentences += _of_what_was_published(figure)
    if figure.missing:
        sentences.append(f"Panels of the original that this study does not train: {', '.join(figure.missing)}.")
    return " ".join([*sentences, "Other algorithms of the original are not drawn.", finished(shown)])


def _heading(figure: RedrawnFigure) -> str:
    return f"{figure.paper}, {figure.number}, drawn again"


def _sliver(panel: RedrawnPanel, results: Results) -> bool:
    return panel.last_step >= WIDE * max(results.curve(key).env_steps for key in panel.cells)


def _of_what_was_published(figure: RedrawnFigure) -> Iterator[str]:
    """Sentences of what is drawn in grey, of whom and with which spread; and where nothing can be."""
    curves = [curve for panel in figure.panels for curve in panel.published]
    sources = "; ".join(dict.fromkeys(f"{curve.reference.source} ({curve.citation})" for curve in curves))
    if any(len(curve.env_steps) > 1 for curve in curves):
        n = sorted({curve.n for curve in curves if curve.n})
        of_runs = f" over {' or '.join(map(str, n))} runs" if n else ""
        yield f"Grey: the published mean{of_runs}, shaded one sample standard deviation either way: {sources}."
    elif curves:
        yield f"Diamonds: single points of the original's curves as others read them: {sources}."
    yield from (f"Of the source: {caveat}" for caveat in dict.fromkeys(curve.caveat for curve in curves))
    without = list(dict.fromkeys(_title(panel).replace("\n", ", ") for panel in figure.panels if not panel.published))
    if without and curves:
        yield f"Nothing published that can be held against: {'; '.join(without)}."
    elif without:
        yield "Of the original's curves no numbers are published that can be drawn beside them."

"""A page a published source: its citation, how its figures were made, its curves drawn, and the numbers."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from suite.published.reading import load
from suite.published.references import Reference, Summary
from suite.report.figures.canvas import Content, grid, label, legend, looks
from suite.report.figures.saving import save
from suite.report.site.markdown import escaped, table

COLUMNS = ["environment", "variant", "series", "env_step", "return", "sd", "n"]
MEAN = "mean"
"""The series of a table's means; the others are single runs."""

PROSE: dict[str, Callable[[Reference], str]] = {
    "code base": lambda one: one.code_base,
    "environments": lambda one: one.environment_version,
    "environment steps": lambda one: one.step_axis,
    "return": lambda one: one.kind_of_return,
    "statistic": lambda one: one.statistic,
    "episodes an evaluation": lambda one: _number(one.episodes_per_evaluation),
    "evaluated every": lambda one: _number(one.evaluate_every),
    "derived": lambda one: one.derivation,
    "to be known": lambda one: one.caveat,
    "settings not compared": lambda one: one.not_compared,
    "licence": lambda one: one.licence,
}
"""What a page tells of how a source's figures came about."""


@functools.cache
def _sources() -> dict[str, list[Reference]]:
    """Every reference by its source, sorted by name."""
    by_source: dict[str, list[Reference]] = {}
    for one in load():
        by_source.setdefault(one.source, []).append(one)
    return by_source


def pages() -> dict[str, str]:
    """The page of each source, and the one that leads to them."""
    return {"published/index.md": _index()} | {
        f"published/{name}.md": _page(name, of_source) for name, of_source in _sources().items()
    }


def draw(folder: Path) -> None:
    """Draws the curves of every source into the folder, the data of each as CSV beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, of_source in _sources().items():
        save(curves(of_source), folder / name)


def _index() -> str:
    rows = [
        (
            f"[{name}]({name}.md)",
            _repository(of_source[0]),
            ", ".join(dict.fromkeys(escaped(one.variant) for one in of_source)),
            ", ".join(dict.fromkeys(escaped(one.environment) for one in of_source)),
            _may(of_source),
        )
        for name, of_source in _sources().items()
    ]
    count = sum(map(len, _sources().values()))
    return f"""# Published curves and tables

{count} curves and tables of {len(rows)} sources: numbers that this suite did not train, each with its repository,
commit and place. What they are used for, and what decides: [published results](../references.md).

{table(("source", "read from", "variants", "environments", "may decide"), rows)}
"""


def _repository(one: Reference) -> str:
    address = f"https://github.com/{one.repository}/tree/{one.commit}"
    return f"[{escaped(one.repository)}@{one.commit[:7]}]({address})"


def _may(of_source: Sequence[Reference]) -> str:
    """Whether a source may decide, in words."""
    deciding = sum(not one.advisory for one in of_source)
    if deciding == len(of_source):
        return "yes"
    return f"{deciding} of {len(of_source)}" if deciding else "no"


def _page(name: str, of_source: Sequence[Reference]) -> str:
    content = curves(of_source)
    heading = "variant", "environment", "place", "may decide, for", "last published step", "mean ± SD", "runs"
    return f"""# {name}

Read from {", ".join(dict.fromkeys(map(_repository, of_source)))}. [All sources](index.md).

![Published returns of {name} over environment steps]({name}.svg)
{{ .figure }}

{escaped(content.caption)} ([PDF]({name}.pdf), [SVG]({name}.svg), [PNG]({name}.png), [CSV]({name}.csv))

## How it was made

{table(("property", "value"), _told(of_source))}

## References

{table(heading, map(_row, of_source))}
"""


def _told(of_source: Sequence[Reference]) -> Iterator[tuple[str, str]]:
    """A row a property: its value, or that of each variant where they differ."""
    for words, of in PROSE.items():
        values: dict[str, list[str]] = {}
        for one in of_source:
            values.setdefault(of(one), []).append(f"{one.variant} on {one.environment}")
        if len(values) == 1:
            yield words, _line(next(iter(values)))
        else:
            yield (
                words,
                "<br>".join(f"{_line(value)} ({_line(_which(names, of_source))})" for value, names in values.items()),
            )


def _which(names: Sequence[str], of_source: Sequence[Reference]) -> str:
    """Of which variants, if all their environments are named; else of which of these."""
    variants = dict.fromkeys(one.variant for one in of_source)
    whole = [
        variant
        for variant in variants
        if all(f"{one.variant} on {one.environment}" in names for one in of_source if one.variant == variant)
    ]
    rest = [name for name in names if name.split(" on ")[0] not in whole]
    return ", ".join([*whole, *rest])


def _line(text: str) -> str:
    return escaped(" ".join(text.split()))


def _number(value: int | None) -> str:
    return "not stated" if value is None else f"{value:,}"


def _row(one: Reference) -> tuple[str, ...]:
    last = max(one.summaries)
    summary = one.summaries[last]
    decides = f"no: {'; '.join(one.advisory)}" if one.advisory else ", ".join(one.presets)
    runs = "not stated" if summary.n is None else f"{summary.n}"
    cells = one.variant, one.environment, one.place, decides, f"{last:,}", _mean(summary), runs
    return tuple(map(_line, cells))


def _mean(summary: Summary) -> str:
    spread = "" if summary.sd is None else f" ± {summary.sd:,.1f}"
    return f"{summary.mean:,.1f}{spread}"


def curves(of_source: Sequence[Reference]) -> Content:
    """A panel per environment: mean and SD of each variant, and single runs where they are published."""
    data = pd.DataFrame([row for one in of_source for row in _rows(one)], columns=COLUMNS)
    caption = [
        "Thick: the mean over runs as published, or of the published runs; shaded or as bars: one sample standard "
        "deviation over runs to either side, where one follows from what is published."
    ]
    if any(one.values for one in of_source):
        caption.append("Thin: single runs.")
    if any(len(one.summaries) == 1 for one in of_source):
        caption.append("A single marker: one step is published, and no curve.")
    counts = {_number(summary.n) for one in of_source for summary in one.summaries.values()}
    return Content(data, _draw, " ".join([*caption, f"Runs: {', '.join(sorted(counts))}."]))


def _rows(one: Reference) -> Iterator[dict[str, Any]]:
    place = {"environment": one.environment, "variant": one.variant}
    for at, summary in one.summaries.items():
        sd = math.nan if summary.sd is None else summary.sd
        yield {**place, "series": MEAN, "env_step": at, "return": summary.mean, "sd": sd, "n": summary.n}
    for at, values in one.values.items():
        for run, value in enumerate(values):
            yield {**place, "series": f"run {run}", "env_step": at, "return": value}


def _draw(data: pd.DataFrame) -> Figure:
    look = looks(data["variant"])
    panels = list(data.groupby("environment", sort=False))
    figure, axes = grid([str(name) for name, _ in panels], height=1.5)
    for axis, (_, part) in zip(axes, panels, strict=True):
        for name, line in part.groupby("variant", sort=False):
            _line_of(axis, line, look[str(name)])
        axis.set_xlim(left=0)
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    label(axes, "environment steps", "return per episode")
    handles = {name: axes[0].plot([], [], markersize=3.5, **style)[0] for name, style in look.items()}
    legend(figure, handles)
    return figure


def _line_of(axis: Axes, line: pd.DataFrame, style: dict[str, Any]) -> None:
    """One variant in its panel."""
    means = line[line["series"] == MEAN].sort_values("env_step")
    for _, run in line[line["series"] != MEAN].groupby("series", sort=False):
        axis.plot(run["env_step"], run["return"], color=style["color"], linewidth=0.4, alpha=0.4)
    axis.plot(means["env_step"], means["return"], markersize=3.5, **style)
    if len(means) == 1:
        axis.errorbar(means["env_step"], means["return"], yerr=means["sd"], fmt="none", color=style["color"])
    else:
        low, high = means["return"] - means["sd"], means["return"] + means["sd"]
        axis.fill_between(means["env_step"], low, high, color=style["color"], alpha=0.15, linewidth=0)

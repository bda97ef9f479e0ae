"""One cell over what is published: both sides' means at the published steps, margin, verdicts, our learning curve."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation

from suite.analysis.check_intervals import mean_interval
from suite.analysis.check_rows import CheckRow, CheckVerdict, PublishedSummary, SampleSummary
from suite.analysis.types import Results
from suite.report.comparisons import Reference
from suite.report.figures.canvas import Content, grid, label, legend
from suite.report.figures.captions import Case, coverage, level

PANELS = 9
WIDE = 10  # times the first published step: where the last is farther, steps are drawn on a logarithmic axis
ROOM = 0.4  # of the range of runs, margins and curve: how far intervals may widen a panel
BESIDE_MEAN, BESIDE_RUN = 0.03, 0.075  # inches between a step and what is drawn of either side
_COLORS = sns.color_palette("colorblind")
PUBLISHED = {"color": _COLORS[0], "marker": "D", "markersize": 3.5}
VERDICTS: dict[CheckVerdict, tuple[Any, str]] = {
    "PASS": (_COLORS[2], "o"),
    "INCONCLUSIVE": ("0.45", "s"),
    "SUSPICIOUSLY_BETTER": (_COLORS[1], "^"),
    "FAIL": (_COLORS[3], "X"),
    "NOT_LEARNED": (_COLORS[3], "v"),
}
PLACE = ("task", "implementation", "variant", "run_id", "reference", "env_step")
DECIDED = ("margin", "verdict", "role")
COLUMNS = ["panel", *PLACE, "series", "return", "low", "high", "sd", "n", *DECIDED]
OURS, THEIRS, OUR_CURVE = "ours", "published", "our learning curve"


def over_published(references: Sequence[Reference], results: Results) -> Content:
    """A panel per reference that a cell is held against, in the order of the references."""
    drawn, undrawn = references[:PANELS], references[PANELS:]
    data = pd.DataFrame([row for one in drawn for row in _rows(one, results)], columns=COLUMNS)
    cut = any(_ends_outside(part) for _, part in data.groupby("panel", sort=False))
    return Content(data, _draw, _caption(drawn, undrawn, cut, results))


def _rows(reference: Reference, results: Results) -> Iterator[dict[str, Any]]:
    """A row per mean, single run and point of our curve."""
    confidence = results.settings.confidence
    for row in reference.rows:
        for side, summary in ((THEIRS, row.published), (OURS, row.ours)):
            yield from _side_rows(_place(reference, row), row, side, summary, confidence)
    first = reference.rows[0]
    for curve in results.curves:
        if curve.key == (first.task, first.implementation, first.run_id):
            for env_step, value in zip(curve.grid, curve.mean, strict=True):
                yield {**_place(reference, first), "env_step": env_step, "series": OUR_CURVE, "return": value}


def _place(reference: Reference, row: CheckRow) -> dict[str, Any]:
    return {"panel": reference.title, **{name: getattr(row, name) for name in PLACE}}


def _side_rows(
    place: dict[str, Any], row: CheckRow, side: str, summary: SampleSummary | PublishedSummary, confidence: float
) -> Iterator[dict[str, Any]]:
    """A side's mean with its interval, and its single runs."""
    if summary.mean is None:
        return
    interval = mean_interval(summary, confidence)
    numbers = {"return": summary.mean, "low": interval.low, "high": interval.high, "sd": summary.sd, "n": summary.n}
    yield {**place, "series": side, **numbers, **{name: getattr(row, name) for name in DECIDED}}
    for value in summary.values:
        yield {**place, "series": f"{side}: run", "return": value}


def _draw(data: pd.DataFrame) -> Figure:
    panels = {title: part for title, part in data.groupby("panel", sort=False)}
    headings = list(panels) if len(panels) == 1 else [title.replace("/", "/\n", 1) for title in panels]
    figure, axes = grid(headings, height=1.5)
    for axis, part in zip(axes, panels.values(), strict=True):
        curve, theirs = part[part["series"] == OUR_CURVE], part[part["series"] == THEIRS]
        _steps(axis, theirs["env_step"], narrow=len(axes) not in (1, 2, 4))
        axis.plot(curve["env_step"], curve["return"], color="0.6", linewidth=0.8, zorder=1)
        axis.plot(theirs["env_step"], theirs["return"], ":", linewidth=0.6, color=PUBLISHED["color"], zorder=1)
        for side in (THEIRS, OURS):
            runs = part[part["series"] == f"{side}: run"]
            for mean in part[part["series"] == side].to_dict("records"):
                _draw_side(axis, mean, runs["return"][runs["env_step"] == mean["env_step"]])
        bottom, top = _limits(part)
        axis.set_ylim(bottom - 0.05 * (top - bottom), top + 0.05 * (top - bottom))
    label(axes, "environment steps", "return per episode")
    legend(figure, _handles(data))
    return figure


def _steps(axis: Axes, steps: pd.Series, narrow: bool) -> None:
    """The axis of environment steps, logarithmic where the published ones span much."""
    first, last = steps.iloc[0], steps.iloc[-1]
    if last >= WIDE * first:
        axis.set_xscale("log")
        axis.set_xlim(first / 1.5, last * 1.4)
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 3) if narrow or last > 60 * first else (1, 2, 5)))
        axis.xaxis.set_minor_formatter(NullFormatter())
    else:
        axis.set_xlim(0, 1.08 * last)
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))


def _draw_side(axis: Axes, mean: dict[Any, Any], runs: pd.Series) -> None:
    """A side's mean at a step with its interval, its runs, and of the published side the margin."""
    ours, at = mean["series"] == OURS, mean["env_step"]
    color, marker = VERDICTS[mean["verdict"]] if ours else (PUBLISHED["color"], PUBLISHED["marker"])
    beside_mean, beside_run = (
        axis.transData + ScaledTranslation(inches if ours else -inches, 0, axis.figure.dpi_scale_trans)
        for inches in (BESIDE_MEAN, BESIDE_RUN)
    )
    axis.plot([at] * len(runs), runs, "o", color=color, markersize=2, alpha=0.5, mec="none", transform=beside_run,
              zorder=2)  # fmt: skip
    if pd.notna(mean["low"]):
        axis.plot([at] * 2, [mean["low"], mean["high"]], color=color, linewidth=0.9, transform=beside_mean, zorder=3)
    edge, face = (
        "black" if ours and mean["role"] == "primary" else color,
        "white" if ours and mean["role"] == "advisory" else color,
    )
    axis.plot(at, mean["return"], marker, markersize=5 if ours else PUBLISHED["markersize"], mec=edge, mew=0.7,
              mfc=face, transform=beside_mean, zorder=5 if ours else 4)  # fmt: skip
    if not ours:
        axis.plot([at] * 2, [mean["return"] - mean["margin"], mean["return"]], color="0.86", linewidth=9,
                  solid_capstyle="butt", zorder=0)  # fmt: skip


def _limits(part: pd.DataFrame) -> tuple[float, float]:
    """What a panel spans: curve, means, runs and margins, and of the intervals as much as leaves these readable."""
    theirs = part[part["series"] == THEIRS]
    core = [*part["return"], *(theirs["return"] - theirs["margin"])]
    low, high = min(core), max(core)
    ends = [*part["low"].dropna(), *part["high"].dropna()]
    bottom = max(low - ROOM * (high - low), min([low, *ends]))
    top = min(high + ROOM * (high - low), max([high, *ends]))
    return bottom, top


def _ends_outside(part: pd.DataFrame) -> bool:
    """Whether an interval ends outside of its panel."""
    bottom, top = _limits(part)
    return any(not bottom <= end <= top for end in (*part["low"].dropna(), *part["high"].dropna()))


def _handles(data: pd.DataFrame) -> dict[str, object]:
    drawn = set(data["verdict"][data["series"] == OURS])
    handles: dict[str, object] = {
        f"ours: {name.replace('_', ' ')}": Line2D([], [], color=color, marker=marker, linestyle="", markersize=5)
        for name, (color, marker) in VERDICTS.items()
        if name in drawn
    }
    if (data["series"] == OUR_CURVE).any():
        handles[OUR_CURVE] = Line2D([], [], color="0.6", linewidth=0.8)
    return handles | {"published": Line2D([], [], linewidth=0.9, **PUBLISHED), "tolerated loss": Patch(color="0.86")}


def _caption(drawn: Sequence[Reference], undrawn: Sequence[Reference], cut: bool, results: Results) -> str:
    rows = [row for reference in drawn for row in reference.rows]
    shares = {f"{row.margin / (row.published.mean - row.random_policy):.0%}" for row in rows}
    where_published = "" if all(row.published.values for row in rows) else ", where they are published"
    cut_off = ", cut at the edge of the panel" if cut else ""
    cases = [Case(1, row.ours.n) for row in rows if row.ours.n > 1]
    trust = coverage("mean_student", cases, results.settings.confidence)
    sentences = [
        "Large markers: mean of our runs at a published step, each over its evaluations in the last tenth of the steps "
        "up to there; colour and shape are the verdict. Diamonds: mean of the published runs at that step. Small dots: "
        f"single runs{where_published}. Bars: {level(results)} Student-t interval of each mean{trust}, where there are "
        f"two runs and a spread{cut_off}. Grey strip: the tolerated loss, {' or '.join(sorted(shares))} of published "
        "minus random policy. Verdicts come from the difference, whose interval is not drawn."
    ]
    if any(row.advisory for row in rows):
        sentences.append("Hollow: advisory, for the reason in its sentence; it decides nothing.")
    if any(row.gated for row in rows):
        sentences.append("Black edge: a primary endpoint, which decides, after so many seeds as its look has.")
    if undrawn:
        sentences.append(f"Not drawn, but in the table: {', '.join(reference.title for reference in undrawn)}.")
    return " ".join([*sentences, _numbers(drawn)])


def _numbers(drawn: Sequence[Reference]) -> str:
    """How many runs stand behind either side, ours step by step where that differs."""
    ours: dict[str, list[str]] = {}
    published: dict[str, list[str]] = {}
    for reference in drawn:
        for row in reference.rows:
            ours.setdefault(f"{row.ours.n_finished}/{row.ours.n_planned}", []).append(f"{row.env_step:,}")
            n = row.published.n
            published.setdefault(reference.rows[0].reference, []).append("unknown" if n is None else f"{n}")
    counts = list(ours)
    if len(ours) > 1:
        counts = [f"{count} at {', '.join(dict.fromkeys(steps))}" for count, steps in ours.items()]
    of_references = "; ".join(f"{name} {' or '.join(dict.fromkeys(n))}" for name, n in published.items())
    return f"n finished / n planned: {'; '.join(counts)}. Published n: {of_references}."

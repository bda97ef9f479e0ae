"""What all figures share: style, panels and their labels, legends, and intervals in rows."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FixedLocator, MaxNLocator
from tueplots import figsizes, fontsizes

from suite.wording import WithInterval

STYLE = {
    **sns.axes_style("ticks"),
    **fontsizes.neurips2024(default_smaller=2),
    **dict.fromkeys(("pdf.fonttype", "ps.fonttype"), 42),
    "text.parse_math": False,  # a name may well hold dollars
    "svg.fonttype": "path",  # the same glyphs where the font is not installed
    "svg.hashsalt": "suite",
    "figure.dpi": 200,
    "lines.linewidth": 1.2,
    **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 0.6),
    "font.family": ["DejaVu Sans"],
}
METADATA = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {"Software": None}}
WIDTH = figsizes.neurips2024()["figure.figsize"][0]  # inches
COLUMNS = 3  # panels side by side, so that five tasks stay readable
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<", ">")
CROWD = 6  # variants in one panel; more of them get a panel each
LONG = 26  # characters of a name before it is broken over two lines


class Content(NamedTuple):
    data: pd.DataFrame  # the numbers that are drawn, and written as CSV
    draw: Callable[[pd.DataFrame], Figure]
    caption: str  # what is to be known to read the drawing


@dataclass(frozen=True)
class Picture:
    """A figure of the report."""

    kind: str  # what it shows, and where it stands on the page
    title: str
    content: Content
    part: str = ""  # what sets it apart from others of its kind
    ablation: str = ""  # the one it belongs to

    @property
    def name(self) -> str:
        """The stem of its files."""
        return re.sub(r"[^A-Za-z0-9_-]+", "-", "-".join(filter(None, (self.kind, self.part, self.ablation))))


def looks(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """A colour, a marker and a line style for each name, so that none is told by its colour alone."""
    names = list(dict.fromkeys(names))
    return {
        name: {"color": color, "marker": MARKERS[i % len(MARKERS)], "linestyle": LINES[i % len(LINES)]}
        for i, (name, color) in enumerate(zip(names, sns.color_palette("colorblind", len(names)), strict=True))
    }


def titles(panels: Iterable[tuple[str, str]]) -> list[str]:
    """The first part of each panel's name, and the second below it unless it is the same everywhere."""
    panels = list(panels)
    several = len({second for _, second in panels}) > 1 or len(panels) == 1
    return [f"{first}\n{fold(second)}" if several else first for first, second in panels]


def grid(
    names: list[str], height: float, columns: int = COLUMNS, sharex: bool = False, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """A titled panel of `height` inches for every name, at most so many side by side, four as two by two."""
    columns = 2 if columns == 3 and len(names) == 4 else min(columns, len(names))
    lines = -(-len(names) // columns)
    small = max(len(line) for name in names for line in name.split("\n")) > 60 / columns
    taller = height + 0.2 + (0.1 if small else 0.13) * max(name.count("\n") for name in names)
    size = WIDTH if columns > 1 else 0.8 * WIDTH, lines * taller + 0.4
    figure, axes = plt.subplots(lines, columns, figsize=size, squeeze=False, sharex=sharex, sharey=sharey)
    for axis, name in zip(axes.flat, names, strict=False):
        axis.set_title(name, fontsize="small" if small else "medium")
        axis.xaxis.set_major_locator(MaxNLocator(max(7 - columns, 3), steps=[1, 2, 2.5, 5, 10]))
    for axis in axes.flat[len(names) :]:
        axis.remove()
    sns.despine(figure)
    return figure, list(axes.flat[: len(names)])


def label(axes: list[Axes], x: str, y: str = "", size: str = "medium") -> None:
    """Name the axes once: x under the lowest panel of every column, y beside the first panel of every line."""
    places = [(axis, place) for axis in axes if (place := axis.get_subplotspec()) is not None]
    for axis in {place.colspan.start: axis for axis, place in places}.values():
        axis.set_xlabel(x, fontsize=size)
        axis.xaxis.set_tick_params(labelbottom=True)
    for axis, place in places:
        if place.is_first_col():
            axis.set_ylabel(y, fontsize=size)


def over_steps(axis: Axes, last: float) -> None:
    """The axis of environment steps from 0 on, its last tick at the last step, the others at round ones; of a panel
    without a step (NA) as it is."""
    if pd.isna(last):
        return
    panel = axis.get_subplotspec()
    most = 4 if panel is None or panel.get_gridspec().ncols > 2 else 5  # parts that have room for their ticks
    axis.set_xlim(0, 1.03 * last)
    axis.xaxis.set_major_locator(FixedLocator(round_parts(int(last), most)))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))


def round_parts(last: int, most: int) -> list[int]:
    """From 0 to `last` in as many equal parts as have ends of at most two digits, but no more than `most`.

    >>> round_parts(1_000_000, 4), round_parts(50_000, 4), round_parts(12_345, 4)
    ([0, 250000, 500000, 750000, 1000000], [0, 25000, 50000], [0, 12345])
    """
    short = (n for n in range(most, 1, -1) if last % n == 0 and len(str(last // n).rstrip("0")) <= 2)
    parts = next(short, 1)
    return [last * part // parts for part in range(parts + 1)]


def rows(axis: Axes, names: list[str]) -> None:
    """A named row for each name, from the top."""
    axis.set(yticks=range(len(names)), yticklabels=map(wrap, names), ylim=(len(names) - 0.5, -0.5))
    axis.grid(axis="x", linewidth=0.3)


def interval(axis: Axes, value: WithInterval, place: float, color: Any, marker: str, size: float = 4) -> None:
    """An estimate and the bar of its interval, if it has one; what there is not is None or NaN."""
    estimate, *ends = np.array([value.estimate, value.low, value.high], dtype=float)
    if not np.isnan(ends[0]):
        axis.plot(ends, [place] * 2, color=color, zorder=3)
    axis.plot(estimate, place, marker, color=color, markersize=size, mec="white", mew=0.4, zorder=4)


def runs(axis: Axes, rows: pd.DataFrame, by: str | list[str], value: str, color: Any, opacity: float = 0.4) -> None:
    """Runs as thin lines, in one stroke with gaps between them: where they lie on each other they are no darker.

    by: what tells the rows of one run from another's; value: the column that is drawn over environment steps.
    """
    run = rows.groupby(by, sort=False).ngroup().to_numpy()
    order = np.argsort(run, kind="stable")
    gaps = np.flatnonzero(np.diff(run[order])) + 1
    steps, values = (np.insert(rows[name].to_numpy(dtype=float)[order], gaps, np.nan) for name in ("env_step", value))
    axis.plot(steps, values, color=color, alpha=opacity, linewidth=0.5, zorder=1)


def write(axis: Axes, x: float, place: float, words: str, **font: Any) -> None:
    """Words in a row, x being a share of the panel's width."""
    axis.text(x, place, words, va="center", transform=axis.get_yaxis_transform(), **font)


def instead(axis: Axes, place: float, words: str) -> None:
    """Words in a row that has nothing to show."""
    write(axis, 0.5, place, words, ha="center", color="0.4", fontsize="x-small")


def wrap(name: str, longest: int = LONG) -> str:
    """A long name over two lines, broken at the sign nearest to its middle, between words if it has several."""
    words, parts = ([match.end() for match in re.finditer(signs, name[:-1])] for signs in (r"[+,/× ]", "_"))
    breaks = words or parts
    if len(name) <= longest or not breaks:
        return name
    middle = min(breaks, key=lambda place: abs(place - len(name) / 2))
    return f"{name[:middle].rstrip()}\n{name[middle:].lstrip()}"


def fold(name: str, longest: int = 24) -> str:
    """The same over as many lines as it takes."""
    parts = wrap(name, longest).split("\n")
    return name if len(parts) == 1 else "\n".join(fold(part, longest) for part in parts)


def legend(figure: Figure, handles: dict) -> None:
    """The legend below the panels, in as many columns as fit, the figure growing by its height."""
    names = [wrap(name) for name in handles]
    longest = max(len(line) for name in names for line in name.split("\n"))
    width, height = figure.get_size_inches()
    columns = max(1, min(len(names), int(width / (0.062 * longest + 0.55))))
    lines = -(-len(names) // columns)
    figure.set_size_inches(width, height + 0.16 * lines * max(name.count("\n") + 1 for name in names))
    figure.legend(handles.values(), names, loc="outside lower center", ncols=columns, frameon=False, fontsize="small",
                  handlelength=3)  # fmt: skip

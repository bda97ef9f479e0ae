"""One cell over what is published: both sides' means at the published steps, the margin, verdicts, our learning curve.

The regression check's rows bear means, spreads and numbers of runs; Student's intervals of these means are made here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation
from scipy import stats

from suite.report.figures.canvas import grid, label, legend
from suite.report.figures.captions import by_key, key, level

PANELS = 9


WIDE = 10  # times the first published step: where the last is farther, steps are drawn on a logarithmic axis


ROOM = 0.4  # of the range of runs, margins and curve: how far intervals may widen a panel


ASIDE = {"mean": 0.03, "run": 0.075}  # inches between a step and what is drawn of either side


_COLORS = sns.color_palette("colorblind")


PUBLISHED = {"color": _COLORS[0], "marker": "D", "markersize": 3.5}


VERDICTS = {"PASS": (_COLORS[2], "o"), "INCONCLUSIVE": ("0.45", "s"), "SUSPICIOUSLY_BETTER": (_COLORS[1], "^"),
            "FAIL": (_COLORS[3], "X")}  # fmt: skip


IDENTITY = ("task", "implementation", "variant", "run_id", "reference")


SAID = ("margin", "verdict", "advisory", "gated")


def over_published(references: dict[str, list[dict]], results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """A panel per reference that a cell is held against; references: name -> rows, in the order of the panels."""
    names, curves = list(references), by_key(results["curves"])
    left_out, names = names[PANELS:], names[:PANELS]
    titles = names if len(names) == 1 else [name.replace("/", "/\n", 1) for name in names]
    figure, axes = grid(titles, height=1.5)
    data, cut = [], False
    for axis, rows in zip(axes, map(references.get, names), strict=True):
        curve = curves.get(key(rows[0]), {"grid": [], "mean": []})
        _steps(axis, rows, narrow=len(axes) not in (1, 2, 4))
        axis.plot(curve["grid"], curve["mean"], color="0.6", linewidth=0.8, zorder=1)
        axis.plot([row["env_step"] for row in rows], [row["published"]["mean"] for row in rows], ":", linewidth=0.6,
                  color=PUBLISHED["color"], zorder=1)  # fmt: skip
        points = list(_points(rows, results["settings"]["confidence"]))
        for row, side, point in points:
            _draw(axis, row, side, point)
        cut = _limit(axis, curve["mean"], points) or cut
        data += [line for one in points for line in _lines(*one)]
        data += [_place(rows[0]) | {"env_step": at, "series": "our learning curve", "return": value}
                 for at, value in zip(curve["grid"], curve["mean"], strict=True)]  # fmt: skip
    label(axes, "environment steps", "return per episode")
    legend(figure, _handles(pd.DataFrame(data)))
    shown = [row for name in names for row in references[name]]
    return _caption(shown, left_out, cut, results), figure, pd.DataFrame(data)


def _points(rows: list[dict], confidence: float) -> Iterator[tuple[dict, str, dict]]:
    """Row, side, and its mean with Student's interval, which takes two runs and a spread."""
    for row in rows:
        for side in ("published", "ours"):
            mean, sd, n = (row[side][name] for name in ("mean", "sd", "n"))
            if mean is None:
                continue
            known = sd is not None and (n or 0) >= 2
            half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * sd / math.sqrt(n) if known else None
            ends = {"low": mean - half, "high": mean + half} if known else {"low": None, "high": None}
            yield row, side, {"return": mean, **ends, "sd": sd, "n": n}


def _steps(axis: Axes, rows: list[dict], narrow: bool) -> None:
    first, last = rows[0]["env_step"], rows[-1]["env_step"]
    if last >= WIDE * first:
        axis.set_xscale("log")
        axis.set_xlim(first / 1.5, last * 1.4)
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 3) if narrow or last > 60 * first else (1, 2, 5)))
        axis.xaxis.set_minor_formatter(NullFormatter())
    else:
        axis.set_xlim(0, 1.08 * last)
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))


def _draw(axis: Axes, row: dict, side: str, point: dict) -> None:
    ours, at = side == "ours", row["env_step"]
    color, marker = VERDICTS[row["verdict"]] if ours else (PUBLISHED["color"], PUBLISHED["marker"])
    mean, run = (
        axis.transData + ScaledTranslation(inches if ours else -inches, 0, axis.figure.dpi_scale_trans)
        for inches in ASIDE.values()
    )
    axis.plot([at] * len(row[side]["values"]), row[side]["values"], "o", color=color, markersize=2, alpha=0.5,
              mec="none", transform=run, zorder=2)  # fmt: skip
    if point["low"] is not None:
        axis.plot([at] * 2, [point["low"], point["high"]], color=color, linewidth=0.9, transform=mean, zorder=3)
    edge, face = "black" if ours and row["gated"] else color, "white" if ours and row["advisory"] else color
    axis.plot(at, point["return"], marker, markersize=5 if ours else PUBLISHED["markersize"], mec=edge, mew=0.7,
              mfc=face, transform=mean, zorder=5 if ours else 4)  # fmt: skip
    if not ours:
        axis.plot([at] * 2, [point["return"] - row["margin"], point["return"]], color="0.86", linewidth=9,
                  solid_capstyle="butt", zorder=0)  # fmt: skip


def _limit(axis: Axes, curve: list[float], points: list[tuple[dict, str, dict]]) -> bool:
    """Scales the panel to curve, means, runs and margins, and says whether an interval ends outside of it."""
    core = [*curve, *(point["return"] for *_, point in points)]
    for row, side, _ in points:
        core += [*row[side]["values"], row["published"]["mean"] - row["margin"]]
    low, high = min(core), max(core)
    ends = [point[end] for *_, point in points for end in ("low", "high") if point[end] is not None]
    bottom = max(low - ROOM * (high - low), min([low, *ends]))
    top = min(high + ROOM * (high - low), max([high, *ends]))
    axis.set_ylim(bottom - 0.05 * (top - bottom), top + 0.05 * (top - bottom))
    return any(not bottom <= end <= top for end in ends)


def _place(row: dict) -> dict:
    return {name: row[name] for name in IDENTITY}


def _lines(row: dict, side: str, point: dict) -> Iterator[dict]:
    place = _place(row) | {"env_step": row["env_step"]}
    yield place | {"series": side} | point | {name: row[name] for name in SAID}
    yield from (place | {"series": f"{side}: run", "return": value} for value in row[side]["values"])


def _handles(data: pd.DataFrame) -> dict:
    drawn = set(data["verdict"][data["series"] == "ours"])
    found = {f"ours: {name.replace('_', ' ')}": Line2D([], [], color=color, marker=marker, linestyle="", markersize=5)
             for name, (color, marker) in VERDICTS.items() if name in drawn}  # fmt: skip
    if (data["series"] == "our learning curve").any():
        found["our learning curve"] = Line2D([], [], color="0.6", linewidth=0.8)
    return found | {"published": Line2D([], [], linewidth=0.9, **PUBLISHED), "tolerated loss": Patch(color="0.86")}


def _caption(rows: list[dict], left_out: list[str], cut: bool, results: dict) -> str:
    shares = {f"{row['margin'] / (row['published']['mean'] - row['random_policy']):.0%}" for row in rows}
    return (
        "Large markers: mean of our runs at a published step, each over its evaluations in the last tenth of the steps "
        "up to there; colour and shape are the verdict. Diamonds: mean of the published runs at that step. Small dots: "
        f"single runs{'' if all(row['published']['values'] for row in rows) else ', where they are published'}. Bars: "
        f"{level(results)} Student-t interval of each mean, where there are two runs and a spread"
        f"{', cut at the edge of the panel' if cut else ''}. Grey strip: the tolerated loss, "
        f"{' or '.join(sorted(shares))} of published minus random policy. Verdicts come from the "
        f"{rows[0]['confidence']:.0%} interval of the difference, which is not drawn. "
        + "Hollow: advisory, for the reason in its sentence; it decides nothing. " * any(r["advisory"] for r in rows)
        + "Black edge: gated, so that a FAIL can fail the gate. " * any(row["gated"] for row in rows)
        + f"Not drawn, but in the table: {', '.join(left_out)}. " * bool(left_out)
        + _numbers(rows)
    )


def _numbers(rows: list[dict]) -> str:
    """How many runs stand behind either side, ours step by step where that differs."""
    ours: dict[str, dict] = {}
    there: dict[str, dict] = {}
    for row in rows:
        own, n = row["ours"], row["published"]["n"]
        ours.setdefault(f"{own['n_finished']}/{own['n_planned']}", {})[f"{row['env_step']:,}"] = None
        there.setdefault(row["reference"], {})["unknown" if n is None else f"{n}"] = None
    said = ours if len(ours) == 1 else [f"{count} at {', '.join(steps)}" for count, steps in ours.items()]
    published = "; ".join(f"{name} {' or '.join(counts)}" for name, counts in there.items())
    return f"n finished / n planned: {'; '.join(said)}. Published n: {published}."

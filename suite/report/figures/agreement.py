"""Do two implementations of the same agree? Differences over the margin, of final returns and of whole curves."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from suite.report.figures.canvas import fold, grid, instead, interval, label, legend, rows, write
from suite.report.figures.captions import behind, finished, left_out, undrawn

FARTHEST = {"final": 5, "curve": 10}  # margins, where the axis ends at the latest


PANELS = 18  # in one figure of curves; more of them get a figure per task


_COLORS = sns.color_palette("colorblind")


VERDICTS = {"EQUIVALENT": (_COLORS[2], "o", "-"), "INCONCLUSIVE": (_COLORS[1], "s", "--"),
            "DIFFERENT": (_COLORS[4], "D", "-.")}  # fmt: skip


def pairs(entries: list[dict]) -> Iterator[tuple[str, str, list[dict]]]:
    """Ending of the figure's name, pair and its entries, for every pair of implementations."""
    found: dict[str, list[dict]] = {}
    for entry in entries:
        found.setdefault(f"{entry['a']} − {entry['b']}", []).append(entry)
    for pair, own in found.items():
        yield "" if len(found) == 1 else f"-{own[0]['a']}-{own[0]['b']}", pair, own


def banded(entries: list[dict]) -> Iterator[tuple[str, list[dict]]]:
    """Ending of the figure's name and its entries, all of them with a margin and a band of the curves' difference."""
    found = [entry for entry in entries if entry["margin"] and entry["curve"] and entry["curve"]["low"]]
    by_task = {task: [entry for entry in found if entry["task"] == task] for task in (entry["task"] for entry in found)}
    if 0 < len(found) <= PANELS:
        yield "", [entry for own in by_task.values() for entry in own]
    else:
        yield from ((f"-{task}", own) for task, own in by_task.items())


def verdicts(pair: str, entries: list[dict], results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """A panel per task, a row per variant: the difference over the margin, its verdict by colour and shape."""
    tasks = list(dict.fromkeys(entry["task"] for entry in entries if entry["verdict"]))
    names = list(dict.fromkeys(entry["variant"] for entry in entries))
    figure, axes = grid(tasks, 0.35 + 0.22 * len(names), sharex=True, sharey=True)
    ends = [
        entry["interval"][end] / entry["margin"] for entry in entries if entry["verdict"] for end in ("low", "high")
    ]
    edge, cut = _edge(ends, "final")
    data = []
    for axis, task in zip(axes, tasks, strict=True):
        axis.axvspan(-1, 1, color="0.92", zorder=0)
        axis.axvline(0, color="0.6", linewidth=0.7, zorder=0)
        own = {entry["variant"]: entry for entry in entries if entry["task"] == task}
        for place, name in enumerate(names):
            entry = own.get(name)
            if entry is None or entry["verdict"] is None:
                instead(axis, place, "not planned" if entry is None else "fewer than two scored runs")
                continue
            color, marker, _ = VERDICTS[entry["verdict"]]
            ends = {"estimate": entry["difference"]["difference"], **entry["interval"]}
            scaled = {end: ends[end] / entry["margin"] for end in ("estimate", "low", "high")}
            if abs(scaled["estimate"]) > edge:
                marker = "<" if scaled["estimate"] < 0 else ">"
            interval(axis, {end: max(-edge, min(edge, x)) for end, x in scaled.items()}, place, color, marker)
            if entry["verdict"] == "INCONCLUSIVE":
                needed = "no n" if entry["n_needed"] is None else f"n = {entry['n_needed']:,}"
                write(axis, 1.02, place, needed, fontsize="small")
            told = ("task", "variant", "a", "b", "margin", "verdict", "n_needed", "p", "p_adjusted")
            data.append({name: entry[name] for name in told} | ends)
        rows(axis, names)
    axes[0].set_xlim(-1.06 * edge, 1.06 * edge)
    label(axes, "difference / margin")
    handles = {name: axes[0].plot([], [], color=color, marker=marker, markersize=4)[0]
               for name, (color, marker, _) in VERDICTS.items()}  # fmt: skip
    legend(figure, handles)
    none = [
        {"variant": name, "left_out": [{"task": entry["task"], "why": entry["note"]} for entry in entries
                                       if entry["variant"] == name and entry["note"]]}
        for name in names
    ]  # fmt: skip
    caption = (
        f"Difference of the mean final returns, {pair}, in margins; the margin (shaded) is {_margin(results)}. Bars: "
        f"{results['settings']['equivalence']['confidence']:.0%} Welch interval{cut}. EQUIVALENT: it lies within ±1; "
        f"DIFFERENT: beyond; else INCONCLUSIVE, and beside it n, the seeds per side that would settle it at these "
        f"means and spreads. Each verdict is of its own interval. {undrawn('equivalence', results)}{left_out(none)}"
    )
    return caption + _finished(entries, results), figure, pd.DataFrame(data)


def curves(pair: str, entries: list[dict], results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """A panel per task and variant: the difference of the mean curves over the margin, with its band."""
    declared, data, handles = results["settings"]["equivalence"], [], {}
    names = [f"{entry['task']}\n{fold(entry['variant'])}" for entry in entries]
    figure, axes = grid(names, height=1.0, sharey=True)
    for axis, entry in zip(axes, entries, strict=True):
        curve, (color, _, style) = entry["curve"], VERDICTS[entry["curve"]["verdict"]]
        table = pd.DataFrame({name: curve[name] for name in ("difference", "low", "high")})
        told = {name: entry[name] for name in ("task", "variant", "a", "b", "margin")}
        data.append(table.assign(env_step=curve["grid"], verdict=curve["verdict"], **told))
        table /= entry["margin"]
        axis.axhspan(-1, 1, color="0.92", zorder=0)
        axis.axhline(0, color="0.6", linewidth=0.7, zorder=0)
        axis.axvline(declared["after"] * curve["grid"][-1], color="0.5", linewidth=0.7, linestyle=":")
        axis.fill_between(curve["grid"], table["low"], table["high"], color=color, alpha=0.3, linewidth=0)
        line = axis.plot(curve["grid"], table["difference"], color=color, linestyle=style)
        handles[curve["verdict"]] = line[0]
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    data = pd.concat(data)
    edge, cut = _edge([*(data["low"] / data["margin"]), *(data["high"] / data["margin"])], "curve")
    axes[0].set_ylim(-edge, edge)
    label(axes, "environment steps", "difference\n/ margin")
    legend(figure, handles)
    caption = (
        f"Difference of the mean learning curves, {pair}, in margins; the margin (grey strip) is {_margin(results)}. "
        f"Shaded: simultaneous {declared['confidence']:.0%} sup-t bootstrap band (it covers all of it){cut}. "
        f"From {declared['after']:.0%} of the budget on (dotted), EQUIVALENT: it lies within ±1 everywhere; DIFFERENT: "
        f"beyond one side somewhere; else INCONCLUSIVE. No p value is drawn, and nothing is adjusted. "
    )
    return caption + _finished(entries, results), figure, data


def _edge(ends: list[float], what: str) -> tuple[float, str]:
    """Where an axis of margins ends, and what is to be said of it."""
    reach, farthest = max(1.5, *map(abs, ends)), FARTHEST[what]
    return min(reach, farthest), f", cut at ±{farthest}" if reach > farthest else ""


def _margin(results: dict) -> str:
    return f"{results['settings']['equivalence']['margin']:.0%} of reference minus random policy"


def _finished(entries: list[dict], results: dict) -> str:
    sides = [{"implementation": entry[side], "variant": entry["variant"], "tasks": [entry["task"]]}
             for entry in entries for side in "ab"]  # fmt: skip
    return finished(behind(sides, results))

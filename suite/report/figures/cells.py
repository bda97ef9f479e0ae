"""Cells in their own unit: learning curves with their simultaneous bands, final returns with mean and IQM."""

from __future__ import annotations

from itertools import product

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from suite.report.figures.canvas import grid, instead, interval, label, legend, looks, rows, titles
from suite.report.figures.captions import by_key, coverage, finished, key, level, undrawn
from suite.sac.status import FAILED

FINAL = "final return per episode"


EPISODES = {"mean": "deterministic evaluation", "sample": "sampled evaluation", "training": "training"}
"""What a value of a curve is the mean of, by kind."""


def panel(record: dict) -> tuple[str, str]:
    """Where a cell is drawn beside its like: a panel for every task and implementation."""
    return record["task"], record["implementation"]


def apart(curve: dict) -> tuple[str, str]:
    """Where it is drawn beside other implementations of the same: a panel for every task and variant."""
    return curve["task"], curve["variant"]


def arms_of(tables: list[dict], results: dict) -> list[tuple[dict, str]]:
    """What an ablation's tables show: the cells of their arms."""
    cells = by_key(results["cells"])
    return [(cells[key(table | arm)], _arm_name(arm)) for table in tables for arm in table["arms"]]


def lines_of(ablation: dict, results: dict) -> list[tuple[dict, tuple[str, str], str]]:
    """The learning curves of an ablation, each with its panel and its name."""
    curves = by_key(results["curves"])
    return [(curves[key(cell)], panel(cell), name) for cell, name in arms_of(ablation["tables"], results)]


def _arm_name(arm: dict) -> str:
    return f"{arm['arm']} (baseline)" if arm["baseline"] else arm["arm"]


def learning_curves(lines: list[tuple[dict, tuple[str, str], str]], results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """Every curve in its panel under its name, one colour and line style per name, every seed drawn faintly."""
    panels = list(dict.fromkeys(own for _, own, _ in lines))
    own_looks = looks(name for *_, name in lines)
    curves = [(curve, name if own == panel(curve) else curve["variant"]) for curve, own, name in lines]
    figure, axes = grid(titles(panels), height=1.45)
    crowd = 1 if len(own_looks) <= 4 else 0.5  # paler bands and seeds where many lie on each other
    handles = {}
    for axis, here in zip(axes, panels, strict=True):
        shown = [(curve, name) for curve, own, name in lines if own == here]
        for curve, name in shown:
            color, style = own_looks[name]["color"], own_looks[name]["linestyle"]
            for run in curve["runs"]:
                axis.plot(run["env_steps"], run["values"], color=color, alpha=0.4 * crowd, linewidth=0.5, zorder=1)
                _failure(axis, run, color)
            handles[name] = axis.plot(curve["grid"], curve["mean"], color=color, linestyle=style, zorder=3)[0]
            if curve["band"]:
                axis.fill_between(curve["grid"], curve["band"]["low"], curve["band"]["high"], color=color,
                                  alpha=0.16 * crowd, linewidth=0, zorder=0)  # fmt: skip
        floor = results["settings"]["random_policy"].get(here[0])
        if floor is not None:
            handles["random policy"] = axis.axhline(floor, color="0.5", linewidth=0.7, linestyle=":", zorder=0)
        _limit(axis, [curve for curve, _ in shown], floor)
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    label(axes, "environment steps", "return per episode")
    legend(figure, handles)
    data = [row for curve, variant in curves for row in _curve_rows(curve, variant)]
    return _curve_caption(curves, results), figure, pd.DataFrame(data)


def _failure(axis: Axes, run: dict, color: object) -> None:
    """Of a failed run a tick at the foot where it stopped, and of one that diverged a cross where it was."""
    if run["status"] in FAILED:
        axis.plot(run["stopped_at"], 0.03, "|", color=color, markersize=6, mew=1.2, clip_on=False, zorder=5,
                  transform=axis.get_xaxis_transform())  # fmt: skip
    if run["status"] == "diverged":
        height = run["values"][-1] if run["values"] else run["floor"]
        axis.plot(run["stopped_at"], height, "x", color=color, markersize=5, mew=1.4, zorder=5)


def _limit(axis: Axes, curves: list[dict], floor: float | None) -> None:
    """Scale to means, bands and runs that did not fail, so that one exploding return does not flatten the panel."""
    shown = [] if floor is None else [floor]
    for curve in curves:
        shown += [*curve["mean"], *(curve["band"]["low"] + curve["band"]["high"] if curve["band"] else ())]
        shown += [value for run in curve["runs"] if run["status"] not in FAILED for value in run["values"]]
    if shown and max(shown) > min(shown):
        margin = 0.05 * (max(shown) - min(shown))
        axis.set_ylim(min(shown) - margin, max(shown) + margin)


def _curve_rows(curve: dict, name: str) -> list[dict]:
    """The data behind one line: the seeds, the mean and the band, one row per point."""
    series = {f"seed {run['seed']}": (run["env_steps"], run["values"]) for run in curve["runs"]}
    series["mean"] = curve["grid"], curve["mean"]
    if curve["band"]:
        series |= {f"band {end}": (curve["grid"], curve["band"][end]) for end in ("low", "high")}
    identity = {"task": curve["task"], "implementation": curve["implementation"], "variant": name}
    return [
        {**identity, "series": what, "env_step": env_step, "return": value}
        for what, (env_steps, values) in series.items()
        for env_step, value in zip(env_steps, values, strict=True)
    ]


def _curve_caption(curves: list[tuple[dict, str]], results: dict) -> str:
    cells = by_key(results["cells"])
    shown = [(cells[key(curve)], name) for curve, name in curves]
    episodes = sorted({curve["evaluation_episodes"] for curve, _ in curves if curve["evaluation_episodes"]})
    kinds = {cell["kind"] for cell, _ in shown} - {None}
    told = [words for kind, words in EPISODES.items() if kind in kinds or (kind == "mean" and not kinds)]
    evaluated = f"Return: mean of {' or '.join(map(str, episodes)) or 'the'} {' or '.join(told)} episodes."
    banded = [(cells[key(curve)], name) for curve, name in curves if curve["band"]]
    trust = coverage("band", banded, results, of="its whole-curve coverage")
    if len(banded) == len(curves):
        band = f"Shaded: simultaneous {level(results)} sup-t bootstrap band of the whole mean curve{trust}."
    elif banded:
        band = (f"Shaded, where at least five runs are averaged: simultaneous {level(results)} sup-t bootstrap band of "
                f"the whole mean curve{trust}; elsewhere no interval is drawn.")  # fmt: skip
    else:
        band = "No interval is drawn: a simultaneous band needs at least five runs, so look at the seeds."
    failed = any(run["status"] in FAILED for curve, _ in curves for run in curve["runs"])
    marks = (" A tick at the foot marks where a run failed, a cross its last return if it diverged; from there the "
             "mean counts it at the floor (the random policy's return), and the axis is scaled to the runs that did "
             "not fail.") if failed else ""  # fmt: skip
    return f"{evaluated} Thin lines: every seed; thick lines: their mean. {band}{marks} {finished(shown)}"


def arm_effects(ablation: dict, results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """One panel per task and implementation, one line per arm: all seeds, the mean and Student's interval of it."""
    shown, groups = arms_of(ablation["tables"], results), {}
    for cell, name in shown:
        groups.setdefault(panel(cell), {})[name] = cell
    figure, data = _points(groups, with_iqm=False)
    caption = (
        f"{_final(results)} large dot and bar: mean and {level(results)} Student-t interval of the mean"
        f"{coverage('mean_student', shown, results)}; dashed line: mean of the baseline. "
        f"{undrawn('exploratory', results)}"
    )
    return caption + finished(shown), figure, data


def alike(cells: list[dict]) -> dict[str, dict[tuple[str, str], dict[str, dict]]]:
    """Panels by figure: tasks and implementations of the same variants together; panel -> variant -> cell."""
    groups: dict[tuple[str, str], dict[str, dict]] = {}
    for cell in cells:
        groups.setdefault(panel(cell), {})[cell["variant"]] = cell
    found: dict[frozenset[str], dict] = {}
    for here, group in groups.items():
        found.setdefault(frozenset(group), {})[here] = group
    return {"final" if n == 0 else f"final-{n + 1}": panels for n, panels in enumerate(found.values())}


def final_performance(groups: dict, results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """One panel per task and implementation, one line per variant: mean with t, IQM with bootknife interval."""
    figure, data = _points(groups, with_iqm=True)
    shown = [(cell, name) for group in groups.values() for name, cell in group.items()]
    caption = (
        f"{_final(results)} dot: mean with {level(results)} Student-t interval"
        f"{coverage('mean_student', shown, results)}; square: interquartile mean with {level(results)} expanded "
        f"percentile bootknife interval over seeds{coverage('iqm_one_task', shown, results)}. "
    )
    return caption + finished(shown), figure, data


def _final(results: dict) -> str:
    return (
        f"{FINAL.capitalize()} (mean over the evaluations in the last {results['settings']['scored_share']:.0%} of the "
        "budget). Small circles: seeds; crosses: failed seeds at the floor (the random policy's return);"
    )


def _points(groups: dict, with_iqm: bool) -> tuple[Figure, pd.DataFrame]:
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    colors = sns.color_palette("colorblind")
    figure, axes = grid(titles(groups), height=0.35 + (0.27 if with_iqm else 0.23) * len(names), sharey=True)
    data = []
    for axis, (here, group) in zip(axes, groups.items(), strict=True):
        for place, name in enumerate(names):
            cell = group.get(name)
            if cell is None or not cell["n_scored"]:
                instead(axis, place, "not planned" if cell is None else "no scored run")
                continue
            for run in (run for run in cell["seeds"] if run["score"] is not None):
                failed = run["status"] != "finished"
                axis.plot(run["score"], place + 0.28, "x" if failed else "o", mew=1.0 if failed else 0.5,
                          markersize=3.5 if failed else 2.5, mfc="none", color="0.45", zorder=2)  # fmt: skip
            interval(axis, cell["mean"], place - (0.22 if with_iqm else 0.1), colors[0], "o")
            if with_iqm:
                interval(axis, cell["iqm"], place + 0.02, colors[3], "s")
            if name.endswith("(baseline)"):
                axis.axvline(cell["mean"]["estimate"], color="0.6", linestyle="--", linewidth=0.7, zorder=0)
            data += _point_rows(cell, here, name)
        rows(axis, names)
    label(axes, FINAL)
    if with_iqm:
        legend(figure, {
            "mean": axes[0].plot([], [], "o-", color=colors[0], markersize=4)[0],
            "interquartile mean": axes[0].plot([], [], "s-", color=colors[3], markersize=4)[0],
            "seed": axes[0].plot([], [], "o", color="0.45", mfc="none", markersize=2.5, mew=0.5)[0],
            "failed seed at the floor": axes[0].plot([], [], "x", color="0.45", markersize=3.5)[0],
        })  # fmt: skip
    return figure, pd.DataFrame(data)


def _point_rows(cell: dict, here: tuple[str, str], name: str) -> list[dict]:
    identity = {"task": here[0], "implementation": here[1], "variant": name}
    found = [
        {**identity, "series": f"seed {run['seed']} ({run['status']})", "return": run["score"]}
        for run in cell["seeds"]
        if run["score"] is not None
    ]
    for what, end in product(("mean", "iqm"), ("estimate", "low", "high")):
        found.append({**identity, "series": f"{what} {end}", "return": cell[what][end]})
    return found

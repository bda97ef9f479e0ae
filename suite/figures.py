"""The figures of a study, drawn from results.json alone: PDF, SVG and PNG of the same bytes on every call.

Every interval was computed by the statistics step; seaborn gives palette and style and computes nothing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from tueplots import figsizes, fontsizes

STYLE = {
    **sns.axes_style("ticks"),
    **fontsizes.neurips2024(default_smaller=2),
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "path",  # the same glyphs where the font is not installed
    "svg.hashsalt": "suite",
    "savefig.dpi": 200,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "font.family": ["DejaVu Sans"],
}
METADATA = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {"Software": None}}
WIDTH = figsizes.neurips2024()["figure.figsize"][0]  # inches
COLUMNS = 3  # panels side by side, so that five tasks stay readable
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
FINAL = "final return per episode"
CROWD = 6  # variants in one panel; more of them get a panel each
LONG = 26  # characters of a name before it is broken over two lines


def main(study_dir: Path, out_dir: Path) -> None:
    """Draw all figures of the study into out_dir/figures, the data of each as CSV beside it, and index.json."""
    results = json.loads((Path(study_dir) / "results.json").read_text(encoding="utf-8"))
    folder = Path(out_dir) / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    index = []
    with plt.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", **STYLE}):
        for name, ablation, title, caption, figure, data in _figures(results):
            name = re.sub(r"[^A-Za-z0-9_-]+", "-", name)
            for kind, metadata in METADATA.items():
                figure.savefig(folder / f"{name}.{kind}", metadata=metadata)
            plt.close(figure)
            data.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
            files = [f"{name}.{kind}" for kind in (*METADATA, "csv")]
            index.append({"name": name, "ablation": ablation, "title": title, "caption": caption, "files": files})
    (folder / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _figures(results: dict) -> Iterator[tuple]:
    """Name, ablation ("" for the whole study), title, caption, figure and data of every figure there is to draw."""
    curves = {_key(curve): curve for curve in results["curves"]}
    presets = [curve for curve in results["curves"] if any("/" not in label for label in curve["labels"])]
    if max(Counter(_panel(curve) for curve in presets).values(), default=0) > CROWD:
        for task in dict.fromkeys(curve["task"] for curve in presets):
            own = [(curve, _apart(curve), curve["implementation"]) for curve in presets if curve["task"] == task]
            yield (
                f"curves-presets-{task}",
                "",
                f"Learning curves of the presets: {task}",
                *learning_curves(own, results),
            )
    elif presets:
        lines = [(curve, _panel(curve), curve["variant"]) for curve in presets]
        yield "curves-presets", "", "Learning curves of the presets", *learning_curves(lines, results)
    several = {panel for panel, n in Counter(map(_apart, presets)).items() if n > 1}
    if several:
        both = [(curve, _apart(curve), curve["implementation"]) for curve in presets if _apart(curve) in several]
        title = "The same preset in several implementations"
        yield "curves-implementations", "", title, *learning_curves(both, results)
    for ablation in results["ablations"]:
        name = ablation["name"]
        arms = [
            (curve := curves[_key(table | arm)], _panel(curve), _arm_name(arm))
            for table in ablation["tables"]
            for arm in table["arms"]
        ]
        yield f"curves-{name}", name, f"Learning curves: {name}", *learning_curves(arms, results)
        yield f"effects-{name}", name, f"Final return of every arm: {name}", *arm_effects(ablation, results)
        if any(table["factorial"] and table["factorial"]["effects"] for table in ablation["tables"]):
            yield f"factorial-{name}", name, f"Main effects and interactions: {name}", *factorial(ablation, results)
    if any(cell["n_scored"] for cell in results["cells"]):
        for name, groups in _alike(results["cells"]).items():
            yield name, "", "Final return of every cell", *final_performance(groups, results)


def _key(record: dict) -> tuple:
    return record["task"], record["implementation"], record["run_id"]


def _panel(curve: dict) -> tuple[str, str]:
    """Where a curve is drawn beside its like: a panel for every task and implementation."""
    return curve["task"], curve["implementation"]


def _apart(curve: dict) -> tuple[str, str]:
    """Where it is drawn beside other implementations of the same: a panel for every task and variant."""
    return curve["task"], curve["variant"]


def _arm_name(arm: dict) -> str:
    return f"{arm['arm']} (baseline)" if arm["baseline"] else arm["arm"]


def learning_curves(lines: list[tuple[dict, tuple[str, str], str]], results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """Every curve in its panel under its name, one colour and line style per name, every seed drawn faintly."""
    panels = list(dict.fromkeys(panel for _, panel, _ in lines))
    names = list(dict.fromkeys(name for *_, name in lines))
    curves = [(curve, name if panel == _panel(curve) else curve["variant"]) for curve, panel, name in lines]
    colors = dict(zip(names, sns.color_palette("colorblind", len(names)), strict=True))
    styles = dict(zip(names, (LINES[i % len(LINES)] for i in range(len(names))), strict=True))
    figure, axes = _grid(panels, height=1.45)
    crowd = 1 if len(names) <= 4 else 0.5  # paler bands and seeds where many lie on each other
    handles = {}
    for axis, panel in zip(axes, panels, strict=True):
        shown = [(curve, name) for curve, own, name in lines if own == panel]
        for curve, name in shown:
            color = colors[name]
            for run in curve["runs"]:
                axis.plot(run["env_steps"], run["values"], color=color, alpha=0.4 * crowd, linewidth=0.5, zorder=1)
                if run["status"] == "diverged":
                    height = run["values"][-1] if run["values"] else run["floor"]
                    axis.plot(run["stopped_at"], height, "x", color=color, markersize=5, mew=1.4, zorder=5)
            handles[name] = axis.plot(curve["grid"], curve["mean"], color=color, linestyle=styles[name], zorder=3)[0]
            if curve["band"]:
                axis.fill_between(curve["grid"], curve["band"]["low"], curve["band"]["high"], color=color,
                                  alpha=0.16 * crowd, linewidth=0, zorder=0)  # fmt: skip
        floor = results["settings"]["random_policy"].get(panel[0])
        if floor is not None:
            handles["random policy"] = axis.axhline(floor, color="0.5", linewidth=0.7, linestyle=":", zorder=0)
        _limit(axis, [curve for curve, _ in shown], floor)
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    _label(axes, "environment steps", "return per episode")
    _legend(figure, handles)
    rows = [row for curve, variant in curves for row in _curve_rows(curve, variant)]
    return _curve_caption(curves, results), figure, pd.DataFrame(rows)


def _limit(axis: Axes, curves: list[dict], floor: float | None) -> None:
    """Scale to means, bands and runs that did not fail, so that one exploding return does not flatten the panel."""
    shown = [] if floor is None else [floor]
    for curve in curves:
        shown += [*curve["mean"], *(curve["band"]["low"] + curve["band"]["high"] if curve["band"] else ())]
        shown += [v for run in curve["runs"] if run["status"] not in ("diverged", "crashed") for v in run["values"]]
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
        {**identity, "series": key, "env_step": env_step, "return": value}
        for key, (env_steps, values) in series.items()
        for env_step, value in zip(env_steps, values, strict=True)
    ]


def _curve_caption(curves: list[tuple[dict, str]], results: dict) -> str:
    confidence = f"{results['settings']['confidence']:.0%}"
    cells = {_key(cell): cell for cell in results["cells"]}
    episodes = sorted({curve["evaluation_episodes"] for curve, _ in curves if curve["evaluation_episodes"]})
    kinds = {cells[_key(curve)]["kind"] for curve, _ in curves} - {None}
    action = "deterministic" if kinds <= {"mean"} else "sampled" if kinds == {"sample"} else "deterministic or sampled"
    measured = f"Return: mean of {' or '.join(map(str, episodes)) or 'the'} {action} evaluation episodes."
    banded = sum(curve["band"] is not None for curve, _ in curves)
    if banded == len(curves):
        band = f"Shaded: simultaneous {confidence} sup-t bootstrap band of the mean curve (it covers the whole curve)."
    elif banded:
        band = (f"Shaded, where at least five runs are averaged: simultaneous {confidence} sup-t bootstrap band of the "
                "mean curve; elsewhere no interval is drawn.")  # fmt: skip
    else:
        band = "No interval is drawn: a simultaneous band needs at least five runs, so look at the seeds."
    failed = any(run["status"] in ("diverged", "crashed") for curve, _ in curves for run in curve["runs"])
    cross = (" A cross marks where a run diverged; from where a run failed the mean counts it at the floor (the random "
             "policy's return), and the axis is scaled to the runs that did not fail.") if failed else ""  # fmt: skip
    return (f"{measured} Thin lines: every seed; thick lines: their mean. {band}{cross} "
            f"{_finished([cells[_key(curve)] for curve, _ in curves], [name for _, name in curves])}")  # fmt: skip


def _finished(cells: list[dict], names: list[str]) -> str:
    """How many runs finished, of how many planned: once if all cells agree, else cell by cell where runs are short."""
    short = [
        f"{name} on {cell['task']} ({cell['implementation']}) {cell['n_finished']}/{cell['n_planned']}"
        for cell, name in zip(cells, names, strict=True)
        if cell["n_finished"] < cell["n_planned"]
    ]
    planned = sorted({cell["n_planned"] for cell in cells})
    every = f"n finished / n planned: {planned[0]}/{planned[0]}" if len(planned) == 1 else "every planned run finished"
    return f"{every} in every {'other ' if short else ''}cell" + "".join(f"; {text}" for text in short) + "."


def arm_effects(ablation: dict, results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """One panel per task and implementation, one line per arm: all seeds, the mean and Student's interval of it."""
    cells = {_key(cell): cell for cell in results["cells"]}
    groups = {
        (table["task"], table["implementation"]): {_arm_name(arm): cells[_key(table | arm)] for arm in table["arms"]}
        for table in ablation["tables"]
    }
    figure, data = _points(groups, results, with_iqm=False)
    confidence = f"{results['settings']['confidence']:.0%}"
    caption = (
        f"{FINAL.capitalize()} (mean over the evaluations in the last {results['settings']['scored_share']:.0%} of the "
        f"budget). Small circles: seeds; crosses: failed seeds at the floor (the random policy's return); large dot "
        f"and bar: mean and {confidence} Student-t interval of the mean; dashed line: mean of the baseline. "
    )
    flat = [(cell, name) for group in groups.values() for name, cell in group.items()]
    return caption + _finished(*map(list, zip(*flat, strict=True))), figure, data


def _alike(cells: list[dict]) -> dict[str, dict[tuple[str, str], dict[str, dict]]]:
    """Panels by figure: tasks and implementations of the same variants together; panel -> variant -> cell."""
    groups: dict[tuple[str, str], dict[str, dict]] = {}
    for cell in cells:
        groups.setdefault(_panel(cell), {})[cell["variant"]] = cell
    found: dict[frozenset[str], dict] = {}
    for panel, group in groups.items():
        found.setdefault(frozenset(group), {})[panel] = group
    return {"final" if n == 0 else f"final-{n + 1}": panels for n, panels in enumerate(found.values())}


def final_performance(groups: dict, results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """One panel per task and implementation, one line per variant: mean with t, IQM with bootknife interval."""
    figure, data = _points(groups, results, with_iqm=True)
    confidence = f"{results['settings']['confidence']:.0%}"
    caption = (
        f"{FINAL.capitalize()} (mean over the evaluations in the last {results['settings']['scored_share']:.0%} of the "
        f"budget). Small circles: seeds; crosses: failed seeds at the floor (the random policy's return); dot: mean "
        f"with {confidence} Student-t interval; square: interquartile mean with {confidence} percentile bootknife "
        f"interval over seeds. "
    )
    flat = [(cell, name) for group in groups.values() for name, cell in group.items()]
    return caption + _finished(*map(list, zip(*flat, strict=True))), figure, data


def _points(groups: dict, results: dict, with_iqm: bool) -> tuple[Figure, pd.DataFrame]:
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    colors = sns.color_palette("colorblind")
    figure, axes = _grid(list(groups), height=0.35 + (0.27 if with_iqm else 0.23) * len(names), share_y=True)
    rows = []
    for axis, (panel, group) in zip(axes, groups.items(), strict=True):
        for place, name in enumerate(names):
            cell = group.get(name)
            if cell is None or not cell["n_scored"]:
                axis.text(0.5, place, "not planned" if cell is None else "no scored run", va="center", ha="center",
                          transform=axis.get_yaxis_transform(), color="0.4", fontsize="x-small")  # fmt: skip
                continue
            seeds = [run for run in cell["seeds"] if run["score"] is not None]
            for run in seeds:
                failed = run["status"] != "finished"
                axis.plot(run["score"], place + 0.28, "x" if failed else "o", mew=1.0 if failed else 0.5,
                          markersize=3.5 if failed else 2.5, mfc="none", color="0.45", zorder=2)  # fmt: skip
            marks = [("mean", -0.22 if with_iqm else -0.1, colors[0], "o"), ("iqm", 0.02, colors[3], "s")]
            for key, shift, color, marker in marks[: 1 + with_iqm]:
                found = cell[key]
                if found["low"] is not None:
                    axis.plot([found["low"], found["high"]], [place + shift] * 2, color=color, zorder=3)
                axis.plot(found["estimate"], place + shift, marker, color=color, markersize=4, mec="white", mew=0.4,
                          zorder=4)  # fmt: skip
            if name.endswith("(baseline)"):
                axis.axvline(cell["mean"]["estimate"], color="0.6", linestyle="--", linewidth=0.7, zorder=0)
            rows += _point_rows(cell, panel, name)
        axis.set(yticks=range(len(names)), yticklabels=map(_wrap, names), ylim=(len(names) - 0.5, -0.5))
        axis.grid(axis="x", linewidth=0.3)
    _label(axes, FINAL)
    if with_iqm:
        _legend(figure, {
            "mean": axes[0].plot([], [], "o-", color=colors[0], markersize=4)[0],
            "interquartile mean": axes[0].plot([], [], "s-", color=colors[3], markersize=4)[0],
            "seed": axes[0].plot([], [], "o", color="0.45", mfc="none", markersize=2.5, mew=0.5)[0],
            "failed seed at the floor": axes[0].plot([], [], "x", color="0.45", markersize=3.5)[0],
        })  # fmt: skip
    return figure, pd.DataFrame(rows)


def _point_rows(cell: dict, panel: tuple[str, str], name: str) -> list[dict]:
    identity = {"task": panel[0], "implementation": panel[1], "variant": name}
    rows = [
        {**identity, "series": f"seed {run['seed']} ({run['status']})", "return": run["score"]}
        for run in cell["seeds"]
        if run["score"] is not None
    ]
    for key, end in product(("mean", "iqm"), ("estimate", "low", "high")):
        rows.append({**identity, "series": f"{key} {end}", "return": cell[key][end]})
    return rows


def factorial(ablation: dict, results: dict) -> tuple[str, Figure, pd.DataFrame]:
    """One panel per task and implementation: every main effect and interaction with its interval."""
    tables = [table for table in ablation["tables"] if table["factorial"] and table["factorial"]["effects"]]
    names = [effect["name"] for effect in tables[0]["factorial"]["effects"]]
    panels = [(table["task"], table["implementation"]) for table in tables]
    figure, axes = _grid(panels, height=0.35 + 0.2 * len(names), share_y=True)
    rows = []
    for axis, panel, table in zip(axes, panels, tables, strict=True):
        axis.axvline(0, color="0.6", linewidth=0.7, zorder=0)
        for place, effect in enumerate(table["factorial"]["effects"]):
            color = sns.color_palette("colorblind")[0 if "×" not in effect["name"] else 1]
            axis.plot([effect["low"], effect["high"]], [place] * 2, color=color)
            axis.plot(effect["estimate"], place, "o" if "×" not in effect["name"] else "D", color=color, markersize=3.5)
            rows.append({"task": panel[0], "implementation": panel[1], **effect})
        axis.set(yticks=range(len(names)), yticklabels=map(_wrap, names), ylim=(len(names) - 0.5, -0.5))
        axis.grid(axis="x", linewidth=0.3)
    _label(axes, "change of the final return\nper episode")
    levels = "; ".join(f"{name}: from {a} to {b}" for name, (a, b) in ablation["factors"].items())
    caption = (
        f"Effects of the factors ({levels}) on the final return, averaged over the levels of the others, and their "
        f"interactions. Bars: {results['settings']['confidence']:.0%} intervals with Welch-Satterthwaite degrees of "
        f"freedom; failed runs count at the floor; not corrected for the number of effects. "
    )
    cells = {_key(cell): cell for cell in results["cells"]}
    flat = [(cells[_key(table | arm)], _arm_name(arm)) for table in tables for arm in table["arms"]]
    return caption + _finished(*map(list, zip(*flat, strict=True))), figure, pd.DataFrame(rows)


def _grid(panels: list[tuple[str, str]], height: float, share_y: bool = False) -> tuple[Figure, list[Axes]]:
    """One titled panel of `height` inches for every (task, implementation), at most COLUMNS side by side."""
    columns = min(COLUMNS, len(panels))
    lines = -(-len(panels) // columns)
    width = WIDTH if columns > 1 else 0.8 * WIDTH
    figure, axes = plt.subplots(
        lines, columns, figsize=(width, lines * (height + 0.3) + 0.4), squeeze=False, sharey=share_y
    )
    several = len({implementation for _, implementation in panels}) > 1 or len(panels) == 1
    for axis, (task, implementation) in zip(axes.flat, panels, strict=False):
        axis.set_title(f"{task}\n{_wrap(implementation, 20)}" if several else task, fontsize="medium")
        axis.xaxis.set_major_locator(MaxNLocator(7 - columns, steps=[1, 2, 2.5, 5, 10]))
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    sns.despine(figure)
    return figure, list(axes.flat[: len(panels)])


def _label(axes: list[Axes], x: str, y: str = "") -> None:
    """Name the axes once: x under the lowest panel of every column, y beside the first panel of every line."""
    for axis in axes[-COLUMNS:]:
        axis.set_xlabel(x, fontsize="medium")
    for axis in axes[::COLUMNS]:
        axis.set_ylabel(y, fontsize="medium")


def _wrap(name: str, longest: int = LONG) -> str:
    """A long name over two lines, broken at the sign nearest to its middle, between words if it has several."""
    words, parts = ([found.end() for found in re.finditer(signs, name[:-1])] for signs in (r"[+,/× ]", "_"))
    breaks = words or parts
    if len(name) <= longest or not breaks:
        return name
    middle = min(breaks, key=lambda place: abs(place - len(name) / 2))
    return f"{name[:middle].rstrip()}\n{name[middle:]}"


def _legend(figure: Figure, handles: dict) -> None:
    """The legend below the panels, in as many columns as fit, the figure growing by its height."""
    names = [_wrap(name) for name in handles]
    longest = max(len(line) for name in names for line in name.split("\n"))
    width, height = figure.get_size_inches()
    columns = max(1, min(len(names), int(width / (0.062 * longest + 0.55))))
    lines = -(-len(names) // columns)
    figure.set_size_inches(width, height + 0.16 * lines * max(name.count("\n") + 1 for name in names))
    figure.legend(handles.values(), names, loc="outside lower center", ncols=columns, frameon=False, fontsize="small",
                  handlelength=3)  # fmt: skip

"""The curves of a figure for the page's script, from the table that the figure was drawn from.

A name, a seed and its status stand beside the numbers, so that a pointer on a line can tell which run it is.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.colors import to_hex

from suite.analysis.types import CellResult, Results
from suite.report.every_run import run_anchor
from suite.report.figures.canvas import CROWD, looks
from suite.report.figures.captions import Shown, arms_of
from suite.report.files import IndexEntry, read_csv
from suite.sac.status import FAILED
from suite.specimens.naming import unclaimed

MOST_POINTS = 150_000  # of one figure; more would make the page too heavy to open
DASHES = {"-": [], "--": [6, 3], "-.": [6, 3, 1, 3], ":": [1, 3]}
"""matplotlib's line styles as a canvas takes them: pixels drawn and left out in turn."""

Cells = dict[tuple[str, str, str], CellResult]


def explorable(entry: IndexEntry, folder: Path, results: Results) -> dict[str, Any] | None:
    """The panels of a figure of learning curves, or None where it shows none or more than a page can carry.

    folder: of the figure's files. Of each name, in the figure's order: color, dash. Of each panel: title, x [T] in
    environment steps, floor, and lines; of each line: name, mean, low, high [T], and its seeds, with values [T], None
    where there is none.
    """
    if entry.kind != "curves":
        return None
    data = read_csv(folder / f"{entry.name}.csv", texts=("task", "implementation", "variant", "series", "status"))
    if not 0 < len(data) <= MOST_POINTS:
        return None
    places = ["task", "implementation", "variant"]
    crowded = data.groupby(places[:2])["variant"].nunique().max() > CROWD
    by_variant = not entry.ablation and (crowded or entry.name == "curves-implementations")
    second, lines = ("variant", "implementation") if by_variant else ("implementation", "variant")
    cells = _cells(entry, results)
    return {
        "names": [{"name": name, **_look(**look)} for name, look in looks(data[lines]).items()],
        "panels": [_panel(rows, f"{task}, {other}", lines, cells)
                   for (task, other), rows in data.groupby(["task", second], sort=False)],
    }  # fmt: skip


def _cells(entry: IndexEntry, results: Results) -> Cells:
    """The cells of a figure by task, implementation and the name that they go by in it."""
    if entry.ablation:
        shown = [
            one
            for ablation in results.ablations
            if ablation.name == entry.ablation
            for one in arms_of(ablation.tables, results)
        ]
    else:
        shown = [Shown(cell, name) for cell in results.cells for name in _names(cell)]
    return {(cell.task, cell.implementation, name): cell for cell, name in shown}


def _names(cell: CellResult) -> tuple[str, str]:
    return cell.variant.name, unclaimed(cell.variant.name, cell.implementation)


def _look(color: Any, linestyle: Any, **_: Any) -> dict[str, Any]:
    dash = DASHES[linestyle] if isinstance(linestyle, str) else list(linestyle[1])
    return {"color": to_hex(color), "dash": dash}


def _panel(rows: pd.DataFrame, title: str, lines: str, cells: Cells) -> dict[str, Any]:
    steps = rows["env_step"][rows["series"] != "failure"].dropna().astype(int)
    x = sorted(set(steps))
    floor = rows["return"][rows["series"] == "random policy"]
    return {
        "title": title,
        "x": x,
        "floor": _rounded(floor.iloc[0]) if len(floor) else None,
        "lines": [
            {"name": name, **_mean_and_band(line, x), "seeds": list(_seeds(line, x, cells))}
            for name, line in rows.groupby(lines, sort=False)
        ],
    }


def _mean_and_band(line: pd.DataFrame, x: list[int]) -> dict[str, Any]:
    series = {"mean": "mean", "low": "band low", "high": "band high"}
    return {key: _on(line[line["series"] == name], x) for key, name in series.items()}


def _seeds(line: pd.DataFrame, x: list[int], cells: Cells) -> Iterator[dict[str, Any]]:
    task, implementation, name = line[["task", "implementation", "variant"]].iloc[0]
    cell = cells.get((task, implementation, name))
    for seed, rows in line[line["seed"].notna()].groupby("seed", sort=False):
        failure, values = (rows[(rows["series"] == "failure") == failed] for failed in (True, False))
        status = rows["status"].iloc[0]
        yield {
            "seed": int(seed),
            "status": status,
            "failed": status in FAILED,
            "run": run_anchor(cell, int(seed)) if cell else "",
            "values": _on(values, x),
            "stopped": [_rounded(value) for value in failure[["env_step", "return"]].iloc[0]] if len(failure) else None,
        }


def _on(rows: pd.DataFrame, x: list[int]) -> list[float | None]:
    """The returns of some rows at the environment steps x [T]; [] where there are none."""
    if rows.empty:
        return []
    at = dict(zip(rows["env_step"].astype(int), rows["return"], strict=True))
    return [_rounded(at.get(step)) for step in x]


def _rounded(value: float | None) -> float | None:
    """Five significant digits, which is more than a screen shows; None for what is no number."""
    return None if value is None or pd.isna(value) else float(f"{value:.5g}")

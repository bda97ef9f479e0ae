"""Final scores of cells, in return units and normalised by the anchors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from suite.published.anchors import Scale
from suite.study.cells import key_of

COUNTS = ("n_planned", "n_finished", "n_scored")


FEWEST = 2  # scored runs on either side of any comparison


def groups_of(cells: list[dict]) -> dict[tuple[str, str], dict[str, dict]]:
    """(implementation, label) -> task -> cell; of labels that mean the same cells the first."""
    groups: dict[tuple[str, str], dict[str, dict]] = {}
    for cell in cells:
        for label in cell["labels"]:
            groups.setdefault((cell["implementation"], label), {})[cell["task"]] = cell
    distinct: dict[tuple, tuple[str, str]] = {}
    for name, group in groups.items():
        distinct.setdefault(tuple(sorted(key_of(cell) for cell in group.values())), name)
    return {name: groups[name] for name in distinct.values()}


def scores_of(cell: dict) -> np.ndarray:
    """The scores of the cell's runs that have one, in the order of their seeds."""
    return np.array([run["score"] for run in cell["seeds"] if run["score"] is not None], dtype=float)


def normalised(cell: dict, anchors: Mapping[str, Scale]) -> np.ndarray:
    scale = anchors[cell["task"]]
    return (scores_of(cell) - scale.random) / (scale.reference - scale.random)


def usable_cells(group: Mapping[str, dict], anchors: Mapping[str, Scale]) -> tuple[dict[str, dict], list[dict]]:
    """The cells with anchors and enough scored runs by task, and why the others are left out."""
    used, left_out = {}, []
    for task, cell in group.items():
        if task not in anchors:
            left_out.append({"task": task, "why": "no reference return"})
        elif len(scores_of(cell)) < FEWEST:
            left_out.append({"task": task, "why": f"{len(scores_of(cell))} scored runs"})
        else:
            used[task] = cell
    return used, left_out

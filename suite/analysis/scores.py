"""Scores of cells, in return and normalised by the anchors, which cells count together, and which runs are pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from suite.analysis.declared import Declared
from suite.analysis.types import CellResult, Estimate, Label, LeftOut
from suite.published.anchors import Scale
from suite.statistics import aggregate, bootstrap
from suite.statistics.learned import LEARNED

FEWEST_OF_IQM = 5  # runs of one task: of fewer, the percentile interval of their IQM is their range
FEWEST = 2  # scored runs on either side of any comparison
NO_REFERENCE = "no reference return"  # why a task is left out of what is over all tasks
FEWEST_PAIRS = 3  # seeds that both sides have
Variant = tuple[str, Label]
"""An implementation and a label."""


class Sample(NamedTuple):
    """A value of each of several runs [n], and their seeds; no seeds of runs that were made elsewhere.

    Two runs of the suite with the same seed are a pair, whatever their implementation: they share the start states of
    every evaluation, and where implementation and networks are alike the initial weights and the noise.
    """

    values: np.ndarray
    seeds: tuple[int, ...]


class Paired(NamedTuple):
    """The values [n] of both sides at the seeds that they share."""

    x: np.ndarray
    y: np.ndarray
    seeds: tuple[int, ...]


def neither_learned(a: CellResult, b: CellResult) -> bool:
    """Whether it is known of both sides that they are not shown to have learned: then their difference says nothing."""
    return None not in (a.learned, b.learned) and LEARNED not in (a.learned, b.learned)


def sample_of(cell: CellResult) -> Sample:
    """The scores of the cell's runs that have one."""
    scored = [run for run in cell.seeds if run.score is not None]
    return Sample(scores_of(cell), () if cell.imported else tuple(run.seed for run in scored))


def paired(x: Sample, y: Sample) -> Paired | None:
    """The values at common seeds, in their order; None if these are too few."""
    common = tuple(sorted(set(x.seeds) & set(y.seeds)))
    if len(common) < FEWEST_PAIRS:
        return None
    sides = [np.array([side.values[side.seeds.index(seed)] for seed in common]) for side in (x, y)]
    return Paired(sides[0], sides[1], common)


def groups_of(cells: Iterable[CellResult]) -> dict[Variant, dict[str, CellResult]]:
    """(implementation, label) -> task -> cell; of labels that mean the same cells the first."""
    groups: dict[Variant, dict[str, CellResult]] = {}
    for cell in cells:
        for label in cell.labels:
            groups.setdefault((cell.implementation, label), {})[cell.task] = cell
    distinct: dict[tuple, Variant] = {}
    for variant, group in groups.items():
        distinct.setdefault(tuple(sorted(cell.key for cell in group.values())), variant)
    return {variant: groups[variant] for variant in distinct.values()}


def scores_of(cell: CellResult) -> np.ndarray:
    """The scores of the cell's runs that have one, in the order of their seeds."""
    return np.array(cell.scores, dtype=float)


def normalised(cell: CellResult, anchors: Mapping[str, Scale]) -> np.ndarray:
    """(score - random policy) / (reference - random policy) of the same runs; the task must have anchors."""
    return on_scale(scores_of(cell), anchors[cell.task])


def on_scale(returns: np.ndarray, scale: Scale) -> np.ndarray:
    """Returns normalised: 0 at the random policy's, 1 at the reference's."""
    return (returns - scale.random) / (scale.reference - scale.random)


def usable_cells(
    group: Mapping[str, CellResult], anchors: Mapping[str, Scale]
) -> tuple[dict[str, CellResult], tuple[LeftOut, ...]]:
    """The cells with anchors and enough scored runs by task, and why the others are left out."""
    used, left_out = {}, []
    for task, cell in group.items():
        if task not in anchors:
            left_out.append(LeftOut(task, NO_REFERENCE))
        elif len(cell.scores) < FEWEST:
            left_out.append(LeftOut(task, f"{len(cell.scores)} scored runs"))
        else:
            used[task] = cell
    return used, tuple(left_out)


def bootstrapped(
    scores: Sequence[np.ndarray], statistic: Callable[..., ArrayLike], declared: Declared, rng: Generator
) -> Estimate:
    """A statistic of the scores [runs] of every task with its bootknife interval.

    The IQM of one task of fewer than five runs has none: its ends would be the lowest and the highest run.
    """
    options: dict[str, Any] = {"confidence": declared.confidence, "resamples": declared.resamples}
    interval = bootstrap.stratified(scores, statistic, rng=rng, **options)
    found = Estimate(**interval._asdict())
    is_range = statistic is aggregate.iqm and len(scores) == 1 and len(scores[0]) < FEWEST_OF_IQM
    return replace(found, low=None, high=None) if is_range else found


def telling(low: float, high: float) -> tuple[float | None, float | None]:
    """The ends of a probability's interval, or none where it says nothing: from 0 to 1."""
    return (None, None) if low <= 0 and high >= 1 else (low, high)

"""What the cells of a study say against each other: suite-level aggregates, implementations, ablations, p values.

Scores are made comparable over tasks by anchors: (return - random policy) / (reference - random policy). Every number
that needs draws has a stream of its own, so neither the order of the cells nor the number of workers changes a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from suite.analysis import types
from suite.analysis.ablations import PlannedAblation, ablation_results
from suite.analysis.agreement import agreements, superiority_of
from suite.analysis.answers import answers
from suite.analysis.check_rows import CheckRow
from suite.analysis.declared import Declared
from suite.analysis.families import adjusted_ablations, adjusted_agreements, families_of
from suite.analysis.redrawn import redrawn_figures
from suite.analysis.run_curves import AlignedCurves
from suite.analysis.scores import (
    FEWEST,
    Sample,
    Variant,
    bootstrapped,
    groups_of,
    neither_learned,
    normalised,
    scores_of,
    telling,
    usable_cells,
)
from suite.analysis.sensitivity import sensitivities
from suite.analysis.types import Aggregate, Anchors, CellKey, CellResult, Estimate, Improvement, Label
from suite.analysis.workers import DoJobs
from suite.published.anchors import Scale
from suite.statistics import aggregate, bootstrap, curves

Pairs = Sequence[tuple[CellResult, CellResult]]
"""Two cells of every task."""
TAUS = 201  # scores at which a performance profile is known


@dataclass(frozen=True)
class Inference:
    """The parts of the results that compare cells."""

    aggregates: tuple[Aggregate, ...]
    improvements: tuple[Improvement, ...]
    agreements: tuple[types.Agreement, ...]
    ablations: tuple[types.AblationResult, ...]
    answers: tuple[types.Answer, ...]
    sensitivity: tuple[types.Sensitivity, ...]
    redrawn: tuple[types.RedrawnFigure, ...]
    families: dict[types.FamilyName, types.Family]


def infer(
    cells: list[CellResult],
    aligned: Mapping[CellKey, AlignedCurves],
    outcomes: Mapping[CellKey, Mapping[str, Sample]],
    planned_ablations: Sequence[PlannedAblation],
    check: Sequence[CheckRow],
    anchors: Anchors,
    declared: Declared,
    do: DoJobs,
) -> Inference:
    """Everything that cells say against each other, p values adjusted in their families.

    aligned, outcomes: the scored runs' curves, and the runs' values of every outcome besides the score, by cell;
    check: the regression check's rows, which count their own family.
    """
    pairs = adjusted_agreements(agreements(cells, aligned, anchors.primary, declared, do), declared)
    found = ablation_results(planned_ablations, cells, outcomes, anchors.primary, declared, do)
    ablations = adjusted_ablations(found, declared)
    return Inference(
        aggregates=_aggregates(cells, anchors, declared, do),
        improvements=_improvements(cells, declared, do),
        agreements=pairs,
        ablations=ablations,
        answers=tuple(answers(ablations, cells, declared)),
        sensitivity=sensitivities(planned_ablations, cells, declared, do),
        redrawn=redrawn_figures(cells, ablations),
        families=families_of(pairs, ablations, check, declared),
    )


def _aggregates(cells: list[CellResult], anchors: Anchors, declared: Declared, do: DoJobs) -> tuple[Aggregate, ...]:
    """Every variant over all its tasks that have anchors and enough runs."""
    groups = groups_of(cells)
    taus = _taus([cell for group in groups.values() for cell in group.values()], anchors.primary)
    return tuple(do(partial(_aggregate, *item, taus, anchors, declared) for item in groups.items()))


def _taus(cells: Sequence[CellResult], anchors: Mapping[str, Scale]) -> np.ndarray:
    """Where performance profiles are known: from just below the lowest score of any variant to above the highest."""
    scores = [normalised(cell, anchors) for cell in cells if cell.task in anchors and len(cell.scores) >= FEWEST]
    if not scores:
        return np.zeros(1)
    lowest, highest = np.min(np.concatenate(scores)), np.max(np.concatenate(scores))
    room = max(highest - lowest, 0.1) / 20
    return np.linspace(lowest - room, highest + room, TAUS)


def _aggregate(
    variant: Variant, group: Mapping[str, CellResult], taus: np.ndarray, anchors: Anchors, declared: Declared
) -> Aggregate:
    implementation, label = variant
    used, left_out = usable_cells(group, anchors.primary)
    key = ("aggregate", implementation, label)
    counted = Aggregate(
        implementation=implementation,
        variant=label,
        tasks=tuple(used),
        left_out=left_out,
        n_planned=sum(cell.n_planned for cell in group.values()),
        n_finished=sum(cell.n_finished for cell in group.values()),
        n_scored=sum(cell.n_scored for cell in group.values()),
        second=_second({task: cell for task, cell in used.items() if task in anchors.second}, anchors, declared, key),
    )
    if not used:
        return counted
    scores = [normalised(cell, anchors.primary) for cell in used.values()]

    def estimate(statistic: Callable) -> Estimate:  # all from one stream: the same draws of runs
        return bootstrapped(scores, statistic, declared, declared.rng(*key))

    return replace(
        counted,
        mean=Estimate(**aggregate.student(scores, declared.confidence)._asdict()),
        median=estimate(aggregate.median),
        iqm=estimate(aggregate.iqm),
        optimality_gap=estimate(aggregate.optimality_gap),
        profile=_profile(scores, taus, declared, (*key, "profile")),
    )


def _profile(scores: list[np.ndarray], taus: np.ndarray, declared: Declared, key: tuple) -> types.Profile:
    band = curves.profile_band(scores, taus, declared.confidence, declared.curve_resamples, declared.rng(*key))
    return types.Profile(*(tuple(column.tolist()) for column in (taus, band.center, band.low, band.high)))


def _second(
    cells: Mapping[str, CellResult], anchors: Anchors, declared: Declared, key: tuple
) -> types.SecondAggregate | None:
    """The interquartile mean by the second set of anchors."""
    if not cells:
        return None
    scores = [normalised(cell, anchors.second) for cell in cells.values()]
    return types.SecondAggregate(
        tuple(cells), bootstrapped(scores, aggregate.iqm, declared, declared.rng(*key, "second"))
    )


def _improvements(cells: list[CellResult], declared: Declared, do: DoJobs) -> tuple[Improvement, ...]:
    """Every variant against the study's first of the same implementation: does a run of it beat a run of that?"""
    groups = groups_of(cells)
    jobs = []
    for implementation in dict.fromkeys(name for name, _ in groups):
        first, *others = [label for name, label in groups if name == implementation]
        theirs = groups[implementation, first]
        for label in others:
            ours = groups[implementation, label]
            pairs = [(ours[task], theirs[task]) for task in _comparable_tasks(ours, theirs)]
            if pairs:
                jobs.append(partial(_improvement, (implementation, label), first, pairs, declared))
    return tuple(do(jobs))


def _comparable_tasks(ours: Mapping[str, CellResult], theirs: Mapping[str, CellResult]) -> list[str]:
    """The tasks on which both have a cell of their own with enough scored runs, and one of them has learned."""
    both = [task for task in ours if task in theirs and ours[task].key != theirs[task].key]
    enough = [task for task in both if min(len(ours[task].scores), len(theirs[task].scores)) >= FEWEST]
    return [task for task in enough if not neither_learned(ours[task], theirs[task])]


def _improvement(variant: Variant, over: Label, pairs: Pairs, declared: Declared) -> Improvement:
    tasks = tuple(cell.task for cell, _ in pairs)
    probability = probability_of_improvement(pairs, declared, ("improvement", *variant, over))
    by_task = tuple(superiority_of(scores_of(x), scores_of(y), declared.confidence) for x, y in pairs)
    return Improvement(*variant, over, tasks, probability, by_task)


def probability_of_improvement(pairs: Pairs, declared: Declared, key: tuple) -> Estimate:
    """P(a run of the first beats one of the second) over all tasks."""
    x, y = ([scores_of(pair[side]) for pair in pairs] for side in (0, 1))
    options: dict[str, Any] = {"confidence": declared.confidence, "resamples": declared.resamples}
    statistic = aggregate.probability_of_improvement
    estimate, low, high, error = map(float, bootstrap.two_sample(x, y, statistic, rng=declared.rng(*key), **options))
    if error == 0:  # every resample agrees: that bounds nothing
        return Estimate(estimate, None, None, 0.0)
    return Estimate(estimate, *telling(low, high), error)

"""What the cells of a study say against each other: suite-level aggregates, implementations, ablations, p values.

Scores are made comparable over tasks by anchors: (return - random policy) / (reference - random policy). Every number
that needs draws has a stream of its own, so neither the order of the cells nor the number of workers changes a bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from suite.analysis.ablations import ablation_tables
from suite.analysis.agreement import equivalences, superiority_of
from suite.analysis.declared import Declared
from suite.analysis.families import adjust_families
from suite.analysis.scores import COUNTS, FEWEST, groups_of, normalised, scores_of, usable_cells
from suite.analysis.workers import Run
from suite.published.anchors import Scale
from suite.statistics import aggregate, bootstrap, curves
from suite.study.cells import key_of

TAUS = np.round(np.arange(-0.2, 1.61, 0.02), 2)  # of the performance profiles


def infer(
    cells: list[dict],
    aligned: Mapping[tuple, tuple[np.ndarray, np.ndarray]],
    manifest: pd.DataFrame,
    prose: Mapping,
    check: list[dict],
    anchors: Mapping[str, Scale],
    second: Mapping[str, Scale],
    declared: Declared,
    run: Run,
) -> dict:
    """The parts of results.json that compare cells (those of suite.summary, with their scores).

    aligned: by cell, the grid [T] and the curves [runs, T] of its scored runs; check: the regression check's rows;
    anchors and second: two sets of anchors by task, the second only to see how much hangs on the first.
    """
    found = {
        "aggregates": _aggregates(cells, anchors, second, declared, run),
        "improvement": _improvement(cells, anchors, declared, run),
        "equivalence": equivalences(cells, aligned, anchors, declared, run),
        "ablations": ablation_tables(manifest, cells, prose, anchors, declared, run),
        "check": [dict(row) for row in check],
    }
    return found | {"families": adjust_families(found, declared)}


def _aggregates(cells, anchors, second, declared, run) -> list[dict]:
    """Every variant over all its tasks that have anchors and enough runs."""
    told, jobs = [], []
    for (implementation, label), group in groups_of(cells).items():
        used, left_out = usable_cells(group, anchors)
        told.append({
            "implementation": implementation, "variant": label, "tasks": list(used), "left_out": left_out,
            **{what: sum(cell[what] for cell in group.values()) for what in COUNTS},
        })  # fmt: skip
        again = {task: cell for task, cell in used.items() if task in second}
        scores = [normalised(cell, anchors) for cell in used.values()]
        scores_again = [normalised(cell, second) for cell in again.values()]
        key = "aggregate", implementation, label
        jobs.append(partial(_aggregate, scores, scores_again, list(again), declared, key))
    return [names | numbers for names, numbers in zip(told, run(jobs), strict=True)]


def _aggregate(scores, again, again_tasks, declared, key) -> dict:
    nothing = dict.fromkeys(("mean", "median", "iqm", "optimality_gap", "profile", "second"))
    if not scores:
        return nothing
    options = {"confidence": declared.confidence, "resamples": declared.resamples}
    statistics = {"mean": aggregate.mean, "median": aggregate.median, "iqm": aggregate.iqm,
                  "optimality_gap": aggregate.optimality_gap}  # fmt: skip
    found = {  # each from the same stream: one draw of runs for all of them
        name: bootstrap.stratified(scores, statistic, rng=declared.rng(*key), **options)._asdict()
        for name, statistic in statistics.items()
    }
    band = curves.profile_band(
        scores, TAUS, declared.confidence, declared.curve_resamples, declared.rng(*key, "profile")
    )
    profile = {"taus": TAUS, "share": band.center, "low": band.low, "high": band.high}
    if again:
        iqm = bootstrap.stratified(again, aggregate.iqm, rng=declared.rng(*key, "second"), **options)._asdict()
        nothing["second"] = {"tasks": again_tasks, "iqm": iqm}
    return nothing | found | {"profile": profile}


def _improvement(cells, anchors, declared, run) -> list[dict]:
    """Every variant against the study's first of the same implementation: does a run of it beat a run of that?"""
    told, jobs = [], []
    groups = groups_of(cells)
    for implementation in dict.fromkeys(name for name, _ in groups):
        first, *others = [label for name, label in groups if name == implementation]
        theirs = groups[implementation, first]
        for label in others:
            ours = groups[implementation, label]
            both = [task for task in ours if task in theirs and key_of(ours[task]) != key_of(theirs[task])]
            both = [task for task in both if min(len(scores_of(ours[task])), len(scores_of(theirs[task]))) >= FEWEST]
            if both:
                told.append({"implementation": implementation, "variant": label, "over": first, "tasks": both})
                x, y = ([scores_of(side[task]) for task in both] for side in (ours, theirs))
                jobs.append(partial(improved, x, y, declared, ("improvement", implementation, label, first)))
    return [names | numbers for names, numbers in zip(told, run(jobs), strict=True)]


def improved(x, y, declared, key) -> dict:
    """P(a run of x beats one of y) over all tasks and for each; x, y: scores by task."""
    found = bootstrap.two_sample(x, y, aggregate.probability_of_improvement, confidence=declared.confidence,
                                 resamples=declared.resamples, rng=declared.rng(*key))  # fmt: skip
    told = found._asdict()
    if found.standard_error == 0:  # every resample agrees: that bounds nothing
        told |= {"low": None, "high": None}
    return {
        "probability": told,
        "by_task": [superiority_of(a, b, declared.confidence) for a, b in zip(x, y, strict=True)],
    }

"""What a study of sensitivity says: each variant's settings against each other, and its sensitivity beside others'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from suite.analysis import types
from suite.analysis.ablations import PlannedAblation
from suite.analysis.declared import Declared
from suite.analysis.types import CellKey, CellResult, Estimate, Interval, LeftOut
from suite.analysis.workers import DoJobs
from suite.statistics import aggregate, sensitivity
from suite.statistics.sensitivity import FEWEST

BySeed = Mapping[CellKey, Mapping[int, float]]
"""The scores of a cell's runs that have one."""


class _Variant(NamedTuple):
    """A variant in one implementation: its settings, as it is first, and the cell of each on every task."""

    ablation: PlannedAblation
    arms: tuple[str, ...]
    values: tuple[Mapping[str, str], ...]  # of each arm, by parameter
    cells: Mapping[str, tuple[CellKey, ...]]
    without: tuple[str, ...]  # arms that are not planned on all of its tasks


class _Task(NamedTuple):
    """A task's scores on the scale of the study: of each variant [seeds, settings]."""

    seeds: tuple[int, ...]
    scale: Interval  # the returns that are 0 and 1
    scores: list[np.ndarray]


def sensitivities(
    ablations: Sequence[PlannedAblation], cells: Sequence[CellResult], declared: Declared, do: DoJobs
) -> tuple[types.Sensitivity, ...]:
    """The study's variants, the ablations that are one's settings, in each implementation that has some."""
    scores = {cell.key: {run.seed: run.score for run in cell.seeds if run.score is not None} for cell in cells}
    asked = [one for one in ablations if one.question.variant]
    implementations = dict.fromkeys(table.implementation for one in asked for table in one.tables)
    return tuple(do(partial(_of_implementation, name, asked, scores, declared) for name in implementations))


def _of_implementation(
    implementation: str, asked: Sequence[PlannedAblation], scores: BySeed, declared: Declared
) -> types.Sensitivity:
    variants = list(_variants(implementation, asked))
    used: dict[str, _Task] = {}
    left_out = []
    for task in dict.fromkeys(task for variant in variants for task in variant.cells):
        try:
            used[task] = _task(task, variants, scores)
        except ValueError as refusal:
            left_out.append(LeftOut(task, str(refusal)))
    dropped = [f"{one.ablation.name}/{arm}" for one in variants for arm in one.without]
    result = types.Sensitivity(
        implementation,
        tuple(used),
        tuple(left_out),
        {task: one.seeds for task, one in used.items()},
        {task: one.scale for task, one in used.items()},
        variants=(),
        differences=(),
        note=f"Not on every task, and left out: {', '.join(dropped)}." if dropped else "",
    )
    return _compared(result, variants, used, declared) if used else result


def _variants(implementation: str, asked: Sequence[PlannedAblation]) -> Iterator[_Variant]:
    for one in asked:
        tables = {
            table.task: {arm.arm: arm for arm in table.arms}
            for table in one.tables
            if table.implementation == implementation
        }
        planned = {name: arm.levels for arms in tables.values() for name, arm in arms.items()}
        arms = tuple(name for name in planned if all(name in of_task for of_task in tables.values()))
        if arms:
            cells = {
                task: tuple(CellKey(task, implementation, of_task[name].run_id) for name in arms)
                for task, of_task in tables.items()
            }
            without = tuple(name for name in planned if name not in arms)
            yield _Variant(one, arms, tuple(planned[name] for name in arms), cells, without)


def _task(task: str, variants: Sequence[_Variant], scores: BySeed) -> _Task:
    """A task's scores; ValueError where they are too few, or all the same."""
    if any(task not in variant.cells for variant in variants):
        raise ValueError("not every variant is planned there")
    known = [[scores[key] for key in variant.cells[task]] for variant in variants]
    seeds = tuple(sorted(set.intersection(*(set(by_seed) for of_variant in known for by_seed in of_variant))))
    if len(seeds) < FEWEST:
        raise ValueError(f"{len(seeds)} seeds have a score at every setting, and {FEWEST} are needed")
    raw = [np.array([[by_seed[seed] for by_seed in of_variant] for seed in seeds]) for of_variant in known]
    low, high = sensitivity.scale(raw)
    return _Task(seeds, Interval(low, high), [(values - low) / (high - low) for values in raw])


def _compared(
    result: types.Sensitivity, variants: Sequence[_Variant], used: Mapping[str, _Task], declared: Declared
) -> types.Sensitivity:
    scores = [[one.scores[n] for one in used.values()] for n in range(len(variants))]
    options: dict[str, Any] = {"confidence": declared.confidence, "resamples": declared.curve_resamples}
    found = sensitivity.compare(scores, rng=declared.rng("sensitivity", result.implementation), **options)
    tuned = (
        _tuned(variant, dict(zip(used, of_variant, strict=True)), tuning, declared.confidence)
        for variant, of_variant, tuning in zip(variants, scores, found.variants, strict=True)
    )
    pairs = zip(combinations([one.ablation.question.variant for one in variants], 2), found.differences, strict=True)
    differences = (types.SensitivityDifference(a, b, _estimate(one)) for (a, b), one in pairs)
    return types.Sensitivity(**vars(result) | {"variants": tuple(tuned), "differences": tuple(differences)})


def _tuned(
    variant: _Variant, scores: Mapping[str, np.ndarray], tuning: sensitivity.Tuning, confidence: float
) -> types.TunedVariant:
    tasks = list(scores.values())
    naive_tuned, naive_sensitivity = sensitivity.naive(tasks)
    means = np.stack([values.mean(axis=0) for values in tasks])
    best = {task: variant.arms[place] for task, place in zip(scores, means.argmax(axis=1), strict=True)}
    parameters = dict.fromkeys(name for values in variant.values for name in values)
    own = variant.values[0]
    table = np.array([[values.get(name, own.get(name, "")) for name in parameters] for values in variant.values])
    settings = (
        types.SettingResult(
            arm,
            values,
            {task: _student([of_task[:, n]], confidence) for task, of_task in scores.items()},
            _student([of_task[:, n] for of_task in tasks], confidence),
        )
        for n, (arm, values) in enumerate(zip(variant.arms, variant.values, strict=True))
    )
    return types.TunedVariant(
        variant.ablation.question.variant,
        variant.ablation.name,
        tuple(settings),
        **{name: _estimate(one) for name, one in tuning._asdict().items()},
        naive_tuned=naive_tuned,
        naive_sensitivity=naive_sensitivity,
        dimensionality=sensitivity.dimensionality(tasks, table),
        best=best,
        best_single=variant.arms[means.mean(axis=0).argmax()],
    )


def _student(scores: Sequence[np.ndarray], confidence: float) -> Estimate:
    return _estimate(aggregate.student(scores, confidence))


def _estimate(interval: aggregate.Interval) -> Estimate:
    return Estimate(**interval._asdict())

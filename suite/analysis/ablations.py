"""What an ablation says: every arm against the baseline, the factorial of its switches, and all tasks at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from math import prod
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from suite.analysis import types
from suite.analysis.agreement import differing, not_learned_note
from suite.analysis.declared import Declared
from suite.analysis.results_file import from_plain, to_plain
from suite.analysis.scores import (
    FEWEST,
    NO_REFERENCE,
    Paired,
    Sample,
    neither_learned,
    on_scale,
    paired,
    sample_of,
)
from suite.analysis.types import NOT_LEARNED, AblationResult, ArmResult, CellKey, CellResult, Effect, Label
from suite.analysis.workers import DoJobs
from suite.published.anchors import Scale
from suite.sac.ablation import OUTCOMES, SCORE
from suite.statistics import factorial, failures

SIMPLE_ONLY = "The differences to the baseline are simple effects only."
IN_RETURN = ("area",)
"""Outcomes besides the score that the tasks' scale of returns makes comparable."""
Levels = Mapping[str, Sequence[str]]
"""Factor -> its levels, the one that effects start from first."""
Values = Callable[["_Arm"], Sample]
"""What the runs of an arm are compared by: their scores in return, or what is over all tasks, normalised."""
CellScores = dict[tuple[int, ...], np.ndarray]
"""Scores [runs] by the places of the factors' levels, 0 or 1."""


@dataclass(frozen=True)
class Question:
    """What an ablation asks; empty where its file says nothing."""

    question: str = ""
    outcomes: tuple[str, ...] = ()
    expected: str = ""
    literature: tuple[str, ...] = ()
    factors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    directions: Mapping[str, str] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    margin: float | None = None
    meaningless: tuple[types.Meaningless, ...] = ()
    walk: bool = False
    variant: str = ""
    doses: types.Doses | None = None


class PlannedArm(NamedTuple):
    arm: str
    label: Label
    levels: Mapping[str, str]
    baseline: bool
    run_id: str


class PlannedTable(NamedTuple):
    """The arms of an ablation on one task with one implementation, the baseline first."""

    task: str
    implementation: str
    arms: tuple[PlannedArm, ...]


class PlannedAblation(NamedTuple):
    name: str
    question: Question
    tables: tuple[PlannedTable, ...]


def question_of(data: Mapping) -> Question:
    """An ablation's question from its entry in ablations.json; one of before outcomes had names tells it in words."""
    fields = to_plain(Question()) | dict(data)
    if words := fields.pop("metric", ""):
        fields["outcomes"] = [next((name for name, one in OUTCOMES.items() if one.words == words), words)]
    return from_plain(Question, fields)


def planned_ablations(manifest: pd.DataFrame, questions: Mapping[str, Question]) -> list[PlannedAblation]:
    """The ablations of the manifest with their questions."""
    rows = manifest[manifest["ablation"] != ""]
    return [
        PlannedAblation(name, questions.get(name, Question()), tuple(_planned_tables(of_ablation)))
        for name, of_ablation in rows.groupby("ablation", sort=False)
    ]


def _planned_tables(rows: pd.DataFrame) -> Iterable[PlannedTable]:
    for (task, implementation), part in rows.groupby(["task", "implementation"], sort=False):
        arms = part.drop_duplicates("arm").sort_values("baseline", ascending=False, kind="stable")
        yield PlannedTable(task, implementation, tuple(_planned_arm(row) for row in arms.itertuples()))


def _planned_arm(row) -> PlannedArm:
    label = Label("", row.ablation, row.arm)
    return PlannedArm(row.arm, label, json.loads(row.levels), bool(row.baseline), row.run_id)


class _Arm(NamedTuple):
    planned: PlannedArm
    cell: CellResult
    outcomes: Mapping[str, Sample]


class _Table(NamedTuple):
    task: str
    implementation: str
    arms: tuple[_Arm, ...]

    @property
    def baseline(self) -> _Arm | None:
        return next((arm for arm in self.arms if arm.planned.baseline), None)


def ablation_results(
    ablations: Sequence[PlannedAblation],
    cells: Sequence[CellResult],
    outcomes: Mapping[CellKey, Mapping[str, Sample]],
    anchors: Mapping[str, Scale],
    declared: Declared,
    do: DoJobs,
) -> list[AblationResult]:
    """Every ablation's arms against the baseline by task and implementation, its factorial, and all tasks at once; p
    values not adjusted yet."""
    by_key = {cell.key: cell for cell in cells}
    tables = {one.name: [_with_cells(table, by_key, outcomes) for table in one.tables] for one in ablations}
    single = [
        partial(_table_result, table, ablation.question, declared, (ablation.name, *table[:2]))
        for ablation in ablations
        for table in tables[ablation.name]
    ]
    overall = [
        partial(_over_tasks, of_name, ablation.question, anchors, declared, ("suite", ablation.name, name))
        for ablation in ablations
        for name, of_name in _by_implementation(tables[ablation.name]).items()
    ]
    by_table, together = iter(do(single)), iter(do(overall))
    results = []
    for name, question, planned_tables in ablations:
        of_tables = tuple(next(by_table) for _ in planned_tables)
        over_tasks = tuple(next(together) for _ in _by_implementation(tables[name]))
        results.append(AblationResult(name, **vars(question), tables=of_tables, over_tasks=over_tasks))
    return results


def _with_cells(
    table: PlannedTable, cells: Mapping[CellKey, CellResult], outcomes: Mapping[CellKey, Mapping[str, Sample]]
) -> _Table:
    keys = [CellKey(table.task, table.implementation, arm.run_id) for arm in table.arms]
    arms = (_Arm(arm, cells[key], outcomes.get(key, {})) for arm, key in zip(table.arms, keys, strict=True))
    return _Table(table.task, table.implementation, tuple(arms))


def _by_implementation(tables: Sequence[_Table]) -> dict[str, list[_Table]]:
    groups: dict[str, list[_Table]] = {}
    for table in tables:
        groups.setdefault(table.implementation, []).append(table)
    return groups


def _table_result(table: _Table, asked: Question, declared: Declared, key: tuple) -> types.AblationTable:
    levels, options = asked.factors, (asked.outcomes, declared, ("arm", *key))
    arms = tuple(_arm_result(arm, table.baseline, *options) for arm in table.arms)
    if asked.walk:
        arms = tuple(
            _with_step(*pair, declared, key) for pair in zip(arms, table.arms, (None, *table.arms), strict=False)
        )
    effects = None
    if two_levels(levels):
        alone = types.Factorial((), (), (), f"{NOT_LEARNED} by any arm.")
        effects = alone if _none_learned(table) else _factorial(table, levels, declared, key)
    return types.AblationTable(table.task, table.implementation, arms, effects)


def _none_learned(table: _Table) -> bool:
    """Whether it is known of every arm that it is not shown to have learned."""
    return all(neither_learned(arm.cell, arm.cell) for arm in table.arms)


def _arm_result(arm: _Arm, baseline: _Arm | None, outcomes: Sequence[str], declared: Declared, key: tuple) -> ArmResult:
    """An arm with its differences to the baseline, or the sentence why there is none."""
    planned, cell = arm.planned, arm.cell
    alone = ArmResult(*planned[:4], cell.variant, cell.run_id)
    if baseline is None:
        return replace(alone, note="no baseline is planned here")
    if planned.baseline or cell.key == baseline.cell.key:
        return alone
    x, y = sample_of(cell), sample_of(baseline.cell)
    alone = replace(alone, failures=_failures(cell, baseline.cell))
    if min(cell.n_scored, baseline.cell.n_scored) < FEWEST:
        counts = f"{cell.n_scored} and {baseline.cell.n_scored}"
        note = f"a difference needs two scored runs on each side, here are {counts}"
        return replace(alone, note=note)
    if neither_learned(cell, baseline.cell):
        return replace(alone, note=not_learned_note(declared))
    further = {name: (arm.outcomes[name], baseline.outcomes[name]) for name in outcomes if _both(name, arm, baseline)}
    return replace(
        alone,
        difference=_difference(x, y, declared, (*key, planned.arm)),
        outcomes={name: _difference(*pair, declared, (*key, planned.arm, name)) for name, pair in further.items()},
    )


def _with_step(result: ArmResult, arm: _Arm, before: _Arm | None, declared: Declared, key: tuple) -> ArmResult:
    """A walk's arm with its difference to the arm before it, where both have runs enough."""
    if before is None or min(arm.cell.n_scored, before.cell.n_scored) < FEWEST:
        return result
    rng = declared.rng("step", *key, result.arm)
    return replace(result, step=differing(sample_of(arm.cell), sample_of(before.cell), declared.confidence, rng))


def _both(outcome: str, arm: _Arm, baseline: _Arm) -> bool:
    """Whether enough runs on either side have a value of an outcome; of steps to a threshold, not all the budget."""
    if not all(outcome in one.outcomes and len(one.outcomes[outcome].values) >= FEWEST for one in (arm, baseline)):
        return False
    values = {*arm.outcomes[outcome].values, *baseline.outcomes[outcome].values}
    return outcome != "steps_to_threshold" or len(values) > 1


def _difference(x: Sample, y: Sample, declared: Declared, key: tuple) -> types.AdjustedDifference:
    difference = differing(x, y, declared.confidence, declared.rng(*key))
    return types.AdjustedDifference(**vars(difference), family="exploratory")


def _failures(cell: CellResult, baseline: CellResult) -> types.FailureComparison | None:
    """The failure rates, where a run failed at all."""
    failed, scored = (cell.n_failed, baseline.n_failed), (cell.n_scored, baseline.n_scored)
    if not any(failed) or not all(scored):
        return None
    return types.FailureComparison(failed, scored, failures.barnard(failed[0], scored[0], failed[1], scored[1]).p)


def _cell_scores(table: _Table, levels: Levels, values: Values) -> CellScores:
    """The arms' values by their factors' levels as 0 and 1, without cells that have none."""
    cells = {}
    for arm in table.arms:
        of_arm = values(arm).values
        if set(arm.planned.levels) == set(levels) and len(of_arm):
            cells[_place(arm, levels)] = of_arm
    return cells


def _place(arm: _Arm, levels: Levels) -> tuple[int, ...]:
    """The places of the arm's levels, 0 or 1."""
    return tuple(levels[factor].index(arm.planned.levels[factor]) for factor in levels)


def two_levels(levels: Levels) -> bool:
    """Whether there are several factors with two levels each, whose effects a factorial tells apart."""
    return len(levels) >= 2 and all(len(names) == 2 for names in levels.values())


def crossed(levels: Levels, planned: Sequence[Sequence[Mapping[str, str]]]) -> bool:
    """Whether factors of two levels each are planned at every combination of these, on every task; planned: the levels
    of every arm, by task."""
    combinations_of = prod(len(names) for names in levels.values())
    of_tasks = [
        {tuple(arm[factor] for factor in levels) for arm in arms if set(arm) == set(levels)} for arms in planned
    ]
    return two_levels(levels) and all(len(places) == combinations_of for places in of_tasks)


def _factorial(table: _Table, levels: Levels, declared: Declared, key: tuple) -> types.Factorial:
    """Main effects, interactions, simple effects and Shapley shares; a sentence instead of what a missing cell
    forbids."""
    factors, cells = list(levels), _cell_scores(table, levels, lambda arm: sample_of(arm.cell))
    simple: tuple[Effect, ...] = ()
    with suppress(ValueError):  # no two cells to compare: the refusal below says what is missing
        known = [arm for arm in table.arms if set(arm.planned.levels) == set(levels)]
        silent = {_place(arm, levels) for arm in known if neither_learned(arm.cell, arm.cell)}
        simple = _simple_effects(cells, levels, declared.confidence, silent)
    try:
        effects = factorial.contrasts(cells, factors, declared.confidence)
        shares = factorial.shapley(cells, factors, declared.confidence)
    except ValueError as refusal:
        return types.Factorial((), simple, (), f"{refusal}. {SIMPLE_ONLY}")
    crossed = zip(_crossed(factors), effects, strict=True)
    named = tuple(types.AdjustedEffect(of, {}, *effect[1:], family="exploratory") for of, effect in crossed)
    return types.Factorial(named, simple, _shares(factors, shares), "")


def _crossed(factors: Sequence[str]) -> list[tuple[str, ...]]:
    """The factors of each main effect and interaction, in the order of `factorial.contrasts`."""
    return [of for size in range(1, len(factors) + 1) for of in combinations(factors, size)]


def _shares(factors: Sequence[str], shares: Iterable[factorial.Effect]) -> tuple[Effect, ...]:
    return tuple(Effect((factor,), {}, *share[1:]) for factor, share in zip(factors, shares, strict=True))


def _simple_effects(
    cells: CellScores, levels: Levels, confidence: float, silent: Collection[tuple[int, ...]] = ()
) -> tuple[Effect, ...]:
    """The effect of each factor with all others held, wherever both of its cells have runs and not both are silent: are
    known not to be shown to have learned."""
    effects = factorial.simple_effects(cells, list(levels), confidence)
    pairs = factorial.pairs(cells, list(levels))
    held = [{other: levels[other][at] for other, at in pair.held} for pair in pairs]
    return tuple(
        Effect((pair.factor,), at, *effect[1:])
        for pair, at, effect in zip(pairs, held, effects, strict=True)
        if pair.low not in silent or pair.high not in silent
    )


def _over_tasks(
    tables: Sequence[_Table], asked: Question, anchors: Mapping[str, Scale], declared: Declared, key: tuple
) -> types.AblationOverTasks:
    """The ablation over all tasks of one implementation: its first outcome where that is a return, else the score,
    normalised."""
    used, left_out = _usable(tables, anchors)
    outcome = _over_all(asked.outcomes, used)
    tasks = tuple(table.task for table in used)
    empty = types.AblationOverTasks(tables[0].implementation, tasks, left_out, outcome=outcome)

    def values(arm: _Arm) -> Sample:
        of_arm = sample_of(arm.cell) if outcome == SCORE else arm.outcomes[outcome]
        return of_arm._replace(values=on_scale(of_arm.values, anchors[arm.cell.task]))

    if not crossed(asked.factors, [[arm.planned.levels for arm in table.arms] for table in tables]):
        silent = _not_learned(used)
        note = "".join(f"{arm}: {NOT_LEARNED} on {', '.join(tasks)}. " for arm, tasks in silent.items()).strip()
        effects = _arms_over_tasks(used, silent, values, declared, key)
        simple = _simple_over_tasks(used, asked.factors, values, declared, (*key, "simple"))
        return replace(empty, effects=effects, simple=simple, note=note)
    try:
        cells = [_cell_scores(table, asked.factors, values) for table in used]
        effects, shares = _factors_over_tasks(cells, list(asked.factors), declared, key)
    except ValueError as refusal:
        return replace(empty, note=f"{refusal}. {SIMPLE_ONLY}")
    return replace(empty, effects=effects, shapley=shares)


def _over_all(outcomes: Sequence[str], tables: Sequence[_Table]) -> str:
    """The outcome that is compared over all tasks: the first declared, if it is in return and every arm has it."""
    first = outcomes[0] if outcomes else SCORE
    arms = [arm for table in tables for arm in table.arms]
    known = all(first in arm.outcomes and len(arm.outcomes[first].values) >= FEWEST for arm in arms)
    return first if first in IN_RETURN and known else SCORE


def _usable(tables: Sequence[_Table], anchors: Mapping[str, Scale]) -> tuple[list[_Table], tuple[types.LeftOut, ...]]:
    """The tables with anchors and enough scored runs of every arm, and why the others are left out."""
    used, left_out = [], []
    for table in tables:
        short = [arm.planned.arm for arm in table.arms if len(arm.cell.scores) < FEWEST]
        if table.task not in anchors:
            left_out.append(types.LeftOut(table.task, NO_REFERENCE))
        elif _none_learned(table):
            left_out.append(types.LeftOut(table.task, f"{NOT_LEARNED} by any arm"))
        elif short:
            left_out.append(types.LeftOut(table.task, f"fewer than two scored runs of {', '.join(short)}"))
        else:
            used.append(table)
    return used, tuple(left_out)


def _factors_over_tasks(
    cells: list[CellScores], factors: list[str], declared: Declared, key: tuple
) -> tuple[tuple[types.SuiteEffect, ...], tuple[Effect, ...]]:
    """Main effects and interactions averaged over tasks, and Shapley shares; ValueError if a cell has no runs."""
    options: dict[str, Any] = {"confidence": declared.confidence, "resamples": declared.curve_resamples}
    effects = factorial.suite_contrasts(cells, factors, rng=declared.rng(*key), **options)
    shares = factorial.suite_shapley(cells, factors, declared.confidence)
    crossed = zip(_crossed(factors), effects, strict=True)
    return tuple(types.SuiteEffect(of, "", "", *effect[1:]) for of, effect in crossed), _shares(factors, shares)


def _not_learned(tables: Sequence[_Table]) -> dict[str, list[str]]:
    """The arms of which, on some tasks, neither they nor the baseline have learned, with these tasks."""
    silent: dict[str, list[str]] = {}
    for table in tables:
        baseline = table.baseline
        for arm in table.arms:
            if baseline and arm is not baseline and neither_learned(arm.cell, baseline.cell):
                silent.setdefault(arm.planned.arm, []).append(table.task)
    return silent


def _arms_over_tasks(
    tables: Sequence[_Table], silent: Iterable[str], values: Values, declared: Declared, key: tuple
) -> tuple[types.SuiteEffect, ...]:
    """Every arm minus the baseline, averaged over the tasks where both are planned: of pairs where there are enough on
    each of them, the effect of all runs beside it; nothing of arms that are silent."""
    sides: dict[tuple[str, str], list[tuple[Sample, Sample]]] = {}
    for table in tables:
        if (base := table.baseline) is None:
            continue
        for arm in table.arms:
            if not arm.planned.baseline and arm.planned.arm not in silent:
                sides.setdefault((arm.planned.arm, base.planned.arm), []).append((values(arm), values(base)))
    return tuple(_over_sides(*names, samples, declared, key) for names, samples in sides.items())


def _over_sides(
    name: str, baseline: str, samples: Sequence[tuple[Sample, Sample]], declared: Declared, key: tuple
) -> types.SuiteEffect:
    """One side minus the other, both of every task, averaged over tasks."""
    of = f"{name} − {baseline}"  # the name of the random stream, too
    cells: list[CellScores] = [{(0,): y.values, (1,): x.values} for x, y in samples]
    options: dict[str, Any] = {"confidence": declared.confidence, "resamples": declared.curve_resamples}
    (effect,) = factorial.suite_contrasts(cells, [of], rng=declared.rng(*key, of), **options)
    of_all = types.SuiteEffect((), name, baseline, *effect[1:])
    pairs = [both for both in (paired(x, y) for x, y in samples) if both]
    return _of_pairs(of_all, pairs, declared) if len(pairs) == len(samples) else of_all


class _Held(NamedTuple):
    """Two arms of a table that differ in one factor alone: at the first of its levels, and at the second."""

    factor: str
    levels: tuple[tuple[str, str], ...]  # of all other factors
    first: _Arm
    second: _Arm


def _held(table: _Table, factors: Levels) -> Iterable[_Held]:
    """The pairs of arms that differ in a factor of two levels alone, where there are other factors besides."""
    known = {frozenset(arm.planned.levels.items()): arm for arm in table.arms}
    for factor, levels in factors.items() if len(factors) > 1 else ():
        for arm in table.arms:
            first = known.get(frozenset({**arm.planned.levels, factor: levels[0]}.items()))
            if len(levels) == 2 and arm.planned.levels.get(factor) == levels[1] and first:
                others = ((name, level) for name, level in arm.planned.levels.items() if name != factor)
                yield _Held(factor, tuple(others), first, arm)


def _simple_over_tasks(
    tables: Sequence[_Table], factors: Levels, values: Values, declared: Declared, key: tuple
) -> tuple[Effect, ...]:
    """The effect of every factor of two levels with all others held, averaged over the tasks where both arms are
    planned; nothing of two arms neither of which has learned on one of these."""
    sides: dict[tuple[str, tuple], list[_Held]] = {}
    for table in tables:
        for pair in _held(table, factors):
            sides.setdefault((pair.factor, pair.levels), []).append(pair)
    effects = []
    for (factor, held), pairs in sides.items():
        if any(neither_learned(pair.first.cell, pair.second.cell) for pair in pairs):
            continue
        names = pairs[0].second.planned.arm, pairs[0].first.planned.arm
        samples = [(values(pair.second), values(pair.first)) for pair in pairs]
        effect = _over_sides(*names, samples, declared, key)
        effects.append(Effect((factor,), dict(held), effect.estimate, effect.standard_error, effect.df, effect.low,
                              effect.high, effect.p))  # fmt: skip
    return tuple(effects)


def _of_pairs(of_all: types.SuiteEffect, pairs: Sequence[Paired], declared: Declared) -> types.SuiteEffect:
    """The effect of the pairs of every task, that of all runs beside it."""
    effect = factorial.suite_pairs([both.x - both.y for both in pairs], confidence=declared.confidence)
    beside = types.UnpairedEffect(of_all.estimate, of_all.low, of_all.high, of_all.p)
    return replace(
        of_all,
        estimate=effect.estimate,
        standard_error=effect.standard_error,
        df=effect.df,
        low=effect.low,
        high=effect.high,
        p=effect.p,
        pairs=sum(len(both.seeds) for both in pairs),
        unpaired=beside,
    )

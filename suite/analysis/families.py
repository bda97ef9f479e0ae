"""Questions that are asked together: their p values adjusted for their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np

from suite.analysis import types
from suite.analysis.check_rows import CheckRow
from suite.analysis.declared import Declared
from suite.analysis.types import AblationResult, AblationTable, Agreement, Family, FamilyName
from suite.statistics import multiplicity
from suite.study.config import Method

Question = types.AdjustedDifference | types.AdjustedEffect | types.AdjustedMarginTest | types.SuiteEffect
"""What has a raw p and one that is adjusted in a family."""
Q = TypeVar("Q", bound=Question)


def adjusted(questions: Iterable[Q], method: Method) -> Iterator[Q]:
    """The questions of one family, in their order, with p_adjusted and family_size; a p that is not finite has none."""
    questions = list(questions)
    raw = np.array([np.nan if question.p is None else question.p for question in questions], dtype=float)
    size = int(np.isfinite(raw).sum())
    for question, p in zip(questions, multiplicity.adjust(raw, method).tolist(), strict=True):
        yield replace(question, p_adjusted=p, family_size=size)


def families_of(
    agreements: Iterable[Agreement], ablations: Iterable[AblationResult], check: Iterable[CheckRow], declared: Declared
) -> dict[FamilyName, Family]:
    """Every family's method and size, of results that are adjusted.

    The regression check has adjusted its own rows: its gate, too, must stand where no statistics are made.
    """
    tables = [table for one in ablations for table in one.tables]
    sizes: dict[FamilyName, list[int]] = {
        "equivalence": [one.equivalence.family_size for one in agreements if one.equivalence is not None],
        "ablation": [effect.family_size for one in ablations for suite in one.over_tasks for effect in suite.effects],
        "exploratory": [question.family_size for table in tables for question in _questions(table)],
        "regression": [row.family_size or 0 for row in check],
    }
    return {name: Family(getattr(declared.families, name), max(size, default=0)) for name, size in sizes.items()}


def adjusted_agreements(agreements: list[Agreement], declared: Declared) -> tuple[Agreement, ...]:
    """The family "equivalence": every verdict on two implementations."""
    tests = adjusted((one.equivalence for one in agreements if one.equivalence), declared.families.equivalence)
    return tuple(replace(one, equivalence=next(tests)) if one.equivalence else one for one in agreements)


def adjusted_ablations(ablations: list[AblationResult], declared: Declared) -> tuple[AblationResult, ...]:
    """The families "ablation", of every effect over all tasks, and "exploratory", of what single tasks say."""
    overall = (effect for one in ablations for suite in one.over_tasks for effect in suite.effects)
    effects = adjusted(overall, declared.families.ablation)
    single = (question for one in ablations for table in one.tables for question in _questions(table))
    questions = adjusted(single, declared.families.exploratory)
    results = []
    for one in ablations:
        over_tasks = (replace(of, effects=tuple(next(effects) for _ in of.effects)) for of in one.over_tasks)
        tables = (_with_questions(table, questions) for table in one.tables)
        results.append(replace(one, over_tasks=tuple(over_tasks), tables=tuple(tables)))
    return tuple(results)


def _questions(table: AblationTable) -> Iterator[Question]:
    """What a table asks: its arms' differences, outcome by outcome, then its factors' effects."""
    for arm in table.arms:
        yield from [arm.difference] if arm.difference else []
        yield from arm.outcomes.values()
    yield from table.factorial.effects if table.factorial else ()


def _with_questions(table: AblationTable, questions: Iterator) -> AblationTable:
    """The table with its questions, in the order of `_questions`, taken from those that are adjusted."""
    arms = []
    for arm in table.arms:
        difference = next(questions) if arm.difference else None
        arms.append(replace(arm, difference=difference, outcomes={name: next(questions) for name in arm.outcomes}))
    factorial = table.factorial
    if factorial is not None:
        factorial = replace(factorial, effects=tuple(next(questions) for _ in factorial.effects))
    return replace(table, arms=tuple(arms), factorial=factorial)

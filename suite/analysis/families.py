"""Questions that are asked together: their p values adjusted for their number, and the words for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np

from suite.analysis.check_rows import CheckRow
from suite.analysis.declared import Declared
from suite.analysis.types import (
    AblationResult,
    AblationTable,
    AdjustedDifference,
    AdjustedEffect,
    AdjustedMarginTest,
    Agreement,
    Family,
    FamilyName,
    SuiteEffect,
)
from suite.statistics import multiplicity
from suite.study.config import Method

METHODS: Mapping[Method, str] = {"holm": "Holm", "hommel": "Hommel", "bonferroni": "Bonferroni",
                                 "bh": "Benjamini and Hochberg", "by": "Benjamini and Yekutieli"}  # fmt: skip
"""The adjustments in words."""

FALSE_DISCOVERY: tuple[Method, ...] = ("bh", "by")
"""These bound the share of false alarms among the alarms; the others the chance of any false alarm."""


Question = AdjustedDifference | AdjustedEffect | AdjustedMarginTest | SuiteEffect
"""What has a raw p and one that is adjusted in a family."""

Q = TypeVar("Q", bound=Question)


def adjusted(questions: Iterable[Q], method: Method) -> list[Q]:
    """The questions of one family, in their order, with p_adjusted and family_size; a p that is not finite has none."""
    questions = list(questions)
    if not questions:
        return []
    raw = np.array([np.nan if question.p is None else question.p for question in questions])
    size, values = int(np.isfinite(raw).sum()), multiplicity.adjust(raw, method)
    pairs = zip(questions, values, strict=True)
    return [replace(question, p_adjusted=float(p), family_size=size) for question, p in pairs]


def families_of(
    agreements: Iterable[Agreement], ablations: Iterable[AblationResult], check: Iterable[CheckRow], declared: Declared
) -> dict[FamilyName, Family]:
    """Every family's method and size, of results that are adjusted.

    The regression check has adjusted its own rows: its gate, too, must stand where no statistics are made.
    """
    sizes: dict[FamilyName, list[int]] = {
        "equivalence": [one.equivalence.family_size for one in agreements if one.equivalence is not None],
        "ablation": [effect.family_size for one in ablations for suite in one.over_tasks for effect in suite.effects],
        "exploratory": [size for one in ablations for table in one.tables for size in _sizes(table)],
        "regression": [row.family_size or 0 for row in check],
    }
    return {name: Family(getattr(declared.families, name), max(size, default=0)) for name, size in sizes.items()}


def _sizes(table: AblationTable) -> Iterator[int]:
    yield from (arm.difference.family_size for arm in table.arms if arm.difference is not None)
    yield from (effect.family_size for effect in (table.factorial.effects if table.factorial else ()))


def adjusted_agreements(agreements: Iterable[Agreement], declared: Declared) -> tuple[Agreement, ...]:
    """The family "equivalence": every verdict on two implementations."""
    agreements = list(agreements)
    tests = (one.equivalence for one in agreements if one.equivalence is not None)
    again = iter(adjusted(tests, declared.families.equivalence))
    return tuple(one if one.equivalence is None else replace(one, equivalence=next(again)) for one in agreements)


def adjusted_ablations(ablations: Iterable[AblationResult], declared: Declared) -> tuple[AblationResult, ...]:
    """The families "ablation", of every effect over all tasks, and "exploratory", of what single tasks say."""
    ablations = list(ablations)
    overall = (effect for one in ablations for suite in one.over_tasks for effect in suite.effects)
    effects_again = iter(adjusted(overall, declared.families.ablation))
    single = [question for one in ablations for table in one.tables for question in _questions(table)]
    single_again = iter(adjusted(single, declared.families.exploratory))
    return tuple(
        replace(
            one,
            over_tasks=tuple(
                replace(suite, effects=tuple(next(effects_again) for _ in suite.effects)) for suite in one.over_tasks
            ),
            tables=tuple(_adjusted_table(table, single_again) for table in one.tables),
        )
        for one in ablations
    )


def _questions(table: AblationTable) -> Iterator[Question]:
    """What a table asks: its arms' differences, then its factors' effects."""
    yield from (arm.difference for arm in table.arms if arm.difference is not None)
    if table.factorial is not None:
        yield from table.factorial.effects


def _adjusted_table(table: AblationTable, again: Iterator) -> AblationTable:
    """The table with its questions, in the order of `_questions`, from `again`."""
    arms = tuple(arm if arm.difference is None else replace(arm, difference=next(again)) for arm in table.arms)
    factorial = table.factorial
    if factorial is not None:
        factorial = replace(factorial, effects=tuple(next(again) for _ in factorial.effects))
    return replace(table, arms=arms, factorial=factorial)

"""What a study answers: every question's arms and factors, over all tasks, each with what its numbers allow to find.

BETTER and WORSE are found where the p value adjusted in the family "ablation" is at most 5 %, EQUIVALENT where the
interval of the declared level lies within the margin; this comes first, for a difference may be seen and not matter.
While planned runs are absent nothing is found: who decides by those that are there decides when to stop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from suite.analysis.ablations import crossed
from suite.analysis.declared import Declared
from suite.analysis.scores import NO_REFERENCE
from suite.analysis.types import (
    NOT_LEARNED,
    SIGNIFICANT,
    AblationOverTasks,
    AblationResult,
    AblationTable,
    Answer,
    CellKey,
    CellResult,
    ConfidenceInterval,
    Finding,
    Held,
    SuiteEffect,
)
from suite.statistics.equivalence import within_margin

CONFIRMING: Mapping[str, Finding] = {"better": "BETTER", "worse": "WORSE", "equal": "EQUIVALENT"}
DECIDED = tuple(CONFIRMING.values())


def answers(ablations: Sequence[AblationResult], cells: Sequence[CellResult], declared: Declared) -> list[Answer]:
    """The answers to every question, p values adjusted before; settings of a study of sensitivity answer none."""
    by_key = {cell.key: cell for cell in cells}
    asked = (one for one in ablations if not one.variant)
    return [answer for one in asked for over in one.over_tasks for answer in _answers(one, over, by_key, declared)]


def _answers(
    ablation: AblationResult, over: AblationOverTasks, cells: Mapping[CellKey, CellResult], declared: Declared
) -> Iterator[Answer]:
    """Those of one implementation: of main effects, or else of every arm."""
    margin = ablation.margin or declared.equivalence.margin
    effects = {effect.arm or effect.name: effect for effect in over.effects}
    for factor, side, beside in _sides(ablation, over.implementation):
        arms = () if factor else (side, beside)
        every, of_side = _shown(ablation, arms, cells, over), _asked(ablation, over, arms)
        effect, shown = effects.get(factor or side), [cell for cell in every if cell.task in over.tasks]
        alone = _alone(ablation, of_side, factor, side, beside, margin, sum(cell.n_absent for cell in every))
        yield _found(alone, effect, shown, declared) if effect else alone


def _tables(ablation: AblationResult, implementation: str, arms: Sequence[str]) -> list[AblationTable]:
    """The tables of an implementation on which all these arms are planned (none named: every one)."""
    tables = (one for one in ablation.tables if one.implementation == implementation)
    return [one for one in tables if set(arms) <= {arm.arm for arm in one.arms}]


def _asked(ablation: AblationResult, over: AblationOverTasks, arms: Sequence[str]) -> AblationOverTasks:
    """What is over all tasks, of those alone on which these arms are planned."""
    tasks = {table.task for table in _tables(ablation, over.implementation, arms)}
    left_out = tuple(one for one in over.left_out if one.task in tasks)
    return replace(over, tasks=tuple(task for task in over.tasks if task in tasks), left_out=left_out)


def _sides(ablation: AblationResult, implementation: str) -> list[tuple[str, str, str]]:
    """What is held against what: every factor's second level against its first where each has two and all are crossed,
    else every arm against its baseline; the factor is "" then."""
    tables = _tables(ablation, implementation, ())
    if crossed(ablation.factors, [[arm.levels for arm in table.arms] for table in tables]):
        return [(factor, levels[1], levels[0]) for factor, levels in ablation.factors.items()]
    return [("", *pair) for pair in _arms(ablation, implementation)]


def _arms(ablation: AblationResult, implementation: str) -> list[tuple[str, str]]:
    """Every arm with its baseline, in the order first planned; none that is the baseline under another name."""
    pairs: dict[str, str] = {}
    for table in ablation.tables:
        baseline = next((arm for arm in table.arms if arm.baseline), None)
        if table.implementation != implementation or baseline is None:
            continue
        for arm in table.arms:
            if not arm.baseline and arm.run_id != baseline.run_id:
                pairs.setdefault(arm.arm, baseline.arm)
    return list(pairs.items())


def _alone(
    ablation: AblationResult, over: AblationOverTasks, factor: str, side: str, beside: str, margin: float, absent: int
) -> Answer:
    """The answer without numbers: nothing has learned, no task has a scale, or there are too few runs; absent: runs
    that are planned."""
    first = not ablation.outcomes or ablation.outcomes[0] == over.outcome  # of which alone something is expected
    foreseen = not ablation.tasks or set(over.tasks) <= set(ablation.tasks)
    expected = ablation.directions.get(side, "") if first and foreseen else ""
    silent = [one.why.startswith(NOT_LEARNED) for one in over.left_out]
    finding: Finding = "TOO FEW SEEDS"
    if absent:
        finding = "INCOMPLETE"
    elif f"{side}: {NOT_LEARNED}" in over.note or (silent and all(silent)):
        finding = NOT_LEARNED
    elif silent and all(quiet or one.why == NO_REFERENCE for quiet, one in zip(silent, over.left_out, strict=True)):
        finding = "NO SCALE"
    return Answer(ablation.name, over.implementation, factor, side, beside, over.tasks, over.left_out, margin, finding,
                  expected, None, over.outcome, absent=absent)  # fmt: skip


def _shown(
    ablation: AblationResult, arms: Sequence[str], cells: Mapping[CellKey, CellResult], over: AblationOverTasks
) -> list[CellResult]:
    """The cells of these arms (none named: of all) on every task on which they are planned."""
    tables = _tables(ablation, over.implementation, arms)
    return [cells[table.key_of(arm)] for table in tables for arm in table.arms if not arms or arm.arm in arms]


def _found(alone: Answer, effect: SuiteEffect, shown: Sequence[CellResult], declared: Declared) -> Answer:
    """The answer that an effect of these cells gives."""
    seeds = min(cell.n_scored for cell in shown)
    known = replace(
        alone,
        seeds=seeds,
        estimate=effect.estimate,
        p_adjusted=effect.p_adjusted,
        difference=ConfidenceInterval(effect.low, effect.high, declared.confidence),
    )
    if effect.standard_error is None or (effect.df is None and effect.standard_error):
        return replace(known, finding="TOO FEW SEEDS")
    df = effect.df or seeds - 1  # none is known where nothing varies: two arms may give the same runs
    options = declared.equivalence.confidence, SIGNIFICANT / max(effect.family_size, 1)
    test = within_margin(effect.estimate, effect.standard_error, df, seeds, alone.margin, *options)
    known = replace(known, within=ConfidenceInterval(test.low, test.high, test.confidence))
    if alone.absent:  # also on a task that does not count yet
        return replace(known, finding="INCOMPLETE")
    finding = _finding(effect, test.within)
    return replace(
        known,
        finding=finding,
        held=_held(alone.expected, finding),
        n_needed=None if finding in DECIDED else test.n_needed,
    )


def _finding(effect: SuiteEffect, within: bool) -> Finding:
    if within:
        return "EQUIVALENT"
    if effect.p_adjusted is None or not effect.p_adjusted <= SIGNIFICANT:  # of no number neither is so
        return "TOO FEW SEEDS"
    return "BETTER" if effect.estimate > 0 else "WORSE"


def _held(expected: str, finding: Finding) -> Held | None:
    """Whether what was expected was found."""
    if not expected or finding not in DECIDED:
        return None
    return "CONFIRMED" if CONFIRMING[expected] == finding else "REFUTED"

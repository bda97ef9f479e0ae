"""A question's arms on every outcome that was declared of it, beside what was expected and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from suite.analysis.types import SIGNIFICANT, AblationResult, AdjustedDifference, Answer, ArmResult, Results
from suite.sac.ablation import OUTCOMES, SCORE
from suite.wording import interval, signed, signed_percent

WORDS: Mapping[bool | None, tuple[str, str]] = {
    True: ("better", "worse"),
    False: ("worse", "better"),
    None: ("higher", "lower"),
}
"""What a greater and a smaller value are called, by whether higher is better."""


MOST_NAMED = 6  # arms that a sentence names one by one


class ArmOnOutcomes(NamedTuple):
    """An arm in one implementation: what was expected of it and what was found ("": nothing), and each outcome."""

    implementation: str
    arm: str
    expected: str
    finding: str
    outcomes: Mapping[str, str]  # in words


def short(outcome: str) -> str:
    """An outcome in few words; one of old files in its own."""
    return OUTCOMES[outcome].brief if outcome in OUTCOMES else outcome


def over_all(ablation: AblationResult) -> str:
    """What a question is compared by over all tasks, normalised: the score, or another outcome in few words."""
    outcomes = dict.fromkeys(one.outcome for one in ablation.over_tasks)
    return " or ".join("score" if outcome == SCORE else short(outcome) for outcome in outcomes)


def shown_outcomes(ablation: AblationResult) -> list[str]:
    """Those declared that are compared run by run, final return where it was not declared; failures are told apart."""
    declared = [name for name in ablation.outcomes if name in OUTCOMES and name != "failures"]
    return declared if SCORE in declared else [*declared, SCORE]


def arms_on_outcomes(ablation: AblationResult, results: Results) -> list[ArmOnOutcomes]:
    """A row for each arm beside the baseline in each implementation."""
    of_arms = (one for one in results.answers if one.ablation == ablation.name and not one.factor)
    return list(_rows(ablation, {(one.implementation, one.side): one for one in of_arms}))


def _rows(ablation: AblationResult, answers: Mapping[tuple[str, str], Answer]) -> Iterator[ArmOnOutcomes]:
    by_arm: dict[tuple[str, str], list[ArmResult]] = {}
    for table in ablation.tables:
        for arm in table.arms:
            if not arm.baseline:
                by_arm.setdefault((table.implementation, arm.arm), []).append(arm)
    names = shown_outcomes(ablation)
    for key, arms in by_arm.items():
        outcomes = {name: where_apart([_difference(arm, name) for arm in arms], name) for name in names}
        answer = answers.get(key)
        expected = answer.expected if answer else ablation.directions.get(key[1], "")
        yield ArmOnOutcomes(*key, expected, answer.finding if answer else "", outcomes)


def _difference(arm: ArmResult, outcome: str) -> AdjustedDifference | None:
    return arm.difference if outcome == SCORE else arm.outcomes.get(outcome)


def told_apart(ablation: AblationResult) -> Iterator[str]:
    """Where arms are told apart from their baseline by the adjusted p, a sentence an outcome: the score on single
    tasks if these are several, and every further one that was declared."""
    engines = {table.implementation for table in ablation.tables}
    for name in shown_outcomes(ablation):
        parts = []
        for table in ablation.tables if name != SCORE or len(ablation.tables) > len(engines) else ():
            known = ((arm.arm, _difference(arm, name)) for arm in table.arms)
            apart = [(arm, one) for arm, one in known if one and (one.p_adjusted or 1.0) <= SIGNIFICANT]
            if apart:
                engine = f" in {table.implementation}" if len(engines) > 1 else ""
                parts.append(f"on {table.task}{engine} {_differences(apart)}")
        if parts:
            words = OUTCOMES[name]
            yield f"{words.brief[0].upper()}{words.brief[1:]} ({words.unit}): {'; '.join(parts)}."


def _differences(apart: Sequence[tuple[str, AdjustedDifference]]) -> str:
    """Arms with their differences and intervals, as many as can be read; of more, how many they are."""
    if len(apart) > MOST_NAMED:
        low, *_, high = sorted(one.estimate for _, one in apart)
        return f"{len(apart)} arms, between {signed(low)} and {signed(high)}"
    return ", ".join(f"{arm} {interval(one, signed)}" for arm, one in apart)


def interactions(ablation: AblationResult) -> Iterator[str]:
    """What factors do together beyond each alone, over all tasks: numbers that no verdict goes by."""
    for over in ablation.over_tasks:
        crossed = [f"{one.name} {interval(one, signed_percent)}" for one in over.effects if one.is_interaction]
        if crossed:
            engine = f" ({over.implementation})" if len(ablation.over_tasks) > 1 else ""
            yield f"Interactions over all tasks{engine}, of which nothing was declared: {', '.join(crossed)}."


def where_apart(differences: Sequence[AdjustedDifference | None], outcome: str) -> str:
    """On how many tasks an arm is told apart from its baseline by the adjusted p, and to which side, in words."""
    known = [one for one in differences if one is not None]
    if not known:
        return "–"
    apart = [one.estimate > 0 for one in known if one.p_adjusted is not None and one.p_adjusted <= SIGNIFICANT]
    words = zip(WORDS[OUTCOMES[outcome].higher_is_better], (sum(apart), len(apart) - sum(apart)), strict=True)
    counts = [f"{word} on {count}" for word, count in words if count]
    return f"{', '.join(counts)} of {len(known)}" if counts else f"not told apart on {len(known)}"

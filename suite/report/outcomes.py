"""A question's arms on every outcome that was declared of it, beside what was expected and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from suite.analysis.types import SIGNIFICANT, AblationResult, AdjustedDifference, Answer, ArmResult, Results
from suite.sac.ablation import OUTCOMES, SCORE

WORDS: Mapping[bool | None, tuple[str, str]] = {
    True: ("better", "worse"),
    False: ("worse", "better"),
    None: ("higher", "lower"),
}
"""What a greater and a smaller value are called, by whether higher is better."""


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
        expected, answer = ablation.directions.get(key[1], ""), answers.get(key)
        yield ArmOnOutcomes(*key, expected, answer.finding if answer else "", outcomes)


def _difference(arm: ArmResult, outcome: str) -> AdjustedDifference | None:
    return arm.difference if outcome == SCORE else arm.outcomes.get(outcome)


def where_apart(differences: Sequence[AdjustedDifference | None], outcome: str) -> str:
    """On how many tasks an arm is told apart from its baseline by the adjusted p, and to which side, in words."""
    known = [one for one in differences if one is not None]
    if not known:
        return "–"
    apart = [one.estimate > 0 for one in known if one.p_adjusted is not None and one.p_adjusted <= SIGNIFICANT]
    words = zip(WORDS[OUTCOMES[outcome].higher_is_better], (sum(apart), len(apart) - sum(apart)), strict=True)
    counts = [f"{word} on {count}" for word, count in words if count]
    return f"{', '.join(counts)} of {len(known)}" if counts else f"not told apart on {len(known)}"

"""A question's arms on every outcome: told apart by the adjusted p alone, and called by whether higher is better."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders.made_up_study import OPTIONS, write

from suite.analysis import results as statistics
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results
from suite.report.answers import questions_answered, sentence
from suite.report.outcomes import (
    arms_on_outcomes,
    interactions,
    over_all,
    short,
    shown_outcomes,
    told_apart,
    where_apart,
)
from suite.report.summary import FIRST, NOT_UNDERSTOOD, summary_of
from suite.study.config import Report
from suite.wording import interval, signed


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    study = tmp_path_factory.mktemp("studies") / "demo"
    write(study, outcomes=("area", "q_bias", "failures"))
    statistics.main(study, **OPTIONS, declared=Declared(Report(resamples=100)))
    return read_results(study)


def test_every_arm_has_a_row_with_every_declared_outcome(results):
    critics = next(one for one in results.ablations if one.name == "critics")
    answers = [replace(one, expected="better") if one.side == "single" else one for one in results.answers]
    (row,) = arms_on_outcomes(critics, replace(results, answers=tuple(answers)))
    assert (row.arm, row.expected, row.finding) == ("single", "better", "WORSE")
    assert list(row.outcomes) == ["final_return", "area", "q_bias"]
    n = len(critics.tables)
    assert row.outcomes["final_return"] == f"worse on {n} of {n}" and row.outcomes["q_bias"] == f"not told apart on {n}"
    factorial = next(one for one in results.ablations if one.name == "factorial")
    assert len(arms_on_outcomes(factorial, results)) == 7


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("final_return", "better on 2, worse on 1 of 4"),
        ("steps_to_threshold", "worse on 2, better on 1 of 4"),
        ("q_bias", "higher on 2, lower on 1 of 4"),
    ],
)
def test_a_side_is_called_by_whether_higher_is_better(results, outcome, words):
    known = results.ablations[1].tables[0].arms[1].difference
    at = [(1.0, 0.01), (2.0, 0.05), (-1.0, 0.001), (5.0, 0.0501)]
    differences = [replace(known, difference=value, p_adjusted=p) for value, p in at]
    assert where_apart([*differences, None], outcome) == words
    assert where_apart([None], outcome) == "–" and where_apart(differences[3:], outcome) == "not told apart on 1"


def test_sides_told_apart_are_named_with_their_differences(results):
    critics = next(one for one in results.ablations if one.name == "critics")
    every = [*told_apart(critics)]
    (arm,) = (arm for arm in critics.tables[0].arms if not arm.baseline)
    first = f"on {critics.tables[0].task} single {interval(arm.difference, signed)}"
    assert len(critics.tables) > 1 and every[0].startswith(f"Final return (return per episode): {first}; on ")
    assert every[1].startswith("Area under the learning curve (return per episode): on ")
    assert len(every) == 2, "the bias of Q is not told apart, and failures have no differences"
    alone = replace(critics, tables=critics.tables[:1])
    assert [words.split(" (")[0] for words in told_apart(alone)] == ["Area under the learning curve"]
    bound = replace(arm.difference, p_adjusted=0.05, difference=-3.0, low=-5.0, high=-1.0)
    beyond, unknown = replace(bound, p_adjusted=0.0501), replace(bound, p_adjusted=None)
    arms = tuple(replace(arm, arm=name, outcomes={"q_bias": one}) for name, one in
                 (("at", bound), ("beyond", beyond), ("unknown", unknown)))  # fmt: skip
    of_bias = replace(alone, outcomes=("q_bias",), tables=(replace(alone.tables[0], arms=arms),))
    (words,) = told_apart(of_bias)
    assert words == f"Bias of Q (discounted return): on {alone.tables[0].task} at −3 (−5\u00a0to\u00a0−1)."


def test_of_many_sides_told_apart_their_number_is_named(results):
    critics = next(one for one in results.ablations if one.name == "critics")
    (arm,) = (arm for arm in critics.tables[0].arms if not arm.baseline)
    arms = tuple(
        replace(arm, outcomes={"area": replace(arm.outcomes["area"], difference=float(n), p_adjusted=0.01)})
        for n in range(-3, 5)
    )
    (words,) = told_apart(replace(critics, tables=(replace(critics.tables[0], arms=arms),)))
    assert words.endswith(" 8 arms, between −3 and +4.")


def test_interactions_are_told_without_a_verdict(results):
    factorial = next(one for one in results.ablations if one.name == "factorial")
    words = [*interactions(factorial)]
    crossed = [effect.name for over in factorial.over_tasks for effect in over.effects if effect.is_interaction]
    assert crossed and all(name in " ".join(words) for name in crossed)
    assert all("of which nothing was declared" in one for one in words)
    assert not [*interactions(next(one for one in results.ablations if one.name == "critics"))]
    answered = next(one for one in questions_answered(results) if one.ablation == "factorial")
    assert set(words) <= set(answered.apart)


def test_what_a_question_is_compared_by(results):
    (first, *_) = results.ablations
    assert over_all(first) == "score" and short("area") == "area under the learning curve"
    of_area = replace(first, over_tasks=tuple(replace(one, outcome="area") for one in first.over_tasks))
    assert over_all(of_area) == "area under the learning curve"
    assert shown_outcomes(replace(first, outcomes=("area", "told in words"))) == ["area", "final_return"]
    assert short("told in words") == "told in words"


def test_a_summary_that_is_not_understood_is_not_taken_for_none(results, tmp_path):
    assert summary_of(results, tmp_path).changed == FIRST
    (tmp_path / "summary.json").write_text('{"study": "demo"}')
    assert summary_of(results, tmp_path).changed == NOT_UNDERSTOOD


def test_a_sentence_says_by_what_if_not_by_final_return(results):
    (one,) = [answer for answer in results.answers if answer.ablation == "critics"]
    assert "area" not in sentence([one])
    assert sentence([replace(one, outcome="area")]).startswith("Over 2 tasks, by the area under the learning curve: ")

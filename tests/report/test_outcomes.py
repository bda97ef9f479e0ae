"""A question's arms on every outcome: told apart by the adjusted p alone, and called by whether higher is better."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders.made_up_study import OPTIONS, write

from suite.analysis import results as statistics
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results
from suite.report.answers import sentence
from suite.report.outcomes import arms_on_outcomes, over_all, short, shown_outcomes, where_apart
from suite.report.summary import FIRST, NOT_UNDERSTOOD, summary_of
from suite.study.config import Report


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    study = tmp_path_factory.mktemp("studies") / "demo"
    write(study, outcomes=("area", "q_bias", "failures"))
    statistics.main(study, **OPTIONS, declared=Declared(Report(resamples=100)))
    return read_results(study)


def test_every_arm_has_a_row_with_every_declared_outcome(results):
    critics = next(one for one in results.ablations if one.name == "critics")
    (row,) = arms_on_outcomes(replace(critics, directions={"single": "better"}), results)
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

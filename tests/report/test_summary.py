"""The first screen: one sentence a question that says what its numbers say, and what has changed since."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from builders.check_study import check_row

from suite.analysis.check_rows import CheckLook
from suite.analysis.types import (
    AblationOverTasks,
    AblationResult,
    AblationTable,
    Answer,
    ArmResult,
    ConfidenceInterval,
    Counts,
    Effect,
    Label,
    LeftOut,
)
from suite.report import summary as summaries
from suite.report.answers import ORDER, sentence, verdict, with_others_held
from suite.report.summary import FIRST, Summary, markdown, write
from suite.wording import percent


def answer(finding="WORSE", estimate=-0.21, **changes) -> Answer:
    ends = (None, None) if estimate is None else (estimate - 0.05, estimate + 0.05)
    known = {
        "ablation": "critics", "implementation": "jax", "factor": "", "side": "single", "beside": "twin",
        "tasks": ("Pendulum-v1",), "left_out": (), "margin": 0.1, "finding": finding, "expected": "", "held": None,
        "seeds": 5, "estimate": estimate, "p_adjusted": 0.01,
        "difference": ConfidenceInterval(*ends, 0.95), "within": ConfidenceInterval(*ends, 0.9), "n_needed": None,
    }  # fmt: skip
    return Answer(**known | changes)


def plain(answers) -> str:
    return sentence(answers).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (answer(), "On Pendulum-v1: single is WORSE than twin by 21 % (16 % to 26 %) of what learning gains."),
        (
            answer("BETTER", 0.055, held="REFUTED", expected="equal"),
            "On Pendulum-v1: single is BETTER than twin by 5.5 % (0.5 % to 11 %) of what learning gains, where equal "
            "was expected.",
        ),
        (
            answer("EQUIVALENT", -0.02, p_adjusted=0.5, held="CONFIRMED", expected="equal", tasks=("a", "b")),
            "Over 2 tasks: single is EQUIVALENT to twin within 10 % of what learning gains (−2.0 % (−7.0 % to "
            "+3.0 %)), as expected.",
        ),
        (
            answer("EQUIVALENT", -0.02),
            "On Pendulum-v1: single is EQUIVALENT to twin within 10 % of what learning gains (−2.0 % (−7.0 % to "
            "+3.0 %)), though worse by less than that.",
        ),
        (
            answer("TOO FEW SEEDS", 0.02, n_needed=3592, seeds=3),
            "On Pendulum-v1: TOO FEW SEEDS: 3 seeds cannot tell single from twin; single minus twin is +2.0 % (−3.0 % "
            "to +7.0 %) of what learning gains; 3,592 seeds instead of 3 would settle it, with a power of 80 %, if the "
            "difference is the one seen.",
        ),
        (
            answer("INCOMPLETE", -0.02, absent=33),
            "On Pendulum-v1: INCOMPLETE: 33 planned runs of single and twin are absent, so that nothing is decided; "
            "single minus twin is −2.0 % (−7.0 % to +3.0 %) of what learning gains so far.",
        ),
        (
            answer("NOT LEARNED", None, tasks=(), left_out=(LeftOut("Ant-v5", "NOT LEARNED by any arm"),)),
            "Without Ant-v5 (NOT LEARNED by any arm): NOT LEARNED: neither single nor twin is shown to have learned "
            "anything.",
        ),
    ],
)
def test_one_side_is_told_in_full(one, words):
    assert plain([one]) == words


def test_several_sides_are_told_by_what_was_found_of_them():
    sides = [
        answer(side="0.0001", estimate=-0.8, held="CONFIRMED", expected="worse"),
        answer("EQUIVALENT", 0.01, side="0.01"),
        answer("TOO FEW SEEDS", 0.04, side="0.1", n_needed=14),
        answer("TOO FEW SEEDS", -0.04, side="1.0", n_needed=30),
    ]
    assert plain(sides) == (
        "On Pendulum-v1: WORSE than twin: 0.0001 (−80 %, −85 % to −75 %, as expected); EQUIVALENT to twin within "
        "10 %: 0.01 (+1.0 %, −4.0 % to +6.0 %, a little better by the adjusted p); "
        "TOO FEW SEEDS beside twin for 0.1 (+4.0 %, −1.0 % to +9.0 %), 1.0 (−4.0 %, −9.0 % to +1.0 %); 14 to 30 seeds "
        "instead of 5 would settle it, with a power of 80 %, if the difference is the one seen."
    )
    so_far = [answer("INCOMPLETE", 0.04, side=side, difference=None, absent=1) for side in ("0.1", "1.0")]
    assert plain(so_far).endswith("absent: beside twin 0.1 (+4.0 %), 1.0 (+4.0 %) so far.")
    many = [answer(side=str(n), estimate=-n / 10) for n in range(1, 8)]
    assert plain(many) == "On Pendulum-v1: WORSE than twin: 7 arms, between −70 % and −10 %."
    factors = [answer("BETTER", 0.2, factor="critics", side="twin", beside="single"),
               answer("BETTER", 0.3, factor="alpha", side="learned", beside="fixed")]  # fmt: skip
    sentence_of_both = (
        "critics twin instead of single (+20 %, +15 % to +25 %), alpha learned instead of fixed (+30 %, +25 % to +35 %)"
    )
    assert plain(factors) == f"On Pendulum-v1: BETTER: {sentence_of_both}."


def test_sides_without_numbers_are_named_or_if_they_are_many_counted():
    few = [answer("INCOMPLETE", None, side=str(n), absent=3) for n in range(2)]
    assert plain(few) == (
        "On Pendulum-v1: INCOMPLETE: planned runs of 0 and 1 and twin are absent, so that nothing is decided."
    )
    many = [answer("TOO FEW SEEDS", None, side=str(n)) for n in range(9)]
    assert plain(many) == "On Pendulum-v1: TOO FEW SEEDS: 9 arms and twin have not two scored runs each."


def test_a_factor_is_told_at_each_level_of_the_others_without_a_verdict():
    def at(level, estimate):
        return Effect(("alpha",), {"scale": level}, estimate, 0.1, 4.0, estimate - 0.1, estimate + 0.1, 0.5)

    def told(over, baseline="h"):
        factors = {"scale": tuple("abcdefgh"), "alpha": ("learned", "fixed")}
        arm = ArmResult("x", Label("", "scales", "x"), {"scale": baseline, "alpha": "learned"}, True, None, "")
        table = AblationTable("Pendulum-v1", "jax", (arm,), None)
        ablation = AblationResult("scales", "", (), "", (), factors, (table,), (over,))
        return [words.replace("\u00a0", " ") for words in with_others_held(over, ablation)]

    over = AblationOverTasks("jax", ("Pendulum-v1",), (), simple=(at("a", -0.26), at("b", 0.04)))
    assert told(over, "b") == [
        "At the same scale, alpha fixed minus learned is −26 % (−36 % to −16 %) at a and +4.0 % (−6.0 % to +14 %) at "
        "b (the declared one); what was not declared has no verdict."
    ]
    assert "declared one" not in told(over)[0]
    (many,) = told(replace(over, simple=tuple(at(level, 0.1) for level in "abcdefgh")))
    assert "at f and so on for 2 more;" in many and "at g" not in many
    assert not told(replace(over, simple=()))


def test_sides_whose_runs_do_not_differ_are_said_to_be_the_same():
    alike = ConfidenceInterval(0.0, 0.0, 0.95)
    same = answer("EQUIVALENT", 0.0, side="std", difference=alike, within=alike, p_adjusted=None)
    text = plain([same, answer("EQUIVALENT", 0.01, side="init", p_adjusted=0.3)])
    assert text.endswith("within 10 %: std (0.0 %, the same runs), init (+1.0 %, −4.0 % to +6.0 %).")


def test_a_verdict_is_of_the_expectation_where_it_is_decided():
    confirmed = answer(held="CONFIRMED", expected="worse")
    assert verdict([confirmed]) == verdict([confirmed, confirmed]) == "CONFIRMED"
    assert verdict([confirmed, answer(held="REFUTED", expected="equal")]) == "1 REFUTED, 1 CONFIRMED"
    assert verdict([confirmed, answer("TOO FEW SEEDS", expected="equal")]) == "1 CONFIRMED, 1 TOO FEW SEEDS"
    assert verdict([confirmed, answer("BETTER")]) == "1 CONFIRMED, 1 BETTER", "nothing was expected of the second"
    for finding in ORDER:
        assert verdict([answer(finding)] * 2) == finding


@pytest.mark.parametrize(("value", "words"), [(0.2149, "21 %"), (0.0999, "10 %"), (0.0994, "9.9 %"), (-1.2, "−120 %")])
def test_shares_have_two_digits(value, words):
    assert percent(value).replace("\u00a0", " ") == words


COUNTS = Counts(planned=10, finished=8, diverged=1, crashed=0, timeout=0, interrupted=0, missing=1, invalid=0, stale=0)


def summary(*answers, counts=COUNTS) -> Summary:
    from suite.report.answers import QuestionAnswered

    found = tuple(one.finding for one in answers)
    question = QuestionAnswered("critics", "Does <it> matter?", verdict(answers), sentence(answers), found)
    return Summary("demo", counts, (question,), ("Not finished: 1 diverged.",), answers, FIRST)


def test_the_first_report_has_nothing_to_compare_with_and_the_same_one_stays(tmp_path):
    first = summary(answer())
    write(first, tmp_path)
    assert summaries.read(tmp_path / "summary.json") == first
    assert summaries._with_changes(summary(answer()), first) == first
    kept = (tmp_path / "summary.json").read_bytes()
    write(summaries._with_changes(summary(answer()), first), tmp_path)
    assert (tmp_path / "summary.json").read_bytes() == kept


def test_what_has_changed_is_told_and_stays_told(tmp_path):
    first = summary(answer("TOO FEW SEEDS", n_needed=9))
    now = summaries._with_changes(summary(answer(), counts=replace(COUNTS, finished=10)), first)
    assert now.changed == (
        "Since the last report: 10 of 10 runs are finished, where there were 8 of 10; critics was TOO FEW SEEDS and is "
        "WORSE."
    )
    again = summaries._with_changes(summary(answer(), counts=replace(COUNTS, finished=10)), now)
    assert again == now, "made again of the same results, the report is the same"
    moved = summaries._with_changes(summary(answer(estimate=-0.3), counts=replace(COUNTS, finished=10)), now)
    assert moved.changed == "Since the last report: numbers have moved, and no verdict has."


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"study": 3}', "[" * 100_000])
def test_a_summary_that_cannot_be_read_is_none(tmp_path, content):
    (tmp_path / "summary.json").write_text(content)
    assert summaries.read(tmp_path / "summary.json") is None


def test_a_name_means_nothing_to_markdown_and_json_is_read_back(tmp_path):
    one = summary(answer(side="a_b*c"))
    assert "a\\_b\\*c" in markdown(one) and "\\<it\\>" in markdown(one)
    write(one, tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text())["questions"][0]["verdict"] == "WORSE"


@pytest.mark.parametrize(
    ("rows", "answers", "over"),
    [
        ([{"verdict": "PASS"}, {"verdict": "FAIL"}], (), True),
        ([{"verdict": "PASS"}, {"verdict": "INCONCLUSIVE"}], (), True),  # open after the last look
        ([{"verdict": "PASS"}, {"verdict": "INCONCLUSIVE", "looks_planned": (3, 5)}], (), False),
        ([{"verdict": "PASS"}, {"verdict": "INCONCLUSIVE", "looks": ()}], (), False),
        ([{"verdict": "PASS"}], (answer(),), False),  # a question needs its runs, whatever the gate does
        ([{"verdict": "PASS", "role": "secondary"}], (), False),
        ([], (), False),
    ],
)
def test_a_gate_is_settled_once_no_endpoint_waits_and_nothing_else_is_asked(rows, answers, over):
    look = CheckLook(n=3, failed=0, lost=0.0, p_fail=0.5, p_pass=0.5, verdict="INCONCLUSIVE", warns=False)
    known = {"role": "primary", "looks": (look,), "looks_planned": (3,)}
    results = SimpleNamespace(answers=answers, check=tuple(check_row(**known | row) for row in rows))
    assert summaries.settled(results) is over

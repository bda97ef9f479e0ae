"""What was declared, in words: when, what became of it since, and which wording stood there before the first record."""

from __future__ import annotations

import pytest

from suite.analysis.types import AblationResult, Declaration, DeclarationEntry
from suite.report.declared import change_in_words, history_in_words, wordings
from suite.study.declaration import Change


def entry(have: int, *changes: Change, planned: int = 40, sha256: str = "a", plan: str = "") -> DeclarationEntry:
    return DeclarationEntry(sha256 * 64, plan, planned, have, changes)


def declared(*history: DeclarationEntry) -> Declaration:
    return Declaration(None, history[-1].sha256, history)  # type: ignore[arg-type]


def expected(before: object, after: object) -> Change:
    return Change(("questions", "critics", "expected"), before, after, 0)


MARGIN = Change(("equivalence", "margin"), 0.1, 0.2, 0)


@pytest.mark.parametrize("history, words", [
    ([entry(0)], "Declared before any of its 40 planned runs had a record."),
    ([entry(1)], "Declared after 1 record existed."),
    ([entry(0), entry(12, MARGIN, expected("a", "b c"))],
     "First declared before any of its 40 planned runs had a record. Changed after 12 records existed: "
     "equivalence.margin 0.1 became 0.2; question critics: expected a became “b c”. So what stands here was declared "
     "after 12 records existed."),
    ([entry(0), entry(12, planned=50, sha256="b", plan="q"), entry(13, planned=50, sha256="c", plan="q")],  # old ones
     "First declared before any of its 40 planned runs had a record. Changed after 12 records existed: the declaration "
     "(aaaaaaaaaa became bbbbbbbbbb); the plan (40 planned runs became 50). Changed after 13 records existed: the "
     "declaration (bbbbbbbbbb became cccccccccc). So what stands here was declared after 13 records existed."),
    ([entry(0), entry(4, Change(("study",), None, None, 0), sha256="b")],
     "First declared before any of its 40 planned runs had a record. Changed after 4 records existed: study came under "
     "the declaration, which an earlier version of the suite left out. So what stands here was declared after 4 "
     "records existed."),
])  # fmt: skip
def test_the_history_in_words(history, words):
    assert " ".join(history_in_words(declared(*history))) == words


def test_the_history_says_on_which_day_where_that_is_known():
    words = history_in_words(declared(entry(0), entry(2, MARGIN)), ["", "2026-02-03T14:05:06+00:00", "of a later one"])
    assert words[0].startswith("First declared before") and words[1].startswith(
        "Changed on 2026-02-03 at 14:05 UTC, after 2"
    )
    assert "nothing here may be called declared beforehand" in history_in_words(None)[0]


LEARNED = {"kind": "LearnedAlpha", "lr": 0.1}


@pytest.mark.parametrize("change, words", [
    (Change(("presets", "sac_v2", "spec", "tau"), 0.005, 0.01, 12),
     "preset sac_v2: tau 0.005 became 0.01 (12 of 36 planned runs changed)"),
    (Change(("presets", "sac_v2", "spec", "temperature"), LEARNED, {"kind": "FixedAlpha", "value": 0.2}, 0),
     "preset sac_v2: temperature LearnedAlpha(lr=0.1) became FixedAlpha(value=0.2)"),
    (Change(("presets", "sac_v2", "per_task", "Ant-v4"), {"tau": 1.0}, None, 0), "preset sac_v2: Ant-v4 was removed"),
    (Change(("questions", "critics", "arms", "one", "changes", "hidden"), None, [16, 16], 2),
     "question critics: arm one: hidden none became 16, 16 (2 of 36 planned runs changed)"),
    (Change(("presets", "coach", "spec", "order"), ["value", "critic"], ["critic", "value"], 0),
     "preset coach: order value, critic became critic, value"),
    (Change(("study", "env_steps"), 10_000, 12_000, 36),
     "env_steps 10,000 became 12,000 (36 of 36 planned runs are new)"),
    (Change(("study", "seeds"), [0, 1], [0, 1, 2, 3], 18), "seeds: 2, 3 added (18 of 36 planned runs are new)"),
    (Change(("questions", "critics", "tasks"), None, ["Ant-v4"], 0), "question critics: tasks none became Ant-v4"),
    (Change(("report", "x"), True, False, 0), "report.x yes became no"),
])  # fmt: skip
def test_a_change_names_the_field_and_both_values(change, words):
    assert change_in_words(change, 36) == words


ABLATION = AblationResult("critics", "Why?", ("final_return", "by eye"), "b c", ("a book",), {}, (), ())
WENT = Change(("questions", "critics"), {"expected": "a"}, None, 0)
CAME = Change(("questions", "critics"), None, {"expected": "b c"}, 0)


@pytest.mark.parametrize("history, beforehand, mark", [
    ([entry(0)], "b c", ""),
    ([entry(0), entry(0, expected("a", "b c"))], "b c", ""),
    ([entry(0), entry(3, MARGIN)], "b c", ""),
    ([entry(0), entry(3, expected("a", "b c"))], "a", "reworded after 3 records existed"),
    ([entry(0), entry(3, expected("a", "z")), entry(4, expected("z", "b c"))], "a", "reworded after 4 records existed"),
    ([entry(0), entry(3, expected("b\n c", "z")), entry(4, expected("z", "b c"))], "b c", ""),
    ([entry(0), entry(3, MARGIN), entry(0, expected("a", "b c"))], "a", "reworded after 3 records existed"),
    ([entry(0), entry(3, WENT), entry(4, CAME)], "a", "reworded after 4 records existed"),
    ([entry(0), entry(3, CAME)], "", "put on record after 3 records existed"),
    ([entry(0), entry(3, Change(("questions",), None, None, 0))], "", "put on record after 3 records existed"),
    ([entry(0), entry(0, Change(("questions",), None, None, 0))], "b c", ""),
    ([entry(5)], "", "put on record after 5 records existed"),
    ([entry(5), entry(6, expected("a", "b c"))], "", "put on record after 6 records existed"),
])  # fmt: skip
def test_beforehand_is_what_was_declared_before_the_first_record(history, beforehand, mark):
    found = wordings(ABLATION, declared(*history))["expected"]
    assert (found.beforehand, found.present, found.mark) == (beforehand, "b c", mark)


def test_without_a_declaration_nothing_was_expected_beforehand():
    found = wordings(ABLATION, None)
    assert found["expected"].beforehand == "" and found["expected"].mark == "with no declaration on record"
    assert found["outcomes"].present == "return of the last tenth of training; by eye"

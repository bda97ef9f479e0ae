"""docs/findings.md: every answer of every released study with its cost, and nothing typed by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from suite.analysis.types import Answer, ConfidenceInterval, Counts
from suite.cli.app import main
from suite.errors import UsageError
from suite.report.answers import QuestionAnswered, verdict
from suite.report.figures.saving import save_pictures
from suite.report.site import findings, glance
from suite.report.site.studies import StudyPage
from suite.report.summary import Summary
from suite.specimens.catalogue import load_ablation, shipped_ablation_names
from suite.study.reproduction import Reproduced

COUNTS = Counts(planned=40, finished=40, diverged=0, crashed=0, timeout=0, interrupted=0, missing=0, invalid=0, stale=0)


def answer(ablation="critics", finding="WORSE", n_needed=None) -> Answer:
    ends = ConfidenceInterval(-0.3, -0.1, 0.95)
    return Answer(ablation, "jax", "", "single", "twin", ("Pendulum-v1", "Hopper-v5"), (), 0.1, finding, "", None,
                  "final_return", seeds=5, estimate=-0.2, difference=ends, within=ends, n_needed=n_needed)  # fmt: skip


def study(name: str, *answers: Answer, hours: float | None = 10.0, beside=()) -> StudyPage:
    asked = tuple(
        QuestionAnswered(one, f"Asked of {one}?", verdict([other for other in answers if other.ablation == one]),
                         f"A sentence on {one}.", ("WORSE",), ("And more.",), ("Entropy differs.",))
        for one in dict.fromkeys(answer.ablation for answer in answers)
    )  # fmt: skip
    return StudyPage(Summary(name, COUNTS, asked, beside, answers, "", hours), (), Path())


@pytest.fixture(autouse=True)
def released(tmp_path, monkeypatch):
    monkeypatch.setattr(findings, "RELEASED", tmp_path)
    for name in ("small", "large"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "SHA256SUMS").write_text(name)


def test_every_question_has_its_answer_what_was_known_and_what_is_open():
    few = answer("warmup", "TOO FEW SEEDS", n_needed=25)
    known = [study("large", answer(), few, beside=("Of 2 pairs 2 agree.",)), study("small", answer())]
    text = findings.page(known, {"warmup": "It was\n another task.", "large": "Two tasks."})
    assert text.index("## Does the minimum of two critics") < text.index("## What is a short warm-up worth")
    assert text.count("**WORSE** in `large`. A sentence on critics. And more.") == 1
    assert text.count("*Besides* in `large`. Entropy differs.") == 2
    assert text.count("*Known before.*") == 2 and "*Where we part, and why.* It was another task." in text
    assert "Nothing within the margin of `small`; other tasks, sizes of networks and budgets." in text
    assert "- Of 2 pairs 2 agree. (`large`)\n- Two tasks. (`large`)" in text
    assert "the reports of 2 released studies with 80 finished runs, 0 of them stale" in text


def test_at_a_glance_there_is_a_row_for_each_decided_answer_and_none_for_another(tmp_path):
    few = answer("warmup", "TOO FEW SEEDS", n_needed=25)
    expected = replace(answer(finding="EQUIVALENT"), expected="worse", held="REFUTED", tasks=("Hopper-v5",))
    never = replace(answer("factorial"), factor="value_net", side="with_v", beside="without_v")
    absent = [answer("tau"), answer("tau", "INCOMPLETE")]
    text = findings.page([study("large", answer(), few, never, *absent), study("small", expected)], {})
    rows = [line for line in text.split("## ")[1].splitlines() if line.startswith("| ")][2:]
    critics, factors = (load_ablation(name).question for name in ("critics", "factorial"))
    ends = "−20 % (−30 % to −10 %)".replace(" %", "\u00a0%").replace(" to ", "\u00a0to\u00a0")
    assert rows == [
        f"| {critics} | single | twin | {ends} | **WORSE** | – | 2 tasks | `large` |",
        f"|  | single | twin | {ends} | **EQUIVALENT** | no: worse | Hopper-v5 | `small` |",
        f"| {factors} | value\\_net with\\_v | without\\_v | {ends} | **WORSE** | – | 2 tasks | `large` |",
    ]
    picture = glance.drawn(
        ["critics", "factorial", "warmup"], [study("critics", answer(), few), study("small", expected)]
    )
    assert list(picture.data["question"]) == ["critics", "critics (small)"]
    save_pictures(picture, tmp_path / "drawn", ["png"])
    assert [path.name for path in tmp_path.glob("drawn.*")] == ["drawn.png"]
    assert f"Of 1 more the seeds so far decide nothing: *{load_ablation('warmup').question}*\n" in text
    same = replace(answer(finding="EQUIVALENT"), estimate=0.0, difference=ConfidenceInterval(0.0, 0.0, 0.95))
    assert "| 0.0\u00a0%, the same runs | **EQUIVALENT** |" in findings.page([study("small", same)], {})


def test_what_is_open_has_its_price_where_that_is_known():
    few = answer("warmup", "TOO FEW SEEDS", n_needed=25)
    # 20 more seeds on two tasks of the arm and of its baseline, a quarter of an hour each
    assert "1 of 1 in `small`; 80 more runs would settle what is seen now, about 20.0 core-hours." in findings.page(
        [study("small", few)], {}
    )
    for one in (study("small", few, hours=None), study("small", answer("warmup", "NOT LEARNED"))):
        assert "1 of 1 in `small`." in findings.page([one], {})


def test_the_price_is_of_every_cell_that_factors_cross_and_of_every_implementation():
    few = answer("factorial", "TOO FEW SEEDS", n_needed=25)
    factors = [replace(few, factor=name) for name in ("temperature", "critics", "value_net")]
    for asked in (factors, [factors[0], *(replace(one, finding="EQUIVALENT") for one in factors[1:])]):
        # 20 more seeds in each of 8 cells on two tasks
        assert "; 320 more runs would settle" in findings.page([study("small", *asked)], {})
    arms = [answer("warmup", "TOO FEW SEEDS", n_needed=25), answer("warmup", "TOO FEW SEEDS", n_needed=10)]
    both = [*arms, *(replace(one, implementation="torch") for one in arms)]
    # of each engine 20 and 5 more of the arms and 20 of their baseline, on two tasks
    assert "4 of 4 in `small`; 180 more runs would settle" in findings.page([study("small", *both)], {})
    unknown = [*arms, replace(arms[0], implementation="torch", n_needed=None)]
    assert "3 of 3 in `small`." in findings.page([study("small", *unknown)], {})


ABSENT = [
    ({"finished": 0, "missing": 40}, "0 of 40 runs"),
    ({"finished": 30, "missing": 10}, "30 of 40 runs"),
    ({"stale": 40}, "40 of 40 runs, 40 stale"),
    ({"finished": 37, "interrupted": 2, "invalid": 1}, "37 of 40 runs, 2 interrupted, 1 invalid"),
]


@pytest.mark.parametrize(("counts", "words"), ABSENT)
@pytest.mark.parametrize("findings_of", [("INCOMPLETE",), ("WORSE", "INCOMPLETE")])
def test_of_a_question_with_absent_runs_nothing_is_told_but_how_many_there_are(counts, words, findings_of):
    asked = [answer("warmup", one) for one in findings_of]
    waiting = study("small", *asked, beside=("Not finished: some.",))
    far = replace(waiting, summary=replace(waiting.summary, counts=replace(COUNTS, **counts)))
    text = findings.page([study("large", answer()), far], {})
    assert f"no question with absent runs is answered: `small` ({words})." in text
    assert not any(words in text for words in ("## What is a short warm-up", "A sentence on warmup", "Not finished"))
    assert "in `small`" not in text


def test_a_gate_that_waits_for_no_seeds_is_complete_without_them():
    """As `sweep --until-decided` leaves it."""
    gate = study("small")
    summary = replace(gate.summary, counts=replace(gate.summary.counts, planned=60, missing=10), expected="Of 5 4 do.")
    unsettled, settled = (
        findings.page([replace(gate, summary=replace(summary, settled=over))], {"small": "Word."})
        for over in (False, True)
    )
    assert (
        "- Of 5 4 do. (`small`)\n- 10 of 60 planned runs were not needed" in settled and "- Word. (`small`)" in settled
    )
    assert "their runs not all there" not in settled
    assert "not needed" not in unsettled and "their runs not all there" in unsettled


@pytest.mark.parametrize("missing", [0, 40])
def test_what_is_to_be_expected_of_the_gate_stands_there_before_the_first_run_and_after_the_last(missing):
    gate = study("small", beside=("Against published results: undecided.",))
    counts = replace(COUNTS, finished=40 - missing, missing=missing)
    gate = replace(gate, summary=replace(gate.summary, counts=counts, expected="Of 5 endpoints 4.2 would be decided."))
    text = findings.page([study("large", answer()), gate], {})
    before, after = "The gate in `small`, so far: Of 5 endpoints", "- Of 5 endpoints 4.2 would be decided. (`small`)"
    assert (before in text) == bool(missing)
    assert (after in text) == ("Against published" in text) == (not missing)


def test_of_runs_that_were_trained_again_it_says_whether_they_hold():
    row = Reproduced("small", "Pendulum-v1", "jax", "critics/single", "0123456789", 3, 12_000, "present",
                     "aa11bb22cc", "SAME", -150.0, -150.0, -200.0, -100.0, "cpu: a", "cpu: a")  # fmt: skip
    rows = [row, row._replace(outcome="WITHIN", trained_on="cpu: b"), row._replace(outcome="NO RECORD", now=None),
            row._replace(sources="own", commit="dd33ee44ff")]  # fmt: skip
    text = findings.page([study("large", answer())], {}, rows)
    assert "- By the present code, 2 of 3 hold; 1 have every number of their record" in text
    assert "- By the code of the commit that made its record, 1 of 1 hold; 1 have every number" in text
    run = "| `small` | critics/single on Pendulum-v1, seed 3 |"
    assert f"{run} aa11bb2 | cpu: a | cpu: b | WITHIN | −150 | −150 |" in text
    assert f"{run} dd33ee4, its own | cpu: a | cpu: a | SAME |" in text
    assert "## Trained again" not in findings.page([study("large", answer())], {})


def test_what_went_wrong_is_named_with_how_runs_ended():
    ended = study("small", answer())
    counts = replace(COUNTS, finished=36, diverged=3, timeout=1)
    ended = replace(ended, summary=replace(ended.summary, counts=counts))
    text = findings.page([study("large", answer()), ended], {"what_went_wrong": "**A race.** It\n\n**A margin.**\n"})
    assert "## What went wrong\n\nOf 80 runs that ended, 3 diverged, none crashed and 1 ran out of time.\n\n" in text
    assert "\n\n- **A race.** It\n- **A margin.**\n\n" in text


def test_a_verdict_has_its_price_in_core_hours():
    known = [study("large", answer(), answer("warmup", "TOO FEW SEEDS")), study("small", hours=None)]
    text = findings.page(known, {})
    assert "| `large` | 40 | 10.0 | 1 of 2 | 10.00 |" in text and "| `small` | 40 | – | 0 of 0 | – |" in text


def test_it_says_of_which_records_it_is_made(released):
    text = findings.page([study("small", answer("warmup", "TOO FEW SEEDS"))], {})
    assert glance.FIGURE not in text
    assert f"`small` {findings.digest('small')}" in text and len(findings.digest("small")) == 12


def test_without_a_report_of_every_released_study_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(findings, "PATH", tmp_path / "findings.md")
    refused = CliRunner().invoke(main, ["findings", "--reports", str(tmp_path / "none")])
    assert refused.exit_code == 2 and "no report of large, small lies under" in refused.output
    assert "python -m suite report --from results/released/large" in refused.output and not findings.PATH.exists()


def test_the_committed_findings_are_of_the_records_that_are_released(monkeypatch):
    monkeypatch.undo()
    made_of = dict(re.findall(r"`(\w+)` ([0-9a-f]{12})\b", findings.PATH.read_text(encoding="utf-8")))
    studies = {path.parent.name for path in findings.RELEASED.glob("*/SHA256SUMS")}
    assert made_of == {name: findings.digest(name) for name in studies}, "run `make findings`"


@pytest.mark.parametrize("text", ["warmup: {open", "- a list", "warmup: 3", "\x00", None])
def test_a_damaged_discussion_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setattr(findings, "DISCUSSION", tmp_path / "discussion.yaml")
    if text is not None:
        findings.DISCUSSION.write_text(text)
    with pytest.raises(UsageError, match=r"discussion\.yaml (cannot be read as YAML|must be texts)"):
        findings.discussed()


def test_what_is_discussed_is_a_question_and_has_no_number_of_its_own(monkeypatch):
    monkeypatch.undo()
    discussed = findings.discussed()
    of_none = findings.WENT_WRONG
    assert set(discussed) <= {of_none, *shipped_ablation_names(), *(path.name for path in findings.RELEASED.iterdir())}
    for name, text in discussed.items():
        assert not re.search(r"\d\s?%|\d\.\d", text), f"{name}: numbers come from the reports"

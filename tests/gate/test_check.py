"""The regression check: its estimators against published oracles, its verdicts against studies made to deserve them."""

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders.check_study import (
    BROKEN,
    BUDGET,
    CHEETAH,
    EVERY,
    GOOD,
    PENDULUM,
    RANDOM,
    REFERENCES,
    V1,
    pendulum,
    reference,
    study,
    together,
    written,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from suite.analysis.check_rows import CheckFile, PublishedSummary, SampleSummary
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_check
from suite.analysis.types import CellKey
from suite.errors import UsageError
from suite.gate import check, outcome, terminal, unmatched
from suite.gate.settings import blinded, differences, settings_of_preset
from suite.gate.verdict import judge
from suite.published import csv_tables, reading
from suite.published.anchors import Anchor
from suite.published.references import Summary
from suite.sac.schedule import BootstrapAtLength
from suite.statistics import equivalence, multiplicity, power
from suite.statistics import two_samples as compare
from suite.study.config import Check, Report
from suite.wording import WITH_POWER

# --- estimators -------------------------------------------------------------------------------------------------


def test_welch_from_summary_is_scipys_documented_example():
    test = compare.welch_from_summary(15, math.sqrt(87.5), 13, 12, math.sqrt(39), 11, 0.95)
    assert test.statistic == pytest.approx(0.9358461935556048, rel=1e-9)
    assert test.p == pytest.approx(0.3599981869324, rel=1e-9)
    assert test.df == pytest.approx(20.98461123, rel=1e-9)
    assert test.difference == 3


def test_welch_of_samples():
    test = compare.welch([4, 7, 8, 6, 3, 2], [6, 8, 7, 10, 11, 9], 0.90)
    assert test.statistic == pytest.approx(-2.8419928, rel=1e-7)
    assert test.df == pytest.approx(9.49438202, rel=1e-8)
    assert test.p == pytest.approx(0.01836767, rel=1e-6)
    assert (test.low, test.high) == pytest.approx((-5.744224, -1.255776), abs=1e-6)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=9), st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=9))
def test_welch_is_scipys_on_any_samples(x, y):
    assume(np.std(x) > 1e-3 and np.std(y) > 1e-3)
    ours, scipys = compare.welch(x, y, 0.9), stats.ttest_ind(x, y, equal_var=False)
    interval = scipys.confidence_interval(0.9)
    theirs = (scipys.statistic, scipys.df, scipys.pvalue, interval.low, interval.high)
    assert (ours.statistic, ours.df, ours.p, ours.low, ours.high) == pytest.approx(theirs, rel=1e-6, abs=1e-6)


def test_groups_without_any_spread_differ_exactly():
    assert compare.welch([1, 1], [1, 1, 1], 0.9)[:6] == (0.0, 3.0, 1.0, 0.0, 0.0, 0.0)
    assert compare.welch([0, 0], [1, 1, 1], 0.9)[:6] == (-math.inf, 3.0, 0.0, -1.0, -1.0, -1.0)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((math.nan, 1, 5, 0, 1, 5, 0.9), "m1"),
        ((0, 1, 5, 0, math.nan, 5, 0.9), "s2"),
        ((0, -1, 5, 0, 1, 5, 0.9), "s1"),
        ((0, 1, 1, 0, 1, 5, 0.9), "n1"),
        ((0, 1, 5, 0, 1, 1, 0.9), "n2"),
        ((0, 1, 5, 0, 1, 5, 90), "confidence"),
    ],
)
def test_a_summary_that_is_none_is_refused_by_name(arguments, name):
    with pytest.raises(ValueError, match=rf"^{name} must|^{name} is"):
        compare.welch_from_summary(*arguments)


def test_a_sample_that_is_none_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^x must be a list of at least 2"):
        compare.welch([1.0], [1.0, 2.0], 0.9)
    with pytest.raises(ValueError, match=r"^y holds a value"):
        compare.welch([1.0, 2.0], [1.0, math.nan], 0.9)


def test_non_inferiority_oracle():
    verdict = equivalence.non_inferiority_from_summary((10_000, 800, 10), (10_500, 900, 5), 1050, 0.90)
    assert verdict.difference == -500
    assert verdict.df == pytest.approx(7.27981630, rel=1e-7)
    assert verdict.p == pytest.approx(0.14192419, rel=1e-6)
    assert (verdict.low, verdict.high) == pytest.approx((-1395.491, 395.491), abs=1e-3)
    assert verdict.verdict == "INCONCLUSIVE"


def test_the_first_bound_of_the_equivalence_oracle():
    """TOST of these samples at bound 1 has Welch p .9643479; its harder side is ours - reference > -1."""
    x, y = compare.summary([4, 7, 8, 6, 3, 2]), compare.summary([6, 8, 7, 10, 11, 9])
    assert equivalence.non_inferiority_from_summary(x, y, 1, 0.90).p == pytest.approx(0.9643479, rel=1e-6)
    assert equivalence.non_inferiority_from_summary(x, y, 10, 0.90).p == pytest.approx(0.00021304, rel=1e-4)


@pytest.mark.parametrize(
    ("mean", "verdict"), [(100, "PASS"), (85, "FAIL"), (91, "INCONCLUSIVE"), (115, "SUSPICIOUSLY_BETTER")]
)
def test_the_four_verdicts(mean, verdict):
    assert equivalence.non_inferiority_from_summary((mean, 2, 5), (100, 2, 5), 10, 0.90).verdict == verdict


summaries = st.tuples(st.floats(-100, 100), st.floats(0.1, 50), st.integers(2, 30))


@given(summaries, summaries, st.floats(0.5, 100))
def test_a_pass_and_its_p_say_the_same(ours, reference, margin):
    verdict = equivalence.non_inferiority_from_summary(ours, reference, margin, 0.90)
    assume(abs(verdict.p - 0.05) > 1e-9)
    assert (verdict.p < 0.05) == (verdict.low > -margin) == (verdict.verdict in ("PASS", "SUSPICIOUSLY_BETTER"))


@pytest.mark.parametrize(
    ("ours", "reference", "margin", "few", "share", "needed"),
    [
        ((5_587, 543.2, 5), (5_725, 463.4, 10), 600.3, 7, 0.54, 16),
        ((2_791, 858.5, 3), (3_910, 487, 10), 418.8, 7, 0.57, 13),
        ((-234.5, 124.2, 5), (-201.9, 28.2, 5), 99.13, 13, 0.54, 27),
        ((2_887, 963.7, 3), (3_910, 487, 10), 418.8, 10, 0.51, 23),
    ],
    ids=["jaxrl_curves", "entropy_plus_half", "entropy_plus_half on Pendulum", "time_limit_terminal"],
)
def test_the_seeds_needed_decide_with_a_power_of_80_percent(ours, reference, margin, few, share, needed):
    """The n at which the observed means would just do is a coin flip: docs/gate.md named it until it was simulated."""
    verdict = equivalence.non_inferiority_from_summary(ours, reference, margin, 0.90)
    assert (verdict.verdict, verdict.n_needed) == ("INCONCLUSIVE", needed)
    side = "greater" if verdict.difference > -margin else "less"

    def decided(n):
        drawn = np.random.default_rng(n).normal(*ours[:2], (20_000, n))
        summary = drawn.mean(axis=1) + margin, drawn.std(axis=1, ddof=1), n
        p = stats.ttest_ind_from_stats(*summary, *reference, equal_var=False, alternative=side).pvalue
        return (p < 0.05).mean()

    assert decided(few) == pytest.approx(share, abs=0.02)
    assert decided(needed) > 0.80 - 0.01 and decided(needed - 1) < 0.80 + 0.01
    assert f"{power.TARGET:.0%}".replace("%", " %") in WITH_POWER


def test_a_decided_row_needs_no_seeds():
    assert equivalence.non_inferiority_from_summary((0, 1, 5), (0, 1, 5), 5).n_needed is None


def test_no_number_of_seeds_makes_up_for_a_reference_of_two():
    assert equivalence.non_inferiority_from_summary((0, 1, 5), (0, 10, 2), 1, 0.90).n_needed is None


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (((0, 1, 5), (0, 1, 5), 0, 0.9), "margin"),
        (((0, 1, 5), (0, 1, 5), math.nan, 0.9), "margin"),
        (((math.nan, 1, 5), (0, 1, 5), 1, 0.9), "m1"),
        (((0, 1, 5), (0, 1, 1), 1, 0.9), "n2"),
    ],
)
def test_a_question_without_an_answer_is_refused_by_name(arguments, name):
    with pytest.raises(ValueError, match=name):
        equivalence.non_inferiority_from_summary(*arguments)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_every_kind_of_spread_leads_to_the_sample_sd(n):
    values = np.arange(n) ** 2.0
    sd = values.std(ddof=1)
    sem = sd / math.sqrt(n)
    student = stats.t.interval(0.95, n - 1, loc=0, scale=sem)[1]
    published = {
        "sd_ddof1": sd,
        "sd_ddof0": values.std(),
        "sem": sem,
        "ci95_t": student,
        "ci95_norm": 1.959963984540054 * sem,
        "half_sd": sd / 2,
    }
    for kind, spread in published.items():
        assert equivalence.to_sample_sd(spread, kind, n) == pytest.approx(sd, rel=1e-9), kind


def test_cleanrls_population_sd():
    assert equivalence.to_sample_sd(1423.73, "sd_ddof0", 3) == pytest.approx(1743.71, abs=0.005)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((math.nan, "sem", 5), "spread"), ((1, "sem", 1), "n "), ((1, "unknown", 5), "kind"), ((-1, "sem", 5), "spread")],
)
def test_a_spread_without_a_meaning_is_refused_by_name(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}"):
        equivalence.to_sample_sd(*arguments)


# --- studies ----------------------------------------------------------------------------------------------------


def rows_of(tables, *, margin=0.10, chosen=REFERENCES, gate=("none",), **options):
    return check.check(tables, chosen, RANDOM, Check(margin=margin, confidence=0.90, gate=list(gate)), **options)


def verdicts_at(tables, of=CHEETAH):
    return {row.env_step: row.verdict for row in rows_of(tables, chosen=[of])}


def at_10k(per_seed, chosen=(PENDULUM,), **options):
    return next(row for row in rows_of(pendulum(per_seed, **options), chosen=chosen) if row.env_step == 10_000)


AT_50K = np.array([3300.0, 3200.0, 3400.0, 3250.0, 3350.0])


def test_a_row_is_the_welch_interval_of_the_window_means():
    row = next(row for row in rows_of(study(AT_50K), chosen=[CHEETAH]))
    there = np.array(CHEETAH.values[50_000])
    interval = stats.ttest_ind(AT_50K, there, equal_var=False).confidence_interval(0.90)
    assert row.env_step == 50_000
    assert (row.low, row.high) == pytest.approx(tuple(interval))
    assert row.difference == pytest.approx(AT_50K.mean() - there.mean())
    assert row.margin == pytest.approx(0.1 * (there.mean() + 280))
    assert row.ours == SampleSummary(
        **{"mean": pytest.approx(3300.0), "sd": pytest.approx(AT_50K.std(ddof=1)), "n": 5},
        **{"n_finished": 5, "n_failed": 0, "n_missing": 0, "n_planned": 5, "values": tuple(AT_50K)},
    )
    assert row.published == PublishedSummary(there.mean(), pytest.approx(there.std(ddof=1)), 3, tuple(there))
    assert row.advisory is False and row.advice == row.differs == () and row.basis == "runs"
    assert row.reference == "cheetah/sac/HalfCheetah-v2" and "someone/something@0123456" in row.citation


def test_p_is_the_one_sided_welch_test_at_the_margin():
    row = next(row for row in rows_of(study(AT_50K), chosen=[CHEETAH]))
    ours, there = AT_50K + row.margin, CHEETAH.values[50_000]
    expected = stats.ttest_ind(ours, there, equal_var=False, alternative="greater").pvalue
    assert row.p == pytest.approx(expected, rel=1e-6)
    assert row.p_fail == compare.loss_p(compare.summary(AT_50K), compare.summary(there), row.margin)


def test_p_fail_by_hand():
    """5 % points of Student's t: 2.1318468 with 4 degrees of freedom, 2.9199856 with 2 (any table)."""
    ours, there = (0.0, 2 * math.sqrt(5), 5), (0.0, math.sqrt(3), 3)  # squared standard errors 4 and 1
    critical = (4 * 2.1318468 + 1 * 2.9199856) / 5
    lost = 100 + critical * math.sqrt(5)
    assert compare.loss_p((-lost, *ours[1:]), there, 100) == pytest.approx(0.05, abs=1e-7)
    assert compare.loss_p((lost - 200, *ours[1:]), there, 100) == pytest.approx(0.95, abs=1e-7)
    alike = compare.loss_p((-200, 10, 5), (0, 10, 5), 100)  # the same number and spread: n - 1 degrees of freedom
    assert alike == pytest.approx(stats.t.cdf(-100 / math.sqrt(40), 4))
    assert compare.loss_p((-200, 0, 5), (0, 10, 3), 100) == pytest.approx(stats.t.cdf(-100 / math.sqrt(100 / 3), 2))
    assert [compare.loss_p((mean, 0, 5), (0, 0, 3), 100) for mean in (-101, -100, -99)] == [0, 0.5, 1]


@given(summaries, summaries, st.floats(0.5, 100))
def test_p_fail_is_never_smaller_than_welchs(ours, there, allowed):
    welch = compare.welch_from_summary(ours[0] + allowed, *ours[1:], *there)
    assume(welch.statistic < -0.1)
    assert compare.loss_p(ours, there, allowed) >= welch.p / 2 * (1 - 1e-6)


def test_a_row_says_whether_it_is_equivalent_too():
    row = at_10k(GOOD)
    expected = equivalence.tost(GOOD, PENDULUM.values[10_000], row.margin, 0.90)
    assert row.equivalence.p == pytest.approx(expected.p)
    assert row.equivalence.verdict == expected.verdict == "EQUIVALENT"
    better = at_10k([-20.0, -30.0, -25.0, -28.0, -22.0])
    assert (better.verdict, better.equivalence.verdict) == ("SUSPICIOUSLY_BETTER", "DIFFERENT")


def test_a_healthy_study_passes_and_a_broken_one_fails():
    healthy, broken = pendulum(GOOD), pendulum(BROKEN)
    assert verdicts_at(healthy, PENDULUM)[10_000] == "PASS"
    assert verdicts_at(broken, PENDULUM)[10_000] == "FAIL"
    assert outcome.failing(rows_of(broken, gate=["all"])) and not outcome.failing(rows_of(healthy, gate=["all"]))


def test_only_published_steps_within_the_budget_are_compared():
    assert set(verdicts_at(pendulum(GOOD), PENDULUM)) == {5_000, 10_000}
    assert set(verdicts_at(study(AT_50K))) == {50_000, 100_000}


def test_a_step_before_the_first_evaluation_is_not_compared():
    tables = pendulum(GOOD)
    tables.runs["evaluate_every"] = 6_000
    tables = tables._replace(evaluations=tables.evaluations.query("env_step == 6000"))
    (row,) = rows_of(tables, chosen=[PENDULUM])
    assert row.env_step == 10_000 and row.ours.n == 5


def test_a_published_step_at_which_nothing_is_learned_has_no_margin():
    early = reference({5_000: (-1300.0, -1250.0), 10_000: (-200.0, -210.0)}, environment="Pendulum-v1")
    assert set(verdicts_at(pendulum(GOOD), early)) == {10_000}


def test_too_few_seeds_decide_nothing_and_say_what_would():
    row = next(r for r in rows_of(study([4700.0, 5500.0]), chosen=[CHEETAH]) if r.env_step == 100_000)
    assert row.verdict == "INCONCLUSIVE" and row.n_needed > 2
    assert f"with {row.n_needed} own seeds of this mean and spread it would be decided {WITH_POWER}" in row.sentence


def test_one_seed_has_no_spread():
    row = rows_of(study([4700.0]), chosen=[CHEETAH])[0]
    assert row.verdict == "INCONCLUSIVE" and row.low is None and row.ours.sd is None
    assert row.p is row.p_adjusted is row.equivalence is None
    assert "1 run with a result gives no spread" in row.sentence


# --- missing and failed runs


@pytest.mark.parametrize(
    "accident",
    [*({"status": status} for status in ("missing", "timeout", "interrupted", "invalid")), {"stale": True}],
    ids=str,
)
def test_a_run_without_a_result_forbids_a_pass_that_needs_it(accident):
    row = at_10k(GOOD, accidents={4: accident})
    assert row.low > -row.margin, "the runs that finished would have passed"
    assert row.verdict == "INCONCLUSIVE" and row.held_back == "PASS" and row.p > 0.05
    assert row.equivalence.verdict == "INCONCLUSIVE"
    assert row.ours.n == 4 and row.ours.n_missing == 1 and row.ours.n_planned == 5
    assert "4 of 5 planned runs finished, 1 without a result" in row.sentence
    assert "a PASS would not hold if the runs without a result had failed" in row.sentence and row.n_needed == 5


def test_a_run_without_a_result_forbids_a_fail_that_it_could_have_prevented():
    """One of four runs is as good as any published: had the two without a result been like it, this were no FAIL."""
    values = [-480.0, -490.0, -470.0, -195.0, -500.0, -485.0, -475.0, -490.0]
    whole, lost = at_10k(values), {i: {"status": "missing"} for i in (8, 9, 10)}
    assert whole.verdict == "FAIL"
    row = at_10k([*values, 0.0, 0.0, 0.0], accidents=lost)
    assert row.high < -row.margin, "the runs that finished would have failed"
    assert row.verdict == "INCONCLUSIVE" and row.held_back == "FAIL" and row.p_fail > 0.05
    assert "a FAIL would not hold if the runs without a result had done as well as the best" in row.sentence
    assert at_10k([*BROKEN, 0.0], accidents={5: {"status": "missing"}}).verdict == "FAIL", "this one stands"


def test_a_pass_that_holds_at_worst_stands():
    """Of 400 runs one that failed takes little from the mean, less than the margin."""
    row = at_10k(GOOD * 80, accidents={4: {"status": "missing"}})
    assert (row.verdict, row.ours.n, row.ours.n_planned) == ("PASS", 399, 400)


@settings(max_examples=40)
@given(
    st.lists(st.floats(-700, -100), min_size=2, max_size=6),
    st.integers(1, 4),
    st.sampled_from([(-200.0, 20.0, 5), (-300.0, 60.0, 3)]),
)
def test_no_verdict_stands_that_the_missing_runs_could_overturn(values, missing, there):
    floor, allowed = -1200.0, 0.1 * (there[0] + 1200.0)
    values = np.array(values)
    found = judge(values, missing, PublishedSummary(*there, ()), floor, allowed, 0.90)
    worst = [*values, *[min(floor, values.min())] * missing]
    best = [*values, *[values.max()] * missing]
    each = [
        equivalence.non_inferiority_from_summary(compare.summary(one), there, allowed, 0.90).verdict
        for one in (values, worst, best)
    ]
    if found.verdict == "PASS":
        assert set(each) <= {"PASS", "SUSPICIOUSLY_BETTER"}
    elif found.verdict != "INCONCLUSIVE":
        assert set(each) == {found.verdict}
    assume(min(abs(getattr(found, name) - 0.05) for name in ("p", "p_fail")) > 1e-9)
    assert (found.p < 0.05) == (found.verdict in ("PASS", "SUSPICIOUSLY_BETTER"))
    assert found.p_fail > 0.05 or found.verdict == "FAIL"


def test_a_diverged_run_counts_at_the_random_policy_from_where_it_stopped():
    row = at_10k(GOOD, accidents={4: {"status": "diverged", "stopped_at": 7_000, "last_env_step": 7_000}})
    assert row.ours.mean == pytest.approx(np.mean([*GOOD[:4], -1200.0]))
    assert (row.ours.n, row.ours.n_finished, row.ours.n_failed) == (5, 4, 1)
    assert row.verdict != "PASS" and "1 failed" in row.sentence
    earlier = pendulum(GOOD, accidents={4: {"status": "crashed", "stopped_at": 7_000}})
    row = next(row for row in rows_of(earlier) if row.env_step == 5_000)
    assert row.ours.mean == pytest.approx(np.mean(GOOD)), "what it did before it stopped counts"


def test_a_window_that_the_end_cuts_is_part_random():
    tables = study([3000.0] * 3, accidents={0: {"status": "diverged", "stopped_at": 97_000}})
    row = next(row for row in rows_of(tables, chosen=[CHEETAH]) if row.env_step == 100_000)
    assert row.ours.mean == pytest.approx((3000 + 3000 + (3000 - 280) / 2) / 3)  # evaluated at 95k, not at 100k


def test_a_failed_run_on_a_grid_of_its_own_keeps_what_it_did():
    """An imported log may begin its evaluations anywhere: at 500, 1500, ... here."""
    tables = pendulum(GOOD, accidents={4: {"status": "crashed", "stopped_at": 10_400}})
    tables.evaluations["env_step"] -= 500
    row = next(row for row in rows_of(tables, chosen=[PENDULUM]) if row.env_step == 10_000)
    assert row.ours.mean == pytest.approx(np.mean(GOOD)), "its last window ends at 9,500, before it stopped"


def test_a_study_whose_runs_all_diverged_fails():
    tables = pendulum(GOOD, accidents={i: {"status": "diverged", "stopped_at": 1_000} for i in range(5)})
    assert verdicts_at(tables, PENDULUM)[10_000] == "FAIL"


def test_a_return_that_is_no_number_is_a_failure():
    tables = pendulum(GOOD)
    tables.evaluations.loc[tables.evaluations["seed"] == 4, "return"] = math.nan
    row = next(row for row in rows_of(tables, chosen=[PENDULUM]) if row.env_step == 10_000)
    assert (row.ours.n_missing, row.ours.n_failed) == (0, 1), "it diverged, as the statistics have it"
    assert row.ours.values[-1] == -1200.0


def test_a_run_evaluated_to_a_quarter_of_its_budget_is_no_result():
    tables = pendulum(GOOD)
    late = (tables.evaluations["seed"] == 4) & (tables.evaluations["env_step"] > 2_500)
    rows = rows_of(tables._replace(evaluations=tables.evaluations[~late]), chosen=[PENDULUM])
    assert {row.ours.n_missing for row in rows} == {1} and {row.verdict for row in rows} == {"INCONCLUSIVE"}


def test_a_seed_planned_with_two_budgets_counts_once():
    tables = pendulum(GOOD)
    longer = tables.runs.assign(env_steps=20_000, status="missing")
    tables = tables._replace(runs=pd.concat([tables.runs, longer], ignore_index=True))
    tables = tables._replace(evaluations=pd.concat([tables.evaluations] * 2, ignore_index=True))
    by_step = {row.env_step: row for row in rows_of(tables, chosen=[PENDULUM])}
    assert by_step[10_000].ours.n_planned == 5 and by_step[10_000].verdict == "PASS"
    assert by_step[20_000].ours.n == 0 and by_step[20_000].verdict == "INCONCLUSIVE"


# --- what is published without its runs


def published(*told, **fields):
    return reference(summaries={10_000: Summary(*told)}, environment="Pendulum-v1", **fields)


def test_a_published_mean_and_spread_are_tested_as_runs_are():
    mean, sd, n = compare.summary(PENDULUM.values[10_000])
    of_runs, of_summary = at_10k(GOOD), at_10k(GOOD, chosen=[published(mean, sd, n, sd, "sd_ddof1")])
    same = (
        "verdict",
        "difference",
        "low",
        "high",
        "p",
        "p_fail",
        "df",
        "n_needed",
        "equivalence",
        "margin",
    )
    assert [getattr(of_runs, name) for name in same] == [getattr(of_summary, name) for name in same]
    assert of_runs.published == replace(of_summary.published, values=PENDULUM.values[10_000])
    assert of_summary.basis == "mean and spread" and of_summary.curve is None and not of_summary.advisory


@pytest.mark.parametrize(
    ("mean", "verdict"), [(-195.0, "PASS"), (-60.0, "FAIL"), (-400.0, "SUSPICIOUSLY_BETTER"), (-100.0, "INCONCLUSIVE")]
)
@pytest.mark.parametrize("told", [(None, 1, None, "none"), (None, 5, 4.0, "unknown"), (None, None, None, "none")])
def test_a_number_without_a_spread_is_advice_by_the_interval_of_one_more_run(mean, verdict, told):
    row = at_10k(GOOD, chosen=[published(mean, *told)])
    found = equivalence.prediction_check(compare.summary(GOOD), mean, 0.90)
    assert (row.low, row.high) == pytest.approx((found.low - mean, found.high - mean))
    assert row.verdict == verdict and row.inside == found.inside
    assert row.advisory and "a number without a spread" in row.advice and row.basis == "a number"
    assert row.p is row.p_fail is row.equivalence is row.p_adjusted is None and not row.gated
    assert ("inside" if found.inside else "outside") in row.sentence and row.published.sd is None


# --- comparability ----------------------------------------------------------------------------------------------


def test_another_entropy_target_makes_a_reference_advice():
    """An arm of an ablation shows so how far it is from what its baseline's reference published."""
    rows = rows_of(study([2000.0] * 3))
    advice = [row for row in rows if row.reference.startswith("half")]
    assert advice and all(row.advisory and not row.gated for row in advice)
    assert {tuple(row.differs) for row in advice} == {("temperature.entropy_per_dim",)}
    assert all("Advisory only: temperature.entropy_per_dim is -1.0 here, -0.5 there" in r.sentence for r in advice)
    assert any(row.verdict == "FAIL" for row in advice)
    assert not [row for row in outcome.failing(rows) if row.reference.startswith("half")], "advice fails no study"


def test_what_a_reference_says_against_itself_makes_it_advice():
    doubtful = reference(PENDULUM.values, environment="Pendulum-v1", advisory=("maximum over training",))
    rows = rows_of(pendulum(BROKEN), chosen=[doubtful])
    assert {row.verdict for row in rows} >= {"FAIL"} and not outcome.failing(rows)
    assert all(row.advisory and row.advice == ("maximum over training",) for row in rows)
    assert all(row.sentence.endswith("Advisory only: maximum over training.") for row in rows)


def test_returns_of_another_kind_are_advice():
    training = reference(PENDULUM.values, environment="Pendulum-v1", kind_of_return="sampled")
    row = at_10k(GOOD, chosen=[training])
    assert row.advisory and row.advice == ("returns are deterministic here, sampled there",)
    imported = pendulum(GOOD)
    imported.runs["kind_of_return"] = ["", *["training"] * 4]
    imported = imported._replace(evaluations=imported.evaluations.query("kind == 'sample'"))
    imported.evaluations["return"] += 1e6
    row = next(row for row in rows_of(imported, chosen=[PENDULUM]) if row.env_step == 10_000)
    assert row.ours.mean == pytest.approx(np.mean(GOOD)) and row.advice == (
        "returns are training here, deterministic there",
    )


def test_a_reference_of_unknown_returns_is_advice_for_that_alone():
    unknown = reference(
        PENDULUM.values, environment="Pendulum-v1", kind_of_return="unknown", advisory=("unstated protocol",)
    )
    assert at_10k(GOOD, chosen=[unknown]).advice == ("unstated protocol",)


@pytest.mark.parametrize("preset", ["sac_v1", "tianshou"])
def test_another_algorithm_is_not_compared_at_all(preset):
    assert rows_of(study(AT_50K, preset=preset), chosen=[CHEETAH]) == []
    single = {"critics": 1, "target_reduce": "first", "actor_reduce": "first"}
    assert rows_of(study(AT_50K, changes=single), chosen=[CHEETAH]) == []


def test_a_setting_of_its_own_is_not_compared_either():
    near, far = {"hidden": [64, 64], "batch_size": 128}, {"hidden": [64, 64], "batch_size": 128, "tau": 0.01}
    rows = rows_of(pendulum(GOOD, changes=near))
    assert rows and {tuple(row.differs) for row in rows} == {("hidden", "batch_size")}
    assert rows_of(pendulum(GOOD, changes=far)) == []


def test_the_value_network_has_a_reference_of_its_own():
    rows = rows_of(study([2600.0, 2500.0, 2700.0], preset="sac_v1"))
    assert {row.reference for row in rows} == {"first_paper/sac/HalfCheetah-v2"}
    assert not any(row.advisory for row in rows)


def test_of_several_presets_the_nearest_counts():
    presets = {"stable_baselines3": {"warmup_steps": 1000, "learn_after": 1001}, "sac_v2": {"tau": 0.01}}
    several = reference(PENDULUM.values, environment="Pendulum-v1", presets=presets)
    assert not at_10k(GOOD, chosen=[several], preset="stable_baselines3", changes=presets["stable_baselines3"]).advisory
    assert at_10k(GOOD, chosen=[several]).differs == ("tau",)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"hidden": [64, 64]}, ["hidden"]),
        ({"discount": 0.995}, ["discount"]),
        ({"std.low": -5.0}, ["std.low"]),
        ({"std": {"kind": "SquashLogStd", "low": -5.0, "high": 2.0}}, ["std"]),  # another kind is one difference
        ({"warmup_steps": 9_999, "learn_after": 10_001}, []),  # one step apart: counted from elsewhere
        ({"warmup_steps": 5_000}, ["warmup_steps"]),
        ({"replay_capacity": 100_000}, []),  # holds all 50,000 steps
        ({"replay_capacity": 40_000}, ["replay_capacity"]),
        ({"time_limit": BootstrapAtLength(steps=1000)}, ["time_limit"]),
    ],
)
def test_what_differs_is_listed(change, differs):
    ours, theirs = (settings_of_preset("sac_v2", "HalfCheetah-v5", own) for own in (change, {}))
    assert [one.field for one in differences(ours, theirs, 50_000)] == differs


def test_a_change_of_what_is_no_field_is_refused_by_name():
    with pytest.raises(csv_tables.BrokenReference, match=r"temperature\.rate is no field of the preset sac_v2"):
        settings_of_preset("sac_v2", "HalfCheetah-v5", {"temperature.rate": 1e-3})


def test_a_task_is_compared_with_its_own_environments_only():
    rows = rows_of(pendulum(GOOD))
    assert {row.reference for row in rows} == {"pendulum/sac/Pendulum-v1"}


def test_a_version_that_stands_for_a_task_only_later_is_compared_only_later():
    early = reference({20_000: (8000.0, 9000.0), 100_000: (9350.0, 9355.0)}, environment="InvertedDoublePendulum-v2")
    early = replace(early, tasks=("InvertedDoublePendulum-v5",), presets={"sac_v2": {}})
    EVERY["InvertedDoublePendulum-v5"], BUDGET["InvertedDoublePendulum-v5"] = 10_000, 100_000
    tables = study([9340.0, 9350.0, 9345.0], task="InvertedDoublePendulum-v5")
    floor = {"InvertedDoublePendulum-v5": Anchor(60.0, 20.0, 100, {})}
    rows = check.check(tables, [early], floor)
    assert [row.env_step for row in rows] == [100_000]


def test_a_task_without_a_random_policy_is_refused_by_name():
    with pytest.raises(csv_tables.BrokenReference, match="Pendulum-v1"):
        check.check(pendulum(GOOD), REFERENCES, {})


def test_a_study_without_any_result_decides_nothing():
    rows = rows_of(pendulum(GOOD, accidents={i: {"status": "missing"} for i in range(5)}))
    assert {row.verdict for row in rows} == {"INCONCLUSIVE"} and rows[0].ours.n == 0
    assert "0 of 5 planned runs finished" in rows[0].sentence and terminal.render_check(CheckFile(tuple(rows), ()))


# --- whole curves -----------------------------------------------------------------------------------------------


def climbing(per_seed, slope, **options):
    """A study on Pendulum whose seeds climb by `slope` a step from their values."""
    tables = pendulum(per_seed, **options)
    tables.evaluations["return"] += slope * tables.evaluations["env_step"]
    return tables


STEPS = range(2_000, 10_001, 2_000)
CLIMB = reference(
    {at: tuple(-900 + 0.06 * at + offset for offset in (-20.0, 5.0, 0.0, 12.0, 8.0, -9.0)) for at in STEPS},
    environment="Pendulum-v1",
)  # fmt: skip
LEVELS = [-905.0, -898.0, -890.0, -912.0, -901.0]


def curve_of(tables, chosen=CLIMB):
    rows = rows_of(tables, chosen=[chosen])
    assert all(row.curve is None for row in rows[:-1])
    return rows[-1]


def test_the_last_step_of_a_reference_bears_the_comparison_of_whole_curves():
    row = curve_of(climbing(LEVELS, 0.06))
    curve = row.curve
    ours = np.array([[level + 0.06 * at for at in STEPS] for level in LEVELS])  # each window is one evaluation
    theirs = np.array([CLIMB.values[at] for at in STEPS]).T
    tested = compare.max_t(ours, theirs)
    assert curve.steps == tuple(STEPS) and curve.n == (5, 6) and curve.missing == 0
    assert curve.p == pytest.approx(tested.p_adjusted.min()) and curve.assignments == math.comb(11, 5)
    assert curve.difference == pytest.approx(ours.mean(axis=0) - theirs.mean(axis=0))
    assert curve.margin == pytest.approx(0.1 * (theirs.mean(axis=0) + 1200))
    assert curve.verdict == "PASS" and "stays above minus the margin: PASS." in row.sentence
    assert all(low < middle < high for low, middle, high in zip(curve.low, curve.difference, curve.high, strict=True))


def test_a_curve_that_falls_behind_somewhere_fails_as_a_whole():
    tables = climbing(LEVELS, 0.06)
    slow = tables.evaluations["env_step"].between(3_000, 5_000)
    tables.evaluations.loc[slow, "return"] -= 400
    row = curve_of(tables)
    assert row.verdict == "PASS", "at its end it has caught up"
    assert row.curve.verdict == "FAIL" and row.curve.env_step == 4_000 and row.curve.p < 0.01


def test_a_band_needs_five_runs_on_either_side_and_max_t_two():
    curve = curve_of(climbing(LEVELS[:4], 0.06)).curve
    assert curve.verdict is curve.low is None and "5 runs" in curve.note and 0 < curve.p <= 1
    assert curve_of(climbing(LEVELS[:1], 0.06)).curve is None


def test_a_band_with_missing_runs_passes_only_if_these_could_not_matter():
    row = curve_of(climbing([*LEVELS, -900.0], 0.06, accidents={5: {"status": "missing"}}))
    assert row.curve.n == (5, 6) and row.curve.missing == 1 and row.curve.verdict == "INCONCLUSIVE"


def test_the_draws_depend_on_the_declared_seed_and_on_nothing_else():
    tables = climbing([*LEVELS, *(level + 3 for level in LEVELS)], 0.06)
    wide = reference(
        {at: tuple(v + i for i in range(3) for v in CLIMB.values[at]) for at in STEPS}, environment="Pendulum-v1"
    )
    rows = rows_of(tables, chosen=[wide])
    np.random.seed(5)  # noqa: NPY002 - the global generator must not matter
    shuffled = tables._replace(evaluations=tables.evaluations.sample(frac=1, random_state=1))
    assert rows_of(shuffled, chosen=[wide]) == rows
    other = rows_of(tables, chosen=[wide], declared=Declared(Report(seed=1)))
    assert other[-1].curve.low != rows[-1].curve.low


# --- the gate ---------------------------------------------------------------------------------------------------


def many_cells(*levels):
    cells = [{"run_id": f"{i:010d}", "variant": f"cell {i}"} for i in range(len(levels))]
    return together(*(pendulum(list(level), cell=cell) for level, cell in zip(levels, cells, strict=True)))


ONLY_10K = reference({10_000: PENDULUM.values[10_000]}, environment="Pendulum-v1")
LOSSY = [value - 130 for value in GOOD]


def the_primary(rows, **fields):
    (row,) = (row for row in rows if row.gated and all(getattr(row, name) == one for name, one in fields.items()))
    return row


def test_a_broken_cell_fails_however_many_others_are_sound():
    """A family is one implementation and preset: what else a study holds does not dilute it."""
    alone = the_primary(rows_of(many_cells(BROKEN), chosen=[ONLY_10K], gate=["all"]))
    rows = rows_of(many_cells(BROKEN, *[GOOD] * 40), chosen=[ONLY_10K], gate=["all"])
    among = the_primary(rows, variant="cell 0")
    assert alone == among and among.fails and among.family == "torch cell 0" and among.family_size == 1
    assert outcome.exit_code(rows, gate=True) == 1 and outcome.exit_code(rows, gate=False) == 0


def test_the_last_gated_step_of_a_cell_is_its_primary_endpoint_and_of_two_references_the_larger():
    larger = replace(ONLY_10K, source="larger", values={10_000: (-200.0, -190.0, -210.0, -205.0, -195.0, -199.0)})
    larger = replace(larger, summaries={10_000: Summary(*compare.summary(larger.values[10_000]), None, "sd_ddof1")})
    rows = rows_of(pendulum(GOOD), chosen=[PENDULUM, ONLY_10K, larger], gate=["all"])
    assert (the_primary(rows).env_step, the_primary(rows).reference.split("/")[0]) == (10_000, "larger")
    assert {(row.reference.split("/")[0], row.env_step) for row in rows if row.role == "secondary"} == {
        ("pendulum", 5_000), ("pendulum", 10_000), ("made_up", 10_000),
    }  # fmt: skip


def test_secondary_rows_are_tested_only_where_their_family_passes_and_among_themselves():
    sound, broken = (rows_of(pendulum(values), gate=["all"]) for values in (GOOD, BROKEN))
    assert the_primary(sound).verdict == "PASS" and the_primary(broken).verdict == "FAIL"
    secondary = [row for row in sound if row.role == "secondary"]
    for name in ("p", "p_fail"):
        expected = multiplicity.adjust([getattr(row, name) for row in secondary], "holm")
        assert [getattr(row, f"{name}_adjusted") for row in secondary] == pytest.approx(expected)
    assert {row.p_adjusted for row in broken} == {row.p_fail_adjusted for row in broken} == {None}
    assert all(row.family_size == len(secondary) for row in secondary)


def test_a_claim_names_its_implementation_once():
    rows = rows_of(pendulum(GOOD, cell={"implementation": "mylib", "variant": "mylib (claims sac_v2)"}), gate=["all"])
    assert "Pendulum-v1, mylib (claims sac_v2), 10,000 steps" in the_primary(rows).sentence
    assert the_primary(rows).family == "mylib (claims sac_v2)"


def test_an_arm_is_never_primary():
    rows = check.check(
        pendulum(BROKEN), REFERENCES, RANDOM, Check(gate=["all"]), arms={CellKey("Pendulum-v1", "torch", "0123456789")}
    )
    assert rows and not any(row.gated for row in rows) and outcome.exit_code(rows, gate=True) == 3


def test_a_row_of_a_primary_endpoint_is_its_deciding_look():
    """By hand: ten published runs and three own ones, spreads pooled, 11 degrees of freedom."""
    values, there = [-350.0, -365.0, -370.0, -190.0, -200.0], tuple(np.linspace(-240.0, -160.0, 10))
    of_ten = reference({10_000: there}, environment="Pendulum-v1")
    row = the_primary(rows_of(pendulum(values), chosen=[of_ten], gate=["all"]))
    margin, lost = 100.0, np.mean(there) - np.mean(values[:3])
    pooled = (2 * np.var(values[:3], ddof=1) + 9 * np.var(there, ddof=1)) / 11
    error = math.sqrt(pooled * (1 / 3 + 1 / 10))
    assert (row.df, row.difference, row.margin) == pytest.approx((11, -lost, margin))
    assert row.p_fail == pytest.approx(stats.t.sf((lost - margin) / error, 11))
    assert row.p == pytest.approx(stats.t.cdf((lost - margin) / error, 11))
    half = stats.t.ppf(0.95, 11) * error
    assert (row.low, row.high) == pytest.approx((-lost - half, -lost + half))
    assert row.verdict == "FAIL" and row.p_fail < 0.0124 and [look.n for look in row.looks] == [3]


def test_seeds_are_looked_at_in_the_order_of_the_config_and_no_more_than_decide():
    tables = pendulum([*GOOD, *BROKEN])
    row = the_primary(rows_of(tables, gate=["all"]))
    assert (row.verdict, row.ours.n, row.ours.values) == ("PASS", 3, tuple(GOOD[:3]))
    backwards = tables._replace(runs=tables.runs.iloc[::-1].reset_index(drop=True))
    row = the_primary(rows_of(backwards, gate=["all"]))
    assert (row.verdict, row.ours.n, row.ours.values) == ("FAIL", 3, tuple(BROKEN[:1:-1]))


def test_a_look_waits_for_its_seeds_and_an_interrupted_run_is_never_scored():
    scattered = [-120.0, -330.0, -180.0, -340.0, -150.0]
    row = the_primary(rows_of(pendulum(scattered, accidents={3: {"status": "interrupted"}}), gate=["all"]))
    assert (row.verdict, [look.n for look in row.looks], row.waits_for) == ("INCONCLUSIVE", [3], (3,))
    assert "the look at 5 seeds waits for seed 3" in row.sentence and not row.exhausted
    rows = rows_of(pendulum(GOOD, accidents={1: {"status": "interrupted"}}), gate=["all"])
    assert the_primary(rows).looks == () and "that at 3 seeds" not in the_primary(rows).sentence
    assert "no look at it is complete; the look at 3 seeds waits for seed 1" in the_primary(rows).sentence
    assert outcome.exit_code(rows, gate=True) == 3


def test_runs_that_fail_after_the_look_that_decided_do_not_count_and_are_told():
    failed = {i: {"status": "diverged", "stopped_at": 1_000} for i in (3, 4, 6, 7, 9)}
    row = the_primary(rows_of(pendulum([*GOOD, *GOOD], accidents=failed), gate=["all"]))
    assert (row.verdict, row.ours.n, row.later_failed) == ("PASS", 3, 5)
    assert "Warning: 5 later runs have failed, of seeds that do not count any more." in row.sentence
    assert "Warning" not in the_primary(rows_of(pendulum(GOOD), gate=["all"])).sentence


@pytest.mark.parametrize("status", ["diverged", "crashed"])
def test_two_failed_runs_of_three_fail_and_one_alone_does_not(status):
    failed = {"status": status, "stopped_at": 1_000}
    two = the_primary(rows_of(pendulum(GOOD, accidents={0: failed, 2: failed}), gate=["all"]))
    assert two.fails and "2 of 3 runs failed, and 2 are too many" in two.sentence
    one = the_primary(rows_of(pendulum(GOOD, accidents={0: failed}), gate=["all"]))
    assert one.verdict == "INCONCLUSIVE" and one.looks[0].failed == 1
    six_more = [*GOOD, *GOOD, *GOOD]
    late = the_primary(rows_of(pendulum(six_more, accidents={i: failed for i in (0, 5, 8)}), gate=["all"]))
    assert late.fails and [look.n for look in late.looks] == [3, 5, 7, 10]


@pytest.mark.parametrize(
    ("values", "verdict", "says"),
    [
        (GOOD, "PASS", r"less than the tolerated [\d.]+ is lost \(p < 0.001\): PASS\."),
        (BROKEN, "FAIL", r"more than the tolerated [\d.]+ is lost \(p < 0.001\): FAIL\."),
        ([-20.0, -30.0, -25.0, -22.0, -28.0], "SUSPICIOUSLY_BETTER", r"evaluation: SUSPICIOUSLY_BETTER\."),
        ([-1190.0, -1200.0, -1195.0, -1193.0, -1201.0], "NOT_LEARNED", r"is less than [\d.]+: NOT_LEARNED\."),
        ([-120.0, -330.0, -180.0, -340.0, -150.0], "INCONCLUSIVE", r"\(and this was the last look\): INCONCLUSIVE\."),
    ],
)
def test_every_verdict_of_the_last_look_is_said(values, verdict, says):
    row = the_primary(check.check(pendulum(values), REFERENCES, RANDOM, Check(gate=["all"], looks=[5])))
    assert row.verdict == verdict and re.search(f"after 5 seeds .*{says}", row.sentence), row.sentence
    assert "5 of the first 5 runs finished" in row.sentence


def test_what_never_learned_is_said_to_be_so():
    row = the_primary(rows_of(pendulum([-1190.0, -1200.0, -1195.0]), gate=["all"]))
    assert row.verdict == "NOT_LEARNED" and row.fails and "NOT_LEARNED" in row.sentence


def test_of_three_published_runs_the_spread_is_taken_in_part_from_other_sources():
    there = (-195.0, -196.0, -197.0)
    few = reference({10_000: there}, environment="Pendulum-v1")
    alone = the_primary(rows_of(pendulum(GOOD), chosen=[few], gate=["all"]))
    beside = the_primary(rows_of(pendulum(GOOD), chosen=[few, replace(PENDULUM, presets={})], gate=["all"]))
    elsewhere = np.std(PENDULUM.values[10_000], ddof=1) / (np.mean(PENDULUM.values[10_000]) + 1200)
    prior = elsewhere * (np.mean(there) + 1200)
    shrunk = (8 * prior**2 + 2 * np.var(there, ddof=1)) / 10
    pooled = (10 * shrunk + 2 * np.var(GOOD[:3], ddof=1)) / 12
    half = stats.t.ppf(0.95, 12) * math.sqrt(pooled * 2 / 3)
    assert (beside.high - beside.low) / 2 == pytest.approx(half) and beside.df == 12 and alone.df == 4


def test_a_known_error_of_the_published_mean_widens_what_can_be_said():
    known = the_primary(rows_of(pendulum(GOOD), chosen=[replace(ONLY_10K, known_error=25.0)], gate=["all"]))
    without = the_primary(rows_of(pendulum(GOOD), chosen=[ONLY_10K], gate=["all"]))
    se = [(row.high - row.low) / 2 / stats.t.ppf(0.95, row.df) for row in (without, known)]
    assert se[1] == pytest.approx(math.hypot(se[0], 25.0)) and known.df == pytest.approx(
        without.df * (se[1] / se[0]) ** 4
    )


@pytest.mark.parametrize(
    ("tables", "chosen", "words"),
    [
        (study(AT_50K), [PENDULUM], "of this task nothing is published"),
        (study(AT_50K), [reference(CHEETAH.values, presets={})], "has the settings of no preset"),
        (study(AT_50K, changes={"critics": 1, "target_reduce": "first", "actor_reduce": "first"}), [V1, CHEETAH],
         "nearest is cheetah/sac/HalfCheetah-v2, another algorithm or measurement (critics, target_reduce, "),
        (study(AT_50K, changes={"tau": 0.1, "batch_size": 7, "actor_lr": 0.5}), [V1, CHEETAH],
         "nearest is cheetah/sac/HalfCheetah-v2, 3 switches away (tau, batch_size, actor_lr); at most 2 may differ"),
        (study(AT_50K), [reference({50_000: (-300.0, -320.0)}, source="low")], "no step's environment and return may"),
        (study(AT_50K), [reference({50_000: (2000.0, 2100.0)}, environment="HalfCheetah-v1")], "versions.csv"),
        (study(AT_50K, accidents={seed: {"env_steps": 40_000} for seed in range(5)}), [CHEETAH],
         "cheetah/sac/HalfCheetah-v2, from 50,000 environment steps on; these runs end at 40,000"),
        (study(AT_50K, accidents={seed: {"evaluate_every": 75_000} for seed in range(5)}),
         [reference({50_000: CHEETAH.values[50_000]})], "evaluated every 75,000 environment steps"),
    ],
)  # fmt: skip
def test_a_cell_without_a_row_is_told_with_what_keeps_it_apart(tables, chosen, words):
    (note,) = unmatched.unmatched(tables.runs, chosen, RANDOM, rows_of(tables, chosen=chosen))
    assert note.startswith("HalfCheetah-v5, torch sac_v2: ") and words in note


def test_only_cells_without_a_row_are_told():
    tables = together(study(AT_50K), pendulum(GOOD, cell={"run_id": "other"}))
    for chosen, untold in ((REFERENCES, []), ([CHEETAH], ["Pendulum-v1"]), ([], ["HalfCheetah-v5", "Pendulum-v1"])):
        notes = unmatched.unmatched(tables.runs, chosen, RANDOM, rows_of(tables, chosen=chosen))
        assert [note.split(",")[0] for note in notes] == untold


@pytest.mark.parametrize(
    ("gate", "gated"),
    [
        (["default"], {"Pendulum-v1": set(), "HalfCheetah-v5": set()}),  # of references that no table knows
        (["all"], {"Pendulum-v1": {10_000}, "HalfCheetah-v5": {100_000}}),
        (["none"], {"Pendulum-v1": set(), "HalfCheetah-v5": set()}),
        (["HalfCheetah-*"], {"Pendulum-v1": set(), "HalfCheetah-v5": {100_000}}),
        (["Pendulum-v1@5_000", "HalfCheetah-v5@50_000"], {"Pendulum-v1": {5_000}, "HalfCheetah-v5": {50_000}}),
    ],
)
def test_what_is_gated_is_data_or_declared(gate, gated):
    rows = rows_of(together(study(AT_50K), pendulum(GOOD)), gate=gate)
    for task, steps in gated.items():
        assert {row.env_step for row in rows if row.task == task and row.gated} == steps
    assert not any(row.gated and row.advisory for row in rows)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("Pendulm-v1", "did you mean 'Pendulum-v1'"), ("Pendulum-v1@", "Pendulum-v1@100_000"), ("al", "mean 'all'")],
)
def test_a_gate_of_what_is_no_task_is_refused(pattern, words):
    with pytest.raises(UsageError, match=r"check\.gate names") as caught:
        rows_of(pendulum(GOOD), gate=[pattern])
    assert words in str(caught.value)


def test_exit_codes():
    broken, open_ = pendulum(BROKEN), [-120.0, -330.0, -180.0, -340.0, -150.0]
    assert outcome.exit_code(rows_of(broken, gate=["all"]), gate=True) == 1
    assert outcome.exit_code(rows_of(broken, gate=["all"]), gate=False) == 0
    assert outcome.exit_code(rows_of(broken), gate=True) == 3, "a gate that holds nothing is no gate"
    assert outcome.exit_code([], gate=False) == outcome.exit_code([], gate=True) == 3
    for accidents in ({i: {"status": "missing"} for i in range(5)}, {i: {"stale": True} for i in range(5)}):
        assert outcome.exit_code(rows_of(pendulum(GOOD, accidents=accidents), gate=["all"]), gate=True) == 3
    undecided = rows_of(pendulum(open_), gate=["all"])
    assert the_primary(undecided).verdict == "INCONCLUSIVE" and not the_primary(undecided).exhausted
    assert outcome.exit_code(undecided, gate=True) == outcome.exit_code(undecided, True, undecided_ok=True) == 4
    exhausted = check.check(pendulum(open_), REFERENCES, RANDOM, Check(gate=["all"], looks=[5]))
    assert the_primary(exhausted).verdict == "INCONCLUSIVE" and outcome.exit_code(exhausted, gate=True) == 4
    assert outcome.exit_code(exhausted, True, undecided_ok=True) == 0
    text = terminal.render_check(CheckFile(tuple(exhausted), ()), undecided_ok=True)
    assert text.endswith("gate passes (exit code 0 with --gate): of 1 primary endpoint 1 INCONCLUSIVE")
    better = rows_of(pendulum([-20.0, -30.0, -25.0]), gate=["all"])
    assert the_primary(better).verdict == "SUSPICIOUSLY_BETTER" and outcome.exit_code(better, True, True) == 4
    assert outcome.exit_code(rows_of(pendulum(GOOD), gate=["all"]), gate=True) == 0
    both = together(pendulum(GOOD), pendulum(open_, cell={"run_id": "1" * 10, "variant": "other"}))
    assert outcome.exit_code(rows_of(both, gate=["all"]), gate=True) == 4
    assert "of 2 primary endpoints 1 INCONCLUSIVE, 1 PASS" in outcome.gate_line(rows_of(both, gate=["all"]))


# --- files and text ---------------------------------------------------------------------------------------------


def test_main_writes_what_it_returns(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "load", lambda: list(REFERENCES))
    written(tmp_path, pendulum(GOOD, accidents={4: {"status": "missing"}}))
    found = check.main(tmp_path)
    assert found.rows and read_check(tmp_path) == found
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("check.json", "evaluations.parquet", "manifest.parquet", "runs.parquet")
    ]


def test_a_study_that_was_not_gathered_is_said_to_be_so(tmp_path):
    with pytest.raises(UsageError, match=r"runs\.parquet is missing: the study must be gathered first"):
        check.main(tmp_path)


def test_rendered_rows_show_every_cell_and_say_a_sentence_of_each():
    rows = rows_of(study([2000.0, 2100.0, 1900.0]), gate=["HalfCheetah-v5@100_000"])
    text = terminal.render_check(CheckFile(tuple(rows), ()))
    assert "HalfCheetah-v5" in text and "3/3 finished" in text and "cheetah/sac/HalfCheetah-v2" in text
    assert all(row.sentence in text for row in rows)
    assert "advisory" in text.splitlines()[-2] and text.splitlines()[-1].startswith(
        "gate fails (exit code 1 with --gate): of 1 primary endpoint 1 "
    )
    assert terminal.render_check(CheckFile((), ("Why.",))).splitlines()[1:] == ["Why."]


def test_the_published_runs_hold_against_themselves_and_a_broken_agent_does_not():
    """The suite's own tables: SB3's five runs on Pendulum as if they were ours, and ours if they had not learned."""
    (theirs,) = (one for one in reading.load() if one.name == "sb3_pendulum/learned_alpha/Pendulum-v1")
    for values, verdict in ((theirs.values[10_000], "PASS"), ([-1150.0, -1250.0, -1100.0], "FAIL")):
        rows = rows_of(pendulum(values), chosen=reading.load(), gate=["default"])
        row = next(row for row in rows if row.reference == theirs.name and row.env_step == 10_000)
        assert row.verdict == verdict and row.gated and row.fails == (verdict != "PASS")


def arms(*told):
    """A manifest: (ablation, arm, baseline, run_id) per cell, whatever the seed."""
    names = ("ablation", "arm", "baseline", "run_id")
    cell = {"task": "HalfCheetah-v5", "implementation": "torch", "preset": "sac_v2"}
    return pd.DataFrame([cell | dict(zip(names, one, strict=True)) for one in told for seed in range(5)])


def test_blind_an_arm_is_taken_for_its_baseline():
    """What makes a mistake in its code says it has the settings it was meant to have."""
    right, wrong, alone = (
        study(values, cell={"run_id": name, "variant": name}, changes=changes)
        for name, values, changes in [
            ("right", AT_50K, {}),
            ("wrong", AT_50K - 3000, {"target_reduce": "mean"}),
            ("alone", AT_50K, {"target_reduce": "mean"}),
        ]
    )
    manifest = arms(
        ("mistakes", "none", True, "right"), ("mistakes", "no_minimum", False, "wrong"), ("", "", False, "alone"),
        ("orphans", "one", False, "alone"),
    )  # fmt: skip
    tables = together(right, wrong, alone)
    assert {row.run_id for row in rows_of(tables, chosen=[CHEETAH])} == {"right"}
    before = tables.runs.copy()
    blind = tables._replace(runs=blinded(tables.runs, manifest))
    pd.testing.assert_frame_equal(tables.runs, before)
    rows = rows_of(blind, chosen=[CHEETAH], gate=["HalfCheetah-v5@50_000"])
    found = {row.run_id: row for row in rows if row.env_step == 50_000}
    assert set(found) == {"right", "wrong"}, "an arm without a baseline stays what it is"
    assert found["wrong"].gated and found["wrong"].fails
    assert found["right"].verdict != "FAIL"


def test_blind_writes_nothing(tmp_path):
    written(tmp_path, study(AT_50K))
    planned = arms(("", "", False, "0123456789"))
    planned.assign(seed=range(5), env_steps=100_000, label="sac_v2", levels="{}").to_parquet(
        tmp_path / "manifest.parquet"
    )
    found = check.main(tmp_path, blind=True)
    assert found.rows and not (tmp_path / "check.json").exists()
    assert check.main(tmp_path) == found and (tmp_path / "check.json").exists()

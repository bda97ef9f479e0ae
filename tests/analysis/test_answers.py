"""What a study answers: findings go by adjusted p and by the margin, and what has no numbers says why."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders.made_up_study import OPTIONS, SCALES, write

from suite.analysis import results as statistics
from suite.analysis.answers import CONFIRMING, answers
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results
from suite.analysis.types import NOT_LEARNED, AblationOverTasks, LeftOut, Results
from suite.statistics import equivalence, two_samples
from suite.study.config import Report


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Results:
    study = tmp_path_factory.mktemp("studies") / "demo"
    write(study)
    statistics.main(study, **OPTIONS, declared=Declared(Report(resamples=500)))
    return read_results(study)


def asked_again(results, name, **changes):
    """The answers to one question alone, the result of its tasks changed."""
    ablation = next(one for one in results.ablations if one.name == name)
    over = tuple(replace(one, **changes.pop("over", {})) for one in ablation.over_tasks)
    return answers([replace(ablation, over_tasks=over, **changes)], results.cells, Declared())


def test_every_arm_and_every_factor_is_answered_once(results):
    named = [(one.ablation, one.factor, one.side, one.beside) for one in results.answers]
    assert named == [
        ("temperature", "", "fixed", "learned"),
        ("critics", "", "single", "twin"),
        ("factorial", "alpha", "learned", "fixed"),
        ("factorial", "critics", "twin", "single"),
        ("factorial", "value_net", "with", "without"),
    ]
    assert [one.finding for one in results.answers] == ["WORSE", "WORSE", "BETTER", "BETTER", "EQUIVALENT"]


def test_its_numbers_are_those_of_the_effect_over_all_tasks(results):
    for ablation in results.ablations:
        (over,) = ablation.over_tasks
        for answer in (one for one in results.answers if one.ablation == ablation.name):
            effect = next(one for one in over.effects if (one.arm or one.name) == (answer.factor or answer.side))
            assert (answer.estimate, answer.p_adjusted) == (effect.estimate, effect.p_adjusted)
            assert answer.difference[:2] == (effect.low, effect.high) and answer.seeds == 5
            inner, outer = (one.high - one.low for one in (answer.within, answer.difference))
            assert inner < outer and answer.within.confidence == 0.9


@pytest.mark.parametrize("expected", CONFIRMING)
def test_an_expectation_is_confirmed_or_refuted_where_something_is_found(results, expected):
    (answer,) = asked_again(results, "critics", directions={"single": expected})
    assert answer.held == ("CONFIRMED" if expected == "worse" else "REFUTED")
    (alone,) = asked_again(results, "critics", directions={"twin": expected})
    assert (alone.expected, alone.held) == ("", None)
    (of_area,) = asked_again(results, "critics", directions={"single": expected}, outcomes=("area",))
    assert (of_area.expected, of_area.held) == ("", None), "what is expected of the area is not held against the score"


def test_an_expectation_is_of_the_tasks_that_were_named_with_it(results):
    both = ("HalfCheetah-v5", "Pendulum-v1")
    for tasks, held in (((), "CONFIRMED"), (both, "CONFIRMED"), (both[:1], None), (("Ant-v5",), None)):
        (answer,) = asked_again(results, "critics", directions={"single": "worse"}, tasks=tasks)
        assert (answer.finding, answer.held, answer.expected) == ("WORSE", held, "worse" if held else "")


@pytest.mark.parametrize(
    ("reasons", "finding"),
    [
        ((f"{NOT_LEARNED} by any arm", "fewer than two scored runs of single"), "TOO FEW SEEDS"),
        ((f"{NOT_LEARNED} by any arm", "no reference return"), "NO SCALE"),
        ((f"{NOT_LEARNED} by any arm",) * 2, "NOT LEARNED"),
    ],
)
def test_nothing_has_learned_only_where_that_is_so_of_every_task(results, reasons, finding):
    left_out = tuple(map(LeftOut, ("Pendulum-v1", "HalfCheetah-v5"), reasons))
    (answer,) = asked_again(results, "critics", over={"effects": (), "tasks": (), "left_out": left_out})
    assert answer.finding == finding


@pytest.mark.parametrize("absent", [0, 2])
def test_an_arm_is_answered_on_the_tasks_on_which_it_is_planned(results, absent):
    """Absent runs elsewhere hold it back as little as other tasks count as its own."""
    ablation = next(one for one in results.ablations if one.name == "critics")
    at = [table.task for table in ablation.tables].index("Pendulum-v1")
    table = ablation.tables[at]
    alone = replace(table, arms=tuple(arm for arm in table.arms if arm.baseline))
    tables = tuple(alone if one is table else one for one in ablation.tables)
    baseline = table.key_of(alone.arms[0])
    cells = [replace(one, n_planned=one.n_planned + absent) if one.key == baseline else one for one in results.cells]
    (answer,) = answers([replace(ablation, tables=tables)], cells, Declared())
    assert (answer.tasks, answer.finding, answer.absent) == (("HalfCheetah-v5",), "WORSE", 0)


def test_factors_that_are_not_crossed_are_answered_arm_by_arm(tmp_path):
    write(tmp_path / "demo")
    manifest = pd.read_parquet(tmp_path / "demo" / "manifest.parquet")
    gone = manifest["arm"].eq("alpha-fixed+critics-single+value_net-with") & manifest["ablation"].eq("factorial")
    assert gone.any()
    manifest[~gone].to_parquet(tmp_path / "demo" / "manifest.parquet")
    statistics.main(tmp_path / "demo", **OPTIONS, declared=Declared(Report(resamples=100)))
    answered = [one for one in read_results(tmp_path / "demo").answers if one.ablation == "factorial"]
    assert len(answered) == 6 and not any(one.factor for one in answered)
    assert all(one.estimate is not None for one in answered)


def test_a_p_that_is_no_number_decides_nothing(results):
    (over,) = next(one for one in results.ablations if one.name == "critics").over_tasks
    nan = replace(over.effects[0], p_adjusted=float("nan"))
    (answer,) = asked_again(results, "critics", over={"effects": (nan,)})
    assert answer.finding == "TOO FEW SEEDS"


def test_a_wide_margin_makes_a_seen_difference_one_that_does_not_matter(results):
    (answer,) = asked_again(results, "critics", margin=0.5)
    assert answer.finding == "EQUIVALENT" and answer.p_adjusted < 0.05 and answer.n_needed is None


def test_too_few_seeds_say_how_many_would_settle_it(results):
    (over,) = next(one for one in results.ablations if one.name == "critics").over_tasks
    (effect,) = over.effects
    wide = replace(effect, estimate=-0.02, standard_error=0.1, low=-0.3, high=0.2, p_adjusted=0.9)
    (answer,) = asked_again(results, "critics", over={"effects": (wide,)})
    assert answer.finding == "TOO FEW SEEDS" and answer.held is None and answer.n_needed > 5
    settled = replace(wide, standard_error=0.1 * (5 / answer.n_needed) ** 0.5, df=wide.df * (answer.n_needed - 1) / 4)
    (then,) = asked_again(results, "critics", over={"effects": (settled,)})
    assert then.finding == "EQUIVALENT"


def test_while_planned_runs_are_absent_nothing_is_decided(results):
    """However clear it looks so far: the number of seeds was fixed beforehand."""
    ablation = next(one for one in results.ablations if one.name == "critics")
    twin = ablation.tables[0].key_of(next(arm for arm in ablation.tables[0].arms if arm.arm == "twin"))
    short = [replace(one, n_planned=one.n_planned + 2) if one.key == twin else one for one in results.cells]
    (answer,) = answers([ablation], short, Declared())
    assert (answer.finding, answer.held, answer.absent) == ("INCOMPLETE", None, 2) and answer.p_adjusted < 0.05
    assert answer.n_needed is None and answer.within is not None


def test_a_task_that_is_left_out_for_want_of_runs_holds_the_verdict_back(results):
    ablation = next(one for one in results.ablations if one.name == "critics")
    none = [replace(one, n_planned=one.n_planned + 5) if one.task == "Pendulum-v1" else one for one in results.cells]
    (over,) = ablation.over_tasks
    over = replace(over, tasks=("HalfCheetah-v5",), left_out=(LeftOut("Pendulum-v1", "fewer than two scored runs"),))
    (answer,) = answers([replace(ablation, over_tasks=(over,))], none, Declared())
    assert (answer.finding, answer.absent, answer.tasks) == ("INCOMPLETE", 10, ("HalfCheetah-v5",))


def test_arms_that_give_the_same_runs_are_equivalent(results):
    (over,) = next(one for one in results.ablations if one.name == "critics").over_tasks
    same = replace(over.effects[0], estimate=0.0, standard_error=0.0, df=None, low=0.0, high=0.0, p_adjusted=None)
    (answer,) = asked_again(results, "critics", over={"effects": (same,)})
    assert (answer.finding, answer.within[:2]) == ("EQUIVALENT", (0.0, 0.0))


@pytest.mark.parametrize(
    ("why", "finding"),
    [
        (f"{NOT_LEARNED} by any arm", "NOT LEARNED"),
        ("no reference return", "NO SCALE"),
        ("fewer than two scored runs of single", "TOO FEW SEEDS"),
    ],
)
def test_without_numbers_the_finding_is_why(results, why, finding):
    over = {"effects": (), "tasks": (), "left_out": (LeftOut("Pendulum-v1", why),)}
    (answer,) = asked_again(results, "critics", over=over)
    assert (answer.finding, answer.estimate, answer.within, answer.seeds) == (finding, None, None, 0)
    factors = asked_again(results, "factorial", over=over)
    assert [one.factor for one in factors] == ["alpha", "critics", "value_net"], "a factor is asked, not its eight arms"


def test_without_numbers_and_without_all_runs_a_question_is_incomplete(results):
    over = {"effects": (), "tasks": (), "left_out": (LeftOut("Pendulum-v1", "fewer than two scored runs of single"),)}
    ablation = next(one for one in results.ablations if one.name == "critics")
    short = [replace(one, n_planned=one.n_planned + 2) for one in results.cells]
    ablation = replace(ablation, over_tasks=tuple(replace(one, **over) for one in ablation.over_tasks))
    (answer,) = answers([ablation], short, Declared())
    assert (answer.finding, answer.absent) == ("INCOMPLETE", 8), "of two arms on two tasks"
    silent = replace(ablation.over_tasks[0], left_out=(LeftOut("Pendulum-v1", f"{NOT_LEARNED} by any arm"),))
    (answer,) = answers([replace(ablation, over_tasks=(silent,))], short, Declared())
    assert answer.finding == "INCOMPLETE", "runs that are to come may learn"
    (answer,) = answers([replace(ablation, over_tasks=(silent,))], results.cells, Declared())
    assert answer.finding == NOT_LEARNED


def test_an_arm_that_has_not_learned_is_told_apart_from_the_others(results):
    over = {"effects": (), "note": f"single: {NOT_LEARNED} on Pendulum-v1."}
    (answer,) = asked_again(results, "critics", over=over)
    assert answer.finding == "NOT LEARNED"


def test_settings_of_a_sensitivity_study_are_no_answers(results):
    assert asked_again(results, "critics", variant="sac_v2") == []
    assert isinstance(results.ablations[0].over_tasks[0], AblationOverTasks)


def test_the_test_of_an_estimate_is_that_of_the_pairs_it_is_made_of(rng):
    """One task of pairs: the estimate, its error and n - 1 degrees of freedom are all that the test of pairs knows."""
    for n in (3, 5, 20):
        x, y = rng.normal(0.1, 1, n), rng.normal(0, 1, n)
        mean, sd, _ = two_samples.differences(x, y)
        for margin in (0.05, 0.5, 5.0):
            own = equivalence.within_margin(mean, sd / np.sqrt(n), n - 1, n, margin)
            of_pairs = equivalence.tost_paired(x, y, margin)
            assert own.within == (of_pairs.verdict == "EQUIVALENT")
            assert (own.low, own.high) == pytest.approx((of_pairs.low, of_pairs.high))


def test_the_seeds_that_settle_it_do_so_four_times_in_five(rng):
    """Simulated: pairs of the spread that was seen are within the margin, or not zero, in 80 of 100 studies."""
    sd, n, truth, margin = 0.2, 5, 0.03, 0.1
    needed = equivalence.within_margin(truth, sd / np.sqrt(n), n - 1, n, margin).n_needed
    draws = rng.normal(truth, sd, (4_000, needed))
    error = draws.std(axis=1, ddof=1) / np.sqrt(needed)
    tests = [equivalence.within_margin(m, e, needed - 1, needed, margin).within
             for m, e in zip(draws.mean(axis=1), error, strict=True)]  # fmt: skip
    assert np.mean(tests) == pytest.approx(0.8, abs=0.03)


def test_nothing_varies_and_nothing_differs():
    same = equivalence.within_margin(0.0, 0.0, 4, 5, 0.1)
    assert same.within and same.n_needed is None
    apart = equivalence.within_margin(0.5, 0.0, 4, 5, 0.1)
    assert not apart.within and apart.n_needed is None
    for wrong in ((0, -1, 4, 5, 0.1), (0, 1, 4, 5, 0.0), (0, 1, 4, 1, 0.1)):
        with pytest.raises(ValueError, match="margin must be positive"):
            equivalence.within_margin(*wrong)


@pytest.fixture(scope="module")
def by_area(tmp_path_factory) -> Results:
    """The study whose question of critics is measured by the area under the learning curve first."""
    study = tmp_path_factory.mktemp("studies") / "area"
    write(study)
    asked = json.loads((study / "ablations.json").read_text())
    asked["critics"] |= {"outcomes": ["area", "q_bias"], "directions": {"single": "worse"}}
    (study / "ablations.json").write_text(json.dumps(asked))
    statistics.main(study, **OPTIONS, declared=Declared(Report(resamples=500)))
    return read_results(study)


def test_a_question_of_the_area_is_answered_by_the_area(by_area, results):
    (answer,) = [one for one in by_area.answers if one.ablation == "critics"]
    assert (answer.outcome, answer.expected, answer.held) == ("area", "worse", "CONFIRMED")
    ablation = next(one for one in by_area.ablations if one.name == "critics")
    (over,), areas = ablation.over_tasks, {curve.key: curve.area.estimate for curve in by_area.curves}
    differences = []
    for table in ablation.tables:
        twin, single = (areas[table.key_of(arm)] for arm in table.arms)
        scale = SCALES[table.task]
        differences.append((single - twin) / (scale.reference - scale.random))
    assert over.outcome == "area" and answer.estimate == pytest.approx(np.mean(differences))
    (of_score,) = [one for one in results.answers if one.ablation == "critics"]
    assert of_score.outcome == "final_return" and of_score.estimate != answer.estimate
    others = [one for one in by_area.answers if one.ablation != "critics"]
    assert {one.outcome for one in others} == {"final_return"}


def test_where_an_arm_has_no_curve_the_score_answers_and_nothing_is_expected_of_it(tmp_path):
    """A single evaluation has no area."""
    write(tmp_path)
    asked = json.loads((tmp_path / "ablations.json").read_text())
    asked["critics"] |= {"outcomes": ["area"], "directions": {"single": "worse"}}
    (tmp_path / "ablations.json").write_text(json.dumps(asked))
    for name in ("evaluations", "diagnostics"):
        table = pd.read_parquet(tmp_path / f"{name}.parquet")
        table[table["env_step"] == table["env_step"].max()].to_parquet(tmp_path / f"{name}.parquet", index=False)
    statistics.main(tmp_path, **OPTIONS, declared=Declared(Report(resamples=100)))
    (answer,) = [one for one in read_results(tmp_path).answers if one.ablation == "critics"]
    assert (answer.outcome, answer.expected, answer.held) == ("final_return", "", None)

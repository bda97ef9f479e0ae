"""An ablation's effects in parts: factors and held levels are those the statistics name in one string."""

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
from builders.made_up_study import ACCIDENTS, BUDGET, OPTIONS, write

from suite.analysis import ablations, results
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results
from suite.analysis.types import Results
from suite.published.anchors import Scale
from suite.sac.ablation import OUTCOMES
from suite.statistics import curves, factorial, reliability, two_samples
from suite.study.config import Report

LEVELS = {"alpha": ("fixed", "learned"), "critics": ("single", "twin"), "value_net": ("without", "with")}


@pytest.mark.parametrize("missing", [(), ((0, 1, 0),), ((0, 0, 0), (1, 1, 0), (1, 0, 1))])
def test_simple_effects_in_parts_are_those_of_the_statistics(rng, missing):
    keys = [key for key in product((0, 1), repeat=3) if key not in missing]
    cells = {key: rng.normal(size=3) for key in keys[::-1]}
    places = {factor: ("0", "1") for factor in LEVELS}
    effects = ablations._simple_effects(cells, places, 0.95)
    expected = factorial.simple_effects(cells, list(LEVELS), 0.95)
    assert [effect.name for effect in effects] == [effect.name for effect in expected]
    assert [effect.estimate for effect in effects] == [effect.estimate for effect in expected]
    named = ablations._simple_effects(cells, LEVELS, 0.95)
    assert all(level in LEVELS[factor] for effect in named for factor, level in effect.held.items())


def test_a_simple_effect_between_two_cells_that_have_not_learned_is_none(rng):
    cells = {key: rng.normal(size=3) for key in product((0, 1), repeat=3)}
    silent = {(1, 0, 0), (1, 1, 0), (0, 0, 1)}
    shown = {(one.factors, tuple(one.held.values())) for one in ablations._simple_effects(cells, LEVELS, 0.95, silent)}
    every = {(one.factors, tuple(one.held.values())) for one in ablations._simple_effects(cells, LEVELS, 0.95)}
    assert every - shown == {(("critics",), ("learned", "without"))}


def mixed(folder, **changes) -> Results:
    """A made-up study whose factorial is of a factor with two levels and one with four."""
    write(folder, **changes)
    manifest = pd.read_parquet(folder / "manifest.parquet")
    for row in manifest[manifest["ablation"] == "factorial"].index:
        alpha, *rest = json.loads(manifest.loc[row, "levels"]).values()
        manifest.loc[row, "levels"] = json.dumps({"alpha": alpha, "rest": "-".join(rest)})
    manifest.to_parquet(folder / "manifest.parquet", index=False)
    questions = json.loads((folder / "ablations.json").read_text())
    rest = [f"{critics}-{value_net}" for critics in ("single", "twin") for value_net in ("without", "with")]
    questions["factorial"]["factors"] = {"alpha": ["fixed", "learned"], "rest": rest}
    (folder / "ablations.json").write_text(json.dumps(questions))
    results.main(folder, **OPTIONS, declared=Declared(Report(resamples=100)))
    return read_results(folder)


def test_a_factor_of_two_levels_is_told_at_every_level_of_the_others(tmp_path):
    found = mixed(tmp_path)
    (over,) = found.ablations[2].over_tasks
    levels = {f"{critics}-{value_net}" for critics in ("single", "twin") for value_net in ("without", "with")}
    assert {effect.factors for effect in over.simple} == {("alpha",)}
    assert len(over.simple) == 4 and {effect.held["rest"] for effect in over.simple} == levels
    for effect in over.simple:
        differences = []
        for table in found.ablations[2].tables:
            scale = found.settings.anchors.primary[table.task]
            first, second = (
                next(arm for arm in table.arms if arm.levels == {"alpha": alpha, **effect.held})
                for alpha in ("fixed", "learned")
            )
            x, y = (np.array(found.cell(table.key_of(arm)).scores) for arm in (second, first))
            differences.append((x - y) / (scale.reference - scale.random))
        expected = factorial.suite_pairs(differences, confidence=0.95)
        assert (effect.estimate, effect.low, effect.high) == pytest.approx(expected[1:2] + expected[4:6])
    assert not found.ablations[0].over_tasks[0].simple, "one factor has no others"
    asked = [effect for one in found.ablations for suite in one.over_tasks for effect in suite.effects]
    assert {effect.family_size for effect in asked} == {len(asked)}, "what was not declared is in no family"


def test_nothing_is_told_of_two_arms_that_have_not_learned(tmp_path):
    silent = {(task, f"factorial/{arm}", seed): ("diverged", 100) for task in ("Pendulum-v1", "HalfCheetah-v5")
              for arm in ("alpha-fixed+critics-single+value_net-with", "alpha-learned+critics-single+value_net-with")
              for seed in range(5)}  # fmt: skip
    (over,) = mixed(tmp_path / "mixed", accidents=silent).ablations[2].over_tasks
    assert {effect.held["rest"] for effect in over.simple} == {"single-without", "twin-without", "twin-with"}


def test_main_effects_and_interactions_in_parts_are_those_of_the_statistics(rng):
    cells = {key: rng.normal(size=3) for key in product((0, 1), repeat=3)}
    names = [" × ".join(factors) for factors in ablations._crossed(list(LEVELS))]
    assert names == [effect.name for effect in factorial.contrasts(cells, list(LEVELS))]
    shares = factorial.shapley(cells, list(LEVELS))
    assert list(LEVELS) == [share.name for share in shares]


def compared(folder, *outcomes: str, accidents=None) -> Results:
    """The results of a made-up study whose questions name further outcomes."""
    write(folder, tasks=("Pendulum-v1",), accidents=accidents, outcomes=outcomes)
    results.main(folder, **OPTIONS, declared=Declared(Report(resamples=100)))
    return read_results(folder)


def test_every_outcome_that_may_be_named_is_computed_of_an_arm_against_its_baseline(tmp_path):
    arm = compared(tmp_path, *OUTCOMES, accidents=ACCIDENTS).ablations[1].tables[0].arms[1]
    assert arm.arm == "single" and arm.difference is not None and arm.failures is not None
    assert list(arm.outcomes) == [name for name in OUTCOMES if name not in ("final_return", "failures")]


def test_further_outcomes_are_differences_of_the_runs_own_values(tmp_path):
    found = compared(tmp_path, "area", "steps_to_threshold", "stability", "q_bias")
    table = found.ablations[1].tables[0]
    base, arm = table.arms
    values: dict[str, list[np.ndarray]] = {"area": [], "steps_to_threshold": [], "stability": [], "q_bias": []}
    scale = found.settings.anchors.primary["Pendulum-v1"]
    rows = pd.read_parquet(tmp_path / "diagnostics.parquet")
    for one in (arm, base):
        curve = found.curve(table.key_of(one))
        runs = np.array([run.values for run in curve.runs])
        values["area"].append(np.array([curves.area_under_curve(curve.grid, run) for run in runs]))
        above = runs >= (scale.random + scale.reference) / 2
        assert above.any()
        values["steps_to_threshold"].append(np.where(above.any(1), np.array(curve.grid)[above.argmax(1)], BUDGET))
        values["stability"].append(reliability.max_drawdown(runs))
        late = rows[(rows["run_id"] == one.run_id) & (rows["env_step"] > 0.9 * BUDGET)]
        values["q_bias"].append(late.groupby("seed")["q_bias"].mean().to_numpy())
    for name, (x, y) in values.items():
        test, welch, pairs = arm.outcomes[name], two_samples.welch(x, y), two_samples.paired(x, y)
        assert (test.welch.difference, test.welch.p) == pytest.approx((welch.difference, welch.p))
        assert (test.difference, test.p, test.low) == pytest.approx((pairs.difference, pairs.p, pairs.low))
        assert test.pairs.seeds == tuple(range(len(x)))
    asked = [one for a in found.ablations for t in a.tables for arm in t.arms for one in arm.outcomes.values()]
    family = found.families["exploratory"]
    assert {one.family_size for one in asked} == {family.size} and all(one.p_adjusted >= one.p for one in asked)
    assert family.size > len(asked) > 0


def test_a_side_that_never_reaches_the_threshold_counts_for_the_budget(tmp_path):
    reached = {"Pendulum-v1": Scale(-1200.0, 100, 0.0, "made up", "-", "", {})}
    write(tmp_path, tasks=("Pendulum-v1",), outcomes=("steps_to_threshold",))
    rows = pd.read_parquet(tmp_path / "evaluations.parquet")
    results.main(tmp_path, **OPTIONS, declared=Declared(Report(resamples=100)))
    single = read_results(tmp_path).ablations[1].tables[0].arms[1].run_id
    rows.loc[rows["run_id"] == single, "return"] -= 1000.0
    rows.to_parquet(tmp_path / "evaluations.parquet")
    results.main(tmp_path, **OPTIONS | {"anchors": reached}, declared=Declared(Report(resamples=100)))
    results_of = read_results(tmp_path)
    arm = results_of.ablations[1].tables[0].arms[1]
    curve = results_of.curve(results_of.ablations[1].tables[0].key_of(arm))
    assert max(value for run in curve.runs for value in run.values) < -600
    assert arm.outcomes["steps_to_threshold"].difference > 0


def test_no_steps_are_told_to_a_threshold_that_no_run_of_either_side_reaches(tmp_path):
    far = {"Pendulum-v1": Scale(-1200.0, 100, 1500.0, "made up", "-", "", {})}
    write(tmp_path, tasks=("Pendulum-v1",), outcomes=("steps_to_threshold", "area"))
    results.main(tmp_path, **OPTIONS | {"anchors": far}, declared=Declared(Report(resamples=100)))
    assert list(read_results(tmp_path).ablations[1].tables[0].arms[1].outcomes) == ["area"]


def test_a_further_outcome_moves_no_other_number(tmp_path):
    plain, more = compared(tmp_path / "plain"), compared(tmp_path / "more", "area")
    for one, other in zip(plain.ablations, more.ablations, strict=True):
        for a, b in zip(one.tables[0].arms, other.tables[0].arms, strict=True):
            assert a.difference is None or (a.difference.p, a.difference.permutation) == (
                b.difference.p, b.difference.permutation,
            )  # fmt: skip
    assert plain.cells == more.cells and plain.curves == more.curves

"""Two cells of a made-up study against each other, and the tables of power: the numbers, the names, the sentences."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders.made_up_study import ACCIDENTS, OPTIONS, SCALES, write
from scipy import stats

from suite.analysis import results
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results, to_plain, write_results
from suite.analysis.run_curves import scored_curves
from suite.analysis.seeds_needed import power_table, study_power
from suite.analysis.two_cells import StudyComparison, compare
from suite.analysis.types import Label
from suite.cli.comparison_tables import comparison_table, power_text, study_power_text
from suite.errors import UsageError
from suite.statistics import power
from suite.statistics import two_samples as tests
from suite.study.config import Report
from suite.wording import ranges

DECLARED = Declared(Report(resamples=300))
PENDULUM, CHEETAH = "Pendulum-v1", "HalfCheetah-v5"


def make(folder: Path, **options) -> Path:
    write(folder, **options)
    results.main(folder, **OPTIONS, declared=DECLARED)
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """Two tasks and two implementations, one accident of each kind on Pendulum."""
    folder = tmp_path_factory.mktemp("studies") / "demo"
    return make(folder, accidents=ACCIDENTS, implementations=("torch", "jax"))


def between(study: Path, a: str, b: str, **options) -> StudyComparison:
    return compare(study, a, b, **{"anchors": SCALES, "declared": DECLARED} | options)


def scores(study: Path, task: str, name: str) -> list[float]:
    cells = read_results(study).cells
    (cell,) = [c for c in cells if c.task == task and f"{c.implementation}/{c.variant}" == name]
    return list(cell.scores)


def by_seed(study: Path, task: str, name: str) -> dict[int, float]:
    cells = read_results(study).cells
    (cell,) = [c for c in cells if c.task == task and f"{c.implementation}/{c.variant}" == name]
    return {run.seed: run.score for run in cell.seeds if run.score is not None}


def test_a_row_holds_the_tests_of_the_scores(study):
    found = between(study, "torch/sac_v2", "torch/temperature/fixed")
    assert [row.task for row in found.tasks] == [CHEETAH, PENDULUM]
    for row in found.tasks:
        x, y = (scores(study, row.task, name) for name in ("torch/sac_v2", "torch/temperature/fixed"))
        welch, of = tests.welch(x, y), row.difference
        expected = pytest.approx([welch.difference, welch.low, welch.high, welch.p])
        assert [of.welch.difference, of.welch.low, of.welch.high, of.welch.p] == expected
        first, second = (by_seed(study, row.task, name) for name in ("torch/sac_v2", "torch/temperature/fixed"))
        common = sorted(first.keys() & second.keys())
        assert of.pairs.seeds == tuple(common) and of.pairs.n == len(common) >= 3
        sides = [[side[seed] for seed in common] for side in (first, second)]
        rel = stats.ttest_rel(*sides)
        interval = rel.confidence_interval(0.95)
        assert [of.p, of.low, of.high, of.df] == pytest.approx([rel.pvalue, *interval, len(common) - 1])
        assert of.pairs.correlation == pytest.approx(np.corrcoef(*sides)[0, 1])
        assert f"paired at seeds {ranges(common)}" in row.sentence and "Welch's of all runs" in row.sentence
        assert of.permutation.p == tests.permutation(x, y).p
        assert of.hedges_g == pytest.approx(tests.effect_sizes(x, y).hedges_g)
        assert (row.a.mean, row.a.sd) == pytest.approx((np.mean(x), np.std(x, ddof=1)))
        scale = SCALES[row.task]
        assert row.equivalence.margin == pytest.approx(0.1 * (scale.reference - scale.random))
    raw = sorted(row.difference.p for row in found.tasks)
    adjusted = sorted(row.difference.p_adjusted for row in found.tasks)
    assert adjusted == pytest.approx([2 * raw[0], max(2 * raw[0], raw[1])])
    assert found.improvement.tasks == (CHEETAH, PENDULUM)
    assert 0.9 < found.improvement.estimate <= 1
    json.dumps(to_plain(found), allow_nan=False)


def test_runs_that_were_made_elsewhere_and_too_few_common_seeds_are_no_pairs(study, tmp_path):
    names = ("torch/sac_v2", "torch/sac_v1")
    elsewhere, few = tmp_path / "elsewhere", tmp_path / "few"
    for folder in (elsewhere, few):
        shutil.copytree(study, folder)
        found = read_results(folder)
        cells = [one if one.variant.name != "sac_v1" else unpaired(one, folder is elsewhere) for one in found.cells]
        write_results(folder, replace(found, cells=tuple(cells)))
        for row in between(folder, *names).tasks:
            assert row.difference.pairs is None and vars(row.difference.welch).items() <= vars(row.difference).items()
            assert row.equivalence.welch.p == row.equivalence.p and "fewer than 3 seeds are common" in row.sentence
            assert "none" in comparison_table(between(folder, *names))


def unpaired(cell, imported: bool):
    """The cell as if it was imported, or with seeds of which another has but two."""
    if imported:
        return replace(cell, imported=True)
    return replace(cell, seeds=tuple(replace(run, seed=run.seed + 3) for run in cell.seeds))


def test_failed_runs_count_at_the_floor_and_absent_ones_are_told(study):
    (row,) = between(study, "torch/sac_v2", "torch/sac_v1", task=PENDULUM).tasks
    a, b = row.a, row.b
    assert (a.n_planned, a.n_finished, a.n_scored, a.n_failed, a.n_absent) == (5, 4, 4, 0, 1)
    assert (b.n_planned, b.n_finished, b.n_scored, b.n_failed, b.n_absent) == (5, 4, 5, 1, 0)
    assert min(scores(study, PENDULUM, "torch/sac_v1")) == SCALES[PENDULUM].random
    assert "4 of 5 planned runs finished, 1 without a result: its mean lies between" in row.sentence
    assert "4 of 5 planned runs finished, 1 failed and counted at the floor)" in row.sentence


def test_the_curves_are_those_whose_mean_the_report_draws(study):
    results = read_results(study)
    for cell in results.cells:
        curve = results.curve(cell.key)
        grid, own = scored_curves(curve, cell)
        assert tuple(grid) == curve.grid
        assert own.mean(axis=0) == pytest.approx(curve.mean)
        assert len(own) == cell.n_scored


def test_curves_are_compared_over_all_checkpoints(study):
    found = between(study, "torch/sac_v2", "torch/critics/single", task=CHEETAH).tasks[0]
    results = read_results(study)
    sides = {c.variant.name: c for c in results.cells if (c.task, c.implementation) == (CHEETAH, "torch")}
    a, b = (scored_curves(results.curve(sides[name].key), sides[name]).values for name in ("sac_v2", "critics/single"))
    tested = tests.max_t(a, b)
    assert found.curve.p == pytest.approx(tested.p_adjusted.min())
    assert found.curve.env_step == found.curve.grid[tested.p_adjusted.argmin()]
    low, high = (np.array(getattr(found.curve, end)) for end in ("low", "high"))
    apart = np.array(found.curve.grid)[(low > 0) | (high < 0)]
    assert found.curve.band_leaves_zero == tuple(apart.tolist()) and len(apart)
    assert f"leaves zero at {len(apart)} of 20 checkpoints" in found.sentence
    few = between(study, "torch/sac_v2", "jax/sac_v2", task=PENDULUM).tasks[0]
    assert few.curve.band_leaves_zero is None and "needs at least 5 runs" in few.sentence


def test_the_order_of_the_cells_only_turns_signs(study):
    ab, ba = (between(study, *names) for names in (("torch/sac_v2", "jax/sac_v2"), ("jax/sac_v2", "torch/sac_v2")))
    for here, there in zip(ab.tasks, ba.tasks, strict=True):
        for name in ("difference", "hedges_g", "cliff_delta"):
            assert getattr(here.difference, name) == pytest.approx(-getattr(there.difference, name))
        for name in ("p", "p_adjusted", "yuen_p", "detectable"):
            assert getattr(here.difference, name) == pytest.approx(getattr(there.difference, name))
        assert vars(here.difference.permutation) == pytest.approx(vars(there.difference.permutation))
        assert here.curve.p == there.curve.p
        assert here.equivalence.verdict == there.equivalence.verdict
    assert between(study, "torch/sac_v2", "jax/sac_v2") == ab


def test_verdicts_in_words(study):
    rows = {row.task: row for row in between(study, "torch/sac_v2", "jax/sac_v2").tasks}
    cheetah, pendulum = rows[CHEETAH], rows[PENDULUM]
    assert cheetah.equivalence.verdict == "EQUIVALENT" and "equivalent within ±628" in cheetah.sentence
    assert pendulum.equivalence.verdict == "INCONCLUSIVE"
    needed = pendulum.equivalence.n_needed
    assert f"with {needed} seeds each it would be decided with a power of 80 %" in pendulum.sentence
    found = f"one of {pendulum.difference.detectable:.4g} would have been found in 4 of 5"
    assert "no evidence of a difference" in pendulum.sentence and found in pendulum.sentence
    apart = between(study, "torch/sac_v2", "torch/sac_v1", task=CHEETAH).tasks[0]
    assert "a difference at the 5% level" in apart.sentence and "different by more than ±628" in apart.sentence
    unknown = between(study, "torch/sac_v2", "jax/sac_v2", anchors={}, task=CHEETAH).tasks[0]
    assert unknown.equivalence is None and "equivalence is not judged" in unknown.sentence


def test_a_comparison_is_a_table_and_a_sentence_for_each_task(study):
    found = between(study, "torch/sac_v2", "torch/sac_v1")
    text = comparison_table(found)
    assert "study demo: A torch/sac_v2, B torch/sac_v1" in text
    assert all(row.sentence in text for row in found.tasks)
    assert "\\" not in text, "an interval is printed as it stands, without an escape"
    assert "4/5 finished" in text and "0.0079 of 252" in text and "DIFFERENT" in text
    assert "Over 2 tasks a run of A beats a run of B with probability 1 (no interval" in text
    between_engines = between(study, "torch/sac_v2", "jax/sac_v2")
    better = between_engines.improvement
    assert f"probability {better.estimate:.4g} (95% interval {better.low:.4g} to" in comparison_table(between_engines)


def test_cells_go_by_label_variant_preset_and_run_id(study, tmp_path):
    (by_label,) = between(study, "torch/sac_v2", "torch/critics/single", task=CHEETAH).tasks
    for name in (f"torch/{by_label.b.run_id}", f"torch/{by_label.b.run_id[:10]}"):
        assert between(study, "torch/sac_v2", name, task=CHEETAH).tasks == (by_label,)
    assert between(study, "torch/temperature/learned", "torch/critics/single", task=CHEETAH).tasks == (by_label,)
    renamed = tmp_path / "demo"
    shutil.copytree(study, renamed)
    file = renamed / "results.json"
    file.write_text(file.read_text().replace('"sac_v1"', '"after sac_v1"'))
    (row,) = between(renamed, "torch/sac_v2", "torch/sac_v1", task=CHEETAH).tasks
    assert row.b.name == "torch/after sac_v1"


@pytest.mark.parametrize(
    "a, b, options, said",
    [
        ("torch/sac_v3", "jax/sac_v2", {}, "'torch/sac_v3' is no cell of study demo; did you mean 'torch/sac_v2'?"),
        ("sac_v2", "torch/sac_v1", {}, "several cells, torch/sac_v2, jax/sac_v2; did you mean"),
        ("0000000001", "torch/sac_v2", {}, "several cells, torch/sac_v1, jax/sac_v1; did you mean"),
        ("torch/sac_v2", "torch/critics/twin", {}, "are the same runs, torch/sac_v2"),
        ("torch/sac_v2", "jax/sac_v2", {"task": "HalfCheetah-v4"}, "did you mean 'HalfCheetah-v5'?"),
    ],
)
def test_names_that_mean_nothing_or_too_much_are_refused(study, a, b, options, said):
    with pytest.raises(UsageError) as refused:
        between(study, a, b, **options)
    assert said in str(refused.value)


def test_cells_without_a_common_task_and_studies_without_results_are_refused(study, tmp_path):
    with pytest.raises(UsageError, match=r"no results\.json: run `python -m suite statistics`"):
        between(tmp_path, "a", "b")
    lone = tmp_path / "demo"
    shutil.copytree(study, lone)
    results = read_results(lone)
    other, kept, cells = Label("other", "", ""), {"jax": PENDULUM, "torch": CHEETAH}, []
    for cell in results.cells:
        labels = cell.labels if cell.task == kept[cell.implementation] else (other,)
        cells.append(replace(cell, labels=labels, variant=labels[0]))
    write_results(lone, replace(results, cells=tuple(cells)))
    manifest = pd.read_parquet(lone / "manifest.parquet")
    manifest[manifest["ablation"] != ""].to_parquet(lone / "manifest.parquet")
    with pytest.raises(UsageError, match="the one has HalfCheetah-v5, the other Pendulum-v1"):
        between(lone, "torch/sac_v2", "jax/sac_v2")


def test_single_runs_are_shown_and_not_compared(tmp_path):
    lone = make(tmp_path / "lone", seeds=1, tasks=(PENDULUM,))
    found = between(lone, "sac_v2", "sac_v1")
    (row,) = found.tasks
    assert row.difference is None and found.improvement is None
    assert "no comparison, it needs two scored runs on each side, here are 1 and 1" in row.sentence
    assert row.sentence in comparison_table(found)
    planned = study_power(lone, anchors=SCALES, declared=DECLARED)
    assert all(row.detectable is None and "1 scored run" in row.note for row in planned.rows)
    assert "nothing to plan with" in study_power_text(planned)


def test_power_without_a_study():
    found = power_table(n=[20, 5], effect=1.0, margin=1.0)
    assert [row.n for row in found.rows] == [20, 5]
    assert [row.power for row in found.rows] == pytest.approx([0.8689530, 0.2863], rel=1e-3)
    assert [row.equivalence for row in found.rows] == pytest.approx([0.86, 0.06], abs=0.02)
    assert vars(found.needed) == {"difference": pytest.approx(16.71472), "equivalence": 18}
    in_returns = power_table(n=[20, 5], difference=-300.0, sd=300.0, margin=300.0)
    for here, there in zip(in_returns.rows, found.rows, strict=True):
        assert here.detectable_return == pytest.approx(300 * there.detectable)
        assert (here.power, here.equivalence) == pytest.approx((there.power, there.equivalence))
    text = power_text(found)
    assert "with 17 seeds per group" in text and "with 18 seeds per group" in text
    assert "power" not in power_text(power_table())
    assert [row.detectable for row in power_table().rows] == pytest.approx([3.07, 2.02, 1.32, 0.909, 0.736], rel=5e-3)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"difference": 100.0}, "needs --sd"),
        ({"difference": 100.0, "sd": 10.0, "effect": 1.0}, "takes the place of --effect"),
        ({"sd": -1.0}, "--sd must be a positive number"),
        ({"n": [1]}, "n must be at least 2"),
        ({"effect": 0.0}, "not zero"),
        ({"margin": -1.0}, "must be positive"),
        ({"target": 1.5}, "power must lie between"),
    ],
)
def test_a_power_table_of_nonsense_is_refused(options, said):
    with pytest.raises(UsageError, match=said):
        power_table(**options)


def test_power_of_a_study_is_that_of_its_own_spreads(study):
    options = {"task": CHEETAH, "declared": DECLARED, "studies": 100}
    found = study_power(study, anchors=SCALES, **options)
    row = next(r for r in found.rows if r.name == "torch/sac_v1")
    assert {r.task for r in found.rows} == {CHEETAH} and len(found.rows) == 18
    sd = np.std(scores(study, CHEETAH, "torch/sac_v1"), ddof=1)
    assert (row.n, row.n_planned, row.margin, row.sd) == (5, 5, pytest.approx(628), pytest.approx(sd))
    assert row.detectable == pytest.approx(power.minimum_detectable_effect(5) * sd)
    assert row.power == pytest.approx(power.power(5, 628 / sd))
    assert row.n_difference == pytest.approx(power.required_n(628 / sd))
    assert row.n_equivalence == power.tost_required_n(628, sd)
    assert row.simulated.power == pytest.approx(row.power, abs=0.15)
    assert study_power(study, anchors=SCALES, **options) == found
    json.dumps(to_plain(found), allow_nan=False)
    text = study_power_text(found)
    assert "torch/sac_v1" in text and f"{row.power:.2f}, {row.simulated.power:.2f}" in text
    without = study_power(study, anchors={}, **options).rows[0]
    assert without.detectable and without.margin is None and "no margin" in without.note

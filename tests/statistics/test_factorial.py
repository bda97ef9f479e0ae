"""Factorial effects of one task and of a suite, against the literature, brute force, scipy and statsmodels."""

from importlib.resources import files
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from suite.statistics import factorial
from suite.statistics import two_samples as compare

SCORE = st.floats(-100, 100).map(lambda value: round(value, 3))
CELLS = st.integers(1, 3).flatmap(
    lambda k: st.fixed_dictionaries({key: st.lists(SCORE, min_size=2, max_size=4) for key in product((0, 1), repeat=k)})
)
PILOT_PLANT = [(59, 61), (74, 70), (50, 58), (69, 67), (50, 54), (81, 85), (46, 44), (79, 81)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pilot_plant() -> dict:
    """Box, Hunter & Hunter's 2^3 pilot plant in standard order (temperature changes fastest), keyed (T, C, K)."""
    levels = [(t, c, k) for k, c, t in product((0, 1), repeat=3)]
    return {level: np.array(pair, dtype=float) for level, pair in zip(levels, PILOT_PLANT, strict=True)}


def suite(tasks: int, k: int, runs: int, seed: int = 0) -> list[dict]:
    """Normal scores of every task's cells, all with the same numbers of runs."""
    source = rng(seed)
    return [{key: source.normal(task, size=runs) for key in product((0, 1), repeat=k)} for task in range(tasks)]


def by_name(found: list) -> dict:
    return {effect.name: effect for effect in found}


def welchs_t(x, y, axis=-1):
    return stats.ttest_ind(x, y, equal_var=False, axis=axis).statistic


def test_contrasts_of_the_pilot_plant():
    found = factorial.contrasts(pilot_plant(), ["T", "C", "K"])
    expected = {"T": 23, "C": -5, "K": 1.5, "T × C": 1.5, "T × K": 10, "C × K": 0, "T × C × K": 0.5}
    assert [effect.name for effect in found] == list(expected)
    assert_allclose([effect.estimate for effect in found], list(expected.values()), atol=1e-12)
    assert_allclose([effect.standard_error for effect in found], 2**0.5)
    assert_allclose([effect.df for effect in found], 3.32467532)
    half = stats.t.ppf(0.975, 3.32467532) * 2**0.5
    assert_allclose([found[0].low, found[0].high], [23 - half, 23 + half])
    assert found[0].p == pytest.approx(2 * stats.t.sf(23 / 2**0.5, 3.32467532))


def test_simple_effects_of_the_pilot_plant():
    """The means in standard order are 60, 72, 54, 68, 52, 83, 45, 80."""
    found = by_name(factorial.simple_effects(pilot_plant(), ["T", "C", "K"]))
    expected = {
        "T | C=0, K=0": 12, "T | C=0, K=1": 31, "T | C=1, K=0": 14, "T | C=1, K=1": 35,
        "C | T=0, K=0": -6, "C | T=0, K=1": -7, "C | T=1, K=0": -4, "C | T=1, K=1": -3,
        "K | T=0, C=0": -8, "K | T=0, C=1": -9, "K | T=1, C=0": 11, "K | T=1, C=1": 12,
    }  # fmt: skip
    assert {name: effect.estimate for name, effect in found.items()} == pytest.approx(expected)
    test = compare.welch(np.array([74.0, 70]), np.array([59.0, 61]), 0.95)
    assert_allclose(found["T | C=0, K=0"][1:], [12, 5**0.5, test.df, test.low, test.high, test.p])


def test_factors_are_lettered_unless_named():
    cells = pilot_plant()
    assert [effect.name for effect in factorial.contrasts(cells)][:5] == ["A", "B", "C", "A × B", "A × C"]
    one = {(0,): [1.0, 2], (1,): [4.0, 6]}
    assert factorial.contrasts(one) == factorial.simple_effects(one)
    assert factorial.contrasts(one)[0].name == "A"


def test_pairs_are_the_parts_of_the_simple_effects():
    """With a cell missing and a name used twice: places, not names, tell the factors apart."""
    cells = pilot_plant()
    del cells[0, 1, 0]
    pairs, effects = (make(cells, ["T", "C", "C"]) for make in (factorial.pairs, factorial.simple_effects))
    assert len(pairs) == len(effects) == 9
    for pair, effect in zip(pairs, effects, strict=True):
        held = ", ".join(f"{name}={level}" for name, level in pair.held)
        assert effect.name == f"{pair.factor} | {held}" and len(pair.held) == 2
        assert effect.estimate == cells[pair.high].mean() - cells[pair.low].mean()
    assert pairs[0] == ("T", (("C", 0), ("C", 0)), (0, 0, 0), (1, 0, 0))


def test_shapley_values_of_the_pilot_plant():
    found = factorial.shapley(pilot_plant(), ["T", "C", "K"])
    assert [effect.name for effect in found] == ["T", "C", "K"]
    assert_allclose([effect.estimate for effect in found], [23 + 1 / 6, -5 + 1 / 6, 1 + 2 / 3])
    # T: weights 1/3, 1/6, 1/6, 1/3 of four simple effects, and cells' variances of 2, 8, 32, 2, 8, 8, 2, 2
    parts = np.array([1, 1, 1 / 4, 1 / 4, 1 / 4, 1 / 4, 1, 1]) / 9 * np.array([2, 8, 32, 2, 8, 8, 2, 2]) / 2
    assert_allclose([found[0].standard_error, found[0].df], [parts.sum() ** 0.5, parts.sum() ** 2 / (parts**2).sum()])


def test_an_effect_of_one_task_has_welchs_interval_and_over_equal_tasks_a_narrower_one():
    x, y = np.array([3.1, 4.0, 1.2]), np.array([5.3, 2.9, 4.4])
    cells = {(0,): x, (1,): y}
    welch = stats.ttest_ind(y, x, equal_var=False).confidence_interval(0.95)
    for found in (
        factorial.suite_contrasts([cells], resamples=9, rng=rng()),
        factorial.shapley(cells),
        factorial.suite_shapley([cells]),
    ):
        assert [found[0].low, found[0].high] == pytest.approx(list(welch))
    (twice,) = factorial.suite_shapley([cells, cells])
    half = stats.t.ppf(0.975, 2 * found[0].df) * found[0].standard_error / 2**0.5
    assert [twice.df, twice.high - twice.estimate] == pytest.approx([2 * found[0].df, half])


@pytest.mark.parametrize("tasks", [1, 2, 3])
def test_the_interval_of_three_seeds_holds_what_it_says(tasks):
    """Percentiles of bootknife draws, which stood here, covered .86 to .91 of normal scores."""
    source, studies = rng(tasks), 600
    drawn = source.normal(size=(studies, tasks, 2, 3))
    found = [factorial.suite_shapley([{(0,): low, (1,): high} for low, high in study])[0] for study in drawn]
    covered = np.mean([effect.low <= 0 <= effect.high for effect in found])
    assert covered > 0.95 - 3 * (0.95 * 0.05 / studies) ** 0.5


def test_a_missing_or_empty_cell_is_refused_by_name():
    cells = pilot_plant()
    del cells[0, 1, 0]
    cells[1, 1, 1] = np.array([])
    for refused in (factorial.contrasts, factorial.shapley):
        with pytest.raises(ValueError, match=r"none are in: T=0, C=1, K=0; T=1, C=1, K=1$"):
            refused(cells, ["T", "C", "K"])
    with pytest.raises(ValueError, match="none are in: A=0, B=1, C=0 of task 2; "):
        factorial.suite_contrasts([pilot_plant(), cells], rng=rng())
    kept = factorial.simple_effects(cells, ["T", "C", "K"])
    assert {effect.name for effect in kept} == {
        "T | C=0, K=0", "T | C=0, K=1", "C | T=0, K=1", "C | T=1, K=0", "K | T=0, C=0", "K | T=1, C=0",
    }  # fmt: skip


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: factorial.contrasts({}), "at least one cell"),
        (lambda: factorial.suite_contrasts([], rng=rng()), "at least one cell"),
        (lambda: factorial.contrasts({(0,): [1.0], (2,): [1.0]}), r"of 1 factors, not \(2,\)"),
        (lambda: factorial.contrasts({(0,): [1.0], (1,): [1.0]}, ["a", "b"]), r"of 2 factors, not \(0,\)"),
        (lambda: factorial.contrasts({(0,): [1.0, np.nan], (1,): [1.0]}), "NaN or infinite"),
        (lambda: factorial.contrasts({(0,): [1.0], (1,): [1.0]}, None, 95), "between 0 and 1"),
        (lambda: factorial.simple_effects({(0, 0): [1.0], (1, 1): [1.0]}), "differ in one factor alone"),
        (lambda: factorial.mixed([pilot_plant()]), "at least two tasks"),
    ],
)
def test_mistakes_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_a_single_run_has_an_estimate_and_no_error():
    cells = {(0, 0): [1.0], (0, 1): [2.0, 4], (1, 0): [4.0, 6], (1, 1): [8.0, 8]}
    rows = [
        *factorial.contrasts(cells),
        *factorial.shapley(cells),
        *factorial.suite_contrasts([cells], resamples=20, rng=rng()),
        *factorial.regression([cells]),
    ]
    assert_allclose([row.estimate for row in rows[:3]], [4.5, 2.5, 0.5])
    assert all(np.isnan([row.standard_error, row.low, row.high, row.p]).all() for row in rows)
    simple = by_name(factorial.simple_effects(cells))
    assert np.isnan(simple["A | B=0"].standard_error)
    assert simple["A | B=1"].standard_error == 1 and simple["A | B=1"].df == 1


def test_no_spread_no_p():
    """Three times 0.1 has a mean that is not 0.1, which is no spread."""
    (effect,) = factorial.contrasts({(0,): [0.1] * 3, (1,): [0.3] * 3})
    assert effect.standard_error == 0 and np.isnan(effect.p)
    assert effect.low == effect.high == pytest.approx(0.2)


@given(CELLS, st.randoms())
@settings(max_examples=25, deadline=None)
def test_the_order_of_seeds_changes_nothing(cells, random):
    shuffled = {key: random.sample(runs, len(runs)) for key, runs in reversed(cells.items())}

    def numbers(cells):
        return [
            factorial.contrasts(cells) + factorial.simple_effects(cells),
            factorial.shapley(cells),
            factorial.suite_contrasts([cells, cells], resamples=20, rng=rng()),
        ]

    for found, again in zip(numbers(cells), numbers(shuffled), strict=True):
        assert [effect.name for effect in found] == [effect.name for effect in again]
        assert np.array_equal([e[1:] for e in found], [e[1:] for e in again], equal_nan=True)


@given(CELLS, st.floats(0.5, 20), st.floats(-50, 50))
@settings(max_examples=25, deadline=None)
def test_effects_ignore_a_shift_and_follow_a_scale(cells, scale, shift):
    changed = {key: [scale * run + shift for run in runs] for key, runs in cells.items()}
    for of in (
        factorial.contrasts,
        factorial.simple_effects,
        factorial.shapley,
        lambda cells: factorial.suite_shapley([cells] * 2),
    ):
        for old, new in zip(of(cells), of(changed), strict=True):
            moved = [scale * old.estimate, scale * old.standard_error, scale * old.low, scale * old.high]
            assert_allclose([new.estimate, new.standard_error, new.low, new.high], moved, rtol=1e-6, atol=1e-6)


@given(CELLS)
@settings(max_examples=50, deadline=None)
def test_shapley_values_add_up_to_the_gap(cells):
    k = len(next(iter(cells)))
    gap = np.mean(cells[(1,) * k]) - np.mean(cells[(0,) * k])
    assert_allclose(sum(effect.estimate for effect in factorial.shapley(cells)), gap, atol=1e-9)


@given(CELLS)
@settings(max_examples=50, deadline=None)
def test_swapping_a_factors_levels_turns_its_effects_round(cells):
    swapped = {(1 - key[0], *key[1:]): runs for key, runs in cells.items()}
    for old, new in zip(factorial.contrasts(cells), factorial.contrasts(swapped), strict=True):
        sign = -1 if "A" in old.name else 1
        assert_allclose(new.estimate, sign * old.estimate, atol=1e-9)
        assert_allclose([new.low, new.high], sorted([sign * old.low, sign * old.high]), rtol=1e-6, atol=1e-6)


def test_tasks_of_a_suite_weigh_the_same():
    """Two tasks with effects 2 and 5 and squared errors 1 and 2, with 2 + 2 and 3 + 3 runs."""
    tasks = [{(0,): [0.0, 2], (1,): [3.0, 3]}, {(0,): [1.0, 1, 1], (1,): [4.0, 6, 8 - 1e-9]}]
    (effect,) = factorial.suite_contrasts(tasks, ["f"], resamples=50, rng=rng())
    assert effect.name == "f"
    assert_allclose(effect.estimate, (2 + 5) / 2)
    assert_allclose(effect.standard_error, (1 + 4 / 3) ** 0.5 / 2)
    assert_allclose(effect.df, (1 + 4 / 3) ** 2 / (1 / 1 + (4 / 3) ** 2 / 2))
    (part,) = factorial.suite_shapley(tasks, ["f"])
    assert part[:4] == effect[:4]


def test_permutation_p_of_one_task_is_the_two_sample_tests():
    x, y = np.array([3.1, 4.0, 1.2, 2.6]), np.array([5.3, 2.9, 4.4, 6.2])
    exact = stats.permutation_test((x, y), welchs_t, vectorized=True, n_resamples=np.inf).pvalue
    (found,) = factorial.suite_contrasts([{(0,): x, (1,): y}], resamples=20_000, rng=rng())
    assert found.p == pytest.approx(exact, abs=4.5 * (exact * (1 - exact) / 20_000) ** 0.5)


def test_permutation_p_of_a_main_effect_permutes_within_tasks_and_other_factors():
    """All 6^4 assignments of two tasks by two levels of B, with two runs in each cell, by brute force.

    With B the scores vary ten times as much, so that permuting them together would matter.
    """
    tasks = [{key: runs * (1 + 9 * key[1]) for key, runs in cells.items()} for cells in suite(2, 2, 2, seed=3)]
    pools = [np.concatenate([cells[0, b], cells[1, b]]) for cells in tasks for b in (0, 1)]

    def statistic(assignment):
        """assignment: of every pool, the places of the runs at level 1."""
        ones = [pool[list(places)] for pool, places in zip(pools, assignment, strict=True)]
        zeros = [np.delete(pool, places) for pool, places in zip(pools, assignment, strict=True)]
        error = sum(x.var(ddof=1) / 2 for x in ones + zeros) ** 0.5
        return abs(sum(x.mean() for x in ones) - sum(x.mean() for x in zeros)) / error

    every = [statistic(assignment) for assignment in product(combinations(range(4), 2), repeat=4)]
    exact = np.mean(np.array(every) >= statistic([(2, 3)] * 4) * (1 - 1e-9))
    found = factorial.suite_contrasts(tasks, resamples=20_000, rng=rng())[0]
    assert found.p == pytest.approx(exact, abs=4.5 * (exact * (1 - exact) / 20_000) ** 0.5)


def test_permutation_p_of_an_interaction_permutes_residuals_of_the_additive_model():
    """All 2520 assignments of the residuals of least squares on two main effects, with two runs in each cell."""
    (cells,) = suite(1, 2, 2, seed=6)
    keys = list(cells)
    values = np.concatenate([cells[key] for key in keys])
    design = np.array([[1, *key] for key in keys for _ in range(2)], dtype=float)
    residual = values - design @ np.linalg.lstsq(design, values)[0]
    splits = []
    for first in combinations(range(8), 2):
        left = [i for i in range(8) if i not in first]
        for second in combinations(left, 2):
            rest = [i for i in left if i not in second]
            splits += [[*first, *second, *third, *(set(rest) - set(third))] for third in combinations(rest, 2)]
    assert len(splits) == 2520
    drawn = residual[np.array(splits)].reshape(-1, 4, 2)
    statistic = abs(drawn.mean(axis=2) @ [1, -1, -1, 1]) / np.sqrt((drawn.var(axis=2, ddof=1) / 2).sum(axis=1))
    exact = np.mean(statistic >= statistic[0] * (1 - 1e-9))
    found = factorial.suite_contrasts([cells], resamples=20_000, rng=rng())[2]
    assert abs(found.estimate / found.standard_error) == pytest.approx(statistic[0])
    assert found.p == pytest.approx(exact, abs=4.5 * (exact * (1 - exact) / 20_000) ** 0.5)


def test_permutation_p_ignores_other_effects_and_keeps_its_size():
    """200 suites in which B alone matters: A and A × B are found at the 5 % level in about 5 % of them."""
    source, found = rng(1), []
    for _ in range(200):
        tasks = [
            {key: source.normal(5 * key[1] + task, size=4) for key in product((0, 1), repeat=2)} for task in (0, 1)
        ]
        found.append([effect.p <= 0.05 for effect in factorial.suite_contrasts(tasks, resamples=99, rng=source)])
    a, b, interaction = np.mean(found, axis=0)
    assert b == 1
    assert 0.01 <= a <= 0.10 and 0.01 <= interaction <= 0.10


def test_permutation_p_of_scores_without_spread():
    """Of 20 x 20 assignments 4 have no spread either, however the scores round."""
    same = {(0,): [0.1] * 3, (1,): [0.1] * 3}
    assert factorial.suite_contrasts([same], resamples=50, rng=rng())[0].p == 1
    for low, high in ((0.8, 0.9), (0.6, 0.7), (0.3, 0.6), (1e4, 1e4 + 0.1)):
        tasks = [{(0,): [low] * 3, (1,): [high] * 3}, {(0,): [0.1] * 3, (1,): [0.3] * 3}]
        assert factorial.suite_contrasts(tasks, resamples=20_000, rng=rng())[0].p == pytest.approx(0.01, abs=0.003)
    against = [{(0,): [0.1] * 3, (1,): [0.3] * 3}, {(0,): [0.7] * 3, (1,): [0.5] * 3}]
    assert factorial.suite_contrasts(against, resamples=50, rng=rng())[0].p == 1


def test_permutation_p_counts_ties_however_they_round():
    """Four scores all below four others: the most extreme 2 of 70 assignments."""
    for seed in range(10):
        low, high = np.split(np.sort(rng(seed).uniform(0, 1, 8).round(2)), 2)
        (found,) = factorial.suite_contrasts([{(0,): low, (1,): high}], resamples=2_000, rng=rng())
        assert found.p == pytest.approx(2 / 70, abs=0.012)


def test_permutation_p_counts_the_observed_assignment():
    apart = {(0,): np.arange(10.0), (1,): np.arange(100.0, 110)}
    assert factorial.suite_contrasts([apart], resamples=9, rng=rng())[0].p == 0.1


def test_draws_depend_on_the_generator_alone():
    tasks = suite(2, 2, 4)

    def draw(seed):
        return factorial.suite_contrasts(tasks, resamples=200, rng=rng(seed))

    np.random.seed(1)  # noqa: NPY002 - the global generator must not matter
    first = draw(0)
    np.random.seed(2)  # noqa: NPY002
    assert draw(0) == first
    assert draw(1) != first


def test_a_balanced_regression_and_mixed_model_have_the_contrasts_estimates():
    tasks = suite(3, 3, 4)
    names = ["a", "b", "c"]
    found = factorial.suite_contrasts(tasks, names, resamples=20, rng=rng())
    for other in (factorial.regression(tasks, names), factorial.mixed(tasks, names).effects):
        assert [effect.name for effect in other] == [effect.name for effect in found]
        assert_allclose([effect.estimate for effect in other], [effect.estimate for effect in found])


def test_hc3_errors_of_two_groups():
    """A leverage of 1/n makes the variance of a difference of means s0^2 / (n0 - 1) + s1^2 / (n1 - 1)."""
    x, y = np.array([4.0, 7, 8, 6, 3, 2]), np.array([6.0, 8, 7, 10])
    (effect,) = factorial.regression([{(0,): x, (1,): y}])
    error = (x.var(ddof=1) / 5 + y.var(ddof=1) / 3) ** 0.5
    half = stats.t.ppf(0.975, 8) * error
    assert_allclose(effect[1:4], [2.75, error, 8])
    assert_allclose([effect.low, effect.high, effect.p], [2.75 - half, 2.75 + half, 2 * stats.t.sf(2.75 / error, 8)])


def test_a_mixed_model_says_what_its_fit_warned_of():
    tasks = suite(6, 1, 10)
    clean = factorial.mixed(tasks)
    assert clean.note == "" and clean.task_variance > 1 and 0.5 < clean.residual_variance < 2
    (effect,) = clean.effects
    assert effect.high - effect.estimate == pytest.approx(1.959964 * effect.standard_error, rel=1e-6)
    equal = [{key: runs - task for key, runs in cells.items()} for task, cells in enumerate(tasks)]
    centred = [{key: runs - runs.mean() for key, runs in cells.items()} for cells in equal]
    assert "boundary" in factorial.mixed(centred).note


def test_the_mixed_model_of_the_growing_pigs():
    """weight ~ time with an intercept per pig: 15.724 (.788), 6.943 (.033), variances 40.394 and 11.367 in print."""
    path = files("statsmodels.regression") / "tests" / "results" / "dietox.csv"
    if not path.is_file():
        pytest.skip("statsmodels was installed without its tests' data")
    with path.open() as rows:
        weight, time, pig = np.genfromtxt(rows, delimiter=",", skip_header=1, usecols=(1, 3, 4)).T
    design = np.column_stack([np.ones(len(time)), time])
    estimates, errors, between, within, note = factorial._fit_mixed(weight, design, pig)
    assert_allclose(estimates, [15.724, 6.943], atol=5e-4)
    assert_allclose(errors, [0.788, 0.033], atol=5e-4)
    assert_allclose([between, within], [40.394, 11.367], atol=5e-4)
    assert note == ""


def test_one_factor_is_welchs_test():
    x, y = np.array([4.0, 7, 8, 6, 3, 2]), np.array([6.0, 8, 7, 10, 11, 9])
    (effect,) = factorial.contrasts({(0,): x, (1,): y}, ["f"], 0.90)
    assert_allclose(
        [effect.df, effect.p, effect.low, effect.high], [9.49438202, 0.01836767, 1.255776, 5.744224], rtol=1e-5
    )


def test_pairs_over_tasks_are_the_paired_test_of_one_and_cover_what_they_say_of_several():
    x, y = rng().normal(size=(2, 6))
    effect, expected = factorial.suite_pairs([x - y], "arm"), compare.paired(x, y)
    assert (effect.estimate, effect.p, effect.low) == pytest.approx((expected.difference, expected.p, expected.low))
    assert effect.name == "arm" and effect.df == pytest.approx(5)
    spreads = np.array([1.0, 3.0])[:, None]
    studies = [factorial.suite_pairs(list(spreads * rng(n).normal(size=(2, 3)))) for n in range(600)]
    assert np.mean([study.low < 0 < study.high for study in studies]) == pytest.approx(0.95, abs=0.025)

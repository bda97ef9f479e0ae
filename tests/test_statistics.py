"""The statistics against numbers worked out by hand or in print, and the promises that hold for any scores."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from suite.statistics import aggregate, bootstrap, curves, factorial, failures

SCORES = st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=12)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    "scores, mean, median, iqm",
    [
        ([[1, 2], [2, 2], [1, 1], [2, 1]], 1.5, 1.5, 1.5),
        ([[1, 1], [2, 2], [3, 3]], 2, 2, 2),
        (np.arange(80).reshape(5, 16), 39.5, 39.5, 39.5),
    ],
)
def test_aggregates_of_runs_by_tasks(scores, mean, median, iqm):
    scores = np.array(scores, dtype=float)
    assert_allclose(aggregate.mean(scores), mean)
    assert_allclose(aggregate.median(scores), median)
    for weights in ("task", "pooled"):
        assert_allclose(aggregate.iqm(scores, weights), iqm)


def test_iqm_of_unequal_numbers_of_runs():
    """Two tasks of four and two runs, by hand: 2 and 3 weigh 1/8 each, 10 weighs 1/4, in the middle half."""
    scores = [[0.0, 1, 2, 3], [10.0, 20]]
    assert_allclose(aggregate.iqm(scores), 6.25)
    assert_allclose(aggregate.iqm(scores, "pooled"), 4.0)
    assert_allclose(aggregate.mean(scores), (1.5 + 15) / 2)
    assert_allclose(aggregate.iqm([[0.0, 3, 9]]), (1 / 12 * 0 + 1 / 3 * 3 + 1 / 12 * 9) * 2)
    with pytest.raises(ValueError, match="run"):
        aggregate.iqm(scores, "run")


def test_aggregates_keep_leading_axes():
    draws = [rng(1).normal(size=(7, 4)), rng(2).normal(size=(7, 3))]
    for statistic in (aggregate.mean, aggregate.median, aggregate.iqm):
        assert_allclose(statistic(draws), [statistic([a, b]) for a, b in zip(*draws, strict=True)])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_refused(bad):
    scores = np.array([1.0, 2, bad, 3, 4, 5])
    calls = [
        lambda: aggregate.mean([scores]),
        lambda: aggregate.iqm([scores]),
        lambda: aggregate.student(scores, 0.95),
        lambda: bootstrap.stratified(scores, aggregate.mean, rng=rng()),
        lambda: curves.sup_t_band(np.tile(scores, (5, 1)), 0.95, 100, rng()),
        lambda: curves.align(range(6), scores, [1], 1),
        lambda: curves.area_under_curve(range(6), scores),
        lambda: factorial.effects({(0,): scores, (1,): [1.0, 2]}, ["f"], 0.95),
        lambda: failures.at_floor(scores, np.zeros(6, dtype=bool), 0.0),
        lambda: failures.bounds(scores, 1, 0.0),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"NaN or infinite|finite number"):
            call()


def test_students_interval():
    """1..5: mean 3, standard error sqrt(0.5), t quantile 2.776445 at 4 degrees of freedom."""
    found = aggregate.student([1, 2, 3, 4, 5], 0.95)
    assert_allclose(found, [3, 3 - 2.776445 * 0.5**0.5, 3 + 2.776445 * 0.5**0.5, 0.5**0.5], rtol=1e-6)
    with pytest.raises(ValueError, match="at least two runs"):
        aggregate.student([1.0], 0.95)


def test_plain_bootstrap_has_the_exact_distribution():
    """All 27 resamples of 0, 3, 6 have the means 0..6 with the counts 1, 3, 6, 7, 6, 3, 1."""
    seen = []
    bootstrap.stratified(
        np.array([0.0, 3, 6]),
        lambda tasks: seen.append(tasks[0].mean(axis=-1)) or seen[-1],
        scheme="plain",
        resamples=54_000,
        rng=rng(),
    )
    means = np.concatenate(seen[1:])  # the first call is the estimate
    assert len(means) == 54_000
    counts = [(np.round(means) == value).sum() for value in range(7)]
    expected = np.array([1, 3, 6, 7, 6, 3, 1]) / 27
    assert (abs(counts - 54_000 * expected) < 4.5 * np.sqrt(54_000 * expected * (1 - expected))).all()


@pytest.mark.parametrize("scheme, error", [("plain", 0.63245553), ("bootknife", 0.70710678)])
def test_standard_error_of_the_bootstrap(scheme, error):
    found = bootstrap.stratified(np.arange(1.0, 6), aggregate.mean, scheme=scheme, rng=rng())
    assert found.estimate == 3
    assert_allclose(found.standard_error, error, rtol=0.015)


def test_basic_interval_reflects_the_percentile_interval():
    scores = np.array([0.0, 1, 2, 10])
    percentile, basic = (
        bootstrap.stratified(scores, aggregate.mean, method=method, resamples=2_000, rng=rng())
        for method in ("percentile", "basic")
    )
    assert_allclose([basic.low, basic.high], [6.5 - percentile.high, 6.5 - percentile.low])


def test_strata_are_resampled_independently_and_refused_when_too_small():
    """The variance of a mean over two tasks is a quarter of the sum of the tasks' variances."""
    tasks = [np.array([0.0, 1, 2, 3]), np.array([0.0, 10])]
    found = bootstrap.stratified(tasks, aggregate.mean, rng=rng())
    expected = np.sqrt((tasks[0].var(ddof=1) / 4 + tasks[1].var(ddof=1) / 2) / 4)
    assert_allclose(found.standard_error, expected, rtol=0.015)
    for bad, said in ([{"scheme": "jackknife"}, "jackknife"], [{"method": "magic"}, "magic"]):
        with pytest.raises(ValueError, match=said):
            bootstrap.stratified(tasks, aggregate.mean, rng=rng(), **bad)
    with pytest.raises(ValueError, match="at least two runs"):
        bootstrap.stratified([np.array([1.0])], aggregate.mean, rng=rng())


def test_draws_depend_on_the_generator_alone():
    scores = np.array([3.0, 1, 4, 1, 5])

    def draw(seed):
        return bootstrap.stratified(scores, aggregate.iqm, resamples=1_000, rng=rng(seed))

    np.random.seed(1)  # noqa: NPY002 - the global generator must not matter
    first = draw(0)
    np.random.seed(2)  # noqa: NPY002
    assert draw(0) == first
    assert draw(1) != first


@given(SCORES, st.randoms())
def test_the_order_of_seeds_changes_nothing(scores, random):
    shuffled = random.sample(scores, len(scores))

    def numbers(runs):
        runs = np.array(runs)
        found = [
            *aggregate.student(runs, 0.95),
            *bootstrap.stratified(runs, aggregate.iqm, resamples=50, rng=rng()),
            *factorial.effects({(0,): runs, (1,): runs[::-1] + 1}, ["f"], 0.95)[0][1:],
            *failures.bounds(runs, 2, 0.0),
        ]
        return found

    assert np.array_equal(numbers(scores), numbers(shuffled), equal_nan=True)
    assert_allclose(aggregate.iqm([np.array(scores)]), aggregate.iqm([np.array(shuffled)]), atol=1e-9)


@given(SCORES)
def test_iqm_lies_between_the_extremes_and_follows_a_shift(scores):
    scores = np.array(scores)
    found = aggregate.iqm([scores])
    assert scores.min() - 1e-6 <= found <= scores.max() + 1e-6
    assert_allclose(aggregate.iqm([scores + 100]), found + 100, atol=1e-6)


def test_alignment_never_extrapolates():
    found = curves.align([1000, 2000, 3000], [1.0, 2, 3], [500, 1500, 3000, 4000], 1000)
    assert_allclose(found, [np.nan, 1, 3, np.nan])
    assert_allclose(curves.align([1000, 2000], [1.0, 2], [2000, 2500], 400), [2, np.nan])
    assert_allclose(curves.align([], [], [1, 2], 1), [np.nan, np.nan])
    with pytest.raises(ValueError, match="strictly increase"):
        curves.align([2, 1], [1.0, 2], [1], 1)


def test_area_under_an_unevenly_spaced_curve():
    assert_allclose(curves.area_under_curve([0, 1000, 3000], [0, 10, 30]), 15.0)
    with pytest.raises(ValueError, match="two points"):
        curves.area_under_curve([0], [1])


def test_band_of_one_point_is_the_studentised_bootstraps():
    """One point, ten normal runs: the quantile must be near Student's 2.262, and it must not depend on the order."""
    runs = rng(3).normal(size=(10, 1))
    band = curves.sup_t_band(runs, 0.95, 20_000, rng())
    assert_allclose(band.center, runs.mean(axis=0))
    assert_allclose(band.high - band.center, band.quantile * runs.std(axis=0, ddof=1) / np.sqrt(10))
    assert 1.9 < band.quantile < 3.2
    again = curves.sup_t_band(runs[::-1], 0.95, 20_000, rng())
    assert all(np.array_equal(a, b) for a, b in zip(band, again, strict=True))


def test_band_is_wider_for_many_points_than_for_one_and_closes_where_nothing_varies():
    runs = rng(4).normal(size=(20, 30))
    runs[:, 0] = 7
    band = curves.sup_t_band(runs, 0.95, 5_000, rng())
    one = curves.sup_t_band(runs[:, 1:2], 0.95, 5_000, rng())
    assert band.quantile > 1.2 * one.quantile
    assert band.low[0] == band.high[0] == 7
    constant = curves.sup_t_band(np.ones((5, 3)), 0.95, 100, rng())
    assert_allclose(constant.high, 1)


def test_band_covers_whole_curves():
    """Random walks of 10 runs: the 95 % band holds the whole mean curve in at least 88 % of 200 studies."""
    held, source = 0, rng(5)
    for _ in range(200):
        band = curves.sup_t_band(source.normal(size=(10, 20)).cumsum(axis=1), 0.95, 400, source)
        held += ((band.low <= 0) & (band.high >= 0)).all()
    assert 0.88 <= held / 200 <= 0.99


def test_band_of_few_runs_is_refused():
    with pytest.raises(ValueError, match="at least 5 runs, here are 4"):
        curves.sup_t_band(np.ones((4, 3)), 0.95, 100, rng())


PILOT_PLANT = [(59, 61), (74, 70), (50, 58), (69, 67), (50, 54), (81, 85), (46, 44), (79, 81)]


def pilot_plant() -> dict:
    """Box, Hunter & Hunter's 2^3 pilot plant in standard order (temperature changes fastest), keyed (T, C, K)."""
    levels = [(t, c, k) for k, c, t in product((0, 1), repeat=3)]
    return {level: np.array(pair, dtype=float) for level, pair in zip(levels, PILOT_PLANT, strict=True)}


def test_effects_of_the_pilot_plant():
    found = {effect.name: effect for effect in factorial.effects(pilot_plant(), ["T", "C", "K"], 0.95)}
    expected = {"T": 23, "C": -5, "K": 1.5, "T × C": 1.5, "T × K": 10, "C × K": 0, "T × C × K": 0.5}
    assert list(found) == list(expected)
    for name, estimate in expected.items():
        assert_allclose(found[name].estimate, estimate, atol=1e-12)
        assert_allclose(found[name].standard_error, 2**0.5, rtol=1e-12)
        assert_allclose(found[name].df, 3.3247, rtol=1e-4)
    t = found["T"]
    assert_allclose(t.high - t.estimate, t.estimate - t.low)
    assert t.low < 23 < t.high and t.p < 0.001 < found["T × C"].p


def test_one_factor_is_welchs_test():
    x, y = np.array([4.0, 7, 8, 6, 3, 2]), np.array([6.0, 8, 7, 10, 11, 9])
    (effect,) = factorial.effects({(0,): x, (1,): y}, ["f"], 0.90)
    assert_allclose(
        [effect.df, effect.p, effect.low, effect.high], [9.49438202, 0.01836767, 1.255776, 5.744224], rtol=1e-5
    )


def test_an_incomplete_factorial_is_refused_by_name():
    cells = pilot_plant()
    del cells[0, 1, 0]
    with pytest.raises(ValueError, match="T=0, C=1, K=0"):
        factorial.effects(cells, ["T", "C", "K"], 0.95)


def test_a_factorial_without_spread_has_no_p():
    (effect,) = factorial.effects({(0,): [1.0, 1], (1,): [3.0, 3]}, ["f"], 0.95)
    assert effect.estimate == effect.low == effect.high == 2
    assert np.isnan(effect.p)
    (effect,) = factorial.effects({(0,): [0.0, 1e-160], (1,): [0.0, 1e-160]}, ["f"], 0.95)
    assert effect.df == pytest.approx(2)


def test_failed_runs_score_the_floor():
    failed = np.array([False, True, False])
    assert_allclose(failures.at_floor([10.0, np.nan, 20.0], failed, -5), [10, -5, 20])
    assert_allclose(failures.at_floor([10.0, 99.0, 20.0], failed, -5), [10, -5, 20])
    assert_allclose(failures.complete_case([10.0, np.nan, 20.0], failed), [10, 20])
    curve = failures.curve_at_floor([1.0, 2, np.nan, np.nan], [10, 20, 30, 40], 25, -5)
    assert_allclose(curve, [1, 2, -5, -5])
    assert_allclose(failures.curve_at_floor([1.0, 2, 3], [10, 20, 30], 20, -5), [1, 2, -5])
    assert_allclose(failures.curve_at_floor([1.0, np.nan, 3], [10, 20, 30], 20, -5), [1, -5, -5])


def test_bounds_of_absent_runs():
    assert_allclose(failures.bounds([10.0, 20.0], 2, 0.0), [30 / 4, 70 / 4])
    assert_allclose(failures.bounds([-10.0, 20.0], 1, 0.0), [0, 10])


def test_wilsons_interval():
    """1 of 10: 0.1 with 0.0178762 to 0.4041500 (the closed formula with z = 1.959964)."""
    assert_allclose(failures.wilson(1, 10, 0.95), [0.1, 0.0178762, 0.4041500], rtol=1e-5)

"""Curves, bands and steps to a threshold, against numbers worked out by hand, in print or by statsmodels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats
from statsmodels.duration.survfunc import survdiff

from suite.statistics import curves

STEPS, VALUES = [1000, 2000, 3000], [1.0, 2, 3]
GRID = [500, 1500, 3000, 4000]

# Weeks of remission of leukaemia with 6-mercaptopurine and with placebo (Freireich et al. 1963, Blood 21)
TREATED = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def learning_curves(runs: int, points: int, failing: float, source: np.random.Generator) -> np.ndarray:
    """Curves [runs, points] as of SAC: left-skewed final returns, drops, now and then a seed that hardly learns."""
    time = np.linspace(0, 1, points + 1)[1:]
    speed = np.exp(source.normal(0, 0.35, (runs, 1)))
    final = 12_000 * (1 - 0.06 * source.gamma(1.2, 1, (runs, 1)))
    final *= np.where(source.random((runs, 1)) < failing, source.uniform(0, 0.5, (runs, 1)), 1)
    drops = (source.random((runs, points)) < 0.01) * source.exponential(4_000, (runs, points))
    return final * (1 - np.exp(-6 * speed * time**1.2)) + source.normal(0, 300, (runs, points)) - drops


def test_the_last_value_of_a_window_and_the_straight_line():
    assert_allclose(curves.align(STEPS, VALUES, GRID, 1000), [np.nan, 1, 3, np.nan])
    assert_allclose(curves.interpolate(STEPS, VALUES, GRID), [np.nan, 1.5, 3, np.nan])


def test_the_mean_of_the_episodes_that_end_in_a_window():
    """(0, 1000] holds 2, 4 and 6, (1000, 2000] holds 10 alone, (2000, 3000] nothing."""
    steps, returns = [0, 400, 1000, 1000, 1001], [99.0, 2, 4, 6, 10]
    assert_allclose(curves.align(steps, returns, [1000, 2000, 3000], 1000, "mean"), [4, 10, np.nan])
    assert_allclose(curves.align([], [], [1000], 1000, "mean"), [np.nan])


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: curves.align([1, 1], [1.0, 2], [1], 1), "strictly increase"),
        (lambda: curves.align([2, 1], [1.0, 2], [1], 1, "mean"), "never decrease"),
        (lambda: curves.align([1], [1.0], [1], 1, "first"), '"last" or "mean"'),
        (lambda: curves.align([1], [1.0], [1], 0), "positive number"),
        (lambda: curves.align([1, 2], [1.0], [1], 1), "one value per environment step"),
        (lambda: curves.interpolate([], [], [1]), "without a single point"),
        (lambda: curves.interpolate([1, 2], [1, np.nan], [1]), "NaN or infinite"),
        (lambda: curves.area_under_curve([0], [1]), "two points"),
        (lambda: curves.area_under_curve([1, 0], [1, 2]), "strictly increase"),
        (lambda: curves.sup_t_band(np.ones((4, 3)), rng=rng()), "at least 5 runs, here are 4"),
        (lambda: curves.sup_t_band(np.ones((5, 3))), "random generator"),
        (lambda: curves.sup_t_band(np.ones((5, 3)), 95, rng=rng()), "between 0 and 1"),
        (lambda: curves.sup_t_band(np.ones(5), rng=rng()), "runs, points"),
        (lambda: curves.difference_band(np.ones((5, 3)), np.ones((4, 3)), rng=rng()), "here are 4"),
        (lambda: curves.difference_band(np.ones((5, 3)), np.ones((5, 2)), rng=rng()), "3 and 2 points"),
        (lambda: curves.difference_band(np.full((5, 3), np.inf), np.ones((5, 3)), rng=rng()), "NaN or infinite"),
        (lambda: curves.profile_band([[1.0, np.nan]], [0], rng=rng()), "NaN or infinite"),
        (lambda: curves.profile_band([[1.0]], [0], rng=rng()), "at least two runs"),
        (lambda: curves.steps_to_threshold([1, 2], [1, np.inf], 1), "finite number"),
        (lambda: curves.steps_to_threshold([1, 2], [1, 2, 3], 1), "one value per environment step"),
        (lambda: curves.steps_to_threshold([], [], 1), "at least one environment step"),
        (lambda: curves.kaplan_meier([], []), "at least one run"),
        (lambda: curves.kaplan_meier([1, np.nan], [True, True]), "finite number"),
        (lambda: curves.log_rank([1], [True], [1], [True, True]), "a time and whether"),
        (lambda: curves.log_rank([1], [True], [1], [True], 1.5), "between 0 and 1"),
    ],
)
def test_mistakes_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_area_under_an_unevenly_spaced_curve():
    assert_allclose(curves.area_under_curve([0, 1000, 3000], [0, 10, 30]), 15.0)


@pytest.mark.parametrize("runs, least", [(10, 0.90), (20, 0.90)])
def test_a_band_covers_whole_learning_curves_of_which_some_fail(runs, least):
    """Of 300 studies with 2 % failing seeds; Monte-Carlo error 0.013."""
    source = rng(8)
    truth = np.mean([learning_curves(20_000, 40, 0.02, source).mean(axis=0) for _ in range(10)], axis=0)
    held = 0
    for _ in range(300):
        band = curves.sup_t_band(learning_curves(runs, 40, 0.02, source), 0.95, 500, source)
        held += ((band.low <= truth) & (truth <= band.high)).all()
    assert held / 300 >= least


def test_a_band_of_a_difference_covers_it():
    """Random walks of 8 and 16 runs, differing by 3 everywhere and in spread twofold."""
    held, source = 0, rng(9)
    for _ in range(200):
        a, b = (scale * source.normal(size=(n, 20)).cumsum(axis=1) for n, scale in ((8, 2), (16, 1)))
        band = curves.difference_band(a + 3, b, 0.90, 400, source)
        held += ((band.low <= 3) & (band.high >= 3)).all()
    assert 0.86 <= held / 200 < 1


def test_the_error_of_a_difference_is_welchs():
    a, b = rng(1).normal(size=(6, 4)), rng(2).normal(size=(9, 4))
    band = curves.difference_band(a, b, 0.95, 1_000, rng())
    assert_allclose(band.center, a.mean(axis=0) - b.mean(axis=0))
    error = np.sqrt(a.var(axis=0, ddof=1) / 6 + b.var(axis=0, ddof=1) / 9)
    assert_allclose(band.high - band.center, band.quantile * error)
    assert_allclose(band.center - band.low, band.quantile * error)
    assert band.quantile > stats.t.ppf(0.975, 13)


def test_a_difference_to_runs_without_spread_has_the_band_of_the_others():
    a = rng(1).normal(size=(8, 5))
    alone = curves.sup_t_band(a, 0.95, 2_000, rng())
    to_constant = curves.difference_band(a, np.full((5, 5), 0.1), 0.95, 2_000, rng())
    assert_allclose(to_constant.quantile, alone.quantile)
    assert_allclose(to_constant.low, alone.low - 0.1)


def test_a_point_without_spread_does_not_widen_the_band():
    """0.1 has no exact binary form, so that the mean of ten of them may not be 0.1."""
    runs = rng(1).normal(size=(10, 5))
    with_constant = np.column_stack([np.full(10, 0.1), runs])
    band, plain = (curves.sup_t_band(x, 0.95, 1_000, rng()) for x in (with_constant, runs))
    # not equal, since runs sorted by another first point are drawn in another order
    assert band.quantile == pytest.approx(plain.quantile, rel=0.2)
    assert band.low[0] == band.high[0] == pytest.approx(0.1)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10), st.floats(-1e3, 1e3))
@settings(max_examples=20, deadline=None)
def test_bands_ignore_the_order_of_seeds_and_follow_shift_and_scale(seed, scale, shift):
    a, b = rng(seed).normal(size=(6, 4)), rng(seed + 1).normal(size=(7, 4))

    def bands(x, y, change=lambda values: values):
        x, y = change(x), change(y)
        return [
            *curves.sup_t_band(x, 0.9, 200, rng()),
            *curves.difference_band(x, y, 0.9, 200, rng()),
            *curves.profile_band(x, change(np.linspace(-2, 2, 9)), 0.9, 200, rng()),
        ]

    found = bands(a, b)
    again = bands(rng(seed).permutation(a), rng(seed).permutation(b))
    assert all(np.array_equal(x, y) for x, y in zip(found, again, strict=True))
    changed = bands(a, b, lambda values: scale * values + shift)
    for old, new in zip(found[:3], changed[:3], strict=True):
        assert_allclose(new, scale * old + shift, atol=1e-6)
    for old, new in zip(found[4:7], changed[4:7], strict=True):
        assert_allclose(new, scale * old, atol=1e-6)
    assert_allclose([*changed[3::4]], [*found[3::4]], rtol=1e-6)  # the quantiles
    others = [curves.sup_t_band(a, 0.9, 200, rng(other)).low for other in (1, 2, 3)]  # one may be the same by chance
    assert not all(np.array_equal(found[1], low) for low in others)


def test_a_profile_and_its_band():
    """Five runs of 16 tasks that score 0..79; and two runs, whose resamples hold one alone, as one is left out."""
    scores = np.arange(80.0).reshape(5, 16)
    band = curves.profile_band(scores, [-1, 0, 0.25, 0.5, 1], rng=rng())
    assert_allclose(band.center, [1, 0.9875, 0.9875, 0.9875, 0.975])
    assert (band.low < band.center).all() and band.high.max() == 1
    assert_allclose(band.low, band.center - band.quantile)
    two = curves.profile_band([[0.0, 1.0]], [0.5], rng=rng())
    assert_allclose(np.concatenate(two[:3]), [0.5, 0, 1])
    assert two.quantile == 0.5


def test_tasks_of_a_profile_weigh_the_same_and_a_tie_is_not_above():
    band = curves.profile_band([[1.0, 1, 1, 0], [0.0, 2]], [0, 1, 2], rng=rng())
    assert_allclose(band.center, [(3 / 4 + 1 / 2) / 2, 1 / 4, 0])


def test_the_band_of_a_profile_covers_it_whole():
    """Normal scores of two tasks with 8 runs: of 200 studies."""
    source, taus = rng(4), np.linspace(-2, 2, 41)
    truth, held = stats.norm.sf(taus), 0
    for _ in range(200):
        band = curves.profile_band(source.normal(size=(8, 2)), taus, 0.95, 400, source)
        held += ((band.low <= truth) & (truth <= band.high)).all()
    assert 0.91 <= held / 200 < 1


def test_steps_to_a_threshold():
    nan = np.nan
    values = [[1, 5, 6, 7], [1, 5, 4, 6], [1, 2, 3, 4], [1, 2, nan, nan], [nan, 5, nan, nan], [nan] * 4, [9, 9, 9, 9]]
    found = curves.steps_to_threshold([10, 20, 30, 40], values, 5)
    assert_allclose(found.env_steps, [20, 20, 40, 20, 20, 0, 10])
    assert found.observed.tolist() == [True, True, False, False, True, False, True]
    one = curves.steps_to_threshold([10, 20, 30, 40], values[2], 4.5)
    assert (one.env_steps, one.observed) == (40, False)


def test_kaplan_meier_of_the_leukaemia_trial():
    """Survival with 6-mercaptopurine as printed in Cox & Oakes 1984 and Kleinbaum & Klein 2012, ch. 2."""
    weeks, share = curves.kaplan_meier(TREATED, RELAPSED)
    printed = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    for week, expected in printed.items():
        assert_allclose(share[weeks == week], expected, atol=5e-4)
    assert share[-1] == pytest.approx(0.448, abs=5e-4) and weeks[-1] == 35


def test_log_rank_of_the_leukaemia_trial():
    """chi squared 16.79 in print (Kleinbaum & Klein 2012, ch. 2)."""
    found = curves.log_rank(TREATED, RELAPSED, PLACEBO, np.ones(21, dtype=bool))
    assert_allclose([found.statistic, found.df], [16.79, 1], rtol=5e-4)
    assert_allclose(found.p, stats.chi2.sf(found.statistic, 1))
    back = curves.log_rank(PLACEBO, np.ones(21, dtype=bool), TREATED, RELAPSED)
    assert_allclose([back.statistic, back.p], [found.statistic, found.p])
    assert_allclose([back.difference, back.low, back.high], [-found.difference, -found.high, -found.low])


def test_restricted_mean_steps_by_hand():
    """a: mean 2.5, variance 1.25 / 4. b: area 2 + 1.5 + 1 + 0.5 up to 8, variance 9/12 + 2.25/6 + 0.25/2."""
    observed = np.ones(4, dtype=bool)
    found = curves.log_rank([1, 2, 3, 4], observed, [2, 4, 6, 8], [True, True, True, False])
    half = 1.959964 * np.sqrt(0.3125 + 1.25)
    assert_allclose([found.difference, found.low, found.high], [-2.5, -2.5 - half, -2.5 + half], rtol=1e-6)


def test_a_group_that_never_reaches_the_threshold_counts_up_to_where_it_ended():
    never = np.zeros(5, dtype=bool)
    found = curves.log_rank(np.full(5, 10), ~never, np.full(5, 100), never)
    assert found.difference == found.low == found.high == -90
    assert found.p < 0.01
    neither = curves.log_rank(np.full(5, 50), never, np.full(5, 100), never)
    assert (neither.statistic, neither.p, neither.difference) == (0, 1, 0)


@given(st.integers(0, 2**32 - 1), st.integers(2, 15), st.integers(2, 15), st.randoms())
@settings(max_examples=50, deadline=None)
def test_log_rank_agrees_with_statsmodels_in_any_order(seed, n, m, random):
    times, observed = rng(seed).integers(1, 12, size=n + m), rng(seed + 1).random(n + m) < 0.7
    group = np.arange(n + m) < n
    found = curves.log_rank(times[group], observed[group], times[~group], observed[~group])
    order = np.array(random.sample(range(n), n))
    again = curves.log_rank(times[order], observed[order], times[~group], observed[~group])
    assert_allclose(again, found)
    if 0 < found.statistic < np.inf:
        assert_allclose([found.statistic, found.p], survdiff(times, observed, group), rtol=1e-6)


def test_alignment_never_extrapolates():
    found = curves.align([1000, 2000, 3000], [1.0, 2, 3], [500, 1500, 3000, 4000], 1000)
    assert_allclose(found, [np.nan, 1, 3, np.nan])
    assert_allclose(curves.align([1000, 2000], [1.0, 2], [2000, 2500], 400), [2, np.nan])
    assert_allclose(curves.align([], [], [1, 2], 1), [np.nan, np.nan])
    with pytest.raises(ValueError, match="strictly increase"):
        curves.align([2, 1], [1.0, 2], [1], 1)


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

"""Scatter, risk and tolerance of runs, and the policies for failed ones, against numbers in print or by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from suite.statistics import failures, reliability
from suite.statistics.power import tolerance_factor

CURVES = arrays(float, st.tuples(st.integers(2, 6), st.integers(4, 9)), elements=st.integers(-1000, 1000).map(float))


# google-research/rl-reliability-metrics@50da84b: metrics_online_test.py, metrics_offline_test.py, metric_utils_test.py
@pytest.mark.parametrize(
    ("curves", "measure", "expected"),
    [
        ([[1, 1], [3, 4]], "sd", [1.41421356237, 2.12132034356]),
        ([[1, 1], [3, 4]], "iqr", [1, 1.5]),
        ([[1, 1], [3, 4], [4.5, 1], [-1, 1]], "mad", [1.75, 0]),
        (np.transpose([[-1, 2, 5, 7, 3], [6, 5, 1, 34, 2]]), "iqr", [3, 4]),
        (np.transpose([[-1, 2, 5, 7, 3], [6, 5, 1, 34, 2]]), "mad", [2, 3]),
        (np.transpose([[-1, 2, 5, 7, 3], [6, 5, 1, 34, 2]]), "sd", [3.03315017762062, 13.794926603646717]),
    ],
)
def test_dispersion_across_runs(curves, measure, expected):
    assert_allclose(reliability.dispersion_across(curves, measure), expected, rtol=1e-9)


def test_dispersion_within_runs():
    """Published on checkpoints 5, 7, 9 and per step, hence half of what it is per checkpoint: .35355339, .25, .25."""
    curves = [[1, 1, 1], [2, 3, 4], [5, 4, 2]]
    for measure, expected in {"sd": 2 * 0.35355339059, "iqr": 2 * 0.25, "mad": 2 * 0.25}.items():
        assert_allclose(reliability.dispersion_within(curves, 2, measure), [[0], [0], [expected]], rtol=1e-9)


def test_every_window_of_differences_counts():
    """Differences 1, 3, 0, 4 by hand: windows (1, 3, 0) and (3, 0, 4), medians 1 and 3, deviations 1 and 1."""
    assert_allclose(reliability.dispersion_within([[0, 1, 4, 4, 8]], 3, "mad"), [[1, 1]])
    assert reliability.dispersion_within(np.zeros((4, 10)), 6).shape == (4, 4)


@pytest.mark.parametrize(
    ("values", "alpha", "tail", "expected"),
    [
        ([-1, 2, 3.5, 5, 2, 1, 1.5, 3, 1.5, 6, 2], 0.3, "lower", 0.75),
        ([-1, 2, 3.5, 5, 2, 1, 1.5, 3, 1.5, 6, 2], 0.1, "upper", 5.5),
        ([1, 2, 3, 4], 0.51, "lower", 1.5),
        ([0.3, 0.1, -0.5, 1], 0.51, "lower", -0.2),
        ([-1, 2, 5, 7, 3], 0.49, "lower", 0.5),
        ([6, 5, 1, 34, 2], 0.49, "upper", 20),
        (np.transpose([[1, 2, 3, 4], [0.3, 0.1, -0.5, 1]]), 0.49, "lower", [0.3, 0.1, -0.5, 1]),
        ([[1, 2], [10, 20]], 0.01, "lower", [1, 10]),
    ],
)
def test_conditional_value_at_risk(values, alpha, tail, expected):
    assert_allclose(reliability.cvar(values, alpha, tail), expected, rtol=1e-12)


def test_risk_over_time():
    """Differences -.2, -.6, 1.5 and drawdowns 0, .2, .8, 0, published for this curve on steps 0 to 3."""
    curves = [[0.3, 0.1, -0.5, 1], [1, 2, 3, 4]]
    assert_allclose(reliability.cvar_of_differences(curves, 0.51), [-0.4, 1])
    assert_allclose(reliability.cvar_of_differences(curves, 0.49), [-0.6, 1])
    assert_allclose(reliability.cvar_of_differences(curves, 0.49, "upper"), [1.5, 1])
    assert_allclose(reliability.cvar_of_differences(curves, 0.51, "upper"), [(1.5 - 0.2) / 2, 1])
    assert_allclose(reliability.cvar_of_drawdown(curves, 0.25), [0.8, 0])
    assert_allclose(reliability.cvar_of_drawdown(curves, 0.49), [0.5, 0])
    assert_allclose(reliability.cvar_of_drawdown(curves, 0.49, "lower"), [0, 0])


def test_drawdown():
    falls = reliability.drawdown([-1, 2, 3.5, 5, 2, 1, 1.5, 3, 1.5, 6, 2])
    assert_array_equal(falls, [0, 0, 0, 0, 3, 4, 3.5, 2, 3.5, 0, 4])
    for curve, deepest in {(1, 2, 3, 4): 0, (-1, -2, -3, -4, -5): 4, (5, 5, 3, 6, 5): 2}.items():
        assert reliability.max_drawdown(curve) == deepest
    assert_allclose(reliability.max_drawdown([[1, 3, 2, 1.2], [100, 150, 90, 200]]), [1.8, 60])


@given(CURVES, st.randoms())
def test_nothing_depends_on_the_order_of_runs(curves, random):
    order = random.sample(range(len(curves)), len(curves))
    for measure in reliability.MEASURES:
        across = reliability.dispersion_across(curves, measure)
        assert_allclose(reliability.dispersion_across(curves[order], measure), across, rtol=1e-12, atol=1e-9)
        within = reliability.dispersion_within(curves, 3, measure)
        assert_array_equal(reliability.dispersion_within(curves[order], 3, measure), within[order])
    assert_array_equal(reliability.max_drawdown(curves[order]), reliability.max_drawdown(curves)[order])


@given(CURVES, st.integers(-50, 50), st.sampled_from([0.25, 0.5, 2, 8]))
def test_dispersion_and_risk_move_and_scale_with_the_values(curves, shift, scale):
    moved = scale * curves + shift
    for measure in reliability.MEASURES:
        for of in (reliability.dispersion_across, lambda c, m: reliability.dispersion_within(c, 3, m)):
            assert_allclose(of(moved, measure), scale * of(curves, measure), rtol=1e-9, atol=1e-9)
    for tail in ("lower", "upper"):
        of_moved = reliability.cvar(moved, 0.25, tail)
        assert_allclose(of_moved, scale * reliability.cvar(curves, 0.25, tail) + shift, rtol=1e-9, atol=1e-9)
    assert_allclose(reliability.cvar(-curves, 0.25), -reliability.cvar(curves, 0.25, "upper"), atol=1e-9)


def test_normal_tolerance_interval():
    """For 10 values, content .90 and confidence .95 the tables have k = 2.856 two-sided and 2.355 one-sided."""
    x = np.arange(1.0, 11)
    sd = x.std(ddof=1)
    found = reliability.tolerance_interval(x)
    assert_allclose([found.low, found.high], [5.5 - 2.856 * sd, 5.5 + 2.856 * sd], rtol=1e-3)
    assert found[2:] == (0.90, 0.95, 0.95)
    one_sided = reliability.tolerance_interval(x, two_sided=False)
    assert_allclose(one_sided.low, 5.5 - 2.355 * sd, rtol=1e-3)
    assert one_sided.high == math.inf
    assert_allclose(5.5 - one_sided.low, tolerance_factor(10, 0.90, 0.95, False) * sd)


@pytest.mark.parametrize(("two_sided", "needed"), [(True, 46), (False, 29)])
def test_distribution_free_tolerance_needs_many_runs(two_sided, needed):
    x = np.random.default_rng(0).permutation(needed).astype(float)
    kind = {"kind": "distribution_free", "two_sided": two_sided}
    found = reliability.tolerance_interval(x, **kind)
    assert (found.low, found.high) == (0, needed - 1 if two_sided else math.inf)
    p, n = 0.90, needed
    achieved = 1 - p**n - n * p ** (n - 1) * (1 - p) if two_sided else 1 - p**n
    assert found.achieved == pytest.approx(achieved, rel=1e-12)
    assert 0.95 <= achieved < 0.96
    with pytest.raises(ValueError, match=f"needs at least {needed} runs, not {needed - 1}$"):
        reliability.tolerance_interval(x[1:], **kind)


def test_more_runs_cut_deeper():
    """Of 200 values 6 may go from either end: 12 of 200 runs in the outer tenth, at .98321."""
    found = reliability.tolerance_interval(np.arange(1.0, 201), kind="distribution_free")
    assert (found.low, found.high) == (6, 195)
    assert found.achieved == pytest.approx(stats.binom.cdf(188, 200, 0.90), rel=1e-9)
    assert found.achieved == pytest.approx(0.98321, abs=1e-5)
    assert stats.binom.cdf(186, 200, 0.90) < 0.95, "7 would be too many"
    asked_less = reliability.tolerance_interval(np.arange(1.0, 201), confidence=0.94, kind="distribution_free")
    assert (asked_less.low, asked_less.high) == (7, 194)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: reliability.dispersion_across([[1, math.nan], [1, 2]]), "NaN or infinite.*failures.apply"),
        (lambda: reliability.max_drawdown([1, math.inf]), "NaN or infinite"),
        (lambda: reliability.dispersion_across([1, 2, 3]), "runs, checkpoints"),
        (lambda: reliability.dispersion_across([[1, 2, 3]]), "at least 2 runs"),
        (lambda: reliability.dispersion_across([[1, 2], [1, 2]], "var"), "iqr, mad, sd, not var"),
        (lambda: reliability.dispersion_within([[1, 2, 3]], 1), "2 to 2"),
        (lambda: reliability.dispersion_within([[1, 2, 3]], 3), "2 to 2"),
        (lambda: reliability.cvar([1, 2], 0), "alpha"),
        (lambda: reliability.cvar([1, 2], tail="left"), '"left"'),
        (lambda: reliability.cvar([]), "at least one"),
        (lambda: reliability.tolerance_interval([1]), "at least 2"),
        (lambda: reliability.tolerance_interval([1, 2], kind="magic"), '"magic"'),
        (lambda: reliability.tolerance_interval([1, 2], content=90), "content"),
    ],
)
def test_what_makes_no_sense_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


NAN = math.nan


def test_failure_policies_by_hand():
    scores, last = np.array([[1.0, 10], [NAN, 20], [3, NAN]]), np.array([[0.0, 0], [2, 0], [0, 15]])
    assert_array_equal(failures.apply(scores, "floor", floor=-1), [[1, 10], [-1, 20], [3, -1]])
    assert_array_equal(failures.apply(scores, "floor", floor=[-1, -2]), [[1, 10], [-1, 20], [3, -2]])
    assert_array_equal(failures.apply(scores, "last", last=last), [[1, 10], [2, 20], [3, 15]])
    first, second = failures.apply(scores, "complete_case")
    assert first.tolist() == [1, 3] and second.tolist() == [10, 20]
    found = failures.apply(scores, "bounds", floor=[2, 5])
    assert_array_equal(found.worst, [[1, 10], [1, 20], [3, 5]])
    assert_array_equal(found.best, [[1, 10], [3, 20], [3, 20]])


def test_failure_policies_keep_the_form_of_the_scores():
    assert_array_equal(failures.apply([1.0, NAN], "floor", floor=0), [1, 0])
    ragged = failures.apply([[1.0, NAN], [NAN, 2, 3]], "floor", floor=0)
    assert [task.tolist() for task in ragged] == [[1, 0], [0, 2, 3]]
    assert_array_equal(failures.apply([[NAN, NAN]], "floor", floor=0)[0], [0, 0])
    assert failures.apply(np.array([1.0, NAN, 4]), "complete_case")[0].tolist() == [1, 4]


@given(st.lists(st.one_of(st.just(NAN), st.floats(-1e3, 1e3)), min_size=2, max_size=8), st.floats(-1e3, 1e3))
def test_the_bounds_hold_every_policy_whose_floor_is_worst(scores, floor):
    if np.isnan(scores).all():
        with pytest.raises(ValueError, match="all runs of a task failed"):
            failures.apply(scores, "bounds", floor=floor)
        return
    worst, best = failures.apply(scores, "bounds", floor=floor)
    finite = failures.apply(scores, "complete_case")[0]
    expected = failures.bounds(finite, len(scores) - len(finite), floor)
    assert_allclose([np.mean(worst), np.mean(best)], expected, atol=1e-9)
    assert np.mean(worst) <= np.mean(finite) + 1e-9 and np.mean(finite) <= np.mean(best) + 1e-9


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: failures.apply([1.0], "flor", floor=0), "did you mean floor"),
        (lambda: failures.apply([1.0], "drop"), "floor, complete_case, last, bounds"),
        (lambda: failures.apply([1.0, math.inf], "floor", floor=0), "infinite"),
        (lambda: failures.apply([1.0, NAN], "floor"), "needs a floor"),
        (lambda: failures.apply([[1.0, NAN]], "floor", floor=[0, 1]), "each of the 1 tasks"),
        (lambda: failures.apply([1.0, NAN], "floor", floor=NAN), "finite number"),
        (lambda: failures.apply([1.0, NAN], "bounds", floor=math.inf), "finite number"),
        (lambda: failures.apply([1.0, NAN], "last"), "needs `last`"),
        (lambda: failures.apply([1.0, NAN], "last", last=[1.0]), "shape"),
        (lambda: failures.apply([1.0, NAN], "last", last=[1.0, NAN]), "NaN or infinite"),
        (lambda: failures.apply([[1.0], [NAN]], "complete_case"), "all runs of a task failed"),
        (lambda: failures.apply([[]], "floor", floor=0), "at least one run"),
        (lambda: failures.apply(np.zeros((2, 2, 2)), "floor", floor=0), "list of at least one run"),
        (lambda: failures.barnard(3, 2, 0, 2), "group a .* not 3 of 2"),
        (lambda: failures.barnard(0, 2, 0, 0), "group b"),
    ],
)
def test_a_policy_without_what_it_needs_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_barnards_exact_test():
    """Both of two against none of two: at worst 2 p^2 (1 - p)^2 = 1/8. SciPy's documented table: -1.894, p .0681."""
    assert_allclose(failures.barnard(2, 2, 0, 2), [2, 0.125], rtol=1e-9)
    assert_allclose(failures.barnard(0, 2, 2, 2), [-2, 0.125], rtol=1e-9)
    assert failures.barnard(0, 5, 0, 9) == (0, 1)
    assert_allclose(failures.barnard(7, 15, 12, 15), [-1.8943380760602064, 0.06815343273153582], rtol=1e-6)

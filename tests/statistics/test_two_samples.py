"""Two groups of seeds: tests, effect sizes, power and tolerance against numbers in print, and what holds for any."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from suite.statistics import multiplicity, power
from suite.statistics.two_samples import (
    brunner_munzel,
    correlation,
    critical_difference,
    effect_sizes,
    friedman_from_ranks,
    max_t,
    paired,
    permutation,
    permutation_floor,
    student_from_summary,
    welch,
    welch_from_summary,
    yuen,
)

A = np.array([1.0, 3, 4, 6, 11, 13, 15, 19, 22, 24, 25, 26, 26])
B = np.array([2.0, 4, 6, 9, 11, 13, 14, 15, 18, 19, 21])
X, Y = np.array([4.0, 7, 8, 6, 3, 2]), np.array([6.0, 8, 7, 10, 11, 9])
PAIN_X = [1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1]
PAIN_Y = [3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4]
GROUP = st.lists(st.integers(-500, 500).map(lambda k: k / 10), min_size=3, max_size=6)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def walks(source: np.random.Generator, n: int, length: int = 20) -> np.ndarray:
    return source.normal(size=(n, length)).cumsum(axis=1)


def test_welch_and_student_in_print():
    summaries = (15, 87.5**0.5, 13, 12, 39**0.5, 11)
    found = welch_from_summary(*summaries)
    assert_allclose(found[:3], [0.9358461935556048, 20.98461123, 0.3599981869324], rtol=1e-6)
    found = student_from_summary(*summaries)
    assert_allclose(found[:4], [0.9051358093310269, 22, 0.3751996797581487, 3], rtol=1e-9)
    assert_allclose(found.high - 3, stats.t.ppf(0.975, 22) * 3 / 0.9051358093310269)
    for test in (welch(A, B), welch_from_summary(A.mean(), A.std(ddof=1), 13, B.mean(), B.std(ddof=1), 11)):
        assert_allclose([test.statistic, test.p], stats.ttest_ind(A, B, equal_var=False), rtol=1e-9)
    found = welch(X, Y, 0.90)
    expected = [-2.8419928, 9.49438202, 0.01836767, -3.5, -5.744224, -1.255776]
    assert_allclose(found[:6], expected, rtol=1e-6)


def test_welch_survives_spreads_whose_squares_do_not_exist():
    tiny, huge = welch(X * 1e-100, Y * 1e-100), welch(X * 1e100, Y * 1e100)
    for found in (tiny, huge):
        assert_allclose(found[:3], welch(X, Y)[:3], rtol=1e-9)
    assert welch([0.1] * 3, [0.2] * 3).statistic == -np.inf
    assert student_from_summary(1, 0, 3, 1, 0, 3).p == 1


def test_paired_is_scipys_and_its_correlation_numpys():
    test, expected = paired(X, Y, 0.9), stats.ttest_rel(X, Y)
    assert (test.statistic, test.p, test.df) == pytest.approx((expected.statistic, expected.pvalue, expected.df))
    assert (test.low, test.high) == pytest.approx(tuple(expected.confidence_interval(0.9)))
    assert correlation(X, Y) == pytest.approx(np.corrcoef(X, Y)[0, 1])
    assert np.isnan(correlation(X, np.ones(6))) and paired(X, X + 1.0).p == 0.0


def test_pairs_that_share_their_luck_show_what_welch_cannot():
    """Simulated: a shared part of correlation .9 and a difference of one SD at five seeds; at none nothing is lost."""
    source = rng()
    for shared, gain in ((0.95, 0.5), (0.0, -0.1)):
        luck = source.normal(size=(400, 1, 5)) * shared
        x, y = (luck + source.normal(size=(2, 400, 1, 5)) * np.sqrt(1 - shared**2)).squeeze(2)
        of_pairs, of_all = (
            np.mean([call(a + 1, b).p < 0.05 for a, b in zip(x, y, strict=True)]) for call in (paired, welch)
        )
        assert of_pairs - of_all > gain


def test_what_pairs_detect_is_found_in_four_of_five_studies():
    effect = power.minimum_detectable_in_pairs(5)
    differences = rng().normal(effect, 1, size=(4000, 5))
    assert np.mean(stats.ttest_1samp(differences, 0, axis=1).pvalue < 0.05) == pytest.approx(0.8, abs=0.03)


def test_permutation_in_print():
    found = permutation([1, 2, 3, 4], [5, 6, 7, 8])
    assert_allclose(found.p, 2 / 70)
    assert found.assignments == 70 and found.exact
    assert_allclose(found[:2], welch([1, 2, 3, 4], [5, 6, 7, 8])[:2])


@pytest.mark.parametrize("x, y", [(X[:4], Y[:5]), (X, Y), ([1, 1, 2], [1, 2, 2, 2, 3])])
def test_permutation_of_all_splits_is_scipys(x, y):
    def statistic(a, b, axis):
        with np.errstate(all="ignore"):
            t = abs(stats.ttest_ind(a, b, equal_var=False, axis=axis).statistic)
        return np.where(np.isnan(t), 0, np.round(t, 9))

    expected = stats.permutation_test((x, y), statistic, alternative="greater", n_resamples=np.inf).pvalue
    assert_allclose(permutation(x, y).p, expected, rtol=1e-12)


@given(GROUP, GROUP)
@settings(deadline=None)
def test_permutation_interval_excludes_zero_exactly_when_p_is_small(x, y):
    found = permutation(x, y, confidence=0.93)  # no number of splits here has a hundredth part
    assert found.low <= found.difference <= found.high
    assert (found.low > 1e-9 or found.high < -1e-9) == (found.p < 0.07)


def test_permutation_without_spread():
    assert permutation([1, 1, 1], [1, 1, 1])[:6] == (0, 4, 1, 0, 0, 0)
    apart = permutation([1.0] * 6, [2.0] * 6)
    assert apart.p == pytest.approx(2 / 924) and apart.statistic == -np.inf and (apart.low, apart.high) == (-1, -1)
    too_few = permutation([1.0] * 3, [2.0] * 3)
    assert too_few.p == pytest.approx(0.1) and (too_few.low, too_few.high) == (-np.inf, np.inf)


def test_permutation_draws_when_there_are_too_many_splits():
    source = rng(1)
    x, y = source.normal(0.8, 1, size=12), source.normal(0, 2, size=15)
    found = permutation(x, y, rng=rng(2), resamples=20_000)
    assert not found.exact and found.assignments == 20_000
    assert_allclose(found.p, welch(x, y).p, atol=0.01)
    assert_allclose([found.low, found.high], welch(x, y)[4:6], rtol=0.1)
    assert permutation(x, y + 100, rng=rng(), resamples=99).p == 1 / 100
    with pytest.raises(ValueError, match="rng must be given"):
        permutation(x, y)


@pytest.mark.parametrize("n, floor", [(3, 0.1), (4, 0.0285714), (5, 0.00793651), (6, 0.002164502)])
def test_smallest_p_of_a_permutation(n, floor):
    assert_allclose(permutation_floor(n, n), floor, rtol=1e-5)
    assert_allclose(permutation(np.arange(n), 100 + np.arange(n)).p, floor, rtol=1e-5)
    assert_allclose(permutation(np.arange(n), 100 + np.arange(n + 1)).p, permutation_floor(n, n + 1), rtol=1e-5)


def test_max_t_of_one_checkpoint_is_the_permutation_test():
    for x, y in ((X, Y), (X[:4], Y), ([1.0, 1, 1], [2.0, 2, 2])):
        one, found = permutation(x, y), max_t(np.c_[x], np.c_[y])
        assert (found.p_raw[0], found.p_adjusted[0], found.assignments) == (one.p, one.p, one.assignments)
        assert found.statistic[0] == one.statistic
    x, y = rng(3).normal(size=(2, 14))
    assert max_t(np.c_[x], np.c_[y], rng=rng()).p_raw[0] == permutation(x, y, rng=rng()).p


def test_max_t_by_hand():
    """Six splits of 2 v 2 curves: the groups' own and its mirror have the largest |t|; two others reach 1 / sqrt(2)."""
    a, b = np.array([[0.0, 0, 5], [1, 2, 5]]), np.array([[10.0, 1, 5], [11, 3, 5]])
    found = max_t(a, b)
    assert_allclose(found.statistic, [-10 / 0.5**0.5, -1 / 2**0.5, 0])
    assert_allclose(found.p_adjusted, [2 / 6, 4 / 6, 1])
    assert_allclose(found.p_raw, [2 / 6, 4 / 6, 1])
    assert found.assignments == 6


def test_max_t_where_nothing_varies_warns_of_nothing(recwarn):
    a, b = walks(rng(4), 4, 6), walks(rng(5), 5, 6)
    a[:, 1], b[:, 1] = 7, 7
    a[:, 2], b[:, 2] = 0.1, 0.3
    found = max_t(a, b)
    assert found.statistic[1] == 0 and found.p_raw[1] == found.p_adjusted[1] == 1
    assert found.statistic[2] == -np.inf and found.p_raw[2] == pytest.approx(1 / 126)
    assert not recwarn.list


def test_max_t_keeps_its_promise_where_single_checkpoints_do_not():
    """200 studies of two equal groups of 5 random walks: a false alarm anywhere in 5 % within Monte-Carlo error."""
    source, alarms, raw_alarms = rng(6), 0, 0
    for _ in range(200):
        found = max_t(walks(source, 5), walks(source, 5))
        assert (found.p_adjusted >= found.p_raw).all()
        alarms += found.p_adjusted.min() <= 0.05
        raw_alarms += found.p_raw.min() <= 0.05
    assert 0.01 <= alarms / 200 <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5
    assert raw_alarms / 200 > 0.15


def test_max_t_of_long_studies_is_quick_and_small():
    a, b = walks(rng(7), 10, 100), walks(rng(8), 12, 100)
    start = time.process_time()
    max_t(a, b, rng=rng(), resamples=10_000)
    assert time.process_time() - start < 1
    tracemalloc.start()
    max_t(walks(rng(9), 9, 500), walks(rng(10), 9, 500))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6


def test_brunner_and_munzel_in_print():
    found = brunner_munzel(PAIN_X, PAIN_Y)
    assert_allclose(abs(found.statistic), 3.1374674823, rtol=1e-9)
    assert_allclose(found[1:6], [17.6828419795, 0.00578620867, 0.2110389610, 0.0172947865, 0.4047831357], rtol=1e-8)
    mirrored = brunner_munzel(PAIN_Y, PAIN_X)
    assert_allclose(mirrored[3:6], [0.7889610390, 0.5952168643, 0.9827052135], rtol=1e-8)


def test_brunner_and_munzel_of_samples_that_do_not_overlap():
    """Five pairs, all won: p = 2 / 2^5, and the exact lower limit is the fifth root of 0.025."""
    for x, y in (([6.0, 7, 8, 9, 10], [1.0, 2, 3, 4, 5, 5.5]), ([2.0] * 5, [1.0] * 5)):
        found = brunner_munzel(x, y)
        assert_allclose([found.p, found.difference, found.low, found.high], [1 / 16, 1, 0.025**0.2, 1])
        assert found.statistic == np.inf
        assert_allclose(brunner_munzel(y, x)[2:6], [1 / 16, 0, 0, 1 - 0.025**0.2])
    assert brunner_munzel([1.0, 1], [1.0, 1])[2:6] == (1, 0.5, 0.5, 0.5)


def test_effect_sizes_in_print():
    found = effect_sizes([1, 2, 3, 4, 5], [3, 4, 5, 6, 7])
    assert_allclose(found, [0.18, -0.64, -1.26491106, -1.14250032, 3 / 5], rtol=1e-6)
    assert effect_sizes([1, 1], [2, 2])[:4] == (0, -1, -np.inf, -np.inf)
    assert effect_sizes([2, 2], [2, 2]) == (0.5, 0, 0, 0, 1)
    assert np.isnan(effect_sizes([1, 2], [-1, -2]).ratio)


def test_yuen_is_scipys_and_resists_an_outlier():
    found, expected = yuen(A, B, 0.90), stats.ttest_ind(A, B, equal_var=False, trim=0.2)
    assert_allclose(found[:3], [expected.statistic, expected.df, expected.pvalue], rtol=1e-12)
    assert_allclose(found.difference, stats.trim_mean(A, 0.2) - stats.trim_mean(B, 0.2))
    assert_allclose(found[4:6], expected.confidence_interval(0.90))
    assert_allclose(yuen(A, B, trim=0), welch(A, B), rtol=1e-9)
    crashed = np.array([10.0, 11, 12, 13, -500])
    assert yuen(crashed, crashed[:4] + 20).p < 0.01 < 0.25 < welch(crashed, crashed[:4] + 20).p
    assert yuen([1.0] * 5, [2.0] * 5).p == 0
    with pytest.raises(ValueError, match=r"trim must lie in \[0, 0.5\)"):
        yuen(A[:5], B, trim=0.4)


def test_friedman_and_nemenyi_in_print():
    found = friedman_from_ranks((3.143, 2.000, 2.893, 1.964), 14)
    assert_allclose([found.chi2, found.f], [9.2836, 3.6889], rtol=1e-3)
    assert (found.df, found.f_df) == (3, (3, 39))
    assert_allclose([found.p, found.f_p], [stats.chi2.sf(9.2836, 3), stats.f.sf(3.6889, 3, 39)], rtol=1e-3)
    assert_allclose(critical_difference(4, 14), [2.56903177, 1.25355912], rtol=1e-7)
    assert friedman_from_ranks((1, 2, 3), 5).f_p == 0
    with pytest.raises(ValueError, match="must sum to"):
        friedman_from_ranks((3, 3, 3), 5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_refused(bad):
    scores, curves = np.array([1.0, bad, 2, 3]), np.array([[1.0, 2], [bad, 3]])
    calls = [
        lambda: welch(scores, Y),
        lambda: permutation(Y, scores),
        lambda: max_t(curves, np.ones((2, 2))),
        lambda: brunner_munzel(scores, Y),
        lambda: effect_sizes(scores, Y),
        lambda: yuen(scores, Y),
        lambda: power.simulated(curves, curves, 3, lambda x, y, rng: 0.0, rng=rng()),
        lambda: student_from_summary(bad, 1, 3, 0, 1, 3),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"NaN or infinite|finite number"):
            call()


def test_shapes_that_cannot_be_compared_are_refused():
    for a, b in ((np.ones((2, 3)), np.ones((2, 4))), (np.ones((1, 3)), np.ones((2, 3))), (X, Y)):
        with pytest.raises(ValueError, match="equal checkpoints"):
            max_t(a, b)
    with pytest.raises(ValueError, match="at least 2 values"):
        brunner_munzel([1.0], Y)
    for call in (paired, correlation):
        with pytest.raises(ValueError, match="as many x as y"):
            call(X, Y[1:])
    for call in (welch, paired, yuen, brunner_munzel):
        with pytest.raises(ValueError, match="between 0 and 1"):
            call(X, Y, 95)


@given(GROUP, GROUP, st.randoms())
@settings(deadline=None)
def test_the_order_of_seeds_changes_nothing(x, y, random):
    again = random.sample(x, len(x)), random.sample(y, len(y))
    for test in (welch, permutation, brunner_munzel, effect_sizes, yuen):
        assert np.array_equal(test(x, y), test(*again), equal_nan=True)
    a, b = rng(1).normal(size=(2, 11, 3))
    curves = [
        max_t(a[order], b[order[::-1]], rng=rng(), resamples=50) for order in (np.arange(11), np.arange(11)[::-1])
    ]
    assert all(np.array_equal(*pair) for pair in zip(*curves, strict=True))


@given(GROUP, GROUP)
@settings(deadline=None)
def test_swapping_the_groups_turns_every_sign(x, y):
    for test in (welch, permutation, yuen):
        found, swapped = test(x, y), test(y, x)
        turned = [-swapped.statistic, swapped.df, swapped.p, -swapped.difference, -swapped.high, -swapped.low]
        assert_allclose(found[:6], turned, rtol=1e-9, atol=1e-9)
    found, swapped = effect_sizes(x, y), effect_sizes(y, x)
    assert_allclose(found.a12, 1 - swapped.a12)
    assert_allclose(found[1:4], -np.array(swapped[1:4]), rtol=1e-9, atol=1e-9)
    assert_allclose(brunner_munzel(x, y)[2:4], np.array([0, 1]) + np.array([1, -1]) * brunner_munzel(y, x)[2:4])


@given(GROUP, GROUP, st.floats(-1e3, 1e3), st.floats(0.1, 10))
@settings(deadline=None)
def test_units_do_not_matter(x, y, shift, scale):
    x, y = np.array(x), np.array(y)
    for test in (welch, permutation, yuen):
        found, other = test(x, y), test(shift + scale * x, shift + scale * y)
        if np.isfinite(found.statistic):
            assert_allclose(other[:3], found[:3], rtol=1e-6, atol=1e-9)
            assert_allclose(other[3:6], scale * np.array(found[3:6]), rtol=1e-6, atol=1e-7)
    found, other = effect_sizes(x, y), effect_sizes(scale * x, scale * y)
    if np.isfinite(found.cohen_d):
        assert_allclose(other, found, rtol=1e-6, atol=1e-9)
    moved = effect_sizes(x + 1024, y + 1024)
    if np.isfinite(found.cohen_d):
        assert_allclose(moved[2:4], found[2:4], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    "method, adjusted",
    [
        ("holm", [0.04, 0.09, 0.09, 0.025, 0.2]),
        ("bh", [0.025, 0.05, 0.05, 0.025, 0.2]),
        ("by", [0.0570833, 0.1141667, 0.1141667, 0.0570833, 0.4566667]),
        ("hommel", [0.04, 0.08, 0.06, 0.025, 0.2]),
        ("bonferroni", [0.05, 0.2, 0.15, 0.025, 1]),
        ("none", [0.01, 0.04, 0.03, 0.005, 0.2]),
    ],
)
def test_adjusted_p_in_print(method, adjusted):
    p = [0.01, 0.04, 0.03, 0.005, 0.2]
    assert_allclose(multiplicity.adjust(p, method), adjusted, rtol=1e-6)
    found = multiplicity.adjust([np.nan, *p, np.nan], method)
    assert_allclose(found, [np.nan, *adjusted, np.nan], rtol=1e-6)


def test_adjustment_of_nothing_and_of_nonsense():
    assert np.isnan(multiplicity.adjust([np.nan], "holm")).all()
    assert len(multiplicity.adjust([], "holm")) == 0
    with pytest.raises(ValueError, match='not "sidak"'):
        multiplicity.adjust([0.1], "sidak")
    for bad in ([1.2], [-0.1], [np.inf], 0.3):
        with pytest.raises(ValueError, match="between 0 and 1"):
            multiplicity.adjust(bad, "bh")


def test_power_in_print():
    assert_allclose(power.power(20, 1), 0.8689530, rtol=1e-6)
    assert_allclose(power.required_n(1, power=0.9), 22.02109, rtol=1e-6)
    assert_allclose([power.required_n(d) for d in (0.5, -1, 2)], [63.76561, 16.71472, 5.08999], rtol=1e-6)
    found = [power.minimum_detectable_effect(n) for n in (3, 5, 10, 20, 30)]
    assert_allclose(found, [3.07, 2.02, 1.32, 0.909, 0.736], rtol=5e-3)
    assert power.power(10, 0) == pytest.approx(0.05)
    assert power.required_n(50) == 2


def test_power_and_its_inverses_agree_for_any_number_of_seeds():
    sizes = [*range(2, 40), *range(40, 1001, 60)]
    found = np.array([power.minimum_detectable_effect(n) for n in sizes])
    assert (np.diff(found) < 0).all()
    assert_allclose([power.power(n, d) for n, d in zip(sizes, found, strict=True)], 0.8, rtol=1e-9)
    assert_allclose([power.required_n(d) for d in found], sizes, rtol=1e-6)
    assert_allclose([power.power(n, d) for n, d in ((100, 3), (3, 8), (2, 20), (1000, 50))], [1, 1, 1, 1], atol=0.003)


TOST_POWER = {
    5: (0.00, 0.06, 0.39, 0.77),
    10: (0.00, 0.39, 0.88, 0.99),
    15: (0.01, 0.70, 0.98, 1),
    20: (0.03, 0.86, 1, 1),
    30: (0.21, 0.97, 1, 1),
}


@pytest.mark.parametrize("n", TOST_POWER)
def test_power_of_an_equivalence_test_by_simulation(n):
    found = [power.tost_power(n, margin) for margin in (0.5, 1, 1.5, 2)]
    assert_allclose(found, TOST_POWER[n], atol=0.02)
    assert_allclose(power.tost_power(n, 3000, sd=3000), found[1], rtol=1e-12)
    assert power.tost_power(n, 1, difference=1) <= 0.05


def test_power_of_an_equivalence_test_of_unequal_groups():
    source, studies = rng(11), 40_000
    x, y = source.normal(0.5, 1, size=(studies, 12)), source.normal(0, 2, size=(studies, 25))
    v1, v2 = x.var(axis=1, ddof=1) / 12, y.var(axis=1, ddof=1) / 25
    df = (v1 + v2) ** 2 / (v1**2 / 11 + v2**2 / 24)
    half = stats.t.ppf(0.95, df) * np.sqrt(v1 + v2)
    share = (abs(x.mean(axis=1) - y.mean(axis=1)) + half < 1.8).mean()
    found = power.tost_power(12, 1.8, 1, 0.5, n_reference=25, sd_reference=2)
    assert found == pytest.approx(share, abs=4 * (share * (1 - share) / studies) ** 0.5)


def test_the_seeds_an_equivalence_test_needs_suffice_and_one_less_does_not():
    for margin, n in ((0.5, 70), (1, 18), (2, 6)):
        assert power.tost_required_n(margin) == n
        assert power.tost_power(n, margin) >= 0.8 > power.tost_power(n - 1, margin)
    assert power.tost_required_n(50) == 2
    assert power.tost_required_n(1, difference=1) is None and power.tost_required_n(0.01) is None


def test_simulated_power_is_the_textbooks_for_normal_pilots():
    pilot = stats.norm.ppf((np.arange(400) + 0.5) / 400)

    def test(x, y, rng):
        return welch(x, y).p

    found = power.simulated(pilot, pilot, 10, test, difference=1.2, studies=800, rng=rng())
    assert found.power == pytest.approx(power.power(10, 1.2), abs=4 * found.standard_error)
    assert found.standard_error == pytest.approx((found.power * (1 - found.power) / 800) ** 0.5)
    again = power.simulated(pilot[::-1], rng(1).permutation(pilot), 10, test, difference=1.2, studies=800, rng=rng())
    assert again == found


def test_simulated_power_draws_whole_curves():
    curves = walks(rng(12), 8)

    def test(x, y, rng):
        assert x.shape == y.shape == (6, 20)
        assert all(np.isclose(row, curves).all(axis=1).any() for row in (*(x - 100), *y))
        return np.nan

    assert power.simulated(curves, curves, 6, test, difference=100.0, studies=2, rng=rng()).power == 0
    with pytest.raises(ValueError, match="two pilot runs"):
        power.simulated(curves[:1], curves, 6, test, rng=rng())


def test_tolerance_factors_in_print():
    """Two-sided 90/95: Berthouex & Brown, Statistics for Environmental Engineers, table 21.1; one-sided: NIST."""
    table = {4: 5.37, 5: 4.29, 6: 3.73, 7: 3.39, 8: 3.16, 9: 2.99, 10: 2.86, 12: 2.67, 15: 2.49, 20: 2.32, 60: 1.96}
    assert_allclose([power.tolerance_factor(n) for n in table], list(table.values()), atol=0.0051)
    assert_allclose([power.tolerance_factor(n, content=0.99) for n in (5, 10, 30)], [6.60, 4.44, 3.35], atol=0.0051)
    found = [power.tolerance_factor(n, two_sided=False) for n in (10, 20, 50)]
    assert_allclose(found, [2.355, 1.926, 1.646], atol=0.0006)


def test_a_tolerance_interval_keeps_its_promise():
    source, n = rng(13), 8
    means, sds = source.normal(size=200_000) / n**0.5, np.sqrt(source.chisquare(n - 1, 200_000) / (n - 1))
    k = power.tolerance_factor(n)
    content = stats.norm.cdf(means + k * sds) - stats.norm.cdf(means - k * sds)
    assert (content >= 0.90).mean() == pytest.approx(0.95, abs=4 * (0.95 * 0.05 / 200_000) ** 0.5)


def test_runs_needed_for_an_interval_without_a_distribution():
    assert power.order_statistics_needed() == 46
    assert power.order_statistics_needed(two_sided=False) == 29
    assert power.order_statistics_needed(0.95, 0.95) == 93
    assert power.order_statistics_needed(0.95, 0.95, two_sided=False) == 59


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: power.power(1, 1), "at least 2"),
        (lambda: power.required_n(0), "not zero"),
        (lambda: power.minimum_detectable_effect(5, power=0.01), "between alpha"),
        (lambda: power.tost_power(5, -1), "positive"),
        (lambda: power.tost_power(1, 1), "at least 2"),
        (lambda: power.tolerance_factor(1), "at least 2"),
        (lambda: power.order_statistics_needed(1.0), "between 0 and 1"),
    ],
)
def test_questions_without_an_answer_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()

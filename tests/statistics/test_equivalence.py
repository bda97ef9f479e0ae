"""Equivalence, non-inferiority and convergence points: published oracles, scipy's own tests, and what must hold."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats
from statsmodels.stats.nonparametric import rank_compare_2indep
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from suite.statistics import equivalence, power
from suite.statistics import two_samples as compare
from suite.statistics.curves import Band

X, Y = [4, 7, 8, 6, 3, 2], [6, 8, 7, 10, 11, 9]
SUMMARIES = st.tuples(st.floats(-100, 100), st.floats(0.1, 50), st.integers(2, 30))
SAMPLES = st.lists(st.integers(-50, 50), min_size=2, max_size=9)
VARIANCES = st.sampled_from(["unequal", "pooled"])


# --- two one-sided tests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("margin", "variances", "p", "df"),
    [
        (1, "pooled", 0.9650974, 10),
        (1, "unequal", 0.9643479, 9.49438202),
        (10, "pooled", 0.00017934, 10),
        (10, "unequal", 0.00021304, 9.49438202),
    ],
)
def test_tost_oracle(margin, variances, p, df):
    """R's equivalence::tost on these samples, as pingouin's tests have it."""
    found = equivalence.tost(X, Y, margin, variances=variances)
    assert found.p == pytest.approx(p, rel=1e-6 if margin == 1 else 3e-5)
    assert found.df == pytest.approx(df, rel=1e-8)
    assert found.difference == -3.5 and found.confidence == 0.90 and found.margin == margin
    if variances == "unequal":
        assert (found.low, found.high) == pytest.approx((-5.744224, -1.255776), abs=1e-6)


@pytest.mark.parametrize(("margin", "p"), [(1, 0.9293826), (2, 0.8286101)])
def test_paired_tost_oracle(margin, p):
    assert equivalence.tost_paired(X, Y, margin).p == pytest.approx(p, rel=1e-6)


@given(SAMPLES, SAMPLES, st.floats(0.5, 100))
def test_tost_is_statsmodels(x, y, margin):
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    for variances in ("unequal", "pooled"):
        found = equivalence.tost(x, y, margin, variances=variances)
        p, lower, upper = ttost_ind(np.array(x), np.array(y), -margin, margin, usevar=variances)
        assert found.p == pytest.approx(p, rel=1e-9)
        assert found.statistic == pytest.approx(lower[0] if lower[1] > upper[1] else upper[0], rel=1e-9, abs=1e-9)
    pairs = min(len(x), len(y))
    x, y = np.array(x[:pairs]), np.array(y[:pairs])
    assume(len(set(x - y)) > 1)
    found = equivalence.tost_paired(x, y, margin)
    p, lower, upper = ttost_paired(x, y, -margin, margin)
    assert found.p == pytest.approx(p, rel=1e-9)
    interval = stats.ttest_rel(x, y).confidence_interval(0.90)
    assert (found.low, found.high) == pytest.approx(tuple(interval))


@settings(max_examples=1_000)
@given(SUMMARIES, SUMMARIES, st.floats(0.5, 100), st.sampled_from([0.80, 0.90, 0.95]))
def test_the_p_and_the_interval_say_the_same(ours, reference, margin, confidence):
    for variances in ("unequal", "pooled"):
        found = equivalence.tost_from_summary(ours, reference, margin, confidence, variances=variances)
        if abs(found.p - (1 - confidence) / 2) > 1e-9:
            assert (found.p < (1 - confidence) / 2) == (-margin < found.low and found.high < margin)
            assert (found.p < (1 - confidence) / 2) == (found.verdict == "EQUIVALENT")
        assert (found.verdict == "DIFFERENT") == (found.low > margin or found.high < -margin)
        assert (found.verdict == "INCONCLUSIVE") or found.n_needed is None


@given(SUMMARIES, SUMMARIES, st.floats(0.5, 100), st.floats(0.01, 100), st.floats(-1e3, 1e3), VARIANCES)
def test_units_and_their_origin_do_not_matter(ours, reference, margin, scale, shift, variances):
    def changed(mean, sd, n):
        return scale * mean + shift, scale * sd, n

    was = equivalence.tost_from_summary(ours, reference, margin, variances=variances)
    now = equivalence.tost_from_summary(changed(*ours), changed(*reference), scale * margin, variances=variances)
    lengths = [scale * value for value in (was.difference, was.low, was.high)]
    assert_allclose([now.difference, now.low, now.high], lengths, rtol=1e-6, atol=1e-7 * (1 + scale))
    assert_allclose([now.p, now.df], [was.p, was.df], rtol=1e-5, atol=1e-9)
    mirrored = equivalence.tost_from_summary(reference, ours, margin, variances=variances)
    assert_allclose(mirrored[1:6], [was.df, was.p, -was.difference, -was.high, -was.low], rtol=1e-9, atol=1e-9)


def found_within(center, sds, n, margin, studies=20_000):
    """The shares of simulated studies of two arms of n seeds that scipy's tests find EQUIVALENT and DIFFERENT."""
    rng = np.random.default_rng(n)
    x, y = (rng.normal(shift, sd, (studies, n)) for shift, sd in zip((center, 0.0), sds, strict=True))
    interval = stats.ttest_ind(x, y, axis=1, equal_var=False).confidence_interval(0.90)
    inside = (interval.low > -margin) & (interval.high < margin)
    return inside.mean(), ((interval.low > margin) | (interval.high < -margin)).mean()


@pytest.mark.parametrize(
    ("center", "sds", "margin", "seeds"),
    [
        (0, (1, 1), 1, 18),
        (0.4, (1, 1), 1, None),
        (-0.4, (0.5, 1.5), 1, None),
        (3, (3, 4), 1, None),
        (7, (6, 6), 10, None),
    ],
)
def test_the_seeds_needed_decide_with_a_power_of_80_percent(center, sds, margin, seeds):
    """At no difference and a margin of one SD 18, as `tost_required_n` has it: seven decide in one study of six."""
    ours, reference = ((center, sds[0], 4), (0, sds[1], 4))
    found = equivalence.tost_from_summary(ours, reference, margin)
    assert found.verdict == "INCONCLUSIVE" and seeds in (None, found.n_needed)
    right = int(abs(center) > margin)
    for n, least, most in ((found.n_needed, 0.785, 0.88), (found.n_needed - 1, 0.6, 0.815)):
        assert least < found_within(center, sds, n, margin)[right] < most
    assert found_within(0, (1, 1), 7, 1)[0] == pytest.approx(0.16, abs=0.02)


@pytest.mark.parametrize("margin", [0.5, 0.8, 1.5, 2.5])
def test_equal_arms_need_what_the_planner_says(margin):
    found = equivalence.tost_from_summary((0, 1, 2), (0, 1, 2), margin)
    assert abs(found.n_needed - power.tost_required_n(margin)) <= 1, "Welch's degrees of freedom are estimated there"


def test_pairs_needed_decide_with_a_power_of_80_percent():
    pairs = equivalence.tost_paired([1, 2, 3, 4], [2, 1, 4, 3], 0.8)
    assert pairs.verdict == "INCONCLUSIVE"
    for n, enough in ((pairs.n_needed, True), (pairs.n_needed - 1, False)):
        drawn = np.random.default_rng(n).normal(0, np.std([1, 1, -1, -1], ddof=1), (50_000, n))
        interval = stats.ttest_1samp(drawn, 0, axis=1).confidence_interval(0.90)
        share = ((interval.low > -0.8) & (interval.high < 0.8)).mean()
        assert (share > 0.80 - 0.006) if enough else (share < 0.80 + 0.006)


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [(0, "EQUIVALENT"), (7, "INCONCLUSIVE"), (-7, "INCONCLUSIVE"), (20, "DIFFERENT"), (-20, "DIFFERENT")],
)
def test_the_three_verdicts(mean, verdict):
    """Half-width by hand: 1.859548 (t at 8 degrees of freedom) * sqrt(2 * 36 / 5) = 7.0565."""
    found = equivalence.tost_from_summary((mean, 6, 5), (0, 6, 5), 10)
    assert found.verdict == verdict
    assert (found.low, found.high) == pytest.approx((mean - 7.056479, mean + 7.056479), abs=1e-4)


def test_what_the_arms_are_now_does_not_count_and_the_margin_itself_is_never_decided():
    needed = equivalence.tost_from_summary((7, 6, 5), (0, 6, 5), 10).n_needed
    assert equivalence.tost_from_summary((7, 6, 4), (0, 6, 9), 10).n_needed == needed
    found = equivalence.tost_from_summary((0.1 + 0.2, 0.1, 5), (0, 0.1, 5), 0.3)
    assert (found.verdict, found.n_needed) == ("INCONCLUSIVE", None), "a difference as large as the margin"


def test_means_without_any_spread_are_what_they_are():
    found = equivalence.tost([1, 1], [2, 2, 2], 1.5)
    assert found[1:6] == (3.0, 0.0, -1.0, -1.0, -1.0) and abs(found.statistic) == math.inf
    assert found.verdict == "EQUIVALENT"
    assert equivalence.tost([1, 1], [4, 4, 4], 1.5)[2] == 1.0
    assert equivalence.tost([1, 1], [4, 4, 4], 1.5).verdict == "DIFFERENT"


# --- superiority ------------------------------------------------------------------------------------------------


@given(SAMPLES, SAMPLES, st.sampled_from([0.1, 0.15, 0.3]))
def test_superiority_is_statsmodels(x, y, delta):
    ranks = rank_compare_2indep(x, y) if len({*x, *y}) > 1 and min(x) <= max(y) and min(y) <= max(x) else None
    assume(ranks is not None and ranks.var > 0)
    found = equivalence.tost_superiority(x, y, delta)
    theirs = ranks.tost_prob_superior(0.5 - delta, 0.5 + delta)
    low, high = ranks.conf_int(value=0.5, alpha=0.10)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-9, abs=1e-9)
    side = np.sign(theirs.statistic * found.statistic) if found.difference == 0 else 1  # both sides are as hard then
    assert found.statistic == pytest.approx(side * theirs.statistic, rel=1e-9, abs=1e-9)
    assert (found.low, found.high, found.df) == pytest.approx((low, high, ranks.df), rel=1e-9, abs=1e-9)
    if abs(found.p - 0.05) > 1e-9:
        assert (found.p < 0.05) == (found.verdict == "EQUIVALENT")
    mirrored = equivalence.tost_superiority(y, x, delta)
    assert (mirrored.verdict, mirrored.n_needed) == (found.verdict, found.n_needed)


def test_superiority_of_the_published_example():
    """The data of Brunner & Munzel's test in R's lawstat: probability .2110389610."""
    x = [1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1]
    y = [3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4]
    found = equivalence.tost_superiority(x, y)
    assert found.difference == pytest.approx(0.2110389610 - 0.5, rel=1e-8)
    assert found.df == pytest.approx(17.6828419795, rel=1e-9)
    assert found.verdict == "INCONCLUSIVE" and found.n_needed > 14
    wide = equivalence.tost_superiority(x, y, confidence=0.95)
    assert (wide.low, wide.high) == pytest.approx((0.0172947865 - 0.5, 0.4047831357 - 0.5), rel=1e-7)


@pytest.mark.parametrize("n", [2, 5, 7])
def test_groups_that_do_not_overlap_say_as_much_as_pairs_all_won(n):
    """n pairs all won exclude a probability of at most .05^(1/n): .2236, .5493, .6518 for n = 2, 5, 7."""
    found = equivalence.tost_superiority(range(10, 10 + n), range(n))
    assert (found.low, found.high, found.p) == pytest.approx((0.05 ** (1 / n) - 0.5, 0.5, 1.0), rel=1e-9)
    assert (found.verdict, found.n_needed) == (("DIFFERENT", None) if n == 7 else ("INCONCLUSIVE", 7))
    mirrored = equivalence.tost_superiority(range(n), range(10, 10 + n))
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))
    test = compare.brunner_munzel(np.arange(10.0, 10 + n), np.arange(float(n)), 0.90)
    assert (test.low - 0.5, test.high - 0.5) == pytest.approx((found.low, found.high))


def test_groups_of_one_value_are_equivalent():
    found = equivalence.tost_superiority([3, 3], [3, 3, 3])
    assert found == (-math.inf, 3.0, 0.0, 0.0, 0.0, 0.0, 0.90, "EQUIVALENT", 0.15, None)


# --- no worse than ----------------------------------------------------------------------------------------------


def test_non_inferiority_of_values_is_that_of_their_summaries():
    found = equivalence.non_inferiority(X, Y, 6)
    assert found == equivalence.non_inferiority_from_summary(compare.summary(X), compare.summary(Y), 6, 0.90)
    assert found.verdict == "PASS" and found.low == pytest.approx(-5.744224, abs=1e-6)
    one_sided = stats.ttest_ind(np.array(X) + 6, Y, equal_var=False, alternative="greater")
    assert found.p == pytest.approx(one_sided.pvalue, rel=1e-9)


def test_non_inferiority_oracle():
    """Difference -500, error 475.3945730, 7.27981630 degrees of freedom, t 1.15693370 of the shifted difference."""
    found = equivalence.non_inferiority_from_summary((10_000, 800, 10), (10_500, 900, 5), 1050)
    assert (found.p, found.df) == pytest.approx((0.14192419, 7.27981630), rel=1e-7)
    assert (found.low, found.high) == pytest.approx((-1395.491, 395.491), abs=1e-3)
    assert found.verdict == "INCONCLUSIVE"


def test_one_more_run():
    """3.182446 (t at 3 degrees of freedom) * 2 * sqrt(1.25) = 7.116166."""
    found = equivalence.prediction_check((10, 2, 4), 17)
    assert (found.low, found.high) == pytest.approx((10 - 7.116166, 10 + 7.116166), rel=1e-6)
    assert found.inside and found.p > 0.05
    assert not equivalence.prediction_check((10, 2, 4), 17.2).inside
    assert equivalence.prediction_check((10, 2, 4), found.high).p == pytest.approx(0.05)
    assert equivalence.prediction_check((10, 0, 4), 10)[:1] == (True,)
    assert equivalence.prediction_check((10, 0, 4), 11).p == 0


# --- curves -----------------------------------------------------------------------------------------------------


def band(low, high):
    low, high = np.array(low, dtype=float), np.array(high, dtype=float)
    return Band((low + high) / 2, low, high, 2.0)


@pytest.mark.parametrize(
    ("low", "high", "margin", "start", "both", "one"),
    [
        ([-1, -1], [1, 1], 2, 0, "EQUIVALENT", "PASS"),
        ([-1, -1], [1, 3], 2, 0, "INCONCLUSIVE", "PASS"),
        ([-1, 2.5], [1, 3], 2, 0, "DIFFERENT", "PASS"),
        ([-4, -1], [-3, 1], 2, 0, "DIFFERENT", "FAIL"),
        ([-4, -1], [-3, 1], 2, 1, "EQUIVALENT", "PASS"),
        ([-4, -1], [-1, 1], 2, 0, "INCONCLUSIVE", "INCONCLUSIVE"),
        ([-4, -1], [-3, 1], [5, 2], 0, "EQUIVALENT", "PASS"),
        ([-4, -1], [-3, 1], [5, 1], 0, "INCONCLUSIVE", "INCONCLUSIVE"),
        ([-4, -1], [-3, 1], [5, 2], 1, "EQUIVALENT", "PASS"),
        ([-2], [2], 2, 0, "INCONCLUSIVE", "INCONCLUSIVE"),
    ],
)
def test_verdicts_of_a_band(low, high, margin, start, both, one):
    assert equivalence.band_verdict(band(low, high), margin, start) == both
    assert equivalence.band_non_inferiority(band(low, high), margin, start) == one


# --- convergence points -----------------------------------------------------------------------------------------

# Epochs of mlcommons/logging@7bbf792 training_3.0.0/rcps_resnet.json (batch sizes 1632, 3264, 4096, 32768, 67840), and
# what its RCP_Checker makes of them for submissions of 5 runs: olympic mean, SD, least mean (to 1e-4), speed-up.
CONVERGENCE_POINTS = [
    (
        [34, 34, 34, 35, 35, 37, 35, 35, 33, 35, 35, 37, 37, 35, 35, 34, 35],
        *(35.0, 1.0846522890932808, 33.80234241485596, 1.0354312009045172),
    ),
    (
        [36, 35, 34, 34, 36, 35, 35, 35, 35, 37, 35, 35, 35, 36, 35],
        *(35.15384615384615, 0.7483314773547882, 34.3096450658945, 1.0246053576576002),
    ),
    ([39, 42, 40, 41, 39, 40, 41, 39, 40, 39], 39.875, 1.0, 38.63396394252777, 1.032122928398401),
    ([56, 56, 55, 56, 56, 56, 56, 56, 57, 56], 56.0, 0.4472135954999579, 55.44498062133789, 1.0100102727504339),
    (
        [
            86,
            87,
            86,
            87,
            86,
            85,
            86,
            86,
            86,
            85,
            86,
            86,
            86,
            86,
            86,
            85,
            86,
            86,
            87,
            85,
            85,
            86,
            85,
            87,
            86,
            85,
            85,
            86,
        ],
        *(85.84615384615384, 0.6388765649999398, 85.18264433053824, 1.0077892570820055),
    ),
]


@pytest.mark.parametrize(("epochs", "mean", "sd", "minimum", "speedup"), CONVERGENCE_POINTS)
def test_reference_convergence_points(epochs, mean, sd, minimum, speedup):
    found = equivalence.reference_convergence_point(epochs, [100] * 5)
    assert (found.reference_mean, found.sd) == pytest.approx((mean, sd), rel=1e-12)
    assert found.minimum == pytest.approx(minimum, abs=1e-4)
    assert found.max_speedup == pytest.approx(speedup, abs=1e-5)
    assert found.passes and found.normalisation == 1


@pytest.mark.parametrize(
    ("submission", "passes", "normalisation", "p"),
    [
        ([39, 39, 40, 40, 41], True, 1.0052521008403361, 0.3826455594960027),
        ([38.5, 39, 39, 39, 40], True, 1.0224358974358974, 0.1141963211181622),
        ([38, 38, 39, 39, 39], True, 1.03125, None),
        ([36, 37, 38, 38, 39], False, 1.0586283185840708, None),
        ([38.5, 38, 38.5, 38.5, 39], False, None, 0.03640777738607413),
        ([42, 43, 41, 44, math.inf], True, 1.0, None),
        ([39, 40, 40, 39, math.inf], True, 1.0052521008403361, None),
        ([39, 40, 40, math.inf, math.inf], False, 1.0, 1.0),
    ],
)
def test_submissions_at_a_convergence_point(submission, passes, normalisation, p):
    """What the same checker says of submissions at batch size 4096."""
    found = equivalence.reference_convergence_point(CONVERGENCE_POINTS[2][0], submission)
    assert found.passes is passes
    if normalisation is not None:
        assert found.normalisation == pytest.approx(normalisation, rel=1e-9)
    if p is not None:
        assert found.p == pytest.approx(p, rel=1e-6)
    if math.isfinite(found.mean):
        assert (found.p > 0.05) == passes == (found.mean >= found.minimum)


def test_a_reference_without_spread_allows_no_speedup():
    slower, faster = (equivalence.reference_convergence_point([40] * 6, [at] * 3) for at in (40, 39))
    assert slower.passes and slower.p == 1 and slower.minimum == 40 and slower.max_speedup == 1
    assert not faster.passes and faster.p == 0


@given(st.permutations([39, 42, 40, 41, 39]), st.permutations([38, 40, 43]))
def test_a_convergence_point_is_blind_to_the_order_of_runs(reference, submission):
    found = equivalence.reference_convergence_point(reference, submission)
    assert found == equivalence.reference_convergence_point([39, 39, 40, 41, 42], [38, 40, 43])


# --- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: equivalence.tost(X, Y, 0), "margin must be positive"),
        (lambda: equivalence.tost(X, Y, math.nan), "margin"),
        (lambda: equivalence.tost(X, Y, 1, 90), "confidence"),
        (lambda: equivalence.tost(X, Y, 1, variances="equal"), '"unequal" or "pooled", not "equal"'),
        (lambda: equivalence.tost([1, math.nan], Y, 1), "^x holds a value that is no finite number"),
        (lambda: equivalence.tost_from_summary((0, 1, 5), (0, 1, 1), 1), "n2 must be at least 2"),
        (lambda: equivalence.tost_paired(X, Y[:5], 1), "not 6 and 5"),
        (lambda: equivalence.tost_paired(X, [*Y[:5], math.inf], 1), "^y holds"),
        (lambda: equivalence.tost_paired(X, Y, 1, 1.0), "confidence"),
        (lambda: equivalence.tost_superiority(X, Y, 0.5), "^delta"),
        (lambda: equivalence.tost_superiority(X, [1, math.nan]), "^y holds"),
        (lambda: equivalence.tost_superiority(X, Y, confidence=90), "confidence"),
        (lambda: equivalence.non_inferiority(X, [1], 1), "^y must be a list of at least 2"),
        (lambda: equivalence.prediction_check((1, 2, 3), math.nan), "finite number"),
        (lambda: equivalence.prediction_check((1, 2, 1), 1), "n1 must be at least 2"),
        (lambda: equivalence.to_sample_sd(1, "unknown", 5), "kind is unknown.*only be advisory"),
        (lambda: equivalence.band_verdict(band([-1], [1]), -1), "^margin"),
        (lambda: equivalence.band_verdict(band([-1], [1]), [1, 1]), "^margin"),
        (lambda: equivalence.band_verdict(band([-1], [1]), 1, 1), "from_index must be a checkpoint from 0 to 0"),
        (lambda: equivalence.band_non_inferiority(band([math.nan], [1]), 1), "NaN or infinite"),
        (lambda: equivalence.reference_convergence_point([1, 2, 3], [1, 2, 3]), "at least 4 reference"),
        (lambda: equivalence.reference_convergence_point([1, 2, 3, 4], [1, 2]), "3 submission"),
        (lambda: equivalence.reference_convergence_point([1, 2, 3, math.inf], [1, 2, 3]), "finite numbers"),
        (lambda: equivalence.reference_convergence_point([1, 2, 3, 4], [1, 2, math.nan]), "finite numbers"),
        (lambda: equivalence.reference_convergence_point([1, 2, 3, 4], [0, 2, 3]), "positive"),
        (lambda: equivalence.reference_convergence_point([1, 2, 3, 4], [1, 2, 3], alpha=5), "alpha"),
    ],
)
def test_a_question_without_an_answer_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()

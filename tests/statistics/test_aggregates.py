"""The statistics against numbers worked out by hand or in print, and the promises that hold for any scores."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

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


COUNTED = {
    "mean": aggregate.mean,
    "median": aggregate.median,
    "iqm": aggregate.iqm,
    "pooled iqm": partial(aggregate.iqm, weights="pooled"),
    "optimality gap": partial(aggregate.optimality_gap, gamma=0.3),
    "profile of means": lambda scores, counts=None: aggregate.performance_profile(scores, [0.1], "means", counts)[
        ..., 0
    ],
}


@pytest.mark.parametrize("name", COUNTED)
def test_aggregates_keep_the_axes_behind_the_runs(name):
    tasks = [rng(1).normal(size=(7, 4)), rng(2).normal(size=(3, 4))]
    expected = [COUNTED[name]([task[:, t] for task in tasks]) for t in range(4)]
    assert_allclose(COUNTED[name](tasks), expected)


@pytest.mark.parametrize("name", COUNTED)
def test_counts_are_resampled_runs(name):
    """The statistic of counts must be that of the runs repeated as often; unequal numbers of runs, ties among them."""
    tasks = [np.array([0.5, -1.0, 2.0, 2.0, 0.1]), np.array([0.5, 3.0, 0.2]), np.array([0.3, -4.0])]
    drawn = [bootstrap.draw(len(task), 40, "plain", rng(3)) for task in tasks]
    expected = [COUNTED[name]([task[own[r]] for task, own in zip(tasks, drawn, strict=True)]) for r in range(40)]
    counts = [bootstrap.count(own) for own in drawn]
    assert_allclose(COUNTED[name](tasks, counts=counts), expected, atol=1e-12)
    both = [np.stack([task, task * 2 + 1], axis=1) for task in tasks]
    assert_allclose(COUNTED[name](both, counts=counts)[0], expected, atol=1e-12)


def test_profile_gap_and_improvement():
    """Scores 0..79 in 5 runs of 16 tasks, as in rliable's own test, and an unequal pair worked out by hand."""
    scores = np.arange(80.0).reshape(5, 16)
    assert_allclose(aggregate.optimality_gap(scores, 1.0), 0.0125)
    assert_allclose(aggregate.performance_profile(scores, [0, 0.25, 0.5, 1]), [0.9875, 0.9875, 0.9875, 0.975])
    assert_allclose(aggregate.performance_profile(scores, [32, 39.5], "means"), [0.9375, 0.5])
    assert_allclose(aggregate.probability_of_improvement(scores, scores[:, ::-1]), 0.5)
    x, y = np.array([[1.0, 2], [2, 2], [1, 1], [2, 1]]), np.array([[1.0, 1], [2, 2], [3, 3]])
    assert_allclose(aggregate.probability_of_improvement(x, y), 1 / 3)
    with pytest.raises(ValueError, match="x has 2 tasks and y has 1"):
        aggregate.probability_of_improvement(x, y[:, :1])
    with pytest.raises(ValueError, match='not of "tasks"'):
        aggregate.performance_profile(x, [0], "tasks")


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
        lambda: factorial.contrasts({(0,): scores, (1,): [1.0, 2]}, ["f"], 0.95),
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
        lambda tasks: seen.append(tasks[0].mean(axis=0)) or seen[-1],
        scheme="plain",
        resamples=54_000,
        rng=rng(),
    )
    means = np.concatenate([drawn for drawn in seen if np.size(drawn) > 2])  # not the estimate, nor the first look
    assert len(means) == 54_000
    counts = [(np.round(means) == value).sum() for value in range(7)]
    expected = np.array([1, 3, 6, 7, 6, 3, 1]) / 27
    assert (abs(counts - 54_000 * expected) < 4.5 * np.sqrt(54_000 * expected * (1 - expected))).all()


@pytest.mark.parametrize("scheme, error", [("plain", 0.63245553), ("bootknife", 0.70710678)])
def test_standard_error_of_the_bootstrap(scheme, error):
    found = bootstrap.stratified(np.arange(1.0, 6), aggregate.mean, scheme=scheme, rng=rng())
    assert found.estimate == 3
    assert_allclose(found.standard_error, error, rtol=0.015)


def improvement(x, y, **options):
    return bootstrap.two_sample(x, y, aggregate.probability_of_improvement, rng=rng(), **options)


def test_two_samples_are_resampled_independently():
    """P(x > y) of normal samples: the draws' standard error is that of the U-statistic; swapped, 1 - P."""
    x, y = rng(6).normal(0.5, 1, 40), rng(7).normal(0, 1, 30)
    wins = (x[:, None] > y).astype(float)
    expected = np.sqrt(wins.mean(axis=1).var(ddof=1) / 40 + wins.mean(axis=0).var(ddof=1) / 30)
    found = improvement([x], [y])
    assert_allclose(found.estimate, wins.mean())
    assert_allclose(found.standard_error, expected, rtol=0.05)
    assert_allclose(improvement([y], [x]).estimate, 1 - found.estimate)
    counted = bootstrap.two_sample([x], [y], aggregate.probability_of_improvement, resamples=50, rng=rng())
    plain = bootstrap.two_sample(
        [x], [y], lambda a, b: float(aggregate.probability_of_improvement(a, b)), resamples=50, rng=rng()
    )
    assert_allclose(counted, plain)


def test_a_statistic_that_takes_no_counts_gives_the_same():
    tasks = [rng(1).normal(size=(5, 3)), rng(2).normal(size=(4, 3))]
    counted, arrays, single = (
        bootstrap.stratified(tasks, statistic, resamples=60, rng=rng())
        for statistic in (
            aggregate.iqm,
            lambda scores: aggregate.iqm(scores),
            lambda scores: (
                np.array([aggregate.iqm([task[:, t] for task in scores]) for t in range(3)])
                if scores[0].ndim == 2
                else np.zeros(7)
            ),
        )
    )
    assert_allclose(counted, arrays)
    assert_allclose(counted, single)


def test_one_draw_serves_all_checkpoints():
    """The same column twice has the same interval twice, however many columns stand between."""
    column = rng(1).normal(size=(6, 1))
    curve = np.concatenate([column, rng(2).normal(size=(6, 70)), column], axis=1)
    found = bootstrap.stratified([curve], aggregate.mean, resamples=500, rng=rng())
    assert found.low.shape == (72,)
    assert found.low[0] == found.low[-1] and found.high[0] == found.high[-1]


def test_bca_interval_is_scipys():
    """A skewed sample of 12, the same method in scipy with other draws: limits agree within Monte-Carlo error."""
    runs = np.exp(rng(8).normal(size=12))
    ours = bootstrap.stratified(runs, aggregate.mean, scheme="plain", method="bca", rng=rng())
    peer = stats.bootstrap((runs,), np.mean, n_resamples=50_000, method="BCa", rng=rng(9)).confidence_interval
    assert_allclose([ours.low, ours.high], peer, atol=6 * bootstrap.limit_error(0.95, 50_000) * ours.standard_error)
    plain = bootstrap.stratified(runs, aggregate.mean, scheme="plain", rng=rng())
    assert ours.high > plain.high + 0.02  # the skewness moves both limits up
    constant = bootstrap.stratified(np.ones(4), aggregate.mean, method="bca", resamples=100, rng=rng())
    assert constant[:3] == (1, 1, 1)


def test_studentised_interval_of_the_mean():
    """Of a large normal sample it is Student's interval; skewed upwards, its upper limit lies further out."""
    runs = rng(1).normal(size=200)
    assert_allclose(bootstrap.studentised_mean(runs, 0.95, 50_000, rng()), aggregate.student(runs, 0.95), atol=0.01)
    skewed = np.array([0.0, 0, 0, 1, 1, 2, 3, 12])
    found = bootstrap.studentised_mean(skewed, 0.95, 20_000, rng())
    assert found.high - found.estimate > 1.5 * (found.estimate - found.low)
    assert bootstrap.studentised_mean([2.0, 2, 2], 0.95, 100, rng()) == (2, 2, 2, 0)


def test_monte_carlo_error_of_a_limit():
    """2.5 % of 50,000 normal draws: sqrt(0.025 * 0.975 / 50000) / 0.058445 = 0.011946 standard errors, and as seen."""
    assert_allclose(bootstrap.limit_error(0.95, 50_000), 0.011946, rtol=1e-4)
    seen = np.quantile(rng().normal(size=(400, 2_000)), 0.025, axis=1).std()
    assert_allclose(bootstrap.limit_error(0.95, 2_000), seen, rtol=0.2)


def test_basic_interval_reflects_the_percentile_interval():
    scores = np.array([0.0, 1, 2, 10])
    percentile, basic = (
        bootstrap.stratified(scores, aggregate.mean, scheme="plain", method=method, resamples=2_000, rng=rng())
        for method in ("percentile", "basic")
    )
    assert_allclose([basic.low, basic.high], [6.5 - percentile.high, 6.5 - percentile.low])


def test_percentiles_of_bootknife_draws_go_out_as_far_as_students_t():
    """Two tasks of three and four runs have 2 + 3 degrees of freedom: t = 2.570582, of which Phi(-t) = 0.005076."""
    tasks = [np.array([0.0, 1, 5]), np.array([2.0, 2.5, 3, 9])]
    draws = []

    def keep(scores, counts=None):
        draws.append(aggregate.mean(scores, counts))
        return draws[-1]

    found = bootstrap.stratified(tasks, keep, resamples=20_000, rng=rng())
    assert_allclose([found.low, found.high], np.quantile(draws[-1], [0.005076, 1 - 0.005076]), atol=0.01)
    draws.clear()
    found = bootstrap.stratified(tasks, keep, scheme="plain", resamples=20_000, rng=rng())
    assert_allclose([found.low, found.high], np.quantile(draws[-1], [0.025, 0.975]))


def test_strata_are_resampled_independently_and_refused_when_too_small():
    """The variance of a mean over two tasks is a quarter of the sum of the tasks' variances."""
    tasks = [np.array([0.0, 1, 2, 3]), np.array([0.0, 10])]
    found = bootstrap.stratified(tasks, aggregate.mean, rng=rng())
    expected = np.sqrt((tasks[0].var(ddof=1) / 4 + tasks[1].var(ddof=1) / 2) / 4)
    assert_allclose(found.standard_error, expected, rtol=0.015)
    wrong = ([{"scheme": "jackknife"}, "jackknife"], [{"method": "magic"}, "magic"], [{"confidence": 95}, "95"])
    for bad, said in wrong:
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
            *factorial.contrasts({(0,): runs, (1,): runs[::-1] + 1}, ["f"], 0.95)[0][1:],
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


def test_failed_runs_score_the_floor():
    failed = np.array([False, True, False])
    assert_allclose(failures.apply([10.0, np.nan, 20.0], "floor", -5), [10, -5, 20])
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

"""How much do the settings of an algorithm matter, and how much must they be chosen for each task?

Sensitivity is that of Adkins, Bowling & White 2024 (arXiv 2412.07165; definitions as in their code,
jadkins99/hyperparameter_sensitivity@e571b0b analysis/utils.py): the mean over tasks of the score of each task's best
setting, less the mean score of the one setting that is best over all tasks. `scale` makes tasks comparable.

A best setting that is chosen and scored by the same runs scores too high, by luck; so does the best over tasks, though
less. Hence every estimate is cross-fitted: settings are chosen by one half of the seeds and scored by the other, and
that is averaged over all halvings. What remains of a bias is that half of the seeds choose worse than all of them.

Scores come as one array [seeds, settings] for each task; a seed's runs stand in one row, for they are no independent
samples. Of several variants, a row of a task is the same seed in all of them. The settings are the same on all tasks.
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from scipy.stats import qmc

from suite.statistics.aggregate import Interval, strata
from suite.statistics.bootstrap import count, draw, expanded

FEWEST = 4  # seeds of a task: two choose, and two score
MOST_HALVINGS = 252  # all there are of ten seeds; of more seeds, so many are drawn

Tasks = Sequence[np.ndarray]


class Tuning(NamedTuple):
    """What tuning a variant is worth, each an Interval in the unit of the scores."""

    tuned: Interval  # the mean over tasks where each has the setting chosen for it
    single: Interval  # the same of one setting chosen for all
    as_is: Interval  # the same of the first setting, which nobody chose
    sensitivity: Interval  # tuned less single
    gain: Interval  # tuned less as it is


class Comparison(NamedTuple):
    """Variants beside each other."""

    variants: list[Tuning]  # in their order
    differences: list[Interval]  # of sensitivity, first less second, of all pairs in the order of `combinations`


def scale(variants: Sequence[np.ndarray]) -> tuple[float, float]:
    """What scores of a task are held against: the 5th (0) and the 95th percentile (1) of all settings of all variants.

    The percentiles are of the settings' means. (scores - low) / (high - low) is not cut off beyond them, as in the
    authors' table of normalised scores: the best settings lie above 1, and sensitivity is about their differences.

    Parameters:
        variants: [seeds, settings] of each variant
    Returns: the two returns
    Raises ValueError: they are the same
    >>> scale([np.array([[0.0, 10.0]]), np.array([[5.0]])])
    (0.5, 9.5)
    """
    means = np.concatenate([np.asarray(scores, dtype=float).mean(axis=0) for scores in variants])
    low, high = map(float, np.percentile(means, [5, 95]))
    if low == high:
        raise ValueError("all settings score the same, so that there is no scale to hold them against")
    return low, high


def naive(tasks: Tasks) -> tuple[float, float]:
    """The tuned score and the sensitivity as all seeds choose and score them: biased upwards, the former at least.

    Parameters:
        tasks: [seeds, settings] of each task
    Returns: the mean over tasks of the best setting's score, and that less the best mean over tasks of one setting
    >>> naive([np.array([[0.0, 2.0], [2.0, 4.0]]), np.array([[5.0, 1.0]])])
    (4.0, 1.0)
    """
    means = np.stack([scores.mean(axis=0) for scores in tasks])
    tuned = means.max(axis=1).mean()
    return float(tuned), float(tuned - means.mean(axis=0).max())


def compare(
    variants: Sequence[Tasks], *, confidence: float = 0.95, resamples: int = 10_000, rng: Generator
) -> Comparison:
    """What tuning each variant is worth and how far their sensitivities differ, cross-fitted, with intervals.

    Intervals are expanded percentiles of bootknife resamples of seeds, drawn within each task and the same for all
    settings and variants, so that a difference is one of pairs. A seed that is drawn twice stays in one half. The
    scale of the scores is taken as known.

    Parameters:
        variants: of each variant, [seeds, settings] of each task
        confidence, resamples, rng: of the two-sided intervals, between 0 and 1; number of resamples; source of the
            draws
    Returns: Comparison, in the unit of the scores; the standard errors are the SDs of the resamples
    Raises ValueError: fewer than FEWEST seeds of a task, variants with other seeds or settings that differ over tasks,
        and a score that is NaN or infinite
    >>> rng = np.random.default_rng(0)
    >>> needs_tuning = [np.array([[1.0, 0.0]] * 4), np.array([[0.0, 1.0]] * 4)]
    >>> found = compare([needs_tuning, [np.ones((4, 2))] * 2], resamples=200, rng=rng)
    >>> [round(float(one.sensitivity.estimate), 2) for one in found.variants], found.differences[0].low > 0
    ([0.5, 0.0], True)
    """
    arrays = [strata(list(tasks)) for tasks in variants]
    seeds = _seeds(arrays)
    halves = [_halvings(n, rng) for n in seeds]
    drawn = [count(draw(n, resamples, "bootknife", rng)) for n in seeds]
    counts = [np.hstack([np.ones((len(times), 1)), times]) for times in drawn]
    known = [_cross_fitted(tasks, counts, halves) for tasks in arrays]
    tails = expanded(confidence, sum(n - 1 for n in seeds))
    differences = [a[3] - b[3] for a, b in combinations(known, 2)]
    return Comparison(
        [Tuning(*(_interval(values, tails) for values in of_variant)) for of_variant in known],
        [_interval(values, tails) for values in differences],
    )


def _seeds(arrays: Sequence[Sequence[np.ndarray]]) -> list[int]:
    """How many seeds each task has, in all variants."""
    seeds = [len(scores) for scores in arrays[0]]
    if min(seeds) < FEWEST:
        raise ValueError(f"settings are chosen by half of the seeds and scored by the other, which takes {FEWEST}")
    if any([len(scores) for scores in tasks] != seeds for tasks in arrays):
        raise ValueError("variants that are compared have the same seeds on each task")
    return seeds


def _halvings(n: int, rng: Generator) -> np.ndarray:
    """Which of n seeds choose (the larger half, if one is larger), as masks [halvings, n]: all, or some at random."""
    size = n - n // 2
    if comb(n, size) <= MOST_HALVINGS:
        chosen = np.array(list(combinations(range(n), size)))
    else:
        chosen = np.array([rng.permutation(n)[:size] for _ in range(MOST_HALVINGS)])
    masks = np.zeros((len(chosen), n), dtype=bool)
    np.put_along_axis(masks, chosen, True, axis=1)
    return masks


def _cross_fitted(tasks: Tasks, counts: Sequence[np.ndarray], halves: Sequence[np.ndarray]) -> np.ndarray:
    """The fields of Tuning [5, R], each seed counting so often [seeds, R], averaged over the halvings of each task.

    A halving says nothing without any draws in a half that chooses, and the more the more draws there are to score by.
    """
    sums = np.zeros((2, len(tasks), counts[0].shape[1]))
    weights = np.zeros(sums.shape[1:])
    for n in range(max(map(len, halves))):
        masks = [of_task[n % len(of_task)] for of_task in halves]
        parts = list(zip(tasks, counts, masks, strict=True))
        choosing = [_sums(scores[mask], times[mask]) for scores, times, mask in parts]
        scoring = [_sums(scores[~mask], times[~mask]) for scores, times, mask in parts]
        known = np.logical_and.reduce([draws > 0 for _, draws in choosing])
        means = np.stack([total / np.maximum(draws, 1)[:, None] for total, draws in choosing])
        for kind, chosen in enumerate((means.argmax(axis=2), [means.mean(axis=0).argmax(axis=1)] * len(tasks))):
            for task, (total, _) in enumerate(scoring):
                sums[kind, task] += known * np.take_along_axis(total, chosen[task][:, None], axis=1)[:, 0]
        weights += known * np.stack([draws for _, draws in scoring])
    with np.errstate(invalid="ignore", divide="ignore"):
        tuned, single = (sums / weights).mean(axis=1)
    as_is = np.mean([times.T @ scores[:, 0] / len(scores) for scores, times in zip(tasks, counts, strict=True)], axis=0)
    return np.stack([tuned, single, as_is, tuned - single, tuned - as_is])


def _sums(scores: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sums [R, settings] of scores [seeds, settings] that count so often [seeds, R], and of the counts [R]."""
    return times.T @ scores, times.sum(axis=0)


def _interval(values: np.ndarray, tails: np.ndarray) -> Interval:
    """The interval of resamples, the first of which is the estimate; those of a single seed have no halves, and are
    passed over."""
    low, high = np.nanquantile(values[1:], tails)
    return Interval(float(values[0]), float(low), float(high), float(np.nanstd(values[1:], ddof=1)))


def dimensionality(tasks: Tasks, values: np.ndarray, share: float = 0.95) -> int:
    """How many parameters must be chosen for each task to get a share of what choosing all of them gets.

    The others stay as the setting has them that is best over all tasks (Adkins, Bowling & White 2024; their plots.py).
    Chosen and scored by the same seeds. It can find no more than the settings hold: of settings that differ in one
    parameter from a common one, two of them are seldom combined; of settings that differ in all, it is 0 or all.

    Parameters:
        tasks: [seeds, settings] of each task, normalised
        values: [settings, parameters], by which it is told which settings agree in what
        share: of the tuned score, between 0 and 1
    Returns: a whole number, at most that of the parameters
    >>> scores = [np.array([[0.6, 0.0, 1.0]]), np.array([[0.6, 1.0, 0.0]])]
    >>> dimensionality(scores, np.array([[1, 1], [1, 2], [1, 3]]))
    1
    """
    means = np.stack([np.asarray(scores, dtype=float).mean(axis=0) for scores in tasks])
    same = values == values[means.mean(axis=0).argmax()]
    enough = share * means.max(axis=1).mean()
    for size in range(values.shape[1]):
        for tuned in combinations(range(values.shape[1]), size):
            allowed = np.delete(same, tuned, axis=1).all(axis=1)
            if means[:, allowed].max(axis=1).mean() >= enough:
                return size
    return int(values.shape[1])


def sobol(ranges: Sequence[tuple[float, float]], log: Sequence[bool], points: int, rng: Generator) -> np.ndarray:
    """Settings spread evenly over all ranges at once: a scrambled Sobol sequence (Owen 1998), as scipy has it.

    Parameters:
        ranges: the lower and the upper end of each parameter
        log: of each, whether it is spread by its logarithm; then its ends are positive
        points: a power of two, with which alone the sequence is balanced
        rng: source of the scrambling
    Returns: [points, parameters]
    Raises ValueError: points that are no power of two
    >>> sobol([(1.0, 100.0)], [True], 4, np.random.default_rng(0)).round(1).ravel().tolist()
    [6.6, 32.2, 13.2, 2.0]
    """
    if points < 1 or points & (points - 1):
        raise ValueError(f"a Sobol sequence is balanced at powers of two, not at {points} points")
    ends = np.array([np.log(pair) if by_log else pair for pair, by_log in zip(ranges, log, strict=True)], dtype=float)
    unit = qmc.Sobol(len(ranges), rng=rng).random(points)
    spread = ends[:, 0] + unit * (ends[:, 1] - ends[:, 0])
    return np.where(log, np.exp(spread), spread)

"""Deciding with as few seeds as it takes: a loss against published runs, judged at 3, 5, 7 and 10 own seeds.

At each look, in this order: too many runs have failed (FAIL); nothing is learned (NOT_LEARNED); more than the margin
is lost (FAIL); no more is lost (PASS, or SUSPICIOUSLY_BETTER beyond the margin on the other side). What the first look
that decides says, stands. The levels of a look bound the errors of all of them together: `levels`.

Every function takes one study or many: values are [..., n], and what follows has the shape of what stands before n.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from suite.statistics.equivalence import FAIL, INCONCLUSIVE, PASS, SUSPICIOUSLY_BETTER
from suite.statistics.learned import learned

LOOKS = (3, 5, 7, 10)
NOT_LEARNED = "NOT_LEARNED"
HEALTHY_FAILURES, FAILURE_ALARMS = 0.02, 0.005
"""Where this share of healthy runs fails, no more than that share of healthy studies is failed by their number."""
FEW = 5
"""Published runs: of fewer the spread is taken in part from other sources, and a loss needs less to be a FAIL."""
PRIOR_DF = 8
"""Degrees of freedom that the other sources' spread counts for."""

WARNING = 0.005
"""The level of a warning's p."""


class Levels(NamedTuple):
    """The levels of one look, that bound the errors of all of them together."""

    fail: float  # of p_fail for a FAIL, and of p_better
    passes: float  # of p_pass for a PASS


class Published(NamedTuple):
    """What is published, of one study or of many [...]."""

    mean: ArrayLike  # of the runs, in the unit of returns
    sd: ArrayLike  # sample SD of the runs, in that unit
    n: int  # runs
    df: float  # degrees of freedom of the SD
    error: float = 0.0  # of the mean, known beside the spread, in that unit


class Look(NamedTuple):
    """What n own seeds say, of one study or of many [...]."""

    n: int  # own seeds
    failed: np.ndarray  # runs among them that failed
    lost: np.ndarray  # published - own mean
    error: np.ndarray  # standard error of that
    df: np.ndarray  # degrees of freedom of that
    p_fail: np.ndarray  # of the hypothesis that no more than the margin is lost
    p_pass: np.ndarray  # of the one that more is
    p_better: np.ndarray  # of the one that no more than the margin is gained
    warns: np.ndarray  # the loss seems larger than the margin, and surely is more than a quarter of it
    verdict: np.ndarray  # INCONCLUSIVE where the next look has to decide


def look(
    values: ArrayLike, failed: ArrayLike, published: Published, floor: float, share: float, at: Levels, limit: int
) -> Look:
    """The look at own seeds, by Student's t with the spread of both groups pooled.

    Both have one spread where nothing is wrong; an error known beside it is added to the squared standard error. A
    warning is no FAIL: it comes in a third of the studies that lose just the margin.

    Parameters:
        values: [..., n], one return per seed, 2 or more, a failed run's at the floor
        failed: [..., n], whether that run failed
        published: of numbers or arrays [...]
        floor: the random policy's return
        share: of (published - floor), the margin
        at: the levels of this look
        limit: so many failed runs are a FAIL
    Returns: Look, of numbers or arrays [...]
    >>> of = Published(5_700.0, 460.0, 10, 9)
    >>> str(look([5_500, 5_900, 5_300], [False] * 3, of, -280.0, 0.10, levels(LOOKS, 10), failure_limit(3)).verdict)
    'INCONCLUSIVE'
    >>> str(look([3_500, 3_900, 3_300], [False] * 3, of, -280.0, 0.10, levels(LOOKS, 10), failure_limit(3)).verdict)
    'FAIL'
    """
    values, mean = np.asarray(values, float), np.asarray(published.mean, float)
    n, margin = values.shape[-1], share * (mean - floor)
    lost, error, df = _pooled(values, mean, published)
    p_fail, p_pass, p_better = (_upper_tail(gap, error, df) for gap in (lost - margin, margin - lost, -lost - margin))
    count = np.asarray(failed, bool).sum(axis=-1)
    above = np.maximum(mean, np.nextafter(floor, np.inf))  # what is published may be no better than random by chance
    verdict = np.select(
        [count >= limit, learned(values, floor, above, share) == "not learned", p_fail < at.fail, p_pass >= at.passes,
         p_better < at.fail],
        [FAIL, NOT_LEARNED, FAIL, INCONCLUSIVE, SUSPICIOUSLY_BETTER], PASS,
    )  # fmt: skip
    warns = (lost > margin) & (_upper_tail(lost - margin / 4, error, df) < WARNING)
    return Look(n, count, lost, error, df, p_fail, p_pass, p_better, warns, verdict)


def _pooled(values: np.ndarray, mean: np.ndarray, published: Published) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The loss, its standard error and the degrees of freedom of that, of the spreads of both sides pooled."""
    n, own = values.shape[-1], np.sort(values, axis=-1)  # the order of the seeds must not change the last bit
    df = n - 1 + published.df
    squares = (n - 1) * own.var(axis=-1, ddof=1) + published.df * np.asarray(published.sd, float) ** 2
    sampling = squares / df * (1 / n + 1 / published.n)
    error = np.sqrt(sampling + published.error**2)
    df = df + 0 * error
    if published.error:  # it is known, so that it has no degrees of freedom to lose
        df = df * np.divide(error**2, sampling, where=sampling > 0, out=np.ones_like(error)) ** 2
    return mean - own.mean(axis=-1), error, df


def looks(
    values: ArrayLike, failed: ArrayLike, published: Published, floor: float, share: float, at: Sequence[int] = LOOKS
) -> list[Look]:
    """Every look that the own seeds suffice for.

    Parameters:
        values, failed: [..., seeds], in the order of the seeds, as in `look`
        published, floor, share: as in `look`
        at: numbers of seeds, rising
    Returns: a Look for each number that is no larger than the number of seeds
    >>> of = Published(5_700.0, 460.0, 10, 9)
    >>> [(one.n, str(one.verdict)) for one in looks([5_500, 5_900, 5_300, 5_800, 5_600], [False] * 5, of, -280.0, 0.10)]
    [(3, 'INCONCLUSIVE'), (5, 'PASS')]
    """
    values, failed = np.asarray(values, float), np.asarray(failed, bool)
    level = levels(tuple(at), published.n)
    return [
        look(values[..., :n], failed[..., :n], published, floor, share, level, failure_limit(n))
        for n in at
        if n <= values.shape[-1]
    ]


def deciding(taken: Sequence[Look]) -> np.ndarray:
    """Which look decides.

    Parameters:
        taken: the looks of a study, or of many, in order; one at least
    Returns: the index [...] of the first that is not INCONCLUSIVE, or of the last one where all are
    >>> of = Published(5_700.0, 460.0, 10, 9)
    >>> int(deciding(looks([5_500, 5_900, 5_300, 5_800, 5_600], [False] * 5, of, -280.0, 0.10)))
    1
    """
    decided = np.stack([one.verdict != INCONCLUSIVE for one in taken])
    return np.where(decided.any(axis=0), decided.argmax(axis=0), len(taken) - 1)


@lru_cache
def failure_limit(n: int) -> int:
    """The number of failed runs that is a FAIL: 2 of up to 5, 3 of up to 13, by what healthy runs do.

    Parameters:
        n: runs
    Returns: so many that healthy studies have them in fewer than 1 of 200
    >>> [failure_limit(n) for n in LOOKS]
    [2, 2, 3, 3]
    """
    return next(k for k in range(1, n + 2) if stats.binom.sf(k - 1, n, HEALTHY_FAILURES) <= FAILURE_ALARMS)


@lru_cache
def levels(at: tuple[int, ...], published: int) -> Levels:
    """The levels of every look: .0124 (.0142 against fewer than 5 published runs) and .026 of the four usual ones.

    Other looks get the levels at which all together err as often as these four would, where exactly the margin is lost.

    Parameters:
        at: the numbers of seeds at which there is a look
        published: runs
    Returns: Levels
    >>> levels(LOOKS, 10), [round(level, 3) for level in levels((5,), 10)]
    (Levels(fail=0.0124, passes=0.026), [0.029, 0.056])
    """
    usual = Levels(0.0124 if published >= FEW else 0.0142, 0.026)
    if at == LOOKS:
        return usual
    return Levels(*(_same_error(level, at, published) for level in usual))


def shrunk(sd: ArrayLike, n: int, others: float | None) -> tuple[np.ndarray, int]:
    """Published SDs and their degrees of freedom, of few runs shrunk to what other sources have.

    Parameters:
        sd: sample SDs of the published runs, in the unit of returns
        n: published runs; of 5 and more the SD stands as it is
        others: the SD that other sources have at this task and step, which counts for 8 degrees of freedom; None: none
    Returns: SDs and their degrees of freedom
    >>> [(round(float(sd)), df) for sd, df in (shrunk(300.0, 10, 500.0), shrunk(300.0, 3, 500.0))]
    [(300, 9), (467, 10)]
    """
    sd = np.asarray(sd, float)
    if n >= FEW or others is None:
        return sd, n - 1
    df = n - 1 + PRIOR_DF
    return np.sqrt(((n - 1) * sd**2 + PRIOR_DF * others**2) / df), df


def _upper_tail(gap: np.ndarray, error: np.ndarray, df: np.ndarray) -> np.ndarray:
    """P(T > gap / error) of Student's t; without any spread 1/2 at no gap, else 0 or 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(error > 0, gap / error, np.where(gap == 0, 0.0, np.sign(gap) * np.inf))
    return special.stdtr(df, -t)


def _same_error(level: float, at: tuple[int, ...], published: int) -> float:
    wanted = _any_look(level, LOOKS, published)
    return float(optimize.brentq(lambda one: _any_look(one, at, published) - wanted, 1e-5, 0.3, xtol=1e-6))


def _any_look(level: float, at: tuple[int, ...], published: int) -> float:
    """How often any look errs at that level, where each statistic is normal: looks share their seeds and the published
    runs, so that two of them correlate by the root of the ratio of their variances."""
    variances = np.array([1 / n + 1 / published for n in at])
    correlation = np.sqrt(np.minimum.outer(variances, variances) / np.maximum.outer(variances, variances))
    normal = stats.multivariate_normal(np.zeros(len(at)), correlation, seed=0)
    return 1 - float(normal.cdf(np.full(len(at), stats.norm.isf(level))))

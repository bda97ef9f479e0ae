"""Effects in a two-level factorial, of one task or over many, for unequal numbers of runs and unequal variances.

`cells` maps the levels (0 or 1, one per factor) to the scores [runs] of one task; `tasks` is a sequence of cells of
equally normalised scores, one per task, and every task weighs the same. Every effect is a contrast of cell means: its
error adds the cells' variances, its degrees of freedom are Welch-Satterthwaite's. With a cell of a single run its
spread is unknown and everything but the estimate is NaN. The runs are sorted first, so the order of seeds changes
nothing.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations, product
from string import ascii_uppercase
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.regression.mixed_linear_model import MixedLM

from suite.statistics.aggregate import strata

Key = tuple[int, ...]  # a cell's levels, 0 or 1, one per factor
Cells = Mapping[Key, np.ndarray | Sequence[float]]
Names = Sequence[str] | None  # of the factors; "A", "B", ... if None
Weigh = Callable[[Sequence[str]], tuple[list[str], np.ndarray]]
"""From the factors' names to those of the effects and their weights [effects, cells] of the cells' means."""


class Effect(NamedTuple):
    """One effect with its interval."""

    name: str  # of a factor, "A × B" of an interaction, "A | B=0" of a simple effect
    estimate: float  # in the unit of the scores, as all but df and p
    standard_error: float  # of the estimate
    df: float  # degrees of freedom; infinite where the limits are a normal distribution's
    low: float  # where its interval begins
    high: float  # where it ends
    p: float  # two-sided, not adjusted; NaN if no cell varies


class Mixed(NamedTuple):
    """The fit of a mixed model."""

    effects: list[Effect]  # with normal intervals
    task_variance: float  # between tasks, in the squared unit of the scores
    residual_variance: float  # within tasks, in that unit
    note: str  # what the fit complained of, or ""


class Pair(NamedTuple):
    """Two cells that differ in one factor alone."""

    factor: str  # the name of the one that differs
    held: tuple[tuple[str, int], ...]  # name and level, 0 or 1, of each of the others
    low: Key  # the key of the cell with the factor at level 0
    high: Key  # and of the one with the factor at level 1


def contrasts(cells: Cells, factors: Names = None, confidence: float = 0.95) -> list[Effect]:
    """All 2^k - 1 main effects and interactions, main effects first.

    A main effect is the mean score at level 1 minus that at level 0, over all levels of the others; an interaction is
    half the difference between one factor's effect at level 1 and at level 0 of the other (Box, Hunter & Hunter 2005,
    ch. 5).

    Parameters:
        cells: levels -> scores [runs], of one task
        factors: names of the k factors; "A", "B", ... if None
        confidence: of the two-sided intervals, between 0 and 1
    Returns: one Effect each, in the unit of the scores, with Student's limits
    Raises ValueError: a missing or empty cell (it is named), a key that does not fit, a score that is NaN or infinite
    >>> cells = {(0, 0): [1, 3], (0, 1): [2, 4], (1, 0): [5, 7], (1, 1): [8, 10]}
    >>> [(effect.name, effect.estimate, round(effect.low, 2)) for effect in contrasts(cells)]
    [('A', 5.0, 2.22), ('B', 2.0, -0.78), ('A × B', 1.0, -1.78)]
    """
    return _averaged([cells], factors, _contrast_weights, confidence)[0]


def pairs(cells: Cells, factors: Names = None) -> list[Pair]:
    """The pairs of cells with runs that differ in one factor alone, in the order of `simple_effects`.

    Parameters:
        cells: levels -> scores [runs], of one task
        factors: names of the factors; "A", "B", ... if None
    Returns: one Pair for each simple effect, the first factor's first
    Raises ValueError: no cell, or a key that does not fit
    >>> pairs({(0, 0): [1, 3], (1, 0): [5, 7], (0, 1): [2, 4]})[0]
    Pair(factor='A', held=(('B', 0),), low=(0, 0), high=(1, 0))
    """
    names = _factors([cells], factors)
    keys = _with_runs(cells, len(names))
    differing = []
    for place, factor in enumerate(names):
        for low in keys:
            high = (*low[:place], 1, *low[place + 1 :])
            if low[place] == 0 and high in keys:
                levels = tuple(zip(names, low, strict=True))
                differing.append(Pair(factor, levels[:place] + levels[place + 1 :], low, high))
    return differing


def simple_effects(cells: Cells, factors: Names = None, confidence: float = 0.95) -> list[Effect]:
    """The effect of each factor with all others held, wherever both of its cells have runs: any subset has these.

    Parameters:
        cells, factors, confidence: as in `contrasts`
    Returns: one Effect each, in the unit of the scores, named as in "T | C=0, K=1"; `pairs` has the parts of the name
    Raises ValueError: no two cells with runs differ in one factor alone, else as `contrasts` does
    >>> effects = simple_effects({(0, 0): [1, 3], (1, 0): [5, 7], (0, 1): [2, 4]})
    >>> [(effect.name, effect.estimate) for effect in effects]
    [('A | B=0', 4.0), ('B | A=0', 1.0)]
    """
    differing = pairs(cells, factors)
    if not differing:
        raise ValueError("a simple effect needs two cells with runs that differ in one factor alone, here are none")
    keys = _with_runs(cells, len(differing[0].low))
    names = [f"{pair.factor} | {_levels(pair.held)}" if pair.held else pair.factor for pair in differing]
    weights = [[(key == pair.high) - (key == pair.low) for key in keys] for pair in differing]
    return _contrasts_of_means(names, np.array(weights), strata([np.sort(cells[key]) for key in keys]), confidence)


def shapley(cells: Cells, factors: Names = None, confidence: float = 0.95) -> list[Effect]:
    """What each factor contributes to the gap between the cell of all ones and that of all zeros: the sum is the gap.

    A factor's part is its simple effect averaged over all orders of switching the factors on (Shapley 1953).

    Parameters:
        cells, factors, confidence: as in `contrasts`
    Returns: one Effect per factor, in the unit of the scores, with Student's limits
    >>> cells = {(0, 0): [1, 3], (0, 1): [2, 4], (1, 0): [5, 7], (1, 1): [8, 10]}
    >>> [(effect.name, effect.estimate) for effect in shapley(cells)]
    [('A', 5.0), ('B', 2.0)]
    """
    return suite_shapley([cells], factors, confidence)


def suite_contrasts(
    tasks: Sequence[Cells], factors: Names = None, confidence: float = 0.95, *, resamples: int = 10_000, rng: Generator
) -> list[Effect]:
    """The main effects and interactions averaged over tasks, with Student's limits and a permutation test.

    p permutes seeds within each task and each combination of the factors outside the effect and compares the
    studentised effect: (b + 1) / (resamples + 1), b being the permutations that are at least as extreme. For a main
    effect the test is exact. For an interaction it is approximate: the lower-order effects of its own factors are
    first taken out of every such block, so that what is permuted are residuals of the model without the interaction
    (Freedman & Lane 1983).

    Parameters:
        tasks: cells of each task, equally normalised
        factors, confidence: as in `contrasts`
        resamples, rng: permutations of p; source of the draws
    Returns: one Effect each, in the unit of the scores
    >>> task = {(0,): [1.0, 2, 3, 4], (1,): [11.0, 12, 13, 15]}
    >>> (effect,) = suite_contrasts([task, task], ["twin"], resamples=99, rng=np.random.default_rng(0))
    >>> effect.name, effect.estimate, effect.p, round(effect.low, 2)
    ('twin', 10.25, 0.01, 8.59)
    """
    effects, scores = _averaged(tasks, factors, _contrast_weights, confidence)
    k = len(next(iter(tasks[0])))
    return [
        effect._replace(p=_permutation_p(scores, of, k, resamples, rng))
        for effect, of in zip(effects, _subsets(k), strict=True)
    ]


def suite_pairs(tasks: Sequence[ArrayLike], name: str = "difference", confidence: float = 0.95) -> Effect:
    """The mean over tasks of the mean difference within pairs, every task weighing the same.

    Parameters:
        tasks: of each task the differences within its pairs [n], equally normalised
        name: of the effect
        confidence: of the two-sided interval, between 0 and 1
    Returns: Effect, in the unit of the scores, with Student's limits (Welch-Satterthwaite over tasks) and p
    Raises ValueError: no task, or a difference that is NaN or infinite
    >>> effect = suite_pairs([[1.0, 2.0, 3.0], [4.0, 6.0, 8.0]])
    >>> effect.estimate, round(effect.low, 2), round(effect.high, 2)
    (4.0, 1.92, 6.08)
    """
    differences = strata([np.sort(np.asarray(task, float)) for task in tasks])
    weights = np.full((1, len(differences)), 1 / len(differences))
    return _contrasts_of_means([name], weights, differences, confidence)[0]


def suite_shapley(tasks: Sequence[Cells], factors: Names = None, confidence: float = 0.95) -> list[Effect]:
    """Each factor's Shapley part of the gap, averaged over tasks.

    Parameters:
        tasks, factors, confidence: as in `suite_contrasts`
    Returns: one Effect per factor, in the unit of the scores, with Student's limits and p
    >>> cells = {(0,): [0.0, 1.0], (1,): [0.0, 2.0]}
    >>> (effect,) = suite_shapley([cells, cells])
    >>> effect.estimate, round(effect.low, 2), round(effect.high, 2)
    (0.5, -2.04, 3.04)
    """
    return _averaged(tasks, factors, _shapley_weights, confidence)[0]


def regression(tasks: Sequence[Cells], factors: Names = None, confidence: float = 0.95) -> list[Effect]:
    """The effects by least squares with an intercept per task and HC3 errors (MacKinnon & White 1985): a cross-check.

    Every run is a row, every effect a column of +-1/2, so that with equal numbers of runs the estimates are those of
    `suite_contrasts`; with unequal ones a task weighs by its runs.

    Parameters:
        tasks, factors, confidence: as in `suite_contrasts`
    Returns: one Effect each, in the unit of the scores; df: the residual ones. Where the model fits a run exactly, as
        the only one of its cell and task, all but the estimate is NaN
    >>> (effect,) = regression([{(0,): [4, 7, 8, 6, 3, 2], (1,): [6, 8, 7, 10]}])
    >>> round(effect.estimate, 2), round(effect.standard_error, 3), effect.df
    (2.75, 1.446, 8.0)
    """
    names, values, columns, task = _rows(tasks, factors)
    columns = np.hstack([columns, np.eye(len(tasks))[task]])
    with np.errstate(divide="ignore", invalid="ignore"):
        fit = OLS(values, columns).fit(cov_type="HC3")
    leverage = (columns * fit.model.pinv_wexog.T).sum(axis=1)
    error = fit.bse[: len(names)] if leverage.max() < 1 - 1e-9 else np.full(len(names), np.nan)
    return _named(names, fit.params[: len(names)], error, np.full(len(names), fit.df_resid), confidence)


def mixed(tasks: Sequence[Cells], factors: Names = None, confidence: float = 0.95) -> Mixed:
    """The effects with a normally distributed intercept per task (REML; Laird & Ware 1982): secondary to `regression`.

    A handful of tasks cannot tell the variance between tasks; whatever the fit warned of is in the note.

    Parameters:
        tasks, factors, confidence: as in `suite_contrasts`; two tasks or more
    Returns: Mixed, in the unit of the scores
    Raises ValueError: a single task, else as `contrasts` does
    >>> tasks = [{(0,): [t, t + 1.0, t + 2.0], (1,): [t + 3.0, t + 3.5, t + 5.5]} for t in (0, 4, 9, 15)]
    >>> [round(effect.estimate, 3) for effect in mixed(tasks).effects]
    [3.0]
    """
    if len(tasks) < 2:
        raise ValueError("a random intercept per task needs at least two tasks, here is one")
    names, values, columns, task = _rows(tasks, factors)
    design = np.column_stack([np.ones(len(values)), columns])
    estimates, errors, task_variance, residual_variance, note = _fit_mixed(values, design, task)
    effects = _named(names, estimates[1:], errors[1:], np.full(len(names), np.inf), confidence)
    return Mixed(effects, task_variance, residual_variance, note)


def _factors(tasks: Sequence[Cells], factors: Names) -> list[str]:
    """The factors' names, after every cell's key was found to have a level for each."""
    keys = [key for cells in tasks for key in cells]
    if not keys:
        raise ValueError("a factorial needs at least one cell of scores, keyed by the factors' levels")
    names = list(ascii_uppercase[: len(keys[0])] if factors is None else factors)
    wrong = [key for key in keys if len(key) != len(names) or not set(key) <= {0, 1}]
    if wrong or not names:
        raise ValueError(f"a cell's key has one level, 0 or 1, for each of {len(names)} factors, not {wrong[0]}")
    return names


def _with_runs(cells: Cells, k: int) -> list[Key]:
    """The keys of the cells with runs, the last factor changing fastest."""
    return [key for key in product((0, 1), repeat=k) if len(cells.get(key, ()))]


def _levels(pairs: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{factor}={level}" for factor, level in pairs)


def _complete(tasks: Sequence[Cells], factors: Sequence[str]) -> list[np.ndarray]:
    """The sorted scores of all cells, task by task, the last factor changing fastest."""
    keys = list(product((0, 1), repeat=len(factors)))
    missing = [
        _levels(zip(factors, key, strict=True)) + (f" of task {number}" if len(tasks) > 1 else "")
        for number, cells in enumerate(tasks, start=1)
        for key in keys
        if not len(cells.get(key, ()))
    ]
    if missing:
        raise ValueError(f"a factorial needs runs in every cell, none are in: {'; '.join(missing)}")
    return strata([np.sort(cells[key]) for cells in tasks for key in keys])


def _subsets(k: int) -> list[tuple[int, ...]]:
    """The places of the factors in each effect, main effects first."""
    return [of for size in range(1, k + 1) for of in combinations(range(k), size)]


def _contrast_weights(factors: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Names of the main effects and interactions, and their weights [effects, cells] of the cell means."""
    k = len(factors)
    sign = 2 * np.array(list(product((0, 1), repeat=k))) - 1
    weights = [sign[:, of].prod(axis=1) / 2 ** (k - 1) for of in _subsets(k)]
    return [" × ".join(factors[place] for place in of) for of in _subsets(k)], np.array(weights)


def _shapley_weights(factors: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Names and weights [factors, cells]: after s others a factor comes next in s! (k - s - 1)! of the k! orders."""
    k = len(factors)
    keys = np.array(list(product((0, 1), repeat=k)))
    before = keys.sum(axis=1, keepdims=True) - keys  # the other factors that are on, when this one is switched on
    orders = np.array([math.factorial(s) * math.factorial(k - s - 1) for s in range(k)])
    return list(factors), ((2 * keys - 1) * orders[before] / math.factorial(k)).T


def _averaged(
    tasks: Sequence[Cells], factors: Names, weigh: Weigh, confidence: float
) -> tuple[list[Effect], list[np.ndarray]]:
    """The effects averaged over tasks, and the scores of all the cells."""
    factors = _factors(tasks, factors)
    names, weights = weigh(factors)
    weights, scores = np.tile(weights, len(tasks)) / len(tasks), _complete(tasks, factors)
    return _contrasts_of_means(names, weights, scores, confidence), scores


def _contrasts_of_means(
    names: Sequence[str], weights: np.ndarray, scores: list[np.ndarray], confidence: float
) -> list[Effect]:
    """weights [effects, cells] applied to the cells' means, errors with Welch-Satterthwaite degrees of freedom."""
    n = np.array([len(runs) for runs in scores])
    parts = np.where(weights == 0, 0, weights**2 * [_variance(runs) for runs in scores] / n)
    total = parts.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = 1 / ((parts / total) ** 2 / np.maximum(n - 1, 1)).sum(axis=1)
    df = np.where(total[:, 0] == 0, np.inf, df)
    return _named(names, weights @ [runs.mean() for runs in scores], np.sqrt(total[:, 0]), df, confidence)


def _variance(runs: np.ndarray) -> float:
    """Of a single score it is unknown; equal ones have none, whatever rounding says."""
    if len(runs) < 2:
        return math.nan
    return runs.var(ddof=1) if np.ptp(runs) > 0 else 0.0


def _named(
    names: Sequence[str], estimate: np.ndarray, error: np.ndarray, df: np.ndarray, confidence: float
) -> list[Effect]:
    """Effects with Student's limits and p from estimates, standard errors and degrees of freedom, all [effects]."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    half = stats.t.ppf((1 + confidence) / 2, df) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(error > 0, 2 * stats.t.sf(abs(estimate) / error, df), np.nan)
    columns = np.column_stack([estimate, error, df, estimate - half, estimate + half, p])
    return [Effect(name, *row) for name, row in zip(names, columns.tolist(), strict=True)]


def _permutation_p(scores: list[np.ndarray], of: Sequence[int], k: int, resamples: int, rng: Generator) -> float:
    """The permutation p of the effect of the factors at the places `of`, averaged over tasks: see `suite_contrasts`."""
    if min(map(len, scores)) < 2:
        return math.nan
    estimate, variance = np.zeros(resamples + 1), np.zeros(resamples + 1)  # in the first place: as observed
    for cells in _blocks(scores, of, k):
        signs, n = np.array([sign for sign, _ in cells]), np.array([len(runs) for _, runs in cells])
        means = np.array([runs.mean() for _, runs in cells])
        reduced = means - signs * (signs @ means) / len(signs)
        residual = np.concatenate([runs for _, runs in cells]) - np.repeat(reduced, n)
        drawn = np.vstack([residual, rng.permuted(np.tile(residual, (resamples, 1)), axis=1)])
        for sign, part in zip(signs, np.split(drawn, np.cumsum(n)[:-1], axis=1), strict=True):
            estimate += sign * part.mean(axis=1)
            variance += part.var(axis=1, ddof=1) / part.shape[1]
    rounding = 1e-12 * max(abs(runs).max() for runs in scores)
    estimate = np.where(abs(estimate) > rounding, abs(estimate), 0)
    error = np.sqrt(np.where(variance > rounding**2, variance, 0))
    statistic = np.divide(estimate, error, out=np.where(estimate > 0, np.inf, 0.0), where=error > 0)
    extreme = (statistic[1:] >= statistic[0] * (1 - 1e-9)).sum()  # equal but for rounding counts as equal
    return float((extreme + 1) / (resamples + 1))


def _blocks(scores: list[np.ndarray], of: Sequence[int], k: int) -> Iterable[list[tuple[int, np.ndarray]]]:
    """The cells, each as its sign in the effect and its runs, by task and levels of the factors outside the effect."""
    keys = list(product((0, 1), repeat=k))
    blocks: dict[Key, list[tuple[int, np.ndarray]]] = {}
    for at, runs in enumerate(scores):
        task, key = at // len(keys), keys[at % len(keys)]
        block = (task, *(level for place, level in enumerate(key) if place not in of))
        blocks.setdefault(block, []).append((math.prod(2 * key[place] - 1 for place in of), runs))
    return blocks.values()


def _rows(tasks: Sequence[Cells], factors: Names) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """The effects' names, and of every run its score [N], the effects' columns of +-1/2 [N, effects], its task [N]."""
    factors = _factors(tasks, factors)
    scores = _complete(tasks, factors)
    names, weights = _contrast_weights(factors)
    n = [len(runs) for runs in scores]
    columns = np.repeat(np.tile(np.sign(weights) / 2, len(tasks)).T, n, axis=0)
    return names, np.concatenate(scores), columns, np.repeat(np.arange(len(scores)) // 2 ** len(factors), n)


def _fit_mixed(
    values: np.ndarray, columns: np.ndarray, group: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float, float, str]:
    """REML fit of a random intercept per group: fixed effects, their errors, both variances, and what went wrong."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fit = MixedLM(values, columns, groups=group).fit()
        except np.linalg.LinAlgError as failure:
            unknown = np.full(columns.shape[1], np.nan)
            return unknown, unknown, math.nan, math.nan, f"the mixed model could not be fitted: {failure}"
    note = "; ".join(dict.fromkeys(str(warning.message) for warning in caught))
    return fit.fe_params, fit.bse_fe, float(fit.cov_re[0, 0]), float(fit.scale), note

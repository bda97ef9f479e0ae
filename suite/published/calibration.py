"""Coverage and error rates of the statistics on SAC's own curves, by simulation: `data/calibration.csv`.

A study draws its seeds from published SAC curves, standardised per task and checkpoint (`data/shapes.csv`, made
by `derive`), and asks whether the interval holds the truth or the test rejects. There are two populations of curves.
"pooled": the curves of all tasks in one, so that their shapes mix: large and mild. "one task": each study first draws
a task, then seeds of that task alone, as a real study does; what one seed in ten does is then missing from many
studies, which is where intervals fail. Over several tasks every task of a study has a shape of its own. `python -m
suite.published.calibration` measures again, or with names of quantities these alone.
"""

from __future__ import annotations

import math
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.random import Generator
from scipy import stats

from suite.lab.signals import go_with
from suite.statistics import (
    aggregate,
    bootstrap,
    curves,
    equivalence,
    factorial,
    failures,
    power,
    reliability,
    two_samples,
)

TABLE = Path(__file__).parent / "data" / "calibration.csv"
SHAPES = TABLE.with_name("shapes.csv")  # where its columns come from: shapes.md
PUBLISHED = ("jaxrl", "mushroomrl_bench", "tianshou_v0")
FEWEST_SEEDS = 10
MEANS, LAST = 20, 50  # checkpoints of a curve of window means, and of one of single evaluations
SCORE = 0  # columns of a task's array
CURVE = {MEANS: slice(1, 1 + MEANS), LAST: slice(1 + MEANS, None)}
STUDIES = 3_000
CHUNK = 50  # studies on one stream of random numbers
RESAMPLES = 1_000
CONFIDENCE, ALPHA = 0.95, 0.05
TEST_CONFIDENCE = 1 - 2 * ALPHA  # of the intervals that verdicts are read from
CONTENT = 0.90  # of a tolerance interval
PUBLISHED_SEEDS = 10  # of a published side
FAILING = 0.2  # the share of runs that fails
BOOTKNIFE = "bootknife"
POOLED, ONE_TASK, NORMAL = "pooled", "one task", "normal"
COVERAGE, ERROR, POWER = "coverage", "error rate", "power"


# Normalised scores of the papers' five tasks (Ant, HalfCheetah, Hopper, Humanoid, Walker2d): tianshou's mean final
# return over jaxrl's, and the coefficient of variation over seeds, averaged over both.
LEVELS = np.array([1.37, 1.09, 1.20, 1.11, 1.07])
SPREADS = LEVELS * [0.135, 0.050, 0.127, 0.055, 0.083]
SHARED = 0.5  # correlation over seeds of two arms whose seeds are pairs
IMPROVEMENT = 0.5  # SDs between the two groups whose probability of improvement is estimated
TAUS = np.arange(0.5, 1.8, 0.04)  # of a performance profile
MARGINS = dict.fromkeys((5, 10), 1.5)  # of equivalence, in SDs, by number of seeds: of groups that are just apart,
POWER_MARGINS = {5: 1.5, 10: 1.0, 20: 1.0}  # and of groups that are equal


class Row(NamedTuple):
    """One measured coverage, error rate or power with its Monte-Carlo standard error, and what it should be.

    met: a coverage is at least its target; an error rate exceeds it by at most 3 errors; a power is within 3 of it.
    """

    quantity: str
    kind: str
    method: str
    population: str
    tasks: int
    n: int
    nominal: float | None
    measured: float
    mcse: float
    studies: int
    target: float | None
    met: bool | None


class Setting(NamedTuple):
    """What studies are drawn from: the shapes of a population's tasks; and how many tasks, and seeds of each."""

    shapes: list[np.ndarray]
    tasks: int
    n: int


class Quantity(NamedTuple):
    """What is measured; targets by seeds n."""

    name: str
    kind: str
    method: str
    hits: Callable[[Setting, int, Generator], int]
    """In how many of so many studies the interval covers or the test rejects."""
    targets: Mapping[int, float | None]
    populations: tuple[str, ...] = (POOLED, ONE_TASK)
    times: float = 1  # as many studies as the others have: more where a coverage is near its target
    tasks: tuple[int, ...] = (1,)
    confidence: float | None = None  # CONFIDENCE, if it is no other


def measured(quantity: str, n: int, population: str | None = None, tasks: int = 1) -> Row | None:
    """The committed row, or None if there is none; without a population named, of the one most like a study."""
    order = [population] if population else [ONE_TASK, POOLED, NORMAL]
    return next((row for name in order if (row := committed().get((quantity, name, tasks, n)))), None)


def nearest(quantity: str, n: int, tasks: int = 1) -> Row | None:
    """The committed row of the most tasks, and then the most seeds, that are no more than these; of fewer seeds than
    were measured, of the fewest that were."""
    sizes = {(row.tasks, row.n) for row in committed().values() if row.quantity == quantity and row.tasks <= tasks}
    if not sizes or n < 2:
        return None
    most = max(sizes)[0]
    seeds = sorted(size for of_tasks, size in sizes if of_tasks == most)
    return measured(quantity, max((size for size in seeds if size <= n), default=seeds[0]), tasks=most)


@cache
def committed() -> dict[tuple[str, str, int, int], Row]:
    """The rows of the table by quantity, population, tasks and seeds."""
    table = pd.read_csv(TABLE).astype(object)
    rows = [Row(*values) for values in table.where(table.notna(), None).itertuples(index=False)]
    return {row[:1] + row[3:6]: row for row in rows}


def derive(folder: Path) -> pd.DataFrame:
    """Standardised curves of every published task with at least 10 seeds: source, env, seed and the columns of a shape.

    folder: of the files PUBLISHED.csv with columns env, seed, step, value. "final" is the mean over the last tenth of
    the budget; "mean_5", "mean_10" ... the mean over the 5 % of the budget that end there; "last_2", "last_4" ... the
    last evaluation in the 2 % that end there. Of each, the mean over the task's seeds is taken off and the sample SD
    divided out. Tasks evaluated less often are left out, and those whose seeds all agree somewhere.
    """
    parts = []
    for source in PUBLISHED:
        for env, runs in pd.read_csv(Path(folder) / f"{source}.csv").groupby("env"):
            shape = _shape(runs.pivot(index="step", columns="seed", values="value").sort_index())
            if shape is not None:
                parts.append(shape.reset_index().assign(source=source, env=env))
    return pd.concat(parts)[["source", "env", "seed", "final", *_WINDOWS]]


_WINDOWS = {f"mean_{at}": (at, 5) for at in range(5, 101, 5)} | {f"last_{at}": (at, 2) for at in range(2, 101, 2)}
"""Column -> end and width, in percent of the budget, of the window that it is taken from."""


def _shape(curves: pd.DataFrame) -> pd.DataFrame | None:
    """A task's standardised columns [seeds, columns] from its evaluations [steps, seeds]; None if it is left out."""
    percent = 100 * curves.index / curves.index[-1]
    columns = {"final": curves[percent > 90].mean()}
    for name, (at, width) in _WINDOWS.items():
        window = curves[(percent > at - width) & (percent <= at)]
        columns[name] = (window if name.startswith("mean") else window.tail(1)).mean()
    values = pd.DataFrame(columns)
    if len(values) < FEWEST_SEEDS or values.isna().any(axis=None) or not (np.ptp(values, axis=0) > 0).all():
        return None
    return ((values - values.mean()) / values.std()).round(3)


@cache
def tasks(population: str) -> list[np.ndarray]:
    """The tasks of a population, [seeds, score and checkpoints] each; "pooled" is a single one, "normal" has none."""
    if population == NORMAL:
        return []
    shapes = [task.iloc[:, 3:].to_numpy() for _, task in pd.read_csv(SHAPES).groupby(["source", "env"])]
    return [np.concatenate(shapes)] if population == POOLED else shapes


def _one_task(tasks: list[np.ndarray], columns: int | slice, rng: Generator) -> np.ndarray:
    return tasks[rng.integers(len(tasks))][:, columns]


def _drawn(task: np.ndarray, n: int, rng: Generator) -> np.ndarray:
    return task[rng.integers(len(task), size=n)]


def _equal_groups(tasks: list[np.ndarray], columns: int | slice, n: int, rng: Generator) -> np.ndarray:
    """Two groups [2, n, ...] of different seeds of one task, drawn from those with enough of them."""
    task = _one_task([task for task in tasks if len(task) >= 2 * n], columns, rng)
    return task[rng.permutation(len(task))[: 2 * n]].reshape(2, n, *task.shape[1:])


def _one_by_one(study: Callable[[list[np.ndarray], int, Generator], bool]) -> Callable[[Setting, int, Generator], int]:
    """The hits of a study(shapes, n, rng) of one task."""

    def hits(setting: Setting, studies: int, rng: Generator) -> int:
        return sum(bool(study(setting.shapes, setting.n, rng)) for _ in range(studies))

    return hits


def _several_tasks(setting: Setting, rng: Generator) -> list[np.ndarray]:
    """Normalised scores of some of the five tasks: each with the shape of a task of its own, or all with the only
    one's."""
    shapes, which = setting.shapes, rng.permutation(len(LEVELS))[: setting.tasks]
    own = rng.permutation(len(shapes))[: setting.tasks] if len(shapes) > 1 else [0] * setting.tasks
    return [LEVELS[at] + SPREADS[at] * shapes[i][:, SCORE] for at, i in zip(which, own, strict=True)]


def _over_tasks(statistic: Callable[..., Any], scheme: str, setting: Setting, studies: int, rng: Generator) -> int:
    """All studies share their draws of which runs make up a resample."""
    populations = [_several_tasks(setting, rng) for _ in range(studies)]
    scores = [
        np.stack([_drawn(task, setting.n, rng) for task in of_task], axis=1)
        for of_task in zip(*populations, strict=True)
    ]
    options: dict[str, Any] = {"scheme": scheme, "confidence": CONFIDENCE, "resamples": RESAMPLES}
    interval = bootstrap.stratified(scores, statistic, rng=rng, **options)
    true = np.array([statistic(tasks) for tasks in populations])
    return int(((interval.low <= true) & (true <= interval.high)).sum())


def _mean_over_tasks(setting: Setting, studies: int, rng: Generator) -> int:
    hits = 0
    for _ in range(studies):
        population = _several_tasks(setting, rng)
        interval = aggregate.student([_drawn(task, setting.n, rng) for task in population], CONFIDENCE)
        hits += bool(interval.low <= aggregate.mean(population) <= interval.high)
    return hits


def _profile(setting: Setting, studies: int, rng: Generator) -> int:
    hits = 0
    for _ in range(studies):
        population = _several_tasks(setting, rng)
        band = curves.profile_band([_drawn(task, setting.n, rng) for task in population], TAUS, CONFIDENCE, RESAMPLES,
                                   rng)  # fmt: skip
        true = aggregate.performance_profile(population, TAUS)
        hits += bool(((band.low <= true + 1e-12) & (true <= band.high + 1e-12)).all())
    return hits


def _improvement(setting: Setting, studies: int, rng: Generator) -> int:
    hits, statistic = 0, aggregate.probability_of_improvement
    for _ in range(studies):
        better = _several_tasks(setting, rng)
        worse = [task - IMPROVEMENT * task.std() for task in better]
        x, y = ([_drawn(task, setting.n, rng) for task in side] for side in (better, worse))
        interval = bootstrap.two_sample(x, y, statistic, confidence=CONFIDENCE, resamples=RESAMPLES, rng=rng)
        hits += bool(interval.low <= statistic(better, worse) <= interval.high)
    return hits


def _effect(factors: int, share: bool, setting: Setting, studies: int, rng: Generator) -> int:
    """The first factor's main effect, or Shapley share, over tasks: every cell has the shape of a task of its own."""
    keys, hits = list(product((0, 1), repeat=factors)), 0
    for _ in range(studies):
        cells = [{key: _one_task(setting.shapes, SCORE, rng) for key in keys} for _ in range(setting.tasks)]
        drawn = [{key: _drawn(task, setting.n, rng) for key, task in of_task.items()} for of_task in cells]
        if share:
            effect, true = factorial.suite_shapley(drawn)[0], factorial.suite_shapley(cells)[0]
        else:
            effect, true = (factorial.suite_contrasts(one, resamples=1, rng=rng)[0] for one in (drawn, cells))
        hits += effect.low <= true.estimate <= effect.high
    return hits


def _pairs(confidence: float, setting: Setting, studies: int, rng: Generator) -> int:
    """The mean difference seed by seed over tasks, of two arms whose seeds correlate by SHARED."""
    hits = 0
    for _ in range(studies):
        arms = [[_one_task(setting.shapes, SCORE, rng) for _ in "xy"] for _ in range(setting.tasks)]
        differences, true = [], 0.0
        for common, own in arms:  # y is SHARED of x's seed and the rest its own
            x, rest = _drawn(common, setting.n, rng), _drawn(own, setting.n, rng)
            differences.append((1 - SHARED) * x - math.sqrt(1 - SHARED**2) * rest)
            true += ((1 - SHARED) * common.mean() - math.sqrt(1 - SHARED**2) * own.mean()) / setting.tasks
        effect = factorial.suite_pairs(differences, confidence=confidence)
        hits += effect.low <= true <= effect.high
    return hits


def _mean(studentised: bool, tasks: list[np.ndarray], n: int, rng: Generator) -> bool:
    task = _one_task(tasks, SCORE, rng)
    scores = _drawn(task, n, rng)
    interval = aggregate.student(scores, CONFIDENCE)
    if studentised:
        interval = bootstrap.studentised_mean(scores, CONFIDENCE, RESAMPLES, rng)
    return interval.low <= task.mean() <= interval.high


def _difference(confidence: float, n_other: int | None, tasks: list[np.ndarray], n: int, rng: Generator) -> bool:
    """Welch's interval of two groups, each with the shape of a task of its own."""
    x, y = (_one_task(tasks, SCORE, rng) for _ in "xy")
    test = two_samples.welch(_drawn(x, n, rng), _drawn(y, n_other or n, rng), confidence)
    return test.low <= x.mean() - y.mean() <= test.high


def _superiority(tasks: list[np.ndarray], n: int, rng: Generator) -> bool:
    x, y = (_one_task(tasks, SCORE, rng) for _ in "xy")
    x = x + IMPROVEMENT
    test = two_samples.brunner_munzel(_drawn(x, n, rng), _drawn(y, n, rng), CONFIDENCE)
    return bool(test.low <= aggregate.probability_of_improvement([x], [y]) <= test.high)


def _prediction(tasks: list[np.ndarray], n: int, rng: Generator) -> bool:
    task = _one_task(tasks, SCORE, rng)
    (further,) = _drawn(task, 1, rng)
    return equivalence.prediction_check(two_samples.summary(_drawn(task, n, rng)), further, CONFIDENCE).inside


def _tolerance(tasks: list[np.ndarray], n: int, rng: Generator) -> bool:
    task = _one_task(tasks, SCORE, rng)
    low, high, *_ = reliability.tolerance_interval(_drawn(task, n, rng), CONTENT, CONFIDENCE)
    return float(np.mean((low <= task) & (task <= high))) >= CONTENT


def _failure_rate(tasks: list[np.ndarray], n: int, rng: Generator) -> bool:
    rate = failures.wilson(int(rng.binomial(n, FAILING)), n, CONFIDENCE)
    return rate.low <= FAILING <= rate.high


def _band(checkpoints: int, tasks: list[np.ndarray], n: int, rng: Generator) -> bool:
    task = _one_task(tasks, CURVE[checkpoints], rng)
    band = curves.sup_t_band(_drawn(task, n, rng), CONFIDENCE, RESAMPLES, rng)
    true = task.mean(axis=0)
    return bool(((band.low <= true) & (true <= band.high)).all())


def _band_of_difference(tasks: list[np.ndarray], n: int, rng: Generator) -> bool:
    x, y = (_one_task(tasks, CURVE[LAST], rng) for _ in "xy")
    band = curves.difference_band(_drawn(x, n, rng), _drawn(y, n, rng), TEST_CONFIDENCE, RESAMPLES, rng)
    true = x.mean(axis=0) - y.mean(axis=0)
    return bool(((band.low <= true) & (true <= band.high)).all())


def _welch(tasks: list[np.ndarray], n: int, rng: Generator) -> bool:
    return two_samples.welch(*_equal_groups(tasks, SCORE, n, rng)).p <= ALPHA


def _max_t(tasks: list[np.ndarray], n: int, rng: Generator) -> bool:
    tested = two_samples.max_t(*_equal_groups(tasks, CURVE[MEANS], n, rng), resamples=RESAMPLES, rng=rng)
    return bool((tested.p_adjusted <= ALPHA).any())


def _pointwise(checkpoints: int, tasks: list[np.ndarray], n: int, rng: Generator) -> bool:
    groups = _equal_groups(tasks, CURVE[checkpoints], n, rng)
    (m1, m2), (s1, s2) = groups.mean(axis=1), groups.std(axis=1, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):  # no spread on either side is no difference
        return bool((stats.ttest_ind_from_stats(m1, s1, n, m2, s2, n, equal_var=False).pvalue <= ALPHA).any())


def _tost(margins: dict[int, float], apart: bool, tasks: list[np.ndarray], n: int, rng: Generator) -> bool:
    """Groups of one SD, `apart` by the margin or not at all; each with the shape of a task of its own."""
    if tasks:
        shapes = [_one_task(tasks, SCORE, rng) for _ in "xy"]
        x, y = (_drawn((shape - shape.mean()) / shape.std(), n, rng) for shape in shapes)
    else:
        x, y = rng.normal(size=(2, n))
    return equivalence.tost(x + apart * margins[n], y, margins[n], 1 - 2 * ALPHA).verdict == equivalence.EQUIVALENT


SIZES = dict.fromkeys((3, 5, 10, 20))  # numbers of seeds, without a target
STUDY_SIZES = dict.fromkeys((3, 5, 10))
BAND_SIZES = dict.fromkeys((5, 10))  # there is no band below five runs
TASKS = (1, 2, 3, 5)  # numbers of tasks
LIKE_A_STUDY = (ONE_TASK,)
IQM = {3: 0.90, 5: 0.92, 10: 0.93, 20: None}
WHOLE = {5: None, 10: 0.90, 20: 0.90}
_FORMULA = {n: round(power.tost_power(n, margin), 4) for n, margin in POWER_MARGINS.items()}
QUANTITIES = (
    Quantity("mean_student", COVERAGE, "Student's t interval of one task's mean", _one_by_one(partial(_mean, False)),
             SIZES),
    Quantity("mean_studentised", COVERAGE, "bootstrap-t interval of one task's mean",
             _one_by_one(partial(_mean, True)), SIZES),
    *(Quantity("iqm", COVERAGE, "bootknife interval of the IQM over tasks",
               partial(_over_tasks, aggregate.iqm, BOOTKNIFE), IQM if several else SIZES,
               times=4 if several else 1, tasks=(5,) if several else (1, 2, 3)) for several in (False, True)),
    Quantity("iqm_plain", COVERAGE, "plain bootstrap interval of five tasks' IQM",
             partial(_over_tasks, aggregate.iqm, "plain"), SIZES, tasks=(5,)),
    Quantity("mean", COVERAGE, "Student's t interval of the mean over tasks", _mean_over_tasks, STUDY_SIZES,
             LIKE_A_STUDY, tasks=TASKS),
    Quantity("median", COVERAGE, "bootknife interval of the median over tasks",
             partial(_over_tasks, aggregate.median, BOOTKNIFE), STUDY_SIZES, LIKE_A_STUDY, tasks=TASKS),
    Quantity("optimality_gap", COVERAGE, "bootknife interval of the optimality gap over tasks",
             partial(_over_tasks, aggregate.optimality_gap, BOOTKNIFE), STUDY_SIZES, LIKE_A_STUDY, tasks=TASKS),
    Quantity("profile", COVERAGE, "bootknife band of the performance profile over tasks", _profile, STUDY_SIZES,
             LIKE_A_STUDY, tasks=TASKS),
    Quantity("improvement", COVERAGE, "bootknife interval of the probability of improvement over tasks", _improvement,
             STUDY_SIZES, LIKE_A_STUDY, tasks=TASKS),
    Quantity("superiority", COVERAGE, "Brunner and Munzel's interval of one task's probability of improvement",
             _one_by_one(_superiority), STUDY_SIZES, LIKE_A_STUDY),
    Quantity("effect", COVERAGE, "Welch-Satterthwaite interval of an arm's effect over tasks",
             partial(_effect, 1, False), STUDY_SIZES, LIKE_A_STUDY, tasks=TASKS),
    Quantity("main_effect", COVERAGE, "Welch-Satterthwaite interval of a main effect of two factors over tasks",
             partial(_effect, 2, False), STUDY_SIZES, LIKE_A_STUDY, times=0.25, tasks=TASKS),
    Quantity("shapley", COVERAGE, "Welch-Satterthwaite interval of a Shapley share of two factors over tasks",
             partial(_effect, 2, True), STUDY_SIZES, LIKE_A_STUDY, tasks=TASKS),
    Quantity("difference", COVERAGE, "Welch's interval of the difference of two cells",
             _one_by_one(partial(_difference, CONFIDENCE, None)), STUDY_SIZES, LIKE_A_STUDY),
    Quantity("pairs", COVERAGE, "Student's interval of the differences seed by seed over tasks",
             partial(_pairs, CONFIDENCE), STUDY_SIZES, LIKE_A_STUDY, tasks=TASKS),
    Quantity("pairs_equivalence", COVERAGE, "Student's interval of the differences seed by seed, of equivalence",
             partial(_pairs, TEST_CONFIDENCE), STUDY_SIZES, LIKE_A_STUDY, confidence=TEST_CONFIDENCE),
    Quantity("equivalence", COVERAGE, "Welch's interval of two cells, of the equivalence test",
             _one_by_one(partial(_difference, TEST_CONFIDENCE, None)), STUDY_SIZES, LIKE_A_STUDY,
             confidence=TEST_CONFIDENCE),
    Quantity("against_published", COVERAGE, f"Welch's interval of a cell and {PUBLISHED_SEEDS} published runs",
             _one_by_one(partial(_difference, TEST_CONFIDENCE, PUBLISHED_SEEDS)), STUDY_SIZES, LIKE_A_STUDY,
             confidence=TEST_CONFIDENCE),
    Quantity("prediction", COVERAGE, "Student's interval of one more run", _one_by_one(_prediction), STUDY_SIZES,
             LIKE_A_STUDY),
    Quantity("tolerance", COVERAGE, f"normal tolerance interval of {CONTENT:.0%} of all runs",
             _one_by_one(_tolerance), STUDY_SIZES, LIKE_A_STUDY),
    Quantity("failure_rate", COVERAGE, f"Wilson's interval of a failure rate of {FAILING:.0%}",
             _one_by_one(_failure_rate), STUDY_SIZES, (NORMAL,)),
    Quantity("band", COVERAGE, f"sup-t band of the mean of {LAST} single evaluations",
             _one_by_one(partial(_band, LAST)), WHOLE),
    Quantity("band_means", COVERAGE, f"sup-t band of the mean of {MEANS} window means",
             _one_by_one(partial(_band, MEANS)), WHOLE),
    Quantity("band_of_difference", COVERAGE, f"sup-t band of the difference of {LAST} single evaluations",
             _one_by_one(_band_of_difference), BAND_SIZES, LIKE_A_STUDY, confidence=TEST_CONFIDENCE),
    Quantity("welch", ERROR, "Welch's test of equal groups", _one_by_one(_welch), dict.fromkeys((3, 5, 10))),
    Quantity("max_t", ERROR, f"max-t of equal groups of curves, {MEANS} window means", _one_by_one(_max_t),
             {5: ALPHA, 10: ALPHA}, (POOLED,)),  # exact by permutation in any population
    Quantity("pointwise", ERROR, f"any of {LAST} Welch's tests of equal groups, single evaluations",
             _one_by_one(partial(_pointwise, LAST)), dict.fromkeys((5, 10))),
    Quantity("pointwise_means", ERROR, f"any of {MEANS} Welch's tests of equal groups, window means",
             _one_by_one(partial(_pointwise, MEANS)), dict.fromkeys((5, 10))),
    Quantity("tost", ERROR, "two one-sided Welch tests of groups that differ by the margin, 1.5 SD",
             _one_by_one(partial(_tost, MARGINS, True)), dict.fromkeys(MARGINS, ALPHA), (NORMAL, POOLED, ONE_TASK)),
    Quantity("tost_power", POWER, "two one-sided Welch tests of equal groups, margin 1.5 SD (n = 5) or 1 SD",
             _one_by_one(partial(_tost, POWER_MARGINS, False)), _FORMULA, (NORMAL,)),
)  # fmt: skip


class SimulatedCell(NamedTuple):  # one line of the table
    quantity: Quantity
    population: str
    tasks: int
    n: int


CELLS = [
    SimulatedCell(quantity, *setting)
    for quantity in QUANTITIES
    for setting in product(quantity.populations, quantity.tasks, quantity.targets)
]


def calibrate(studies: int = STUDIES, seed: int = 0, workers: int = 1, only: Iterable[str] | None = None) -> list[Row]:
    """Every quantity, or `only` those named, at every number of seeds and population, of `studies` studies each.

    The rows depend on studies and seed alone: each chunk of a cell's studies has a random stream of its own.
    """
    names = {quantity.name for quantity in QUANTITIES}
    chosen = names if only is None else set(only)
    if chosen - names:
        raise ValueError(f"no quantity is called {min(chosen - names)}; there are {', '.join(sorted(names))}")
    sizes = {i: int(cell.quantity.times * studies) for i, cell in enumerate(CELLS) if cell.quantity.name in chosen}
    jobs = [Job(i, seed, at, min(CHUNK, size - at)) for i, size in sizes.items() for at in range(0, size, CHUNK)]
    hits = dict.fromkeys(sizes, 0)
    for job, counted in zip(jobs, _run(jobs, workers), strict=True):
        hits[job.cell] += counted
    return [_row(CELLS[i], hits[i], size) for i, size in sizes.items()]


class Job(NamedTuple):  # a chunk of a cell's studies, which share a random stream
    cell: int  # its index
    seed: int
    first_study: int
    studies: int


def _run(jobs: list[Job], workers: int) -> list[int]:
    if workers == 1:
        return [_hits(job) for job in jobs]
    spawned = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawned, initializer=go_with, initargs=(os.getpid(),)) as pool:
        return list(pool.map(_hits, jobs))


def _hits(job: Job) -> int:
    """In how many of a chunk's studies the interval covers or the test rejects."""
    quantity, population, n_tasks, n = CELLS[job.cell]
    name = f"{quantity.name}/{population}" + (f"/{n_tasks}" if n_tasks > 1 else "")
    key = (zlib.crc32(name.encode()), n, job.first_study)
    rng = Generator(np.random.Philox(np.random.SeedSequence(job.seed, spawn_key=key)))
    return quantity.hits(Setting(tasks(population), n_tasks, n), job.studies, rng)


def _row(cell: SimulatedCell, hits: int, studies: int) -> Row:
    quantity, population, n_tasks, n = cell
    share, target = round(hits / studies, 4), quantity.targets[n]
    mcse = round(math.sqrt(share * (1 - share) / studies), 4)
    nominal = {COVERAGE: round(quantity.confidence or CONFIDENCE, 4), ERROR: ALPHA, POWER: target}[quantity.kind]
    met = None if target is None else is_met(quantity.kind, share, mcse, target)
    names = quantity.name, quantity.kind, quantity.method, population
    return Row(*names, n_tasks, n, nominal, share, mcse, studies, target, met)


def is_met(kind: str, measured: float, mcse: float, target: float) -> bool:
    """Whether a measured share is what it should be, as `Row` says."""
    if kind == COVERAGE:
        return measured >= target
    return measured <= target + 3 * mcse and (kind == ERROR or measured >= target - 3 * mcse)


def again(names: Iterable[str]) -> None:
    """Measures the named quantities again, or all if there is no name, and keeps the table's other rows."""
    rows = dict(committed()) if names else {}
    rows |= {row[:1] + row[3:6]: row for row in calibrate(only=names or None)}
    keys = [(cell.quantity.name, *cell[1:]) for cell in CELLS]
    pd.DataFrame([rows[key] for key in keys if key in rows]).to_csv(TABLE, index=False, lineterminator="\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["derive", folder]:
            derive(Path(folder)).to_csv(SHAPES, index=False, lineterminator="\n")
        case names:
            again(names)

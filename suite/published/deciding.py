"""What each reference decides, by simulation: `data/deciding.csv`, from which gate.csv marks the primary steps.

A study draws the published runs and ten of its own from one distribution, with the reference's mean and spread and the
shape of SAC's runs (`data/shapes.csv`; of the 192 published runs with a value network, their own), and looks at its
first 3, 5, 7 and 10 seeds. Equal runs should PASS; runs that lose a share of what is learned should FAIL.
`python -m suite.published.deciding` measures again; with `derive FILE`, FILE as `suite.published.derive` takes it of
the source rl_stats, it writes those shapes.
"""

from __future__ import annotations

import csv
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.random import Generator

from suite.published import calibration, reading
from suite.published import derive as derivation
from suite.published.anchors import random_policy
from suite.published.comparability import comparable, spread_elsewhere
from suite.published.csv_tables import DATA
from suite.published.references import Reference
from suite.statistics import looks
from suite.statistics.equivalence import FAIL, PASS, SUSPICIOUSLY_BETTER
from suite.statistics.looks import LOOKS, NOT_LEARNED, Published

TABLE = DATA / "deciding.csv"
VALUE_NET_SHAPES = DATA / "value_net_shapes.csv"  # where it comes from: shapes.md
MARGIN = 0.1  # of what is learned
LOSSES = (0.2, 0.3)  # of what is learned
SINGLE_LEVEL, POWER = 0.05, 0.8  # of one look at n seeds
SIZES = (3, 5, 7, 10, 15, 20, 30, 50, 100)
STUDIES = 10_000  # of which a share is known to .005


class Row(NamedTuple):
    """A reference at a step of a task: how its runs scatter, and the shares of studies that end so.

    spread: the sample SD as a share of what is learned (mean - random policy). pass_3 ... pass_10: equal runs that PASS
    by that look; fail: that FAIL by the last; fail_20, fail_30: runs that lose so many percent of what is learned and
    FAIL by the last look. seeds: mean number at the look that decided, of equal runs. n: own seeds at which one look at
    level .05 passes equal runs in 80 %; None if 100 do not.
    """

    task: str
    reference: str
    env_step: int
    published: int
    spread: float
    pass_3: float
    pass_5: float
    pass_7: float
    pass_10: float
    fail: float
    fail_20: float
    fail_30: float
    seeds: float
    n: int | None


class Population(NamedTuple):
    """What a study draws from: mean and SD of the runs, floor [reward units], number of published runs, the shapes of
    runs in SDs (a study draws one), and the SD that other sources expect where few runs are published."""

    mean: float
    sd: float
    floor: float
    published: int
    shapes: Sequence[np.ndarray]
    prior_sd: float | None
    error: float = 0.0  # known, of the published mean


def measured(studies: int = STUDIES, seed: int = 0) -> Iterator[Row]:
    """A row for every reference that may decide, on every task that it may be compared with, at every step."""
    references = reading.load()
    floors = {task: anchor.mean for task, anchor in random_policy().items()}
    for reference in references:
        for task in () if reference.advisory else reference.tasks:
            for at in reference.summaries:
                if comparable(task, reference.environment, at):
                    key = (zlib.crc32(f"{task} {reference.name}".encode()), at)
                    rng = Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=key)))
                    runs = population(references, reference, task, at, floors)
                    yield Row(task, reference.name, at, *_shares(runs, reference.summaries[at].sd, studies, rng))


def population(
    references: Sequence[Reference], reference: Reference, task: str, at: int, floors: Mapping[str, float]
) -> Population:
    """What studies against a reference at a step draw from; few published runs are taken to scatter as others do."""
    summary, floor = reference.summaries[at], floors[task]
    assert summary.sd is not None and summary.n is not None  # else it would be advisory
    sd, prior = summary.sd, None
    if summary.n < looks.FEW:
        prior = spread_elsewhere(reference, references, task, at, floor)
        sd = float(looks.shrunk(sd, summary.n, prior)[0])
    shapes = _value_net_shapes().get(at) if reference.source == "rl_stats" else None
    return Population(summary.mean, sd, floor, summary.n, shapes or _shapes(), prior, reference.known_error)


def _shares(runs: Population, sd: float | None, studies: int, rng: Generator) -> tuple:
    """The figures of a row; sd: as published."""
    published, own = _published(runs, studies, rng), _drawn(runs, studies, max(SIZES), rng)
    learned = runs.mean - runs.floor
    passed, failed = zip(*by_looks(published, own, runs), strict=True)
    lost = [list(by_looks(published, own - share * learned, runs))[-1][1] for share in LOSSES]
    waiting = [1 - (one | other).mean() for one, other in zip(passed, failed, strict=True)]
    seeds = LOOKS[0] + sum((after - n) * share for n, after, share in zip(LOOKS, LOOKS[1:], waiting, strict=False))
    at_once = ((n, looks.looks(own, np.zeros(own.shape, bool), published, runs.floor, MARGIN, (n,))[0]) for n in SIZES)
    one_look = (n for n, look in at_once if (look.p_pass < SINGLE_LEVEL).mean() >= POWER)
    shares = [round(float(share.mean()), 3) for share in (*passed, failed[-1], *lost)]
    return runs.published, round((sd or 0.0) / learned, 3), *shares, round(float(seeds), 1), next(one_look, None)


def by_looks(published: Published, own: np.ndarray, runs: Population) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Which studies [studies] have PASSed and which FAILed by each look; own: [studies, 10 or more] returns."""
    passed, failed = np.zeros((2, len(own)), bool)
    for look in looks.looks(own, np.zeros(own.shape, bool), published, runs.floor, MARGIN):
        undecided = ~(passed | failed)
        failed = failed | undecided & np.isin(look.verdict, (FAIL, NOT_LEARNED))
        passed = passed | undecided & np.isin(look.verdict, (PASS, SUSPICIOUSLY_BETTER))
        yield passed, failed


def _published(runs: Population, studies: int, rng: Generator) -> Published:
    n, returns = runs.published, _drawn(runs, studies, runs.published, rng)
    sd, df = returns.std(axis=1, ddof=1), n - 1
    if runs.prior_sd is not None:
        sd, df = looks.shrunk(sd, n, runs.prior_sd)
    mean = returns.mean(axis=1)
    if runs.error:
        mean = mean + runs.error * rng.standard_normal(len(mean))
    return Published(mean, sd, n, df, runs.error)


def _drawn(runs: Population, studies: int, n: int, rng: Generator) -> np.ndarray:
    """Returns [studies, n], or of a few studies more: as many of every shape, which both sides of a study share."""
    of_each = -(-studies // len(runs.shapes))
    return runs.mean + runs.sd * np.concatenate([rng.choice(shape, (of_each, n)) for shape in runs.shapes])


def _standardised(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()


@cache
def _shapes() -> list[np.ndarray]:
    """Final scores of every task of shapes.csv, in SDs from their mean."""
    return [_standardised(task[:, calibration.SCORE]) for task in calibration.tasks(calibration.ONE_TASK)]


@cache
def _value_net_shapes() -> dict[int, list[np.ndarray]]:
    """The 192 runs at every step, in SDs from their mean."""
    table = pd.read_csv(VALUE_NET_SHAPES)
    return {int(step): [_standardised(table[step].to_numpy())] for step in table}


def derive(evaluations: pd.DataFrame) -> pd.DataFrame:
    """The 192 runs' window means [runs, steps] in sample SDs from the mean of their step."""
    (name, (reference, recipe)), = reading.read_metadata(DATA / "rl_stats.yaml").items()  # fmt: skip
    assert recipe is not None
    of_runs = {name: reading.Metadata(reference, recipe._replace(spread_kind=None))}
    values = derivation.derive(evaluations, of_runs).pivot(index="seed", columns="env_step", values="value")
    return ((values - values.mean()) / values.std()).round(3)


def committed(table: Path = TABLE) -> list[Row]:
    """The rows as they were measured last."""
    with table.open(newline="") as file:
        rows = [list(row.values()) for row in csv.DictReader(file)]
    kinds = [str, str, int, int, *[float] * 9, lambda text: int(text) if text else None]
    return [Row(*(kind(text) for kind, text in zip(kinds, row, strict=True))) for row in rows]  # type: ignore[operator]


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            with TABLE.open("w", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(Row._fields)
                writer.writerows(measured())
        case ["derive", evaluations]:
            shapes = derive(pd.read_csv(evaluations))
            shapes.to_csv(VALUE_NET_SHAPES, index=False, lineterminator="\n")
        case _:
            sys.exit("deciding: give nothing, or derive and the file of rl_stats' published evaluations")

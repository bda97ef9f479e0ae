"""How often the gate decides what, by simulation on SAC's own spreads: `data/power.csv`.

A study draws published and own runs from the final returns of published SAC curves, standardised per task
(`suite/published/data/shapes.csv`), as `suite.published.calibration` does: each study first draws a task, then seeds of
that task alone. The unit is the SD over seeds. `MARGIN` of them is what HalfCheetah at 100,000 steps tolerates: a tenth
of what jaxrl's ten runs gain on the random policy, 600 of returns whose SD is 463.
`python -m suite.gate.simulation` measures again, in a minute.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from suite.published.calibration import ONE_TASK, SCORE, tasks
from suite.statistics import looks
from suite.statistics.equivalence import FAIL, INCONCLUSIVE, PASS, SUSPICIOUSLY_BETTER
from suite.statistics.looks import LOOKS, NOT_LEARNED

TABLE = Path(__file__).parent / "data" / "power.csv"
SHARE = 0.10  # of what the published runs gain on the random policy, the margin
MARGIN = 1.296  # SDs over seeds
STUDIES = 20_000


class Scenario(NamedTuple):
    """What is simulated: a loss in shares of what is gained, runs that fail, another spread of the own runs.

    failing_of_ten: exactly so many of ten runs fail; else each does with the probability `failing`.
    """

    published: int
    at: tuple[int, ...] = LOOKS
    loss: float = 0.0
    failing: float = 0.0
    failing_of_ten: int = 0
    spread: float = 1.0


class Row(NamedTuple):
    """How many of the studies came to which verdict; by_count: had a look that fails by the number of failed runs
    alone, whatever was decided before it; error: the largest Monte-Carlo standard error of these shares."""

    published: int
    looks: str
    loss: float
    failing: str
    spread: float
    fail: float
    passed: float
    better: float
    undecided: float
    by_count: float
    seeds: float  # mean number of own seeds
    studies: int
    error: float


_WHAT: tuple[dict[str, Any], ...] = (
    *({"loss": loss} for loss in (0.0, 0.05, 0.10, 0.15, 0.20, 0.30, 0.50)),
    *({"failing": share} for share in (0.02, 0.4)),
    {"failing_of_ten": 4},
    *({"spread": spread} for spread in (2.0, 3.0)),
)
SCENARIOS = [Scenario(published, at, **what) for published in (10, 3) for at in (LOOKS, (5,)) for what in _WHAT]


def simulate(
    scenario: Scenario,
    studies: int = STUDIES,
    seed: int = 0,
    margin: float = MARGIN,
    shapes: Sequence[np.ndarray] | None = None,
) -> Row:
    """The scenario's row; margin: SDs over seeds that SHARE of the published gain is; shapes: returns of real runs, one
    array for each population that a study may be drawn from, instead of those of published curves."""
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, scenario.published, len(scenario.at)])))
    gain, of_ten = margin / SHARE, 10
    runs = _runs(shapes or [task[:, SCORE] for task in tasks(ONE_TASK)], studies, scenario.published + of_ten, rng)
    failed = rng.random((studies, of_ten)) < scenario.failing
    if scenario.failing_of_ten:
        failed = rng.permuted(np.tile(np.arange(of_ten) < scenario.failing_of_ten, (studies, 1)), axis=1)
    own = np.where(failed, -gain, scenario.spread * runs[:, scenario.published :] - scenario.loss * gain)
    there = runs[:, : scenario.published]
    sd, df = looks.shrunk(there.std(axis=1, ddof=1), scenario.published, others=1.0)
    published = looks.Published(there.mean(axis=1), sd, scenario.published, df)
    taken = looks.looks(own, failed, published, -gain, SHARE, scenario.at)
    return _row(scenario, taken, studies)


def _row(scenario: Scenario, taken: Sequence[looks.Look], studies: int) -> Row:
    """The shares of studies that end in each verdict."""
    decided = looks.deciding(taken)
    verdict = np.stack([one.verdict for one in taken])[decided, np.arange(studies)]
    shares = [float(np.isin(verdict, kinds).mean()) for kinds in ([FAIL, NOT_LEARNED], [PASS], [SUSPICIOUSLY_BETTER],
                                                                  [INCONCLUSIVE])]  # fmt: skip
    counted = np.any([one.failed >= looks.failure_limit(one.n) for one in taken], axis=0).mean()
    error = max(math.sqrt(share * (1 - share) / studies) for share in (*shares, counted))
    fail, passed, better, undecided = (round(share, 4) for share in shares)
    return Row(
        published=scenario.published,
        looks=" ".join(map(str, scenario.at)),
        loss=scenario.loss,
        failing=f"{scenario.failing_of_ten} of 10" if scenario.failing_of_ten else f"{scenario.failing:g}",
        spread=scenario.spread,
        fail=fail,
        passed=passed,
        better=better,
        undecided=undecided,
        by_count=round(float(counted), 4),
        seeds=round(float(np.array(scenario.at)[decided].mean()), 2),
        studies=studies,
        error=round(error, 4),
    )


def _runs(shapes: Sequence[np.ndarray], studies: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """[studies, n] standardised final returns, each study's of one population."""
    chosen = rng.integers(len(shapes), size=studies)
    drawn = np.empty((studies, n))
    for i, shape in enumerate(shapes):
        own = chosen == i
        drawn[own] = ((shape - shape.mean()) / shape.std())[rng.integers(len(shape), size=(int(own.sum()), n))]
    return drawn


def committed() -> Iterator[Row]:
    """The rows of the table."""
    return (Row(*values) for values in pd.read_csv(TABLE, dtype={"failing": str, "looks": str}).itertuples(index=False))


if __name__ == "__main__":
    pd.DataFrame([simulate(one) for one in SCENARIOS]).to_csv(TABLE, index=False, lineterminator="\n")

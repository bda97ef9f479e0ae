"""The mean return of every evaluation, and the learning curve of a run: what score and window mean are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from suite.analysis.types import CellKey
from suite.sac.status import KindOfReturn
from suite.study.cells import CELL

ACTIONS: Mapping[str, KindOfReturn] = {"mean": "deterministic", "sample": "sampled"}
"""The records' words for the action of an evaluation episode."""


class RunKey(NamedTuple):
    cell: CellKey
    seed: int


class EvaluationCurve(NamedTuple):
    """A run's evaluations [E] of one kind: environment steps, mean returns, numbers of episodes and their variances.

    The curve ends before the first evaluation without a finite mean; broken_at is the step of that one.
    """

    env_steps: tuple[int, ...]
    values: tuple[float, ...]
    episodes: tuple[int, ...]
    variances: tuple[float, ...]  # between an evaluation's episodes; NaN of a single one
    kind: KindOfReturn
    broken_at: int | None


NO_CURVE = EvaluationCurve((), (), (), (), "unknown", None)


def evaluation_means(evaluations: pd.DataFrame) -> pd.DataFrame:
    """One row per evaluation (task, implementation, run_id, seed, kind, env_step): mean, number, variance of returns.

    evaluations: a row per episode, as gathered. An episode that stands there twice counts once; an evaluation with an
    episode whose return is not a finite number has the mean NaN. kind: deterministic or sampled.
    """
    run = [*CELL, "seed", "kind"]
    rows = evaluations.drop_duplicates([*run, "env_step", "episode"]).sort_values("episode")
    finite = rows["return"].where(np.isfinite(rows["return"]), np.inf)  # a mean would skip NaN
    rows = rows.assign(**{"return": finite, "kind": rows["kind"].astype(object).replace(dict(ACTIONS))})
    table = rows.groupby([*run, "env_step"])["return"].agg(mean="mean", episodes="size", variance="var").reset_index()
    return table.assign(mean=table["mean"].where(np.isfinite(table["mean"])))


def evaluation_curves(evaluations: pd.DataFrame) -> dict[RunKey, EvaluationCurve]:
    """Each run's curve: of its deterministic evaluations, or of the sampled ones if it has no others."""
    if evaluations.empty:
        return {}
    return dict(_curves(evaluation_means(evaluations)))


def _curves(means: pd.DataFrame) -> Iterator[tuple[RunKey, EvaluationCurve]]:
    for (*cell, seed), rows in means.groupby([*CELL, "seed"]):
        kind: KindOfReturn = "deterministic" if (rows["kind"] == "deterministic").any() else "sampled"
        rows = rows[rows["kind"] == kind]
        finite = np.isfinite(rows["mean"].to_numpy())
        kept = len(rows) if finite.all() else int(finite.argmin())
        columns = ("env_step", "mean", "episodes", "variance")
        steps, values, episodes, variances = (tuple(rows[name].tolist()[:kept]) for name in columns)
        broken_at = None if kept == len(rows) else int(rows["env_step"].iloc[kept])
        yield RunKey(CellKey(*cell), int(seed)), EvaluationCurve(steps, values, episodes, variances, kind, broken_at)

"""Our side of a check: the trailing window mean of every run at a published step."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from suite.errors import UsageError
from suite.published.references import trailing_mean
from suite.sac.status import FAILED
from suite.statistics.failures import curve_at_floor


class Sample(NamedTuple):
    """A cell's window means at one step: one per run that has one, in the order of seeds, and what became of the rest.

    missing: runs without a result; failed: of the values, those that count at the random policy's return from where
    they stopped; planned: all of them.
    """

    values: np.ndarray
    seeds: tuple[int, ...]
    failed: int
    missing: int
    planned: int


def gathered(study_dir: str | Path) -> dict[str, pd.DataFrame]:
    """The tables that a check reads; UsageError if the study has not been gathered."""
    paths = {name: Path(study_dir, f"{name}.parquet") for name in ("runs", "evaluations")}
    for path in paths.values():
        if not path.exists():
            raise UsageError(f"{path} is missing: the study must be gathered first (python -m suite gather)")
    return {name: pd.read_parquet(path) for name, path in paths.items()}


def episode_means(episodes: pd.DataFrame) -> dict[tuple, pd.Series]:
    """Mean return per evaluation (index: environment step), by task, implementation, run_id, kind of action, seed."""
    keys = ["task", "implementation", "run_id", "kind", "seed"]
    means = episodes.drop_duplicates([*keys, "env_step", "episode"]).groupby([*keys, "env_step"])["return"]
    return {run: curve.droplevel(keys) for run, curve in means.mean(skipna=False).groupby(level=keys)}


def sample(runs: pd.DataFrame, means: Mapping[tuple, pd.Series], at: int, floor: float) -> Sample:
    """The window means of a cell's runs at step `at`, of those that are planned to get there."""
    chosen = _one_per_seed(runs[(runs["env_steps"] >= at) & (runs["evaluate_every"] <= at)])
    kind = "mean" if kind_of_return(runs) == "deterministic" else "sample"
    values = np.array([_window_mean(run, kind, means, at, floor) for run in chosen], dtype=float)
    present = np.isfinite(values)
    failed = sum(run.status in FAILED for run, there in zip(chosen, present, strict=True) if there)
    seeds = tuple(int(run.seed) for run, there in zip(chosen, present, strict=True) if there)
    return Sample(values[present], seeds, failed, int((~present).sum()), len(chosen))


def kind_of_return(runs: pd.DataFrame) -> str:
    """Of the rows of one cell: "deterministic" or "sampled" evaluations, or "training" returns."""
    told = [kind for kind in runs.get("kind_of_return", ()) if kind]  # a run without a record tells none
    sampled = json.loads(runs["schedule"].iloc[0])["evaluation_action"] == "sample"
    return told[0] if told else "sampled" if sampled else "deterministic"


def _one_per_seed(planned: pd.DataFrame) -> list:
    """One planned run per seed: a finished one if there is one, else a failed one, and of several the longest."""
    rank = np.select(
        [planned["stale"].astype(bool), planned["status"] == "finished", planned["status"].isin(FAILED)], [2, 0, 1], 2
    )
    ordered = planned.assign(rank=rank).sort_values(["seed", "rank", "env_steps"], ascending=[True, True, False])
    return list(ordered.drop_duplicates("seed").itertuples())


def _window_mean(run, kind: str, means: Mapping[tuple, pd.Series], at: int, floor: float) -> float:
    """The run's trailing window mean at step `at`; NaN where it has no result. kind: of action."""
    if run.stale or run.status not in ("finished", *FAILED):
        return math.nan
    curve = means.get((run.task, run.implementation, run.run_id, kind, run.seed), pd.Series(dtype=float))
    if run.status in FAILED:
        known = curve.index[curve.index <= at].to_numpy(dtype=int)
        after = np.arange(max(known, default=0) + run.evaluate_every, at + 1, run.evaluate_every)
        grid = np.concatenate([known, after])
        stopped_at = next((step for step in (run.stopped_at, run.last_env_step) if pd.notna(step)), 0)
        values = curve_at_floor(curve.reindex(grid), grid, stopped_at, floor)
        curve = pd.Series(np.where(np.isfinite(values), values, floor), grid)
    return trailing_mean(curve.index, curve.to_numpy(), at, run.evaluate_every)[0]


def told(ours: Sample) -> dict:
    """A sample as a row tells it."""
    values = ours.values
    return {
        "mean": float(values.mean()) if len(values) else None,
        "sd": float(values.std(ddof=1)) if len(values) >= 2 else None,
        "n": len(values),
        "n_finished": len(values) - ours.failed,
        "n_failed": ours.failed,
        "n_missing": ours.missing,
        "n_planned": ours.planned,
        "values": values.tolist(),
    }

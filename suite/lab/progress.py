"""A run on its way, for people: the latest evaluation, steps per second, time to go."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from suite.files import fits
from suite.lab.loop import Trainee

PROGRESS_SECONDS = 2.0


class Progress(NamedTuple):
    """How far a run is; the return and alpha of the latest evaluation, None before the first."""

    env_step: int
    mean_return: float | None
    alpha: float | None
    env_steps_per_s: float
    eta_s: float
    diverged: bool
    pid: int
    time: float  # when this was written, in seconds since 1970


def read(path: Path) -> Progress | None:
    """The progress in a file; None where there is no such file, or what it holds is no progress."""
    try:
        progress = Progress(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError, RecursionError):
        return None
    return progress if fits(progress, Progress) else None


def latest_scalars(seat: Trainee, env_step: int) -> dict[str, float]:
    """The latest evaluation as scalars by name."""
    return _scalars([row for row in seat.recorder.rows if row["env_step"] == env_step])


def scalars_by_step(seat: Trainee) -> dict[int, dict[str, float]]:
    """Every evaluation so far as scalars by name, by its environment step."""
    rows: dict[int, list[dict]] = {}
    for row in seat.recorder.rows:
        rows.setdefault(row["env_step"], []).append(row)
    return {env_step: _scalars(of_step) for env_step, of_step in sorted(rows.items())}


def _scalars(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """An evaluation's rows as scalars; its mean return by the name that tells evaluation, and openrlbenchmark's."""
    returns = [row["return"] for row in rows if row["kind"] in ("mean", "sample")]
    scalars = dict.fromkeys(("eval/mean_return", "charts/episodic_return"), float(np.mean(returns))) if returns else {}
    for row in rows:
        if row["kind"] == "diagnostic":
            scalars |= {name: value for name, value in row.items() if name not in ("env_step", "kind")}
    return scalars


def progress_of(seat: Trainee, env_step: int, env_steps: int, rate: float) -> Progress:
    """A seed's progress at a step; rate: environment steps per second."""
    last = max((row["env_step"] for row in seat.recorder.rows), default=0)
    scalars = latest_scalars(seat, last)
    return Progress(
        env_step=env_step,
        mean_return=scalars.get("charts/episodic_return"),
        alpha=scalars.get("alpha"),
        env_steps_per_s=rate,
        eta_s=(env_steps - env_step) / rate,
        diverged=seat.stopped_at is not None,
        pid=os.getpid(),
        time=time.time(),
    )


def progress_line(name: str, progress: Progress, budget: int) -> str:
    """The progress of a seat as a line of the log."""
    value, alpha = progress.mean_return, progress.alpha
    return (
        f"{name}  step {progress.env_step:>9,} / {budget:,}"
        f"  return {'-' if value is None else f'{value:.1f}':>9}  alpha {'-' if alpha is None else f'{alpha:.4f}'}"
        f"  {progress.env_steps_per_s:.0f} steps/s  ETA {progress.eta_s / 60:.1f} min"
    )

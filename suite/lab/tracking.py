"""Tracking: a mirror of a run's evaluations on Weights & Biases, off by default. The truth is the record."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from suite import __version__
from suite.sac import identity
from suite.sac.contract import Job
from suite.sac.status import Status


class Tracker:
    """Where a run's scalars go as they come: without tracking nowhere, nothing imported and nothing written."""

    def log(self, env_step: int, scalars: dict[str, float]) -> None:
        """The scalars of the evaluation at a step."""

    def finish(self, status: Status) -> None:
        """The run has ended."""


class WandB(Tracker):
    """One W&B run per seed, grouped by task/implementation/variant.

    The id is stable, so a resumed run joins its first part; offline each attempt is a folder of its own, which
    `wandb sync` merges by the explicit step. Names are openrlbenchmark's (env_id, exp_name, seed,
    charts/episodic_return), whose filters then work unchanged.
    """

    def __init__(self, mode: Literal["offline", "online"], project: str, job: Job, seed: int, folder: Path):
        os.environ.setdefault("WANDB_SILENT", "true")
        import wandb

        variant = job.origin.variant or job.run_id
        folder.mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=project,
            mode=mode,
            dir=str(folder),
            id=f"{job.implementation}-{job.run_id}-s{seed}",
            group=f"{job.task}/{job.implementation}/{variant}",
            name=f"{variant} s{seed}",
            job_type="train",
            resume="allow" if mode == "online" else None,
            reinit="create_new",
            tags=[f"suite {__version__}", job.origin.study],
            config={
                "env_id": job.task,
                "exp_name": f"{job.implementation}_{variant}",
                "seed": seed,
                "run_id": job.run_id,
                "spec": identity.to_plain(job.spec),
                "schedule": identity.to_plain(job.schedule),
            },
        )

    def log(self, env_step: int, scalars: dict[str, float]) -> None:
        self._run.log(scalars, step=env_step)

    def finish(self, status: Status) -> None:
        self._run.summary["status"] = status
        self._run.finish(exit_code=0 if status == "finished" else 1)


def tracker(mode: Literal["off", "offline", "online"], project: str, job: Job, seed: int, folder: Path) -> Tracker:
    """The tracker a config's `tracking.mode` names."""
    return Tracker() if mode == "off" else WandB(mode, project, job, seed, folder)

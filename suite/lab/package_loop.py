"""A guest in the laboratory: a package's own training loop, evaluated and recorded as the suite's engines are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from suite.lab.checkpoint import Checkpoints
from suite.lab.evaluation import Evaluation
from suite.lab.loop import Clock, Trainee
from suite.lab.records import Recorder
from suite.sac.contract import Job, Params, Trainer, refusal
from suite.sac.spec import SacSpec, SpecError

CHUNK = 200
"""Environment steps between two looks at the clock and at signals."""


class Guest:
    """See suite.lab.loop.Training. A package cannot be resumed bit for bit: a run that was killed starts again.

    SpecError if the package cannot do what the job asks for.
    """

    def __init__(self, trainer: Trainer, job: Job, recorders: Sequence[Recorder]):
        assert isinstance(job.spec, SacSpec), "plans give packages no other kind"
        if reason := refusal(trainer, job.spec, job.schedule, job.evaluate_every):
            raise SpecError(reason)
        if len(job.seats) != 1:
            raise SpecError(f"a package trains one seed in a process, not {len(job.seats)}")
        self.job, self.env_step = job, 0
        self.seats = [Trainee(job.seeds[0], recorders[0])]
        self.evaluation = Evaluation(job.seats)
        self.loop = trainer.start(job)

    @property
    def done(self) -> bool:
        return self.env_step >= self.job.env_steps or self.seats[0].stopped_at is not None

    def step(self) -> None:
        """At most CHUNK environment steps (or one burst's) with their updates, and an evaluation where one is due."""
        every, burst = self.job.evaluate_every, self.job.schedule.update_every
        env_steps = min(max(CHUNK // burst, 1) * burst, every - self.env_step % every)
        self.env_step += env_steps
        self._unless_diverged(self.loop.learn, env_steps)
        if self.seats[0].stopped_at is None and self.env_step % every == 0:
            self.evaluate()

    def evaluate(self) -> None:
        """The evaluation episodes, and the package's temperature and count of updates."""
        (seat,), sampled = self.seats, self.job.schedule.evaluation_action == "sample"

        def act(obs: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
            actions = self._unless_diverged(self.loop.act, obs[0], not sampled)  # the package draws its own noise
            return np.full((*obs.shape[:2], 1), np.nan) if actions is None else actions[None]

        episodes = self.evaluation.play(act, self.env_step // self.job.evaluate_every, [True])
        if episodes.failed[0]:
            seat.diverge(self.env_step)
        if seat.stopped_at is not None:
            return
        for row in self.evaluation.rows(episodes, 0):
            seat.recorder.episode(self.env_step, *row)
        values = {"alpha": float(self.loop.alpha()), "updates": float(self.loop.updates())}
        seat.recorder.diagnostic(self.env_step, values)

    def _unless_diverged(self, work: Callable, *arguments: Any) -> Any:
        """What the work gives; where it fails at weights that are no longer finite numbers, the seed has diverged."""
        try:
            return work(*arguments)
        except Exception:
            if all(np.isfinite(value).all() for value in self.loop.networks().values()):
                raise
            self.seats[0].diverge(self.env_step)
            return None

    def save(self, checkpoints: Sequence[Checkpoints], clocks: Sequence[Clock]) -> None:
        """Nothing: see the class."""

    def resume(self, checkpoints: Sequence[Checkpoints]) -> None:
        """Nothing: see the class."""

    def networks(self, i: int) -> Params:
        """The package's final weights, by its own names."""
        return self.loop.networks()

    def updates(self) -> list[int]:
        """How many gradient updates the package has done."""
        return [self.loop.updates()]

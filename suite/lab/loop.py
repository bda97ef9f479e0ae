"""What `train` drives, our own loop or a package's, and where a seed's files lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from suite.lab.checkpoint import Checkpoints
from suite.lab.records import Attempt, Pace, Recorder
from suite.lab.usage import Usage
from suite.sac.contract import Params


class Interrupted(Exception):
    """The process was told to stop (or its parent died): the run is checkpointed, or a package's, to start again."""


class Place(NamedTuple):
    """Where one seed's files lie: the record to write, and a folder for checkpoints, progress and logs."""

    record: Path
    work: Path


class Clock(NamedTuple):
    """What a run has taken so far, and the processes that worked on it."""

    wall_time_s: float = 0.0
    attempts: tuple[Attempt, ...] = ()
    usage: Usage = Usage(0.0, 0, 0)
    pace: tuple[Pace, ...] = ()


@dataclass
class Trainee:
    """One seed of a job, as `train` sees it."""

    seed: int
    recorder: Recorder
    stopped_at: int | None = None  # the environment step at which it diverged
    message: str = ""  # why

    def diverge(self, env_step: int, message: str = "the policy's action is not a finite number") -> None:
        """The first reason counts."""
        if self.stopped_at is None:
            self.stopped_at, self.message = env_step, message


class Training(Protocol):
    """A job in progress, as `train` drives it: the suite's own loop (Lab) or another's. Lists have an item per seed."""

    env_step: int

    @property
    def seats(self) -> Sequence[Trainee]: ...

    @property
    def done(self) -> bool:
        """Whether the budget is spent or no seed is left."""

    def step(self) -> None:
        """One environment step or a few, up to an evaluation at most, and what belongs to them, its recording too."""

    def save(self, checkpoints: Sequence[Checkpoints], clocks: Sequence[Clock]) -> None:
        """A checkpoint of every seed, each in its own folder; the clocks are what `resume` gives back."""

    def resume(self, checkpoints: Sequence[Checkpoints]) -> list[Clock] | None:
        """Continues at the newest step that every seed has a checkpoint of; None if there is no such step."""

    def networks(self, i: int) -> Params:
        """Seed number i's final networks."""

    def updates(self) -> list[int]:
        """How many updates each seed has had."""

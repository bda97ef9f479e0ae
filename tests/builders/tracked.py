"""A tracked training in a process of its own, which dies at a step if asked to: python tests/builders/tracked.py."""

from __future__ import annotations

import json
import os
import signal
import sys
from functools import partial
from pathlib import Path

import implementations
from builders.runs import ROOT, job, places
from suite.lab import lab, training
from suite.lab.tracking import Conformance, tracker

ENV_STEPS, EVERY = 400, 100
CONFORMS = Conformance("conforms", "its update (default) in torch and in JAX, its loop (mixed)")


class Dying(lab.Lab):
    """A training that is killed, as kill -9 does, when it has reached a step."""

    dies_at = 0

    def step(self) -> None:
        super().step()
        if self.env_step == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder: Path, tracking: str, dies_at: int = 0, checkpoint_seconds: float = 1e9) -> None:
    """One attempt of one seed in this process."""
    Dying.dies_at = dies_at
    training.train(
        implementations.load("torch"),
        job(env_steps=ENV_STEPS, every=EVERY),
        places(folder),
        checkpoint_seconds=checkpoint_seconds,
        make_lab=Dying,
        make_tracker=partial(tracker, tracking, conformance=CONFORMS),
        say=lambda line: None,
    )


def attempt(folder: Path, *arguments: object) -> int:
    """One attempt in a process of its own: its exit code, negative where a signal ended it."""
    import subprocess

    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests"), *sys.path])}
    command = [sys.executable, __file__, json.dumps([str(folder), *arguments])]
    return subprocess.run(command, env=environment, timeout=300, check=False).returncode


if __name__ == "__main__":
    folder, *rest = json.loads(sys.argv[1])
    train(Path(folder), *rest)

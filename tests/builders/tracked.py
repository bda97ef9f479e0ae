"""A tracked training in a process of its own, which dies at a step if asked to: python tests/builders/tracked.py."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import implementations
from builders.runs import ROOT, job, places
from suite.lab import lab, training
from suite.lab.machine import provenance
from suite.lab.records import DIAGNOSTICS
from suite.lab.tracking import Conformance, tracker

ENV_STEPS, EVERY = 400, 100
CONFORMS = Conformance("conforms", "its update (default) in torch and in JAX, its loop (mixed)")


class Dying(lab.Lab):
    """A training that keeps checkpoints up to a step, and is killed, as kill -9 does, when it has reached another."""

    saves_until = dies_at = 0

    def save(self, *arguments) -> None:
        if self.env_step <= self.saves_until:
            super().save(*arguments)

    def step(self) -> None:
        super().step()
        if self.env_step == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder: Path, tracking: str, saves_until: int = 0, dies_at: int = 0) -> None:
    """One attempt of one seed in this process."""
    Dying.saves_until, Dying.dies_at = saves_until, dies_at
    training.train(
        implementations.load("torch"),
        job(env_steps=ENV_STEPS, every=EVERY),
        places(folder),
        checkpoint_seconds=0.0 if saves_until else 1e9,
        make_lab=Dying,
        make_tracker=partial(tracker, tracking, conformance=CONFORMS),
        say=lambda line: None,
    )


def attempt(folder: Path, *arguments: object, task: str = "train", environment: Mapping[str, str] | None = None) -> int:
    """One attempt in a process of its own: its exit code, negative where a signal ended it."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"} | (environment or {})
    command = [sys.executable, __file__, json.dumps([task, str(folder), *arguments])]
    return subprocess.run(command, env=environment, timeout=600, check=False).returncode


def spent(function: Callable, *arguments: object, **options: object) -> float:
    """Seconds of processor time that a function takes, of its processes that have ended too."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    before = [resource.getrusage(kind) for kind in kinds]
    function(*arguments, **options)
    pairs = zip(before, (resource.getrusage(kind) for kind in kinds), strict=True)
    return sum(b.ru_utime - a.ru_utime + b.ru_stime - a.ru_stime for a, b in pairs)


def mirror(folder: Path, tracking: str, evaluations: int) -> None:
    """What tracking costs a training beside the training: in this process everything up to its end."""
    run = provenance(SimpleNamespace(FRAMEWORK="numpy", device=lambda: "none"), job(), 0, {})
    one = tracker(tracking, run, folder, CONFORMS)
    for k in range(1, evaluations + 1):
        one.log(1000 * k, {name: 1.5 * k for name in ("eval/mean_return", "charts/episodic_return", *DIAGNOSTICS)})
    one.finish("finished")


if __name__ == "__main__":
    task, folder, *rest = json.loads(sys.argv[1])
    {"train": train, "mirror": mirror}[task](Path(folder), *rest)

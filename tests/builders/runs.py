"""A small spec, a short job, a place for its files, and a way to run the command line."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from implementations.presets import sac_v2_small
from suite.cli import main
from suite.lab.loop import Place
from suite.sac import identity
from suite.sac.contract import Job, Origin

ROOT = Path(__file__).resolve().parent.parent.parent
SMALL = replace(sac_v2_small.SPEC, hidden=(16, 16), batch_size=16)
SHORT = replace(sac_v2_small.SCHEDULE, warmup_steps=60, learn_after=40, replay_capacity=500)


def job(seeds=(0,), env_steps=200, task="Pendulum-v1", spec=SMALL, schedule=SHORT, every=100, episodes=2) -> Job:
    """A job of a few seconds."""
    run_id = identity.run_id(spec, schedule, task, every, episodes)
    origin = Origin(study="test", preset="sac_v2_small")
    return Job(task, "torch", run_id, spec, schedule, every, episodes, env_steps, tuple(seeds), origin)


def places(folder: Path, seeds=(0,)) -> list[Place]:
    """Where a test's records and work go: one place per seed."""
    return [Place(Path(folder) / f"s{seed}.parquet", Path(folder) / f"work-s{seed}") for seed in seeds]


def suite(*arguments: str | Path | int, cwd: Path = ROOT, timeout: int = 600) -> subprocess.CompletedProcess:
    """`python -m suite ARGUMENTS`, its output captured."""
    command = [sys.executable, "-m", "suite", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout)


def called(*arguments: str | Path | int, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """The same in this process, which has its libraries already. What is no exit is an error of the test."""
    words = list(map(str, arguments))
    with contextlib.chdir(cwd):
        done = CliRunner().invoke(main, words, env={"COLUMNS": "200"}, prog_name="python -m suite")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)

"""A sweep's jobs in SLURM's queue: what one that was killed, or told to stop, must not leave behind."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

NAME = "sac-suite_"  # what profiles/slurm/config.yaml has the names of jobs begin with
WAIT_S = 120.0  # how long cancelled jobs may take to save and go; SLURM kills them after its KillWait, mostly 30 s


def jobs() -> list[str]:
    """The numbers of the jobs that sweeps of this directory have in the queue; none where there is no SLURM."""
    if not shutil.which("squeue"):
        return []
    command = ["squeue", "--me", "--noheader", "--format=%i|%j|%Z"]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    rows = [line.split("|", 2) for line in lines]
    return [number for number, name, folder in rows if name.startswith(NAME) and folder == str(Path.cwd())]


def stop(waits: Callable[[], bool] = lambda: True) -> int:
    """Cancels them and waits until they have gone, as trainers write their checkpoints; how many there were.

    waits: whether to go on waiting.
    """
    if not (left := jobs()):
        return 0
    subprocess.run(["scancel", *left], capture_output=True, check=False)
    until = time.monotonic() + WAIT_S
    while waits() and jobs() and time.monotonic() < until:
        time.sleep(0.5)
    return len(left)

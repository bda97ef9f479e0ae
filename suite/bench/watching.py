"""A command in a process of its own, watched from outside: seconds and memory."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

SAMPLED_EVERY_S = 0.05


class Watched(NamedTuple):
    """What a command answered, and of its process with its children: seconds, and megabytes at the most."""

    answer: Any
    wall_s: float
    processor_s: float
    peak_mb: float


def watched(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None = None,
    codes: tuple[int, ...] = (0,),
) -> Watched:
    """Runs a command to its end; its answer is what it prints. Shared pages count in each process.

    RuntimeError with its name and its standard error if it ends with none of these exit codes.
    """
    import psutil

    with tempfile.TemporaryFile("w+") as answer, tempfile.TemporaryFile("w+") as errors:
        started, busy, peak = time.perf_counter(), _children_s(), 0.0
        with psutil.Popen(command, env=dict(environment), cwd=folder, stdout=answer, stderr=errors) as process:
            while process.poll() is None:
                peak = max(peak, _resident_mb(process))
                time.sleep(SAMPLED_EVERY_S)
        wall_s, processor_s = time.perf_counter() - started, _children_s() - busy
        if process.returncode not in codes:
            errors.seek(0)
            raise RuntimeError(f"{name} has failed:\n{errors.read()}")
        answer.seek(0)
        return Watched(answer.read(), wall_s, processor_s, peak)


def _children_s() -> float:
    """Processor seconds of all child processes that have ended, and of theirs."""
    times = os.times()
    return times.children_user + times.children_system


def _resident_mb(process: Any) -> float:
    import psutil

    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_info().rss
    except psutil.Error:  # one of them ended meanwhile
        pass
    return total / 1e6

"""What a process takes: time on cores, memory, disk."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import NamedTuple

STATUS = Path("/proc/self/status")


class Usage(NamedTuple):
    """What training a run took; None: not measured, as in records older than this.

    Its process's, so that runs trained side by side each tell the whole of it.
    """

    cpu_time_s: float | None = None  # on all cores, all attempts together
    peak_bytes: int | None = None  # of memory, the most that an attempt's process had until the run's end
    work_bytes: int | None = None  # the most that the run's own folder held on disk; 0 if it was never checkpointed


NOT_MEASURED = Usage()


def spent(before: Usage, began_s: float, work: Path) -> Usage:
    """What a run has taken by now: before this attempt, and since this process's time on cores was `began_s`.

    The time stays unknown where that before is; work: the run's own folder.
    """
    cpu_time_s = None if before.cpu_time_s is None else before.cpu_time_s + time.process_time() - began_s
    return Usage(cpu_time_s, max(before.peak_bytes or 0, peak_bytes()), max(before.work_bytes or 0, size_of(work)))


def peak_bytes() -> int:
    """The most memory that this program has had at once.

    Linux tells it of the program; ru_maxrss, which is all that others tell, counts the process that started it, too.
    """
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # bytes there, kilobytes elsewhere


def size_of(folder: Path) -> int:
    """The bytes that checkpoints and replay take up in a run's folder."""
    return sum(file.stat().st_size for pattern in ("checkpoint-*.npz", "*/*.npy") for file in folder.glob(pattern))

"""How good the forecast is: what finished runs took, against what it says of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from suite.lab.records import RunRecord, arrays_path
from suite.study.cells import Planned
from suite.study.forecast import forecast, process_bytes


class Costs(NamedTuple):
    """What a run takes; nan where nobody knows."""

    seconds: float = math.nan  # on one core; of a process that trains several side by side its share
    peak_bytes: float = math.nan  # of memory, its process's
    work_bytes: float = math.nan  # on disk while it is under way; 0 if it was never checkpointed
    kept_bytes: float = math.nan  # on disk afterwards


class Taken(NamedTuple):
    """A finished run: the forecast, and what it took; by_the_clock: in seconds of wall time, as no other are known."""

    task: str
    implementation: str
    expected: Costs
    used: Costs
    by_the_clock: bool


def taken(run: Planned, record: RunRecord, path: Path) -> Taken:
    """What a run took, by its record at `path`.

    Its seconds are those on cores, not the clock's: that is what a forecast can know, whoever else uses the machine.
    """
    cost, used, seats = forecast(run.cell), record.usage, len(record.block)
    peak = process_bytes([run.cell] * seats)
    used_peak, used_work = (math.nan if value is None else float(value) for value in (used.peak_bytes, used.work_bytes))
    seconds = record.wall_time_s if used.cpu_time_s is None else used.cpu_time_s
    kept = sum(file.stat().st_size for file in (path, arrays_path(path)) if file.exists())
    return Taken(
        run.cell.task,
        run.cell.implementation,
        expected=Costs(cost.seconds, peak, cost.work_bytes, cost.kept_bytes),
        used=Costs(seconds / seats, used_peak, used_work, kept),
        by_the_clock=used.cpu_time_s is None,
    )


class Compared(NamedTuple):
    """A forecast and what was used, of the runs that tell; nan where none does."""

    forecast: float
    used: float

    @property
    def factor(self) -> float:
        """How many times the forecast was used."""
        return self.used / self.forecast if self.forecast else math.nan


@dataclass(frozen=True)
class Accuracy:
    """The forecast of some runs against their use; task and implementation are "" for those of the whole study."""

    task: str
    implementation: str
    runs: int
    by_the_clock: int  # runs whose core-hours are the clock's
    core_hours: Compared
    memory_mb: Compared  # of the largest process
    work_mb: Compared  # on disk while they are under way, of runs that were checkpointed, together
    kept_mb: Compared  # on disk afterwards, together


def accuracy(runs: Iterable[Taken]) -> list[Accuracy]:
    """A row for each task and implementation that runs are of, and a last one for all; nothing where there is none."""
    of: dict[tuple[str, str], list[Taken]] = {}
    for run in runs:
        of.setdefault((run.task, run.implementation), []).append(run)
    rows = [_row(*names, some) for names, some in of.items()]
    return [*rows, _row("", "", [run for some in of.values() for run in some])] if rows else []


def _row(task: str, implementation: str, runs: Sequence[Taken]) -> Accuracy:
    def pairs(name: str) -> list[Compared]:
        """Forecast and use, of the runs that tell that they used anything."""
        every = (Compared(getattr(run.expected, name), getattr(run.used, name)) for run in runs)
        return [pair for pair in every if pair.used > 0]

    largest = max(pairs("peak_bytes"), key=lambda pair: pair.used, default=None)
    return Accuracy(
        task=task,
        implementation=implementation,
        runs=len(runs),
        by_the_clock=sum(run.by_the_clock for run in runs),
        core_hours=_together(pairs("seconds"), 3600),
        memory_mb=_together([largest] if largest else [], 1e6),
        work_mb=_together(pairs("work_bytes"), 1e6),
        kept_mb=_together(pairs("kept_bytes"), 1e6),
    )


def _together(pairs: Sequence[Compared], unit: float) -> Compared:
    """Their sums."""
    if not pairs:
        return Compared(math.nan, math.nan)
    return Compared(sum(pair.forecast for pair in pairs) / unit, sum(pair.used for pair in pairs) / unit)

"""How good the forecast was: what finished runs took, against what it said of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from suite.lab.usage import Usage
from suite.study.cells import Cell
from suite.study.forecast import forecast, process_bytes


class Taken(NamedTuple):
    """What a finished run took; numbers that are not known are nan."""

    cell: Cell
    seats: int  # how many runs its process trained side by side
    wall_time_s: float
    cpu_time_s: float  # these three of the process, as in a record's Usage
    peak_bytes: float
    work_bytes: float
    kept_bytes: float  # of its record and final arrays

    @classmethod
    def of(cls, cell: Cell, seats: int, wall_time_s: float, usage: Usage, kept_bytes: float) -> Taken:
        known = (math.nan if value is None else value for value in usage)
        return cls(cell, seats, wall_time_s, *known, kept_bytes)

    @property
    def seconds(self) -> float:
        """Its share of a core's time; of the clock, where no record tells more.

        Time on cores rather than the clock's: that is what a forecast can know, whoever else works on the machine.
        """
        return (self.wall_time_s if math.isnan(self.cpu_time_s) else self.cpu_time_s) / self.seats


class Compared(NamedTuple):
    """A forecast and what was used, of the runs that tell; nan where none does."""

    forecast: float
    used: float

    @property
    def factor(self) -> float:
        """How many times the forecast was used."""
        return self.used / self.forecast if self.forecast else math.nan


UNKNOWN = Compared(math.nan, math.nan)


@dataclass(frozen=True)
class Accuracy:
    """The forecast of some runs against their use; task and implementation are "" for those of the whole study."""

    task: str
    implementation: str
    runs: int
    by_the_clock: int  # runs whose core-hours are the clock's, since they tell no other
    core_hours: Compared
    memory_mb: Compared  # of the largest process
    work_mb: Compared  # on disk while they run, together, of runs that were checkpointed
    kept_mb: Compared  # on disk afterwards, together


def accuracy(runs: Iterable[Taken]) -> list[Accuracy]:
    """A row for each task and implementation that runs are of, and a last one for all; nothing where there is none."""
    of: dict[tuple[str, str], list[Taken]] = {}
    for run in runs:
        of.setdefault((run.cell.task, run.cell.implementation), []).append(run)
    rows = [_row(*names, some) for names, some in of.items()]
    return [*rows, _row("", "", [run for some in of.values() for run in some])] if rows else []


def _row(task: str, implementation: str, runs: Sequence[Taken]) -> Accuracy:
    of_cells = {run.cell: forecast(run.cell) for run in runs}
    costs = [of_cells[run.cell] for run in runs]
    processes = [(process_bytes([run.cell] * run.seats), run.peak_bytes) for run in runs if run.peak_bytes > 0]
    largest = max(processes, key=lambda pair: pair[1], default=(math.nan, math.nan))
    return Accuracy(
        task=task,
        implementation=implementation,
        runs=len(runs),
        by_the_clock=sum(math.isnan(run.cpu_time_s) for run in runs),
        core_hours=_together([(cost.seconds, run.seconds) for cost, run in zip(costs, runs, strict=True)], 3600),
        memory_mb=_together([largest], 1e6),
        work_mb=_together([(cost.work_bytes, run.work_bytes) for cost, run in zip(costs, runs, strict=True)], 1e6),
        kept_mb=_together([(cost.kept_bytes, run.kept_bytes) for cost, run in zip(costs, runs, strict=True)], 1e6),
    )


def _together(pairs: Iterable[tuple[float, float]], unit: float) -> Compared:
    """The sums of forecasts and uses, where a run tells that it used anything."""
    telling = [pair for pair in pairs if pair[1] > 0]
    return Compared(*(sum(column) / unit for column in zip(*telling, strict=True))) if telling else UNKNOWN

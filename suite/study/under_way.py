"""How far a sweep is, by the files it leaves: records and progress. So it is the same wherever its jobs run.

A run is under way while its progress file is fresh. No process is asked, since it may be on another machine.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from suite.lab.progress import Progress, read
from suite.lab.records import RecordError, RunRecord, read_meta
from suite.study.cells import Cell, Planned
from suite.study.forecast import forecast
from suite.study.plan import Plan

STALLED_S = 120.0  # a run whose progress file is older than this is no longer called running
ENDED = ("diverged", "crashed", "interrupted", "timeout", "invalid")
"""How a run may have ended other than finished."""


class State(NamedTuple):
    """Where a run stands: its record's status; without one "running", "stopped" (begun, and on no machine now) or
    "missing", or "to import" where no sweep could make it."""

    run: Planned
    status: str
    progress: Progress | None = None
    record: RunRecord | None = None

    @property
    def to_do(self) -> bool:
        return self.status in ("running", "stopped", "missing")

    @property
    def share_left(self) -> float:
        """Of its environment steps, those that are still to be made."""
        if not self.to_do:
            return 0.0
        return 1 - self.progress.env_step / self.run.cell.env_steps if self.progress else 1.0


class Watch:
    """Looks at a plan's runs again and again; a record that does not change is read once."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self._known: dict[Path, tuple[tuple[int, int], State]] = {}

    def states(self) -> list[State]:
        """Every run's state now."""
        return [self.state(run) for run in self.plan.runs.values()]

    def state(self, run: Planned) -> State:
        """A run's state, by its record, also one that waits for its job's others, or by its progress file."""
        for path in (Path(run.record), self.plan.waiting(run)):
            if (state := self._recorded(run, path)) is not None:
                return state
        if run.cell.implementation in self.plan.imported:
            return State(run, "to import")
        progress = read(self.plan.work(run.cell, run.seed) / "progress.json")
        if progress is None or progress.env_step > run.cell.env_steps:  # of a larger budget
            return State(run, "missing")
        return State(run, "running" if time.time() - progress.time < STALLED_S else "stopped", progress)

    def _recorded(self, run: Planned, path: Path) -> State | None:
        """What the record at `path` says; None where there is none."""
        try:
            status = path.stat()
        except OSError:
            return None
        mark = (status.st_mtime_ns, status.st_size)
        known = self._known.get(path)
        if known is None or known[0] != mark:
            known = self._known[path] = (mark, _read(run, path))
        return known[1]


def _read(run: Planned, path: Path) -> State:
    try:
        record = read_meta(path)
    except RecordError:
        return State(run, "invalid")
    return State(run, record.status, record=record)


def seconds_left(states: Sequence[State], at_once: int = 0) -> float | None:
    """The wall time until no run is left to do; None if nothing is under way, 0 if nothing is to do.

    A run takes what it says of itself once it learns, before that its forecast times what the study's finished runs
    have taken beyond theirs. at_once: how many runs there may be at a time, if more than now.
    """
    to_do = [state for state in states if state.to_do]
    running = [state for state in to_do if state.status == "running"]
    at_once = max(at_once, len(running))
    if not to_do or not at_once:
        return None if to_do else 0.0
    pace = Pace(states)
    left = {id(state): _left(state, pace) for state in to_do}
    longest = max(left.values())
    return max(longest, sum(left.values()) / min(at_once, len(to_do)))


class Pace:
    """How many times its forecast a run takes on the clock here, by the finished runs of its kind."""

    def __init__(self, states: Sequence[State]):
        self._of: dict[tuple[str, ...], list[float]] = {}
        for state in states:
            if state.status == "finished" and state.record and state.record.wall_time_s:
                factor = state.record.wall_time_s / forecast(state.run.cell).seconds
                for kind in self._kinds(state.run.cell):
                    self._of.setdefault(kind, []).append(factor)

    def of(self, cell: Cell) -> float:
        """Of the runs of the cell, else of its task and implementation, of its implementation, of all; else 1."""
        known = next((self._of[kind] for kind in self._kinds(cell) if kind in self._of), [1.0])
        return statistics.median(known)

    @staticmethod
    def _kinds(cell: Cell) -> list[tuple[str, ...]]:
        return [cell.key, (cell.task, cell.implementation), (cell.implementation,), ()]


def _left(state: State, pace: Pace) -> float:
    """The seconds that a run will still take."""
    cell, progress = state.run.cell, state.progress
    if state.status == "running" and progress and progress.env_step > cell.schedule.learn_after:
        return max(progress.eta_s, 0.0)
    return forecast(cell).seconds * pace.of(cell) * state.share_left


def counts(states: Sequence[State]) -> str:
    """How many runs there are of each status, in words."""
    count = Counter(state.status for state in states)
    return ", ".join(f"{number} {status}" for status, number in count.most_common())


def in_words(seconds: float | None) -> str:
    """A time to go, as in "about 3 min left"; "" where it is not known."""
    if seconds is None:
        return ""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            number = seconds / size
            return (
                f"about {number:.0f} {unit} left"
                if number >= 10 or unit == "min"
                else f"about {number:.1f} {unit} left"
            )
    return f"about {max(round(seconds, -1), 10):.0f} s left"

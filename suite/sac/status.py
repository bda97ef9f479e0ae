"""What can become of a run, and what its returns are returns of: one definition for all that count, average or show.

finished     it spent its budget.
diverged     a number of the algorithm's was not finite: a result of the algorithm, scored at the floor, a failure.
crashed      the implementation's own code raised an exception after its first update: likewise a failure.
timeout      its time limit was over; the checkpoint stays.
interrupted  anything else ended it (a signal, the disk, memory, the environment, the suite, a damaged file, whatever
             came before the first update): tried again, and missing data if that does not help.
missing      it was planned and has left no record.
invalid      its record is not what its place says it is.
"""

from __future__ import annotations

from typing import Literal

Status = Literal["finished", "diverged", "crashed", "timeout", "interrupted", "missing", "invalid"]
STATUSES: tuple[Status, ...] = ("finished", "diverged", "crashed", "timeout", "interrupted", "missing", "invalid")
FAILED: tuple[Status, ...] = ("diverged", "crashed")
"""The algorithm's own failures: they count at the floor from where they stopped, and as failures."""

KindOfReturn = Literal["deterministic", "sampled", "training", "unknown"]
KINDS_OF_RETURN: tuple[KindOfReturn, ...] = ("deterministic", "sampled", "training", "unknown")
"""Evaluations with the mean action, evaluations with sampled ones, training's own episodes, or nobody says."""

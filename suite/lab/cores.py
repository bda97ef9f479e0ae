"""The seats of a block on all cores that the process may use, where that is faster than one after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from statistics import median
from typing import Any

TRIALS = 50
"""So often each way is tried, in turns, before the faster one is kept."""


def usable_cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Cores:
    """Does the same work for each seat: in threads, whose physics run side by side, if that proves the faster way.

    Seats share nothing, so either way gives the same to the last bit. Which one is faster depends on the task (MuJoCo's
    steps leave Python's lock, Gymnasium's wrappers hold it), the seats, the cores and who else uses them.
    """

    def __init__(self, seats: int, cores: int | None = None):
        self.threads = min(seats, cores or usable_cores())
        self._pool = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None
        self._seconds: dict[bool, list[float]] = {False: [], True: []}  # in threads?

    def each(self, work: Callable[[Any], None], seats: Sequence[Any]) -> None:
        """work(seat) for every seat."""
        trials = sum(map(len, self._seconds.values()))
        if self._pool is None or trials == 2 * TRIALS:
            self._work(work, seats, self._pool is not None)
            return
        threaded, before = trials % 2 == 1, time.perf_counter()
        self._work(work, seats, threaded)
        self._seconds[threaded].append(time.perf_counter() - before)
        if trials + 1 == 2 * TRIALS and median(self._seconds[False]) <= median(self._seconds[True]):
            self._pool = None

    def _work(self, work: Callable[[Any], None], seats: Sequence[Any], threaded: bool) -> None:
        """In threads, every thread has each so-manieth seat, this one too; an exception waits until all are done."""

        def some(seats: Iterable[Any]) -> None:
            for seat in seats:
                work(seat)

        if not threaded or self._pool is None:
            some(seats)
            return
        others = [self._pool.submit(some, seats[i :: self.threads]) for i in range(1, self.threads)]
        try:
            some(seats[:: self.threads])
        finally:
            wait(others)
        for other in others:
            other.result()

"""Watchdog: what ends a process whose loop no longer ends its steps, since an environment, say, hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from suite.lab.signals import LOOKS_S

STALLED_S = 3600.0  # a step without an end for so long has none; the longest evaluations take minutes
GRACE_S = 60.0  # for the step that runs when the time is over or somebody asks to stop: an evaluation, perhaps
ORPHANS_GRACE_S = 3.0  # nothing outlives its sweep by 5 s; what is not in a checkpoint is done again


class Watchdog(threading.Thread):
    """Looks every second how long the loop has been silent, and ends the process if that is too long.

    reason: of the seconds since the last `beat`, why the process must end now; "" if it need not. leave: ends it.
    A hang that holds the interpreter's lock (in C code that never lets go of it) also stops this thread.
    """

    def __init__(self, reason: Callable[[float], str], leave: Callable[[str], None]):
        super().__init__(name="watchdog", daemon=True)
        self._reason, self._leave = reason, leave
        self._ended = threading.Event()
        self.beat()

    def beat(self) -> None:
        """The loop has ended a step."""
        self._last = time.monotonic()

    def run(self) -> None:
        while not self._ended.wait(LOOKS_S):
            if reason := self._reason(time.monotonic() - self._last):
                self._leave(reason)
                return

    def end(self) -> None:
        """It looks no more; waits until it has stopped looking."""
        self._ended.set()
        if self.is_alive():
            self.join()

"""Watchdog: what ends a process whose loop no longer ends its steps, since an environment, say, hangs."""

from __future__ import annotations

import faulthandler
import threading
import time
from collections.abc import Callable

from suite.lab.signals import LOOKS_S

STALLED_S = 3600.0  # a step without an end for so long has none; the longest evaluations take minutes
GRACE_S = 60.0  # for the step that runs when the time is over or somebody asks to stop: an evaluation, perhaps
LOCKED_S = 86_400.0  # without Python's lock for a day, no thread gets it any more, nor was the process only suspended
STDERR = 2  # as the system counts files
ORPHANS_GRACE_S = 3.0  # nothing outlives its sweep by 5 s; what is not in a checkpoint is done again


class Watchdog(threading.Thread):
    """Looks every second how long the loop has been silent, and ends the process if that is too long.

    reason: of the seconds since the last `beat`, why the process must end now; "" if it need not. leave: ends it.
    Time for which the process itself was stopped, as a cluster suspends jobs, is no silence. A hang that holds Python's
    lock (in C code that never lets go of it) stops this thread, too: then a thread of `faulthandler`, which needs no
    lock, ends the process after LOCKED_S with code 1 and tells where every thread is.
    """

    def __init__(self, reason: Callable[[float], str], leave: Callable[[str], None]):
        super().__init__(name="watchdog", daemon=True)
        self._reason, self._leave = reason, leave
        self._ended = threading.Event()
        self.beat()

    def beat(self) -> None:
        """The loop has ended a step."""
        self._silent_s = 0.0

    def run(self) -> None:
        looked = time.monotonic()
        while True:
            faulthandler.dump_traceback_later(LOCKED_S, exit=True, file=STDERR)
            if self._ended.wait(LOOKS_S):
                break
            before, looked = looked, time.monotonic()
            self._silent_s += min(looked - before, 2 * LOOKS_S)
            if reason := self._reason(self._silent_s):
                self._leave(reason)
                break
        faulthandler.cancel_dump_traceback_later()

    def end(self) -> None:
        """It looks no more; waits until it has stopped looking."""
        self._ended.set()
        if self.is_alive():
            self.join()

"""Signals, and the death of the parent process, as a wish that the loop can grant."""

from __future__ import annotations

import os
import signal


class StopSignals:
    """Turns TERM, INT and USR1 (and, if asked, the parent process's death) into a wish the loop can grant."""

    SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)

    def __init__(self, with_parent: bool) -> None:
        self._asked = ""
        self._parent = os.getppid() if with_parent else None
        self._before = {number: signal.signal(number, self._ask) for number in self.SIGNALS}

    def _ask(self, number: int, frame: object) -> None:
        self._asked = signal.Signals(number).name

    @property
    def asked(self) -> str:
        """Who asked, or nothing. A sweep that was killed must not leave trainers behind that nobody owns."""
        orphaned = self._parent is not None and os.getppid() != self._parent
        return self._asked or ("the death of its parent process" if orphaned else "")

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

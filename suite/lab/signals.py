"""Signals, and the death of the process that started this one, as a wish that the loop can grant."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import psutil

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
LOOKS_S = 1.0  # how often a process looks whether it is an orphan


def listen(handler: Callable[[int, object], None]) -> dict[int, object]:
    """Sets the handler of what asks a process to stop; those before, by signal. What nohup ignores stays ignored."""
    heard = [number for number in STOPPING if signal.getsignal(number) != signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in heard}


def die_of_interrupts() -> None:
    """From here to `listen`, INT ends this process as TERM does, unless it is ignored, as behind a shell.

    As KeyboardInterrupt it would come in the middle of a framework's import, which may swallow it, or abort.
    """
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def restore(handlers: dict[int, object]) -> None:
    """Sets the handlers that were there before."""
    for number, handler in handlers.items():
        signal.signal(number, handler)  # type: ignore[arg-type]


def is_orphan(parent: int | None) -> bool:
    """Whether the process that is said to have started this one, directly or through a shell, is gone."""
    return parent is not None and all(one.pid != parent for one in psutil.Process().parents())


def go_with(parent: int) -> None:
    """Ends this process within two seconds of that one's end."""

    def watch() -> None:
        while not is_orphan(parent):
            time.sleep(LOOKS_S)
        os._exit(1)

    threading.Thread(target=watch, name="go with parent", daemon=True).start()


class StopSignals:
    """Turns TERM, INT, HUP and USR1, and the parent process's death, into a wish the loop can grant.

    parent: its number, known before it can have died; None if nobody cares. `look` finds out whether it lives.
    """

    def __init__(self, parent: int | None) -> None:
        self._asked, self._parent, self.orphaned = "", parent, False
        self._before = listen(self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self._asked = signal.Signals(number).name

    def look(self) -> None:
        """Sees whether the parent is gone: what takes too long to be asked at every step."""
        self.orphaned = self.orphaned or is_orphan(self._parent)

    @property
    def asked(self) -> str:
        """Who asked, or nothing. A sweep that was killed must not leave trainers behind that nobody owns."""
        return self._asked or ("the death of its parent process" if self.orphaned else "")

    def restore(self) -> None:
        restore(self._before)

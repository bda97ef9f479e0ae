"""Children: the processes that a sweep starts, and what becomes of them when it is told to stop."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread
from typing import IO

import psutil

from suite.cli.app import EXIT_INTERRUPTED
from suite.lab.signals import listen, restore

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOOK_S = 1.0


class Children:
    """Runs one command after the other, and ends after them, whatever signal it gets.

    The first signal asks all that run to stop: trainers write their checkpoints. The second ends them at once. As they
    are in a session of their own, a terminal's Ctrl-C and hang-up reach this process alone.
    """

    def __init__(self) -> None:
        self.asked = ""  # the signal
        self.forced = False  # by a second one
        self._running: list[psutil.Process] = []
        self._elsewhere = False

    def __enter__(self) -> Children:
        self._before = listen(self._ask)
        return self

    def __exit__(self, *error: object) -> None:
        restore(self._before)

    def run(
        self,
        command: Sequence[str],
        hear: Callable[[str], None] | None = None,
        look: Callable[[], None] = lambda: None,
        elsewhere: bool = False,
    ) -> int:
        """The command's exit code; EXIT_INTERRUPTED if a signal asked to stop, before it or since.

        hear: takes each line that it prints, in a thread of its own; look: done every second and once at the end.
        elsewhere: its jobs are no processes of this machine; it is told to cancel them, and it alone is waited for.
        """
        if self.asked:
            return EXIT_INTERRUPTED
        self._elsewhere = elsewhere
        output, errors = (subprocess.PIPE, subprocess.STDOUT) if hear else (None, None)
        process = subprocess.Popen(
            command, start_new_session=True, preexec_fn=_as_a_child, stdout=output, stderr=errors
        )
        self._running.append(psutil.Process(process.pid))
        reader = Thread(target=_read, args=(process.stdout, hear), daemon=True)
        reader.start()
        code = None
        while code is None:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(LOOK_S)
            look()
        reader.join(LOOK_S)  # not for ever: what outlives the command may hold its output open
        if self.asked:
            psutil.wait_procs(self._running)
        self._running.clear()
        return EXIT_INTERRUPTED if self.asked else code

    def _ask(self, number: int, frame: object) -> None:
        again, self.asked = bool(self.asked), signal.Signals(number).name
        self.forced = again
        ending = "it ends at once" if again else "what runs saves and stops; a second signal ends it at once"
        os.write(sys.stderr.fileno(), f"{self.asked}: {ending}\n".encode())
        for process in () if self._elsewhere else self._running[:1]:
            with suppress(psutil.NoSuchProcess):
                self._running += [one for one in process.children(recursive=True) if one not in self._running]
        stop = signal.SIGINT if self._elsewhere else signal.SIGTERM  # at TERM Snakemake would wait for jobs to finish
        for process in self._running:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL if again else stop)


def _read(output: IO[bytes] | None, hear: Callable[[str], None] | None) -> None:
    """Hands on each line of a child's output, if there is any, until it ends."""
    for line in output or ():
        assert hear, "output is piped for somebody"
        hear(line.decode(errors="replace").rstrip("\n"))


def _as_a_child() -> None:
    """In the child: it hears INT, which shells make what runs in the background ignore, and which tells Snakemake to
    cancel; and it is killed when this process is, where the system can do that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

"""A watched implementation: whose code an exception was raised in, and whether it had learned by then."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from suite.sac.status import Status

CALLS = (
    *("init", "act", "update", "log_prob", "explain", "get_params", "set_params"),  # of an Implementation
    *("start", "learn", "alpha", "updates", "networks"),  # of a Trainer and its Loop
)
OF_THE_ENVIRONMENT = ("gymnasium", "mujoco", "suite.lab.tasks")
"""Modules whose exceptions are the environment's, though a package's own loop called them."""

OUT_OF_MEMORY = ("out of memory", "RESOURCE_EXHAUSTED")
"""What frameworks say, in exceptions of many kinds, where there is no memory left."""


class Watched:
    """An implementation, or a package's loop, that remembers which exceptions its own code raised."""

    def __init__(self, target: Any):
        self._target = target
        self._loop: Watched | None = None  # a package's, once it has started
        self._learned = False  # whether an update has ended well, or was loaded from a checkpoint
        self._raised: BaseException | None = None

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if name not in CALLS:
            return value
        guarded = self._guarded(name, value)
        setattr(self, name, guarded)
        return guarded

    def _guarded(self, name: str, call: Callable) -> Callable:
        def guarded(*arguments: Any, **named: Any) -> Any:
            try:
                value = call(*arguments, **named)
            except Exception as error:
                self._raised = error
                raise
            if name == "update":
                self._learned = True
            elif name == "set_params":
                self._learned = self._learned or bool(np.max(arguments[1].get("updates_done", 0)) > 0)
            elif name == "start":
                self._loop = value = Watched(value)
            return value

        return functools.update_wrapper(guarded, call)

    def status_of(self, error: BaseException) -> Status:
        """What an exception makes of the run: see suite.sac.status."""
        of_its_code = error is self._raised or (self._loop is not None and error is self._loop._raised)
        if not of_its_code or not self._has_learned():
            return "interrupted"
        if isinstance(error, OSError | MemoryError) or any(text in str(error) for text in OUT_OF_MEMORY):
            return "interrupted"
        return "interrupted" if _in_the_environment(error) else "crashed"

    def _has_learned(self) -> bool:
        """Whether there has been an update; a package's loop that cannot even tell is taken to have had some."""
        if self._loop is None:
            return self._learned
        try:
            return self._loop.updates() > 0
        except Exception:
            return True


def _in_the_environment(error: BaseException) -> bool:
    """Whether the environment's code was running when it was raised."""
    modules = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(module == name or module.startswith(f"{name}.") for module in modules for name in OF_THE_ENVIRONMENT)

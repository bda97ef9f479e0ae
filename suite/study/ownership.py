"""Ownership: one sweep at a time works on a folder of results, whichever directory or checkout it is started from."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

from suite.errors import UsageError
from suite.study.plan import Plan

OWNER = "SAC_SUITE_SWEEP_LOCK"  # the environment variable by which a sweep's own processes know that it has the lock

_held: list[FileLock] = []  # a lock that nobody refers to is let go


def take(plan: Plan) -> FileLock | None:
    """Locks the results of a plan until the process ends, or the lock is let go; None if this process's sweep has it.

    UsageError while another sweep works on them.
    """
    path = Path(plan.config.results, ".work", "sweep.lock").absolute()
    if os.environ.get(OWNER) == str(path):
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        sentence = f"another sweep is running here (it holds {path}); wait for it or stop it first"
        raise UsageError(sentence) from None
    os.environ[OWNER] = str(path)
    _held.append(lock)
    return lock


def release(lock: FileLock | None) -> None:
    """Lets it go, if this process has taken it."""
    if lock:
        del os.environ[OWNER]
        _held.remove(lock)
        lock.release()

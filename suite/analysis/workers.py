"""Jobs done in this process or in several; the numbers are the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Protocol, TypeVar

from suite.lab.signals import go_with

T = TypeVar("T")


class DoJobs(Protocol):
    """Does jobs, possibly in other processes, and returns what they return in the same order."""

    def __call__(self, jobs: Iterable[Callable[[], T]], /) -> list[T]: ...


@contextmanager
def processes(workers: int) -> Iterator[DoJobs]:
    """What does jobs: this process alone, or so many others beside it."""
    if workers == 1:
        yield _do_all
        return
    spawned = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawned, initializer=go_with, initargs=(os.getpid(),)) as pool:

        def do_jobs(jobs: Iterable[Callable[[], T]], /) -> list[T]:
            return list(pool.map(_do, jobs))

        yield do_jobs


def _do_all(jobs: Iterable[Callable[[], T]], /) -> list[T]:
    return [job() for job in jobs]


def _do(job: Callable[[], T]) -> T:
    return job()

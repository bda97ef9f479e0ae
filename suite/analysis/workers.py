"""Jobs done in this process or in several; the numbers are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Protocol, TypeVar

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
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:

        def do_jobs(jobs: Iterable[Callable[[], T]], /) -> list[T]:
            return list(pool.map(_do, jobs))

        yield do_jobs


def _do_all(jobs: Iterable[Callable[[], T]], /) -> list[T]:
    return [job() for job in jobs]


def _do(job: Callable[[], T]) -> T:
    return job()

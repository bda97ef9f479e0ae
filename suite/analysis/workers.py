"""Jobs done in this process or in several; the numbers are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context


@contextmanager
def crew(workers: int) -> Iterator[Run]:
    """Somebody to do jobs: this process alone, or so many others beside it."""
    if workers == 1:
        yield lambda jobs: [job() for job in jobs]
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield lambda jobs: list(pool.map(_do, jobs))


def _do(job: Callable[[], dict]) -> dict:
    return job()


Run = Callable[[Iterable[Callable[[], dict]]], list[dict]]
"""Does jobs, possibly in other processes, and returns what they return in the same order."""

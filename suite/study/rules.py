"""The rules by which Snakemake trains: what one job makes, a run, seeds of a cell in lockstep, or runs in turn."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import implementations
from suite.errors import UsageError
from suite.study.cells import ANY_CELL, RECORD, WORK, Planned
from suite.study.forecast import forecast

if TYPE_CHECKING:
    from suite.study.plan import Plan


class Rule(NamedTuple):
    """A Snakemake rule of training: its name, what a job of it makes, its log, a pattern of its cells."""

    name: str
    records: list[str]  # with wildcards where many jobs are alike
    log: str
    cells: str = ANY_CELL
    how: str = ""  # what `run` is told besides
    priority: int = 0  # what is begun first, so that nothing long is left for the end


def of_training(plan: Plan, settings: Mapping[str, object]) -> list[Rule]:
    """The rules of a plan: seeds_per_job seeds train in lockstep, or runs_per_job runs in turn; without these, one.

    UsageError for settings that cannot be.
    """
    seeds, runs = settings.get("seeds_per_job", 1), settings.get("runs_per_job", 1)
    if runs != 1 and seeds != 1:
        raise UsageError("seeds_per_job and runs_per_job are both set; seeds train in lockstep, or runs in turn")
    if runs != 1:
        return _in_turn(plan, runs)
    rules = []
    for block in plan.blocks(seeds):  # type: ignore[arg-type]
        log, *records = (
            f"{plan.config.results}/{pattern.format(cell='{cell}', seed=seed, env_steps='{env_steps}')}"
            for pattern, seed in [(WORK + "/{env_steps}.log", block.seeds[0]), *((RECORD, one) for one in block.seeds)]
        )
        rules.append(Rule(block.name, records, log, block.cells))
    return rules


def _in_turn(plan: Plan, size: object) -> list[Rule]:
    """So many runs of one implementation, or minutes of them by the forecast, one after the other in one process.

    A package trains each run in a process of its own.
    """
    asked = re.fullmatch(r"([1-9][0-9]*)(min)?", str(size))
    if not asked:
        wanted = "a whole number from 1, or of minutes to fill, as in --config runs_per_job=30min"
        raise UsageError(f"runs_per_job is {size!r}; it must be {wanted}")
    limit = int(asked[1]) * (60 if asked[2] else 1)
    seconds = {cell.key: forecast(cell).seconds for cell in plan.cells}
    jobs: list[list[Planned]] = []
    latest: dict[str, tuple[float, list[Planned]]] = {}  # of each implementation: its last job, and how full it is
    for run in plan.runs.values():
        name = run.cell.implementation
        if name in plan.imported:
            continue
        cost = seconds[run.cell.key] if asked[2] else 1
        filled, job = latest.get(name, (math.inf, []))
        if filled + cost > limit or implementations.registered()[name].trainer:
            filled, job = 0, []
            jobs.append(job)
        job.append(run)
        latest[name] = filled + cost, job
    rules = []
    for n, job in enumerate(jobs):
        log, filled = plan.waiting(job[0]).with_suffix(".log"), sum(seconds[run.cell.key] for run in job)
        rules.append(Rule(f"runs_{n}", [run.record for run in job], str(log), how="--in-turn", priority=round(filled)))
    return rules

"""The rules by which Snakemake trains: what one job makes, a run, a block in lockstep, or runs in turn."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import implementations
from suite.errors import UsageError
from suite.study.cells import ANY_CELL, RECORD, WORK, Planned
from suite.study.forecast import Resources, forecast, resources

if TYPE_CHECKING:
    from suite.study.plan import Plan

Jobs = list[list[Planned]]
"""The runs that one process trains, of every process."""


SETTINGS = ("seeds_per_job", "runs_per_job")
"""What Snakemake's --config may say: how runs are put into jobs, never which."""


class Rule(NamedTuple):
    """A Snakemake rule of training: its name, what a job of it makes, its log and needs, a pattern of its cells."""

    name: str
    records: list[str]  # with wildcards where many jobs are alike
    log: str
    needs: Mapping[str, Resources]  # of a job, by its cell's path, or by "" where the rule has but one
    cells: str = ANY_CELL
    how: str = ""  # what `run` is told besides
    priority: int = 0  # what is begun first, so that nothing long is left for the end

    def mem_mb(self, wildcards: Mapping[str, str], attempt: int) -> int:
        """The MiB that a job asks for; half as much more at every further attempt: too little may have ended one."""
        return self.needs[wildcards.get("cell", "")].mem_mb * (1 + attempt) // 2

    def runtime(self, wildcards: Mapping[str, str]) -> int:
        """The minutes that a job asks for; the next attempt goes on where they were over."""
        return self.needs[wildcards.get("cell", "")].minutes


def of_training(plan: Plan, settings: Mapping[str, object]) -> list[Rule]:
    """The rules of a plan: seeds_per_job seats train in lockstep, or runs_per_job runs in turn; without these, one run.

    UsageError for settings that cannot be.
    """
    seats, runs = settings.get("seeds_per_job", 1), settings.get("runs_per_job", 1)
    if runs != 1 and seats != 1:
        raise UsageError("seeds_per_job and runs_per_job are both set; seeds train in lockstep, or runs in turn")
    trained = [run for run in plan.runs.values() if run.cell.implementation not in plan.imported]
    seconds = {cell.key: forecast(cell).seconds for cell in plan.cells}
    if runs != 1:
        return _named(plan, "runs", _in_turn(trained, runs, seconds), seconds, how="--in-turn")
    if not isinstance(seats, int) or seats < 1:
        wanted = "a whole number from 1, as in --config seeds_per_job=10"
        raise UsageError(f"seeds_per_job is {seats!r}; it must be {wanted}")
    if seats > 1:
        return _blocks(plan, _in_lockstep(trained, seats), seconds)
    others = "".join(f"(?!{re.escape(name)}/)" for name in sorted(plan.imported))
    return [_alike(plan, "run", ["{seed}"], ANY_CELL.replace("+/", f"+/{others}", 1))] if trained else []


def _alike(plan: Plan, name: str, seeds: Sequence[object], cells: str) -> Rule:
    """One rule for the same seeds of every cell that fits the pattern: Snakemake tries each file against every rule."""
    folder = plan.config.results
    records = [str(Path(folder, RECORD.replace("{seed}", str(seed)))) for seed in seeds]
    log = Path(folder, WORK.replace("{seed}", str(seeds[0])), "{env_steps}.log")
    trained = [cell for cell in plan.cells if cell.implementation not in plan.imported]
    needs = {cell.path: resources([cell] * len(seeds)) for cell in trained}
    return Rule(name, records, str(log), needs, cells)


def _blocks(plan: Plan, jobs: Jobs, seconds: Mapping[tuple, float]) -> list[Rule]:
    """A rule for every block of several cells, and one for all blocks of the same seeds of one cell."""
    cells: dict[tuple[int, ...], list[str]] = {}
    of_arms = []
    for job in jobs:
        if len({run.cell.key for run in job}) > 1:
            of_arms.append(job)
        else:
            cells.setdefault(tuple(run.seed for run in job), []).append(job[0].cell.path)
    alike = [
        _alike(plan, "block_" + "_".join(map(str, seeds)), seeds, "|".join(map(re.escape, paths)))
        for seeds, paths in cells.items()
    ]
    return alike + _named(plan, "block_of_arms", of_arms, seconds)


def _named(plan: Plan, name: str, jobs: Jobs, seconds: Mapping[tuple, float], how: str = "") -> list[Rule]:
    """A rule a job, the longest first; seconds: of a run, by its cell's key."""
    rules = []
    for n, job in enumerate(jobs):
        log, filled = plan.waiting(job[0]).with_suffix(".log"), sum(seconds[run.cell.key] for run in job)
        needs = {"": resources([run.cell for run in job], in_turn=bool(how))}
        records = [run.record for run in job]
        rules.append(Rule(f"{name}_{n}", records, str(log), needs, how=how, priority=round(filled)))
    return rules


def _in_lockstep(trained: list[Planned], seats: int) -> Jobs:
    """So many seeds of one cell, or of the cells that differ in numbers which the engine takes as arrays.

    A package trains its seeds alone, and so does a schedule that each seed's episodes move.
    """
    together: dict[object, list[Planned]] = {}
    shapes = {run.cell.key: run.cell.shape for run in trained}
    for run in trained:
        entry, cell = implementations.registered()[run.cell.implementation], run.cell
        alone = entry.trainer or not cell.schedule.lockstep
        key: object = shapes[cell.key] if entry.arms else cell.key
        together.setdefault(run.record if alone else key, []).append(run)
    return [block[at : at + seats] for block in together.values() for at in range(0, len(block), seats)]


def _in_turn(trained: list[Planned], size: object, seconds: Mapping[tuple, float]) -> Jobs:
    """So many runs of one implementation, or minutes of them by the forecast, one after the other in one process.

    A package trains each run in a process of its own.
    """
    asked = re.fullmatch(r"([1-9][0-9]*)(min)?", str(size))
    if not asked:
        wanted = "a whole number from 1, or of minutes to fill, as in --config runs_per_job=30min"
        raise UsageError(f"runs_per_job is {size!r}; it must be {wanted}")
    limit = int(asked[1]) * (60 if asked[2] else 1)
    jobs: Jobs = []
    latest: dict[str, tuple[float, list[Planned]]] = {}  # of each implementation: its last job, and how full it is
    for run in trained:
        name = run.cell.implementation
        cost = seconds[run.cell.key] if asked[2] else 1
        filled, job = latest.get(name, (math.inf, []))
        if filled + cost > limit or implementations.registered()[name].trainer:
            filled, job = 0, []
            jobs.append(job)
        job.append(run)
        latest[name] = filled + cost, job
    return jobs

"""Cells, runs and labels of a study, and where their files lie."""

from __future__ import annotations

from typing import NamedTuple

from suite.sac.contract import Job
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec

RECORD = "runs/{cell}/s{seed}-{env_steps}.parquet"


WORK = ".work/{cell}/s{seed}"
"""Where a run's record lies, and its folder of checkpoints and logs, under the results folder."""


ANY_CELL = "[^/]+/[^/]+/[0-9a-f]{10}"
"""What {cell} may be (task/implementation/run_id); without it Snakemake tries every way of cutting a path."""


class Label(NamedTuple):
    """A name under which a study asks for a run: a preset's, or an ablation's arm's."""

    preset: str
    ablation: str  # "" for a plain preset
    arm: str
    levels: dict[str, str]
    baseline: bool

    def __str__(self) -> str:
        return f"{self.ablation}/{self.arm}" if self.ablation else self.preset


class Cell(NamedTuple):
    """Runs that differ only in their seed: one task, implementation and resolved spec, at one budget."""

    task: str
    implementation: str
    run_id: str
    spec: SacSpec
    schedule: Schedule
    evaluate_every: int
    evaluation_episodes: int
    env_steps: int
    variant: str  # the first label that asked for it
    preset: str  # and the preset that label starts from

    @property
    def path(self) -> str:
        """Its folder: what its runs have in common."""
        return f"{self.task}/{self.implementation}/{self.run_id}"

    def job(self, seeds: tuple[int, ...], study: str, declaration: str) -> Job:
        """What a training process needs to know of this cell and the seeds it trains."""
        own = self._asdict()
        origin = {"study": study, "variant": own.pop("variant"), "preset": own.pop("preset")}
        return Job(**own, seeds=seeds, origin=origin | {"declaration": declaration})


class Planned(NamedTuple):
    """One run: a cell, a seed, and the record it must leave."""

    cell: Cell
    seed: int
    record: str


class Block(NamedTuple):
    """A Snakemake rule of training: its name, the seeds that one process trains, and a pattern of the cells."""

    name: str
    seeds: list[int] | list[str]  # or the wildcard that stands for each one alone
    cells: str


CELL = ["task", "implementation", "run_id"]


def key_of(cell: dict) -> tuple:
    """Task, implementation and run id."""
    return tuple(cell[name] for name in CELL)


CELL_COLUMNS = ["task", "implementation", "variant", "run_id"]

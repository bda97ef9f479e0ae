"""Cells, runs and labels of a study, and where their files lie."""

from __future__ import annotations

from typing import NamedTuple

from suite.sac.contract import Job, Origin
from suite.sac.schedule import Schedule
from suite.sac.specs import Spec
from suite.specimens.naming import claimed

RECORD, WORK = "runs/{cell}/s{seed}-{env_steps}.parquet", ".work/{cell}/s{seed}"
"""Where a run's record lies, and its folder of checkpoints and logs, under the results folder."""

ANY_CELL = "[^/]+/[^/]+/[0-9a-f]{10}"
"""What {cell} may be (task/implementation/run_id); without it Snakemake tries every way of cutting a path."""

CELL = ["task", "implementation", "run_id"]  # what tables join cells by
CELL_COLUMNS = ["task", "implementation", "variant", "run_id"]


class Label(NamedTuple):
    """A name under which a study asks for a run: a preset's, or an ablation's arm's."""

    preset: str
    ablation: str = ""  # "" for a plain preset
    arm: str = ""
    levels: tuple[tuple[str, str], ...] = ()  # of each factor, in the ablation's order
    baseline: bool = False  # whether the arm is its ablation's baseline

    @property
    def key(self) -> tuple[str, str]:
        """What no two labels of a study share on a task: the ablation and the arm, or the preset and nothing."""
        return (self.ablation, self.arm) if self.ablation else (self.preset, "")

    def __str__(self) -> str:
        return f"{self.ablation}/{self.arm}" if self.ablation else self.preset


class Cell(NamedTuple):
    """Runs that differ only in their seed: one task, implementation and resolved spec, at one budget."""

    task: str
    implementation: str
    run_id: str
    spec: Spec
    schedule: Schedule
    evaluate_every: int
    evaluation_episodes: int
    env_steps: int
    label: Label  # the first that asked for it
    final_episodes: int | None = None  # of the evaluation at the budget, where these are more

    @property
    def key(self) -> tuple[str, str, str]:
        """What CELL names."""
        return self.task, self.implementation, self.run_id

    @property
    def variant(self) -> str:
        """The name to show for it."""
        return str(self.label) if self.label.ablation else claimed(self.label.preset, self.implementation)

    @property
    def shape(self) -> tuple:
        """What cells have in common whose runs one lockstep can hold, where the implementation takes `arms`."""
        same = self.task, self.implementation, self.schedule, self.evaluate_every, self.evaluation_episodes
        return (*same, self.final_episodes, self.env_steps, self.spec.structure)

    @property
    def path(self) -> str:
        """Its folder: what its runs have in common."""
        return f"{self.task}/{self.implementation}/{self.run_id}"

    def job(self, seeds: tuple[int, ...], study: str, declaration: str) -> Job:
        """What a training process needs to know of this cell and the seeds it trains."""
        fields = self._asdict()
        label = fields.pop("label")
        return Job(**fields, seeds=seeds, origin=Origin(study, label.preset, label.ablation, label.arm, declaration))


class Asked(NamedTuple):
    """A label on one task in one implementation: the cell that it means there, and its seeds."""

    label: Label
    cell: Cell
    seeds: list[int]


class Planned(NamedTuple):
    """One run: a cell, a seed, and the record it must leave."""

    cell: Cell
    seed: int
    record: str

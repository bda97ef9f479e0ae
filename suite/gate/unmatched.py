"""Cells without a published counterpart: what keeps each from the nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from suite.analysis.check_rows import CheckRow
from suite.analysis.types import CellKey
from suite.gate.settings import ADVISED, SCHEME, Settings, differences, near, settings_of, settings_of_preset
from suite.published import comparability
from suite.published.anchors import Anchor
from suite.published.references import Reference
from suite.sac.identity import Difference
from suite.specimens.naming import in_full
from suite.study.cells import CELL_COLUMNS


def comparable(task: str, reference: Reference, at: int, floor: float) -> bool:
    """Whether a published step is one to compare with: above the random policy's return, else there is no margin, and
    of an environment that stands for the task by then."""
    return reference.summaries[at].mean > floor and comparability.comparable(task, reference.environment, at)


class Candidate(NamedTuple):
    """A published step of a preset's settings, and what sets a cell's settings apart from these."""

    reference: Reference
    env_step: int
    differences: list[Difference]

    @property
    def fields(self) -> list[str]:
        """The switches that differ."""
        return [one.field for one in self.differences]

    @property
    def foreign(self) -> list[str]:
        """The differing switches that make another algorithm or measurement."""
        return [field for field in self.fields if field in SCHEME]


def unmatched(
    runs: pd.DataFrame, references: Sequence[Reference], random_policy: Mapping[str, Anchor], rows: Sequence[CheckRow]
) -> list[str]:
    """A sentence for every cell without a row: what keeps it from the nearest published result of its task."""
    compared = {(CellKey(row.task, row.implementation, row.run_id), row.variant) for row in rows}
    sentences = []
    for (task, implementation, variant, run_id), of_cell in runs.groupby(CELL_COLUMNS, sort=True):
        if (CellKey(task, implementation, run_id), variant) not in compared:
            kept_apart = _kept_apart(task, of_cell, references, random_policy)
            sentences.append(f"{task}, {in_full(implementation, variant)}: {kept_apart}")
    return sentences


def _kept_apart(
    task: str, runs: pd.DataFrame, references: Sequence[Reference], random_policy: Mapping[str, Anchor]
) -> str:
    of_task = [reference for reference in references if task in reference.tasks]
    if not of_task:
        return "of this task nothing is published in suite/published."
    candidates = _candidates(task, settings_of(runs.iloc[0]), of_task)
    if not candidates:
        return "what is published of this task has the settings of no preset."
    nearest = min(candidates, key=_distance)
    name = nearest.reference.name
    if nearest.foreign:
        return f"nearest is {name}, another algorithm or measurement ({', '.join(nearest.foreign)})."
    if not near(nearest.differences):
        away = f"{len(nearest.fields)} switches away ({', '.join(nearest.fields)})"
        return f"nearest is {name}, {away}; at most {ADVISED} may differ."
    floor = random_policy[task].mean
    steps = [
        (one.env_step, one.reference.name)
        for one in candidates
        if near(one.differences) and comparable(task, one.reference, one.env_step, floor)
    ]
    if not steps:
        return f"nearest is {name}, of which no step's environment and return may be compared (versions.csv)."
    return _too_early(*min(steps), runs)


def _too_early(first: int, name: str, runs: pd.DataFrame) -> str:
    """Why a cell has no row though settings and environment agree; first: the first comparable step, of `name`."""
    last, every = runs["env_steps"].max(), runs["evaluate_every"].min()
    if last < first:
        return f"nearest is {name}, from {first:,} environment steps on; these runs end at {last:,}."
    return f"its runs are evaluated every {every:,} environment steps, and at no published step before that."


def _candidates(task: str, ours: Settings, references: Sequence[Reference]) -> list[Candidate]:
    return [
        Candidate(reference, at, differences(ours, settings_of_preset(preset, task, changes), at))
        for reference in references
        for preset, changes in reference.presets.items()
        for at in sorted(reference.summaries)
    ]


def _distance(candidate: Candidate) -> tuple[int, int, str]:
    return len(set(candidate.foreign)), len(candidate.fields), candidate.reference.name

"""Cells without a published counterpart: what keeps each from the nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from suite.gate.settings import ADVISED, SCHEME, differences, near, settings_of, settings_of_preset
from suite.published import comparability as published
from suite.published.anchors import Anchor
from suite.published.references import Reference
from suite.sac.identity import Difference
from suite.study.cells import CELL_COLUMNS


def comparable(task: str, reference: Reference, at: int, floor: float) -> bool:
    """Whether a published step is one to compare with: above the random policy's return, else there is no margin, and
    of an environment that stands for the task by then."""
    return reference.summaries[at].mean > floor and published.comparable(task, reference.environment, at)


def unmatched(
    runs: pd.DataFrame, references: Sequence[Reference], random_policy: Mapping[str, Anchor], rows: Sequence[dict]
) -> list[str]:
    """A sentence for every cell without a row: what keeps it from the nearest published result of its task."""
    met = {tuple(row[name] for name in CELL_COLUMNS) for row in rows}
    return [
        f"{cell[0]}, {cell[1]} {cell[2]}: {_kept_apart(cell[0], own, references, random_policy)}"
        for cell, own in runs.groupby(CELL_COLUMNS, sort=True)
        if cell not in met
    ]


def _kept_apart(
    task: str, runs: pd.DataFrame, references: Sequence[Reference], random_policy: Mapping[str, Anchor]
) -> str:
    ours, of_task = settings_of(runs.iloc[0]), [one for one in references if task in one.tasks]
    if not of_task:
        return "of this task nothing is published in suite/references."
    candidates = [
        (reference, at, differences(ours, settings_of_preset(preset, task, changes), at))
        for reference in of_task
        for preset, changes in reference.presets.items()
        for at in sorted(reference.summaries)
    ]
    if not candidates:
        return "what is published of this task has the settings of no preset."
    reference, _, differs = min(candidates, key=_distance)
    fields = [one.field for one in differs]
    if foreign := [field for field in fields if field in SCHEME]:
        return f"nearest is {reference.name}, another algorithm or measurement ({', '.join(foreign)})."
    if not near(differs):
        away = f"{len(fields)} switches away ({', '.join(fields)})"
        return f"nearest is {reference.name}, {away}; at most {ADVISED} may differ."
    floor = random_policy[task].mean
    steps = [(at, one.name) for one, at, found in candidates if near(found) and comparable(task, one, at, floor)]
    if not steps:
        return f"nearest is {reference.name}, of which no step's environment and return may be compared (versions.csv)."
    (first, name), ends, every = min(steps), runs["env_steps"].max(), runs["evaluate_every"].min()
    if ends < first:
        return f"nearest is {name}, from {first:,} environment steps on; these runs end at {ends:,}."
    return f"its runs are evaluated every {every:,} environment steps, and at no published step before that."


def _distance(candidate: tuple[Reference, int, list[Difference]]) -> tuple[int, int, str]:
    reference, _, differs = candidate
    return len(SCHEME & {one.field for one in differs}), len(differs), reference.name

"""The regression check: every cell of a study against every published result of the same settings.

A row is one cell at one published step against one reference. What decides is one row a task, the primary endpoint of
an implementation and preset, judged by looks at its first seeds (`suite.statistics.looks`); the primary endpoints of
one implementation and preset are a family, which passes if all of them do. All other rows are shown beside them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import pandas as pd

from suite.analysis.check_rows import Basis, CheckFile, CheckRow, PublishedSummary
from suite.analysis.declared import Declared
from suite.analysis.results_file import write_check
from suite.analysis.tables import read_table
from suite.analysis.types import CellKey
from suite.gate.families import with_families
from suite.gate.settings import Settings, arms_of, blinded, differences, near, settings_of, settings_of_preset
from suite.gate.unmatched import comparable, unmatched
from suite.gate.verdict import decide, judge
from suite.gate.whole_curves import compare_curves
from suite.gate.window_means import (
    EvaluationMeans,
    Sample,
    StudyTables,
    gathered,
    judged,
    kind_of_return,
    means_by_run,
    sample,
)
from suite.gate.wording import sentence
from suite.published import anchors, reading
from suite.published.anchors import Anchor
from suite.published.comparability import gates, spread_elsewhere
from suite.published.csv_tables import BrokenReference
from suite.published.references import Reference
from suite.sac.identity import Difference
from suite.statistics import looks, two_samples
from suite.study.cells import CELL_COLUMNS
from suite.study.config import Check


def check(
    tables: StudyTables,
    references: Sequence[Reference],
    random_policy: Mapping[str, Anchor],
    options: Check = Check(),  # noqa: B008 - immutable
    declared: Declared = Declared(),  # noqa: B008 - immutable
    arms: Collection[CellKey] = (),
) -> list[CheckRow]:
    """One row per cell (task, implementation, variant), comparable reference and published step within its budget.

    options.margin: the tolerated loss as a fraction of the reference's return above the random policy's; a published
    step that is not above it has no margin and is left out. options.confidence: of the two-sided interval (0.90:
    one-sided limits at 95 %). options.gate: as `gates` reads it; options.looks: numbers of seeds. declared: seed and
    draws of what is permuted and resampled, and how secondary rows are adjusted. arms: cells that are arms of ablations
    and no preset, whose rows are never primary.

    A diverged or crashed run counts at the random policy's return from where it stopped. A run without a result is
    missing: a look waits for it, and what is judged outside looks must also hold with every missing run at that return,
    or as good as the best one.
    """
    gated, means, tables = gates(options.gate), means_by_run(tables.evaluations), judged(tables)
    compared: list[_Compared] = []
    for (task, implementation, variant, run_id), runs in tables.runs.groupby(CELL_COLUMNS, sort=True):
        of_task = [reference for reference in references if task in reference.tasks]
        if of_task and task not in random_policy:
            remedy = "python -m suite.published.measure adds it"
            raise BrokenReference(f"random_policy.csv: task {task} is missing; {remedy}")
        if of_task:
            cell, settings = CellKey(task, implementation, run_id), settings_of(runs.iloc[0])
            floor = random_policy[task].mean
            checked = _CheckedCell(cell, variant, runs, settings, means, floor, options, declared)
            compared += [row for reference in of_task for row in checked.compared(reference)]
    chosen = _primary(one for one in compared if not one.row.advisory and one.key not in arms and gated(*one.place))
    rows = [_decided(one, references, options) if one in chosen else one.row for one in compared]
    rows = with_families(rows, declared.families.regression)
    return [replace(row, sentence=sentence(row)) for row in rows]


def main(
    study_dir: str | Path,
    options: Check = Check(),  # noqa: B008 - immutable
    declared: Declared = Declared(),  # noqa: B008 - immutable
    *,
    blind: bool = False,
) -> CheckFile:
    """The check of a gathered study against the suite's references, which its check.json gets.

    blind: ablations' arms are taken for their baselines, as `blinded` says; nothing is written then.
    """
    references, random_policy, tables = reading.load(), anchors.random_policy(), gathered(study_dir)
    manifest = read_table(study_dir, "manifest")
    if blind:
        tables = tables._replace(runs=blinded(tables.runs, manifest))
    arms = set() if blind else arms_of(manifest)
    rows = check(tables, references, random_policy, options, declared, arms)
    checked = CheckFile(tuple(rows), tuple(unmatched(tables.runs, references, random_policy, rows)))
    if not blind:
        write_check(Path(study_dir), checked)
    return checked


class _ComparedStep(NamedTuple):
    """A published step with a cell's sample there, and how its settings differ from those published."""

    env_step: int
    ours: Sample
    differs: list[Difference]


@dataclass(frozen=True, eq=False)
class _Compared:
    """A row as all runs at once have it, and what it would be decided from."""

    row: CheckRow
    ours: Sample
    reference: Reference

    @property
    def key(self) -> CellKey:
        return CellKey(self.row.task, self.row.implementation, self.row.run_id)

    @property
    def place(self) -> tuple[str, str, int]:
        return self.row.task, self.row.reference, self.row.env_step


def _primary(may_decide: Iterable[_Compared]) -> set[_Compared]:
    """Of each cell the row at the last step; of several references there the one with the most published runs."""
    best: dict[CellKey, _Compared] = {}
    for one in may_decide:
        rank = [(of.row.env_step, of.row.published.n or 0) for of in (one, best.get(one.key, one))]
        if rank[0] > rank[1] or one.key not in best:
            best[one.key] = one
    return set(best.values())


def _decided(one: _Compared, references: Sequence[Reference], options: Check) -> CheckRow:
    """The row of a primary endpoint."""
    row = one.row
    there, floor = row.published, row.random_policy
    elsewhere = spread_elsewhere(one.reference, references, row.task, row.env_step, floor)
    sd, df = looks.shrunk(cast(float, there.sd), cast(int, there.n), elsewhere)
    published = looks.Published(there.mean, sd, cast(int, there.n), df, one.reference.known_error)
    decision = decide(one.ours, published, floor, options.margin, options.confidence, options.looks)
    planned = replace(row, role="primary", looks_planned=tuple(options.looks), seeds_planned=row.ours.n_planned)
    return replace(planned, **decision._asdict())


@dataclass(frozen=True)
class _CheckedCell:
    """A cell with all that its rows need beside the reference."""

    key: CellKey
    variant: str
    runs: pd.DataFrame
    settings: Settings
    means: EvaluationMeans
    floor: float
    options: Check
    declared: Declared

    def compared(self, reference: Reference) -> list[_Compared]:
        """The rows against one reference; the last also bears the comparison of whole curves, where there is one."""
        steps = self.compared_steps(reference)
        rows = [self.row(reference, step) for step in steps]
        if rows:
            stream = ("check", self.key.task, self.key.implementation, self.variant, self.key.run_id, reference.name)
            samples = {step.env_step: step.ours for step in steps}
            curve = compare_curves(reference, samples, self.floor, self.options, self.declared, stream)
            rows[-1] = replace(rows[-1], curve=curve)
        return [_Compared(row, step.ours, reference) for row, step in zip(rows, steps, strict=True)]

    def compared_steps(self, reference: Reference) -> list[_ComparedStep]:
        """The published steps at which this cell's settings are near enough and a run of it was planned to be."""
        task, steps = self.key.task, []
        published = [settings_of_preset(preset, task, changes) for preset, changes in reference.presets.items()]
        for at in sorted(reference.summaries):
            apart = [differences(self.settings, one, at) for one in published]
            near_enough = [one for one in apart if near(one)]
            if near_enough and comparable(task, reference, at, self.floor):
                ours = sample(self.runs, self.means, at, self.floor)
                if ours.planned:
                    steps.append(_ComparedStep(at, ours, min(near_enough, key=len)))
        return steps

    def row(self, reference: Reference, step: _ComparedStep) -> CheckRow:
        """The row of one step; what depends on all rows of a check is still to be filled in."""
        ours, published = step.ours, _published(reference, step.env_step)
        margin, confidence = self.options.margin * (published.mean - self.floor), self.options.confidence
        advice = self.advice(reference, published, step.differs)
        return CheckRow(
            **self.key._asdict(),
            variant=self.variant,
            reference=reference.name,
            citation=reference.citation,
            caveat=reference.caveat,
            env_step=step.env_step,
            ours=ours.summary,
            published=published,
            basis=_basis(reference, published, step.env_step),
            random_policy=self.floor,
            **judge(ours.values, ours.missing, published, self.floor, margin, confidence)._asdict(),
            margin=margin,
            confidence=confidence,
            role="advisory" if advice else "secondary",
            advice=advice,
            differs=tuple(one.field for one in step.differs),
        )

    def advice(
        self, reference: Reference, published: PublishedSummary, differs: Sequence[Difference]
    ) -> tuple[str, ...]:
        """Why a row decides nothing; empty where it may."""
        reasons = list(reference.advisory)
        if published.sd is None and not reasons:  # else a reason of its own explains it: a single agent, no spread
            reasons.append("a number without a spread")
        kind = kind_of_return(self.runs)
        if reference.kind_of_return not in (kind, "unknown"):
            reasons.append(f"returns are {kind} here, {reference.kind_of_return} there")
        return (*reasons, *(f"{one.field} is {one.b} here, {one.a} there" for one in differs))


def _published(reference: Reference, at: int) -> PublishedSummary:
    values = tuple(reference.values.get(at, ()))
    if len(values) >= 2:
        return PublishedSummary(*two_samples.summary(np.array(values)), values)
    printed = reference.summaries[at]
    return PublishedSummary(printed.mean, printed.sd if (printed.n or 0) >= 2 else None, printed.n, values)


def _basis(reference: Reference, published: PublishedSummary, at: int) -> Basis:
    if published.sd is None:
        return "a number"
    return "runs" if at in reference.values else "mean and spread"

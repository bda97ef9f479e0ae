"""The statistics step: from the tidy tables of a study to results.json, from which figures and report are drawn.

A cell is one task, implementation and variant: the seeds that share all but the seed. Every cell counts its planned
runs; a run that diverged or crashed scores the floor, one without a result or made by other code is listed and not
averaged. results.json holds no wall time, and every number that needs draws has its own stream: the same rows give the
same bytes, whatever the number of workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from suite.analysis import types
from suite.analysis.ablations import Question, planned_ablations, question_of
from suite.analysis.check_rows import CheckFile
from suite.analysis.declared import Declared, departures
from suite.analysis.evaluations import NO_CURVE, EvaluationCurve, RunKey, evaluation_curves
from suite.analysis.one_cell import DescribedCell, described_cell, identity_of
from suite.analysis.over_tasks import infer
from suite.analysis.results_file import from_plain, read_check, read_gathered, to_plain, write_results
from suite.analysis.runs import (
    SCORED_SHARE,
    Floors,
    PlannedCell,
    PlannedRun,
    ScoredRun,
    end_of_run,
    planned_cells,
    scored_run,
    tasks_by_final_episodes,
    with_outcomes,
)
from suite.analysis.tables import read_table
from suite.analysis.traces import traces_of
from suite.analysis.types import Anchors, Counts, Declaration, LedgerEntry, Results, Settings
from suite.analysis.workers import processes
from suite.published.anchors import Scale
from suite.sac.status import STATUSES
from suite.statistics import bootstrap, power

PACKAGES = ("numpy", "scipy", "statsmodels", "pandas")


class Tables(NamedTuple):
    """The tidy tables of a study, as gathered."""

    manifest: pd.DataFrame
    runs: pd.DataFrame
    evaluations: pd.DataFrame
    diagnostics: pd.DataFrame


def summarise(
    tables: Tables,
    questions: Mapping[str, Question],
    *,
    study: str,
    random_policy: Mapping[str, float],
    anchors: Mapping[str, Scale] | None = None,
    second_anchors: Mapping[str, Scale] | None = None,
    check: CheckFile = CheckFile((), ()),  # noqa: B008 - immutable
    declaration: Declaration | None = None,
    declared: Declared = Declared(),  # noqa: B008 - immutable
    workers: int = 1,
) -> Results:
    """Every number of the report, as results.json holds it, from the tables of a study and its ablations' questions.

    random_policy: the floor of a failed run, by task; declaration: what is on record; declared: what is used."""
    curves, tasks = evaluation_curves(tables.evaluations), list(dict.fromkeys(tables.manifest["task"]))
    cells = planned_cells(tables.manifest, with_outcomes(tables.runs, curves))
    runs = _scored_runs(cells, curves, random_policy)
    scales = Anchors(_of_tasks(tasks, anchors or {}), _of_tasks(tasks, second_anchors or {}))
    ends, asked = end_of_run(tables.diagnostics, cells), planned_ablations(tables.manifest, questions)
    with processes(workers) as do:
        described = do([_description(cell, own, ends.get(cell.key), scales, declared) for cell, own in runs])
        inference = infer(*_by_cell(described), asked, check.rows, scales, declared, do)
    results = Results(
        study=study,
        settings=_settings(declared, cells, {task: random_policy.get(task) for task in tasks}, scales),
        versions={name: version(name) for name in PACKAGES},
        counts=_counts(cells),
        cells=tuple(one.cell for one in described),
        curves=tuple(one.curve for one in described),
        traces=traces_of(tables.diagnostics, cells),
        ledger=tuple(_ledger(runs)),
        **vars(inference),
        check=check.rows,
        unmatched=check.notes,
        declaration=declaration,
        departures=departures(declaration, declared),
    )
    return from_plain(Results, to_plain(results))  # plain numbers, as whoever reads the file has them


def _description(
    cell: PlannedCell, runs: Sequence[ScoredRun], per_seed: pd.DataFrame | None, scales: Anchors, declared: Declared
) -> Callable[[], DescribedCell]:
    """The job of describing a cell, by its task's scale."""
    return partial(described_cell, cell, runs, per_seed, scales.primary.get(cell.key.task), declared)


def _by_cell(described: Sequence[DescribedCell]) -> tuple[list[types.CellResult], dict, dict]:
    """The cells, the aligned curves of each that has some, and every cell's outcomes, both by its key."""
    aligned = {one.cell.key: one.aligned for one in described if one.aligned is not None}
    return [one.cell for one in described], aligned, {one.cell.key: one.outcomes for one in described}


def main(study_dir: Path, **options: Any) -> None:
    """Write results.json beside the tidy tables in study_dir; options as of `summarise`."""
    study_dir = Path(study_dir)
    results = summarise(
        Tables(*(read_table(study_dir, name) for name in Tables._fields)),
        read_gathered(study_dir / "ablations.json", _questions) or {},
        study=study_dir.name,
        check=read_check(study_dir) or CheckFile((), ()),
        declaration=read_gathered(study_dir / "declaration.json", declaration_of),
        **options,
    )
    write_results(study_dir, results)


def declaration_of(data: Mapping[str, Any]) -> Declaration:
    """What declaration.json holds of margins, and its history; one of an earlier version lacks anchors, or changes."""
    if not data["history"]:
        raise ValueError("its history is empty")
    margins = {"anchors": ""} | dict(data["declaration"])
    history = [{"plan_sha256": "", "changes": []} | dict(entry) for entry in data["history"]]
    return Declaration(
        from_plain(types.DeclaredSections, {name: margins[name] for name in types.DeclaredSections._fields}),
        from_plain(str, data["sha256"]),
        tuple(
            from_plain(types.DeclarationEntry, {name: one[name] for name in types.DeclarationEntry._fields})
            for one in history
        ),
    )


def _questions(data: Mapping[str, Any]) -> dict[str, Question]:
    return {name: question_of(entry) for name, entry in data.items()}


def _scored_runs(
    cells: list[PlannedCell], curves: Mapping[RunKey, EvaluationCurve], random_policy: Mapping[str, float]
) -> list[tuple[PlannedCell, list[ScoredRun]]]:
    """Every cell with its runs and their scores."""
    floors, by_final = Floors(random_policy, curves), tasks_by_final_episodes(cells)

    def scored(cell: PlannedCell, run: PlannedRun) -> ScoredRun:
        curve = curves.get(RunKey(cell.key, run.seed), NO_CURVE)
        return scored_run(cell, run, curve, floors, cell.key.task in by_final)

    return [(cell, [scored(cell, run) for run in cell.runs]) for cell in cells]


def _ledger(runs: list[tuple[PlannedCell, list[ScoredRun]]]) -> Iterator[LedgerEntry]:
    """The runs of which something is to be said."""
    for cell, of_cell in runs:
        for run in of_cell:
            if run.result.sentence:
                yield LedgerEntry(**identity_of(cell), **vars(run.result))


def _counts(cells: list[PlannedCell]) -> Counts:
    """Planned runs by their status."""
    runs = [run for cell in cells for run in cell.runs]
    by_status = Counter(run.status for run in runs)
    statuses: dict[str, int] = {status: by_status[status] for status in STATUSES}
    return Counts(planned=len(runs), stale=sum(run.stale for run in runs), **statuses)


def _final_episodes(cells: Sequence[PlannedCell]) -> dict[str, types.ScoredBy]:
    """By task that has runs with final episodes: how many runs and episodes, and whether scores are made of them."""
    used, of_tasks = tasks_by_final_episodes(cells), {}
    for task in dict.fromkeys(cell.key.task for cell in cells):
        known = [run.final.n for cell in cells if cell.key.task == task for run in cell.runs if run.final]
        if known:
            of_tasks[task] = types.ScoredBy(task in used, len(known), min(known))
    return of_tasks


def _settings(
    declared: Declared, cells: Sequence[PlannedCell], random_policy: Mapping[str, float | None], anchors: Anchors
) -> Settings:
    return Settings(
        confidence=declared.confidence,
        resamples=declared.resamples,
        curve_resamples=declared.curve_resamples,
        limit_error=bootstrap.limit_error(declared.confidence, declared.resamples),
        order_statistics_needed=power.order_statistics_needed(),
        seed=declared.seed,
        scored_share=SCORED_SHARE,
        final_episodes=_final_episodes(cells),
        random_policy=random_policy,
        equivalence=declared.equivalence,
        anchors=anchors,
    )


def _of_tasks(tasks: Sequence[str], anchors: Mapping[str, Scale]) -> dict[str, Scale]:
    return {task: anchors[task] for task in tasks if task in anchors}

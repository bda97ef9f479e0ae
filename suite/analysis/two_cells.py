"""Two cells of a study against each other: for people, and as JSON.

Scores, failed runs at the floor, and curves are those of results.json, so that what is said here is what the report
says. A cell is named by its label or variant ("sac_v2", "critics/single"), by its preset or by the start of its run
id, with its implementation in front ("jax/sac_v2") where several have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from suite.analysis import types
from suite.analysis.agreement import Side, compared
from suite.analysis.declared import Declared
from suite.analysis.families import adjusted
from suite.analysis.over_tasks import probability_of_improvement
from suite.analysis.results_file import read_results
from suite.analysis.run_curves import scored_curves
from suite.analysis.scores import FEWEST, FEWEST_PAIRS, neither_learned
from suite.analysis.tables import read_table
from suite.analysis.types import (
    NOT_LEARNED,
    AdjustedDifference,
    Bounds,
    CellKey,
    CellResult,
    CurveDifference,
    MarginTest,
    Results,
)
from suite.errors import UsageError, nearest
from suite.published.anchors import Scale
from suite.statistics.equivalence import EQUIVALENT, INCONCLUSIVE
from suite.study.cells import CELL
from suite.study.config import Equivalence
from suite.wording import WITH_POWER, number, p_short, ranges

SHORTEST_ID = 4  # characters of a run id that can name it


class ComparisonSettings(NamedTuple):
    confidence: float
    resamples: int
    seed: int
    equivalence: Equivalence


class ComparedCell(NamedTuple):
    name: str
    implementation: str
    variant: str
    run_id: str
    env_steps: int
    n_planned: int
    n_finished: int
    n_scored: int
    n_failed: int
    n_absent: int
    mean: float | None
    sd: float | None
    bounds: Bounds | None


@dataclass(frozen=True)
class ComparedCurves(CurveDifference):
    band_leaves_zero: tuple[int, ...] | None = None  # environment steps; None without a band


@dataclass(frozen=True)
class Comparison:
    """Two cells on one task, a - b; without two scored runs on each side nothing but the note."""

    task: str
    a: ComparedCell
    b: ComparedCell
    difference: AdjustedDifference | None
    equivalence: MarginTest | None  # None also where the task has no reference return
    superiority: types.RankAgreement | None
    curve: ComparedCurves | None
    note: str
    sentence: str = ""


@dataclass(frozen=True)
class OverallImprovement:  # the probability that a run of a beats one of b, over the tasks
    tasks: tuple[str, ...]
    estimate: float | None
    low: float | None
    high: float | None
    standard_error: float | None


class StudyComparison(NamedTuple):
    """Two cells of a study by task, and over all tasks where they have several."""

    study: str
    settings: ComparisonSettings
    tasks: tuple[Comparison, ...]
    improvement: OverallImprovement | None


def compare(
    study_dir: str | Path,
    a: str,
    b: str,
    *,
    task: str | None = None,
    anchors: Mapping[str, Scale],
    declared: Declared = Declared(),  # noqa: B008 - immutable
) -> StudyComparison:
    """Everything two cells of a gathered study say against each other, a - b, by task and over all tasks.

    anchors: random policy and reference by task, of which the margin is a share; declared: level, draws, seed and the
    equivalence margins. p values of the differences are adjusted by Holm over the tasks (`difference.p_adjusted`).
    """
    study = NamedStudy(Path(study_dir), task)
    settings = ComparisonSettings(declared.confidence, declared.resamples, declared.seed, declared.equivalence)
    pairs = _pairs(study, a, b)
    rows = [_comparison(study.results, x, y, anchors.get(x.task), declared) for x, y in pairs]
    differences = adjusted((row.difference for row in rows if row.difference), "holm")
    rows = [replace(row, difference=next(differences)) if row.difference else row for row in rows]
    tasks = tuple(replace(row, sentence=_sentence(row, settings.confidence)) for row in rows)
    improvement = _improvement(pairs, declared, ("comparison", a, b))
    return StudyComparison(study.results.study, settings, tasks, improvement)


class NamedStudy:
    """The results of a study, of the one task if it is named, and for every cell of it the names it goes by."""

    def __init__(self, study_dir: Path, task: str | None = None):
        results = read_results(study_dir)
        if results is None:
            remedy = "run `python -m suite statistics` for this study first"
            raise UsageError(f"{study_dir} holds no results.json: {remedy}")
        tasks = {cell.task for cell in results.cells}
        if task not in (None, *tasks):
            raise UsageError(f"{task!r} is no task of study {results.study}; did you mean {nearest(task, tasks)}?")
        self.results = replace(results, cells=tuple(cell for cell in results.cells if task in (None, cell.task)))
        planned = read_table(study_dir, "manifest")
        presets = planned[planned["ablation"] == ""].groupby(CELL)["preset"].unique()
        self.names: dict[CellKey, set[str]] = {}
        for cell in self.results.cells:
            names = {cell.variant.name, *(label.name for label in cell.labels), *presets.get(tuple(cell.key), ())}
            self.names[cell.key] = names | {f"{cell.implementation}/{name}" for name in names}

    def cells(self, name: str) -> list[CellResult]:
        """The cells a name means, one per task; UsageError if there is none, or several of one task."""
        cells = [cell for cell in self.results.cells if name in self.names[cell.key]] or self._by_id(name)
        if not cells:
            choice = nearest(name, sorted(set().union(*self.names.values())))
            raise UsageError(f"{name!r} is no cell of study {self.results.study}; did you mean {choice}?")
        if len({cell.task for cell in cells}) < len(cells):
            forms = dict.fromkeys(cell_name(cell) for cell in cells)
            if len(forms) == 1:
                forms = dict.fromkeys(cell.run_id for cell in cells)
            choice = nearest(name, forms)
            raise UsageError(f"{name!r} is the name of several cells, {', '.join(forms)}; did you mean {choice}?")
        return cells

    def _by_id(self, start: str) -> list[CellResult]:
        """The cells whose run id, alone or after the implementation, starts so."""
        if len(start.rpartition("/")[2]) < SHORTEST_ID:
            return []
        ids = [(cell, (cell.run_id, f"{cell.implementation}/{cell.run_id}")) for cell in self.results.cells]
        return [cell for cell, forms in ids if any(form.startswith(start) for form in forms)]


def cell_name(cell: CellResult) -> str:
    """A cell as tables name it, "jax/critics/single"."""
    return f"{cell.implementation}/{cell.labels[0]}"


def _pairs(study: NamedStudy, a: str, b: str) -> list[tuple[CellResult, CellResult]]:
    """The two cells on every task that has both."""
    wanted = [{cell.task: cell for cell in study.cells(name)} for name in (a, b)]
    pairs = [(x, wanted[1][where]) for where, x in wanted[0].items() if where in wanted[1]]
    if not pairs:
        where = [", ".join(sorted(side)) for side in wanted]
        raise UsageError(f"{a!r} and {b!r} have no task in common: the one has {where[0]}, the other {where[1]}")
    for x, y in pairs:
        if x.key == y.key:
            raise UsageError(f"{a!r} and {b!r} are the same runs, {cell_name(x)} ({x.run_id}); name two cells")
    return pairs


def _comparison(results: Results, x: CellResult, y: CellResult, scale: Scale | None, declared: Declared) -> Comparison:
    """Two cells on one task, without what is adjusted or said over all tasks."""
    key = ("comparison", x.task, *sorted("/".join(cell.key) for cell in (x, y)))  # whichever comes first
    sides = [Side(cell, scored_curves(results.curve(cell.key), cell)) for cell in (x, y)]
    numbers = compared(sides[0], sides[1], scale, declared, key)
    difference = numbers.difference and AdjustedDifference(**vars(numbers.difference), family="comparison")
    parts = vars(numbers) | {"difference": difference, "curve": _compared_curves(numbers.curve)}
    return Comparison(x.task, _compared_cell(x), _compared_cell(y), **parts)


def _compared_cell(cell: CellResult) -> ComparedCell:
    names = cell_name(cell), cell.implementation, cell.variant.name, cell.run_id
    runs = cell.env_steps, cell.n_planned, cell.n_finished, cell.n_scored, cell.n_failed, cell.n_absent
    return ComparedCell(*names, *runs, cell.mean.estimate, cell.sd, cell.bounds)


def _compared_curves(curve: CurveDifference | None) -> ComparedCurves | None:
    if curve is None:
        return None
    outside = None
    if curve.low is not None and curve.high is not None:
        apart = (np.array(curve.low) > 0) | (np.array(curve.high) < 0)
        outside = tuple(np.array(curve.grid)[apart].tolist())
    return ComparedCurves(**vars(curve), band_leaves_zero=outside)


def _improvement(
    pairs: Sequence[tuple[CellResult, CellResult]], declared: Declared, key: tuple
) -> OverallImprovement | None:
    """Over the tasks with enough scored runs of which one side's have learned, where these are several."""
    both = [pair for pair in pairs if min(cell.n_scored for cell in pair) >= FEWEST and not neither_learned(*pair)]
    if len(both) < 2:
        return None
    estimate = probability_of_improvement(both, declared, key)
    return OverallImprovement(tuple(cell.task for cell, _ in both), **vars(estimate))


def _sentence(row: Comparison, confidence: float) -> str:
    head = f"{row.task}: {_counted(row.a)} against {_counted(row.b)}: "
    if row.equivalence is not None and row.equivalence.verdict == NOT_LEARNED:
        return f"{head}{row.note}."
    if row.difference is None:
        return f"{head}no comparison, it {row.note}."
    parts = [_difference_in_words(row.a.name, row.difference, confidence), _equivalence_in_words(row.equivalence)]
    if row.curve is not None:
        parts.append(_curves_in_words(row.curve))
    return f"{head}{'; '.join(parts)}."


def _counted(cell: ComparedCell) -> str:
    text = f"{cell.name} ({cell.n_finished} of {cell.n_planned} planned runs finished"
    if cell.n_failed:
        text += f", {cell.n_failed} failed and counted at the floor"
    if cell.n_absent:
        text += f", {cell.n_absent} without a result"
    if cell.n_absent and cell.bounds:
        text += f": its mean lies between {number(cell.bounds.worst)} and {number(cell.bounds.best)}"
    return text + ")"


def _difference_in_words(name: str, tested: AdjustedDifference, confidence: float) -> str:
    alpha = 1 - confidence
    size = f"{number(abs(tested.difference))} {'more' if tested.difference >= 0 else 'less'}"
    adjusted_p = f"p {p_short(tested.p_adjusted)}"
    if tested.family_size > 1:
        adjusted_p += f" after Holm over {tested.family_size} tasks"
    verdict = (
        f"which is no evidence of a difference ({adjusted_p}; one of {number(tested.detectable)} would have been found "
        "in 4 of 5 such studies)"
    )
    if tested.p_adjusted is not None and tested.p_adjusted <= alpha:
        verdict = f"a difference at the {alpha:.0%} level ({adjusted_p})"
    interval = f"{confidence:.0%} interval of the difference {number(tested.low)} to {number(tested.high)}"
    return f"{name} scores {size} on average ({interval}; {_pairs_in_words(tested)}), {verdict}"


def _pairs_in_words(tested: AdjustedDifference) -> str:
    """Which runs the test is of, and what stands beside it."""
    welch, pairs = tested.welch, tested.pairs
    if pairs is None:
        return f"Welch's, since fewer than {FEWEST_PAIRS} seeds are common"
    known = "" if pairs.correlation is None else f", whose correlation is {number(pairs.correlation)}"
    beside = f"Welch's of all runs {number(welch.low)} to {number(welch.high)}, p {p_short(welch.p)}"
    return f"paired at seeds {ranges(pairs.seeds)}{known}; {beside}"


def _equivalence_in_words(test: MarginTest | None) -> str:
    if test is None:
        return "no margin is known for this task, so equivalence is not judged"
    within = f"±{number(test.margin)}"
    if test.verdict == INCONCLUSIVE:
        more = "no number of seeds would"
        if test.n_needed:
            more = f"with {test.n_needed:,} seeds each it would be decided {WITH_POWER}"
        return f"whether they are equivalent within {within} is not settled ({more})"
    return f"the two are {'equivalent within' if test.verdict == EQUIVALENT else 'different by more than'} {within}"


def _curves_in_words(curve: ComparedCurves) -> str:
    band = f"no band, {curve.note}"
    if curve.band_leaves_zero is not None:
        share = f"{len(curve.band_leaves_zero)} of {len(curve.grid)} checkpoints"
        band = f"the simultaneous band of the difference leaves zero at {share}"
    at, p = f"{curve.env_step:,}", p_short(curve.p)
    return f"their curves are farthest apart at environment step {at} (p {p} over the whole curve; {band})"

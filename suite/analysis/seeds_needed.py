"""How many seeds a question needs, and what a number of seeds can settle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from suite.analysis.declared import Declared
from suite.analysis.scores import FEWEST, scores_of
from suite.analysis.two_cells import NamedStudy, cell_name
from suite.analysis.types import CellResult
from suite.errors import UsageError
from suite.published.anchors import Scale
from suite.statistics import power as planning
from suite.statistics import two_samples as comparing

SEEDS = (3, 5, 10, 20, 30)  # per group: the numbers shown where none is asked for
STUDIES = 400  # simulated for the power of a cell: to 0.025 at worst


class PowerQuestion(NamedTuple):
    """What a table of power is for: an effect in SDs and a margin in return (in SDs without sd), None if not asked."""

    effect: float | None
    sd: float | None
    margin: float | None
    target: float  # power
    alpha: float  # level of the two-sided test, and of each one-sided one


class PowerRow(NamedTuple):
    """What n seeds in each of two groups can settle; power is None where nothing of it was asked."""

    n: int
    detectable: float  # SDs, with the power `target`
    detectable_return: float | None
    power: float | None
    equivalence: float | None  # power of the equivalence test of two equal groups


@dataclass(frozen=True)
class SeedsNeeded:
    """Seeds per group for the power `target`; None where nothing of it was asked, or no number of seeds is enough."""

    difference: float | None  # as the power function has it, before it is rounded up
    equivalence: int | None


class PowerTable(NamedTuple):
    asked: PowerQuestion
    rows: tuple[PowerRow, ...]
    needed: SeedsNeeded


def power_table(
    *,
    n: Sequence[int] = SEEDS,
    effect: float | None = None,
    difference: float | None = None,
    sd: float | None = None,
    margin: float | None = None,
    target: float = 0.8,
    alpha: float = 0.05,
) -> PowerTable:
    """What n seeds in each of two groups of normal scores can settle, and how many a question needs.

    effect in SDs, or difference with sd in return units; margin of an equivalence test at the level alpha, in return
    units with sd, else in SDs. `detectable` is the effect found with the power `target`.
    """
    if difference is not None and (effect is not None or sd is None):
        raise UsageError("--difference is in return units: it needs --sd, and takes the place of --effect (in SDs)")
    if sd is not None and not sd > 0:
        raise UsageError(f"--sd must be a positive number of return units, not {sd}")
    if difference is not None and sd is not None:
        effect = difference / sd
    asked = PowerQuestion(effect, sd, margin, target, alpha)
    with _refusals_as_mistakes():
        return PowerTable(asked, tuple(_power_row(asked, seeds) for seeds in n), _needed(asked))


def _power_row(asked: PowerQuestion, seeds: int) -> PowerRow:
    detectable = planning.minimum_detectable_effect(seeds, asked.target, asked.alpha)
    in_return = None if asked.sd is None else detectable * asked.sd
    power = None if asked.effect is None else planning.power(seeds, asked.effect, asked.alpha)
    equivalence = None
    if asked.margin is not None:
        confidence = 1 - 2 * asked.alpha
        equivalence = planning.tost_power(seeds, asked.margin, asked.sd or 1.0, confidence=confidence)
    return PowerRow(seeds, detectable, in_return, power, equivalence)


def _needed(asked: PowerQuestion) -> SeedsNeeded:
    difference, equivalence = None, None
    if asked.effect is not None:
        difference = planning.required_n(asked.effect, asked.target, asked.alpha)
    if asked.margin is not None:
        confidence = 1 - 2 * asked.alpha
        equivalence = planning.tost_required_n(asked.margin, asked.sd or 1.0, power=asked.target, confidence=confidence)
    return SeedsNeeded(difference, equivalence)


@dataclass(frozen=True)
class CellPower:
    """What the seeds of a cell could settle against a cell like it; None where there is no spread or no margin."""

    task: str
    name: str
    run_id: str
    n: int
    n_planned: int
    mean: float | None
    sd: float | None
    margin: float | None  # return
    detectable: float | None = None  # return
    power: float | None = None  # of a true difference of the margin
    simulated: planning.Simulated | None = None
    n_difference: float | None = None  # seeds needed for that power to be the target
    equivalence: float | None = None  # power of the equivalence test of a true difference of none
    n_equivalence: int | None = None
    note: str = ""


class StudyPowerSettings(NamedTuple):
    target: float
    alpha: float
    margin: float  # share of (reference - random policy)
    confidence: float  # of the equivalence test


class StudyPower(NamedTuple):
    study: str
    settings: StudyPowerSettings
    rows: tuple[CellPower, ...]


def study_power(
    study_dir: str | Path,
    *,
    task: str | None = None,
    anchors: Mapping[str, Scale],
    declared: Declared = Declared(),  # noqa: B008 - immutable
    target: float = 0.8,
    studies: int = STUDIES,
) -> StudyPower:
    """What the seeds of every cell of a gathered study could settle against a cell like it.

    The declared margin is a true difference to find (level 1 - confidence) and one to exclude (equivalence); the
    simulated power is Welch's test of scores drawn from the cell's own, apart by the margin, at its number of seeds.
    """
    results, options = NamedStudy(Path(study_dir), task).results, declared.equivalence
    settings = StudyPowerSettings(target, 1 - declared.confidence, options.margin, options.confidence)
    with _refusals_as_mistakes():
        rows = [
            _cell_power(cell, anchors.get(cell.task), settings, studies, declared.rng("power", *cell.key))
            for cell in results.cells
        ]
    return StudyPower(results.study, settings, tuple(rows))


def _cell_power(
    cell: CellResult, scale: Scale | None, settings: StudyPowerSettings, studies: int, rng: np.random.Generator
) -> CellPower:
    scores, sd, alpha, target = scores_of(cell), cell.sd, settings.alpha, settings.target
    n, margin = len(scores), None if scale is None else settings.margin * (scale.reference - scale.random)
    names = cell.task, cell_name(cell), cell.run_id
    alone = CellPower(*names, n, cell.n_planned, cell.mean.estimate, sd, margin)
    if n < FEWEST or not sd:
        return replace(alone, note=f"{n} scored runs and no spread: nothing to plan with")
    detectable = planning.minimum_detectable_effect(n, target, alpha) * sd
    if margin is None:
        return replace(alone, detectable=detectable, note="no margin: the task has no reference return")
    options: dict[str, Any] = {"difference": margin, "alpha": alpha, "studies": studies, "rng": rng}
    return replace(
        alone,
        detectable=detectable,
        power=planning.power(n, margin / sd, alpha),
        simulated=planning.simulated(scores, scores, n, _welch_p, **options),
        n_difference=planning.required_n(margin / sd, target, alpha),
        equivalence=planning.tost_power(n, margin, sd, confidence=settings.confidence),
        n_equivalence=planning.tost_required_n(margin, sd, power=target, confidence=settings.confidence),
    )


def _welch_p(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    return comparing.welch(x, y).p


@contextmanager
def _refusals_as_mistakes() -> Iterator[None]:
    """A number that cannot be planned with is the caller's mistake."""
    try:
        yield
    except ValueError as refusal:
        raise UsageError(str(refusal)) from None

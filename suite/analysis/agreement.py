"""Two implementations of one preset: do they agree within the declared margin?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import NamedTuple, cast

import numpy as np

from suite.analysis import types
from suite.analysis.declared import Declared
from suite.analysis.run_curves import AlignedCurves
from suite.analysis.scores import FEWEST, Paired, Sample, groups_of, neither_learned, paired, sample_of, telling
from suite.analysis.types import (
    NOT_LEARNED,
    AgreementVerdict,
    CellKey,
    CellResult,
    CurveDifference,
    Difference,
    Label,
    MarginTest,
)
from suite.analysis.workers import DoJobs
from suite.published.anchors import Scale
from suite.specimens.naming import unclaimed
from suite.statistics import curves, equivalence, power
from suite.statistics import two_samples as compare


class Side(NamedTuple):
    """One of two cells that are compared, and its aligned curves."""

    cell: CellResult
    curves: AlignedCurves | None


@dataclass(frozen=True)
class Compared:
    """What two cells say against each other; with too few scored runs nothing but the note."""

    difference: Difference | None = None
    equivalence: MarginTest | None = None
    superiority: types.RankAgreement | None = None
    curve: CurveDifference | None = None
    note: str = ""


def differing(a: Sample, b: Sample, confidence: float, rng: np.random.Generator) -> Difference:
    """Everything said of two samples: the test of their difference in their own unit, paired by seed where they share
    enough, Welch's beside it, what does not lean on normality, effect sizes, and what could have been seen."""
    x, y = a.values, b.values
    pairs = paired(a, b)
    welch = types.Test(**compare.welch(x, y, confidence)._asdict())
    test = types.Test(**compare.paired(pairs.x, pairs.y, confidence)._asdict()) if pairs else welch
    permuted = compare.permutation(x, y, rng=rng, confidence=confidence)
    count = permuted.assignments
    floor = compare.permutation_floor(len(x), len(y)) if permuted.exact else 1 / (count + 1)
    return Difference(
        **vars(test),
        pairs=_pairs(pairs) if pairs else None,
        welch=welch,
        permutation=types.PermutationTest(permuted.p, count, permuted.exact, floor),
        superiority=superiority_of(x, y, confidence),
        **compare.effect_sizes(x, y)._asdict(),
        yuen_p=compare.yuen(x, y).p,
        detectable=_detectable_in_pairs(pairs) if pairs else _detectable(x, y),
    )


def _pairs(pairs: Paired) -> types.Pairs:
    correlation = compare.correlation(pairs.x, pairs.y)
    return types.Pairs(len(pairs.seeds), pairs.seeds, correlation if np.isfinite(correlation) else None)


def _detectable(x: np.ndarray, y: np.ndarray) -> float:
    """What Welch's test of samples of this size and spread finds, at 80 % power."""
    spread = float(np.sqrt((x.var(ddof=1) + y.var(ddof=1)) / 2))
    return power.minimum_detectable_effect(2 / (1 / len(x) + 1 / len(y))) * spread


def _detectable_in_pairs(pairs: Paired) -> float:
    """The same of the test of pairs."""
    _, spread, n = compare.differences(pairs.x, pairs.y)
    return power.minimum_detectable_in_pairs(n) * spread


def superiority_of(x: np.ndarray, y: np.ndarray, confidence: float) -> types.Superiority:
    """P(x > y) + P(x = y) / 2 with Brunner and Munzel's interval."""
    test = compare.brunner_munzel(x, y, confidence)
    return types.Superiority(test.difference, *telling(test.low, test.high), test.p)


def compared(a: Side, b: Side, scale: Scale | None, declared: Declared, key: tuple) -> Compared:
    """Whether two cells agree within the declared margin, and how they differ, a - b; key: names the random streams."""
    (x, y), options = (sample_of(side.cell) for side in (a, b)), declared.equivalence
    if min(len(x.values), len(y.values)) < FEWEST:
        return Compared(note=f"needs two scored runs on each side, here are {len(x.values)} and {len(y.values)}")
    margin = None if scale is None else options.margin * (scale.reference - scale.random)
    if margin is not None and neither_learned(a.cell, b.cell):
        unknown = types.ConfidenceInterval(None, None, options.confidence)
        return Compared(
            equivalence=MarginTest(margin, NOT_LEARNED, None, None, unknown, (), None), note=not_learned_note(declared)
        )
    by_rank = equivalence.tost_superiority(x.values, y.values, options.superiority, options.confidence)
    return Compared(
        difference=differing(x, y, declared.confidence, declared.rng(*key)),
        equivalence=None if scale is None else _margin_test(x, y, scale, declared),
        superiority=types.RankAgreement(**by_rank._asdict()),
        curve=_curve_difference(a.curves, b.curves, margin, declared, key),
        note="no margin: the task has no reference return" if scale is None else "",
    )


def not_learned_note(declared: Declared) -> str:
    """Why two sides that have not learned are not compared."""
    return (
        f"{NOT_LEARNED}: of neither side does the lower 95 % bound of the mean lie above the random policy by more "
        f"than {declared.equivalence.margin:.0%} of the way to the reference"
    )


def _margin_test(a: Sample, b: Sample, scale: Scale, declared: Declared) -> MarginTest:
    """Two one-sided tests against the declared margin, of pairs where there are some, and their verdicts at the other
    margins."""
    options, pairs, span = declared.equivalence, paired(a, b), scale.reference - scale.random

    def tested(share: float) -> equivalence.Equivalence:
        if pairs:
            return equivalence.tost_paired(pairs.x, pairs.y, share * span, options.confidence)
        return equivalence.tost(a.values, b.values, share * span, options.confidence)

    main = tested(options.margin)
    welch = equivalence.tost(a.values, b.values, options.margin * span, options.confidence)
    interval = types.ConfidenceInterval(main.low, main.high, main.confidence)
    beside = types.WelchVerdict(cast(AgreementVerdict, welch.verdict), welch.p, welch.low, welch.high)
    sensitivity = []
    for share in options.sensitivity:
        test = tested(share)
        sensitivity.append(types.MarginVerdict(share, test.margin, cast(AgreementVerdict, test.verdict), test.p))
    verdict = cast(AgreementVerdict, main.verdict)
    return MarginTest(main.margin, verdict, main.p, main.n_needed, interval, tuple(sensitivity), beside)


def _curve_difference(
    a: AlignedCurves | None, b: AlignedCurves | None, margin: float | None, declared: Declared, key: tuple
) -> CurveDifference | None:
    """Max-t over the checkpoints both have, and the band of the difference where there are runs enough."""
    if a is None or b is None:
        return None
    grid, at_a, at_b = np.intersect1d(a.grid, b.grid, return_indices=True)
    if not len(grid):
        return None
    x, y = a.values[:, at_a], b.values[:, at_b]
    tested = compare.max_t(x, y, rng=declared.rng(*key, "max-t"))
    first = int(np.argmin(tested.p_adjusted))
    difference = CurveDifference(
        p=float(tested.p_adjusted[first]),
        env_step=int(grid[first]),
        assignments=tested.assignments,
        grid=tuple(grid.tolist()),
        difference=tuple((x.mean(axis=0) - y.mean(axis=0)).tolist()),
    )
    options, rng = declared.equivalence, declared.rng(*key, "band")
    try:
        band = curves.difference_band(x, y, options.confidence, declared.curve_resamples, rng)
    except ValueError as refusal:
        return replace(difference, note=str(refusal))
    verdict = None
    if margin is not None:
        after = int(np.searchsorted(grid, options.after * grid[-1]))
        verdict = cast(AgreementVerdict, equivalence.band_verdict(band, margin, after))
    return replace(difference, low=tuple(band.low.tolist()), high=tuple(band.high.tolist()), verdict=verdict)


def agreements(
    cells: list[CellResult],
    aligned: Mapping[CellKey, AlignedCurves],
    anchors: Mapping[str, Scale],
    declared: Declared,
    do: DoJobs,
) -> list[types.Agreement]:
    """Every pair of implementations of the same variant on the same task; p values not adjusted yet."""
    alike: dict[tuple[str, Label], dict[str, CellResult]] = {}
    for (implementation, label), group in groups_of(cells).items():
        for task, cell in group.items():
            same = replace(label, preset=unclaimed(label.preset, implementation))
            alike.setdefault((task, same), {})[implementation] = cell
    jobs = []
    for (task, label), group in alike.items():
        for a, b in combinations(group.values(), 2):
            sides = [Side(cell, aligned.get(cell.key)) for cell in (a, b)]
            jobs.append(partial(_agreement, label, a, b, sides, anchors.get(task), declared))
    return do(jobs)


def _agreement(
    label: Label, a: CellResult, b: CellResult, sides: list[Side], scale: Scale | None, declared: Declared
) -> types.Agreement:
    key = ("equivalence", a.task, label, a.implementation, b.implementation)
    kinds = [cell.kind for cell in (a, b) if cell.kind != "unknown" or cell.n_finished]
    if len(set(kinds)) > 1:
        comparison = Compared(note=f"returns are of another kind on either side ({' and '.join(kinds)})")
    else:
        comparison = compared(sides[0], sides[1], scale, declared, key)
    parts = vars(comparison)
    if comparison.equivalence is not None:
        test = types.AdjustedMarginTest(**vars(comparison.equivalence), family="equivalence")
        parts = parts | {"equivalence": test}
    counts = {name: (getattr(a, name), getattr(b, name)) for name in ("n_planned", "n_finished", "n_scored")}
    return types.Agreement(a.task, label, a.implementation, b.implementation, (a.run_id, b.run_id), **counts | parts)

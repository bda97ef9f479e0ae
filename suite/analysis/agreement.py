"""Two implementations of one preset: do they agree within the declared margin?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import NamedTuple, cast

import numpy as np

from suite.analysis.declared import Declared
from suite.analysis.run_curves import AlignedCurves
from suite.analysis.scores import FEWEST, groups_of, scores_of
from suite.analysis.types import (
    AdjustedDifference,
    AdjustedMarginTest,
    Agreement,
    AgreementVerdict,
    CellKey,
    CellResult,
    ConfidenceInterval,
    CurveDifference,
    Difference,
    Label,
    MarginTest,
    MarginVerdict,
    PermutationTest,
    RankAgreement,
    Superiority,
)
from suite.analysis.workers import DoJobs
from suite.published.anchors import Scale
from suite.statistics import curves, equivalence, power
from suite.statistics import two_samples as compare


class Side(NamedTuple):
    """One of two cells that are compared: its scores [runs] and its aligned curves."""

    scores: np.ndarray
    curves: AlignedCurves | None


@dataclass(frozen=True)
class Compared:
    """What two cells say against each other; with too few scored runs nothing but the note."""

    difference: Difference | None
    equivalence: MarginTest | None
    superiority: RankAgreement | None
    curve: CurveDifference | None
    note: str


# --- two cells


def differing(x: np.ndarray, y: np.ndarray, confidence: float, rng: np.random.Generator) -> Difference:
    """Everything said of two samples of scores [n], [m]: Welch's test in the scores' own unit, and beside it what does
    not lean on normality, effect sizes, and what a study of this size could have seen (at 80 % power)."""
    spread = float(np.sqrt((x.var(ddof=1) + y.var(ddof=1)) / 2))
    seeds = 2 / (1 / len(x) + 1 / len(y))
    permuted = compare.permutation(x, y, rng=rng, confidence=confidence)
    count = permuted.assignments
    floor = compare.permutation_floor(len(x), len(y)) if permuted.exact else 1 / (count + 1)
    return Difference(
        **compare.welch(x, y, confidence)._asdict(),
        permutation=PermutationTest(permuted.p, count, permuted.exact, floor),
        superiority=superiority_of(x, y, confidence),
        **compare.effect_sizes(x, y)._asdict(),
        yuen_p=compare.yuen(x, y).p,
        detectable=power.minimum_detectable_effect(seeds) * spread,
    )


def unadjusted(difference: Difference, family: str) -> AdjustedDifference:
    """The difference as a question of a family, whose p values are yet to be adjusted."""
    return AdjustedDifference(**vars(difference), p_adjusted=None, family=family, family_size=0)


def superiority_of(x: np.ndarray, y: np.ndarray, confidence: float) -> Superiority:
    """P(x > y) + P(x = y) / 2 with Brunner and Munzel's interval."""
    test = compare.brunner_munzel(x, y, confidence)
    return Superiority(test.difference, test.low, test.high, test.p)


def compared(a: Side, b: Side, scale: Scale | None, declared: Declared, key: tuple) -> Compared:
    """Whether two cells agree within the declared margin, and how they differ, a - b; key: names the random streams."""
    x, y, options = a.scores, b.scores, declared.equivalence
    if min(len(x), len(y)) < FEWEST:
        return uncompared(f"needs two scored runs on each side, here are {len(x)} and {len(y)}")
    by_rank = equivalence.tost_superiority(x, y, options.superiority, options.confidence)
    margin = None if scale is None else options.margin * (scale.reference - scale.random)
    return Compared(
        difference=differing(x, y, declared.confidence, declared.rng(*key)),
        equivalence=None if scale is None else _margin_test(x, y, scale.reference - scale.random, declared),
        superiority=RankAgreement(**by_rank._asdict()),
        curve=_curve_difference(a.curves, b.curves, margin, declared, key),
        note="no margin: the task has no reference return" if scale is None else "",
    )


def uncompared(note: str) -> Compared:
    """Two cells of which only the note says anything."""
    return Compared(None, None, None, None, note)


def _margin_test(x: np.ndarray, y: np.ndarray, span: float, declared: Declared) -> MarginTest:
    """Two one-sided tests against the declared margin, and their verdicts at the other margins; span: of the scale."""
    options = declared.equivalence
    main = equivalence.tost(x, y, options.margin * span, options.confidence)
    others = [(share, equivalence.tost(x, y, share * span, options.confidence)) for share in options.sensitivity]
    return MarginTest(
        margin=main.margin,
        verdict=cast(AgreementVerdict, main.verdict),
        p=main.p,
        n_needed=main.n_needed,
        interval=ConfidenceInterval(main.low, main.high, main.confidence),
        sensitivity=tuple(
            MarginVerdict(share, test.margin, cast(AgreementVerdict, test.verdict), test.p) for share, test in others
        ),
    )


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
    without_band = CurveDifference(
        p=float(tested.p_adjusted[first]),
        env_step=int(grid[first]),
        assignments=tested.assignments,
        grid=tuple(grid.tolist()),
        difference=tuple((x.mean(axis=0) - y.mean(axis=0)).tolist()),
        low=None,
        high=None,
        verdict=None,
        note="",
    )
    return _with_band(without_band, x, y, margin, declared, key)


def _with_band(
    curve: CurveDifference, x: np.ndarray, y: np.ndarray, margin: float | None, declared: Declared, key: tuple
) -> CurveDifference:
    """The difference with its simultaneous band and verdict, or with the note why there is none."""
    options, rng = declared.equivalence, declared.rng(*key, "band")
    try:
        band = curves.difference_band(x, y, options.confidence, declared.curve_resamples, rng)
    except ValueError as refusal:
        return replace(curve, note=str(refusal))
    verdict = None
    if margin is not None:
        grid = np.array(curve.grid)
        first = int(np.searchsorted(grid, options.after * grid[-1]))
        verdict = cast(AgreementVerdict, equivalence.band_verdict(band, margin, first))
    return replace(curve, low=tuple(band.low.tolist()), high=tuple(band.high.tolist()), verdict=verdict)


# --- all pairs of implementations


def agreements(
    cells: list[CellResult],
    aligned: Mapping[CellKey, AlignedCurves],
    anchors: Mapping[str, Scale],
    declared: Declared,
    do: DoJobs,
) -> list[Agreement]:
    """Every pair of implementations of the same variant on the same task; p values not adjusted yet."""
    alike: dict[tuple[str, Label], dict[str, CellResult]] = {}
    for (implementation, label), group in groups_of(cells).items():
        for task, cell in group.items():
            alike.setdefault((task, label), {})[implementation] = cell
    pairs = [(label, group[a], group[b]) for (_, label), group in alike.items() for a, b in combinations(group, 2)]
    jobs = [
        partial(
            _compared_of_one_kind,
            (a, b),
            (Side(scores_of(a), aligned.get(a.key)), Side(scores_of(b), aligned.get(b.key))),
            anchors.get(a.task),
            declared,
            ("equivalence", a.task, label, a.implementation, b.implementation),
        )
        for label, a, b in pairs
    ]
    return [_agreement(label, a, b, one) for (label, a, b), one in zip(pairs, do(jobs), strict=True)]


def _compared_of_one_kind(
    cells: tuple[CellResult, CellResult],
    sides: tuple[Side, Side],
    scale: Scale | None,
    declared: Declared,
    key: tuple,
) -> Compared:
    kinds = [cell.kind for cell in cells if cell.kind != "unknown"]
    if len(set(kinds)) > 1:
        return uncompared(f"returns are of another kind on either side ({' and '.join(kinds)})")
    return compared(*sides, scale, declared, key)


def _agreement(label: Label, a: CellResult, b: CellResult, comparison: Compared) -> Agreement:
    test, unknown = None, math.nan  # until the family is adjusted
    if comparison.equivalence is not None:
        raw = vars(comparison.equivalence)
        test = AdjustedMarginTest(**raw, p_adjusted=unknown, family="equivalence", family_size=0)
    return Agreement(
        task=a.task,
        variant=label,
        a=a.implementation,
        b=b.implementation,
        run_ids=(a.run_id, b.run_id),
        n_planned=(a.n_planned, b.n_planned),
        n_finished=(a.n_finished, b.n_finished),
        n_scored=(a.n_scored, b.n_scored),
        difference=comparison.difference,
        equivalence=test,
        superiority=comparison.superiority,
        curve=comparison.curve,
        note=comparison.note,
    )

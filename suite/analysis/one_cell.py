"""The numbers of one cell: mean, interquartile mean, spread, failures, curve with its band, diagnostics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from suite.analysis import types
from suite.analysis.declared import Declared
from suite.analysis.run_curves import AlignedCurves, aligned_where_known
from suite.analysis.runs import PlannedCell, ScoredRun
from suite.analysis.scores import Sample, bootstrapped, sample_of
from suite.analysis.types import Bounds, CellKey, CellResult, CurveResult, DiagnosticSummary, Estimate
from suite.published.anchors import Scale
from suite.sac.status import FAILED, STATUSES
from suite.statistics import aggregate, bootstrap, curves, failures, learned, reliability, variance


class DescribedCell(NamedTuple):
    """A cell's numbers, its curve, the aligned curves that comparisons take, and its runs' values of each outcome."""

    cell: CellResult
    curve: CurveResult
    aligned: AlignedCurves | None
    outcomes: Mapping[str, Sample]


def described_cell(
    planned: PlannedCell,
    runs: Sequence[ScoredRun],
    per_seed: pd.DataFrame | None,
    scale: Scale | None,
    declared: Declared,
) -> DescribedCell:
    """What there is to say of a cell from its runs, in the order of their seeds, and their diagnostics; scale: the
    task's, where it has one."""
    curve, aligned = _curve(planned, [run for run in runs if not run.result.stale], scale, declared)
    ends = _ends(per_seed, runs)
    cell = _cell(planned, runs, {name: _summary(x) for name, x in ends.items()}, scale, declared)
    values = {name: (x.to_numpy(), tuple(x.index)) for name, x in ends.items()}
    values |= {name: (x, sample_of(cell).seeds) for name, x in _of_curves(aligned, curve.reached).items()}
    outcomes = {name: Sample(x, () if cell.imported else seeds) for name, (x, seeds) in values.items()}
    return DescribedCell(cell, curve, aligned, outcomes)


def identity_of(planned: PlannedCell) -> dict[str, Any]:
    """The fields by which a cell and its variant are named in every table."""
    names = {"variant": planned.variant, "labels": planned.labels, "env_steps": planned.env_steps}
    return planned.key._asdict() | names


def _cell(
    planned: PlannedCell,
    runs: Sequence[ScoredRun],
    diagnostics: Mapping[str, DiagnosticSummary],
    scale: Scale | None,
    declared: Declared,
) -> CellResult:
    """What was planned, what is known, mean with Student's interval, IQM with the bootknife's, spread and risk."""
    fresh = [run for run in runs if not run.result.stale]
    statuses = [run.result.status for run in fresh]
    counts: dict[str, Any] = {f"n_{status}": statuses.count(status) for status in STATUSES}
    scored = [run for run in runs if run.result.score is not None]
    scores = np.array([run.result.score for run in scored], dtype=float)
    return CellResult(
        **identity_of(planned),
        **counts,
        diagnostics=diagnostics,
        n_planned=len(runs),
        n_stale=len(runs) - len(fresh),
        n_scored=len(scored),
        kind=next((run.kind for run in runs if run.kind != "unknown"), "unknown"),
        imported=planned.imported,
        seeds=tuple(run.result for run in runs),
        mean=mean_of(scores, declared.confidence),
        studentised=_studentised(scores, declared, planned.key),
        sd=scores.std(ddof=1) if len(scores) > 1 else None,
        median=float(np.median(scores)) if len(scores) else None,
        lowest=scores.min() if len(scores) else None,
        highest=scores.max() if len(scores) else None,
        iqm=_iqm(scores, declared, planned.key),
        complete_case=_complete_case(scored, declared.confidence),
        carried_forward=_carried_forward(scored, declared.confidence),
        bounds=_bounds(runs, scores),
        failure_rate=_failure_rate(fresh, declared.confidence),
        distribution=_distribution(scores),
        learned=_learned(scores, scale, declared.equivalence.margin),
        variance=_variance(scored),
    )


def mean_of(scores: np.ndarray, confidence: float) -> Estimate:
    """The mean with Student's interval; with one score the mean alone, with none nothing."""
    if len(scores) > 1:
        return Estimate(**aggregate.student(scores, confidence)._asdict())
    return Estimate(scores[0] if len(scores) else None, None, None, None)


def _iqm(scores: np.ndarray, declared: Declared, key: CellKey) -> Estimate:
    if len(scores) < 2:
        return mean_of(scores, declared.confidence)
    return bootstrapped([scores], aggregate.iqm, declared, declared.rng("iqm", *key))


def _studentised(scores: np.ndarray, declared: Declared, key: CellKey) -> Estimate:
    if len(scores) < 2:
        return mean_of(scores, declared.confidence)
    rng = declared.rng("studentised", *key)
    interval = bootstrap.studentised_mean(scores, declared.confidence, declared.curve_resamples, rng)
    return Estimate(**interval._asdict())


def _complete_case(scored: Sequence[ScoredRun], confidence: float) -> types.Mean:
    """The mean of the finished runs alone."""
    scores = np.array([run.result.score for run in scored], dtype=float)
    finished = failures.complete_case(scores, [run.curve.failed for run in scored])
    mean = mean_of(finished, confidence)
    return types.Mean(len(finished), mean.estimate, mean.low, mean.high, mean.standard_error)


def _carried_forward(scored: Sequence[ScoredRun], confidence: float) -> Estimate | None:
    """The mean with failed runs at their last evaluation; None where no run failed."""
    if not any(run.curve.failed for run in scored):
        return None
    carried = [run.curve.failed and len(run.curve.values) > 0 for run in scored]
    last = [run.curve.values[-1] if at_last else run.result.score for run, at_last in zip(scored, carried, strict=True)]
    return mean_of(np.array(last, dtype=float), confidence)


def _bounds(runs: Sequence[ScoredRun], scores: np.ndarray) -> Bounds | None:
    absent = len(runs) - len(scores)
    if not absent or not len(scores):
        return None
    floor = min(run.curve.floor for run in runs if run.curve.floor is not None)
    return Bounds(**failures.bounds(scores, absent, floor)._asdict())


def _failure_rate(fresh: Sequence[ScoredRun], confidence: float) -> types.Rate | None:
    """Failed runs of those that ended by themselves."""
    ended = [run for run in fresh if run.result.status in ("finished", *FAILED)]
    if not ended:
        return None
    return types.Rate(**failures.wilson(sum(run.curve.failed for run in ended), len(ended), confidence)._asdict())


def _learned(scores: np.ndarray, scale: Scale | None, margin: float) -> types.Learned | None:
    if scale is None or not len(scores):
        return None
    return cast(types.Learned, str(learned.learned(scores, scale.random, scale.reference, margin)))


def _variance(scored: Sequence[ScoredRun]) -> types.VarianceParts | None:
    """The variance between the finished runs, split into what evaluation and what training brings about."""
    known = [(run.result.score, run.error) for run in scored if run.error is not None]
    if len(known) < 2:
        return None
    scores, errors = np.array(known, dtype=float).T
    return types.VarianceParts(len(known), *variance.parts(scores, errors))


def _distribution(scores: np.ndarray) -> types.Distribution | None:
    """Where single runs lie: dispersion over seeds, the mean of the worst tenth, a normal tolerance interval (the range
    that holds 90 % of all runs with 95 % confidence, if returns are normal)."""
    if len(scores) < 2:
        return None
    low, high, *_ = reliability.tolerance_interval(scores, 0.90, 0.95, kind="normal")
    iqr, mad = (reliability.dispersion_across(scores[:, None], measure)[0] for measure in ("iqr", "mad"))
    return types.Distribution(iqr, mad, float(reliability.cvar(scores, 0.1, "lower")), types.Interval(low, high))


def _curve(
    planned: PlannedCell, fresh: Sequence[ScoredRun], scale: Scale | None, declared: Declared
) -> tuple[CurveResult, AlignedCurves | None]:
    """Every run's own curve, their mean on the planned grid, its band if at least five runs are scored, and the area;
    beside it the grid and the scored runs' curves on it."""
    scored = [run.curve for run in fresh if run.result.score is not None]
    aligned = None
    band, note = None, "no run to average"
    if scored and planned.evaluate_every:
        aligned = aligned_where_known(scored, planned.evaluate_every, planned.env_steps)
        band, note = _band(aligned, declared, planned.key)
    result = CurveResult(
        **identity_of(planned),
        evaluate_every=planned.evaluate_every,
        evaluation_episodes=planned.evaluation_episodes,
        runs=tuple(run.curve for run in fresh),
        n_scored=len(scored),
        grid=() if aligned is None else tuple(aligned.grid.tolist()),
        mean=() if aligned is None else tuple(aligned.values.mean(axis=0).tolist()),
        band=band,
        area=_area(aligned, declared.confidence),
        reliability=_reliability(aligned),
        reached=_reached(aligned, [run.seed for run in scored], scale),
        note=note,
    )
    return result, aligned


def _band(aligned: AlignedCurves | None, declared: Declared, key: CellKey) -> tuple[types.Band | None, str]:
    """The simultaneous band of the mean curve, or why there is none."""
    if aligned is None:
        return None, "no evaluation that every scored run has"
    try:
        rng = declared.rng("curve", *key)
        band = curves.sup_t_band(aligned.values, declared.confidence, resamples=declared.curve_resamples, rng=rng)
    except ValueError as refusal:
        return None, str(refusal)
    return types.Band(tuple(band.low.tolist()), tuple(band.high.tolist()), band.quantile), ""


def _area(aligned: AlignedCurves | None, confidence: float) -> Estimate:
    """The mean over runs of the area under the curve, divided by the grid's span."""
    return mean_of(_areas(aligned), confidence)


def _reliability(aligned: AlignedCurves | None) -> types.Reliability | None:
    """How steadily the runs learn: median over runs of each one's own measure (Chan et al. 2020, 1912.05663)."""
    if aligned is None or len(aligned.grid) < 3:
        return None
    whole = len(aligned.grid) - 1
    within = np.median(reliability.dispersion_within(aligned.values, whole))
    cvar_of_steps = np.median(reliability.cvar_of_differences(aligned.values, 0.1))
    return types.Reliability(within, cvar_of_steps, np.median(reliability.max_drawdown(aligned.values)))


def _ends(per_seed: pd.DataFrame | None, runs: Sequence[ScoredRun]) -> dict[str, pd.Series]:
    """Every diagnostic that was recorded, at the end of training: its finite values, by finished seed."""
    if per_seed is None:
        return {}
    finished = [run.result.seed for run in runs if run.result.status == "finished" and not run.result.stale]
    rows = per_seed[per_seed["seed"].isin(finished)].set_index("seed")
    columns = {name: rows[name][np.isfinite(rows[name])] for name in rows}
    return {name: x for name, x in columns.items() if len(x)}


def _summary(x: pd.Series) -> DiagnosticSummary:
    return DiagnosticSummary(x.mean(), x.std(ddof=1) if len(x) > 1 else None, len(x))


def _reached(aligned: AlignedCurves | None, seeds: Sequence[int], scale: Scale | None) -> types.Reached | None:
    """When each of these scored runs gets half of the way, and how many have not; a failed one at the floor waits."""
    if aligned is None or len(aligned.grid) < 2 or scale is None:
        return None
    halfway = (scale.random + scale.reference) / 2
    crossing = curves.steps_to_threshold(aligned.grid, aligned.values, halfway)
    steps, share = curves.kaplan_meier(*crossing)
    runs = zip(seeds, crossing.env_steps.astype(int).tolist(), np.asarray(crossing.observed).tolist(), strict=True)
    return types.Reached(
        halfway, tuple(types.Crossing(*run) for run in runs), tuple(steps.astype(int).tolist()), tuple(share.tolist())
    )


def _of_curves(aligned: AlignedCurves | None, reached: types.Reached | None) -> dict[str, np.ndarray]:
    """The outcomes that whole curves give, of each scored run."""
    if aligned is None or len(aligned.grid) < 2:
        return {}
    outcomes = {"area": _areas(aligned), "stability": reliability.max_drawdown(aligned.values)}
    if reached is not None:
        outcomes["steps_to_threshold"] = np.array([run.env_step for run in reached.runs], dtype=float)
    return outcomes


def _areas(aligned: AlignedCurves | None) -> np.ndarray:
    """The area under each scored run's curve, divided by the grid's span."""
    if aligned is None or len(aligned.grid) < 2:
        return np.array([])
    return np.array([curves.area_under_curve(aligned.grid, run) for run in aligned.values])

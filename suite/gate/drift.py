"""What a study returns now against what its baseline returned: EQUIVALENT, DIFFERENT or INCONCLUSIVE, row by row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
from scipy import special

from suite.analysis import scores
from suite.analysis.declared import Declared
from suite.analysis.types import AgreementVerdict, CellKey
from suite.gate.baseline import Baseline, BaselineCell, described
from suite.gate.drift_rows import Changes, Drift, DriftRow, FrozenSummary
from suite.gate.drift_wording import listed, sentence
from suite.gate.verdict import completions, robust_verdict
from suite.gate.window_means import EvaluationMeans, Sample, StudyTables, judged, means_by_run, sample
from suite.lab.records import IMPORTED
from suite.statistics import equivalence, multiplicity, two_samples
from suite.study.cells import CELL
from suite.study.config import Check


def compare(
    tables: StudyTables,
    baseline: Baseline,
    options: Check = Check(),  # noqa: B008 - immutable
    declared: Declared = Declared(),  # noqa: B008 - immutable
) -> Drift:
    """A row per cell and frozen step within its budget, and a sentence for every cell without one.

    A cell is compared with the one of the same task, implementation and run_id; where the variant has other
    settings now, the frozen cell is an endpoint that nothing is held against, so that the gate cannot pass it over.
    EQUIVALENT: every seed that both have returns the very same number (then nothing has drifted), or the difference
    of the means lies within the margin on both sides at this confidence; DIFFERENT: beyond it on one.
    options.margin: a fraction of the baseline's return above the random policy's. Runs of the suite's own are
    paired by seed where there are pairs enough and no run is missing; else the test is Welch's, and with runs
    missing a verdict must hold as in the regression check.
    """
    means, tables = means_by_run(tables.evaluations), judged(tables)
    rows: list[DriftRow] = []
    notes: list[str] = []
    compared: set[CellKey] = set()
    for key, runs in tables.runs.groupby(CELL, sort=True):
        cell = CellKey(*key)
        frozen = baseline.cells.get(cell) or _namesake(cell, runs["variant"].iloc[0], baseline)
        if frozen is None:
            notes.append(f"{described(cell, runs, 0.0).name} is not in the baseline {baseline.name}.")
            continue
        if frozen.key == cell:
            of_cell = _same(frozen, runs, means, baseline, options)
        else:
            of_cell = _another(frozen, described(cell, runs, 0.0), baseline, options)
        rows += of_cell.rows
        notes += of_cell.notes
        compared.add(frozen.key)
    notes += _without_a_cell([cell for key, cell in baseline.cells.items() if key not in compared], baseline.name)
    last = {(row.task, row.implementation, row.run_id): row.env_step for row in rows}  # steps rise within a cell
    rows = [replace(row, gated=row.env_step == last[row.task, row.implementation, row.run_id]) for row in rows]
    rows = _with_families(rows, declared.families.regression)
    return Drift(tuple(replace(row, sentence=sentence(row)) for row in rows), tuple(notes))


def _same(
    frozen: BaselineCell, runs: pd.DataFrame, means: EvaluationMeans, baseline: Baseline, options: Check
) -> Drift:
    """A cell's rows, and what else made it than what made the baseline's."""
    changed = _changes(frozen.made_by, described(frozen.key, runs, frozen.random_policy).made_by)
    elsewhere = IMPORTED in set(runs.get("device", ()))
    samples = {at: sample(runs, means, at, frozen.random_policy) for at in baseline.values[frozen.key]}
    rows = [
        _row(frozen, at, ours, () if elsewhere else ours.seeds, baseline, options, changed)
        for at, ours in samples.items()
        if ours.planned
    ]
    made_otherwise = changed and (runs["code_id"] != "").any()
    notes = [f"{frozen.name} is made by other code or versions: {listed(changed)}."] if made_otherwise else []
    return Drift(tuple(rows), tuple(notes))


def _another(frozen: BaselineCell, present: BaselineCell, baseline: Baseline, options: Check) -> Drift:
    """The frozen cell's last step without a run of ours, and what the settings of its variant are now."""
    changed = _changes(dict(_settings(frozen)), dict(_settings(present)))
    became = f"{frozen.run_id} became {present.run_id}"
    another = f"{present.name} is another run than in the baseline {baseline.name} ({became})"
    last = max(baseline.values[frozen.key])
    row = _row(frozen, last, Sample(()), (), baseline, options, changed)
    return Drift((row,), (f"{another}: {listed(changed) or 'none is known'}.",))


class _Judgement(NamedTuple):
    """Fields of `DriftRow`, which says what they mean."""

    difference: float | None
    verdict: AgreementVerdict = "INCONCLUSIVE"
    low: float | None = None
    high: float | None = None
    df: float | None = None
    n_needed: int | None = None
    held_back: AgreementVerdict | None = None
    p: float | None = None
    p_different: float | None = None
    p_different_adjusted: float | None = None
    family_size: int = 0
    paired_seeds: tuple[int, ...] = ()


def _row(
    cell: BaselineCell,
    at: int,
    ours: Sample,
    seeds: tuple[int, ...],
    baseline: Baseline,
    options: Check,
    changed: Changes,
) -> DriftRow:
    """ours: our window means at the frozen step `at`; seeds: theirs, none of runs that were made elsewhere."""
    frozen = baseline.values[cell.key][at]
    theirs, floor = np.array(list(frozen.values())), cell.random_policy
    by_seed = dict(zip(ours.seeds, ours.values.tolist(), strict=True))
    common = [seed for seed in by_seed if seed in frozen]
    identical = sum(by_seed[seed] == frozen[seed] for seed in common)
    mean = float(theirs.mean())
    margin = options.margin * (mean - floor) if mean > floor else None
    before = scores.Sample(theirs, tuple(frozen))
    pairs = None if ours.missing else scores.paired(scores.Sample(ours.values, seeds), before)
    if pairs and margin is not None:
        judgement = _judge_pairs(pairs, margin, options.confidence)
    else:
        judgement = _judge(ours, theirs, floor, margin, options.confidence)
    if common and identical == len(common) and not ours.missing:
        judgement = judgement._replace(verdict="EQUIVALENT", held_back=None, n_needed=None)
    return DriftRow(
        **cell.key._asdict(),
        variant=cell.variant,
        env_step=at,
        ours=ours.summary,
        theirs=FrozenSummary(mean, float(theirs.std(ddof=1)) if len(theirs) >= 2 else None, len(theirs)),
        random_policy=floor,
        seeds_in_both=len(common),
        identical=identical,
        **judgement._asdict(),
        margin=margin,
        confidence=options.confidence,
        changed=changed,
        baseline=baseline.name,
    )


def _judge_pairs(pairs: scores.Paired, margin: float, confidence: float) -> _Judgement:
    """The equivalence test of our window means and the baseline's at the same seeds."""
    test = equivalence.tost_paired(pairs.x, pairs.y, margin, confidence)
    beyond = test.statistic * math.copysign(1, test.difference)  # standard errors
    return _Judgement(
        difference=test.difference,
        verdict=cast(AgreementVerdict, test.verdict),
        low=test.low,
        high=test.high,
        df=test.df,
        n_needed=test.n_needed,
        p=test.p,
        p_different=min(1.0, 2 * float(special.stdtr(test.df, -beyond))),
        paired_seeds=pairs.seeds,
    )


def _judge(ours: Sample, theirs: np.ndarray, floor: float, margin: float | None, confidence: float) -> _Judgement:
    """Welch's equivalence test of our window means and the baseline's [runs]."""
    difference = float(ours.values.mean() - theirs.mean()) if len(ours.values) else None
    if margin is None or min(len(ours.values), len(theirs)) < 2:
        return _Judgement(difference)
    frozen = two_samples.summary(theirs)
    completed = [two_samples.summary(one) for one in completions(ours.values, ours.missing, floor)]
    tests = [equivalence.tost_from_summary(one, frozen, margin, confidence) for one in completed]
    robust = robust_verdict([test.verdict for test in tests])
    return _Judgement(
        difference=tests[0].difference,
        verdict=cast(AgreementVerdict, robust.verdict),
        low=tests[0].low,
        high=tests[0].high,
        df=tests[0].df,
        n_needed=tests[0].n_needed,
        held_back=cast(AgreementVerdict | None, robust.held_back),
        p=max(test.p for test in tests),
        p_different=max(_p_different(one, frozen, margin) for one in completed),
    )


def _p_different(ours: tuple, theirs: tuple, margin: float) -> float:
    """Of the hypothesis that neither side is better by more than the margin; ours, theirs: mean, sample SD, n."""
    one_sided = min(two_samples.loss_p(ours, theirs, margin), two_samples.loss_p(theirs, ours, margin))
    return min(1.0, 2 * one_sided)


def _with_families(rows: list[DriftRow], method: str) -> list[DriftRow]:
    """The rows with what their family (an implementation and variant over its tasks) makes of them: secondary ones are
    tested, adjusted for their number, where all its primary endpoints are EQUIVALENT."""
    members: dict[tuple[str, str], list[int]] = {}
    for i, row in enumerate(rows):
        members.setdefault((row.implementation, row.variant), []).append(i)
    for indices in members.values():
        primary, secondary = ([i for i in indices if rows[i].gated is gated] for gated in (True, False))
        tested = all(rows[i].passes for i in primary)
        raw = np.array([rows[i].p_different if tested else None for i in secondary], dtype=float)
        adjusted = dict(zip(secondary, multiplicity.adjust(raw, method).tolist(), strict=True))
        for i in indices:
            p, size = adjusted.get(i, np.nan), len(primary if rows[i].gated else secondary)
            rows[i] = replace(rows[i], p_different_adjusted=None if np.isnan(p) else p, family_size=size)
    return rows


def _namesake(cell: CellKey, variant: str, baseline: Baseline) -> BaselineCell | None:
    """The baseline's cell of the same task, implementation and variant, under another run_id."""
    alike = (one for one in baseline.cells.values() if (*one.key[:2], one.variant) == (*cell[:2], variant))
    return next(alike, None)


def _without_a_cell(cells: Iterable[BaselineCell], baseline: str) -> list[str]:
    """A sentence on the baseline's cells that the study has not, if there are any."""
    names = [cell.name for cell in cells]
    text = f"Of the baseline {baseline} {len(names)} cells are not in this study: {'; '.join(names)}."
    return [text] if names else []


def _changes(was: Mapping[str, object], now: Mapping[str, object]) -> Changes:
    names = [*was, *(name for name in now if name not in was)]
    return {name: (was.get(name), now.get(name)) for name in names if was.get(name) != now.get(name)}


def _settings(cell: BaselineCell) -> Iterator[tuple[str, object]]:
    """Every setting of a cell by its path."""
    yield from _flat(cell.spec, "spec.")
    yield from _flat(cell.schedule, "schedule.")
    yield "evaluation.every", cell.evaluation.every
    yield "evaluation.episodes", cell.evaluation.episodes


def _flat(values: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value

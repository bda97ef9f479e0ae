"""The verdict on one cell at one published step: by looks where it decides, else by all runs at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from scipy import special

from suite.analysis.check_rows import CheckAgreement, CheckLook, CheckVerdict, PublishedSummary, SampleSummary
from suite.analysis.types import AgreementVerdict
from suite.gate.window_means import Sample
from suite.statistics import equivalence, failures, looks, two_samples
from suite.statistics.equivalence import FAIL, INCONCLUSIVE, PASS, SUSPICIOUSLY_BETTER


class Judgement(NamedTuple):
    """What is concluded of one sample: fields of `CheckRow`, which says what they mean."""

    verdict: CheckVerdict = "INCONCLUSIVE"
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    df: float | None = None
    n_needed: int | None = None
    held_back: CheckVerdict | None = None
    inside: bool | None = None
    p: float | None = None
    p_fail: float | None = None
    equivalence: CheckAgreement | None = None


class Decision(NamedTuple):
    """What the looks at a primary endpoint conclude, with the runs of the last one: fields of `CheckRow`."""

    ours: SampleSummary
    verdict: CheckVerdict = "INCONCLUSIVE"
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    df: float | None = None
    n_needed: int | None = None
    held_back: CheckVerdict | None = None
    p: float | None = None
    p_fail: float | None = None
    equivalence: CheckAgreement | None = None
    looks: tuple[CheckLook, ...] = ()
    waits_for: tuple[int, ...] = ()
    later_failed: int = 0


def decide(
    ours: Sample, published: looks.Published, floor: float, share: float, confidence: float, at: Sequence[int]
) -> Decision:
    """The looks at a cell's seeds in their order, to the first that decides; a look needs all its seeds.

    share: of (published - floor), the margin; confidence: of the interval of the difference, with the looks' own error.
    """
    complete = ours.first(ours.complete)
    failed = [run.failed for run in complete.runs]
    taken = looks.looks(complete.values, failed, published, floor, share, at) if ours.complete >= at[0] else []
    last = int(looks.deciding(taken)) if taken else -1
    shown = tuple(_shown(one) for one in taken[: last + 1])
    open_looks = [n for n in at if n > ours.complete] if not shown or shown[-1].verdict == INCONCLUSIVE else []
    waits_for = tuple(run.seed for run in ours.first(open_looks[0]).runs if math.isnan(run.value)) if open_looks else ()
    if not shown:
        return Decision(ours.summary, waits_for=waits_for)
    one = taken[last]
    half = special.stdtrit(one.df, (1 + confidence) / 2) * one.error
    return Decision(
        ours=ours.first(one.n).summary,
        verdict=shown[-1].verdict,
        difference=float(0 - one.lost),
        low=float(0 - one.lost - half),
        high=float(half - one.lost),
        df=float(one.df),
        p=float(one.p_pass),
        p_fail=float(one.p_fail),
        looks=shown,
        waits_for=waits_for,
        later_failed=sum(run.failed and math.isfinite(run.value) for run in ours.runs[one.n :]),
    )


def _shown(one: looks.Look) -> CheckLook:
    verdict = cast(CheckVerdict, str(one.verdict))
    numbers = float(one.lost), float(one.p_fail), float(one.p_pass)
    return CheckLook(one.n, int(one.failed), *numbers, verdict, bool(one.warns))


class RobustVerdict(NamedTuple):
    """The verdict that no missing run could overturn, and the one that was held back for it."""

    verdict: str
    held_back: str | None


def completions(values: np.ndarray, missing: int, floor: float) -> list[np.ndarray]:
    """Values [runs] or curves [runs, T] as they are and, where runs are missing, with all these at the floor (the
    worst run, if lower), and with all as good as the best."""
    if not missing:
        return [values]
    absent = np.full((missing, *values.shape[1:]), math.nan)
    completed = failures.apply(np.concatenate([values, absent]), "bounds", floor)
    return [values, *(np.asarray(one) for one in completed)]


def robust_verdict(verdicts: Sequence[str]) -> RobustVerdict:
    """What stands whatever the missing runs would have done; verdicts: of the runs there are, then of each completion.

    One that is better than PASS is also a PASS.
    """
    first = verdicts[0]
    if set(verdicts) == {first}:
        return RobustVerdict(first, None)
    if set(verdicts) == {PASS, SUSPICIOUSLY_BETTER}:
        return RobustVerdict(PASS, None)
    return RobustVerdict(INCONCLUSIVE, first if first != INCONCLUSIVE else None)


def judge(
    values: np.ndarray, missing: int, published: PublishedSummary, floor: float, margin: float, confidence: float
) -> Judgement:
    """Whether our values [runs] lose more than the margin against what is published.

    p: of the hypothesis that more than the margin is lost (small: PASS); p_fail: of the one that no more is (small:
    FAIL), see `two_samples.loss_p`; with missing runs either is the largest that these could have made it. Against a
    number without a spread the interval is that of one more run of ours, so it is wide, and there is no p: advice.
    """
    if len(values) < 2:
        return Judgement(difference=float(values.mean()) - published.mean if len(values) else None)
    completed = [two_samples.summary(one) for one in completions(values, missing, floor)]
    if published.sd is None:
        return _by_prediction(completed, published.mean, margin, confidence)
    return _by_spread(completed, published, len(values) + missing, margin, confidence)


def _by_spread(
    completed: Sequence[tuple], published: PublishedSummary, planned: int, margin: float, confidence: float
) -> Judgement:
    """completed: mean, SD and number of our runs, then of each completion; planned: runs with the missing ones."""
    theirs = cast(tuple[float, float, int], (published.mean, published.sd, published.n))  # a spread has its n
    tests = [equivalence.non_inferiority_from_summary(ours, theirs, margin, confidence) for ours in completed]
    both_ways = [equivalence.tost_from_summary(ours, theirs, margin, confidence) for ours in completed]
    robust = robust_verdict([test.verdict for test in tests])
    robust_both_ways = robust_verdict([test.verdict for test in both_ways])
    return Judgement(
        verdict=cast(CheckVerdict, robust.verdict),
        difference=tests[0].difference,
        low=tests[0].low,
        high=tests[0].high,
        df=tests[0].df,
        n_needed=planned if robust.held_back else tests[0].n_needed,
        held_back=cast(CheckVerdict | None, robust.held_back),
        p=max(test.p for test in tests),
        p_fail=max(two_samples.loss_p(ours, theirs, margin) for ours in completed),
        equivalence=CheckAgreement(
            verdict=cast(AgreementVerdict, robust_both_ways.verdict),
            p=max(test.p for test in both_ways),
            n_needed=planned if robust_both_ways.held_back else both_ways[0].n_needed,
        ),
    )


def _by_prediction(completed: Sequence[tuple], number: float, margin: float, confidence: float) -> Judgement:
    predictions = [equivalence.prediction_check(ours, number, confidence) for ours in completed]
    limits = [(one.low - number, one.high - number) for one in predictions]
    robust = robust_verdict([_verdict(low, high, margin) for low, high in limits])
    return Judgement(
        verdict=cast(CheckVerdict, robust.verdict),
        difference=completed[0][0] - number,
        low=limits[0][0],
        high=limits[0][1],
        held_back=cast(CheckVerdict | None, robust.held_back),
        inside=predictions[0].inside,
    )


def _verdict(low: float, high: float, margin: float) -> str:
    if low > margin:
        return SUSPICIOUSLY_BETTER
    if low > -margin:
        return PASS
    return FAIL if high < -margin else INCONCLUSIVE

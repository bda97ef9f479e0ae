"""The PASS/FAIL rule: one cell at one published step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from suite.statistics import equivalence, failures
from suite.statistics import two_samples as compare
from suite.statistics.equivalence import FAIL, INCONCLUSIVE, PASS, SUSPICIOUSLY_BETTER
from suite.statistics.two_samples import summary


def fillings(values: np.ndarray, missing: int, floor: float) -> list[np.ndarray]:
    """Values [runs] or curves [runs, T] as they are and, where runs are missing, with all these at the floor (the
    worst run, if lower), and with all as good as the best."""
    if not missing:
        return [values]
    absent = np.full((missing, *values.shape[1:]), math.nan)
    return [values, *failures.apply(np.concatenate([values, absent]), "bounds", floor)]


def standing(verdicts: Sequence[str]) -> tuple[str, str | None]:
    """The verdict that no missing run could overturn, and the one that was held back for it.

    verdicts: of the runs there are, then of every filling. One that is better than PASS is also a PASS.
    """
    first = verdicts[0]
    if set(verdicts) == {first}:
        return first, None
    if set(verdicts) == {PASS, SUSPICIOUSLY_BETTER}:
        return PASS, None
    return INCONCLUSIVE, first if first != INCONCLUSIVE else None


def judged(values, missing: int, there: tuple, floor: float, allowed: float, confidence: float) -> dict:
    """The verdicts' fields of a row against a published mean with its spread.

    p: of the hypothesis that more than the margin is lost (small: PASS); p_fail: of the one that no more is (small:
    FAIL), see `compare.loss_p`; with missing runs either is the largest that these could have made it.
    """
    difference = float(values.mean()) - there[0] if len(values) else None
    if len(values) < 2:
        return _UNDECIDED | {"difference": difference}
    samples = [summary(filled) for filled in fillings(values, missing, floor)]
    tests = [equivalence.non_inferiority_from_summary(one, there, allowed, confidence) for one in samples]
    alike = [equivalence.tost_from_summary(one, there, allowed, confidence) for one in samples]
    verdict, held_back = standing([test.verdict for test in tests])
    both_ways, kept = standing([test.verdict for test in alike])
    return {
        **_UNDECIDED,
        **tests[0]._asdict(),
        "verdict": verdict,
        "held_back": held_back,
        "n_needed": len(values) + missing if held_back else tests[0].n_needed,
        "p": max(test.p for test in tests),
        "p_fail": max(compare.loss_p(one, there, allowed) for one in samples),
        "equivalence": {
            "verdict": both_ways,
            "p": max(test.p for test in alike),
            "n_needed": len(values) + missing if kept else alike[0].n_needed,
        },
    }


def predicted(values, missing: int, there: tuple, floor: float, allowed: float, confidence: float) -> dict:
    """The same against a published number without a spread: one more run of ours in the place of a mean.

    The interval is the prediction's, so it is wide, and there is no p: such a row is advice.
    """
    difference = float(values.mean()) - there[0] if len(values) else None
    if len(values) < 2:
        return _UNDECIDED | {"difference": difference}
    found = [
        equivalence.prediction_check(summary(filled), there[0], confidence)
        for filled in fillings(values, missing, floor)
    ]
    ends = [(one.low - there[0], one.high - there[0]) for one in found]
    verdict, held_back = standing([_verdict(low, high, allowed) for low, high in ends])
    low, high = ends[0]
    interval = {"difference": difference, "low": low, "high": high, "inside": found[0].inside}
    return _UNDECIDED | interval | {"verdict": verdict, "held_back": held_back}


_UNDECIDED = {
    "verdict": INCONCLUSIVE,
    **dict.fromkeys(("difference", "low", "high", "df", "n_needed", "held_back", "inside")),
    **dict.fromkeys(("p", "p_fail", "equivalence")),
}


def _verdict(low: float, high: float, allowed: float) -> str:
    if low > allowed:
        return SUSPICIOUSLY_BETTER
    return PASS if low > -allowed else FAIL if high < -allowed else INCONCLUSIVE

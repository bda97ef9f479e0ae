"""The regression check in words: a sentence a row, and what the gate makes of all of them in one line."""

from __future__ import annotations

from collections.abc import Sequence

from suite.analysis.check_rows import CheckCurve, CheckRow, SampleSummary
from suite.gate.drift_rows import DriftRow
from suite.statistics.equivalence import DIFFERENT, EQUIVALENT, FAIL, INCONCLUSIVE, PASS, SUSPICIOUSLY_BETTER
from suite.wording import WITH_POWER


def sentence(row: CheckRow) -> str:
    """What a row says: the cell and its runs, the two means and their difference, the verdict and its p."""
    if row.ours.n < 2:
        counted = "1 run" if row.ours.n else "no run"
        body = f"{counted} with a result gives no spread to compare with {row.reference}: {INCONCLUSIVE}."
    elif row.basis == "a number":
        body = _against_a_number(row)
    else:
        body = _against_a_spread(row)
    return " ".join(filter(None, [head(row) + body, _over_the_curve(row.curve), _advice(row)]))


def _against_a_number(row: CheckRow) -> str:
    where = "inside" if row.inside else "outside"
    return (
        f"{mean_sd_n(row.ours)}, and {number(row.published.mean)} of {row.reference}, a number without a spread, lies "
        f"{where} where {row.confidence:.0%} of further runs would; {_meaning(row)}: {row.verdict}."
    )


def _against_a_spread(row: CheckRow) -> str:
    published = f"{number(row.published.mean)} (SD {number(row.published.sd)}, n {row.published.n})"
    interval = f"{number(row.difference)} with {row.confidence:.0%} interval {number(row.low)} to {number(row.high)}"
    return (
        f"{mean_sd_n(row.ours)} against {published} of {row.reference}, difference {interval}; "
        f"{_meaning(row)}: {row.verdict}{_by_chance(row)}.{_both_ways(row)}"
    )


def head(row: CheckRow | DriftRow) -> str:
    """Which cell at which step, and what became of its runs."""
    ours = row.ours
    runs = f"{ours.n_finished} of {ours.n_planned} planned runs finished"
    if ours.n_failed:
        runs += f", {ours.n_failed} failed (counted as random, {number(row.random_policy)}, from then)"
    if ours.n_missing:
        runs += f", {ours.n_missing} without a result"
    return f"{row.task}, {row.implementation} {row.variant}, {row.env_step:,} steps ({runs}): "


def mean_sd_n(ours: SampleSummary) -> str:
    """The mean of our runs with its spread and number."""
    return f"mean {number(ours.mean)} (SD {number(ours.sd)}, n {ours.n})"


def _meaning(row: CheckRow) -> str:
    margin = number(row.margin)
    return {
        PASS: f"less than the tolerated {margin} is lost",
        FAIL: f"more than the tolerated {margin} is lost",
        INCONCLUSIVE: f"this does not decide whether more than the tolerated {margin} is lost ({_what_decides(row)})",
        SUSPICIOUSLY_BETTER: f"better by more than {margin}: look for a difference in environment or evaluation",
    }[row.verdict]


def _what_decides(row: CheckRow) -> str:
    if row.held_back:
        otherwise = "done as well as the best" if row.held_back == FAIL else "failed"
        return f"a {row.held_back} would not hold if the runs without a result had {otherwise}"
    if row.n_needed:
        return f"with {row.n_needed:,} own seeds of this mean and spread it would be decided {WITH_POWER}"
    if row.basis == "a number":
        return "one more run may be that far off"
    return "no number of own seeds would, the published spread being what it is"


def _by_chance(row: CheckRow) -> str:
    """The p of what the verdict claims, raw and adjusted, and for a FAIL whether the gate falls."""
    if row.p_adjusted is None or row.family_size is None or row.verdict == INCONCLUSIVE:
        return ""
    p, adjusted = (row.p_fail, row.p_fail_adjusted) if row.verdict == FAIL else (row.p, row.p_adjusted)
    questions = "question" if row.family_size == 1 else "questions"
    text = f"p {p_value(p)}, {p_value(adjusted)} among {row.family_size} {questions}"
    return f" ({text}; {_at_the_gate(row)})" if row.verdict == FAIL else f" ({text})"


def _at_the_gate(row: CheckRow) -> str:
    if not row.gated:
        return "it is not gated"
    if row.fails:
        return "it fails the gate"
    return f"that is not below {(1 - row.confidence) / 2:.2g}, so it does not fail the gate"


def _both_ways(row: CheckRow) -> str:
    if row.verdict not in (PASS, INCONCLUSIVE) or row.equivalence is None or row.equivalence.verdict == DIFFERENT:
        return ""
    if row.equivalence.verdict == EQUIVALENT:
        return " It is EQUIVALENT: neither better nor worse by more."
    needed = row.equivalence.n_needed
    more = f" (with {needed:,} seeds a side it would be decided {WITH_POWER})" if needed else ""
    return f" Whether it is equivalent is open{more}."


_BAND = {
    None: "",
    PASS: ", and the band of the difference stays above minus the margin",
    FAIL: ", and the band of the difference falls below minus the margin",
    INCONCLUSIVE: ", and the band of the difference does not settle whether it stays above minus the margin",
}


def _over_the_curve(curve: CheckCurve | None) -> str:
    if curve is None:
        return ""
    verdict = f": {curve.verdict}" if curve.verdict else ""
    most = f"the curves differ most at {curve.env_step:,} (max-t p {p_value(curve.p)})"
    return f"Over the {len(curve.steps)} published steps up to here {most}{_BAND[curve.verdict]}{verdict}."


def _advice(row: CheckRow) -> str:
    return f"Advisory only: {'; '.join(row.advice)}." if row.advice else ""


def number(value: float | None) -> str:
    """A return as tables print it."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def p_value(value: float | None) -> str:
    """A p value as tables print it."""
    if value is None:
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def counted(rows: Sequence[CheckRow]) -> str:
    """How many rows have which verdict, advice apart."""
    counts = {
        verdict: sum(row.verdict == verdict and not row.advisory for row in rows)
        for verdict in (PASS, INCONCLUSIVE, SUSPICIOUSLY_BETTER, FAIL)
    }
    total = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    return f"{total or 'no verdict'}; {sum(row.advisory for row in rows)} advisory"


def outcome(rows: Sequence[CheckRow]) -> str:
    """What the gate makes of the rows, in one line."""
    gated = [row for row in rows if row.gated]
    if not gated:
        return "gate: none of these rows is gated, so there is nothing to pass or fail"
    undecided = sum(row.verdict == INCONCLUSIVE for row in gated)
    text = f"gate: {sum(row.fails for row in rows)} of {len(gated)} gated rows fail it"
    if undecided:
        text += f"; {undecided} INCONCLUSIVE, which alone fails nothing: it takes more seeds to decide"
    return text

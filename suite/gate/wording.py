"""The regression check in words: a sentence a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from suite.analysis.check_rows import CheckCurve, CheckRow, CheckVerdict, SampleSummary
from suite.gate.drift_rows import DriftRow
from suite.specimens.naming import in_full
from suite.statistics.equivalence import DIFFERENT, EQUIVALENT, FAIL, INCONCLUSIVE, PASS, SUSPICIOUSLY_BETTER
from suite.statistics.looks import NOT_LEARNED, failure_limit
from suite.wording import WITH_POWER


def sentence(row: CheckRow) -> str:
    """What a row says: the cell and its runs, the two means and their difference, the verdict and its p."""
    if row.gated:
        body = _by_looks(row)
    elif row.ours.n < 2:
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
    return f"{_difference(row)}; {_meaning(row)}: {row.verdict}{_by_chance(row)}.{_both_ways(row)}"


def _difference(row: CheckRow) -> str:
    published = f"{number(row.published.mean)} (SD {number(row.published.sd)}, n {row.published.n})"
    interval = f"{number(row.difference)} with {row.confidence:.0%} interval {number(row.low)} to {number(row.high)}"
    return f"{mean_sd_n(row.ours)} against {published} of {row.reference}, difference {interval}"


def _by_looks(row: CheckRow) -> str:
    """A primary endpoint: what its last look says, or what the next one waits for."""
    if not row.looks:
        return f"no look at it is complete; {_next_look(row)}."
    look = row.looks[-1]
    limit = failure_limit(look.n)
    if look.verdict == FAIL and look.failed >= limit:
        meaning = f"{look.failed} of {look.n} runs failed, and {limit} are too many"
    elif look.verdict == NOT_LEARNED:
        meaning = f"even the upper limit of what is learned is less than {number(row.margin)}"
    else:
        p = {FAIL: look.p_fail, PASS: look.p_pass}.get(look.verdict)
        meaning = _meaning(row) + ("" if p is None else f" (p {p_value(p)})")
    return f"{_difference(row)}; after {look.n} seeds {meaning}: {row.verdict}.{'' if row.fails else _warnings(row)}"


def _warnings(row: CheckRow) -> str:
    """What the rule leaves out of account and a reader should not."""
    warnings = [f"more than {number(row.margin)} seems lost"] if row.looks[-1].warns else []
    if row.later_failed:
        runs = "run has" if row.later_failed == 1 else "runs have"
        warnings.append(f"{row.later_failed} later {runs} failed, of seeds that do not count any more")
    return "".join(f" Warning: {one}." for one in warnings)


def _next_look(row: CheckRow) -> str:
    after = next(n for n in row.looks_planned if not row.looks or n > row.looks[-1].n)
    seeds = f" waits for {'seed' if len(row.waits_for) == 1 else 'seeds'} {', '.join(map(str, row.waits_for))}"
    return f"the look at {after} seeds{seeds if row.waits_for else ' needs more seeds than are planned'}"


def head(row: CheckRow | DriftRow) -> str:
    """Which cell at which step, and what became of its runs."""
    ours = row.ours
    of = f"the first {ours.n_planned}" if isinstance(row, CheckRow) and row.looks else f"{ours.n_planned} planned"
    runs = f"{ours.n_finished} of {of} runs finished"
    if ours.n_failed:
        runs += f", {ours.n_failed} failed (counted as random, {number(row.random_policy)}, from then)"
    if ours.n_missing:
        runs += f", {ours.n_missing} without a result"
    return f"{row.task}, {in_full(row.implementation, row.variant)}, {row.env_step:,} steps ({runs}): "


def mean_sd_n(ours: SampleSummary) -> str:
    """The mean of our runs with its spread and number."""
    return f"mean {number(ours.mean)} (SD {number(ours.sd)}, n {ours.n})"


def _meaning(row: CheckRow) -> str:
    margin = number(row.margin)
    if row.verdict == INCONCLUSIVE:
        return f"this does not decide whether more than the tolerated {margin} is lost ({_what_decides(row)})"
    return {
        PASS: f"less than the tolerated {margin} is lost",
        FAIL: f"more than the tolerated {margin} is lost",
        SUSPICIOUSLY_BETTER: f"better by more than {margin}: look for a difference in environment or evaluation",
    }[row.verdict]


def _what_decides(row: CheckRow) -> str:
    if row.gated:
        return "and this was the last look" if row.exhausted else _next_look(row)
    if row.held_back:
        otherwise = "done as well as the best" if row.held_back == FAIL else "failed"
        return f"a {row.held_back} would not hold if the runs without a result had {otherwise}"
    if row.n_needed:
        return f"with {row.n_needed:,} own seeds of this mean and spread it would be decided {WITH_POWER}"
    if row.basis == "a number":
        return "one more run may be that far off"
    return "no number of own seeds would, the published spread being what it is"


def _by_chance(row: CheckRow) -> str:
    """The p of what the verdict claims, raw and adjusted among the secondary rows of its family."""
    if row.verdict not in (PASS, FAIL) or row.p is None:
        return ""
    p, adjusted = (row.p_fail, row.p_fail_adjusted) if row.verdict == FAIL else (row.p, row.p_adjusted)
    if row.advisory:
        return f" (p {p_value(p)})"
    among = f", {p_value(adjusted)} among {row.family_size} secondary" if adjusted is not None else ""
    return f" (p {p_value(p)}{among}; it is secondary and fails no gate)"


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
    counts = Counter(row.verdict for row in rows if not row.advisory)
    total = ", ".join(f"{counts[verdict]} {verdict}" for verdict in get_args(CheckVerdict) if counts[verdict])
    return f"{total or 'no verdict'}; {sum(row.advisory for row in rows)} advisory"

"""A comparison with a baseline in words."""

from __future__ import annotations

from suite.gate.drift_rows import Changes, DriftRow
from suite.gate.wording import head, mean_sd_n, number
from suite.statistics.equivalence import DIFFERENT, EQUIVALENT, INCONCLUSIVE
from suite.wording import WITH_POWER, ranges


def sentence(row: DriftRow) -> str:
    """What a row says: the cell and its runs, how many are identical, both means, the verdict."""
    if not row.ours.n_planned:
        return f"{head(row)}the variant has other settings than in {row.baseline}: not compared, {INCONCLUSIVE}."
    same = f"identical in {row.identical} of {row.seeds_in_both} seeds"
    if row.verdict == EQUIVALENT and identical_in_every_seed(row):
        return f"{head(row)}{same}: {EQUIVALENT}."
    theirs = f"{number(row.theirs.mean)} (SD {number(row.theirs.sd)}, n {row.theirs.n}) of {row.baseline}"
    means = f"{head(row)}{same}; {mean_sd_n(row.ours)} against {theirs}"
    if row.p is None:
        why = "there is no margin" if row.margin is None else "a spread needs two runs on either side"
        return f"{means}; {why}: {INCONCLUSIVE}."
    which = f"paired at seeds {ranges(row.paired_seeds)}" if row.paired_seeds else "Welch's, of all runs"
    limits = f"{row.confidence:.0%} interval {number(row.low)} to {number(row.high)}, {which}"
    return (
        f"{means}, difference {number(row.difference)} with {limits}; {_meaning(row)}: {row.verdict}{_by_chance(row)}."
    )


def identical_in_every_seed(row: DriftRow) -> bool:
    """Whether every seed that both have returns the very same number."""
    return 0 < row.identical == row.seeds_in_both


def _meaning(row: DriftRow) -> str:
    margin = number(row.margin)
    if row.verdict == INCONCLUSIVE:
        return f"whether it is within {margin} either way is open ({_what_decides(row)})"
    return f"{'within' if row.verdict == EQUIVALENT else 'beyond'} {margin} either way"


def _what_decides(row: DriftRow) -> str:
    if row.held_back:
        return f"a verdict of {row.held_back} could change with the runs without a result"
    if row.n_needed:
        return f"with {row.n_needed:,} seeds a side it would be decided {WITH_POWER}"
    return "no number of seeds settles a difference of just the margin"


def _by_chance(row: DriftRow) -> str:
    if row.verdict != DIFFERENT:
        return ""
    if row.gated or row.p_different is None:
        return ""
    among = "" if row.p_different_adjusted is None else f", {row.p_different_adjusted:.2g} among {row.family_size}"
    return f" (p {row.p_different:.2g}{among}; it is secondary and fails no gate)"


def listed(changes: Changes) -> str:
    """What differs, one by one."""
    return "; ".join(f"{name} was {was} and is {now}" for name, (was, now) in changes.items())

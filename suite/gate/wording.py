"""The regression check in words: a sentence a row, and the table for a terminal."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from suite.statistics.equivalence import DIFFERENT, EQUIVALENT, FAIL, INCONCLUSIVE, PASS, SUSPICIOUSLY_BETTER


def sentence(row: dict) -> str:
    """What a row says: the cell and its runs, the two means and their difference, the verdict and its p."""
    ours, there = row["ours"], row["published"]
    if ours["n"] < 2:
        counted = "no run" if not ours["n"] else "1 run"
        body = f"{counted} with a result gives no spread to compare with {row['reference']}: {INCONCLUSIVE}."
    elif row["basis"] == "a number":
        body = (
            f"mean {number(ours['mean'])} (SD {number(ours['sd'])}, n {ours['n']}), and {number(there['mean'])} of "
            f"{row['reference']}, a number without a spread, lies {'inside' if row['inside'] else 'outside'} where "
            f"{row['confidence']:.0%} of further runs would; {_meaning(row)}: {row['verdict']}."
        )
    else:
        body = (
            f"mean {number(ours['mean'])} (SD {number(ours['sd'])}, n {ours['n']}) against "
            f"{number(there['mean'])} (SD {number(there['sd'])}, n {there['n']}) of {row['reference']}, "
            f"difference {number(row['difference'])} with {row['confidence']:.0%} interval {number(row['low'])} to "
            f"{number(row['high'])}; {_meaning(row)}: {row['verdict']}{_by_chance(row)}."
        )
        body += _both_ways(row)
    return " ".join(filter(None, [head(row) + body, _over_the_curve(row["curve"]), _advice(row)]))


def head(row: dict) -> str:
    """Which cell at which step, and what became of its runs."""
    ours = row["ours"]
    runs = f"{ours['n_finished']} of {ours['n_planned']} planned runs finished"
    if ours["n_failed"]:
        runs += f", {ours['n_failed']} failed (counted as random, {number(row['random_policy'])}, from then)"
    if ours["n_missing"]:
        runs += f", {ours['n_missing']} without a result"
    return f"{row['task']}, {row['implementation']} {row['variant']}, {row['env_step']:,} steps ({runs}): "


def _meaning(row: dict) -> str:
    allowed, needed = number(row["margin"]), row["n_needed"]
    more = (
        f"a {row['held_back']} would not hold if the runs without a result had "
        + ("done as well as the best" if row["held_back"] == FAIL else "failed")
        if row["held_back"]
        else f"about {needed:,} own seeds with this mean and spread would"
        if needed
        else "no number of own seeds would, the published spread being what it is"
        if row["basis"] != "a number"
        else "one more run may be that far off"
    )
    return {
        PASS: f"less than the tolerated {allowed} is lost",
        FAIL: f"more than the tolerated {allowed} is lost",
        INCONCLUSIVE: f"this does not decide whether more than the tolerated {allowed} is lost ({more})",
        SUSPICIOUSLY_BETTER: f"better by more than {allowed}: look for a difference in environment or evaluation",
    }[row["verdict"]]


def _by_chance(row: dict) -> str:
    """The p of what the verdict claims, raw and adjusted, and for a FAIL whether the gate falls."""
    if row["p_adjusted"] is None or row["verdict"] == INCONCLUSIVE:
        return ""
    name = "p_fail" if row["verdict"] == FAIL else "p"
    size = row["family_size"]
    text = f"p {_p(row[name])}, {_p(row[name + '_adjusted'])} among {size} question{'s' if size > 1 else ''}"
    if row["verdict"] == FAIL:
        level = (1 - row["confidence"]) / 2
        text += (
            "; it is not gated"
            if not row["gated"]
            else "; it fails the gate"
            if row["fails"]
            else f"; that is not below {level:.2g}, so it does not fail the gate"
        )
    return f" ({text})"


def _both_ways(row: dict) -> str:
    verdict, needed = row["equivalence"]["verdict"], row["equivalence"]["n_needed"]
    if row["verdict"] not in (PASS, INCONCLUSIVE):
        return ""
    return {
        EQUIVALENT: " It is EQUIVALENT: neither better nor worse by more.",
        DIFFERENT: "",
        INCONCLUSIVE: " Whether it is equivalent is open" + (f" (about {needed:,} seeds a side)." if needed else "."),
    }[verdict]


def _over_the_curve(curve: dict | None) -> str:
    if curve is None:
        return ""
    band = {
        None: "",
        PASS: ", and the band of the difference stays above minus the margin",
        FAIL: ", and the band of the difference falls below minus the margin",
        INCONCLUSIVE: ", and the band of the difference does not settle whether it stays above minus the margin",
    }[curve["verdict"]]
    verdict = f": {curve['verdict']}" if curve["verdict"] else ""
    most = f"the curves differ most at {curve['env_step']:,} (max-t p {_p(curve['p'])})"
    return f"Over the {len(curve['steps'])} published steps up to here {most}{band}{verdict}."


def _advice(row: dict) -> str:
    return f"Advisory only: {'; '.join(row['advice'])}." if row["advice"] else ""


def number(value: float | None) -> str:
    """A return as tables print it."""
    return "-" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _p(value: float | None) -> str:
    return "-" if value is None else "< 0.001" if value < 0.001 else f"{value:.2g}"


def render(found: dict) -> str:
    """The rows as a table for a terminal, a sentence for each, the notes, the verdicts counted, what the gate says."""
    rows, notes = found["rows"], found["notes"]
    if not rows:
        return "\n".join(["No cell of this study has a published counterpart in suite/references.", *notes])
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    left = ("cell", "published", "verdict", "both ways")
    for title in ("cell", "step", "ours", "published", "difference", "tolerated", "p, adjusted", *left[2:]):
        table.add_column(title, justify="left" if title in left else "right")
    for row in rows:
        ours, there, alike = row["ours"], row["published"], row["equivalence"]
        interval = f"\n[{number(row['low'])}, {number(row['high'])}]" if row["low"] is not None else ""
        kind = "\nadvisory" if row["advisory"] else "\ngated" if row["gated"] else ""
        needed = f"\n{row['n_needed']:,} seeds" if row["n_needed"] else ""
        table.add_row(
            f"{row['task']}\n{row['implementation']} {row['variant']}",
            f"{row['env_step']:,}",
            f"{number(ours['mean'])} ± {number(ours['sd'])}\n{ours['n_finished']}/{ours['n_planned']} finished",
            f"{number(there['mean'])} ± {number(there['sd'])} (n {there['n'] or '?'})\n{row['reference']}",
            f"{number(row['difference'])}{interval}".replace("[", r"\["),
            number(row["margin"]),
            f"{_p(row['p'])}\n{_p(row['p_adjusted'])}",
            row["verdict"] + (needed if row["verdict"] == INCONCLUSIVE else "") + kind,
            alike["verdict"] if alike else "-",
        )
    text = io.StringIO()
    Console(file=text, width=170).print(table)
    told = [row["sentence"] for row in rows]
    return "\n".join([text.getvalue().rstrip(), "", *told, *notes, "", _counted(rows), outcome(rows)])


def _counted(rows: Sequence[dict]) -> str:
    counts = {
        verdict: sum(row["verdict"] == verdict and not row["advisory"] for row in rows)
        for verdict in (PASS, INCONCLUSIVE, SUSPICIOUSLY_BETTER, FAIL)
    }
    total = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    return f"{total or 'no verdict'}; {sum(row['advisory'] for row in rows)} advisory"


def outcome(rows: Sequence[dict]) -> str:
    """What the gate makes of the rows, in one line."""
    gated = [row for row in rows if row["gated"]]
    if not gated:
        return "gate: none of these rows is gated, so there is nothing to pass or fail"
    open_ = [row for row in gated if row["verdict"] == INCONCLUSIVE]
    said = f"gate: {sum(row['fails'] for row in rows)} of {len(gated)} gated rows fail it"
    if open_:
        said += f"; {len(open_)} INCONCLUSIVE, which alone fails nothing: it takes more seeds to decide"
    return said

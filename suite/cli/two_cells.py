"""Comparisons and tables of power as a terminal shows them."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from suite.analysis.two_cells import number, p_text


def render(found: dict) -> str:
    """A comparison as a table for a terminal and a sentence for each task."""
    first = found["tasks"][0]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), title_justify="left",
                  title=escape(f"study {found['study']}: A {first['a']['name']}, B {first['b']['name']}"))  # fmt: skip
    for title in ("task", "A", "B", "A − B", "p, adjusted", "permuted", "P(A > B)", "effect", "curves", "equivalence"):
        table.add_column(title, justify="left" if title in ("task", "equivalence") else "right", overflow="fold")
    for row in found["tasks"]:
        table.add_row(row["task"], *(_shown_side(row[side]) for side in "ab"), *_shown(row))
    lines = [_printed(table), *(row["sentence"] for row in found["tasks"])]
    if (better := found["improvement"]) is not None:
        level = f"{found['settings']['confidence']:.0%}"
        interval = (
            "no interval: no two runs of any task are in another order"
            if better["low"] is None
            else f"{level} interval {number(better['low'])} to {number(better['high'])}"
        )
        lines.append(
            f"Over {len(better['tasks'])} tasks a run of A beats a run of B with probability "
            f"{number(better['estimate'])} ({interval})."
        )
    return "\n".join(lines)


def _shown_side(side: dict) -> str:
    return f"{number(side['mean'])} ± {number(side['sd'])}\n{side['n_finished']}/{side['n_planned']} finished"


def _shown(row: dict) -> list[str]:
    tested, same, curve = row["difference"], row["equivalence"], row["curve"]
    if tested is None:
        return [*["-"] * 6, row["note"]]
    permuted, better = tested["permutation"], tested["superiority"]
    exact = "" if permuted["exact"] else " draws"
    verdict = (
        "no margin" if same is None else f"{same['verdict']}\n±{number(same['margin'])}, TOST p {p_text(same['p'])}"
    )
    return [
        f"{number(tested['difference'])}\n{_interval(tested)}",
        f"{p_text(tested['p'])}, {p_text(tested['p_adjusted'])}\nYuen {p_text(tested['yuen_p'])}",
        f"{p_text(permuted['p'])} of {permuted['assignments']:,}{exact}\nleast {p_text(permuted['floor'])}",
        f"{better['estimate']:.2f}\n{_interval(better)}",
        f"g {number(tested['hedges_g'])}\nδ {number(tested['cliff_delta'])}",
        "-" if curve is None else f"{p_text(curve['p'])}\nat {curve['env_step']:,}",
        verdict,
    ]


def render_power(found: dict) -> str:
    """Either power table for a terminal, and in words what it means."""
    if "study" in found:
        return _render_study_power(found)
    asked, needed = found["asked"], found["needed"]
    target, level = f"{asked['target']:.0%}", f"{asked['alpha']:.3g}"
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    titles = {"n": "seeds per group", "detectable": f"found in {target} (SDs)"}
    if asked["sd"] is not None:
        titles["detectable_return"] = f"found in {target} (return)"
    if asked["effect"] is not None:
        titles["power"] = f"power at {number(asked['effect'])} SDs"
    if asked["margin"] is not None:
        titles["equivalence"] = f"power of equivalence within ±{number(asked['margin'])}"
    for title in titles.values():
        table.add_column(title, justify="right")
    for row in found["rows"]:
        table.add_row(
            *(f"{row[name]:.3f}" if name in ("power", "equivalence") else number(row[name]) for name in titles)
        )
    lines = [_printed(table)]
    if asked["effect"]:
        lines.append(
            f"A difference of {number(abs(asked['effect']))} SDs is found in {target} of studies with "
            f"{number(np.ceil(needed['difference']))} seeds per group (two-sided t test at {level})."
        )
    if asked["margin"]:
        unit = "" if asked["sd"] is not None else " SDs"
        seeds = (
            f"with {needed['equivalence']:,} seeds per group" if needed["equivalence"] else "with no number of seeds"
        )
        lines.append(
            f"Two equal implementations are shown equivalent within ±{number(asked['margin'])}{unit} in {target} of "
            f"studies {seeds} (two one-sided tests at {level})."
        )
    return "\n".join(lines)


def _render_study_power(found: dict) -> str:
    settings = found["settings"]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), title=escape(f"study {found['study']}"), title_justify="left")
    for title in ("cell", "seeds", "mean ± SD", "found", "margin", "power, simulated", "seeds needed", "equivalence",
                  "seeds needed"):  # fmt: skip
        table.add_column(title, justify="left" if title == "cell" else "right", overflow="fold")
    for row in found["rows"]:
        drawn = row["simulated"]
        table.add_row(
            f"{row['task']}\n{escape(row['name'])}",
            f"{row['n']}/{row['n_planned']}",
            f"{number(row['mean'])} ± {number(row['sd'])}",
            number(row["detectable"]),
            number(row["margin"]),
            "-" if drawn is None else f"{row['power']:.2f}, {drawn['power']:.2f}",
            "-" if row["n_difference"] is None else f"{np.ceil(row['n_difference']):,.0f}",
            "-" if row["equivalence"] is None else f"{row['equivalence']:.2f}",
            f"{row['n_equivalence']:,}" if row["n_equivalence"] else "-",
        )
    target, share = f"{settings['target']:.0%}", f"{settings['margin']:.0%}"
    said = (
        f"found: the difference to an equal number of seeds that {target} of studies would find. margin: {share} of "
        f"(reference - random policy); power, equivalence and seeds needed (for {target}) are of a true difference of "
        "the margin and of none."
    )
    notes = [f"{row['task']}, {row['name']}: {row['note']}." for row in found["rows"] if row["note"]]
    return "\n".join([_printed(table), said, *notes])


def _printed(table: Table) -> str:
    text = io.StringIO()
    Console(file=text, width=160).print(table)
    return text.getvalue().rstrip() + "\n"


def _interval(of: Mapping) -> str:
    return f"\\[{number(of['low'])}, {number(of['high'])}]"

"""The tables of a study, from results.json: CSV to compute with, LaTeX to print, and macros for single numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from suite.wording import number, p_value

CELL = ["task", "implementation", "run_id"]


PLACE = {"task": "task", "implementation": "implementation"}


BY_SIDE = ("run_ids", "n_planned", "n_finished", "n_scored", "failed", "n")  # what two sides of a comparison each have


UNTOLD = ("seeds", "labels", "diagnostics", "by_task", "sensitivity", "values")  # told by other tables or figures


DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


LATEX = str.maketrans({
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{sign: f"\\ensuremath{{{sign}}}" for sign in "<>|"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "−": r"\ensuremath{-}", "–": "--", "×": r"\ensuremath{\times}", "\u00a0": "~",
})  # fmt: skip


# --- the tables as plain numbers


def write(results: dict, runs: pd.DataFrame, folder: Path) -> None:
    """Every table as folder/*.csv, the main ones as folder/*.tex beside it, and folder/macros.tex.

    The .tex files are tabulars to be \\input (package booktabs); runs: the study's table of runs, for its provenance.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in flat(results, runs):
        table, file = pd.DataFrame(rows), re.sub(r"[^A-Za-z0-9_-]+", "-", name)
        if len(table.columns):
            table.to_csv(folder / f"{file}.csv", index=False, lineterminator="\n")
        columns = PRINTED.get(name.split("-")[0])
        if columns and len(table):
            level = table["confidence"].iloc[0] if "confidence" in table else results["settings"]["confidence"]
            told = f"% {_line(results['study'])}: estimates [{100 * level:g} % intervals]; needs the package booktabs\n"
            (folder / f"{file}.tex").write_text(told + latex(table.to_dict("records"), columns), encoding="utf-8")
    (folder / "macros.tex").write_text(macros(results), encoding="utf-8")


def flat(results: dict, runs: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame | list[dict]]]:
    """Name and rows of every table of the report."""
    steady = {key(curve): curve["reliability"] for curve in results["curves"]}
    cells = {key(cell): cell | {"reliability": steady[key(cell)]} for cell in results["cells"]}
    yield "cells", spread(cells.values())
    said = ("seed", "status", "stale", "stopped_at", "score", "sentence")
    identity = (*CELL, "variant", "env_steps")
    seeds = [
        {name: cell[name] for name in identity} | {name: run[name] for name in said}
        for cell in results["cells"]
        for run in cell["seeds"]
    ]
    yield "scores", seeds
    yield "ledger", [row for row in seeds if row["sentence"]] or pd.DataFrame(columns=list(seeds[0]))
    yield "aggregates", spread(results["aggregates"])
    yield "improvement", spread(results["improvement"])
    superiority = [
        {name: row[name] for name in ("implementation", "variant", "over")} | {"task": task} | found
        for row in results["improvement"]
        for task, found in zip(row["tasks"], row["by_task"], strict=True)
    ]
    yield "superiority", superiority
    yield "equivalence", spread(results["equivalence"])
    margins = [
        {name: row[name] for name in ("task", "variant", "a", "b")} | at
        for row in results["equivalence"]
        for at in row["sensitivity"] or ()
    ]
    yield "margins", margins
    for ablation in results["ablations"]:
        for kind, rows in _ablation(ablation, cells).items():
            yield f"{kind}-{ablation['name']}", rows
    yield "check", spread(results["check"]) if results["check"] else pd.DataFrame(columns=[*CELL[:2], "variant"])
    anchors = results["settings"]["anchors"]
    yield "anchors", spread({"set": one, "task": task} | own for one in anchors for task, own in anchors[one].items())
    yield "families", [{"family": name} | own for name, own in results["families"].items()]
    yield "declaration", (results["declaration"] or {"history": []})["history"]
    yield "provenance", provenance(runs)


def _ablation(ablation: dict, cells: dict[tuple, dict]) -> dict[str, pd.DataFrame | list[dict]]:
    """An ablation's tables by kind; those of simple effects and Shapley shares hold intervals alone, and no p."""
    tables, suites = ablation["tables"], ablation["suite"]
    arms = spread(
        {"arm": arm["arm"], "levels": json.dumps(arm["levels"]), "baseline": arm["baseline"]}
        | cells[key(arm, table)]
        | {part: arm[part] for part in ("difference", "failures", "note")}
        for table in tables
        for arm in table["arms"]
    )
    suite = [
        {"implementation": one["implementation"], "tasks": "; ".join(one["tasks"])} | effect
        for one in suites
        for effect in one["effects"]
    ]
    whole = [{"task": "all", "implementation": one["implementation"], "factorial": one} for one in suites]

    def effects(part: str, tables: list[dict], left_out: str = "p") -> list[dict]:
        return [
            {name: table[name] for name in PLACE} | {name: effect[name] for name in effect if name != left_out}
            for table in tables
            for effect in (table["factorial"] or {part: []})[part]
        ]

    factorial = effects("effects", tables, left_out="")
    simple, shapley = effects("simple", tables), effects("shapley", [*tables, *whole])
    return {"ablation": arms, "suite": suite, "factorial": factorial, "simple": simple, "shapley": shapley}


def provenance(runs: pd.DataFrame) -> pd.DataFrame:
    """Wall time and speed of every cell, and the code that made it."""
    grouped = runs.groupby([*CELL, "variant"], sort=False)
    return grouped.agg(
        runs=("seed", "size"),
        with_record=("wall_time_s", "count"),
        hours=("wall_time_s", lambda seconds: seconds.sum() / 3600),
        env_steps_per_s=("env_steps_per_s", "median"),
        updates=("updates", "median"),
        device=("device", lambda column: ", ".join(sorted(set(column.dropna())))),
        code_id=("code_id", lambda column: ", ".join(sorted(set(column.dropna())))),
    ).reset_index()


def held_against(rows: Iterable[dict]) -> dict[tuple[str, str, str], dict[str, list[dict]]]:
    """The regression check's rows by task, implementation and variant, in each by reference, those that may decide
    first and merely advisory ones named so."""
    found: dict[tuple[str, str, str], dict[tuple[str, str], list[dict]]] = {}
    for row in rows:
        own = found.setdefault((row["task"], row["implementation"], row["variant"]), {})
        own.setdefault((row["reference"], row["run_id"]), []).append(row)
    return {cell: _named(own) for cell, own in found.items()}


def _named(references: dict[tuple[str, str], list[dict]]) -> dict[str, list[dict]]:
    several = len({run_id for _, run_id in references}) > 1
    advisory = {names: all(row["advisory"] for row in own) for names, own in references.items()}
    return {
        f"{name}{f', run {run_id}' * several}{' (advisory)' * advisory[name, run_id]}": references[name, run_id]
        for name, run_id in sorted(references, key=advisory.get)
    }


def key(record: dict, table: dict | None = None) -> tuple:
    """Task, implementation and run_id of a cell, an arm's from its table."""
    return tuple((record if name in record else table)[name] for name in CELL)


def spread(records: Iterable[dict]) -> pd.DataFrame:
    """A row per record, its parts side by side (`mean_low`); the two sides of a comparison end in `_a` and `_b`."""
    table = pd.DataFrame([dict(_leaves(record)) for record in records])
    return table.drop(columns=[name for name in table if _absent(name, table)])


def _absent(name: str, table: pd.DataFrame) -> bool:
    """Whether a column is only where some rows have no such part, while others have one."""
    return table[name].isna().all() and any(other.startswith(f"{name}_") for other in table)


def _leaves(record: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in record.items():
        match value:
            case _ if name in UNTOLD:
                pass
            case dict():
                yield from _leaves(value, f"{prefix}{name}_")
            case list() if name in BY_SIDE:
                yield from zip((f"{prefix}{name}_a", f"{prefix}{name}_b"), value, strict=True)
            case list() if name == "left_out":
                yield prefix + name, "; ".join(f"{one['task']}: {one['why']}" for one in value)
            case list() if all(isinstance(one, str) for one in value):
                yield prefix + name, "; ".join(value)
            case list():  # a curve: its figure's data
                pass
            case _:
                yield prefix + ("evaluated_with" if name == "kind" else name), value


# --- LaTeX


def _around(part: str, estimate: str = "estimate") -> tuple[str, str, str]:
    return f"{part}_{estimate}", f"{part}_low", f"{part}_high"


_EFFECT = {
    "effect": "name", "estimate": ("estimate", "low", "high"), "standard error": "standard_error",
    "degrees of freedom": "df", "p": "p", "p (adjusted)": "p_adjusted",
}  # fmt: skip


_DIFFERENCE = {"p": "difference_p", "p (adjusted)": "difference_p_adjusted"}


_RUNS = {"runs": "n_finished/n_planned"}


PRINTED = {
    "cells": {**PLACE, "variant": "variant", **_RUNS, "mean": _around("mean"), "IQM": _around("iqm"), "SD": "sd",
              "median [range]": ("median", "lowest", "highest")},
    "aggregates": {"implementation": "implementation", "variant": "variant", "tasks": "tasks", **_RUNS,
                   "IQM": _around("iqm"), "mean": _around("mean"), "median": _around("median"),
                   "optimality gap": _around("optimality_gap")},
    "improvement": {"implementation": "implementation", "variant": "variant", "over": "over", "tasks": "tasks",
                    "probability of improvement": _around("probability")},
    "equivalence": {"task": "task", "variant": "variant", "A": "a", "B": "b", "runs of A": "n_scored_a",
                    "runs of B": "n_scored_b", "A − B": _around("difference", "difference"), "margin": "margin",
                    "verdict": "verdict", "p": "p", "p (adjusted)": "p_adjusted", "runs needed": "n_needed"},
    "ablation": {**PLACE, "arm": "arm", **_RUNS, "mean": _around("mean"),
                 "difference": _around("difference", "difference"), **_DIFFERENCE,
                 "detectable": "difference_detectable", "Hedges g": "difference_hedges_g"},
    "suite": {"implementation": "implementation", "tasks": "tasks", **_EFFECT},
    "factorial": {**PLACE, **_EFFECT},
    "check": {**PLACE, "variant": "variant", "reference": "reference", "environment step": "env_step",
              "runs": "ours_n/ours_n_planned", "difference": ("difference", "low", "high"), "margin": "margin",
              "verdict": "verdict", "p": "p", "p (adjusted)": "p_adjusted"},
}  # fmt: skip
"""Kind of table -> heading -> the field of a row, three fields for an estimate with its interval, or two with a "/"."""


def latex(rows: list[dict], columns: dict[str, str | tuple[str, str, str]]) -> str:
    """The rows as a tabular; intervals stand in brackets."""
    printed = pd.DataFrame([{escaped(head): _printed(row, field) for head, field in columns.items()} for row in rows])
    texts = {field for field in columns.values() if any(isinstance(row.get(field), str) for row in rows)}
    form = "".join("l" if field in texts else "r" for field in columns.values())
    return printed.style.hide(axis="index").to_latex(hrules=True, column_format=form)


def _printed(row: dict, field: str | tuple[str, str, str]) -> str:
    if isinstance(field, tuple):
        estimate, low, high = (escaped(number(row.get(name))) for name in field)
        return estimate if "--" in (low, high) else f"{estimate} [{low}, {high}]"
    if "/" in field:
        return "/".join(f"{row[name]:.0f}" for name in field.split("/"))
    value = row.get(field)
    form = p_value if field.split("_")[-1] in ("p", "adjusted") else number
    return escaped(value if isinstance(value, str) else form(value))


def escaped(text: str) -> str:
    """The text as LaTeX prints it."""
    return text.translate(LATEX)


def macros(results: dict) -> str:
    """A LaTeX command for every headline number, named by letters alone; above it what it is and the number whole."""
    lines = [f"% Numbers of the study {_line(results['study'])}, a command each, and above it what it is, unrounded."]
    taken = set()
    for words, value, printed, said in _headlines(results):
        name = "sac" + "".join(_spelled(word) for word in words)
        while name in taken:
            name += "Again"
        taken.add(name)
        printed = escaped(printed).replace(",", "{,}")  # no space after it in mathematics
        lines += [f"% {_line(said)}: {_line(str(value))}", f"\\newcommand{{\\{name}}}{{{printed}}}"]
    return "\n".join(lines) + "\n"


def _spelled(words: str) -> str:
    parts = re.findall(r"[A-Za-z]+|[0-9]", words)
    return "".join(DIGITS[int(part)] if part.isdigit() else part[0].upper() + part[1:] for part in parts)


def _line(text: str) -> str:
    return " ".join(text.split())


def _headlines(results: dict) -> Iterator[tuple[tuple[str, ...], object, str, str]]:
    """Words of the name, value, the value as it is printed, and what it is."""
    percent = 100 * results["settings"]["confidence"]
    yield ("confidence",), percent, f"{percent:g}", "level of the intervals in percent"
    for status, n in results["counts"].items():
        yield ("runs", status), n, number(n), f"runs {status}"
    digest = (results["declaration"] or {"sha256": "none"})["sha256"]
    yield ("declaration",), digest, digest[:10], "SHA-256 of the declaration, its first ten digits"

    def around(words: tuple[str, ...], found: dict | None, said: str, estimate: str = "estimate") -> Iterator[tuple]:
        for end, name in {estimate: "", "low": "low", "high": "high"}.items():
            value = (found or {}).get(end)
            yield (*words, name), value, number(value), f"{said}{name and f', {name} end of its interval'}"

    for row in results["aggregates"]:
        what = f"{row['variant']} ({row['implementation']}) over {len(row['tasks'])} tasks"
        words = ("aggregate", row["implementation"], row["variant"])
        yield from around((*words, "iqm"), row["iqm"], f"IQM of {what}")
    for row in results["cells"]:
        what = f"{row['variant']} ({row['implementation']}) on {row['task']}"
        words = ("cell", row["task"], row["implementation"], row["variant"])
        yield from around((*words, "mean"), row["mean"], f"mean final return of {what}")
        yield (*words, "runs"), row["n_scored"], number(row["n_scored"]), f"runs averaged of {what}"
    for row in results["equivalence"]:
        what = f"{row['a']} and {row['b']}, {row['variant']} on {row['task']}"
        words = ("equivalence", row["task"], row["variant"], row["a"], row["b"])
        yield (*words, "verdict"), row["verdict"], row["verdict"] or "none", f"verdict on {what}"
        yield from around((*words, "difference"), row["difference"], f"difference of {what}", "difference")
        for name, form in {"margin": number, "p": p_value, "p_adjusted": p_value}.items():
            yield (*words, name), row.get(name), form(row.get(name)), f"{name} of the equivalence of {what}"
    for ablation in results["ablations"]:
        for suite in ablation["suite"]:
            for effect in suite["effects"]:
                what = f"{effect['name']} in {ablation['name']} ({suite['implementation']}) over all tasks"
                words = ("suite", ablation["name"], suite["implementation"], effect["name"])
                yield from around(words, effect, f"effect of {what}")
                p = effect["p_adjusted"]
                yield (*words, "p_adjusted"), p, p_value(p), f"adjusted p of {what}"

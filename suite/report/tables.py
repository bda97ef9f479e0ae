"""The tables of a study, from its results: CSV to compute with, LaTeX to print, and macros for single numbers."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from suite.analysis.provenance import provenance
from suite.analysis.types import (
    AblationResult,
    AdjustedMarginTest,
    Agreement,
    DeclarationEntry,
    Effect,
    Label,
    Results,
    SuiteEffect,
)
from suite.report.declared import change_in_words
from suite.report.files import write_csv
from suite.report.paper_table import PaperTable, paper_tables
from suite.report.tex import Ends, Printed, PValue, Ratio, latex, macros, paper_latex
from suite.study.cells import CELL

Row = dict[str, Any]  # of a table: its values by column
PLACE: dict[str, Printed] = {"task": "task", "implementation": "implementation"}
BY_SIDE = ("run_ids", "n_planned", "n_finished", "n_scored", "failed", "n")  # pairs, where two sides are compared
ELSEWHERE = ("seeds", "labels", "diagnostics", "by_task", "sensitivity", "values")  # in other tables or figures


@dataclass(frozen=True)
class Table:
    kind: str  # what it is of, for an ablation's tables that of all ablations
    rows: pd.DataFrame
    ablation: str = ""

    @property
    def file(self) -> str:
        """The stem of its files."""
        name = f"{self.kind}-{self.ablation}" if self.ablation else self.kind
        return re.sub(r"[^A-Za-z0-9_-]+", "-", name)


def write(results: Results, runs: pd.DataFrame, folder: Path) -> None:
    """Every table as folder/*.csv, the main ones as folder/*.tex beside it, and folder/macros.tex.

    The .tex files are tabulars to be \\input (package booktabs); runs: the study's table of runs, for its provenance.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables(results, runs):
        if len(table.rows.columns):
            write_csv(folder / f"{table.file}.csv", table.rows)
        columns = PRINTED.get(table.kind)
        if columns and len(table.rows):
            level = table.rows["confidence"].iloc[0] if "confidence" in table.rows else results.settings.confidence
            study = " ".join(results.study.split())
            head = f"% {study}: estimates [{100 * level:g} % intervals]; needs the package booktabs\n"
            tabular = latex(table.rows.to_dict("records"), columns)
            (folder / f"{table.file}.tex").write_text(head + tabular, encoding="utf-8")
    for paper in paper_tables(results):
        head = f"% {' '.join(results.study.split())}: {paper.caption}\n% Needs the packages booktabs and siunitx.\n"
        file = _of_paper(paper).file
        (folder / f"{file}.tex").write_text(head + paper_latex(paper), encoding="utf-8")
    (folder / "macros.tex").write_text(macros(results), encoding="utf-8")


def tables(results: Results, runs: pd.DataFrame) -> Iterator[Table]:
    """Every table of the report."""
    yield from _of_cells(results)
    yield from _of_all_tasks(results)
    for ablation in results.ablations:
        yield from _of_ablation(ablation, results)
    yield from map(_of_paper, paper_tables(results))
    yield Table("check", spread(map(columns_of, results.check), otherwise=["task", "implementation", "variant"]))
    sets = results.settings.anchors._asdict().items()
    scales = [{"set": name, "task": task, **columns_of(one)} for name, by_task in sets for task, one in by_task.items()]
    yield Table("anchors", spread(scales))
    yield Table("families", spread({"family": name, **columns_of(one)} for name, one in results.families.items()))
    yield Table("declaration", spread(map(_entry_columns, results.declaration.history if results.declaration else ())))
    yield Table("provenance", spread(map(columns_of, provenance(runs))))


def _entry_columns(entry: DeclarationEntry) -> Row:
    return columns_of(entry) | {"changes": "; ".join(change_in_words(one, entry.planned) for one in entry.changes)}


def _of_cells(results: Results) -> Iterator[Table]:
    yield Table("cells", spread(_cell_columns(results).values()))
    scores: list[Row] = []
    for cell in results.cells:
        row = columns_of(cell)
        place = {name: row[name] for name in (*CELL, "variant", "env_steps")}
        scores += ({**place, **columns_of(run)} for run in cell.seeds)
    yield Table("scores", spread(scores))
    yield Table("ledger", spread(map(columns_of, results.ledger), otherwise=list(scores[0])))


def _cell_columns(results: Results) -> dict[tuple[str, str, str], Row]:
    """Every cell's columns by its key, how steadily its runs learn among them."""
    return {
        cell.key: {**columns_of(cell), **columns_of(curve.reliability, "reliability")}
        for cell, curve in zip(results.cells, results.curves, strict=True)
    }


def _of_all_tasks(results: Results) -> Iterator[Table]:
    yield Table("aggregates", spread(map(columns_of, results.aggregates)))
    yield Table("improvement", spread(map(columns_of, results.improvements)))
    by_task: list[Row] = []
    for entry in results.improvements:
        place = {"implementation": entry.implementation, "variant": entry.variant.name, "over": entry.over.name}
        by_task += (place | {"task": at} | columns_of(one) for at, one in zip(entry.tasks, entry.by_task, strict=True))
    yield Table("superiority", spread(by_task))
    yield from _of_sensitivity(results)
    yield Table("equivalence", spread(map(_agreement_columns, results.agreements)))
    margins: list[Row] = []
    for pair in results.agreements:
        place = {"task": pair.task, "variant": pair.variant.name, "a": pair.a, "b": pair.b}
        margins += ({**place, **columns_of(at)} for at in (pair.equivalence.sensitivity if pair.equivalence else ()))
    yield Table("margins", spread(margins))


def _of_paper(table: PaperTable) -> Table:
    """A compact table with a row a cell."""
    rows = (
        {"task": task, "implementation": row.implementation, "variant": row.variant, "baseline": row.baseline,
         **row.cells[task]._asdict()}
        for row in table.rows for task in table.tasks if task in row.cells
    )  # fmt: skip
    return Table("paper", spread(rows), table.ablation)


def _of_sensitivity(results: Results) -> Iterator[Table]:
    variants: list[Row] = []
    differences: list[Row] = []
    for entry in results.sensitivity:
        place: Row = {"implementation": entry.implementation, "tasks": "; ".join(entry.tasks)}
        variants += (
            {**place, **columns_of(one.sensitivity, "sensitivity"), **columns_of(one)} for one in entry.variants
        )
        differences += (place | {"a": one.a, "b": one.b, **columns_of(one.difference)} for one in entry.differences)
    yield Table("sensitivity", spread(variants))
    yield Table("sensitivity_differences", spread(differences))


def _agreement_columns(entry: Agreement) -> Row:
    """A pair's columns; the test against the declared margin is what the table is of, so its columns bear no prefix."""
    row = columns_of(entry)
    tested = {name: value for name, value in row.items() if name.startswith("equivalence_")}
    for name in tested:
        del row[name]
    if entry.equivalence is None:
        del row["equivalence"]
        names = (field.name for field in fields(AdjustedMarginTest) if field.name not in ELSEWHERE)
        return {**row, **dict.fromkeys(names)}
    return {**row, **columns_of(entry.equivalence)}


def _of_ablation(ablation: AblationResult, results: Results) -> Iterator[Table]:
    """An ablation's tables; those of simple effects and Shapley shares hold intervals alone, and no p."""
    cells = _cell_columns(results)
    arms = [
        {"arm": arm.arm, "levels": json.dumps(dict(arm.levels)), "baseline": arm.baseline, **cells[table.key_of(arm)],
         **columns_of(arm.difference, "difference"), **columns_of(arm.failures, "failures"), **columns_of(arm.outcomes),
         "note": arm.note}
        for table in ablation.tables
        for arm in table.arms
    ]  # fmt: skip
    yield Table("ablation", spread(arms), ablation.name)
    over_tasks = [
        {
            "implementation": entry.implementation,
            "tasks": "; ".join(entry.tasks),
            "outcome": entry.outcome,
            **_effect_columns(effect),
        }
        for entry in ablation.over_tasks
        for effect in entry.effects
    ]
    yield Table("suite", spread(over_tasks), ablation.name)
    by_kind: dict[str, list[Row]] = {"factorial": [], "simple": [], "shapley": []}
    for table in ablation.tables:
        if table.factorial:
            by_kind["factorial"] += _effects_at(table.task, table.implementation, table.factorial.effects)
            by_kind["simple"] += _effects_at(table.task, table.implementation, table.factorial.simple)
            by_kind["shapley"] += _effects_at(table.task, table.implementation, table.factorial.shapley)
    for entry in ablation.over_tasks:
        by_kind["shapley"] += _effects_at("all", entry.implementation, entry.shapley)
    for kind, rows in by_kind.items():
        without = () if kind == "factorial" else ("p",)
        kept = ({name: value for name, value in row.items() if name not in without} for row in rows)
        yield Table(kind, spread(kept), ablation.name)


def _effects_at(task: str, implementation: str, effects: Iterable[Effect]) -> Iterator[Row]:
    return ({"task": task, "implementation": implementation, **_effect_columns(effect)} for effect in effects)


def _effect_columns(effect: Effect | SuiteEffect) -> Row:
    """An effect's name and its numbers, without the parts of its name."""
    parts = ("factors", "held", "arm", "baseline")
    numbers = {name: value for name, value in columns_of(effect).items() if not name.startswith(parts)}
    return {"name": effect.name} | numbers


def spread(rows: Iterable[Row], otherwise: Iterable[str] = ()) -> pd.DataFrame:
    """The rows as a table; otherwise: the columns of a table without rows."""
    table = pd.DataFrame(list(rows))
    if not len(table):
        return pd.DataFrame(columns=list(otherwise))
    empty = [name for name in table if table[name].isna().all()]  # where some rows have no such part and others do
    return table.drop(columns=[name for name in empty if any(other.startswith(f"{name}_") for other in table)])


def columns_of(record: Any, prefix: str = "") -> Row:
    """A record's fields side by side as columns, those of its parts named after both (`mean_low`).

    The two sides of a comparison end in `_a` and `_b`; curves are left to their figures.
    """
    if record is None:
        return {prefix: None}
    parts = vars(record) if is_dataclass(record) else record
    row: Row = {}
    for name, value in (parts if isinstance(parts, Mapping) else record._asdict()).items():
        if name not in ELSEWHERE:
            row |= _columns(name, value, f"{prefix}_" if prefix else "")
    return row


def _columns(name: str, value: Any, prefix: str) -> Row:
    match value:
        case Label():
            return {prefix + name: value.name}
        case tuple() if hasattr(value, "_fields"):
            return columns_of(value, prefix + name)
        case (a, b) if name in BY_SIDE:
            return {f"{prefix}{name}_a": a, f"{prefix}{name}_b": b}
        case tuple() if name == "left_out":
            return {prefix + name: "; ".join(f"{one.task}: {one.why}" for one in value)}
        case tuple() if all(isinstance(one, str) for one in value):
            return {prefix + name: "; ".join(value)}
        case tuple():  # a curve: its figure's data
            return {}
        case _ if isinstance(value, Mapping) or is_dataclass(value):
            return columns_of(value, prefix + name)
    return {prefix + ("evaluated_with" if name == "kind" else name): value}


# --- what of them is printed


def _around(part: str, estimate: str = "estimate") -> Ends:
    return Ends(f"{part}_{estimate}", f"{part}_low", f"{part}_high")


_P: dict[str, Printed] = {"p": PValue("p"), "p (adjusted)": PValue("p_adjusted")}
_EFFECT: dict[str, Printed] = {
    "effect": "name", "estimate": Ends("estimate", "low", "high"), "standard error": "standard_error",
    "degrees of freedom": "df", **_P,
}  # fmt: skip
_DIFFERENCE: dict[str, Printed] = {"p": PValue("difference_p"), "p (adjusted)": PValue("difference_p_adjusted")}
_RUNS: dict[str, Printed] = {"runs": Ratio("n_finished", "n_planned")}
PRINTED: dict[str, dict[str, Printed]] = {
    "cells": {**PLACE, "variant": "variant", **_RUNS, "mean": _around("mean"), "IQM": _around("iqm"), "SD": "sd",
              "median [range]": Ends("median", "lowest", "highest")},
    "aggregates": {"implementation": "implementation", "variant": "variant", "tasks": "tasks", **_RUNS,
                   "IQM": _around("iqm"), "mean": _around("mean"), "median": _around("median"),
                   "optimality gap": _around("optimality_gap")},
    "improvement": {"implementation": "implementation", "variant": "variant", "over": "over", "tasks": "tasks",
                    "probability of improvement": _around("probability")},
    "sensitivity": {"implementation": "implementation", "variant": "variant", "tasks": "tasks",
                    "sensitivity": _around("sensitivity"), "tuned": _around("tuned"), "one for all": _around("single"),
                    "as it is": _around("as_is"), "gain": _around("gain")},
    "equivalence": {"task": "task", "variant": "variant", "A": "a", "B": "b", "runs of A": "n_scored_a",
                    "runs of B": "n_scored_b", "A − B": _around("difference", "difference"), "margin": "margin",
                    "verdict": "verdict", **_P, "runs needed": "n_needed"},
    "ablation": {**PLACE, "arm": "arm", **_RUNS, "mean": _around("mean"),
                 "difference": _around("difference", "difference"), **_DIFFERENCE,
                 "detectable": "difference_detectable", "Hedges g": "difference_hedges_g"},
    "suite": {"implementation": "implementation", "tasks": "tasks", **_EFFECT},
    "factorial": {**PLACE, **_EFFECT},
    "check": {**PLACE, "variant": "variant", "reference": "reference", "environment step": "env_step",
              "runs": Ratio("ours_n", "ours_n_planned"), "difference": Ends("difference", "low", "high"),
              "margin": "margin", "verdict": "verdict", **_P},
}  # fmt: skip
"""Kind of table -> heading -> the columns it prints."""

"""What reviewers ask of an empirical study, answered from its data; and what its runs were made with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from suite.analysis.types import Results
from suite.report.declared import declared_in_words
from suite.report.families import METHODS
from suite.report.files import Study
from suite.report.presets import Preset
from suite.sac.status import STATUSES
from suite.wording import number, share


class Answer(NamedTuple):
    """A question and its answer in words, empty where the data give none."""

    question: str
    answer: str


class MadeWith(NamedTuple):
    """Something the runs were made with, and every value of it that occurs."""

    name: str
    values: str


def checklist(study: Study, presets: Sequence[Preset]) -> list[Answer]:
    """The questions in the order they are shown."""
    results, runs = study.results, study.runs
    declared = " ".join(declared_in_words(results.declaration)) if results.declaration else ""
    return [
        Answer("What do error bars show?", _error_bars(results)),
        Answer("How many runs?", _how_many(results)),
        Answer("Which tests, corrected how?", _tests(results)),
        Answer("Declared beforehand?", declared),
        Answer("Which code?", _code(results, runs)),
        Answer("Which versions?", "; ".join(f"{name} {values}" for name, values in packages_of(runs))),
        Answer("Which seeds?", _seeds(results)),
        Answer("Which hyper-parameters, from where?", "; ".join(map(_sources, filter(_has_fields, presets)))),
        Answer("How much compute?", _compute(runs)),
        Answer("What of failed runs?", _failures(results)),
    ]


def made_with(runs: pd.DataFrame) -> list[MadeWith]:
    """Every device, code and package version that occurs."""
    return [*(MadeWith(name, _values(runs[name])) for name in ("device", "code_id")), *packages_of(runs)]


def packages_of(runs: pd.DataFrame) -> list[MadeWith]:
    """Every package version that occurs."""
    packages: dict[str, set[str]] = {}
    for text in runs["versions"].dropna().unique():
        for name, value in json.loads(text).items():
            packages.setdefault(name, set()).add(str(value))
    return [MadeWith(name, ", ".join(sorted(values))) for name, values in sorted(packages.items())]


def _values(column: pd.Series) -> str:
    return ", ".join(sorted({str(value) for value in column.dropna()} - {""}))


def _error_bars(results: Results) -> str:
    return (
        f"{share(results.settings.confidence)} intervals over seeds, never over episodes: of a mean Student's t, of an "
        "IQM bootknife percentiles, of a difference Welch's, of a curve a simultaneous band; headings say which."
    )


def _how_many(results: Results) -> str:
    counts, per_cell = results.counts, sorted({cell.n_planned for cell in results.cells})
    return (
        f"{counts.planned} planned, {counts.finished} finished; {' or '.join(map(str, per_cell))} seeds in every cell."
    )


def _tests(results: Results) -> str:
    families = [
        f"{name}: {METHODS[family.method]} for {family.size}"
        for name, family in results.families.items()
        if family.size
    ]
    return f"{'; '.join(families)}. Raw and adjusted p stand side by side." if families else ""


def _code(results: Results, runs: pd.DataFrame) -> str:
    codes = _values(runs["code_id"])
    if not codes:
        return ""
    return f"code_id {codes}; {results.counts.stale} runs were made by other code and are left out."


def _seeds(results: Results) -> str:
    seeds = sorted({run.seed for cell in results.cells for run in cell.seeds})
    return f"{', '.join(map(str, seeds))}; the report's own draws come from seed {results.settings.seed}."


def _has_fields(preset: Preset) -> bool:
    return bool(preset.fields)


def _sources(preset: Preset) -> str:
    with_source = sum(bool(field.citation) for field in preset.fields)
    return f"{preset.name}: {len(preset.fields)} fields, {with_source} with a source"


def _compute(runs: pd.DataFrame) -> str:
    known = runs[runs["wall_time_s"].notna()]
    if not len(known):
        return ""
    return (
        f"{number(known['wall_time_s'].sum() / 3600)} hours of wall time over {len(known)} runs, on "
        f"{_values(known['device'])}: core-hours where every run had a core of its own; runs that shared a process "
        "count its time each."
    )


def _failures(results: Results) -> str:
    counted = not_finished(results)
    if results.counts.stale:
        counted.append(f"{results.counts.stale} stale")
    return (
        f"{', '.join(counted) or 'There are none'}. Diverged and crashed ones score the floor, the others are in no "
        "average; each is named, and what the averages would be otherwise stands beside."
    )


def not_finished(results: Results) -> list[str]:
    """How many runs came to each end but the planned one, "2 diverged", where any did."""
    counts = {status: getattr(results.counts, status) for status in STATUSES if status != "finished"}
    return [f"{n} {status}" for status, n in counts.items() if n]

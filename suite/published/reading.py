"""A source's files as references: metadata (yaml) and figures (csv), or a refusal that names what is missing."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, get_type_hints

import numpy as np
import yaml

from suite.published.comparability import versions
from suite.published.csv_tables import DATA, BrokenReference, csv_columns, number_in, read_rows, whole_number
from suite.published.references import IMPLIED, NO_SPREADS, SPREADS, STATISTICS, Reference, ReferenceName, Summary
from suite.sac.status import KINDS_OF_RETURN, KindOfReturn


class Recipe(NamedTuple):
    """How a table follows from the published evaluations."""

    points: tuple[int, ...]  # the true environment steps it has
    runs: int  # published ones
    added_steps: int = 0  # what the published count of steps leaves out
    spread_kind: str | None = None  # of a table of summaries; None where it keeps the runs


class Metadata(NamedTuple):  # of one variant on one environment
    reference: Reference  # without tasks and figures
    recipe: Recipe | None  # of its table, where it has one


Runs = dict[ReferenceName, dict[int, tuple[float, ...]]]  # the value of each, by reference and environment step
Summaries = dict[ReferenceName, dict[int, Summary]]
_LEVELS = ("sources", "variants", "environments")
_NOT_IN_METADATA = ("source", "variant", "environment", "tasks", "values", "summaries")
_FIELDS = {name: kind for name, kind in get_type_hints(Reference).items() if name not in _NOT_IN_METADATA}
_PLAIN: dict[object, tuple[type, ...]] = {str: (str,), KindOfReturn: (str,), int | None: (int, NoneType),
                                          float: (float, int),
                                          _FIELDS["presets"]: (dict,), _FIELDS["advisory"]: (list,)}  # fmt: skip
"""What a field's value is in YAML, by its type in `Reference`."""
_CHOICES = {"kind_of_return": KINDS_OF_RETURN, "statistic": STATISTICS}
_RUNS = ("variant", "environment", "seed", "env_step", "evaluations", "value")
_SUMMARIES = ("source", "variant", "environment", "env_step", "mean", "spread", "spread_kind", "n")


def load(folder: Path = DATA) -> list[Reference]:
    """Everything published in the folder, sorted by name; anything amiss is a BrokenReference."""
    references = [reference for file in sorted(folder.glob("*.yaml")) for reference in _read_source(file)]
    references.sort(key=lambda reference: reference.name)
    for one, other in itertools.pairwise(references):
        if one.name == other.name:
            raise BrokenReference(f"{folder}: {one.name} stands in two sources")
    return references


def read_metadata(file: Path) -> dict[ReferenceName, Metadata]:
    """The metadata of one file, by reference.

    What stands at an outer level (the file, `sources` if it has several, `variants`) holds for all `environments`
    inside that do not say otherwise. Every field is there, none besides, of the right type.
    """
    try:
        data = yaml.safe_load(file.read_text())
    except yaml.YAMLError as error:
        raise BrokenReference(f"{file}: not readable as YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(data, dict):
        raise BrokenReference(f"{file}: must be fields with values, not {data!r}")
    if "sources" not in data:
        outer = {name: data[name] for name in data if name != "variants"}
        data = {"sources": {file.stem: outer | {"variants": data.get("variants")}}}
    named = ((ReferenceName(*names), fields) for names, fields in _spread_out(data, file))
    return {name: _metadata(name, fields, file) for name, fields in named}


def _spread_out(data: dict, file: Path, depth: int = 0) -> Iterator[tuple[tuple[str, ...], dict]]:
    """The names of every reference, with the fields of its environment and those of the levels around it."""
    if depth == len(_LEVELS):
        yield (), data
        return
    level, shared = _LEVELS[depth], {name: value for name, value in data.items() if name != _LEVELS[depth]}
    inner = data.get(level)
    if not isinstance(inner, dict) or not inner:
        raise BrokenReference(f"{file}: {level} must name at least one")
    for name, fields in inner.items():
        for names, all_fields in _spread_out(shared | (fields or {}), file, depth + 1):
            yield (str(name), *names), all_fields


def _metadata(name: ReferenceName, data: dict, file: Path) -> Metadata:
    """The fields of one reference, each checked."""
    fields = {"known_error": 0.0} | data
    recipe = _recipe(fields.pop("recipe", None), file, name)
    for field in fields:
        if field not in _FIELDS:
            raise BrokenReference(f"{file}: {field} is no field of a reference ({name})")
    for field, kind in _FIELDS.items():
        _check_type(fields.get(field, ""), _PLAIN[kind], f"{file}: {field}", name)
    for field, choices in _CHOICES.items():
        if fields[field] not in choices:
            wrong = f"must be one of {', '.join(choices)}, not {fields[field]!r}"
            raise BrokenReference(f"{file}: {field} {wrong} ({name})")
    if not re.fullmatch("[0-9a-f]{40}", fields["commit"]):
        raise BrokenReference(f"{file}: commit must be 40 hexadecimal digits, not {fields['commit']!r} ({name})")
    for preset, changes in fields["presets"].items():
        if not isinstance(changes, dict):
            raise BrokenReference(f"{file}: presets must say the changes of {preset}, {{}} for none ({name})")
    fields["advisory"] = tuple(fields["advisory"])
    return Metadata(Reference(**name._asdict(), **fields, tasks=(), values={}, summaries={}), recipe)


def _check_type(value: object, kinds: tuple[type, ...], place: str, name: ReferenceName) -> None:
    """BrokenReference if a field is empty or of another type; `place`: its file and name."""
    if value == "" or (value is None and NoneType not in kinds):
        raise BrokenReference(f"{place} is missing ({name})")
    if not isinstance(value, kinds):
        raise BrokenReference(f"{place} must be {kinds[0].__name__}, not {value!r} ({name})")


def _recipe(data: dict | None, file: Path, name: ReferenceName) -> Recipe | None:
    if data is None:
        return None
    try:
        return Recipe(**data | {"points": tuple(data["points"])})
    except (TypeError, KeyError) as error:
        raise BrokenReference(f"{file}: recipe must have {', '.join(Recipe._fields)}, not {data!r} ({name})") from error


def _read_source(file: Path) -> list[Reference]:
    table, metadata = file.with_suffix(".csv"), read_metadata(file)
    values: Runs = {}
    if csv_columns(table) == _SUMMARIES:
        summaries = _read_summaries(table, metadata)
    else:
        values = _read_runs(table, metadata, file.stem)
        summaries = {name: {at: _summary_of(runs) for at, runs in steps.items()} for name, steps in values.items()}
    references = []
    for name, (described, recipe) in metadata.items():
        _check_recipe(summaries.get(name, {}), recipe, table, name)
        tasks = tuple(task for task, environment in versions() if environment == name.environment)
        figures: dict[str, Any] = {"values": values.get(name, {}), "summaries": summaries[name]}
        reference = dataclasses.replace(described, tasks=tasks, **figures)
        _check_advisory(reference, file)
        references.append(reference)
    return references


def _check_advisory(reference: Reference, file: Path) -> None:
    """BrokenReference if the source leaves out a reason for which it can never decide."""
    for reason, holds in IMPLIED.items():
        if holds(reference) and not any(stated.startswith(reason) for stated in reference.advisory):
            raise BrokenReference(f"{file}: advisory must say {reason!r} ({reference.name})")


def _check_recipe(summaries: dict[int, Summary], recipe: Recipe | None, table: Path, name: ReferenceName) -> None:
    """BrokenReference if a table has other steps or numbers of runs than its recipe, or none at all."""
    if not summaries:
        raise BrokenReference(f"{table}: env_step has no row of {name}")
    if recipe is None:
        return
    if set(summaries) != set(recipe.points):
        raise BrokenReference(f"{table}: env_step must run over the points of the recipe ({name})")
    for at, summary in summaries.items():
        if summary.n != recipe.runs:
            counted = f"seed has {summary.n} values at env_step {at}, the recipe's runs are {recipe.runs}"
            raise BrokenReference(f"{table}: {counted} ({name})")


def _read_runs(table: Path, metadata: Mapping[ReferenceName, Metadata], source: str) -> Runs:
    """The value of each run, in the order of the table."""
    by_seed: dict[ReferenceName, dict[int, dict[str, float]]] = {}
    for row in read_rows(table, _RUNS):
        name = ReferenceName(source, row["variant"], row["environment"])
        _check_known(name, metadata, table)
        runs = by_seed.setdefault(name, {}).setdefault(whole_number(row["env_step"], "env_step", table), {})
        if row["seed"] in runs:
            raise BrokenReference(f"{table}: seed {row['seed']} stands twice at env_step {row['env_step']} of {name}")
        runs[row["seed"]] = number_in(row["value"], "value", table)
    return {name: {at: tuple(steps[at].values()) for at in sorted(steps)} for name, steps in by_seed.items()}


def _read_summaries(table: Path, metadata: Mapping[ReferenceName, Metadata]) -> Summaries:
    """Mean and spread, in the order of the steps."""
    summaries: Summaries = {}
    for row in read_rows(table, _SUMMARIES):
        name = ReferenceName(row["source"], row["variant"], row["environment"])
        _check_known(name, metadata, table)
        steps, at = summaries.setdefault(name, {}), whole_number(row["env_step"], "env_step", table)
        if at in steps:
            raise BrokenReference(f"{table}: env_step {at} stands twice for {name}")
        steps[at] = _printed_summary(row, table)
    return {name: dict(sorted(steps.items())) for name, steps in summaries.items()}


def _printed_summary(row: dict[str, str], table: Path) -> Summary:
    from suite.statistics.equivalence import to_sample_sd  # here: who plans a study loads no statistics

    kind, spread = row["spread_kind"], number_in(row["spread"], "spread", table) if row["spread"] else None
    n = whole_number(row["n"], "n", table) if row["n"] else None
    if kind not in SPREADS + NO_SPREADS:
        raise BrokenReference(f"{table}: spread_kind must be one of {', '.join(SPREADS + NO_SPREADS)}, not {kind!r}")
    if (spread is None) != (kind == "none"):
        raise BrokenReference(f"{table}: spread_kind is {kind!r} beside a spread of {row['spread']!r}")
    try:
        sd = to_sample_sd(spread, kind, n or 0) if spread is not None and kind in SPREADS else None
    except ValueError as error:
        raise BrokenReference(f"{table}: {error} ({row['source']}, {row['environment']})") from error
    return Summary(number_in(row["mean"], "mean", table), sd, n, spread, kind)


def _summary_of(values: tuple[float, ...]) -> Summary:
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Summary(float(np.mean(values)), sd, len(values), sd, "none" if sd is None else "sd_ddof1")


def _check_known(name: ReferenceName, metadata: Mapping[ReferenceName, Metadata], table: Path) -> None:
    if name not in metadata:
        raise BrokenReference(f"{table}: {name} is not among the environments of {table.stem}.yaml")

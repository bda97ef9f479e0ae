"""A source's files as references: metadata (yaml) and figures (csv), or a refusal that names what is missing."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import NamedTuple, get_type_hints

import numpy as np
import yaml

from suite.published.comparability import versions
from suite.published.csv_tables import DATA, BrokenReference, csv_columns, number_in, read_rows, whole_number
from suite.published.references import IMPLIED, KINDS_OF_RETURN, NO_SPREADS, SPREADS, STATISTICS, Reference, Summary


class Recipe(NamedTuple):
    """How a table follows from the published evaluations.

    points: the true environment steps it has; runs: how many published runs it is of; added_steps: what the published
    count of steps leaves out; spread_kind: of a table of summaries, None where it keeps the runs.
    """

    points: tuple[int, ...]
    runs: int
    added_steps: int = 0
    spread_kind: str | None = None


_LEVELS = ("sources", "variants", "environments")


_OURS = ("source", "variant", "environment", "tasks", "values", "summaries")


_FIELDS = {name: kind for name, kind in get_type_hints(Reference).items() if name not in _OURS}


_MAY_BE_EMPTY = ("presets", "advisory")


_RUNS = ("variant", "environment", "seed", "env_step", "evaluations", "value")


_SUMMARIES = ("source", "variant", "environment", "env_step", "mean", "spread", "spread_kind", "n")


def load(folder: Path = DATA) -> list[Reference]:
    """Everything published in the folder, sorted by name; anything amiss is a BrokenReference."""
    found = [reference for file in sorted(folder.glob("*.yaml")) for reference in _read_source(file)]
    found.sort(key=lambda reference: reference.name)
    for one, other in itertools.pairwise(found):
        if one.name == other.name:
            raise BrokenReference(f"{folder}: {one.name} stands in two sources")
    return found


def read_metadata(file: Path) -> dict[tuple[str, str, str], tuple[dict, Recipe | None]]:
    """The metadata of one file as (source, variant, environment) -> fields, and the recipe of its table if it has one.

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
    return {names: _validated(fields, file, "/".join(names)) for names, fields in _spread_out(data, file)}


def _spread_out(data: dict, file: Path, depth: int = 0) -> Iterator[tuple[tuple[str, ...], dict]]:
    """Every (source, variant, environment) with its own fields and those of the levels around it."""
    if depth == len(_LEVELS):
        yield (), data
        return
    level, shared = _LEVELS[depth], {name: value for name, value in data.items() if name != _LEVELS[depth]}
    inner = data.get(level)
    if not isinstance(inner, dict) or not inner:
        raise BrokenReference(f"{file}: {level} must name at least one")
    for name, own in inner.items():
        for names, fields in _spread_out(shared | (own or {}), file, depth + 1):
            yield (str(name), *names), fields


def _validated(fields: dict, file: Path, name: str) -> tuple[dict, Recipe | None]:
    fields = dict(fields)
    recipe = fields.pop("recipe", None)
    for field in fields:
        if field not in _FIELDS:
            raise BrokenReference(f"{file}: {field} is no field of a reference ({name})")
    for field, kind in _FIELDS.items():
        plain = {str: (str,), int | None: (int, NoneType)}.get(kind, (dict,) if field == "presets" else (list,))
        value = fields.get(field)
        if field not in fields or value == "" or (value is None and NoneType not in plain):
            raise BrokenReference(f"{file}: {field} is missing ({name})")
        if not isinstance(value, plain):
            raise BrokenReference(f"{file}: {field} must be {plain[0].__name__}, not {value!r} ({name})")
    for field, choices in {"kind_of_return": KINDS_OF_RETURN, "statistic": STATISTICS}.items():
        if fields[field] not in choices:
            raise BrokenReference(
                f"{file}: {field} must be one of {', '.join(choices)}, not {fields[field]!r} ({name})"
            )
    if not re.fullmatch("[0-9a-f]{40}", fields["commit"]):
        raise BrokenReference(f"{file}: commit must be 40 hexadecimal digits, not {fields['commit']!r} ({name})")
    for preset, changes in fields["presets"].items():
        if not isinstance(changes, dict):
            raise BrokenReference(f"{file}: presets must say the changes of {preset}, {{}} for none ({name})")
    return fields | {"advisory": tuple(fields["advisory"])}, _recipe(recipe, file, name)


def _recipe(data: dict | None, file: Path, name: str) -> Recipe | None:
    if data is None:
        return None
    try:
        return Recipe(**data | {"points": tuple(data["points"])})
    except (TypeError, KeyError) as error:
        raise BrokenReference(f"{file}: recipe must have {', '.join(Recipe._fields)}, not {data!r} ({name})") from error


def _read_source(file: Path) -> list[Reference]:
    table, metadata = file.with_suffix(".csv"), read_metadata(file)
    if csv_columns(table) == _SUMMARIES:
        values, summaries = {}, _read_summaries(table, metadata)
    else:
        values = _read_runs(table, metadata, file.stem)
        summaries = {name: {at: _of_runs(runs) for at, runs in found.items()} for name, found in values.items()}
    references = []
    for name, (fields, recipe) in metadata.items():
        found = summaries.get(name, {})
        _as_the_recipe_says(found, recipe, table, name)
        tasks = tuple(task for task, environment in versions() if environment == name[2])
        own = dict(zip(("source", "variant", "environment"), name, strict=True))
        reference = Reference(**own, **fields, tasks=tasks, values=values.get(name, {}), summaries=found)
        for reason, holds in IMPLIED.items():
            if holds(reference) and not any(said.startswith(reason) for said in reference.advisory):
                raise BrokenReference(f"{file}: advisory must say {reason!r} ({reference.name})")
        references.append(reference)
    return references


def _as_the_recipe_says(found: dict[int, Summary], recipe: Recipe | None, table: Path, name: tuple) -> None:
    if not found:
        raise BrokenReference(f"{table}: env_step has no row of {'/'.join(name)}")
    if recipe is None:
        return
    if set(found) != set(recipe.points):
        raise BrokenReference(f"{table}: env_step must run over the points of the recipe ({'/'.join(name)})")
    for at, summary in found.items():
        if summary.n != recipe.runs:
            raise BrokenReference(
                f"{table}: seed has {summary.n} values at env_step {at}, the recipe's runs are {recipe.runs} "
                f"({'/'.join(name)})"
            )


def _read_runs(table: Path, metadata: dict, source: str) -> dict[tuple, dict[int, tuple[float, ...]]]:
    """(source, variant, environment) -> step -> value per run."""
    found: dict[tuple, dict[int, dict[str, float]]] = {}
    for row in read_rows(table, _RUNS):
        name = source, row["variant"], row["environment"]
        _known(name, metadata, table)
        at = found.setdefault(name, {}).setdefault(whole_number(row["env_step"], "env_step", table), {})
        if row["seed"] in at:
            raise BrokenReference(f"{table}: seed {row['seed']} stands twice at env_step {row['env_step']} of {name}")
        at[row["seed"]] = number_in(row["value"], "value", table)
    return {name: {at: tuple(steps[at].values()) for at in sorted(steps)} for name, steps in found.items()}


def _read_summaries(table: Path, metadata: dict) -> dict[tuple, dict[int, Summary]]:
    """(source, variant, environment) -> step -> mean and spread, in the order of the steps."""
    found: dict[tuple, dict[int, Summary]] = {}
    for row in read_rows(table, _SUMMARIES):
        name = row["source"], row["variant"], row["environment"]
        _known(name, metadata, table)
        steps, at = found.setdefault(name, {}), whole_number(row["env_step"], "env_step", table)
        if at in steps:
            raise BrokenReference(f"{table}: env_step {at} stands twice for {'/'.join(name)}")
        steps[at] = _published(row, table)
    return {name: dict(sorted(steps.items())) for name, steps in found.items()}


def _published(row: dict[str, str], table: Path) -> Summary:
    from suite.statistics.equivalence import to_sample_sd  # here: who plans a study loads no statistics

    kind, spread = row["spread_kind"], number_in(row["spread"], "spread", table) if row["spread"] else None
    n = whole_number(row["n"], "n", table) if row["n"] else None
    if kind not in SPREADS + NO_SPREADS:
        raise BrokenReference(f"{table}: spread_kind must be one of {', '.join(SPREADS + NO_SPREADS)}, not {kind!r}")
    if (spread is None) != (kind == "none"):
        raise BrokenReference(f"{table}: spread_kind is {kind!r} beside a spread of {row['spread']!r}")
    try:
        sd = to_sample_sd(spread, kind, n or 0) if kind in SPREADS else None
    except ValueError as error:
        raise BrokenReference(f"{table}: {error} ({row['source']}, {row['environment']})") from error
    return Summary(number_in(row["mean"], "mean", table), sd, n, spread, kind)


def _of_runs(values: tuple[float, ...]) -> Summary:
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Summary(float(np.mean(values)), sd, len(values), sd, "none" if sd is None else "sd_ddof1")


def _known(name: tuple[str, ...], metadata: dict, table: Path) -> None:
    if name not in metadata:
        raise BrokenReference(f"{table}: {'/'.join(name)} is not among the environments of {table.stem}.yaml")

"""Published results as cited figures, and the random policy's returns: what this suite's runs are checked against.

One table per source (`<source>.csv`: variant, seed, env_step, evaluations, value) and beside it its metadata
(`<source>.yaml`). A value is one training run's mean return over a trailing window of its evaluations; the window is
`trailing_mean`, for published runs and for our own alike.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

HERE = Path(__file__).parent
WINDOW = 10  # the last 1/10 of the environment steps so far


class BrokenReference(ValueError):
    """A table or metadata file that cannot be used; the message names the file and the field."""


class Anchor(NamedTuple):
    """The uniform random policy's undiscounted return: mean and SD over episodes [reward units], and what made it."""

    mean: float
    sd: float
    episodes: int
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One published variant of one source: where it is from, how it was made, and its value per run."""

    source: str
    variant: str
    repository: str
    commit: str
    place: str
    licence: str
    code_base: str
    environment: str
    environment_version: str
    step_axis: str
    kind_of_return: str
    episodes_per_evaluation: int
    evaluate_every: int
    n_seeds: int
    points: tuple[int, ...]
    derivation: str
    comparable_tasks: tuple[str, ...]
    preset: str
    settings: dict[str, object]  # SacSpec and Schedule field path -> value a run must have to be comparable
    not_compared: str
    caveat: str
    values: dict[int, tuple[float, ...]]  # environment step -> value per published run, in the order of its seeds

    @property
    def name(self) -> str:
        return f"{self.source}/{self.variant}"

    @property
    def citation(self) -> str:
        return f"{self.repository}@{self.commit[:7]}, {self.place}"


_OURS = ("source", "variant", "values")
_FIELDS = {name: kind for name, kind in Reference.__annotations__.items() if name not in _OURS}
_TABLE = ("variant", "seed", "env_step", "evaluations", "value")


def window(at: int, every: int) -> int:
    """Width w in environment steps of the trailing window (at - w, at]: 10 % of `at`, but at least one evaluation."""
    return max(at // WINDOW, every)


def trailing_mean(env_steps: Sequence[int], values: Sequence[float], at: int, every: int) -> tuple[float, int]:
    """Mean of the evaluations [E] of one run inside its trailing window, and their number; (nan, 0) if there are none.

    It trails because a run that ends at its budget has no evaluations after it.
    """
    env_steps, values = np.asarray(env_steps), np.asarray(values, float)
    inside = (env_steps > at - window(at, every)) & (env_steps <= at)
    return (float(values[inside].mean()), int(inside.sum())) if inside.any() else (math.nan, 0)


def load(folder: Path = HERE) -> list[Reference]:
    """Every published variant of every source in the folder, sorted by name; anything amiss is a BrokenReference."""
    found = [reference for file in sorted(folder.glob("*.yaml")) for reference in _read_source(file)]
    return sorted(found, key=lambda reference: reference.name)


def random_policy(table: Path = HERE / "random_policy.csv") -> dict[str, Anchor]:
    """The random policy's return per task, as `python -m suite.references.measure` wrote it."""
    anchors: dict[str, Anchor] = {}
    for row in _read_rows(table, ("task", "mean", "sd", "episodes", "gymnasium", "mujoco", "seed_rule")):
        if row["task"] in anchors:
            raise BrokenReference(f"{table}: task {row['task']} stands there twice")
        versions = {name: row[name] for name in ("gymnasium", "mujoco")}
        mean, sd = (_number(row[name], name, table) for name in ("mean", "sd"))
        anchors[row["task"]] = Anchor(mean, sd, int(_number(row["episodes"], "episodes", table)), versions)
    return anchors


def read_metadata(file: Path) -> dict[str, dict]:
    """The metadata of every variant of one source: each field there, none besides, of the right type."""
    try:
        data = yaml.safe_load(file.read_text())
    except yaml.YAMLError as error:
        raise BrokenReference(f"{file}: not readable as YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(data, dict) or not isinstance(data.get("variants"), dict) or not data["variants"]:
        raise BrokenReference(f"{file}: variants must name at least one published variant")
    shared = {name: value for name, value in data.items() if name != "variants"}
    return {variant: _validated(shared | (own or {}), file, variant) for variant, own in data["variants"].items()}


def _validated(fields: dict, file: Path, variant: str) -> dict:
    for name in fields:
        if name not in _FIELDS:
            raise BrokenReference(f"{file}: {name} is no field of a reference (variant {variant})")
    for name, kind in _FIELDS.items():
        value = fields.get(name)
        if value is None or value == "" or value == []:
            raise BrokenReference(f"{file}: {name} is missing (variant {variant})")
        plain = {str: str, int: int}.get(kind, dict if name == "settings" else list)
        if not isinstance(value, plain):
            raise BrokenReference(f"{file}: {name} must be {plain.__name__}, not {value!r} (variant {variant})")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _read_source(file: Path) -> list[Reference]:
    table = file.with_suffix(".csv")
    metadata = read_metadata(file)
    values: dict[str, dict[int, dict[str, float]]] = {variant: {} for variant in metadata}
    for row in _read_rows(table, _TABLE):
        if row["variant"] not in values:
            raise BrokenReference(f"{table}: variant {row['variant']} is not among the variants of {file.name}")
        at = values[row["variant"]].setdefault(int(_number(row["env_step"], "env_step", table)), {})
        if row["seed"] in at:
            raise BrokenReference(f"{table}: seed {row['seed']} stands twice at env_step {row['env_step']}")
        at[row["seed"]] = _number(row["value"], "value", table)
    for variant, fields in metadata.items():
        if set(values[variant]) != set(fields["points"]):
            raise BrokenReference(f"{table}: env_step must run over the points of {file.name} (variant {variant})")
        for at, per_seed in values[variant].items():
            if len(per_seed) != fields["n_seeds"]:
                raise BrokenReference(
                    f"{table}: seed has {len(per_seed)} values at env_step {at}, n_seeds of {file.name} is "
                    f"{fields['n_seeds']} (variant {variant})"
                )
    return [
        Reference(
            source=file.stem,
            variant=variant,
            values={at: tuple(values[variant][at].values()) for at in sorted(values[variant])},
            **fields,
        )
        for variant, fields in metadata.items()
    ]


def _read_rows(table: Path, fields: tuple[str, ...]) -> list[dict[str, str]]:
    if not table.is_file():
        raise BrokenReference(f"{table}: the table is missing")
    with table.open(newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != fields:
            raise BrokenReference(f"{table}: the columns must be {', '.join(fields)}, not {reader.fieldnames}")
        return list(reader)


def _number(text: str | None, field: str, table: Path) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise BrokenReference(f"{table}: {field} must be a finite number, not {text!r}")
    return value

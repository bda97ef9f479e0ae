"""Published results as cited figures, and the random policy's returns: what this suite's runs are checked against.

One table per source (`<source>.csv`: variant, seed, env_step, evaluations, value) and beside it its metadata
(`<source>.yaml`). A value is one training run's mean return over a trailing window of its evaluations; the window is
`trailing_mean`, for published runs and for our own alike.

Normalised scores have a unit of their own: zero is the random policy's return (random_policy.csv), one a published
return (anchors.csv). Both are frozen and a matter of the task alone, never of what is compared. They are a scale and no
comparison: the published return may be of another version of the task or another statistic, which its row says, since
it stretches all arms of a task alike. It does weigh the tasks against each other; what hangs on that, the second set
shows. A task without a row has no normalised score.
"""

import csv
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

HERE = Path(__file__).parent
RANDOM_POLICY, ANCHORS = HERE / "random_policy.csv", HERE / "anchors.csv"
WINDOW = 10  # the last 1/10 of the environment steps so far
EPISODES = 100  # of the random policy; with fewer its mean would move every normalised score
SETS = ("primary", "second")


class BrokenReference(ValueError):
    """A table or metadata file that cannot be used; the message names the file and the field."""


class Anchor(NamedTuple):
    """The uniform random policy's undiscounted return: mean and SD over episodes [reward units], and what made it."""

    mean: float
    sd: float
    episodes: int
    versions: dict[str, str]


class Scale(NamedTuple):
    """A task's unit: returns that are 0 (`random`) and 1 (`reference`), from where, and how far the source is off."""

    random: float
    random_episodes: int
    reference: float
    source: str
    citation: str
    note: str
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
_ANCHOR = ("task", "reference", "source", "code_base", "repository", "commit", "place", "environment", "statistic",
           "n_seeds", "env_steps", "note", "set")  # fmt: skip


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


def random_policy(table: Path = RANDOM_POLICY) -> dict[str, Anchor]:
    """The random policy's return per task, as `python -m suite.references.measure` wrote it."""
    anchors: dict[str, Anchor] = {}
    for row in _read_rows(table, ("task", "mean", "sd", "episodes", "gymnasium", "mujoco", "seed_rule")):
        if row["task"] in anchors:
            raise BrokenReference(f"{table}: task {row['task']} stands there twice")
        versions = {name: row[name] for name in ("gymnasium", "mujoco")}
        mean, sd = (_number(row[name], name, table) for name in ("mean", "sd"))
        anchors[row["task"]] = Anchor(mean, sd, int(_number(row["episodes"], "episodes", table)), versions)
    return anchors


def anchors(set: str = "primary", table: Path = ANCHORS, zero: Path = RANDOM_POLICY) -> dict[str, Scale]:
    """The scale of every task that has one in this set ("primary", or "second" for what hangs on the choice).

    Returns are undiscounted, in reward units. Every row of both sets is read and checked, whichever is asked for.
    """
    if set not in SETS:
        raise BrokenReference(f"there is no set of anchors {set!r}; there are {' and '.join(SETS)}")
    known, found = random_policy(zero), {name: {} for name in SETS}
    for row in _read_rows(table, _ANCHOR):
        task, name = row["task"], row["set"]
        empty = next((field for field in _ANCHOR if not row[field]), None)
        if empty:
            raise BrokenReference(f"{table}: {empty} is missing (task {task})")
        if name not in found:
            raise BrokenReference(f"{table}: set must be one of {', '.join(SETS)}, not {name!r} (task {task})")
        if task in found[name]:
            raise BrokenReference(f"{table}: task {task} stands twice in the set {name}")
        if task not in known:
            raise BrokenReference(f"{table}: task {task} has no random policy in {zero.name}")
        if known[task].episodes < EPISODES:
            raise BrokenReference(f"{zero}: episodes must be at least {EPISODES} for a zero, task {task} has fewer")
        reference = _number(row["reference"], "reference", table)
        if not reference > known[task].mean:
            raise BrokenReference(
                f"{table}: reference must lie above the random policy's {known[task].mean}, not at {reference} "
                f"(task {task})"
            )
        for field in ("n_seeds", "env_steps"):
            if not _number(row[field], field, table) >= 1:
                raise BrokenReference(f"{table}: {field} must be at least 1, not {row[field]} (task {task})")
        found[name][task] = Scale(
            random=known[task].mean,
            random_episodes=known[task].episodes,
            reference=reference,
            source=row["source"],
            citation=f"{row['repository']}@{row['commit'][:7]}, {row['place']}",
            note=row["note"],
            versions=known[task].versions,
        )
    return found[set]


def anchors_digest(table: Path = ANCHORS, zero: Path = RANDOM_POLICY) -> str:
    """16 hexadecimal digits that change with either end of any scale: SHA-256 of both tables."""
    return hashlib.sha256(zero.read_bytes() + table.read_bytes()).hexdigest()[:16]


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

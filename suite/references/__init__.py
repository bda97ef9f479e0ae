"""Published results as cited figures, and the random policy's returns: what this suite's runs are checked against.

One file of metadata per source (`<source>.yaml`) and beside it its figures (`<source>.csv`). Where runs are published
one by one, a row is one run (variant, environment, seed, env_step, evaluations, value): its mean return over a trailing
window of its evaluations. The window is `trailing_mean`, for published runs and for our own alike. Where there is but a
mean and a spread, a row is those, as printed (source, variant, environment, env_step, mean, spread, spread_kind, n);
`tables.yaml` holds the sources that are no more than a published table. What may be compared with what is data too:
versions.csv says which version of an environment stands for which task and from which step on, gate.csv where the
published seeds agree enough to decide.

Normalised scores have a unit of their own: zero is the random policy's return (random_policy.csv), one a published
return (anchors.csv). Both are frozen and a matter of the task alone, never of what is compared. They are a scale and no
comparison: the published return may be of another version of the task or another statistic, which its row says, since
it stretches all arms of a task alike. It does weigh the tasks against each other; what hangs on that, the second set
shows. A task without a row has no normalised score.
"""

import csv
import functools
import hashlib
import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import NoneType
from typing import NamedTuple

import numpy as np
import yaml

from suite import UsageError, nearest
from suite.tasks import TASKS

HERE = Path(__file__).parent
RANDOM_POLICY, ANCHORS = HERE / "random_policy.csv", HERE / "anchors.csv"
VERSIONS, GATE = HERE / "versions.csv", HERE / "gate.csv"
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


class Summary(NamedTuple):
    """Published runs at one step: mean and sample SD [reward units] of n runs, and the spread as it was printed.

    sd is None where no SD over runs follows from the spread, n where no number of runs is stated.
    """

    mean: float
    sd: float | None
    n: int | None
    spread: float | None
    spread_kind: str


class Recipe(NamedTuple):
    """How a table follows from the published evaluations.

    points: the true environment steps it has; runs: how many published runs it is of; added_steps: what the published
    count of steps leaves out; spread_kind: of a table of summaries, None where it keeps the runs.
    """

    points: tuple[int, ...]
    runs: int
    added_steps: int = 0
    spread_kind: str | None = None


class Rule(NamedTuple):
    """A version of an environment that stands for a task from a step on, why, and who says so."""

    from_step: int
    reason: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What one source published of one variant on one environment: from where, how it was made, and its figures."""

    source: str
    variant: str
    environment: str
    repository: str
    commit: str
    place: str
    licence: str
    code_base: str
    environment_version: str
    step_axis: str
    kind_of_return: str  # of KINDS_OF_RETURN, always undiscounted
    statistic: str  # of STATISTICS
    episodes_per_evaluation: int | None
    evaluate_every: int | None
    derivation: str
    not_compared: str
    caveat: str
    presets: dict[str, dict[str, object]]  # that have its settings -> switch by path -> value the published runs had
    advisory: tuple[str, ...]  # why it never decides; empty: it may
    tasks: tuple[str, ...]  # the suite's, that it may be compared with
    values: dict[int, tuple[float, ...]]  # true environment step -> value per published run, in the order of its seeds
    summaries: dict[int, Summary]  # true environment step -> all runs

    @property
    def name(self) -> str:
        return f"{self.source}/{self.variant}/{self.environment}"

    @property
    def citation(self) -> str:
        return f"{self.repository}@{self.commit[:7]}, {self.place}"


KINDS_OF_RETURN = ("deterministic", "sampled", "training", "unstated")
STATISTICS = ("window_mean", "last", "maximum", "smoothed")
SPREADS = ("sd_ddof1", "sd_ddof0", "sem", "ci95_t", "ci95_norm", "half_sd")
NO_SPREADS = ("sd_over_episodes", "unknown", "none")
"""Printed spreads that give no SD over runs: one agent's over episodes, one of unsaid kind, none at all."""
IMPLIED = {
    "training return": lambda reference: reference.kind_of_return == "training",
    "unstated protocol": lambda reference: reference.kind_of_return == "unstated",
    "maximum over training": lambda reference: reference.statistic == "maximum",
    "smoothed": lambda reference: reference.statistic == "smoothed",
    "no preset has its settings": lambda reference: not reference.presets,
    "single agent": lambda reference: any(of.n == 1 for of in reference.summaries.values()),
    "no spread": lambda reference: any(of.sd is None and of.n != 1 for of in reference.summaries.values()),
}
"""What makes a reference advisory, whoever forgets to say so: the reason must begin with these words."""

_LEVELS = ("sources", "variants", "environments")
_OURS = ("source", "variant", "environment", "tasks", "values", "summaries")
_FIELDS = {name: kind for name, kind in Reference.__annotations__.items() if name not in _OURS}
_MAY_BE_EMPTY = ("presets", "advisory")
_RUNS = ("variant", "environment", "seed", "env_step", "evaluations", "value")
_SUMMARIES = ("source", "variant", "environment", "env_step", "mean", "spread", "spread_kind", "n")
_VERSIONS = ("task", "environment", "from_step", "reason", "source")
_GATE = ("task", "from_step", "to_step", "reason")
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
    """Everything published in the folder, sorted by name; anything amiss is a BrokenReference."""
    found = [reference for file in sorted(folder.glob("*.yaml")) for reference in _read_source(file)]
    found.sort(key=lambda reference: reference.name)
    for one, other in itertools.pairwise(found):
        if one.name == other.name:
            raise BrokenReference(f"{folder}: {one.name} stands in two sources")
    return found


@functools.cache
def versions(table: Path = VERSIONS) -> dict[tuple[str, str], Rule]:
    """Which environments stand for which task, as (task, environment) -> rule; what has no rule is not compared."""
    rules: dict[tuple[str, str], Rule] = {}
    for row in _read_rows(table, _VERSIONS):
        pair = row["task"], row["environment"]
        _complete(row, _VERSIONS, table)
        if pair in rules:
            raise BrokenReference(f"{table}: task {pair[0]} has two rules for the environment {pair[1]}")
        rules[pair] = Rule(_whole(row["from_step"], "from_step", table), row["reason"], row["source"])
    return rules


def comparable(task: str, environment: str, env_step: int, table: Path = VERSIONS) -> bool:
    """Whether returns of a published environment may be compared with those of a task at an environment step."""
    rule = versions(table).get((task, environment))
    return rule is not None and env_step >= rule.from_step


@functools.cache
def gate(table: Path = GATE) -> dict[str, tuple[tuple[int, float], ...]]:
    """Per task the ranges of environment steps (first, last; inf: no end) at which a comparison decides by default."""
    ranges: dict[str, tuple[tuple[int, float], ...]] = {}
    for row in _read_rows(table, _GATE):
        _complete(row, [name for name in _GATE if name != "to_step"], table)
        first = _whole(row["from_step"], "from_step", table)
        last = _whole(row["to_step"], "to_step", table) if row["to_step"] else math.inf
        if last < first:
            raise BrokenReference(f"{table}: to_step must not lie before from_step (task {row['task']})")
        ranges[row["task"]] = (*ranges.get(row["task"], ()), (first, last))
    return ranges


def gated(task: str, env_step: int, table: Path = GATE) -> bool:
    """Whether the published seeds of a task agree enough at this environment step for a comparison to decide."""
    return any(first <= env_step <= last for first, last in gate(table).get(task, ()))


def gates(patterns: Sequence[str]) -> Callable[[str, int], bool]:
    """Whether a task at a step is gated, by any of: default (as `gated` says), all, none, TASK, TASK@STEP.

    TASK may hold wildcards. UsageError for a pattern that is no task's.
    """
    rules: list[Callable[[str, int], bool]] = []
    for pattern in patterns:
        name, _, step = pattern.partition("@")
        if pattern == "default":
            rules.append(gated)
        elif pattern == "all":
            rules.append(lambda task, at: True)
        elif pattern != "none":
            if not any(fnmatchcase(task, name) for task in TASKS):
                close = nearest(name, ("default", "all", "none", *TASKS))
                raise UsageError(f"check.gate names {pattern!r}, which is no task; did you mean {close}?")
            if "@" in pattern and not re.fullmatch("[0-9]+(_[0-9]+)*", step):
                raise UsageError(f"check.gate names {pattern!r}, whose step is no number; say {name}@100_000")
            rules.append(lambda task, at, name=name, step=step: fnmatchcase(task, name) and at == int(step or at))
    return lambda task, at: any(rule(task, at) for rule in rules)


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
    if _columns(table) == _SUMMARIES:
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
    for row in _read_rows(table, _RUNS):
        name = source, row["variant"], row["environment"]
        _known(name, metadata, table)
        at = found.setdefault(name, {}).setdefault(_whole(row["env_step"], "env_step", table), {})
        if row["seed"] in at:
            raise BrokenReference(f"{table}: seed {row['seed']} stands twice at env_step {row['env_step']} of {name}")
        at[row["seed"]] = _number(row["value"], "value", table)
    return {name: {at: tuple(steps[at].values()) for at in sorted(steps)} for name, steps in found.items()}


def _read_summaries(table: Path, metadata: dict) -> dict[tuple, dict[int, Summary]]:
    """(source, variant, environment) -> step -> mean and spread, in the order of the steps."""
    found: dict[tuple, dict[int, Summary]] = {}
    for row in _read_rows(table, _SUMMARIES):
        name = row["source"], row["variant"], row["environment"]
        _known(name, metadata, table)
        steps, at = found.setdefault(name, {}), _whole(row["env_step"], "env_step", table)
        if at in steps:
            raise BrokenReference(f"{table}: env_step {at} stands twice for {'/'.join(name)}")
        steps[at] = _published(row, table)
    return {name: dict(sorted(steps.items())) for name, steps in found.items()}


def _published(row: dict[str, str], table: Path) -> Summary:
    from suite.statistics.equivalence import to_sample_sd  # here: who plans a study loads no statistics

    kind, spread = row["spread_kind"], _number(row["spread"], "spread", table) if row["spread"] else None
    n = _whole(row["n"], "n", table) if row["n"] else None
    if kind not in SPREADS + NO_SPREADS:
        raise BrokenReference(f"{table}: spread_kind must be one of {', '.join(SPREADS + NO_SPREADS)}, not {kind!r}")
    if (spread is None) != (kind == "none"):
        raise BrokenReference(f"{table}: spread_kind is {kind!r} beside a spread of {row['spread']!r}")
    try:
        sd = to_sample_sd(spread, kind, n or 0) if kind in SPREADS else None
    except ValueError as error:
        raise BrokenReference(f"{table}: {error} ({row['source']}, {row['environment']})") from error
    return Summary(_number(row["mean"], "mean", table), sd, n, spread, kind)


def _of_runs(values: tuple[float, ...]) -> Summary:
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Summary(float(np.mean(values)), sd, len(values), sd, "none" if sd is None else "sd_ddof1")


def _known(name: tuple[str, ...], metadata: dict, table: Path) -> None:
    if name not in metadata:
        raise BrokenReference(f"{table}: {'/'.join(name)} is not among the environments of {table.stem}.yaml")


def _complete(row: dict[str, str], fields: Sequence[str], table: Path) -> None:
    empty = next((field for field in fields if not row[field]), None)
    if empty:
        raise BrokenReference(f"{table}: {empty} is missing ({next(iter(row.values()))})")


def _columns(table: Path) -> tuple[str, ...]:
    if not table.is_file():
        raise BrokenReference(f"{table}: the table is missing")
    with table.open(newline="") as file:
        return tuple(next(csv.reader(file), ()))


def _read_rows(table: Path, fields: tuple[str, ...]) -> list[dict[str, str]]:
    columns = _columns(table)
    if columns != fields:
        raise BrokenReference(f"{table}: the columns must be {', '.join(fields)}, not {', '.join(columns)}")
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def _number(text: str | None, field: str, table: Path) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise BrokenReference(f"{table}: {field} must be a finite number, not {text!r}")
    return value


def _whole(text: str | None, field: str, table: Path) -> int:
    value = _number(text, field, table)
    if not value.is_integer() or value < 0:
        raise BrokenReference(f"{table}: {field} must be a whole number of at least 0, not {text!r}")
    return int(value)

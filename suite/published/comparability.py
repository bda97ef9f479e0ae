"""How a published number becomes comparable: which environment versions stand for a task, which steps decide."""

from __future__ import annotations

import functools
import math
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from suite.errors import UsageError, nearest, quoted
from suite.lab.tasks import TASKS
from suite.published.csv_tables import (
    DATA,
    BrokenReference,
    complete,
    csv_columns,
    number_in,
    read_rows,
    whole_number,
)

if TYPE_CHECKING:
    from suite.published.references import Reference

VERSIONS, GATE, DECIDING = DATA / "versions.csv", DATA / "gate.csv", DATA / "deciding.csv"
ENOUGH = 0.8  # of equal runs, that PASS by the last look against a reference whose steps may be primary


class GatedSteps(NamedTuple):
    """Environment steps of a task, from first to last (inf: no end), that are gated, and if they may be primary."""

    first: int
    last: float
    primary: bool


class Rule(NamedTuple):
    """A version of an environment that stands for a task from a step on, why, and who says so."""

    from_step: int
    reason: str
    source: str


_VERSIONS = ("task", "environment", "from_step", "reason", "source")
_GATE = ("task", "from_step", "to_step", "primary", "reason")


@functools.cache
def versions(table: Path = VERSIONS) -> dict[tuple[str, str], Rule]:
    """Which environments stand for which task, as (task, environment) -> rule; what has no rule is not compared."""
    rules: dict[tuple[str, str], Rule] = {}
    for row in read_rows(table, _VERSIONS):
        pair = row["task"], row["environment"]
        complete(row, _VERSIONS, table)
        if pair in rules:
            raise BrokenReference(f"{table}: task {pair[0]} has two rules for the environment {pair[1]}")
        rules[pair] = Rule(whole_number(row["from_step"], "from_step", table), row["reason"], row["source"])
    return rules


def comparable(task: str, environment: str, env_step: int, table: Path = VERSIONS) -> bool:
    """Whether returns of a published environment may be compared with those of a task at an environment step."""
    rule = versions(table).get((task, environment))
    return rule is not None and env_step >= rule.from_step


def spread_elsewhere(
    own: Reference, references: Iterable[Reference], task: str, env_step: int, floor: float
) -> float | None:
    """The SD that a reference's runs would have at a step with the median coefficient of variation of other sources, of
    the return above the random policy's (floor) at this task and step; None without another source.

    Of each source the median counts. Of what is smoothed or a maximum no spread is taken.
    """
    of_source: dict[str, list[float]] = {}
    for one in references:
        told = one.summaries.get(env_step)
        elsewhere = one.source != own.source and task in one.tasks and one.statistic in ("window_mean", "last")
        if elsewhere and told and told.sd and told.mean > floor and comparable(task, one.environment, env_step):
            of_source.setdefault(one.source, []).append(told.sd / (told.mean - floor))
    if not of_source:
        return None
    variation = statistics.median(statistics.median(of) for of in of_source.values())
    return variation * (own.summaries[env_step].mean - floor)


@functools.cache
def gate(table: Path = GATE) -> dict[str, tuple[GatedSteps, ...]]:
    """Per task the environment steps that are gated by default."""
    ranges: dict[str, tuple[GatedSteps, ...]] = {}
    for row in read_rows(table, _GATE):
        complete(row, ("task", "from_step", "reason"), table)
        if row["primary"] not in ("yes", ""):
            wrong = f"must be yes or empty, not {row['primary']!r}"
            raise BrokenReference(f"{table}: primary {wrong} (task {row['task']})")
        first = whole_number(row["from_step"], "from_step", table)
        last = whole_number(row["to_step"], "to_step", table) if row["to_step"] else math.inf
        if last < first:
            raise BrokenReference(f"{table}: to_step must not lie before from_step (task {row['task']})")
        ranges[row["task"]] = (*ranges.get(row["task"], ()), GatedSteps(first, last, row["primary"] == "yes"))
    return ranges


def primary(task: str, reference: str, env_step: int) -> bool:
    """Whether a comparison with this reference (its name) may be a task's primary endpoint at this environment step.

    gate.csv must mark the step, and by the simulation of deciding.csv equal runs must PASS there often enough.
    """
    marked = any(steps.first <= env_step <= steps.last for steps in gate().get(task, ()) if steps.primary)
    return marked and _equal_runs_pass().get((task, reference, env_step), 0.0) >= ENOUGH


@functools.cache
def _equal_runs_pass(table: Path = DECIDING) -> dict[tuple[str, str, int], float]:
    """(task, reference, environment step) -> how often equal runs PASS by the last look."""
    return {
        (row["task"], row["reference"], whole_number(row["env_step"], "env_step", table)): number_in(
            row["pass_10"], "pass_10", table
        )
        for row in read_rows(table, csv_columns(table))
    }


def gates(patterns: Sequence[str]) -> Callable[[str, str, int], bool]:
    """Whether a task, against a reference (its name) at a step, may be a primary endpoint, by any of: default (as
    `primary` says), all, none, TASK, TASK@STEP.

    TASK may hold wildcards. UsageError for a pattern that is no task's.
    """
    rules = [_gate_rule(pattern) for pattern in patterns]
    return lambda task, reference, env_step: any(rule(task, reference, env_step) for rule in rules)


def _gate_rule(pattern: str) -> Callable[[str, str, int], bool]:
    if pattern == "default":
        return primary
    if pattern in ("all", "none"):
        return lambda task, reference, env_step: pattern == "all"
    name, at, step = pattern.partition("@")
    if not any(fnmatchcase(task, name) for task in TASKS):
        close = nearest(name, ("default", "all", "none", *TASKS))
        raise UsageError(f"check.gate names {quoted(pattern)}, which is no task; did you mean {close}?")
    if at and not (re.fullmatch("[0-9]+(_[0-9]+)*", step) and len(step) < 20):
        raise UsageError(f"check.gate names {quoted(pattern)}, whose step is no number; say {name}@100_000")
    return lambda task, reference, env_step: fnmatchcase(task, name) and (not at or env_step == int(step))

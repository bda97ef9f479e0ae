"""The two ends of a normalised score: the random policy, and a published reference return."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from suite.published.csv_tables import DATA, BrokenReference, number_in, read_rows

RANDOM_POLICY, ANCHORS = DATA / "random_policy.csv", DATA / "anchors.csv"
EPISODES = 100  # of the random policy; with fewer its mean would move every normalised score
SETS = ("primary", "second")


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


RANDOM_POLICY_FIELDS = ("task", "mean", "sd", "episodes", "gymnasium", "mujoco", "seed_rule")
_ANCHOR = ("task", "reference", "source", "code_base", "repository", "commit", "place", "environment", "statistic",
           "n_seeds", "env_steps", "note", "set")  # fmt: skip


def random_policy(table: Path = RANDOM_POLICY) -> dict[str, Anchor]:
    """The random policy's return per task, as `python -m suite.published.measure` wrote it."""
    by_task: dict[str, Anchor] = {}
    for row in read_rows(table, RANDOM_POLICY_FIELDS):
        if row["task"] in by_task:
            raise BrokenReference(f"{table}: task {row['task']} stands there twice")
        by_task[row["task"]] = Anchor(
            mean=number_in(row["mean"], "mean", table),
            sd=number_in(row["sd"], "sd", table),
            episodes=int(number_in(row["episodes"], "episodes", table)),
            versions={name: row[name] for name in ("gymnasium", "mujoco")},
        )
    return by_task


def anchors(set_name: str = "primary", table: Path = ANCHORS, zero: Path = RANDOM_POLICY) -> dict[str, Scale]:
    """The scale of every task that has one in this set ("primary", or "second" for what hangs on the choice).

    Returns are undiscounted, in reward units. Every row of both sets is read and checked, whichever is asked for.
    """
    if set_name not in SETS:
        raise BrokenReference(f"there is no set of anchors {set_name!r}; there are {' and '.join(SETS)}")
    policies = random_policy(zero)
    scales: dict[str, dict[str, Scale]] = {name: {} for name in SETS}
    for row in read_rows(table, _ANCHOR):
        scale = _scale(row, policies, table, zero)
        if row["task"] in scales[row["set"]]:
            raise BrokenReference(f"{table}: task {row['task']} stands twice in the set {row['set']}")
        scales[row["set"]][row["task"]] = scale
    return scales[set_name]


def _scale(row: dict[str, str], policies: dict[str, Anchor], table: Path, zero: Path) -> Scale:
    """One row's scale; BrokenReference if anything about the row or its random policy is amiss."""
    task = row["task"]
    empty = next((field for field in _ANCHOR if not row[field]), None)
    if empty:
        raise BrokenReference(f"{table}: {empty} is missing (task {task})")
    if row["set"] not in SETS:
        raise BrokenReference(f"{table}: set must be one of {', '.join(SETS)}, not {row['set']!r} (task {task})")
    if task not in policies:
        raise BrokenReference(f"{table}: task {task} has no random policy in {zero.name}")
    policy = policies[task]
    if policy.episodes < EPISODES:
        raise BrokenReference(f"{zero}: episodes must be at least {EPISODES} for a zero, task {task} has fewer")
    reference = number_in(row["reference"], "reference", table)
    if not reference > policy.mean:
        above = f"reference must lie above the random policy's {policy.mean}, not at {reference}"
        raise BrokenReference(f"{table}: {above} (task {task})")
    for field in ("n_seeds", "env_steps"):
        if not number_in(row[field], field, table) >= 1:
            raise BrokenReference(f"{table}: {field} must be at least 1, not {row[field]} (task {task})")
    return Scale(
        random=policy.mean,
        random_episodes=policy.episodes,
        reference=reference,
        source=row["source"],
        citation=f"{row['repository']}@{row['commit'][:7]}, {row['place']}",
        note=row["note"],
        versions=policy.versions,
    )


def anchors_digest(table: Path = ANCHORS, zero: Path = RANDOM_POLICY) -> str:
    """16 hexadecimal digits that change with either end of any scale: SHA-256 of both tables."""
    return hashlib.sha256(zero.read_bytes() + table.read_bytes()).hexdigest()[:16]

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


_ANCHOR = ("task", "reference", "source", "code_base", "repository", "commit", "place", "environment", "statistic",
           "n_seeds", "env_steps", "note", "set")  # fmt: skip


def random_policy(table: Path = RANDOM_POLICY) -> dict[str, Anchor]:
    """The random policy's return per task, as `python -m suite.published.measure` wrote it."""
    anchors: dict[str, Anchor] = {}
    for row in read_rows(table, ("task", "mean", "sd", "episodes", "gymnasium", "mujoco", "seed_rule")):
        if row["task"] in anchors:
            raise BrokenReference(f"{table}: task {row['task']} stands there twice")
        versions = {name: row[name] for name in ("gymnasium", "mujoco")}
        mean, sd = (number_in(row[name], name, table) for name in ("mean", "sd"))
        anchors[row["task"]] = Anchor(mean, sd, int(number_in(row["episodes"], "episodes", table)), versions)
    return anchors


def anchors(set: str = "primary", table: Path = ANCHORS, zero: Path = RANDOM_POLICY) -> dict[str, Scale]:
    """The scale of every task that has one in this set ("primary", or "second" for what hangs on the choice).

    Returns are undiscounted, in reward units. Every row of both sets is read and checked, whichever is asked for.
    """
    if set not in SETS:
        raise BrokenReference(f"there is no set of anchors {set!r}; there are {' and '.join(SETS)}")
    known, found = random_policy(zero), {name: {} for name in SETS}
    for row in read_rows(table, _ANCHOR):
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
        reference = number_in(row["reference"], "reference", table)
        if not reference > known[task].mean:
            raise BrokenReference(
                f"{table}: reference must lie above the random policy's {known[task].mean}, not at {reference} "
                f"(task {task})"
            )
        for field in ("n_seeds", "env_steps"):
            if not number_in(row[field], field, table) >= 1:
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

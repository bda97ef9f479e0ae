"""Settings of our runs and of published ones, and what sets them apart."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from suite.errors import nearest
from suite.published.csv_tables import BrokenReference
from suite.sac import identity
from suite.sac.identity import Difference
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec
from suite.specimens.catalogue import resolve

SCHEME = {
    *("temperature", "critics", "target_reduce", "actor_reduce", "value_net", "entropy_in_target"),
    "evaluation_action",
}
"""Switches whose other choice makes another algorithm or another measurement: such a cell is not compared at all."""


ADVISED = 2
"""A cell that differs in at most so many other switches is compared as advice: shown with them, never deciding.

With more it is a setting of its own (another network, other rates) and not compared either.
"""


class Settings(NamedTuple):
    """What a run's numbers depend on beside its task: the update, and how it meets the environment."""

    spec: SacSpec
    schedule: Schedule


def blinded(runs: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """The runs, those of an ablation's arm with the settings of its baseline on the same task and implementation.

    An implementation that is wrong does not know it: it says it has the settings it was meant to have. An arm that
    makes a mistake on purpose so tells what the check would say of such an implementation.
    """
    cell = ["task", "implementation", "run_id"]
    arms = manifest[manifest["ablation"] != ""].drop_duplicates([*cell, "ablation", "preset"])
    meant = arms[arms["baseline"]].set_index(["task", "implementation", "ablation", "preset"])["run_id"].to_dict()
    settings = runs.drop_duplicates(cell).set_index(cell)[["spec", "schedule"]]
    runs = runs.copy()
    for arm in arms[~arms["baseline"]].itertuples():
        base = arm.task, arm.implementation, meant.get((arm.task, arm.implementation, arm.ablation, arm.preset))
        if base in settings.index:
            own = (runs[cell] == [arm.task, arm.implementation, arm.run_id]).all(axis=1)
            runs.loc[own, ["spec", "schedule"]] = settings.loc[base].to_numpy()
    return runs


def settings_of(run: Mapping) -> Settings:
    """A run's settings from its row of the table of runs."""
    parts = {"spec": SacSpec, "schedule": Schedule}
    return Settings(*(identity.from_plain(kind, json.loads(run[name])) for name, kind in parts.items()))


def settings_of_preset(preset: str, task: str, changes: Mapping[str, object]) -> Settings:
    """A preset's settings on a task with `changes` on top: field or path ("temperature.lr") -> value."""
    parts = resolve(preset, task, {})
    plain: dict = {name: value for part in parts for name, value in identity.to_plain(part).items()}
    for path, value in changes.items():
        *parents, name = path.split(".")
        home: object = plain
        for parent in parents:
            home = home.get(parent) if isinstance(home, dict) else None
        if not isinstance(home, dict) or name not in home:
            close = nearest(path, plain)
            raise BrokenReference(f"{path} is no field of the preset {preset} on {task}; did you mean {close}?")
        home[name] = identity.to_plain(value)
    return Settings(*(
        identity.from_plain(type(part), {field.name: plain[field.name] for field in dataclasses.fields(part)})
        for part in parts
    ))  # fmt: skip


def differences(ours: Settings, theirs: Settings, at: int) -> list[Difference]:
    """Every switch in which ours differ from theirs (`a`: there, `b`: here) in runs of `at` environment steps.

    Counts that differ by one step are equal (code bases count from 0 or from 1), and so are replay capacities that
    both hold all `at` steps.
    """
    found = [one for there, here in zip(theirs, ours, strict=True) for one in identity.difference(there, here)]
    return [one for one in found if not _same(one, at)]


def _same(difference: Difference, at: int) -> bool:
    if difference.field == "replay_capacity":
        return min(difference.a, at) == min(difference.b, at)
    return difference.field in ("warmup_steps", "learn_after") and abs(difference.a - difference.b) <= 1


def near(differs: Sequence[Difference]) -> bool:
    """Whether a cell that differs so much from published settings is compared at all, if only as advice."""
    return len(differs) <= ADVISED and not SCHEME & {one.field for one in differs}

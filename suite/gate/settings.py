"""Settings of our runs and of published ones, and what sets them apart."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple, TypeVar, cast

import pandas as pd

from suite.analysis.types import CellKey
from suite.errors import nearest
from suite.published.csv_tables import BrokenReference
from suite.sac import identity
from suite.sac.identity import Difference
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec
from suite.sac.specs import Spec
from suite.specimens.catalogue import resolve
from suite.study.cells import CELL

Part = TypeVar("Part", SacSpec, Schedule)
SCHEME = {"temperature", "critics", "target_reduce", "actor_reduce", "value_net", "entropy_in_target"}
SCHEME |= {"kind", "evaluation_action"}
"""Switches whose other choice makes another algorithm or another measurement: such a cell is not compared at all."""
ADVISED = 2
"""A cell that differs in at most so many other switches is compared as advice: shown with them, never deciding.

With more it is a setting of its own (another network, other rates) and not compared either.
"""


class Settings(NamedTuple):
    """What a run's numbers depend on beside its task: the update, and how it meets the environment."""

    spec: Spec
    schedule: Schedule


def blinded(runs: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """The runs, those of an ablation's arm with the settings of its baseline on the same task and implementation.

    An implementation that is wrong does not know it: it says it has the settings it was meant to have. An arm that
    makes a mistake on purpose so tells what the check would say of such an implementation.
    """
    arms = manifest[manifest["ablation"] != ""].drop_duplicates([*CELL, "ablation", "preset"])
    place = ["task", "implementation", "ablation", "preset"]
    baselines = arms[arms["baseline"]].set_index(place)["run_id"].to_dict()
    settings = runs.drop_duplicates(CELL).set_index(CELL)[["spec", "schedule"]]
    runs = runs.copy()
    for arm in arms[~arms["baseline"]].itertuples():
        baseline = baselines.get((arm.task, arm.implementation, arm.ablation, arm.preset))
        meant = CellKey(arm.task, arm.implementation, baseline)
        if meant in settings.index:
            of_arm = (runs[CELL] == [arm.task, arm.implementation, arm.run_id]).all(axis=1)
            runs.loc[of_arm, ["spec", "schedule"]] = settings.loc[meant].to_numpy()
    return runs


def arms_of(manifest: pd.DataFrame) -> set[CellKey]:
    """The cells that a study asks for as arms of ablations alone, and never as a preset or an ablation's baseline."""
    is_preset = (manifest["ablation"] == "") | manifest["baseline"]
    keys = [
        {CellKey(*key) for key in manifest.loc[rows, CELL].itertuples(index=False)} for rows in (is_preset, ~is_preset)
    ]
    return keys[1] - keys[0]


def settings_of(run: pd.Series) -> Settings:
    """A run's settings from its row of the table of runs."""
    return Settings(
        spec=identity.spec_from_plain(json.loads(run["spec"])),
        schedule=cast(Schedule, identity.from_plain(Schedule, json.loads(run["schedule"]))),
    )


def settings_of_preset(preset: str, task: str, changes: Mapping[str, object]) -> Settings:
    """A preset's settings on a task with `changes` on top: field or path ("temperature.lr") -> value."""
    plain = {path: identity.to_plain(value) for path, value in changes.items()}
    return _settings_of_preset(preset, task, json.dumps(plain))


@cache  # every cell of a task is held against the same published settings
def _settings_of_preset(preset: str, task: str, changes: str) -> Settings:
    """The same, of the changes as JSON."""
    spec, schedule = resolve(preset, task, {})
    plain = {name: value for part in (spec, schedule) for name, value in cast(dict, identity.to_plain(part)).items()}
    for path, value in json.loads(changes).items():
        *parents, name = path.split(".")
        inner: object = plain
        for parent in parents:
            inner = inner.get(parent) if isinstance(inner, dict) else None
        if not isinstance(inner, dict) or name not in inner:
            close = nearest(path, plain)
            raise BrokenReference(f"{path} is no field of the preset {preset} on {task}; did you mean {close}?")
        inner[name] = value
    return Settings(_from_plain(SacSpec, plain), _from_plain(Schedule, plain))


def _from_plain(kind: type[Part], plain: Mapping[str, object]) -> Part:
    """The spec or the schedule, of the plain values of both."""
    names = {field.name for field in dataclasses.fields(kind)}
    return cast(Part, identity.from_plain(kind, {name: value for name, value in plain.items() if name in names}))


def differences(ours: Settings, theirs: Settings, at: int) -> list[Difference]:
    """Every switch in which ours (`b`) differ from theirs (`a`) in runs of `at` environment steps.

    Counts that differ by one step are equal (code bases count from 0 or from 1), and so are replay capacities that
    both hold all `at` steps.
    """
    differing = identity.difference(theirs.spec, ours.spec) + identity.difference(theirs.schedule, ours.schedule)
    return [one for one in differing if not _same(one, at)]


def _same(difference: Difference, at: int) -> bool:
    a, b = cast(tuple[int, int], (difference.a, difference.b))  # of the fields below
    if difference.field == "replay_capacity":
        return min(a, at) == min(b, at)
    return difference.field in ("warmup_steps", "learn_after") and abs(a - b) <= 1


def near(differs: Sequence[Difference]) -> bool:
    """Whether a cell that differs so much from published settings is compared at all, if only as advice."""
    return len(differs) <= ADVISED and not SCHEME & {one.field for one in differs}

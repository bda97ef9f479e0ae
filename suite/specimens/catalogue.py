"""Presets and ablations by name, and settings with changes on top."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from functools import cache
from types import ModuleType

import ablations as ablations_package
from implementations import presets as presets_package
from suite.errors import UsageError, nearest
from suite.sac.ablation import Ablation, Changes
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec, SpecError


def preset_names() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(presets_package.__path__)]


def ablation_names() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(ablations_package.__path__)]


def load_preset(name: str) -> ModuleType:
    """The module with SPEC, SCHEDULE, PER_TASK and SOURCES of a preset; UsageError for an unknown name."""
    if name not in preset_names():
        raise UsageError(f"there is no preset {name!r}; did you mean {nearest(name, preset_names())}?")
    return importlib.import_module(f"implementations.presets.{name}")


def load_ablation(name: str) -> Ablation:
    """The ablation of that file name; UsageError for an unknown name."""
    if name not in ablation_names():
        raise UsageError(f"there is no ablation {name!r}; did you mean {nearest(name, ablation_names())}?")
    return importlib.import_module(f"ablations.{name}").ABLATION


@cache
def _resolved(preset: str, task: str) -> tuple[SacSpec, Schedule]:
    module = load_preset(preset)
    return with_changes(module.SPEC, module.SCHEDULE, module.PER_TASK.get(task, {}))


def resolve(preset: str, task: str, changes: Changes) -> tuple[SacSpec, Schedule]:
    """A preset's spec and schedule on a task, with an arm's changes on top; SpecError if they contradict each other."""
    return with_changes(*_resolved(preset, task), changes)


def with_changes(spec: SacSpec, schedule: Schedule, changes: Changes) -> tuple[SacSpec, Schedule]:
    """Both tableaux with the named fields replaced, wherever they are at home."""
    homes = {field.name: kind for kind in (SacSpec, Schedule) for field in dataclasses.fields(kind)}
    for name in changes:
        if name not in homes:
            raise SpecError(f"{name} is no field of SacSpec or Schedule; did you mean {nearest(name, homes)}?")
    for_spec = {name: value for name, value in changes.items() if homes[name] is SacSpec}
    for_schedule = {name: value for name, value in changes.items() if homes[name] is Schedule}
    return dataclasses.replace(spec, **for_spec), dataclasses.replace(schedule, **for_schedule)

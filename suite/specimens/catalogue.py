"""Presets and ablations by name, and settings with changes on top."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import pkgutil
from functools import cache
from pathlib import Path
from types import ModuleType

from implementations import presets as presets_package
from suite.errors import UsageError, nearest
from suite.sac import identity
from suite.sac.ablation import OUTCOMES, Ablation, Changes
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec, SpecError

SHIPPED_ABLATIONS = identity.ROOT / "ablations"
USER_ABLATIONS = Path("ablations")
"""Of the working directory; in a checkout it is the same folder."""


def preset_names() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(presets_package.__path__)]


def ablation_names() -> list[str]:
    """The suite's ablations and the working directory's."""
    return sorted(_ablation_files())


def shipped_ablation_names() -> list[str]:
    """The suite's ablations alone."""
    return sorted(_modules(SHIPPED_ABLATIONS))


def user_ablation_files() -> list[Path]:
    """The ablations that the working directory adds to the suite's."""
    if USER_ABLATIONS.resolve() == SHIPPED_ABLATIONS.resolve():
        return []
    return list(_modules(USER_ABLATIONS).values())


def load_preset(name: str) -> ModuleType:
    """The module with SPEC, SCHEDULE, PER_TASK and SOURCES of a preset; UsageError for an unknown name."""
    if name not in preset_names():
        raise UsageError(f"there is no preset {name!r}; did you mean {nearest(name, preset_names())}?")
    return importlib.import_module(f"implementations.presets.{name}")


def load_ablation(name: str) -> Ablation:
    """The ablation of that file name; UsageError for an unknown name, and for a file that is no ablation."""
    files = _ablation_files()
    if name not in files:
        raise UsageError(f"there is no ablation {name!r}; did you mean {nearest(name, files)}?")
    # by its path: a folder `ablations` may be importable twice
    module_spec = importlib.util.spec_from_file_location(f"ablations.{name}", files[name])
    assert module_spec is not None and module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    try:
        module_spec.loader.exec_module(module)
    except TypeError as error:  # a field too many or too few, as `metric` of before outcomes had names
        known = ", ".join(field.name for field in dataclasses.fields(Ablation))
        raise UsageError(f"{files[name]} is no ablation ({error}); the fields of one are {known}") from None
    ablation = getattr(module, "ABLATION", None)
    if not isinstance(ablation, Ablation):
        raise UsageError(f"{files[name]} must hold an Ablation called ABLATION")
    named = isinstance(ablation.outcomes, tuple) and all(isinstance(one, str) for one in ablation.outcomes)
    if not named or not ablation.outcomes:
        raise UsageError(f'{files[name]}: outcomes must be a tuple of names, as in ("final_return",)')
    for outcome in ablation.outcomes:
        if outcome not in OUTCOMES:
            close = nearest(outcome, OUTCOMES)
            raise UsageError(f"{files[name]}: {outcome!r} is no outcome that is computed; did you mean {close}?")
    return ablation


def _modules(folder: Path) -> dict[str, Path]:
    """The Python files of a folder by module name; empty where there is no such folder."""
    return {file.stem: file for file in sorted(folder.glob("*.py")) if file.stem != "__init__"}


def _ablation_files() -> dict[str, Path]:
    shipped = _modules(SHIPPED_ABLATIONS)
    for file in user_ablation_files():
        if file.stem in shipped:
            raise UsageError(f"{file} has the name of an ablation that the suite ships; give it another name")
        shipped[file.stem] = file
    return shipped


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

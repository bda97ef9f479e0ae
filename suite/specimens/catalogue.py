"""Presets, ablations and implementations by name, and settings with changes on top."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import pkgutil
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import implementations
from implementations import presets as presets_package
from suite.errors import UsageError, nearest, quoted
from suite.files import fits
from suite.lab.tasks import TASKS
from suite.sac import identity
from suite.sac.ablation import OUTCOMES, TAGS, Ablation, Changes
from suite.sac.schedule import Schedule, check_together
from suite.sac.spec import SpecError, check_types
from suite.sac.specs import KINDS, Spec
from suite.specimens import brought

SHIPPED_ABLATIONS = identity.ROOT / "ablations"
USER_ABLATIONS = Path("ablations")
"""Of the working directory; in a checkout it is the same folder."""


def preset_names() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(presets_package.__path__)]


def ablation_names() -> list[str]:
    """The suite's ablations and the working directory's."""
    return sorted(_ablation_files())


def questions(words: Sequence[str]) -> list[str]:
    """The ablations meant by names, by tags and by "all" (of those with a tag), each once."""
    meant: list[str] = []
    for word in words:
        if word not in ("all", *TAGS):
            meant.append(word)
            continue
        tags = {name: load_ablation(name).tags for name in ablation_names()}
        meant += [name for name in tags if tags[name] and word in ("all", *tags[name])]
    return list(dict.fromkeys(meant))


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
    file = Path(presets_package.__path__[0], f"{name}.py")
    with brought.sentence(f"the preset {name}", file):
        module = importlib.import_module(f"implementations.presets.{name}")
    for attribute, kinds in {"SPEC": KINDS, "SCHEDULE": (Schedule,), "PER_TASK": (dict,), "SOURCES": (dict,)}.items():
        if not isinstance(getattr(module, attribute, None), kinds):
            what = " or ".join(kind.__name__ for kind in kinds)
            raise UsageError(f"{brought.place(file, None)}: the preset {name} has no {attribute}, a {what}")
    return module


ENGINE = ("init", "act", "update", "explain", "get_params", "set_params", "device")
TRAINER = ("supports", "start", "device")
"""The functions of the contract (suite.sac.contract)."""


def load_implementation(name: str) -> Any:
    """The implementation registered as `name`, imported; UsageError if that fails, or it lacks some of the contract."""
    entry, loaded = implementations.registered()[name], import_implementation(name)
    words = ("FRAMEWORK", "PACKAGES") if entry.trainer else ("FRAMEWORK",)
    functions = TRAINER if entry.trainer else ENGINE
    lacking = [one for one in functions if not callable(getattr(loaded, one, None))]
    lacking += [one for one in words if not isinstance(getattr(loaded, one, None), str | tuple)]
    if lacking:
        where = brought.place(brought.file_of(entry.module) or Path(entry.module), None)
        raise UsageError(f"{where}: the implementation {name} lacks {', '.join(lacking)} of the contract it is to keep")
    return loaded


def import_implementation(name: str) -> Any:
    """The implementation registered as `name`; UsageError if it cannot be imported."""
    with brought.sentence(f"the implementation {name}", implementations.registered()[name].module):
        return implementations.load(name)


def load_ablation(name: str) -> Ablation:
    """The ablation of that file name; UsageError for an unknown name, and for a file that is no ablation."""
    files = _ablation_files()
    if name not in files:
        raise UsageError(f"there is no ablation {name!r}; did you mean {nearest(name, files)}?")
    ablation = getattr(_executed(name, files[name]), "ABLATION", None)
    if not isinstance(ablation, Ablation):
        raise UsageError(f"{files[name]} must hold an Ablation called ABLATION")
    word: str | None = None
    try:
        _check_ablation(ablation)
        for arm in ablation.arms:
            word = arm.name
            homes_of(arm.changes, type(load_preset(ablation.baseline).SPEC))
    except SpecError as error:
        raise UsageError(f"{brought.place_of_word(files[name], word)}: {error}") from None
    return ablation


def _executed(name: str, file: Path) -> ModuleType:
    """The module of an ablation's file, by its path and from its text: a folder `ablations` may be importable twice,
    and compiled code that Python keeps beside a file is found by the file's time, which may be that of another text."""
    module_spec = importlib.util.spec_from_file_location(f"ablations.{name}", file)
    assert module_spec is not None
    module = importlib.util.module_from_spec(module_spec)
    known = f"; the fields of one are {', '.join(field.name for field in dataclasses.fields(Ablation))}"
    with brought.sentence(f"the ablation {name}", file), warnings.catch_warnings(action="ignore"):
        text = file.read_bytes()
        brought.check_unique_keys(file, ast.parse(text, str(file)))
        code = compile(text, str(file), "exec")
    with brought.sentence(f"the ablation {name}", file, {TypeError: known}):
        exec(code, vars(module))
    return module


def _check_ablation(ablation: Ablation) -> None:
    """SpecError for a field that says nothing, or what it cannot."""
    if not fits(ablation.outcomes, tuple[str, ...]) or not ablation.outcomes:
        raise SpecError('outcomes must be a tuple of names, as in ("final_return",)')
    check_types(ablation)
    for arm in ablation.arms:
        check_types(arm, f"arm {quoted(arm.name)}: ")
    names = [arm.name for arm in ablation.arms]
    if twice := next((name for n, name in enumerate(names) if name in names[:n]), None):
        raise SpecError(f"two arms are called {quoted(twice)}; a name is one arm's")
    if not names or not all(name.strip() and name.isprintable() and len(name) <= 100 for name in names):
        raise SpecError(f"arms must be one or more, each with a name of at most 100 characters, not {quoted(names)}")
    if ablation.baseline not in preset_names():
        close = nearest(ablation.baseline, preset_names())
        raise SpecError(f"baseline is {quoted(ablation.baseline)}, which is no preset; did you mean {close}?")
    _check_expected(ablation, names)
    for outcome in ablation.outcomes:
        if outcome not in OUTCOMES:
            close = nearest(outcome, OUTCOMES)
            raise SpecError(f"{quoted(outcome)} is no outcome that is computed; did you mean {close}?")


def _check_expected(ablation: Ablation, names: list[str]) -> None:
    """SpecError for what is expected of an arm that there is not, and for a task, margin or tag that is none."""
    for key, given, known in (
        ("directions", ablation.directions, names[1:]),
        ("tasks", ablation.tasks, [*TASKS]),
        ("tags", ablation.tags, [*TAGS]),
    ):
        if unknown := next((one for one in given if one not in known), None):
            close = f"; did you mean {nearest(unknown, known)}?" if known else ""
            raise SpecError(f"{key} names {quoted(unknown)}, which is none of the {key} there are{close}")
    if ablation.margin is not None and not 0 < ablation.margin < 1:
        raise SpecError(f"margin must be a share between 0 and 1 of what learning gains, not {ablation.margin}")


def arm_place(ablation: str, arm: str) -> str:
    """The file of an ablation, and the line on which it names an arm."""
    return brought.place_of_word(_ablation_files()[ablation], arm)


def _modules(folder: Path) -> dict[str, Path]:
    """The Python files of a folder by module name; empty where there is no such folder."""
    return {file.stem: file for file in sorted(folder.glob("*.py")) if file.stem != "__init__" and file.is_file()}


def _ablation_files() -> dict[str, Path]:
    shipped = _modules(SHIPPED_ABLATIONS)
    for file in user_ablation_files():
        if file.stem in shipped:
            raise UsageError(f"{file} has the name of an ablation that the suite ships; give it another name")
        shipped[file.stem] = file
    return shipped


@cache
def _resolved(preset: str, task: str) -> tuple[Any, Schedule]:
    module = load_preset(preset)
    return with_changes(module.SPEC, module.SCHEDULE, module.PER_TASK.get(task, {}))


def resolve(preset: str, task: str, changes: Changes) -> tuple[Any, Schedule]:
    """A preset's spec, of its kind, and schedule on a task, with an arm's changes on top; SpecError if they contradict
    each other."""
    spec, schedule = with_changes(*_resolved(preset, task), changes)
    check_together(spec, schedule)
    return spec, schedule


def homes_of(changes: Changes, spec: type[Spec]) -> dict[str, type]:
    """The tableau that each field belongs to, those that are changed among them; SpecError for a field of neither."""
    homes: dict[str, type] = {one.name: kind for kind in (spec, Schedule) for one in dataclasses.fields(kind)}
    for path in changes:
        name = path.partition(".")[0]
        if name not in homes:
            close = nearest(name, homes)
            raise SpecError(f"{name} is no field of {spec.__name__} or Schedule; did you mean {close}?")
    return homes


def with_changes(spec: Any, schedule: Schedule, changes: Changes) -> tuple[Any, Schedule]:
    """Both tableaux with the named fields replaced, wherever they are at home.

    A field of a part is named by its path, "temperature.init": SpecError where the tableau's part has no such field.
    """
    homes = homes_of(changes, type(spec))
    for_schedule = {path: value for path, value in changes.items() if homes[path.partition(".")[0]] is Schedule}
    for_spec = {path: value for path, value in changes.items() if path not in for_schedule}
    return replaced(spec, for_spec), replaced(schedule, for_schedule)


def replaced(tableau: Any, changes: Changes) -> Any:
    """A tableau with fields, and fields of its parts ("adam.eps"), replaced; SpecError for a part without one."""
    values: Changes = {}
    for path, value in changes.items():
        name, _, inner = path.partition(".")
        part = values.get(name, getattr(tableau, name))
        if inner and inner not in getattr(part, "__dataclass_fields__", ()):
            raise SpecError(f"{path} means nothing where {name} is {part}")
        values[name] = dataclasses.replace(part, **{inner: value}) if inner else value
    return dataclasses.replace(tableau, **values)

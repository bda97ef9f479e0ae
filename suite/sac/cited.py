"""Cited presets: every value of a code base beside the place it is read from.

A preset names each field of SacSpec and Schedule once, with its value and its source on one line:

    SPEC, SCHEDULE, PER_TASK, SOURCES = preset(discount=cited(0.99, "owner/repo@1234567 sac.py:46"), ...)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Protocol

from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec, SpecError

SPEC_FIELDS = tuple(field.name for field in fields(SacSpec))
SCHEDULE_FIELDS = tuple(field.name for field in fields(Schedule))
FIELDS = SPEC_FIELDS + SCHEDULE_FIELDS


@dataclass(frozen=True)
class Cited:
    """A value, the values it has on some tasks instead, and where they are read."""

    value: Any
    source: str
    per_task: Mapping[str, Any]


class Preset(NamedTuple):
    """The four names of a preset's module: plain values, and the source of each field by its name."""

    spec: SacSpec
    schedule: Schedule
    per_task: dict[str, dict[str, Any]]  # task -> field -> value
    sources: dict[str, str]


class Module(Protocol):
    """A module of implementations/presets."""

    SPEC: SacSpec
    SCHEDULE: Schedule
    PER_TASK: dict[str, dict[str, Any]]
    SOURCES: dict[str, str]


def cited(value: Any, source: str, per_task: Mapping[tuple[str, ...], Any] | None = None) -> Cited:
    """A value with its source; per_task: (task, ...) -> the value on these tasks, which the same source covers."""
    if not isinstance(source, str) or not source.strip():
        raise SpecError(f"the value {value!r} needs a source, a text that says where it is read, not {source!r}")
    values: dict[str, Any] = {}
    for tasks, other in (per_task or {}).items():
        for task in tasks:
            if task in values:
                raise SpecError(f"{source} gives two values on {task}: {values[task]!r} and {other!r}")
            values[task] = other
    return Cited(value, source, values)


def preset(base: Module | None = None, /, **switches: Cited) -> Preset:
    """The preset with these values; with a base, the preset that differs from it in these values or sources alone."""
    for name, switch in switches.items():
        if name not in FIELDS:
            raise SpecError(f"{name} is no field of SacSpec or Schedule")
        if not isinstance(switch, Cited):
            raise SpecError(f"{name} must be given as cited(value, source), not as {switch!r}")
    if base is not None:
        switches = as_in(base, *FIELDS) | switches
    missing = [name for name in FIELDS if name not in switches]
    if missing:
        raise SpecError(f"a preset names every field of SacSpec and Schedule; missing: {', '.join(missing)}")
    per_task: dict[str, dict[str, Any]] = {}
    for name in FIELDS:
        for task, value in switches[name].per_task.items():
            per_task.setdefault(task, {})[name] = value
    return Preset(
        SacSpec(**{name: switches[name].value for name in SPEC_FIELDS}),
        Schedule(**{name: switches[name].value for name in SCHEDULE_FIELDS}),
        per_task,
        {name: switches[name].source for name in FIELDS},
    )


def as_in(module: Module, *names: str) -> dict[str, Cited]:
    """The named fields as another preset has them: values, values on some tasks, sources."""
    switches = {}
    for name in names:
        value = getattr(module.SPEC if name in SPEC_FIELDS else module.SCHEDULE, name)
        per_task = {task: values[name] for task, values in module.PER_TASK.items() if name in values}
        switches[name] = Cited(value, module.SOURCES[name], per_task)
    return switches

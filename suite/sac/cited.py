"""Cited presets: every value of a code base beside the place it is read from.

A preset names each field of its spec and of Schedule once, with its value and its source on one line:

    SPEC, SCHEDULE, PER_TASK, SOURCES = preset(discount=cited(0.99, "owner/repo@1234567 sac.py:46"), ...)

Alone what no SAC of 2018 had (the fields with a default) goes without saying where a code base has nothing of the kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Protocol

from suite.sac.identity import neutral_of
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec, SpecError
from suite.sac.specs import Spec

SCHEDULE_FIELDS = tuple(field.name for field in fields(Schedule))


def fields_of(kind: type[Spec]) -> tuple[str, ...]:
    """The fields that a preset of that kind of spec names."""
    return tuple(field.name for field in fields(kind)) + SCHEDULE_FIELDS


FIELDS = fields_of(SacSpec)

ABSENT = "nothing of the kind in its code"
"""The source of a value that no line states."""


@dataclass(frozen=True)
class Cited:
    """A value, the values it has on some tasks instead, and where they are read."""

    value: Any
    source: str
    per_task: Mapping[str, Any]


class Preset(NamedTuple):
    """The four names of a preset's module: plain values, and the source of each field by its name."""

    spec: Any
    schedule: Schedule
    per_task: dict[str, dict[str, Any]]  # task -> field -> value
    sources: dict[str, str]


class Module(Protocol):
    """A module of implementations/presets."""

    SPEC: Any  # of a kind of suite.sac.specs
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


def preset(base: Module | type[Spec] = SacSpec, /, **switches: Cited) -> Preset:
    """The preset with these values, of that kind of spec; or with another preset as base, what differs from it in these
    values or sources alone."""
    kind: type[Spec] = base if isinstance(base, type) else type(base.SPEC)
    named = fields_of(kind)
    for name, switch in switches.items():
        if name not in named:
            raise SpecError(f"{name} is no field of {kind.__name__} or Schedule")
        if not isinstance(switch, Cited):
            raise SpecError(f"{name} must be given as cited(value, source), not as {switch!r}")
    if isinstance(base, type):
        neutral = neutral_of(kind) | neutral_of(Schedule)
        switches = {name: Cited(value, ABSENT, {}) for name, value in neutral.items()} | switches
    else:
        switches = as_in(base, *named) | switches
    missing = [name for name in named if name not in switches]
    if missing:
        raise SpecError(f"a preset names every field of {kind.__name__} and Schedule; missing: {', '.join(missing)}")
    per_task: dict[str, dict[str, Any]] = {}
    for name in named:
        for task, value in switches[name].per_task.items():
            per_task.setdefault(task, {})[name] = value
    return Preset(
        kind(**{name: switches[name].value for name in named if name not in SCHEDULE_FIELDS}),
        Schedule(**{name: switches[name].value for name in SCHEDULE_FIELDS}),
        per_task,
        {name: switches[name].source for name in named},
    )


def as_in(module: Module, *names: str) -> dict[str, Cited]:
    """The named fields as another preset has them: values, values on some tasks, sources."""
    switches = {}
    for name in names:
        value = getattr(module.SCHEDULE if name in SCHEDULE_FIELDS else module.SPEC, name)
        per_task = {task: values[name] for task, values in module.PER_TASK.items() if name in values}
        switches[name] = Cited(value, module.SOURCES[name], per_task)
    return switches

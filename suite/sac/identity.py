"""Who a run is: plain-data form, difference and stable identity of specs and schedules."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing

from suite.sac import schedule as schedule_module
from suite.sac import spec as spec_module
from suite.sac import specs as specs_module
from suite.sac.schedule import Schedule
from suite.sac.source import ROOT as ROOT
from suite.sac.spec import SacSpec
from suite.sac.specs import Spec

Tableau = typing.TypeVar("Tableau", SacSpec, Schedule)

_MODULES = spec_module, specs_module, schedule_module
_KINDS = {
    kind.__name__: kind
    for module in _MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
}


def to_plain(value: typing.Any) -> typing.Any:
    """The spec (or schedule, or part of one) as JSON-able data; a choice carries its type's name as `kind`, and so does
    a spec that is no SacSpec.

    A field at its neutral value is left out.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        neutral = neutral_of(type(value))
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        plain = {name: to_plain(each) for name, each in fields.items() if name not in neutral or each != neutral[name]}
        return plain if isinstance(value, SacSpec | Schedule) else {"kind": type(value).__name__, **plain}
    return [to_plain(item) for item in value] if isinstance(value, tuple) else value


def from_plain(kind: type[Tableau], data: dict) -> Tableau:
    """The inverse of `to_plain`."""
    return kind(**neutral_of(kind) | {name: _restored(part) for name, part in data.items()})


def spec_from_plain(data: dict) -> Spec:
    """The inverse of `to_plain` for a spec of any kind."""
    return typing.cast(Spec, _restored({"kind": SacSpec.__name__} | data))


def _restored(item: object) -> object:
    if isinstance(item, dict):
        kind = _KINDS[item["kind"]]
        return kind(**neutral_of(kind) | {name: _restored(part) for name, part in item.items() if name != "kind"})
    return tuple(map(_restored, item)) if isinstance(item, list) else item


def neutral_of(kind: type) -> dict[str, typing.Any]:
    """By field, the values at which the suite does what it did before it had the field: no other field has a default.

    Left out of plain data, they leave the run ids of what was trained before as they were.
    """
    fields = dataclasses.fields(kind)
    return {field.name: field.default for field in fields if field.default is not dataclasses.MISSING}


def canonical(data: object) -> str:
    """One JSON text per value: sorted keys, no spaces; numbers that are equal (1 and 1.0) read the same."""

    def same(item: object) -> object:
        if isinstance(item, dict):
            return {key: same(part) for key, part in item.items()}
        if isinstance(item, list | tuple):
            return [same(part) for part in item]
        return int(item) if isinstance(item, float) and item.is_integer() else item

    return json.dumps(same(data), sort_keys=True, separators=(",", ":"), allow_nan=False)


def run_id(spec: Spec, schedule: Schedule, task: str, evaluate_every: int, evaluation_episodes: int) -> str:
    """Ten hex digits of everything that changes a run's numbers and is neither its seed nor its budget."""
    evaluation = {"every": evaluate_every, "episodes": evaluation_episodes}
    data = {"spec": to_plain(spec), "schedule": to_plain(schedule), "task": task, "evaluation": evaluation}
    return hashlib.sha256(canonical(data).encode()).hexdigest()[:10]


class Difference(typing.NamedTuple):
    """One switch in which two specs differ; `field` is a path such as "temperature.lr"."""

    field: str
    a: object
    b: object

    def __str__(self) -> str:
        return f"{self.field} is {self.b!r} instead of {self.a!r}"


def difference(a: typing.Any, b: typing.Any) -> list[Difference]:
    """Every switch in which b differs from a, in field order; a choice or spec of another kind is one difference."""
    if type(a) is not type(b):
        return [Difference("kind", type(a).__name__, type(b).__name__)]
    differences = []
    for field in dataclasses.fields(a):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if left == right:
            continue
        if dataclasses.is_dataclass(left) and type(left) is type(right):
            parts = difference(left, right)
            differences += [Difference(f"{field.name}.{part.field}", part.a, part.b) for part in parts]
        else:
            differences.append(Difference(field.name, left, right))
    return differences

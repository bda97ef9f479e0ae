"""Who a run is: plain-data form, difference and stable identities of specs, and the identity of the code that ran."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import typing
from pathlib import Path

from suite.sac import schedule as schedule_module
from suite.sac import spec as spec_module
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec

ROOT = Path(__file__).resolve().parent.parent.parent


INSTRUMENT = (
    *("sac/spec", "sac/schedule", "sac/contract", "sac/weights", "lab/seeding", "lab/tasks", "lab/replay"),
    *("lab/evaluation", "lab/seat", "lab/lab", "lab/training"),
)


_KINDS = {
    kind.__name__: kind
    for module in (spec_module, schedule_module)
    for kind in vars(module).values()
    if dataclasses.is_dataclass(kind)
}


def to_plain(value: object) -> object:
    """The spec (or schedule, or part of one) as JSON-able data; a nested choice carries its type's name as `kind`."""
    if dataclasses.is_dataclass(value):
        own = {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return own if isinstance(value, SacSpec | Schedule) else {"kind": type(value).__name__, **own}
    return [to_plain(item) for item in value] if isinstance(value, tuple) else value


def from_plain(kind: type, data: dict) -> object:
    """The inverse of `to_plain` for a SacSpec or a Schedule."""

    def restore(item: object) -> object:
        if isinstance(item, dict):
            return _KINDS[item["kind"]](**{name: restore(part) for name, part in item.items() if name != "kind"})
        return tuple(restore(part) for part in item) if isinstance(item, list) else item

    return kind(**{name: restore(item) for name, item in data.items()})


def canonical(data: object) -> str:
    """One JSON text per value: sorted keys, no spaces; numbers that are equal (1 and 1.0) read the same."""

    def same(item: object) -> object:
        if isinstance(item, dict):
            return {key: same(part) for key, part in item.items()}
        if isinstance(item, list | tuple):
            return [same(part) for part in item]
        return int(item) if isinstance(item, float) and item.is_integer() else item

    return json.dumps(same(data), sort_keys=True, separators=(",", ":"), allow_nan=False)


def run_id(spec: SacSpec, schedule: Schedule, task: str, evaluate_every: int, evaluation_episodes: int) -> str:
    """Ten hex digits of everything that changes a run's numbers and is neither its seed nor its budget."""
    data = {
        "spec": to_plain(spec),
        "schedule": to_plain(schedule),
        "task": task,
        "evaluation": {"every": evaluate_every, "episodes": evaluation_episodes},
    }
    return hashlib.sha256(canonical(data).encode()).hexdigest()[:10]


class Difference(typing.NamedTuple):
    """One switch in which two specs differ; `field` is a path such as "temperature.lr"."""

    field: str
    a: object
    b: object

    def __str__(self) -> str:
        return f"{self.field} is {self.b!r} instead of {self.a!r}"


def difference(a: object, b: object) -> list[Difference]:
    """Every switch in which b differs from a, in field order; a choice of another kind is one difference."""
    found = []
    for field in dataclasses.fields(a):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if left == right:
            continue
        if dataclasses.is_dataclass(left) and type(left) is type(right):
            found += [Difference(f"{field.name}.{part.field}", part.a, part.b) for part in difference(left, right)]
        else:
            found.append(Difference(field.name, left, right))
    return found


def code_id(engine: str) -> str:
    """Ten hex digits of the syntax trees, without docstrings and comments, of a specimen's files and of the instrument.

    engine: a dotted module name (of this project or an installed one); Python's version does not change the digest.
    """
    files = [ROOT / "suite" / f"{name}.py" for name in INSTRUMENT]
    own = ROOT / (engine.replace(".", "/") + ".py")
    if own.is_file():
        files += _specimen(own)
    else:  # an engine of an installed package
        import importlib.util

        files.append(Path(importlib.util.find_spec(engine).origin))
    return digest(files)


def digest(files: list[Path]) -> str:
    """Ten hex digits of the syntax trees of Python files, without docstrings and comments."""
    found = hashlib.sha256()
    for file in files:
        found.update(f"{file.name}:{_shape(ast.parse(file.read_text()))}".encode())
    return found.hexdigest()[:10]


def _specimen(file: Path) -> list[Path]:
    """A specimen's own file; an adapter's also what runs it and the adapters it builds on."""
    if file.parent.name != "adapters":
        return [file]
    imported = {node.module for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)}
    kin = [other for other in sorted(file.parent.glob("*.py")) if f"implementations.adapters.{other.stem}" in imported]
    return [file, file.parent / "__init__.py", *kin, ROOT / "suite" / "lab" / "package_loop.py"]


def _shape(node: object) -> str:
    """A text of the tree's meaning: names and values, no positions, no docstrings, no empty fields."""
    if isinstance(node, ast.AST):
        parts = []
        for name, child in ast.iter_fields(node):
            if name == "body" and _has_docstring(node):
                child = child[1:]
            if name != "kind" and child is not None and child != []:
                parts.append(f"{name}={_shape(child)}")
        return f"{type(node).__name__}({','.join(parts)})"
    return "[" + ",".join(map(_shape, node)) + "]" if isinstance(node, list) else repr(node)


def _has_docstring(node: ast.AST) -> bool:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None

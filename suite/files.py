"""Files that are there whole or not at all, and whether what they hold is what it should be."""

from __future__ import annotations

import glob
import json
import os
import types
import typing
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from suite.errors import UsageError


class atomic:
    """A temporary path beside `path`, moved into place on leaving (synced to disk first); removed on an exception."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self.temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")

    def __enter__(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in self.path.parent.glob(f".{glob.escape(self.path.name)}.*.tmp"):  # of a writer that was killed
            leftover.unlink()
        return self.temporary

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self.temporary.unlink(missing_ok=True)
            return
        with self.temporary.open("rb+") as file:
            os.fsync(file.fileno())
        try:
            self.temporary.replace(self.path)
        except OSError:  # a folder is in its place
            self.temporary.unlink()
            raise


def read_json(path: Path, remedy: str, kind: type = dict) -> Any:
    """The JSON at `path`, an object (or a list); UsageError ending in the remedy if it is missing or damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path} is missing: {remedy}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is damaged, it is not JSON ({type(error).__name__}): {remedy}") from None
    if not isinstance(data, kind):
        raise UsageError(f"{path} is damaged, it holds a {type(data).__name__}: {remedy}")
    return data


def fits(value: Any, kind: Any) -> bool:
    """Whether a value read from a file is of the type of an annotation: a plain one, a Literal, a union, a tuple, a
    mapping, a NamedTuple or a class. A number that is whole fits only in 64 bits, as tables have them."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return True
    if origin is typing.Literal:
        return isinstance(value, str) and value in arguments
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(one, arguments[0]) for one in value)
    if origin in (dict, Mapping):
        of_key, of_value = arguments
        return isinstance(value, dict) and all(fits(a, of_key) and fits(b, of_value) for a, b in value.items())
    if hasattr(kind, "_fields"):
        return isinstance(value, kind) and all(fits(getattr(value, name), of) for name, of in hints(kind).items())
    if kind is int or (kind is float and type(value) is int):
        return type(value) is int and -(2**63) <= value < 2**63
    return isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))


@cache
def hints(kind: Any) -> dict[str, Any]:
    """The annotations of a type's fields, resolved; what belongs to the class is no field."""
    every = typing.get_type_hints(kind)
    return {name: hint for name, hint in every.items() if typing.get_origin(hint) is not typing.ClassVar}

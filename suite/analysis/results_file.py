"""results.json and check.json: written and read here alone, each with the version of its schema."""

from __future__ import annotations

import json
import math
import textwrap
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel

from suite.analysis.check_rows import CheckFile
from suite.analysis.types import Results
from suite.errors import UsageError
from suite.files import atomic, fits, hints, read_json

SCHEMA_VERSION = 10
"""Of results.json and check.json: raised whenever a field of their types changes its name or its meaning."""
RESULTS, CHECK = "results.json", "check.json"
MADE_BY = {RESULTS: "statistics", CHECK: "check"}
"""The command that makes each file anew."""
PLAIN = frozenset((str, int, bool, type(None)))
"""What JSON holds as it is."""
SHAPES: dict[Any, type] = {tuple: list, Mapping: dict, dict: dict, str: str}
"""What JSON holds for a kind, where anything else would be taken for it."""
T = TypeVar("T")


def write_results(study_dir: Path, results: Results) -> None:
    _write(Path(study_dir) / RESULTS, results)


def read_results(study_dir: Path) -> Results | None:
    """results.json of the study in study_dir, or None where there is none; UsageError for another schema."""
    return _read(Path(study_dir) / RESULTS, Results)


def write_check(study_dir: Path, check: CheckFile) -> None:
    _write(Path(study_dir) / CHECK, check)


def read_check(study_dir: Path) -> CheckFile | None:
    """check.json of the study in study_dir, or None where there is none; UsageError for another schema."""
    return _read(Path(study_dir) / CHECK, CheckFile)


def _write(path: Path, content: Results | CheckFile) -> None:
    data = {"schema_version": SCHEMA_VERSION, **to_plain(content)}
    with atomic(path) as temporary:
        text = json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8")


def _read(path: Path, kind: type[T]) -> T | None:
    if not path.exists():
        return None
    remedy = f"run `python -m suite {MADE_BY[path.name]}` for this study again"
    return read_as(path, remedy, partial(_of_version, path, remedy, kind))


def _of_version(path: Path, remedy: str, kind: type[T], data: dict) -> T:
    version = data.pop("schema_version", 1)
    if version != SCHEMA_VERSION:
        raise UsageError(f"{path} has schema version {version}, and this suite reads {SCHEMA_VERSION}: {remedy}")
    return from_plain(kind, data)


def read_as(path: Path, remedy: str, understood: Callable[[Any], T], kind: type = dict) -> T:
    """What `understood` makes of the JSON at `path`, an object (or a list); UsageError ending in the remedy if it is
    damaged or of another shape."""
    data = read_json(path, remedy, kind)
    try:
        return understood(data)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        what = textwrap.shorten(str(error), 200)
        raise UsageError(f"{path} is not what this suite writes ({what}): {remedy}") from None


def read_gathered(path: Path, understood: Callable[[Any], T]) -> T | None:
    """The same of a file that gather writes; None where there is none."""
    return read_as(path, "run `python -m suite gather` for this study again", understood) if path.exists() else None


def to_plain(value: Any) -> Any:
    """The value as JSON takes it: dataclasses and mappings as dicts, sequences as lists, not-finite numbers as None."""
    if type(value) is float:  # first, since nearly all of a study's results are numbers
        return value if math.isfinite(value) else None
    if type(value) in PLAIN:
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, BaseModel):
        return to_plain(value.model_dump())
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return to_plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [to_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_plain(kind: Any, data: Any) -> Any:
    """The value of the type `kind` that `to_plain` made `data` of; TypeError or ValueError where it made it of another.

    kind: a dataclass, a NamedTuple, a pydantic model, a tuple, mapping or union of these, or a plain type.
    """
    if kind is float and type(data) is float:  # first, since nearly all of a study's results are numbers
        return data
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if data is None else from_plain(next(one for one in arguments if one is not type(None)), data)
    shape = SHAPES.get(origin or kind)
    if shape and not isinstance(data, shape):
        raise TypeError(f"{textwrap.shorten(repr(data), 40)} stands where a {shape.__name__} belongs")
    if origin is tuple:
        kinds = arguments[:1] * len(data) if arguments[-1] is Ellipsis else arguments
        return tuple(from_plain(one, item) for one, item in zip(kinds, data, strict=True))
    if origin in (Mapping, dict):
        return {key: from_plain(arguments[1], item) for key, item in dict(data).items()}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_validate(data)
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        return _from_fields(kind, data)
    if not fits(data, float if kind is int else kind) and not (data is None and kind is float):
        raise TypeError(
            f"{textwrap.shorten(repr(data), 40)} stands where {getattr(kind, '__name__', kind)} is expected"
        )
    return data


def _from_fields(kind: Any, data: Mapping) -> Any:
    expected = hints(kind)
    if wrong := sorted(set(expected) ^ set(data)):
        where = "is missing" if wrong[0] in expected else "is no field"
        raise TypeError(f"{textwrap.shorten(wrong[0], 40)} {where} of {kind.__name__}")
    return kind(**{name: from_plain(hint, data[name]) for name, hint in expected.items()})

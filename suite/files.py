"""Files that are there whole or not at all, and whether what they hold is what it should be."""

from __future__ import annotations

import itertools
import json
import os
import platform
import re
import shutil
import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from suite.errors import UsageError

HOST = re.sub(r"[^\w-]", "-", platform.node()) or "here"
TEMPORARY = re.compile(r"\..+\.(?P<host>[\w-]+)\.(?P<pid>\d+)\.\d+\.tmp", re.DOTALL)
SAME_TIME_S = 2.0  # by which a file system's clock and a process's may differ
_counter = itertools.count()


def _temporary(path: Path) -> Path:
    """A name beside `path` that no other writer has, and that tells whose it is."""
    return path.with_name(f".{path.name}.{HOST}.{os.getpid()}.{next(_counter)}.tmp")


class atomic:
    """A temporary path beside `path`, moved into place on leaving, file and folder synced to disk; removed on an
    exception. Each writer has its own: of several at once, the last one's file stays."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self.temporary = _temporary(self.path)

    def __enter__(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.temporary

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self.temporary.unlink(missing_ok=True)
            return
        try:
            _sync(self.temporary)
            self.temporary.replace(self.path)
            _sync(self.path.parent)
        except OSError:  # the disk is full, or a folder is in its place
            self.temporary.unlink(missing_ok=True)
            raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of the folder `path` on leaving; it is removed on an exception, and what
    killed writers have left beside it at once."""
    path = Path(path)
    remove_temporaries(path.parent)
    new, old = _temporary(path), _temporary(path)
    new.mkdir(parents=True)
    try:
        yield new
        if path.exists():
            path.replace(old)
        new.replace(path)
    finally:
        for folder in (new, old):
            shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path) -> None:
    """What the file or folder holds is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def leftovers(*folders: Path) -> list[Path]:
    """What writers that were killed have left in these folders: of this machine, and of processes that are no more."""
    named = ((path, TEMPORARY.fullmatch(path.name)) for folder in folders for path in folder.glob(".*.tmp"))
    return [path for path, name in named if name and name["host"] == HOST and not _lives(int(name["pid"]), path)]


def remove_temporaries(*folders: Path) -> None:
    """Removes the leftovers in these folders."""
    for path in leftovers(*folders):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _lives(pid: int, path: Path) -> bool:
    """Whether a process of this machine has that number and may have written the file: it was there before."""
    import psutil

    try:
        return psutil.Process(pid).create_time() <= path.stat().st_ctime + SAME_TIME_S
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
    except psutil.Error:  # another user's
        return True


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

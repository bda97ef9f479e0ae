"""Logs: what other people's runs left behind, found in files and folders and read into one Series per run."""

from __future__ import annotations

import csv
import hashlib
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from suite.errors import UsageError
from suite.study.formats import COLUMNS, FORMATS, ONLINE, beside, format_of, limited, online, settings_of
from suite.study.series import Point, Request, Series

__all__ = ["FORMATS", "ONLINE", "Point", "Request", "Series", "natural", "read"]

UNREADABLE = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError),
    *(MemoryError, SyntaxError, tokenize.TokenError, csv.Error, struct.error, zlib.error, zipfile.BadZipFile),
    pa.ArrowException,
)
"""What readers raise where a file is not what it was taken for."""
PARALLEL = re.compile(r"\d+(\.\d+)*\.monitor\.csv(\.gz)?")
"""One of a run's parallel environments; so each seed has a folder of its own."""
OPTIONS = {
    "step": "--step-column",
    "value": "--return-column",
    "seed": "--seed-column",
    "scale": "--step-scale",
    "algorithm": "--algorithm",
    "frames": "--frames",
}
TABLES = ("*.csv", "*.csv.gz", "*.tsv", "*.parquet", "*.json", "*.jsonl")
"""What is read of a folder where --format names a table, and no file has a name that its writer gives."""
TELLING = 3
"""Two files of the same bytes with so many different returns are one run named twice."""


def natural(path: object) -> list[tuple[int, str]]:
    """The order in which people count: seed_2 before seed_10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d{1,18})", str(path))]


def read(files: Sequence[str | Path], request: Request) -> list[Series]:
    """The runs in these files, in folders of them, or on W&B ("wandb:entity/project/run"), in natural order of their
    paths; UsageError if one is unreadable, or an option is given that its format has no use for."""
    series: list[Series] = []
    for file in (str(file) for file in files if str(file).startswith(ONLINE)):
        _check_options("wandb", request)
        series += _guarded(online, file, "a W&B run", request)
    kinds, roots = _kinds_of([Path(file) for file in files if not str(file).startswith(ONLINE)], request.format)
    for paths in _grouped(kinds):
        kind = kinds[paths[0]]
        _check_options(kind, request)
        data = b"".join(_guarded(limited, path, kind) for path in paths)
        sha256 = hashlib.sha256(data).hexdigest()
        runs = _guarded(lambda _, kind=kind, paths=paths: FORMATS[kind].read(paths, request), paths[0], kind)
        if kind != "rliable":
            runs = beside(runs, settings_of(paths[0]), request)
        for run in runs:
            if empty := next((at for at in run.points if at.lengths and min(at.lengths) < 1), None):
                raise UsageError(f"{paths[0]} has an episode of no step at step {empty.env_step:,}; leave it out")
            _check_new(run, series, paths[0], sha256)
        joined = (f"joined from {len(paths)} files",) if len(paths) > 1 and kind != "sb3-monitor" else ()
        name = _relative(paths[0], roots[paths[0]])
        series += [
            run._replace(source=str(paths[0]), sha256=sha256, format=kind, file=name, notes=joined + run.notes)
            for run in runs
        ]
    return series


def _check_options(kind: str, request: Request) -> None:
    """UsageError if an option was given that this format's reader would ignore."""
    useless = [name for name in OPTIONS if getattr(request, name) and name not in FORMATS[kind].options]
    if useless:
        raise UsageError(f"{OPTIONS[useless[0]]} is of no use to logs of {kind}; leave it out")


def _check_new(run: Series, series: Sequence[Series], path: Path, sha256: str) -> None:
    """UsageError if another file holds the same bytes, and they are not but a plateau that two seeds may share."""
    returns = {value for point in run.points for value in point.returns}
    twin = next((one.source for one in series if one.sha256 == sha256), None)
    if twin and len(returns) >= TELLING:
        raise UsageError(f"{path} and {twin} are the same file; name each run once")


def _relative(path: Path, root: Path) -> str:
    """A log's path as a record has it: from the working directory, or from the folder that was named, on."""
    full = path.absolute()
    if full.is_relative_to(Path.cwd()):
        return full.relative_to(Path.cwd()).as_posix()
    return full.relative_to(root.absolute().parent).as_posix()


def _guarded(reader: Callable, path: object, kind: str, *rest: Request) -> Any:
    """What a reader makes of a file; UsageError where it is not what it was taken for."""
    try:
        return reader(path, *rest)
    except UNREADABLE as error:
        message = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        why = " ".join(message.split()).split(". ")[0].rstrip(".")[:300] or type(error).__name__
        if isinstance(error, KeyError) and " " not in why:
            why = f"it has no {why}"
        if isinstance(error, MemoryError):
            why = "it asks for more memory than there is"
        raise UsageError(f"{path} cannot be read as {kind} ({why})") from None


# --- which files


def _kinds_of(files: Sequence[Path], wanted: str | None) -> tuple[dict[Path, str], dict[Path, Path]]:
    """The logs in files and folders with their formats, in natural order, and what was named for each."""
    kinds: dict[Path, str] = {}
    roots: dict[Path, Path] = {}
    for root in files:
        if root.is_file():
            inside = {root: wanted or _guarded(format_of, root, _taken_for(root))}
        elif root.is_dir():
            inside = _inside(root, wanted)
        else:
            raise UsageError(f"{root} is no file or folder; a run on W&B is named {ONLINE}entity/project/run")
        resolved = {path.resolve() for path in kinds}
        for path in sorted(inside, key=natural):
            if path.resolve() not in resolved:
                kinds[path], roots[path] = inside[path], root
    return kinds, roots


def _inside(folder: Path, wanted: str | None) -> dict[Path, str]:
    """A folder's logs that are told by their names. Where a run has left several, the better one: of a format's names
    the first, of formats the one that FORMATS has first, which puts evaluations before training."""
    kinds: dict[Path, tuple[str, int]] = {}
    for name, form in FORMATS.items():
        if wanted in (None, name):
            for rank, pattern in enumerate(form.patterns):
                for path in (*folder.rglob(pattern), *folder.rglob(f"{pattern}.gz")):
                    if path not in kinds and path.is_file():
                        kind = wanted or _guarded(format_of, path, _taken_for(path))
                        kinds[path] = kind, (rank if kind == name else _rank(path, kind))
    if not kinds and wanted in COLUMNS:
        kinds = {path: (wanted, 0) for pattern in TABLES for path in folder.rglob(pattern) if path.is_file()}
    if not kinds:
        raise UsageError(f"{folder} holds no log that is told by its name; name the files themselves, or --format")
    order = list(FORMATS)
    best = min((kind for kind, _ in kinds.values()), key=order.index)
    kept: dict[Path, str] = {}
    for path, (kind, rank) in sorted(kinds.items(), key=lambda item: (order.index(item[1][0]), item[1][1])):
        if any(_one_run(one, path) and (kept[one] != kind or kinds[one][1] < rank) for one in kept):
            continue
        if kind != best:
            raise UsageError(f"{folder} holds {best} and {kind} logs; choose one with --format")
        kept[path] = kind
    return kept


def _taken_for(path: Path) -> str:
    """What a file is taken for while it is not known what it is."""
    return "an archive of arrays" if path.suffix == ".npz" else "table"


def _rank(path: Path, kind: str) -> int:
    return next((rank for rank, pattern in enumerate(FORMATS[kind].patterns) if path.match(pattern)), 0)


def _one_run(a: Path, b: Path) -> bool:
    """Whether two logs may be of one run: in one folder, or one in a folder of the other's."""
    return a.parent in b.parents or b.parent in a.parents


def _grouped(kinds: dict[Path, str]) -> list[list[Path]]:
    """The files of one run together: event files of a folder, W&B's folders of one id, parallel environments."""
    groups: dict[object, list[Path]] = {}
    for path, kind in kinds.items():
        key: object = path
        if kind == "tensorboard":
            key = path.parent
        elif kind == "wandb":
            key = path.name
        elif kind == "sb3-monitor" and PARALLEL.fullmatch(path.name):
            key = path.parent, kind
            beside = [one for one in path.parent.iterdir() if PARALLEL.fullmatch(one.name)]
            if absent := next((one for one in beside if one not in kinds), None):
                raise UsageError(f"{path} is of the same run as {absent}, its parallel environment; name the folder")
        groups.setdefault(key, []).append(path)
    return [sorted(paths, key=natural) for paths in groups.values()]

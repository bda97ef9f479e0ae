"""Logs: what other people's runs left behind, read into one Series per run.

Each reader takes a file and what was asked for, and gives the runs in it; it knows nothing of records or of each other.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from suite.errors import UsageError, nearest

ONLINE = "wandb:"
LINES = (".jsonl", ".ndjson")
STEPS = ("env_step", "global_step", "step", "timesteps", "time/total_timesteps", "_step")
RETURNS = ("return", "value", "eval/mean_reward", "episodic_return", "charts/episodic_return", "rollout/ep_rew_mean")
"""What columns, tags and keys are looked for, best first, where none is named."""
OF_TRAINING = ("episodic_return", "charts/episodic_return", "rollout/ep_rew_mean")
UNREADABLE = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError),
    *(csv.Error, struct.error, zlib.error, zipfile.BadZipFile, pa.ArrowException),
)
"""What readers raise where a file is not what it was taken for."""


class Request(NamedTuple):
    """What is to be read from the logs; None (or nothing) where they are to tell it."""

    tasks: tuple[str, ...]  # of the runs, or of an array's columns in order
    format: str | None = None  # of FORMATS
    kind: str | None = None  # of Series
    step: str | None = None  # the name of a column, tag or key; so are value and seed
    value: str | None = None
    seed: str | None = None
    algorithm: str | None = None  # of rliable's arrays
    frames: tuple[int, ...] = ()  # environment steps along an array's third axis


class Point(NamedTuple):
    """One evaluation, or one training episode at the step it ended; no lengths where the log has none."""

    env_step: int
    returns: tuple[float, ...]
    lengths: tuple[int, ...] = ()


class Series(NamedTuple):
    """One run as its log tells it, by ascending step; seed None and task "" where the log is silent."""

    seed: int | None
    task: str
    kind: str  # mean or sample: evaluations, by the action; training: episodes of training
    points: tuple[Point, ...]
    source: str = ""
    sha256: str = ""
    format: str = ""


def read(files: Sequence[str | Path], request: Request) -> list[Series]:
    """The runs in these files, in folders of them, or on W&B ("wandb:entity/project/run"); UsageError if unreadable."""
    series: list[Series] = []
    for file in files:
        if str(file).startswith(ONLINE):
            series += _guarded(_online, file, "a W&B run", request)
            continue
        for path, kind in _inside(Path(file), request.format):
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            if twin := next((one.source for one in series if one.sha256 == sha256), None):
                raise UsageError(f"{path} and {twin} are the same file; name each run once")
            runs = _guarded(FORMATS[kind].read, path, kind, request)
            if empty := next((at for one in runs for at in one.points if at.lengths and min(at.lengths) < 1), None):
                raise UsageError(f"{path} has an episode of no step at step {empty.env_step:,}; leave it out")
            series += [one._replace(source=str(path), sha256=sha256, format=kind) for one in runs]
    return series


def _guarded(reader: Callable, path: object, kind: str, *rest: Request) -> Any:
    """What a reader makes of a file; UsageError where it is not what it was taken for."""
    try:
        return reader(path, *rest)
    except UNREADABLE as error:
        message = str(error.args[0]) if isinstance(error, KeyError) else str(error)
        why = " ".join(message.split()).split(". ")[0].rstrip(".") or type(error).__name__
        if isinstance(error, KeyError) and " " not in why:
            why = f"it has no {why}"
        raise UsageError(f"{path} cannot be read as {kind} ({why})") from None


def _inside(path: Path, kind: str | None) -> list[tuple[Path, str]]:
    """The file with its format, or a folder's files of a format that has names of its own."""
    if path.is_file():
        return [(path, kind or _format(path))]
    if not path.is_dir():
        raise UsageError(f"{path} is no file or folder; a run on W&B is named {ONLINE}entity/project/run")
    patterns = {name: form.pattern for name, form in FORMATS.items() if form.pattern and kind in (None, name)}
    logs = {name: files for name, pattern in patterns.items() if (files := sorted(path.rglob(pattern)))}
    if not logs:
        raise UsageError(f"{path} holds no log that is told by its name; name the files themselves")
    if len(logs) > 1:
        raise UsageError(f"{path} holds {' and '.join(logs)} logs; choose one with --format")
    return [(one, name) for name, files in logs.items() for one in files]


def _format(path: Path) -> str:
    """What a file is by its name, and where that leaves a doubt by its first bytes."""
    named = next((name for name, form in FORMATS.items() if form.pattern and path.match(form.pattern)), None)
    if named or path.suffix in (".parquet", ".npy", *LINES):
        return named or ("rliable" if path.suffix == ".npy" else "table")
    if path.suffix == ".csv":
        with path.open("rb") as file:
            return "sb3-monitor" if file.read(2) == b"#{" else "table"
    if path.suffix == ".npz":
        names = _guarded(lambda path: set(np.load(path).files), path, "an archive of arrays")
        return "sb3-evaluations" if {"timesteps", "results"} <= names else "rliable"
    if path.suffix == ".json":
        data = _guarded(_json, path, "JSON")
        arrays = data.values() if isinstance(data, dict) else [data]
        nested = all(isinstance(rows, list) and rows and isinstance(rows[0], list) for rows in arrays)
        return "rliable" if isinstance(data, dict) and arrays and nested else "table"
    raise UsageError(f"{path} is of no known kind; say which with --format ({', '.join(FORMATS)})")


# --- one reader a format


def _evaluations(path: Path, request: Request) -> list[Series]:
    """stable-baselines3's EvalCallback: timesteps [T], results and ep_lengths [T, E]; deterministic by default."""
    with np.load(path) as file:
        steps, results = np.atleast_1d(file["timesteps"]).tolist(), file["results"].astype(float)
        lengths = file["ep_lengths"].astype(int) if "ep_lengths" in file.files else np.zeros((len(steps), 0), int)
    if results.ndim != 2 or not results.size or lengths.shape not in (results.shape, (len(results), 0)):
        raise ValueError(f"results is {results.shape} and ep_lengths {lengths.shape}, not [evaluations, episodes]")
    rows = zip(steps, results.tolist(), lengths.tolist(), strict=True)
    points = (Point(_whole("step", step), tuple(returned), tuple(lasted)) for step, returned, lasted in rows)
    return [Series(None, "", request.kind or "mean", tuple(points))]


def _monitor(path: Path, request: Request) -> list[Series]:
    """stable-baselines3's Monitor: a line of JSON after "#", then return r and length l of each training episode."""
    with path.open() as file:
        header = json.loads(file.readline().lstrip("#"))
        rows = [(float(row["r"]), int(row["l"])) for row in csv.DictReader(file)]
    steps = np.cumsum([length for _, length in rows]).tolist()
    points = (Point(step, (value,), (length,)) for step, (value, length) in zip(steps, rows, strict=True))
    task = header.get("env_id") or ""
    return [Series(None, "" if task == "None" else task, request.kind or "training", tuple(points))]


def _table(path: Path, request: Request) -> list[Series]:
    """CSV, parquet, JSON (rows or columns) or JSON lines: a row per return; an empty cell (null, no key) is none."""
    if path.suffix == ".parquet":
        frame = _framed(pq.read_table(path).to_pylist())
    elif path.suffix in (".json", *LINES):
        frame = _framed(_rows(_json(path)))
    else:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    step, value = _named(path, "step", request, frame), _named(path, "return", request, frame)
    seed = _named(path, "seed", request, frame) if request.seed or "seed" in frame else None
    frame = frame[(frame[step] != "") & (frame[value] != "")]
    episodes = ["episode"] if "episode" in frame else []
    series = []
    for name, rows in frame.groupby(seed) if seed else [(None, frame)]:
        number = None if name is None else _whole("seed", name)
        columns = (rows[column].to_numpy(object) for column in (step, value, *episodes))
        series.append(_scalars(number, "", value, columns, request))
    return series


def _json(path: Path) -> Any:
    """A JSON file's value; of JSON lines, which are also found in files called .json, the list of them."""
    text = path.read_text()
    if path.suffix not in LINES:
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":
                raise
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _rows(data: Any) -> list[dict]:
    """The rows of a table in JSON: a list of them, one alone, or columns (lists, or values by row as pandas writes)."""
    if not isinstance(data, dict) or not any(isinstance(column, list | dict) for column in data.values()):
        return data if isinstance(data, list) else [data]
    first, *others = data.values()
    if any(type(column) is not type(first) or len(column) != len(first) for column in others):
        raise ValueError("its columns are of unequal length")
    return [{name: data[name][at] for name in data} for at in (first if isinstance(first, dict) else range(len(first)))]


def _framed(rows: Sequence[Mapping]) -> pd.DataFrame:
    """Rows as a table; "" where one has no value."""
    if not all(isinstance(row, Mapping) for row in rows):
        raise ValueError("its rows are no names with values")
    names = list(dict.fromkeys(name for row in rows for name in row))
    values = [["" if row.get(name) is None else row[name] for name in names] for row in rows]
    return pd.DataFrame(values, columns=names, dtype=object)


def _tensorboard(path: Path, request: Request) -> list[Series]:
    """An event file's scalars: Event.step 2, .summary 5; Summary.value 1; Value.tag 1, .simple_value 2
    (tensorflow/core/framework/summary.proto and util/event.proto)."""
    scalars: dict[str, list[tuple[int, float]]] = {}
    for event in _framed_as_tfrecord(path.read_bytes()):
        fields = dict(_fields(event))
        for _, value in _fields(fields.get(5, b"")):
            scalar = dict(_fields(value))
            if 2 in scalar:
                scalars.setdefault(scalar[1].decode(), []).append((fields.get(2, 0), *struct.unpack("<f", scalar[2])))
    tag = _named(path, "return", request, scalars)
    return [_scalars(None, "", tag, zip(*scalars[tag], strict=True), request)]


def _wandb(path: Path, request: Request) -> list[Series]:
    """A W&B run on disk: Record.history 2, .config 5, .run 17 (its config 4), items' key 1, nested_key 2, value_json 16
    (wandb/proto/wandb_internal.proto)."""

    def items(message: bytes) -> dict[str, object]:
        values = {}
        for _, item in (field for field in _fields(message) if field[0] == 1):
            parts = list(_fields(item))
            key = ".".join(value.decode() for number, value in parts if number in (1, 2))
            values[key] = json.loads(dict(parts).get(16, b"null"))
        return values

    config: dict[str, Any] = {}
    rows = []
    for record in _framed_as_leveldb(path.read_bytes()):
        for number, message in _fields(record):
            if number == 17:
                config |= items(dict(_fields(message)).get(4, b""))
            elif number == 5:
                config |= items(message)
            elif number == 2:
                rows.append(items(message))
    return [_tracked(path, config, rows, sorted({key for row in rows for key in row}), request)]


def _online(path: str, request: Request) -> list[Series]:
    """A W&B run on its server, every row of it: `history` would give a random sample of 500."""
    try:
        import wandb
    except ImportError:
        raise UsageError(f"{path} needs wandb, which is not installed here: pip install wandb") from None
    try:
        run = wandb.Api().run(path.removeprefix(ONLINE))
        keys = [_named(path, what, request, run.summary.keys()) for what in ("step", "return")]
        series = _tracked(path, dict(run.config), run.scan_history(keys=keys), keys, request)
    except wandb.errors.Error as error:
        why = f"{path} cannot be read ({' '.join(str(error).split()).rstrip('.')})"
        raise UsageError(f"{why}; WANDB_API_KEY must hold the key of an account that may read it") from None
    sha256 = hashlib.sha256(repr(series.points).encode()).hexdigest()
    return [series._replace(source=path, sha256=sha256, format="wandb")]


def _tracked(path: object, config: Mapping, rows: Iterable[Mapping], keys: Iterable[str], request: Request) -> Series:
    """A W&B run's rows as a series; seed and task by openrlbenchmark's names."""
    step, value = _named(path, "step", request, keys), _named(path, "return", request, keys)
    pairs = [(row[step], row[value]) for row in rows if row.get(step) is not None and row.get(value) is not None]
    columns = zip(*pairs, strict=True) if pairs else ((), ())
    seed = config.get(request.seed or "seed")
    return _scalars(None if seed is None else _whole("seed", seed), config.get("env_id", ""), value, columns, request)


def _rliable(path: Path, request: Request) -> list[Series]:
    """rliable's scores: algorithm -> array [runs, tasks] (at the end) or [runs, tasks, frames]; NumPy or JSON."""
    if path.suffix == ".json":
        arrays = json.loads(path.read_text())
    else:
        file = np.load(path)
        arrays = {name: file[name] for name in file.files} if path.suffix == ".npz" else {"the array": file}
    if not isinstance(arrays, dict) or not arrays:
        raise ValueError("it holds no arrays by name")
    name = request.algorithm or (next(iter(arrays)) if len(arrays) == 1 else None)
    if name is None:
        raise UsageError(f"{path} holds the algorithms {', '.join(arrays)}; choose one with --algorithm")
    if name not in arrays:
        raise UsageError(f"{path} has no algorithm {name!r}; give --algorithm {nearest(name, arrays)}")
    scores, steps = np.asarray(arrays[name], float), request.frames
    scores = scores[..., None] if scores.ndim == 2 else scores
    wanted = (len(request.tasks), len(steps))
    if scores.ndim != 3 or scores.shape[1:] != wanted:
        raise UsageError(
            f"{path}: {name} has the shape {np.shape(arrays[name])}, not [runs, tasks, frames] with the {wanted[0]} "
            f"--task and {wanted[1]} --frames given; for scores of the end alone, give its step as --frames"
        )
    series = []
    for i, run in enumerate(scores.tolist()):
        for task, values in zip(request.tasks, run, strict=True):
            points = tuple(Point(step, (value,)) for step, value in zip(steps, values, strict=True))
            series.append(Series(i, task, request.kind or "mean", points))
    return series


def _scalars(seed: int | None, task: str, name: str, columns: Iterable[Iterable], request: Request) -> Series:
    """A series of steps, returns and, it may be, episodes, which evaluations of several must number."""
    kind = request.kind or ("training" if name in OF_TRAINING else "mean")
    rows, values, *episodes = columns
    at, returns = np.array([_whole("step", one) for one in rows]), np.array([_number("return", one) for one in values])
    steps, counts = np.unique(at, return_counts=True)
    distinct = set(zip(at.tolist(), *episodes, strict=True)) if episodes else steps
    if kind != "training" and len(distinct) < len(at):
        (step, *_), _ = Counter(zip(at.tolist(), *episodes, strict=True)).most_common(1)[0]
        runs = "--seed-column tells runs apart, and " if seed is None else ""
        raise ValueError(f"step {step} is told twice; {runs}episodes of one evaluation need a column named episode")
    told, ends = returns[np.argsort(at, kind="stable")].tolist(), counts.cumsum()
    bounds = zip(steps.tolist(), (ends - counts).tolist(), ends.tolist(), strict=True)
    return Series(seed, task, kind, tuple(Point(step, tuple(told[first:end])) for step, first, end in bounds))


def _whole(what: str, value: object) -> int:
    number = _number(what, value)
    if not number.is_integer():
        raise ValueError(f"the {what} {value!r} is no whole number")
    return int(number)


def _number(what: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"the {what} {value!r} is no number") from None


def _named(path: object, what: str, request: Request, present: Iterable[str]) -> str:
    """The column, tag or key that holds what is looked for: the step, the return or the seed."""
    named = {"step": (request.step, STEPS), "return": (request.value, RETURNS), "seed": (request.seed, ("seed",))}
    given, usual = named[what]
    present = [str(name) for name in present]
    if not present:
        raise UsageError(f"{path} holds no values at all, so it has no {what}")
    chosen = next((name for name in ([given] if given else usual) if name in present), None)
    if chosen is None:
        close = nearest(given or what, present)
        raise UsageError(f"{path} has no {given or what!r} for the {what}; give --{what}-column, such as {close}")
    return chosen


class Format(NamedTuple):
    read: Callable[[Path, Request], list[Series]]
    pattern: str | None  # of the names its writer gives


FORMATS = {
    "sb3-evaluations": Format(_evaluations, "evaluations.npz"),
    "sb3-monitor": Format(_monitor, "*monitor.csv"),
    "tensorboard": Format(_tensorboard, "*tfevents*"),
    "wandb": Format(_wandb, "*.wandb"),
    "table": Format(_table, None),
    "rliable": Format(_rliable, None),
}


# --- what the readers stand on: framing and protobuf's wire format (protobuf.dev/programming-guides/encoding)


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protobuf message as (number, value): a variable-length integer as int, all else as its bytes."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            value |= (message[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if message[at - 1] < 0x80:
                return value

    while at < len(message):
        number, wire = divmod(varint(), 8)
        if wire == 0:
            yield number, varint()
        else:
            size = {1: 8, 5: 4}.get(wire) or varint()
            yield number, message[at : at + size]
            at += size


def _framed_as_tfrecord(data: bytes) -> Iterator[bytes]:
    """The records of a TFRecord file, up to one that its writer did not finish: a length, a record, a checksum of each
    (www.tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details")."""
    at = 0
    while at + 12 <= len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        _intact(_masked_crc32c(data[at : at + 8]), data, at + 8)
        record = data[at + 12 : at + 12 + size]
        at += 16 + size
        if at > len(data):
            return
        _intact(_masked_crc32c(record), data, at - 4)
        yield record


def _framed_as_leveldb(data: bytes) -> Iterator[bytes]:
    """The records of a W&B run file, up to one that its writer did not finish: LevelDB's log format behind seven bytes
    (github.com/google/leveldb/blob/main/doc/log_format.md), with a plain CRC-32."""
    if data[:4] != b":W&B":
        raise ValueError("it does not begin as a W&B run")
    at, record = 7, b""
    while at + 7 <= len(data):
        if (left := 32768 - at % 32768) < 7:
            at += left
            continue
        size, kind = struct.unpack_from("<HB", data, at + 4)
        part = data[at + 7 : at + 7 + size]
        if len(part) < size:
            return
        _intact(zlib.crc32(part, zlib.crc32(bytes([kind]))), data, at)
        at += 7 + size
        record += part
        if kind in (1, 4):  # full, last
            yield record
            record = b""


def _intact(checksum: int, data: bytes, at: int) -> None:
    if struct.unpack_from("<I", data, at)[0] != checksum:
        raise ValueError(f"it is damaged at byte {at}")


@functools.cache
def _crc32c_table() -> list[int]:
    """CRC-32C by byte: the Castagnoli polynomial, bits reversed (RFC 3720, B.4)."""
    return [functools.reduce(lambda c, _: c >> 1 ^ (0x82F63B78 if c & 1 else 0), range(8), n) for n in range(256)]


def _masked_crc32c(data: bytes) -> int:
    table, crc = _crc32c_table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

"""Formats: how logs are written, a reader each; tables of a writer that is known are a line of COLUMNS.

A reader takes the files of one run (most often one) and what was asked for, and gives the runs in them; it knows
nothing of records or of other readers. docs/import.md has a row for each.
"""

from __future__ import annotations

import csv
import fnmatch
import functools
import gzip
import hashlib
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from suite.errors import UsageError, nearest
from suite.study import wire
from suite.study.series import Point, Request, Series, columns_for, kind_of, number, only, points_of, seed_in, whole

ONLINE = "wandb:"
LARGEST = 2**29
"""Bytes of a log, unpacked."""
WIDEST = 10_000
"""Columns of a table."""
LINES = (".jsonl", ".ndjson")
TASKS = ("env_id", "env", "env_name", "environment", "task")
BESIDE = ("params.json", "variant.json", "config.json", "flags.json", "args.yml", "*/args.yml", "config.yml")
"""Where code bases leave the settings of a run, in its folder."""


class Columns(NamedTuple):
    """Where the tables of one writer have what is read, the names it is known by best first."""

    steps: tuple[str, ...]
    evaluations: tuple[str, ...]
    training: tuple[str, ...] = ()
    kind: str = "unknown"  # of the evaluations: mean where the writer's own code plays the mean action
    marks: tuple[str, ...] = ()  # columns of which only its tables have any
    patterns: tuple[str, ...] = ()  # of its files' names, the better first
    several: bool = False  # rows of one step are episodes of one evaluation
    wide: str = ""  # what stands between a column's name and its run's, one column a run
    counts: bool = False  # its steps are iterations, and --step-scale must say how long one is
    names: tuple[str, ...] = ()  # of the columns, in a table without a header


GENERIC = Columns(
    (
        "env_step",
        "env_steps",
        "global_step",
        "step",
        "timesteps",
        "timestep",
        "total_timesteps",
        "time/total_timesteps",
    ),
    (
        *(
            "return",
            "value",
            "eval/mean_reward",
            "eval/return",
            "eval/mean_return",
            "eval/episode_return",
            "eval_return",
        ),
        *("eval/episodic_return", "eval/reward", "eval_reward", "evaluation/return", "evaluation/mean_reward"),
        *("evaluation/average_return", "test/return", "test/reward", "test/rew", "test_reward", "Eval/AverageReturns"),
    ),
    (
        *("episodic_return", "charts/episodic_return", "rollout/ep_rew_mean", "ep_rew_mean", "episode_reward_mean"),
        *("episode_return", "episode_reward", "train/return", "train/reward", "train/episode_return"),
    ),
    patterns=("progress.csv", "progress.json"),
    wide=":",
)
COLUMNS = {
    "softlearning": Columns(  # its variant.json tells eval_deterministic
        ("total_timestep", "timesteps_total", "sampler/total-samples", "total-samples"),
        ("evaluation/return-average", "evaluation/episode-reward-mean"),
        ("training/return-average", "training/episode-reward-mean"),
        marks=("evaluation/return-average", "evaluation/episode-reward-mean", "training/return-average"),
        patterns=("progress.csv", "result.json"),
    ),
    "rllib": Columns(  # ray/rllib/utils/metrics; explore is evaluation_config's, which params.json tells
        (
            *("num_env_steps_sampled_lifetime", "env_runners/num_env_steps_sampled_lifetime"),
            *("num_env_steps_sampled", "timesteps_total"),
        ),
        (
            *("evaluation/env_runners/episode_return_mean", "evaluation/env_runners/episode_reward_mean"),
            *("evaluation/sampler_results/episode_reward_mean", "evaluation/episode_reward_mean"),
        ),
        (
            *("env_runners/episode_return_mean", "env_runners/episode_reward_mean"),
            *("sampler_results/episode_reward_mean", "episode_reward_mean"),
        ),
        marks=("episode_reward_mean", "env_runners/episode_return_mean", "env_runners/episode_reward_mean"),
        patterns=("progress.csv", "result.json"),
    ),
    "rlkit": Columns(
        ("exploration/num steps total",),
        ("evaluation/Average Returns", "evaluation/Returns Mean"),
        ("exploration/Average Returns", "exploration/Returns Mean"),
        marks=("exploration/num steps total",),
        patterns=("progress.csv",),
    ),
    "spinup": Columns(  # spinup/algos/pytorch/sac/sac.py, test_agent: "Take deterministic actions at test time"
        *(("TotalEnvInteracts",), ("AverageTestEpRet", "TestEpRet"), ("AverageEpRet", "EpRet")),
        kind="mean",
        marks=("TotalEnvInteracts",),
        patterns=("progress.txt",),
    ),
    "jaxrl": Columns(  # jaxrl/evaluation.py: temperature=0.0
        *(("step",), ("return",)), kind="mean", patterns=("[0-9]*.txt",), names=("step", "return")
    ),
    "nnabla": Columns(  # nnabla_rl/hooks/evaluation.py and writers/file_writer.py: compute_eval_action
        *(("iteration",), ("mean",)), kind="mean", marks=("std_dev",), patterns=("evaluation_result_scalar.tsv",)
    ),
    "tianshou": Columns(  # examples/mujoco/tools.py, merge_csv; deterministic_eval is the policy's
        *(("env_step",), ("rew",)), marks=("rew",), patterns=("test_rew_*seeds.csv", "test_rew*.csv"), wide=":"
    ),
    "acme": Columns(  # acme/utils/loggers/csv.py, label "evaluator": a row per episode
        ("actor_steps",),
        ("episode_return",),
        marks=("evaluator_steps",),
        patterns=("evaluator/logs.csv",),
        several=True,
    ),
    "dopamine": Columns(  # dopamine/discrete_domains/run_experiment.py: statistics by iteration
        *(("iteration",), ("eval_episode_returns",), ("train_episode_returns",)),
        marks=("eval_episode_returns", "train_episode_returns"),
        counts=True,
    ),
    "wandb-export": Columns(GENERIC.steps, GENERIC.evaluations, GENERIC.training, wide=" - "),
    "table": GENERIC,
}

# --- one reader a format


def _evaluations(paths: Sequence[Path], request: Request) -> list[Series]:
    """stable-baselines3's EvalCallback: timesteps [T], results and ep_lengths [T, E]; deterministic by default."""
    with _arrays(paths[0]) as file:
        steps, results = np.atleast_1d(file["timesteps"]).tolist(), _pairs(file["results"].astype(float))
        lengths = np.zeros((len(steps), 0), int)
        if "ep_lengths" in file.files:
            lengths = _pairs(file["ep_lengths"].astype(int))
    if results.ndim != 2 or not results.size or lengths.shape not in (results.shape, (len(results), 0)):
        raise ValueError(f"results is {results.shape} and ep_lengths {lengths.shape}, not [evaluations, episodes]")
    rows = zip(steps, results.tolist(), lengths.tolist(), strict=True)
    points = tuple(Point(whole("step", step), tuple(returned), tuple(lasted)) for step, returned, lasted in rows)
    kind = kind_of("results", request, "mean")
    return [Series(None, "", kind, points, max(point.env_step for point in points), "results by timesteps")]


def _pairs(array: np.ndarray) -> np.ndarray:
    """An array [T, E] without the axes of length 1 that vectorised environments leave behind it."""
    while array.ndim > 2 and array.shape[-1] == 1:
        array = array[..., 0]
    return array


def _arrays(path: Path) -> Any:
    """NumPy's file of arrays, if it does not unpack to more than a log may hold."""
    if path.suffix == ".npz":
        with zipfile.ZipFile(path) as packed:
            if sum(member.file_size for member in packed.infolist()) > LARGEST:
                raise ValueError(f"it holds more than {LARGEST:,} bytes")
    return np.load(path)


def _monitor(paths: Sequence[Path], request: Request) -> list[Series]:
    """stable-baselines3's Monitor: a line of JSON after "#", then return r, length l and time t of each training
    episode. Files 0.monitor.csv, 1.monitor.csv, ... are of one run's parallel environments: by time, steps summed."""
    tasks, episodes = set(), []
    spans: list[tuple[float, float]] = []
    for path in paths:
        header, rows = _monitored(_text(path))
        tasks.add(header.get("env_id") or "")
        began = header.get("t_start")
        if len(paths) > 1 and (began is None or any(len(row) < 3 for row in rows)):
            raise ValueError(f"{path.name} tells no times, by which parallel environments could be merged")
        if len(paths) > 1 and rows:
            start = number("t_start", began)
            rows = [(*row[:2], start + row[2]) for row in rows]
            spans.append((start, rows[-1][2]))
        episodes += rows
    if spans and max(start for start, _ in spans) > min(end for _, end in spans):
        raise ValueError("its files do not overlap in time: they are no parallel environments; a folder for each run")
    if len(paths) > 1:
        episodes.sort(key=lambda row: row[2])
    ends = np.cumsum([row[1] for row in episodes]).tolist()
    points = tuple(Point(end, row[:1], (row[1],)) for end, row in zip(ends, episodes, strict=True))
    notes = (f"{len(paths)} parallel environments merged by time, their steps summed",) if len(paths) > 1 else ()
    (task,) = tasks if len(tasks) == 1 else ("",)
    kind = kind_of("r", request, "training")
    task = "" if task == "None" else task
    return [Series(None, task, kind, points, ends[-1] if ends else 0, "r by the sum of l", notes)]


def _monitored(text: str) -> tuple[dict, list[tuple]]:
    """A monitor's header and its rows (r, l) or (r, l, t). ValueError names the line where rows ran together."""
    lines = text.splitlines()
    header = json.loads(lines[0][1:]) if lines and lines[0].startswith("#") else {}
    apart = _apart(next((line for line in lines if not line.startswith("#")), ""))
    names, at = ["r", "l", "t"], 0.0
    rows: list[tuple] = []
    for n, line in enumerate(lines, 1):
        fields = [field.strip() for field in line.split(apart or None)]
        if line.startswith("#") or not line.strip():
            continue
        if "r" in fields and "l" in fields and not rows:
            names = fields
            continue
        if len(fields) != len(names):
            if n == len(lines) and not text.endswith("\n"):
                break  # its writer was killed
            raise ValueError(
                f"line {n} has {len(fields)} fields, not {len(names)}, as where two processes write one file"
            )
        row = dict(zip(names, fields, strict=True))
        returned, length = number(f"return of line {n}", row["r"]), whole(f"length of line {n}", row["l"])
        time = number(f"time of line {n}", row["t"]) if "t" in row else None
        if time is not None and not time >= at:
            raise ValueError(
                f"line {n} goes back in time, from {at:g} to {time:g} s: two processes wrote into one file"
            )
        at = time or at
        rows.append((returned, length) if time is None else (returned, length, time))
    if not isinstance(header, dict):
        raise ValueError("its first line is no header of a monitor")
    return header, rows


def _table(columns: Columns, paths: Sequence[Path], request: Request) -> list[Series]:
    """A table (CSV and its kin, parquet, JSON): a row per return, or a column per run; an empty cell (null, no key) is
    no return."""
    path, frame = paths[0], _frame(paths[0], columns.names)
    names, settings = list(frame.columns), settings_of(paths[0])
    step = only(path, "step", _best(columns, columns_for(path, "step", request.step, columns.steps, names)), names)
    if columns.counts and not request.scale:
        raise UsageError(f"{path} counts in {step!r}; --step-scale says how many environment steps one is")
    value, written, runs = _side_by_side(path, columns, request, names)
    seed = "seed" if "seed" in names else None
    if request.seed and request.seed.replace(".", "/") not in settings:
        (seed,) = columns_for(path, "seed", request.seed, (), names)
    by = [name for name in (seed, next((name for name in TASKS if name in names), None)) if name]
    if twice := next((name for name in (step, *runs, *by) if names.count(name) > 1), None):
        raise ValueError(f"it has two columns named {twice!r}")
    for column in runs:
        ends = [f"{column}__MIN", f"{column}__MAX"]
        if {*ends} <= {*names} and (frame[ends[0]] != frame[ends[1]]).any():
            raise ValueError(
                f"{column!r} is a mean of several runs or steps, since its __MIN and __MAX differ; export the runs "
                "ungrouped and every step"
            )
    kind = kind_of(value, request, written, _said(settings))
    numbered = ["episode"] if "episode" in names and kind != "training" else []
    series: list[Series] = []
    of_file = _stem(path).stem if columns.names else ""
    for key, rows in frame.groupby(by, sort=False) if by else [((), frame)]:
        told = dict(zip(by, key, strict=True))
        own = whole("seed", told[seed]) if seed else None
        task = next((str(told[name]) for name in by if name != seed), "")
        for column, run in runs.items():
            cells = rows[[step, column, *numbered]].itertuples(index=False, name=None)
            points, end, notes = points_of(list(cells), request, kind, columns.several)
            label = f"{column!r} by {step!r}"
            series.append(Series(own, task, kind, points, end, label, notes, run, seed_in(run or of_file)))
    return sorted(series, key=lambda one: -1 if one.seed is None else one.seed)


def _best(columns: Columns, names: list[str]) -> list[str]:
    """The best name alone, where the writer is known and names one thing twice."""
    return names[:1] if columns.marks or columns.names else names


def _returns(path: object, columns: Columns, request: Request, names: Sequence[str]) -> tuple[str, str | None]:
    """The column, tag or key of the returns, evaluations before training, and what its writer means by it."""
    evaluations = columns_for(path, "return", None, columns.evaluations, names)
    training = columns_for(path, "return", None, columns.training, names)
    if request.value:
        (name,) = columns_for(path, "return", request.value, (), names)
    else:
        wanted = training if request.kind == "training" and training else evaluations or training
        name = only(path, "return", _best(columns, wanted), names)
    if name in training:
        return name, "training"
    known = name in evaluations and (columns.kind != "unknown" or bool(columns.marks))
    return name, columns.kind if known else None


def _side_by_side(
    path: Path, columns: Columns, request: Request, names: Sequence[str]
) -> tuple[str, str | None, dict[str, str]]:
    """What is returned, what its writer means by it, and the columns that hold it with their runs' names: several
    where "rew:seed_1" or "run - eval/return" stand for a run each, and "rew" is but their mean."""
    runs: dict[str, dict[str, str]] = {}
    for name in names if columns.wide else ():
        first, apart, last = name.rpartition(columns.wide) if columns.wide == " - " else name.partition(columns.wide)
        metric, run = (last, first) if columns.wide == " - " else (first, last)
        if apart and run not in ("shaded", "std", "min", "max") and not metric.endswith(("__MIN", "__MAX")):
            runs.setdefault(metric.strip(), {})[name] = run.strip()
    exported = columns.wide == " - " and request.value not in names
    if exported and len(runs) == 1 and not request.value:
        request = request._replace(value=next(iter(runs)))
    value, written = _returns(path, columns, request, list(runs) if exported else list(names))
    return value, written, runs.get(value, {value: ""})


def _text(path: Path, most: int = LARGEST) -> str:
    """A text file's content, unpacked, without a byte order mark."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        if most == LARGEST:
            raise ValueError(f"it holds more than {LARGEST:,} bytes")
        data = data[: data.rfind(b"\n", 0, most) + 1]
    return data.decode("utf-8-sig")


def _stem(path: Path) -> Path:
    return path.with_suffix("") if path.suffix == ".gz" else path


def _frame(path: Path, names: Sequence[str] = (), head: bool = False) -> pd.DataFrame:
    """A table's cells as they stand, by its columns; names: of a table without a header; head: of parquet no rows."""
    suffix = _stem(path).suffix
    if suffix == ".parquet":
        if (count := pq.read_metadata(path).num_rows) > LARGEST // 100:  # a few bytes may unpack to any number
            raise ValueError(f"it has {count:,} rows")
        return _framed([] if head else pq.read_table(path).to_pylist(), pq.read_schema(path).names)
    if suffix in (".json", *LINES):
        return _framed(_rows(_json(path)))
    text = _text(path)
    apart = _apart(text)
    lines = csv.reader(io.StringIO(text), delimiter=apart) if apart else map(str.split, text.splitlines())
    rows = [row for row in lines if row]
    if not names:
        names, rows = [name.strip() for name in rows[0]] if rows else [], rows[1:]
    if len(names) > WIDEST:
        raise ValueError(f"it has {len(names):,} columns")
    if rows and len(rows[-1]) < len(names) and not text.endswith("\n"):
        rows.pop()  # its writer was killed
    if odd := next((row for row in rows if len(row) != len(names)), None):
        raise ValueError(f"the row {','.join(odd)[:60]!r} has {len(odd)} fields, not {len(names)}")
    return pd.DataFrame(rows, columns=list(names), dtype=object)


def _apart(text: str) -> str:
    """What stands between a table's columns, by its first line; "" for spaces."""
    line = text.lstrip().partition("\n")[0]
    apart = max((",", "\t", ";"), key=line.count)
    return apart if apart in line or " " not in line.strip() else ""


def settings_of(path: Path) -> dict[str, object]:
    """What lies beside a log of its run's settings, by their path in them; of several files all."""
    settings: dict[str, object] = {}
    for file in (file for pattern in BESIDE for file in sorted(path.parent.glob(pattern))):
        try:
            text = _text(file, 2**20)
            if file.suffix == ".yml":  # pairs, with Python's own tags
                settings |= dict(re.findall(r"^[ -]*- (\w+)\n\s*- (\S+)$", text, re.MULTILINE))
            else:
                settings |= _flat(json.loads(text))
        except (OSError, ValueError, RecursionError):
            continue  # it may be anyone's
    return settings


def beside(series: Sequence[Series], settings: Mapping[str, object], request: Request) -> list[Series]:
    """Runs with the seed and the environment that the settings beside their log tell, where it does not itself."""
    wanted = request.seed.replace(".", "/") if request.seed else None
    seeds = [value for name, value in settings.items() if name == wanted or (not wanted and _last(name) == "seed")]
    told = {str(value) for value in seeds if re.fullmatch(r"\d{1,12}", str(value))}
    tasks = {
        str(value)
        for name, value in settings.items()
        if _last(name) in TASKS and re.fullmatch(r"[A-Za-z]\w*-v\d+", str(value))
    }
    hint = whole("seed", told.pop()) if len(told) == 1 else None
    task = tasks.pop() if len(tasks) == 1 else ""
    if wanted and hint is not None:
        series = [one._replace(seed=hint) for one in series]
    return [one._replace(hint=hint if one.hint is None else one.hint, task=one.task or task) for one in series]


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _said(settings: Mapping[str, object]) -> str | None:
    """How evaluations chose their actions, if the settings say: "deterministic" or RLlib's "explore"."""
    for name, value in settings.items():
        if isinstance(value, bool) and name.endswith(("eval_deterministic", "deterministic_eval")):
            return "mean" if value else "sample"
        if isinstance(value, bool) and name.endswith("evaluation_config/explore"):
            return "sample" if value else "mean"
    return None


def _flat(value: Any, at: str = "") -> dict[str, Any]:
    """Nested names as paths: {"a": {"b": 1}} is {"a/b": 1}."""
    if not isinstance(value, Mapping):
        return {at: value}
    pairs = (_flat(inner, f"{at}/{name}" if at else str(name)) for name, inner in value.items())
    return {name: inner for pair in pairs for name, inner in pair.items()}


def _json(path: Path) -> Any:
    """A JSON file's value; of JSON lines, which are also found in files called .json, the list of them but one that its
    writer, killed, has not ended. ValueError names the line that is none."""
    text = _text(path)
    if _stem(path).suffix not in LINES:
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":
                raise
    lines, values = text.splitlines(), []
    for n, line in enumerate(lines, 1):
        try:
            values += [json.loads(line)] if line.strip() else []
        except json.JSONDecodeError as error:
            if n < len(lines) or text.endswith("\n") or not values:
                raise ValueError(f"line {n} is no JSON: {error.msg}") from None
    return values


def _rows(data: Any) -> list[dict]:
    """The rows of a table in JSON: a list of them, one alone, or columns (lists, or values by row as pandas writes)."""
    if not isinstance(data, dict) or not any(isinstance(column, list | dict) for column in data.values()):
        return data if isinstance(data, list) else [data]
    first, *others = data.values()
    if any(type(column) is not type(first) or len(column) != len(first) for column in others):
        raise ValueError("its columns are of unequal length")
    return [{name: data[name][at] for name in data} for at in (first if isinstance(first, dict) else range(len(first)))]


def _framed(rows: Sequence[Mapping], names: Sequence[str] = ()) -> pd.DataFrame:
    """Rows as a table, nested names as paths; "" where one has no value."""
    if not all(isinstance(row, Mapping) for row in rows):
        raise ValueError("its rows are no names with values")
    if any(isinstance(value, Mapping) for row in rows for value in row.values()):
        rows = [_flat(row) for row in rows]
    names = list(names or dict.fromkeys(str(name) for row in rows for name in row))
    values = [["" if row.get(name) is None else row[name] for name in names] for row in rows]
    return pd.DataFrame(values, columns=names, dtype=object)


def _tensorboard(paths: Sequence[Path], request: Request) -> list[Series]:
    """The scalars of a folder's event files: Event.step 2, .summary 5; Summary.value 1; Value.tag 1, .simple_value 2,
    .tensor 8 (tensorflow/core/framework/summary.proto and util/event.proto)."""
    scalars: dict[str, list[tuple[int, float, int]]] = {}
    for part, path in enumerate(paths):
        for event in wire.tfrecords(limited(path)):
            fields = dict(wire.fields(event))
            for _, value in wire.fields(fields.get(5, b"")):
                one = dict(wire.fields(value))
                if (scalar := _scalar(one)) is not None:
                    scalars.setdefault(one[1].decode(), []).append((fields.get(2, 0), scalar, part))
    tag, written = _returns(paths[0], GENERIC, request, list(scalars))
    kind, rows = kind_of(tag, request, written), scalars[tag]
    parts = [at for at in range(1, len(rows)) if rows[at][2] != rows[at - 1][2]]
    points, end, notes = points_of([row[:2] for row in rows], request, kind, parts=parts)
    return [Series(None, "", kind, points, end, f"{tag!r} by the event's step", notes)]


def _scalar(value: Mapping[int, Any]) -> float | None:
    """A summary's number: simple_value, or a tensor of one float32 or float64 (tensor.proto: dtype 1, tensor_content 4,
    float_val 5, double_val 6)."""
    if 2 in value:
        return struct.unpack("<f", value[2])[0]
    tensor = dict(wire.fields(value.get(8, b"")))
    form = {1: "<f", 2: "<d"}.get(tensor.get(1, 0), "")
    data = tensor.get(4) or tensor.get(5) or tensor.get(6) or b""
    return struct.unpack(form, data)[0] if form and len(data) == struct.calcsize(form) else None


def limited(path: Path) -> bytes:
    """A file's bytes; ValueError if they are more than a log may hold."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it holds more than {LARGEST:,} bytes")
    return path.read_bytes()


def _wandb(paths: Sequence[Path], request: Request) -> list[Series]:
    """A W&B run on disk, in a folder for each time it was resumed: Record.history 2, .config 5, .run 17 (its config 4),
    items' key 1, nested_key 2, value_json 16 (wandb/proto/wandb_internal.proto)."""

    def items(message: bytes) -> dict[str, object]:
        values = {}
        for _, item in (field for field in wire.fields(message) if field[0] == 1):
            parts = list(wire.fields(item))
            key = "/".join(value.decode() for number, value in parts if number in (1, 2))
            values[key] = json.loads(dict(parts).get(16, b"null"))
        return values

    config: dict[str, Any] = {}
    rows: list[dict] = []
    begins = []
    for path in paths:
        begins.append(len(rows))
        for record in wire.leveldb(limited(path)):
            for field, message in wire.fields(record):
                if field == 17:
                    config |= items(dict(wire.fields(message)).get(4, b""))
                elif field == 5:
                    config |= items(message)
                elif field == 2:
                    rows.append(items(message))
    return [_tracked(paths[0], config, rows, sorted({key for row in rows for key in row}), request, begins[1:])]


def online(path: str, request: Request) -> list[Series]:
    """A W&B run on its server, every row of it: `history` would give a random sample of 500."""
    try:
        import wandb
    except ImportError:
        raise UsageError(f"{path} needs wandb, which is not installed here: pip install wandb") from None
    try:
        run = wandb.Api().run(path.removeprefix(ONLINE))
        names = list(run.summary.keys())
        step = only(path, "step", columns_for(path, "step", request.step, GENERIC.steps, names), names)
        keys = [step, _returns(path, GENERIC, request, names)[0]]
        series = _tracked(path, dict(run.config), run.scan_history(keys=keys), keys, request)
    except wandb.errors.Error as error:
        why = f"{path} cannot be read ({' '.join(str(error).split()).rstrip('.')})"
        raise UsageError(f"{why}; WANDB_API_KEY must hold the key of an account that may read it") from None
    sha256 = hashlib.sha256(repr(series.points).encode()).hexdigest()
    return [series._replace(source=path, sha256=sha256, format="wandb", file=path)]


def _tracked(
    path: object,
    config: Mapping,
    rows: Iterable[Mapping],
    keys: Sequence[str],
    request: Request,
    begins: Sequence[int] = (),
) -> Series:
    """A W&B run's rows as a series; seed and task by openrlbenchmark's names. begins: rows at which files do."""
    step = only(path, "step", columns_for(path, "step", request.step, GENERIC.steps, keys), keys)
    value, written = _returns(path, GENERIC, request, keys)
    kind, settings = kind_of(value, request, written), _flat(config)
    pairs = [(row.get(step), row.get(value)) for row in rows]
    points, end, notes = points_of(pairs, request, kind, parts=begins)
    seed = settings.get(request.seed.replace(".", "/") if request.seed else "seed")
    if request.seed and seed is None:
        columns_for(path, "seed", request.seed, (), settings)
    task = next((settings[name] for name in TASKS if isinstance(settings.get(name), str)), "")
    own = None if seed is None else whole("seed", seed)
    return Series(own, task, kind, points, end, f"{value!r} by {step!r}", notes)


def _rliable(paths: Sequence[Path], request: Request) -> list[Series]:
    """rliable's scores: algorithm -> array [runs, tasks] (at the end) or [runs, tasks, frames]; NumPy or JSON."""
    path = paths[0]
    if path.suffix == ".json":
        arrays = json.loads(_text(path))
    else:
        file = _arrays(path)
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
            read = f"run {i} of {name}"
            series.append(Series(i, task, kind_of("scores", request), points, max(steps), read))
    return series


class Format(NamedTuple):
    read: Callable[[Sequence[Path], Request], list[Series]]
    patterns: tuple[str, ...] = ()  # of the names its writer gives, the better first
    options: tuple[str, ...] = ()  # of Request, that its reader has a use for


OF_TABLES = ("step", "value", "seed", "scale")
FORMATS = {
    "sb3-evaluations": Format(_evaluations, ("evaluations.npz",)),
    **{
        name: Format(functools.partial(_table, columns), columns.patterns, OF_TABLES)
        for name, columns in COLUMNS.items()
    },
    "wandb": Format(_wandb, ("*.wandb",), OF_TABLES),
    "sb3-monitor": Format(_monitor, ("*monitor.csv",)),
    "tensorboard": Format(_tensorboard, ("*tfevents*",), ("value", "scale")),
    "rliable": Format(_rliable, (), ("algorithm", "frames")),
}
"""Of a folder's logs of one run, those of an earlier format are read and the others left."""


def format_of(path: Path) -> str:
    """What a file is by its name, and where that leaves a doubt by its content; UsageError if it is none of FORMATS."""
    bare = _stem(path)
    for name in ("sb3-evaluations", "wandb", "sb3-monitor", "tensorboard"):
        if any(fnmatch.fnmatch(bare.name, pattern) for pattern in FORMATS[name].patterns):
            return name
    if bare.suffix == ".npy":
        return "rliable"
    if bare.suffix == ".npz":
        with _arrays(path) as file:
            return "sb3-evaluations" if {"timesteps", "results"} <= set(file.files) else "rliable"
    if bare.suffix == ".json":
        data = _json(path)
        arrays = list(data.values()) if isinstance(data, dict) else []
        if arrays and all(isinstance(rows, list) and rows and isinstance(rows[0], list) for rows in arrays):
            return "rliable"
    if bare.suffix == ".txt" and fnmatch.fnmatch(bare.name, "[0-9]*.txt"):
        return "jaxrl"
    if bare.suffix in (".csv", ".tsv", ".txt", ".parquet", ".json", *LINES):
        names = _header(path)
        if {"r", "l", "t"} <= set(names) or any(name.startswith("#{") for name in names):
            return "sb3-monitor"
        for name, columns in COLUMNS.items():
            if set(columns.marks) & set(names) and set(columns.steps) & set(names):
                return name
        if any(" - " in name for name in names):
            return "wandb-export"
        if bare.suffix != ".txt":
            return "table"
    raise UsageError(f"{path} is of no known kind; say which with --format ({', '.join(FORMATS)})")


def _header(path: Path) -> list[str]:
    """The names of a table's columns."""
    if _stem(path).suffix in (".json", *LINES, ".parquet"):
        return list(_frame(path, head=True).columns)
    first = _text(path, 2**16).lstrip().partition("\n")[0].strip()
    if first.startswith("#{"):
        return [first]
    apart = _apart(first)
    return [name.strip() for name in (next(csv.reader([first], delimiter=apart), []) if apart else first.split())]

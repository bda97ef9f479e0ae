"""Records: one self-describing parquet file per seed, its final arrays beside it, written atomically as the last act.

The file's rows are told apart by `kind`: evaluation episodes ("mean" or "sample", after the action that was played),
one "diagnostic" row per evaluation, and the "final" episodes, which repeat the last evaluation's and go on. What the
run was, a RunRecord, stands as JSON in the schema's metadata: `_to_json` writes it and `_from_json` reads it, that of
every schema version there has been.
"""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from suite.files import atomic, fits, hints
from suite.lab.usage import NOT_MEASURED, Usage
from suite.sac import identity, numerics
from suite.sac.contract import Origin
from suite.sac.numerics import Numerics, PartNumerics
from suite.sac.schedule import Schedule
from suite.sac.specs import Spec
from suite.sac.status import STATUSES, KindOfReturn, Status

SCHEMA_VERSION = 3
READABLE = (1, 2, 3)
"""Schema 1 had no numerics (a code_id stood for them), no kind of return, and no device in an attempt. Of schema 2, the
digests of arrays and rows came later: what lacks one is read as it is. It had no final episodes. Of schema 3, what
training took came later."""

DIAGNOSTICS = {
    "q_bias": "mean over evaluation episodes of min_i Q_i at the first step minus the discounted, reward-scaled return "
    "then obtained (Q is soft: it includes the entropy bonus)",
    "entropy": "nats, of the action in [-1, 1], mean over a replay batch",
    "alpha": "temperature",
    "tanh_saturation": "share of the policy's actions beyond +-0.99 on a replay batch",
    "actor_grad_norm": "Euclidean norm over all weights, on a replay batch",
    "critic_grad_norm": "Euclidean norm over all critics' weights, on a replay batch",
    "critic_loss": "sum over critics, on a replay batch",
    "actor_loss": "on a replay batch",
    "updates": "gradient updates done",
}
"""What each diagnostic column holds, with its unit."""

IMPORTED = "imported"
"""What stands for the device and the platform of a run that was not trained here."""

KINDS = ("mean", "sample", "diagnostic", "final")
"""Of rows."""

SCHEMA = pa.schema(
    [
        pa.field("env_step", pa.int64(), metadata={"unit": "environment steps of training"}),
        pa.field("kind", pa.string(), metadata={"values": "mean | sample | final: an episode; diagnostic"}),
        pa.field("episode", pa.int32(), metadata={"unit": "number within the evaluation, from 0"}),
        pa.field("return", pa.float64(), metadata={"unit": "sum of rewards as the environment gives them"}),
        pa.field("length", pa.int32(), metadata={"unit": "environment steps"}),
        *(pa.field(name, pa.float64(), metadata={"unit": text}) for name, text in DIAGNOSTICS.items()),
    ]
)


class Evaluations(NamedTuple):
    """When and how long a run was evaluated; first: the environment step of the first one, if not `every`; final: the
    episodes at the budget, where these are more."""

    every: int
    episodes: int
    first: int | None = None
    final: int | None = None


class Attempt(NamedTuple):
    """A process that trained a run, from an environment step on."""

    from_env_step: int
    started: str  # ISO 8601, UTC
    device: str = ""
    commit: str = ""  # of the suite's checkout, "+" behind it where its sources had changes; "" where nobody knows it


class Pace(NamedTuple):
    """How long a run had taken when it was evaluated, all its attempts together."""

    env_step: int
    wall_time_s: float


class Imported(NamedTuple):
    """Where a run that was not trained here comes from; claimed: what its importer said, not its log."""

    format: str
    kind: str  # mean, sample: evaluations, by the action; training: episodes of training
    step_offset: int
    file: str
    sha256: str
    claimed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What is known of a run before its first step."""

    task: str
    implementation: str
    run_id: str
    seed: int
    env_steps: int  # the budget
    spec: Spec
    schedule: Schedule
    evaluation: Evaluations
    kind_of_return: KindOfReturn
    origin: Origin
    imported: Imported | None = None
    block: tuple[int, ...]  # the seeds that were trained side by side
    numerics: Numerics | None  # None: of a record of schema 1 by code that nobody knows; imported runs have none at all
    code_id: str  # the numerics' fingerprint; of an imported run, its log's digest
    versions: dict[str, str]  # of packages
    device: str
    platform: str


@dataclass(frozen=True, kw_only=True)
class RunEnd:
    """What became of a run."""

    status: Status
    last_env_step: int
    stopped_at: int | None  # the environment step at which it ended early
    message: str
    updates: int
    wall_time_s: float
    attempts: tuple[Attempt, ...]
    ended: str  # ISO 8601, UTC
    usage: Usage = NOT_MEASURED
    pace: tuple[Pace, ...] = ()  # none in records that are older than it, nor of imported runs


@dataclass(frozen=True, kw_only=True)
class RunRecord(Provenance, RunEnd):
    """All that a record says of its run; params_digest: None where it is older than digests.

    arrays: whether the final arrays lie beside it; a record that is passed on without them says "not kept".
    """

    params_digest: str | None = None
    arrays: Literal["kept", "not kept"] = "kept"


class Record(NamedTuple):
    """A record file as read: what the run was, and rows as a table of SCHEMA."""

    meta: RunRecord
    rows: pa.Table

    @property
    def episodes(self) -> pa.Table:
        keep = pc.is_in(self.rows["kind"], pa.array(["mean", "sample"]))
        return self.rows.filter(keep).select(["env_step", "kind", "episode", "return", "length"])

    @property
    def final_returns(self) -> np.ndarray:
        """The returns of the final episodes at the budget, in their order; none where there were no more than usual."""
        at_the_end = pc.equal(self.rows["env_step"], self.meta.env_steps)
        keep = pc.and_(pc.equal(self.rows["kind"], "final"), at_the_end)
        return self.rows.filter(keep).sort_by("episode")["return"].to_numpy()

    @property
    def diagnostics(self) -> pa.Table:
        keep = pc.equal(self.rows["kind"], "diagnostic")
        return self.rows.filter(keep).select(["env_step", *DIAGNOSTICS])


class RecordError(ValueError):
    """A file that is no record of this suite; the message says which and why."""


class Recorder:
    """One seed's evaluations as they come, and its end as a file at `path`; without provenance it has no end."""

    def __init__(self, path: Path, provenance: Provenance | None = None):
        self.path, self.provenance = Path(path), provenance
        self.rows: list[dict] = []

    def episode(self, env_step: int, kind: str, episode: int, value: float, length: int | None) -> None:
        """One evaluation episode's return and length."""
        row = {"env_step": env_step, "kind": kind, "episode": episode, "return": value, "length": length}
        self.rows.append(row)

    def diagnostic(self, env_step: int, values: dict[str, float]) -> None:
        """One evaluation's diagnostics."""
        self.rows.append({"env_step": env_step, "kind": "diagnostic", **values})

    def finish(self, end: RunEnd, arrays: dict[str, Any], rows: pa.Table | None = None) -> None:
        """Writes the arrays, then the record. Either file is there whole or not at all. rows: instead of its own."""
        assert self.provenance is not None, "a recorder without provenance cannot be finished"
        with atomic(arrays_path(self.path)) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
        record = RunRecord(**vars(self.provenance), **vars(end), params_digest=digest(arrays))
        write(self.path, record, self.rows if rows is None else rows)


def write(path: Path, record: RunRecord, rows: list[dict] | pa.Table) -> None:
    """Writes a record file: the one writer of them; rows: dicts, or a table of SCHEMA."""
    assert record.status in STATUSES, record.status
    table = rows if isinstance(rows, pa.Table) else _table(rows)
    data = _to_json(record) | {"rows_digest": rows_digest(table)}
    with atomic(path) as temporary:
        described = table.replace_schema_metadata({"suite": json.dumps(data, sort_keys=True)})
        pq.write_table(described, temporary, write_page_checksum=True)


def _table(rows: list[dict]) -> pa.Table:
    return pa.Table.from_arrays([_column(field, rows) for field in SCHEMA], schema=SCHEMA)


def _column(field: pa.Field, rows: list[dict]) -> pa.Array:
    """A column of the rows, made of its buffers: where pyarrow is given a list, it imports pandas to look at it."""
    values: list[Any] = [row.get(field.name) for row in rows]
    if field.type == pa.string():  # the kind, which no row lacks
        ends, text = np.cumsum([0, *map(len, values)], dtype=np.int32), "".join(values).encode()
        return pa.Array.from_buffers(field.type, len(rows), [None, pa.py_buffer(ends), pa.py_buffer(text)])
    known = np.packbits(np.array([value is not None for value in values], bool), bitorder="little")
    numbers = np.array([0 if value is None else value for value in values], field.type.to_pandas_dtype())
    return pa.Array.from_buffers(field.type, len(rows), [pa.py_buffer(known), pa.py_buffer(numbers)])


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Sixteen hex digits of the arrays' names, shapes and bytes, whatever their order; nothing where there are none."""
    digested = hashlib.sha256()
    for name in sorted(arrays):
        digested.update(f"{name}:{np.shape(arrays[name])}:".encode())
        digested.update(np.asarray(arrays[name]).tobytes())
    return digested.hexdigest()[:16] if arrays else ""


def rows_digest(rows: pa.Table) -> str:
    """The same of a record's rows: every value of every column of SCHEMA, and where there is none."""
    columns = {name: rows[name] for name in SCHEMA.names}
    kinds = _column(SCHEMA.field("kind"), [{"kind": kind} for kind in KINDS])
    columns["kind"] = pc.index_in(rows["kind"], kinds)
    there = {name: _values(column.is_valid().cast(pa.uint8())) for name, column in columns.items()}
    values = {name: np.where(there[name], _values(column), 0) for name, column in columns.items()}
    return digest({f"{name} there": known for name, known in there.items()} | values)


def _values(column: pa.ChunkedArray) -> np.ndarray:
    """A column as it lies in its buffer, whatever stands where there is none: pyarrow's own way imports pandas."""
    whole = column.combine_chunks()
    stored = np.frombuffer(whole.buffers()[1] or b"", column.type.to_pandas_dtype())
    return stored[whole.offset : whole.offset + len(whole)]


def params_digest(path: Path, record: RunRecord) -> str:
    """The digest of the final arrays of the record at `path`: of the arrays themselves, where they are kept.

    RecordError if these cannot be read, or are others than those of which the record tells.
    """
    if record.arrays == "not kept":
        return record.params_digest or ""
    try:
        with np.load(arrays_path(path)) as file:
            found = digest(file)
    except Exception as error:  # numpy, zipfile, zlib and tokenize each have their own for a damaged file
        raise RecordError(f"{arrays_path(path)} cannot be read ({type(error).__name__})") from error
    if record.params_digest not in (None, found):
        raise RecordError(f"{arrays_path(path)} holds other arrays than those its run ended with")
    return found


def arrays_path(path: Path) -> Path:
    """Where the final actor and critic arrays of the record at `path` lie."""
    return Path(path).with_suffix(".npz")


def move(path: Path, target: Path) -> None:
    """Moves the record at `path` with its arrays to `target`, in the same file system; the record last, so that who was
    killed in between can go on."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if arrays_path(path).exists():
        arrays_path(path).replace(arrays_path(target))
    path.replace(target)


def read(path: Path) -> Record:
    """The record at `path`; RecordError if it is none, or its rows are not those that were written."""
    table = _opened(_rows, path)
    meta = _described(path, table.schema)
    reason, written = _damage(table), _metadata(path, table.schema).get("rows_digest")
    if not reason and written not in (None, rows_digest(table)):
        reason = "they are not those that its run left"
    if reason:
        raise RecordError(f"the rows of {path} are damaged: {reason}")
    return Record(meta, table)


def read_meta(path: Path) -> RunRecord:
    """What the record at `path` says of its run, without its rows: cheap."""
    return _described(path, _opened(pq.read_schema, path))


def read_schema_version(path: Path) -> object:
    """The schema version of the record at `path`, whether this suite reads it or not."""
    return _metadata(path, _opened(pq.read_schema, path)).get("schema_version")


def _rows(path: Path) -> pa.Table:
    """A file's table; a dataset's reader would add what the folders of its path look like as columns."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read()


def _opened(opener: Callable[[Path], Any], path: Path) -> Any:
    try:
        return opener(path)
    except (OSError, ValueError, MemoryError, pa.ArrowException) as error:
        raise RecordError(f"{path} is no record of this suite ({type(error).__name__})") from error


def _damage(rows: pa.Table) -> str:
    """What is wrong with a record's rows, in words; "" if nothing is."""
    if not rows.schema.equals(SCHEMA):
        return "their columns are not those of a record"
    diagnostic = pc.equal(rows["kind"], "diagnostic")
    of_episodes = rows.filter(pc.invert(diagnostic))
    for column, values, least in (
        ("env_step", rows["env_step"], 1),
        ("episode", of_episodes["episode"], 0),
        ("length", of_episodes["length"].drop_null(), 1),
    ):
        if values.null_count or (len(values) and pc.min(values).as_py() < least):
            return f"a value of {column} is below {least}, or there is none"
    if not pc.all(pc.is_in(rows["kind"], pa.array(KINDS)), min_count=0).as_py():
        return f"a kind is none of {', '.join(KINDS)}"
    final = pc.equal(of_episodes["kind"], "final")
    usual, further = of_episodes.filter(pc.invert(final)), of_episodes.filter(final)
    for part, key in (
        (usual, ["env_step", "episode"]), (further, ["env_step", "episode"]), (rows.filter(diagnostic), ["env_step"]),
    ):  # fmt: skip
        if part.group_by(key).aggregate([]).num_rows < len(part):
            return f"two of them stand for the same {' and '.join(key)}"
    return ""


def _metadata(path: Path, schema: pa.Schema) -> dict:
    """A record's metadata as JSON has it."""
    try:
        data = json.loads(schema.metadata[b"suite"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise RecordError(f"{path} is no record of this suite ({type(error).__name__})") from error
    if not isinstance(data, dict):
        raise RecordError(f"{path} is no record of this suite ({type(data).__name__})")
    return data


def _described(path: Path, schema: pa.Schema) -> RunRecord:
    """The run's description in a file's metadata."""
    data = _metadata(path, schema)
    version = data.get("schema_version")
    if version not in READABLE:
        readable = f"{', '.join(map(str, READABLE[:-1]))} and {READABLE[-1]}"
        version = textwrap.shorten(str(version), 40)
        raise RecordError(f"{path} has schema version {version}, this suite reads {readable}")
    try:
        record = _from_json(data, version)
    except Exception as error:  # whatever rubbish makes Python raise, the record is none
        what = textwrap.shorten(f"{type(error).__name__}: {error}", 200)
        raise RecordError(f"{path} is no complete record ({what})") from error
    for name, kind in hints(RunRecord).items():
        if not fits(getattr(record, name), kind):
            what = textwrap.shorten(repr(getattr(record, name)), 80)
            raise RecordError(f"{path} is no complete record ({name} is {what})")
    return record


# --- metadata as JSON

_PLAIN = (
    *("task", "implementation", "run_id", "seed", "env_steps", "kind_of_return"),
    *("code_id", "versions", "device", "platform"),
    *("status", "last_env_step", "stopped_at", "message", "updates", "wall_time_s", "ended"),
)
"""Fields of a RunRecord that are JSON as they stand."""


def _to_json(record: RunRecord) -> dict:
    """A run's description as this schema version has it."""
    evaluation = {name: value for name, value in record.evaluation._asdict().items() if value is not None}
    origin: dict[str, object] = record.origin._asdict()
    if record.imported:
        imported = record.imported._asdict()
        file = {"name": imported.pop("file"), "sha256": imported.pop("sha256")}
        origin["imported"] = imported | {"files": [file]}
    return {name: getattr(record, name) for name in _PLAIN} | {
        "schema_version": SCHEMA_VERSION,
        "spec": identity.to_plain(record.spec),
        "schedule": identity.to_plain(record.schedule),
        "evaluation": evaluation,
        "origin": origin,
        "block": list(record.block),
        "numerics": {part: one._asdict() for part, one in (record.numerics or {}).items()},
        "attempts": [attempt._asdict() for attempt in record.attempts],
        "usage": record.usage._asdict(),
        "pace": [list(one) for one in record.pace],
        "params_digest": record.params_digest,
        "arrays": record.arrays,
    }


def _from_json(data: dict, version: int) -> RunRecord:
    """A run's description of any schema version."""
    data = _upgraded(data) if version == 1 else data
    parts, imported = data["numerics"], _imported(data["origin"].get("imported"))
    return RunRecord(
        **{name: data[name] for name in _PLAIN},
        spec=identity.spec_from_plain(data["spec"]),
        schedule=identity.from_plain(Schedule, data["schedule"]),
        evaluation=Evaluations(**data["evaluation"]),
        origin=Origin(**{name: value for name, value in data["origin"].items() if name in Origin._fields}),
        imported=imported,
        block=tuple(data["block"]),
        numerics=None if parts is None else {part: PartNumerics(**one) for part, one in parts.items()},
        attempts=tuple(Attempt(**attempt) for attempt in data["attempts"]),
        usage=Usage(**data.get("usage", {})),
        pace=tuple(Pace(*one) for one in data.get("pace", ())),
        params_digest=data.get("params_digest"),
        arrays=data.get("arrays", "kept"),
    )


def _imported(data: dict | None) -> Imported | None:
    if data is None:
        return None
    (file,), claimed = data["files"], tuple(data["claimed"])
    return Imported(data["format"], data["kind"], data["step_offset"], file["name"], file["sha256"], claimed)


def _upgraded(data: dict) -> dict:
    """Metadata of schema 1, where an ablation and its arm were one text, and a code_id stood for numerics."""
    origin = data["origin"]
    ablation, slash, arm = origin.get("variant", "").partition("/")
    named = {"ablation": ablation, "arm": arm} if slash else {}
    known: Numerics | None = {}
    if imported := origin.get("imported"):
        kind = kind_of_import(imported["kind"])
    else:
        known = numerics.of_code_id(data["code_id"])
        kind = kind_of_schedule(data["schedule"].get("evaluation_action", ""))  # without one it is no Schedule anyway
    parts = None if known is None else {part: one._asdict() for part, one in known.items()}
    return data | {"origin": origin | named, "numerics": parts, "kind_of_return": kind}


def kind_of_schedule(evaluation_action: str) -> KindOfReturn:
    """What the returns of a run are returns of, by the action that its evaluations play."""
    return "sampled" if evaluation_action == "sample" else "deterministic"


def kind_of_import(kind: str) -> KindOfReturn:
    """The same of an imported log, by what its importer says it holds."""
    kinds: dict[str, KindOfReturn] = {"mean": "deterministic", "sample": "sampled", "training": "training"}
    return kinds.get(kind, "unknown")

"""Records: one self-describing parquet file per seed, its final arrays beside it, written atomically as the last act.

The file's rows are of two kinds, told apart by `kind`: evaluation episodes ("mean" or "sample", after the action that
was played) and one "diagnostic" row per evaluation. What the run was stands as JSON in the schema's metadata.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from suite.files import atomic
from suite.sac.status import STATUSES

SCHEMA_VERSION = 1


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


SCHEMA = pa.schema(
    [
        pa.field("env_step", pa.int64(), metadata={"unit": "environment steps of training"}),
        pa.field("kind", pa.string(), metadata={"values": "mean | sample: an episode; diagnostic"}),
        pa.field("episode", pa.int32(), metadata={"unit": "number within the evaluation, from 0"}),
        pa.field("return", pa.float64(), metadata={"unit": "sum of rewards as the environment gives them"}),
        pa.field("length", pa.int32(), metadata={"unit": "environment steps"}),
        *(pa.field(name, pa.float64(), metadata={"unit": text}) for name, text in DIAGNOSTICS.items()),
    ]
)


class Record(NamedTuple):
    """A record file as read: metadata, and rows as a table of SCHEMA."""

    meta: dict
    rows: pa.Table

    @property
    def episodes(self) -> pa.Table:
        keep = pa.compute.not_equal(self.rows["kind"], "diagnostic")
        return self.rows.filter(keep).select(["env_step", "kind", "episode", "return", "length"])

    @property
    def diagnostics(self) -> pa.Table:
        keep = pa.compute.equal(self.rows["kind"], "diagnostic")
        return self.rows.filter(keep).select(["env_step", *DIAGNOSTICS])


class RecordError(ValueError):
    """A file that is no record of this suite; the message says which and why."""


class Recorder:
    """One seed's evaluations as they come, and its end as a file at `path`."""

    def __init__(self, path: Path, meta: dict):
        self.path, self.meta = Path(path), meta
        self.rows: list[dict] = []

    def episode(self, env_step: int, kind: str, episode: int, value: float, length: int) -> None:
        """One evaluation episode's return and length."""
        row = {"env_step": env_step, "kind": kind, "episode": episode, "return": value, "length": length}
        self.rows.append(row)

    def diagnostic(self, env_step: int, values: dict[str, float]) -> None:
        """One evaluation's diagnostics."""
        self.rows.append({"env_step": env_step, "kind": "diagnostic", **values})

    def finish(self, status: str, arrays: dict[str, np.ndarray], **end: object) -> None:
        """Writes the arrays, then the record; `end` joins the metadata. Either file is there whole or not at all."""
        assert status in STATUSES, status
        with atomic(arrays_path(self.path)) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
        meta = {"schema_version": SCHEMA_VERSION, **self.meta, "status": status, "params_digest": digest(arrays), **end}
        table = pa.Table.from_pylist(self.rows, schema=SCHEMA)
        table = table.replace_schema_metadata({"suite": json.dumps(meta, sort_keys=True)})
        with atomic(self.path) as temporary:
            pq.write_table(table, temporary)


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Sixteen hex digits of the arrays' names, shapes and bytes, whatever their order; nothing where there are none."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(f"{name}:{np.shape(arrays[name])}:".encode())
        found.update(np.asarray(arrays[name]).tobytes())
    return found.hexdigest()[:16] if arrays else ""


def params_digest(path: Path, meta: dict) -> str:
    """The digest of the final arrays of the record at `path`, from the arrays where its metadata is older than digests.

    RecordError if these cannot be read.
    """
    if "params_digest" in meta:
        return meta["params_digest"]
    try:
        with np.load(arrays_path(path)) as file:
            return digest(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RecordError(f"{arrays_path(path)} cannot be read ({type(error).__name__})") from error


def arrays_path(path: Path) -> Path:
    """Where the final actor and critic arrays of the record at `path` lie."""
    return Path(path).with_suffix(".npz")


def read(path: Path) -> Record:
    """The record at `path`; RecordError if it is none."""
    try:
        table = pq.read_table(path)
        meta = json.loads(table.schema.metadata[b"suite"])
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, json.JSONDecodeError) as error:
        raise RecordError(f"{path} is no record of this suite ({type(error).__name__})") from error
    if meta.get("schema_version") != SCHEMA_VERSION:
        raise RecordError(f"{path} has schema version {meta.get('schema_version')}, this suite reads {SCHEMA_VERSION}")
    return Record(meta, table)


def read_meta(path: Path) -> dict:
    """The metadata alone: cheap."""
    try:
        return json.loads(pq.read_schema(path).metadata[b"suite"])
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, json.JSONDecodeError) as error:
        raise RecordError(f"{path} is no record of this suite ({type(error).__name__})") from error

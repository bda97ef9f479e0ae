"""Records: what is written is read back, in this schema and in the first; what is none is one sentence."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from builders.runs import ROOT, SHORT, SMALL

from suite.lab import records
from suite.lab.records import Attempt, Evaluations, Imported, Pace, RunRecord
from suite.sac.contract import Origin
from suite.sac.numerics import PartNumerics

SCHEMA_1 = sorted((ROOT / "tests/fixtures/records_schema_1").rglob("*.parquet"))
RECORD = RunRecord(
    task="Pendulum-v1",
    implementation="torch",
    run_id="0123456789",
    seed=3,
    env_steps=200,
    spec=SMALL,
    schedule=SHORT,
    evaluation=Evaluations(100, 2),
    kind_of_return="deterministic",
    origin=Origin("study", "sac_v2_small", "critics", "twin", "abc"),
    block=(3, 4),
    numerics={"loop": PartNumerics(1, "abcdef0123")},
    code_id="c0de",
    versions={"numpy": "2.4.6"},
    device="cpu: abacus",
    platform="Linux",
    status="finished",
    last_env_step=200,
    stopped_at=None,
    message="",
    updates=161,
    wall_time_s=1.5,
    attempts=(Attempt(0, "then", "cpu: abacus"),),
    ended="now",
    pace=(Pace(100, 0.5), Pace(200, 1.5)),
    params_digest="0" * 16,
)
IMPORTED = Imported("table", "training", 10, "log.csv", "0" * 64, ("preset",))


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        replace(RECORD, imported=IMPORTED, numerics={}, kind_of_return="training"),
        replace(RECORD, status="interrupted", stopped_at=90, evaluation=Evaluations(100, 2, 300), params_digest=None),
    ],
    ids=["finished", "imported", "interrupted"],
)
def test_what_is_written_is_read_back(tmp_path, record):
    records.write(tmp_path / "s3.parquet", record, [])
    assert records.read(tmp_path / "s3.parquet").meta == records.read_meta(tmp_path / "s3.parquet") == record


@pytest.mark.parametrize("path", SCHEMA_1, ids=lambda path: path.parts[-3])
def test_schema_1_is_read_for_ever(path):
    record = records.read(path)
    meta = record.meta
    assert meta.status == "finished" and meta.kind_of_return == "deterministic" and meta.imported is None
    assert set(meta.numerics.values()) == {PartNumerics(1, "")} and f"engine.{meta.implementation}" in meta.numerics
    assert meta.origin.variant == {"jax": "value_net/with_v", "torch": "sac_v2_small"}[meta.implementation]
    assert meta.origin.preset == "sac_v2_small" and meta.attempts[0].device == ""
    assert record.episodes.num_rows == 80 and record.diagnostics.num_rows == 8


def altered(tmp_path, **changes):
    """A record of schema 1 with other metadata (None: without that key)."""
    table = pq.read_table(SCHEMA_1[0])
    meta = json.loads(table.schema.metadata[b"suite"]) | changes
    meta = {key: value for key, value in meta.items() if key not in changes or value is not None}
    pq.write_table(table.replace_schema_metadata({"suite": json.dumps(meta)}), tmp_path / "s1.parquet")
    return tmp_path / "s1.parquet"


def test_schema_1_told_kinds_of_return_otherwise(tmp_path):
    plain = json.loads(pq.read_schema(SCHEMA_1[0]).metadata[b"suite"])
    sampled = plain["schedule"] | {"evaluation_action": "sample"}
    assert records.read_meta(altered(tmp_path, schedule=sampled)).kind_of_return == "sampled"
    log = {"format": "table", "kind": "training", "step_offset": 0, "claimed": []}
    log |= {"files": [{"name": "log.csv", "sha256": "0" * 64}]}
    meta = records.read_meta(altered(tmp_path, origin=plain["origin"] | {"imported": log}))
    assert meta.kind_of_return == "training" and meta.numerics == {} and meta.imported.file == "log.csv"


def test_code_of_schema_1_that_nobody_knows_has_no_numerics(tmp_path):
    assert records.read_meta(altered(tmp_path, code_id="0123456789")).numerics is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": 4}, "schema version 4, this suite reads 1, 2 and 3"),
        ({"spec": None}, "is no complete record .KeyError"),
        ({"seed": None}, "is no complete record .KeyError"),
        ({"schedule": {}}, "is no complete record .TypeError"),
    ],
)
def test_what_is_no_record_is_one_sentence(tmp_path, changes, words):
    path = altered(tmp_path, **changes)
    for read in (records.read, records.read_meta):
        with pytest.raises(records.RecordError, match=words):
            read(path)
    path.write_bytes(b"torn")
    with pytest.raises(records.RecordError, match="is no record of this suite"):
        records.read_meta(path)

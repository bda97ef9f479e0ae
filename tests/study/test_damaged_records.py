"""Damaged records, tables and progress: that run is invalid with its path and reason, and the study goes on."""

from __future__ import annotations

import json
import random
import shutil
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders.runs import called
from builders.written_study import written_study

from suite.lab import records
from suite.lab.progress import Progress
from suite.lab.progress import read as read_progress
from suite.study import gather as gathering
from suite.study.plan import Plan


@pytest.fixture(scope="module")
def healthy(tmp_path_factory) -> Path:
    """A folder with a study of three finished runs, whose records were written and not trained."""
    folder = tmp_path_factory.mktemp("healthy")
    written_study(folder)
    return folder


@pytest.fixture
def study(healthy, tmp_path) -> Path:
    """A copy of it that a test may damage."""
    for name in ("results", "study.yaml"):
        (shutil.copytree if (healthy / name).is_dir() else shutil.copy)(healthy / name, tmp_path / name)
    text = (tmp_path / "study.yaml").read_text().replace(str(healthy), str(tmp_path))
    (tmp_path / "study.yaml").write_text(text)
    return tmp_path


def outcomes(folder: Path) -> list[tuple[str, str]]:
    """Status and message of each run as gathered, checked as the tables promise."""
    plan = Plan(folder / "study.yaml")
    runs = gathering.checked(gathering.gather(plan))["runs"].sort_values("seed")
    return list(zip(runs["status"], runs["message"], strict=True))


def record_of(folder: Path) -> Path:
    return sorted((folder / "results/runs").rglob("s0-*.parquet"))[0]


def rewritten(path: Path, change_rows=None, drop_digest=False, **changes: object) -> None:
    """The record with other rows or metadata, its digest as it was unless it is dropped, as in an older record."""
    table = pq.read_table(path)
    data = json.loads(table.schema.metadata[b"suite"]) | changes
    if drop_digest:
        del data["rows_digest"]
    if change_rows:
        table = pa.Table.from_pylist(change_rows(table.to_pylist()), schema=records.SCHEMA)
    pq.write_table(table.replace_schema_metadata({"suite": json.dumps(data)}), path)


def edited(at: int, **values: object):
    return lambda rows: [row | values if i == at else row for i, row in enumerate(rows)]


DEEP = json.loads("[" * 300 + "]" * 300)
METADATA = {
    **{"schedule": None, "status": "x", "seed": "0", "wall_time_s": [], "message": 5, "versions": [], "block": 3},
    **{"origin": DEEP, "evaluation": {"every": "a", "episodes": 2}, "spec": {"discount": []}, "attempts": [{}]},
    **{"updates": 10**30, "last_env_step": -1, "numerics": {"loop": 3}, "kind_of_return": "fine", "params_digest": 1},
    **{"schema_version": [], "arrays": "lost", "stopped_at": 10**6, "code_id": None},
}


@pytest.mark.parametrize("name", METADATA)
def test_rubbish_in_the_metadata_makes_that_run_invalid(study, name):
    rewritten(record_of(study), **{name: METADATA[name]})
    (status, message), *others = outcomes(study)
    assert status == "invalid" and str(record_of(study)) in message and len(message) < 600
    assert others == [("finished", "")] * 2


@pytest.mark.parametrize("text", ["[]", "{}", "null", "[" * 100_000, "\udcff", '{"schema_version": 2}'])
def test_metadata_that_describes_nothing_makes_that_run_invalid(study, text):
    path = record_of(study)
    described = pq.read_table(path).replace_schema_metadata({"suite": text.encode(errors="surrogateescape")})
    pq.write_table(described, path)
    assert [status for status, _ in outcomes(study)] == ["invalid", "finished", "finished"]


ROWS = {
    "an episode removed": lambda rows: rows[1:],
    "a return changed": edited(0, **{"return": -1.0}),
    "a return that is no number": edited(0, **{"return": float("nan")}),
    "kinds swapped": lambda rows: [row | {"kind": row["kind"].replace("mean", "sample")} for row in rows],
    "a diagnostic changed": edited(2, alpha=7.0),
    "a kind of its own": edited(0, kind="best"),
    "a step below zero": edited(0, env_step=-5),
    "an episode twice": edited(1, episode=0),
    "a step beyond the budget": lambda rows: [row | {"env_step": row["env_step"] * 10} for row in rows],
}


@pytest.mark.parametrize("what", ROWS)
def test_rows_that_are_not_those_written_make_that_run_invalid(study, what):
    rewritten(record_of(study), ROWS[what])
    (status, message), *others = outcomes(study)
    assert (status, others) == ("invalid", [("finished", "")] * 2) and str(record_of(study)) in message


@pytest.mark.parametrize("what", [*ROWS][3:4] + [*ROWS][5:] + [*ROWS][:1])
def test_rows_of_a_record_older_than_digests_are_held_against_the_protocol(study, what):
    rewritten(record_of(study), drop_digest=True)
    assert outcomes(study)[0] == ("finished", ""), "what bears no digest counts as it did"
    rewritten(record_of(study), ROWS[what])
    assert outcomes(study)[0][0] == "invalid"


def test_gather_counts_runs_as_the_statistics_do(study):
    """A return that is no number, in a record that bears no digest: recorded as finished, and counted as diverged."""
    rewritten(record_of(study), ROWS["a return that is no number"], drop_digest=True)
    done = called("gather", "--config", "study.yaml", cwd=study)
    assert done.returncode == 0 and "     2 finished\n" in done.stdout and "     1 diverged\n" in done.stdout
    assert "1 of these diverged though recorded as finished: an evaluation returned no finite number" in done.stdout


def test_final_arrays_are_those_of_the_record_where_they_are_kept(study):
    path = record_of(study)
    arrays = records.arrays_path(path)
    kept = arrays.read_bytes()
    for damage in (b"torn", kept[: len(kept) // 2]):
        arrays.write_bytes(damage)
        assert "cannot be read" in outcomes(study)[0][1]
    np.savez(arrays, actor=np.zeros(3))
    assert "other arrays than those its run ended with" in outcomes(study)[0][1]
    arrays.unlink()
    assert outcomes(study)[0][0] == "invalid"
    rewritten(path, arrays="not kept")
    assert outcomes(study)[0] == ("finished", ""), "a record may be passed on without them"


def test_commands_work_or_answer_in_a_sentence(study):
    path = record_of(study)
    rewritten(path, status="x")
    progress = Plan(study / "study.yaml").work(next(iter(Plan(study / "study.yaml").runs.values())).cell, 2)
    sorted((study / "results/runs").rglob("s2-*.parquet"))[0].unlink()
    progress.mkdir(parents=True)
    rubbish = dict.fromkeys(Progress._fields, "x") | {"time": time.time()}
    for text in ("[]", "[" * 100_000, json.dumps(rubbish | {"time": "x"}), json.dumps(rubbish)):
        (progress / "progress.json").write_text(text)
        assert read_progress(progress / "progress.json") is None
    done = called("status", "--config", "study.yaml", cwd=study)
    assert done.returncode == 0 and "1 invalid" in done.stdout and "1 missing" in done.stdout, done.stderr
    shown = called("show", path, cwd=study)
    assert (shown.returncode, shown.stdout) == (2, "") and "status is 'x'" in shown.stderr.replace("\n", "")
    for command in ("gather", "check", "statistics"):
        assert called(command, "--config", "study.yaml", cwd=study).returncode in (0, 3)
    compare = ("compare", "--config", "study.yaml", "sac_v2_small", "sac_v2_small")
    tables = study / "results/studies/study"
    for name, commands in {
        "manifest.parquet": [compare],
        "runs.parquet": [("check", "--config", "study.yaml"), ("statistics", "--config", "study.yaml")],
        "results.json": [compare],
    }.items():
        whole = (tables / name).read_bytes()
        (tables / name).write_bytes(b'{"schema_version": 2, "cells": 7}' if name.endswith("json") else whole[:-9])
        for command in commands:
            done = called(*command, cwd=study)
            assert done.returncode == 2 and "Traceback" not in done.stderr and name in done.stderr, done.stderr
        (tables / name).write_bytes(whole)
    retried = called("retry", "--config", "study.yaml", "--status", "invalid", cwd=study)
    assert retried.returncode == 0 and not path.exists()


def test_a_folder_in_the_place_of_a_table_and_a_missing_step_are_told_in_a_sentence(study):
    tables, config = study / "results/studies/study", ("--config", "study.yaml")
    compare = ("compare", *config, "sac_v2_small", "sac_v2_small")
    for command in ("gather", "check", "statistics"):
        assert called(command, *config, cwd=study).returncode in (0, 3)
    statistics, gather = ("statistics", *config), ("gather", *config)
    for name, command in {"manifest.parquet": statistics, "runs.parquet": gather, "results.json": compare}.items():
        whole = (tables / name).read_bytes()
        (tables / name).unlink()
        (tables / name).mkdir()
        done = called(*command, cwd=study)
        assert done.returncode == 2 and "Traceback" not in done.stderr and name in done.stderr, done.stderr
        assert not list(tables.glob("*.tmp"))
        (tables / name).rmdir()
        (tables / name).write_bytes(whole)
    done = called("report", *config, cwd=study)
    assert done.returncode == 2 and "`python -m suite figures` for this study" in done.stderr, "not drawn yet"
    pq.write_table(pa.table({"x": pa.array([], pa.int64())}), tables / "runs.parquet")
    done = called("statistics", *config, cwd=study)
    assert done.returncode == 2 and "lacks the column" in done.stderr, done.stderr


def test_a_study_without_any_record_and_a_file_where_a_folder_belongs(study):
    shutil.rmtree(study / "results/runs")
    config = ("--config", "study.yaml")
    for command in ("gather", "statistics"):
        done = called(command, *config, cwd=study)
        assert done.returncode == 0, done.stderr
    shutil.rmtree(study / "results/studies/study")
    (study / "results/studies/study").write_text("x")
    done = called("gather", *config, cwd=study)
    assert done.returncode == 2 and "Traceback" not in done.stderr and "studies/study" in done.stderr, done.stderr


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A file's bytes with a few of them flipped, cut, doubled or overwritten."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, size = rng.randrange(len(changed)), rng.choice([1, 1, 1, 4, 60])
        match rng.randrange(4):
            case 0:
                changed[at] ^= 1 << rng.randrange(8)
            case 1:
                del changed[at : at + size]
            case 2:
                changed[at:at] = changed[at : at + size]
            case _:
                changed[at : at + size] = rng.randbytes(size)
        if not changed:
            return b""
    return bytes(changed)


def read_whole(path: Path) -> records.Record | None:
    try:
        record = records.read(path)
        records.params_digest(path, record.meta)
    except records.RecordError as error:
        assert "\n" not in str(error)
        return None
    return record


@pytest.mark.parametrize("tries", [1_500, pytest.param(40_000, marks=pytest.mark.slow)])
def test_no_damage_is_a_traceback_or_another_number(study, tries):
    path, rng = record_of(study), random.Random(0)
    arrays = records.arrays_path(path)
    whole, of_arrays, before = path.read_bytes(), arrays.read_bytes(), records.read(path)
    readable = 0
    for n in range(tries):
        damaged = (arrays, of_arrays) if n % 5 == 0 else (path, whole)
        damaged[0].write_bytes(mutated(damaged[1], rng))
        record = read_whole(path)
        damaged[0].write_bytes(damaged[1])
        if record is not None:
            readable += 1
            assert record.rows.equals(before.rows), "what is read is what was written"
    assert readable < tries / 2


@pytest.mark.parametrize("tries", [250, pytest.param(5_000, marks=pytest.mark.slow)])
def test_no_mutation_of_metadata_or_rows_stops_the_study(study, tries):
    path, rng = record_of(study), random.Random(1)
    whole, table = path.read_bytes(), pq.read_table(path)
    data, plan = json.loads(table.schema.metadata[b"suite"]), Plan(study / "study.yaml")
    values = (None, [], {}, "x", -1, 10**30, 0.5, float("nan"), True, DEEP, {"kind": "x"})
    judge = gathering.Judge(gathering.Prover(study / ".proofs", print))
    run = plan.runs[next(one for one in plan.runs if Path(one) == path)]
    for _ in range(tries):
        other = json.loads(json.dumps(data))
        inner = rng.choice([other, *(value for value in other.values() if isinstance(value, dict) and value)])
        key = rng.choice(sorted(inner))
        if rng.random() < 0.3:
            del inner[key]
        else:
            inner[key] = rng.choice(values)
        pq.write_table(table.replace_schema_metadata({"suite": json.dumps(other)}), path)
        found = gathering._gathered(run, judge)
        assert found.status in ("finished", "diverged", "crashed", "invalid", "timeout", "interrupted")
        if found.record:
            assert found.record.rows.equals(table) and found.row()
    path.write_bytes(whole)

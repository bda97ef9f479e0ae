"""Stale or not: by versions and proofs of parts; renamed and rewritten code that answers as before makes nothing so."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from builders.runs import ROOT

import implementations
from suite.cli import sweep
from suite.lab import records
from suite.lab.records import Attempt, Imported
from suite.sac import numerics
from suite.sac.numerics import Change
from suite.specimens import proofs
from suite.specimens.proofs import Proof, Prover
from suite.study import gather, staleness
from suite.study.plan import Plan
from suite.study.staleness import Judge

FIXTURES = ROOT / "tests/fixtures/records_schema_1"
RECORDS = {path.parts[-3]: path for path in FIXTURES.rglob("*.parquet")}


@pytest.fixture
def proven(monkeypatch):
    """The parts whose golden runs were asked for; those in `moving` say that one moved."""
    asked, moving = [], set()

    def golden_runs(part):
        asked.append(part)
        return ["base: actor/w0 in float64"] if part in moving else []

    monkeypatch.setattr(proofs, "_golden_runs", golden_runs)
    monkeypatch.setattr(proofs, "committed", list)  # those that come with the suite would spare the asking
    return asked, moving


@pytest.fixture
def judge(tmp_path):
    return Judge(Prover(tmp_path / ".proofs", lambda line: None))


def record(implementation="torch"):
    return records.read_meta(RECORDS[implementation])


def present(run):
    """The record as if the present code had made it."""
    return replace(run, numerics=proofs.present(run.implementation, run.spec, run.schedule, run.task))


def with_part(run, part, **fields):
    return replace(run, numerics=run.numerics | {part: run.numerics[part]._replace(**fields)})


def test_a_record_of_the_present_code_needs_no_proof(judge, proven):
    assert judge.reason(present(record())) == "" and proven[0] == []


def test_a_record_of_schema_1_is_proven_once_per_digest(judge, proven, tmp_path):
    lines = []
    judge.prover.say = lines.append
    assert judge.reason(record()) == judge.reason(record()) == ""
    assert proven[0] == list(numerics.parts_of("torch")) and len(list((tmp_path / ".proofs").iterdir())) == 5
    assert "the source of engine.torch has changed: its golden runs are repeated (about a minute)" in lines
    again = Judge(Prover(tmp_path / ".proofs", lambda line: None))
    assert again.reason(record()) == "" and len(proven[0]) == 5
    assert again.reason(record("jax")) == "" and proven[0][5:] == ["engine.jax"]


def test_other_text_of_equal_answers_is_not_stale_and_of_others_is(judge, proven):
    other = with_part(present(record()), "engine.torch", digest="0123456789")
    assert judge.reason(other) == "" and proven[0] == ["engine.torch"]
    proven[1].add("loop")
    other = with_part(present(record()), "loop", digest="0123456789")
    assert judge.reason(other) == "loop no longer answers as it did (base: actor/w0 in float64)"


def test_code_whose_golden_runs_failed_stays_stale_when_it_is_put_right(judge, proven):
    other = with_part(present(record()), "loop", digest="0123456789")
    file = judge.prover._file("loop", "0123456789")
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(Proof(1, "calm: sampled")._asdict()))
    assert judge.reason(other) == "made by code of loop that did not answer as it should (calm: sampled)"


def test_a_risen_version_is_stale_where_its_condition_holds(judge, proven, monkeypatch):
    for when, stale in (({"std.kind": "SquashLogStd"}, False), ({"std.kind": "ClipLogStd"}, True)):
        changes = (*numerics.NUMERICS, Change("engine.torch", when, 2, "the clip of log std is smooth"))
        monkeypatch.setattr(numerics.version, "__defaults__", (changes,))
        monkeypatch.setattr(numerics.reason, "__defaults__", (changes,))
        reason = Judge(judge.prover).reason(record())
        assert reason == ("engine.torch answers otherwise since: the clip of log std is smooth" if stale else "")


def test_other_code_and_other_versions_are_stale(judge, proven):
    run = present(record())
    unknown = replace(run, numerics=None, code_id="0123456789")
    assert judge.reason(unknown) == "made by other code (code_id 0123456789), of which no versions are known"
    assert "newer than this suite's 1" in judge.reason(with_part(run, "tasks", version=2))
    assert judge.reason(replace(run, numerics={})) == "made without the part weights"
    log = Imported("table", "mean", 0, "log.csv", "0" * 64, ())
    assert judge.reason(replace(unknown, imported=log)) == ""


def test_a_packages_own_part_is_its_adapter_and_its_exact_version(judge, proven, monkeypatch):
    name = "stable_baselines3"
    monkeypatch.setattr(proofs, "_version", lambda package, entry: "2.9.0")
    run = replace(record(), implementation=name, numerics=None, versions={"stable-baselines3": "2.9.0", "torch": "1"})
    run = present(run)
    assert judge.reason(run) == ""
    assert judge.reason(with_part(run, f"engine.{name}", digest="")) == ""  # of schema 1
    other = with_part(run, f"engine.{name}", digest="0123456789")
    assert judge.reason(other) == f"made by other code of engine.{name}" and proven[0] == []
    other = replace(run, versions=run.versions | {"stable-baselines3": "2.8.0"})
    assert judge.reason(other) == "made with stable-baselines3 2.8.0, where 2.9.0 is installed now"
    assert "torch" not in proofs.packages(name) and proofs.packages("torch") == {}


def test_an_outside_implementations_package_is_known_by_its_module(monkeypatch):
    known = implementations.registered() | {"mine": implementations.Entry("filelock:attribute")}
    monkeypatch.setattr(implementations, "registered", lambda: known)
    assert list(proofs.packages("mine")) == ["filelock"]
    run = record()
    assert "engine.mine" in proofs.present("mine", run.spec, run.schedule, run.task)


def test_what_differs_within_a_cell_is_noted():
    run = record()
    other = replace(run, versions=run.versions | {"torch": "2.12.0", "numpy": "1.0"})
    assert staleness.note_of([run, run]) == ""
    assert staleness.note_of([run, other]) == "made with different versions: torch 2.12.0, 2.13.0+cpu"
    moved = replace(run, attempts=(Attempt(0, "then", "cpu: a"), Attempt(50, "now", "cpu: b")))
    assert staleness.device_note(moved) == "went on from cpu: a to cpu: b" and staleness.device_note(run) == ""


# --- through gather


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of the committed records of schema 1, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FIXTURES, tmp_path / "results/runs")
    sweep = {"tasks": ["Pendulum-v1"], "env_steps": 12_000, "evaluate": {"every": 1500, "episodes": 10}}
    sweeps = [
        sweep | {"seeds": [1], "implementations": ["jax"], "ablations": ["value_net"], "baseline": "sac_v2_small"},
        sweep | {"seeds": [0], "implementations": ["torch"], "presets": ["sac_v2_small"]},
    ]
    Path("study.yaml").write_text(yaml.safe_dump({"sweeps": sweeps}))
    return tmp_path


def test_old_records_are_gathered_and_finished(study, proven):
    runs = gather.main(Plan(Path("study.yaml")), say=lambda line: None)["runs"].set_index("implementation")
    found = runs[runs["status"] == "finished"]
    assert set(found.index) == {"jax", "torch"} and not runs["stale"].any()
    assert found.loc["torch", "kind_of_return"] == "deterministic" and found.loc["torch", "code_id"] == "bcdf1b3bca"
    assert json.loads(found.loc["torch", "numerics"]) == dict.fromkeys(numerics.parts_of("torch"), 1)
    assert (found.loc["jax", "ablation"], found.loc["jax", "arm"]) == ("value_net", "with_v")


def test_a_failed_proof_makes_runs_stale_and_a_config_may_accept_them(study, proven):
    proven[1].add("engine.torch")
    runs = gather.gather(Plan(Path("study.yaml")), say=lambda line: None)["runs"].set_index("implementation")
    assert runs.loc["torch", "stale"] and not runs.loc["jax", "stale"].any()
    assert "no longer answers as it did" in runs.loc["torch", "stale_reason"]
    data = yaml.safe_load(Path("study.yaml").read_text()) | {"execution": {"accept_stale": True}}
    Path("study.yaml").write_text(yaml.safe_dump(data))
    runs = gather.gather(Plan(Path("study.yaml")), say=lambda line: None)["runs"].set_index("implementation")
    assert not runs.loc["torch", "stale"] and runs.loc["torch", "message"].endswith("accepted by the config")


def test_an_interrupted_run_is_named_and_its_numbers_are_not_used(study, proven):
    path = next(Path("results/runs").rglob("torch/*/*.parquet"))
    record = records.read(path)
    records.write(path, replace(record.meta, status="interrupted", message="OSError"), record.rows.to_pylist())
    tables = gather.gather(Plan(Path("study.yaml")), say=lambda line: None)
    runs = tables["runs"].set_index("implementation")
    assert runs.loc["torch", "status"] == "interrupted" and runs.loc["torch", "message"] == "OSError"
    assert set(tables["evaluations"]["implementation"]) == {"jax"}
    assert isinstance(gather.checked(tables)["runs"], pd.DataFrame)


def test_an_interrupted_run_is_cleared_for_the_next_try(study, proven):
    path = next(Path("results/runs").rglob("torch/*/*.parquet"))
    record = records.read(path)
    records.write(path, replace(record.meta, status="interrupted"), record.rows.to_pylist())
    sweep._clear_interrupted(Plan(Path("study.yaml")))
    assert not path.exists() and not records.arrays_path(path).exists()
    assert next(Path("results/runs").rglob("jax/*/*.parquet")).exists()

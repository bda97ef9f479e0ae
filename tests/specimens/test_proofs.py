"""Proofs and recordings of golden runs: asked once, never passed by what cannot run, and refused where versions lie."""

from __future__ import annotations

import json

import pytest
from builders.runs import called

from suite.sac.numerics import NUMERICS, PARTS, Change
from suite.specimens import golden, proofs
from suite.specimens.proofs import Proof, Prover


@pytest.fixture
def nothing_committed(monkeypatch):
    monkeypatch.setattr(proofs, "committed", list)


def test_a_part_is_proven_in_a_process_of_its_own(tmp_path, nothing_committed):
    lines = []
    prover = Prover(tmp_path, lines.append)
    assert prover.prove("tasks") == Proof(0, "") and "golden runs of tasks: they are as they were" in lines[1]
    assert prover.kept("tasks", proofs.part_digest("tasks")).passed
    assert Prover(tmp_path, pytest.fail).prove("tasks").passed


def test_golden_runs_that_cannot_run_prove_nothing_and_are_not_kept(tmp_path, monkeypatch, nothing_committed):
    monkeypatch.setattr(proofs.sys, "executable", "false")
    prover = Prover(tmp_path, lambda line: None)
    assert not prover.prove("tasks").passed and "cannot be run" in prover.prove("tasks").first
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("part", PARTS)
def test_the_suite_comes_with_the_proofs_of_its_own_source(part, tmp_path):
    """After a change of source: python -m suite identity --commit. test_golden.py repeats what they claim."""
    assert proofs.name_of(part, proofs.part_digest(part)) in proofs.committed()
    assert Prover(tmp_path, pytest.fail).prove(part).passed


def test_only_what_passes_is_kept_with_the_suite(tmp_path, monkeypatch, nothing_committed):
    monkeypatch.setattr(proofs, "COMMITTED", tmp_path / "proofs.json")
    monkeypatch.setattr(proofs, "_golden_runs", lambda part: ["a case: moved"] * (part == "tasks"))
    proofs.commit(Prover(tmp_path, lambda line: None))
    kept = [name.split("-")[0] for name in json.loads(proofs.COMMITTED.read_text())]
    assert kept == [part for part in PARTS if part != "tasks"]


def test_the_golden_runs_on_file_know_of_every_version():
    """After a change of numerics: python -m suite identity --record."""
    assert golden.recorded_changes() == list(NUMERICS)


def test_every_golden_run_has_settings_that_conditions_can_speak_of():
    for part in PARTS:
        assert set(golden.golden(part)["case"]) <= set(golden.settings_of_cases(part)), part


KEPT = golden.golden("tasks")
MOVED = KEPT.assign(reward=KEPT["reward"].where(KEPT["case"] != "Hopper-v5", KEPT["reward"] + 1))
NEW = KEPT[KEPT["case"] != "Hopper-v5"]


def changed(task):
    return (*NUMERICS, Change("tasks", {"task": task}, 2, "a test"))


def test_recording_what_is_as_it_was_writes_nothing_new():
    new = golden.recording("tasks", KEPT)
    assert (new.moved, new.added, new.refusals) == ([], [], []) and new.table.equals(KEPT)


def test_a_golden_run_may_move_with_its_own_version_alone():
    refused = golden.recording("tasks", MOVED)
    assert refused.refusals == [
        "tasks answers otherwise in 'Hopper-v5', and its version has not risen: add a change to suite/sac/numerics.py"
    ]
    assert golden.recording("tasks", MOVED, changed("Hopper-v4")).refusals[0].startswith("tasks answers otherwise")
    accepted = golden.recording("tasks", MOVED, changed("Hopper-v5"))
    assert accepted.refusals == [] and accepted.moved == ["Hopper-v5"]
    others = accepted.table[accepted.table["case"] != "Hopper-v5"].reset_index(drop=True)
    assert others.equals(NEW.reset_index(drop=True)) and len(accepted.table) == len(KEPT)


def test_a_version_may_not_rise_where_nothing_moves():
    (refusal,) = golden.recording("tasks", KEPT, changed("Hopper-v5")).refusals
    assert refusal == "version 2 of tasks (a test) moves no golden run"


def test_new_cases_need_no_version(monkeypatch):
    monkeypatch.setattr(golden, "golden", lambda part: NEW)
    new = golden.recording("tasks", KEPT)
    assert (new.moved, new.added, new.refusals) == ([], ["Hopper-v5"], [])


def test_recording_writes_what_moved_and_what_versions_it_knows(tmp_path, monkeypatch):
    monkeypatch.setattr(golden, "FOLDER", tmp_path)
    monkeypatch.setattr(golden, "CHANGES", tmp_path / "changes.json")
    KEPT.to_parquet(golden.path("tasks"))
    (tmp_path / "changes.json").write_text("[]")
    golden.record({"tasks": golden.Recording(MOVED, ["Hopper-v5"], [], [])}, changed("Hopper-v5"))
    assert golden.recorded_changes() == list(changed("Hopper-v5")) and golden.golden("tasks").equals(MOVED)
    with pytest.raises(AssertionError):
        golden.record({"tasks": golden.Recording(MOVED, [], [], ["no"])})


def test_the_command_refuses_what_makes_no_sense(tmp_path):
    refused = called("identity", "--record", "--since", "x")
    assert refused.returncode == 2 and "give one of them" in refused.stderr
    refused = called("identity", "--since", tmp_path)
    assert refused.returncode == 2 and "there are no records" in refused.stderr

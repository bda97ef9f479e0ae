"""The doctor finds what the faults leave, mends what is safe, and names the command for the rest."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from builders import damage
from builders.runs import suite
from builders.sweeps import assert_same_tables, config, start_sweep

from suite.files import HOST
from suite.lab.records import move
from suite.study.plan import Plan


@pytest.fixture
def folder(whole, tmp_path, monkeypatch):
    shutil.copytree(whole, tmp_path / "study")
    monkeypatch.chdir(tmp_path / "study")
    return tmp_path / "study"


def doctor(folder, *options):
    done = suite("doctor", "--config", "study.yaml", *options, cwd=folder)
    assert not done.stderr, done.stderr
    return done


def test_a_sound_study_has_nothing_wrong(folder):
    done = doctor(folder)
    assert done.returncode == 0 and done.stdout == "nothing is wrong\n"


def test_a_study_that_has_not_begun_has_nothing_wrong(tmp_path):
    config(tmp_path)
    assert doctor(tmp_path).returncode == 0
    assert [one.name for one in tmp_path.iterdir()] == ["study.yaml"]


def test_what_is_safe_is_mended_and_the_rest_is_told(whole, folder):
    plan = Plan(config(folder))
    waiting, unfinished, invalid, _ = plan.runs.values()
    move(folder / waiting.record, plan.waiting(waiting))
    (folder / unfinished.record).unlink()
    checkpoint = plan.work(unfinished.cell, unfinished.seed) / "checkpoint-0000000100.npz"
    checkpoint.write_bytes(b"rubbish")
    damage.cut_short(folder / invalid.record, np.random.default_rng(0))
    ended = subprocess.Popen(["true"])
    ended.wait()
    (folder / f"reports/study/.report.html.{HOST}.{ended.pid}.0.tmp").touch()
    (folder / ".snakemake/locks").mkdir(parents=True, exist_ok=True)
    (folder / ".snakemake/locks/0.input.lock").write_text("results/none\n")
    found = doctor(folder)
    assert found.returncode == 1 and found.stdout.endswith("\n5 left to be done\n")
    for words in (
        "Snakemake was killed and has left its lock\n    .snakemake/locks\n    python -m snakemake",
        f"a run's record is not in its place\n    {plan.waiting(waiting)}\n",
        "the checkpoint at step 100 cannot be used, since it is damaged, or of another form (BadZipFile)\n",
        "1 temporary file of writers that were killed\n    reports/study\n",
        "1 of 4 runs invalid: ",
    ):
        assert words in found.stdout
    mended = doctor(folder, "--mend")
    assert mended.returncode == 1 and mended.stdout.endswith("\n1 left to be done\n")
    assert (folder / waiting.record).exists() and not checkpoint.exists()
    (command,) = (line for line in doctor(folder).stdout.splitlines() if "retry" in line)
    words = shlex.split(command.replace("python", sys.executable, 1))
    assert suite(*words[3:], cwd=folder).returncode == 0
    assert doctor(folder).returncode == 0
    assert start_sweep(folder, folder / "log", "--until", "statistics").wait(600) == 0, (folder / "log").read_text()
    assert_same_tables(whole, folder)

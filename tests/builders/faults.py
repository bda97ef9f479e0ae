"""Faults drawn at random over everything a study does, each held against an undisturbed one.

A fault is a function of a generator: it does something, breaks it, does it again, and says what it did. It raises
AssertionError if anything is lost, doubled or altered.
"""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from builders import damage, logs
from builders.runs import SHORT, job, places
from builders.sweeps import ENVIRONMENT, assert_same_tables, config, hear_signals, start_sweep
from builders.training import assert_same, interrupted, train
from suite.lab.records import read
from suite.study.plan import Plan

PATIENCE = 1_800  # seconds, for a process to end: a busy machine is no fault, one that never ends is
OWN = job(schedule=replace(SHORT, replay_capacity=120), env_steps=400)  # the ring has wrapped at two thirds
STEPS = ("gather", "check", "statistics", "figures", "report")
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1)


class Undisturbed(NamedTuple):
    """What faults are held against: a folder with a run of OWN, and one with a whole study."""

    run: Path
    study: Path


def undisturbed_run(folder: Path) -> Path:
    train(OWN, folder)
    return folder


def stop_damage_and_go_on(whole: Undisturbed, folder: Path, rng: np.random.Generator) -> str:
    """A run that stops at random steps; in between, files that it resumes from are damaged."""
    said, step = [], 0
    while (step := step + int(rng.integers(40, 200))) < OWN.env_steps:
        interrupted(OWN, folder, step)
        work = places(folder)[0].work
        for _ in range(rng.integers(3)):
            if files := [*work.glob("checkpoint-*"), *(work / "replay").iterdir()]:
                said.append(damage.draw(files, rng))
    (record,) = train(OWN, folder)
    assert record.meta.status == "finished"
    assert_same(whole.run, folder)
    return "; ".join(said) or "no damage"


def signal_a_trainer(whole: Undisturbed, folder: Path, rng: np.random.Generator) -> str:
    """A process that trains is killed, or told to stop, again and again at random moments."""
    record = _record_to_make(whole, folder, rng)
    words = [sys.executable, "-m", "suite", "run", "--config", "study.yaml", record]
    said = []
    for _ in range(rng.integers(1, 4)):
        trainer = _started(words, folder)
        number, seconds = SIGNALS[rng.integers(len(SIGNALS))], rng.uniform(0, 4)
        time.sleep(seconds)
        trainer.send_signal(number)
        code = trainer.wait(PATIENCE)
        assert code in (0, 1, 75, 130, -number), code  # ended before, imports broken off, saved, or killed
        said.append(f"{number.name} after {seconds:.1f} s")
    assert _started(words, folder).wait(PATIENCE) == 0
    a, b = (read(one / record) for one in (whole.study, folder))
    assert a.rows.equals(b.rows) and a.meta.params_digest == b.meta.params_digest
    return "; ".join(said)


def kill_a_step(whole: Undisturbed, folder: Path, rng: np.random.Generator) -> str:
    """A step after training is killed at a random moment."""
    shutil.copytree(whole.study, folder, dirs_exist_ok=True)
    step, seconds = STEPS[rng.integers(len(STEPS))], rng.uniform(0, 3)
    words = [sys.executable, "-m", "suite", step, "--config", "study.yaml"]
    process = _started(words, folder)
    time.sleep(seconds)
    process.kill()
    process.wait()
    _make_again(whole, folder, step)
    return f"{step} after {seconds:.1f} s"


def fill_the_disk(whole: Undisturbed, folder: Path, rng: np.random.Generator) -> str:
    """A step, or a run, may write no file beyond a random size."""
    step, size = ("run", *STEPS)[rng.integers(1 + len(STEPS))], int(10 ** rng.uniform(1, 5))
    words = [sys.executable, "-m", "suite", step, "--config", "study.yaml"]
    if step == "run":
        words.append(_record_to_make(whole, folder, rng))
    else:
        shutil.copytree(whole.study, folder, dirs_exist_ok=True)
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
    code = _started(words, folder, preexec_fn=limit).wait(PATIENCE)
    assert code in (0, 2, 3), code
    if step == "run":
        assert _started(words, folder).wait(PATIENCE) == 0
        assert read(folder / words[-1]).rows.equals(read(whole.study / words[-1]).rows)
    else:
        _make_again(whole, folder, step)
    return f"{step} with files of {size:,} bytes at most"


def damage_a_record(whole: Undisturbed, folder: Path, rng: np.random.Generator) -> str:
    """A record is damaged: it is invalid or its numbers are what they were, and never others."""
    shutil.copytree(whole.study, folder, dirs_exist_ok=True)
    records = sorted(path for path in (folder / "results/runs").rglob("s*") if path.is_file())
    said = damage.draw(records, rng)
    assert _started([sys.executable, "-m", "suite", "gather", "--config", "study.yaml"], folder).wait(PATIENCE) == 0
    _rows_are_of(whole, folder)
    return said


def kill_an_import(whole: Undisturbed, folder: Path, rng: np.random.Generator) -> str:
    """An import is killed at a random moment, and made again: its records are those of one that was not."""
    logs.evaluations(folder / "logs/seed_0/evaluations.npz", seed=0)
    logs.evaluations(folder / "logs/seed_1/evaluations.npz", seed=1)
    claim = ["--task", "Pendulum-v1", "--implementation", "lib", "--preset", "sac_v2_small", "--results"]
    words = [sys.executable, "-m", "suite", "import", "logs", *claim]
    seconds = rng.uniform(0, 2.5)
    process = _started([*words, "killed"], folder)
    time.sleep(seconds)
    process.kill()
    process.wait()
    for results in ("killed", "whole"):
        _started([*words, results], folder).wait(PATIENCE)
    a, b = ({path.name: read(path).rows for path in (folder / one).rglob("*.parquet")} for one in ("killed", "whole"))
    assert a.keys() == b.keys() and len(a) == 2 and all(a[name].equals(b[name]) for name in a)
    return f"import after {seconds:.1f} s"


def stop_a_sweep(whole: Undisturbed, folder: Path, rng: np.random.Generator) -> str:
    """A whole sweep is killed, or told to stop, again and again, until it ends by itself: then by its third start."""
    config(folder)
    said = []
    for _ in range(2):
        number, seconds = SIGNALS[rng.integers(len(SIGNALS))], rng.uniform(2, 20)
        sweep = start_sweep(folder, folder / "log")
        time.sleep(seconds)
        sweep.send_signal(number)
        code = sweep.wait(PATIENCE)
        assert code in (0, 1, 75, 130, -number), (folder / "log").read_text()
        said.append(f"{number.name} after {seconds:.1f} s")
    assert start_sweep(folder, folder / "log").wait(PATIENCE) == 0, (folder / "log").read_text()
    assert_same_tables(whole.study, folder)
    return "; ".join(said)


class Kind(NamedTuple):
    """A kind of fault, and its share of those drawn: what takes long is drawn less."""

    do: Callable[[Undisturbed, Path, np.random.Generator], str]
    share: float


KINDS = {
    "stopped, damaged, resumed": Kind(stop_damage_and_go_on, 0.53),
    "signal to a trainer": Kind(signal_a_trainer, 0.15),
    "sweep stopped": Kind(stop_a_sweep, 0.02),
    "step killed": Kind(kill_a_step, 0.1),
    "no room": Kind(fill_the_disk, 0.1),
    "record damaged": Kind(damage_a_record, 0.05),
    "import killed": Kind(kill_an_import, 0.05),
}


def kind(rng: np.random.Generator) -> str:
    """One of KINDS, drawn by their shares."""
    return list(KINDS)[rng.choice(len(KINDS), p=[one.share for one in KINDS.values()])]


def _started(words: list[str], folder: Path, **options) -> subprocess.Popen:
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "preexec_fn": hear_signals} | options
    return subprocess.Popen(words, cwd=folder, env=ENVIRONMENT, **options)


def _record_to_make(whole: Undisturbed, folder: Path, rng: np.random.Generator) -> str:
    """The record of one run of the study, in a folder that has only its config."""
    records = list(Plan(config(folder)).runs)
    return records[rng.integers(len(records))]


def _make_again(whole: Undisturbed, folder: Path, step: str) -> None:
    for one in STEPS[STEPS.index(step) :]:
        assert _started([sys.executable, "-m", "suite", one, "--config", "study.yaml"], folder).wait(PATIENCE) in (0, 3)
    assert_same_tables(whole.study, folder)
    left, right = ((one / "reports/study/report.html").read_bytes() for one in (whole.study, folder))
    assert left == right
    assert not [path for path in (folder / "reports").rglob("*.tmp") if path.stat().st_size]


def _rows_are_of(whole: Undisturbed, folder: Path) -> None:
    """Every run's evaluations are the undisturbed ones, or it does not count."""
    import pandas as pd

    tables = Path("results/studies/study")
    runs = pd.read_parquet(folder / tables / "runs.parquet")
    assert len(runs) == len(pd.read_parquet(whole.study / tables / "runs.parquet"))
    assert set(runs["status"]) <= {"finished", "invalid", "missing"}
    sound = pd.read_parquet(whole.study / tables / "evaluations.parquet")
    found = pd.read_parquet(folder / tables / "evaluations.parquet")
    keys = ["task", "implementation", "run_id", "seed"]
    counted = runs.loc[runs["status"] == "finished", keys]
    expected = sound.merge(counted, on=keys)
    pd.testing.assert_frame_equal(found.merge(counted, on=keys).reset_index(drop=True), expected.reset_index(drop=True))

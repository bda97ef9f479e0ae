"""An environment that no longer answers: the time limit and signals hold all the same."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
import yaml
from builders.sweeps import ENVIRONMENT, config, hear_signals, processes

from suite.lab.records import read
from suite.study.plan import Plan

TRAINER = """
import ctypes, sys, time
from suite.lab import tasks, watchdog, training
training.GRACE_S, training.STALLED_S, watchdog.LOCKED_S = 1.0, {stalled_s}, {locked_s}
steps, step = 0, tasks.Environment.step
def hanging(self, action):
    global steps
    steps += 1
    if steps > {after}:
        print("hangs", flush=True)
        {hang}
    return step(self, action)
tasks.Environment.step = hanging
from suite.cli import main
main(["run", "--config", "study.yaml", "{record}"])
"""
HANGS = {"sleeps": "time.sleep(10**6)", "spins": "while True: pass"}
LOCKED = "ctypes.PyDLL(None).sleep(10**6)"  # in C, and it keeps Python's lock


def trainer(folder, hang, stalled_s=1e9, locked_s=1e6, after=650, **execution):
    """A process that trains a run whose environment hangs so (Python) after so many steps of training
    and evaluation (650: at step 251); and its record."""
    path = config(folder)
    data = yaml.safe_load(path.read_text())
    data["execution"] |= {"checkpoint_seconds": 0.02} | execution
    path.write_text(yaml.safe_dump(data))
    record = next(iter(Plan(path).runs))
    script = TRAINER.format(hang=hang, stalled_s=stalled_s, locked_s=locked_s, after=after, record=record)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "preexec_fn": hear_signals}
    return subprocess.Popen([sys.executable, "-c", script], cwd=folder, env=ENVIRONMENT, **options), folder / record


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path):
    """A process that still hangs when its test is over, since the test failed, is killed."""
    yield
    for process in processes(tmp_path):
        process.kill()


@pytest.mark.parametrize("hang", HANGS.values(), ids=HANGS)
def test_a_hang_at_the_time_limit_is_a_timeout_with_what_was_measured(tmp_path, hang):
    process, record = trainer(tmp_path, hang, time_limit_hours=3 / 3600)
    assert process.wait(60) == 0, process.stderr.read()
    meta = read(record).meta
    assert (meta.status, meta.last_env_step) == ("timeout", 250)
    assert meta.message == "time limit of 0.000833333 h reached, while the step after 250 of 1,400 hangs"
    assert set(read(record).rows["env_step"].to_pylist()) == {200}
    assert list(tmp_path.glob("results/.work/*/*/*/s0/checkpoint-*.npz")), "whoever raises the limit goes on"


def test_a_hang_without_a_limit_is_a_timeout_too(tmp_path):
    process, record = trainer(tmp_path, HANGS["sleeps"], stalled_s=2)
    assert process.wait(60) == 0, process.stderr.read()
    assert read(record).meta.message == "no step has ended for 0 min, while the step after 250 of 1,400 hangs"


@pytest.mark.parametrize("hang", HANGS.values(), ids=HANGS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_hangs_ends_when_it_is_asked_to(tmp_path, hang, number):
    process, record = trainer(tmp_path, hang)
    assert process.stdout.readline() == "hangs\n"
    process.send_signal(number)
    asked = time.monotonic()
    assert process.wait(30) == 75, process.stderr.read()
    assert time.monotonic() - asked < 10 and not record.exists()
    assert list(tmp_path.glob("results/.work/*/*/*/s0/checkpoint-*.npz")), "the one before the hang stays"


def test_a_hang_that_keeps_pythons_lock_ends_with_where_it_is_and_is_tried_again(tmp_path):
    process, record = trainer(tmp_path, LOCKED, locked_s=3, time_limit_hours=3 / 3600)
    assert process.wait(60) == 1, "which is no record: the job has further attempts"
    traceback = process.stderr.read()
    assert "Timeout (0:00:03)!" in traceback and "in hanging" in traceback and "in step" in traceback
    assert not record.exists()
    assert list(tmp_path.glob("results/.work/*/*/*/s0/checkpoint-*.npz")), "the next attempt goes on from here"


def test_a_process_that_was_suspended_for_longer_than_a_step_may_take_goes_on(tmp_path):
    process, record = trainer(tmp_path, "time.sleep(0.5)", stalled_s=3)  # so that no step ends as soon as it goes on
    assert process.stdout.readline() == "hangs\n"
    process.send_signal(signal.SIGSTOP)
    time.sleep(5)
    process.send_signal(signal.SIGCONT)
    time.sleep(2.5)
    assert process.poll() is None and not record.exists()

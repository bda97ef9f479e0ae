"""Signals and deaths among the processes of a sweep: what runs saves, nothing outlives it, nothing is lost."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from builders.runs import ROOT
from builders.sweeps import (
    ENVIRONMENT,
    assert_same_tables,
    command_line,
    config,
    has_checkpoint,
    hear_signals,
    processes,
    start_sweep,
    trainers,
)

from suite.study.plan import Plan


def until(condition, seconds=60):
    """What the condition gives, once it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "this does not come"
        time.sleep(0.05)
    return found


def begun(folder):
    """A sweep of which a run has a checkpoint."""
    config(folder)
    sweep = start_sweep(folder, folder / "log")
    until(lambda: any(has_checkpoint(folder, one) for one in trainers(folder)))
    return sweep


def assert_ends_last(folder, number):
    """A sweep that has begun, and hears this signal."""
    sweep = begun(folder)
    running = trainers(folder)
    sweep.send_signal(number)
    assert sweep.wait(60) == 75
    assert not processes(folder), "the sweep ends last"
    log = (folder / "log").read_text()
    assert f"{number.name}: what runs saves and stops" in log and "Traceback" not in log
    logs = "".join(path.read_text() for path in folder.glob("results/.work/*/*/*/*/log.txt"))
    assert 1 <= logs.count("stopped by SIGTERM at step") <= len(running)


def test_a_sweep_that_is_told_to_stop_ends_last_and_goes_on_later(whole, tmp_path):
    assert_ends_last(tmp_path, signal.SIGTERM)
    again = start_sweep(tmp_path, tmp_path / "log", "--until", "statistics")
    assert again.wait(600) == 0, (tmp_path / "log").read_text()
    assert_same_tables(whole, tmp_path)


def test_so_does_a_sweep_whose_terminal_is_closed(tmp_path):
    assert_ends_last(tmp_path, signal.SIGHUP)


def test_a_second_signal_ends_a_sweep_at_once_and_without_a_traceback(tmp_path):
    sweep = begun(tmp_path)
    for process in trainers(tmp_path):
        process.suspend()  # they do not save now
    sweep.send_signal(signal.SIGINT)
    time.sleep(1)
    assert sweep.poll() is None
    sweep.send_signal(signal.SIGINT)
    assert sweep.wait(10) == 75
    assert not processes(tmp_path)
    log = (tmp_path / "log").read_text()
    assert "SIGINT: it ends at once" in log and "Traceback" not in log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_a_framework_is_imported_ends_the_run_in_silence(tmp_path, number):
    """Of KeyboardInterrupt, such an import makes what it likes: this one swallows it."""
    swallows = (
        "import pathlib, time\npathlib.Path('importing').touch()\ntry: time.sleep(600)\nexcept BaseException: pass\n"
    )
    (tmp_path / "frameworks").mkdir()
    for name in ("torch", "jax"):
        (tmp_path / "frameworks" / f"{name}.py").write_text(swallows)
    record = next(iter(Plan(config(tmp_path)).runs))
    environment = ENVIRONMENT | {"PYTHONPATH": f"{tmp_path / 'frameworks'}:{ROOT}"}
    words = [sys.executable, "-m", "suite", "run", "--config", "study.yaml", record]
    run = subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, preexec_fn=hear_signals)
    until(lambda: (tmp_path / "importing").exists())
    run.send_signal(number)
    assert run.wait(10) == -number and run.stderr.read() == b""


@pytest.mark.parametrize("whose", ["suite", "snakemake"])
def test_nothing_outlives_a_killed_sweep_by_five_seconds(tmp_path, whose):
    """Not even a trainer that has just been started, and imports."""
    config(tmp_path)
    sweep = start_sweep(tmp_path, tmp_path / "log")
    until(lambda: trainers(tmp_path))
    if whose == "suite":
        sweep.kill()
    else:
        for process in processes(tmp_path):
            if "snakemake" in " ".join(command_line(process)):
                process.kill()
    time.sleep(5)
    assert not [command_line(one) for one in processes(tmp_path)]


def test_workers_of_a_killed_step_go_with_it(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "study")
    code = "from suite.cli import analyse; analyse.WORTH_A_PROCESS = 1; analyse.main()"
    command = [sys.executable, "-c", code, "statistics", "--config", "study.yaml", "--workers", "2"]
    step = subprocess.Popen(command, cwd=tmp_path / "study", env=ENVIRONMENT)
    workers = until(lambda: psutil.Process(step.pid).children(recursive=True))
    step.kill()
    step.wait()
    gone, alive = psutil.wait_procs(workers, timeout=5)
    assert gone and not alive


def test_a_step_whose_parent_is_gone_before_it_begins_does_not_begin(tmp_path):
    config(tmp_path)
    done = subprocess.Popen(["true"])
    done.wait()
    command = [sys.executable, "-m", "suite", "--parent", str(done.pid), "gather", "--config", "study.yaml"]
    assert subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT).returncode == 75
    assert [one.name for one in tmp_path.iterdir()] == ["study.yaml"]

"""Sweeps by a real SLURM of one node, whatever befalls their jobs: the same tables as without it. `make test-slurm`"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml
from builders.runs import ROOT
from builders.sweeps import ENVIRONMENT, assert_same_tables, config, hear_signals, processes

from suite.cli.app import EXIT_INTERRUPTED
from suite.lab.records import read_meta
from suite.study.plan import Plan

pytestmark = pytest.mark.slurm

SLURM_UP = ROOT / "tests/cluster/slurm_up.sh"
PROFILE = ("--workflow-profile", str(ROOT / "profiles/slurm"))
THIS_CLUSTER = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "5")
LONG = {"env_steps": 4000, "evaluate": {"every": 500, "episodes": 2}}  # long enough to be disturbed


class Cluster:
    """A SLURM of one node: the environment in which its programs find it."""

    def __init__(self, folder: Path):
        self.environment = ENVIRONMENT | {"SLURM_CONF": str(folder / "slurm.conf")}
        self.environment["PATH"] = f"{folder / 'bin'}:{os.environ['PATH']}"

    def __call__(self, *words: str) -> list[str]:
        """The lines that one of SLURM's programs prints."""
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.splitlines()

    def start(self, folder: Path, *arguments: str) -> subprocess.Popen:
        """A sweep of the folder's study in SLURM's jobs, one a run, in the background; its output goes to `log`."""
        words = [sys.executable, "-m", "suite", "sweep", "--config", "study.yaml", "--", *PROFILE, *THIS_CLUSTER]
        words += ["--config", "runs_per_job=1", *arguments]
        with (folder / "log").open("a") as log:
            options = {"cwd": folder, "env": self.environment, "stdout": log, "stderr": log}
            return subprocess.Popen(words, **options, preexec_fn=hear_signals)

    def jobs(self, folder: Path, states: str = "all") -> dict[str, str]:
        """The state of every job of a folder's sweeps, by its number."""
        lines = self("squeue", "--noheader", "--states", states, "--format=%i|%T|%Z")
        rows = (line.split("|") for line in lines)
        return {number: state for number, state, place in rows if place == str(folder)}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    pytest.importorskip("snakemake_executor_plugin_slurm")
    folder = tmp_path_factory.mktemp("slurm")
    with (folder / "log").open("w") as log:  # no pipe: the daemons would hold it
        code = subprocess.run([SLURM_UP, "up", folder], stdout=log, stderr=log, timeout=120).returncode
    if code == 3:
        pytest.skip((folder / "log").read_text().strip())
    assert code == 0, (folder / "log").read_text()
    yield Cluster(folder)
    subprocess.run([SLURM_UP, "down", folder], timeout=120, check=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """A folder with a sweep of the long study that this machine ran without SLURM."""
    return _on_this_machine(config(tmp_path_factory.mktemp("undisturbed"), **LONG).parent)


def _on_this_machine(folder: Path) -> Path:
    words = [sys.executable, "-m", "suite", "sweep", "--config", "study.yaml", "--cores", "2"]
    done = subprocess.run(words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    return folder


def _wait(until: Callable[[], object], sweep: subprocess.Popen, log: Path, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert sweep.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


def _checkpointed(folder: Path) -> list[str]:
    """The work folders of runs that would be resumed and have left no record."""
    plan = Plan(folder / "study.yaml")
    left = [run for record, run in plan.runs.items() if not (folder / record).exists()]
    works = [folder / plan.work(run.cell, run.seed) for run in left]
    return [str(work) for work in works if any(work.glob("checkpoint-*.npz"))]


def _number_of(trainer: psutil.Process) -> str:
    return trainer.environ()["SLURM_JOB_ID"]


def _training(folder: Path) -> dict[str, str]:
    """The job's number of every run that trains now and has a checkpoint, by its work folder."""
    works, jobs = _checkpointed(folder), {}
    for process in processes(folder):
        words = process.cmdline()
        if words[1:3] == ["-m", "suite"] and "run" in words:
            record = Path(words[-1])
            work = folder / "results/.work" / record.parent.relative_to("results/runs") / record.stem.split("-")[0]
            if str(work) in works:
                jobs[str(work)] = _number_of(process)
    return jobs


def _attempts(folder: Path) -> dict[str, int]:
    """How many attempts every run took, by its work folder."""
    plan = Plan(folder / "study.yaml")
    runs = plan.runs.values()
    return {str(folder / plan.work(run.cell, run.seed)): len(read_meta(folder / run.record).attempts) for run in runs}


def test_a_sweep_by_sbatch_is_one_of_this_machine(cluster, tmp_path):
    """Runs in turn within a job, as the profile has them, with what the rule asks for."""
    folders = [tmp_path / name for name in ("here", "slurm")]
    for folder in folders:
        folder.mkdir()
        config(folder)
    here, there = folders
    _on_this_machine(here)
    sweep = cluster.start(there, "runs_per_job=10min")
    asked = set()
    while sweep.poll() is None:
        asked |= set(cluster("squeue", "--noheader", "--format=%Z|%m|%l|%C"))
        time.sleep(0.5)
    assert sweep.returncode == 0, (there / "log").read_text()
    assert_same_tables(here, there)
    assert len(cluster.jobs(there)) == 1 + len(("gather", "check", "statistics", "figures", "report"))
    from suite.study.rules import of_training

    (training,) = of_training(Plan(there / "study.yaml"), {"runs_per_job": "10min"})
    assert f"{there}|{training.mem_mb({}, 1)}M|{training.runtime({})}:00|1" in asked


def test_jobs_that_are_cancelled_and_requeued_end_as_undisturbed_ones(cluster, undisturbed, tmp_path):
    """One is requeued by SLURM, which Snakemake does not see; one is cancelled, and Snakemake tries it again."""
    config(tmp_path, **LONG)
    sweep, log = cluster.start(tmp_path), tmp_path / "log"
    _wait(lambda: _training(tmp_path), sweep, log)
    ((requeued, number), *_) = _training(tmp_path).items()
    cluster("scontrol", "requeue", number)
    _wait(lambda: set(_training(tmp_path)) - {requeued}, sweep, log)
    cancelled, other = next(item for item in _training(tmp_path).items() if item[0] != requeued)
    cluster("scancel", other)
    assert sweep.wait(1200) == 0, log.read_text()
    attempts = _attempts(tmp_path)
    assert attempts[requeued] > 1 and attempts[cancelled] > 1, attempts
    assert "saved" in (Path(cancelled) / "log.txt").read_text()
    assert cluster.jobs(tmp_path)[other] == "CANCELLED"
    assert_same_tables(undisturbed, tmp_path)


def test_a_job_that_is_out_of_time_goes_on_in_the_next(cluster, undisturbed, tmp_path):
    config(tmp_path, **LONG)
    sweep, log = cluster.start(tmp_path), tmp_path / "log"
    _wait(lambda: _training(tmp_path), sweep, log)
    ((work, number), *_) = _training(tmp_path).items()
    cluster("scontrol", "update", f"JobId={number}", "EndTime=now")
    assert sweep.wait(1200) == 0, log.read_text()
    assert cluster.jobs(tmp_path)[number] == "TIMEOUT"
    assert _attempts(tmp_path)[work] > 1
    assert_same_tables(undisturbed, tmp_path)


def test_a_sweep_that_is_told_to_stop_takes_its_jobs_along(cluster, undisturbed, tmp_path):
    """TERM: its jobs save, it ends last. Killed: the next one cancels what it left. Then all go on."""
    config(tmp_path, **LONG)
    log = tmp_path / "log"
    sweep = cluster.start(tmp_path)
    _wait(lambda: _training(tmp_path), sweep, log)
    sweep.terminate()
    assert sweep.wait(300) == EXIT_INTERRUPTED, log.read_text()
    assert not cluster.jobs(tmp_path, "pending,running,completing")
    assert _checkpointed(tmp_path)
    sweep = cluster.start(tmp_path)
    _wait(lambda: _training(tmp_path), sweep, log)
    sweep.kill()
    sweep.wait()
    assert cluster.jobs(tmp_path, "running")
    sweep = cluster.start(tmp_path)
    assert sweep.wait(1200) == 0, log.read_text()
    assert "an earlier sweep was killed" in log.read_text()
    assert_same_tables(undisturbed, tmp_path)


@pytest.mark.slow
def test_the_quick_study_by_sbatch_has_the_tables_of_this_machine(cluster, tmp_path):
    """config/quick.yaml, the jobs of which are cancelled and requeued in turns, one every ten seconds."""
    study = yaml.safe_load((ROOT / "config/quick.yaml").read_text())
    folders = [tmp_path / name for name in ("here", "slurm")]
    for folder in folders:
        folder.mkdir()
        (folder / "study.yaml").write_text(yaml.safe_dump(study))
    here, there = folders
    _on_this_machine(here)
    sweep, disturbed = cluster.start(there, "runs_per_job=1min"), set()
    while sweep.poll() is None:
        for number in set(cluster.jobs(there, "running")) - disturbed if len(disturbed) < 8 else ():
            cluster(*(("scancel",), ("scontrol", "requeue"))[len(disturbed) % 2], number)
            disturbed.add(number)
            break
        time.sleep(10)
    assert sweep.returncode == 0, (there / "log").read_text()
    assert len(disturbed) == 8
    assert pd.Series(_attempts(there)).max() > 1
    assert_same_tables(here, there)

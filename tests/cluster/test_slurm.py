"""Sweeps by a real SLURM of one node, whatever befalls their jobs: the same tables as without it. `make test-slurm`"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml
from builders.runs import ROOT
from builders.sweeps import (
    ENVIRONMENT,
    assert_same_tables,
    command_line,
    config,
    hear_signals,
    processes,
    trainers,
)

from suite.cli.app import EXIT_INTERRUPTED
from suite.lab.records import read_meta
from suite.study.plan import Plan
from suite.study.rules import of_training

pytestmark = pytest.mark.slurm

SLURM_UP = ROOT / "tests/cluster/slurm_up.sh"
PROFILE = ("--workflow-profile", str(ROOT / "profiles/slurm"))
THIS_CLUSTER = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "5")


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
    """A folder with a sweep that this machine ran without SLURM."""
    return _on_this_machine(config(tmp_path_factory.mktemp("undisturbed")).parent)


def _on_this_machine(folder: Path) -> Path:
    words = [sys.executable, "-m", "suite", "sweep", "--config", "study.yaml", "--cores", "2"]
    done = subprocess.run(words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    return folder


class Disturber:
    """Holds runs of a sweep still while they train, each once, so that something befalls them in their midst."""

    def __init__(self, folder: Path, sweep: subprocess.Popen):
        self.folder, self.sweep, self.works = folder, sweep, []

    def next_run(self) -> tuple[Path, psutil.Process, str]:
        """The work folder, stopped process and job of a run with a checkpoint that was not disturbed before."""
        while True:
            self.wait(lambda: self._undisturbed())
            work, trainer = self._undisturbed()[0]
            with suppress(psutil.NoSuchProcess):  # it has just ended
                trainer.suspend()
                self.works.append(work)
                return work, trainer, trainer.environ()["SLURM_JOB_ID"]

    def _undisturbed(self) -> list[tuple[Path, psutil.Process]]:
        runs = [(_work(self.folder, trainer), trainer) for trainer in trainers(self.folder)]
        return [run for run in runs if run[0] not in self.works and any(run[0].glob("checkpoint-*.npz"))]

    def wait(self, until: Callable[[], object], seconds: float = 600) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            assert self.sweep.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.1)


def _work(folder: Path, trainer: psutil.Process) -> Path:
    """The work folder of the run that a process trains."""
    record = Path(trainer.info["cmdline"][-1])
    return folder / "results/.work" / record.parent.relative_to("results/runs") / record.stem.split("-")[0]


def _log(work: Path) -> str:
    return (work / "log.txt").read_text()


def test_a_sweep_by_sbatch_is_one_of_this_machine(cluster, undisturbed, tmp_path):
    """Runs in turn within a job, as the profile has them, with what the rule asks for."""
    config(tmp_path)
    sweep, asked = cluster.start(tmp_path, "runs_per_job=10min"), set()
    while sweep.poll() is None:
        asked |= set(cluster("squeue", "--noheader", "--format=%Z|%m|%l|%C"))
        time.sleep(0.5)
    assert sweep.returncode == 0, (tmp_path / "log").read_text()
    assert_same_tables(undisturbed, tmp_path)
    steps = ("gather", "check", "statistics", "figures", "report")
    assert list(cluster.jobs(tmp_path).values()) == ["COMPLETED"] * (1 + len(steps))
    (training,) = of_training(Plan(tmp_path / "study.yaml"), {"runs_per_job": "10min"})
    assert f"{tmp_path}|{training.mem_mb({}, 1)}M|{training.runtime({})}:00|1" in asked


def test_jobs_requeued_cancelled_and_out_of_time_end_as_undisturbed_ones(cluster, undisturbed, tmp_path):
    """Snakemake does not see that SLURM requeues one; one that is cancelled, or out of time, it tries again."""
    config(tmp_path)
    disturber = Disturber(tmp_path, cluster.start(tmp_path))
    requests = {
        "requeued": ("scontrol", "requeue", "{}"),
        "CANCELLED": ("scancel", "{}"),
        "TIMEOUT": ("scontrol", "update", "JobId={}", "EndTime=now"),
    }
    ended = {}
    for what, words in requests.items():
        work, trainer, number = disturber.next_run()
        cluster(*(word.format(number) for word in words))
        disturber.wait(lambda number=number: cluster.jobs(tmp_path)[number] != "RUNNING")
        with suppress(psutil.NoSuchProcess):
            trainer.resume()
        ended[what] = work, number
    assert disturber.sweep.wait(1800) == 0, (tmp_path / "log").read_text()
    assert_same_tables(undisturbed, tmp_path)
    states = cluster.jobs(tmp_path)
    for what, (work, number) in ended.items():
        assert states[number] == ("COMPLETED" if what == "requeued" else what)
        assert "stopped by SIGTERM" in _log(work) and "resumes at step" in _log(work), _log(work)


def test_a_sweep_that_is_stopped_takes_its_jobs_along(cluster, undisturbed, tmp_path):
    """At TERM its jobs save, and it ends last. Where it was killed, the next one cancels what it left."""
    config(tmp_path)
    log = tmp_path / "log"
    disturber = Disturber(tmp_path, cluster.start(tmp_path))
    disturber.next_run()[1].resume()
    disturber.sweep.terminate()
    assert disturber.sweep.wait(300) == EXIT_INTERRUPTED, log.read_text()
    assert not cluster.jobs(tmp_path, "pending,running,completing") and not trainers(tmp_path)
    disturber = Disturber(tmp_path, cluster.start(tmp_path))
    disturber.next_run()[1].resume()
    disturber.sweep.kill()
    disturber.sweep.wait()
    main = {"snakemake", "--workflow-profile"}
    while mains := [one for one in processes(tmp_path) if main <= set(command_line(one))]:
        psutil.wait_procs(mains)  # they die with it, but not at once
    assert cluster.jobs(tmp_path, "running")
    assert cluster.start(tmp_path).wait(1800) == 0, log.read_text()
    assert "an earlier sweep was killed: its" in log.read_text()
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
    records = (there / "results/runs").rglob("*.parquet")
    assert max(len(read_meta(record).attempts) for record in records) > 1
    assert_same_tables(here, there)

"""Sweeps whose jobs another engine starts: what they ask for, and what becomes of them, without a cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml
from builders.runs import ROOT
from builders.sweeps import ENVIRONMENT, config

from suite.cli import slurm, sweep
from suite.cli.app import EXIT_INTERRUPTED
from suite.cli.children import Children
from suite.study import forecast, workflow
from suite.study.plan import Plan
from suite.study.rules import of_training

PROFILE = ROOT / "profiles/slurm/config.yaml"
MIB = 2**20


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], False),
        (["--quiet", "rules", "--", "--config", "runs_per_job=2"], False),
        (["--workflow-profile", "profiles/gpu"], False),
        (["--workflow-profile", "profiles/slurm"], True),
        (["-n", "--workflow-profile=profiles/slurm"], True),
        (["--workflow-profile", "profiles/slurm", "--executor", "local"], False),
        (["--executor", "kubernetes"], True),
        (["-e", "dryrun"], False),
        (["--profile", "of_the_site"], True),
        (["--profile", "of_the_site", "--workflow-profile", "profiles/gpu"], True),
        (["--profile", "of_nobody"], False),
    ],
)
def test_a_sweep_knows_whether_its_jobs_run_elsewhere(arguments, expected, tmp_path, monkeypatch):
    (tmp_path / "snakemake/of_the_site").mkdir(parents=True)
    (tmp_path / "snakemake/of_the_site/config.yaml").write_text("executor: lsf\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    monkeypatch.chdir(ROOT)
    assert workflow.runs_elsewhere(arguments) is expected


@pytest.mark.parametrize("of_int", [signal.default_int_handler, signal.SIG_IGN], ids=["in front", "in the background"])
def test_the_engine_alone_is_told_to_cancel(tmp_path, request, of_int):
    """INT, at which Snakemake cancels, and not its children, which may be at work for it."""
    before = signal.signal(signal.SIGINT, of_int)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    code = (
        "import signal, subprocess, sys, time; from pathlib import Path;"
        "child = subprocess.Popen(['sleep', '3']); Path('up').touch();\n"
        "try: time.sleep(60)\n"
        "except KeyboardInterrupt: Path('told').write_text(str(child.wait()))"
    )
    with Children() as children:

        def tell() -> None:
            while not (tmp_path / "up").exists():
                time.sleep(0.05)
            time.sleep(0.2)
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=tell).start()
        command = ["env", "--chdir", str(tmp_path), sys.executable, "-c", code]
        assert children.run(command, elsewhere=True) == EXIT_INTERRUPTED
    assert (tmp_path / "told").read_text() == "0"


def test_only_what_sweeps_of_this_directory_left_in_the_queue_is_cancelled(tmp_path, monkeypatch):
    """A queue that a file holds, by programs of SLURM's names."""
    prefix = yaml.safe_load(PROFILE.read_text())["slurm-jobname-prefix"] + "_"
    assert prefix == slurm.NAME
    (tmp_path / "queue").write_text(
        f"1|{prefix}1b2c|{tmp_path}\n2|{prefix}1b2c|{tmp_path}/other\n3|sweep.sh|{tmp_path}\n4|{prefix}3d4e|{tmp_path}\n"
    )
    programs = {"squeue": "cat queue", "scancel": 'for one in "$@"; do sed -i "/^$one|/d" queue; done'}
    for name, line in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\ncd {tmp_path}\n{line}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    assert slurm.stop() == 2
    assert [line[0] for line in (tmp_path / "queue").read_text().splitlines()] == ["2", "3"]
    (tmp_path / "queue").write_text(f"5|{prefix}1b2c|{tmp_path}\n")
    (tmp_path / "scancel").write_text("#!/bin/sh\n")  # it stays
    assert slurm.stop(waits=lambda: False) == 1
    monkeypatch.setenv("PATH", "/nowhere")
    assert slurm.stop() == 0


def test_a_job_asks_for_what_its_runs_need(tmp_path):
    """Memory of all seats in lockstep, of the largest run in turn; time of all; more memory at a further attempt."""
    plan = Plan(config(tmp_path, tasks=["Humanoid-v5"], env_steps=1_000_000, evaluate={"every": 100_000}))
    (alike,) = of_training(plan, {})
    cost = forecast.forecast(plan.cells[0])
    one, of_cell = forecast.resources(plan.cells[:1]), {"cell": plan.cells[0].path, "seed": "0"}
    assert (alike.mem_mb(of_cell, 1), alike.runtime(of_cell)) == one
    assert alike.mem_mb(of_cell, 2) == one.mem_mb * 3 // 2
    assert one.minutes * 60 > forecast.MARGIN * cost.seconds
    assert one.mem_mb > forecast.SNAKEMAKE_MIB + forecast.MARGIN * cost.work_bytes / MIB
    lockstep, in_turn = forecast.resources(plan.cells), forecast.resources(plan.cells, in_turn=True)
    assert len(plan.cells) == 2 and lockstep.minutes == in_turn.minutes > 1.5 * one.minutes
    assert in_turn.mem_mb == one.mem_mb
    assert lockstep.mem_mb == pytest.approx(one.mem_mb + forecast.MARGIN * cost.work_bytes / MIB, rel=0.01)
    jobs = of_training(plan, {"runs_per_job": 4})
    assert [(job.mem_mb({}, 1), job.runtime({})) for job in jobs] == [forecast.resources(plan.cells * 2, in_turn=True)]
    blocks = of_training(plan, {"seeds_per_job": 2})
    of_block = forecast.resources(plan.cells[:1] * 2)
    assert {block.mem_mb({"cell": plan.cells[0].path}, 1) for block in blocks} == {of_block.mem_mb}


def test_the_snakemake_within_a_job_is_no_sweep(tmp_path, monkeypatch):
    """Where a node is also where sweeps are started."""
    monkeypatch.chdir(tmp_path)
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)", "snakemake"]
    main, of_job = (subprocess.Popen([*sleeping, *more]) for more in ((), ("--mode", "remote")))
    try:
        assert sweep.snakemakes() == [main.pid] and of_job.poll() is None
    finally:
        for process in (main, of_job):
            process.kill()
            process.wait()


def _snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    words = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--configfile", "study.yaml"]
    options = {"cwd": folder, "env": ENVIRONMENT, "capture_output": True, "text": True, "timeout": 300}
    return subprocess.run([*words, *arguments], **options)


def test_the_profile_is_one_that_snakemake_takes_and_its_jobs_are_the_plan_s(tmp_path):
    pytest.importorskip("snakemake_executor_plugin_slurm")
    plan = Plan(config(tmp_path))
    done = _snakemake(tmp_path, "-n", "--workflow-profile", str(PROFILE.parent))
    assert done.returncode == 0, done.stderr
    (job,) = of_training(plan, yaml.safe_load(PROFILE.read_text())["config"] and {"runs_per_job": "10min"})
    assert f"mem_mb={job.mem_mb({}, 1)}, " in done.stdout and f"runtime={job.runtime({})}" in done.stdout
    assert "slurm_partition=" in done.stdout and "slurm_account=" in done.stdout


def test_a_job_on_a_node_is_tried_once_there(tmp_path):
    """The main process tries again, elsewhere if need be; a node's own would do so in the same allocation."""
    plan = Plan(config(tmp_path))
    record, run = next(iter(plan.runs.items()))
    (tmp_path / plan.work(run.cell, run.seed) / "lock").mkdir(parents=True)  # which fails
    remote = ["--mode", "remote", "--no-hooks", "--force", "--nolock", "--cores", "1", "--allowed-rules", "run"]
    done = _snakemake(tmp_path, *remote, "--", record)
    assert done.returncode == 1
    output = done.stdout + done.stderr
    assert output.count("Error in rule run") == 1 and "Trying to restart" not in output

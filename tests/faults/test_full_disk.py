"""A disk that takes no more, in every step: one sentence, exit code 2, no half file, and the same command goes on."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys

import pytest
from builders.runs import ROOT
from builders.sweeps import ENVIRONMENT, assert_same_tables, config, content

from suite.study.plan import Plan

STEPS = ("manifest", "gather", "check", "statistics", "figures", "report")


def command(folder, *arguments, bytes_at_most=None):
    """A command in a folder, where no file may grow beyond so many bytes: the system then says what a full disk says,
    but for its errno."""
    limited = None if bytes_at_most is None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_at_most,) * 2)
    words = [sys.executable, "-m", "suite", *arguments]
    return subprocess.run(words, cwd=folder, env=ENVIRONMENT, preexec_fn=limited, capture_output=True, text=True)


def assert_refused(done, before, folder):
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("error: ") == 1 and "File too large); make room" in done.stderr
    assert "Traceback" not in done.stderr
    assert content(folder) == before


@pytest.mark.parametrize("step", STEPS)
def test_a_step_without_room_leaves_everything_as_it_was(whole, tmp_path, step):
    folder = tmp_path / "study"
    shutil.copytree(whole, folder)
    if step == "manifest":  # which writes what is new, and no more
        (folder / "results/studies/study/manifest.parquet").unlink()
    before = content(folder)
    assert_refused(command(folder, step, "--config", "study.yaml", bytes_at_most=0), before, folder)
    done = command(folder, step, "--config", "study.yaml")
    assert done.returncode in (0, 3), done.stderr  # 3: nothing is published of so short a run
    assert_same_tables(whole, folder)


def test_a_run_without_room_goes_on_when_there_is_some(whole, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(whole, folder)
    records = list(Plan(config(folder)).runs)
    (folder / records[0]).unlink()
    arguments = ["run", "--config", "study.yaml", "--attempts", "1", records[0]]
    done = command(folder, *arguments, bytes_at_most=10_000)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].endswith("File too large); make room, and the same command goes on")
    assert not (folder / records[0]).exists() and not list(folder.rglob("*.tmp"))
    assert command(folder, *arguments).returncode == 0
    assert command(folder, "gather", "--config", "study.yaml").returncode == 0
    assert_same_tables(whole, folder)


NAMESPACE = ("unshare", "--map-root-user", "--mount")  # where anybody may mount, if the system lets them
SOON = ("run", "report")


@pytest.mark.parametrize(
    "step", [pytest.param(one, marks=[] if one in SOON else pytest.mark.slow) for one in ("run", *STEPS)]
)
def test_so_it_is_on_a_disk_that_is_full(whole, tmp_path, step):
    """A file system in memory, filled to its last block."""
    mount = [*NAMESPACE, "mount", "-t", "tmpfs", "none", str(tmp_path)]
    if shutil.which("unshare") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this system lets nobody mount in a namespace of their own")
    words = [*NAMESPACE, sys.executable, ROOT / "tests/faults/full_disk.py", whole, tmp_path, step]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

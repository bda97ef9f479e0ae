"""A small study in a folder of its own, the processes that train it, and the tables that it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import psutil
import yaml

from builders.runs import ROOT
from suite.study.gather import MAKING

ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def config(folder: Path, **changes: object) -> Path:
    """A study of four Pendulum-v1 runs of a few seconds each."""
    sweep = {
        "tasks": ["Pendulum-v1"],
        "env_steps": 1400,
        "evaluate": {"every": 200, "episodes": 2},
        "seeds": [0, 1],
        "implementations": ["torch"],
        "ablations": ["temperature"],
        "baseline": "sac_v2_small",
    } | changes
    data = {"sweeps": [sweep], "execution": {"checkpoint_seconds": 0.3}, "report": {"resamples": 500}}
    path = Path(folder) / "study.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def snakemake(cwd: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Snakemake as a user would call it, in a directory of its own."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--workflow-profile", str(ROOT / "profiles/default"), "--configfile", "study.yaml", *arguments]
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=900)


def tables(folder: Path) -> dict[str, object]:
    """The numbers a reader would see."""
    where = folder / "results/studies/study"
    runs = pd.read_parquet(where / "runs.parquet").drop(columns=list(MAKING))
    found = {name: pd.read_parquet(where / f"{name}.parquet") for name in ("manifest", "evaluations", "diagnostics")}
    return found | {"runs": runs, "results": json.loads((where / "results.json").read_text())}


def content(folder: Path) -> dict[Path, bytes]:
    """Every file's; the mark that tables are whole is removed before the first of them is written."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("made_of")]
    return {path: path.read_bytes() for path in files}


def assert_same_tables(a: Path, b: Path) -> None:
    """Two folders' studies have the same tables, to the last bit."""
    left, right = tables(a), tables(b)
    assert left.keys() == right.keys()
    for name in left:
        if isinstance(left[name], pd.DataFrame):
            pd.testing.assert_frame_equal(left[name], right[name])
        else:
            assert left[name] == right[name], name


def has_checkpoint(folder: Path, trainer: psutil.Process) -> bool:
    """Whether the run would be resumed, not begun anew, if it were killed now."""
    record = Path(trainer.info["cmdline"][-1])
    cell, seed = record.parent.relative_to("results/runs"), record.stem.split("-")[0]
    return any((folder / "results/.work" / cell / seed).glob("checkpoint-*.npz"))


def trainers(folder: Path) -> list[psutil.Process]:
    """The processes that train in a folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if process.info["cwd"] == str(folder) and words[1:3] == ["-m", "suite"] and "run" in words[3:6]:
            found.append(process)
    return found


def processes(folder: Path) -> list[psutil.Process]:
    """Every process that works in a folder, this one's apart."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "status"]):
        if process.info["cwd"] == str(folder) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def hear_signals() -> None:
    """In a child, before its program: HUP and INT are heard even where the tests run under nohup, or behind a shell."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def start_sweep(folder: Path, log: Path, *arguments: str) -> subprocess.Popen:
    """A sweep of the folder's study on two cores, in the background; arguments: what Snakemake is given besides."""
    command = [sys.executable, "-m", "suite", "sweep", "--config", "study.yaml", "--cores", "2", "--", *arguments]
    with log.open("w") as file:
        options = {"cwd": folder, "env": ENVIRONMENT, "stdout": file, "stderr": file}
        return subprocess.Popen(command, **options, preexec_fn=hear_signals)


def command_line(process: psutil.Process) -> list[str]:
    """A process's command line; empty once it has ended."""
    try:
        return process.cmdline()
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return []

"""`status`: where every run stands and how the forecast held; watched on a terminal, piped, interrupted, to its end."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from builders.runs import ROOT, called
from builders.sweeps import ENVIRONMENT, config

from suite.cli import progress
from suite.lab import records
from suite.lab.progress import Progress
from suite.lab.usage import Usage
from suite.study.plan import Plan

KEPT = records.read(next((ROOT / "tests/fixtures/records_schema_1").rglob("*.parquet")))
WATCH = [sys.executable, "-m", "suite", "status", "--config", "study.yaml", "--watch", "--every", "0.2"]


@pytest.fixture
def plan(tmp_path, monkeypatch) -> Plan:
    monkeypatch.chdir(tmp_path)
    return Plan(config(tmp_path))


def finish(*paths: str, **changes: object) -> None:
    """Records of runs as if they had finished."""
    usage = Usage(cpu_time_s=20.0, peak_bytes=400_000_000, work_bytes=0)
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        records.write(Path(path), replace(KEPT.meta, block=(0,), usage=usage, **changes), KEPT.rows)


def begin(plan: Plan, path: str) -> None:
    """A run half of whose steps are made, now."""
    run, one = plan.runs[path], Progress(700, -900.0, 0.2, 50.0, 14.0, False, 1, time.time())
    folder = plan.work(run.cell, run.seed)
    folder.mkdir(parents=True)
    (folder / "progress.json").write_text(json.dumps(one._asdict()))


def test_the_status_names_what_runs_failed_or_are_under_way_and_how_the_forecast_held(plan):
    a, b, c, d = plan.runs
    finish(a, b)
    finish(c, status="diverged", stopped_at=90)
    begin(plan, d)
    done = called("status", "--config", "study.yaml", cwd=Path.cwd())
    assert done.returncode == 0 and "4 runs: 2 finished, 1 diverged, 1 running; about 10 s left" in done.stdout
    assert "s0 diverged" in done.stdout and "s1 700/1,400 -900" in done.stdout
    held = next(line for line in done.stdout.splitlines() if line.strip().startswith("all "))
    assert "0.0111" in held and "400" in held, "of the two that finished: 40 s on cores, 400 MB"


def test_a_piped_watch_prints_plain_lines_and_ends_with_the_sweep(plan):
    first, *others = plan.runs
    finish(*others)
    begin(plan, first)
    with subprocess.Popen(WATCH, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as watch:
        head = [watch.stdout.readline() for _ in range(4)]
        finish(first)
        rest = watch.stdout.read()
        assert watch.wait(30) == 0
    assert "4 runs: 3 finished, 1 running; about 10 s left" in head[0] and "s0 700/1,400" in head[1]
    assert "4 runs: 3 finished" in head[2], "once an interval"
    assert rest.splitlines()[-1].endswith("4 runs: 4 finished") and "\x1b" not in "".join(head) + rest


@pytest.mark.parametrize("terminal", [True, False])
def test_ctrl_c_ends_a_watch_without_a_traceback(plan, terminal):
    ours, theirs = pty.openpty()
    output = theirs if terminal else subprocess.PIPE
    options = {"stdout": output, "stderr": subprocess.STDOUT, "start_new_session": True}
    watch = subprocess.Popen(WATCH, env=ENVIRONMENT | {"TERM": "xterm", "COLUMNS": "150"}, **options,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))  # fmt: skip
    os.close(theirs)
    source = ours if terminal else watch.stdout.fileno()
    shown = b""
    while b"missing" not in shown:  # with a terminal's colours between the words
        shown += os.read(source, 65536)
    watch.send_signal(signal.SIGINT)
    with suppress(OSError):  # so a terminal ends
        while more := os.read(source, 65536):
            shown += more
    assert watch.wait(30) == 0 and b"Traceback" not in shown
    os.close(ours)


def test_on_a_low_terminal_a_watch_joins_the_arms_of_a_task(plan):
    states = progress.Watch(plan).states()
    (summary, table), (_, joined) = (progress._at_a_glance(plan, states, height).renderables for height in (50, 7))
    assert summary == "4 runs: 4 missing"
    assert (table.row_count, joined.row_count) == (2, 1) and len(joined.columns) == len(table.columns) - 1

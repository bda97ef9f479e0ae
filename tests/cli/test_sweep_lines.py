"""What the terminal shows of a sweep: its runs and failures; and all else is in the file that it names."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from builders.runs import ROOT
from builders.sweeps import config

from suite.cli import sweep, sweep_lines
from suite.cli.children import Children
from suite.cli.sweep_lines import Lines
from suite.lab import records
from suite.study.plan import Plan

KEPT = records.read(next((ROOT / "tests/fixtures/records_schema_1").rglob("*.parquet")))
FAILURE = """[Fri Nov 27 20:48:52 2026]
Error in rule run:
    message: None
    jobid: 3
    output: {record}
    log: {log} (check log file(s) for error details)
    shell:
        exec python -m suite run
        (command exited with non-zero exit code)

Select jobs to execute..."""


@pytest.fixture
def plan(tmp_path, monkeypatch) -> Plan:
    monkeypatch.chdir(tmp_path)
    return Plan(config(tmp_path))


def lines_of(plan: Plan, targets=(), asked=False) -> Lines:
    return Lines(plan, targets, 2, lambda: asked)


def record(path: str, **changes: object) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    records.write(Path(path), replace(KEPT.meta, **changes), KEPT.rows)


def test_a_line_for_each_run_that_ends(plan, capsys):
    a, b, c, d = plan.runs
    record(a)
    lines = lines_of(plan)
    lines.begin()
    assert capsys.readouterr().out == f"4 runs, 1 of them there; what Snakemake prints: {lines.log}\n"
    record(b, wall_time_s=24.0)
    lines.look()
    rows = KEPT.episodes
    value = rows["return"].to_numpy()[rows["env_step"].to_numpy() == max(rows["env_step"].to_pylist())].mean()
    name = f"{plan.runs[b].cell.variant} Pendulum-v1 seed 1"
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"[2/4] {name}: return {value:.4g}, 24 s; about ") and line.endswith(" left")
    lines.look()
    assert capsys.readouterr().out == "", "nothing is said twice"
    record(c, status="diverged", stopped_at=90, last_env_step=90, message="no finite number", wall_time_s=5.0)
    Path(d).write_bytes(b"torn")
    lines.look()
    third, fourth = capsys.readouterr().out.splitlines()
    work = plan.work(plan.runs[c].cell, plan.runs[c].seed)
    assert third.endswith(f"diverged at step 90, 5 s: no finite number; log: {work}/log.txt")
    assert fourth.startswith("[4/4] ") and fourth.endswith(f"invalid, see {d}")


def test_targets_are_counted_alone_and_implementations_named_where_there_are_several(plan, tmp_path, capsys):
    targets = list(plan.runs)[:1]
    lines = lines_of(plan, targets)
    lines.begin()
    assert capsys.readouterr().out.startswith("1 runs, 0 of them there")
    several = Plan(config(tmp_path, implementations=["torch", "jax"]))
    assert "jax Pendulum-v1" in lines_of(several)._name(list(several.runs.values())[-1])


def test_failures_show_with_reason_and_log_and_all_is_kept(plan, capsys):
    (first, *_) = plan.runs
    log = Path("job.log")
    log.write_text("Traceback\n  ...\nKeyError: 'x'\n\n")
    text = FAILURE.format(record=first, log=log)
    lines = lines_of(plan)
    for line in ["localrule gather:", "    input: x", *text.splitlines(), "error: the disk is full; make room"]:
        lines.hear(line)
    shown = capsys.readouterr()
    name = f"{plan.runs[first].cell.variant} Pendulum-v1 seed 0"
    assert shown.out == "gather ...\n"
    assert shown.err.splitlines() == [
        f"failed: {name}; last line of job.log: KeyError: 'x'", "error: the disk is full; make room"
    ]  # fmt: skip
    assert text in lines.log.read_text()
    lines.end(1)
    assert capsys.readouterr().err == "", "it has been told"


def test_a_step_that_fails_names_the_sweeps_log_and_a_stop_is_no_failure(plan, capsys):
    lines = lines_of(plan)
    for line in ("Error in rule statistics, jobid: 2:", "    output: results.json", ""):
        lines.hear(line)
    assert capsys.readouterr().err == f"failed: statistics; log: {lines.log}\n"
    asked = lines_of(plan, asked=True)
    for line in (*FAILURE.splitlines(), "error"):
        asked.hear(line)
    asked.end(75)
    assert capsys.readouterr().err == ""


def test_an_end_that_nothing_explains_shows_snakemakes_last_lines(plan, capsys):
    lines = lines_of(plan)
    for n in range(100):
        lines.hear(f"line {n}")
    lines.end(1)
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == f"Snakemake ended with code 1; its last lines, of {lines.log}:" and shown[-1] == "line 99"
    assert len(shown) == 1 + sweep_lines.LAST


def test_a_long_silence_tells_what_is_under_way(plan, capsys, monkeypatch):
    monkeypatch.setattr(sweep_lines, "SILENT_S", 0.0)
    lines = lines_of(plan)
    time.sleep(0.01)
    lines.look()
    assert capsys.readouterr().out.startswith("[0/4] 0 under way; about ")


def test_what_asks_snakemake_to_print_is_printed(plan, capfd):
    command = [sys.executable, "-c", "print('a long table')"]
    with Children() as children:
        assert sweep._followed(plan, [*command, "-n"], children, (), 1) == 0
        assert capfd.readouterr().out == "a long table\n"
        assert sweep._followed(plan, command, children, (), 1) == 0
    assert "a long table" not in capfd.readouterr().out
    assert "a long table\n" in next(Path(".snakemake/log").iterdir()).read_text()


def test_children_hand_their_lines_on_and_are_looked_after_meanwhile():
    code = (
        "import sys, time; print('a'); print(b'\\xff'.decode('latin1'), file=sys.stderr); time.sleep(1.5); sys.exit(3)"
    )
    heard, looks = [], []
    with Children() as children:
        assert children.run([sys.executable, "-c", code], heard.append, lambda: looks.append(1)) == 3
        assert children.run([sys.executable, "-c", "pass"]) == 0
    assert sorted(heard) == ["a", "ÿ"] and len(looks) >= 2


def test_an_output_that_outlives_the_command_keeps_nobody_waiting():
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(8)'])"
    began = time.monotonic()
    with Children() as children:
        assert children.run([sys.executable, "-c", code], lambda line: None) == 0
    assert time.monotonic() - began < 7


def test_a_full_disk_or_a_terminal_that_is_gone_does_not_end_the_sweep(plan, monkeypatch):
    lines = lines_of(plan)
    Path(".snakemake").write_text("no folder")
    monkeypatch.setattr("click.echo", lambda line, err: (_ for _ in ()).throw(BrokenPipeError()))
    lines.hear("error: anything")
    assert lines.explained

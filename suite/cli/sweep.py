"""Sweeps: Snakemake on a config, after clearing what a killed sweep left behind, and only what nobody owns."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import psutil

from suite.analysis.declared import declared_of
from suite.analysis.types import CellKey
from suite.cli import slurm
from suite.cli.children import Children
from suite.cli.sweep_lines import RATHER_PRINTED, Lines
from suite.errors import UsageError
from suite.files import remove_temporaries
from suite.gate import check, outcome
from suite.lab.records import RecordError, arrays_path, move, read_meta
from suite.statistics.equivalence import INCONCLUSIVE
from suite.study import gather, ownership, workflow
from suite.study.plan import Plan

ORPHANS_WAIT_S = 60.0  # how long trainers whose sweep was killed may take to notice, checkpoint and go


def until_decided(plan: Plan, cores: int, arguments: Sequence[str], children: Children) -> int:
    """A sweep that trains the seeds of one look after the other, and of the next only where the check is undecided;
    Snakemake's exit code.

    Every cell gets the seeds of the first look; those of arms and of what no gate hangs on get no more. Then the report
    is made of what there is. What rather prints than trains does so of the whole plan.
    """
    if RATHER_PRINTED.intersection(arguments):
        return sweep(plan, cores, arguments, children)
    seeds: dict[CellKey, list[int]] = {}
    for run in plan.runs.values():
        seeds.setdefault(CellKey(*run.cell.key), []).append(run.seed)
    undecided = set(seeds)
    for look in plan.config.check.looks:
        wanted = {(cell, seed) for cell in undecided for seed in seeds[cell][:look]}
        records = [record for record, run in plan.runs.items() if (CellKey(*run.cell.key), run.seed) in wanted]
        if code := sweep(plan, cores, arguments, children, records):
            return code
        gather.main(plan, say=lambda line: None)
        rows = check.main(plan.study_dir, plan.config.check, declared_of(plan.config)).rows
        undecided = {
            CellKey(row.task, row.implementation, row.run_id)
            for row in rows
            if row.gated and row.verdict == INCONCLUSIVE and not row.exhausted
        }
        click.echo(f"after {look} seeds: {outcome.gate_line(rows)}")
        if not undecided:
            break
    for command in ("gather", "check", "statistics", "figures", "report"):
        code = children.run([sys.executable, "-m", "suite", command, "--config", str(plan.path)])
        if code not in (0, outcome.NOTHING):
            return code
    left = sum(not Path(record).exists() for record in plan.runs)
    click.echo(f"{left} of {len(plan.runs)} planned runs were not needed; report: {plan.report_dir / 'report.html'}")
    return 0


def sweep(plan: Plan, cores: int, arguments: Sequence[str], children: Children, targets: Sequence[str] = ()) -> int:
    """Snakemake's exit code on these records, or on the plan's default target; prints the report's path at the end.

    UsageError while another sweep works in this directory. A lock that a killed Snakemake left is removed once no
    process that could own it is alive.
    """
    plan.check_writable()
    base = [sys.executable, "-m", "snakemake", "--configfile", str(plan.path.absolute()), *workflow.snakefile_options()]
    lock = ownership.take(plan)
    try:
        if owners := snakemakes():
            raise UsageError(f"Snakemake is already running here (process {owners[0]}); wait for it or stop it first")
        elsewhere = workflow.runs_elsewhere(arguments)
        if elsewhere and (left := slurm.stop()):
            click.echo(f"an earlier sweep was killed: its {left} jobs in SLURM's queue are cancelled", err=True)
        _wait_for_orphans()
        _clear_interrupted(plan)
        if any(Path(".snakemake/locks").glob("*")):
            line = "an earlier sweep was killed: its lock is removed, its runs continue from their checkpoints"
            click.echo(line, err=True)
            subprocess.run([*base, "--unlock"], check=True, capture_output=True)
        options = ["--cores", str(cores), *map(workflow.find_profile, arguments)]
        command = [*base[:3], *targets, *base[3:], *options]
        click.echo(shlex.join(command), err=True)
        code = _followed(plan, command, children, targets, 0 if elsewhere else cores)
        if elsewhere and children.asked:
            slurm.stop(waits=lambda: not children.forced)
    finally:
        ownership.release(lock)
    report = plan.report_dir / "report.html"
    if code == 0 and report.exists() and not targets:
        click.echo(f"report: {report}")
    return code


def _followed(plan: Plan, command: Sequence[str], children: Children, targets: Sequence[str], at_once: int) -> int:
    """Runs Snakemake, with a line for whatever ends; as it is where it was asked to print something itself.

    at_once: how many runs there may be at a time on this machine; 0: they are elsewhere, as many as run.
    """
    if RATHER_PRINTED.intersection(command):
        return children.run(command, elsewhere=not at_once)
    lines = Lines(plan, targets, at_once, asked=lambda: bool(children.asked))
    lines.begin()
    code = children.run(command, lines.hear, lines.look, elsewhere=not at_once)
    lines.end(code)
    return code


def _clear_interrupted(plan: Plan) -> None:
    """Removes the records of interrupted runs, so that this sweep tries them again, and what killed writers left;
    brings in the records that wait."""
    remove_temporaries(*{Path(record).parent for record in plan.runs}, plan.study_dir, plan.report_dir)
    for record, run in plan.runs.items():
        path = Path(record)
        if not path.exists() and plan.waiting(run).exists():
            move(plan.waiting(run), path)
        if run.cell.implementation in plan.imported or not path.exists():
            continue
        try:
            interrupted = read_meta(path).status == "interrupted"
        except RecordError:
            continue
        if interrupted:
            click.echo(f"{record} was interrupted: it is tried again", err=True)
            path.unlink()
            arrays_path(path).unlink(missing_ok=True)


def snakemakes() -> list[int]:
    """The processes that run Snakemake in this directory, but this one's family and what jobs start (with --mode)."""
    return _processes(lambda words: any(Path(word).name == "snakemake" for word in words[:4]) and "--mode" not in words)


def trainers() -> list[int]:
    """The processes that train in this directory."""
    return _processes(lambda words: words[1:3] == ["-m", "suite"] and "run" in words[3:6])


def _processes(matches: Callable[[list[str]], bool]) -> list[int]:
    family = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    processes = []
    for process in psutil.process_iter(["pid", "cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if process.info["pid"] not in family and process.info["cwd"] == str(Path.cwd()) and matches(words):
            processes.append(process.info["pid"])
    return processes


def _wait_for_orphans() -> None:
    """Gives trainers of a killed sweep the time to checkpoint; UsageError naming one that stays."""
    until = time.monotonic() + ORPHANS_WAIT_S
    while left := trainers():
        if time.monotonic() > until:
            raise UsageError(f"process {left[0]} still trains here without a sweep; stop it first (kill {left[0]})")
        time.sleep(0.2)

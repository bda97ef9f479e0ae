"""The benchmark of what comes after training: a made-up study from its records to its report, and one run more.

Every step is a process of its own, as the Snakefile starts it, and they come one after the other: first of a study of
which there is nothing but records, then again when a single run has been added. Last the whole is made anew by
Snakemake. Seconds are by the clock on the wall, so that the machine must be quiet; processor seconds stand beside them.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.bench import made_up
from suite.bench.engines import Machine, Say, environment_of, machine
from suite.bench.made_up import CONFIG, STUDY, Shape
from suite.bench.watching import watched
from suite.study import workflow

STEPS = ("gather", "check", "statistics", "figures", "report")
PARALLEL = ("statistics", "figures")
NOTHING_PUBLISHED = 3  # the exit code of a check that has nothing to compare, which is no fault
LIMIT_S = 60.0  # of the whole
MADE = ("reports", "results/studies")


@dataclass(frozen=True)
class Step:
    """A step's seconds on the wall and of processors, the most megabytes in memory, and the last line it printed."""

    seconds: float
    processor_seconds: float
    memory_mb: float
    last_line: str


@dataclass(frozen=True)
class Result:
    """Every step of a whole study, and again after one run more; the same by Snakemake; load: see os.getloadavg."""

    machine: Machine
    load: float
    shape: Shape
    cells: int
    runs: int
    workers: int
    whole: dict[str, Step]
    one_run_more: dict[str, Step]
    by_snakemake: Step
    limit_s: float = LIMIT_S


def run(shape: Shape = STUDY, *, workers: int | None = None, say: Say = lambda line: None) -> Result:
    """Measures every step; workers: processes at once, where a step takes several, by default one a core."""
    load, workers = os.getloadavg()[0], workers or os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("a study is made up")
        plan = made_up.write_study(folder, shape)
        whole = _steps(folder, workers, say)
        made_up.add_run(folder, shape)
        one_run_more = _steps(folder, workers, say)
        by_snakemake = _by_snakemake(folder, workers, say)
    sizes = len(plan.cells), len(plan.runs)
    return Result(machine(), load, shape, *sizes, workers, whole, one_run_more, by_snakemake)


def _steps(folder: Path, workers: int, say: Say) -> dict[str, Step]:
    measured = {}
    for name in STEPS:
        say(name)
        at_once = ["--workers", str(workers)] if name in PARALLEL else []
        codes: tuple[int, ...] = (0, NOTHING_PUBLISHED) if name == "check" else (0,)
        measured[name] = _measured(["suite", name, "--config", CONFIG, *at_once], folder, codes)
    return measured


def _by_snakemake(folder: Path, workers: int, say: Say) -> Step:
    """Everything made anew, of the records alone."""
    for made in MADE:
        shutil.rmtree(folder / made)
    say("everything by Snakemake")
    home = ["--snakefile", str(Path(workflow.snakefile()).resolve())]
    return _measured(["snakemake", *home, "--configfile", CONFIG, "--cores", str(workers)], folder, (0,))


def _measured(module: Sequence[str], folder: Path, codes: tuple[int, ...]) -> Step:
    command = [sys.executable, "-m", *module]
    done = watched(" ".join(module[:2]), command, environment_of(pinned=True), folder, codes)
    lines = done.answer.strip().splitlines()
    return Step(done.wall_s, done.processor_s, done.peak_mb, lines[-1] if lines else "")


# --- as text


def render(result: Result) -> str:
    """The table as text."""
    shape, blank = result.shape, " " * 12
    lines = [
        f"{result.cells} cells x {shape.seeds} seeds = {result.runs} runs, {shape.checkpoints} evaluations each, "
        f"{result.workers} workers; {result.machine}, load {result.load:.1f} before",
        f"{blank}{'the whole':^30}  {'one run more':^30}",
        f"{blank}" + "  ".join([f"{'s':>10}{'processor s':>12}{'MB':>8}"] * 2),
    ]
    for name in STEPS:
        lines.append(f"{name:<12}{_columns(result.whole[name])}  {_columns(result.one_run_more[name])}")
    sums = [sum(step.seconds for step in steps.values()) for steps in (result.whole, result.one_run_more)]
    work = [sum(step.processor_seconds for step in steps.values()) for steps in (result.whole, result.one_run_more)]
    lines += [
        f"{'together':<12}" + "  ".join(f"{s:>10.1f}{p:>12.1f}{'':>8}" for s, p in zip(sums, work, strict=True)),
        f"at most {result.limit_s:.0f} s for the whole on a quiet machine; figures: "
        f"{result.whole['figures'].last_line}, then {result.one_run_more['figures'].last_line}",
        f"by Snakemake, everything anew: {result.by_snakemake.seconds:.1f} s, "
        f"{result.by_snakemake.processor_seconds:.1f} processor s, {result.by_snakemake.memory_mb:.0f} MB",
    ]
    return "\n".join(lines)


def _columns(step: Step) -> str:
    return f"{step.seconds:>10.1f}{step.processor_seconds:>12.1f}{step.memory_mb:>8.0f}"

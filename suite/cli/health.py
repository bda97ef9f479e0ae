"""Health: what is wrong around the runs of a study, beside what they have found; and what can be mended safely."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil

from suite.cli import sweep
from suite.files import leftovers, remove_temporaries
from suite.lab.checkpoint import Checkpoints, Maker, OwnedError
from suite.lab.records import move
from suite.study import workflow
from suite.study.cells import Planned
from suite.study.forecast import forecast
from suite.study.gather import gather
from suite.study.plan import Plan


class Finding(NamedTuple):
    """Something wrong: what, where, the command that mends it, and what does so here (None: somebody must decide)."""

    what: str
    where: str
    command: str
    mend: Callable[[], object] | None = None


def findings(plan: Plan) -> list[Finding]:
    """Everything that is wrong around a study; what a sweep that runs has in its hands is left alone."""
    of_processes = [] if sweep.snakemakes() else [*_orphans(), *_of_snakemake(plan)]
    of_files = [*_waiting(plan), *_checkpoints(plan), *_temporaries(plan)]
    return [*of_processes, *of_files, *_records(plan), *_disk(plan)]


def _command(plan: Plan, name: str, *words: str) -> str:
    return shlex.join(["python", "-m", "suite", name, "--config", str(plan.path), *words])


def _orphans() -> Iterator[Finding]:
    """Trainers without a sweep; told to stop, they save."""
    for pid in sweep.trainers():
        stop = partial(psutil.Process(pid).send_signal, signal.SIGTERM)
        yield Finding("a process trains here and belongs to no sweep", f"process {pid}", f"kill {pid}", stop)


def _of_snakemake(plan: Plan) -> Iterator[Finding]:
    """What a killed Snakemake leaves; outputs that it takes for incomplete it makes again by itself."""
    if any(Path(".snakemake/locks").glob("*")):
        words = ["-m", "snakemake", "--configfile", str(plan.path), *workflow.snakefile_options(), "--unlock"]
        unlock = partial(subprocess.run, [sys.executable, *words], check=True, capture_output=True)
        yield Finding(
            "Snakemake was killed and has left its lock", ".snakemake/locks", shlex.join(["python", *words]), unlock
        )


def _waiting(plan: Plan) -> Iterator[Finding]:
    """Records that a killed job has left in its work folder."""
    for record, run in plan.runs.items():
        waiting = plan.waiting(run)
        if waiting.exists() and not Path(record).exists():
            take_in = partial(move, waiting, Path(record))
            yield Finding("a run's record is not in its place", str(waiting), _command(plan, "sweep"), take_in)


def _checkpoints(plan: Plan) -> Iterator[Finding]:
    """Checkpoints from which no run could go on, of runs that are still to be made."""
    for record, run in plan.runs.items():
        folder = plan.work(run.cell, run.seed)
        if Path(record).exists() or not folder.is_dir():
            continue
        try:
            checkpoints = _owned(folder, run)
        except OwnedError:
            continue
        for step, reason in sorted(checkpoints.examine().items()):
            what = f"the checkpoint at step {step:,} cannot be used, since {reason}"
            yield Finding(what, str(folder), _command(plan, "sweep"), partial(_admit, folder, run))
        checkpoints.release()


def _owned(folder: Path, run: Planned) -> Checkpoints:
    """A run's checkpoints, to be judged by whose they are; what numerics made them, the run itself asks."""
    return Checkpoints(folder, Maker(run.cell.run_id, run.seed, {}, {}, ""))


def _admit(folder: Path, run: Planned) -> None:
    checkpoints = _owned(folder, run)
    checkpoints.admit()
    checkpoints.release()


def _temporaries(plan: Plan) -> Iterator[Finding]:
    """What killed writers have left."""
    folders = [Path(plan.config.results), Path(plan.config.reports)]
    every = (one for folder in folders for one in (folder, *folder.rglob("*")) if one.is_dir())
    for folder in dict.fromkeys(path.parent for one in every for path in leftovers(one)):
        count = len(leftovers(folder))
        what = f"{count} temporary file{'s' if count > 1 else ''} of writers that were killed"
        yield Finding(what, str(folder), _command(plan, "doctor", "--mend"), partial(remove_temporaries, folder))


def _records(plan: Plan) -> Iterator[Finding]:
    """Records that do not count; whether their runs are made again, somebody must decide."""
    runs = gather(plan, say=lambda line: None)["runs"]
    for status in ("invalid", "interrupted", "timeout"):
        of_it = runs[runs["status"] == status]
        if len(of_it):
            what = f"{len(of_it)} of {len(runs)} runs {status}: {of_it['message'].iloc[0]}"
            yield Finding(what, of_it["path"].iloc[0], _command(plan, "retry", "--status", status))
    if stale := int(runs["stale"].sum()):
        first = runs[runs["stale"]].iloc[0]
        what = f"{stale} of {len(runs)} runs stale: {first['stale_reason']}"
        yield Finding(what, first["path"], _command(plan, "retry", "--status", "stale"))


def _disk(plan: Plan) -> Iterator[Finding]:
    """A disk that has too little room for what is left to do, if all of it were under way at once."""
    left = [run.cell for record, run in plan.runs.items() if not Path(record).exists()]
    costs = [forecast(cell) for cell in left if cell.implementation not in plan.imported]
    needed = sum(cost.work_bytes + cost.kept_bytes for cost in costs)
    place = next(folder for folder in Path(plan.config.results, "x").absolute().parents if folder.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        what = f"{free / 1e9:.1f} GB are free, and what is left of the study may take {needed / 1e9:.1f} GB"
        yield Finding(what, str(place), f"df -h {shlex.quote(str(place))}")

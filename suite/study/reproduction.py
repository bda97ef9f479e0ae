"""Reproduction: released runs, drawn by a seed, are trained again and held against their records.

The present code trains them, from a temporary folder, or that of the commit that made the record. Only records whose
numbers the present code says it would give are drawn, so that this is a test of that claim as of the records: on the
processor that made a record every number must be the same. Another one may round otherwise, and then the run is held
against what one more run of its cell may return.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import yaml

import implementations
from suite.errors import UsageError
from suite.files import atomic
from suite.lab import machine
from suite.lab.records import Record, RecordError, read, rows_digest
from suite.sac.source import ROOT
from suite.statistics.equivalence import prediction_check
from suite.study import config
from suite.study.cells import Planned
from suite.study.gather import outcomes
from suite.study.plan import Plan
from suite.study.release import released
from suite.study.sources import History, Sources, SourcesError, environment

CONFIDENCE = 0.99  # of the interval in which one more run of a cell lies
Outcome = Literal["SAME", "WITHIN", "OTHER", "NO RECORD"]
"""Every number is the record's; others, within what one more run of its cell may return; beyond that, or of a cell of
one run; or training left nothing."""

Choice = Literal["present", "own"]
"""Which code trains a run again: the present one, or that of the commit that made its record."""


class Drawn(NamedTuple):
    """A run that is to be trained again. returned: what its cell's released runs did, each at its end."""

    plan: Plan
    planned: Planned
    then: Record
    returned: tuple[float, ...]


class Reproduced(NamedTuple):
    """A row of the table. commit: of the sources that trained it again; then, now: mean return of the last evaluation;
    low, high: where one more run of the cell's lies; made_on, trained_on: processors."""

    study: str
    task: str
    implementation: str
    variant: str
    run_id: str
    seed: int
    env_steps: int
    sources: Choice
    commit: str
    outcome: Outcome
    then: float
    now: float | None
    low: float | None
    high: float | None
    made_on: str
    trained_on: str

    @property
    def holds(self) -> bool:
        """Whether it is as it must be: the same on the same processor, within the interval on another."""
        return self.outcome == "SAME" or (self.outcome == "WITHIN" and self.made_on != self.trained_on)


def draw(folders: Sequence[Path], number: int, seed: int, say: Callable[[str], None] = print) -> list[Drawn]:
    """So many of the released runs in these folders, all equally likely, without replacement and in the order drawn.

    Left out: imported and stale runs, those that did not finish, and those of packages, which promise no equal numbers.
    UsageError if there are fewer, or none is asked for.
    """
    plans = [released(folder) for folder in sorted({folder.resolve() for folder in folders})]
    names = [plan.study for plan in plans]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"several of these folders are of the study {', '.join(twice)}; name one of them")
    known = [drawn for plan in plans for drawn in _of_study(plan, say)]
    if not 0 < number <= len(known):
        raise UsageError(f"--draw is {number}, and {len(known)} released runs can be trained again: 1 to so many")
    rng = np.random.Generator(np.random.Philox(seed))
    return [known[i] for i in rng.choice(len(known), number, replace=False)]


def _of_study(plan: Plan, say: Callable[[str], None]) -> list[Drawn]:
    judged = outcomes(plan, say, accept_stale=False)  # what a config accepts the present code need not give
    sound = [run for run in judged if run.status == "finished" and not run.stale]
    finished = [(run.planned, run.record) for run in sound if run.record and not run.record.meta.imported]
    returned: dict[tuple[str, str, str], list[float]] = {}
    for planned, record in finished:
        returned.setdefault(planned.cell.key, []).append(last_return(record))
    engines = implementations.registered()
    ours = [(planned, record) for planned, record in finished if not engines[planned.cell.implementation].trainer]
    return [Drawn(plan, planned, record, tuple(returned[planned.cell.key])) for planned, record in ours]


def last_return(record: Record) -> float:
    """The mean return of a record's last evaluation, by the actions that its evaluations are told by."""
    episodes = record.episodes.to_pydict()
    kind = "sample" if record.meta.kind_of_return == "sampled" else "mean"
    last = max(episodes["env_step"])
    rows = zip(episodes["env_step"], episodes["kind"], episodes["return"], strict=True)
    return float(np.mean([value for step, of, value in rows if step == last and of == kind]))


def reproduce(
    drawn: Sequence[Drawn], work: Path, cores: int, say: Callable[[str], None], choice: Choice = "present"
) -> list[Reproduced]:
    """Every drawn run, trained again in a process of its own in the folder `work`, `cores` at once; in their order.

    say: takes a line on each as it ends. UsageError if a run's own sources are asked for where no repository is.
    """
    sources = _sources(drawn, work, choice)

    def one(run: Drawn, of: Sources | SourcesError) -> Reproduced:
        record, complaint = (None, str(of)) if isinstance(of, SourcesError) else _trained_again(run, work, of, choice)
        row = _held(run, record, choice, "" if isinstance(of, SourcesError) else of.commit)
        say(f"{in_words(row)}{f' ({complaint})' if complaint else ''}")
        return row

    with ThreadPoolExecutor(cores) as pool:
        return list(pool.map(one, drawn, sources))


def _sources(drawn: Sequence[Drawn], work: Path, choice: Choice) -> Sequence[Sources | SourcesError]:
    """The code that trains each run again, or why there is none."""
    if choice == "present":
        return [Sources(machine.commit(), ROOT)] * len(drawn)
    history = History(work / "sources")

    def of(run: Drawn) -> Sources | SourcesError:
        try:
            return history.of(run.then.meta)
        except SourcesError as error:
            return error

    return [of(run) for run in drawn]


def _trained_again(drawn: Drawn, work: Path, sources: Sources, choice: Choice) -> tuple[Record | None, str]:
    """The record that these sources leave of the run; or None, and what the process said last."""
    asked = yaml.safe_load(config.read(drawn.plan.path)) | {"results": str(work / choice / drawn.plan.study)}
    asked.pop("tracking", None)
    cell, seed = drawn.planned.cell, drawn.planned.seed
    path = work / f"{drawn.plan.study}-{cell.run_id}-{seed}-{choice}.yaml"
    path.write_text(yaml.safe_dump(asked), encoding="utf-8")
    record = Plan(path).record(cell, seed)
    command = [sys.executable, "-m", "suite", "run", "--config", str(path), record]
    there = sources.folder if choice == "own" else None  # the user's own ablations are read from where they are
    ended = subprocess.run(
        command, cwd=there, env=environment(sources.folder), capture_output=True, text=True, check=False
    )
    try:
        return read(Path(record)), ""
    except RecordError:
        lines = ended.stderr.strip().splitlines()
        return None, lines[-1] if lines else f"exit code {ended.returncode}"


def _held(drawn: Drawn, now: Record | None, choice: Choice, commit: str) -> Reproduced:
    """The run as it was trained again beside its record."""
    cell, then = drawn.planned.cell, drawn.then
    known = Reproduced(
        drawn.plan.study, cell.task, cell.implementation, cell.variant, cell.run_id, drawn.planned.seed,
        cell.env_steps, choice, commit, "NO RECORD", last_return(then), None, *_further(drawn.returned),
        then.meta.device, "",
    )  # fmt: skip
    if now is None or now.meta.status != "finished":
        return known
    value, low, high = last_return(now), known.low, known.high
    outcome: Outcome = "OTHER"
    if _same(then, now):
        outcome = "SAME"
    elif low is not None and high is not None and low <= value <= high:
        outcome = "WITHIN"
    return known._replace(outcome=outcome, now=value, trained_on=now.meta.device)


def _further(returned: Sequence[float]) -> tuple[float | None, float | None]:
    """Where one more run of a cell lies, with CONFIDENCE; unknown of a cell of one run."""
    if len(returned) < 2:
        return None, None
    of_cell = (float(np.mean(returned)), float(np.std(returned, ddof=1)), len(returned))
    further = prediction_check(of_cell, of_cell[0], CONFIDENCE)
    return further.low, further.high


def _same(then: Record, now: Record) -> bool:
    """Whether every number of every evaluation and every final weight is the same."""
    return rows_digest(then.rows) == rows_digest(now.rows) and then.meta.params_digest == now.meta.params_digest


def in_words(row: Reproduced) -> str:
    """A row as a line."""
    run = f"{row.study}: {row.implementation} {row.variant} on {row.task}, seed {row.seed}, {row.env_steps:,} steps"
    if row.sources == "own":
        run += f", by the sources of {row.commit[:10] or 'its commit'}"
    if row.now is None:
        return f"{run}: {row.outcome}"
    if row.outcome == "SAME":
        return f"{run}: SAME, every number ({row.now:,.6g})"
    within = "" if row.low is None else f", where one more run lies between {row.low:,.4g} and {row.high:,.4g}"
    return f"{run}: {row.outcome}, {row.then:,.6g} in its record and {row.now:,.6g} now{within}"


def write(rows: Sequence[Reproduced], path: Path) -> None:
    """The rows as CSV."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(Reproduced._fields)
        table.writerows(rows)


def read_table(path: Path) -> list[Reproduced]:
    """The rows as `write` left them; none without a file, UsageError for one that it did not write."""
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            heading, *lines = [*csv.reader(file)] or [[]]
        if tuple(heading) != Reproduced._fields:
            raise ValueError("its columns are others")
        return [_row(line) for line in lines]
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{path} is no table of python -m suite reproduce: {error}") from None


def _row(cells: Sequence[str]) -> Reproduced:
    """A row of its cells; ValueError if these are too few or no numbers."""
    named: dict[str, Any] = dict(zip(Reproduced._fields, cells, strict=True))
    if named["sources"] not in get_args(Choice) or named["outcome"] not in get_args(Outcome):
        raise ValueError("it has another outcome, or other sources, than there are")
    named |= {name: int(named[name]) for name in ("seed", "env_steps")}
    named |= {name: float(named[name]) if named[name] else None for name in ("then", "now", "low", "high")}
    return Reproduced(**named)

"""Import: other people's logs as records, at the places a plan gives them, so that what follows training takes them.

`fitted` holds the runs of suite.study.logs to one grid of evaluations; `main` writes a record of each, or none at all.
Implementation, preset and task are the importer's word, and the record says so.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, groupby, pairwise
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import yaml

import implementations
from suite.errors import UsageError, nearest
from suite.files import atomic
from suite.lab.records import (
    DIAGNOSTICS,
    SCHEMA,
    Evaluations,
    Imported,
    Provenance,
    Recorder,
    RecordError,
    RunEnd,
    arrays_path,
    kind_of_import,
    read_meta,
)
from suite.lab.tasks import TASKS
from suite.sac import identity
from suite.sac.contract import Origin
from suite.sac.status import Status
from suite.specimens.catalogue import resolve
from suite.study.cells import RECORD, Cell, Label
from suite.study.config import NAME
from suite.study.logs import ONLINE, Point, Request, Series, read
from suite.study.plan import obstacle

KINDS = {
    "mean": "evaluations with the mean action",
    "sample": "evaluations with sampled actions",
    "training": "training returns, which decide nothing: exploration is in them",
}
SEED = re.compile(r"seed[ _=-]?(\d+)|__(\d+)__\d+(?:/|$)", re.IGNORECASE)
"""A seed in a path: "seed_3", or CleanRL's folders (task__experiment__seed__time)."""


class Claim(NamedTuple):
    """What the importer says of the runs; None (or nothing) where the logs are to tell it."""

    implementation: str
    preset: str
    tasks: tuple[str, ...]
    seeds: tuple[int, ...] = ()  # in the order read
    every: int | None = None  # environment steps between evaluations
    episodes: int | None = None  # of an evaluation, also where the log has their mean alone
    env_steps: int | None = None  # the budget; evaluations after it are left out
    step_offset: int = 0  # environment steps that the logs' axis leaves out
    short: Status | None = None  # of a run that ends before the budget, or whose returns are no numbers from some step
    versions: Mapping[str, str] = {}  # of the packages that made the runs


class Grid(NamedTuple):
    """What the runs of one import share."""

    kind: str
    every: int
    episodes: int
    env_steps: int


class Run(NamedTuple):
    """One run on the grid."""

    series: Series  # with its seed, its task and the points that are recorded
    status: Status
    message: str  # why it is short

    @property
    def seed(self) -> int:
        assert self.series.seed is not None
        return self.series.seed


def main(files: Sequence[str], request: Request, claim: Claim, results: str, config: str | None) -> list[str]:
    """Writes a record of every run in the files, and the config of a study of them if asked for; says what it did."""
    _check_claim(claim)
    settings = {task: resolve(claim.preset, task, {}) for task in claim.tasks}
    grid, runs = fitted(read(files, request), claim)
    records = {}
    for run in runs:
        task = run.series.task
        run_id = identity.run_id(*settings[task], task, grid.every, grid.episodes)
        evaluation = (grid.every, grid.episodes, grid.env_steps)
        cell = Cell(task, claim.implementation, run_id, *settings[task], *evaluation, Label(claim.preset))
        records[Path(results, RECORD.format(cell=cell.path, seed=run.seed, env_steps=grid.env_steps))] = cell, run
    _unless_taken(records, results)
    text = _config(claim, grid, runs, results)
    if config and Path(config).exists() and Path(config).read_text() != text:
        raise UsageError(f"--write-config {config} exists and says something else; name another file")
    study = Path(config).stem if config else "imported"
    try:
        with _all_or_none(list(records)):
            for path, (cell, run) in records.items():
                _record(path, cell, run, grid, claim, study)
            if config:
                with atomic(Path(config)) as temporary:
                    temporary.write_text(text)
    except OSError as error:
        raise UsageError(f"{error.filename or results} cannot be written ({error.strerror}); no record was") from None
    return [*map(str, records), _summary(claim, grid, runs, config)]


def _check_claim(claim: Claim) -> None:
    """UsageError if a task is unknown, or the name is no name for runs that are not trained here."""
    for task in claim.tasks:
        if task not in TASKS:
            raise UsageError(f"--task is {task!r}, which is no task; did you mean {nearest(task, TASKS)}?")
    name = claim.implementation
    if name in implementations.registered() or not re.fullmatch(NAME, name):
        raise UsageError(
            f"--implementation is {name!r}; it must be letters, digits, '.', '_' and '-', and no name that the suite "
            f"trains itself: take 'imported-{re.sub('[^A-Za-z0-9._-]+', '-', name)}'"
        )


@contextmanager
def _all_or_none(paths: Sequence[Path]) -> Iterator[None]:
    """Removes the records among these that were not there before, if they cannot all be written."""
    new = [path for path in paths if not path.exists()]
    try:
        yield
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
            arrays_path(path).unlink(missing_ok=True)
        raise


# --- from logs to one grid


def fitted(series: Sequence[Series], claim: Claim) -> tuple[Grid, list[Run]]:
    """The runs on the grid of evaluations that they share; UsageError for one that does not lie on it."""
    if not series:
        raise UsageError("the files hold no runs; an import needs one at least")
    kinds = {one.kind: one.source for one in series}
    if len(kinds) > 1:
        first, second = list(kinds)[:2]
        both = f"{kinds[first]} holds {_kind(first)} and {kinds[second]} {_kind(second)}"
        raise UsageError(f"{both}; import one kind at a time")
    (kind,) = kinds
    cut = [_cut(one, claim) for one in _named(series, claim)]
    every = claim.every or _every([one for one, _ in cut], claim)
    if kind == "training":
        cut = [(one._replace(points=_windows(one.points, every)), why) for one, why in cut]
    last, longest = max(((one.points[-1].env_step, one) for one, _ in cut if one.points), default=(0, None))
    if longest and last < (limit := TASKS[longest.task].time_limit):
        raise UsageError(
            f"{_where(longest)} ends at step {last:,}, before an episode of {limit:,} is over; --step-column must name "
            "environment steps"
        )
    env_steps = claim.env_steps or max(last // every, 1) * every
    if env_steps % every:
        near = max(round(env_steps / every), 1) * every
        raise UsageError(f"--env-steps is {env_steps}, which is no multiple of {every}; the nearest is {near}")
    runs = [_run(one, why, every, env_steps, claim) for one, why in cut]
    return Grid(kind, every, _episodes(runs, kind, claim), env_steps), runs


def _named(series: Sequence[Series], claim: Claim) -> list[Series]:
    """Every run with its task and its seed: its log's own, the importer's, its path's, or its place in the order."""
    silent = [Path(one.source).as_posix() for one in series if one.seed is None]
    if claim.seeds and len(claim.seeds) != len(silent):
        raise UsageError(f"--seeds names {len(claim.seeds)}, but {len(silent)} of the runs do not tell their seed")
    in_paths = [int("".join(matches[-1])) for path in silent if (matches := SEED.findall(path))]
    seeds = iter(claim.seeds or (in_paths if len(in_paths) == len(silent) else range(len(silent))))
    named: dict[tuple[str, int], Series] = {}
    for one in series:
        if not one.task and len(claim.tasks) > 1:
            raise UsageError(f"{one.source} does not tell its task; import the runs of one --task at a time")
        task, seed = one.task or claim.tasks[0], next(seeds) if one.seed is None else one.seed
        if task not in claim.tasks:
            raise UsageError(f"{one.source} is of {task}, and --task names {', '.join(claim.tasks)} alone")
        if other := named.get((task, seed)):
            raise UsageError(
                f"{other.source} and {one.source} are both seed {seed} on {task}; --seeds tells runs apart that do not "
                "tell it themselves"
            )
        named[task, seed] = one._replace(task=task, seed=seed)
    return list(named.values())


def _cut(one: Series, claim: Claim) -> tuple[Series, str]:
    """The run on the true axis, without what was measured before its first step, up to where its returns stop being
    numbers; and a word on that."""
    shifted = (point._replace(env_step=point.env_step + claim.step_offset) for point in one.points)
    points = [point for point in (shifted if claim.step_offset else one.points) if point.env_step > 0]
    odd = next((n for n, point in enumerate(points) if not all(map(math.isfinite, point.returns))), len(points))
    for point, after in pairwise(points[: odd + 2] if one.kind != "training" else ()):
        if after.env_step <= point.env_step:
            raise UsageError(f"{_where(one)} has step {after.env_step:,} after {point.env_step:,}; a run goes forward")
    if odd < len(points):
        why = f"its return at step {points[odd].env_step:,} is no finite number"
        if not claim.short:
            raise UsageError(f"{_where(one)}: {why}; --status-of-short says what became of a run that ends there")
        return one._replace(points=tuple(points[:odd])), why
    if not points:
        raise UsageError(f"{_where(one)} holds no return after step 0; leave it out")
    return one._replace(points=tuple(points)), ""


def _every(series: Sequence[Series], claim: Claim) -> int:
    """The environment steps between evaluations, where the importer does not say."""
    if series[0].kind == "training":
        raise UsageError(
            "training returns come at no regular steps; --every says how many steps are averaged into one value"
        )
    start = [] if claim.step_offset else [0]
    steps = [[*start, *(point.env_step for point in one.points)] for one in series]
    gaps = sorted(b - a for of_run in steps for a, b in pairwise(of_run))
    return statistics.mode(gaps or [max(max(of_run, default=1) for of_run in steps)])


def _windows(points: Sequence[Point], every: int) -> tuple[Point, ...]:
    """Training episodes gathered by the window (k * every - every, k * every] in which they ended, at its end."""

    def window(point: Point) -> int:
        return -(-point.env_step // every) * every

    gathered = []
    for end, inside in groupby(sorted(points, key=window), key=window):
        if end <= points[-1].env_step:  # of an unfinished window there is no mean
            returns, lengths = zip(*((point.returns, point.lengths) for point in inside), strict=True)
            gathered.append(Point(end, tuple(chain.from_iterable(returns)), tuple(chain.from_iterable(lengths))))
    return tuple(gathered)


def _run(one: Series, why: str, every: int, env_steps: int, claim: Claim) -> Run:
    """The run up to the budget, if an evaluation stands at every step of the grid; else UsageError."""
    steps = [point.env_step for point in one.points]
    if odd := next((step for step in steps if step % every), None):
        raise UsageError(
            f"{_where(one)} is evaluated at step {odd:,}, which is no multiple of {every:,}; --every or --step-offset "
            "(steps that its axis leaves out) may set that right"
        )
    unmeasured = claim.step_offset and steps and steps[0] <= claim.step_offset + every
    first = steps[0] if unmeasured else every
    if gaps := sorted(set(range(first, max(steps, default=0), every)) - set(steps)):
        more = "; a larger --every may help" if one.kind == "training" else ""
        raise UsageError(f"{_where(one)} has no return at step {gaps[0]:,}, though it has later ones{more}")
    kept = tuple(point for point in one.points if point.env_step <= env_steps)
    last = kept[-1].env_step if kept else 0
    if last == env_steps:
        return Run(one._replace(points=kept), "finished", "")
    if not claim.short:
        raise UsageError(
            f"{_where(one)} ends at step {last:,} of {env_steps:,}; --status-of-short says what became of it, or a "
            "smaller --env-steps makes it whole"
        )
    return Run(one._replace(points=kept), claim.short, why or f"its log ends at step {last:,}")


def _episodes(runs: Sequence[Run], kind: str, claim: Claim) -> int:
    """The episodes of an evaluation: the same in all of them, or claimed of a log that has their mean alone."""
    if kind == "training":
        return claim.episodes or 1
    counts: dict[int, str] = {}
    for run in runs:
        for point in run.series.points:
            if len(point.returns) not in counts:
                counts[len(point.returns)] = f"{_where(run.series)} at step {point.env_step:,}"
    if len(counts) > 1:
        (a, at_a), (b, at_b) = list(counts.items())[:2]
        raise UsageError(f"evaluations must have equally many episodes: {at_a} has {a}, {at_b} has {b}")
    count = next(iter(counts), 1)
    if claim.episodes and count not in (1, claim.episodes):
        raise UsageError(f"--episodes is {claim.episodes}, but the logs hold {count} episodes of each evaluation")
    return claim.episodes or count


def _kind(kind: str) -> str:
    return KINDS[kind].split(",")[0]


def _where(one: Series) -> str:
    return f"{one.source} (seed {one.seed} of {one.task})"


# --- from the grid to files


def _unless_taken(records: Mapping[Path, tuple[Cell, Run]], results: str) -> None:
    """UsageError if a record exists already that is not of the very same log, or none can be written."""
    if blocking := obstacle(Path(results)):
        raise UsageError(f"--results is {results!r}, but {blocking} is not a folder one may write to")
    for path, (_, run) in records.items():
        if path.exists():
            try:
                same = read_meta(path).code_id == run.series.sha256[:10]
            except RecordError:
                same = False
            if not same:
                raise UsageError(f"{path} is there already and not of {run.series.source}; remove it first")


def _record(path: Path, cell: Cell, run: Run, grid: Grid, claim: Claim, study: str) -> None:
    """Writes one record: evaluations as they were, diagnostics that are not known, no networks."""
    series, points = run.series, run.series.points
    recorder = Recorder(path, _provenance(cell, run, grid, claim, study))
    last = points[-1].env_step if points else 0
    end = RunEnd(
        status=run.status,
        last_env_step=last,
        stopped_at=None if run.status == "finished" else last,
        message=run.message,
        updates=0,
        wall_time_s=0.0,
        attempts=(),
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    recorder.finish(end, {}, _rows(points, "mean" if series.kind == "mean" else "sample"))


def _rows(points: Sequence[Point], kind: str) -> pa.Table:
    """What a Recorder would make of evaluations one by one, in whole columns: logs may have a million of them."""
    steps: list[int] = []
    numbers: list[int | None] = []  # of the episodes; None is the diagnostic row that ends an evaluation
    returns: list[float | None] = []
    lengths: list[int | None] = []
    for step, values, lasted in points:
        steps += [step] * (len(values) + 1)
        numbers += (*range(len(values)), None)
        returns += (*values, None)
        lengths += (*(lasted or [None] * len(values)), None)
    kinds = ["diagnostic" if number is None else kind for number in numbers]
    told = {"env_step": steps, "kind": kinds, "episode": numbers, "return": returns, "length": lengths}
    return pa.table(told | {name: pa.nulls(len(steps), pa.float64()) for name in DIAGNOSTICS}, schema=SCHEMA)


def _provenance(cell: Cell, run: Run, grid: Grid, claim: Claim, study: str) -> Provenance:
    """Where an imported run comes from; it has no numerics, since no part of the suite made its numbers."""
    series = run.series
    first = series.points[0].env_step if series.points else 0
    claimed = tuple(name for name, given in claim._asdict().items() if given)
    file = series.source if series.source.startswith(ONLINE) else Path(series.source).name
    return Provenance(
        task=cell.task,
        implementation=cell.implementation,
        run_id=cell.run_id,
        seed=run.seed,
        env_steps=grid.env_steps,
        spec=cell.spec,
        schedule=cell.schedule,
        evaluation=Evaluations(grid.every, grid.episodes, first if first > grid.every else None),
        kind_of_return=kind_of_import(series.kind),
        origin=Origin(study, cell.label.preset),
        imported=Imported(series.format, series.kind, claim.step_offset, str(file), series.sha256, claimed),
        block=(run.seed,),
        numerics={},
        code_id=series.sha256[:10],
        versions=dict(claim.versions),
        device="imported",
        platform="imported",
    )


def _config(claim: Claim, grid: Grid, runs: Sequence[Run], results: str) -> str:
    """The YAML of a study of these runs: it trains nothing."""
    tasks_of: dict[tuple[int, ...], list[str]] = {}
    for task in claim.tasks:
        seeds = tuple(sorted(run.seed for run in runs if run.series.task == task))
        tasks_of.setdefault(seeds, []).append(task)
    sweeps = [
        {
            "tasks": tasks,
            "env_steps": grid.env_steps,
            "evaluate": {"every": grid.every, "episodes": grid.episodes},
            "seeds": list(seeds),
            "implementations": [claim.implementation],
            "presets": [claim.preset],
        }
        for seeds, tasks in tasks_of.items()
        if seeds
    ]
    data = {"imported": [claim.implementation], "sweeps": sweeps, "results": results}
    head = "# Runs that were not trained here: python -m suite import wrote their records.\n"
    return head + yaml.safe_dump(data, sort_keys=False)


def _summary(claim: Claim, grid: Grid, runs: Sequence[Run], config: str | None) -> str:
    """A sentence on what was imported."""
    counts = Counter(run.status for run in runs)
    statuses = ", ".join(f"{n} {status}" for status, n in counts.items())
    values = f"{grid.env_steps:,} steps, a value every {grid.every:,}, {KINDS[grid.kind]}"
    text = f"{claim.implementation} as {claim.preset}: {statuses}; {values}"
    return text + (f"\npython -m suite gather --config {config}   goes on from here" if config else "")

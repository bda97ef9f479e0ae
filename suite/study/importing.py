"""Import: other people's logs as records, at the places a plan gives them, so that what follows training takes them.

`fitted` holds the runs of suite.study.logs to one grid of evaluations; `main` writes a record of each, or none at all.
Implementation, preset and task are the importer's word, and the record says so.
"""

from __future__ import annotations

import math
import re
import shlex
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import yaml

import implementations
from suite.errors import UsageError, nearest
from suite.files import atomic
from suite.lab.records import (
    DIAGNOSTICS,
    IMPORTED,
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
from suite.published.comparability import versions
from suite.sac import identity
from suite.sac.contract import Origin
from suite.sac.status import Status
from suite.specimens.catalogue import resolve
from suite.study.cells import RECORD, Cell, Label
from suite.study.config import NAME
from suite.study.logs import Point, Request, Series, natural, read
from suite.study.plan import check_place, obstacle
from suite.study.series import LONGEST, seed_in

KINDS = {
    "mean": "evaluations with the mean action",
    "sample": "evaluations with sampled actions",
    "unknown": "evaluations that do not say how they chose actions, which decide nothing: --kind says it",
    "training": "training returns, which decide nothing: exploration is in them",
}
ENVIRONMENT = re.compile(r"(?<![A-Za-z0-9])([A-Z][A-Za-z0-9]*-v\d+)")
"""An environment in a path, such as "HalfCheetah-v3_1/"."""
ALGORITHMS = {"a2c", "ars", "crossq", "ddpg", "dqn", "ppo", "ppo_lstm", "qrdqn", "redq", "sac", "td3", "tqc", "trpo"}
"""Folders that a tree of several algorithms' runs has, as RL Zoo's."""
MOST = 100_000
"""Evaluations of one run."""


HEAD = "# Runs that were not trained here: python -m suite import wrote their records.\n"


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
    tolerance: int = 0  # how many steps before a point of the grid the evaluation may lie that stands there
    first_step: int | None = None  # where the logs begin, of runs whose earlier logs are lost
    short: Status | None = None  # of a run that ends before the budget, or whose returns are no numbers from some step
    versions: Mapping[str, str] = {}  # of the packages that made the runs
    kind: str | None = None  # of return


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
    check_place("--results", Path(results))
    check_place("--write-config", Path(config or results))
    claim = claim._replace(kind=request.kind)
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
    text = _config(claim, grid, runs, results, config)
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
    return [*map(str, records), *map(_told, runs), _summary(claim, grid, runs, config)]


def _check_claim(claim: Claim) -> None:
    """UsageError if a task is unknown, or the name is no name for runs that are not trained here."""
    for task in claim.tasks:
        if task not in TASKS:
            alike = [of for of, environment in versions() if environment == task]
            meant = f"take --task {' or '.join(alike)}" if alike else f"did you mean {nearest(task, TASKS)}?"
            raise UsageError(f"--task is {task!r}, which is no task; {meant}")
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
    if claim.tolerance and kind == "training":
        raise UsageError("--tolerance is of no use to training returns, which are averaged by the window")
    whole = [_on_true_axis(one, claim) for one in _named(series, claim)]
    every = claim.every or _every(whole, claim)
    ends = [one.end for one in whole]  # of the whole logs: what is cut below must not shorten the budget
    cut = [_cut(one, claim) for one in whole]
    if kind == "training":
        cut = [(one._replace(points=_windows(one, every, claim.first_step or 0)), why) for one, why in cut]
    else:
        cut = [(one._replace(points=_at_grid(one, every, claim)), why) for one, why in cut]
    last, longest = max(zip(ends, whole, strict=True), key=lambda pair: pair[0])
    if last < (limit := TASKS[longest.task].time_limit):
        raise UsageError(
            f"{_where(longest)} ends at step {last:,}, before an episode of {limit:,} is over; --step-column must name "
            "environment steps"
        )
    env_steps = claim.env_steps or max(last // every, 1) * every
    if env_steps % every:
        near = max(round(env_steps / every), 1) * every
        raise UsageError(f"--env-steps is {env_steps}, which is no multiple of {every}; the nearest is {near}")
    if env_steps // every > MOST:
        raise UsageError(f"{env_steps:,} steps with a value every {every:,} are more than {MOST:,} values; say --every")
    runs = [_run(one, why, every, env_steps, claim) for one, why in cut]
    return Grid(kind, every, _episodes(runs, kind, claim), env_steps), runs


def _named(series: Sequence[Series], claim: Claim) -> list[Series]:
    """Every run with its task and its seed: its log's own, the importer's, its folder's, or its place in the order."""
    series = _of_tasks(series, claim)
    _check_one_algorithm(series)
    silent = [one for one in series if one.seed is None]
    if claim.seeds and len(claim.seeds) != len(silent):
        raise UsageError(f"--seeds names {len(claim.seeds)}, but {len(silent)} of the runs do not tell their seed")
    hints = [seed_in(Path(one.source).as_posix()) if one.hint is None else one.hint for one in silent]
    places = Counter[str]()
    named: dict[tuple[str, int], Series] = {}
    given = iter(claim.seeds)
    by_place = not claim.seeds and None in hints
    monitors = Counter(Path(one.source).parent for one in silent if one.format == "sb3-monitor")
    if by_place and (folder := next((folder for folder, n in monitors.items() if n > 1), None)):
        raise UsageError(
            f"{folder} holds {monitors[folder]} monitors that tell no seed, and may be one run's environments, of "
            "training or evaluation: name one alone, or --seeds says that each is a run"
        )
    for one in sorted(series, key=lambda one: natural(one.source)) if by_place else series:
        seed = one.seed
        if seed is None and claim.seeds:
            seed = next(given)
        elif seed is None and not by_place:
            seed = hints.pop(0)
        elif seed is None:
            seed, places[one.task] = places[one.task], places[one.task] + 1
        assert seed is not None
        if not 0 <= seed < 2**32:
            raise UsageError(f"{one.source} has the seed {seed}; a seed is from 0 to {2**32 - 1}")
        if other := named.get((one.task, seed)):
            raise UsageError(
                f"{other.source} and {one.source} are both seed {seed} on {one.task}; --seeds tells runs apart that do "
                "not tell it themselves"
            )
        named[one.task, seed] = one._replace(seed=seed)
    return list(named.values())


def _check_one_algorithm(series: Iterable[Series]) -> None:
    """UsageError if the runs' folders are named by more than one algorithm: they are no seeds of one implementation."""
    named: dict[str, str] = {}
    for one in series:
        for part in Path(one.source).parts[:-1]:
            if part.lower() in ALGORITHMS:
                named.setdefault(part.lower(), one.source)
    if len(named) > 1:
        listed = " and ".join(f"{name} ({source})" for name, source in sorted(named.items()))
        raise UsageError(f"runs of {listed} are no seeds of one implementation; import the folder of one algorithm")


def _of_tasks(series: Sequence[Series], claim: Claim) -> list[Series]:
    """The runs of the tasks that are claimed, each with its task: as its log says, under the name of a version that
    stands for it (versions.csv), or as its path says. Runs of other environments are left out if others remain."""
    kept: list[Series] = []
    others: list[tuple[Series, str]] = []
    for one in series:
        in_path = [name for name in ENVIRONMENT.findall(f"{one.source} {one.column}") if _fitting(name, TASKS)]
        environment = one.task or (in_path[-1] if in_path else "")
        fitting = _fitting(environment, claim.tasks) if environment else claim.tasks
        if len(fitting) > 1:
            which = f"is of {environment}, which stands for each of them" if environment else "does not tell its task"
            raise UsageError(f"{one.source} {which}; import the runs of one --task at a time")
        if not fitting:
            others.append((one, environment))
        elif environment in ("", fitting[0]):
            kept.append(one._replace(task=fitting[0]))
        else:
            note = f"of {environment}: {versions()[fitting[0], environment].reason}"
            kept.append(one._replace(task=fitting[0], environment=environment, notes=(*one.notes, note)))
    if kept and others:
        left = ", ".join(f"{n} runs of {name}" for name, n in Counter(name for _, name in others).items())
        kept[0] = kept[0]._replace(notes=(*kept[0].notes, f"left out: {left}"))
    several = len(claim.tasks) > 1 or len({environment for _, environment in others}) > 1
    if not kept and (several or any(one.task for one, _ in others)):
        one, environment = others[0]
        raise UsageError(f"{one.source} is of {environment}, and --task names {', '.join(claim.tasks)} alone")
    if not kept:  # folders above the runs may be named after anything
        note = f"its path names {others[0][1]}, and its importer {claim.tasks[0]}"
        kept = [one._replace(task=claim.tasks[0], notes=(*one.notes, note)) for one, _ in others]
    return kept


def _fitting(environment: str, tasks: Iterable[str]) -> tuple[str, ...]:
    """The tasks of these that an environment's returns are returns of."""
    stands_for = tuple(task for task in tasks if (task, environment) in versions())
    return (environment,) if environment in tasks else stands_for


def _on_true_axis(one: Series, claim: Claim) -> Series:
    """The run with the steps that its axis leaves out, without what was measured before its first step."""
    points = one.points
    if below := next((point.env_step for point in points if point.env_step < 0), None):
        raise UsageError(f"{_where(one)} has the step {below:,}, which no run reaches")
    if claim.step_offset:
        points = tuple(point._replace(env_step=point.env_step + claim.step_offset) for point in points)
    points = tuple(point for point in points if point.env_step >= max(claim.first_step or 0, 1))
    if not points:
        raise UsageError(
            f"{_where(one)} holds no return after step {max((claim.first_step or 1) - 1, 0):,}; leave it out"
        )
    end = max(one.end + claim.step_offset, points[-1].env_step)
    if end > LONGEST:
        raise UsageError(f"{_where(one)} has the step {end:,}, which no run reaches")
    for a, b in pairwise(points):
        if b.env_step <= a.env_step and one.kind != "training":
            raise UsageError(f"{_where(one)} has step {b.env_step:,} after {a.env_step:,}; a run goes forward")
    limit = TASKS[one.task].time_limit
    if (longest := max((length for point in points for length in point.lengths), default=0)) > limit:
        one = one._replace(notes=(*one.notes, f"an episode has {longest:,} steps, and {one.task} ends at {limit:,}"))
    return one._replace(points=points, end=end)


def _cut(one: Series, claim: Claim) -> tuple[Series, str]:
    """The run up to where its returns stop being numbers, and a word on that. A window of training in which no episode
    ended has none, and is no end where numbers follow."""
    finite = [all(map(math.isfinite, point.returns)) for point in one.points]
    if one.kind == "training" and True in finite:
        last = len(finite) - finite[::-1].index(True)
        points = tuple(point for point, is_finite in zip(one.points[:last], finite, strict=False) if is_finite)
        one, finite = one._replace(points=points + one.points[last:]), [True] * len(points) + finite[last:]
    if all(finite):
        return one, ""
    n = finite.index(False)
    why = f"its return at step {one.points[n].env_step:,} is no finite number"
    if not claim.short:
        raise UsageError(f"{_where(one)}: {why}; --status-of-short says what became of a run that ends there")
    return one._replace(points=one.points[:n]), why


def _every(series: Sequence[Series], claim: Claim) -> int:
    """The environment steps between evaluations, where the importer does not say."""
    if series[0].kind == "training":
        raise UsageError(
            "training returns come at no regular steps; --every says how many steps are averaged into one value"
        )
    start = [] if claim.step_offset or claim.first_step else [0]
    steps = [[*start, *(point.env_step for point in one.points)] for one in series]
    gaps = sorted(b - a for of_run in steps for a, b in pairwise(of_run))
    return statistics.mode(gaps or [max(max(of_run, default=1) for of_run in steps)])


def _at_grid(one: Series, every: int, claim: Claim) -> tuple[Point, ...]:
    """At each point of the grid the last evaluation before it, if it lies within the tolerance; never a later one."""
    if not claim.tolerance:
        return one.points
    if claim.tolerance >= every:
        raise UsageError(f"--tolerance is {claim.tolerance:,}; it must be less than the {every:,} steps of --every")
    at = {-(-point.env_step // every) * every: point for point in one.points}
    return tuple(
        point._replace(env_step=step) for step, point in at.items() if step - point.env_step <= claim.tolerance
    )


def _windows(one: Series, every: int, begin: int) -> tuple[Point, ...]:
    """Training episodes gathered by the window (k * every - every, k * every] in which they ended, at its end."""
    windows: dict[int, list[Point]] = {}
    for point in one.points:
        windows.setdefault(-(-point.env_step // every) * every, []).append(point)
    gathered = []
    for end, inside in sorted(windows.items()):
        if begin <= end - every and end <= one.points[-1].env_step:  # of a window in part there is no mean
            returns = tuple(value for point in inside for value in point.returns)
            gathered.append(Point(end, returns, tuple(length for point in inside for length in point.lengths)))
    return tuple(gathered)


def _run(one: Series, why: str, every: int, env_steps: int, claim: Claim) -> Run:
    """The run up to the budget, if an evaluation stands at every step of the grid; else UsageError."""
    steps = [point.env_step for point in one.points]
    if odd := next((step for step in steps if step % every), None):
        latest = {-(-step // every) * every: step for step in steps}
        least = max([1, *(at - step for at, step in latest.items() if at <= env_steps)])
        raise UsageError(
            f"{_where(one)} is evaluated at step {odd:,}, which is no multiple of {every:,}; --tolerance {least} lets "
            "each evaluation stand at the next multiple, --every changes them, and --step-offset adds steps that its "
            "axis leaves out"
        )
    unmeasured = claim.first_step or (claim.step_offset and steps and steps[0] <= claim.step_offset + every)
    first = steps[0] if unmeasured and steps else every
    if at := next((first + n * every for n, step in enumerate(steps) if step != first + n * every), None):
        more = "; a larger --every may help" if one.kind == "training" else ""
        if at == every and not claim.first_step:
            more += f"; if its earlier log is lost, --first-step {steps[0]} imports it from there on"
        raise UsageError(f"{_where(one)} has no return at step {at:,}, though it has later ones{more}")
    kept = tuple(point for point in one.points if point.env_step <= env_steps)
    last = kept[-1].env_step if kept else 0
    if last == env_steps and not why:
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
    """What a Recorder would make of evaluations one by one, in whole columns: a log may have a million of them."""
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
    made_by = dict(claim.versions) | ({"environment": series.environment} if series.environment else {})
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
        imported=Imported(series.format, series.kind, claim.step_offset, series.file, series.sha256, claimed),
        block=(run.seed,),
        numerics={},
        code_id=series.sha256[:10],
        versions=made_by,
        device=IMPORTED,
        platform=IMPORTED,
    )


def _config(claim: Claim, grid: Grid, runs: Sequence[Run], results: str, config: str | None) -> str:
    """The YAML of a study of these runs, and of those that the config has of earlier imports: it trains nothing."""
    tasks_of: dict[tuple[int, ...], list[str]] = {}
    for task in claim.tasks:
        seeds = tuple(sorted(run.seed for run in runs if run.series.task == task))
        tasks_of.setdefault(seeds, []).append(task)
    sweeps: list[dict] = [
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
    names = [claim.implementation]
    if config and Path(config).exists():
        earlier = _earlier(config, results)
        sweeps = [*earlier["sweeps"], *(sweep for sweep in sweeps if sweep not in earlier["sweeps"])]
        names = list(dict.fromkeys([*earlier["imported"], *names]))
    return HEAD + yaml.safe_dump({"imported": names, "sweeps": sweeps, "results": results}, sort_keys=False)


def _earlier(config: str, results: str) -> dict:
    """What earlier imports wrote into a config; UsageError if it says anything else, or puts results elsewhere."""
    try:
        text = Path(config).read_text()
        data = yaml.safe_load(text)
        same = text.startswith(HEAD) and set(data) == {"imported", "sweeps", "results"} and data["results"] == results
    except (OSError, ValueError, TypeError, yaml.YAMLError):
        same = False
    if not same:
        raise UsageError(f"--write-config {config} exists and says something else; name another file")
    return data


def _told(run: Run) -> str:
    """Which seed was read from which columns of which log, and what else an importer must know of it."""
    series = run.series
    state = "" if run.status == "finished" else f"; {run.status}: {run.message}"
    notes = "".join(f"; {note}" for note in series.notes)
    return f"seed {run.seed} of {series.task} <- {series.source}: {series.read}{notes}{state}"


def _summary(claim: Claim, grid: Grid, runs: Sequence[Run], config: str | None) -> str:
    """A sentence on what was imported."""
    counts = Counter(run.status for run in runs)
    statuses = ", ".join(f"{n} {status}" for status, n in counts.items())
    values = f"{grid.env_steps:,} steps, a value every {grid.every:,}, {KINDS[grid.kind]}"
    if claim.tolerance:
        values += f"; a value stands for an evaluation up to {claim.tolerance:,} steps before it"
    if claim.first_step:
        values += f"; from step {claim.first_step:,} on"
    text = f"{claim.implementation} as {claim.preset}: {statuses}; {values}"
    return text + (f"\npython -m suite gather --config {shlex.quote(config)}   goes on from here" if config else "")

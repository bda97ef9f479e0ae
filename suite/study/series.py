"""Series: one run as its log tells it, and the rules by which rows become one: kind, columns, resumed parts."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from suite.errors import UsageError, nearest

LONGEST = 10**12
"""No log goes on for so many environment steps."""
RESUMPTIONS = 20
"""How often the steps of one log may go back; where they do so more often, it is not one run's."""
EVALUATES = re.compile(r"eval|test", re.IGNORECASE)
TRAINS = re.compile(
    r"(?i:(?<!s)train|rollout|explor|collect|env_runner|sampler_results)"
    r"|((?<![A-Za-z])e|E)(?i:p(isod(e|ic))?s?[ _-]?(mean[ _-]?)?(re[tw]|score))"
)
"""What the name of a column says of its returns: "charts/episodic_return" and "AverageEpRet" are of training."""
SEED = re.compile(r"seed[ _=-]?(\d+)|__(\d+)__\d+(?:/|$)", re.IGNORECASE)
"""A seed in a path: "seed_3", or CleanRL's folders (task__experiment__seed__time)."""


class Request(NamedTuple):
    """What is to be read from the logs; None (or nothing) where they are to tell it."""

    tasks: tuple[str, ...]  # of the runs, or of an array's columns in order
    format: str | None = None  # of FORMATS
    kind: str | None = None  # of Series
    step: str | None = None  # the name of a column, tag or key; so are value and seed
    value: str | None = None
    seed: str | None = None
    scale: int | None = None  # environment steps in one unit of the step's column
    algorithm: str | None = None  # of rliable's arrays
    frames: tuple[int, ...] = ()  # environment steps along an array's third axis


class Point(NamedTuple):
    """One evaluation, or one training episode at the step it ended; no lengths where the log has none."""

    env_step: int
    returns: tuple[float, ...]
    lengths: tuple[int, ...] = ()


class Series(NamedTuple):
    """One run as its log tells it, by ascending step; seed None and task "" where the log is silent."""

    seed: int | None
    task: str  # the environment by the log's own name
    kind: str  # mean or sample: evaluations, by the action; unknown: by some action; training: episodes of training
    points: tuple[Point, ...]
    end: int = 0  # the last step that the log tells of, be there a return or not
    read: str = ""  # which columns
    notes: tuple[str, ...] = ()  # what a reader of the import must be told
    column: str = ""  # its own, of a table with a run in each
    hint: int | None = None  # the seed by what lies beside the log
    source: str = ""
    sha256: str = ""
    format: str = ""
    environment: str = ""  # the log's, where it is another version of the task
    file: str = ""  # the source without what is above the folder that was named


def kind_of(name: str, request: Request, written: str | None = None, said: str | None = None) -> str:
    """What a column's returns are: of training where its writer or its name says so, else what the importer claims,
    what the run's settings said, what its writer does, or unknown. UsageError where training is claimed to be
    evaluation."""
    own = name.rsplit(" - ", 1)[-1]  # without the run's name, in a table exported by W&B
    training = written == "training" or (written is None and TRAINS.search(own) and not EVALUATES.search(own))
    if training and request.kind not in (None, "training"):
        raise UsageError(
            f"{name!r} holds returns of training, which --kind {request.kind} does not make evaluations; leave --kind "
            "out, or name the column of evaluations with --return-column"
        )
    return "training" if training else request.kind or said or written or "unknown"


def columns_for(path: object, what: str, given: str | None, usual: Sequence[str], names: Iterable[str]) -> list[str]:
    """The columns, tags or keys among these that hold what is looked for ("args.seed" is "args/seed"), by the name
    that is given or else by those it is known by."""
    present = {str(name).replace(".", "/"): str(name) for name in names}
    if not present:
        raise UsageError(f"{path} holds no values at all, so it has no {what}")
    if given is None:
        return [present[name] for one in usual if (name := one.replace(".", "/")) in present]
    if given.replace(".", "/") not in present:
        close = nearest(given, present.values())
        raise UsageError(f"{path} has no {given!r} for the {what}; give --{what}-column, such as {close}")
    return [present[given.replace(".", "/")]]


def only(path: object, what: str, columns: Sequence[str], names: Iterable[str]) -> str:
    """The one column there is; UsageError if there is none, or several and the importer must say which."""
    if len(columns) > 1:
        listed = ", ".join(map(repr, columns))
        raise UsageError(f"{path} has several columns for the {what} ({listed}); choose one with --{what}-column")
    if columns:
        return columns[0]
    counters = [name for name in names if what == "step" and name in ("_step", "Step", "epoch", "Epoch", "iteration")]
    more = f"; {counters[0]!r} may count log calls or epochs (--step-scale: the steps of one)" if counters else ""
    raise UsageError(f"{path} has no column known for the {what}; name it with --{what}-column{more}")


def seed_in(name: str) -> int | None:
    """The seed that a path or a run's name tells, the last if several do."""
    matches = SEED.findall(name)
    if matches:
        return int("".join(matches[-1])[:12])
    return int(name) if re.fullmatch(r"\d{1,9}", name) else None


def number(what: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"the {what} {str(value)[:40]!r} is no number") from None


def whole(what: str, value: Any) -> int:
    real = number(what, value)
    if not real.is_integer():
        raise ValueError(f"the {what} {str(value)[:40]!r} is no whole number")
    if abs(real) > LONGEST:
        raise ValueError(f"the {what} {str(value)[:40]!r} is beyond {LONGEST:,}")
    return int(real)


def points_of(
    rows: Sequence[tuple], request: Request, kind: str, several: bool = False, parts: Sequence[int] = ()
) -> tuple[tuple[Point, ...], int, tuple[str, ...]]:
    """The points of rows (step, return) or (step, return, episode) in the log's order, the last step of all, and a note
    if the run was resumed: what a later part tells anew counts as the later part has it. A return of "" or None is
    none. several: rows of one step are episodes of one evaluation. parts: the rows at which further files begin."""
    stepless = sum(row[0] in (None, "") and row[1] not in (None, "") for row in rows)
    with_step = [at for at, row in enumerate(rows) if row[0] not in (None, "")]
    parts = [at for at in (bisect_left(with_step, part) for part in parts) if 0 < at < len(with_step)]
    rows = [rows[at] for at in with_step]
    steps = np.array([whole("step", row[0]) * (request.scale or 1) for row in rows], dtype=np.int64)
    if not len(steps):
        return (), 0, ()
    told = np.array([row[1] is not None and row[1] != "" for row in rows], dtype=bool)
    kept = _standing(steps, parts, numbered=len(rows[0]) > 2, pooled=several or kind == "training")
    order = np.argsort(steps, kind="stable")
    order = order[(kept & told)[order]]
    standing = [rows[at] for at in order.tolist()]
    at, count = np.unique(steps[order], return_counts=True)
    if kind != "training" and not several:
        keys = list(zip(steps[order].tolist(), ((*row[2:], 0)[0] for row in standing), strict=True))
        if len(set(keys)) < len(keys):
            raise ValueError(
                f"step {Counter(keys).most_common(1)[0][0][0]} is told twice; episodes of one evaluation need a column "
                "named episode, and --seed-column tells runs apart"
            )
    returns, ends = [number("return", row[1]) for row in standing], count.cumsum()
    bounds = zip(at.tolist(), (ends - count).tolist(), ends.tolist(), strict=True)
    points = tuple(Point(step, tuple(returns[first:end])) for step, first, end in bounds)
    lost = int((told & ~kept).sum())
    notes = [f"resumed: {lost:,} returns of an earlier part are superseded by the later one"] if lost else []
    notes += [f"{stepless:,} returns stand in rows without a step and are left out"] if stepless else []
    return points, int(steps.max()), tuple(notes)


def _standing(steps: np.ndarray, parts: Sequence[int], numbered: bool, pooled: bool) -> np.ndarray:
    """Which of a log's rows stand: where its steps go back, or a further file begins before the last one's end, the run
    was resumed, and what had been told from there on is told anew. Rows in no order that tell nothing twice all stand,
    and so do numbered episodes, one after the other. ValueError where a log begins anew, or goes back so often that it
    is no run's. pooled: several returns of a step are no contradiction."""
    again = np.zeros(len(steps), bool)
    again[1:] = np.diff(steps) < 0
    again[[at for at in parts if steps[at] <= steps[at - 1]]] = True
    if not again.any():
        return ~again
    first, often = int(steps[again].min()), int(again.sum())
    if first <= steps[0] or often > RESUMPTIONS:
        if not parts and (numbered or (not pooled and len(np.unique(steps)) == len(steps))):
            return np.ones(len(steps), bool)
        if first <= steps[0]:
            raise ValueError(
                f"its steps go back to {first:,}, where they began: it holds several runs; --seed-column tells runs "
                "apart, or a folder of its own for each"
            )
        raise ValueError(f"its steps go back {often:,} times: it is not the log of one run")
    from_there = np.append(np.where(again, steps, np.iinfo(np.int64).max), np.iinfo(np.int64).max)
    return np.minimum.accumulate(from_there[::-1])[::-1][1:] > steps

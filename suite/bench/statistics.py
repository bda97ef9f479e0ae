"""The benchmark of the statistics: the same bootstrap intervals here and in rliable, and a whole statistics step.

An interval is made in a process of its own, on one core with one thread; ours and rliable's take turns, and seconds
are processor seconds, which other work on the machine disturbs least. rliable resamples one by one and would take up
to a quarter of an hour for a curve, so it is given fewer resamples and its time is scaled by their number, less what it
takes whatever the number. The step is everything from the start of a process to results.json, by the clock on the wall.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

import implementations
from suite.bench.engines import Machine, Say, environment_of, machine
from suite.bench.watching import Watched, watched
from suite.study.cells import CELL

RLIABLE = implementations.ROOT / ".venv-rliable/bin/python"  # rliable wants pandas < 3: an environment of its own
TASKS = ("HalfCheetah-v5", "Hopper-v5", "Walker2d-v5", "Ant-v5", "Humanoid-v5")
FACTORS = {"alpha": ["fixed", "learned"], "critics": ["single", "twin"]}
VARIANTS = ("sac_v2", "sac_v1", *("factorial/" + "+".join(levels) for levels in product(*FACTORS.values())))
BASELINE = "factorial/learned+twin"
IMPLEMENTATIONS = ("torch", "jax")
EVERY, EPISODES = 10_000, 10
INTERVALS = {"curve": "IQM of a curve", "improvement": "P(improvement)"}
THEIR_RESAMPLES = {"curve": 40, "improvement": 100}
LIMITS_S = {"curve": 5.0, "improvement": 1.5}
WORKERS = 2  # of the whole step


class Shape(NamedTuple):
    """The size of a study."""

    tasks: int = len(TASKS)
    seeds: int = 10
    checkpoints: int = 100  # points of a curve


STUDY = Shape()


@dataclass(frozen=True)
class Interval:
    """Seconds and megabytes of an interval, a value a turn; rliable's seconds are scaled to as many resamples."""

    limit_s: float
    rliable_resamples: int
    seconds: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    rliable_seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Step:
    """The whole step: wall and processor seconds, and the most megabytes in memory."""

    seconds: float
    processor_seconds: float
    memory_mb: float
    workers: int
    cells: int
    runs: int
    limit_s: float = 60.0
    limit_mb: float = 1000.0


@dataclass(frozen=True)
class Result:
    """Every turn of every interval, the whole step, and who was missing, with the reason."""

    machine: Machine
    shape: Shape
    resamples: int
    intervals: dict[str, Interval]
    step: Step
    missing: dict[str, str]


# --- in a process of its own


def interval_seconds(library: str, name: str, shape: list[int], resamples: list[int]) -> list[float]:
    """Processor seconds of an interval, once for each number of resamples; shape: see Shape."""
    rng = np.random.default_rng(0)
    tasks, seeds, checkpoints = shape
    x = rng.normal(0.6, 0.2, (seeds, tasks, checkpoints)).cumsum(axis=-1)
    y = rng.normal(0.5, 0.2, (seeds, tasks))
    make = {"ours": _ours, "rliable": _theirs}[library](name, x, y)
    make(2)  # everything is loaded
    measured = []
    for times in resamples:
        before = time.process_time()
        make(times)
        measured.append(time.process_time() - before)
    return measured


def _ours(name: str, x: np.ndarray, y: np.ndarray) -> Callable[[int], object]:
    from suite.statistics import aggregate, bootstrap

    def curve(resamples: int) -> object:
        rng = np.random.default_rng(0)
        return bootstrap.stratified(x, aggregate.iqm, scheme="plain", resamples=resamples, rng=rng)

    def improvement(resamples: int) -> object:
        rng, statistic = np.random.default_rng(0), aggregate.probability_of_improvement
        return bootstrap.two_sample(x[..., 0], y, statistic, scheme="plain", resamples=resamples, rng=rng)

    return {"curve": curve, "improvement": improvement}[name]


def _theirs(name: str, x: np.ndarray, y: np.ndarray) -> Callable[[int], object]:
    from rliable import library, metrics

    def iqm(scores: np.ndarray) -> np.ndarray:
        return np.array([metrics.aggregate_iqm(scores[..., i]) for i in range(scores.shape[-1])])

    def probability(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        return np.array([metrics.probability_of_improvement(ours, theirs)])

    if name == "curve":
        return lambda resamples: library.get_interval_estimates({"": x}, iqm, reps=resamples)
    return lambda resamples: library.get_interval_estimates({"": [x[..., 0], y]}, probability, reps=resamples)


def step(folder: str, resamples: int, workers: int) -> None:
    """The statistics of the study in the folder, as the command makes them."""
    from suite.analysis import results
    from suite.analysis.declared import Declared
    from suite.published import anchors
    from suite.study.config import Report

    results.main(
        Path(folder),
        random_policy={task: policy.mean for task, policy in anchors.random_policy().items()},
        anchors=anchors.anchors(),
        second_anchors=anchors.anchors("second"),
        declared=Declared(Report(resamples=resamples)),
        workers=workers,
    )


# --- around them


def run(resamples: int = 50_000, *, rounds: int = 3, shape: Shape = STUDY, say: Say = lambda line: None) -> Result:
    """Measures every interval, in turns, and the whole step."""
    missing = {} if RLIABLE.exists() else {"rliable": f"no interpreter at {RLIABLE} (make .venv-rliable/ready)"}
    intervals = {name: Interval(LIMITS_S[name], THEIR_RESAMPLES[name]) for name in INTERVALS}
    for name, interval in intervals.items():
        for turn in range(rounds):
            say(f"{INTERVALS[name]}, {turn + 1} of {rounds}")
            _take_turn(name, interval, shape, resamples, with_rliable=not missing)
    say("the whole step")
    return Result(machine(), shape, resamples, intervals, _whole_step(shape, resamples), missing)


def _take_turn(name: str, interval: Interval, shape: Shape, resamples: int, *, with_rliable: bool) -> None:
    """One interval of ours, and of rliable's with 1 and with few resamples: what the others would take follows."""
    ours = _watched(["interval_seconds", "ours", name, list(shape), [resamples]], pinned=True)
    interval.seconds.extend(ours.answer)
    interval.memory_mb.append(ours.peak_mb)
    if with_rliable:
        few = interval.rliable_resamples
        request = ["interval_seconds", "rliable", name, list(shape), [1, few]]
        one, all_of_them = _watched(request, pinned=True, interpreter=str(RLIABLE)).answer
        interval.rliable_seconds.append(one + (all_of_them - one) / (few - 1) * (resamples - 1))


def _whole_step(shape: Shape, resamples: int) -> Step:
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder), shape)
        done = _watched(["step", folder, resamples, WORKERS], pinned=False)
        results = json.loads(Path(folder, "results.json").read_text())
    cells, runs = len(results["cells"]), results["counts"]["planned"]
    return Step(done.wall_s, done.processor_s, done.peak_mb, WORKERS, cells, runs)


def _watched(request: list, *, pinned: bool, interpreter: str = sys.executable) -> Watched:
    """A function of this module called in a process of its own."""
    command = [interpreter, "-m", "suite.bench.statistics", json.dumps([pinned, *request])]
    done = watched(request[0], command, environment_of(pinned=True))
    return done._replace(answer=json.loads(done.answer))


# --- a made-up study


def write_study(folder: Path, shape: Shape) -> None:
    """A made-up study's tables as `gather` writes them: twelve cells for each task, every run finished."""
    import pandas as pd

    rng = np.random.default_rng(0)
    runs = list(product(TASKS[: shape.tasks], IMPLEMENTATIONS, VARIANTS, range(shape.seeds)))
    manifest = pd.DataFrame([_planned(*run, EVERY * shape.checkpoints) for run in runs])
    keys = manifest[[*CELL, "seed"]]
    measured = [_measured(key, shape, rng) for key in keys.to_dict("records")]
    protocol = manifest[["env_steps", "evaluate_every", "evaluation_episodes"]]
    outcome = {"status": "finished", "stale": False, "message": "", "code_id": "-", "stopped_at": None}
    finished = keys.join(protocol).assign(variant=manifest["label"], last_env_step=protocol["env_steps"], **outcome)
    tables = {
        "manifest": manifest,
        "runs": finished.astype({"stopped_at": "Int64"}),
        "evaluations": pd.concat([evaluations for evaluations, _ in measured]),
        "diagnostics": pd.concat([diagnostics for _, diagnostics in measured]),
    }
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    (folder / "ablations.json").write_text(json.dumps({"factorial": {"factors": FACTORS}}))


def _planned(task: str, implementation: str, variant: str, seed: int, env_steps: int) -> dict[str, object]:
    """A row of the manifest."""
    ablation, _, arm = variant.rpartition("/")
    return {
        "task": task,
        "implementation": implementation,
        "run_id": f"{VARIANTS.index(variant):010x}",
        "seed": seed,
        "env_steps": env_steps,
        "evaluate_every": EVERY,
        "evaluation_episodes": EPISODES,
        "preset": "sac_v2" if ablation else variant,
        "ablation": ablation,
        "arm": arm,
        "levels": json.dumps(dict(zip(FACTORS, arm.split("+"), strict=True)) if ablation else {}),
        "baseline": variant == BASELINE,
        "label": variant,
    }


def _measured(key: dict[str, Any], shape: Shape, rng: np.random.Generator) -> tuple[Any, Any]:
    """A run's rows of evaluations, near 0.8 of the way from random to reference in the end, and of diagnostics."""
    import pandas as pd

    from suite.published import anchors

    scale = anchors.anchors()[key["task"]]
    steps = EVERY * np.arange(1, shape.checkpoints + 1)
    level = rng.normal(0.8, 0.1) * (1 - np.exp(-steps / (0.2 * EVERY * shape.checkpoints)))
    noise = rng.normal(0, 0.05, (shape.checkpoints, EPISODES))
    returns = scale.random + (scale.reference - scale.random) * (level[:, None] + noise)
    episodes = {
        "env_step": np.repeat(steps, EPISODES),
        "kind": "mean",
        "return": returns.ravel(),
        "episode": np.tile(np.arange(EPISODES), shape.checkpoints),
        "length": 1000,
    }
    diagnostics = {"env_step": steps, "alpha": 0.2, "q_bias": rng.normal(size=shape.checkpoints)}
    return pd.DataFrame(key | episodes), pd.DataFrame(key | diagnostics)


# --- as text


def render(result: Result) -> str:
    """The table as text."""
    shape, step = result.shape, result.step
    lines = [
        f"{shape.tasks} tasks x {shape.seeds} seeds, {shape.checkpoints} checkpoints on a curve, "
        f"{result.resamples:,} resamples; {result.machine}",
        f"{'':<19}{'s':>8}{'at most':>9}{'memory MB':>11}{'rliable s':>11}{'times':>8}",
        *(_interval_line(INTERVALS[name], interval) for name, interval in result.intervals.items()),
        f"{'the whole step':<19}{step.seconds:>8.1f}{step.limit_s:>9.1f}{step.memory_mb:>11.0f}",
        *(f"{name:<19}missing: {why}" for name, why in result.missing.items()),
    ]
    few = {name: interval.rliable_resamples for name, interval in result.intervals.items()}
    lines += [
        "intervals: processor seconds of one process with one thread, medians of the rounds, both by the plain",
        f"bootstrap; rliable's measured with {few['curve']} and {few['improvement']} resamples and scaled to "
        f"{result.resamples:,};",
        f"the whole step: {step.cells} cells, {step.runs} runs, {step.workers} workers; seconds on the wall "
        f"({step.processor_seconds:.0f} processor seconds), at most {step.limit_mb:.0f} MB;",
        "memory: the most that a process and its children had in memory together, seen every 50 ms",
    ]
    return "\n".join(lines)


def _interval_line(label: str, interval: Interval) -> str:
    seconds = median(interval.seconds)
    beside = f"{'-':>11}{'-':>8}"
    if interval.rliable_seconds:
        theirs = median(interval.rliable_seconds)
        beside = f"{theirs:>11.0f}{theirs / seconds:>8.0f}"
    return f"{label:<19}{seconds:>8.2f}{interval.limit_s:>9.1f}{median(interval.memory_mb):>11.0f}{beside}"


if __name__ == "__main__":
    on_one_core, called, *arguments = json.loads(sys.argv[1])
    if on_one_core and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    functions: dict[str, Callable] = {"interval_seconds": interval_seconds, "step": step}
    print(json.dumps(functions[called](*arguments)))

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
from itertools import product
from pathlib import Path
from statistics import median

import numpy as np

from suite.bench.engines import ONE_THREAD
from suite.sac import identity

RLIABLE = identity.ROOT / ".venv-rliable/bin/python"  # rliable wants pandas < 3: an environment of its own


TASKS = ("HalfCheetah-v5", "Hopper-v5", "Walker2d-v5", "Ant-v5", "Humanoid-v5")


FACTORS = {"alpha": ["fixed", "learned"], "critics": ["single", "twin"]}


VARIANTS = ("sac_v2", "sac_v1", *("factorial/" + "+".join(levels) for levels in product(*FACTORS.values())))


BASELINE = "factorial/learned+twin"


IMPLEMENTATIONS = ("torch", "jax")


EVERY, EPISODES = 10_000, 10


INTERVALS = {"curve": "IQM of a curve", "improvement": "P(improvement)"}


THEIR_RESAMPLES = {"curve": 40, "improvement": 100}


LIMITS = {"curve": 5.0, "improvement": 1.5, "step": 90.0, "step_mb": 1000.0}  # seconds, and megabytes at the most


SAMPLED_EVERY_S = 0.05


# --- in a process of its own


def interval_seconds(library: str, name: str, shape: list[int], resamples: list[int]) -> list[float]:
    """Processor seconds of an interval, once for each number of resamples; shape: tasks, seeds, checkpoints."""
    rng = np.random.default_rng(0)
    tasks, seeds, checkpoints = shape
    x = rng.normal(0.6, 0.2, (seeds, tasks, checkpoints)).cumsum(axis=-1)
    y = rng.normal(0.5, 0.2, (seeds, tasks))
    make = {"ours": _ours, "rliable": _theirs}[library](name, x, y)
    make(2)  # everything is loaded
    found = []
    for times in resamples:
        before = time.process_time()
        make(times)
        found.append(time.process_time() - before)
    return found


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

    scores, statistic = {"curve": (x, iqm), "improvement": ([x[..., 0], y], probability)}[name]
    return lambda resamples: library.get_interval_estimates({"": scores}, statistic, reps=resamples)


def step(folder: str, resamples: int, workers: int) -> None:
    """The statistics of the study in the folder, as the command makes them."""
    from suite.analysis import results as summary
    from suite.analysis.declared import Declared
    from suite.published import anchors as references
    from suite.study.config import Report

    summary.main(
        Path(folder),
        random_policy={task: policy.mean for task, policy in references.random_policy().items()},
        anchors=references.anchors(),
        second_anchors=references.anchors("second"),
        declared=Declared(Report(resamples=resamples)),
        workers=workers,
    )


# --- around them


def run(
    resamples: int = 50_000,
    *,
    rounds: int = 3,
    tasks: int = len(TASKS),
    seeds: int = 10,
    checkpoints: int = 100,
    workers: int = 2,
    their_resamples: dict[str, int] = THEIR_RESAMPLES,
    say: Callable[[str], None] = lambda line: None,
) -> dict:
    """Every turn of every interval, the medians, the whole step, and who was missing; JSON-able."""
    from suite.bench.engines import machine

    shape = [tasks, seeds, checkpoints]
    result = {
        "machine": machine(),
        "shape": dict(zip(("tasks", "seeds", "checkpoints"), shape, strict=True)),
        "resamples": resamples,
        "missing": {} if RLIABLE.exists() else {"rliable": f"no interpreter at {RLIABLE} (make .venv-rliable/ready)"},
        "intervals": {},
    }
    for name in INTERVALS:
        found: dict[str, list] = {"seconds": [], "memory_mb": [], "rliable_seconds": []}
        for turn in range(rounds):
            say(f"{INTERVALS[name]}, {turn + 1} of {rounds}")
            done = _watched(["interval_seconds", "ours", name, shape, [resamples]], pinned=True)
            found["seconds"] += done["answer"]
            found["memory_mb"].append(done["peak_mb"])
            if "rliable" not in result["missing"]:
                few = their_resamples[name]
                asked = ["interval_seconds", "rliable", name, shape, [1, few]]
                one, all_of_them = _watched(asked, pinned=True, interpreter=str(RLIABLE))["answer"]
                found["rliable_seconds"].append(one + (all_of_them - one) / (few - 1) * (resamples - 1))
        result["intervals"][name] = found | {"rliable_resamples": their_resamples[name], "limit_s": LIMITS[name]}
    say("the whole step")
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder), tasks=tasks, seeds=seeds, checkpoints=checkpoints)
        done = _watched(["step", folder, resamples, workers], pinned=False)
        told = json.loads(Path(folder, "results.json").read_text())
    result["step"] = {
        "seconds": done["wall_s"],
        "processor_seconds": done["processor_s"],
        "memory_mb": done["peak_mb"],
        "workers": workers,
        "cells": len(told["cells"]),
        "runs": told["counts"]["planned"],
        "limit_s": LIMITS["step"],
        "limit_mb": LIMITS["step_mb"],
    }
    return result


def _watched(request: list, *, pinned: bool, interpreter: str = sys.executable) -> dict:
    """A function of this module called in a process of its own: its answer, and of the process with its children
    wall seconds from start to end, processor seconds, and the most megabytes in memory, shared pages counted in each.
    """
    import psutil

    environment = os.environ | ONE_THREAD | {"PYTHONPATH": str(identity.ROOT)}
    command = [interpreter, "-m", "suite.bench.statistics", json.dumps([pinned, *request])]
    with tempfile.TemporaryFile("w+") as answer, tempfile.TemporaryFile("w+") as errors:
        started, busy, peak = time.perf_counter(), _children_s(), 0.0
        with psutil.Popen(command, env=environment, stdout=answer, stderr=errors) as process:
            while process.poll() is None:
                peak = max(peak, _resident_mb(process))
                time.sleep(SAMPLED_EVERY_S)
        wall_s, processor_s = time.perf_counter() - started, _children_s() - busy
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{request[0]} has failed:\n{errors.read()}")
        answer.seek(0)
        return {"answer": json.loads(answer.read()), "wall_s": wall_s, "processor_s": processor_s, "peak_mb": peak}


def _children_s() -> float:
    """Processor seconds of all child processes that have ended, and of theirs."""
    times = os.times()
    return times.children_user + times.children_system


def _resident_mb(process: object) -> float:
    import psutil

    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_info().rss
    except psutil.Error:  # one of them ended meanwhile
        pass
    return total / 1e6


def write_study(folder: Path, *, tasks: int, seeds: int, checkpoints: int) -> None:
    """A made-up study's tables as suite.gather writes them: twelve cells for each task, every run finished."""
    import pandas as pd

    from suite.published import anchors as references

    rng, scales, budget = np.random.default_rng(0), references.anchors(), EVERY * checkpoints
    steps = np.arange(EVERY, budget + 1, EVERY)
    ids = {variant: f"{i:010x}" for i, variant in enumerate(VARIANTS)}
    planned, runs, evaluations, diagnostics = [], [], [], []
    for task, implementation, variant, seed in product(TASKS[:tasks], IMPLEMENTATIONS, VARIANTS, range(seeds)):
        ablation, _, arm = variant.rpartition("/")
        run = {"task": task, "implementation": implementation, "run_id": ids[variant], "seed": seed}
        levels = dict(zip(FACTORS, arm.split("+"), strict=True)) if ablation else {}
        protocol = {"env_steps": budget, "evaluate_every": EVERY, "evaluation_episodes": EPISODES}
        planned.append(
            run | protocol | {"preset": "sac_v2" if ablation else variant, "ablation": ablation, "arm": arm}
            | {"levels": json.dumps(levels), "baseline": variant == BASELINE, "label": variant}
        )  # fmt: skip
        runs.append(
            run | protocol | {"variant": variant, "status": "finished", "stale": False, "message": "", "code_id": "-"}
            | {"last_env_step": budget, "stopped_at": None}
        )  # fmt: skip
        span = scales[task].reference - scales[task].random
        level = rng.normal(0.8, 0.1) * (1 - np.exp(-steps / (0.2 * budget)))
        returns = scales[task].random + span * (level[:, None] + rng.normal(0, 0.05, (checkpoints, EPISODES)))
        evaluations.append(pd.DataFrame(run | {
            "env_step": np.repeat(steps, EPISODES), "kind": "mean", "return": returns.ravel(),
            "episode": np.tile(np.arange(EPISODES), checkpoints), "length": 1000,
        }))  # fmt: skip
        diagnostics.append(
            pd.DataFrame(run | {"env_step": steps, "alpha": 0.2, "q_bias": rng.normal(size=checkpoints)})
        )
    tables = {"manifest": pd.DataFrame(planned), "runs": pd.DataFrame(runs).astype({"stopped_at": "Int64"}),
              "evaluations": pd.concat(evaluations), "diagnostics": pd.concat(diagnostics)}  # fmt: skip
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    (folder / "ablations.json").write_text(json.dumps({"factorial": {"factors": FACTORS}}))


# --- as text


def render(result: dict) -> str:
    """The table as text."""
    shape, machine = result["shape"], result["machine"]
    lines = [
        f"{shape['tasks']} tasks x {shape['seeds']} seeds, {shape['checkpoints']} checkpoints on a curve, "
        f"{result['resamples']:,} resamples; {machine['processor']}, {machine['cores']} cores, "
        f"Python {machine['python']}",
        f"{'':<19}{'s':>8}{'at most':>9}{'memory MB':>11}{'rliable s':>11}{'times':>8}",
    ]
    for name, found in result["intervals"].items():
        seconds, theirs = median(found["seconds"]), found["rliable_seconds"]
        beside = f"{median(theirs):>11.0f}{median(theirs) / seconds:>8.0f}" if theirs else f"{'-':>11}{'-':>8}"
        lines.append(
            f"{INTERVALS[name]:<19}{seconds:>8.2f}{found['limit_s']:>9.1f}{median(found['memory_mb']):>11.0f}{beside}"
        )
    step = result["step"]
    lines.append(f"{'the whole step':<19}{step['seconds']:>8.1f}{step['limit_s']:>9.1f}{step['memory_mb']:>11.0f}")
    lines += [f"{name:<19}missing: {why}" for name, why in result["missing"].items()]
    few = {name: found["rliable_resamples"] for name, found in result["intervals"].items()}
    lines += [
        "intervals: processor seconds of one process with one thread, medians of the rounds, both by the plain",
        f"bootstrap; rliable's measured with {few['curve']} and {few['improvement']} resamples and scaled to "
        f"{result['resamples']:,};",
        f"the whole step: {step['cells']} cells, {step['runs']} runs, {step['workers']} workers; seconds on the wall "
        f"({step['processor_seconds']:.0f} processor seconds), at most {step['limit_mb']:.0f} MB;",
        "memory: the most that a process and its children had in memory together, seen every 50 ms",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    on_one_core, called, *arguments = json.loads(sys.argv[1])
    if on_one_core and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(json.dumps({"interval_seconds": interval_seconds, "step": step}[called](*arguments)))

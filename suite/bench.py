"""The benchmark: our engines beside other packages in one sitting, one process at a time, on one core with one thread.

Every contender is a process of its own: its start is timed, then its loop, then its updates alone; last its replay
buffer is filled and its memory read. Seconds are processor seconds, which other work on the machine disturbs least,
except from the start to the first update, where waiting counts. Our engines run in suite.runner.Lab, as in a study.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from suite import UsageError, identity, nearest
from suite.contract import Job, Loop
from suite.schedule import Schedule
from suite.spec import SacSpec

TASK, PRESET, WARMUP = "HalfCheetah-v5", "sac_v2", 256
LIBRARIES = ("numpy", "torch", "jax")
ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    "CUDA_VISIBLE_DEVICES": "",
}
TIMEOUT_S = 1800


# --- in a process of its own


class Own:
    """See suite.contract.Loop: one of the suite's engines in the suite's own loop."""

    def __init__(self, engine: object, job: Job):
        from suite.runner import Lab

        class Unrecorded:
            """Takes the place of a recorder: nothing of this is kept."""

            def __init__(self) -> None:
                self.rows: list[dict] = []

        self.lab = Lab(engine, job, [Unrecorded() for _ in job.seeds])

    def learn(self, env_steps: int) -> None:
        for _ in range(env_steps):
            self.lab.step()

    def update(self, times: int) -> None:
        obs = np.stack([seat.obs for seat in self.lab.seats])[:, None]
        act_noise = np.zeros((*obs.shape[:2], self.lab.spaces.action_dim), np.float32)
        for _ in range(times):  # with the next action, as the loop asks for them
            self.lab.update(obs, act_noise)

    def fill(self) -> None:
        for seat in self.lab.seats:
            seat.replay.rows.fill(0)


def measure(request: dict) -> dict:
    """What one contender does, in this process: see the module's first lines. Runs to the end or raises."""
    job, sizes = _job(request), request
    module = importlib.import_module(request["target"])
    loop: Loop = module.start(job) if hasattr(module, "start") else Own(module, job)
    loop.learn(WARMUP + 1)
    started = time.time() - request["started"]
    loop.learn(sizes["settle"])
    loop.update(1)
    learning = _timed(lambda: loop.learn(sizes["env_steps"]))
    updating = _timed(lambda: loop.update(sizes["updates"]))
    loop.fill()
    device = module.device() if hasattr(module, "device") else None
    return {
        "env_steps_per_s": len(job.seeds) * sizes["env_steps"] / learning,
        "updates_per_s": len(job.seeds) * sizes["updates"] / updating,
        "start_s": started,
        "peak_memory_mb": _peak_memory_mb(),
        "device": device or "processor",
    }


def multiply(library: str) -> dict:
    """The rate of 256 x 256 x 256 float32 products in one library, in this process."""
    from implementations import matrices

    products = getattr(matrices, library)()
    products(100)
    return {
        "gflop_per_s": statistics.median(200 * matrices.FLOP / _timed(lambda: products(200)) for _ in range(20)) / 1e9
    }


def _job(request: dict) -> Job:
    spec = identity.from_plain(SacSpec, request["spec"])
    schedule = identity.from_plain(Schedule, request["schedule"])
    seeds = tuple(range(request["seeds"]))
    return Job(request["task"], "", "", spec, schedule, 10**9, 1, 10**9, seeds, {})


def _timed(work: Callable[[], None]) -> float:
    """Processor seconds, of all threads of this process; on an accelerator, where that says nothing, seconds."""
    clock = time.perf_counter if os.environ.get("SAC_SUITE_BENCH_CLOCK") == "wall" else time.process_time
    before = clock()
    work()
    return clock() - before


def _peak_memory_mb() -> float:
    """The largest resident set this program has had: ru_maxrss would count the parent's it was started from."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))) / 1e3
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


# --- around them


def run(
    names: Iterable[str], *, rounds: int, env_steps: int, updates: int, say: Callable[[str], None] = lambda line: None
) -> dict:
    """Every round of every contender, their medians, the floor and who was missing; JSON-able.

    The order alternates from round to round, so that a machine that slows down does not always slow the same one.
    """
    import implementations
    from suite.plan import update_flop
    from suite.tasks import TASKS

    known = implementations.REGISTRY | implementations.PEERS
    names = list(names) or list(known)
    for name in names:
        if name not in known:
            raise UsageError(f"there is no contender {name!r}; did you mean {nearest(name, known)}?")
    request = _request(env_steps, updates, seeds=1)
    results: dict[str, list[dict]] = {name: [] for name in names}
    floors: dict[str, list[dict]] = {library: [] for library in LIBRARIES}
    missing: dict[str, str] = {}
    for number in range(rounds):
        for library in LIBRARIES:
            floors[library].append(_child(sys.executable, {"multiply": library}))
        for name in names if number % 2 == 0 else reversed(names):
            if name in missing:
                continue
            target, interpreter = known[name].target, known[name].interpreter or sys.executable
            found = _child(interpreter, request | {"target": target})
            if "missing" in found:
                missing[name] = found["missing"]
                del results[name]
                say(f"round {number + 1}: {name} is missing: {found['missing']}")
            else:
                results[name].append(found)
                say(f"round {number + 1}: {name:<18} {found['env_steps_per_s']:6.1f} steps/s")
    task = TASKS[TASK]
    flop = update_flop(identity.from_plain(SacSpec, request["spec"]), task.obs_dim, task.action_dim)
    rates = {library: [one["gflop_per_s"] for one in own] for library, own in floors.items() if "missing" not in own[0]}
    floor = [max(one) for one in zip(*rates.values(), strict=True)]  # of each round
    table = {}
    for name, own in results.items():
        shares = [one["updates_per_s"] * flop / (best * 1e9) for one, best in zip(own, floor, strict=True)]
        table[name] = {key: statistics.median(one[key] for one in own) for key in _NUMBERS}
        table[name] |= {"first_start_s": own[0]["start_s"], "share_of_floor": statistics.median(shares)}
    rates = {library: statistics.median(own) for library, own in rates.items()}
    return {
        "machine": machine(),
        "task": TASK,
        "preset": PRESET,
        "flop_per_update": flop,
        "gflop_per_s": rates,
        "table": table,
        "rounds": results,
        "missing": missing,
    }


def blocks(name: str, sizes: Iterable[int], *, env_steps: int, updates: int) -> dict:
    """Seed-steps per second of one engine with S seeds in lockstep, for each S; JSON-able."""
    import implementations

    if name not in implementations.REGISTRY:
        raise UsageError(f"there is no engine {name!r}; did you mean {nearest(name, implementations.REGISTRY)}?")
    target = implementations.REGISTRY[name].target
    found = {}
    for seeds in sizes:
        request = _request(env_steps, updates, seeds) | {"target": target}
        found[str(seeds)] = _child(sys.executable, request, pinned=False, clock="wall")
    return {"machine": machine(), "task": TASK, "preset": PRESET, "engine": name, "blocks": found}


def sizes(text: str) -> list[int]:
    """ "1,2,5" as numbers; UsageError for anything else."""
    found = text.split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in found):
        raise UsageError(f"--blocks is {text!r}; it must be numbers of seeds, as in 1,2,5,10,20")
    return [int(part) for part in found]


_NUMBERS = ("env_steps_per_s", "updates_per_s", "start_s", "peak_memory_mb")


def machine() -> dict:
    """What a reader must know of the machine to compare."""
    from suite.runner import processor

    return {"processor": processor(), "cores": os.cpu_count(), "python": platform.python_version()}


def _cores() -> set[int]:
    """The cores this process may use (where the system cannot pin a process to one, all of them)."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def _request(env_steps: int, updates: int, seeds: int) -> dict:
    from suite.plan import resolve

    spec, schedule = resolve(PRESET, TASK, {"warmup_steps": WARMUP, "learn_after": WARMUP})
    plain = {"task": TASK, "spec": identity.to_plain(spec), "schedule": identity.to_plain(schedule)}
    return plain | {"settle": max(env_steps // 5, 1), "env_steps": env_steps, "updates": updates, "seeds": seeds}


def _child(interpreter: str, request: dict, pinned: bool = True, clock: str = "processor") -> dict:
    """The answer of a fresh process; {"missing": why} where the interpreter or the package is not there."""
    if not Path(interpreter).exists():
        return {"missing": f"no interpreter at {interpreter} (make {Path(interpreter).parent.parent}/ready)"}
    environment = os.environ | {"PYTHONPATH": str(identity.ROOT), "SAC_SUITE_BENCH_CLOCK": clock}
    environment |= ONE_THREAD if pinned else {}
    request = request | {"started": time.time(), "core": max(_cores()) if pinned else None}
    command = [interpreter, "-m", "suite.bench", json.dumps(request)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode:
        raise RuntimeError(f"{request.get('target') or request['multiply']} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def render(result: dict) -> str:
    """The table as text."""
    best = max(result["gflop_per_s"].values())
    lines = [
        f"{result['task']}, {result['preset']}: 256 x 256, batch 256, one update per step; {_about(result['machine'])}",
        f"{'':<19}{'steps/s':>9}{'updates/s':>11}{'of floor':>10}{'memory MB':>11}{'start s':>9}{'first':>7}",
    ]
    for name, row in sorted(result["table"].items(), key=lambda item: -item[1]["env_steps_per_s"]):
        lines.append(
            f"{name:<19}{row['env_steps_per_s']:>9.1f}{row['updates_per_s']:>11.1f}{row['share_of_floor']:>10.0%}"
            f"{row['peak_memory_mb']:>11.0f}{row['start_s']:>9.1f}{row['first_start_s']:>7.1f}"
        )
    lines += [f"{name:<19}missing: {why}" for name, why in result["missing"].items()]
    rates = ", ".join(f"{library} {rate:.0f}" for library, rate in result["gflop_per_s"].items())
    lines += [
        f"floor: {best:.0f} GFLOP/s, the best of {rates} at 256 x 256 x 256 in float32, one thread;",
        f"       {result['flop_per_update'] / 1e6:.0f} MFLOP per update: 2 per multiply-add of every layer's product,",
        "       forward once, backward twice (once where only the inputs' gradient is needed)",
        "steps and updates: medians, per processor second; memory: peak, with the replay buffer full;",
        "start: seconds from nothing to the first update, median and first (which may compile anew)",
    ]
    for ours in ("jax", "torch"):
        for theirs in ("sbx", "stable_baselines3", "tianshou"):
            if ours in result["table"] and theirs in result["table"]:
                ratio = _ratio(result["rounds"][ours], result["rounds"][theirs])
                lines.append(f"{ours} / {theirs}: {ratio:.2f} (median of the rounds' ratios of steps/s)")
    return "\n".join(lines)


def render_blocks(result: dict) -> str:
    """The table as text."""
    lines = [
        f"{result['engine']} on {result['task']}, {result['preset']}, seeds in lockstep; {_about(result['machine'])}",
        f"{'seeds':>7}{'seed-steps/s':>14}{'seed-updates/s':>16}{'start s':>9}  device",
    ]
    for seeds, row in result["blocks"].items():
        lines.append(
            f"{seeds:>7}{row['env_steps_per_s']:>14.1f}{row['updates_per_s']:>16.1f}{row['start_s']:>9.1f}"
            f"  {row['device']}"
        )
    return "\n".join(lines)


def _ratio(ours: list[dict], theirs: list[dict]) -> float:
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(a["env_steps_per_s"] / b["env_steps_per_s"] for a, b in pairs)


def _about(machine: dict) -> str:
    return f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}"


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    os.environ.update(ONE_THREAD if asked["core"] is not None else {})
    if asked["core"] is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {asked["core"]})
    try:
        answer = multiply(asked["multiply"]) if "multiply" in asked else measure(asked)
    except ModuleNotFoundError as error:
        answer = {"missing": str(error)}
    print(json.dumps(answer))

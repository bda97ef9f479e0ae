"""The benchmark: our engines beside other packages in one sitting, one at a time, on one core with one thread.

Every contender is a process of its own. Its start is timed alone; then all take short turns, playing and updating, and
the others wait, so that a machine that slows down slows them alike and a ratio is one of neighbours; last each replay
buffer is filled and the memory read. Seconds are processor seconds, which other work on the machine disturbs least,
except from the start to the first update, where waiting counts. Our engines run in suite.runner.Lab, as in a study.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

import numpy as np

from suite.errors import UsageError, nearest
from suite.sac import identity
from suite.sac.contract import Job, Loop
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec

TASK, PRESET, WARMUP = "HalfCheetah-v5", "sac_v2", 256


LIBRARIES = {library: f"products in {library}" for library in ("numpy", "torch", "jax")}


TURNS, PRODUCTS = 5, 500


ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    "CUDA_VISIBLE_DEVICES": "",
}


# --- in a process of its own


class Own:
    """See suite.contract.Loop: one of the suite's engines in the suite's own loop."""

    def __init__(self, engine: object, job: Job):
        from suite.lab.lab import Lab

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


def contender(request: dict) -> dict[str, Callable]:
    """What a contender can be asked to do, by name; it has had its first update and knows how long that took."""
    seeds = tuple(range(request["seeds"]))
    spec = identity.from_plain(SacSpec, request["spec"])
    schedule = identity.from_plain(Schedule, request["schedule"])
    job = Job(TASK, "", "", spec, schedule, 10**9, 1, 10**9, seeds, {})
    module = importlib.import_module(request["target"])
    loop: Loop = module.start(job) if hasattr(module, "start") else Own(module, job)
    loop.learn(WARMUP + 1)
    start_s = time.time() - request["started"]
    loop.learn(50)
    loop.update(5)

    def memory() -> float:
        """Megabytes of the largest resident set so far, with the whole replay buffer written to."""
        loop.fill()
        return _peak_memory_mb()

    clock = time.perf_counter if request["clock"] == "wall" else time.process_time
    device = (module.device() if hasattr(module, "device") else None) or "processor"
    return {
        "about": lambda: {"start_s": start_s, "device": device},
        "learn": lambda times: _timed(clock, loop.learn, times),
        "update": lambda times: _timed(clock, loop.update, times),
        "memory": memory,
    }


def multiplier(request: dict) -> dict[str, Callable]:
    """As `contender`, of one library's matrix products."""
    from suite.bench import matrices

    products = getattr(matrices, request["library"])()
    products(100)
    return {"about": lambda: {}, "multiply": lambda times: _timed(time.process_time, products, times)}


def serve(request: dict) -> None:
    """Answers requests on standard input, a line of JSON each, until it closes."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a package prints does not get between them
    if request["core"] is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {request["core"]})
    try:
        can = contender(request) if "target" in request else multiplier(request)
    except ModuleNotFoundError as error:
        can = {"about": lambda why=str(error): {"missing": why}}
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(can[name](*arguments)), file=answers, flush=True)


def _timed(clock: Callable[[], float], work: Callable[[int], None], times: int) -> float:
    """Seconds that `work` takes each time; processor seconds are those of all threads of the process."""
    before = clock()
    work(times)
    return (clock() - before) / times


def _peak_memory_mb() -> float:
    """The largest resident set this program has had: ru_maxrss would count the parent's it was started from."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))) / 1e3
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


# --- around them


class Child:
    """A process that serves; `about` says what it is, or who is missing."""

    def __init__(self, interpreter: str, request: dict, *, pinned: bool = True):
        self.about: dict = {}
        if not Path(interpreter).exists():
            environment = Path(interpreter).parent.parent
            self.about = {"missing": f"no interpreter at {interpreter} (make {environment}/ready)"}
            return
        core = max(_cores()) if pinned else None
        environment = os.environ | {"PYTHONPATH": str(identity.ROOT)} | (ONE_THREAD if pinned else {})
        command = [
            interpreter,
            "-m",
            "suite.bench.engines",
            json.dumps(request | {"started": time.time(), "core": core}),
        ]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it lives as long as the process
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self.about = self.ask("about")

    def ask(self, name: str, *arguments: int) -> object:
        """The answer to one request; RuntimeError with what the process wrote if it has died."""
        try:
            print(json.dumps([name, *arguments]), file=self._process.stdin, flush=True)
            return json.loads(self._process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            self._process.wait()
            self._errors.seek(0)
            raise RuntimeError(f"a contender has died:\n{self._errors.read()}") from None

    def close(self) -> None:
        if hasattr(self, "_process"):
            self._process.stdin.close()
            self._process.wait()


def run(
    names: Iterable[str], *, rounds: int, env_steps: int, updates: int, say: Callable[[str], None] = lambda line: None
) -> dict:
    """Every turn of every round of every contender, what follows from them, and who was missing; JSON-able.

    A round starts all anew and times `env_steps` and `updates` in TURNS turns; the order alternates from turn to turn.
    """
    import implementations
    from suite.lab.tasks import TASKS
    from suite.study.forecast import update_flop

    known = implementations.REGISTRY | implementations.PEERS
    names = list(names) or list(known)
    for name in names:
        if name not in known:
            raise UsageError(f"there is no contender {name!r}; did you mean {nearest(name, known)}?")
    request = _request(seeds=1, clock="processor")
    steps, times = max(env_steps // TURNS, 1), max(updates // TURNS, 1)
    found: dict[str, dict[str, list[float]]] = {name: {} for name in (*names, *LIBRARIES.values())}
    missing: dict[str, str] = {}

    def note(name: str, what: str, value: float) -> None:
        found[name].setdefault(what, []).append(value)

    for number in range(rounds):
        children: dict[str, Child] = {}
        for library, name in LIBRARIES.items():
            children[name] = Child(sys.executable, {"library": library})
        for name in names if number % 2 == 0 else names[::-1]:
            own = {"target": known[name].target}
            children[name] = Child(known[name].interpreter or sys.executable, request | own)
        for name in [name for name, child in children.items() if "missing" in child.about]:
            missing[name] = children.pop(name).about["missing"]
        for turn in range(TURNS):
            for name in list(children) if turn % 2 == 0 else list(children)[::-1]:
                if name in names:
                    note(name, "env_step_s", children[name].ask("learn", steps))
                    note(name, "update_s", children[name].ask("update", times))
                else:
                    note(name, "product_s", children[name].ask("multiply", PRODUCTS))
        for name, child in children.items():
            if name in names:
                note(name, "start_s", child.about["start_s"])
                note(name, "peak_memory_mb", child.ask("memory"))
            child.close()
        say(f"round {number + 1} of {rounds} is done")
    task = TASKS[TASK]
    flop = update_flop(identity.from_plain(SacSpec, request["spec"]), task.obs_dim, task.action_dim)
    turns = {"found": {name: own for name, own in found.items() if own}, "missing": missing}
    return (
        {"machine": machine(), "task": TASK, "preset": PRESET, "flop_per_update": flop} | _summary(turns, flop) | turns
    )


def _summary(turns: dict, flop: float) -> dict:
    """The medians over all turns: what stands in the table. Ratios and shares are of the same turn."""
    from suite.bench.matrices import FLOP

    found = turns["found"]
    rates = {name: [FLOP / s / 1e9 for s in found[name]["product_s"]] for name in LIBRARIES.values() if name in found}
    floor = [max(one) for one in zip(*rates.values(), strict=True)]
    table, ratios = {}, {}
    contenders = {name: own for name, own in found.items() if "update_s" in own}
    for name, own in contenders.items():
        shares = [flop / s / (best * 1e9) for s, best in zip(own["update_s"], floor, strict=True)]
        table[name] = {
            "env_steps_per_s": 1 / median(own["env_step_s"]),
            "updates_per_s": 1 / median(own["update_s"]),
            "share_of_floor": median(shares),
            "peak_memory_mb": median(own["peak_memory_mb"]),
            "start_s": median(own["start_s"]),
            "first_start_s": own["start_s"][0],
        }
        ratios[name] = {
            other: median(b / a for a, b in zip(own["env_step_s"], theirs["env_step_s"], strict=True))
            for other, theirs in contenders.items()
            if other != name
        }
    libraries = {library: median(rates[name]) for library, name in LIBRARIES.items() if name in rates}
    floors = {"floor_gflop_per_s": median(floor), "gflop_per_s": libraries}
    return floors | {"table": table, "ratios_of_env_steps_per_s": ratios}


def blocks(name: str, sizes: Iterable[int], *, rounds: int, env_steps: int, updates: int) -> dict:
    """Seed-steps per second of one engine with S seeds in lockstep, for each S, medians of the rounds; JSON-able.

    The process may use what it finds, an accelerator too, so seconds are those of the clock on the wall.
    """
    import implementations

    if name not in implementations.REGISTRY:
        raise UsageError(f"there is no engine {name!r}; did you mean {nearest(name, implementations.REGISTRY)}?")
    found = {}
    for seeds in sizes:
        target = {"target": implementations.REGISTRY[name].target}
        child = Child(sys.executable, _request(seeds, "wall") | target, pinned=False)
        if "missing" in child.about:
            raise UsageError(f"the engine {name} cannot run here: {child.about['missing']}")
        found[str(seeds)] = child.about | {
            "seed_steps_per_s": seeds / median(child.ask("learn", env_steps) for _ in range(rounds)),
            "seed_updates_per_s": seeds / median(child.ask("update", updates) for _ in range(rounds)),
        }
        child.close()
    return {"machine": machine(), "task": TASK, "preset": PRESET, "engine": name, "blocks": found}


def sizes(text: str) -> list[int]:
    """ "1,2,5" as numbers; UsageError for anything else."""
    found = text.split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in found):
        raise UsageError(f"--blocks is {text!r}; it must be numbers of seeds, as in 1,2,5,10,20")
    return [int(part) for part in found]


def machine() -> dict:
    """What a reader must know of the machine to compare."""
    from suite.lab.machine import processor

    return {"processor": processor(), "cores": os.cpu_count(), "python": platform.python_version()}


def _cores() -> set[int]:
    """The cores this process may use (where the system cannot pin a process to one, all of them)."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def _request(seeds: int, clock: str) -> dict:
    from suite.specimens.catalogue import resolve

    spec, schedule = resolve(PRESET, TASK, {"warmup_steps": WARMUP, "learn_after": WARMUP})
    plain = {"spec": identity.to_plain(spec), "schedule": identity.to_plain(schedule)}
    return plain | {"seeds": seeds, "clock": clock}


# --- as text


def render(result: dict) -> str:
    """The table as text."""
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
        f"floor: {result['floor_gflop_per_s']:.0f} GFLOP/s, the best of {rates} in the same turn,",
        "       for products of 256 x 256 float32 matrices on one thread;",
        f"       {result['flop_per_update'] / 1e6:.0f} MFLOP per update: 2 per multiply-add of every layer's product,",
        "       forward once, backward twice (once where only the inputs' gradient is needed)",
        "steps and updates: medians over the turns, per processor second; memory: peak, with the replay buffer full;",
        "start: seconds from nothing to the first update, median and first (which may compile anew)",
    ]
    for ours in ("jax", "torch"):
        ratios = result["ratios_of_env_steps_per_s"].get(ours, {})
        told = ", ".join(f"{ratio:.2f} x {other}" for other, ratio in ratios.items() if other not in ("jax", "torch"))
        if told:
            lines.append(f"{ours} plays and learns at {told} (steps/s of the same turn, median)")
    return "\n".join(lines)


def render_blocks(result: dict) -> str:
    """The table as text."""
    lines = [
        f"{result['engine']} on {result['task']}, {result['preset']}, seeds in lockstep; {_about(result['machine'])}",
        f"{'seeds':>7}{'seed-steps/s':>14}{'seed-updates/s':>16}{'start s':>9}  device",
    ]
    for seeds, row in result["blocks"].items():
        lines.append(
            f"{seeds:>7}{row['seed_steps_per_s']:>14.1f}{row['seed_updates_per_s']:>16.1f}{row['start_s']:>9.1f}"
            f"  {row['device']}"
        )
    return "\n".join(lines)


def _about(machine: dict) -> str:
    return f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}"


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))

"""The benchmark: our engines beside other packages in one sitting, one at a time, on one core with one thread.

Every contender is a process of its own. Its start is timed alone; then all take short turns, playing and updating, and
the others wait, so that a machine that slows down slows them alike and a ratio is one of neighbours; last each replay
buffer is filled and the memory read. Seconds are processor seconds, which other work on the machine disturbs least,
except from the start to the first update, where waiting counts. Our engines run in suite.lab.lab.Lab, as in a study.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import implementations
from suite.bench.contenders import PRESET, TASK, Request, settings
from suite.errors import UsageError, nearest

LIBRARIES = ("numpy", "torch", "jax")
TURNS, PRODUCTS = 5, 500
ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    "CUDA_VISIBLE_DEVICES": "",
}
Say = Callable[[str], None]  # takes a line on how far the benchmark is
IN_BFLOAT16 = "_bfloat16"


def known() -> dict[str, implementations.Entry]:
    """Everyone who can be measured, by name: our engines, these with hidden products in bfloat16, and the packages."""
    rounded = {name + IN_BFLOAT16: entry for name, entry in implementations.REGISTRY.items()}
    return implementations.REGISTRY | rounded | implementations.PEERS


def contender(name: str) -> Child:
    """A new process in which this one is measured."""
    entry = known()[name]
    precision = "bfloat16_hidden" if name.endswith(IN_BFLOAT16) else "float32"
    return Child(entry.interpreter or sys.executable, Request(entry.target, precision=precision))


@dataclass(frozen=True)
class Machine:
    """What a reader must know of the machine to compare."""

    processor: str
    instructions: tuple[str, ...]  # those that decide how wide its arithmetic is
    cores: int | None
    python: str

    def __str__(self) -> str:
        has = ", ".join(self.instructions) or "no wide arithmetic known"
        return f"{self.processor} ({has}), {self.cores} cores, Python {self.python}"


@dataclass(frozen=True)
class Measured:
    """A contender's turns: seconds per environment step and per update, a value a turn; the others a value a round."""

    env_step_s: list[float] = field(default_factory=list)
    update_s: list[float] = field(default_factory=list)
    start_s: list[float] = field(default_factory=list)
    peak_memory_mb: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """A contender's medians over all turns: a row of the table."""

    env_steps_per_s: float
    updates_per_s: float
    share_of_floor: float
    peak_memory_mb: float
    start_s: float
    first_start_s: float


@dataclass(frozen=True)
class Result:
    """Every turn of every round, what follows from them, and who was missing, with the reason."""

    machine: Machine
    task: str
    preset: str
    flop_per_update: float
    floor_gflop_per_s: float
    gflop_per_s: dict[str, float]
    table: dict[str, Row]
    ratios_of_env_steps_per_s: dict[str, dict[str, float]]
    contenders: dict[str, Measured]
    products: dict[str, list[float]]
    missing: dict[str, str]


@dataclass(frozen=True)
class Block:
    """One engine with so many seeds in lockstep."""

    start_s: float
    device: str
    seed_steps_per_s: float
    seed_updates_per_s: float
    simulator_share: float  # of a step's time
    state_bytes: int  # the learner's arrays
    given_bytes: int  # rows and noise, which every update is handed
    peak_bytes: int | None  # in use on the device, where it tells


@dataclass(frozen=True)
class Blocks:
    """One engine with several numbers of seeds."""

    machine: Machine
    task: str
    preset: str
    engine: str
    blocks: dict[int, Block]


class Child:
    """A process that serves requests; `about` says what it is, `missing` what it lacks to be measured, if anything."""

    def __init__(self, interpreter: str, request: Request, *, pinned: bool = True):
        self._process: subprocess.Popen[str] | None = None
        self.about: dict[str, Any] = {}
        if not Path(interpreter).exists():
            self.missing = f"no interpreter at {interpreter} (make {Path(interpreter).parent.parent}/ready)"
            return
        core = max(_cores()) if pinned else None
        asked = json.dumps(request._replace(started=time.time(), core=core)._asdict())
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it lives as long as the process
        self._process = subprocess.Popen(
            [interpreter, "-m", "suite.bench.contenders", asked],
            env=environment_of(pinned), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
        )  # fmt: skip
        self.about = self.ask("about")
        self.missing = self.about.get("missing", "")

    def ask(self, name: str, *arguments: float) -> Any:
        """The answer to one request; RuntimeError with what the process wrote if it has died."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        try:
            print(json.dumps([name, *arguments]), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            process.wait()
            self._errors.seek(0)
            raise RuntimeError(f"a contender has died:\n{self._errors.read()}") from None

    def close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()


def environment_of(pinned: bool) -> dict[str, str]:
    """The environment of a process that is measured: it finds a checkout's suite, and one thread if it is pinned."""
    import_path = {"PYTHONPATH": str(implementations.CHECKOUT)} if implementations.CHECKOUT else {}
    return os.environ | import_path | (ONE_THREAD if pinned else {})


def run(names: Iterable[str], *, rounds: int, env_steps: int, updates: int, say: Say = lambda line: None) -> Result:
    """Measures the contenders of these names, all by default.

    A round starts all anew and times `env_steps` and `updates` in TURNS turns; the order alternates from turn to turn.
    """
    chosen = list(names) or list(known())
    for name in chosen:
        if name not in known():
            raise UsageError(f"there is no contender {name!r}; did you mean {nearest(name, known())}?")
    contenders = {name: Measured() for name in chosen}
    products: dict[str, list[float]] = {library: [] for library in LIBRARIES}
    missing: dict[str, str] = {}
    steps, times = max(env_steps // TURNS, 1), max(updates // TURNS, 1)
    for number in range(rounds):
        order = chosen if number % 2 == 0 else chosen[::-1]
        missing |= _round({name: contenders[name] for name in order}, products, steps, times)
        say(f"round {number + 1} of {rounds} is done")
    measured = {name: one for name, one in contenders.items() if one.update_s}
    return _result(measured, {name: seconds for name, seconds in products.items() if seconds}, missing)


def _round(contenders: dict[str, Measured], products: dict[str, list[float]], steps: int, times: int) -> dict[str, str]:
    """Starts all anew and adds a round's turns to what was measured; who is missing, with the reason."""
    libraries = {name: Child(sys.executable, Request(library=name)) for name in products}
    engines = {name: contender(name) for name in contenders}
    turns = [partial(_multiply, child, products[name]) for name, child in libraries.items() if not child.missing]
    present = {name: child for name, child in engines.items() if not child.missing}
    turns += [partial(_train, child, contenders[name], steps, times) for name, child in present.items()]
    for turn in range(TURNS):
        for take in turns if turn % 2 == 0 else reversed(turns):
            take()
    for name, child in present.items():
        contenders[name].start_s.append(child.about["start_s"])
        contenders[name].peak_memory_mb.append(child.ask("memory"))
    for child in (*libraries.values(), *engines.values()):
        child.close()
    missing = {f"products in {name}": child.missing for name, child in libraries.items() if child.missing}
    return missing | {name: child.missing for name, child in engines.items() if child.missing}


def _multiply(child: Child, seconds: list[float]) -> None:
    seconds.append(child.ask("multiply", PRODUCTS))


def _train(child: Child, measured: Measured, steps: int, times: int) -> None:
    measured.env_step_s.append(child.ask("learn", steps))
    measured.update_s.append(child.ask("update", times))


def _result(contenders: dict[str, Measured], products: dict[str, list[float]], missing: dict[str, str]) -> Result:
    """The medians over all turns. Ratios and shares are of the same turn."""
    from suite.bench.matrices import FLOP
    from suite.lab.tasks import TASKS
    from suite.study.forecast import update_flop

    task = TASKS[TASK]
    flop = update_flop(settings()[0], task.obs_dim, task.action_dim)
    rates = {library: [FLOP / s / 1e9 for s in seconds] for library, seconds in products.items()}
    floor = [max(turn) for turn in zip(*rates.values(), strict=True)]
    return Result(
        machine=machine(),
        task=TASK,
        preset=PRESET,
        flop_per_update=flop,
        floor_gflop_per_s=median(floor),
        gflop_per_s={library: median(rate) for library, rate in rates.items()},
        table={name: _row(turns, flop, floor) for name, turns in contenders.items()},
        ratios_of_env_steps_per_s={name: _ratios(name, contenders) for name in contenders},
        contenders=contenders,
        products=products,
        missing=missing,
    )


def _row(turns: Measured, flop: float, floor: Sequence[float]) -> Row:
    share = median(flop / s / (best * 1e9) for s, best in zip(turns.update_s, floor, strict=True))
    rates = (1 / median(turns.env_step_s), 1 / median(turns.update_s), share)
    return Row(*rates, median(turns.peak_memory_mb), median(turns.start_s), turns.start_s[0])


def _ratios(name: str, contenders: dict[str, Measured]) -> dict[str, float]:
    """How many times as fast as each other contender this one plays and learns."""
    ours, others = contenders[name].env_step_s, {key: turns for key, turns in contenders.items() if key != name}
    return {key: median(b / a for a, b in zip(ours, turns.env_step_s, strict=True)) for key, turns in others.items()}


def blocks(
    name: str, numbers: Iterable[int], *, rounds: int, env_steps: int, updates: int, seconds: float = 60
) -> Blocks:
    """Seed-steps per second of one engine with so many seeds in lockstep, medians of the rounds; for each number of
    seeds no longer than so many seconds, start and first compilation apart.

    The process may use what it finds, an accelerator too, so seconds are those of the clock on the wall.
    """
    if name not in implementations.REGISTRY:
        raise UsageError(f"there is no engine {name!r}; did you mean {nearest(name, implementations.REGISTRY)}?")
    measured = {}
    for seeds in numbers:
        request = Request(target=implementations.REGISTRY[name].target, seeds=seeds, block=True)
        child = Child(sys.executable, request, pinned=False)
        if child.missing:
            raise UsageError(f"the engine {name} cannot run here: {child.missing}")
        turns = [child.ask("measure", env_steps, updates, seconds / (2 * rounds)) for _ in range(rounds)]
        measured[seeds] = Block(
            **child.about,
            **child.ask("memory"),
            seed_steps_per_s=seeds / median(turn["env_step_s"] for turn in turns),
            seed_updates_per_s=seeds / median(turn["update_s"] for turn in turns),
            simulator_share=median(turn["simulator_share"] for turn in turns),
        )
        child.close()
    return Blocks(machine(), TASK, PRESET, name, measured)


def sizes(text: str) -> list[int]:
    """ "1,2,5" as numbers; UsageError for anything else."""
    parts = text.split(",")
    if not all(part.strip().isdigit() and 0 < int(part) <= 1000 for part in parts):
        raise UsageError(f"--blocks is {text!r}; it must be numbers of seeds up to 1,000, as in 1,2,5,10,20")
    return [int(part) for part in parts]


def machine() -> Machine:
    from suite.lab.machine import instructions, processor

    return Machine(processor(), instructions(), os.cpu_count(), platform.python_version())


def _cores() -> set[int]:
    """The cores this process may use (where the system cannot pin a process to one, all of them)."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


# --- as text


def render(result: Result) -> str:
    """The table as text."""
    lines = [
        f"{result.task}, {result.preset}: 256 x 256, batch 256, one update per step; {result.machine}",
        f"{'':<19}{'steps/s':>9}{'updates/s':>11}{'of floor':>10}{'memory MB':>11}{'start s':>9}{'first':>7}",
    ]
    for name, row in sorted(result.table.items(), key=lambda item: -item[1].env_steps_per_s):
        lines.append(
            f"{name:<19}{row.env_steps_per_s:>9.1f}{row.updates_per_s:>11.1f}{row.share_of_floor:>10.0%}"
            f"{row.peak_memory_mb:>11.0f}{row.start_s:>9.1f}{row.first_start_s:>7.1f}"
        )
    lines += [f"{name:<19}missing: {why}" for name, why in result.missing.items()]
    rates = ", ".join(f"{library} {rate:.0f}" for library, rate in result.gflop_per_s.items())
    lines += [
        f"floor: {result.floor_gflop_per_s:.0f} GFLOP/s, the best of {rates} in the same turn,",
        "       for products of 256 x 256 float32 matrices on one thread;",
        f"       {result.flop_per_update / 1e6:.0f} MFLOP per update: 2 per multiply-add of every layer's product,",
        "       forward once, backward twice (once where only the inputs' gradient is needed)",
        "steps and updates: medians over the turns, per processor second; memory: peak, with the replay buffer full;",
        "start: seconds from nothing to the first update, median and first (which may compile anew)",
    ]
    return "\n".join(lines + _comparisons(result))


def _comparisons(result: Result) -> list[str]:
    """A line for each of our engines beside the packages that were measured."""
    lines = []
    for engine in (name for name in known() if name not in implementations.PEERS):
        ratios = result.ratios_of_env_steps_per_s.get(engine, {})
        beside = [*implementations.PEERS, engine.removesuffix(IN_BFLOAT16)]
        packages = ", ".join(f"{ratios[name]:.2f} x {name}" for name in beside if name in ratios)
        if packages:
            lines.append(f"{engine} plays and learns at {packages} (steps/s of the same turn, median)")
    return lines


def render_blocks(result: Blocks) -> str:
    """The table as text."""
    rows = (
        f"{seeds:>5}{row.seed_steps_per_s:>14.1f}{row.seed_updates_per_s:>16.1f}{row.simulator_share:>11.1%}"
        f"{_megabytes(row.state_bytes):>10}{_megabytes(row.given_bytes):>10}{_megabytes(row.peak_bytes):>9}"
        f"{row.start_s:>9.1f}  {row.device}"
        for seeds, row in result.blocks.items()
    )
    names = f"{'seeds':>5}{'seed-steps/s':>14}{'seed-updates/s':>16}{'simulator':>11}{'state MB':>10}{'given MB':>10}"
    return "\n".join([
        f"{result.engine} on {result.task}, {result.preset}, seeds in lockstep; {result.machine}",
        f"{names}{'peak MB':>9}{'start s':>9}  device",
        *rows,
        "simulator: its share of a step's time; given: rows and noise of an update; peak: on the device, if it tells",
    ])  # fmt: skip


def _megabytes(number: int | None) -> str:
    return "-" if number is None else f"{number / 1e6:.1f}"

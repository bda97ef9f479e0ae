"""What is measured, in a process of its own: an engine or a package at work, or a library's matrix products.

The process answers requests on standard input, a line of JSON each, until it closes.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from suite.lab.usage import peak_bytes
from suite.sac.contract import Implementation, Job, Origin
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec

TASK, PRESET, WARMUP = "HalfCheetah-v5", "sac_v2", 256


Answers = dict[str, Callable[..., Any]]  # what a process can be asked, by name; every answer is JSON-able


class Request(NamedTuple):
    """What a process is to measure: a module's training, or with `library` that library's matrix products."""

    target: str = ""
    library: str = ""
    precision: str = "float32"
    seeds: int = 1
    block: bool = False  # an engine's seeds in lockstep, by the clock on the wall
    started: float = 0.0  # when the process was asked for, in seconds since 1970
    core: int | None = None


class EngineLoop:
    """See suite.sac.contract.Loop: one of the suite's engines in the suite's own loop, which records nothing."""

    def __init__(self, engine: Implementation, job: Job):
        from suite.lab.lab import Lab
        from suite.lab.records import Recorder

        self.lab = Lab(engine, job, [Recorder(Path()) for _ in job.seeds])
        self.simulator_s, self._play = 0.0, self.lab.play
        self.lab.play = self._timed_play  # type: ignore[method-assign]

    def _timed_play(self) -> None:
        before = time.perf_counter()
        self._play()
        self.simulator_s += time.perf_counter() - before

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

    def measure(self, env_steps: int, updates: int, seconds: float) -> dict[str, float]:
        """A round of a block, each half cut short at so many seconds: by the clock on the wall."""
        before = self.simulator_s
        env_step_s, played = _timed_within(seconds, self.learn, env_steps)
        simulator_share = (self.simulator_s - before) / (env_step_s * played)
        update_s, _ = _timed_within(seconds, self.update, updates)
        return {"env_step_s": env_step_s, "update_s": update_s, "simulator_share": simulator_share}

    def memory(self) -> dict[str, int | None]:
        """Bytes of the learner's arrays, of what an update is given, and, where the device tells, at the peak."""
        state = self.lab.engine.get_params(self.lab.state)
        given = (self.lab._rows, self.lab._noise)
        return {
            "state_bytes": sum(array.nbytes for array in state.values()),
            "given_bytes": sum(array.nbytes for array in given),
            "peak_bytes": _peak_device_bytes(),
        }


def settings(precision: str = "float32") -> tuple[SacSpec, Schedule]:
    """The preset that is measured, with a short warm-up."""
    from suite.specimens.catalogue import resolve

    return resolve(PRESET, TASK, {"warmup_steps": WARMUP, "learn_after": WARMUP, "precision": precision})


def training(request: Request) -> Answers:
    """What a contender can be asked; it has had its first update and knows how long that took."""
    job = Job(TASK, "", "", *settings(request.precision), 10**9, 1, 10**9, tuple(range(request.seeds)), Origin())
    module: Any = importlib.import_module(request.target)
    loop = module.start(job) if hasattr(module, "start") else EngineLoop(module, job)
    loop.learn(WARMUP + 1)
    start_s = time.time() - request.started
    loop.learn(max(50 // request.seeds, 2))
    loop.update(max(5 // request.seeds, 1))

    def memory() -> float:
        """Megabytes of the largest resident set so far, with the whole replay buffer written to."""
        loop.fill()
        return peak_bytes() / 1e6

    device = (module.device() if hasattr(module, "device") else None) or "processor"
    answers: Answers = {"about": lambda: {"start_s": start_s, "device": device}}
    if request.block:
        return answers | {"measure": loop.measure, "memory": loop.memory}
    return answers | {
        "learn": lambda times: _timed(loop.learn, times),
        "update": lambda times: _timed(loop.update, times),
        "memory": memory,
    }


def multiplying(request: Request) -> Answers:
    """What a library's matrix products can be asked."""
    from suite.bench import matrices

    products = getattr(matrices, request.library)()
    products(100)
    return {"about": dict, "multiply": lambda times: _timed(products, times)}


def serve(request: Request) -> None:
    """Answers until standard input closes; a module that is not installed is an answer too."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a package prints does not get between them
    if request.core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {request.core})
    try:
        can: Answers = multiplying(request) if request.library else training(request)
    except ModuleNotFoundError as error:
        can = {"about": partial(dict, missing=str(error))}
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(can[name](*arguments)), file=answers, flush=True)


def _timed(work: Callable[[int], None], times: int) -> float:
    """Processor seconds that `work` takes each time, those of all threads of the process."""
    before = time.process_time()
    work(times)
    return (time.process_time() - before) / times


def _timed_within(seconds: float, work: Callable[[int], None], times: int) -> tuple[float, int]:
    """Seconds of the wall clock that `work` takes each time, and how often it was done: once, and on until the end."""
    before, done = time.perf_counter(), 0
    while done == 0 or (done < times and time.perf_counter() - before < seconds):
        work(1)
        done += 1
    return (time.perf_counter() - before) / done, done


def _peak_device_bytes() -> int | None:
    """The most memory that JAX has had in use on its accelerator; None where there is none, or it does not tell."""
    jax = sys.modules.get("jax")
    told = jax.devices()[0].memory_stats() if jax else None
    return told["peak_bytes_in_use"] if told else None


if __name__ == "__main__":
    serve(Request(**json.loads(sys.argv[1])))

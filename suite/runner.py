"""The one training loop: environments, replay, noise, evaluation and records around an engine it knows nothing of.

S seeds of one job run in lockstep; each has its own environment, replay, random streams and record. Everything random
is drawn here, from named streams, and handed to the engine, so that a run is the same numbers in any framework's hands,
and the same after a kill.
"""

from __future__ import annotations

import json
import math
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from suite import __version__, identity, initial, seeding
from suite.checkpoint import Checkpoints
from suite.contract import Implementation, Job, Metrics, Params, row_width
from suite.evaluation import Episodes, Evaluation
from suite.records import Recorder, atomic
from suite.replay import Replay
from suite.schedule import BootstrapAtLength, Schedule
from suite.spec import SpecError
from suite.tasks import Environment
from suite.tracking import Off, Tracker

PROGRESS_SECONDS = 2.0
SATURATED = 0.99
NOT_FINITE = "the policy's action is not a finite number"
DRAWN_STREAMS = ("warmup", "explore", "replay", "update")


class Interrupted(Exception):
    """The process was told to stop (or its parent died): the run is checkpointed, or a package's, to start again."""


class Place(NamedTuple):
    """Where one seed's files lie: the record to write, and a folder for checkpoints, progress and logs."""

    record: Path
    work: Path


class Trainee(Protocol):
    """One seed of a job, as `train` sees it."""

    seed: int
    recorder: Recorder
    stopped_at: int | None  # the environment step at which it diverged
    message: str  # why


class Training(Protocol):
    """A job in progress, as `train` drives it: the suite's own loop (Lab) or another's. Lists have an item per seed."""

    env_step: int
    seats: Sequence[Trainee]

    @property
    def done(self) -> bool:
        """Whether the budget is spent or no seed is left."""

    def step(self) -> None:
        """One environment step or a few, up to an evaluation at most, and what belongs to them, its recording too."""

    def save(self, checkpoints: Sequence[Checkpoints], clocks: list[dict]) -> None:
        """A checkpoint of every seed, each in its own folder; the clocks are what `resume` gives back."""

    def resume(self, checkpoints: Sequence[Checkpoints]) -> list[dict] | None:
        """Continues at the newest step that every seed has a checkpoint of; None if there is no such step."""

    def networks(self, i: int) -> Params:
        """Seed number i's final networks."""

    def updates(self) -> list[int]:
        """How many updates each seed has had."""


class Seat:
    """One seed of a job: its environment, replay, random streams, pending action and evaluations."""

    def __init__(self, job: Job, seed: int, recorder: Recorder):
        self.seed, self.recorder = seed, recorder
        self.env = Environment(job.task, job.schedule.action_to_env)
        self.spaces = self.env.spaces
        self.replay = Replay(min(job.schedule.replay_capacity, job.env_steps), row_width(self.spaces))
        self.waiting: list[np.ndarray] = []  # rows of the running episode that may not be sampled yet
        self.streams = {name: seeding.stream(seed, name) for name in DRAWN_STREAMS}
        self.obs = self.env.reset(seed=seeding.integer(seed, "environment"))
        self.episode_steps = 0
        self.action = np.zeros(self.spaces.action_dim, np.float32)
        self.warm = True  # whether that action was drawn uniformly
        self.warmup_range = self.env.range if job.schedule.warmup_range == "env" else (-1.0, 1.0)
        self.stopped_at: int | None = None  # the environment step at which the seed diverged
        self.message = ""

    def step(self, schedule: Schedule, env_step: int) -> None:
        """Plays the pending action, stores the transition, starts the next episode where one ended or is abandoned."""
        next_obs, reward, terminated, truncated = self.env.step(self.action)
        self.episode_steps += 1
        ends = terminated or (truncated and schedule.time_limit == "terminal")
        if isinstance(schedule.time_limit, BootstrapAtLength):
            ends = (terminated or truncated) and self.episode_steps != schedule.time_limit.steps
        row = [self.obs, self.action, [reward], next_obs, [float(ends)]]
        self.waiting.append(np.concatenate(row, dtype=np.float32))
        abandoned = schedule.reset_every is not None and env_step % schedule.reset_every == 0 and not self.warm
        over = terminated or truncated or abandoned
        if over or schedule.insert == "step":
            for row in self.waiting:
                self.replay.add(row)
            self.waiting.clear()
        self.obs = self.env.reset() if over else next_obs
        self.episode_steps = 0 if over else self.episode_steps

    def sample(self, stream: np.random.Generator, out: np.ndarray) -> None:
        """Fills out [K, B, width] from the replay; from the running episode while there is nothing else."""
        if len(self.replay):
            self.replay.sample(stream, out)
        else:  # an evaluation, or a seed that diverged, before its first episode was over
            out[:] = np.stack(self.waiting)[stream.integers(len(self.waiting), size=out.shape[:2])]

    def diverge(self, env_step: int, message: str) -> None:
        if self.stopped_at is None:
            self.stopped_at, self.message = env_step, message

    def get_state(self) -> tuple[dict[str, np.ndarray], dict]:
        """Arrays and JSON-able data that `set_state` continues from."""
        env = self.env.get_state()
        arrays = {f"env/{name}": value for name, value in env.items() if isinstance(value, np.ndarray)}
        plain = {name: value for name, value in env.items() if not isinstance(value, np.ndarray)}
        streams = {name: seeding.get_state(generator) for name, generator in self.streams.items()}
        state = {"env": plain, "streams": streams, "rows": self.recorder.rows}
        state |= {"stopped_at": self.stopped_at, "message": self.message}
        state |= {"warm": self.warm, "episode_steps": self.episode_steps}
        waiting = np.array(self.waiting, np.float32).reshape(-1, row_width(self.spaces))
        return arrays | {"obs": self.obs, "action": self.action, "waiting": waiting}, state

    def set_state(self, arrays: dict[str, np.ndarray], state: dict) -> None:
        self.obs, self.action, self.waiting = arrays["obs"], arrays["action"], list(arrays["waiting"])
        env = {name.removeprefix("env/"): value for name, value in arrays.items() if name.startswith("env/")}
        self.env.set_state(env | state["env"])
        for name, generator in self.streams.items():
            seeding.set_state(generator, state["streams"][name])
        self.recorder.rows[:] = state["rows"]
        self.stopped_at, self.message = state["stopped_at"], state["message"]
        self.warm, self.episode_steps = state["warm"], state["episode_steps"]


class Lab:
    """A job in progress: the engine's state, the seats, and the step that is done. See Training.

    SpecError if the schedule asks for what cannot be.
    """

    def __init__(self, engine: Implementation, job: Job, recorders: Sequence[Recorder]):
        self.engine, self.job = engine, job
        if len(job.seeds) > 1 and not job.schedule.lockstep:
            raise SpecError(
                "learn_in_warmup False with warmup_rounding 'episode' lets each seed's episodes decide when it learns: "
                f"seeds {_list(job.seeds)} cannot be trained side by side, only one at a time"
            )
        self.seats = [Seat(job, seed, recorder) for seed, recorder in zip(job.seeds, recorders, strict=True)]
        self.spaces = self.seats[0].spaces
        limit = self.seats[0].env.time_limit
        if job.schedule.insert == "episode_end" and job.schedule.learn_after < limit:
            raise SpecError(
                "insert 'episode_end' leaves nothing to learn from before the first episode is over: learn_after must "
                f"be at least the task's time limit, {limit}, not {job.schedule.learn_after}"
            )
        every = [initial.params(job.spec, self.spaces, seeding.stream(seed, "initial")) for seed in job.seeds]
        dtype = np.dtype(job.spec.dtype)
        params = {name: np.stack([own[name] for own in every]).astype(dtype) for name in every[0]}
        self.state = engine.init(job.spec, self.spaces, params)
        self.env_step = 0
        self.metrics: Metrics = {}
        self.evaluation = Evaluation(job, job.seeds)
        seeds, burst, batch = len(self.seats), job.schedule.updates_per_burst, job.spec.batch_size
        self._rows = np.empty((seeds, burst, batch, row_width(self.spaces)), np.float32)
        self._noise = np.empty((seeds, burst, len(job.spec.draws), batch, self.spaces.action_dim), np.float32)
        self._act(updates=0)

    @property
    def done(self) -> bool:
        diverged = all(seat.stopped_at is not None for seat in self.seats)
        return self.env_step >= self.job.env_steps or diverged

    def step(self) -> None:
        """One environment step of every seat, its updates, the next action, and an evaluation where one is due."""
        self.env_step += 1
        schedule = self.job.schedule
        for seat in self.seats:
            if seat.stopped_at is None:
                seat.step(schedule, self.env_step)
        learns = schedule.learn_in_warmup or not self.seats[0].warm  # all seats agree: see Schedule.lockstep
        self._act(updates=schedule.updates_due(self.env_step) if learns else 0)
        if self.env_step % self.job.evaluate_every == 0:
            self.evaluate()

    def _act(self, updates: int) -> None:
        """The next step's action of every seat, and `updates` updates: where they come first, in one engine call."""
        schedule, obs, act_noise, actions = self.job.schedule, None, None, None
        for seat in self.seats:
            seat.warm = schedule.warms_up(self.env_step + 1, seat.warm, seat.episode_steps)
        if not all(seat.warm for seat in self.seats):
            obs = np.stack([seat.obs for seat in self.seats])[:, None]
            act_noise = np.zeros((len(self.seats), 1, self.spaces.action_dim), np.float32)
            for i, seat in enumerate(self.seats):
                if not seat.warm:  # the others' streams stay where they would be if they ran alone
                    seat.streams["explore"].standard_normal(dtype=np.float32, out=act_noise[i])
        if updates and schedule.update_position == "after_step":
            actions = self.update(obs, act_noise)
        elif obs is not None:
            actions = self.engine.act(self.state, obs, act_noise)
        for i, seat in enumerate(self.seats):
            if seat.warm:
                drawn = seat.streams["warmup"].uniform(*seat.warmup_range, self.spaces.action_dim)
                seat.action = drawn.astype(np.float32)
            elif np.isfinite(actions[i]).all():
                seat.action = np.asarray(actions[i, 0], np.float32)
            else:
                seat.diverge(self.env_step, NOT_FINITE)
        if updates and schedule.update_position == "before_step":
            self.update(None, None)

    def update(self, obs: np.ndarray | None, act_noise: np.ndarray | None) -> np.ndarray | None:
        """One burst of updates of every seat on batches of its own replay; the actions at `obs` afterwards."""
        for i, seat in enumerate(self.seats):
            seat.sample(seat.streams["replay"], self._rows[i])
            seat.streams["update"].standard_normal(dtype=np.float32, out=self._noise[i])
        self.state, actions, self.metrics = self.engine.update(self.state, self._rows, self._noise, obs, act_noise)
        return actions

    def evaluate(self) -> None:
        """The evaluation episodes of every seat, and a row of diagnostics."""
        index = self.env_step // self.job.evaluate_every
        running = [seat.stopped_at is None for seat in self.seats]
        episodes = self.evaluation.play(lambda obs, noise: self.engine.act(self.state, obs, noise), index, running)
        for seat, failed in zip(self.seats, episodes.failed, strict=True):
            if failed:
                seat.diverge(self.env_step, NOT_FINITE)
        explained = self._explain(episodes, index)
        for i, seat in enumerate(self.seats):
            if seat.stopped_at is not None:
                continue
            for row in self.evaluation.rows(episodes, i):
                seat.recorder.episode(self.env_step, *row)
            values = {name: float(value[i]) for name, value in explained.items() if name != "first_q"}
            values["q_bias"] = float((explained["first_q"][i] - episodes.discounted[i]).mean())
            seat.recorder.diagnostic(self.env_step, values)
            if not all(np.isfinite(list(values.values()))):
                bad = ", ".join(name for name, value in values.items() if not np.isfinite(value))
                seat.diverge(self.env_step, f"not a finite number at the evaluation: {bad}")

    def _explain(self, episodes: Episodes, index: int) -> dict[str, np.ndarray]:
        """Diagnostics [S] on a replay batch drawn for the purpose, and Q [S, N] at the evaluation's first states."""
        spec, spaces, first_obs, first_action = self.job.spec, self.spaces, episodes.first_obs, episodes.first_action
        if first_action is None:
            return {}
        rows, noise = self._rows[:, :1].copy(), self._noise[:, :1].copy()
        for i, seat in enumerate(self.seats):
            stream = seeding.stream(seat.seed, "diagnose", index)
            seat.sample(stream, rows[i])
            stream.standard_normal(dtype=np.float32, out=noise[i])
        _, seen = self.engine.explain(self.state, rows, noise)
        count = first_obs.shape[1]
        start = np.zeros_like(rows)
        reached = np.arange(spec.batch_size) % count  # the first states, repeated to fill a batch of the usual size
        start[:, 0, :, : spaces.obs_dim] = first_obs[:, reached]
        start[:, 0, :, spaces.obs_dim : spaces.obs_dim + spaces.action_dim] = first_action[:, reached]
        first_q = self.engine.explain(self.state, start, noise)[1]["q"].min(1)

        def norm(prefix: str) -> np.ndarray:
            grads = [value for name, value in seen.items() if name.startswith(f"grad/{prefix}")]
            return np.sqrt(sum((grad.astype(float) ** 2).reshape(len(grad), -1).sum(1) for grad in grads))

        stretch = sum(map(math.log, spaces.action_scale)) if spec.log_prob_units == "env" else 0.0
        return {
            "entropy": -seen["log_prob"].mean(1) - stretch,  # the box's larger volume is not the policy's entropy
            "alpha": seen["alpha"],
            "tanh_saturation": (np.abs(seen["action"]) > SATURATED).mean((1, 2)),
            "actor_grad_norm": norm("actor"),
            "critic_grad_norm": norm("critic"),
            "critic_loss": seen["critic_loss"],
            "actor_loss": seen["actor_loss"],
            "updates": np.array(self.updates(), float),
            "first_q": first_q[:, :count],
        }

    def save(self, checkpoints: Sequence[Checkpoints], clocks: list[dict]) -> None:
        """A checkpoint of every seat, each in its own folder."""
        params = self.engine.get_params(self.state)
        for i, (seat, checkpoint, clock) in enumerate(zip(self.seats, checkpoints, clocks, strict=True)):
            arrays, state = seat.get_state()
            own = {f"params/{name}": value[i] for name, value in params.items()}
            checkpoint.save(self.env_step, arrays | own, state | {"clock": clock}, seat.replay)

    def resume(self, checkpoints: Sequence[Checkpoints]) -> list[dict] | None:
        """Continues at the newest step that every seat has a checkpoint of; None if there is no such step."""
        common = set.intersection(*(set(checkpoint.env_steps()) for checkpoint in checkpoints))
        within = [step for step in common if step <= self.job.env_steps]
        if not within:
            for checkpoint in checkpoints:
                checkpoint.clear()
            return None
        self.env_step = max(within)
        loaded = [c.load(self.env_step, seat.replay) for c, seat in zip(checkpoints, self.seats, strict=True)]
        for seat, (arrays, state) in zip(self.seats, loaded, strict=True):
            seat.set_state(arrays, state)
        names = [name for name in loaded[0][0] if name.startswith("params/")]
        params = {name.removeprefix("params/"): np.stack([arrays[name] for arrays, _ in loaded]) for name in names}
        self.state = self.engine.set_params(self.state, params)
        return [state["clock"] for _, state in loaded]

    def networks(self, i: int) -> Params:
        """Seat i's final actor and critics (and value net), without targets and optimiser."""
        params = self.engine.get_params(self.state)
        prefixes = (*(f"{net}/" for net in self.job.spec.online), "log_alpha")
        return {name: value[i] for name, value in params.items() if name.startswith(prefixes)}

    def updates(self) -> list[int]:
        """How many updates each seat's learner has had."""
        return self.engine.get_params(self.state)["updates_done"].tolist()


def train(
    engine: Implementation,
    job: Job,
    places: Sequence[Place],
    *,
    code_id: str,
    checkpoint_seconds: float,
    keep_checkpoint: bool = False,
    last_attempt: bool = True,
    time_limit_hours: float | None = None,
    stop_with_parent: bool = False,
    make_lab: Callable[[Implementation, Job, Sequence[Recorder]], Training] = Lab,
    make_tracker: Callable[[Job, int, Path], Tracker] = lambda job, seed, folder: Off(),
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
) -> None:
    """Trains the job to its budget, resuming where a checkpoint lies, and writes one record per seed.

    At the time limit (wall clock, all attempts together) the records say `timeout` and the checkpoints stay, so that
    whoever raises the limit and removes the records continues. Raises OwnedError if another process trains one of the
    seeds, Interrupted after a signal (checkpointed). Any other exception is re-raised for another attempt, or on the
    last attempt becomes a `crashed` record.
    """
    checkpoints = [Checkpoints(place.work) for place in places]
    recorders = [
        Recorder(place.record, provenance(engine, job, seed, code_id))
        for place, seed in zip(places, job.seeds, strict=True)
    ]
    stop = _StopSignals(stop_with_parent)
    started = time.monotonic()
    time_limit_s = math.inf if time_limit_hours is None else 3600 * time_limit_hours
    lab, late = None, ""
    clocks = [{"wall_time_s": 0.0, "attempts": []} for _ in places]
    trackers: list[Tracker] = []
    try:
        lab = make_lab(engine, job, recorders)
        clocks = lab.resume(checkpoints) or clocks
        attempt = {"from_env_step": lab.env_step, "started": datetime.now(UTC).isoformat(timespec="seconds")}
        clocks = [clock | {"attempts": [*clock["attempts"], attempt]} for clock in clocks]
        trackers = [make_tracker(job, seed, place.work) for seed, place in zip(job.seeds, places, strict=True)]
        verb = f"resumes at step {lab.env_step:,}" if lab.env_step else "starts"
        say(f"{job.task} {job.implementation} {job.origin.get('variant', job.run_id)} seeds {_list(job.seeds)}: {verb}")
        spent = [clock["wall_time_s"] for clock in clocks]
        first_step, saved, shown = lab.env_step, time.monotonic(), 0.0
        while not lab.done:
            lab.step()
            now = time.monotonic()
            evaluated = lab.env_step % job.evaluate_every == 0
            clocks = [clock | {"wall_time_s": s + now - started} for clock, s in zip(clocks, spent, strict=True)]
            if evaluated or now - shown > PROGRESS_SECONDS:
                shown = now
                rate = (lab.env_step - first_step) / (now - started)
                for seat, place, tracker in zip(lab.seats, places, trackers, strict=True):
                    progress = _progress(seat, lab.env_step, job.env_steps, rate)
                    with atomic(place.work / "progress.json") as temporary:
                        temporary.write_text(json.dumps(progress))
                    if evaluated:
                        say(_line(seat, progress, job.env_steps))
                        tracker.log(lab.env_step, _scalars(seat, lab.env_step))
            if max(clock["wall_time_s"] for clock in clocks) > time_limit_s and not lab.done:
                reached = f"environment step {lab.env_step:,} of {job.env_steps:,}"
                late = f"time limit of {time_limit_hours:g} h reached at {reached}"
            if now - saved > checkpoint_seconds or stop.asked or late:
                lab.save(checkpoints, clocks)
                saved = time.monotonic()
            if stop.asked:
                kept = all(lab.env_step in checkpoint.env_steps() for checkpoint in checkpoints)
                ending = "checkpointed" if kept else "to start again"
                raise Interrupted(f"stopped by {stop.asked} at step {lab.env_step:,}, {ending}")
            if late:
                break
        if keep_checkpoint:
            lab.save(checkpoints, clocks)
    except (Interrupted, KeyboardInterrupt):
        raise
    except Exception as error:
        say(traceback.format_exc())
        if not last_attempt:
            raise
        reason = traceback.format_exception_only(error)[-1].strip()
        reached = lab.env_step if lab else 0
        for i, recorder in enumerate(recorders):
            arrays = lab.networks(i) if lab else {}
            recorder.finish("crashed", arrays, **_end(reached, reached, reason, 0, clocks[i]))
        return
    else:
        for line in _conclude(lab, trackers, clocks, late):
            say(line)
        for checkpoint, place in zip(checkpoints, places, strict=True):
            if not (keep_checkpoint or late):
                checkpoint.clear()
            (place.work / "progress.json").unlink(missing_ok=True)
    finally:
        stop.restore()
        for checkpoint in checkpoints:
            checkpoint.release()


def _conclude(lab: Training, trackers: Sequence[Tracker], clocks: Sequence[dict], late: str) -> list[str]:
    """Writes the record of every seat of a job at its end, or at its time limit (`late` says so); a line on each."""
    updates, said = lab.updates(), []
    for i, (seat, tracker) in enumerate(zip(lab.seats, trackers, strict=True)):
        diverged = seat.stopped_at is not None
        status = "diverged" if diverged else "timeout" if late else "finished"
        reached, message = (seat.stopped_at, seat.message) if diverged else (lab.env_step, late)
        stopped_at = None if status == "finished" else reached
        end = _end(reached, stopped_at, message, updates[i], clocks[i])
        seat.recorder.finish(status, lab.networks(i), **end)
        tracker.finish(status)
        said.append(f"seed {seat.seed}: {status}" + (f": {message}" if message else ""))
    return said


def provenance(engine: Implementation, job: Job, seed: int, code_id: str) -> dict:
    """What a record says of where its numbers come from."""
    packages = ("numpy", "gymnasium", "mujoco", *(getattr(engine, "PACKAGES", None) or (engine.FRAMEWORK,)))
    return {
        "task": job.task,
        "implementation": job.implementation,
        "run_id": job.run_id,
        "seed": seed,
        "env_steps": job.env_steps,
        "spec": identity.to_plain(job.spec),
        "schedule": identity.to_plain(job.schedule),
        "evaluation": {"every": job.evaluate_every, "episodes": job.evaluation_episodes},
        "origin": job.origin,
        "block": list(job.seeds),
        "code_id": code_id,
        "versions": {"python": platform.python_version(), "suite": __version__}
        | {package: metadata.version(package) for package in packages},
        "device": engine.device() or f"cpu: {processor()}",
        "platform": platform.system(),
    }


def _end(last: int, stopped_at: int | None, message: str, updates: int, clock: dict) -> dict:
    own = {"last_env_step": last, "stopped_at": stopped_at, "message": message, "updates": updates}
    return own | clock | {"ended": datetime.now(UTC).isoformat(timespec="seconds")}


def _scalars(seat: Trainee, env_step: int) -> dict[str, float]:
    """The latest evaluation as scalars by name."""
    rows = [row for row in seat.recorder.rows if row["env_step"] == env_step]
    returns = [row["return"] for row in rows if row["kind"] != "diagnostic"]
    scalars = {"charts/episodic_return": float(np.mean(returns))} if returns else {}
    for row in rows:
        if row["kind"] == "diagnostic":
            scalars |= {name: value for name, value in row.items() if name not in ("env_step", "kind")}
    return scalars


def _progress(seat: Trainee, env_step: int, env_steps: int, rate: float) -> dict:
    last = max((row["env_step"] for row in seat.recorder.rows), default=0)
    scalars = _scalars(seat, last)
    return {
        "env_step": env_step,
        "return": scalars.get("charts/episodic_return"),
        "alpha": scalars.get("alpha"),
        "env_steps_per_s": rate,
        "eta_s": (env_steps - env_step) / rate,
        "diverged": seat.stopped_at is not None,
        "pid": os.getpid(),
        "time": time.time(),
    }


def _line(seat: Trainee, progress: dict, budget: int) -> str:
    value, alpha = progress["return"], progress["alpha"]
    return (
        f"seed {seat.seed}  step {progress['env_step']:>9,} / {budget:,}"
        f"  return {'-' if value is None else f'{value:.1f}':>9}  alpha {'-' if alpha is None else f'{alpha:.4f}'}"
        f"  {progress['env_steps_per_s']:.0f} steps/s  ETA {progress['eta_s'] / 60:.1f} min"
    )


def _list(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def processor() -> str:
    """The processor's name, where the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


class _StopSignals:
    """Turns TERM, INT and USR1 (and, if asked, the parent process's death) into a wish the loop can grant."""

    SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)

    def __init__(self, with_parent: bool) -> None:
        self._asked = ""
        self._parent = os.getppid() if with_parent else None
        self._before = {number: signal.signal(number, self._ask) for number in self.SIGNALS}

    def _ask(self, number: int, frame: object) -> None:
        self._asked = signal.Signals(number).name

    @property
    def asked(self) -> str:
        """Who asked, or nothing. A sweep that was killed must not leave trainers behind that nobody owns."""
        orphaned = self._parent is not None and os.getppid() != self._parent
        return self._asked or ("the death of its parent process" if orphaned else "")

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

"""One seed at the table: its environment, replay, random streams, pending action and evaluations."""

from __future__ import annotations

from typing import Any

import numpy as np

from suite.lab import seeding
from suite.lab.loop import Trainee
from suite.lab.normaliser import Normaliser
from suite.lab.records import Recorder
from suite.lab.replay import Replay, StackedReplay, SuccessiveReplay, made_for
from suite.lab.tasks import Environment
from suite.sac.contract import Job, unpack
from suite.sac.schedule import BootstrapAtLength
from suite.sac.spec import A_MAX

DRAWN_STREAMS = ("warmup", "explore", "replay", "update")


def uniform_log_density(action: np.ndarray) -> float:
    """The log density of u = arctanh(a) where a [A] is uniform in [-1, 1]: log((1 - a^2) / 2), summed; see Retrace."""
    inside = np.clip(action.astype(float), -A_MAX, A_MAX)
    return float(np.log((1 - inside) * (1 + inside) / 2).sum())


class Seat(Trainee):
    """A job of one seed: its environment, replay, random streams, pending action and evaluations."""

    def __init__(self, job: Job, recorder: Recorder):
        (seed,) = job.seeds
        super().__init__(seed, recorder)
        self.job = job
        self.env = self.make_environment(job)
        self.spaces = self.env.spaces
        self.replay = self.make_replay(min(job.schedule.replay_capacity, job.env_steps))
        self.waiting: list[np.ndarray] = []  # rows of the running episode that may not be sampled yet
        self.streams = {name: seeding.stream(seed, name) for name in DRAWN_STREAMS}
        normalises = job.schedule.normalise_observations == "running"
        self.normaliser = Normaliser(self.spaces.obs_dim) if normalises else None
        self.observe(self.env.reset(seed=seeding.integer(seed, "environment")))
        self.episode_steps = 0
        self.ended = 0  # how long the episode was that the last step ended
        self.action = np.zeros(self.spaces.action_dim, np.float32)
        self.log_prob = 0.0  # of that action, where the update asks for it
        self.warm = True  # whether that action was drawn uniformly
        self.warm_until: int | None = None  # the step with which the warm-up ended
        self.warmup_range: tuple[Any, Any] = self.env.range if job.schedule.warmup_range == "env" else (-1.0, 1.0)

    def make_environment(self, job: Job) -> Environment:
        return Environment(job.task, job.schedule.action_to_env)

    def make_replay(self, capacity: int) -> Replay:
        return made_for(capacity, self.spaces, self.job.spec, self.job.schedule)

    def step(self, env_step: int) -> None:
        """Plays the pending action, stores the transition, starts the next episode where one ended or is abandoned."""
        schedule = self.job.schedule
        if schedule.insert == "next_step":
            self.store()
        next_obs, reward, terminated, truncated = self.env.step(self.action)
        self.episode_steps += 1
        ends = terminated or (truncated and schedule.time_limit == "terminal")
        if isinstance(schedule.time_limit, BootstrapAtLength):
            ends = (terminated or truncated) and self.episode_steps != schedule.time_limit.steps
        parts: list[Any] = [self.obs, self.action, [reward], next_obs, [float(ends)]]
        if isinstance(self.replay, StackedReplay):
            parts.append([self.log_prob])
        if isinstance(self.replay, SuccessiveReplay):
            parts.append([float(self.episode_steps == 1)])
        self.waiting.append(np.concatenate(parts, dtype=np.float32))
        over = terminated or truncated
        if not self.warm:
            self.warm_until = self.warm_until or 0
        elif not schedule.warms_up(env_step + 1, True, 0 if over else self.episode_steps):
            self.warm_until = env_step
        abandoned = schedule.abandons(env_step, self.warm_until)
        if over or schedule.insert == "step" or (abandoned and schedule.insert == "episode_end"):
            self.store()
        elif abandoned:  # nobody sees how its last step ended
            self.waiting.clear()
        self.ended = self.episode_steps if over or abandoned else 0
        self.observe(self.env.reset() if self.ended else next_obs)
        self.episode_steps = 0 if self.ended else self.episode_steps

    def observe(self, obs: np.ndarray) -> None:
        """Takes an observation [O] as the one to act at."""
        self.obs = obs
        if self.normaliser:
            self.normaliser.observe(obs)

    def seen(self, obs: np.ndarray) -> np.ndarray:
        """Observations [..., O] as the engine sees them."""
        return self.normaliser.normalised(obs) if self.normaliser else obs

    def store(self) -> None:
        """Lets the waiting rows be sampled."""
        for row in self.waiting:
            self.replay.add(row)
        self.waiting.clear()

    def sample(self, stream: np.random.Generator, out: np.ndarray) -> None:
        """Fills out [K, B, width] from the replay, as the engine sees it; from the running episode while there is
        nothing else.

        A diagnosis before there is a batch of different rows holds some of them twice.
        """
        replay = self.replay
        if not len(replay):  # an evaluation, or a seed that diverged, before its first episode was over
            replay = self.make_replay(len(self.waiting))
            for row in self.waiting:
                replay.add(row)
        distinct = self.job.schedule.sampling == "without_replacement" and len(self.replay) >= out.shape[1]
        replay.sample(stream, out, distinct)
        if self.normaliser:
            batch = unpack(out, self.spaces, self.job.spec.further_steps)
            for obs in (batch.obs, batch.next_obs, *(step.next_obs for step in batch.further)):
                obs[...] = self.seen(obs)

    def get_state(self) -> tuple[dict[str, np.ndarray], dict]:
        """Arrays and JSON-able data that `set_state` continues from."""
        env = self.env.get_state()
        arrays = {f"env/{name}": value for name, value in env.items() if isinstance(value, np.ndarray)}
        plain = {name: value for name, value in env.items() if not isinstance(value, np.ndarray)}
        streams = {name: seeding.get_state(generator) for name, generator in self.streams.items()}
        state = {"env": plain, "streams": streams, "rows": self.recorder.rows}
        state |= {"stopped_at": self.stopped_at, "message": self.message, "log_prob": self.log_prob}
        state |= {"warm": self.warm, "episode_steps": self.episode_steps, "warm_until": self.warm_until}
        waiting = np.array(self.waiting, np.float32).reshape(-1, self.replay.rows.shape[1])
        arrays |= self.observed()
        return arrays | {"obs": self.obs, "action": self.action, "waiting": waiting}, state

    def observed(self) -> dict[str, np.ndarray]:
        """The normaliser's arrays by name; none where observations are not normalised."""
        known = vars(self.normaliser) if self.normaliser else {}
        return {f"observed/{name}": value for name, value in known.items()}

    def set_state(self, arrays: dict[str, np.ndarray], state: dict) -> None:
        self.obs, self.action, self.waiting = arrays["obs"], arrays["action"], list(arrays["waiting"])
        env = {name.removeprefix("env/"): value for name, value in arrays.items() if name.startswith("env/")}
        for name in self.observed():
            setattr(self.normaliser, name.removeprefix("observed/"), arrays[name])
        self.env.set_state(env | state["env"])
        for name, generator in self.streams.items():
            seeding.set_state(generator, state["streams"][name])
        self.recorder.rows[:] = state["rows"]
        self.stopped_at, self.message = state["stopped_at"], state["message"]
        self.warm, self.episode_steps = state["warm"], state["episode_steps"]
        self.log_prob = state.get("log_prob", 0.0)  # older checkpoints lack it: their updates do not ask for it
        self.warm_until = state.get("warm_until")  # older checkpoints lack it: their schedules do not read it

"""Our own loop: S seeds in lockstep around an engine, their updates, actions, evaluations, checkpoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from suite.lab import seeding
from suite.lab.checkpoint import Checkpoints
from suite.lab.cores import Cores
from suite.lab.evaluation import Episodes, Evaluation
from suite.lab.loop import Clock
from suite.lab.records import Attempt, Pace, Recorder
from suite.lab.seat import Seat, uniform_log_density
from suite.lab.usage import Usage
from suite.sac import weights as initial
from suite.sac.contract import Implementation, Job, Metrics, Params, row_width
from suite.sac.schedule import check_together
from suite.sac.spec import SpecError

SATURATED = 0.99


class Lab:
    """A job in progress: the engine's state, the seats, and the step that is done. See Training.

    SpecError if the schedule asks for what cannot be.
    """

    SEAT = Seat

    def __init__(self, engine: Implementation, job: Job, recorders: Sequence[Recorder]):
        self.engine, self.job = engine, job
        check_together(job.spec, job.schedule)
        if len(job.seats) > 1 and not job.schedule.lockstep:
            raise SpecError(
                "update_position 'after_episode', and learn_in_warmup False with warmup_rounding 'episode', let each "
                f"seed's episodes decide when it learns: seeds {', '.join(map(str, job.seeds))} cannot be trained side "
                "by side, only one at a time"
            )
        self.seats = [self.SEAT(one, recorder) for one, recorder in zip(job.seats, recorders, strict=True)]
        self.spaces = self.seats[0].spaces
        limit = self.seats[0].env.time_limit
        if job.schedule.insert == "episode_end" and job.schedule.learn_after < limit:
            raise SpecError(
                "insert 'episode_end' leaves nothing to learn from before the first episode is over: learn_after must "
                f"be at least the task's time limit, {limit}, not {job.schedule.learn_after}"
            )
        _check_sampling(job, limit)
        specs: Any = [seat.job.spec for seat in self.seats] if job.beside else job.spec
        self.state = engine.init(specs, self.spaces, self._first_params())
        self.env_step = self.updates_done = 0
        self.metrics: Metrics = {}
        self._cores = Cores(len(self.seats))
        self.evaluation = Evaluation(job.seats)
        seeds, burst, batch = len(self.seats), job.schedule.updates_per_burst, job.spec.batch_size
        wide = row_width(self.spaces, job.spec.further_steps)
        self._rows = np.empty((seeds, burst, batch, wide), np.float32)
        width = job.spec.noise_width(self.spaces.action_dim)
        self._noise = np.empty((seeds, burst, len(job.spec.draws), batch, width), np.float32)
        self._act_width = len(job.spec.act_draws) * self.spaces.action_dim
        self._act(bursts=0)

    def _first_params(self, *reset: int) -> Params:
        """Every seat's first weights; or, given its number, those with which a reset starts anew."""
        every = [initial.params(s.job.spec, self.spaces, seeding.stream(s.seed, "initial", *reset)) for s in self.seats]
        dtype = np.dtype(self.job.spec.dtype)
        return {name: np.stack([drawn[name] for drawn in every]).astype(dtype) for name in every[0]}

    @property
    def done(self) -> bool:
        diverged = all(seat.stopped_at is not None for seat in self.seats)
        return self.env_step >= self.job.env_steps or diverged

    def step(self) -> None:
        """One environment step of every seat, its updates, the next action, and an evaluation where one is due."""
        self.env_step += 1
        schedule = self.job.schedule
        self.play()
        first = self.seats[0]  # all seats agree: see Schedule.lockstep
        learns = schedule.learn_in_warmup or not first.warm
        self._act(bursts=schedule.bursts_due(self.env_step, first.ended) if learns else 0)
        if self.env_step % self.job.evaluate_every == 0:
            self.evaluate()

    def play(self) -> None:
        """One environment step of every seat that is running."""
        self._cores.each(lambda seat: seat.step(self.env_step), [s for s in self.seats if s.stopped_at is None])

    def _act(self, bursts: int) -> None:
        """The next step's action of every seat, and updates: the last ones before it in one engine call with it."""
        schedule, obs, act_noise, actions = self.job.schedule, None, None, None
        for seat in self.seats:
            seat.warm = schedule.warms_up(self.env_step + 1, seat.warm, seat.episode_steps)
        if not all(seat.warm for seat in self.seats):
            obs = np.stack([seat.seen(seat.obs) for seat in self.seats])[:, None]
            act_noise = np.zeros((len(self.seats), 1, self._act_width), np.float32)
            for i, seat in enumerate(self.seats):
                if not seat.warm:  # the others' streams stay where they would be if they ran alone
                    seat.streams["explore"].standard_normal(dtype=np.float32, out=act_noise[i])
        if bursts and schedule.update_position != "before_step":
            for _ in range(bursts - 1):
                self.update(None, None)
            actions = self.update(obs, act_noise)
        elif obs is not None:
            actions = self.engine.act(self.state, obs, act_noise)
        for i, seat in enumerate(self.seats):
            if seat.warm:
                drawn = seat.streams["warmup"].uniform(*seat.warmup_range, self.spaces.action_dim)
                seat.action = drawn.astype(np.float32)
            elif actions is not None and np.isfinite(actions[i]).all():
                seat.action = np.asarray(actions[i, 0], np.float32)
            else:
                seat.diverge(self.env_step)
        if self.job.spec.weighs_actions:
            self._weigh(obs, actions)
        if bursts and schedule.update_position == "before_step":
            self.update(None, None)

    def _weigh(self, obs: Any, actions: np.ndarray | None) -> None:
        """Tells every seat how likely its next action was, of the policy's [S, 1, A] or drawn uniformly."""
        chosen = np.zeros((len(self.seats), 1)) if actions is None else self.engine.log_prob(self.state, obs, actions)
        for seat, (log_prob,) in zip(self.seats, chosen, strict=True):
            seat.log_prob = uniform_log_density(seat.action) if seat.warm else float(log_prob)

    def update(self, obs: np.ndarray | None, act_noise: np.ndarray | None) -> np.ndarray | None:
        """One burst of updates of every seat on batches of its own replay, and a reset where one is due; the actions at
        `obs` afterwards.

        A reset takes the temperature and Adam's moments, too: what arXiv 2205.07802 calls resets is a whole new agent
        (evgenii-nikishin/rl_with_resets@502ec52 train_dense.py:107-111), and so the delays count anew.
        """
        for i, seat in enumerate(self.seats):
            seat.sample(seat.streams["replay"], self._rows[i])
            seat.streams["update"].standard_normal(dtype=np.float32, out=self._noise[i])
        self.state, actions, self.metrics = self.engine.update(self.state, self._rows, self._noise, obs, act_noise)
        before, every = self.updates_done, self.job.schedule.reset_networks_every
        self.updates_done += self._rows.shape[1]
        if every and self.updates_done // every > before // every:
            self.state = self.engine.set_params(self.state, self._first_params(self.updates_done // every))
            actions = None if obs is None else self.engine.act(self.state, obs, act_noise)
        return actions

    def evaluate(self) -> None:
        """The evaluation episodes of every seat, and a row of diagnostics."""
        index = self.env_step // self.job.evaluate_every
        running = [seat.stopped_at is None for seat in self.seats]
        episodes = self.evaluation.play(
            lambda obs, noise: self.engine.act(self.state, self._seen(obs), noise), index, running
        )
        for seat, failed in zip(self.seats, episodes.failed, strict=True):
            if failed:
                seat.diverge(self.env_step)
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

    def _seen(self, obs: np.ndarray) -> np.ndarray:
        """Observations [S, N, O] as the engine sees those of each seat."""
        if self.job.schedule.normalise_observations == "none":
            return obs
        return np.stack([seat.seen(its) for seat, its in zip(self.seats, obs, strict=True)])

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
        start[:, 0, :, : spaces.obs_dim] = self._seen(first_obs)[:, reached]
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

    def save(self, checkpoints: Sequence[Checkpoints], clocks: Sequence[Clock]) -> None:
        """A checkpoint of every seat, each in its own folder."""
        params = self.engine.get_params(self.state)
        for i, (seat, checkpoint, clock) in enumerate(zip(self.seats, checkpoints, clocks, strict=True)):
            arrays, state = seat.get_state()
            of_seed = {f"params/{name}": value[i] for name, value in params.items()}
            spent = clock._asdict() | {"attempts": list(map(list, clock.attempts)), "usage": clock.usage._asdict()}
            state |= {"clock": spent, "updates": self.updates_done}
            checkpoint.save(self.env_step, arrays | of_seed, state, seat.replay)

    def resume(self, checkpoints: Sequence[Checkpoints]) -> list[Clock] | None:
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
        # older checkpoints lack it: in their runs an engine's own count never started anew
        self.updates_done = loaded[0][1].get("updates", int(params["updates_done"][0]))
        return [_clock(state["clock"]) for _, state in loaded]

    def networks(self, i: int) -> Params:
        """Seat i's final actor and critics (and value net), without targets and optimiser; and what their observations
        are normalised by."""
        params = self.engine.get_params(self.state)
        prefixes = (*(f"{net}/" for net in self.job.spec.online), "log_alpha")
        nets = {name: value[i] for name, value in params.items() if name.startswith(prefixes)}
        return nets | self.seats[i].observed()

    def updates(self) -> list[int]:
        """How many updates each seat's learner has had."""
        return [self.updates_done] * len(self.seats)


def _clock(data: dict) -> Clock:
    """A clock as a checkpoint has it; older ones do not tell what was used, nor the pace."""
    attempts = tuple(Attempt(*one) for one in data["attempts"])
    pace = tuple(Pace(*one) for one in data.get("pace", ()))
    return Clock(data["wall_time_s"], attempts, Usage(**data.get("usage", {})), pace)


def _check_sampling(job: Job, time_limit: int) -> None:
    """SpecError if a batch without replacement would be larger than the replay is."""
    schedule, batch = job.schedule, job.spec.batch_size
    unseen = {"step": 0, "next_step": 1, "episode_end": time_limit}[schedule.insert]
    fewest = min(schedule.replay_capacity, schedule.learn_after - unseen)
    if schedule.sampling == "without_replacement" and fewest < batch:
        raise SpecError(
            f"sampling 'without_replacement' needs {batch} transitions for a batch, but the replay may hold {fewest}: "
            "learn_after and replay_capacity must be larger"
        )

"""Evaluation: episodes that depend on the seed and the evaluation's number alone, whoever's policy plays them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from suite.lab import seeding
from suite.lab.cores import Cores
from suite.lab.tasks import Environment
from suite.sac.contract import Job

Act = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
"""A policy: obs [S, N, O] and noise [S, N, A] -> actions [S, N, A] in [-1, 1]; noise None asks for the mean's tanh."""


class Episodes(NamedTuple):
    """N evaluation episodes of each of S seeds; of a seed that was not running, or failed, the numbers say nothing."""

    returns: np.ndarray  # [S, N]
    discounted: np.ndarray  # [S, N], of scaled rewards: what a critic's Q at the first step is to be compared with
    lengths: np.ndarray  # [S, N]
    first_obs: np.ndarray  # [S, N, O]
    first_action: np.ndarray | None  # [S, N, A]; None where no seed was running
    failed: list[bool]  # whether one of the seed's actions was not a finite number
    final: tuple[np.ndarray, np.ndarray] | None = None  # returns and lengths [S, F] of all final episodes, these first


class Evaluation:
    """The evaluation episodes of jobs of one seed each, all in one batch, on environments of their own.

    The environments are made at the first evaluation: a job that is never evaluated needs none.
    """

    def __init__(self, seats: Sequence[Job]):
        self.job, self.seeds, self.specs = seats[0], [one.seeds[0] for one in seats], [one.spec for one in seats]
        self._envs: list[list[Environment]] = []
        self._cores = Cores(len(seats))

    def play(self, act: Act, index: int, running: Sequence[bool]) -> Episodes:
        """Evaluation number `index` (from 1) of the seeds that are running; at the budget also the final episodes."""
        job, episodes = self.job, self._play(act, index, running, batch=0)
        if job.final_episodes is None or index * job.evaluate_every != job.env_steps:
            return episodes
        batches = [episodes]
        while len(batches) * job.evaluation_episodes < job.final_episodes:
            running = [one and not failed for one, failed in zip(running, batches[-1].failed, strict=True)]
            batches.append(self._play(act, index, running, batch=len(batches)))
        failed = [any(each) for each in zip(*(one.failed for one in batches), strict=True)]
        returns, lengths = (
            np.concatenate([getattr(one, name) for one in batches], axis=1)[:, : job.final_episodes]
            for name in ("returns", "lengths")
        )
        return episodes._replace(failed=failed, final=(returns, lengths))

    def _play(self, act: Act, index: int, running: Sequence[bool], batch: int) -> Episodes:
        """A batch of as many episodes as an evaluation has: its own are batch 0, further ones have their own noise."""
        job = self.job
        obs = self._reset(index, batch)
        width, bounds = len(job.spec.act_draws) * self._envs[0][0].spaces.action_dim, self._envs[0][0].range
        purpose = ("final", index, batch) if batch else ("evaluate", index)
        streams = [seeding.stream(seed, *purpose) for seed in self.seeds]
        first_obs = obs.copy()
        shape = obs.shape[:2]
        returns, discounted, lengths = np.zeros(shape), np.zeros(shape), np.zeros(shape, int)
        going = np.array([[of_seed] * shape[1] for of_seed in running])
        first_action, failed = None, [False] * shape[0]

        def step(i: int) -> None:
            for n in np.flatnonzero(going[i]):
                if not finite[i, n]:
                    failed[i], going[i] = True, False
                    return
                obs[i, n], reward, terminated, truncated = self._envs[i][n].step(actions[i, n])
                returns[i, n] += reward
                spec = self.specs[i]
                discounted[i, n] += spec.discount ** lengths[i, n] * spec.reward_scale * reward
                lengths[i, n] += 1
                going[i, n] = not (terminated or truncated)

        while going.any():
            noise = None
            if job.schedule.evaluation_action == "sample":
                size = (shape[1], width)
                noise = np.stack([stream.standard_normal(size, np.float32) for stream in streams])
            actions = act(obs, noise)
            finite = np.all(np.isfinite(actions), axis=-1)  # before tanh is undone, which may well give infinity
            if job.schedule.evaluation_action == "unsquashed_mean":
                actions = unsquashed(actions, *bounds)
            first_action = actions if first_action is None else first_action
            self._cores.each(step, range(shape[0]))
        return Episodes(returns, discounted, lengths, first_obs, first_action, failed)

    def _reset(self, index: int, batch: int) -> np.ndarray:
        """The first observations [S, N, O] of a batch of evaluation `index`; the first time, makes the environments."""
        job = self.job
        first = batch * job.evaluation_episodes
        if not self._envs:
            self._envs = [
                [Environment(job.task, job.schedule.action_to_env) for _ in range(job.evaluation_episodes)]
                for _ in self.seeds
            ]
        return np.stack([
            [env.reset(seeding.integer(seed, "evaluate", index, first + n)) for n, env in enumerate(envs)]
            for seed, envs in zip(self.seeds, self._envs, strict=True)
        ])  # fmt: skip

    def rows(self, episodes: Episodes, i: int) -> Iterator[tuple[str, int, float, int]]:
        """Seed i's episodes as its recorder takes them: kind, number, return, length; the final ones once more."""
        # The mean before tanh is a mean as well: which of the two it was stands in the record, as the schedule's field.
        kind = "sample" if self.job.schedule.evaluation_action == "sample" else "mean"
        for n, (value, length) in enumerate(zip(episodes.returns[i], episodes.lengths[i], strict=True)):
            yield kind, n, float(value), int(length)
        if episodes.final is not None:
            returns, lengths = episodes.final
            for n, (value, length) in enumerate(zip(returns[i], lengths[i], strict=True)):
                yield "final", n, float(value), int(length)


def unsquashed(actions: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The u of actions tanh(u) [..., A], clipped to what the environment plays [A]: infinite ones, too, are a bound."""
    with np.errstate(divide="ignore"):
        return np.clip(np.arctanh(np.clip(actions, -1, 1).astype(np.float64)), low, high)

"""tianshou's SAC (thu-ml/tianshou): its own collector, trainer and networks, in torch on one thread.

It wants pandas < 3, so it lives in an environment of its own, made from tianshou.lock: make .venv-tianshou/ready
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from implementations.adapters import refusal, shared_rules
from implementations.presets import tianshou as own
from suite.sac.contract import Job
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec

FRAMEWORK = "torch"
PACKAGES = ("tianshou", "torch")
SWITCHES = {
    *("temperature", "discount", "hidden", "tau", "batch_size", "actor_lr", "critic_lr"),
    *("warmup_steps", "learn_after", "update_every", "updates_per_burst", "replay_capacity", "evaluation_action"),
    "reset_every",
}


def supports(spec: SacSpec, schedule: Schedule) -> str | None:
    """See suite.contract.Trainer."""
    whole = schedule.warmup_steps % schedule.update_every == 0
    resets = schedule.reset_every in (None, own.SCHEDULE.reset_every)
    rules = [
        (whole, "collects update_every steps at a time: warmup_steps must be a multiple of it"),
        (resets, "abandons an episode with the end of the warm-up or not at all: reset_every must say so"),
    ]
    return refusal(own, SWITCHES, [*rules, *shared_rules(spec, schedule)], spec, schedule)


class Loop:
    """See suite.contract.Loop."""

    def __init__(self, algorithm, collector, job: Job):
        import torch

        self.algorithm, self.collector, self.job = algorithm, collector, job
        self.sampling = torch.Generator().manual_seed(~job.seeds[0]).get_state()  # not training's

    def learn(self, env_steps: int) -> None:
        from tianshou.trainer import OffPolicyTrainerParams

        schedule = self.job.schedule
        warmup = min(max(schedule.warmup_steps - self.collector.collect_step, 0), env_steps)
        if warmup:
            self.collector.collect(n_step=warmup, random=True)
            if schedule.reset_every is not None and self.collector.collect_step >= schedule.warmup_steps:
                self.collector.reset_env()
        if env_steps == warmup:
            return
        params = OffPolicyTrainerParams(
            training_collector=self.collector,
            max_epochs=1,
            epoch_num_steps=env_steps - warmup,
            collection_step_num_env_steps=schedule.update_every,
            update_step_num_gradient_steps_per_sample=schedule.updates_per_burst / schedule.update_every,
            batch_size=self.job.spec.batch_size,
            verbose=False,
            show_progress=False,
        )
        self.algorithm.create_trainer(params).run(reset_collectors=False)

    def update(self, times: int) -> None:
        from tianshou.algorithm.algorithm_base import policy_within_training_step

        with policy_within_training_step(self.algorithm.policy):
            for _ in range(times):
                self.algorithm.update(buffer=self.collector.buffer, sample_size=self.job.spec.batch_size)

    def fill(self) -> None:
        for array in arrays(self.collector.buffer._meta):
            array.fill(0)

    def act(self, obs: np.ndarray, deterministic: bool) -> np.ndarray:
        import torch
        from tianshou.algorithm.algorithm_base import policy_within_training_step
        from tianshou.data import Batch

        policy, training = self.algorithm.policy, torch.get_rng_state()
        torch.set_rng_state(self.sampling)
        try:
            with torch.no_grad(), policy_within_training_step(policy, enabled=not deterministic):
                return policy(Batch(obs=obs, info={})).act.numpy()
        finally:
            self.sampling = torch.get_rng_state()
            torch.set_rng_state(training)

    def alpha(self) -> float:
        return self.algorithm.alpha.value

    def updates(self) -> int:
        moments = self.algorithm.policy_optim._optim.state.values()  # tianshou counts the updates of one `run` only
        return max((int(own["step"]) for own in moments), default=0)

    def networks(self) -> dict[str, np.ndarray]:
        import torch

        state = {name: value for name, value in self.algorithm.state_dict().items() if "_old." not in name}
        return {name: value.numpy().copy() for name, value in state.items() if isinstance(value, torch.Tensor)}


def arrays(batch: Any) -> Iterator[np.ndarray]:
    """Every array of a Batch of Batches."""
    for value in batch.__dict__.values():
        yield from [value] if hasattr(value, "fill") else arrays(value)


def start(job: Job) -> Loop:
    """See suite.contract.Trainer."""
    import gymnasium
    import torch
    from tianshou.algorithm import SAC
    from tianshou.algorithm.modelfree.sac import AutoAlpha, SACPolicy
    from tianshou.algorithm.optim import AdamOptimizerFactory
    from tianshou.data import Collector, ReplayBuffer
    from tianshou.env import DummyVectorEnv
    from tianshou.utils.net.common import Net
    from tianshou.utils.net.continuous import ContinuousActorProbabilistic, ContinuousCritic

    torch.set_num_threads(1)
    spec, env, (seed,) = job.spec, gymnasium.make(job.task), job.seeds
    torch.manual_seed(seed)  # tianshou draws weights and actions from torch's own generator
    env.action_space.seed(seed)  # the warm-up's
    obs_shape, action_shape = env.observation_space.shape, env.action_space.shape
    body = Net(state_shape=obs_shape, hidden_sizes=spec.hidden)
    actor = ContinuousActorProbabilistic(
        preprocess_net=body, action_shape=action_shape, unbounded=True, conditioned_sigma=True
    )
    critics = [
        ContinuousCritic(
            preprocess_net=Net(state_shape=obs_shape, action_shape=action_shape, hidden_sizes=spec.hidden, concat=True)
        )
        for _ in range(2)  # given one, tianshou copies it, and the two stay alike for ever
    ]
    temperature = spec.temperature
    if spec.learns_alpha:
        adam = AdamOptimizerFactory(lr=temperature.lr)
        alpha = AutoAlpha(spec.target_entropy(action_shape[0]), math.log(temperature.init), adam)
    else:
        alpha = float(temperature.value)
    algorithm = SAC(
        policy=SACPolicy(actor=actor, action_space=env.action_space),
        policy_optim=AdamOptimizerFactory(lr=spec.actor_lr),
        critic=critics[0],
        critic_optim=AdamOptimizerFactory(lr=spec.critic_lr),
        critic2=critics[1],
        critic2_optim=AdamOptimizerFactory(lr=spec.critic_lr),
        tau=spec.tau,
        gamma=spec.discount,
        alpha=alpha,
    )
    buffer = ReplayBuffer(job.schedule.replay_capacity, random_seed=seed)
    collector = Collector(algorithm, DummyVectorEnv([lambda: env]), buffer)
    collector.reset(gym_reset_kwargs={"seed": seed})
    return Loop(algorithm, collector, job)


def device() -> str | None:
    """See suite.contract.Trainer."""
    return None

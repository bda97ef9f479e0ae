"""tianshou's SAC (thu-ml/tianshou): its own collector, trainer and networks, in torch on one thread.

It wants pandas < 3, so it lives in an environment of its own, made from tianshou.lock: make .venv-tianshou/ready
"""

from __future__ import annotations

import gymnasium
import torch
from tianshou.algorithm import SAC
from tianshou.algorithm.algorithm_base import policy_within_training_step
from tianshou.algorithm.modelfree.sac import AutoAlpha, SACPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, ReplayBuffer
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils.net.common import Net
from tianshou.utils.net.continuous import ContinuousActorProbabilistic, ContinuousCritic

from suite.contract import Job


class Loop:
    """See suite.contract.Loop."""

    def __init__(self, algorithm: SAC, collector: Collector, job: Job):
        self.algorithm, self.collector, self.job = algorithm, collector, job

    def learn(self, env_steps: int) -> None:
        buffer, schedule = self.collector.buffer, self.job.schedule
        warmup = min(max(schedule.learn_after - len(buffer), 0), env_steps)
        if warmup:
            self.collector.collect(n_step=warmup, random=True)
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
        with policy_within_training_step(self.algorithm.policy):
            for _ in range(times):
                self.algorithm.update(buffer=self.collector.buffer, sample_size=self.job.spec.batch_size)

    def fill(self) -> None:
        for array in arrays(self.collector.buffer._meta):
            array.fill(0)


def arrays(batch):
    """Every array of a Batch of Batches."""
    for value in batch.__dict__.values():
        yield from [value] if hasattr(value, "fill") else arrays(value)


def start(job: Job) -> Loop:
    torch.set_num_threads(1)
    spec, env = job.spec, gymnasium.make(job.task)
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
    algorithm = SAC(
        policy=SACPolicy(actor=actor, action_space=env.action_space),
        policy_optim=AdamOptimizerFactory(lr=spec.actor_lr),
        critic=critics[0],
        critic_optim=AdamOptimizerFactory(lr=spec.critic_lr),
        critic2=critics[1],
        critic2_optim=AdamOptimizerFactory(lr=spec.critic_lr),
        tau=spec.tau,
        gamma=spec.discount,
        alpha=AutoAlpha(spec.target_entropy(action_shape[0]), 0.0, AdamOptimizerFactory(lr=spec.temperature.lr)),
    )
    collector = Collector(algorithm, env, ReplayBuffer(job.schedule.replay_capacity))
    collector.reset()
    return Loop(algorithm, collector, job)

"""Stable-Baselines3's SAC (DLR-RM/stable-baselines3): its own loop, replay buffer and networks, in torch."""

from __future__ import annotations

import gymnasium
import torch
from stable_baselines3 import SAC

from suite.contract import Job


def settings(job: Job) -> dict:
    """The job in the words that Stable-Baselines3 and SBX share."""
    spec, schedule = job.spec, job.schedule
    return {
        "learning_rate": spec.actor_lr,
        "buffer_size": schedule.replay_capacity,
        "learning_starts": schedule.learn_after,
        "batch_size": spec.batch_size,
        "tau": spec.tau,
        "gamma": spec.discount,
        "train_freq": schedule.update_every,
        "gradient_steps": schedule.updates_per_burst,
        "ent_coef": f"auto_{spec.temperature.init}" if spec.learns_alpha else spec.temperature.value,
        "policy_kwargs": {"net_arch": list(spec.hidden), "n_critics": spec.critics},
        "seed": job.seeds[0],
    }


class Loop:
    """See suite.contract.Loop; of Stable-Baselines3 and of packages that share its algorithms' interface."""

    def __init__(self, agent):
        self.agent = agent

    def learn(self, env_steps: int) -> None:
        self.agent.learn(env_steps, reset_num_timesteps=False, log_interval=None)

    def update(self, times: int) -> None:
        for _ in range(times):  # one at a time, as `learn` asks for them
            self.agent.train(1, self.agent.batch_size)

    def fill(self) -> None:
        buffer = self.agent.replay_buffer
        for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
            getattr(buffer, name).fill(0)


def start(job: Job) -> Loop:
    torch.set_num_threads(1)
    return Loop(SAC("MlpPolicy", gymnasium.make(job.task), device="cpu", **settings(job)))

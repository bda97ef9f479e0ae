"""Stable-Baselines3's SAC (DLR-RM/stable-baselines3): its own loop, replay buffer and networks, in torch."""

from __future__ import annotations

import numpy as np

from implementations.adapters import refusal, shared_rules
from implementations.presets import stable_baselines3 as own
from suite.sac.contract import Job
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec

FRAMEWORK = "torch"
PACKAGES = ("stable-baselines3", "torch")
SWITCHES = {
    *("temperature", "discount", "critics", "hidden", "tau", "batch_size", "actor_lr", "critic_lr"),
    *("warmup_steps", "learn_after", "update_every", "updates_per_burst", "replay_capacity", "evaluation_action"),
}
ONE_CRITIC = {"target_reduce", "actor_reduce"}
"""Of one critic the minimum, which the package takes, is the first."""


def supports(spec: SacSpec, schedule: Schedule) -> str | None:
    """See suite.contract.Trainer."""
    rates = {spec.actor_lr, spec.critic_lr} | ({spec.temperature.lr} if spec.learns_alpha else set())
    one_rate = len(rates) == 1, "has one learning rate: actor_lr, critic_lr and temperature.lr must be the same"
    rules = [*shared_rules(spec, schedule), one_rate]
    return refusal(own, SWITCHES | (ONE_CRITIC if spec.critics == 1 else set()), rules, spec, schedule)


def settings(job: Job, action_dim: int) -> dict:
    """The job in the words that Stable-Baselines3 and SBX share."""
    spec, schedule = job.spec, job.schedule
    words = {
        "learning_rate": spec.actor_lr,
        "buffer_size": schedule.replay_capacity,
        "learning_starts": schedule.warmup_steps,
        "batch_size": spec.batch_size,
        "tau": spec.tau,
        "gamma": spec.discount,
        "train_freq": schedule.update_every,
        "gradient_steps": schedule.updates_per_burst,
        "policy_kwargs": {"net_arch": list(spec.hidden), "n_critics": spec.critics},
        "seed": job.seeds[0],
    }
    if not spec.learns_alpha:
        return words | {"ent_coef": float(spec.temperature.value)}
    return words | {"ent_coef": f"auto_{spec.temperature.init}", "target_entropy": spec.target_entropy(action_dim)}


class Learning:
    """What Stable-Baselines3 and packages built on it have alike of a suite.contract.Loop."""

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

    def updates(self) -> int:
        return self.agent._n_updates


class Loop(Learning):
    """See suite.contract.Loop."""

    def __init__(self, agent, seed: int):
        import torch

        super().__init__(agent)
        self.sampling = torch.Generator().manual_seed(~seed).get_state()  # not training's

    def act(self, obs: np.ndarray, deterministic: bool) -> np.ndarray:
        import torch

        training = torch.get_rng_state()
        torch.set_rng_state(self.sampling)
        try:
            with torch.no_grad():
                return self.agent.actor(torch.as_tensor(obs), deterministic).numpy()
        finally:
            self.sampling = torch.get_rng_state()
            torch.set_rng_state(training)

    def alpha(self) -> float:
        log_alpha = self.agent.log_ent_coef
        return (self.agent.ent_coef_tensor if log_alpha is None else log_alpha.detach().exp()).item()

    def networks(self) -> dict[str, np.ndarray]:
        nets = {name: value for name, value in self.agent.policy.state_dict().items() if "target" not in name}
        if self.agent.log_ent_coef is not None:
            nets["log_ent_coef"] = self.agent.log_ent_coef.detach()
        return {name: value.numpy().copy() for name, value in nets.items()}


def start(job: Job) -> Loop:
    """See suite.contract.Trainer."""
    import gymnasium
    import torch
    from stable_baselines3 import SAC

    torch.set_num_threads(1)
    env = gymnasium.make(job.task)
    return Loop(SAC("MlpPolicy", env, device="cpu", **settings(job, env.action_space.shape[0])), job.seeds[0])


def device() -> str | None:
    """See suite.contract.Trainer."""
    return None

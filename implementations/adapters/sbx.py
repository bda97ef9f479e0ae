"""SBX's SAC (araffin/sbx): Stable-Baselines3's loop and replay buffer around an update in JAX."""

from __future__ import annotations

import numpy as np

from implementations.adapters import refusal, shared_rules
from implementations.adapters.stable_baselines3 import ONE_CRITIC, SWITCHES, Learning, settings
from implementations.presets import sbx as own
from suite.sac.contract import Job
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec

FRAMEWORK = "jax"
PACKAGES = ("sbx-rl", "stable-baselines3", "jax", "flax", "optax", "tfp-nightly")


def supports(spec: SacSpec, schedule: Schedule) -> str | None:
    """See suite.contract.Trainer."""
    one_rate = not spec.learns_alpha or spec.actor_lr == spec.temperature.lr
    rules = [
        *shared_rules(spec, schedule),
        (one_rate, "has one learning rate beside the critics': actor_lr and temperature.lr must be the same"),
    ]
    switches = SWITCHES | {"actor_every"} | (ONE_CRITIC if spec.critics == 1 else set())
    return refusal(own, switches, rules, spec, schedule)


class Loop(Learning):
    """See suite.contract.Loop."""

    def __init__(self, agent, seed: int):
        import jax

        super().__init__(agent)
        self.sampling = jax.random.fold_in(jax.random.PRNGKey(seed), 2**31)

    def act(self, obs: np.ndarray, deterministic: bool) -> np.ndarray:
        policy = self.agent.policy
        training = policy.key, policy.noise_key
        policy.key = self.sampling
        actions = np.clip(np.asarray(policy.forward(obs, deterministic)), -1, 1)
        self.sampling = policy.key
        policy.key, policy.noise_key = training
        return actions

    def alpha(self) -> float:
        return float(self.agent.ent_coef.apply({"params": self.agent.ent_coef_state.params}))

    def networks(self) -> dict[str, np.ndarray]:
        from jax.tree_util import keystr, tree_leaves_with_path

        states = {
            "actor": self.agent.policy.actor_state,
            "qf": self.agent.policy.qf_state,
            "ent_coef": self.agent.ent_coef_state,
        }
        return {
            f"{net}/{keystr(path, simple=True, separator='/')}": np.array(value)
            for net, state in states.items()
            for path, value in tree_leaves_with_path(state.params)
        }


def start(job: Job) -> Loop:
    """See suite.contract.Trainer."""
    import gymnasium
    from sbx import SAC

    env = gymnasium.make(job.task)
    rest = {"qf_learning_rate": job.spec.critic_lr, "policy_delay": job.spec.actor_every}
    return Loop(SAC("MlpPolicy", env, **rest, **settings(job, env.action_space.shape[0])), job.seeds[0])


def device() -> str | None:
    """See suite.contract.Trainer."""
    import jax

    found = jax.devices()[0]
    return None if found.platform == "cpu" else f"{found.platform}: {found.device_kind}"

"""jaxrl's SAC in JAX, as one file: ikostrikov/jaxrl@4a9abaf, examples/train.py with configs/sac_default.py.

    python implementations/codebases/jaxrl.py --task Pendulum-v1 --seed 42

Right of a line stands where the original has it: L is jaxrl/agents/sac/sac_learner.py, C, A and T are critic.py,
actor.py and temperature.py beside it, P is jaxrl/networks/policies.py, S is examples/train.py, D the configuration.

Unlike others: the target entropy is half of -A. log std is clipped at -10. Every layer starts orthogonal with gain
sqrt(2), the critics' outputs too, but not the actor's heads. The targets move before the actor. An episode that ends on
the time limit's last step bootstraps, even if it falls there.

Not reproduced: a replay as large as any run; the tasks of gym's version 2 and of DeepMind's control suite.
"""

import argparse
from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import optax
from gymnasium.wrappers import RescaleAction

LEARNING_RATE = 3e-4  # D:9-11, of actor, critics and temperature
HIDDEN, INIT_ALPHA = (256, 256), 1.0  # D:13, 20
DISCOUNT, TAU = 0.99, 0.005  # D:15, 17
LOG_STD_MIN, LOG_STD_MAX = -10.0, 2.0  # P:16-17
BATCH, CAPACITY = 256, 1_000_000  # S:26, 28 with D:24
START_TRAINING, EVALUATION_EPISODES = 10_000, 10  # S:29, 22
NOISE = ("next_action", "action")  # C:22, A:15
ADAM = optax.adam(LEARNING_RATE)  # L:98, 103, 109
Params = Any  # layers (weights [in, out], biases [out]) in order; the actor's last two are the mean's and log std's


# --- networks
def initial(key: jax.Array, sizes: tuple[int, ...], gain: float) -> Params:
    """Orthogonal weights, no biases (jaxrl/networks/common.py:11-12)."""
    keys, orthogonal = jax.random.split(key, len(sizes)), jax.nn.initializers.orthogonal(gain)
    return [(orthogonal(keys[i], sizes[i : i + 2]), jnp.zeros(sizes[i + 1])) for i in range(len(sizes) - 1)]


def hidden(layers: Params, x: jax.Array) -> jax.Array:
    for w, b in layers:
        x = jax.nn.relu(x @ w + b)
    return x


@jax.jit
def policy(actor: Params, obs: jax.Array, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
    """An action in [-1, 1] of a diagonal Gaussian through tanh, and log pi of it (P:52-87)."""
    *body, (w_mean, b_mean), (w_log_std, b_log_std) = actor
    features = hidden(body, obs)
    mean, log_std = features @ w_mean + b_mean, features @ w_log_std + b_log_std
    log_std = jnp.clip(log_std, LOG_STD_MIN, LOG_STD_MAX)
    u = mean + jnp.exp(log_std) * noise
    log_prob = (-0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi)).sum(1)
    return jnp.tanh(u), log_prob - (2 * (np.log(2) - u - jax.nn.softplus(-2 * u))).sum(1)


def q_values(critics: Params, obs: jax.Array, action: jax.Array) -> jax.Array:
    """Q [critic, batch] (jaxrl/networks/critic_net.py:20-49)."""
    x = jnp.concatenate([obs, action], axis=1)
    return jnp.stack([(hidden(body, x) @ w + b)[:, 0] for *body, (w, b) in critics])


# --- the update
Batch = namedtuple("Batch", ["obs", "action", "reward", "next_obs", "terminated"])


def descend(loss: Callable, params: Params, moments: Any) -> tuple[Params, Any, Any]:
    """The parameters and Adam's moments after a step, and what the loss was, with all that it returns."""
    losses, gradient = jax.value_and_grad(loss, has_aux=True)(params)
    change, moments = ADAM.update(gradient, moments)
    return optax.apply_updates(params, change), moments, losses


@jax.jit
def update(learner: tuple, batch: Batch, noise: dict[str, jax.Array]) -> tuple[tuple, dict[str, jax.Array]]:
    """The learner after a step of everything, each on what the one before has made, and what it computed (L:20-51)."""
    actor, critics, target_critics, log_alpha, moments = learner
    obs, action, reward, next_obs, terminated = batch
    alpha, moments = jnp.exp(log_alpha), dict(moments)
    next_action, next_log_prob = policy(actor, next_obs, noise["next_action"])  # C:21-30
    next_q = q_values(target_critics, next_obs, next_action).min(0)
    target_q = reward + DISCOUNT * (1 - terminated) * (next_q - alpha * next_log_prob)

    def critic_loss(critics: Params) -> tuple[jax.Array, jax.Array]:  # C:32-40
        losses = ((q_values(critics, obs, action) - target_q) ** 2).mean(1)
        return losses.sum(), losses

    critics, moments["critics"], (_, losses) = descend(critic_loss, critics, moments["critics"])
    target_critics = jax.tree.map(lambda p, tp: p * TAU + tp * (1 - TAU), critics, target_critics)  # C:10-15

    def actor_loss(actor: Params) -> tuple[jax.Array, jax.Array]:  # A:13-23
        own_action, log_prob = policy(actor, obs, noise["action"])
        return (log_prob * alpha - q_values(critics, obs, own_action).min(0)).mean(), log_prob

    actor, moments["actor"], (loss_of_actor, log_prob) = descend(actor_loss, actor, moments["actor"])

    def alpha_loss(log_alpha: jax.Array) -> tuple[jax.Array, None]:  # T:23-26 with L:79
        return jnp.exp(log_alpha) * (-log_prob.mean() - -action.shape[1] / 2), None

    log_alpha, moments["log_alpha"], (loss_of_alpha, _) = descend(alpha_loss, log_alpha, moments["log_alpha"])
    seen = {"critic1_loss": losses[0], "critic2_loss": losses[1], "actor_loss": loss_of_actor, "target_q": target_q}
    seen |= {"alpha_loss": loss_of_alpha, "alpha": alpha, "log_prob": log_prob, "next_log_prob": next_log_prob}
    return (actor, critics, target_critics, log_alpha, moments), seen


class SAC:
    """The learner: two critics on one optimiser, their target copies, the actor and the temperature."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box, seed: int = 0):
        self.updates, action_dim = 0, box.shape[0]
        body, *keys = jax.random.split(jax.random.key(seed), 5)
        self.actor = initial(body, (obs_dim, *HIDDEN), np.sqrt(2))  # P:52-58
        self.actor += [head for key in keys[:2] for head in initial(key, (HIDDEN[-1], action_dim), 1)]  # P:61-70
        self.critics = [initial(key, (obs_dim + action_dim, *HIDDEN, 1), np.sqrt(2)) for key in keys[2:]]  # L:100-103
        self.target_critics = self.critics  # L:104-105
        self.log_alpha = jnp.log(INIT_ALPHA)  # T:14-17
        self.moments = {name: ADAM.init(getattr(self, name)) for name in ("actor", "critics", "log_alpha")}

    def act(self, obs: np.ndarray, noise: Any) -> np.ndarray:
        """Actions [N, A] in [-1, 1] at obs [N, O]; without noise, those of an evaluation."""
        noise = jnp.zeros((len(obs), self.actor[-1][1].size)) if noise is None else noise  # jaxrl/evaluation.py:14
        return np.clip(policy(self.actor, obs.astype(np.float32), noise)[0], -1, 1)  # L:119-128

    def update(self, batch: Batch, noise: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """One step of everything; what it computed."""
        learner = self.actor, self.critics, self.target_critics, self.log_alpha, self.moments
        learner, seen = update(learner, batch, noise)
        self.actor, self.critics, self.target_critics, self.log_alpha, self.moments = learner
        self.updates += 1
        return seen


# --- the loop
class Replay:
    """The newest CAPACITY transitions, in float32 (jaxrl/datasets/replay_buffer.py:9-77)."""

    def __init__(self, obs_dim: int, action_dim: int):
        shapes: Any = (obs_dim,), (action_dim,), (), (obs_dim,), ()
        self.columns = [np.zeros((CAPACITY, *shape), np.float32) for shape in shapes]
        self.added = 0

    def __len__(self) -> int:
        return min(self.added, CAPACITY)

    def add(self, *transition: Any) -> None:
        """One transition: the fields of a Batch, in order."""
        for column, value in zip(self.columns, transition, strict=True):
            column[self.added % CAPACITY] = value
        self.added += 1

    def sample(self, indices: Any) -> Batch:
        return Batch(*(column[indices] for column in self.columns))


class Draw:
    """Where randomness comes from: NumPy's generator for the replay, JAX's for actions."""

    def __init__(self, seed: int):
        self.numpy, self.key = np.random.default_rng(seed), jax.random.key(~seed)  # not the weights'

    def normal(self, shape: tuple[int, ...]) -> jax.Array:
        self.key, key = jax.random.split(self.key)
        return jax.random.normal(key, shape)

    def integers(self, high: int, size: int) -> np.ndarray:
        return self.numpy.integers(high, size=size)


def train(task: str, seed: int, make_env: Callable = gym.make, draw: Any = None) -> Iterator[SAC]:
    """Plays and learns without end; yields the agent after every environment step and the update that follows it."""
    draw = draw or Draw(seed)
    env: Any = RescaleAction(make_env(task), np.float32(-1), np.float32(1))  # jaxrl/utils.py:43
    env.action_space.seed(seed)
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space, seed), Replay(obs_dim, action_dim)
    (obs, _), i = env.reset(seed=seed), 0  # S:108
    while True:
        i += 1  # S:109
        if i < START_TRAINING:  # S:112-115
            action = env.action_space.sample()
        else:
            action = agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(action)  # S:116
        replay.add(obs, action, reward, next_obs, terminated and not truncated)  # S:118-124
        obs = env.reset()[0] if terminated or truncated else next_obs  # S:125-128
        if i >= START_TRAINING:  # S:138-141
            batch = replay.sample(draw.integers(len(replay), BATCH))
            agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        yield agent


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The mean return of episodes of the mean's action (jaxrl/evaluation.py:8-25)."""
    total = 0.0
    for _ in range(EVALUATION_EPISODES):
        (obs, _), over = env.reset(), False
        while not over:
            obs, reward, terminated, truncated, _ = env.step(agent.act(obs[None], None)[0])
            total, over = total + float(reward), terminated or truncated
    return total / EVALUATION_EPISODES


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="HalfCheetah-v5")
    parser.add_argument("--seed", type=int, default=42)  # S:21
    parser.add_argument("--env-steps", type=int, default=1_000_000)  # S:28
    parser.add_argument("--evaluate-every", type=int, default=5_000)  # S:25
    options = parser.parse_args()
    test_env = RescaleAction(gym.make(options.task), np.float32(-1), np.float32(1))
    test_env.reset(seed=options.seed + 42)  # S:72
    for env_step, agent in zip(range(1, options.env_steps + 1), train(options.task, options.seed), strict=False):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

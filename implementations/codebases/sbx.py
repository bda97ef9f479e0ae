"""SBX's SAC, Stable-Baselines3 in JAX, as one file: araffin/sbx@9bdc9c1 (sac.py as in 0.28.0).

    python implementations/codebases/sbx.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: S is sbx/sac/sac.py, P sbx/sac/policies.py, N sbx/common/policies.py;
of DLR-RM/stable-baselines3@e05d2dbe, L is common/off_policy_algorithm.py, B common/buffers.py, K common/callbacks.py.

Unlike others: only 100 uniform steps. Unlike Stable-Baselines3, the targets move before the actor, log pi is exact, and
layers start as Flax' do: LeCun's normal distribution, biases at 0.

Not reproduced: observations replayed in float64 and cast for an update; its other options.
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

LEARNING_RATE = 3e-4  # S:58, of actor, critics and temperature
BATCH, CAPACITY = 256, 1_000_000  # S:62, 60
LEARNING_STARTS = 100  # S:61
DISCOUNT, TAU = 0.99, 0.005  # S:64, 63
HIDDEN, INIT_ALPHA = (256, 256), 1.0  # P:69; S:147
LOG_STD_MIN, LOG_STD_MAX = -20.0, 2.0  # N:242-243
EVALUATION_EPISODES = 5  # K:375-379
NOISE = ("next_action", "action")  # S:281, 326
ADAM = optax.adam(LEARNING_RATE)  # P:44, 101-117, S:163
Params = Any  # layers (weights [in, out], biases [out]) in order; the actor's last two are the mean's and log std's


# --- networks
def initial(key: jax.Array, *sizes: int) -> Params:
    """Flax' default for a Dense."""
    keys, lecun = jax.random.split(key, len(sizes)), jax.nn.initializers.lecun_normal()
    return [(lecun(keys[i], sizes[i : i + 2]), jnp.zeros(sizes[i + 1])) for i in range(len(sizes) - 1)]


def hidden(layers: Params, x: jax.Array) -> jax.Array:
    for w, b in layers:
        x = jax.nn.relu(x @ w + b)
    return x


@jax.jit
def policy(actor: Params, obs: jax.Array, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
    """An action in [-1, 1] of a diagonal Gaussian through tanh, and log pi of it (N:251-262)."""
    *body, (w_mean, b_mean), (w_log_std, b_log_std) = actor
    features = hidden(body, obs)
    mean, log_std = features @ w_mean + b_mean, features @ w_log_std + b_log_std
    log_std = jnp.clip(log_std, LOG_STD_MIN, LOG_STD_MAX)
    u = mean + jnp.exp(log_std) * noise
    log_prob = (-0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi)).sum(1)
    return jnp.tanh(u), log_prob - (2 * (np.log(2) - u - jax.nn.softplus(-2 * u))).sum(1)


def q_values(critics: Params, obs: jax.Array, action: jax.Array) -> jax.Array:
    """Q [critic, batch] (N:140-206)."""
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
    """The learner after a step of everything, each on what the one before has made, what it computed (S:432-462)."""
    actor, critics, target_critics, log_alpha, moments = learner
    obs, action, reward, next_obs, terminated = batch
    alpha, moments = jnp.exp(log_alpha), dict(moments)
    next_action, next_log_prob = policy(actor, next_obs, noise["next_action"])  # S:278-297
    next_q = q_values(target_critics, next_obs, next_action).min(0)
    target_q = reward + DISCOUNT * (1 - terminated) * (next_q - alpha * next_log_prob)

    def critic_loss(critics: Params) -> tuple[jax.Array, jax.Array]:  # S:299-305
        losses = 0.5 * ((target_q - q_values(critics, obs, action)) ** 2).mean(1)
        return losses.sum(), losses

    critics, moments["critics"], (_, losses) = descend(critic_loss, critics, moments["critics"])
    target_critics = optax.incremental_update(critics, target_critics, TAU)  # S:346-350, 448

    def actor_loss(actor: Params) -> tuple[jax.Array, jax.Array]:  # S:324-342
        own_action, log_prob = policy(actor, obs, noise["action"])
        return (alpha * log_prob - q_values(critics, obs, own_action).min(0)).mean(), log_prob

    actor, moments["actor"], (loss_of_actor, log_prob) = descend(actor_loss, actor, moments["actor"])

    def alpha_loss(log_alpha: jax.Array) -> tuple[jax.Array, None]:  # S:355-363; the target is -A: 171
        return log_alpha * (-log_prob.mean() + action.shape[1]), None

    log_alpha, moments["log_alpha"], (loss_of_alpha, _) = descend(alpha_loss, log_alpha, moments["log_alpha"])
    seen = {"critic1_loss": losses[0], "critic2_loss": losses[1], "actor_loss": loss_of_actor, "target_q": target_q}
    seen |= {"alpha_loss": loss_of_alpha, "alpha": alpha, "log_prob": log_prob, "next_log_prob": next_log_prob}
    return (actor, critics, target_critics, log_alpha, moments), seen


class SAC:
    """The learner: two critics on one optimiser, their target copies, the actor and the temperature."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box, seed: int = 0):
        self.updates, action_dim = 0, box.shape[0]
        body, *keys = jax.random.split(jax.random.key(seed), 5)
        self.actor = initial(body, obs_dim, *HIDDEN)  # N:253-255
        self.actor += [head for key in keys[:2] for head in initial(key, HIDDEN[-1], action_dim)]  # N:256-257
        self.critics = [initial(key, obs_dim + action_dim, *HIDDEN, 1) for key in keys[2:]]  # P:109-127
        self.target_critics = self.critics  # P:128-132
        self.log_alpha = jnp.log(INIT_ALPHA)  # S:25-28
        self.moments = {name: ADAM.init(getattr(self, name)) for name in ("actor", "critics", "log_alpha")}

    def act(self, obs: np.ndarray, noise: Any) -> np.ndarray:
        """Actions [N, A] in [-1, 1] at obs [N, O]; without noise, those of an evaluation."""
        noise = jnp.zeros((len(obs), self.actor[-1][1].size)) if noise is None else noise  # N:47-48
        return np.clip(policy(self.actor, obs.astype(np.float32), noise)[0], -1, 1)  # N:38-48, 69

    def update(self, batch: Batch, noise: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """One step of everything; what it computed."""
        learner = self.actor, self.critics, self.target_critics, self.log_alpha, self.moments
        learner, seen = update(learner, batch, noise)
        self.actor, self.critics, self.target_critics, self.log_alpha, self.moments = learner
        self.updates += 1
        return seen


# --- the loop
class Replay:
    """The newest CAPACITY transitions, in float32 (B:247-325)."""

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
    env: Any = RescaleAction(make_env(task), np.float32(-1), np.float32(1))  # L:400-410
    env.action_space.seed(seed)
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space, seed), Replay(obs_dim, action_dim)
    (obs, _), timesteps = env.reset(seed=seed), 0
    while True:  # L:334-354
        if timesteps < LEARNING_STARTS:  # L:389-409
            action = env.action_space.sample()
        else:
            action = agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(action)  # L:568
        timesteps += 1
        replay.add(obs, action, reward, next_obs, terminated)  # L:480-507, B:278, 322
        obs = env.reset()[0] if terminated or truncated else next_obs
        if timesteps > LEARNING_STARTS:  # L:348
            batch = replay.sample(draw.integers(len(replay), BATCH))  # S:198
            agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        yield agent


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The mean return of episodes of the mean's action (K:375-379)."""
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
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--env-steps", type=int, default=1_000_000)
    parser.add_argument("--evaluate-every", type=int, default=10_000)  # K:375-379
    options = parser.parse_args()
    test_env = RescaleAction(gym.make(options.task), np.float32(-1), np.float32(1))
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in zip(range(1, options.env_steps + 1), train(options.task, options.seed), strict=False):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

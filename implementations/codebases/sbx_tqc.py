"""SBX's TQC, truncated quantile critics in JAX, as one file: araffin/sbx@9bdc9c1 (tqc.py as in 0.28.0).

    python implementations/codebases/sbx_tqc.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: Q is sbx/tqc/tqc.py, P policies.py beside it, N policies.py of
sbx/common; of DLR-RM/stable-baselines3@e05d2dbe common/ L is off_policy_algorithm.py, B buffers.py, K callbacks.py.

Unlike others: a critic gives 25 quantiles of the return. The target pools those of both target critics and leaves out
the four largest; each critic learns the other 46 by quantile regression. The actor follows the mean of all 50. Unlike
Stable-Baselines3's TQC, the targets move before the actor, the temperature comes last, log pi is exact.

Not reproduced: observations replayed in float64 and cast for an update; its other options.
"""

import argparse
from collections import namedtuple
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import optax

LEARNING_RATE = 3e-4  # Q:57, of actor, critics and temperature
BATCH, CAPACITY, LEARNING_STARTS = 256, 1_000_000, 100  # Q:61, 59-60
DISCOUNT, TAU = 0.99, 0.005  # Q:63, 62
HIDDEN, INIT_ALPHA = (256, 256), 1.0  # P:71; Q:149
CRITICS, QUANTILES, DROPPED = 2, 25, 2  # P:130-157, 35; Q:67, of each critic
LOG_STD_MIN, LOG_STD_MAX, EVALUATION_EPISODES = -20.0, 2.0, 5  # N:242-243, K:375-379
NOISE = ("next_action", "action")  # Q:289, 368
ADAM = optax.adam(LEARNING_RATE)  # P:46, 110-156, Q:167
LEARNED = ("actor", "critics", "target_critics", "log_alpha", "moments")
Batch = namedtuple("Batch", "obs action reward next_obs terminated")
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


def quantiles(critics: Params, obs: jax.Array, action: jax.Array) -> jax.Array:
    """What every critic says of the return's distribution, [critic, batch, quantile] (N:140-151)."""
    x = jnp.concatenate([obs, action], axis=1)
    return jnp.stack([hidden(body, x) @ w + b for *body, (w, b) in critics])


def quantile_losses(predicted: jax.Array, target: jax.Array) -> jax.Array:
    """Of every critic the mean Huber loss between its quantiles and the target's [batch, kept], all with all: an error
    upwards weighs as much as the quantile is high, one downwards the rest (Q:323-341)."""
    level = ((jnp.arange(QUANTILES) + 0.5) / QUANTILES)[:, None]
    error = target[:, None] - predicted[..., None]
    huber = jnp.where(jnp.abs(error) > 1, jnp.abs(error) - 0.5, 0.5 * error**2)
    return (jnp.where(error < 0, 1 - level, level) * huber).mean((1, 2, 3))


# --- the update
def descend(learner: dict[str, Any], name: str, loss: Callable) -> Any:
    """Takes Adam's step of what is so named; what the loss was, with all that it returns."""
    losses, gradient = jax.value_and_grad(loss, has_aux=True)(learner[name])
    change, learner["moments"][name] = ADAM.update(gradient, learner["moments"][name])
    learner[name] = optax.apply_updates(learner[name], change)
    return losses


@jax.jit
def update(learner: dict[str, Any], batch: Batch, noise: dict[str, jax.Array]) -> tuple[dict, dict[str, jax.Array]]:
    """The learner after a step of everything, each on what the one before has made, what it computed (Q:496-536)."""
    obs, action, reward, next_obs, terminated = batch
    alpha = jnp.exp(learner["log_alpha"])
    next_action, next_log_prob = policy(learner["actor"], next_obs, noise["next_action"])  # Q:288-292
    next_quantiles = quantiles(learner["target_critics"], next_obs, next_action)
    pool = jnp.sort(jnp.concatenate(next_quantiles, axis=1))[:, : CRITICS * (QUANTILES - DROPPED)]  # Q:309-314
    target = reward[:, None] + DISCOUNT * (1 - terminated)[:, None] * (pool - (alpha * next_log_prob)[:, None])

    def critic_loss(critics: Params) -> tuple[jax.Array, tuple]:  # Q:343-346, each with an Adam of its own: the same
        predicted = quantiles(critics, obs, action)
        losses = quantile_losses(predicted, target)
        return losses.sum(), (losses, predicted)

    _, (losses, predicted) = descend(learner, "critics", critic_loss)
    learner["target_critics"] = optax.incremental_update(learner["critics"], learner["target_critics"], TAU)  # Q:401

    def actor_loss(actor: Params) -> tuple[jax.Array, jax.Array]:  # Q:366-392
        own_action, log_prob = policy(actor, obs, noise["action"])
        return (alpha * log_prob - quantiles(learner["critics"], obs, own_action).mean((0, 2))).mean(), log_prob

    loss_of_actor, log_prob = descend(learner, "actor", actor_loss)
    above = -log_prob.mean() + action.shape[1]  # the entropy's distance from -A (Q:175, 409-417)
    loss_of_alpha, _ = descend(learner, "log_alpha", lambda log_alpha: (log_alpha * above, None))
    seen = {"critic1_loss": losses[0], "critic2_loss": losses[1], "actor_loss": loss_of_actor, "alpha": alpha}
    seen |= {"alpha_loss": loss_of_alpha, "log_prob": log_prob, "next_log_prob": next_log_prob, "quantiles": predicted}
    return learner, seen | {"next_quantiles": next_quantiles, "target_quantiles": target}


class SAC:
    """The learner: critics, their target copies, the actor and the temperature."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box, seed: int = 0):
        self.updates, action_dim = 0, box.shape[0]
        body, *keys = jax.random.split(jax.random.key(seed), 3 + CRITICS)
        self.actor = initial(body, obs_dim, *HIDDEN)  # N:253-255
        self.actor += [head for key in keys[:2] for head in initial(key, HIDDEN[-1], action_dim)]  # N:256-257
        self.critics = [initial(key, obs_dim + action_dim, *HIDDEN, QUANTILES) for key in keys[2:]]  # P:118-156
        self.target_critics = self.critics  # P:137-155
        self.log_alpha = jnp.log(INIT_ALPHA)  # Q:26-28
        self.moments = {name: ADAM.init(getattr(self, name)) for name in ("actor", "critics", "log_alpha")}

    def act(self, obs: np.ndarray, noise: Any) -> np.ndarray:
        """Actions [N, A] in [-1, 1] at obs [N, O]; without noise, those of an evaluation."""
        noise = jnp.zeros((len(obs), self.actor[-1][1].size)) if noise is None else noise  # N:47-48
        return np.clip(policy(self.actor, obs.astype(np.float32), noise)[0], -1, 1)  # N:38-48, 69

    def update(self, batch: Batch, noise: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """One step of everything; what it computed."""
        learned, seen = update({name: vars(self)[name] for name in LEARNED}, batch, noise)
        vars(self).update(learned, updates=self.updates + 1)
        return seen


# --- the loop
class Replay:
    """The newest CAPACITY transitions, in float32 (B:247-325)."""

    def __init__(self, obs_dim: int, action_dim: int):
        shapes: Any = (obs_dim,), (action_dim,), (), (obs_dim,), ()
        self.columns, self.added = [np.zeros((CAPACITY, *shape), np.float32) for shape in shapes], 0

    def __len__(self) -> int:
        return min(self.added, CAPACITY)

    def add(self, *transition: Any) -> None:  # the fields of a Batch, in order
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
    draw, env = draw or Draw(seed), gym.wrappers.RescaleAction(make_env(task), -1, 1)  # L:400-410
    env.action_space.seed(seed)
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space, seed), Replay(obs_dim, action_dim)
    obs, _ = env.reset(seed=seed)
    for env_step in count(1):
        warm = env_step <= LEARNING_STARTS  # L:389, before it counts the step
        action = env.action_space.sample() if warm else agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(action)  # L:568
        replay.add(obs, action, reward, next_obs, terminated)  # L:480-507, B:278, 322
        obs = env.reset()[0] if terminated or truncated else next_obs
        if env_step > LEARNING_STARTS:  # L:348
            batch = replay.sample(draw.integers(len(replay), BATCH))  # Q:202
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
    test_env = gym.wrappers.RescaleAction(gym.make(options.task), -1, 1)
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in enumerate(islice(train(options.task, options.seed), options.env_steps), start=1):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

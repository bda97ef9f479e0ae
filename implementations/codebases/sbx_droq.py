"""SBX's DroQ, its SAC with dropout in the critics in JAX, as one file: araffin/sbx@9bdc9c1 (sac.py as in 0.28.0).

    python implementations/codebases/sbx_droq.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: M is README.md, S sbx/sac/sac.py, P policies.py beside it, N that of
sbx/common; of DLR-RM/stable-baselines3@e05d2dbe common/ L is off_policy_algorithm.py, B buffers.py, K callbacks.py.

Unlike others: twenty updates follow a step; their last alone moves actor and temperature. A critic's hidden layer loses
one unit in a hundred by lot, then is normalised, before its ReLU. Lots are drawn for every pass, the target's and the
actor's too. The actor goes by the smaller Q (S:336); the paper's, by the mean.

Not reproduced: observations replayed in float64 and cast for an update; its other options.
"""

import argparse
from collections import namedtuple
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, islice
from typing import Any

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.scipy.stats import norm

LEARNING_RATE = 3e-4  # S:58, of actor, critics and temperature
BATCH, CAPACITY, LEARNING_STARTS = 256, 1_000_000, 10_000  # S:62, 60, M:125
GRADIENT_STEPS, POLICY_DELAY, DROPOUT = 20, 20, 0.01  # M:126-128
DISCOUNT, TAU, NORM_EPSILON = 0.99, 0.005, 1e-6  # S:64, 63, Flax' default
HIDDEN, INIT_ALPHA = (256, 256), 1.0  # P:69; S:147
LOG_STD_MIN, LOG_STD_MAX, EVALUATION_EPISODES = -20.0, 2.0, 5  # N:242-243, K:375-379
ADAM = optax.adam(LEARNING_RATE)  # P:44, 101-117, S:163
LOTS = tuple(f"{each}_critic{i}_{layer}" for each in ("target", "current", "actor") for i in (1, 2) for layer in (0, 1))
NOISE = ("next_action", "action", *LOTS)  # S:281, 326; 290, 301, 333
LEARNED = ("actor", "critics", "target_critics", "log_alpha", "moments")
Batch = namedtuple("Batch", "obs action reward next_obs terminated")
Params = Any  # layers (weights [in, out], biases [out]) in order; the actor's last two are the mean's and log std's


# --- networks
def initial(key: jax.Array, *sizes: int) -> Params:
    """Flax' default for a Dense."""
    keys, lecun = jax.random.split(key, len(sizes)), jax.nn.initializers.lecun_normal()
    return [(lecun(keys[i], sizes[i : i + 2]), jnp.zeros(sizes[i + 1])) for i in range(len(sizes) - 1)]


@jax.jit
def policy(actor: Params, obs: jax.Array, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
    """An action in [-1, 1] of a diagonal Gaussian through tanh, and log pi of it (N:251-262)."""
    *body, (w_mean, b_mean), (w_log_std, b_log_std) = actor
    for w, b in body:
        obs = jax.nn.relu(obs @ w + b)
    mean, log_std = obs @ w_mean + b_mean, obs @ w_log_std + b_log_std
    log_std = jnp.clip(log_std, LOG_STD_MIN, LOG_STD_MAX)
    u = mean + jnp.exp(log_std) * noise
    log_prob = (-0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi)).sum(1)
    return jnp.tanh(u), log_prob - (2 * (np.log(2) - u - jax.nn.softplus(-2 * u))).sum(1)


def q_values(critics: Params, obs: jax.Array, action: jax.Array, noise: dict[str, jax.Array], each: str) -> jax.Array:
    """Q [critic, batch] (N:140-151); dropout keeps all units but those whose draw is among the lowest."""
    q = []
    for i, (*body, (w, b)) in enumerate(critics, start=1):
        x = jnp.concatenate([obs, action], axis=1)
        for layer, (weights, biases, scale, bias) in enumerate(body):
            keep = norm.cdf(noise[f"{each}_critic{i}_{layer}"]) >= DROPOUT
            x = jnp.where(keep, x @ weights + biases, 0) / (1 - DROPOUT)
            x = jax.nn.relu(scale * jax.nn.standardize(x, epsilon=NORM_EPSILON) + bias)
        q.append((x @ w + b)[:, 0])
    return jnp.stack(q)


# --- the update
def descend(learner: dict[str, Any], name: str, loss: Callable) -> Any:
    """Takes Adam's step of what is so named; what the loss was, with all that it returns."""
    losses, gradient = jax.value_and_grad(loss, has_aux=True)(learner[name])
    change, learner["moments"][name] = ADAM.update(gradient, learner["moments"][name])
    learner[name] = optax.apply_updates(learner[name], change)
    return losses


@partial(jax.jit, static_argnums=3)
def update(learner: dict[str, Any], batch: Batch, noise: dict[str, jax.Array], due: bool) -> tuple[dict, dict]:
    """The learner after a step of critics and targets, if due of actor and alpha; what this computed (S:432-462)."""
    obs, action, reward, next_obs, terminated = batch
    alpha = jnp.exp(learner["log_alpha"])
    next_action, next_log_prob = policy(learner["actor"], next_obs, noise["next_action"])  # S:280-282
    next_q = q_values(learner["target_critics"], next_obs, next_action, noise, "target")
    target_q = reward + DISCOUNT * (1 - terminated) * (next_q.min(0) - alpha * next_log_prob)  # S:293-297

    def critic_loss(critics: Params) -> tuple[jax.Array, tuple]:  # S:299-305
        q = q_values(critics, obs, action, noise, "current")
        losses = 0.5 * ((target_q - q) ** 2).mean(1)
        return losses.sum(), (losses, q)

    _, (losses, q) = descend(learner, "critics", critic_loss)
    learner["target_critics"] = optax.incremental_update(learner["critics"], learner["target_critics"], TAU)  # S:349
    seen = {"critic1_loss": losses[0], "critic2_loss": losses[1], "alpha": alpha, "q": q, "next_q": next_q}
    seen |= {"target_q": target_q, "next_log_prob": next_log_prob}
    if not due:
        return learner, seen

    def actor_loss(actor: Params) -> tuple[jax.Array, jax.Array]:  # S:324-342
        own_action, log_prob = policy(actor, obs, noise["action"])
        own_q = q_values(learner["critics"], obs, own_action, noise, "actor").min(0)
        return (alpha * log_prob - own_q).mean(), log_prob

    loss_of_actor, log_prob = descend(learner, "actor", actor_loss)
    above = -log_prob.mean() + action.shape[1]  # the entropy's distance from -A (S:171, 355-363)
    loss_of_alpha, _ = descend(learner, "log_alpha", lambda log_alpha: (log_alpha * above, None))
    return learner, seen | {"actor_loss": loss_of_actor, "alpha_loss": loss_of_alpha, "log_prob": log_prob}


class SAC:
    """The learner: two critics on one optimiser, their target copies, the actor and the temperature."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box, seed: int = 0):
        self.updates, action_dim = 0, box.shape[0]
        body, *keys = jax.random.split(jax.random.key(seed), 5)
        self.actor = initial(body, obs_dim, *HIDDEN)  # N:253-255
        self.actor += [head for key in keys[:2] for head in initial(key, HIDDEN[-1], action_dim)]  # N:256-257
        layers = [initial(key, obs_dim + action_dim, *HIDDEN, 1) for key in keys[2:]]  # P:109-127
        self.critics = [[*((w, b, jnp.ones_like(b), jnp.zeros_like(b)) for w, b in body), top] for *body, top in layers]
        self.target_critics = self.critics  # P:128-132
        self.log_alpha = jnp.log(INIT_ALPHA)  # S:25-28
        self.moments = {name: ADAM.init(getattr(self, name)) for name in ("actor", "critics", "log_alpha")}

    def act(self, obs: np.ndarray, noise: Any) -> np.ndarray:
        """Actions [N, A] in [-1, 1] at obs [N, O]; without noise, those of an evaluation."""
        noise = jnp.zeros((len(obs), self.actor[-1][1].size)) if noise is None else noise  # N:47-48
        return np.clip(policy(self.actor, obs.astype(np.float32), noise)[0], -1, 1)  # N:38-48, 69

    def update(self, batch: Batch, noise: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """A step of the critics; in every twentieth update, of actor and temperature; what it computed."""
        due = (self.updates + 1) % POLICY_DELAY == 0  # S:251, 451
        learned, seen = update({name: vars(self)[name] for name in LEARNED}, batch, noise, due)
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
        for _ in range(GRADIENT_STEPS if env_step > LEARNING_STARTS else 0):  # L:348
            batch = replay.sample(draw.integers(len(replay), BATCH))  # S:198
            widths = [HIDDEN[int(name[-1])] if name in LOTS else action_dim for name in NOISE]
            agent.update(batch, {name: draw.normal((BATCH, width)) for name, width in zip(NOISE, widths, strict=True)})
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

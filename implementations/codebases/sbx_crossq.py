"""SBX's CrossQ, batch-normalised critics without targets in JAX, as one file: araffin/sbx@9bdc9c1 (as in 0.28.0).

    python implementations/codebases/sbx_crossq.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: C is sbx/crossq/crossq.py, P policies.py beside it, N jax_layers.py of
sbx/common; of DLR-RM/stable-baselines3@e05d2dbe common/ L is off_policy_algorithm.py, B buffers.py, K callbacks.py.

Unlike others: there are no target networks. Every layer's input is normalised by its batch: (s, a) and (s', a') go as
one batch through wide critics, both in its statistics and, by these, in the gradient; all else goes by running ones but
the actor's own loss. Actor and temperature move in every third update. Unlike Stable-Baselines3's CrossQ, variances are
over n, the actor moves before the temperature, log pi is exact.

Not reproduced: observations replayed in float64 and cast for an update; its other options.
"""

import argparse
from collections import namedtuple
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, islice, pairwise
from typing import Any

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import optax

LEARNING_RATE, BATCH, CAPACITY, LEARNING_STARTS = 1e-3, 256, 1_000_000, 100  # C:57, 61, 59-60
DISCOUNT, POLICY_DELAY, INIT_ALPHA, EVALUATION_EPISODES = 0.99, 3, 1.0, 5  # C:62, 65, 144, K:375-379
HIDDEN, ACTOR_HIDDEN, LOG_STD_MIN, LOG_STD_MAX = (1024, 1024), (256, 256), -20.0, 2.0  # P:329, 325, 217-218
NORM_EPSILON, MOMENTUM, RENORM_WARMUP, R_MAX, D_MAX = 1e-3, 0.99, 100_000, 3, 5  # N:84, 132-143, P:273-274
ADAM = {n: optax.adam(LEARNING_RATE, b) for n, b in (("actor", 0.5), ("critics", 0.5), ("log_alpha", 0.9))}  # P:298
NOISE, LEARNED = ("next_action", "action"), ("actor", "critics", "running", "log_alpha", "moments")  # C:271, 347
Batch = namedtuple("Batch", "obs action reward next_obs terminated")
Params = Any  # layers in order, its norm's scales and biases, weights [in, out], biases; log std's norm is the mean's


# --- networks
def initial(key: jax.Array, *sizes: int) -> Params:
    """Flax' default for a Dense, behind a norm that changes nothing (N:90-91)."""
    keys, lecun = jax.random.split(key, len(sizes) - 1), jax.nn.initializers.lecun_normal()
    pairs = zip(keys, pairwise(sizes), strict=True)
    return [(jnp.ones(i), jnp.zeros(i), lecun(key, (i, o)), jnp.zeros(o)) for key, (i, o) in pairs]


def passed(layers: Params, running: list, x: jax.Array, passes: Any) -> tuple[jax.Array, jax.Array, list]:
    """What the last layer reads and what it gives (P:34-60, 230-251). Before each layer comes batch renormalisation
    (N:151-208): after so many passes by the batch, which moves the running statistics; if None, by these alone."""
    after = []
    for i, ((scale, bias, w, b), (mean, var)) in enumerate(zip(layers, running, strict=True)):
        x = jax.nn.relu(x) if i else x
        if passes is not None:
            batch_mean, batch_var = x.mean(0), x.var(0)
            r = jnp.clip(jnp.sqrt((batch_var + NORM_EPSILON) / (var + NORM_EPSILON)), 1 / R_MAX, R_MAX)  # N:167-171
            d = jnp.clip((batch_mean - mean) / jnp.sqrt(var + NORM_EPSILON), -D_MAX, D_MAX)  # N:173-174
            near = passes >= RENORM_WARMUP  # N:186-188, to the running statistics
            r, d = jax.lax.stop_gradient((jnp.where(near, r, 1), jnp.where(near, d, 0)))
            after.append(optax.incremental_update((batch_mean, batch_var), (mean, var), 1 - MOMENTUM))  # N:190-191
            mean, var = batch_mean - d * jnp.sqrt(batch_var) / r, batch_var / r**2  # N:180-181
        read = scale * (x - mean) / jnp.sqrt(var + NORM_EPSILON) + bias
        x = read @ w + b
    return read, x, after


@jax.jit
def policy(actor: Params, running: list, obs: jax.Array, noise: Any, passes: Any = None) -> tuple:
    """An action in [-1, 1] of a diagonal Gaussian through tanh, its log pi, running statistics after it (P:229-257)."""
    *layers, (w, b) = actor
    read, mean, running = passed(layers, running, obs, passes)
    log_std = jnp.clip(read @ w + b, LOG_STD_MIN, LOG_STD_MAX)
    u = mean + jnp.exp(log_std) * noise
    log_prob = (-0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi)).sum(1)
    return jnp.tanh(u), log_prob - (2 * (np.log(2) - u - jax.nn.softplus(-2 * u))).sum(1), running


def q_values(critics: Params, running: list, x: jax.Array, passes: Any = None) -> tuple[jax.Array, list]:
    """Q [critic, batch] of x [batch, (s, a)], and the running statistics after it."""
    _, q, after = zip(*(passed(*one, x, passes) for one in zip(critics, running, strict=True)), strict=True)
    return jnp.stack(q)[..., 0], list(after)


# --- the update
def descend(learner: dict[str, Any], name: str, loss: Callable) -> Any:
    """Takes Adam's step of what is so named; what the loss was, with all that it returns."""
    losses, gradient = jax.value_and_grad(loss, has_aux=True)(learner[name])
    change, learner["moments"][name] = ADAM[name].update(gradient, learner["moments"][name])
    learner[name] = optax.apply_updates(learner[name], change)
    return losses


@partial(jax.jit, static_argnums=4)
def update(learner: dict, batch: Batch, noise: dict[str, jax.Array], updates: int, due: bool) -> tuple[dict, dict]:
    """The learner after a step of critics and, if due, actor and alpha, what it computed (C:450-480; -A: 170)."""
    obs, action, reward, next_obs, terminated = batch
    alpha, running = jnp.exp(learner["log_alpha"]), learner["running"]
    next_action, next_log_prob, _ = policy(learner["actor"], running["actor"], next_obs, noise["next_action"])
    both = jnp.block([[obs, action], [next_obs, next_action]])  # C:296-297

    def critic_loss(critics: Params) -> tuple[jax.Array, tuple]:  # C:276-313
        q, after = q_values(critics, running["critics"], both, updates)
        q, next_q = jnp.split(q, 2, axis=1)
        target_q = reward + DISCOUNT * (1 - terminated) * (next_q.min(0) - alpha * next_log_prob)
        losses = 0.5 * ((jax.lax.stop_gradient(target_q) - q) ** 2).mean(1)
        return losses.sum(), (losses, q, next_q, target_q, after)

    _, (losses, q, next_q, target_q, running["critics"]) = descend(learner, "critics", critic_loss)
    seen = {"critic1_loss": losses[0], "critic2_loss": losses[1], "alpha": alpha, "q": q, "next_q": next_q}
    seen |= {"target_q": target_q, "next_log_prob": next_log_prob}
    if not due:
        return learner, seen

    def actor_loss(actor: Params) -> tuple[jax.Array, tuple]:  # C:338-361
        own, log_prob, after = policy(actor, running["actor"], obs, noise["action"], updates // POLICY_DELAY)
        own_q, _ = q_values(learner["critics"], running["critics"], jnp.block([obs, own]))
        return (alpha * log_prob - own_q.min(0)).mean(), (log_prob, after)

    loss_of_actor, (log_prob, running["actor"]) = descend(learner, "actor", actor_loss)
    loss_of_alpha, _ = descend(learner, "log_alpha", lambda it: (it * (action.shape[1] - log_prob.mean()), None))
    return learner, seen | {"actor_loss": loss_of_actor, "alpha_loss": loss_of_alpha, "log_prob": log_prob}


class SAC:
    """The learner: two critics on one optimiser, the actor, their running statistics, and the temperature."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box, seed: int = 0):
        self.updates, action_dim, keys = 0, box.shape[0], jax.random.split(jax.random.key(seed), 4)
        self.actor = initial(keys[0], obs_dim, *ACTOR_HIDDEN, action_dim)  # P:230-252
        self.actor += [head[2:] for head in initial(keys[1], ACTOR_HIDDEN[-1], action_dim)]
        self.critics = [initial(key, obs_dim + action_dim, *HIDDEN, 1) for key in keys[2:]]  # P:33-59, 288
        actor, *critics = ([(0 * bias, scale) for scale, bias, *_ in net] for net in (self.actor[:-1], *self.critics))
        self.running = {"actor": actor, "critics": critics}  # N:124-130
        self.log_alpha = jnp.log(INIT_ALPHA)  # C:27
        self.moments = {name: adam.init(getattr(self, name)) for name, adam in ADAM.items()}

    def act(self, obs: np.ndarray, noise: Any) -> np.ndarray:
        """Actions [N, A] in [-1, 1] at obs [N, O]; without noise, those of an evaluation."""
        noise = 0.0 if noise is None else noise  # P:446-452
        return np.clip(policy(self.actor, self.running["actor"], obs.astype(np.float32), noise)[0], -1, 1)

    def update(self, batch: Batch, noise: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """A step of the critics; in every third update, of actor and temperature; what it computed."""
        due = (self.updates + 1) % POLICY_DELAY == 0  # C:237, 469
        learned, seen = update({name: vars(self)[name] for name in LEARNED}, batch, noise, self.updates, due)
        vars(self).update(learned, updates=self.updates + 1)
        return seen


# --- the loop
class Replay:
    """The newest CAPACITY transitions, in float32 (B:247-325)."""

    def __init__(self, obs_dim: int, action_dim: int):
        shapes: Any = (obs_dim,), (action_dim,), (), (obs_dim,), ()
        self.columns, self.added = [np.zeros((CAPACITY, *shape), np.float32) for shape in shapes], 0

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
    agent, replay, (obs, _) = SAC(obs_dim, env.action_space, seed), Replay(obs_dim, action_dim), env.reset(seed=seed)
    for env_step in count(1):
        warm = env_step <= LEARNING_STARTS  # L:389, before it counts the step
        action = env.action_space.sample() if warm else agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(action)  # L:568
        replay.add(obs, action, reward, next_obs, terminated)  # L:480-507, B:278, 322
        obs = env.reset()[0] if terminated or truncated else next_obs
        if env_step > LEARNING_STARTS:  # L:348
            batch = replay.sample(draw.integers(min(replay.added, CAPACITY), BATCH))  # C:197
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

"""Softlearning's SAC at its last commit, in PyTorch instead of TensorFlow 2: rail-berkeley/softlearning@13cf187.

    python implementations/codebases/softlearning.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: S is algorithms/sac.py, L rl_algorithm.py, R simple_sampler.py, P
gaussian_policy.py, B base_policy.py, G gym_adapter.py, K models/feedforward.py, V examples/development/variants.py.

Unlike others: the actor follows the mean of the critics, not the smaller. The standard deviation is a softplus, so that
it starts at 0.69. The temperature learns from an action of its own, of the actor after its step, and its loss holds
alpha itself. An episode may be replayed only when it is over. The warm-up lasts until the episode is over in which the
replay fills, and is not learned from meanwhile. Evaluations are meant to play the mean, and play samples.

Not reproduced: episodes of 1,000 steps wherever it is not Pendulum, in place of the task's own limit, of which the
warm-up here is ten times as long; its count of steps, which begins after the warm-up.
"""

import argparse
import math
from collections import namedtuple
from collections.abc import Iterator
from copy import deepcopy
from itertools import islice
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

HIDDEN = (256, 256)  # V:13, 453, 473
STD_FLOOR, DISCOUNT, TAU = 1e-5, 0.99, 0.005  # P:276, V:41, 44
LEARNING_RATE, BATCH, ADAM_EPSILON = 3e-4, 256, 1e-7  # V:37-39, 412; Keras' default
CAPACITY, EVALUATION_EPISODES = 1_000_000, 1  # V:22, 482-492
NOISE = ("next_action", "actor", "alpha")  # S:155, 223, 252
Batch = namedtuple("Batch", "obs action reward next_obs terminated")


# --- networks


def mlp(inputs: int, outputs: int) -> nn.Sequential:
    """Glorot's uniform weights, biases at 0 (K:25-35, the default of Keras' Dense)."""
    layers = nn.Linear(inputs, HIDDEN[0]), nn.Linear(*HIDDEN), nn.Linear(HIDDEN[1], outputs)
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])


def policy(actor: nn.Module, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
    """An action in [-1, 1] of a diagonal Gaussian through tanh, and its log pi; without noise, the mean's."""
    mean, raw = actor(obs).chunk(2, dim=1)  # P:263-274
    std = F.softplus(raw) + STD_FLOOR  # P:275-276
    noise = torch.zeros_like(mean) if noise is None else noise
    u = mean + std * noise  # P:125-128
    log_prob = (-0.5 * noise**2 - std.log() - 0.5 * math.log(2 * math.pi)).sum(1)  # P:129-133
    return torch.tanh(u), log_prob - (2 * (math.log(2) - u - F.softplus(-2 * u))).sum(1)  # B:268


def q_values(critics: nn.ModuleList, obs: Tensor, action: Tensor) -> list[Tensor]:
    return [critic(torch.cat([obs, action], dim=1)).squeeze(1) for critic in critics]


def adam_step(optimizer: torch.optim.Adam, count: int) -> None:
    """Step number `count` as TensorFlow takes it: epsilon joins the root before that is corrected for its bias."""
    optimizer.param_groups[0]["eps"] = ADAM_EPSILON / math.sqrt(1 - 0.999**count)
    optimizer.step()


# --- the update


class SAC:
    """The learner; every network and log alpha has an Adam of its own."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates, self.target_entropy, action_dim = 0, -box.shape[0], box.shape[0]  # S:37-39
        self.actor = mlp(obs_dim, 2 * action_dim)  # P:263-271
        self.critics = nn.ModuleList(mlp(obs_dim + action_dim, 1) for _ in range(2))  # V:471
        self.target_critics = deepcopy(self.critics).requires_grad_(False)  # S:108-109
        self.log_alpha = torch.zeros((), requires_grad=True)  # S:139
        learned: dict[str, Any] = {"critic1": self.critics[0].parameters(), "critic2": self.critics[1].parameters()}
        learned |= {"actor": self.actor.parameters(), "alpha": [self.log_alpha]}
        self.optimizers = {name: torch.optim.Adam(one, lr=LEARNING_RATE) for name, one in learned.items()}  # S:129-143

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in [-1, 1] at obs [N, O]; without noise, the mean's."""
        with torch.no_grad():
            return policy(self.actor, torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of each critic, of the actor on the new critics, of alpha, of the targets; what it computed."""
        obs, action, reward, next_obs, terminated = batch
        alpha = self.log_alpha.exp().detach()  # S:151, 220

        # critics (S:145-206)
        with torch.no_grad():
            next_action, next_log_prob = policy(self.actor, next_obs, noise["next_action"])
            next_value = torch.min(*q_values(self.target_critics, next_obs, next_action)) - alpha * next_log_prob
            target_q = reward + DISCOUNT * (1 - terminated) * next_value
        losses = {}
        for name, q in zip(("critic1", "critic2"), q_values(self.critics, obs, action), strict=True):
            losses[name] = 0.5 * ((target_q - q) ** 2).mean()
            self.step(name, losses[name])

        # actor (S:219-243)
        own_action, log_prob = policy(self.actor, obs, noise["actor"])
        losses["actor"] = (alpha * log_prob - torch.stack(q_values(self.critics, obs, own_action)).mean(0)).mean()
        self.step("actor", losses["actor"])

        # temperature (S:250-266)
        with torch.no_grad():
            _, fresh_log_prob = policy(self.actor, obs, noise["alpha"])
        losses["alpha"] = (-self.log_alpha.exp() * (fresh_log_prob + self.target_entropy)).mean()
        self.step("alpha", losses["alpha"])

        # target critics (S:269-274, 295-297)
        with torch.no_grad():
            for target, online in zip(self.target_critics.parameters(), self.critics.parameters(), strict=True):
                target.copy_(TAU * online + (1 - TAU) * target)

        self.updates += 1
        seen = {"alpha": alpha, "target_q": target_q, "log_prob": log_prob, "next_log_prob": next_log_prob}
        return seen | {f"{name}_loss": loss for name, loss in losses.items()}

    def step(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad()
        loss.backward()
        adam_step(self.optimizers[name], self.updates + 1)


# --- the loop


class Replay:
    """The newest CAPACITY transitions, in float32 (V:478-492)."""

    def __init__(self, obs_dim: int, action_dim: int):
        widths = {"obs": (obs_dim,), "action": (action_dim,), "reward": (), "next_obs": (obs_dim,), "terminated": ()}
        self.columns = [np.zeros((CAPACITY, *widths[name]), np.float32) for name in Batch._fields]
        self.added = 0

    def __len__(self) -> int:
        return min(self.added, CAPACITY)

    def add(self, *transition: Any) -> None:  # the fields of a Batch, in order
        for column, value in zip(self.columns, transition, strict=True):
            column[self.added % CAPACITY] = value
        self.added += 1

    def sample(self, indices: Any) -> Batch:
        return Batch(*(torch.as_tensor(column[indices]) for column in self.columns))


class Draw:
    """Where randomness comes from: NumPy's generator for the replay, PyTorch's for actions."""

    def __init__(self, seed: int):
        self.numpy, self.torch = np.random.default_rng(seed), torch.Generator().manual_seed(~seed)  # not the weights'

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self.torch)

    def integers(self, high: int, size: int) -> np.ndarray:
        return self.numpy.integers(high, size=size)


def train(task: str, seed: int, make_env: Any = gym.make, draw: Any = None) -> Iterator[SAC]:
    """Plays and learns without end; yields the agent after every environment step and the update that follows it."""
    torch.manual_seed(seed)
    draw, env = draw or Draw(seed), make_env(task)
    random_steps = 10 * env.spec.max_episode_steps  # V:23-28, 220-231
    env = gym.wrappers.RescaleAction(env, -1, 1)  # G:95-103
    env.action_space.seed(seed)
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space), Replay(obs_dim, action_dim)
    obs, _ = env.reset(seed=seed)
    path: list[tuple] = []
    while True:
        warm = len(replay) < random_steps  # L:89-101
        action = env.action_space.sample() if warm else agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(action)
        path.append((obs, action, reward, next_obs, terminated))
        obs = next_obs
        if terminated or truncated:  # R:74-94
            for transition in path:
                replay.add(*transition)
            path.clear()
            obs, _ = env.reset()
        if not warm:  # L:180-182
            batch = replay.sample(draw.integers(len(replay), BATCH))
            agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        yield agent


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The mean return of episodes of sampled actions: its flag for the mean is never seen (L:197)."""
    total = 0.0
    for _ in range(EVALUATION_EPISODES):
        (obs, _), over = env.reset(), False
        while not over:
            noise = torch.randn((1, env.action_space.shape[0]))  # P:42-61, 173-194
            obs, reward, terminated, truncated, _ = env.step(agent.act(obs[None], noise)[0])
            total, over = total + float(reward), terminated or truncated
    return total / EVALUATION_EPISODES


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="HalfCheetah-v5")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--env-steps", type=int, default=3_000_000)  # V:100
    parser.add_argument("--evaluate-every", type=int, default=25_000)  # V:236
    options = parser.parse_args()
    test_env = gym.wrappers.RescaleAction(gym.make(options.task), -1, 1)
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in enumerate(islice(train(options.task, options.seed), options.env_steps), start=1):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

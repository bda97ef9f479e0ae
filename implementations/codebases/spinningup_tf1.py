"""Spinning Up's SAC of TensorFlow 1, in PyTorch instead: openai/spinningup@038665d, spinup/algos/tf1/sac.

    python implementations/codebases/spinningup_tf1.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: S is sac.py, C is core.py.

Unlike others, and unlike its PyTorch twin: the actor follows the critics as they were before their step, their losses
are halved, the density divides by the standard deviation plus 1e-8, and weights start by Glorot's rule. Like its twin:
the temperature is a constant, critics and replay see actions in the environment's units, 50 steps are followed by 50
updates, the policy acts from step 10,002 on, and only an episode of 1,000 steps bootstraps at its end.

Not reproduced: one bound for all actions (here each has its own); the averaged copy of the policy, which nothing reads;
whether the critics' target reads the old policy or the new, which a session.run leaves open (here the old).
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

HIDDEN = (256, 256)  # C:64
ALPHA, DISCOUNT, TAU = 0.2, 0.99, 0.005  # S:43-44, tau is 1 - polyak
LEARNING_RATE, BATCH, ADAM_EPSILON = 1e-3, 100, 1e-8  # S:44; TensorFlow's default
LOG_STD_MIN, LOG_STD_MAX, EPSILON = -20, 2, 1e-8  # C:4, 33-34
RANDOM_STEPS, LEARN_AFTER = 10_001, 1_001  # S:44-45, 247, 275, which count from 0
UPDATE_EVERY = 50  # S:45, as many updates
CAPACITY, MAX_EPISODE, EVALUATION_EPISODES = 1_000_000, 1_000, 10  # S:43, 45
NOISE = ("action", "next_action")  # S:155, 162
Batch = namedtuple("Batch", "obs action reward next_obs terminated")


# --- networks


def linear(inputs: int, outputs: int) -> nn.Linear:
    """Glorot's uniform weights, biases at 0 (C:12-15, the default of tf.layers.dense)."""
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def mlp(inputs: int) -> nn.Sequential:
    return nn.Sequential(linear(inputs, HIDDEN[0]), nn.ReLU(), linear(*HIDDEN), nn.ReLU(), linear(HIDDEN[1], 1))


class Actor(nn.Module):
    """A diagonal Gaussian through tanh, stretched to the box of actions."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        super().__init__()
        self.body = mlp(obs_dim)[:-1]  # C:38
        self.mean, self.log_std = linear(HIDDEN[1], box.shape[0]), linear(HIDDEN[1], box.shape[0])  # C:39-40
        self.scale, self.center = map(torch.as_tensor, ((box.high - box.low) / 2, (box.high + box.low) / 2))  # C:72

    def forward(self, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """An action in the environment's units and log pi of it before it is scaled; without noise, the mean's."""
        features = self.body(obs)
        mean, log_std = self.mean(features), self.log_std(features).clamp(LOG_STD_MIN, LOG_STD_MAX)  # C:39-41
        std, noise = log_std.exp(), torch.zeros_like(mean) if noise is None else noise
        u = mean + noise * std  # C:44
        z = noise * std / (std + EPSILON)  # C:25
        log_prob = (-0.5 * z**2 - log_std - 0.5 * math.log(2 * math.pi)).sum(1)  # C:25-26
        log_prob = log_prob - (2 * (math.log(2) - u - F.softplus(-2 * u))).sum(1)  # C:54
        return torch.tanh(u) * self.scale + self.center, log_prob  # C:57-58, 73-74


def q_values(critics: nn.ModuleList, obs: Tensor, action: Tensor) -> list[Tensor]:
    return [critic(torch.cat([obs, action], dim=1)).squeeze(1) for critic in critics]


def adam_step(optimizer: torch.optim.Adam, count: int) -> None:
    """Step number `count` as TensorFlow takes it: epsilon joins the root before that is corrected for its bias."""
    optimizer.param_groups[0]["eps"] = ADAM_EPSILON / math.sqrt(1 - 0.999**count)
    optimizer.step()


# --- the update


class SAC:
    """The learner: two critics on one optimiser, their target copies, and the actor."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates, self.actor = 0, Actor(obs_dim, box)
        self.critics = nn.ModuleList(mlp(obs_dim + box.shape[0]) for _ in range(2))  # C:77-81
        self.target_critics = deepcopy(self.critics).requires_grad_(False)  # S:212-217
        self.learned = {"actor": [*self.actor.parameters()], "critics": [*self.critics.parameters()]}  # S:191-197
        self.optimizers = {name: torch.optim.Adam(one, lr=LEARNING_RATE) for name, one in self.learned.items()}

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in the environment's units at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():
            return self.actor(torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """Both gradients at the parameters that there are, then both steps, then the targets'; what it computed."""
        obs, action, reward, next_obs, terminated = batch

        # actor (S:177, 184)
        own_action, log_prob = self.actor(obs, noise["action"])
        actor_loss = (ALPHA * log_prob - torch.min(*q_values(self.critics, obs, own_action))).mean()

        # critics (S:178-187)
        with torch.no_grad():
            next_action, next_log_prob = self.actor(next_obs, noise["next_action"])
            next_q = torch.min(*q_values(self.target_critics, next_obs, next_action))
            target_q = reward + DISCOUNT * (1 - terminated) * (next_q - ALPHA * next_log_prob)
        critic_losses = [0.5 * ((target_q - q) ** 2).mean() for q in q_values(self.critics, obs, action)]

        # steps (S:191-199, 284)
        for name, loss in {"actor": actor_loss, "critics": sum(critic_losses)}.items():
            self.optimizers[name].zero_grad()
            loss.backward(inputs=self.learned[name])
        for optimizer in self.optimizers.values():
            adam_step(optimizer, self.updates + 1)

        # target critics (S:203-205)
        with torch.no_grad():
            for target, online in zip(self.target_critics.parameters(), self.critics.parameters(), strict=True):
                target.copy_((1 - TAU) * target + TAU * online)

        self.updates += 1
        seen = {"target_q": target_q, "log_prob": log_prob, "next_log_prob": next_log_prob, "actor_loss": actor_loss}
        return seen | {"critic1_loss": critic_losses[0], "critic2_loss": critic_losses[1]}


# --- the loop


class Replay:
    """The newest CAPACITY transitions, in float32 (S:11-40)."""

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
    """Plays and learns without end; yields the agent after every environment step and the updates that follow it."""
    torch.manual_seed(seed)  # S:137
    draw, env = draw or Draw(seed), make_env(task)
    env.action_space.seed(seed)
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space), Replay(obs_dim, action_dim)
    (obs, _), env_step, length = env.reset(seed=seed), 0, 0
    while True:
        warm = env_step < RANDOM_STEPS  # S:247-250
        action = env.action_space.sample() if warm else agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(action)  # S:253
        env_step, length = env_step + 1, length + 1
        over = terminated or truncated
        replay.add(obs, action, reward, next_obs, over and length != MAX_EPISODE)  # S:260-263
        obs = next_obs
        if over or length == MAX_EPISODE:  # S:270-272
            (obs, _), length = env.reset(), 0
        if env_step >= LEARN_AFTER and (env_step - LEARN_AFTER) % UPDATE_EVERY == 0:  # S:275-284
            for _ in range(UPDATE_EVERY):
                batch = replay.sample(draw.integers(len(replay), BATCH))
                agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        yield agent


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The mean return of episodes of the mean's action (S:227-235)."""
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
    parser.add_argument("--env-steps", type=int, default=400_000)  # S:43, 100 epochs, and 50 as a script
    parser.add_argument("--evaluate-every", type=int, default=4_000)  # S:43
    options = parser.parse_args()
    test_env = gym.wrappers.TimeLimit(gym.make(options.task), MAX_EPISODE)  # S:140, 230
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in enumerate(islice(train(options.task, options.seed), options.env_steps), start=1):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

"""Spinning Up's first SAC, of TensorFlow 1, in PyTorch instead: openai/spinningup@07bb739, spinup/algos/sac.

    python implementations/codebases/spinningup_2018.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: S is sac.py, C is core.py.

Unlike others: an update follows every step, but all of them wait until the episode is over. The standard deviation is
squashed into its bounds, not clipped. The policy follows the first critic alone, the value network the smaller of both.
Hidden layers have 400 and 300 units. Learning starts with the first episode's end, though the policy acts from step
10,002 on. Actions are replayed in the environment's units; only an episode of 1,000 steps bootstraps at its end.

Not reproduced: one bound for all actions (here each has its own); averaged copies that nothing reads; a session.run
leaves open whether V's target reads the critics before their step (here it does); as a script, one layer of 300 units.
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

HIDDEN = (400, 300)  # C:84
ALPHA, DISCOUNT, TAU = 0.2, 0.99, 0.005  # S:48-49, tau is 1 - polyak
LEARNING_RATE, BATCH, ADAM_EPSILON = 1e-3, 100, 1e-8  # S:49; TensorFlow's default
LOG_STD_MIN, LOG_STD_MAX, EPSILON, FLOOR = -20, 2, 1e-8, 1e-6  # C:4, 38-39, 77
RANDOM_STEPS = 10_001  # S:49, 243, from 0 to 10,000
CAPACITY, MAX_EPISODE, EVALUATION_EPISODES = 1_000_000, 1_000, 10  # S:48, 50, 220
NOISE = ("action",)  # S:153
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
        self.body = mlp(obs_dim)[:-1]  # C:43
        self.mean, self.log_std = linear(HIDDEN[1], box.shape[0]), linear(HIDDEN[1], box.shape[0])  # C:44, 65
        self.scale, self.center = map(torch.as_tensor, ((box.high - box.low) / 2, (box.high + box.low) / 2))  # C:92

    def forward(self, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """An action in the environment's units and log pi of it before it is scaled; without noise, the mean's."""
        features = self.body(obs)
        mean, raw = self.mean(features), torch.tanh(self.log_std(features))  # C:44, 65
        log_std = LOG_STD_MIN + 0.5 * (LOG_STD_MAX - LOG_STD_MIN) * (raw + 1)  # C:66
        std, noise = log_std.exp(), torch.zeros_like(mean) if noise is None else noise
        action = torch.tanh(mean + noise * std)  # C:69, 75
        z = noise * std / (std + EPSILON)  # C:25
        log_prob = (-0.5 * z**2 - log_std - 0.5 * math.log(2 * math.pi)).sum(1)  # C:25-26
        log_prob = log_prob - torch.log(1 - action**2 + FLOOR).sum(1)  # C:77
        return action * self.scale + self.center, log_prob  # C:93-94


def q_values(critics: nn.ModuleList, obs: Tensor, action: Tensor) -> list[Tensor]:
    return [critic(torch.cat([obs, action], dim=1)).squeeze(1) for critic in critics]


def adam_step(optimizer: torch.optim.Adam, count: int) -> None:
    """Step number `count` as TensorFlow takes it: epsilon joins the root before that is corrected for its bias."""
    optimizer.param_groups[0]["eps"] = ADAM_EPSILON / math.sqrt(1 - 0.999**count)
    optimizer.step()


# --- the update


class SAC:
    """The learner: critics and value network on one optimiser, a target of the latter, and the actor."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates, self.actor = 0, Actor(obs_dim, box)
        self.critics = nn.ModuleList(mlp(obs_dim + box.shape[0]) for _ in range(2))  # C:97-105
        self.value = mlp(obs_dim)  # C:106-107
        self.target_value = deepcopy(self.value).requires_grad_(False)  # S:205-210
        values = [*self.critics.parameters(), *self.value.parameters()]  # S:189-190
        self.learned = {"actor": [*self.actor.parameters()], "values": values}
        self.optimizers = {name: torch.optim.Adam(one, lr=LEARNING_RATE) for name, one in self.learned.items()}

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in the environment's units at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():
            return self.actor(torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """Both gradients at the parameters that there are, then both steps, then the target's; what it computed."""
        obs, action, reward, next_obs, terminated = batch

        # actor (S:176)
        own_action, log_prob = self.actor(obs, noise["action"])
        own_q = q_values(self.critics, obs, own_action)
        actor_loss = (ALPHA * log_prob - own_q[0]).mean()

        # critics and value (S:169-180)
        target_q = reward + DISCOUNT * (1 - terminated) * self.target_value(next_obs).squeeze(1)
        critic_losses = [0.5 * ((target_q - q) ** 2).mean() for q in q_values(self.critics, obs, action)]
        value_target = (torch.min(*own_q) - ALPHA * log_prob).detach()
        value_loss = 0.5 * ((value_target - self.value(obs).squeeze(1)) ** 2).mean()

        # steps (S:184-192, 279)
        for name, loss in {"actor": actor_loss, "values": sum(critic_losses) + value_loss}.items():
            self.optimizers[name].zero_grad()
            loss.backward(inputs=self.learned[name])
        for optimizer in self.optimizers.values():
            adam_step(optimizer, self.updates + 1)

        # target value (S:196-198)
        with torch.no_grad():
            for target, online in zip(self.target_value.parameters(), self.value.parameters(), strict=True):
                target.copy_((1 - TAU) * target + TAU * online)

        self.updates += 1
        losses = {"critic1_loss": critic_losses[0], "critic2_loss": critic_losses[1], "actor_loss": actor_loss}
        return losses | {"value_loss": value_loss, "target_q": target_q, "log_prob": log_prob}


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
    torch.manual_seed(seed)  # S:135
    draw, env = draw or Draw(seed), make_env(task)
    env.action_space.seed(seed)
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space), Replay(obs_dim, action_dim)
    (obs, _), env_step, length = env.reset(seed=seed), 0, 0
    while True:
        warm = env_step < RANDOM_STEPS  # S:243-246
        action = env.action_space.sample() if warm else agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(action)  # S:249
        env_step, length = env_step + 1, length + 1
        over = terminated or truncated
        replay.add(obs, action, reward, next_obs, over and length != MAX_EPISODE)  # S:256-259
        obs = next_obs
        if over or length == MAX_EPISODE:  # S:265-285
            for _ in range(length):
                batch = replay.sample(draw.integers(len(replay), BATCH))
                agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
            (obs, _), length = env.reset(), 0
        yield agent


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The mean return of episodes of the mean's action (S:220-229)."""
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
    parser.add_argument("--env-steps", type=int, default=500_000)  # S:48, 100 epochs
    parser.add_argument("--evaluate-every", type=int, default=5_000)  # S:48, 289, a step later there
    options = parser.parse_args()
    test_env = gym.wrappers.TimeLimit(gym.make(options.task), MAX_EPISODE)  # S:138, 224
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in enumerate(islice(train(options.task, options.seed), options.env_steps), start=1):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

"""Spinning Up's SAC in PyTorch, as one file: openai/spinningup@038665d, spinup/algos/pytorch/sac.

    python implementations/codebases/spinningup.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: S is sac.py, C is core.py.

Unlike others: the temperature is a constant. Critics and replay see actions in the environment's units, while log pi
is of the action before it is scaled. 50 steps are followed by 50 updates. Learning starts after 1,001 steps, but the
policy acts from step 10,002 on. Only an episode of 1,000 steps bootstraps at its end: a shorter time limit is stored as
a fall, and a fall at step 1,000 is not stored as one.

Not reproduced: one bound for all actions, where here each has its own; the averaged copy of the policy, which nothing
reads; epochs, which decide only when it is evaluated.
"""

import argparse
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

HIDDEN = (256, 256)  # C:82
ALPHA = 0.2  # S:47
DISCOUNT, TAU = 0.99, 0.005  # S:46-47, tau is 1 - polyak
LEARNING_RATE, BATCH = 1e-3, 100  # S:47
LOG_STD_MIN, LOG_STD_MAX = -20, 2  # C:26-27
RANDOM_STEPS = 10_001  # S:47, 291, from 0 to 10,000
LEARN_AFTER = 1_001  # S:48, 319, at 1,000 counted from 0
UPDATE_EVERY = 50  # S:48, as many updates
CAPACITY, MAX_EPISODE, EVALUATION_EPISODES = 1_000_000, 1_000, 10  # S:46, 48
NOISE = ("next_action", "action")  # S:188, 210
Batch = namedtuple("Batch", "obs action reward next_obs terminated")


# --- networks


def hidden_layers(inputs: int) -> list[nn.Module]:
    """With PyTorch's own initialisation (C:15-20)."""
    return [nn.Linear(inputs, HIDDEN[0]), nn.ReLU(), nn.Linear(*HIDDEN), nn.ReLU()]


class Actor(nn.Module):
    """A diagonal Gaussian through tanh, stretched to the box of actions."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        super().__init__()
        self.body = nn.Sequential(*hidden_layers(obs_dim))  # C:33
        self.mean, self.log_std = nn.Linear(HIDDEN[1], box.shape[0]), nn.Linear(HIDDEN[1], box.shape[0])  # C:34-35
        self.scale = torch.as_tensor((box.high - box.low) / 2)  # C:36, 88
        self.center = torch.as_tensor((box.high + box.low) / 2)

    def forward(self, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """An action in the environment's units and log pi of it before it is scaled; without noise, the mean's."""
        features = self.body(obs)  # C:39
        mean, log_std = self.mean(features), self.log_std(features).clamp(LOG_STD_MIN, LOG_STD_MAX)  # C:40-42
        noise = torch.zeros_like(mean) if noise is None else noise  # C:47-49
        u = mean + log_std.exp() * noise  # C:51
        log_prob = (-0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi)).sum(1)  # C:59
        log_prob = log_prob - (2 * (np.log(2) - u - F.softplus(-2 * u))).sum(1)  # C:60
        return torch.tanh(u) * self.scale + self.center, log_prob  # C:64-65


def new_critic(obs_dim: int, action_dim: int) -> nn.Sequential:
    return nn.Sequential(*hidden_layers(obs_dim + action_dim), nn.Linear(HIDDEN[1], 1))  # C:74


def q_values(critics: nn.ModuleList, obs: Tensor, action: Tensor) -> Tensor:
    """Q [critic, batch] (C:76-78)."""
    x = torch.cat([obs, action], dim=1)
    return torch.stack([critic(x).squeeze(1) for critic in critics])


# --- the update


class SAC:
    """The learner: two critics on one optimiser, their target copies, and the actor."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates = 0
        self.actor = Actor(obs_dim, box)  # C:91
        self.critics = nn.ModuleList(new_critic(obs_dim, box.shape[0]) for _ in range(2))  # C:92-93
        self.target_critics = deepcopy(self.critics).requires_grad_(False)  # S:162-166
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=LEARNING_RATE)  # S:224
        self.critic_optimizer = torch.optim.Adam(self.critics.parameters(), lr=LEARNING_RATE)  # S:225

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in the environment's units at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():  # C:95-98
            return self.actor(torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of the critics, then of the actor on the new critics, then of the targets; what it computed."""
        obs, action, reward, next_obs, terminated = batch

        # critics (S:179-205, 232-235)
        with torch.no_grad():
            next_action, next_log_prob = self.actor(next_obs, noise["next_action"])
            next_q = q_values(self.target_critics, next_obs, next_action).amin(0)
            target_q = reward + DISCOUNT * (1 - terminated) * (next_q - ALPHA * next_log_prob)
        critic_losses = ((q_values(self.critics, obs, action) - target_q) ** 2).mean(1)
        self.critic_optimizer.zero_grad()
        critic_losses.sum().backward()
        self.critic_optimizer.step()

        # actor (S:208-221, 246-249)
        own_action, log_prob = self.actor(obs, noise["action"])
        actor_loss = (ALPHA * log_prob - q_values(self.critics, obs, own_action).amin(0)).mean()
        self.actor_optimizer.zero_grad()
        actor_loss.backward()
        self.actor_optimizer.step()

        # target critics (S:259-264)
        with torch.no_grad():
            for target, online in zip(self.target_critics.parameters(), self.critics.parameters(), strict=True):
                target.copy_((1 - TAU) * target + TAU * online)

        self.updates += 1
        losses = {"critic1_loss": critic_losses[0], "critic2_loss": critic_losses[1], "actor_loss": actor_loss}
        return losses | {"target_q": target_q, "log_prob": log_prob, "next_log_prob": next_log_prob}


# --- the loop


class Replay:
    """The newest CAPACITY transitions, in float32 (S:12-41)."""

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
    """Where randomness comes from: NumPy's generator for the replay (S:35), PyTorch's for actions."""

    def __init__(self, seed: int):
        self.numpy, self.torch = np.random.default_rng(seed), torch.Generator().manual_seed(~seed)  # not the weights'

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self.torch)

    def integers(self, high: int, size: int) -> np.ndarray:
        return self.numpy.integers(high, size=size)


def train(task: str, seed: int, make_env: Any = gym.make, draw: Any = None) -> Iterator[SAC]:
    """Plays and learns without end; yields the agent after every environment step and the updates that follow it."""
    torch.manual_seed(seed)  # S:150
    draw, env = draw or Draw(seed), make_env(task)
    env.action_space.seed(seed)
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space), Replay(obs_dim, action_dim)
    (obs, _), env_step, length = env.reset(seed=seed), 0, 0
    while True:
        if env_step < RANDOM_STEPS:  # S:291-294
            action = env.action_space.sample()
        else:
            action = agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(action)  # S:297
        env_step, length = env_step + 1, length + 1
        over = terminated or truncated
        replay.add(obs, action, reward, next_obs, over and length != MAX_EPISODE)  # S:304-307
        obs = next_obs
        if over or length == MAX_EPISODE:  # S:314-316
            (obs, _), length = env.reset(), 0
        if env_step >= LEARN_AFTER and (env_step - LEARN_AFTER) % UPDATE_EVERY == 0:  # S:319-322
            for _ in range(UPDATE_EVERY):
                batch = replay.sample(draw.integers(len(replay), BATCH))
                agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        yield agent


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The mean return of episodes of the mean's action (S:270-278)."""
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
    parser.add_argument("--env-steps", type=int, default=400_000)  # S:46, 100 epochs, and 50 as a script
    parser.add_argument("--evaluate-every", type=int, default=4_000)  # S:46
    options = parser.parse_args()
    test_env = gym.wrappers.TimeLimit(gym.make(options.task), MAX_EPISODE)  # S:153, 273
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in enumerate(islice(train(options.task, options.seed), options.env_steps), start=1):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

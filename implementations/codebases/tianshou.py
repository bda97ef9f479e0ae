"""Tianshou's SAC in PyTorch, as one file: thu-ml/tianshou@f240205 (2.0.1) with examples/mujoco/mujoco_sac.py.

    python implementations/codebases/tianshou.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: E is the example; in tianshou/algorithm, S is modelfree/sac.py, D and
T are ddpg.py and td3.py beside it, B is algorithm_base.py; in tianshou, N is utils/net/continuous.py, R trainer.py.

Unlike others: the temperature is a constant unless asked for. Each critic has an optimiser of its own; if the second is
left out, it is a copy of the first and stays one. The epsilon in the log-determinant is float32's own, 1.2e-7. After
10,000 uniform steps the running episode is abandoned. Whatever the seed, the replay draws the same rows.

Not reproduced: one seed for every replay; rewards in float64 until the return is cast to float32; n-step returns and
prioritised replay, off by default; several environments; ten to evaluate in, where here one plays ten episodes.
"""

import argparse
from collections import namedtuple
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

ACTOR_LR, CRITIC_LR = 1e-3, 1e-3  # E:31-32
DISCOUNT, TAU = 0.99, 0.005  # E:33-34
ALPHA, AUTO_ALPHA, ALPHA_LR = 0.2, False, 3e-4  # E:35-37
START_STEPS = 10_000  # E:38
BATCH, CAPACITY = 256, 1_000_000  # E:44, 29
HIDDEN = (256, 256)  # E:57
LOG_STD_MIN, LOG_STD_MAX, EPSILON = -20, 2, float(np.finfo(np.float32).eps)  # N:22-23, S:28
EVALUATION_EPISODES = 10  # E:46
NOISE = ("next_action", "action")  # D:312, S:315


# --- networks
def layers(sizes: tuple[int, ...]) -> list[nn.Module]:
    """Linear layers with PyTorch's own initialisation, a ReLU behind each."""
    return [layer for i in range(len(sizes) - 1) for layer in (nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU())]


class Actor(nn.Module):
    """A diagonal Gaussian through tanh."""

    def __init__(self, obs_dim: int, action_dim: int):
        super().__init__()
        self.body = nn.Sequential(*layers((obs_dim, *HIDDEN)))  # E:82
        self.mean, self.log_std = nn.Linear(HIDDEN[-1], action_dim), nn.Linear(HIDDEN[-1], action_dim)  # N:204-211

    def forward(self, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """An action in [-1, 1] and log pi of it; without noise, the mean's (S:108-131)."""
        features = self.body(obs)
        mean, log_std = self.mean(features), self.log_std(features).clamp(LOG_STD_MIN, LOG_STD_MAX)  # N:229-233
        noise = torch.zeros_like(mean) if noise is None else noise  # S:116-119
        action = torch.tanh(mean + log_std.exp() * noise)
        log_prob = (-0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi)).sum(1)  # S:120
        return action, log_prob - torch.log(1 - action**2 + EPSILON).sum(1)  # S:38-39


def q_value(critic: nn.Module, obs: Tensor, action: Tensor) -> Tensor:
    return critic(torch.cat([obs, action], dim=1)).squeeze(1)  # N:159-169


# --- the update
Batch = namedtuple("Batch", ["obs", "action", "reward", "next_obs", "terminated"])


class SAC:
    """The learner: two critics, each with its own optimiser, their target copies, and the actor."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates = 0
        action_dim = box.shape[0]
        self.actor = Actor(obs_dim, action_dim)  # E:83-88
        sizes = obs_dim + action_dim, *HIDDEN, 1
        self.critics = nn.ModuleList(nn.Sequential(*layers(sizes)[:-1]) for _ in range(2))  # E:90-104
        self.target_critics = deepcopy(self.critics).requires_grad_(False)  # D:261, T:91
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=ACTOR_LR)  # E:89
        self.critic_optimizers = [torch.optim.Adam(q.parameters(), lr=CRITIC_LR) for q in self.critics]  # E:103, 105
        self.target_entropy = -action_dim  # E:108
        if AUTO_ALPHA:  # E:107-111
            self.log_alpha = torch.zeros((), requires_grad=True)
            self.alpha_optimizer = torch.optim.Adam([self.log_alpha], lr=ALPHA_LR)

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in [-1, 1] at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():
            return self.actor(torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of each critic, of the actor on the new critics, of the temperature; what it computed."""
        obs, action, reward, next_obs, terminated = batch
        # critics (B:793-811, S:298-311)
        with torch.no_grad():
            alpha = self.log_alpha.exp().item() if AUTO_ALPHA else ALPHA  # S:201
            next_action, next_log_prob = self.actor(next_obs, noise["next_action"])
            next_q = torch.minimum(*(q_value(critic, next_obs, next_action) for critic in self.target_critics))
            target_q = reward + DISCOUNT * (1 - terminated) * (next_q - alpha * next_log_prob)
        losses = {"alpha": torch.tensor(alpha)}
        for i, (critic, optimizer) in enumerate(zip(self.critics, self.critic_optimizers, strict=True), start=1):
            losses[f"critic{i}_loss"] = ((q_value(critic, obs, action) - target_q) ** 2).mean()  # D:280-283
            optimizer.zero_grad()
            losses[f"critic{i}_loss"].backward()
            optimizer.step()

        # actor (S:315-322)
        own_action, log_prob = self.actor(obs, noise["action"])
        q = torch.minimum(*(q_value(critic, obs, own_action) for critic in self.critics))
        losses["actor_loss"] = (alpha * log_prob - q).mean()
        self.actor_optimizer.zero_grad()
        losses["actor_loss"].backward()
        self.actor_optimizer.step()

        # temperature, with the actor's sample (S:203-209, 325-326)
        if AUTO_ALPHA:
            losses["alpha_loss"] = -(self.log_alpha * (self.target_entropy + log_prob.detach())).mean()
            self.alpha_optimizer.zero_grad()
            losses["alpha_loss"].backward()
            self.alpha_optimizer.step()

        # target critics (S:328)
        with torch.no_grad():
            for target, online in zip(self.target_critics.parameters(), self.critics.parameters(), strict=True):
                target.copy_(TAU * online + (1 - TAU) * target)

        self.updates += 1
        return losses | {"target_q": target_q, "log_prob": log_prob, "next_log_prob": next_log_prob}


# --- the loop
class Replay:
    """The newest CAPACITY transitions, in float32."""

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
        return Batch(*(torch.as_tensor(column[indices]) for column in self.columns))


class Draw:
    """Where randomness comes from: NumPy's generator for the replay, PyTorch's for actions."""

    def __init__(self, seed: int):
        self.numpy, self.torch = np.random.default_rng(seed), torch.Generator().manual_seed(~seed)  # not the weights'

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self.torch)

    def integers(self, high: int, size: int) -> np.ndarray:
        return self.numpy.integers(high, size=size)


def to_box(action: np.ndarray, box: gym.spaces.Box) -> np.ndarray:
    """From [-1, 1] to the environment's units (B:281-286)."""
    return box.low + (box.high - box.low) * (action + 1) / 2


def train(task: str, seed: int, make_env: Callable = gym.make, draw: Any = None) -> Iterator[SAC]:
    """Plays and learns without end; yields the agent after every environment step and the update that follows it."""
    torch.manual_seed(seed)  # E:80
    draw, env = draw or Draw(seed), make_env(task)
    box = env.action_space
    box.seed(seed)
    obs_dim, action_dim = env.observation_space.shape[0], box.shape[0]
    agent, replay = SAC(obs_dim, box), Replay(obs_dim, action_dim)
    (obs, _), env_step = env.reset(seed=seed), 0  # E:145
    while True:
        if env_step < START_STEPS:  # E:146, tianshou/data/collector.py:716-724
            action = (box.sample() - box.low) * 2 / (box.high - box.low) - 1
        else:
            action = agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(to_box(action, box))
        env_step += 1
        replay.add(obs, action, reward, next_obs, terminated)
        obs = next_obs
        if terminated or truncated or env_step == START_STEPS:  # R:769-772, 856-858
            obs, _ = env.reset()
        if env_step > START_STEPS:  # R:1051-1095
            batch = replay.sample(draw.integers(len(replay), BATCH))  # E:140: with the seed 42, buffer_base.py:78, 517
            agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        yield agent


def evaluate(agent: SAC, env: Any) -> float:
    """The mean return of episodes of the mean's action (R:657-665)."""
    total = 0.0
    for _ in range(EVALUATION_EPISODES):
        (obs, _), over = env.reset(), False
        while not over:
            obs, reward, terminated, truncated, _ = env.step(to_box(agent.act(obs[None], None)[0], env.action_space))
            total, over = total + float(reward), terminated or truncated
    return total / EVALUATION_EPISODES


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="Ant-v5")  # E:26 has v4
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--env-steps", type=int, default=250_000)  # E:39-40
    parser.add_argument("--evaluate-every", type=int, default=5_000)  # E:40
    options = parser.parse_args()
    test_env = gym.make(options.task)
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in zip(range(1, options.env_steps + 1), train(options.task, options.seed), strict=False):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

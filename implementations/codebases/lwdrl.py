"""LWDRL's SAC in PyTorch, as one file: LQNew/LWDRL@4b61adf, SAC/SAC.py.

    python implementations/codebases/lwdrl.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: S is SAC/SAC.py, M main_off_policy_mujoco.py.

Unlike others: the temperature is a constant. The log-determinant is that of 1 - a^2 cut off at 1e-6, without a gradient
beyond. Critics and replay see actions in the environment's units, while log pi is of the action before it is scaled.
25,000 uniform steps. Every layer starts orthogonal, without biases. An episode of the time limit's length bootstraps at
its end, even if it falls there; every other end is terminal.

Not reproduced: one bound for all actions, that of the first, around zero (here each has its own); gym's v2 tasks.
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

HIDDEN = (256, 256)  # S:105
ALPHA = 0.2  # M:52
DISCOUNT, TAU = 0.99, 0.005  # M:47-48
LEARNING_RATE = 3e-4  # S:108, 112
BATCH = 256  # M:46
LOG_STD_MIN, LOG_STD_MAX = -20, 2  # S:26-27
START_TIMESTEPS = 25_000  # M:42
CAPACITY = 1_000_000  # utils/replay_buffer.py:9
EVALUATION_EPISODES = 10  # M:23
NOISE = ("next_action", "action")  # S:130, 149


# --- networks
def layers(sizes: tuple[int, ...]) -> list[nn.Module]:
    """Linear layers, a ReLU behind each."""
    return [layer for i in range(len(sizes) - 1) for layer in (nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU())]


def orthogonal(layer: nn.Module) -> None:
    """How every layer starts (S:12-16)."""
    if isinstance(layer, nn.Linear):
        nn.init.orthogonal_(layer.weight)
        nn.init.zeros_(layer.bias)


class Actor(nn.Module):
    """A diagonal Gaussian through tanh, stretched to the box of actions."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        super().__init__()
        action_dim = box.shape[0]
        self.body = nn.Sequential(*layers((obs_dim, *HIDDEN)))  # S:39-40
        self.mean, self.log_std = nn.Linear(HIDDEN[-1], action_dim), nn.Linear(HIDDEN[-1], action_dim)  # S:41-42
        self.scale = torch.as_tensor((box.high - box.low) / 2)  # S:43 with M:83
        self.center = torch.as_tensor((box.high + box.low) / 2)
        self.apply(orthogonal)  # S:44

    def forward(self, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """An action in the environment's units and log pi of it before it is scaled; without noise, the mean's."""
        features = self.body(obs)  # S:47-48
        mean, log_std = self.mean(features), self.log_std(features).clamp(LOG_STD_MIN, LOG_STD_MAX)  # S:49-51
        noise = torch.zeros_like(mean) if noise is None else noise  # S:54-58
        action = torch.tanh(mean + noise * log_std.exp())  # S:52, 58-59
        log_prob = (-0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi)).sum(1)  # S:29-32, 62
        log_prob = log_prob - (1 - action**2).clamp(min=1e-6).log().sum(1)  # S:63
        return action * self.scale + self.center, log_prob  # S:66


def q_values(critics: nn.ModuleList, obs: Tensor, action: Tensor) -> Tensor:
    """Q [critic, batch] (S:83-93)."""
    x = torch.cat([obs, action], dim=1)
    return torch.stack([critic(x).squeeze(1) for critic in critics])


# --- the update

Batch = namedtuple("Batch", ["obs", "action", "reward", "next_obs", "terminated"])


class SAC:
    """The learner: two critics on one optimiser, their target copies, and the actor."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates = 0
        self.actor = Actor(obs_dim, box)  # S:107
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=LEARNING_RATE)  # S:108
        sizes = obs_dim + box.shape[0], *HIDDEN, 1
        self.critics = nn.ModuleList(nn.Sequential(*layers(sizes)[:-1]) for _ in range(2)).apply(orthogonal)  # S:110
        self.target_critics = deepcopy(self.critics).requires_grad_(False)  # S:111
        self.critic_optimizer = torch.optim.Adam(self.critics.parameters(), lr=LEARNING_RATE)  # S:112

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in the environment's units at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():  # S:119-122
            return self.actor(torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of the critics, then of the actor on the new critics, then of the targets; what it computed."""
        obs, action, reward, next_obs, terminated = batch

        # critics (S:128-146)
        with torch.no_grad():
            next_action, next_log_prob = self.actor(next_obs, noise["next_action"])
            next_q = q_values(self.target_critics, next_obs, next_action).amin(0)
            target_q = reward + (1 - terminated) * DISCOUNT * (next_q - ALPHA * next_log_prob)
        critic_losses = ((q_values(self.critics, obs, action) - target_q) ** 2).mean(1)
        self.critic_optimizer.zero_grad()
        critic_losses.sum().backward()
        self.critic_optimizer.step()

        # actor (S:149-158)
        own_action, log_prob = self.actor(obs, noise["action"])
        actor_loss = (ALPHA * log_prob - q_values(self.critics, obs, own_action).amin(0)).mean()
        self.actor_optimizer.zero_grad()
        actor_loss.backward()
        self.actor_optimizer.step()

        # target critics (S:161-162)
        with torch.no_grad():
            for target, online in zip(self.target_critics.parameters(), self.critics.parameters(), strict=True):
                target.copy_(TAU * online + (1 - TAU) * target)

        self.updates += 1
        losses = {"critic1_loss": critic_losses[0], "critic2_loss": critic_losses[1], "actor_loss": actor_loss}
        return losses | {"target_q": target_q, "log_prob": log_prob, "next_log_prob": next_log_prob}


# --- the loop
class Replay:
    """The newest CAPACITY transitions, in float32 (utils/replay_buffer.py:8-43)."""

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


def train(task: str, seed: int, make_env: Callable = gym.make, draw: Any = None) -> Iterator[SAC]:
    """Plays and learns without end; yields the agent after every environment step and the update that follows it."""
    torch.manual_seed(seed)  # M:75
    draw, env = draw or Draw(seed), make_env(task)
    env.action_space.seed(seed)
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space), Replay(obs_dim, action_dim)
    (obs, _), t, length = env.reset(seed=seed), 0, 0  # M:119-121
    while True:
        length += 1
        if t < START_TIMESTEPS:  # M:129-133
            action = env.action_space.sample()
        else:
            action = agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(action)  # M:141
        over = terminated or truncated
        replay.add(obs, action, reward, next_obs, over and length < env.spec.max_episode_steps)  # M:144-147
        obs = next_obs
        if t >= START_TIMESTEPS:  # M:153-154
            batch = replay.sample(draw.integers(len(replay), BATCH))
            agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        if over:  # M:156-163
            (obs, _), length = env.reset(), 0
        t += 1
        yield agent


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The mean return of episodes of the mean's action (M:23-34)."""
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
    parser.add_argument("--seed", type=int, default=0)  # M:41
    parser.add_argument("--env-steps", type=int, default=3_000_000)  # M:44
    parser.add_argument("--evaluate-every", type=int, default=5_000)  # M:43
    options = parser.parse_args()
    test_env = gym.make(options.task)  # M:70
    test_env.reset(seed=options.seed)  # M:74
    for env_step, agent in zip(range(1, options.env_steps + 1), train(options.task, options.seed), strict=False):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

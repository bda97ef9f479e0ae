"""pranz24's SAC in PyTorch, as one file: pranz24/pytorch-soft-actor-critic@c180566.

    python implementations/codebases/pranz24.py --task Pendulum-v1 --seed 123456

Right of a line stands where the original has it: S is sac.py, P model.py, B replay_memory.py, M main.py.

Unlike others: a batch holds no transition twice. Updates begin with 257 transitions, while actions stay uniform for
10,000 steps; each comes between the choice of an action and its step. log pi is the density in the environment's units.
The temperature is a constant unless --automatic_entropy_tuning is given, with any word: "False" learns it too. An
episode of the time limit's length bootstraps at its end, even if it falls there; every other end is terminal.

Not reproduced: it evaluates in the environment it trains in, after every tenth episode; it stops when an episode is
over; gym's v2 tasks.
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

HIDDEN = (256, 256)  # M:35
DISCOUNT, TAU = 0.99, 0.005  # M:18, 20
LEARNING_RATE = 3e-4  # M:22
ALPHA = 0.2  # M:24; --automatic_entropy_tuning would learn it
BATCH = 256  # M:31
START_STEPS, LEARN_AFTER = 10_000, 257  # M:39, 84, with more transitions than a batch has
CAPACITY = 1_000_000  # M:43
LOG_STD_MIN, LOG_STD_MAX, EPSILON = -20, 2, 1e-6  # P:6-8
EVALUATION_EPISODES = 10  # M:118
NOISE = ("next_action", "action")  # S:63, 76


# --- networks
def layers(sizes: tuple[int, ...]) -> list[nn.Module]:
    """Linear layers, a ReLU behind each."""
    return [layer for i in range(len(sizes) - 1) for layer in (nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU())]


def xavier(layer: nn.Module) -> None:
    """How every layer starts (P:11-14)."""
    if isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)


class Actor(nn.Module):
    """A diagonal Gaussian through tanh, stretched to the box of actions."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        super().__init__()
        action_dim = box.shape[0]
        self.body = nn.Sequential(*layers((obs_dim, *HIDDEN)))  # P:68-69
        self.mean, self.log_std = nn.Linear(HIDDEN[-1], action_dim), nn.Linear(HIDDEN[-1], action_dim)  # P:71-72
        self.scale = torch.as_tensor((box.high - box.low) / 2)  # P:81-82
        self.center = torch.as_tensor((box.high + box.low) / 2)  # P:83-84
        self.apply(xavier)  # P:74

    def forward(self, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """An action in the environment's units and log pi of it there; without noise, the mean's."""
        features = self.body(obs)  # P:87-88
        mean, log_std = self.mean(features), self.log_std(features).clamp(LOG_STD_MIN, LOG_STD_MAX)  # P:89-91
        noise = torch.zeros_like(mean) if noise is None else noise  # P:105
        tanh = torch.tanh(mean + log_std.exp() * noise)  # P:98-99
        log_prob = -0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi)  # P:101
        log_prob = log_prob - torch.log(self.scale * (1 - tanh**2) + EPSILON)  # P:103
        return tanh * self.scale + self.center, log_prob.sum(1)  # P:100, 104


def q_values(critics: nn.ModuleList, obs: Tensor, action: Tensor) -> Tensor:
    """Q [critic, batch] (P:50-61)."""
    x = torch.cat([obs, action], dim=1)
    return torch.stack([critic(x).squeeze(1) for critic in critics])


# --- the update

Batch = namedtuple("Batch", ["obs", "action", "reward", "next_obs", "terminated"])


class SAC:
    """The learner: two critics on one optimiser, their target copies, and the actor."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates = 0
        sizes = obs_dim + box.shape[0], *HIDDEN, 1
        self.critics = nn.ModuleList(nn.Sequential(*layers(sizes)[:-1]) for _ in range(2)).apply(xavier)  # S:22
        self.critic_optimizer = torch.optim.Adam(self.critics.parameters(), lr=LEARNING_RATE)  # S:23
        self.target_critics = deepcopy(self.critics).requires_grad_(False)  # S:25-26
        self.actor = Actor(obs_dim, box)  # S:35
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=LEARNING_RATE)  # S:36

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in the environment's units at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():  # S:44-50
            return self.actor(torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of the critics, then of the actor on the new critics, then of the targets; what it computed."""
        obs, action, reward, next_obs, terminated = batch

        # critics (S:62-74)
        with torch.no_grad():
            next_action, next_log_prob = self.actor(next_obs, noise["next_action"])
            next_q = q_values(self.target_critics, next_obs, next_action).amin(0)
            target_q = reward + (1 - terminated) * DISCOUNT * (next_q - ALPHA * next_log_prob)
        critic_losses = ((q_values(self.critics, obs, action) - target_q) ** 2).mean(1)
        self.critic_optimizer.zero_grad()
        critic_losses.sum().backward()
        self.critic_optimizer.step()

        # actor (S:76-85)
        own_action, log_prob = self.actor(obs, noise["action"])
        actor_loss = (ALPHA * log_prob - q_values(self.critics, obs, own_action).amin(0)).mean()
        self.actor_optimizer.zero_grad()
        actor_loss.backward()
        self.actor_optimizer.step()

        # target critics (S:101-102, utils.py:22-24)
        with torch.no_grad():
            for target, online in zip(self.target_critics.parameters(), self.critics.parameters(), strict=True):
                target.copy_(TAU * online + (1 - TAU) * target)

        self.updates += 1
        losses = {"critic1_loss": critic_losses[0], "critic2_loss": critic_losses[1], "actor_loss": actor_loss}
        return losses | {"target_q": target_q, "log_prob": log_prob, "next_log_prob": next_log_prob}


# --- the loop
class Replay:
    """The newest CAPACITY transitions, in float32 (B:6-25)."""

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
        """`size` different numbers below `high` (B:20)."""
        return self.numpy.choice(high, size, replace=False)


def train(task: str, seed: int, make_env: Callable = gym.make, draw: Any = None) -> Iterator[SAC]:
    """Plays and learns without end; yields the agent after every environment step, the next one's update included."""
    torch.manual_seed(seed)  # M:55
    draw, env = draw or Draw(seed), make_env(task)
    env.action_space.seed(seed)  # M:53
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space), Replay(obs_dim, action_dim)
    (obs, _), total_steps, episode_steps = env.reset(seed=seed), 0, 0
    while True:
        if total_steps < START_STEPS:  # M:79-82
            action = env.action_space.sample()
        else:
            action = agent.act(obs[None], draw.normal((1, action_dim)))[0]
        if total_steps >= LEARN_AFTER:  # M:84-88
            batch = replay.sample(draw.integers(len(replay), BATCH))
            agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        if total_steps:
            yield agent
        next_obs, reward, terminated, truncated, _ = env.step(action)  # M:97
        episode_steps, total_steps = episode_steps + 1, total_steps + 1
        over = terminated or truncated
        replay.add(obs, action, reward, next_obs, over and episode_steps != env.spec.max_episode_steps)  # M:104-106
        obs = next_obs
        if over:  # M:73-76
            (obs, _), episode_steps = env.reset(), 0


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The mean return of episodes of the mean's action (M:117-132)."""
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
    parser.add_argument("--seed", type=int, default=123456)  # M:29
    parser.add_argument("--env-steps", type=int, default=1_000_001)  # M:33
    parser.add_argument("--evaluate-every", type=int, default=10_000)  # M:116, ten full episodes
    options = parser.parse_args()
    test_env = gym.make(options.task)
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in zip(range(1, options.env_steps + 1), train(options.task, options.seed), strict=False):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

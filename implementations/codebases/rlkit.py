"""rlkit's SAC in PyTorch, as one file: rail-berkeley/rlkit@ac45a9d with examples/sac.py.

    python implementations/codebases/rlkit.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: S is sac.py, P gaussian_policy.py, N mlp.py, D distributions.py, L
batch_rl_algorithm.py, C path_collector.py, R rollout_functions.py, U pytorch_util.py, E examples/sac.py.

Unlike others: the target critics start as networks of their own, no copies. Hidden weights are bounded by the number
of a layer's outputs, though it is called fan-in, and output weights are tiny. No action is drawn uniformly: the policy
plays from the start. 1,000 steps take turns with 1,000 updates; a block of steps starts with a reset, which abandons
the episode that was running, and can be replayed only once it is complete.

Not reproduced: episodes of 1,000 steps where a task's limit is shorter; evaluations of 5,000 steps; a float64 replay.
"""

import argparse
from collections import namedtuple
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

HIDDEN = (256, 256)  # E:88
DISCOUNT, TAU = 0.99, 0.005  # E:100-101
LEARNING_RATE, BATCH = 3e-4, 256  # E:97, 103-104
LOG_STD_MIN, LOG_STD_MAX = -20, 2  # P:26-27
BLOCK = 1_000  # E:93-94, environment steps, and then updates
PLAYED_FIRST = 1_000  # E:95, steps before the first block
CAPACITY, EVALUATION_EPISODES = 1_000_000, 5  # E:89, 92, C:58-63
NOISE = ("action", "next_action")  # S:157, 178
Batch = namedtuple("Batch", "obs action reward next_obs terminated")


# --- networks


def linear(inputs: int, outputs: int, weight: float, bias: float = 0.0) -> nn.Linear:
    """A layer that starts uniform within these bounds."""
    layer = nn.Linear(inputs, outputs)
    nn.init.uniform_(layer.weight, -weight, weight)
    nn.init.uniform_(layer.bias, -bias, bias)
    return layer


def body(inputs: int) -> list[nn.Module]:
    """Hidden layers (N:42-46, U:142-151: a weight's first axis, which it reads, is the layer's output)."""
    first, second = HIDDEN
    return [linear(inputs, first, first**-0.5), nn.ReLU(), linear(first, second, second**-0.5), nn.ReLU()]


class Actor(nn.Module):
    """A diagonal Gaussian through tanh."""

    def __init__(self, obs_dim: int, action_dim: int):
        super().__init__()
        self.body = nn.Sequential(*body(obs_dim))
        self.mean = linear(HIDDEN[1], action_dim, 1e-3)  # P:85-94, N:55-57
        self.log_std = linear(HIDDEN[1], action_dim, 1e-3, 1e-3)  # P:101-103

    def forward(self, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """An action in [-1, 1] and its log pi; without noise, the mean's."""
        features = self.body(obs)  # P:109-111
        mean, log_std = self.mean(features), self.log_std(features).clamp(LOG_STD_MIN, LOG_STD_MAX)  # P:112-116
        noise = torch.zeros_like(mean) if noise is None else noise  # D:416-418
        u = mean + log_std.exp() * noise  # D:374-381
        log_prob = (-0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi)).sum(1)  # D:358
        log_prob = log_prob - (2 * (np.log(2) - u - F.softplus(-2 * u))).sum(1)  # D:359-364
        return torch.tanh(u), log_prob


def q_values(critics: nn.ModuleList, obs: Tensor, action: Tensor) -> list[Tensor]:
    return [critic(torch.cat([obs, action], dim=1)).squeeze(1) for critic in critics]


# --- the update


class SAC:
    """The learner; every network and log alpha has an Adam of its own."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        action_dim = box.shape[0]
        self.updates, self.target_entropy = 0, -action_dim  # S:58-61, 91
        critics = [
            nn.Sequential(*body(obs_dim + action_dim), linear(HIDDEN[1], 1, 3e-3)) for _ in range(4)
        ]  # N:20, 55-57
        self.critics, self.target_critics = nn.ModuleList(critics[:2]), nn.ModuleList(critics[2:])  # E:21-40
        self.actor = Actor(obs_dim, action_dim)  # E:41-45
        self.log_alpha = torch.zeros((), requires_grad=True)  # S:64
        learned = {"alpha": [self.log_alpha], "actor": self.actor.parameters()}
        learned |= {f"critic{i}": critic.parameters() for i, critic in enumerate(self.critics, start=1)}
        self.optimizers = {name: torch.optim.Adam(one, lr=LEARNING_RATE) for name, one in learned.items()}  # S:65-87

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in [-1, 1] at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():
            return self.actor(torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """All losses first, then a step of each optimiser, then of the targets; returns what it computed."""
        obs, action, reward, next_obs, terminated = batch

        # temperature and actor (S:156-170)
        own_action, log_prob = self.actor(obs, noise["action"])
        alpha_loss = -(self.log_alpha * (log_prob + self.target_entropy).detach()).mean()
        alpha = self.log_alpha.exp()
        actor_loss = (alpha * log_prob - torch.min(*q_values(self.critics, obs, own_action))).mean()

        # critics (S:175-187)
        next_action, next_log_prob = self.actor(next_obs, noise["next_action"])
        next_q = torch.min(*q_values(self.target_critics, next_obs, next_action)) - alpha * next_log_prob
        target_q = (reward + (1 - terminated) * DISCOUNT * next_q).detach()
        critic1_loss, critic2_loss = (((q - target_q) ** 2).mean() for q in q_values(self.critics, obs, action))

        # steps (S:104-119)
        losses = {"alpha": alpha_loss, "actor": actor_loss, "critic1": critic1_loss, "critic2": critic2_loss}
        for name, loss in losses.items():
            self.optimizers[name].zero_grad()
            loss.backward(retain_graph=True)
            self.optimizers[name].step()

        # target critics (S:121-140)
        with torch.no_grad():
            for target, online in zip(self.target_critics.parameters(), self.critics.parameters(), strict=True):
                target.copy_((1 - TAU) * target + TAU * online)

        self.updates += 1
        seen = {"alpha": alpha, "target_q": target_q, "log_prob": log_prob, "next_log_prob": next_log_prob}
        return seen | {f"{name}_loss": loss for name, loss in losses.items()}


# --- the loop


class Replay:
    """The newest CAPACITY transitions, in float32 (data_management/simple_replay_buffer.py)."""

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
    torch.manual_seed(seed)
    draw, env = draw or Draw(seed), gym.wrappers.RescaleAction(make_env(task), -1, 1)  # E:15
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space), Replay(obs_dim, action_dim)
    obs, _ = env.reset(seed=seed)
    block: list[tuple] = []
    for env_step in count(1):
        action = agent.act(obs[None], draw.normal((1, action_dim)))[0]  # R:109
        next_obs, reward, terminated, truncated, _ = env.step(action)
        block.append((obs, action, reward, next_obs, terminated))  # R:117-127
        obs = next_obs
        if env_step % BLOCK == 0:
            for transition in block:  # L:84
                replay.add(*transition)
            block.clear()
            for _ in range(BLOCK if env_step > PLAYED_FIRST else 0):  # L:58-66, 88-90
                batch = replay.sample(draw.integers(len(replay), BATCH))
                agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        if terminated or truncated or not block:  # R:101, 132-133, C:45-56
            obs, _ = env.reset()
        yield agent


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The mean return of episodes of the mean's action (E:46)."""
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
    parser.add_argument("--env-steps", type=int, default=3_000_000)  # E:91
    parser.add_argument("--evaluate-every", type=int, default=5_000)  # ours; every 1,000 there, before the updates
    options = parser.parse_args()
    test_env = gym.wrappers.RescaleAction(gym.make(options.task), -1, 1)  # E:16
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in enumerate(islice(train(options.task, options.seed), options.env_steps), start=1):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

"""Stable-Baselines3's TQC in PyTorch, as one file: Stable-Baselines-Team/stable-baselines3-contrib@0ca7fdd.

    python implementations/codebases/sb3_contrib_tqc.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: Q is sb3_contrib/tqc/tqc.py, P policies.py beside it, U
sb3_contrib/common/utils.py; of Stable-Baselines3 (DLR-RM/stable-baselines3@e05d2dbe) T is common/torch_layers.py, D
distributions.py, L off_policy_algorithm.py, R buffers.py and B callbacks.py beside it.

Unlike others: a critic gives 25 quantiles of the return. The target pools those of both target critics and leaves out
the four largest; each critic learns the other 46 by quantile regression. The actor follows the mean of all 50. The rest
is Stable-Baselines3's SAC: the temperature steps first, and yet everything reads it as it was before.

Not reproduced: the replay of observations in float64; gSDE, n-step returns and several environments, off by default.
"""

import argparse
import math
from collections import namedtuple
from collections.abc import Iterator
from copy import deepcopy
from itertools import count, islice
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

HIDDEN = (256, 256)  # P:309-310
CRITICS, QUANTILES, DROPPED = 2, 25, 2  # P:294-295, Q:103, of each critic
DISCOUNT, TAU = 0.99, 0.005  # Q:91-92
LEARNING_RATE, BATCH = 3e-4, 256  # Q:87, 90
LOG_STD_MIN, LOG_STD_MAX, EPSILON = -20, 2, 1e-6  # P:20-21, D:217
LEARNING_STARTS, CAPACITY = 100, 1_000_000  # Q:88-89
EVALUATION_EPISODES = 5  # B:375, EvalCallback's default
NOISE = ("action", "next_action")  # Q:222, 247
Batch = namedtuple("Batch", "obs action reward next_obs terminated")


# --- networks
def hidden_layers(inputs: int) -> list[nn.Module]:
    """With PyTorch's own initialisation (T:108-178)."""
    return [nn.Linear(inputs, HIDDEN[0]), nn.ReLU(), nn.Linear(*HIDDEN), nn.ReLU()]


class Actor(nn.Module):
    """A diagonal Gaussian through tanh."""

    def __init__(self, obs_dim: int, action_dim: int):
        super().__init__()
        self.body = nn.Sequential(*hidden_layers(obs_dim))
        self.mean, self.log_std = nn.Linear(HIDDEN[1], action_dim), nn.Linear(HIDDEN[1], action_dim)  # P:101-102

    def forward(self, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """An action in [-1, 1] and its log pi; without noise, the mean's."""
        features = self.body(obs)
        mean, log_std = self.mean(features), self.log_std(features).clamp(LOG_STD_MIN, LOG_STD_MAX)  # P:154-164
        noise = torch.zeros_like(mean) if noise is None else noise  # D:254-257
        action = torch.tanh(mean + log_std.exp() * noise)  # D:249-252
        log_prob = (-0.5 * noise**2 - log_std - 0.5 * math.log(2 * math.pi)).sum(1)  # D:238
        return action, log_prob - torch.log(1 - action**2 + EPSILON).sum(1)  # D:241


def quantiles(critics: nn.ModuleList, obs: Tensor, action: Tensor) -> Tensor:
    """What every critic says of the return's distribution, [critic, batch, quantile] (P:234-241)."""
    x = torch.cat([obs, action], dim=1)
    return torch.stack([critic(x) for critic in critics])


def quantile_losses(predicted: Tensor, target: Tensor) -> Tensor:
    """Of every critic the mean Huber loss between its quantiles and the target's [batch, kept], all with all: an error
    upwards weighs as much as the quantile is high, one downwards the rest (U:40-70)."""
    level = ((torch.arange(QUANTILES, dtype=target.dtype) + 0.5) / QUANTILES).unsqueeze(1)  # U:43
    error = target.unsqueeze(1) - predicted.unsqueeze(3)  # U:62
    huber = torch.where(error.abs() > 1, error.abs() - 0.5, 0.5 * error**2)  # U:64
    return (torch.where(error < 0, 1 - level, level) * huber).mean((1, 2, 3))  # U:65, 69


# --- the update
class SAC:
    """The learner: critics on one optimiser, their target copies, the actor and the temperature."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates, self.target_entropy, action_dim = 0, -box.shape[0], box.shape[0]  # Q:166
        self.actor = Actor(obs_dim, action_dim)
        critics = (hidden_layers(obs_dim + action_dim) for _ in range(CRITICS))  # P:228-232
        self.critics = nn.ModuleList(nn.Sequential(*layers, nn.Linear(HIDDEN[1], QUANTILES)) for layers in critics)
        self.target_critics = deepcopy(self.critics).requires_grad_(False)  # P:364-365
        self.log_alpha = torch.zeros((), requires_grad=True)  # Q:184
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=LEARNING_RATE)  # P:346-350
        self.critic_optimizer = torch.optim.Adam(self.critics.parameters(), lr=LEARNING_RATE)  # P:370-374
        self.alpha_optimizer = torch.optim.Adam([self.log_alpha], lr=LEARNING_RATE)  # Q:185

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in [-1, 1] at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():
            return self.actor(torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of alpha, of the critics, of the actor on the new critics, of the targets; what it computed."""
        obs, action, reward, next_obs, terminated = batch
        # temperature (Q:222-243)
        own_action, log_prob = self.actor(obs, noise["action"])
        alpha = self.log_alpha.detach().exp()
        alpha_loss = -(self.log_alpha * (log_prob + self.target_entropy).detach()).mean()
        self.alpha_optimizer.zero_grad()
        alpha_loss.backward()
        self.alpha_optimizer.step()

        # critics (Q:245-272)
        with torch.no_grad():
            next_action, next_log_prob = self.actor(next_obs, noise["next_action"])
            next_quantiles = quantiles(self.target_critics, next_obs, next_action)
            pool = torch.cat(list(next_quantiles), dim=1).sort(1).values  # Q:254
            next_value = pool[:, : CRITICS * (QUANTILES - DROPPED)] - (alpha * next_log_prob).unsqueeze(1)
            target = reward.unsqueeze(1) + (1 - terminated).unsqueeze(1) * DISCOUNT * next_value
        predicted = quantiles(self.critics, obs, action)
        critic_losses = quantile_losses(predicted, target) / CRITICS
        critic_loss = critic_losses.sum()  # a mean over the critics too: U:69
        self.critic_optimizer.zero_grad()
        critic_loss.backward()
        self.critic_optimizer.step()

        # actor (Q:274-282)
        actor_loss = (alpha * log_prob - quantiles(self.critics, obs, own_action).mean((0, 2))).mean()
        self.actor_optimizer.zero_grad()
        actor_loss.backward()
        self.actor_optimizer.step()

        self.update_targets()
        self.updates += 1
        losses = {f"critic{i}_loss": loss for i, loss in enumerate(critic_losses, start=1)}
        losses |= {"alpha_loss": alpha_loss, "critic_loss": critic_loss, "actor_loss": actor_loss, "alpha": alpha}
        losses |= {"quantiles": predicted, "next_quantiles": next_quantiles, "target_quantiles": target}
        losses |= {"action": own_action, "next_action": next_action}
        return losses | {"log_prob": log_prob, "next_log_prob": next_log_prob}

    @torch.no_grad()
    def update_targets(self) -> None:
        for target, online in zip(self.target_critics.parameters(), self.critics.parameters(), strict=True):
            target.copy_((1 - TAU) * target + TAU * online)  # Q:285-286


# --- the loop
class Replay:
    """The newest CAPACITY transitions, in float32 (R:247-325)."""

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
    draw, env = draw or Draw(seed), gym.wrappers.RescaleAction(make_env(task), -1, 1)  # L:400-410
    env.action_space.seed(seed)
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space), Replay(obs_dim, action_dim)
    obs, _ = env.reset(seed=seed)
    for env_step in count(1):
        warm = env_step <= LEARNING_STARTS  # L:389, before it counts the step
        action = env.action_space.sample() if warm else agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(action)
        replay.add(obs, action, reward, next_obs, terminated)  # L:482-505, R:278, 320-322
        obs = env.reset()[0] if terminated or truncated else next_obs
        if env_step > LEARNING_STARTS:  # L:348-354
            batch = replay.sample(draw.integers(len(replay), BATCH))
            agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        yield agent


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The mean return of episodes of the mean's action (common/evaluation.py:16)."""
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
    parser.add_argument("--env-steps", type=int, default=1_000_000)  # ours
    parser.add_argument("--evaluate-every", type=int, default=10_000)  # B:376, EvalCallback's default
    options = parser.parse_args()
    test_env = gym.wrappers.RescaleAction(gym.make(options.task), -1, 1)
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in enumerate(islice(train(options.task, options.seed), options.env_steps), start=1):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

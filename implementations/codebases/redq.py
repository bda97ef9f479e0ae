"""REDQ's own code in PyTorch, as one file: watchernyu/REDQ@7b5d1bf, experiments/train_redq_sac.py with its defaults.

    python implementations/codebases/redq.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: R is redq/algos/redq_sac.py, C core.py beside it, M
experiments/train_redq_sac.py.

Unlike others: each step is followed by twenty updates of ten critics. Two of the target critics, drawn anew for each
update, make its target. In the last of the twenty the temperature and the actor move too, this by the mean of all ten
critics before their step; until then 0.2 stands in for the temperature. The target entropy is MBPO's, by task. Updates
begin one step before the policy acts. A fall on the time limit's last step bootstraps.

Not reproduced: all generators are seeded anew every 1,000 steps, first with the same seeds; estimates of the critics'
bias, only reported; actions are stretched by the first upper bound (here to the box); a task that its table lacks stops
it (here that has the target entropy of its option "auto"); gym's v2 tasks.
"""

import argparse
import math
from collections import namedtuple
from collections.abc import Iterator
from copy import deepcopy
from itertools import islice, pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

HIDDEN, CRITICS, SUBSET = (256, 256), 10, 2  # M:16, 20
DISCOUNT, TAU = 0.99, 0.005  # M:17, 1 - 0.995
LEARNING_RATE, BATCH = 3e-4, 256  # M:16-17
ALPHA_AT_FIRST = 0.2  # M:18 by R:80
TARGET_ENTROPY = {"Hopper": -1, "HalfCheetah": -3, "Walker2d": -3, "Ant": -4, "Humanoid": -2}  # C:11-13
LOG_STD_MIN, LOG_STD_MAX, EPSILON = -20, 2, 1e-6  # C:7-9
START_STEPS, UPDATES, POLICY_DELAY, CAPACITY = 5_000, 20, 20, 1_000_000  # M:19-21, 16
NOISE = ("subset", "next_action", "action")  # R:152, 156, 216: the subset is of the smallest draws
Batch = namedtuple("Batch", "obs action reward next_obs terminated")


# --- networks
def layers(sizes: tuple[int, ...]) -> list[nn.Module]:
    """Linear layers, a ReLU behind each (C:100-106)."""
    return [part for i, o in pairwise(sizes) for part in (nn.Linear(i, o), nn.ReLU())]


def xavier(layer: nn.Module) -> None:
    """How every layer starts (C:18-22)."""
    if isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)


class Actor(nn.Module):
    """A diagonal Gaussian through tanh, stretched to the box of actions."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        super().__init__()
        self.body = nn.Sequential(*layers((obs_dim, *HIDDEN)))
        self.mean, self.log_std = (nn.Linear(HIDDEN[-1], box.shape[0]) for _ in range(2))  # C:97, 195
        self.scale, self.center = (torch.as_tensor(x / 2) for x in (box.high - box.low, box.high + box.low))  # M:103
        self.apply(xavier)  # C:198

    def forward(self, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """An action in the environment's units and log pi of it before it is scaled; without noise, the mean's."""
        features = self.body(obs)  # C:212-214
        mean, log_std = self.mean(features), self.log_std(features).clamp(LOG_STD_MIN, LOG_STD_MAX)  # C:215-218
        noise = torch.zeros_like(mean) if noise is None else noise  # C:223-225
        tanh = torch.tanh(mean + log_std.exp() * noise)  # C:227-228
        log_prob = -0.5 * noise**2 - log_std - 0.5 * math.log(2 * math.pi)  # C:231
        log_prob = log_prob - torch.log(1 - tanh**2 + EPSILON)  # C:232
        return tanh * self.scale + self.center, log_prob.sum(1)  # C:233, 238


def q_values(critics: Any, obs: Tensor, action: Tensor) -> Tensor:
    """Q [critic, batch]."""
    x = torch.cat([obs, action], dim=1)
    return torch.stack([critic(x).squeeze(1) for critic in critics])


# --- the update
def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


class SAC:
    """The learner: ten critics, their target copies, the actor and the temperature."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box, target_entropy: float | None = None):
        self.updates, action_dim = 0, box.shape[0]
        self.target_entropy = -action_dim if target_entropy is None else target_entropy  # R:55-58
        self.actor = Actor(obs_dim, box)  # R:39
        sizes = obs_dim + action_dim, *HIDDEN, 1
        self.critics = nn.ModuleList(nn.Sequential(*layers(sizes)[:-1]) for _ in range(CRITICS)).apply(xavier)  # R:42
        self.target_critics = deepcopy(self.critics).requires_grad_(False)  # R:44-45
        self.log_alpha, self.alpha = torch.zeros((), requires_grad=True), torch.tensor(ALPHA_AT_FIRST)  # R:59, 80
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=LEARNING_RATE)  # R:48
        self.critic_optimizer = torch.optim.Adam(self.critics.parameters(), lr=LEARNING_RATE)  # R:49-51, one each
        self.alpha_optimizer = torch.optim.Adam([self.log_alpha], lr=LEARNING_RATE)  # R:60

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in the environment's units at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():  # R:96-101, 106-113
            return self.actor(torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of the critics, in every twentieth of actor and alpha too, then of the targets; what it computed."""
        obs, action, reward, next_obs, terminated = batch
        self.updates += 1
        # critics, their gradient alone (R:148-164, 199-211)
        with torch.no_grad():
            subset = noise["subset"].flatten()[:CRITICS].argsort()[:SUBSET]  # R:152, each as likely
            next_action, next_log_prob = self.actor(next_obs, noise["next_action"])
            next_q = q_values([self.target_critics[i] for i in subset], next_obs, next_action).amin(0)
            target_q = reward + DISCOUNT * (1 - terminated) * (next_q - self.alpha * next_log_prob)
        q = q_values(self.critics, obs, action)
        critic_losses = ((q - target_q) ** 2).mean(1)
        self.critic_optimizer.zero_grad()
        critic_losses.sum().backward()
        seen = {"alpha": self.alpha} | {f"critic{i}_loss": loss for i, loss in enumerate(critic_losses, start=1)}
        seen |= {"q": q, "target_q": target_q, "next_action": next_action, "next_log_prob": next_log_prob}

        if self.updates % POLICY_DELAY == 0:  # actor and temperature (R:214-236, 245)
            own_action, log_prob = self.actor(obs, noise["action"])
            self.critics.requires_grad_(False)  # their own gradient waits
            actor_loss = (self.alpha * log_prob - q_values(self.critics, obs, own_action).mean(0)).mean()
            descend(self.actor_optimizer, actor_loss)
            self.critics.requires_grad_(True)
            alpha_loss = -(self.log_alpha * (log_prob + self.target_entropy).detach()).mean()
            descend(self.alpha_optimizer, alpha_loss)
            self.alpha = self.log_alpha.detach().exp()
            seen |= {"actor_loss": actor_loss, "alpha_loss": alpha_loss, "action": own_action, "log_prob": log_prob}
        self.critic_optimizer.step()  # R:241-242
        with torch.no_grad():  # R:247-249
            for target, online in zip(self.target_critics.parameters(), self.critics.parameters(), strict=True):
                target.copy_((1 - TAU) * target + TAU * online)
        return seen


# --- the loop
class Replay:
    """The newest CAPACITY transitions, in float32 (C:24-69)."""

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
    torch.manual_seed(seed)  # M:85
    draw, env = draw or Draw(seed), make_env(task)
    env.action_space.seed(seed)  # M:88
    obs_dim, action_dim, name = env.observation_space.shape[0], env.action_space.shape[0], task.split("-")[0]
    agent, replay = SAC(obs_dim, env.action_space, TARGET_ENTROPY.get(name)), Replay(obs_dim, action_dim)
    obs, _ = env.reset(seed=seed)
    while True:
        if len(replay) > START_STEPS:  # R:97
            action = agent.act(obs[None], draw.normal((1, action_dim)))[0]
        else:
            action = env.action_space.sample()
        next_obs, reward, terminated, truncated, _ = env.step(action)  # M:125
        replay.add(obs, action, reward, next_obs, terminated and not truncated)  # M:132-135
        if len(replay) > START_STEPS:  # R:195, with the step just stored
            for _ in range(UPDATES):
                batch = replay.sample(draw.integers(len(replay), BATCH))
                agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        obs = env.reset()[0] if terminated or truncated else next_obs  # M:139-147
        yield agent


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The return of an episode of the mean's action (M:13, C:251-275)."""
    (obs, _), total, over = env.reset(), 0.0, False
    while not over:
        obs, reward, terminated, truncated, _ = env.step(agent.act(obs[None], None)[0])
        total, over = total + float(reward), terminated or truncated
    return total


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="Hopper-v5")  # M:196 has v2
    parser.add_argument("--seed", type=int, default=0)  # M:197
    parser.add_argument("--env-steps", type=int, default=125_001)  # M:65 with C:14, for Hopper
    parser.add_argument("--evaluate-every", type=int, default=1_000)  # M:12, 150
    options = parser.parse_args()
    test_env = gym.make(options.task)
    test_env.reset(seed=options.seed + 10_000)  # M:83
    for env_step, agent in enumerate(islice(train(options.task, options.seed), options.env_steps), start=1):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

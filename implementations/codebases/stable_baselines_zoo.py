"""Stable Baselines' SAC as its zoo sets it for HalfCheetah-v2, in PyTorch: araffin/rl-baselines-zoo@79a6fd1.

    python implementations/codebases/stable_baselines_zoo.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: S is sac/sac.py, P sac/policies.py, T common/tf_layers.py, B
common/callbacks.py of hill-a/stable-baselines@259f278; Y hyperparams/sac.yml, U utils/utils.py, V train.py of the zoo.

Unlike others: the time limit is stored as a fall. The policy follows the first critic alone, the value network the
smaller of both. Each value meets the entropy of the whole batch, since a column minus a row is a matrix: it learns from
the batch's mean of log pi instead of its own. Everything is learned from one draw of actions, all gradients at the old
parameters; critics and value network share an optimiser. The zoo has such settings for no other MuJoCo task.

Not reproduced: normalisation of rewards and observations by a wrapper, off by default.
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

HIDDEN = (256, 256)  # U:67-71, Y:65
LEARNING_RATE, BATCH = 3e-4, 256  # Y:66, 68
LEARNING_STARTS, CAPACITY = 10_000, 1_000_000  # Y:67, 72
DISCOUNT, TAU = 0.99, 0.005  # S:61, 63
LOG_STD_MIN, LOG_STD_MAX, EPSILON, ADAM_EPSILON = -20, 2, 1e-6, 1e-8  # P:8-11; TensorFlow's default
EVALUATION_EPISODES = 5  # V:54-55
NOISE = ("action",)  # S:166
Batch = namedtuple("Batch", "obs action reward next_obs terminated")


# --- networks


def linear(inputs: int, outputs: int) -> nn.Linear:
    """Glorot's uniform weights, biases at 0 (T:55-60, the default of tf.layers.dense)."""
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def mlp(inputs: int) -> nn.Sequential:
    return nn.Sequential(linear(inputs, HIDDEN[0]), nn.ReLU(), linear(*HIDDEN), nn.ReLU(), linear(HIDDEN[1], 1))


class Actor(nn.Module):
    """A diagonal Gaussian through tanh."""

    def __init__(self, obs_dim: int, action_dim: int):
        super().__init__()
        self.body = mlp(obs_dim)[:-1]  # P:196
        self.mean, self.log_std = linear(HIDDEN[1], action_dim), linear(HIDDEN[1], action_dim)  # P:198-201

    def forward(self, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """An action in [-1, 1] and its log pi; without noise, the mean's."""
        features = self.body(obs)
        mean, log_std = self.mean(features), self.log_std(features).clamp(LOG_STD_MIN, LOG_STD_MAX)  # P:198-212
        std, noise = log_std.exp(), torch.zeros_like(mean) if noise is None else noise
        action = torch.tanh(mean + noise * std)  # P:58, 214-216
        z = noise * std / (std + EPSILON)  # P:24
        log_prob = (-0.5 * z**2 - log_std - 0.5 * math.log(2 * math.pi)).sum(1)  # P:24-25
        return action, log_prob - torch.log(1 - action**2 + EPSILON).sum(1)  # P:63


def q_values(critics: nn.ModuleList, obs: Tensor, action: Tensor) -> list[Tensor]:
    return [critic(torch.cat([obs, action], dim=1)).squeeze(1) for critic in critics]


def adam_step(optimizer: torch.optim.Adam, count: int) -> None:
    """Step number `count` as TensorFlow takes it: epsilon joins the root before that is corrected for its bias."""
    optimizer.param_groups[0]["eps"] = ADAM_EPSILON / math.sqrt(1 - 0.999**count)
    optimizer.step()


# --- the update


class SAC:
    """The learner: critics and value network on one optimiser, a target of the latter, the actor, the temperature."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates, self.target_entropy, action_dim = 0, -box.shape[0], box.shape[0]  # S:178-180
        self.actor = Actor(obs_dim, action_dim)
        self.critics = nn.ModuleList(mlp(obs_dim + action_dim) for _ in range(2))  # P:249-256
        self.value = mlp(obs_dim)  # P:240-242
        self.target_value = deepcopy(self.value).requires_grad_(False)  # S:270-273
        self.log_alpha = torch.zeros((), requires_grad=True)  # S:191-197
        values = [*self.critics.parameters(), *self.value.parameters()]  # S:258-259
        self.learned = {"actor": [*self.actor.parameters()], "values": values, "alpha": [self.log_alpha]}
        self.optimizers = {name: torch.optim.Adam(one, lr=LEARNING_RATE) for name, one in self.learned.items()}

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in [-1, 1] at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():
            return self.actor(torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """Every gradient at the parameters that there are, then every step, then the target's; what it computed."""
        obs, action, reward, next_obs, terminated = batch
        alpha = self.log_alpha.exp().detach()  # S:198

        # temperature and actor (S:230-242)
        own_action, log_prob = self.actor(obs, noise["action"])
        own_q = q_values(self.critics, obs, own_action)
        losses = {"alpha": -(self.log_alpha * (log_prob + self.target_entropy).detach()).mean()}
        losses["actor"] = (alpha * log_prob - own_q[0]).mean()

        # critics and value (S:213-224, 247-250)
        target_q = reward + (1 - terminated) * DISCOUNT * self.target_value(next_obs).squeeze(1)
        critic_losses = [0.5 * ((target_q - q) ** 2).mean() for q in q_values(self.critics, obs, action)]
        value_target = (torch.min(*own_q)[:, None] - alpha * log_prob).detach()  # [batch, batch]: a column and a row
        value_loss = 0.5 * ((self.value(obs) - value_target) ** 2).mean()
        losses["values"] = sum(critic_losses) + value_loss

        # steps (S:255-289, 341)
        for name, loss in losses.items():
            self.optimizers[name].zero_grad()
            loss.backward(inputs=self.learned[name])
        for optimizer in self.optimizers.values():
            adam_step(optimizer, self.updates + 1)

        # target value (S:265-268, 465-467)
        with torch.no_grad():
            for target, online in zip(self.target_value.parameters(), self.value.parameters(), strict=True):
                target.copy_((1 - TAU) * target + TAU * online)

        self.updates += 1
        losses |= {"critic1": critic_losses[0], "critic2": critic_losses[1], "value": value_loss}
        seen = {"alpha": alpha, "target_q": target_q, "log_prob": log_prob, "value_target": value_target}
        return seen | {f"{name}_loss": loss for name, loss in losses.items()}


# --- the loop


class Replay:
    """The newest CAPACITY transitions, in float32 (common/buffers.py)."""

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
    torch.manual_seed(seed)  # S:136
    draw, env = draw or Draw(seed), gym.wrappers.RescaleAction(make_env(task), -1, 1)  # S:398, 406
    env.action_space.seed(seed)
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space), Replay(obs_dim, action_dim)
    obs, _ = env.reset(seed=seed)  # S:378
    for env_step in count(1):
        warm = env_step <= LEARNING_STARTS  # S:394, before it counts the step
        action = env.action_space.sample() if warm else agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(action)  # S:410
        over = terminated or truncated
        replay.add(obs, action, reward, next_obs, over)  # S:429
        if len(replay) >= BATCH and env_step >= LEARNING_STARTS:  # S:447-467
            batch = replay.sample(draw.integers(len(replay), BATCH))
            agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        obs = env.reset()[0] if over else next_obs  # S:430, 475-479
        yield agent


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The mean return of episodes of the mean's action (B:256, 301-305)."""
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
    parser.add_argument("--env-steps", type=int, default=1_000_000)  # Y:64
    parser.add_argument("--evaluate-every", type=int, default=10_000)  # V:52-53
    options = parser.parse_args()
    test_env = gym.wrappers.RescaleAction(gym.make(options.task), -1, 1)
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in enumerate(islice(train(options.task, options.seed), options.env_steps), start=1):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

"""The first paper's SAC, with its Gaussian policy, in PyTorch instead of TensorFlow 1: haarnoja/sac@8258e33.

    python implementations/codebases/haarnoja_sac.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: S is algos/sac.py, B base.py, L sampler.py, M mlp.py, P
gaussian_policy.py, N normal.py, V examples/variants.py, E examples/mujoco_all_sac.py.

Unlike others: the reward's scale stands in for the temperature. The policy follows the first critic alone, the value
network the smaller of both. Everything is learned from one draw of actions, all gradients at the old parameters. The
first layer has a matrix with bounds of its own for each input. The target of V starts as another network, moved by
one step of averaging. Learning starts in the warm-up, which ends with an epoch.

Not reproduced: episodes of 1,000 steps in place of the task's own limit; the order of reads and writes within a
session.run, which TensorFlow leaves open; a regulariser in no loss. Reward scales of pendulums, Reacher, Pusher: ours.
"""

import argparse
import math
from collections import namedtuple
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

HIDDEN = (256, 256)  # V:6, 124
REWARD_SCALES = {"Swimmer": 25.0, "Humanoid": 20.0, "HumanoidStandup": 100.0}  # V:207-258
REWARD_SCALES |= {"Pendulum": 1.0, "InvertedPendulum": 1.0, "InvertedDoublePendulum": 1.0}
REWARD_SCALE = 5.0  # V:215-234
RANDOM_STEPS = {"HalfCheetah": 10_000, "Ant": 10_000}  # V:224, 237
EPOCH, LEARN_AFTER = 1_000, 1_000  # V:198, 200, 266: others are random for as long
DISCOUNT, TAU = 0.99, 0.005  # V:192, 194
LEARNING_RATE, BATCH, ADAM_EPSILON = 3e-4, 256, 1e-8  # V:191, 267, S:264
LOG_STD_MIN, LOG_STD_MAX, FLOOR = -20, 2, 1e-6  # N:8-9, P:15
CAPACITY, EVALUATION_EPISODES = 1_000_000, 1  # V:202, 261
NOISE = ("action",)  # S:292
Batch = namedtuple("Batch", "obs action reward next_obs terminated")


# --- networks


def mlp(*inputs: int, outputs: int) -> nn.Sequential:
    """Glorot's uniform weights, in the first layer a matrix for each input; biases at 0 (M:24-44, 129-151)."""
    layers = nn.Linear(sum(inputs), HIDDEN[0]), nn.Linear(*HIDDEN), nn.Linear(HIDDEN[1], outputs)
    for layer in layers:
        for weight in layer.weight.data.split(inputs if layer is layers[0] else layer.in_features, dim=1):
            nn.init.xavier_uniform_(weight)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])


def policy(actor: nn.Module, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
    """An action in [-1, 1] of a diagonal Gaussian through tanh, and its log pi; without noise, the mean's."""
    mean, log_std = actor(obs).chunk(2, dim=1)  # N:54-55
    log_std = log_std.clamp(LOG_STD_MIN, LOG_STD_MAX)
    noise = torch.zeros_like(mean) if noise is None else noise  # P:116-127
    action = torch.tanh(mean + log_std.exp() * noise)  # N:59-60, P:65-66
    log_prob = (-0.5 * noise**2 - log_std - 0.5 * math.log(2 * math.pi)).sum(1)  # N:63
    return action, log_prob - torch.log(1 - action**2 + FLOOR).sum(1)  # P:131-133


def adam_step(optimizer: torch.optim.Adam, count: int) -> None:
    """Step number `count` as TensorFlow takes it: epsilon joins the root before that is corrected for its bias."""
    optimizer.param_groups[0]["eps"] = ADAM_EPSILON / math.sqrt(1 - 0.999**count)
    optimizer.step()


# --- the update


class SAC:
    """The learner: two critics, a value network with a target, and the actor, each with an Adam of its own."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box, reward_scale: float = REWARD_SCALE):
        self.updates, self.reward_scale, action_dim = 0, reward_scale, box.shape[0]
        self.critics = nn.ModuleList(mlp(obs_dim, action_dim, outputs=1) for _ in range(2))  # E:113-114
        self.value, self.target_value = mlp(obs_dim, outputs=1), mlp(obs_dim, outputs=1)  # E:115, S:252-254
        self.actor = mlp(obs_dim, outputs=2 * action_dim)  # E:120-122
        self.move_target()  # S:359-361
        self.nets = {"critic1": self.critics[0], "critic2": self.critics[1], "actor": self.actor, "value": self.value}
        parameters = {name: net.parameters() for name, net in self.nets.items()}
        self.optimizers = {
            name: torch.optim.Adam(one, lr=LEARNING_RATE) for name, one in parameters.items()
        }  # S:264-342

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in [-1, 1] at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():
            return policy(self.actor, torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """Every gradient at the parameters that there are, then every step, then the target's; what it computed."""
        obs, action, reward, next_obs, terminated = batch

        # critics (S:247-271)
        next_value = self.target_value(next_obs).squeeze(1)
        target_q = (self.reward_scale * reward + (1 - terminated) * DISCOUNT * next_value).detach()
        losses = {f"critic{i + 1}": 0.5 * ((target_q - q) ** 2).mean() for i, q in enumerate(self.q(obs, action))}

        # actor (S:292-337)
        own_action, log_prob = policy(self.actor, obs, noise["action"])
        own_q = self.q(obs, own_action)
        losses["actor"] = (log_prob - own_q[0]).mean()

        # value (S:295, 329-342)
        value_target = (torch.min(*own_q) - log_prob).detach()
        losses["value"] = 0.5 * ((self.value(obs).squeeze(1) - value_target) ** 2).mean()

        # steps (S:368)
        for name, loss in losses.items():
            self.optimizers[name].zero_grad()
            loss.backward(inputs=list(self.nets[name].parameters()))
        for optimizer in self.optimizers.values():
            adam_step(optimizer, self.updates + 1)
        self.move_target()  # S:370-372

        self.updates += 1
        seen = {"value_target": value_target, "target_q": target_q, "log_prob": log_prob}
        return seen | {f"{name}_loss": loss for name, loss in losses.items()}

    def q(self, obs: Tensor, action: Tensor) -> list[Tensor]:
        return [critic(torch.cat([obs, action], dim=1)).squeeze(1) for critic in self.critics]

    def move_target(self) -> None:
        with torch.no_grad():  # S:353-356
            for target, online in zip(self.target_value.parameters(), self.value.parameters(), strict=True):
                target.copy_((1 - TAU) * target + TAU * online)


# --- the loop


class Replay:
    """The newest CAPACITY transitions, in float32 (replay_buffers/simple_replay_buffer.py)."""

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
    draw, env = draw or Draw(seed), gym.wrappers.RescaleAction(make_env(task), -1, 1)  # E:104
    env.action_space.seed(seed)
    obs_dim, action_dim, name = env.observation_space.shape[0], env.action_space.shape[0], task.split("-")[0]
    agent = SAC(obs_dim, env.action_space, REWARD_SCALES.get(name, REWARD_SCALE))
    replay, random_steps = Replay(obs_dim, action_dim), RANDOM_STEPS.get(name, EPOCH)
    obs, _ = env.reset(seed=seed)
    for env_step in count():
        if env_step // EPOCH * EPOCH < random_steps:  # B:95-98
            action = env.action_space.sample()
        else:
            action = agent.act(obs[None], draw.normal((1, action_dim)))[0]  # L:120
        next_obs, reward, terminated, truncated, _ = env.step(action)  # L:121
        replay.add(obs, action, reward, next_obs, terminated)  # L:126-131
        obs = env.reset()[0] if terminated or truncated else next_obs  # L:133-145
        if len(replay) >= LEARN_AFTER:  # B:100-107
            batch = replay.sample(draw.integers(len(replay), BATCH))
            agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        yield agent


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The mean return of episodes of the mean's action (B:143-148)."""
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
    parser.add_argument("--env-steps", type=int, default=3_000_000)  # V:223
    parser.add_argument("--evaluate-every", type=int, default=1_000)  # V:198
    options = parser.parse_args()
    test_env = gym.wrappers.RescaleAction(gym.make(options.task), -1, 1)
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in enumerate(islice(train(options.task, options.seed), options.env_steps), start=1):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

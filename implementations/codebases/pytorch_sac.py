"""Yarats and Kostrikov's SAC in PyTorch, as one file: denisyarats/pytorch_sac@81c5b53.

    python implementations/codebases/pytorch_sac.py --task Pendulum-v1 --seed 1

Right of a line stands where the original has it: S is agent/sac.py, A agent/actor.py, C agent/critic.py, T train.py,
U utils.py, Y config/agent/sac.yaml, R config/train.yaml.

Unlike others: 1,024 units a layer and batches of 1,024, learning rates of 1e-4, a temperature that starts at 0.1 (in
float64). log std is not clipped but squashed into [-5, 2]. The targets move at every second step. An update comes
between the choice of an action and its step. An episode of exactly the time limit's length bootstraps at its end, even
if it falls there; every other end is terminal. Actions are never stretched to the box, only clamped.

Not reproduced: DeepMind's control suite, for which it is written; it refuses boxes beyond [-1, 1], of which the actions
here reach a part; it evaluates in the environment it trains in, and only if an episode ends on a multiple of 10,000.
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
from torch.nn import functional as F

HIDDEN = (1024, 1024)  # Y:30-31, 38-39
DISCOUNT, TAU = 0.99, 0.005  # Y:11, 20
INIT_ALPHA = 0.1  # Y:12
LEARNING_RATE = 1e-4  # Y:13, 15, 18: of the temperature, the actor and the critics
TARGET_EVERY = 2  # Y:21
BATCH = 1024  # Y:22
LOG_STD_MIN, LOG_STD_MAX = -5, 2  # Y:40
SEED_STEPS = 5_000  # R:12
CAPACITY = 1_000_000  # R:9-10
EVALUATION_EPISODES = 10  # R:15
NOISE = ("next_action", "action")  # S:80, 103


# --- networks
def mlp(*sizes: int) -> nn.Sequential:
    """Linear layers with a ReLU between two; orthogonal weights and no biases to begin with (U:88-93, 112-123)."""
    layers = [layer for i in range(len(sizes) - 1) for layer in (nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU())]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers[:-1])


def policy(actor: nn.Sequential, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
    """An action in [-1, 1] of a diagonal Gaussian through tanh, and log pi of it; without noise, the mean's."""
    mean, log_std = actor(obs).chunk(2, dim=1)  # A:72
    log_std = LOG_STD_MIN + 0.5 * (LOG_STD_MAX - LOG_STD_MIN) * (torch.tanh(log_std) + 1)  # A:75-78
    noise = torch.zeros_like(mean) if noise is None else noise  # S:72
    u = mean + log_std.exp() * noise  # A:46
    log_prob = (-0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi)).sum(1)
    return torch.tanh(u), log_prob - (2 * (np.log(2) - u - F.softplus(-2 * u))).sum(1)  # A:28, 38


def q_values(critics: nn.ModuleList, obs: Tensor, action: Tensor) -> Tensor:
    """Q [critic, batch] (C:20-30)."""
    x = torch.cat([obs, action], dim=1)
    return torch.stack([critic(x).squeeze(1) for critic in critics])


# --- the update

Batch = namedtuple("Batch", ["obs", "action", "reward", "next_obs", "terminated"])


class SAC:
    """The learner: two critics on one optimiser, their target copies, the actor and the temperature."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates = 0
        action_dim = box.shape[0]
        self.critics = nn.ModuleList(mlp(obs_dim + action_dim, *HIDDEN, 1) for _ in range(2))  # C:14-15
        self.target_critics = deepcopy(self.critics).requires_grad_(False)  # S:32-34
        self.actor = mlp(obs_dim, *HIDDEN, 2 * action_dim)  # A:65-66
        self.log_alpha = torch.tensor(np.log(INIT_ALPHA), requires_grad=True)  # S:38-39
        self.target_entropy = -action_dim  # S:41
        self.low, self.high = float(box.low.min()), float(box.high.max())  # T:60-63
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=LEARNING_RATE)  # S:44-46
        self.critic_optimizer = torch.optim.Adam(self.critics.parameters(), lr=LEARNING_RATE)  # S:48-50
        self.alpha_optimizer = torch.optim.Adam([self.log_alpha], lr=LEARNING_RATE)  # S:52-54

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] at obs [N, O], as they are played and stored; without noise, those of an evaluation."""
        with torch.no_grad():  # S:68-75
            action, _ = policy(self.actor, torch.as_tensor(obs, dtype=torch.float32), noise)
            return action.clamp(self.low, self.high).numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of the critics, of the actor on the new critics, of the temperature; what it computed."""
        obs, action, reward, next_obs, terminated = batch
        step = SEED_STEPS + self.updates  # T:134-135, counted from 0

        # critics (S:77-97)
        with torch.no_grad():
            alpha = self.log_alpha.exp()
            next_action, next_log_prob = policy(self.actor, next_obs, noise["next_action"])
            next_value = q_values(self.target_critics, next_obs, next_action).amin(0) - alpha * next_log_prob
            target_q = reward + (1 - terminated) * DISCOUNT * next_value
        critic_losses = ((q_values(self.critics, obs, action) - target_q) ** 2).mean(1)
        self.critic_optimizer.zero_grad()
        critic_losses.sum().backward()
        self.critic_optimizer.step()

        # actor (S:101-117)
        own_action, log_prob = policy(self.actor, obs, noise["action"])
        actor_loss = (alpha * log_prob - q_values(self.critics, obs, own_action).amin(0)).mean()
        self.actor_optimizer.zero_grad()
        actor_loss.backward()
        self.actor_optimizer.step()

        # temperature, with the actor's sample (S:121-128)
        alpha_loss = (self.log_alpha.exp() * (-log_prob - self.target_entropy).detach()).mean()
        self.alpha_optimizer.zero_grad()
        alpha_loss.backward()
        self.alpha_optimizer.step()

        # target critics (S:142-144, U:67-70)
        if step % TARGET_EVERY == 0:
            with torch.no_grad():
                for target, online in zip(self.target_critics.parameters(), self.critics.parameters(), strict=True):
                    target.copy_(TAU * online + (1 - TAU) * target)

        self.updates += 1
        losses = {"critic1_loss": critic_losses[0], "critic2_loss": critic_losses[1], "actor_loss": actor_loss}
        losses |= {"alpha_loss": alpha_loss, "alpha": alpha}
        return losses | {"target_q": target_q, "log_prob": log_prob, "next_log_prob": next_log_prob}


# --- the loop
class Replay:
    """The newest CAPACITY transitions, in float32 (replay_buffer.py:5-53)."""

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
    """Where randomness comes from: NumPy's generator for the replay, PyTorch's for actions (U:72-77)."""

    def __init__(self, seed: int):
        self.numpy, self.torch = np.random.default_rng(seed), torch.Generator().manual_seed(~seed)  # not the weights'

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self.torch)

    def integers(self, high: int, size: int) -> np.ndarray:
        return self.numpy.integers(high, size=size)


def train(task: str, seed: int, make_env: Callable = gym.make, draw: Any = None) -> Iterator[SAC]:
    """Plays and learns without end; yields the agent after every environment step, the next one's update included."""
    torch.manual_seed(seed)
    draw, env = draw or Draw(seed), make_env(task)
    env.action_space.seed(seed)
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space), Replay(obs_dim, action_dim)
    (obs, _), step, length = env.reset(seed=seed), 0, 0
    while True:
        if step < SEED_STEPS:  # T:127-131
            action = env.action_space.sample()
        else:
            action = agent.act(obs[None], draw.normal((1, action_dim)))[0]
            batch = replay.sample(draw.integers(len(replay), BATCH))  # T:134-135
            agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        if step:
            yield agent
        next_obs, reward, terminated, truncated, _ = env.step(action)  # T:137
        step, length = step + 1, length + 1
        over = terminated or truncated
        replay.add(obs, action, reward, next_obs, over and length != env.spec.max_episode_steps)  # T:140-145
        obs = next_obs
        if over:  # T:101-121
            (obs, _), length = env.reset(), 0


def evaluate(agent: SAC, env: gym.Env) -> float:
    """The mean return of episodes of the mean's action (T:75-92)."""
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
    parser.add_argument("--seed", type=int, default=1)  # R:27
    parser.add_argument("--env-steps", type=int, default=1_000_000)  # R:9
    parser.add_argument("--evaluate-every", type=int, default=10_000)  # R:14
    options = parser.parse_args()
    test_env = gym.make(options.task)
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in zip(range(1, options.env_steps + 1), train(options.task, options.seed), strict=False):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

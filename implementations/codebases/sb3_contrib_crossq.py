"""Stable-Baselines3's CrossQ in PyTorch, as one file: Stable-Baselines-Team/stable-baselines3-contrib@0ca7fdd.

    python implementations/codebases/sb3_contrib_crossq.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it: C is sb3_contrib/crossq/crossq.py, P policies.py beside it, N
common/torch_layers.py; of Stable-Baselines3 (DLR-RM/stable-baselines3@e05d2dbe) T is common/torch_layers.py, D
distributions.py, L off_policy_algorithm.py, R buffers.py and B callbacks.py beside it.

Unlike others: there are no target networks. Every layer's input is normalised by its batch: (s, a) and (s', a') go as
one batch through wide critics, so that both have a part in its statistics and, by these, in the gradient. Actor and
temperature move in every third update. An action, a' and the critics' judgement for the actor go by running statistics.

Not reproduced: the replay of observations in float64; gSDE, n-step returns and several environments, off by default.
"""

import argparse
import math
from collections import namedtuple
from collections.abc import Iterator
from itertools import count, islice, pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

HIDDEN, ACTOR_HIDDEN = (1024, 1024), (256, 256)  # P:406, the critics' and the actor's
NORM_EPSILON, MOMENTUM, RENORM_WARMUP, R_MAX, D_MAX = 1e-3, 0.01, 100_000, 3.0, 5.0  # P:368-370, N:53-54
DISCOUNT, POLICY_DELAY = 0.99, 3  # C:85, 95
LEARNING_RATE, BATCH, BETAS = 1e-3, 256, (0.5, 0.999)  # C:81, 84, P:389
LOG_STD_MIN, LOG_STD_MAX, EPSILON = -20, 2, 1e-6  # P:21-22, D:217
LEARNING_STARTS, CAPACITY, EVALUATION_EPISODES = 100, 1_000_000, 5  # C:82-83, B:375
NOISE = ("next_action", "action")  # C:226, 276
Batch = namedtuple("Batch", "obs action reward next_obs terminated")


# --- networks
class BatchRenorm(nn.Module):
    """Batch renormalisation (N:32-110): by the batch in training, else by the running statistics."""

    def __init__(self, width: int):
        super().__init__()
        self.scale, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))  # N:45-46
        self.mean, self.var = (nn.Parameter(make(width), requires_grad=False) for make in (torch.zeros, torch.ones))
        self.steps = 0  # N:42-44

    def forward(self, x: Tensor) -> Tensor:
        mean, var = self.mean.data, self.var.data  # N:102
        if self.training:
            mean, var = batch_mean, batch_var = x.mean(0), x.var(0)  # N:70-71, the variance over n - 1
            if self.steps > RENORM_WARMUP:  # N:78, near the running ones
                running_std = (self.var + NORM_EPSILON).sqrt()
                r = ((var + NORM_EPSILON).sqrt() / running_std).detach().clamp(1 / R_MAX, R_MAX)  # N:82-83
                d = ((mean - self.mean) / running_std).detach().clamp(-D_MAX, D_MAX)  # N:85-86
                mean, var = mean - d * var.sqrt() / r, var / r**2  # N:89-90
            self.mean.lerp_(batch_mean.detach(), MOMENTUM)  # N:96-98
            self.var.lerp_(batch_var.detach(), MOMENTUM)
            self.steps += 1
        return self.scale * (x - mean) / (var + NORM_EPSILON).sqrt() + self.bias  # N:105-108


def layers(sizes: tuple[int, ...]) -> list[nn.Module]:
    """Each normalises its input first, and has PyTorch's own initialisation (T:147-170)."""
    hidden = [(BatchRenorm(i), nn.Linear(i, o), nn.ReLU()) for i, o in pairwise(sizes)]
    return [*(part for layer in hidden for part in layer), BatchRenorm(sizes[-1])]  # P:115-116, T:175-176


class Actor(nn.Module):
    """A diagonal Gaussian through tanh."""

    def __init__(self, obs_dim: int, action_dim: int):
        super().__init__()
        self.body, width = nn.Sequential(*layers((obs_dim, *ACTOR_HIDDEN))), ACTOR_HIDDEN[-1]  # P:107-118
        self.mean, self.log_std = nn.Linear(width, action_dim), nn.Linear(width, action_dim)  # P:134-135

    def forward(self, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """An action in [-1, 1] and its log pi; without noise, the mean's."""
        features = self.body(obs)
        mean, log_std = self.mean(features), self.log_std(features).clamp(LOG_STD_MIN, LOG_STD_MAX)  # P:187-197
        noise = torch.zeros_like(mean) if noise is None else noise  # D:254-257
        action = torch.tanh(mean + log_std.exp() * noise)  # D:249-252
        log_prob = (-0.5 * noise**2 - log_std - 0.5 * math.log(2 * math.pi)).sum(1)  # D:238
        return action, log_prob - torch.log(1 - action**2 + EPSILON).sum(1)  # D:241


def q_values(critics: nn.ModuleList, obs: Tensor, action: Tensor) -> Tensor:
    """Q [critic, batch] (P:303-309)."""
    x = torch.cat([obs, action], dim=1)
    return torch.stack([critic(x).squeeze(1) for critic in critics])


# --- the update
def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


class SAC:
    """The learner: two critics on one optimiser, the actor and the temperature."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates, self.target_entropy, action_dim = 0, -box.shape[0], box.shape[0]  # C:153
        self.actor = Actor(obs_dim, action_dim).eval()  # eval: by running statistics
        bodies = (layers((obs_dim + action_dim, *HIDDEN)) for _ in range(2))  # P:291-301, 380
        self.critics = nn.ModuleList(nn.Sequential(*body, nn.Linear(HIDDEN[-1], 1)) for body in bodies).eval()
        self.log_alpha = torch.zeros((), requires_grad=True)  # C:171
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=LEARNING_RATE, betas=BETAS)  # P:451-455
        self.critic_optimizer = torch.optim.Adam(self.critics.parameters(), lr=LEARNING_RATE, betas=BETAS)  # P:468-472
        self.alpha_optimizer = torch.optim.Adam([self.log_alpha], lr=LEARNING_RATE)  # C:172

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in [-1, 1] at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():
            return self.actor(torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of the critics; in every third update, of alpha, then of the actor; what it computed."""
        obs, action, reward, next_obs, terminated = batch
        alpha, self.updates = self.log_alpha.detach().exp(), self.updates + 1  # C:216, 198
        # critics (C:222-270)
        with torch.no_grad():
            next_action, next_log_prob = self.actor(next_obs, noise["next_action"])
        both = q_values(self.critics.train(), torch.cat([obs, next_obs]), torch.cat([action, next_action]))
        q, next_q = both.chunk(2, dim=1)  # C:250
        self.critics.eval()
        target_q = reward + (1 - terminated) * DISCOUNT * (next_q.detach().amin(0) - alpha * next_log_prob)
        critic_losses = 0.5 * ((q - target_q) ** 2).mean(1)
        descend(self.critic_optimizer, critic_losses.sum())
        seen = {"critic1_loss": critic_losses[0], "critic2_loss": critic_losses[1], "next_action": next_action}
        seen |= {"alpha": alpha, "q": q, "next_q": next_q, "target_q": target_q, "next_log_prob": next_log_prob}
        if self.updates % POLICY_DELAY == 0:  # temperature and actor (C:272-300)
            own_action, log_prob = self.actor.train()(obs, noise["action"])
            self.actor.eval()
            alpha_loss = -(self.log_alpha * (log_prob + self.target_entropy).detach()).mean()
            descend(self.alpha_optimizer, alpha_loss)
            actor_loss = (alpha * log_prob - q_values(self.critics, obs, own_action).amin(0)).mean()
            descend(self.actor_optimizer, actor_loss)
            seen |= {"actor_loss": actor_loss, "alpha_loss": alpha_loss, "action": own_action, "log_prob": log_prob}
        return seen


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

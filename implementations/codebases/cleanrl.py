"""CleanRL's SAC in PyTorch, as one file: vwxyzjn/cleanrl@fe8d8a0, cleanrl/sac_continuous_action.py.

    python implementations/codebases/cleanrl.py --task Pendulum-v1 --seed 1

Right of a line stands its line in the original.

Unlike others: actor and temperature wait for every second environment step and are then updated twice, on one batch.
The temperature looks at actions of its own, drawn from the actor just updated, and has the critics' learning rate. log
pi is the density in the environment's units: where the box is not [-1, 1], the target entropy means another policy. log
std is squashed into [-5, 2], which starts the policy narrow.

Not reproduced: it has no evaluation and reports the returns of training (here an evaluation's actions are sampled, as
training's are); after a fall it stores the next episode's first observation, which nothing reads.
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

HIDDEN = (256, 256)  # :87-92, 109-110
DISCOUNT, TAU = 0.99, 0.005  # :47, 49
POLICY_LR, Q_LR = 3e-4, 1e-3  # :55, 57; the temperature's is Q_LR: :207
BATCH, CAPACITY = 256, 1_000_000  # :51, 45
LOG_STD_MIN, LOG_STD_MAX = -5, 2  # :102-103
LEARNING_STARTS, POLICY_FREQUENCY = 5_000, 2  # :53, 59
EVALUATION_EPISODES = 10  # ours
NOISE = ("next_action", "actor", "alpha", "actor_2", "alpha_2")  # :258, 279, 291, once more each


# --- networks
def layers(sizes: tuple[int, ...]) -> list[nn.Module]:
    """Linear layers with PyTorch's own initialisation, a ReLU behind each."""
    return [layer for i in range(len(sizes) - 1) for layer in (nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU())]


class Actor(nn.Module):
    """A diagonal Gaussian through tanh, stretched to the box of actions."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        super().__init__()
        action_dim = box.shape[0]
        self.body = nn.Sequential(*layers((obs_dim, *HIDDEN)))  # :109-110
        self.mean, self.log_std = nn.Linear(HIDDEN[-1], action_dim), nn.Linear(HIDDEN[-1], action_dim)  # :111-112
        self.scale = torch.as_tensor((box.high - box.low) / 2)  # :114-120
        self.center = torch.as_tensor((box.high + box.low) / 2)  # :121-127

    def forward(self, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """An action in the environment's units and log pi of it there; without noise, the mean's."""
        features = self.body(obs)  # :130-131
        mean, squashed = self.mean(features), torch.tanh(self.log_std(features))  # :132-134
        log_std = LOG_STD_MIN + 0.5 * (LOG_STD_MAX - LOG_STD_MIN) * (squashed + 1)  # :135
        noise = torch.zeros_like(mean) if noise is None else noise
        tanh = torch.tanh(mean + log_std.exp() * noise)  # :141-144
        log_prob = -0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi)  # :146
        log_prob = log_prob - torch.log(self.scale * (1 - tanh**2) + 1e-6)  # :148
        return tanh * self.scale + self.center, log_prob.sum(1)  # :145, 149


def q_values(critics: nn.ModuleList, obs: Tensor, action: Tensor) -> Tensor:
    """Q [critic, batch] (:94-99)."""
    x = torch.cat([obs, action], dim=1)
    return torch.stack([critic(x).squeeze(1) for critic in critics])


# --- the update
Batch = namedtuple("Batch", ["obs", "action", "reward", "next_obs", "terminated"])


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


class SAC:
    """The learner: two critics on one optimiser, their target copies, the actor and the temperature."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates = 0
        self.actor = Actor(obs_dim, box)  # :192
        sizes = obs_dim + box.shape[0], *HIDDEN, 1
        self.critics = nn.ModuleList(nn.Sequential(*layers(sizes)[:-1]) for _ in range(2))  # :193-194
        self.target_critics = deepcopy(self.critics).requires_grad_(False)  # :195-198
        self.target_entropy = -box.shape[0]  # :204
        self.log_alpha = torch.zeros((), requires_grad=True)  # :205
        self.critic_optimizer = torch.optim.Adam(self.critics.parameters(), lr=Q_LR)  # :199
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=POLICY_LR)  # :200
        self.alpha_optimizer = torch.optim.Adam([self.log_alpha], lr=Q_LR)  # :207

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in the environment's units at obs [N, O]; without noise, the mean's."""
        with torch.no_grad():  # :229-230
            return self.actor(torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """What follows one environment step; what it computed."""
        obs, action, reward, next_obs, terminated = batch
        # critics (:257-273)
        with torch.no_grad():
            alpha = self.log_alpha.exp()
            next_action, next_log_prob = self.actor(next_obs, noise["next_action"])
            next_q = q_values(self.target_critics, next_obs, next_action).amin(0)
            target_q = reward + (1 - terminated) * DISCOUNT * (next_q - alpha * next_log_prob)
        critic_losses = ((q_values(self.critics, obs, action) - target_q) ** 2).mean(1)
        descend(self.critic_optimizer, critic_losses.sum())
        seen = {"critic1_loss": critic_losses[0], "critic2_loss": critic_losses[1], "alpha": alpha}
        seen |= {"target_q": target_q, "next_log_prob": next_log_prob}

        # actor and temperature, at even steps, as often as they have been passed over (:275-297)
        global_step = LEARNING_STARTS + 1 + self.updates  # counted from 0
        for turn in ("", "_2") if global_step % POLICY_FREQUENCY == 0 else ():
            own_action, log_prob = self.actor(obs, noise["actor" + turn])
            alpha = self.log_alpha.exp().detach()
            actor_loss = (alpha * log_prob - q_values(self.critics, obs, own_action).amin(0)).mean()
            descend(self.actor_optimizer, actor_loss)
            fresh_log_prob = self.actor(obs, noise["alpha" + turn])[1].detach()
            alpha_loss = (-self.log_alpha.exp() * (fresh_log_prob + self.target_entropy)).mean()
            descend(self.alpha_optimizer, alpha_loss)
            named = {"actor_loss": actor_loss, "alpha_loss": alpha_loss, "alpha": alpha}
            named |= {"log_prob": log_prob, "log_prob_alpha": fresh_log_prob}
            seen |= {name + turn: value for name, value in named.items()}

        # target critics (:300-304)
        with torch.no_grad():
            for target, online in zip(self.target_critics.parameters(), self.critics.parameters(), strict=True):
                target.copy_(TAU * online + (1 - TAU) * target)
        self.updates += 1
        return seen


# --- the loop
class Replay:
    """The newest CAPACITY transitions, in float32 (:211-219)."""

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
    """Plays and learns without end; yields the agent after every environment step and the updates that follow it."""
    torch.manual_seed(seed)  # :179
    draw, env = draw or Draw(seed), make_env(task)
    env.action_space.seed(seed)  # :77
    obs_dim, action_dim = env.observation_space.shape[0], env.action_space.shape[0]
    agent, replay = SAC(obs_dim, env.action_space), Replay(obs_dim, action_dim)
    (obs, _), global_step = env.reset(seed=seed), 0  # :223
    while True:
        if global_step < LEARNING_STARTS:  # :226-230
            action = env.action_space.sample()
        else:
            action = agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(action)  # :233
        replay.add(obs, action, reward, next_obs, terminated)  # :244-249, a truncated episode goes on
        obs = env.reset()[0] if terminated or truncated else next_obs  # :252
        if global_step > LEARNING_STARTS:  # :255, a step later than the policy acts
            batch = replay.sample(draw.integers(len(replay), BATCH))  # :256
            agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        global_step += 1
        yield agent


def evaluate(agent: SAC, env: Any, draw: Draw) -> float:
    """The mean return of episodes of sampled actions, as those of training are (:236-242)."""
    total = 0.0
    for _ in range(EVALUATION_EPISODES):
        (obs, _), over = env.reset(), False
        while not over:
            action = agent.act(obs[None], draw.normal((1, *env.action_space.shape)))[0]
            obs, reward, terminated, truncated, _ = env.step(action)
            total, over = total + float(reward), terminated or truncated
    return total / EVALUATION_EPISODES


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="Hopper-v5")  # :39 has v4
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--env-steps", type=int, default=1_000_000)  # :41
    parser.add_argument("--evaluate-every", type=int, default=10_000)
    options = parser.parse_args()
    test_env, test_draw = gym.make(options.task), Draw(options.seed + 1)
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in zip(range(1, options.env_steps + 1), train(options.task, options.seed), strict=False):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env, test_draw):10.1f}", flush=True)

"""Intel Coach's SAC, as one file: IntelLabs/coach@2c60cb5, presets/Mujoco_SAC.py; here in PyTorch, not TensorFlow 1.

    python implementations/codebases/coach.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it, in rl_coach: P is presets/Mujoco_SAC.py, S
agents/soft_actor_critic_agent.py, A agents/agent.py, Q and H sac_q_head.py and sac_head.py among the heads of
TensorFlow's components, G graph_managers/graph_manager.py, L level_manager.py, B base_parameters.py.

Unlike others: a gradient of the actor is made of three draws, which all but loses Q's part in that of log std. Each
critic's first layer is the sum of two ReLUs. Adam's beta2 is 0.99, its epsilon 1e-4. Rewards count five times on every
task, the temperature is 1, the target is a value network's. The warm-up lasts until its episode is over. An outcome is
stored a step late, unless the episode is over. After 1,000 steps of training each, an evaluation abandons the episode,
whose last step is never stored, and copies the value network into its target. A time limit is a fall. Actions are never
stretched to the box, only clipped. An evaluation plays the mean without tanh.

Not reproduced: it evaluates in the environment it trains in; its budget leaves out the warm-up.
"""

import argparse
from collections import namedtuple
from collections.abc import Callable, Iterator
from copy import deepcopy
from math import sqrt
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

HEATUP_STEPS, TRAIN_STEPS, EVALUATION_EPISODES = 10_000, 1_000, 1  # P:22, 20, 21
HIDDEN = (256, 256)  # P:33, 36, 43 with S:52-54, 88-90
BATCH, CAPACITY = 256, 1_000_000  # P:31; memories/non_episodic/experience_replay.py:33
LEARNING_RATE, ADAM_BETAS, ADAM_EPSILON = 3e-4, (0.9, 0.99), 1e-4  # P:32, 38, 42; B:297-299
REWARD_SCALE, ALPHA = 5.0, 1.0  # P:52; S:231-244
DISCOUNT, TAU = 0.99, 0.005  # B:191; S:125
LOG_STD_MIN, LOG_STD_MAX, EPSILON = -20, 2, float(np.finfo(np.float32).eps)  # H:26-27; utils.py:38
NOISE = ("actor", "actor_2", "actor_3")  # S:195, 217, 227


# --- networks
def xavier(layer: nn.Module) -> None:
    """How every layer starts (heads/head.py:100)."""
    if isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)


def mlp(*sizes: int) -> nn.Sequential:
    """Linear layers with a ReLU between two (S:52-57, 88-104)."""
    layers = [layer for i in range(len(sizes) - 1) for layer in (nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU())]
    return nn.Sequential(*layers[:-1]).apply(xavier)


class Critic(nn.Module):
    def __init__(self, obs_dim: int, action_dim: int):
        super().__init__()
        self.of_obs, self.of_action = nn.Linear(obs_dim, HIDDEN[0]), nn.Linear(action_dim, HIDDEN[0])
        self.rest = mlp(*HIDDEN, 1)
        self.apply(xavier)

    def forward(self, obs: Tensor, action: Tensor) -> Tensor:  # Q:58-80
        return self.rest(self.of_obs(obs).relu() + self.of_action(action).relu()).squeeze(1)


def policy(actor: nn.Sequential, obs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """An action in [-1, 1] of a diagonal Gaussian through tanh, and log pi of it (H:58-91)."""
    mean, log_std = actor(obs).chunk(2, dim=1)
    log_std = log_std.clamp(LOG_STD_MIN, LOG_STD_MAX)
    action = torch.tanh(mean + log_std.exp() * noise)
    log_prob = (-0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi)).sum(1)
    return action, log_prob - torch.log(1 - action**2 + EPSILON).sum(1)


# --- the update
Batch = namedtuple("Batch", ["obs", "action", "reward", "next_obs", "terminated"])


class SAC:
    """The learner: two critics on one optimiser, a value network with a target, and the actor."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates, action_dim = 0, box.shape[0]
        self.actor, self.value = mlp(obs_dim, *HIDDEN, 2 * action_dim), mlp(obs_dim, *HIDDEN, 1)  # S:133-137
        self.critics = nn.ModuleList(Critic(obs_dim, action_dim) for _ in range(2))
        self.target_value = deepcopy(self.value).requires_grad_(False)  # G:541-542
        parameters = self.actor.parameters(), self.value.parameters(), self.critics.parameters()
        optimizers = (torch.optim.Adam(each, lr=LEARNING_RATE, betas=ADAM_BETAS) for each in parameters)
        self.actor_optimizer, self.value_optimizer, self.critic_optimizer = optimizers

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A], for the environment to clip, at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():  # S:297-325
            x = torch.as_tensor(obs, dtype=torch.float32)
            return (self.actor(x).chunk(2, dim=1)[0] if noise is None else policy(self.actor, x, noise)[0]).numpy()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of the actor, of the value network and of the critics, each as they were; what it computed."""
        obs, action, reward, next_obs, terminated = batch
        # actor: dq/da where the first draw is, d log pi where the second is, da where the third is (S:194-235)
        own_action, log_prob = (each.detach() for each in policy(self.actor, obs, noise["actor"]))
        own_q = torch.minimum(*(critic(obs, own_action.requires_grad_()) for critic in self.critics))  # Q:83-86
        (dq_da,) = torch.autograd.grad(own_q.mean(), own_action)
        _, second_log_prob = policy(self.actor, obs, noise["actor_2"])
        third_action, _ = policy(self.actor, obs, noise["actor_3"])
        self.descend(self.actor_optimizer, second_log_prob.mean() - (dq_da * third_action).sum())

        # value (S:243-249)
        value_target = own_q.detach() - log_prob
        value_loss = ((self.value(obs).squeeze(1) - value_target) ** 2).mean()
        self.descend(self.value_optimizer, value_loss)

        # critics (S:257-272, Q:92-95)
        next_value = self.target_value(next_obs).squeeze(1)
        target_q = REWARD_SCALE * reward + (1 - terminated) * DISCOUNT * next_value
        critic_losses = [0.5 * ((critic(obs, action) - target_q) ** 2).mean() for critic in self.critics]
        self.descend(self.critic_optimizer, sum(critic_losses))

        # target value: a step each time (A:758-761), all the way at an evaluation (G:503-516, 553-556)
        self.updates += 1
        rate = 1.0 if self.updates % TRAIN_STEPS == 0 else TAU
        with torch.no_grad():
            for target, online in zip(self.target_value.parameters(), self.value.parameters(), strict=True):
                target.copy_(rate * online + (1 - rate) * target)
        named = {"critic1_loss": critic_losses[0], "critic2_loss": critic_losses[1], "value_loss": value_loss}
        return named | {"dq_da": dq_da, "value_target": value_target, "target_q": target_q, "log_prob": log_prob}

    def descend(self, optimizer: torch.optim.Optimizer, loss: Any) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["eps"] = ADAM_EPSILON / sqrt(1 - ADAM_BETAS[1] ** (self.updates + 1))  # TensorFlow's
        optimizer.step()


# --- the loop
class Replay:
    """The newest CAPACITY transitions, in float32."""

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
    torch.manual_seed(seed)
    draw, env = draw or Draw(seed), make_env(task)
    box = env.action_space
    box.seed(seed)
    obs_dim, action_dim = env.observation_space.shape[0], box.shape[0]
    agent, replay = SAC(obs_dim, box), Replay(obs_dim, action_dim)
    (obs, _), env_step, trained, heatup, unseen = env.reset(seed=seed), 0, 0, True, None
    while True:
        if unseen:  # L:239, A:935-940
            replay.add(*unseen)
        action = box.sample() if heatup else agent.act(obs[None], draw.normal((1, action_dim)))[0]  # A:838-851
        next_obs, reward, terminated, truncated, _ = env.step(np.clip(action, box.low, box.high))
        env_step, over = env_step + 1, terminated or truncated
        obs, unseen = next_obs, (obs, action, reward, next_obs, over)
        if over:  # L:263-265
            replay.add(*unseen)
        if not heatup:  # G:476-484, A:726-742
            trained += 1
            batch = replay.sample(draw.integers(len(replay), BATCH))
            agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        if over or (trained and trained % TRAIN_STEPS == 0):  # G:444-446, 474, 505
            (obs, _), unseen = env.reset(), None
        heatup = heatup and not (over and env_step >= HEATUP_STEPS)  # G:386-388
        yield agent


def evaluate(agent: SAC, env: Any) -> float:
    """The mean return of episodes of the mean itself, clipped (S:317-318)."""
    total, box = 0.0, env.action_space
    for _ in range(EVALUATION_EPISODES):
        (obs, _), over = env.reset(), False
        while not over:
            obs, reward, terminated, truncated, _ = env.step(np.clip(agent.act(obs[None], None)[0], box.low, box.high))
            total, over = total + float(reward), terminated or truncated
    return total / EVALUATION_EPISODES


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="HalfCheetah-v5")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--env-steps", type=int, default=3_000_000)  # P:19
    parser.add_argument("--evaluate-every", type=int, default=1_000)  # P:20
    options = parser.parse_args()
    test_env = gym.make(options.task)
    test_env.reset(seed=options.seed + 1)
    for env_step, agent in zip(range(1, options.env_steps + 1), train(options.task, options.seed), strict=False):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

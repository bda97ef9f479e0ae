"""nnabla-rl's QR-SAC as one file, in PyTorch in place of NNabla: sony/nnabla-rl@d6c9999, at its class's defaults.

    python implementations/codebases/qr_sac.py --task Pendulum-v1 --seed 0

Right of a line stands where the original has it, below nnabla_rl/: A is algorithms/qrsac.py, Q model_trainers/q_value/
quantile_distribution_function_trainer.py, T qrsac_q_trainer.py beside it, S model_trainers/policy/
soft_policy_trainer.py, F functions.py, M models/mujoco/policies.py, C distributional_functions.py beside it, D
distributions/squashed_gaussian.py, E environment_explorer.py, R replay_buffer.py; Y is reproductions/algorithms/mujoco/
qrsac/qrsac_reproduction.py; of sony/nnabla@2814df0d I is python/src/nnabla/parametric_functions.py, V
src/nbla/solver/generic/adam.cpp.

Unlike others: a critic gives 32 quantiles of the return, and learns by quantile regression, summed over its own. Of the
target critics the one with the smaller mean gives the target, all its quantiles. The temperature itself stands in its
loss, and starts as e to a normal draw. A batch holds no transition twice. Actions are not stretched to the box.

Not reproduced: actions beyond the box reach the environment (here they are clipped); recurrence, n-step returns.
"""

import argparse
import math
from collections import namedtuple
from collections.abc import Iterator
from copy import deepcopy
from itertools import count, islice, pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

HIDDEN = (256, 256)  # C:31-33, M:93-95
CRITICS, QUANTILES, KAPPA = 2, 32, 1.0  # A:254-260, 100-101
DISCOUNT, TAU = 0.99, 0.005  # A:86, 89
LEARNING_RATE, BATCH, ADAM_EPSILON = 3e-4, 256, 1e-8  # A:87-88; NNabla's default
LOG_STD_MIN, LOG_STD_MAX = -20, 2  # M:82-83
START_TIMESTEPS, CAPACITY = 10_000, 1_000_000  # A:95-96
EVALUATION_EPISODES = 10  # Y:44
NOISE = ("next_action", "action")  # T:79, S:187
Batch = namedtuple("Batch", "obs action reward next_obs terminated")


# --- networks
def layers(*sizes: int) -> nn.Sequential:
    """Linear layers with ReLUs between them, as Glorot has them, biases at 0 (I:163-168)."""
    linear = [nn.Linear(inputs, outputs) for inputs, outputs in pairwise(sizes)]
    for layer in linear:
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(*(part for layer in linear[:-1] for part in (layer, nn.ReLU())), linear[-1])


def policy(actor: nn.Module, obs: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
    """An action in [-1, 1] of a diagonal Gaussian through tanh, its log pi; without noise, the mean's (M:91-105)."""
    mean, log_std = actor(obs).chunk(2, dim=1)
    log_std = log_std.clamp(LOG_STD_MIN, LOG_STD_MAX)
    noise = torch.zeros_like(mean) if noise is None else noise  # D:91-92
    u = mean + log_std.exp() * noise  # F:40-45
    log_prob = (-0.5 * noise**2 - log_std - 0.5 * math.log(2 * math.pi)).sum(1)
    return torch.tanh(u), log_prob - (2 * (math.log(2) - u - nn.functional.softplus(-2 * u))).sum(1)  # D:98-109


def quantiles(critics: nn.ModuleList, obs: Tensor, action: Tensor) -> Tensor:
    """What every critic says of the return's distribution, [critic, batch, quantile] (C:28-36)."""
    x = torch.cat([obs, action], dim=1)
    return torch.stack([critic(x) for critic in critics])


def quantile_losses(predicted: Tensor, target: Tensor) -> Tensor:
    """Of every critic the Huber loss between its quantiles and the target's [batch, quantile], all with all, the mean
    over the target's and the sum over its own: an error upwards weighs as much as the quantile is high, one downwards
    the rest (Q:131-150, F:192-203)."""
    level = ((torch.arange(QUANTILES, dtype=target.dtype) + 0.5) / QUANTILES).unsqueeze(1)  # Q:181-186
    error = target.unsqueeze(1) - predicted.unsqueeze(3)
    huber = nn.functional.huber_loss(error, torch.zeros_like(error), reduction="none", delta=KAPPA) / KAPPA
    return (torch.where(error < 0, 1 - level, level) * huber).mean(3).sum(2).mean(1)


# --- the update
class SAC:
    """The learner: critics, their target copies, the actor and the temperature, each with an Adam of its own."""

    def __init__(self, obs_dim: int, box: gym.spaces.Box):
        self.updates, self.target_entropy, action_dim = 0, -box.shape[0], box.shape[0]  # S:103
        self.actor = layers(obs_dim, *HIDDEN, 2 * action_dim)
        self.critics = nn.ModuleList(layers(obs_dim + action_dim, *HIDDEN, QUANTILES) for _ in range(CRITICS))
        self.target_critics = deepcopy(self.critics).requires_grad_(False)  # A:264
        self.log_alpha = torch.randn(()).requires_grad_()  # S:43
        learned = {"actor": self.actor.parameters(), "critics": self.critics.parameters(), "alpha": [self.log_alpha]}
        self.optimizers = {name: torch.optim.Adam(one, lr=LEARNING_RATE) for name, one in learned.items()}  # A:156

    def act(self, obs: np.ndarray, noise: Tensor | None) -> np.ndarray:
        """Actions [N, A] in [-1, 1], to be clipped to the box, at obs [N, O]; without noise, those of an evaluation."""
        with torch.no_grad():
            return policy(self.actor, torch.as_tensor(obs, dtype=torch.float32), noise)[0].numpy()

    def descend(self, name: str, loss: Tensor) -> None:
        """A step of Adam; NNabla adds its epsilon before it corrects the bias of the second moment (V:60-69)."""
        self.optimizers[name].param_groups[0]["eps"] = ADAM_EPSILON / math.sqrt(1 - 0.999 ** (self.updates + 1))
        self.optimizers[name].zero_grad()
        loss.backward()
        self.optimizers[name].step()

    def update(self, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of critics, targets, the actor on the new critics, alpha; what it computed (A:388-391)."""
        obs, action, reward, next_obs, terminated = batch
        alpha = self.log_alpha.detach().exp()
        with torch.no_grad():  # T:78-102
            next_action, next_log_prob = policy(self.actor, next_obs, noise["next_action"])
            next_quantiles = quantiles(self.target_critics, next_obs, next_action)
            smaller = next_quantiles.mean(2).argmin(0)
            chosen = next_quantiles[smaller, torch.arange(len(obs))]
            next_value = chosen - (alpha * next_log_prob).unsqueeze(1)
            target = reward.unsqueeze(1) + (1 - terminated).unsqueeze(1) * DISCOUNT * next_value
        predicted = quantiles(self.critics, obs, action)
        critic_losses = quantile_losses(predicted, target)
        self.descend("critics", critic_losses.sum())  # Q:93-98, 123-126
        with torch.no_grad():  # utils/misc.py:38-39
            for slow, online in zip(self.target_critics.parameters(), self.critics.parameters(), strict=True):
                slow.copy_(TAU * online + (1 - TAU) * slow)

        own_action, log_prob = policy(self.actor, obs, noise["action"])  # S:186-195
        actor_loss = (alpha * log_prob - quantiles(self.critics, obs, own_action).mean(2).amin(0)).mean()
        self.descend("actor", actor_loss)
        alpha_loss = -(self.log_alpha.exp() * (log_prob.detach() + self.target_entropy)).mean()  # S:197-200
        self.descend("alpha", alpha_loss)

        self.updates += 1
        losses = {f"critic{i}_loss": loss for i, loss in enumerate(critic_losses, start=1)}
        losses |= {"actor_loss": actor_loss, "alpha_loss": alpha_loss, "alpha": alpha, "quantiles": predicted}
        losses |= {"next_quantiles": next_quantiles, "target_quantiles": target}
        return losses | {"log_prob": log_prob, "next_log_prob": next_log_prob}


# --- the loop
class Replay:
    """The newest CAPACITY transitions, in float32 (R:41-61)."""

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
        """`size` different numbers below `high` (R:145)."""
        return self.numpy.choice(high, size, replace=False)


def train(task: str, seed: int, make_env: Any = gym.make, draw: Any = None) -> Iterator[SAC]:
    """Plays and learns without end; yields the agent after every environment step and the update that follows it."""
    torch.manual_seed(seed)
    draw, env = draw or Draw(seed), make_env(task)
    env.action_space.seed(seed)
    obs_dim, action_dim, box = env.observation_space.shape[0], env.action_space.shape[0], env.action_space
    agent, replay = SAC(obs_dim, box), Replay(obs_dim, action_dim)
    obs, _ = env.reset(seed=seed)
    for env_step in count(1):
        warm = env_step < START_TIMESTEPS  # E:121-122
        action = box.sample() if warm else agent.act(obs[None], draw.normal((1, action_dim)))[0]
        next_obs, reward, terminated, truncated, _ = env.step(np.clip(action, box.low, box.high))
        replay.add(obs, action, reward, next_obs, terminated)  # E:130-146, A:177
        obs = env.reset()[0] if terminated or truncated else next_obs
        if env_step > START_TIMESTEPS:  # A:359
            batch = replay.sample(draw.integers(len(replay), BATCH))
            agent.update(batch, {name: draw.normal((BATCH, action_dim)) for name in NOISE})
        yield agent


def evaluate(agent: SAC, env: Any) -> float:
    """The mean return of episodes of the mean's action (utils/evaluator.py:28-36)."""
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
    parser.add_argument("--seed", type=int, default=0)  # Y:93
    parser.add_argument("--env-steps", type=int, default=3_000_000)  # Y:27-32, of Ant, HalfCheetah and Walker2d
    parser.add_argument("--evaluate-every", type=int, default=5_000)  # Y:100
    options = parser.parse_args()
    test_env = gym.make(options.task)
    test_env.reset(seed=options.seed + 100)  # Y:43
    for env_step, agent in enumerate(islice(train(options.task, options.seed), options.env_steps), start=1):
        if env_step % options.evaluate_every == 0:
            print(f"step {env_step:>9,}   return {evaluate(agent, test_env):10.1f}", flush=True)

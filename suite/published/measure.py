"""Measure the uniform random policy, zero of every normalised score: `python -m suite.published.measure TASK...`."""

from __future__ import annotations

import csv
import sys
import zlib
from pathlib import Path
from typing import cast

import gymnasium
import mujoco
import numpy as np

from suite.published.anchors import EPISODES, RANDOM_POLICY, RANDOM_POLICY_FIELDS

# of every episode: the first word resets the environment, its generator draws the actions
SEED_RULE = "SeedSequence(0, spawn_key=(crc32(task), episode))"


def random_returns(task: str, episodes: int) -> np.ndarray:
    """Undiscounted returns [episodes] in reward units of actions drawn uniformly from the task's own action box."""
    env = gymnasium.make(task)
    seeds = (np.random.SeedSequence(0, spawn_key=(zlib.crc32(task.encode()), episode)) for episode in range(episodes))
    returns = np.array([_random_return(env, seed) for seed in seeds])
    env.close()
    return returns


def _random_return(env: gymnasium.Env, seed: np.random.SeedSequence) -> float:
    rng, box = np.random.default_rng(seed), cast(gymnasium.spaces.Box, env.action_space)
    env.reset(seed=int(seed.generate_state(1)[0]))
    total, over = 0.0, False
    while not over:
        action = np.asarray(rng.uniform(box.low, box.high)).astype(box.dtype)
        _, reward, terminated, truncated, _ = env.step(action)
        total += float(reward)
        over = terminated or truncated
    return total


def measure(task: str, episodes: int = EPISODES) -> dict[str, object]:
    """One row of random_policy.csv: mean and sample SD over episodes [reward units], with the versions that made it."""
    returns = random_returns(task, episodes)
    return {
        "task": task,
        "mean": f"{returns.mean():.4f}",
        "sd": f"{returns.std(ddof=1):.4f}",
        "episodes": episodes,
        "gymnasium": gymnasium.__version__,
        "mujoco": mujoco.__version__,
        "seed_rule": SEED_RULE,
    }


def main(tasks: list[str], table: Path = RANDOM_POLICY) -> None:
    """Measure the tasks named and rewrite their rows of the table, leaving every other row as it stands."""
    rows: dict[str, dict] = {}
    if table.exists():
        with table.open(newline="") as file:
            rows = {row["task"]: row for row in csv.DictReader(file)}
    for task in tasks:
        rows[task] = measure(task)
        with table.open("w", newline="") as file:
            writer = csv.DictWriter(file, RANDOM_POLICY_FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows[name] for name in sorted(rows))


if __name__ == "__main__":
    gymnasium.logger.min_level = gymnasium.logger.ERROR  # v4 ids are the published ones: their deprecation is no news
    if len(sys.argv) < 2:
        sys.exit("suite.published.measure: name at least one task, for instance Pendulum-v1")
    main(sys.argv[1:])

"""Trains one seed of SAC and evaluates it as it learns: what a library's maintainers replace with their own agent.

It leaves RUNS/seed_N/evaluations.npz: timesteps [T], results [T, episodes] and ep_lengths [T, episodes].
"""

import argparse
from pathlib import Path

import gymnasium as gym
from stable_baselines3 import SAC
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.monitor import Monitor

arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("runs", type=Path)
arguments.add_argument("--task", default="Pendulum-v1")
arguments.add_argument("--seed", type=int, required=True)
arguments.add_argument("--env-steps", type=int, default=20_000)
arguments.add_argument("--every", type=int, default=1_000)
options = arguments.parse_args()

evaluation = Monitor(gym.make(options.task))  # an environment of its own, with starting states of its own
evaluation.reset(seed=10_000 + options.seed)
agent = SAC("MlpPolicy", gym.make(options.task), seed=options.seed, learning_starts=1_000)
agent.learn(
    options.env_steps,
    callback=EvalCallback(
        evaluation,
        eval_freq=options.every,
        n_eval_episodes=10,
        log_path=str(options.runs / f"seed_{options.seed}"),
        verbose=0,
    ),
)

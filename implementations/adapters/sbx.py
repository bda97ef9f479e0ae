"""SBX's SAC (araffin/sbx): Stable-Baselines3's loop and replay buffer around an update in JAX."""

from __future__ import annotations

import gymnasium
from sbx import SAC

from implementations.adapters.stable_baselines3 import Loop, settings
from suite.contract import Job


def start(job: Job) -> Loop:
    return Loop(SAC("MlpPolicy", gymnasium.make(job.task), **settings(job)))

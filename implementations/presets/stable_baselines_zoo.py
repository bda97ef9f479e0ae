"""Stable Baselines 2.10 as its zoo tuned it for HalfCheetah-v2: araffin/rl-baselines-zoo@79a6fd1, hyperparams/sac.yml.

Not reproduced: what stable_baselines does not; that the zoo has this setting for HalfCheetah-v2 alone: Pendulum has
another one, the other MuJoCo tasks none, and here it serves every task.
"""

from dataclasses import replace

from implementations.presets import stable_baselines

SPEC = replace(stable_baselines.SPEC, hidden=(256, 256), batch_size=256, first_update=9_999)

SCHEDULE = replace(stable_baselines.SCHEDULE, warmup_steps=10_000, learn_after=10_000, replay_capacity=1_000_000)

PER_TASK = {}

_ZOO = "araffin/rl-baselines-zoo@79a6fd1"
_YAML = f"{_ZOO} hyperparams/sac.yml"

SOURCES = stable_baselines.SOURCES | {
    "temperature": f"{_YAML}:69; {stable_baselines.SOURCES['temperature']}",
    "hidden": f"{_ZOO} utils/utils.py:67-71 with hyperparams/sac.yml:65",
    "batch_size": f"{_YAML}:68",
    "first_update": f"{_YAML}:72; {stable_baselines.SOURCES['first_update']}",
    "actor_lr": f"{_YAML}:66",
    "critic_lr": f"{_YAML}:66",
    "warmup_steps": f"{_YAML}:72; {stable_baselines.SOURCES['warmup_steps']}",
    "learn_after": f"{_YAML}:72; {stable_baselines.SOURCES['learn_after']}",
    "update_every": f"{_YAML}:70",
    "updates_per_burst": f"{_YAML}:71",
    "replay_capacity": f"{_YAML}:67",
}

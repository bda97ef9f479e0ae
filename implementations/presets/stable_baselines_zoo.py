"""Stable Baselines 2.10 as its zoo sets it for HalfCheetah-v2: araffin/rl-baselines-zoo@79a6fd1, hyperparams/sac.yml.

Not reproduced: what the preset stable_baselines does not reproduce. The zoo has these settings for HalfCheetah-v2 only
(other ones for Pendulum, none for the other MuJoCo tasks); here they serve every task.
"""

from implementations.presets import stable_baselines
from suite.sac.cited import cited, preset
from suite.sac.spec import LearnedAlpha

ZOO = "araffin/rl-baselines-zoo@79a6fd1"
YAML = f"{ZOO} hyperparams/sac.yml"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    stable_baselines,
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
        f"{YAML}:69; {stable_baselines.SOURCES['temperature']}",
    ),
    hidden=cited((256, 256), f"{ZOO} utils/utils.py:67-71 with hyperparams/sac.yml:65"),
    first_update=cited(9_999, f"{YAML}:72; {stable_baselines.SOURCES['first_update']}"),
    batch_size=cited(256, f"{YAML}:68"),
    actor_lr=cited(3e-4, f"{YAML}:66"),
    critic_lr=cited(3e-4, f"{YAML}:66"),
    warmup_steps=cited(10_000, f"{YAML}:72; {stable_baselines.SOURCES['warmup_steps']}"),
    learn_after=cited(10_000, f"{YAML}:72; {stable_baselines.SOURCES['learn_after']}"),
    update_every=cited(1, f"{YAML}:70"),
    updates_per_burst=cited(1, f"{YAML}:71"),
    replay_capacity=cited(1_000_000, f"{YAML}:67"),
)

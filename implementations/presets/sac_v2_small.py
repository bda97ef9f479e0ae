"""sac_v2 with a smaller network and a faster pace, so that every arm learns within minutes on a laptop.

Not a published setting: results under this name are never compared with published curves.
"""

from implementations.presets import sac_v2
from suite.sac.cited import cited, preset
from suite.sac.spec import LearnedAlpha

OURS = "sac_v2 at a size and pace for laptops; not published"

SPEED = "chosen for speed; not published"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    sac_v2,
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="alpha", sample="actor", lr=1e-3),
        f"{sac_v2.SOURCES['temperature']}; learning rate: {SPEED}",
    ),
    hidden=cited((64, 64), SPEED),
    tau=cited(0.01, SPEED),
    batch_size=cited(128, SPEED),
    actor_lr=cited(1e-3, SPEED),
    critic_lr=cited(1e-3, SPEED),
    warmup_steps=cited(1_000, SPEED),
    learn_after=cited(1_000, SPEED),
    replay_capacity=cited(100_000, SPEED),
)

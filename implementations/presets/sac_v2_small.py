"""sac_v2 with a smaller network and a faster pace, so that a laptop sees every arm learn within minutes.

Not a published setting: results under this name are never compared with published curves.
"""

from dataclasses import replace

from implementations.presets import sac_v2

OURS = "sac_v2 at a size and pace for laptops; not published"

SPEC = replace(
    sac_v2.SPEC,
    hidden=(64, 64),
    batch_size=128,
    actor_lr=1e-3,
    critic_lr=1e-3,
    temperature=replace(sac_v2.SPEC.temperature, lr=1e-3),
    tau=0.01,
)

SCHEDULE = replace(sac_v2.SCHEDULE, warmup_steps=1_000, learn_after=1_000, replay_capacity=100_000)

PER_TASK = {}

_OURS = "chosen for speed; not published"

SOURCES = sac_v2.SOURCES | {
    "hidden": _OURS,
    "batch_size": _OURS,
    "actor_lr": _OURS,
    "critic_lr": _OURS,
    "temperature": sac_v2.SOURCES["temperature"] + f"; learning rate: {_OURS}",
    "tau": _OURS,
    "warmup_steps": _OURS,
    "learn_after": _OURS,
    "replay_capacity": _OURS,
}

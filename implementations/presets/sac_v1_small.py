"""sac_v1 at the size and pace of sac_v2_small. Not a published setting."""

from dataclasses import replace

from implementations.presets import sac_v1, sac_v2_small

OURS = "sac_v1 at a size and pace for laptops; not published"

SPEC = replace(
    sac_v1.SPEC,
    hidden=sac_v2_small.SPEC.hidden,
    batch_size=sac_v2_small.SPEC.batch_size,
    actor_lr=sac_v2_small.SPEC.actor_lr,
    critic_lr=sac_v2_small.SPEC.critic_lr,
    tau=sac_v2_small.SPEC.tau,
)

SCHEDULE = sac_v2_small.SCHEDULE

PER_TASK = {
    task: {field: value for field, value in values.items() if field == "reward_scale"}
    for task, values in sac_v1.PER_TASK.items()
}

SOURCES = (
    sac_v1.SOURCES
    | {field: sac_v2_small.SOURCES[field] for field in ("hidden", "batch_size", "actor_lr", "critic_lr", "tau")}
    | {field: sac_v2_small.SOURCES[field] for field in ("warmup_steps", "learn_after", "replay_capacity")}
)

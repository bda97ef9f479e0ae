"""sac_v1 at the size and pace of sac_v2_small. Not a published setting."""

from implementations.presets import sac_v1, sac_v2_small
from suite.sac.cited import as_in, preset

OURS = "sac_v1 at a size and pace for laptops; not published"

SIZE = ("hidden", "batch_size", "actor_lr", "critic_lr", "tau")
PACE = ("warmup_steps", "learn_after", "replay_capacity")

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(sac_v1, **as_in(sac_v2_small, *SIZE, *PACE))

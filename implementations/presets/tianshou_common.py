"""Tianshou in the common configuration: the settings that all compared packages offer have the same values.

Not reproduced: what the preset tianshou does not reproduce. These are not the code base's own settings; the example
learns alpha only on request.
"""

from implementations.presets import tianshou
from implementations.presets.sac_v2 import SMALL_TASKS
from suite.sac.cited import cited, preset
from suite.sac.spec import LearnedAlpha

OURS = "tianshou at the hyper-parameters that the comparison of packages has in common"

COMMON = "ours: the common configuration of the comparison"
ALPHA = "thu-ml/tianshou@f240205 tianshou/algorithm/modelfree/sac.py:203-209,315-326"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    tianshou,
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
        f"{COMMON}; its objective and its sample: {ALPHA}",
    ),
    discount=cited(0.99, COMMON),
    critics=cited(2, COMMON),
    hidden=cited((256, 256), COMMON),
    tau=cited(0.005, COMMON),
    batch_size=cited(256, COMMON),
    actor_lr=cited(3e-4, COMMON),
    critic_lr=cited(3e-4, COMMON),
    warmup_steps=cited(10_000, COMMON, {SMALL_TASKS: 1_000}),
    learn_after=cited(
        10_001, f"{COMMON}, in the code base's way of counting: {tianshou.SOURCES['learn_after']}", {SMALL_TASKS: 1_001}
    ),
    replay_capacity=cited(1_000_000, COMMON),
    reset_every=cited(None, COMMON),
)

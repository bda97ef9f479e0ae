"""Tianshou in the common configuration of the comparison: what all its code bases let one set is the same.

Not reproduced: what tianshou does not. No code base has this setting as its own; the example learns alpha on request.
"""

from dataclasses import replace

from implementations.presets import tianshou
from suite.sac.spec import LearnedAlpha

OURS = "tianshou at the hyper-parameters that the comparison of packages has in common"

SPEC = replace(
    tianshou.SPEC,
    temperature=LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
    discount=0.99,
    critics=2,
    hidden=(256, 256),
    tau=0.005,
    batch_size=256,
    actor_lr=3e-4,
    critic_lr=3e-4,
)

SCHEDULE = replace(tianshou.SCHEDULE, warmup_steps=10_000, learn_after=10_001, replay_capacity=1_000_000)

PER_TASK = {
    "Pendulum-v1": {"warmup_steps": 1_000, "learn_after": 1_001},
    "InvertedPendulum-v4": {"warmup_steps": 1_000, "learn_after": 1_001},
    "InvertedPendulum-v5": {"warmup_steps": 1_000, "learn_after": 1_001},
    "InvertedDoublePendulum-v4": {"warmup_steps": 1_000, "learn_after": 1_001},
    "InvertedDoublePendulum-v5": {"warmup_steps": 1_000, "learn_after": 1_001},
    "Reacher-v4": {"warmup_steps": 1_000, "learn_after": 1_001},
    "Reacher-v5": {"warmup_steps": 1_000, "learn_after": 1_001},
}

_OURS = "ours: the common configuration of the comparison"
_TEMPERATURE = "thu-ml/tianshou@f240205 tianshou/algorithm/modelfree/sac.py:203-209,315-326"

SOURCES = tianshou.SOURCES | {
    "temperature": f"{_OURS}; its objective and its sample: {_TEMPERATURE}",
    "discount": _OURS,
    "critics": _OURS,
    "hidden": _OURS,
    "tau": _OURS,
    "batch_size": _OURS,
    "actor_lr": _OURS,
    "critic_lr": _OURS,
    "warmup_steps": _OURS,
    "learn_after": f"{_OURS}, in the code base's way of counting: {tianshou.SOURCES['learn_after']}",
    "replay_capacity": _OURS,
}

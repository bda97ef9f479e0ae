"""Should the first actions be uniform, or the first policy's?"""

from implementations.presets import rlkit
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "first_actions",
    {"uniform": {}, "policy": {"warmup_steps": 0}},
    question="Is a uniform warm-up needed, or does the policy's own first noise explore as well?",
    baseline="sac_v2",
    outcomes=("final_return", "steps_to_threshold"),
    expected="no difference at the end: the first policy is nearly uniform already",
    literature=(rlkit.SOURCES["warmup_steps"],),
    directions={"policy": "equal"},
    margin=0.1,
    tags=("codebases",),
)

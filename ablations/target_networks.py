"""Are target networks needed once the batch normalises?"""

from suite.sac.ablation import one_factor
from suite.sac.spec import BatchRenorm

NORM = BatchRenorm(eps=1e-3, momentum=0.99, warmup=100_000, variance="biased", renorm="from")
RENORM = {"target_networks": False, "actor_norm": NORM, "critic_norm": NORM}
ABLATION = one_factor(
    "targets",
    {"followed": {}, "none": {"target_networks": False}, "none, batch renormalised": RENORM},
    question="Can the critics judge the next state themselves, with batch renormalisation or without?",
    baseline="sac_v2",
    outcomes=("final_return", "area", "q_bias", "stability"),
    expected="without it learning is unstable; with it earlier than with target networks",
    literature=("arXiv 1902.05605: CrossQ",),
    directions={"none": "worse", "none, batch renormalised": "better"},
    margin=0.1,
    tags=("later",),
)

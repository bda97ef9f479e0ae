"""Must the target hold the entropy, or is it enough that the policy's loss does?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "entropy",
    {"in_target": {}, "policy_only": {"entropy_in_target": False}},
    question="Is maximum entropy reinforcement learning what helps, or entropy as a regulariser of the policy?",
    baseline="sac_v2",
    outcomes=("final_return", "entropy"),
    expected="the policy's regulariser alone is as good or better",
    literature=("arXiv 2201.12434: policy-only comparable or better",),
    directions={"policy_only": "equal"},
    margin=0.1,
    tags=("papers",),
)

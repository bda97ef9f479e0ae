"""Which critic does the target believe?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "target_from",
    {"min": {}, "mean": {"target_reduce": "mean"}, "first": {"target_reduce": "first"}},
    question="Is the minimum needed in the target, or would the mean of both critics do?",
    baseline="sac_v2",
    outcomes=("final_return", "q_bias"),
    expected="the mean overestimates; where that hurts, it is in tasks of many dimensions",
    literature=("arXiv 1802.09477, section 4.2: the minimum against overestimation",),
    directions={"mean": "worse", "first": "worse"},
    tasks=("Hopper-v5", "Walker2d-v4", "Ant-v4", "Humanoid-v4"),
    margin=0.1,
    tags=("codebases",),
)

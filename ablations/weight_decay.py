"""Does it help to let the weights decay?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "weight_decay",
    {"0": {}} | {f"{value}": {"weight_decay": value} for value in (1e-3, 1e-2, 1e-1)},
    question="Does decoupled weight decay help, in actor and critics?",
    baseline="sac_v2",
    outcomes=("final_return", "stability", "q_bias"),
    expected="little at the lengths that are trained here; 0.1 costs",
    literature=("arXiv 1711.05101", "arXiv 2410.09754: 0.01 in SimBa"),
    directions={"0.001": "equal", "0.1": "worse"},
    margin=0.1,
    tags=("later",),
)

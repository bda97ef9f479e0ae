"""Does the activation matter?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "activation",
    {"relu": {}} | {word: {"activation": word} for word in ("tanh", "elu", "silu")},
    question="Does another activation than the rectifier help?",
    baseline="sac_v2",
    outcomes=("final_return", "area"),
    expected="rectifiers best, the hyperbolic tangent worst",
    literature=("arXiv 1801.01290, table 1: ReLU", "arXiv 1709.06560, section 4: the activation matters for others"),
    directions={"tanh": "worse"},
    margin=0.1,
    tags=("later",),
)

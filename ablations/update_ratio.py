"""How many updates for each step?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "updates",
    {"one": {}, "half": {"update_every": 2}, "two": {"updates_per_burst": 2}, "four": {"updates_per_burst": 4}},
    question="What do more updates for each step of the environment buy?",
    baseline="sac_v2",
    outcomes=("area", "steps_to_threshold", "final_return", "q_bias"),
    expected="earlier learning up to two or four; beyond, overestimation",
    literature=(
        "arXiv 1801.01290, table 1: one (four with SAC's hard copies)",
        "arXiv 2101.05982: 20 need an ensemble",
    ),
    directions={"half": "worse", "two": "better"},
    margin=0.1,
    tags=("practice",),
)

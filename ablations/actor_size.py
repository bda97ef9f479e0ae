"""May the actor be smaller than its critics?"""

from suite.sac.ablation import one_factor

SIZES = {"8_wide": (8, 8), "32_wide": (32, 32), "128_wide": (128, 128), "one_layer": (256,)}
ABLATION = one_factor(
    "actor",
    {"as_is": {}} | {name: {"actor_hidden": hidden} for name, hidden in SIZES.items()},
    question="May the actor be smaller than its critics?",
    baseline="sac_v2",
    outcomes=("final_return", "area"),
    expected="much smaller at little cost",
    literature=("arXiv 2506.01016: the actor may be much smaller",),
    directions={"128_wide": "equal", "8_wide": "worse"},
    margin=0.1,
    tags=("later",),
)

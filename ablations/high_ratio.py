"""What makes twenty updates for each step possible?"""

from suite.sac.ablation import one_factor
from suite.sac.spec import LayerNorm

TWENTY = {"updates_per_burst": 20, "actor_every": 20}
REDQ = TWENTY | {"critics": 10, "target_subset": 2, "actor_reduce": "mean"}
NORM = TWENTY | {"critic_norm": LayerNorm(eps=1e-6)}
ABLATION = one_factor(
    "updates",
    {"one": {}, "SAC": TWENTY, "REDQ": REDQ, "layer norm": NORM, "DroQ": NORM | {"critic_dropout": 0.01}},
    question="What makes twenty updates of the critics for each step of the environment possible?",
    baseline="sac_v2",
    outcomes=("area", "steps_to_threshold", "q_bias"),
    expected="an ensemble, or dropout with layer normalisation; SAC as it is overestimates",
    literature=("arXiv 2101.05982", "arXiv 2110.02034"),
    directions={"REDQ": "better", "DroQ": "better"},
    margin=0.1,
    tags=("later",),
)

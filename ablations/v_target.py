"""Does V regress on its own sample's entropy, or on the batch's mean?"""

from implementations.presets import stable_baselines
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "v_target",
    {"per_sample": {}, "broadcast": {"value_net.target": "broadcast"}},
    question="Does stable-baselines' target of V, spread over the batch, change what is learned?",
    baseline="sac_v1",
    outcomes=("final_return", "q_bias"),
    expected="little: V sees the mean entropy where it should see that of each state",
    literature=(stable_baselines.SOURCES["value_net"],),
    directions={"broadcast": "equal"},
    margin=0.1,
    tags=("codebases",),
)

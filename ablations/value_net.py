"""Does a separate state-value network, as in the first SAC paper, help or hurt?"""

from suite.sac.ablation import one_factor
from suite.sac.spec import ValueNet

ABLATION = one_factor(
    "value_net",
    {"without_v": {}, "with_v": {"value_net": ValueNet(loss_scale=0.5, target="per_sample")}},
    question="Does a state-value network with its own target change what is learned?",
    baseline="sac_v2",
    outcomes=("final_return",),
    expected="no difference in final return; possibly slower at first, since V must be learned too",
    literature=(
        "arXiv 1801.01290, section 4.2: V can stabilise training and is convenient to train with the other networks",
        "arXiv 1812.05905, algorithm 1: dropped without loss",
    ),
    directions={"with_v": "equal"},
    margin=0.1,
    tags=("core", "papers"),
)

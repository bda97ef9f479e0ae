"""Does it matter whether evaluation acts by the mean or by a sample?"""

from implementations.presets import softlearning
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "action",
    {"mean": {}, "sample": {"evaluation_action": "sample"}},
    question="How much return does an evaluation by sampled actions hide?",
    baseline="sac_v2",
    outcomes=("final_return",),
    expected="the mean returns more, most where the entropy aimed at is large for the task",
    literature=("arXiv 1801.01290, figure 3 (a)", softlearning.SOURCES["evaluation_action"]),
    directions={"sample": "worse"},
    margin=0.1,
    tags=("papers",),
)

"""How is the tanh's log-determinant kept finite?"""

from implementations.presets import haarnoja_sac, lwdrl
from suite.sac.ablation import one_factor

EPSILON, FLOOR = ({"log_det": one.SPEC.log_det} for one in (haarnoja_sac, lwdrl))
ABLATION = one_factor(
    "log_det",
    {"exact": {}, "epsilon": EPSILON, "floored": FLOOR},
    question="Does an epsilon of 1e-6 in the log-determinant, or a floor, change what is learned?",
    baseline="sac_v2",
    outcomes=("final_return", "entropy"),
    expected="no difference until actions saturate",
    literature=("arXiv 1801.01290, appendix C, eq. 21", haarnoja_sac.SOURCES["log_det"], lwdrl.SOURCES["log_det"]),
    directions={"epsilon": "equal", "floored": "equal"},
    margin=0.1,
    tags=("codebases",),
)

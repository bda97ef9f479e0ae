"""What if a policy gradient's three parts are taken at three draws?"""

from implementations.presets import coach
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "draws",
    {"one": {}, "three": {"pathwise_noise": "independent"}},
    question="Does Coach's policy gradient of three independent draws learn?",
    baseline="sac_v2",
    outcomes=("final_return", "entropy"),
    expected="less, as the gradient of Q in the standard deviation is almost lost",
    literature=(coach.SOURCES["pathwise_noise"],),
    directions={"three": "worse"},
    margin=0.1,
    tags=("codebases",),
)

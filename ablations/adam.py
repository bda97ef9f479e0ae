"""Does it matter which Adam?"""

from implementations.presets import coach
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "adam",
    {"as_is": {}, "coach": {"adam": coach.SPEC.adam}, "beta2_0.95": {"adam.beta2": 0.95}},
    question="Do Coach's Adam (0.9, 0.99, 1e-4) and a beta2 of 0.95 learn as well as the usual one?",
    baseline="sac_v2",
    outcomes=("final_return", "stability"),
    expected="no difference in return; a shorter memory of squares steadies late training",
    literature=(coach.SOURCES["adam"],),
    directions={"coach": "equal", "beta2_0.95": "equal"},
    margin=0.1,
    tags=("codebases",),
)

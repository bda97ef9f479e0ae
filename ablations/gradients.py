"""Are losses taken at the newest parameters, or all at those of the update's start?"""

from implementations.presets import rlkit
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "parameters",
    {"newest": {}, "old": {"gradients": "simultaneous"}},
    question="Does it matter whether an update's losses see the steps before them?",
    baseline="sac_v2",
    outcomes=("final_return",),
    expected="no difference: one step of 3e-4 changes a loss by little",
    literature=(rlkit.SOURCES["gradients"],),
    directions={"old": "equal"},
    margin=0.1,
    tags=("codebases",),
)

"""Of which action is the entropy: in [-1, 1], or as the environment's box has it?"""

from implementations.presets import cleanrl
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "units",
    {"unit": {}, "env": {"log_prob_units": "env"}},
    question="Does it matter that a target entropy of -A means another spread where the box is not [-1, 1]?",
    baseline="sac_v2",
    outcomes=("final_return", "entropy"),
    expected="on Pendulum (a box of +-2) the policy aims at log 2 less of entropy, and nothing is lost",
    literature=(cleanrl.SOURCES["log_prob_units"],),
    directions={"env": "equal"},
    tasks=("Pendulum-v1",),
    margin=0.1,
    tags=("papers", "codebases"),
)

"""Must targets start as copies?"""

from implementations.presets import haarnoja_sac, rlkit
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "targets_start",
    {"as_copies": {}, "independent": {"target_init": "independent"}, "one_step_away": {"target_init": "soft_once"}},
    question="Does it matter that targets start as other networks than those they follow?",
    baseline="sac_v2",
    outcomes=("final_return", "area"),
    expected="a difference over the first thousands of steps alone",
    literature=(rlkit.SOURCES["target_init"], haarnoja_sac.SOURCES["target_init"]),
    directions={"independent": "equal", "one_step_away": "equal"},
    margin=0.1,
    tags=("codebases",),
)

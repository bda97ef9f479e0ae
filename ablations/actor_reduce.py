"""Which critic does the actor climb?"""

from implementations.presets import haarnoja_sac, softlearning
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "actor_on",
    {"min": {}, "mean": {"actor_reduce": "mean"}, "first": {"actor_reduce": "first"}},
    question="Must the actor climb the minimum of the critics, or do their mean or the first of them do as well?",
    baseline="sac_v2",
    outcomes=("final_return", "q_bias"),
    expected="no difference, as the first paper's authors say of their code",
    literature=(haarnoja_sac.SOURCES["actor_reduce"], softlearning.SOURCES["actor_reduce"]),
    directions={"mean": "equal", "first": "equal"},
    margin=0.1,
    tags=("codebases",),
)

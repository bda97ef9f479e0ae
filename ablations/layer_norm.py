"""Does layer normalisation help, and where?"""

from suite.sac.ablation import one_factor
from suite.sac.spec import LayerNorm

NORM = LayerNorm(eps=1e-6)
BOTH = {"actor_norm": NORM, "critic_norm": NORM}
ABLATION = one_factor(
    "norm",
    {"none": {}, "critics": {"critic_norm": NORM}, "actor": {"actor_norm": NORM}, "both": BOTH},
    question="Does layer normalisation help, in the critics or in the actor?",
    baseline="sac_v2",
    outcomes=("final_return", "q_bias", "stability"),
    expected="in the critics it keeps Q from running away; at one update for each step it gains little",
    literature=("arXiv 1607.06450", "arXiv 2110.02034: with dropout, in place of an ensemble", "arXiv 2302.02948"),
    directions={"critics": "equal"},
    margin=0.1,
    tags=("later",),
)

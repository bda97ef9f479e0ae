"""What does dropout do to critics?"""

from suite.sac.ablation import one_factor
from suite.sac.spec import LayerNorm

NORM = {"critic_norm": LayerNorm(eps=1e-6)}
WITH_NORM = {f"with layer norm, {rate}": {**NORM, "critic_dropout": rate} for rate in (0.01, 0.1)}
LEVELS = {"none": {}, "alone": {"critic_dropout": 0.01}} | WITH_NORM
ABLATION = one_factor(
    "dropout",
    LEVELS,
    question="Does dropout in the critics help, and does it need layer normalisation?",
    baseline="sac_v2",
    outcomes=("final_return", "q_bias", "area"),
    expected="at one update for each step nothing gained; without layer normalisation something lost",
    literature=("arXiv 2110.02034: DroQ, 20 updates for each step",),
    directions={"alone": "worse", "with layer norm, 0.01": "equal"},
    margin=0.1,
    tags=("later",),
)

"""Is it the stochastic policy that helps, or only its noise?"""

from suite.sac.ablation import one_factor
from suite.sac.spec import ClipLogStd, FixedAlpha

NOISE = {"temperature": FixedAlpha(value=0.0), "std": ClipLogStd(low=-2.3026, high=-2.3025)}  # std 0.1: log 0.1
ABLATION = one_factor(
    "policy",
    {"stochastic": {}, "mean_plus_noise": NOISE},
    question="Does a policy of the mean alone, explored by noise of 0.1 before tanh, do as well?",
    baseline="sac_v2",
    outcomes=("final_return", "stability"),
    expected="the deterministic policy learns less and differs more from seed to seed",
    literature=("arXiv 1801.01290, section 5.2 and figure 2",),
    directions={"mean_plus_noise": "worse"},
    margin=0.1,
    tags=("papers",),
)

"""Do critics of quantiles help, and the largest left out?"""

from suite.sac.ablation import one_factor
from suite.sac.spec import Quantiles

ALSO = {"actor_reduce": "mean"}
DROPPED = {f"dropped={n}": {"quantiles": Quantiles(n=25, dropped=n, target="pool"), **ALSO} for n in (0, 2, 5)}
ABLATION = one_factor(
    "critics",
    {"one number": {}, **DROPPED},
    question="Do critics of 25 quantiles help, and how many of the largest should the target leave out?",
    baseline="sac_v2",
    outcomes=("final_return", "q_bias", "stability"),
    expected="none left out overestimates, five underestimate; two learn more than the minimum of two numbers",
    literature=("arXiv 2005.04269: 25 quantiles, 2 of each left out on most tasks, 5 on Hopper",),
    directions={"dropped=2": "better"},
    margin=0.1,
    tags=("later",),
)

"""Where do a fixed and a learned temperature part? Over the scale of the rewards."""

from ablations import temperature
from suite.sac.ablation import factorial, one_factor

SCALES = {"as_is": {}} | {f"times_{x:g}": {"reward_scale": x} for x in (0.01, 0.1, 10.0)}
ABLATION = factorial(
    one_factor("scale", SCALES, question="", baseline="sac_v2", outcomes=(), expected="", literature=()),
    temperature.ABLATION,
    question="Is it small or large rewards that set a learned temperature apart from a fixed one?",
    baseline="sac_v2",
    outcomes=("final_return", "alpha"),
    expected="a learned temperature follows the rewards; at 0.2 small rewards drown in entropy",
    literature=("arXiv 1801.01290, figure 3", "arXiv 1812.05905, section 5: the best temperature follows the rewards"),
    directions={"times_0.01-fixed": "worse", "times_0.1-fixed": "worse"},
    margin=0.1,
    tags=("core",),
)

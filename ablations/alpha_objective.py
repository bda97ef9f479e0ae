"""Is alpha multiplied by the entropy's surplus, or its logarithm?"""

from implementations.presets import rlkit
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "objective",
    {"alpha": {}, "log_alpha": {"temperature.objective": "log_alpha"}},
    question="Are the two losses of the temperature equivalent in what is learned?",
    baseline="sac_v2",
    outcomes=("final_return", "alpha"),
    expected="equivalent: Adam divides the size of the gradient out",
    literature=("arXiv 1812.05905, eq. 18: alpha itself", rlkit.SOURCES["temperature"], "vwxyzjn/cleanrl pull 414"),
    directions={"log_alpha": "equal"},
    margin=0.1,
    tags=("codebases",),
)

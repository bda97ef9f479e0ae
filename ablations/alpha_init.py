"""Where should a learned temperature start?"""

from implementations.presets import pytorch_sac
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "alpha_starts",
    {"as_is": {}} | {f"at_{x:g}": {"temperature.init": x} for x in (0.1, 0.01, 0.001)},
    question="Does the first value of a learned temperature matter?",
    baseline="sac_v2",
    outcomes=("final_return", "area", "alpha"),
    expected="a lower start learns earlier where rewards are small, and explores less at first",
    literature=(pytorch_sac.SOURCES["temperature"],),
    directions={"at_0.1": "equal"},
    margin=0.1,
    tags=("codebases", "practice"),
)

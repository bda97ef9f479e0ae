"""May a batch hold a transition twice?"""

from implementations.presets import pranz24
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "sampling",
    {"with_replacement": {}, "without_replacement": {"sampling": "without_replacement"}},
    question="Does it matter whether a batch may hold a transition twice?",
    baseline="sac_v2",
    outcomes=("final_return", "area"),
    expected="no difference: of 10,000 transitions a batch of 256 holds three twice",
    literature=(pranz24.SOURCES["sampling"],),
    directions={"without_replacement": "equal"},
    margin=0.1,
    tags=("codebases",),
)

"""Does the temperature read the actor's own sample, or a fresh one of the policy after its step?"""

from implementations.presets import softlearning
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "sample",
    {"actor": {}, "fresh": {"temperature.sample": "fresh"}},
    question="Does a fresh sample of the moved policy for the temperature change what is learned?",
    baseline="sac_v2",
    outcomes=("final_return", "alpha"),
    expected="equivalent: one step moves the policy's entropy by little",
    literature=(softlearning.SOURCES["temperature"],),
    directions={"fresh": "equal"},
    margin=0.1,
    tags=("codebases",),
)

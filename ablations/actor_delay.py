"""May the actor wait, and then step twice?"""

from implementations.presets import cleanrl
from suite.sac.ablation import one_factor

TWO = {"actor_every": 2, "actor_repeats": 2}
ABLATION = one_factor(
    "actor",
    {"every_update": {}, "two_every_second": TWO, "one_every_second": {"actor_every": 2}},
    question="Do CleanRL's delayed steps of the actor, two in a row every second update, change what is learned?",
    baseline="sac_v2",
    outcomes=("final_return",),
    expected="no difference while the number of its steps is the same",
    literature=(cleanrl.SOURCES["actor_every"], "arXiv 1802.09477, section 5.2: delayed policy updates"),
    directions={"two_every_second": "equal"},
    margin=0.1,
    tags=("codebases",),
)

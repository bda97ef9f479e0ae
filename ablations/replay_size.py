"""How much should be remembered?"""

from implementations.presets import stable_baselines
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "replay",
    {"as_is": {}} | {f"{n}": {"replay_capacity": n} for n in (1_000, 5_000, 50_000)},
    question="What does a small replay cost?",
    baseline="sac_v2",
    outcomes=("final_return", "stability"),
    expected="a thousand transitions are too few; 50,000 cost stability over long budgets",
    literature=(stable_baselines.SOURCES["replay_capacity"], "arXiv 2007.06700: larger replays help"),
    directions={"1000": "worse"},
    margin=0.1,
    tags=("practice",),
)

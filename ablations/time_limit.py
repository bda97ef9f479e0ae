"""Is an episode that its time limit ends a fall?"""

from implementations.presets import stable_baselines
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "time_limit",
    {"bootstrap": {}, "terminal": {"time_limit": "terminal"}},
    question="What does it cost to take a time limit for the end of the task?",
    baseline="sac_v2",
    outcomes=("final_return", "q_bias"),
    expected="values that are too low by what comes after; most where rewards at the limit are large",
    literature=("arXiv 1712.00378", stable_baselines.SOURCES["time_limit"]),
    directions={"terminal": "worse"},
    tasks=("Pendulum-v1", "HalfCheetah-v5"),
    margin=0.1,
    tags=("codebases",),
)

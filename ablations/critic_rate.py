"""Should critics learn faster than the actor?"""

from implementations.presets import cleanrl
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "critic_rate",
    {"as_is": {}, "0.001": {"critic_lr": 1e-3}, "0.0001": {"critic_lr": 1e-4}},
    question="Does a critic's learning rate of 1e-3 help beside an actor's of 3e-4?",
    baseline="sac_v2",
    outcomes=("final_return", "steps_to_threshold"),
    expected="faster early, less stable late",
    literature=(cleanrl.SOURCES["critic_lr"],),
    margin=0.1,
    tags=("codebases",),
)

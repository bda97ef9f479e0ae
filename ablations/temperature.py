"""Is the learned temperature what makes SAC work, or would a fixed one do?"""

from suite.sac.ablation import one_factor
from suite.sac.spec import FixedAlpha

ABLATION = one_factor(
    "temperature",
    {"learned": {}, "fixed": {"temperature": FixedAlpha(value=0.2)}},
    question="Does learning the temperature beat fixing it at 0.2?",
    baseline="sac_v2",
    outcomes=("final_return",),
    expected="learned at least as good on every task without tuning; 0.2 close on tasks whose rewards are of order 1",
    literature=(
        "arXiv 1812.05905, figure 1 and section 7.1: learned matches per-task tuning",
        "openai/spinningup@038665d spinup/algos/pytorch/sac/sac.py: fixes 0.2",
    ),
    directions={"fixed": "equal"},
    margin=0.1,
    tags=("core", "papers"),
)

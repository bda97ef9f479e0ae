"""Mistakes that implementations of SAC have made: would a comparison with published curves notice them?

`python -m suite check --blind` takes each arm for what it was meant to be.
"""

from dataclasses import replace

from suite.sac.ablation import one_factor
from suite.sac.spec import LearnedAlpha

ALPHA = LearnedAlpha(init=1.0, entropy_per_dim=-0.5, objective="alpha", lr=3e-4, sample="actor")
ABLATION = one_factor(
    "mistake",
    {
        "none": {},
        "entropy_plus_half": {"temperature": replace(ALPHA, entropy_per_dim=0.5)},  # the sign of jaxrl's target flipped
        "entropy_plus_one": {"temperature": replace(ALPHA, entropy_per_dim=1.0)},  # of the second paper's
        "time_limit_terminal": {"time_limit": "terminal"},
        "no_minimum": {"target_reduce": "mean", "actor_reduce": "mean"},
        "tau": {"tau": 0.5},
    },
    question="Would the regression check notice an implementation that is wrong?",
    baseline="jaxrl_curves",
    outcomes=("final_return",),
    expected="a flipped target entropy and target networks that follow at once lose much; the other two little",
    literature=(
        "arXiv 1812.05905, section 5: the entropy's target is minus the number of action dimensions",
        "arXiv 1712.00378: a time limit is no end of the task",
        "arXiv 1802.09477, section 4.2: the minimum of two critics against overestimation",
    ),
)

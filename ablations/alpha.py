"""How much does it matter at what a fixed temperature is fixed?"""

from suite.sac.ablation import one_factor
from suite.sac.spec import FixedAlpha

ABLATION = one_factor(
    "alpha",
    {"learned": {}} | {str(x): {"temperature": FixedAlpha(value=x)} for x in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)},
    question="At which fixed temperatures does SAC learn as well as with a learned one?",
    baseline="sac_v2",
    outcomes=("final_return", "entropy"),
    expected="best near one value that differs from task to task, worse far from it; learned as good as the best",
    literature=("arXiv 1801.01290, figure 3 (reward scale)", "arXiv 1812.05905, section 5: why it is learned"),
    directions={"1.0": "worse"},
    margin=0.1,
    tags=("core",),
)

"""How does a network's output become a standard deviation?"""

from implementations.presets import cleanrl, softlearning, softlearning_tf1
from suite.sac.ablation import one_factor

NAMED = {"squash": cleanrl, "softplus": softlearning, "exp": softlearning_tf1}
ABLATION = one_factor(
    "std",
    {"clip": {}} | {name: {"std": one.SPEC.std} for name, one in NAMED.items()},
    question="Do clipping, squashing, softplus and no bound at all learn the same?",
    baseline="sac_v2",
    outcomes=("final_return", "entropy", "failures"),
    expected="the same returns; without a bound a run may diverge",
    literature=tuple(one.SOURCES["std"] for one in NAMED.values()),
    directions={"squash": "equal", "softplus": "equal", "exp": "equal"},
    margin=0.1,
    tags=("codebases",),
)

"""How are the first weights drawn?"""

from implementations.presets import haarnoja_sac, jaxrl, rlkit, softlearning
from suite.sac.ablation import one_factor

FIELDS = ("hidden_init", "critic_output_init", "mean_init", "log_std_init")
NAMED = {"softlearning": softlearning, "haarnoja_sac": haarnoja_sac, "rlkit": rlkit, "jaxrl": jaxrl}
ABLATION = one_factor(
    "initialiser",
    {"torch": {}} | {name: {f: getattr(one.SPEC, f) for f in FIELDS} for name, one in NAMED.items()},
    question="Does a code base's way of drawing its first weights matter?",
    baseline="sac_v2",
    outcomes=("final_return", "steps_to_threshold", "area"),
    expected="a difference early in training, none at its end",
    literature=tuple(one.SOURCES["hidden_init"] for one in NAMED.values()),
    directions={name: "equal" for name in NAMED},
    margin=0.1,
    tags=("codebases",),
)

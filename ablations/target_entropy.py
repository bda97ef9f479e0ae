"""At what entropy should a learned temperature aim?"""

from implementations.presets import jaxrl
from suite.sac.ablation import one_factor

LEVELS = {"-2A": -2.0, "-A/2": -0.5, "0": 0.0}
ABLATION = one_factor(
    "target",
    {"as_is": {}} | {name: {"temperature.entropy_per_dim": x} for name, x in LEVELS.items()},
    question="Does the entropy that a learned temperature aims at matter: -2, -1 (as it is), -1/2 or 0 a dimension?",
    baseline="sac_v2",
    outcomes=("final_return", "entropy", "alpha"),
    expected="little between -2 and -1/2; 0 is nearly uniform and costs return where precision counts",
    literature=("arXiv 1812.05905, table 1: -A", jaxrl.SOURCES["temperature"]),
    directions={"0": "worse"},
    margin=0.1,
    tags=("papers",),
)

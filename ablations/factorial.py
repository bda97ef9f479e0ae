"""The three questions at once: temperature x critics x value network, all eight combinations."""

from ablations import critics, temperature, value_net
from suite.sac.ablation import factorial

ABLATION = factorial(
    temperature.ABLATION,
    critics.ABLATION,
    value_net.ABLATION,
    question="Do the three design choices act independently, or do they interact?",
    baseline="sac_v2",
    outcomes=("final_return",),
    expected="main effects as in the three single ablations; a value network lessens the harm of a single critic",
    literature=("arXiv 1801.01290, section 5.2", "arXiv 1812.05905, section 7"),
    margin=0.1,
    tags=("core",),
)

"""Must rewards of several steps be corrected for actions that older policies chose?"""

from suite.sac.ablation import one_factor
from suite.sac.spec import Retrace

TRACES = {"3 Retrace": "ratio", "3 Q-lambda": "whole"}
CORRECTED = {name: {"retrace": Retrace(steps=3, decay=1.0, trace=trace)} for name, trace in TRACES.items()}
CORRECTION = "arXiv 2512.13165: SAC's n-step returns are biased without a correction"
ABLATION = one_factor(
    "n_step",
    {"1": {}, "3 naive": {"n_step": 3}, **CORRECTED},
    question="Do targets of three steps gain by weighing later actions (Retrace), or each as it is (Q(lambda))?",
    baseline="sac_v2",
    outcomes=("final_return", "steps_to_threshold", "q_bias"),
    expected="the naive bias is gone; Retrace is the safer, and cuts what older policies did",
    literature=("arXiv 1606.02647: Retrace(lambda)", "arXiv 1602.04951: Q(lambda)", CORRECTION),
    margin=0.1,
    tags=("later",),
)

"""Do long gradients need to be cut?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "gradient_clip",
    {"none": {}} | {f"{norm}": {"gradient_clip": norm} for norm in (0.1, 1.0, 10.0)},
    question="Does it help to cut the norm of the gradients?",
    baseline="sac_v2",
    outcomes=("final_return", "stability"),
    expected="nothing: Adam divides a gradient's length out again",
    literature=("arXiv 1412.6980, section 2.1: steps do not change with the scale of the gradient",),
    directions={"1.0": "equal", "10.0": "equal"},
    margin=0.1,
    tags=("later",),
)

"""Does it matter that products between hidden layers are rounded to bfloat16?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "precision",
    {"float32": {}, "bfloat16_hidden": {"precision": "bfloat16_hidden"}},
    question="Does SAC learn as well with the products between hidden layers in bfloat16 as in float32?",
    baseline="sac_v2",
    outcomes=("final_return",),
    expected="no difference: Adam divides out the size of a gradient, and the rounding of one is 1 part in 256",
    literature=(
        "arXiv 2102.13565: in float16 SAC from pixels needs six changes of its update to reach float32's returns",
    ),
)

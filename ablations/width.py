"""How wide, and how deep?"""

from suite.sac.ablation import one_factor

SIZES = {"32_wide": (32, 32), "128_wide": (128, 128), "512_wide": (512, 512), "one_layer": (256,), "three": (256,) * 3}
ABLATION = one_factor(
    "size",
    {"as_is": {}} | {name: {"hidden": hidden} for name, hidden in SIZES.items()},
    question="Do width and depth of the networks matter?",
    baseline="sac_v2",
    outcomes=("final_return", "area"),
    expected="wider a little better, three layers no better",
    literature=("arXiv 1801.01290, table 1: two layers of 256", "arXiv 2506.01016: the actor may be much smaller"),
    directions={"32_wide": "worse", "three": "equal"},
    margin=0.1,
    tags=("practice",),
)

"""How fast should the targets follow?"""

from suite.sac.ablation import one_factor

COPIES = {"tau": 1.0, "target_every": 1_000}
ABLATION = one_factor(
    "tau",
    {"as_is": {}} | {str(x): {"tau": x} for x in (1e-4, 1e-3, 1e-2, 1e-1)} | {"hard_copies": COPIES},
    question="How wide is the range of target rates at which SAC learns, and do hard copies do as well?",
    baseline="sac_v2",
    outcomes=("final_return", "stability"),
    expected="slow at 1e-4, unstable at 0.1; copies every 1,000 updates about as good",
    literature=(
        "arXiv 1801.01290, figure 3 (c): 1e-4 to 0.1",
        "arXiv 1801.01290, table 1: a variant with copies every 1,000",
    ),
    directions={"0.0001": "worse", "hard_copies": "equal"},
    margin=0.1,
    tags=("papers",),
)

"""How many critics?"""

from suite.sac.ablation import one_factor

ONE = {"critics": 1, "target_reduce": "first", "actor_reduce": "first"}
ABLATION = one_factor(
    "critics",
    {"two": {}, "one": ONE, "three": {"critics": 3}, "five": {"critics": 5}, "ten": {"critics": 10}},
    question="Does the minimum over more critics than two help, or underestimate?",
    baseline="sac_v2",
    outcomes=("final_return", "q_bias"),
    expected="two best: one overestimates, and the minimum over many underestimates more the more there are",
    literature=(
        "arXiv 1802.09477, section 4.2",
        "arXiv 2101.05982, section 3: ten critics, the minimum over two of them",
    ),
    directions={"one": "worse", "ten": "worse"},
    margin=0.1,
    tags=("core",),
)

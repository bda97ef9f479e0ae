"""Are two critics needed, or is one enough?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "critics",
    {"twin": {}, "single": {"critics": 1, "target_reduce": "first", "actor_reduce": "first"}},
    question="Does the minimum of two critics beat a single critic?",
    baseline="sac_v2",
    outcomes=("final_return",),
    expected="twin better or equal; a single critic overestimates (larger Q bias), most on higher-dimensional tasks",
    literature=(
        "arXiv 1802.09477, section 4: overestimation and clipped double Q-learning",
        "arXiv 1801.01290, section 4.2: two Q-functions speed up training, especially on harder tasks",
    ),
    directions={"single": "worse"},
    margin=0.1,
    tags=("core", "papers"),
)

"""Does a random part of a large ensemble judge better than the minimum of two?"""

from suite.sac.ablation import one_factor

TEN = {"critics": 10, "actor_reduce": "mean"}
ABLATION = one_factor(
    "critics",
    {"two": {}, "ten": TEN} | {f"target_subset={n}": {**TEN, "target_subset": n} for n in (1, 2, 5)},
    question="Of ten critics, over how many should the target's minimum go?",
    baseline="sac_v2",
    outcomes=("final_return", "q_bias", "area"),
    expected="two of ten overestimate least without underestimating; one as single critics do, all ten too low",
    literature=("arXiv 2101.05982, section 3: ten critics, two of them in the target, their mean for the actor",),
    directions={"ten": "worse", "target_subset=1": "worse"},
    margin=0.1,
    tags=("later",),
)

"""How many rewards should a target hold?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "n_step",
    {"1": {}} | {f"{n}": {"n_step": n} for n in (3, 5, 10)},
    question="Do n-step returns help, uncorrected?",
    baseline="sac_v2",
    outcomes=("final_return", "steps_to_threshold", "q_bias"),
    expected="three earlier than one; ten lose, since the rewards are an older policy's and no entropy is among them",
    literature=(
        "arXiv 1710.02298: three steps, uncorrected, are among what Rainbow misses most",
        "arXiv 2007.06700: with a larger replay nothing but uncorrected n-step returns helps",
        "DLR-RM/stable-baselines3@e05d2dbe stable_baselines3/common/buffers.py:886-954",
    ),
    directions={"10": "worse"},
    margin=0.1,
    tags=("later",),
)

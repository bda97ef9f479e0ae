"""Should observations be normalised by what was seen so far?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "observations",
    {"raw": {}, "normalised": {"normalise_observations": "running"}},
    question="Does it help to normalise observations by their running mean and standard deviation?",
    baseline="sac_v2",
    outcomes=("final_return", "steps_to_threshold", "stability"),
    expected="little where observations are of order 1; earlier learning where they are not",
    literature=(
        "arXiv 2006.05990: recommended always, to on-policy algorithms",
        "DLR-RM/stable-baselines3@e05d2dbe stable_baselines3/common/vec_env/vec_normalize.py:214-221",
    ),
    directions={"normalised": "equal"},
    margin=0.1,
    tags=("later",),
)

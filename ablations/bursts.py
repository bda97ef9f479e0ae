"""May updates come in bursts?"""

from implementations.presets import rlkit, spinningup
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "burst",
    {"every_step": {}} | {f"{n}_in_a_row": {"update_every": n, "updates_per_burst": n} for n in (50, 1_000)},
    question="Does it matter that updates come 50 or 1,000 in a row, one for each step in the mean?",
    baseline="sac_v2",
    outcomes=("final_return", "steps_to_threshold"),
    expected="50 as good; 1,000 a little slower",
    literature=(spinningup.SOURCES["updates_per_burst"], rlkit.SOURCES["updates_per_burst"]),
    directions={"50_in_a_row": "equal"},
    margin=0.1,
    tags=("codebases",),
)

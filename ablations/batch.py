"""How large a batch?"""

from implementations.presets import spinningup
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "batch",
    {"as_is": {}} | {f"{n}": {"batch_size": n} for n in (32, 64, 512, 1_024)},
    question="Does the size of the batch matter beside the learning rate?",
    baseline="sac_v2",
    outcomes=("final_return", "area"),
    expected="32 slower, 512 as good",
    literature=(spinningup.SOURCES["batch_size"],),
    directions={"512": "equal"},
    margin=0.1,
    tags=("practice",),
)

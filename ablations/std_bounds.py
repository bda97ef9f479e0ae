"""Between which bounds is log std kept?"""

from implementations.presets import haarnoja_sac
from suite.sac.ablation import one_factor
from suite.sac.spec import ClipLogStd

NARROW = {"std": ClipLogStd(low=-5.0, high=0.0)}
ABLATION = one_factor(
    "bounds",
    {"-20_to_2": {}, "-5_to_2": {"std": ClipLogStd(low=-5.0, high=2.0)}, "-5_to_0": NARROW},
    question="Does it matter between which bounds the logarithm of the standard deviation is clipped?",
    baseline="sac_v2",
    outcomes=("final_return", "entropy"),
    expected="no difference between -20 and -5 below; above, 0 keeps early exploration smaller",
    literature=(haarnoja_sac.SOURCES["std"],),
    directions={"-5_to_2": "equal"},
    margin=0.1,
    tags=("codebases",),
)

"""Does it matter how large the first weights are?"""

from suite.sac.ablation import one_factor
from suite.sac.spec import Orthogonal

ONE = Orthogonal(gain=1.0)
ABLATION = one_factor(
    "gain",
    {"root_two": {}, "one": {"hidden_init": ONE, "critic_output_init": ONE}},
    question="Is an orthogonal initialisation better with a gain of 1 than of the root of 2?",
    baseline="jaxrl",
    outcomes=("final_return",),
    expected="earlier learning with a gain of 1, as jaxrl's published curves have it, and little difference later",
    literature=(
        "ikostrikov/jaxrl@4a9abaf jaxrl/networks/common.py:11-12: root of 2",
        "ikostrikov/jaxrl@7745b27 sac.py:22: 1, and 3,910 ± 487 at 50,000 steps of HalfCheetah-v2",
        "ikostrikov/jaxrl@76830c1 sac.py:28-35: root of 2 (and another entropy), 3,223 ± 321 there",
    ),
)

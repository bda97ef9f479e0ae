"""Which of the settings that jaxrl has changed since tells its last state from its published curves?"""

from suite.ablation import one_factor
from suite.spec import ClipLogStd, Orthogonal

ONE = Orthogonal(gain=1.0)
GAIN_ONE = {"hidden_init": ONE, "critic_output_init": ONE}
ABLATION = one_factor(
    "settings",
    {
        "last_state": {},
        "gain_one": GAIN_ONE,
        "curves": {**GAIN_ONE, "std": ClipLogStd(low=-20.0, high=2.0), "actor_head": "joint", "warmup_steps": 10_000},
    },
    question="Which change after jaxrl's published curves makes its last state climb later?",
    baseline="jaxrl",
    metric="return of the last tenth of training",
    expected="the first weights' gain: the other settings of the curves' commit are hardly ever felt",
    literature=(
        "ikostrikov/jaxrl@7745b27 sac.py:22,31-33,59-62 (gain 1, one layer, clipped from -20), main.py:67,84 (warm-up)",
        "ikostrikov/jaxrl@4a9abaf jaxrl/networks/common.py:11-12: gain of the root of 2",
        "ikostrikov/jaxrl@76830c1 sac.py:28-35, logs/results/HalfCheetah-v2: that gain in hidden layers, ten runs, "
        "3,223 ± 321 at 50,000 steps",
    ),
)

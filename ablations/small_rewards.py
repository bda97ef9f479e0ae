"""Do small rewards set a learned temperature apart from a fixed one with networks of the papers' size, too?"""

from ablations import temperature
from suite.sac.ablation import factorial, one_factor

SCALES = {"as_is": {}, "times_0.1": {"reward_scale": 0.1}}
ABLATION = factorial(
    one_factor("scale", SCALES, question="", baseline="sac_v2", outcomes=(), expected="", literature=()),
    temperature.ABLATION,
    question="Do small rewards set a learned temperature apart from a fixed one?",
    baseline="sac_v2",
    outcomes=("final_return", "area", "alpha", "entropy"),
    expected="a tenth of the rewards makes 0.2 ten times as strong: a fixed temperature loses, a learned one hardly",
    literature=(
        "arXiv 1801.01290, figure 3: returns over the scale of the rewards",
        "results/released/answers: the same with small networks on two small tasks",
    ),
    margin=0.1,
    tags=("practice",),
)

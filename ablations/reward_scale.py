"""The first paper's one knob: how large are the rewards beside a temperature of 1?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "reward_scale",
    {"as_is": {}} | {f"{x:g}": {"reward_scale": x} for x in (1.0, 3.0, 10.0, 30.0, 100.0)},
    question="How narrow is the range of reward scales at which a fixed temperature of 1 learns?",
    baseline="sac_v1",
    outcomes=("final_return", "entropy"),
    expected="too small: a nearly uniform policy; too large: a nearly deterministic one that stops exploring",
    literature=("arXiv 1801.01290, section 5.2 and figure 3 (b): 1, 3, 10, 30, 100 on Ant",),
    directions={"1": "worse", "100": "worse"},
    tasks=("Ant-v4", "Ant-v5"),
    margin=0.1,
    tags=("papers",),
)

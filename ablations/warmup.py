"""How long should the first actions be drawn uniformly?"""

from implementations.presets import stable_baselines3
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "warmup",
    {"as_is": {}} | {f"{n}": {"warmup_steps": n, "learn_after": max(n, 100)} for n in (100, 1_000, 10_000)},
    question="What is a short warm-up worth, and what does it cost?",
    baseline="sac_v2",
    outcomes=("final_return", "steps_to_threshold", "area", "failures"),
    expected="with 100 steps earlier learning, less of it and more spread between seeds on MuJoCo's tasks",
    literature=(
        stable_baselines3.SOURCES["warmup_steps"],
        "Stable-Baselines3 on HalfCheetah-v5 at 1M: 8,927 +- 2,669 after 100 steps, 10,965 +- 272 after 10,000",
    ),
    margin=0.1,
    tags=("codebases",),
)

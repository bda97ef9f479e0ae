"""How far ahead should SAC look?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "discount",
    {"as_is": {}} | {f"{x:g}": {"discount": x} for x in (0.95, 0.98, 0.995, 0.999)},
    question="Is 0.99 the discount that the tasks want?",
    baseline="sac_v2",
    outcomes=("final_return", "q_bias"),
    expected="0.98 about as good on most tasks; longer horizons help Swimmer alone",
    literature=("DLR-RM/rl-baselines3-zoo@22e3ff2 hyperparams/sac.yml: 0.9999 on Swimmer, 0.98 on small tasks",),
    directions={"0.98": "equal"},
    margin=0.1,
    tags=("practice",),
)

"""Does it help to forget all networks now and then, and to keep the replay?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "resets",
    {"never": {}} | {f"{n}": {"reset_networks_every": n} for n in (2_000, 5_000)},
    question="Does it help to start the networks anew every so many updates, with the replay kept?",
    baseline="sac_v2",
    outcomes=("area", "final_return", "q_bias"),
    expected="at one update for each step they cost what must be learned anew; they pay where there are many",
    literature=(
        "arXiv 2205.07802; evgenii-nikishin/rl_with_resets@502ec52 train_dense.py:107-111: every 200,000 steps",
        "openreview OpC-9aBBVJe (ICLR 2023): resets are what makes many updates for each step pay",
    ),
    directions={"2000": "worse"},
    margin=0.1,
    tags=("later",),
)

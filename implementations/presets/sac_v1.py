"""SAC with a value network, twin critics and a fixed temperature set by the reward scale: arXiv 1801.01290.

What the paper leaves open follows sac_v2, so that the two differ only in what the papers say.
Not reproduced: nothing of the paper's update; haarnoja/sac differs from it in the policy's Q and in the target's start.
"""

from dataclasses import replace

from implementations.presets import sac_v2
from suite.sac.spec import FixedAlpha, ValueNet

OURS = "arXiv 1801.01290 as it stands, which names no code"

SPEC = replace(
    sac_v2.SPEC,
    temperature=FixedAlpha(value=1.0),
    reward_scale=5.0,
    value_net=ValueNet(loss_scale=0.5, target="per_sample"),
)

SCHEDULE = sac_v2.SCHEDULE

PER_TASK = {
    task: sac_v2.PER_TASK.get(task, {}) | {"reward_scale": scale}
    for task, scale in {
        "Humanoid-v4": 20.0,
        "Humanoid-v5": 20.0,
        "HumanoidStandup-v4": 100.0,
        "HumanoidStandup-v5": 100.0,
        "Swimmer-v4": 25.0,
        "Swimmer-v5": 25.0,
        "Pendulum-v1": 1.0,
        "InvertedPendulum-v4": 1.0,
        "InvertedPendulum-v5": 1.0,
        "InvertedDoublePendulum-v4": 1.0,
        "InvertedDoublePendulum-v5": 1.0,
        "Reacher-v4": 5.0,
        "Reacher-v5": 5.0,
    }.items()
}

_PAPER = "arXiv 1801.01290"

SOURCES = sac_v2.SOURCES | {
    "temperature": f"{_PAPER} section 4.1: alpha is folded into the reward scale",
    "reward_scale": f"{_PAPER} table 2 (5; Humanoid 20); Swimmer and HumanoidStandup: "
    "haarnoja/sac@8258e33 examples/variants.py:190-268; 1 on the pendulums: ours, their rewards being large already",
    "discount": f"{_PAPER} table 1",
    "critics": f"{_PAPER} section 4.2: two Q-functions",
    "target_reduce": f"{_PAPER} section 4.2: the minimum, for the value gradient of eq. 6",
    "actor_reduce": f"{_PAPER} section 4.2: the minimum, for the policy gradient of eq. 13",
    "value_net": f"{_PAPER} eq. 5",
    "entropy_in_target": f"{_PAPER} eq. 5",
    "critic_loss_scale": f"{_PAPER} eq. 7",
    "log_det": f"{_PAPER} eq. 21 in its exact form",
    "hidden": f"{_PAPER} table 1",
    "target_init": f"{_PAPER} algorithm 1",
    "order": f"{_PAPER} algorithm 1: V, Q, policy, target V",
    "gradients": f"{_PAPER} algorithm 1, line by line",
    "target_every": f"{_PAPER} table 1",
    "tau": f"{_PAPER} table 1",
    "batch_size": f"{_PAPER} table 1",
    "actor_lr": f"{_PAPER} table 1",
    "critic_lr": f"{_PAPER} table 1",
    "updates_per_burst": f"{_PAPER} table 1",
    "replay_capacity": f"{_PAPER} table 1",
    "evaluation_action": f"{_PAPER} section 5.1: evaluation by the mean action",
}

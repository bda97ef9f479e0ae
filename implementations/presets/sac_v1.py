"""SAC with a value network, twin critics and a fixed temperature set by the reward scale: arXiv 1801.01290.

What the paper leaves open follows sac_v2, so that the two differ only in what the papers say.

Not reproduced: nothing is left out of the paper's update. The code haarnoja/sac differs from the paper in the
Q-function that the policy's loss reads and in how the target network starts.
"""

from implementations.presets import sac_v2
from suite.sac.cited import cited, preset
from suite.sac.spec import ExactLogDet, FixedAlpha, ValueNet

OURS = "the update as arXiv 1801.01290 states it; the paper names no code"

PAPER = "arXiv 1801.01290"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    sac_v2,
    temperature=cited(FixedAlpha(value=1.0), f"{PAPER} section 4.1: alpha is folded into the reward scale"),
    reward_scale=cited(
        5.0,
        f"{PAPER} table 2 (5; Humanoid 20); Swimmer and HumanoidStandup: haarnoja/sac@8258e33 "
        "examples/variants.py:190-268; 1 on the pendulums: ours, their rewards being large already; 0.5 on "
        "MultiGoal: ours, as soft_q_learning's",
        {
            ("Humanoid-v4", "Humanoid-v5"): 20.0,
            ("HumanoidStandup-v4", "HumanoidStandup-v5"): 100.0,
            ("Swimmer-v4", "Swimmer-v5"): 25.0,
            sac_v2.PENDULUMS: 1.0,
            ("Reacher-v4", "Reacher-v5"): 5.0,
            ("MultiGoal-v0",): 0.5,
        },
    ),
    discount=cited(0.99, f"{PAPER} table 1"),
    critics=cited(2, f"{PAPER} section 4.2: two Q-functions"),
    target_reduce=cited("min", f"{PAPER} section 4.2: the minimum, for the value gradient of eq. 6"),
    actor_reduce=cited("min", f"{PAPER} section 4.2: the minimum, for the policy gradient of eq. 13"),
    value_net=cited(ValueNet(loss_scale=0.5, target="per_sample"), f"{PAPER} eq. 5"),
    entropy_in_target=cited(True, f"{PAPER} eq. 5"),
    critic_loss_scale=cited(0.5, f"{PAPER} eq. 7"),
    log_det=cited(ExactLogDet(), f"{PAPER} eq. 21 in its exact form"),
    hidden=cited((256, 256), f"{PAPER} table 1"),
    target_init=cited("copy", f"{PAPER} algorithm 1"),
    order=cited(("value", "critic", "actor", "alpha", "target"), f"{PAPER} algorithm 1: V, Q, policy, target V"),
    gradients=cited("sequential", f"{PAPER} algorithm 1, line by line"),
    target_every=cited(1, f"{PAPER} table 1"),
    tau=cited(0.005, f"{PAPER} table 1"),
    batch_size=cited(256, f"{PAPER} table 1"),
    actor_lr=cited(3e-4, f"{PAPER} table 1"),
    critic_lr=cited(3e-4, f"{PAPER} table 1"),
    updates_per_burst=cited(1, f"{PAPER} table 1"),
    replay_capacity=cited(1_000_000, f"{PAPER} table 1"),
    evaluation_action=cited("mean", f"{PAPER} section 5.1: evaluation by the mean action"),
)

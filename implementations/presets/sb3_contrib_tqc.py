"""TQC of Stable-Baselines3's contributions with the defaults of its class:
Stable-Baselines-Team/stable-baselines3-contrib@0ca7fdd (tqc.py as in 2.9.2).

Not reproduced: what the preset stable_baselines3, whose loop it runs in, does not reproduce.
"""

from implementations.presets import stable_baselines3
from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, ClipLogStd, LearnedAlpha, Quantiles

CODE = "Stable-Baselines-Team/stable-baselines3-contrib@0ca7fdd"
TQC = f"{CODE} sb3_contrib/tqc/tqc.py"
POLICY = f"{CODE} sb3_contrib/tqc/policies.py"
LOSS = f"{CODE} sb3_contrib/common/utils.py"
HEADS = f"{POLICY}:101-102 (PyTorch's default)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    stable_baselines3,
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
        f"{TQC}:87,164-185 (-A; 1; the one learning rate), 222-232 (its logarithm; the actor's sample)",
    ),
    quantiles=cited(
        Quantiles(n=25, dropped=2, target="pool"),
        f"{POLICY}:294 (25) with sb3_contrib/tqc/tqc.py:103 (2), 253-255 (sorted together), "
        "sb3_contrib/common/utils.py:40-69 (the loss)",
    ),
    reward_scale=cited(1.0, f"{TQC}:259 (none)"),
    discount=cited(0.99, f"{TQC}:92"),
    critics=cited(2, f"{POLICY}:295"),
    target_reduce=cited("min", f"{TQC}:253-255 (nothing to reduce: their quantiles are one pool)"),
    actor_reduce=cited("mean", f"{TQC}:275"),
    value_net=cited(None, f"{TQC}:245-261 (targets of quantiles)"),
    entropy_in_target=cited(True, f"{TQC}:258"),
    critic_loss_scale=cited(0.5, f"{LOSS}:69 (the mean over both critics)"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{POLICY}:20-21,163"),
    pathwise_noise=cited("shared", f"{TQC}:222,275-276"),
    # networks
    hidden=cited((256, 256), f"{POLICY}:309-310"),
    first_critic_layer=cited("concat", f"{POLICY}:239"),
    actor_head=cited("separate", f"{POLICY}:101-102"),
    mean_init=cited("torch", HEADS),
    log_std_init=cited("torch", HEADS),
    target_init=cited("copy", f"{POLICY}:364-365"),
    # update
    order=cited(("value", "alpha", "critic", "actor", "target"), f"{TQC}:240-288"),
    gradients=cited("sequential", f"{TQC}:221-282 (each loss where its step is taken; alpha as it was before its own)"),
    first_update=cited(0, f"{TQC}:211,285 (an index within one call of train, from 0)"),
    actor_every=cited(1, f"{TQC}:279-282"),
    actor_repeats=cited(1, f"{TQC}:279-282"),
    target_every=cited(1, f"{TQC}:101,285"),
    target_copy_every=cited(None, f"{TQC}:285-288 (moving average only)"),
    tau=cited(0.005, f"{TQC}:91"),
    batch_size=cited(256, f"{TQC}:90"),
    # optimisers
    actor_lr=cited(3e-4, f"{TQC}:87"),
    critic_lr=cited(3e-4, f"{TQC}:87"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
        f"{POLICY}:292,346-374 (PyTorch's Adam with its defaults)",
    ),
    # schedule
    warmup_steps=cited(100, f"{TQC}:89 with {stable_baselines3.LOOP}:389"),
    update_every=cited(1, f"{TQC}:93"),
    updates_per_burst=cited(1, f"{TQC}:94"),
    replay_capacity=cited(1_000_000, f"{TQC}:88"),
)

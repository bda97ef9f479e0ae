"""SBX's TQC with the defaults of its class: araffin/sbx@9bdc9c1 (tqc.py as in 0.28.0).

Not reproduced: what the preset sbx, whose loop it runs in, does not reproduce.
"""

from implementations.presets import sbx
from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, LearnedAlpha, Quantiles

TQC = f"{sbx.CODE} sbx/tqc/tqc.py"
POLICY = f"{sbx.CODE} sbx/tqc/policies.py"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    sbx,
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
        f"{TQC}:57,147-179 (-A; 1; the one learning rate), 392,408-417 (its logarithm; the actor's sample)",
    ),
    quantiles=cited(
        Quantiles(n=25, dropped=2, target="pool"),
        f"{POLICY}:35 (25) with sbx/tqc/tqc.py:67 (2), 307-314 (sorted together), 332-341 (the loss)",
    ),
    reward_scale=cited(1.0, f"{TQC}:318 (none)"),
    discount=cited(0.99, f"{TQC}:63"),
    critics=cited(2, f"{POLICY}:130-157 (two, whatever n_critics says)"),
    target_reduce=cited("min", f"{TQC}:307-314 (nothing to reduce: their quantiles are one pool)"),
    actor_reduce=cited("mean", f"{TQC}:388-389"),
    value_net=cited(None, f"{TQC}:294-318 (targets of quantiles)"),
    entropy_in_target=cited(True, f"{TQC}:317"),
    critic_loss_scale=cited(1.0, f"{TQC}:341-346 (the mean of each critic)"),
    # policy
    pathwise_noise=cited("shared", f"{TQC}:366-392"),
    # networks
    hidden=cited((256, 256), f"{POLICY}:71"),
    target_init=cited("copy", f"{POLICY}:132-155 (both from one key)"),
    # update
    order=cited(("value", "critic", "target", "actor", "alpha"), f"{TQC}:496-536"),
    gradients=cited("sequential", f"{TQC}:496-536 (each loss where its step is taken)"),
    first_update=cited(1, f"{TQC}:255,517 (updates, from 1)"),
    actor_every=cited(1, f"{TQC}:66,517"),
    actor_repeats=cited(1, f"{TQC}:516-536"),
    target_every=cited(1, f"{TQC}:514"),
    target_copy_every=cited(None, f"{TQC}:401-404 (moving average only)"),
    tau=cited(0.005, f"{TQC}:62"),
    batch_size=cited(256, f"{TQC}:61"),
    # optimisers
    actor_lr=cited(3e-4, f"{TQC}:57"),
    critic_lr=cited(3e-4, f"{sbx.CODE} sbx/common/off_policy_algorithm.py:152-153 with sbx/tqc/tqc.py:58"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
        f"{POLICY}:46,110-156 (Optax' Adam with its defaults, for each critic its own)",
    ),
    # schedule
    warmup_steps=cited(100, f"{TQC}:60; {sbx.LOOP}:389"),
    update_every=cited(1, f"{TQC}:64"),
    updates_per_burst=cited(1, f"{TQC}:65"),
    replay_capacity=cited(1_000_000, f"{TQC}:59"),
)

"""SBX's CrossQ with the defaults of its class: araffin/sbx@9bdc9c1 (crossq.py as in 0.28.0).

Not reproduced: what the preset sbx, whose loop it runs in, does not reproduce.
"""

from implementations.presets import sbx
from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, BatchRenorm, ClipLogStd, LearnedAlpha

CROSSQ = f"{sbx.CODE} sbx/crossq/crossq.py"
POLICY = f"{sbx.CODE} sbx/crossq/policies.py"
ACTOR = f"{POLICY}:241-252 (Flax' default for Dense)"
CRITIC = f"{POLICY}:45-59 (Flax' default for Dense)"

NORM = BatchRenorm(eps=1e-3, momentum=0.99, warmup=100_000, variance="biased", renorm="from")
NORMS = "273-274 (0.99; 100,000) with sbx/common/jax_layers.py:84,132-208 (0.001)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    sbx,
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=1e-3, beta1=0.9),
        f"{CROSSQ}:57,142-174 (-A; 1; the one learning rate; Optax' Adam with its defaults), "
        "361,373-378 (its logarithm; the actor's sample)",
    ),
    reward_scale=cited(1.0, f"{CROSSQ}:311 (none)"),
    discount=cited(0.99, f"{CROSSQ}:62"),
    critics=cited(2, f"{POLICY}:287"),
    target_networks=cited(False, f"{CROSSQ}:294-304 (one pass of the critics)"),
    target_reduce=cited("min", f"{CROSSQ}:307"),
    actor_reduce=cited("min", f"{CROSSQ}:358"),
    value_net=cited(None, f"{CROSSQ}:294-311 (targets of Q)"),
    entropy_in_target=cited(True, f"{CROSSQ}:309"),
    critic_loss_scale=cited(0.5, f"{CROSSQ}:313"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{POLICY}:217-218,253-255"),
    gaussian_eps=cited(0.0, f"{POLICY}:254-256"),
    log_prob_units=cited("unit", f"{POLICY}:254-256"),
    pathwise_noise=cited("shared", f"{CROSSQ}:341-360"),
    # networks
    hidden=cited((1024, 1024), f"{POLICY}:329"),
    actor_hidden=cited((256, 256), f"{POLICY}:325"),
    critic_norm=cited(NORM, f"{POLICY}:35-57,{NORMS}"),
    actor_norm=cited(NORM, f"{POLICY}:231-249,{NORMS}"),
    first_critic_layer=cited("concat", f"{POLICY}:34"),
    hidden_init=cited("lecun_normal", f"{POLICY}:46,242 (Flax' default for Dense)"),
    critic_output_init=cited("lecun_normal", CRITIC),
    actor_head=cited("separate", f"{POLICY}:251-252"),
    mean_init=cited("lecun_normal", ACTOR),
    log_std_init=cited("lecun_normal", ACTOR),
    target_init=cited("copy", f"{CROSSQ}:466 (no target networks)"),
    # update
    order=cited(("value", "critic", "actor", "alpha", "target"), f"{CROSSQ}:450-480"),
    gradients=cited("sequential", f"{CROSSQ}:450-480 (each loss where its step is taken)"),
    first_update=cited(1, f"{CROSSQ}:237,469 (updates, from 1)"),
    actor_every=cited(3, f"{CROSSQ}:65,469"),
    actor_repeats=cited(1, f"{CROSSQ}:468-480"),
    target_every=cited(1, f"{CROSSQ}:466 (no target networks)"),
    target_copy_every=cited(None, f"{CROSSQ}:466 (no target networks)"),
    tau=cited(1.0, f"{CROSSQ}:466 (no target networks)"),
    batch_size=cited(256, f"{CROSSQ}:61"),
    # optimisers
    actor_lr=cited(1e-3, f"{CROSSQ}:57"),
    critic_lr=cited(1e-3, f"{sbx.CODE} sbx/common/off_policy_algorithm.py:152-153 with sbx/crossq/crossq.py:58"),
    adam=cited(
        Adam(beta1=0.5, beta2=0.999, eps=1e-8, eps_placement="torch"), f"{POLICY}:285,292-298,368-404 (Optax' Adam)"
    ),
    # schedule
    warmup_steps=cited(100, f"{CROSSQ}:60; {sbx.LOOP}:389"),
    update_every=cited(1, f"{CROSSQ}:63"),
    updates_per_burst=cited(1, f"{CROSSQ}:64"),
    replay_capacity=cited(1_000_000, f"{CROSSQ}:59"),
)

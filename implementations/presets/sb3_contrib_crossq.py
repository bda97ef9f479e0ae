"""CrossQ of Stable-Baselines3's contributions with the defaults of its class:
Stable-Baselines-Team/stable-baselines3-contrib@0ca7fdd (crossq.py as in 2.9.2).

Not reproduced: what the preset stable_baselines3, whose loop it runs in, does not reproduce.
"""

from implementations.presets import stable_baselines3
from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, BatchRenorm, ClipLogStd, LearnedAlpha

CODE = "Stable-Baselines-Team/stable-baselines3-contrib@0ca7fdd"
CROSSQ = f"{CODE} sb3_contrib/crossq/crossq.py"
POLICY = f"{CODE} sb3_contrib/crossq/policies.py"
HEADS = f"{POLICY}:134-135 (PyTorch's default)"
INIT = f"{stable_baselines3.CODE} stable_baselines3/common/torch_layers.py:153-178 (PyTorch's default)"

NORM = BatchRenorm(eps=1e-3, momentum=0.99, warmup=100_000, variance="unbiased", renorm="after")
NORMS = "368-370 (0.001; what it forgets, 0.01; 100,000) with sb3_contrib/common/torch_layers.py:70-110"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    stable_baselines3,
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=1e-3, beta1=0.9),
        f"{CROSSQ}:81,151-172 (-A; 1; the one learning rate; PyTorch's Adam with its defaults), "
        "276-282 (its logarithm; the actor's sample)",
    ),
    reward_scale=cited(1.0, f"{CROSSQ}:260 (none)"),
    discount=cited(0.99, f"{CROSSQ}:85"),
    critics=cited(2, f"{POLICY}:380"),
    target_networks=cited(False, f"{CROSSQ}:114,243-250 (one pass of the critics)"),
    target_reduce=cited("min", f"{CROSSQ}:256"),
    actor_reduce=cited("min", f"{CROSSQ}:293"),
    value_net=cited(None, f"{CROSSQ}:254-260 (targets of Q)"),
    entropy_in_target=cited(True, f"{CROSSQ}:258"),
    critic_loss_scale=cited(0.5, f"{CROSSQ}:263"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{POLICY}:21-22,196"),
    pathwise_noise=cited("shared", f"{CROSSQ}:276,291-294"),
    # networks
    hidden=cited((1024, 1024), f"{POLICY}:406"),
    actor_hidden=cited((256, 256), f"{POLICY}:406"),
    critic_norm=cited(NORM, f"{POLICY}:276-298,{NORMS}"),
    actor_norm=cited(NORM, f"{POLICY}:96-116,{NORMS}"),
    first_critic_layer=cited("concat", f"{POLICY}:308"),
    hidden_init=cited("torch", INIT),
    critic_output_init=cited("torch", INIT),
    actor_head=cited("separate", f"{POLICY}:134-135"),
    mean_init=cited("torch", HEADS),
    log_std_init=cited("torch", HEADS),
    target_init=cited("copy", f"{CROSSQ}:114 (no target networks)"),
    # update
    order=cited(("value", "critic", "alpha", "actor", "target"), f"{CROSSQ}:267-300"),
    gradients=cited(
        "sequential", f"{CROSSQ}:222-300 (each loss where its step is taken; alpha as it was before its own)"
    ),
    first_update=cited(1, f"{CROSSQ}:198,273 (updates, from 1)"),
    actor_every=cited(3, f"{CROSSQ}:95,273"),
    actor_repeats=cited(1, f"{CROSSQ}:273-300"),
    target_every=cited(1, f"{CROSSQ}:114 (no target networks)"),
    target_copy_every=cited(None, f"{CROSSQ}:114 (no target networks)"),
    tau=cited(1.0, f"{CROSSQ}:114 (no target networks)"),
    batch_size=cited(256, f"{CROSSQ}:84"),
    # optimisers
    actor_lr=cited(1e-3, f"{CROSSQ}:81"),
    critic_lr=cited(1e-3, f"{CROSSQ}:81"),
    adam=cited(
        Adam(beta1=0.5, beta2=0.999, eps=1e-8, eps_placement="torch"),
        f"{POLICY}:383-389,451-472 (PyTorch's Adam)",
    ),
    # schedule
    warmup_steps=cited(100, f"{CROSSQ}:83 with {stable_baselines3.LOOP}:389"),
    update_every=cited(1, f"{CROSSQ}:86"),
    updates_per_burst=cited(1, f"{CROSSQ}:87"),
    replay_capacity=cited(1_000_000, f"{CROSSQ}:82"),
)

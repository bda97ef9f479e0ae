"""SBX, Stable-Baselines3 in JAX, with the defaults of its SAC class: araffin/sbx@9bdc9c1 (sac.py as in 0.28.0).

Not reproduced: how often and how long it evaluates (as Stable-Baselines3; here the study decides); it replays
observations in float64 and casts them to float32 for an update; it draws the batches of a burst at once; it takes the
action before tanh from a cache of TensorFlow Probability (here it is carried along, which is the same).
"""

from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, ClipLogStd, ExactLogDet, LearnedAlpha

CODE = "araffin/sbx@9bdc9c1"
SAC = f"{CODE} sbx/sac/sac.py"
POLICY = f"{CODE} sbx/sac/policies.py"
NETS = f"{CODE} sbx/common/policies.py"
LOOP = "DLR-RM/stable-baselines3@e05d2dbe stable_baselines3/common/off_policy_algorithm.py"
INIT = f"{NETS}:143-150,253-257 (Flax' default for Dense)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
        f"{SAC}:58,145-175 (-A; 1; the one learning rate), 339-341,353-360 (its logarithm; the actor's sample)",
    ),
    reward_scale=cited(1.0, f"{SAC}:297 (none)"),
    discount=cited(0.99, f"{SAC}:64"),
    critics=cited(2, f"{POLICY}:46"),
    target_reduce=cited("min", f"{SAC}:293"),
    actor_reduce=cited("min", f"{SAC}:336"),
    value_net=cited(None, f"{SAC}:286-297 (targets of Q)"),
    entropy_in_target=cited(True, f"{SAC}:295"),
    critic_loss_scale=cited(0.5, f"{SAC}:302"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{NETS}:242-243,257-260"),
    log_det=cited(ExactLogDet(), f"{CODE} sbx/common/distributions.py:16 (TensorFlow Probability's Tanh)"),
    gaussian_eps=cited(0.0, f"{NETS}:259-261"),
    log_prob_units=cited("unit", f"{NETS}:259-261"),
    critic_action_units=cited("unit", f"{LOOP}:400-410 (stored before it is scaled to the box)"),
    pathwise_noise=cited("shared", f"{SAC}:325-338"),
    # networks
    hidden=cited((256, 256), f"{POLICY}:69"),
    first_critic_layer=cited("concat", f"{NETS}:141-144"),
    hidden_init=cited("lecun_normal", INIT),
    critic_output_init=cited("lecun_normal", INIT),
    actor_head=cited("separate", f"{NETS}:256-257"),
    mean_init=cited("lecun_normal", INIT),
    log_std_init=cited("lecun_normal", INIT),
    target_init=cited("copy", f"{POLICY}:123-132 (both from one key)"),
    # update
    order=cited(("value", "critic", "target", "actor", "alpha"), f"{SAC}:432-462"),
    gradients=cited("sequential", f"{SAC}:432-462 (each loss where its step is taken)"),
    first_update=cited(1, f"{SAC}:251,451 (updates, from 1)"),
    actor_every=cited(1, f"{SAC}:67,451"),
    actor_repeats=cited(1, f"{SAC}:450-462"),
    target_every=cited(1, f"{SAC}:448"),
    target_copy_every=cited(None, f"{SAC}:346-350 (moving average only)"),
    tau=cited(0.005, f"{SAC}:63"),
    batch_size=cited(256, f"{SAC}:62"),
    # optimisers
    actor_lr=cited(3e-4, f"{SAC}:58"),
    critic_lr=cited(3e-4, f"{CODE} sbx/common/off_policy_algorithm.py:152-153 with sbx/sac/sac.py:59"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"), f"{POLICY}:44 (Optax' Adam with its defaults)"
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(100, f"{SAC}:61; {LOOP}:389"),
    warmup_range=cited("unit", f"{LOOP}:391 (over the box)"),
    warmup_rounding=cited("none", f"{LOOP}:389"),
    epoch_steps=cited(None, f"{LOOP}:334-354 (no epochs)"),
    # learning
    learn_after=cited(101, f"{LOOP}:348 (one step more than learning_starts)"),
    update_every=cited(1, f"{SAC}:65"),
    updates_per_burst=cited(1, f"{SAC}:66"),
    learn_in_warmup=cited(True, f"{LOOP}:348,389 (both end together)"),
    update_position=cited("after_step", f"{LOOP}:334-354"),
    # data
    sampling=cited("with_replacement", "DLR-RM/stable-baselines3@e05d2dbe stable_baselines3/common/buffers.py:113-114"),
    replay_capacity=cited(1_000_000, f"{SAC}:60"),
    insert=cited("step", f"{LOOP}:449-500"),
    time_limit=cited(
        "bootstrap",
        f"{CODE} sbx/common/off_policy_algorithm.py:149,162-170: "
        "DLR-RM/stable-baselines3@e05d2dbe stable_baselines3/common/buffers.py:278,320-322",
    ),
    reset_every=cited(None, f"{LOOP}:482-495 (only after an episode)"),
    action_to_env=cited("rescale", f"{LOOP}:400-410"),
    evaluation_action=cited("mean", f"{POLICY}:153-155 with sbx/common/policies.py:45-48"),
)

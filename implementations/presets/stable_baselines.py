"""Stable Baselines 2.10 with the defaults of its SAC class: hill-a/stable-baselines@259f278.

Not reproduced: how often and how long it evaluates (its learn() does not; here the study decides); the normalisation of
rewards and observations by a wrapper, off by default. Its session.run fixes the order of the steps; that all gradients
are taken at the old parameters was observed.
"""

from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, ClipLogStd, EpsilonLogDet, LearnedAlpha, ValueNet

CODE = "hill-a/stable-baselines@259f278"
SAC = f"{CODE} stable_baselines/sac/sac.py"
POLICY = f"{CODE} stable_baselines/sac/policies.py"
HEADS = f"{POLICY}:198-201 (the defaults of tf.layers.dense)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
        f"{SAC}:63,177-198 (-A; 1), 229-232 (its logarithm; the actor's sample and learning rate)",
    ),
    reward_scale=cited(1.0, f"{SAC}:216-219 (none)"),
    discount=cited(0.99, f"{SAC}:61"),
    critics=cited(2, f"{POLICY}:249-256"),
    target_reduce=cited("min", f"{SAC}:213,247"),
    actor_reduce=cited("first", f"{SAC}:234-236"),
    value_net=cited(
        ValueNet(loss_scale=0.5, target="broadcast"),
        f"{SAC}:205-219,244-248 (columns minus a row: every V_i meets every log pi_j)",
    ),
    entropy_in_target=cited(True, f"{SAC}:247"),
    critic_loss_scale=cited(0.5, f"{SAC}:223-224"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{POLICY}:10-11,212-214"),
    log_det=cited(EpsilonLogDet(eps=1e-6), f"{POLICY}:8,63"),
    gaussian_eps=cited(1e-6, f"{POLICY}:8,24"),
    log_prob_units=cited("unit", f"{POLICY}:56-64"),
    critic_action_units=cited("unit", f"{SAC}:394-429 (stored before it is scaled to the box)"),
    pathwise_noise=cited("shared", f"{SAC}:166-175,236"),
    # networks
    hidden=cited((64, 64), f"{POLICY}:175-177"),
    first_critic_layer=cited("concat", f"{POLICY}:246-256"),
    hidden_init=cited(
        "glorot_uniform", f"{CODE} stable_baselines/common/tf_layers.py:55-60 (the defaults of tf.layers.dense)"
    ),
    critic_output_init=cited("glorot_uniform", f"{POLICY}:241-256 (the defaults of tf.layers.dense)"),
    actor_head=cited("separate", f"{POLICY}:198-201"),
    mean_init=cited("glorot_uniform", HEADS),
    log_std_init=cited("glorot_uniform", HEADS),
    target_init=cited("copy", f"{SAC}:269-273,312"),
    # update
    order=cited(("actor", "critic", "value", "alpha", "target"), f"{SAC}:277-291,463-467"),
    gradients=cited("simultaneous", f"{SAC}:277-291,341 (one session.run)"),
    first_update=cited(99, f"{SAC}:389,465 (environment steps, from 0)"),
    actor_every=cited(1, f"{SAC}:282-291"),
    actor_repeats=cited(1, f"{SAC}:282-291"),
    target_every=cited(1, f"{SAC}:63,465"),
    target_copy_every=cited(None, f"{SAC}:264-268,465-467 (moving average only)"),
    tau=cited(0.005, f"{SAC}:63"),
    batch_size=cited(64, f"{SAC}:62"),
    # optimisers
    actor_lr=cited(3e-4, f"{SAC}:61,254"),
    critic_lr=cited(3e-4, f"{SAC}:61,258"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="tensorflow"),
        f"{SAC}:232,254,258 (TensorFlow 1's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(100, f"{SAC}:62,394"),
    warmup_range=cited("unit", f"{SAC}:397-398 (over the box)"),
    warmup_rounding=cited("none", f"{SAC}:394"),
    epoch_steps=cited(None, f"{SAC}:389-467 (no epochs)"),
    # learning
    learn_after=cited(100, f"{SAC}:62,412,455-457 (a batch of transitions is there by then)"),
    update_every=cited(1, f"{SAC}:62,447"),
    updates_per_burst=cited(1, f"{SAC}:64,452"),
    learn_in_warmup=cited(True, f"{SAC}:455-457 (the warm-up's last step is followed by an update)"),
    update_position=cited("after_step", f"{SAC}:410-467"),
    # data
    sampling=cited("with_replacement", f"{CODE} stable_baselines/common/buffers.py:142"),
    replay_capacity=cited(50_000, f"{SAC}:61"),
    insert=cited("step", f"{SAC}:429"),
    time_limit=cited("terminal", f"{CODE} stable_baselines/common/base_class.py:1005"),
    reset_every=cited(None, f"{SAC}:475-479 (only after an episode)"),
    action_to_env=cited("rescale", f"{SAC}:397-410"),
    evaluation_action=cited("mean", f"{SAC}:526-533"),
)

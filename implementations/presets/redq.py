"""REDQ's own code, experiments/train_redq_sac.py, with its defaults: watchernyu/REDQ@7b5d1bf.

Not reproduced: how often and how long it evaluates (an episode every 1,000 steps; here the study decides); all its
generators are seeded anew every 1,000 steps, after the first 1,000 with the seeds of the start, so that the second
thousand's uniform actions repeat the first's; estimates of the critics' bias, which are only reported; actions are
stretched by the box's first upper bound, which suits symmetric cubes alone; gym's v2 tasks.
"""

from suite.sac.cited import cited, preset
from suite.sac.schedule import BootstrapAtLength
from suite.sac.spec import Adam, ClipLogStd, EpsilonLogDet, LearnedAlpha

CODE = "watchernyu/REDQ@7b5d1bf"
REDQ = f"{CODE} redq/algos/redq_sac.py"
CORE = f"{CODE} redq/algos/core.py"
SCRIPT = f"{CODE} experiments/train_redq_sac.py"
INIT = f"{CORE}:18-22,98,198"

ALPHA = LearnedAlpha(
    init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4, in_use_at_first=0.2
)
HOPPER = LearnedAlpha(
    init=1.0, entropy_per_dim=-0.3333333333333333, objective="log_alpha", sample="actor", lr=3e-4, in_use_at_first=0.2
)
HALF = LearnedAlpha(init=1.0, entropy_per_dim=-0.5, objective="log_alpha", sample="actor", lr=3e-4, in_use_at_first=0.2)
HUMANOID = LearnedAlpha(
    init=1.0, entropy_per_dim=-0.11764705882352941, objective="log_alpha", sample="actor", lr=3e-4, in_use_at_first=0.2
)
"""Target entropies of -A, -1 of 3 dimensions, -3 of 6 and -4 of 8, and -2 of 17."""

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(
        ALPHA,
        f"{REDQ}:34,59-61 (1; the one learning rate), 80 (0.2 until its first step), 232-236 (its logarithm; the "
        "actor's sample), 55-58 with redq/algos/core.py:11-13 (five tasks have a target entropy; elsewhere -A, its "
        "option auto)",
        {
            ("Hopper-v4", "Hopper-v5"): HOPPER,
            ("HalfCheetah-v4", "HalfCheetah-v5", "Walker2d-v4", "Walker2d-v5", "Ant-v4", "Ant-v5"): HALF,
            ("Humanoid-v4", "Humanoid-v5"): HUMANOID,
        },
    ),
    reward_scale=cited(1.0, f"{REDQ}:164 (none)"),
    discount=cited(0.99, f"{SCRIPT}:17"),
    critics=cited(10, f"{SCRIPT}:20"),
    target_subset=cited(2, f"{SCRIPT}:20 with redq/algos/redq_sac.py:151-152 (drawn in every update)"),
    target_reduce=cited("min", f"{SCRIPT}:20 with redq/algos/redq_sac.py:162"),
    actor_reduce=cited("mean", f"{REDQ}:223"),
    value_net=cited(None, f"{REDQ}:148-164 (targets of Q)"),
    entropy_in_target=cited(True, f"{REDQ}:163"),
    critic_loss_scale=cited(1.0, f"{REDQ}:207 (the mean over the critics, times their number)"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{CORE}:7-8,218"),
    log_det=cited(EpsilonLogDet(eps=1e-6), f"{CORE}:9,232"),
    gaussian_eps=cited(0.0, f"{CORE}:231"),
    log_prob_units=cited("unit", f"{CORE}:231-238 (scaled to the box after the density is taken)"),
    critic_action_units=cited("env", f"{CORE}:238 with experiments/train_redq_sac.py:135"),
    pathwise_noise=cited("shared", f"{REDQ}:216-224"),
    # networks
    hidden=cited((256, 256), f"{SCRIPT}:16"),
    first_critic_layer=cited("concat", f"{REDQ}:203"),
    hidden_init=cited("glorot_uniform", INIT),
    critic_output_init=cited("glorot_uniform", INIT),
    actor_head=cited("separate", f"{CORE}:97,195"),
    mean_init=cited("glorot_uniform", INIT),
    log_std_init=cited("glorot_uniform", INIT),
    target_init=cited("copy", f"{REDQ}:44-45"),
    # update
    order=cited(("value", "critic", "actor", "alpha", "target"), f"{REDQ}:199-249"),
    gradients=cited("simultaneous", f"{REDQ}:211,226,234 (all before the networks' steps at 241-245)"),
    first_update=cited(1, f"{REDQ}:196,214 (an index within one call of train, one of its twenty)"),
    actor_every=cited(20, f"{SCRIPT}:21 with redq/algos/redq_sac.py:214,244"),
    actor_repeats=cited(1, f"{REDQ}:214-245"),
    target_every=cited(1, f"{REDQ}:247-249"),
    target_copy_every=cited(None, f"{REDQ}:247-249 (moving average only)"),
    tau=cited(0.005, f"{SCRIPT}:17 (1 - 0.995)"),
    batch_size=cited(256, f"{SCRIPT}:16"),
    # optimisers
    actor_lr=cited(3e-4, f"{SCRIPT}:17"),
    critic_lr=cited(3e-4, f"{SCRIPT}:17"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
        f"{REDQ}:48-51,60 (PyTorch's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(5_001, f"{REDQ}:97 with experiments/train_redq_sac.py:19 (asked before the step is stored)"),
    warmup_range=cited("unit", f"{REDQ}:103 (over the box)"),
    warmup_rounding=cited("none", f"{REDQ}:97"),
    epoch_steps=cited(None, f"{SCRIPT}:150-160 (epochs decide only when it is evaluated)"),
    # learning
    learn_after=cited(5_001, f"{REDQ}:85,195 (asked with the step stored)"),
    update_every=cited(1, f"{SCRIPT}:137"),
    updates_per_burst=cited(20, f"{SCRIPT}:20 with redq/algos/redq_sac.py:195"),
    learn_in_warmup=cited(True, f"{REDQ}:97,195 (its last step is learned after)"),
    update_position=cited("after_step", f"{SCRIPT}:125-137"),
    # data
    sampling=cited("with_replacement", f"{CORE}:63"),
    replay_capacity=cited(1_000_000, f"{SCRIPT}:16"),
    insert=cited("step", f"{SCRIPT}:135"),
    time_limit=cited(
        BootstrapAtLength(steps=1_000),
        f"{SCRIPT}:100,132 (the task's own limit)",
        {
            ("Pendulum-v1",): BootstrapAtLength(steps=200),
            ("MultiGoal-v0",): BootstrapAtLength(steps=30),
            ("Reacher-v4", "Reacher-v5"): BootstrapAtLength(steps=50),
            ("Pusher-v5",): BootstrapAtLength(steps=100),
        },
    ),
    reset_every=cited(None, f"{SCRIPT}:143-147 (only after an episode)"),
    action_to_env=cited("rescale", f"{CORE}:238 with experiments/train_redq_sac.py:103"),
    evaluation_action=cited("mean", f"{REDQ}:106-111 with redq/algos/core.py:223-225"),
)

"""Spinning Up's SAC in TensorFlow 1: openai/spinningup@038665d, spinup/algos/tf1/sac.

Not reproduced: how often and how long it evaluates (10 episodes per epoch of 4,000 steps; here the study decides); it
gives every action the bound of the first one (here each has its own, which is the same on every task of the study);
whether the critics' target reads the old or the new policy, which its one session.run leaves open (here the old one);
it averages a copy of the policy beside the target critics, which nothing reads; gym's v2 and v3 tasks.
"""

from suite.sac.cited import cited, preset
from suite.sac.schedule import BootstrapAtLength
from suite.sac.spec import Adam, ClipLogStd, ExactLogDet, FixedAlpha

CODE = "openai/spinningup@038665d"
SAC = f"{CODE} spinup/algos/tf1/sac/sac.py"
CORE = f"{CODE} spinup/algos/tf1/sac/core.py"
INIT = f"{CORE}:12-15,39-40 (the defaults of tf.layers.dense)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(FixedAlpha(value=0.2), f"{SAC}:44,181,184"),
    reward_scale=cited(1.0, f"{SAC}:181 (none)"),
    discount=cited(0.99, f"{SAC}:43"),
    critics=cited(2, f"{CORE}:78-81"),
    target_reduce=cited("min", f"{SAC}:178"),
    actor_reduce=cited("min", f"{SAC}:177"),
    value_net=cited(None, f"{SAC}:176-187 (targets of Q)"),
    entropy_in_target=cited(True, f"{SAC}:181"),
    critic_loss_scale=cited(0.5, f"{SAC}:185-187"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{CORE}:33-34,40-44"),
    log_det=cited(ExactLogDet(), f"{CORE}:54"),
    gaussian_eps=cited(1e-8, f"{CORE}:4,25"),
    log_prob_units=cited("unit", f"{CORE}:69-74 (scaled to the box after the density is taken)"),
    critic_action_units=cited("env", f"{CORE}:72-81 with {SAC}:159,263"),
    pathwise_noise=cited("shared", f"{SAC}:155-159,184"),
    # networks
    hidden=cited((256, 256), f"{CORE}:64"),
    first_critic_layer=cited("concat", f"{CORE}:77-81"),
    hidden_init=cited("glorot_uniform", INIT),
    critic_output_init=cited("glorot_uniform", INIT),
    actor_head=cited("separate", f"{CORE}:39-40"),
    mean_init=cited("glorot_uniform", INIT),
    log_std_init=cited("glorot_uniform", INIT),
    target_init=cited("copy", f"{SAC}:211-217"),
    # update
    order=cited(("value", "actor", "critic", "alpha", "target"), f"{SAC}:189-205"),
    gradients=cited("simultaneous", f"{SAC}:189-209,284 (one session.run; the actor's loss reads the old critics)"),
    first_update=cited(0, f"{SAC}:275-284 (nothing counts the updates)"),
    actor_every=cited(1, f"{SAC}:208-209"),
    actor_repeats=cited(1, f"{SAC}:208-209"),
    target_every=cited(1, f"{SAC}:203-209"),
    target_copy_every=cited(None, f"{SAC}:203-209 (moving average only)"),
    tau=cited(0.005, f"{SAC}:44 (1 - 0.995)"),
    batch_size=cited(100, f"{SAC}:44"),
    # optimisers
    actor_lr=cited(1e-3, f"{SAC}:44,191"),
    critic_lr=cited(1e-3, f"{SAC}:44,196"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="tensorflow"),
        f"{SAC}:191,196 (TensorFlow 1's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(10_001, f"{SAC}:44,242-250 (steps 0 to 10,000)"),
    warmup_range=cited("unit", f"{SAC}:250 (over the box)"),
    warmup_rounding=cited("none", f"{SAC}:247-250"),
    epoch_steps=cited(None, f"{SAC}:289-297 (epochs decide only when it is evaluated)"),
    # learning
    learn_after=cited(1_001, f"{SAC}:45,275 (step 1,000, counted from 0)"),
    update_every=cited(50, f"{SAC}:45,275"),
    updates_per_burst=cited(50, f"{SAC}:276"),
    learn_in_warmup=cited(True, f"{SAC}:275 (the warm-up is not asked for)"),
    update_position=cited("after_step", f"{SAC}:253-284"),
    # data
    sampling=cited("with_replacement", f"{SAC}:33"),
    replay_capacity=cited(1_000_000, f"{SAC}:43"),
    insert=cited("step", f"{SAC}:263"),
    time_limit=cited(BootstrapAtLength(steps=1_000), f"{SAC}:45,260 (a shorter limit of the task is stored as a fall)"),
    reset_every=cited(None, f"{SAC}:270-272 (only after an episode)"),
    action_to_env=cited("rescale", f"{CORE}:72-74"),
    evaluation_action=cited("mean", f"{SAC}:223-225,232 with {CORE}:57"),
)

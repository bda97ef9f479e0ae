"""Spinning Up's SAC in PyTorch: openai/spinningup@038665d, spinup/algos/pytorch/sac.

Not reproduced: how often and how long it evaluates (10 episodes per epoch of 4,000 steps; here the study decides); it
gives every action the bound of the first one (here each has its own, which is the same on every task of the study); it
averages a copy of the policy beside the target critics, which nothing reads; gym's v2 and v3 tasks.
"""

from suite.sac.cited import cited, preset
from suite.sac.schedule import BootstrapAtLength
from suite.sac.spec import Adam, ClipLogStd, ExactLogDet, FixedAlpha

CODE = "openai/spinningup@038665d"
SAC = f"{CODE} spinup/algos/pytorch/sac/sac.py"
CORE = f"{CODE} spinup/algos/pytorch/sac/core.py"
INIT = f"{CORE}:15-20,34-35 (PyTorch's default)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(FixedAlpha(value=0.2), f"{SAC}:47,194,216"),
    reward_scale=cited(1.0, f"{SAC}:194 (none)"),
    discount=cited(0.99, f"{SAC}:46"),
    critics=cited(2, f"{CORE}:92-93"),
    target_reduce=cited("min", f"{SAC}:193"),
    actor_reduce=cited("min", f"{SAC}:213"),
    value_net=cited(None, f"{SAC}:186-194 (targets of Q)"),
    entropy_in_target=cited(True, f"{SAC}:194"),
    critic_loss_scale=cited(1.0, f"{SAC}:197-199"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{CORE}:26-27,41-43"),
    log_det=cited(ExactLogDet(), f"{CORE}:60"),
    gaussian_eps=cited(0.0, f"{CORE}:46,59"),
    log_prob_units=cited("unit", f"{CORE}:59-65 (scaled to the box after the density is taken)"),
    critic_action_units=cited("env", f"{CORE}:64-65,88 with {SAC}:307,211"),
    pathwise_noise=cited("shared", f"{SAC}:210-216"),
    # networks
    hidden=cited((256, 256), f"{CORE}:82"),
    first_critic_layer=cited("concat", f"{CORE}:74-77"),
    hidden_init=cited("torch", INIT),
    critic_output_init=cited("torch", INIT),
    actor_head=cited("separate", f"{CORE}:34-35"),
    mean_init=cited("torch", INIT),
    log_std_init=cited("torch", INIT),
    target_init=cited("copy", f"{SAC}:162"),
    # update
    order=cited(("value", "critic", "actor", "alpha", "target"), f"{SAC}:230-264"),
    gradients=cited("sequential", f"{SAC}:231-249 (each loss where its step is taken)"),
    first_update=cited(0, f"{SAC}:230-264 (nothing counts the updates)"),
    actor_every=cited(1, f"{SAC}:245-249"),
    actor_repeats=cited(1, f"{SAC}:245-249"),
    target_every=cited(1, f"{SAC}:258-264"),
    target_copy_every=cited(None, f"{SAC}:258-264 (moving average only)"),
    tau=cited(0.005, f"{SAC}:47 (1 - 0.995)"),
    batch_size=cited(100, f"{SAC}:47"),
    # optimisers
    actor_lr=cited(1e-3, f"{SAC}:47,224"),
    critic_lr=cited(1e-3, f"{SAC}:47,225"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
        f"{SAC}:224-225 (PyTorch's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(10_001, f"{SAC}:47,286-294 (steps 0 to 10,000)"),
    warmup_range=cited("unit", f"{SAC}:294 (over the box)"),
    warmup_rounding=cited("none", f"{SAC}:291-294"),
    epoch_steps=cited(None, f"{SAC}:325-333 (epochs decide only when it is evaluated)"),
    # learning
    learn_after=cited(1_001, f"{SAC}:48,319 (step 1,000, counted from 0)"),
    update_every=cited(50, f"{SAC}:48,319"),
    updates_per_burst=cited(50, f"{SAC}:320-322"),
    learn_in_warmup=cited(True, f"{SAC}:319 (the warm-up is not asked for)"),
    update_position=cited("after_step", f"{SAC}:297-322"),
    # data
    sampling=cited("with_replacement", f"{SAC}:35"),
    replay_capacity=cited(1_000_000, f"{SAC}:46"),
    insert=cited("step", f"{SAC}:307"),
    time_limit=cited(BootstrapAtLength(steps=1_000), f"{SAC}:48,304 (a shorter limit of the task is stored as a fall)"),
    reset_every=cited(None, f"{SAC}:314-316 (only after an episode)"),
    action_to_env=cited("rescale", f"{CORE}:64-65,88"),
    evaluation_action=cited("mean", f"{SAC}:275 with {CORE}:47-49"),
)

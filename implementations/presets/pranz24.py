"""pranz24's PyTorch SAC with its defaults: pranz24/pytorch-soft-actor-critic@c180566 (2025-07-17, archived).

Not reproduced: when and where it evaluates (10 episodes of the training environment after every tenth of training; here
the study decides); it stops only when an episode is over; gym's v2 tasks.
"""

from suite.sac.cited import cited, preset
from suite.sac.schedule import BootstrapAtLength
from suite.sac.spec import Adam, ClipLogStd, EpsilonLogDet, FixedAlpha

CODE = "pranz24/pytorch-soft-actor-critic@c180566"
SAC = f"{CODE} sac.py"
MODEL = f"{CODE} model.py"
MEMORY = f"{CODE} replay_memory.py"
MAIN = f"{CODE} main.py"
INIT = f"{MODEL}:11-14,48,74 (every layer; zero biases)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(FixedAlpha(value=0.2), f"{MAIN}:24-28 (learned only if asked) with sac.py:14"),
    reward_scale=cited(1.0, f"{SAC}:66 (none)"),
    discount=cited(0.99, f"{MAIN}:18"),
    critics=cited(2, f"{MODEL}:38-46"),
    target_reduce=cited("min", f"{SAC}:65"),
    actor_reduce=cited("min", f"{SAC}:79"),
    value_net=cited(None, f"{SAC}:62-66 (targets of Q)"),
    entropy_in_target=cited(True, f"{SAC}:65"),
    critic_loss_scale=cited(1.0, f"{SAC}:68-70"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{MODEL}:6-7,91,96"),
    log_det=cited(
        EpsilonLogDet(eps=1e-6), f"{MODEL}:8,103 (the action's scale within the logarithm, beside the epsilon)"
    ),
    gaussian_eps=cited(0.0, f"{MODEL}:97-101"),
    log_prob_units=cited("env", f"{MODEL}:103-104"),
    critic_action_units=cited("env", f"{MODEL}:100 with sac.py:78 and main.py:97,106"),
    pathwise_noise=cited("shared", f"{SAC}:76-81"),
    # networks
    hidden=cited((256, 256), f"{MAIN}:35"),
    first_critic_layer=cited("concat", f"{MODEL}:51"),
    hidden_init=cited("glorot_uniform", INIT),
    critic_output_init=cited("glorot_uniform", INIT),
    actor_head=cited("separate", f"{MODEL}:71-72"),
    mean_init=cited("glorot_uniform", INIT),
    log_std_init=cited("glorot_uniform", INIT),
    target_init=cited("copy", f"{SAC}:26"),
    # update
    order=cited(("value", "critic", "actor", "alpha", "target"), f"{SAC}:62-102"),
    gradients=cited("sequential", f"{SAC}:62-102 (each loss where its step is taken)"),
    first_update=cited(0, f"{MAIN}:70,88,95 (updates, from 0)"),
    actor_every=cited(1, f"{SAC}:76-85"),
    actor_repeats=cited(1, f"{SAC}:76-85"),
    target_every=cited(1, f"{MAIN}:41 with sac.py:101"),
    target_copy_every=cited(None, f"{SAC}:101-102 (moving average only)"),
    tau=cited(0.005, f"{MAIN}:20"),
    batch_size=cited(256, f"{MAIN}:31"),
    # optimisers
    actor_lr=cited(3e-4, f"{MAIN}:22 with sac.py:36"),
    critic_lr=cited(3e-4, f"{MAIN}:22 with sac.py:23"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"), f"{SAC}:23,36 (PyTorch's Adam with its defaults)"
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(10_000, f"{MAIN}:39,79-80"),
    warmup_range=cited("unit", f"{MAIN}:80 (over the box)"),
    warmup_rounding=cited("none", f"{MAIN}:79"),
    epoch_steps=cited(None, f"{MAIN}:72-111 (no epochs)"),
    # learning
    learn_after=cited(257, f"{MAIN}:84 (with more transitions than a batch has)"),
    update_every=cited(1, f"{MAIN}:84-88"),
    updates_per_burst=cited(1, f"{MAIN}:37,86"),
    learn_in_warmup=cited(True, f"{MAIN}:79,84"),
    update_position=cited("before_step", f"{MAIN}:79-97"),
    # data
    sampling=cited("without_replacement", f"{MEMORY}:20"),
    replay_capacity=cited(1_000_000, f"{MAIN}:43"),
    insert=cited("step", f"{MAIN}:106"),
    time_limit=cited(
        BootstrapAtLength(steps=1_000),
        f"{MAIN}:104 (the task's own limit)",
        {
            ("Pendulum-v1",): BootstrapAtLength(steps=200),
            ("MultiGoal-v0",): BootstrapAtLength(steps=30),
            ("Reacher-v4", "Reacher-v5"): BootstrapAtLength(steps=50),
            ("Pusher-v5",): BootstrapAtLength(steps=100),
        },
    ),
    reset_every=cited(None, f"{MAIN}:72-78 (only after an episode)"),
    action_to_env=cited("rescale", f"{MODEL}:81-84,100"),
    evaluation_action=cited("mean", f"{MAIN}:124 with sac.py:49 and model.py:105"),
)

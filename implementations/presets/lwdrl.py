"""LWDRL's SAC with a fixed temperature and its defaults: LQNew/LWDRL@4b61adf (2021-01-23), SAC/SAC.py.

Not reproduced: how often and how long it evaluates (10 episodes every 5,000 steps; here the study decides); it gives
every action the bound of the first one (here each has its own, which is the same on every task of the study); gym's v2
tasks.
"""

from suite.sac.cited import cited, preset
from suite.sac.schedule import BootstrapAtLength
from suite.sac.spec import Adam, ClipLogStd, FixedAlpha, FlooredLogDet, Orthogonal

CODE = "LQNew/LWDRL@4b61adf"
SAC = f"{CODE} SAC/SAC.py"
MAIN = f"{CODE} main_off_policy_mujoco.py"
INIT = f"{SAC}:12-16,44,81 (every layer: PyTorch's default gain, 1)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(FixedAlpha(value=0.2), f"{MAIN}:52,106 with SAC/SAC.py:135,153"),
    reward_scale=cited(1.0, f"{SAC}:135 (none)"),
    discount=cited(0.99, f"{MAIN}:47"),
    critics=cited(2, f"{SAC}:72-80"),
    target_reduce=cited("min", f"{SAC}:134"),
    actor_reduce=cited("min", f"{SAC}:152"),
    value_net=cited(None, f"{SAC}:128-135 (targets of Q)"),
    entropy_in_target=cited(True, f"{SAC}:135"),
    critic_loss_scale=cited(1.0, f"{SAC}:141"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{SAC}:26-27,51-52"),
    log_det=cited(FlooredLogDet(floor=1e-6), f"{SAC}:63"),
    gaussian_eps=cited(0.0, f"{SAC}:29-32,62"),
    log_prob_units=cited("unit", f"{SAC}:62-66 (scaled to the box after the density is taken)"),
    critic_action_units=cited("env", f"{SAC}:66,84 with main_off_policy_mujoco.py:147"),
    pathwise_noise=cited("shared", f"{SAC}:149-153"),
    # networks
    hidden=cited((256, 256), f"{SAC}:105"),
    first_critic_layer=cited("concat", f"{SAC}:84"),
    hidden_init=cited(Orthogonal(gain=1.0), INIT),
    critic_output_init=cited(Orthogonal(gain=1.0), INIT),
    actor_head=cited("separate", f"{SAC}:41-42"),
    mean_init=cited(Orthogonal(gain=1.0), INIT),
    log_std_init=cited(Orthogonal(gain=1.0), INIT),
    target_init=cited("copy", f"{SAC}:111"),
    # update
    order=cited(("value", "critic", "actor", "alpha", "target"), f"{SAC}:128-162"),
    gradients=cited("sequential", f"{SAC}:143-158 (each loss where its step is taken)"),
    first_update=cited(0, f"{SAC}:124-162 (nothing counts the updates)"),
    actor_every=cited(1, f"{SAC}:155-158"),
    actor_repeats=cited(1, f"{SAC}:155-158"),
    target_every=cited(1, f"{SAC}:160-162"),
    target_copy_every=cited(None, f"{SAC}:160-162 (moving average only)"),
    tau=cited(0.005, f"{MAIN}:48"),
    batch_size=cited(256, f"{MAIN}:46"),
    # optimisers
    actor_lr=cited(3e-4, f"{SAC}:108"),
    critic_lr=cited(3e-4, f"{SAC}:112"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
        f"{SAC}:108,112 (PyTorch's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(25_000, f"{MAIN}:42,129-130"),
    warmup_range=cited("unit", f"{MAIN}:130 (over the box)"),
    warmup_rounding=cited("none", f"{MAIN}:129"),
    epoch_steps=cited(None, f"{MAIN}:125,165 (no epochs)"),
    # learning
    learn_after=cited(25_001, f"{MAIN}:153 (step 25,000, counted from 0)"),
    update_every=cited(1, f"{MAIN}:153-154"),
    updates_per_burst=cited(1, f"{MAIN}:154"),
    learn_in_warmup=cited(True, f"{MAIN}:129,153 (both end together)"),
    update_position=cited("after_step", f"{MAIN}:141-154"),
    # data
    sampling=cited("with_replacement", f"{CODE} utils/replay_buffer.py:36"),
    replay_capacity=cited(1_000_000, f"{MAIN}:117 with utils/replay_buffer.py:9"),
    insert=cited("step", f"{MAIN}:147"),
    time_limit=cited(
        BootstrapAtLength(steps=1_000),
        f"{MAIN}:143-144 (the task's own limit)",
        {
            ("Pendulum-v1",): BootstrapAtLength(steps=200),
            ("MultiGoal-v0",): BootstrapAtLength(steps=30),
            ("Reacher-v4", "Reacher-v5"): BootstrapAtLength(steps=50),
            ("Pusher-v5",): BootstrapAtLength(steps=100),
        },
    ),
    reset_every=cited(None, f"{MAIN}:156-163 (only after an episode)"),
    action_to_env=cited("rescale", f"{SAC}:66"),
    evaluation_action=cited("mean", f"{MAIN}:27-28 with SAC/SAC.py:54-59"),
)

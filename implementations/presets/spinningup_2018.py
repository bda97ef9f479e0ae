"""Spinning Up's first SAC, with a value network, as it was until 2020: openai/spinningup@07bb739, spinup/algos/sac.

Not reproduced: how often and how long it evaluates (10 episodes per epoch of 5,000 steps; here the study decides); it
gives every action the bound of the first one (here each has its own, which is the same on every task of the study);
whether V's target reads the critics before or after their step, which its one session.run leaves open (here before); it
averages copies of the policy and the critics beside the target V, which nothing reads; gym's v2 tasks. Started as a
script it has one hidden layer of 300 units: here are its function's two layers.
"""

from suite.sac.cited import cited, preset
from suite.sac.schedule import BootstrapAtLength
from suite.sac.spec import Adam, EpsilonLogDet, FixedAlpha, SquashLogStd, ValueNet

CODE = "openai/spinningup@07bb739"
SAC = f"{CODE} spinup/algos/sac/sac.py"
CORE = f"{CODE} spinup/algos/sac/core.py"
INIT = f"{CORE}:12-15,44,65,97 (the defaults of tf.layers.dense)"
BURST = f"{SAC}:265-271 (as many as the episode had steps)"
REACHERS, PUSHERS = ("Reacher-v4", "Reacher-v5"), ("Pusher-v5",)
ENDURING = (
    *("Swimmer-v4", "Swimmer-v5", "HalfCheetah-v4", "HalfCheetah-v5"),
    *("HumanoidStandup-v4", "HumanoidStandup-v5"),
)
LENGTHS = {("Pendulum-v1",): 200, REACHERS: 50, PUSHERS: 100, ENDURING: 1_000}
"""Every episode of these tasks has so many steps. So the clock says when one is over, and seeds can learn together."""

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(FixedAlpha(value=0.2), f"{SAC}:49,173,176"),
    reward_scale=cited(1.0, f"{SAC}:172 (none)"),
    discount=cited(0.99, f"{SAC}:48"),
    critics=cited(2, f"{CORE}:98-105"),
    target_reduce=cited("min", f"{SAC}:169,173"),
    actor_reduce=cited("first", f"{SAC}:176"),
    value_net=cited(ValueNet(loss_scale=0.5, target="per_sample"), f"{SAC}:172-179 with spinup/algos/sac/core.py:97"),
    entropy_in_target=cited(True, f"{SAC}:173"),
    critic_loss_scale=cited(0.5, f"{SAC}:177-178"),
    # policy
    std=cited(SquashLogStd(low=-20.0, high=2.0), f"{CORE}:38-39,65-68"),
    log_det=cited(EpsilonLogDet(eps=1e-6), f"{CORE}:28-31,77"),
    gaussian_eps=cited(1e-8, f"{CORE}:4,25"),
    log_prob_units=cited("unit", f"{CORE}:88-94 (scaled to the box after the density is taken)"),
    critic_action_units=cited("env", f"{CORE}:94-105 with spinup/algos/sac/sac.py:149,259"),
    pathwise_noise=cited("shared", f"{SAC}:153,176"),
    # networks
    hidden=cited((400, 300), f"{CORE}:84"),
    first_critic_layer=cited("concat", f"{CORE}:97-105"),
    hidden_init=cited("glorot_uniform", INIT),
    critic_output_init=cited("glorot_uniform", INIT),
    actor_head=cited("separate", f"{CORE}:44,65"),
    mean_init=cited("glorot_uniform", INIT),
    log_std_init=cited("glorot_uniform", INIT),
    target_init=cited("copy", f"{SAC}:204-210"),
    # update
    order=cited(("value", "actor", "critic", "alpha", "target"), f"{SAC}:184-198"),
    gradients=cited("simultaneous", f"{SAC}:182-202,279 (one session.run; the actor's loss reads the old critics)"),
    first_update=cited(0, f"{SAC}:271-279 (nothing counts the updates)"),
    actor_every=cited(1, f"{SAC}:201-202"),
    actor_repeats=cited(1, f"{SAC}:201-202"),
    target_every=cited(1, f"{SAC}:196-202"),
    target_copy_every=cited(None, f"{SAC}:196-202 (moving average only)"),
    tau=cited(0.005, f"{SAC}:49 (1 - 0.995)"),
    batch_size=cited(100, f"{SAC}:49"),
    # optimisers
    actor_lr=cited(1e-3, f"{SAC}:49,184"),
    critic_lr=cited(1e-3, f"{SAC}:49,189"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="tensorflow"),
        f"{SAC}:184,189 (TensorFlow 1's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(10_001, f"{SAC}:49,236-246 (steps 0 to 10,000)"),
    warmup_range=cited("unit", f"{SAC}:246 (over the box)"),
    warmup_rounding=cited("none", f"{SAC}:243-246"),
    epoch_steps=cited(None, f"{SAC}:289-297 (epochs decide only when it is evaluated)"),
    # learning
    learn_after=cited(1, f"{SAC}:265-271 (nothing else is asked for)", LENGTHS),
    update_every=cited(1, BURST, LENGTHS),
    updates_per_burst=cited(1, BURST, LENGTHS),
    learn_in_warmup=cited(True, f"{SAC}:265-271 (the warm-up is not asked for)"),
    update_position=cited("after_episode", BURST, {("Pendulum-v1", *REACHERS, *PUSHERS, *ENDURING): "after_step"}),
    # data
    sampling=cited("with_replacement", f"{SAC}:33"),
    replay_capacity=cited(1_000_000, f"{SAC}:48"),
    insert=cited("step", f"{SAC}:259"),
    time_limit=cited(BootstrapAtLength(steps=1_000), f"{SAC}:50,256 (a shorter limit of the task is stored as a fall)"),
    reset_every=cited(None, f"{SAC}:265,285 (only after an episode)"),
    action_to_env=cited("rescale", f"{CORE}:91-94"),
    evaluation_action=cited("mean", f"{SAC}:216-226 with spinup/algos/sac/core.py:74,93"),
)

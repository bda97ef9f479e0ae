"""jaxrl at the commit of its published learning curves: ikostrikov/jaxrl@7745b27 (2021-02-16), sac.py and main.py.

Not reproduced: how often and how long it evaluates (10 episodes every 5,000 steps; here the study decides); with old
versions of gym a fall on the very last step of the time limit bootstraps too, because it asks whether
TimeLimit.truncated is present (gymnasium has no such key: here only truncation bootstraps); a replay as large as the
run where the run is not 1e6 steps long; it clips sampled actions to [-1, 1], which float32 never leaves.
"""

from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, ClipLogStd, ExactLogDet, LearnedAlpha, Orthogonal

SAC = "ikostrikov/jaxrl@7745b27 sac.py"
MAIN = "ikostrikov/jaxrl@7745b27 main.py"
DENSE = f"{SAC}:22,31-33 (every layer: the default gain of Flax, 1)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-0.5, objective="alpha", sample="actor", lr=3e-4),
        f"{SAC}:182,204,213 (1; learning rate; -A/2), 85,97 (the actor's sample, alpha itself)",
    ),
    reward_scale=cited(1.0, f"{SAC}:124 (none)"),
    discount=cited(0.99, f"{SAC}:182"),
    critics=cited(2, f"{SAC}:46-48"),
    target_reduce=cited("min", f"{SAC}:122"),
    actor_reduce=cited("min", f"{SAC}:89"),
    value_net=cited(None, f"{SAC}:120-125 (targets of Q)"),
    entropy_in_target=cited(True, f"{SAC}:124-125"),
    critic_loss_scale=cited(1.0, f"{SAC}:130"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{SAC}:62,65"),
    log_det=cited(ExactLogDet(), f"{SAC}:67-68 (TensorFlow Probability's Tanh)"),
    gaussian_eps=cited(0.0, f"{SAC}:64-72"),
    log_prob_units=cited("unit", f"{SAC}:71-72"),
    critic_action_units=cited("unit", f"{MAIN}:38,80 (the action before the wrapper scales it)"),
    pathwise_noise=cited("shared", f"{SAC}:85-90"),
    # networks
    hidden=cited((256, 256), f"{SAC}:190-191"),
    first_critic_layer=cited("concat", f"{SAC}:45"),
    hidden_init=cited(Orthogonal(gain=1.0), DENSE),
    critic_output_init=cited(Orthogonal(gain=1.0), DENSE),
    actor_head=cited("joint", f"{SAC}:59-61"),
    mean_init=cited(Orthogonal(gain=1.0), DENSE),
    log_std_init=cited(Orthogonal(gain=1.0), DENSE),
    target_init=cited("copy", f"{SAC}:203"),
    # update
    order=cited(("value", "critic", "target", "actor", "alpha"), f"{SAC}:156-165"),
    gradients=cited(
        "sequential", f"{SAC}:156-165 (each loss where its step is taken; the critics' target reads alpha as it was)"
    ),
    first_update=cited(1, f"{MAIN}:84-86 (nothing counts the updates)"),
    actor_every=cited(1, f"{SAC}:163-165"),
    actor_repeats=cited(1, f"{SAC}:163-165"),
    target_every=cited(1, f"{SAC}:141-142"),
    target_copy_every=cited(None, f"{SAC}:136-142 (moving average only)"),
    tau=cited(0.005, f"{SAC}:183"),
    batch_size=cited(256, f"{MAIN}:23"),
    # optimisers
    actor_lr=cited(3e-4, f"{SAC}:179"),
    critic_lr=cited(3e-4, f"{SAC}:180"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"), f"{SAC}:206-211 (Flax' Adam with its defaults)"
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(10_000, f"{MAIN}:26,67"),
    warmup_range=cited("unit", f"{MAIN}:38,68"),
    warmup_rounding=cited("none", f"{MAIN}:67"),
    epoch_steps=cited(None, f"{MAIN}:59-86 (no epochs)"),
    # learning
    learn_after=cited(10_000, f"{MAIN}:26,84"),
    update_every=cited(1, f"{MAIN}:84-86"),
    updates_per_burst=cited(1, f"{MAIN}:84-86"),
    learn_in_warmup=cited(True, f"{MAIN}:67,84 (updates begin after it)"),
    update_position=cited("after_step", f"{MAIN}:73,84-86"),
    # data
    sampling=cited("with_replacement", "ikostrikov/jaxrl@7745b27 replay_buffer.py:33"),
    replay_capacity=cited(1_000_000, f"{MAIN}:22,52"),
    insert=cited("step", f"{MAIN}:80-81"),
    time_limit=cited("bootstrap", f"{MAIN}:75-78"),
    reset_every=cited(None, f"{MAIN}:60-62 (only after an episode)"),
    action_to_env=cited("rescale", f"{MAIN}:38"),
    evaluation_action=cited("mean", f"{MAIN}:97-98 with sac.py:64-66 (no noise)"),
)

"""CleanRL's single-file SAC with its defaults: vwxyzjn/cleanrl@fe8d8a0, cleanrl/sac_continuous_action.py.

Not reproduced: it has no evaluation and reports the returns of training episodes (the suite runs evaluation episodes at
the study's interval, with sampled actions as in training); it keeps alpha as a Python float, read back after each step
of alpha; it needs gymnasium 0.29.1 to store the last observation of a truncated episode.
"""

from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, EpsilonLogDet, LearnedAlpha, SquashLogStd

SAC = "vwxyzjn/cleanrl@fe8d8a0 cleanrl/sac_continuous_action.py"
HEADS = f"{SAC}:111-112 (PyTorch's default)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="alpha", sample="fresh", lr=1e-3),
        f"{SAC}:203-207 (-A; 1; the critics' learning rate), 289-297 (alpha itself; a sample of its own)",
    ),
    reward_scale=cited(1.0, f"{SAC}:262 (none)"),
    discount=cited(0.99, f"{SAC}:47"),
    critics=cited(2, f"{SAC}:193-194"),
    target_reduce=cited("min", f"{SAC}:261"),
    actor_reduce=cited("min", f"{SAC}:282"),
    value_net=cited(None, f"{SAC}:257-262 (targets of Q)"),
    entropy_in_target=cited(True, f"{SAC}:261"),
    critic_loss_scale=cited(1.0, f"{SAC}:266-268"),
    # policy
    std=cited(SquashLogStd(low=-5.0, high=2.0), f"{SAC}:102-103,134-135"),
    log_det=cited(EpsilonLogDet(eps=1e-6), f"{SAC}:148 (the action's scale within the logarithm, beside the epsilon)"),
    gaussian_eps=cited(0.0, f"{SAC}:142-146"),
    log_prob_units=cited("env", f"{SAC}:145-149"),
    critic_action_units=cited("env", f"{SAC}:145,233,249"),
    pathwise_noise=cited("shared", f"{SAC}:279-283"),
    # networks
    hidden=cited((256, 256), f"{SAC}:87-92,109-110"),
    first_critic_layer=cited("concat", f"{SAC}:95"),
    hidden_init=cited("torch", f"{SAC}:87-92,109-110 (PyTorch's default)"),
    critic_output_init=cited("torch", f"{SAC}:84-92 (PyTorch's default)"),
    actor_head=cited("separate", f"{SAC}:111-112"),
    mean_init=cited("torch", HEADS),
    log_std_init=cited("torch", HEADS),
    target_init=cited("copy", f"{SAC}:195-198"),
    # update
    order=cited(("value", "critic", "actor", "alpha", "target"), f"{SAC}:255-304"),
    gradients=cited("sequential", f"{SAC}:257-297 (each loss where its step is taken)"),
    first_update=cited(5_001, f"{SAC}:224,255,275,300 (environment steps, from 0)"),
    actor_every=cited(2, f"{SAC}:59,275"),
    actor_repeats=cited(2, f"{SAC}:276-278"),
    target_every=cited(1, f"{SAC}:61,300"),
    target_copy_every=cited(None, f"{SAC}:300-304 (moving average only)"),
    tau=cited(0.005, f"{SAC}:49"),
    batch_size=cited(256, f"{SAC}:51"),
    # optimisers
    actor_lr=cited(3e-4, f"{SAC}:55"),
    critic_lr=cited(1e-3, f"{SAC}:57"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
        f"{SAC}:199-200,207 (PyTorch's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(5_000, f"{SAC}:53,226"),
    warmup_range=cited("unit", f"{SAC}:227 (over the box)"),
    warmup_rounding=cited("none", f"{SAC}:226"),
    epoch_steps=cited(None, f"{SAC}:224-304 (no epochs)"),
    # learning
    learn_after=cited(5_002, f"{SAC}:255 (step 5,001, counted from 0)"),
    update_every=cited(1, f"{SAC}:255-256"),
    updates_per_burst=cited(1, f"{SAC}:255-256"),
    learn_in_warmup=cited(True, f"{SAC}:226,255 (updates begin after it)"),
    update_position=cited("after_step", f"{SAC}:233,255"),
    # data
    sampling=cited("with_replacement", "vwxyzjn/cleanrl@fe8d8a0 cleanrl_utils/buffers.py:224"),
    replay_capacity=cited(1_000_000, f"{SAC}:45"),
    insert=cited("step", f"{SAC}:249"),
    time_limit=cited("bootstrap", f"{SAC}:244-249"),
    reset_every=cited(None, f"{SAC}:252 (only after an episode)"),
    action_to_env=cited("rescale", f"{SAC}:114-127,145"),
    evaluation_action=cited("sample", f"{SAC}:229,236-242 (the returns of training episodes)"),
)

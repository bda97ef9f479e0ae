"""Stable-Baselines3 with the defaults of its SAC class: DLR-RM/stable-baselines3@e05d2dbe (sac.py as in 2.9.2).

Not reproduced: how often and how long it evaluates (5 episodes every 10,000 steps with its EvalCallback; here the study
decides); it replays observations in float64 and casts them to float32 for an update; gSDE and several environments,
off by default. Its n-step returns, off too, are the switch n_step.
"""

from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, ClipLogStd, EpsilonLogDet, LearnedAlpha

CODE = "DLR-RM/stable-baselines3@e05d2dbe"
SAC = f"{CODE} stable_baselines3/sac/sac.py"
POLICY = f"{CODE} stable_baselines3/sac/policies.py"
LOOP = f"{CODE} stable_baselines3/common/off_policy_algorithm.py"
NORMAL = f"{CODE} stable_baselines3/common/distributions.py"
INIT = f"{CODE} stable_baselines3/common/torch_layers.py:108-178 (PyTorch's default)"
HEADS = f"{POLICY}:102-103 (PyTorch's default)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
        f"{SAC}:95,169-190 (-A; 1; the one learning rate), 227-237 (its logarithm; the actor's sample)",
    ),
    reward_scale=cited(1.0, f"{SAC}:260 (none)"),
    discount=cited(0.99, f"{SAC}:100"),
    critics=cited(2, f"{POLICY}:230"),
    target_reduce=cited("min", f"{SAC}:254-256"),
    actor_reduce=cited("min", f"{SAC}:278-281"),
    value_net=cited(None, f"{SAC}:251-260 (targets of Q)"),
    entropy_in_target=cited(True, f"{SAC}:257-258"),
    critic_loss_scale=cited(0.5, f"{SAC}:267"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{POLICY}:21-22,162-164"),
    log_det=cited(EpsilonLogDet(eps=1e-6), f"{NORMAL}:217,241"),
    gaussian_eps=cited(0.0, f"{NORMAL}:237-238"),
    log_prob_units=cited("unit", f"{NORMAL}:237-242"),
    critic_action_units=cited("unit", f"{LOOP}:400-410 (stored before it is scaled to the box)"),
    pathwise_noise=cited("shared", f"{SAC}:227,279-281"),
    # networks
    hidden=cited((256, 256), f"{POLICY}:244-245"),
    first_critic_layer=cited("concat", f"{CODE} stable_baselines3/common/policies.py:971-977"),
    hidden_init=cited("torch", INIT),
    critic_output_init=cited("torch", INIT),
    actor_head=cited("separate", f"{POLICY}:102-103"),
    mean_init=cited("torch", HEADS),
    log_std_init=cited("torch", HEADS),
    target_init=cited("copy", f"{POLICY}:300-301"),
    # update
    order=cited(("value", "alpha", "critic", "actor", "target"), f"{SAC}:244-293"),
    gradients=cited("sequential", f"{SAC}:226-287 (each loss where its step is taken; alpha as it was before its own)"),
    first_update=cited(0, f"{SAC}:216,290 (an index within one call of train, from 0)"),
    actor_every=cited(1, f"{SAC}:284-287"),
    actor_repeats=cited(1, f"{SAC}:284-287"),
    target_every=cited(1, f"{SAC}:109,290"),
    target_copy_every=cited(None, f"{SAC}:289-293 (moving average only)"),
    tau=cited(0.005, f"{SAC}:99"),
    batch_size=cited(256, f"{SAC}:98"),
    # optimisers
    actor_lr=cited(3e-4, f"{SAC}:95"),
    critic_lr=cited(3e-4, f"{SAC}:95"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
        f"{POLICY}:228 (PyTorch's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(100, f"{SAC}:97 with {LOOP}:389"),
    warmup_range=cited("unit", f"{LOOP}:391 (over the box)"),
    warmup_rounding=cited("none", f"{LOOP}:389"),
    epoch_steps=cited(None, f"{LOOP}:334-354 (no epochs)"),
    # learning
    learn_after=cited(101, f"{LOOP}:348 (one step more than learning_starts)"),
    update_every=cited(1, f"{SAC}:101"),
    updates_per_burst=cited(1, f"{SAC}:102"),
    learn_in_warmup=cited(True, f"{LOOP}:348,389 (both end together)"),
    update_position=cited("after_step", f"{LOOP}:334-354"),
    # data
    sampling=cited("with_replacement", f"{CODE} stable_baselines3/common/buffers.py:113-114"),
    replay_capacity=cited(1_000_000, f"{SAC}:96"),
    insert=cited("step", f"{LOOP}:449-500"),
    time_limit=cited(
        "bootstrap",
        f"{CODE} stable_baselines3/common/buffers.py:278,320-322 with "
        "stable_baselines3/common/off_policy_algorithm.py:484-495",
    ),
    reset_every=cited(None, f"{LOOP}:482-495 (only after an episode)"),
    action_to_env=cited("rescale", f"{LOOP}:400-410"),
    evaluation_action=cited(
        "mean",
        f"{CODE} stable_baselines3/common/evaluation.py:16 with stable_baselines3/common/distributions.py:254-257",
    ),
)

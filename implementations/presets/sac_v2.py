"""SAC with twin critics, no value network and a learned temperature: the second paper, arXiv 1812.05905.

What the paper leaves open (initialisation, bounds of log std, Adam's epsilon) follows Stable-Baselines3, whose runs are
among the published references.

Not reproduced: nothing is left out of the paper's update; the paper names no code.
"""

from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, ClipLogStd, ExactLogDet, LearnedAlpha

OURS = "the update as arXiv 1812.05905 states it; the paper names no code"

PAPER = "arXiv 1812.05905"
SB3 = "DLR-RM/stable-baselines3@e05d2dbe"
INIT = f"open in the paper; {SB3} stable_baselines3/common/torch_layers.py:108-178 (PyTorch's default)"
PENDULUMS = (
    "Pendulum-v1",
    "InvertedPendulum-v4",
    "InvertedPendulum-v5",
    "InvertedDoublePendulum-v4",
    "InvertedDoublePendulum-v5",
)
SMALL_TASKS = (*PENDULUMS, "Reacher-v4", "Reacher-v5", "MultiGoal-v0")

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="alpha", sample="actor", lr=3e-4),
        f"{PAPER} section 5 and eq. 18; H = -A and learning rate: table 1; alpha starts at 1: {SB3} "
        "stable_baselines3/sac/sac.py:182",
    ),
    reward_scale=cited(1.0, f"{PAPER} section 5: the learned temperature replaces it"),
    discount=cited(0.99, f"{PAPER} table 1"),
    critics=cited(2, f"{PAPER} section 6 and algorithm 1"),
    target_reduce=cited("min", f"{PAPER} section 6: the minimum, for the gradients of eq. 6"),
    actor_reduce=cited("min", f"{PAPER} section 6: the minimum, for the gradients of eq. 10"),
    value_net=cited(None, f"{PAPER} algorithm 1 has none"),
    entropy_in_target=cited(True, f"{PAPER} eq. 3 and 5"),
    critic_loss_scale=cited(0.5, f"{PAPER} eq. 5"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"open in the paper; {SB3} stable_baselines3/sac/policies.py:21-22,164"),
    log_det=cited(ExactLogDet(), f"{PAPER} eq. 26 in its exact form"),
    gaussian_eps=cited(0.0, f"{PAPER} eq. 26: the density has none"),
    log_prob_units=cited("unit", f"{PAPER} appendix C: the action is tanh(u)"),
    critic_action_units=cited("unit", f"{PAPER} appendix C: the action is tanh(u)"),
    pathwise_noise=cited("shared", f"{PAPER} eq. 9 and 10: one noise vector per state"),
    # networks
    hidden=cited((256, 256), f"{PAPER} table 1"),
    first_critic_layer=cited("concat", f"open in the paper; {SB3} stable_baselines3/common/policies.py (concatenated)"),
    hidden_init=cited("torch", INIT),
    critic_output_init=cited("torch", INIT),
    actor_head=cited("separate", f"open in the paper; {SB3} stable_baselines3/sac/policies.py:103"),
    mean_init=cited("torch", INIT),
    log_std_init=cited("torch", INIT),
    target_init=cited("copy", f"{PAPER} algorithm 1, initialisation"),
    # update
    order=cited(("value", "critic", "actor", "alpha", "target"), f"{PAPER} algorithm 1"),
    gradients=cited("sequential", f"{PAPER} algorithm 1, line by line"),
    first_update=cited(1, f"{PAPER} algorithm 1: nothing in it counts its updates"),
    actor_every=cited(1, f"{PAPER} algorithm 1: every gradient step"),
    actor_repeats=cited(1, f"{PAPER} algorithm 1: once"),
    target_every=cited(1, f"{PAPER} table 1"),
    target_copy_every=cited(None, f"{PAPER} algorithm 1: moving average only"),
    tau=cited(0.005, f"{PAPER} table 1"),
    batch_size=cited(256, f"{PAPER} table 1"),
    # optimisers
    actor_lr=cited(3e-4, f"{PAPER} table 1"),
    critic_lr=cited(3e-4, f"{PAPER} table 1"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
        f"{PAPER} table 1 (Adam); betas and epsilon: arXiv 1412.6980 algorithm 1",
    ),
    precision=cited("float32", "float32, as every code base"),
    # warm-up
    warmup_steps=cited(
        10_000,
        "open in the paper; DLR-RM/rl-baselines3-zoo@22e3ff2 hyperparams/sac.yml:198-201 (10 000); "
        "1 000 on the small tasks: riserally/rlox@7297f85 benchmarks/convergence (Pendulum-v1)",
        {SMALL_TASKS: 1_000},
    ),
    warmup_range=cited("unit", "as action_to_env: uniform over the box"),
    warmup_rounding=cited("none", "as warmup_steps"),
    epoch_steps=cited(None, "the paper's algorithm 1 has no epochs"),
    # learning
    learn_after=cited(10_000, "as warmup_steps", {SMALL_TASKS: 1_000}),
    update_every=cited(1, f"{PAPER} table 1: one gradient step per environment step"),
    updates_per_burst=cited(1, f"{PAPER} table 1"),
    learn_in_warmup=cited(True, "as warmup_steps: the first update follows its last step"),
    update_position=cited("after_step", f"{PAPER} algorithm 1: environment step, then gradient step"),
    # data
    sampling=cited("with_replacement", f"open in the paper; {SB3} stable_baselines3/common/buffers.py:113-114"),
    replay_capacity=cited(1_000_000, f"{PAPER} table 1"),
    insert=cited("step", f"{PAPER} algorithm 1: after each environment step"),
    time_limit=cited(
        "bootstrap", "rail-berkeley/softlearning@13cf187 softlearning/environments/adapters/gym_adapter.py:85-90"
    ),
    reset_every=cited(None, f"{PAPER} algorithm 1: episodes run to their end"),
    action_to_env=cited(
        "rescale", "rail-berkeley/softlearning@13cf187 softlearning/environments/adapters/gym_adapter.py:95-103"
    ),
    evaluation_action=cited("mean", f"{PAPER} section 7: evaluation without exploration noise"),
)

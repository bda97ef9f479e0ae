"""SAC with twin critics, no value network and a learned temperature: the second paper, arXiv 1812.05905.

What the paper leaves open (initialisation, bounds of log std, Adam's epsilon) follows Stable-Baselines3, whose runs are
among the published references. Not reproduced: nothing of the paper's update; it names no code to reproduce.
"""

from suite.sac.schedule import Schedule
from suite.sac.spec import Adam, ClipLogStd, ExactLogDet, LearnedAlpha, SacSpec

OURS = "arXiv 1812.05905 as it stands, which names no code"

SPEC = SacSpec(
    temperature=LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="alpha", sample="actor", lr=3e-4),
    reward_scale=1.0,
    discount=0.99,
    critics=2,
    target_reduce="min",
    actor_reduce="min",
    value_net=None,
    entropy_in_target=True,
    critic_loss_scale=0.5,
    std=ClipLogStd(low=-20.0, high=2.0),
    log_det=ExactLogDet(),
    gaussian_eps=0.0,
    log_prob_units="unit",
    critic_action_units="unit",
    pathwise_noise="shared",
    hidden=(256, 256),
    first_critic_layer="concat",
    hidden_init="torch",
    critic_output_init="torch",
    actor_head="separate",
    mean_init="torch",
    log_std_init="torch",
    target_init="copy",
    order=("value", "critic", "actor", "alpha", "target"),
    gradients="sequential",
    first_update=1,
    actor_every=1,
    actor_repeats=1,
    target_every=1,
    target_copy_every=None,
    tau=0.005,
    batch_size=256,
    actor_lr=3e-4,
    critic_lr=3e-4,
    adam=Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
    precision="float32",
)

SCHEDULE = Schedule(
    warmup_steps=10_000,
    warmup_range="unit",
    warmup_rounding="none",
    epoch_steps=None,
    learn_after=10_000,
    update_every=1,
    updates_per_burst=1,
    learn_in_warmup=True,
    update_position="after_step",
    replay_capacity=1_000_000,
    insert="step",
    time_limit="bootstrap",
    reset_every=None,
    action_to_env="rescale",
    evaluation_action="mean",
)

PER_TASK = {
    "Pendulum-v1": {"warmup_steps": 1_000, "learn_after": 1_000},
    "InvertedPendulum-v4": {"warmup_steps": 1_000, "learn_after": 1_000},
    "InvertedPendulum-v5": {"warmup_steps": 1_000, "learn_after": 1_000},
    "InvertedDoublePendulum-v4": {"warmup_steps": 1_000, "learn_after": 1_000},
    "InvertedDoublePendulum-v5": {"warmup_steps": 1_000, "learn_after": 1_000},
    "Reacher-v4": {"warmup_steps": 1_000, "learn_after": 1_000},
    "Reacher-v5": {"warmup_steps": 1_000, "learn_after": 1_000},
}

_PAPER = "arXiv 1812.05905"
_SB3 = "DLR-RM/stable-baselines3@e05d2dbe"
_INIT = f"open in the paper; {_SB3} stable_baselines3/common/torch_layers.py:108-178 (PyTorch's default)"

SOURCES = {
    "temperature": f"{_PAPER} section 5 and eq. 18; H = -A and learning rate: table 1; alpha starts at 1: {_SB3} "
    "stable_baselines3/sac/sac.py:182",
    "reward_scale": f"{_PAPER} section 5: the learned temperature replaces it",
    "discount": f"{_PAPER} table 1",
    "critics": f"{_PAPER} section 6 and algorithm 1",
    "target_reduce": f"{_PAPER} section 6: the minimum, for the gradients of eq. 6",
    "actor_reduce": f"{_PAPER} section 6: the minimum, for the gradients of eq. 10",
    "value_net": f"{_PAPER} algorithm 1 has none",
    "entropy_in_target": f"{_PAPER} eq. 3 and 5",
    "critic_loss_scale": f"{_PAPER} eq. 5",
    "std": f"open in the paper; {_SB3} stable_baselines3/sac/policies.py:21-22,164",
    "log_det": f"{_PAPER} eq. 26 in its exact form",
    "gaussian_eps": f"{_PAPER} eq. 26: the density has none",
    "log_prob_units": f"{_PAPER} appendix C: the action is tanh(u)",
    "critic_action_units": f"{_PAPER} appendix C: the action is tanh(u)",
    "pathwise_noise": f"{_PAPER} eq. 9 and 10: one noise vector per state",
    "hidden": f"{_PAPER} table 1",
    "first_critic_layer": f"open in the paper; {_SB3} stable_baselines3/common/policies.py (concatenated)",
    "hidden_init": _INIT,
    "critic_output_init": _INIT,
    "actor_head": f"open in the paper; {_SB3} stable_baselines3/sac/policies.py:103",
    "mean_init": _INIT,
    "log_std_init": _INIT,
    "target_init": f"{_PAPER} algorithm 1, initialisation",
    "order": f"{_PAPER} algorithm 1",
    "gradients": f"{_PAPER} algorithm 1, line by line",
    "first_update": f"{_PAPER} algorithm 1: nothing in it counts its updates",
    "actor_every": f"{_PAPER} algorithm 1: every gradient step",
    "actor_repeats": f"{_PAPER} algorithm 1: once",
    "target_every": f"{_PAPER} table 1",
    "target_copy_every": f"{_PAPER} algorithm 1: moving average only",
    "tau": f"{_PAPER} table 1",
    "batch_size": f"{_PAPER} table 1",
    "actor_lr": f"{_PAPER} table 1",
    "critic_lr": f"{_PAPER} table 1",
    "adam": f"{_PAPER} table 1 (Adam); betas and epsilon: arXiv 1412.6980 algorithm 1",
    "precision": "float32, as every code base",
    "warmup_steps": "open in the paper; DLR-RM/rl-baselines3-zoo@22e3ff2 hyperparams/sac.yml:198-201 (10 000); "
    "1 000 on the small tasks: riserally/rlox@7297f85 benchmarks/convergence (Pendulum-v1)",
    "warmup_range": "as action_to_env: uniform over the box",
    "warmup_rounding": "as warmup_steps",
    "epoch_steps": "the paper's algorithm 1 has no epochs",
    "learn_after": "as warmup_steps",
    "learn_in_warmup": "as warmup_steps: the first update follows its last step",
    "update_position": f"{_PAPER} algorithm 1: environment step, then gradient step",
    "insert": f"{_PAPER} algorithm 1: after each environment step",
    "reset_every": f"{_PAPER} algorithm 1: episodes run to their end",
    "update_every": f"{_PAPER} table 1: one gradient step per environment step",
    "updates_per_burst": f"{_PAPER} table 1",
    "replay_capacity": f"{_PAPER} table 1",
    "time_limit": "rail-berkeley/softlearning@13cf187 softlearning/environments/adapters/gym_adapter.py:85-90",
    "action_to_env": "rail-berkeley/softlearning@13cf187 softlearning/environments/adapters/gym_adapter.py:95-103",
    "evaluation_action": f"{_PAPER} section 7: evaluation without exploration noise",
}

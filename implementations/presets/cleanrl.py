"""CleanRL's single-file SAC with its defaults: vwxyzjn/cleanrl@fe8d8a0, cleanrl/sac_continuous_action.py.

Not reproduced: that it has no evaluation and reports the returns of training episodes (here evaluation episodes, at the
study's cadence, play sampled actions as those do); alpha kept as a Python float, read back after each of its steps;
gymnasium 0.29.1, which it needs to store the last observation of a truncated episode.
"""

from suite.sac.schedule import Schedule
from suite.sac.spec import Adam, EpsilonLogDet, LearnedAlpha, SacSpec, SquashLogStd

SPEC = SacSpec(
    temperature=LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="alpha", sample="fresh", lr=1e-3),
    reward_scale=1.0,
    discount=0.99,
    critics=2,
    target_reduce="min",
    actor_reduce="min",
    value_net=None,
    entropy_in_target=True,
    critic_loss_scale=1.0,
    std=SquashLogStd(low=-5.0, high=2.0),
    log_det=EpsilonLogDet(eps=1e-6),
    gaussian_eps=0.0,
    log_prob_units="env",
    critic_action_units="env",
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
    first_update=5_001,
    actor_every=2,
    actor_repeats=2,
    target_every=1,
    target_copy_every=None,
    tau=0.005,
    batch_size=256,
    actor_lr=3e-4,
    critic_lr=1e-3,
    adam=Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
    precision="float32",
)

SCHEDULE = Schedule(
    warmup_steps=5_000,
    warmup_range="unit",
    warmup_rounding="none",
    epoch_steps=None,
    learn_after=5_002,
    update_every=1,
    updates_per_burst=1,
    learn_in_warmup=True,
    update_position="after_step",
    replay_capacity=1_000_000,
    insert="step",
    time_limit="bootstrap",
    reset_every=None,
    action_to_env="rescale",
    evaluation_action="sample",
)

PER_TASK = {}

_CODE = "vwxyzjn/cleanrl@fe8d8a0"
_SAC = f"{_CODE} cleanrl/sac_continuous_action.py"
_CRITIC = f"{_SAC}:84-92 (PyTorch's default)"
_HEADS = f"{_SAC}:111-112 (PyTorch's default)"

SOURCES = {
    "temperature": f"{_SAC}:203-207 (-A; 1; the critics' learning rate), 289-297 (alpha itself; a sample of its own)",
    "reward_scale": f"{_SAC}:262 (none)",
    "discount": f"{_SAC}:47",
    "critics": f"{_SAC}:193-194",
    "target_reduce": f"{_SAC}:261",
    "actor_reduce": f"{_SAC}:282",
    "value_net": f"{_SAC}:257-262 (targets of Q)",
    "entropy_in_target": f"{_SAC}:261",
    "critic_loss_scale": f"{_SAC}:266-268",
    "std": f"{_SAC}:102-103,134-135",
    "log_det": f"{_SAC}:148 (the action's scale within the logarithm, beside the epsilon)",
    "gaussian_eps": f"{_SAC}:142-146",
    "log_prob_units": f"{_SAC}:145-149",
    "critic_action_units": f"{_SAC}:145,233,249",
    "pathwise_noise": f"{_SAC}:279-283",
    "hidden": f"{_SAC}:87-92,109-110",
    "first_critic_layer": f"{_SAC}:95",
    "hidden_init": f"{_SAC}:87-92,109-110 (PyTorch's default)",
    "critic_output_init": _CRITIC,
    "actor_head": f"{_SAC}:111-112",
    "mean_init": _HEADS,
    "log_std_init": _HEADS,
    "target_init": f"{_SAC}:195-198",
    "order": f"{_SAC}:255-304",
    "gradients": f"{_SAC}:257-297 (each loss where its step is taken)",
    "first_update": f"{_SAC}:224,255,275,300 (environment steps, from 0)",
    "actor_every": f"{_SAC}:59,275",
    "actor_repeats": f"{_SAC}:276-278",
    "target_every": f"{_SAC}:61,300",
    "target_copy_every": f"{_SAC}:300-304 (moving average only)",
    "tau": f"{_SAC}:49",
    "batch_size": f"{_SAC}:51",
    "actor_lr": f"{_SAC}:55",
    "critic_lr": f"{_SAC}:57",
    "adam": f"{_SAC}:199-200,207 (PyTorch's Adam with its defaults)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_SAC}:53,226",
    "warmup_range": f"{_SAC}:227 (over the box)",
    "warmup_rounding": f"{_SAC}:226",
    "epoch_steps": f"{_SAC}:224-304 (no epochs)",
    "learn_after": f"{_SAC}:255 (step 5,001, counted from 0)",
    "update_every": f"{_SAC}:255-256",
    "updates_per_burst": f"{_SAC}:255-256",
    "learn_in_warmup": f"{_SAC}:226,255 (updates begin after it)",
    "update_position": f"{_SAC}:233,255",
    "replay_capacity": f"{_SAC}:45",
    "insert": f"{_SAC}:249",
    "time_limit": f"{_SAC}:244-249",
    "reset_every": f"{_SAC}:252 (only after an episode)",
    "action_to_env": f"{_SAC}:114-127,145",
    "evaluation_action": f"{_SAC}:229,236-242 (the returns of training episodes)",
}

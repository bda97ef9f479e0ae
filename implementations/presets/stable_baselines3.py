"""Stable-Baselines3 with the defaults of its SAC class: DLR-RM/stable-baselines3@e05d2dbe (sac.py as in 2.9.2).

Not reproduced: the evaluation's cadence and number of episodes (its EvalCallback: 5 each 10,000 steps), which are the
study's; observations replayed in float64 and cast to float32 for an update; gSDE, n-step returns and several
environments, which are off by default.
"""

from suite.sac.schedule import Schedule
from suite.sac.spec import Adam, ClipLogStd, EpsilonLogDet, LearnedAlpha, SacSpec

SPEC = SacSpec(
    temperature=LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
    reward_scale=1.0,
    discount=0.99,
    critics=2,
    target_reduce="min",
    actor_reduce="min",
    value_net=None,
    entropy_in_target=True,
    critic_loss_scale=0.5,
    std=ClipLogStd(low=-20.0, high=2.0),
    log_det=EpsilonLogDet(eps=1e-6),
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
    order=("value", "alpha", "critic", "actor", "target"),
    gradients="sequential",
    first_update=0,
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
    warmup_steps=100,
    warmup_range="unit",
    warmup_rounding="none",
    epoch_steps=None,
    learn_after=101,
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

PER_TASK = {}

_CODE = "DLR-RM/stable-baselines3@e05d2dbe"
_SAC = f"{_CODE} stable_baselines3/sac/sac.py"
_POLICY = f"{_CODE} stable_baselines3/sac/policies.py"
_LOOP = f"{_CODE} stable_baselines3/common/off_policy_algorithm.py"
_NORMAL = f"{_CODE} stable_baselines3/common/distributions.py"
_INIT = f"{_CODE} stable_baselines3/common/torch_layers.py:108-178 (PyTorch's default)"
_HEADS = f"{_POLICY}:102-103 (PyTorch's default)"

SOURCES = {
    "temperature": f"{_SAC}:95,169-190 (-A; 1; the one learning rate), 227-237 (its logarithm; the actor's sample)",
    "reward_scale": f"{_SAC}:260 (none)",
    "discount": f"{_SAC}:100",
    "critics": f"{_POLICY}:230",
    "target_reduce": f"{_SAC}:254-256",
    "actor_reduce": f"{_SAC}:278-281",
    "value_net": f"{_SAC}:251-260 (targets of Q)",
    "entropy_in_target": f"{_SAC}:257-258",
    "critic_loss_scale": f"{_SAC}:267",
    "std": f"{_POLICY}:21-22,162-164",
    "log_det": f"{_NORMAL}:217,241",
    "gaussian_eps": f"{_NORMAL}:237-238",
    "log_prob_units": f"{_NORMAL}:237-242",
    "critic_action_units": f"{_LOOP}:400-410 (stored before it is scaled to the box)",
    "pathwise_noise": f"{_SAC}:227,279-281",
    "hidden": f"{_POLICY}:244-245",
    "first_critic_layer": f"{_CODE} stable_baselines3/common/policies.py:971-977",
    "hidden_init": _INIT,
    "critic_output_init": _INIT,
    "actor_head": f"{_POLICY}:102-103",
    "mean_init": _HEADS,
    "log_std_init": _HEADS,
    "target_init": f"{_POLICY}:300-301",
    "order": f"{_SAC}:244-293",
    "gradients": f"{_SAC}:226-287 (each loss where its step is taken; alpha as it was before its own)",
    "first_update": f"{_SAC}:216,290 (an index within one call of train, from 0)",
    "actor_every": f"{_SAC}:284-287",
    "actor_repeats": f"{_SAC}:284-287",
    "target_every": f"{_SAC}:109,290",
    "target_copy_every": f"{_SAC}:289-293 (moving average only)",
    "tau": f"{_SAC}:99",
    "batch_size": f"{_SAC}:98",
    "actor_lr": f"{_SAC}:95",
    "critic_lr": f"{_SAC}:95",
    "adam": f"{_POLICY}:228 (PyTorch's Adam with its defaults)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_SAC}:97 with {_LOOP}:389",
    "warmup_range": f"{_LOOP}:391 (over the box)",
    "warmup_rounding": f"{_LOOP}:389",
    "epoch_steps": f"{_LOOP}:334-354 (no epochs)",
    "learn_after": f"{_LOOP}:348 (one step more than learning_starts)",
    "update_every": f"{_SAC}:101",
    "updates_per_burst": f"{_SAC}:102",
    "learn_in_warmup": f"{_LOOP}:348,389 (both end together)",
    "update_position": f"{_LOOP}:334-354",
    "replay_capacity": f"{_SAC}:96",
    "insert": f"{_LOOP}:449-500",
    "time_limit": f"{_CODE} stable_baselines3/common/buffers.py:278,320-322 with "
    "stable_baselines3/common/off_policy_algorithm.py:484-495",
    "reset_every": f"{_LOOP}:482-495 (only after an episode)",
    "action_to_env": f"{_LOOP}:400-410",
    "evaluation_action": f"{_CODE} stable_baselines3/common/evaluation.py:16 with "
    "stable_baselines3/common/distributions.py:254-257",
}

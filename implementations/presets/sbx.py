"""SBX, Stable-Baselines3 in JAX, with the defaults of its SAC class: araffin/sbx@9bdc9c1 (sac.py as in 0.28.0).

Not reproduced: the evaluation's cadence and number of episodes (Stable-Baselines3's), which are the study's;
observations replayed in float64 and cast to float32 for an update; the batches of a burst drawn at once; the pre-tanh
action taken from a cache of TensorFlow Probability (here it is carried along, which is the same).
"""

from dataclasses import replace

from implementations.presets import stable_baselines3
from suite.sac.spec import ExactLogDet

SPEC = replace(
    stable_baselines3.SPEC,
    log_det=ExactLogDet(),
    hidden_init="lecun_normal",
    critic_output_init="lecun_normal",
    mean_init="lecun_normal",
    log_std_init="lecun_normal",
    order=("value", "critic", "target", "actor", "alpha"),
    first_update=1,
)

SCHEDULE = stable_baselines3.SCHEDULE

PER_TASK = {}

_CODE = "araffin/sbx@9bdc9c1"
_SAC = f"{_CODE} sbx/sac/sac.py"
_POLICY = f"{_CODE} sbx/sac/policies.py"
_NETS = f"{_CODE} sbx/common/policies.py"
_LOOP = "DLR-RM/stable-baselines3@e05d2dbe stable_baselines3/common/off_policy_algorithm.py"
_INIT = f"{_NETS}:143-150,253-257 (Flax' default for Dense)"

SOURCES = {
    "temperature": f"{_SAC}:58,145-175 (-A; 1; the one learning rate), "
    "339-341,353-360 (its logarithm; the actor's sample)",
    "reward_scale": f"{_SAC}:297 (none)",
    "discount": f"{_SAC}:64",
    "critics": f"{_POLICY}:46",
    "target_reduce": f"{_SAC}:293",
    "actor_reduce": f"{_SAC}:336",
    "value_net": f"{_SAC}:286-297 (targets of Q)",
    "entropy_in_target": f"{_SAC}:295",
    "critic_loss_scale": f"{_SAC}:302",
    "std": f"{_NETS}:242-243,257-260",
    "log_det": f"{_CODE} sbx/common/distributions.py:16 (TensorFlow Probability's Tanh)",
    "gaussian_eps": f"{_NETS}:259-261",
    "log_prob_units": f"{_NETS}:259-261",
    "critic_action_units": f"{_LOOP}:400-410 (stored before it is scaled to the box)",
    "pathwise_noise": f"{_SAC}:325-338",
    "hidden": f"{_POLICY}:69",
    "first_critic_layer": f"{_NETS}:141-144",
    "hidden_init": _INIT,
    "critic_output_init": _INIT,
    "actor_head": f"{_NETS}:256-257",
    "mean_init": _INIT,
    "log_std_init": _INIT,
    "target_init": f"{_POLICY}:123-132 (both from one key)",
    "order": f"{_SAC}:432-462",
    "gradients": f"{_SAC}:432-462 (each loss where its step is taken)",
    "first_update": f"{_SAC}:251,451 (updates, from 1)",
    "actor_every": f"{_SAC}:67,451",
    "actor_repeats": f"{_SAC}:450-462",
    "target_every": f"{_SAC}:448",
    "target_copy_every": f"{_SAC}:346-350 (moving average only)",
    "tau": f"{_SAC}:63",
    "batch_size": f"{_SAC}:62",
    "actor_lr": f"{_SAC}:58",
    "critic_lr": f"{_CODE} sbx/common/off_policy_algorithm.py:152-153 with sbx/sac/sac.py:59",
    "adam": f"{_POLICY}:44 (Optax' Adam with its defaults)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_SAC}:61; {_LOOP}:389",
    "warmup_range": f"{_LOOP}:391 (over the box)",
    "warmup_rounding": f"{_LOOP}:389",
    "epoch_steps": f"{_LOOP}:334-354 (no epochs)",
    "learn_after": f"{_LOOP}:348 (one step more than learning_starts)",
    "update_every": f"{_SAC}:65",
    "updates_per_burst": f"{_SAC}:66",
    "learn_in_warmup": f"{_LOOP}:348,389 (both end together)",
    "update_position": f"{_LOOP}:334-354",
    "replay_capacity": f"{_SAC}:60",
    "insert": f"{_LOOP}:449-500",
    "time_limit": f"{_CODE} sbx/common/off_policy_algorithm.py:149,162-170: "
    "DLR-RM/stable-baselines3@e05d2dbe stable_baselines3/common/buffers.py:278,320-322",
    "reset_every": f"{_LOOP}:482-495 (only after an episode)",
    "action_to_env": f"{_LOOP}:400-410",
    "evaluation_action": f"{_POLICY}:153-155 with sbx/common/policies.py:45-48",
}

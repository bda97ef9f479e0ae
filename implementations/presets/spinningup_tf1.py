"""Spinning Up's SAC in TensorFlow 1: openai/spinningup@038665d, spinup/algos/tf1/sac.

Not reproduced: the evaluation's cadence and number of episodes (10 per epoch of 4,000 steps), which are the study's;
its assumption that every action has the bound of the first one (here each has its own: the same on every task of the
study); which policy, old or new, the critics' target reads, as nothing in its one session.run says (here: the old one);
the averaged copy of the policy beside the target critics, which nothing reads; gym's v2 and v3 tasks.
"""

from dataclasses import replace

from implementations.presets import spinningup
from suite.sac.spec import Adam

SPEC = replace(
    spinningup.SPEC,
    critic_loss_scale=0.5,
    gaussian_eps=1e-8,
    hidden_init="glorot_uniform",
    critic_output_init="glorot_uniform",
    mean_init="glorot_uniform",
    log_std_init="glorot_uniform",
    order=("value", "actor", "critic", "alpha", "target"),
    gradients="simultaneous",
    adam=Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="tensorflow"),
)

SCHEDULE = spinningup.SCHEDULE

PER_TASK = {}

_CODE = "openai/spinningup@038665d"
_SAC = f"{_CODE} spinup/algos/tf1/sac/sac.py"
_CORE = f"{_CODE} spinup/algos/tf1/sac/core.py"
_INIT = f"{_CORE}:12-15,39-40 (the defaults of tf.layers.dense)"

SOURCES = {
    "temperature": f"{_SAC}:44,181,184",
    "reward_scale": f"{_SAC}:181 (none)",
    "discount": f"{_SAC}:43",
    "critics": f"{_CORE}:78-81",
    "target_reduce": f"{_SAC}:178",
    "actor_reduce": f"{_SAC}:177",
    "value_net": f"{_SAC}:176-187 (targets of Q)",
    "entropy_in_target": f"{_SAC}:181",
    "critic_loss_scale": f"{_SAC}:185-187",
    "std": f"{_CORE}:33-34,40-44",
    "log_det": f"{_CORE}:54",
    "gaussian_eps": f"{_CORE}:4,25",
    "log_prob_units": f"{_CORE}:69-74 (scaled to the box after the density is taken)",
    "critic_action_units": f"{_CORE}:72-81 with {_SAC}:159,263",
    "pathwise_noise": f"{_SAC}:155-159,184",
    "hidden": f"{_CORE}:64",
    "first_critic_layer": f"{_CORE}:77-81",
    "hidden_init": _INIT,
    "critic_output_init": _INIT,
    "actor_head": f"{_CORE}:39-40",
    "mean_init": _INIT,
    "log_std_init": _INIT,
    "target_init": f"{_SAC}:211-217",
    "order": f"{_SAC}:189-205",
    "gradients": f"{_SAC}:189-209,284 (one session.run; the actor's loss reads the old critics)",
    "first_update": f"{_SAC}:275-284 (nothing counts the updates)",
    "actor_every": f"{_SAC}:208-209",
    "actor_repeats": f"{_SAC}:208-209",
    "target_every": f"{_SAC}:203-209",
    "target_copy_every": f"{_SAC}:203-209 (moving average only)",
    "tau": f"{_SAC}:44 (1 - 0.995)",
    "batch_size": f"{_SAC}:44",
    "actor_lr": f"{_SAC}:44,191",
    "critic_lr": f"{_SAC}:44,196",
    "adam": f"{_SAC}:191,196 (TensorFlow 1's Adam with its defaults)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_SAC}:44,242-250 (steps 0 to 10,000)",
    "warmup_range": f"{_SAC}:250 (over the box)",
    "warmup_rounding": f"{_SAC}:247-250",
    "epoch_steps": f"{_SAC}:289-297 (epochs decide only when it is evaluated)",
    "learn_after": f"{_SAC}:45,275 (step 1,000, counted from 0)",
    "update_every": f"{_SAC}:45,275",
    "updates_per_burst": f"{_SAC}:276",
    "learn_in_warmup": f"{_SAC}:275 (the warm-up is not asked for)",
    "update_position": f"{_SAC}:253-284",
    "replay_capacity": f"{_SAC}:43",
    "insert": f"{_SAC}:263",
    "time_limit": f"{_SAC}:45,260 (a shorter limit of the task is stored as a fall)",
    "reset_every": f"{_SAC}:270-272 (only after an episode)",
    "action_to_env": f"{_CORE}:72-74",
    "evaluation_action": f"{_SAC}:223-225,232 with {_CORE}:57",
}

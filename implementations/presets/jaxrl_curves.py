"""jaxrl at the commit of its published learning curves: ikostrikov/jaxrl@7745b27 (2021-02-16), sac.py and main.py.

Not reproduced: the evaluation's cadence and number of episodes (10 each 5,000 steps), which are the study's; that in
old gym a fall on the very last step of the limit bootstraps too, as it asks for the presence of TimeLimit.truncated
(current gymnasium has no such key: here truncation alone bootstraps); a replay as large as the run, where that is not
1e6 steps; sampled actions clipped to [-1, 1], where float32 never leaves it.
"""

from dataclasses import replace

from implementations.presets import jaxrl
from suite.sac.spec import ClipLogStd, Orthogonal

_INIT = Orthogonal(gain=1.0)

SPEC = replace(
    jaxrl.SPEC,
    std=ClipLogStd(low=-20.0, high=2.0),
    hidden_init=_INIT,
    critic_output_init=_INIT,
    actor_head="joint",
    mean_init=_INIT,
    log_std_init=_INIT,
    first_update=1,
)

SCHEDULE = replace(jaxrl.SCHEDULE, warmup_steps=10_000)

PER_TASK = {}

_SAC = "ikostrikov/jaxrl@7745b27 sac.py"
_MAIN = "ikostrikov/jaxrl@7745b27 main.py"
_DENSE = f"{_SAC}:22,31-33 (every layer: the default gain of Flax, 1)"

SOURCES = {
    "temperature": f"{_SAC}:182,204,213 (1; learning rate; -A/2), 85,97 (the actor's sample, alpha itself)",
    "reward_scale": f"{_SAC}:124 (none)",
    "discount": f"{_SAC}:182",
    "critics": f"{_SAC}:46-48",
    "target_reduce": f"{_SAC}:122",
    "actor_reduce": f"{_SAC}:89",
    "value_net": f"{_SAC}:120-125 (targets of Q)",
    "entropy_in_target": f"{_SAC}:124-125",
    "critic_loss_scale": f"{_SAC}:130",
    "std": f"{_SAC}:62,65",
    "log_det": f"{_SAC}:67-68 (TensorFlow Probability's Tanh)",
    "gaussian_eps": f"{_SAC}:64-72",
    "log_prob_units": f"{_SAC}:71-72",
    "critic_action_units": f"{_MAIN}:38,80 (the action before the wrapper scales it)",
    "pathwise_noise": f"{_SAC}:85-90",
    "hidden": f"{_SAC}:190-191",
    "first_critic_layer": f"{_SAC}:45",
    "hidden_init": _DENSE,
    "critic_output_init": _DENSE,
    "actor_head": f"{_SAC}:59-61",
    "mean_init": _DENSE,
    "log_std_init": _DENSE,
    "target_init": f"{_SAC}:203",
    "order": f"{_SAC}:156-165",
    "gradients": f"{_SAC}:156-165 (each loss where its step is taken; the critics' target reads alpha as it was)",
    "first_update": f"{_MAIN}:84-86 (nothing counts the updates)",
    "actor_every": f"{_SAC}:163-165",
    "actor_repeats": f"{_SAC}:163-165",
    "target_every": f"{_SAC}:141-142",
    "target_copy_every": f"{_SAC}:136-142 (moving average only)",
    "tau": f"{_SAC}:183",
    "batch_size": f"{_MAIN}:23",
    "actor_lr": f"{_SAC}:179",
    "critic_lr": f"{_SAC}:180",
    "adam": f"{_SAC}:206-211 (Flax' Adam with its defaults)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_MAIN}:26,67",
    "warmup_range": f"{_MAIN}:38,68",
    "warmup_rounding": f"{_MAIN}:67",
    "epoch_steps": f"{_MAIN}:59-86 (no epochs)",
    "learn_after": f"{_MAIN}:26,84",
    "update_every": f"{_MAIN}:84-86",
    "updates_per_burst": f"{_MAIN}:84-86",
    "learn_in_warmup": f"{_MAIN}:67,84 (updates begin after it)",
    "update_position": f"{_MAIN}:73,84-86",
    "replay_capacity": f"{_MAIN}:22,52",
    "insert": f"{_MAIN}:80-81",
    "time_limit": f"{_MAIN}:75-78",
    "reset_every": f"{_MAIN}:60-62 (only after an episode)",
    "action_to_env": f"{_MAIN}:38",
    "evaluation_action": f"{_MAIN}:97-98 with sac.py:64-66 (no noise)",
}

"""jaxrl with examples/train.py and its configs/sac_default.py: ikostrikov/jaxrl@4a9abaf.

Not reproduced: the evaluation's cadence and number of episodes (10 each 5,000 steps), which are the study's; that in
old gym a fall on the very last step of the limit bootstraps too, as it asks for the presence of TimeLimit.truncated
(current gymnasium has no such key: here truncation alone bootstraps); a replay as large as the run, where that is not
1e6 steps; sampled actions clipped to [-1, 1], where float32 never leaves it.
"""

from suite.sac.schedule import Schedule
from suite.sac.spec import Adam, ClipLogStd, ExactLogDet, LearnedAlpha, Orthogonal, SacSpec

SPEC = SacSpec(
    temperature=LearnedAlpha(init=1.0, entropy_per_dim=-0.5, objective="alpha", sample="actor", lr=3e-4),
    reward_scale=1.0,
    discount=0.99,
    critics=2,
    target_reduce="min",
    actor_reduce="min",
    value_net=None,
    entropy_in_target=True,
    critic_loss_scale=1.0,
    std=ClipLogStd(low=-10.0, high=2.0),
    log_det=ExactLogDet(),
    gaussian_eps=0.0,
    log_prob_units="unit",
    critic_action_units="unit",
    pathwise_noise="shared",
    hidden=(256, 256),
    first_critic_layer="concat",
    hidden_init=Orthogonal(gain=1.4142135623730951),
    critic_output_init=Orthogonal(gain=1.4142135623730951),
    actor_head="separate",
    mean_init=Orthogonal(gain=1.0),
    log_std_init=Orthogonal(gain=1.0),
    target_init="copy",
    order=("value", "critic", "target", "actor", "alpha"),
    gradients="sequential",
    first_update=2,
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
    warmup_steps=9_999,
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

PER_TASK = {}

_CODE = "ikostrikov/jaxrl@4a9abaf"
_SAC = f"{_CODE} jaxrl/agents/sac/sac_learner.py"
_CRITIC = f"{_CODE} jaxrl/agents/sac/critic.py"
_ACTOR = f"{_CODE} jaxrl/agents/sac/actor.py"
_POLICY = f"{_CODE} jaxrl/networks/policies.py"
_INIT = f"{_CODE} jaxrl/networks/common.py:11-12,32 (every layer of its MLP)"
_HEADS = f"{_POLICY}:61-70 with jaxrl/agents/sac/sac_learner.py:71"
_SCRIPT = f"{_CODE} examples/train.py"
_CONFIG = f"{_CODE} examples/configs/sac_default.py"

SOURCES = {
    "temperature": f"{_CONFIG}:11,20 (1; learning rate); {_SAC}:78-79 (-A/2), 43-45 (the actor's sample); "
    "jaxrl/agents/sac/temperature.py:24-25 (alpha itself)",
    "reward_scale": f"{_CRITIC}:27 (none)",
    "discount": f"{_CONFIG}:15",
    "critics": f"{_CODE} jaxrl/networks/critic_net.py:36",
    "target_reduce": f"{_CRITIC}:25",
    "actor_reduce": f"{_ACTOR}:18",
    "value_net": f"{_CRITIC}:24-30 (targets of Q)",
    "entropy_in_target": f"{_CONFIG}:22; {_CRITIC}:29-30",
    "critic_loss_scale": f"{_CRITIC}:35",
    "std": f"{_POLICY}:16-17,75-77",
    "log_det": f"{_POLICY}:86-87 (TensorFlow Probability's Tanh)",
    "gaussian_eps": f"{_POLICY}:82-87",
    "log_prob_units": f"{_POLICY}:82-87",
    "critic_action_units": f"{_CODE} jaxrl/utils.py:43 (the action before the wrapper scales it)",
    "pathwise_noise": f"{_ACTOR}:14-19",
    "hidden": f"{_CONFIG}:13",
    "first_critic_layer": f"{_CODE} jaxrl/networks/critic_net.py:27",
    "hidden_init": _INIT,
    "critic_output_init": _INIT,
    "actor_head": f"{_POLICY}:61-70",
    "mean_init": _HEADS,
    "log_std_init": _HEADS,
    "target_init": f"{_SAC}:101-105 (both from one key)",
    "order": f"{_SAC}:28-45",
    "gradients": f"{_SAC}:28-45 (each loss where its step is taken)",
    "first_update": f"{_SAC}:117,131,136 (updates, from 2)",
    "actor_every": f"{_SAC}:42-43",
    "actor_repeats": f"{_SAC}:42-43",
    "target_every": f"{_CONFIG}:18",
    "target_copy_every": f"{_CRITIC}:10-15 (moving average only)",
    "tau": f"{_CONFIG}:17",
    "batch_size": f"{_SCRIPT}:26",
    "actor_lr": f"{_CONFIG}:9",
    "critic_lr": f"{_CONFIG}:10",
    "adam": f"{_SAC}:98,103,109 (Optax' Adam with its defaults)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_SCRIPT}:29,109-113",
    "warmup_range": f"{_SCRIPT}:113 with jaxrl/utils.py:43",
    "warmup_rounding": f"{_SCRIPT}:112",
    "epoch_steps": f"{_SCRIPT}:109-141 (no epochs)",
    "learn_after": f"{_SCRIPT}:29,138",
    "update_every": f"{_SCRIPT}:138-141",
    "updates_per_burst": f"{_SCRIPT}:27",
    "learn_in_warmup": f"{_SCRIPT}:112,138 (updates begin after it)",
    "update_position": f"{_SCRIPT}:116,138-141",
    "replay_capacity": f"{_SCRIPT}:28,104-105 with examples/configs/sac_default.py:24",
    "insert": f"{_SCRIPT}:123-124",
    "time_limit": f"{_SCRIPT}:118-121",
    "reset_every": f"{_SCRIPT}:127-128 (only after an episode)",
    "action_to_env": f"{_CODE} jaxrl/utils.py:43",
    "evaluation_action": f"{_CODE} jaxrl/evaluation.py:14 with jaxrl/networks/policies.py:82-84 (no noise)",
}

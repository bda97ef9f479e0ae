"""Spinning Up's SAC in PyTorch: openai/spinningup@038665d, spinup/algos/pytorch/sac.

Not reproduced: the evaluation's cadence and number of episodes (10 per epoch of 4,000 steps), which are the study's;
its assumption that every action has the bound of the first one (here each has its own: the same on every task of the
study); the averaged copy of the policy beside the target critics, which nothing reads; gym's v2 and v3 tasks.
"""

from suite.sac.schedule import BootstrapAtLength, Schedule
from suite.sac.spec import Adam, ClipLogStd, ExactLogDet, FixedAlpha, SacSpec

SPEC = SacSpec(
    temperature=FixedAlpha(value=0.2),
    reward_scale=1.0,
    discount=0.99,
    critics=2,
    target_reduce="min",
    actor_reduce="min",
    value_net=None,
    entropy_in_target=True,
    critic_loss_scale=1.0,
    std=ClipLogStd(low=-20.0, high=2.0),
    log_det=ExactLogDet(),
    gaussian_eps=0.0,
    log_prob_units="unit",
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
    first_update=0,
    actor_every=1,
    actor_repeats=1,
    target_every=1,
    target_copy_every=None,
    tau=0.005,
    batch_size=100,
    actor_lr=1e-3,
    critic_lr=1e-3,
    adam=Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
    precision="float32",
)

SCHEDULE = Schedule(
    warmup_steps=10_001,
    warmup_range="unit",
    warmup_rounding="none",
    epoch_steps=None,
    learn_after=1_001,
    update_every=50,
    updates_per_burst=50,
    learn_in_warmup=True,
    update_position="after_step",
    replay_capacity=1_000_000,
    insert="step",
    time_limit=BootstrapAtLength(steps=1_000),
    reset_every=None,
    action_to_env="rescale",
    evaluation_action="mean",
)

PER_TASK = {}

_CODE = "openai/spinningup@038665d"
_SAC = f"{_CODE} spinup/algos/pytorch/sac/sac.py"
_CORE = f"{_CODE} spinup/algos/pytorch/sac/core.py"
_INIT = f"{_CORE}:15-20,34-35 (PyTorch's default)"

SOURCES = {
    "temperature": f"{_SAC}:47,194,216",
    "reward_scale": f"{_SAC}:194 (none)",
    "discount": f"{_SAC}:46",
    "critics": f"{_CORE}:92-93",
    "target_reduce": f"{_SAC}:193",
    "actor_reduce": f"{_SAC}:213",
    "value_net": f"{_SAC}:186-194 (targets of Q)",
    "entropy_in_target": f"{_SAC}:194",
    "critic_loss_scale": f"{_SAC}:197-199",
    "std": f"{_CORE}:26-27,41-43",
    "log_det": f"{_CORE}:60",
    "gaussian_eps": f"{_CORE}:46,59",
    "log_prob_units": f"{_CORE}:59-65 (scaled to the box after the density is taken)",
    "critic_action_units": f"{_CORE}:64-65,88 with {_SAC}:307,211",
    "pathwise_noise": f"{_SAC}:210-216",
    "hidden": f"{_CORE}:82",
    "first_critic_layer": f"{_CORE}:74-77",
    "hidden_init": _INIT,
    "critic_output_init": _INIT,
    "actor_head": f"{_CORE}:34-35",
    "mean_init": _INIT,
    "log_std_init": _INIT,
    "target_init": f"{_SAC}:162",
    "order": f"{_SAC}:230-264",
    "gradients": f"{_SAC}:231-249 (each loss where its step is taken)",
    "first_update": f"{_SAC}:230-264 (nothing counts the updates)",
    "actor_every": f"{_SAC}:245-249",
    "actor_repeats": f"{_SAC}:245-249",
    "target_every": f"{_SAC}:258-264",
    "target_copy_every": f"{_SAC}:258-264 (moving average only)",
    "tau": f"{_SAC}:47 (1 - 0.995)",
    "batch_size": f"{_SAC}:47",
    "actor_lr": f"{_SAC}:47,224",
    "critic_lr": f"{_SAC}:47,225",
    "adam": f"{_SAC}:224-225 (PyTorch's Adam with its defaults)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_SAC}:47,286-294 (steps 0 to 10,000)",
    "warmup_range": f"{_SAC}:294 (over the box)",
    "warmup_rounding": f"{_SAC}:291-294",
    "epoch_steps": f"{_SAC}:325-333 (epochs decide only when it is evaluated)",
    "learn_after": f"{_SAC}:48,319 (step 1,000, counted from 0)",
    "update_every": f"{_SAC}:48,319",
    "updates_per_burst": f"{_SAC}:320-322",
    "learn_in_warmup": f"{_SAC}:319 (the warm-up is not asked for)",
    "update_position": f"{_SAC}:297-322",
    "replay_capacity": f"{_SAC}:46",
    "insert": f"{_SAC}:307",
    "time_limit": f"{_SAC}:48,304 (a shorter limit of the task is stored as a fall)",
    "reset_every": f"{_SAC}:314-316 (only after an episode)",
    "action_to_env": f"{_CORE}:64-65,88",
    "evaluation_action": f"{_SAC}:275 with {_CORE}:47-49",
}

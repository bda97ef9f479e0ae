"""Tianshou's SAC with the defaults of its example: thu-ml/tianshou@f240205 (2.0.1), examples/mujoco/mujoco_sac.py.

Not reproduced: the evaluation's cadence and number of episodes (10 each 5,000 steps), which are the study's; rewards
in float64 until the return is cast to float32; its n-step returns and prioritised replay, which are off by default.
"""

from suite.sac.schedule import Schedule
from suite.sac.spec import Adam, ClipLogStd, EpsilonLogDet, FixedAlpha, SacSpec

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
    log_det=EpsilonLogDet(eps=1.1920928955078125e-07),
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
    first_update=0,
    actor_every=1,
    actor_repeats=1,
    target_every=1,
    target_copy_every=None,
    tau=0.005,
    batch_size=256,
    actor_lr=1e-3,
    critic_lr=1e-3,
    adam=Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
    precision="float32",
)

SCHEDULE = Schedule(
    warmup_steps=10_000,
    warmup_range="unit",
    warmup_rounding="none",
    epoch_steps=None,
    learn_after=10_001,
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

_CODE = "thu-ml/tianshou@f240205"
_SCRIPT = f"{_CODE} examples/mujoco/mujoco_sac.py"
_SAC = f"{_CODE} tianshou/algorithm/modelfree/sac.py"
_BASE = f"{_CODE} tianshou/algorithm/algorithm_base.py"
_NETS = f"{_CODE} tianshou/utils/net/continuous.py"
_TRAINER = f"{_CODE} tianshou/trainer.py"
_COLLECTOR = f"{_CODE} tianshou/data/collector.py"
_NET_INIT = f"{_SCRIPT}:82-104 (PyTorch's default)"
_HEAD_INIT = f"{_NETS}:204-211 (PyTorch's default)"

SOURCES = {
    "temperature": f"{_SCRIPT}:35-36,126",
    "reward_scale": f"{_SCRIPT}:117-128 (none)",
    "discount": f"{_SCRIPT}:33",
    "critics": f"{_SCRIPT}:102-105",
    "target_reduce": f"{_CODE} tianshou/algorithm/modelfree/td3.py:97-102",
    "actor_reduce": f"{_SAC}:320",
    "value_net": f"{_SAC}:298-302 (targets of Q)",
    "entropy_in_target": f"{_SAC}:302",
    "critic_loss_scale": f"{_CODE} tianshou/algorithm/modelfree/ddpg.py:279-283",
    "std": f"{_NETS}:22-23,233 with examples/mujoco/mujoco_sac.py:86-87",
    "log_det": f"{_SAC}:28,38",
    "gaussian_eps": f"{_SAC}:115-120",
    "log_prob_units": f"{_SAC}:120-123",
    "critic_action_units": f"{_BASE}:254-287 (stored before it is mapped to the box)",
    "pathwise_noise": f"{_SAC}:315-321",
    "hidden": f"{_SCRIPT}:57",
    "first_critic_layer": f"{_SCRIPT}:90-101",
    "hidden_init": _NET_INIT,
    "critic_output_init": f"{_NETS}:128-134 (PyTorch's default)",
    "actor_head": f"{_NETS}:204-211",
    "mean_init": _HEAD_INIT,
    "log_std_init": _HEAD_INIT,
    "target_init": f"{_CODE} tianshou/utils/lagged_network.py:67",
    "order": f"{_SAC}:304-328",
    "gradients": f"{_SAC}:304-328 (each loss where its step is taken)",
    "first_update": f"{_SAC}:304-328 (nothing counts the updates)",
    "actor_every": f"{_SAC}:314-322",
    "actor_repeats": f"{_SAC}:314-322",
    "target_every": f"{_SAC}:328",
    "target_copy_every": f"{_SAC}:328 (moving average only)",
    "tau": f"{_SCRIPT}:34",
    "batch_size": f"{_SCRIPT}:44",
    "actor_lr": f"{_SCRIPT}:31",
    "critic_lr": f"{_SCRIPT}:32",
    "adam": f"{_SCRIPT}:89,103,105 (PyTorch's Adam with its defaults)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_SCRIPT}:38,146",
    "warmup_range": f"{_COLLECTOR}:716-724 (over the box)",
    "warmup_rounding": f"{_SCRIPT}:146",
    "epoch_steps": f"{_SCRIPT}:40 (epochs decide only when it is evaluated)",
    "learn_after": f"{_SCRIPT}:41,146; {_TRAINER}:1051-1082 (after the first step that follows the warm-up)",
    "update_every": f"{_SCRIPT}:41",
    "updates_per_burst": f"{_SCRIPT}:42",
    "learn_in_warmup": f"{_SCRIPT}:146 (collected before training)",
    "update_position": f"{_TRAINER}:1051-1082",
    "replay_capacity": f"{_SCRIPT}:29",
    "insert": f"{_COLLECTOR}:930",
    "time_limit": f"{_BASE}:651",
    "reset_every": f"{_SCRIPT}:145-146 (once, before the warm-up)",
    "action_to_env": f"{_BASE}:281-286",
    "evaluation_action": f"{_SAC}:60,116-117",
}

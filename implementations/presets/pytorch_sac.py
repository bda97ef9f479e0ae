"""Yarats and Kostrikov's pytorch_sac with its default configuration: denisyarats/pytorch_sac@81c5b53.

Not reproduced: the evaluation's cadence and place (10 episodes of the training environment, where an episode ends on a
multiple of 10,000 steps), which are the study's; DeepMind's control suite, for which it is written; its refusal of
boxes beyond [-1, 1] (Pendulum, InvertedPendulum, Pusher), where here the tanh action simply reaches less than the box;
actions stored as clamped where a box is narrower (Humanoid; here as the policy chose them); alpha in float64.
"""

from suite.sac.schedule import BootstrapAtLength, Schedule
from suite.sac.spec import Adam, ExactLogDet, LearnedAlpha, Orthogonal, SacSpec, SquashLogStd

SPEC = SacSpec(
    temperature=LearnedAlpha(init=0.1, entropy_per_dim=-1.0, objective="alpha", sample="actor", lr=1e-4),
    reward_scale=1.0,
    discount=0.99,
    critics=2,
    target_reduce="min",
    actor_reduce="min",
    value_net=None,
    entropy_in_target=True,
    critic_loss_scale=1.0,
    std=SquashLogStd(low=-5.0, high=2.0),
    log_det=ExactLogDet(),
    gaussian_eps=0.0,
    log_prob_units="unit",
    critic_action_units="unit",
    pathwise_noise="shared",
    hidden=(1024, 1024),
    first_critic_layer="concat",
    hidden_init=Orthogonal(gain=1.0),
    critic_output_init=Orthogonal(gain=1.0),
    actor_head="joint",
    mean_init=Orthogonal(gain=1.0),
    log_std_init=Orthogonal(gain=1.0),
    target_init="copy",
    order=("value", "critic", "actor", "alpha", "target"),
    gradients="sequential",
    first_update=5_000,
    actor_every=1,
    actor_repeats=1,
    target_every=2,
    target_copy_every=None,
    tau=0.005,
    batch_size=1024,
    actor_lr=1e-4,
    critic_lr=1e-4,
    adam=Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
    precision="float32",
)

SCHEDULE = Schedule(
    warmup_steps=5_000,
    warmup_range="env",
    warmup_rounding="none",
    epoch_steps=None,
    learn_after=5_000,
    update_every=1,
    updates_per_burst=1,
    learn_in_warmup=True,
    update_position="before_step",
    replay_capacity=1_000_000,
    insert="step",
    time_limit=BootstrapAtLength(steps=1_000),
    reset_every=None,
    action_to_env="clip",
    evaluation_action="mean",
)

PER_TASK = {
    "Pendulum-v1": {"time_limit": BootstrapAtLength(steps=200)},
    "Reacher-v4": {"time_limit": BootstrapAtLength(steps=50)},
    "Reacher-v5": {"time_limit": BootstrapAtLength(steps=50)},
    "Pusher-v5": {"time_limit": BootstrapAtLength(steps=100)},
}

_CODE = "denisyarats/pytorch_sac@81c5b53"
_SAC = f"{_CODE} agent/sac.py"
_ACTOR = f"{_CODE} agent/actor.py"
_TRAIN = f"{_CODE} train.py"
_AGENT = f"{_CODE} config/agent/sac.yaml"
_RUN = f"{_CODE} config/train.yaml"
_INIT = f"{_CODE} utils.py:88-93 with agent/critic.py:18 and agent/actor.py:69"

SOURCES = {
    "temperature": f"{_AGENT}:12-13 (0.1; learning rate); {_SAC}:40-41 (-A), "
    "102-128 (alpha itself; the actor's sample)",
    "reward_scale": f"{_SAC}:85 (none)",
    "discount": f"{_AGENT}:11",
    "critics": f"{_CODE} agent/critic.py:14-15",
    "target_reduce": f"{_SAC}:83-84",
    "actor_reduce": f"{_SAC}:107",
    "value_net": f"{_SAC}:79-86 (targets of Q)",
    "entropy_in_target": f"{_SAC}:83-84",
    "critic_loss_scale": f"{_SAC}:90-91",
    "std": f"{_AGENT}:40; {_ACTOR}:74-80",
    "log_det": f"{_ACTOR}:35-38",
    "gaussian_eps": f"{_ACTOR}:46",
    "log_prob_units": f"{_ACTOR}:41-48",
    "critic_action_units": f"{_SAC}:68-75 with train.py:144 (as the policy chose it, clamped)",
    "pathwise_noise": f"{_SAC}:102-108",
    "hidden": f"{_AGENT}:30-31,38-39",
    "first_critic_layer": f"{_CODE} agent/critic.py:23",
    "hidden_init": _INIT,
    "critic_output_init": _INIT,
    "actor_head": f"{_ACTOR}:65-72",
    "mean_init": _INIT,
    "log_std_init": _INIT,
    "target_init": f"{_SAC}:32-34",
    "order": f"{_SAC}:130-144",
    "gradients": f"{_SAC}:130-144 (each loss where its step is taken)",
    "first_update": f"{_TRAIN}:73,134-135,149 (environment steps, from 0)",
    "actor_every": f"{_AGENT}:17",
    "actor_repeats": f"{_SAC}:139-140",
    "target_every": f"{_AGENT}:21",
    "target_copy_every": f"{_SAC}:142-144 (moving average only)",
    "tau": f"{_AGENT}:20",
    "batch_size": f"{_AGENT}:22",
    "actor_lr": f"{_AGENT}:15",
    "critic_lr": f"{_AGENT}:18",
    "adam": f"{_AGENT}:14,16,19; {_SAC}:44-54 (PyTorch's Adam)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_RUN}:12 with train.py:127",
    "warmup_range": f"{_TRAIN}:128",
    "warmup_rounding": f"{_TRAIN}:127",
    "epoch_steps": f"{_TRAIN}:97-149 (no epochs)",
    "learn_after": f"{_TRAIN}:134-135 (before step 5,000 is taken, counted from 0)",
    "update_every": f"{_TRAIN}:134-135",
    "updates_per_burst": f"{_TRAIN}:134-135",
    "learn_in_warmup": f"{_TRAIN}:127,134 (updates begin with the policy's first step)",
    "update_position": f"{_TRAIN}:126-137",
    "replay_capacity": f"{_RUN}:9-10",
    "insert": f"{_TRAIN}:144-145",
    "time_limit": f"{_TRAIN}:141 (the task's own limit)",
    "reset_every": f"{_TRAIN}:101,117 (only after an episode)",
    "action_to_env": f"{_TRAIN}:36-37 with agent/sac.py:73",
    "evaluation_action": f"{_TRAIN}:85 with agent/sac.py:72",
}

"""Stable Baselines 2.10 with the defaults of its SAC class: hill-a/stable-baselines@259f278.

Not reproduced: the evaluation's cadence and number of episodes, which are the study's (its learn() has none); rewards
and observations normalised by a wrapper, which is off by default. Its session.run orders the steps; that all gradients
are of the old parameters was observed.
"""

from suite.sac.schedule import Schedule
from suite.sac.spec import Adam, ClipLogStd, EpsilonLogDet, LearnedAlpha, SacSpec, ValueNet

SPEC = SacSpec(
    temperature=LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
    reward_scale=1.0,
    discount=0.99,
    critics=2,
    target_reduce="min",
    actor_reduce="first",
    value_net=ValueNet(loss_scale=0.5, target="broadcast"),
    entropy_in_target=True,
    critic_loss_scale=0.5,
    std=ClipLogStd(low=-20.0, high=2.0),
    log_det=EpsilonLogDet(eps=1e-6),
    gaussian_eps=1e-6,
    log_prob_units="unit",
    critic_action_units="unit",
    pathwise_noise="shared",
    hidden=(64, 64),
    first_critic_layer="concat",
    hidden_init="glorot_uniform",
    critic_output_init="glorot_uniform",
    actor_head="separate",
    mean_init="glorot_uniform",
    log_std_init="glorot_uniform",
    target_init="copy",
    order=("actor", "critic", "value", "alpha", "target"),
    gradients="simultaneous",
    first_update=99,
    actor_every=1,
    actor_repeats=1,
    target_every=1,
    target_copy_every=None,
    tau=0.005,
    batch_size=64,
    actor_lr=3e-4,
    critic_lr=3e-4,
    adam=Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="tensorflow"),
    precision="float32",
)

SCHEDULE = Schedule(
    warmup_steps=100,
    warmup_range="unit",
    warmup_rounding="none",
    epoch_steps=None,
    learn_after=100,
    update_every=1,
    updates_per_burst=1,
    learn_in_warmup=True,
    update_position="after_step",
    replay_capacity=50_000,
    insert="step",
    time_limit="terminal",
    reset_every=None,
    action_to_env="rescale",
    evaluation_action="mean",
)

PER_TASK = {}

_CODE = "hill-a/stable-baselines@259f278"
_SAC = f"{_CODE} stable_baselines/sac/sac.py"
_POLICY = f"{_CODE} stable_baselines/sac/policies.py"
_DENSE = f"{_CODE} stable_baselines/common/tf_layers.py:55-60 (the defaults of tf.layers.dense)"
_HEADS = f"{_POLICY}:198-201 (the defaults of tf.layers.dense)"

SOURCES = {
    "temperature": f"{_SAC}:63,177-198 (-A; 1), 229-232 (its logarithm; the actor's sample and learning rate)",
    "reward_scale": f"{_SAC}:216-219 (none)",
    "discount": f"{_SAC}:61",
    "critics": f"{_POLICY}:249-256",
    "target_reduce": f"{_SAC}:213,247",
    "actor_reduce": f"{_SAC}:234-236",
    "value_net": f"{_SAC}:205-219,244-248 (columns minus a row: every V_i meets every log pi_j)",
    "entropy_in_target": f"{_SAC}:247",
    "critic_loss_scale": f"{_SAC}:223-224",
    "std": f"{_POLICY}:10-11,212-214",
    "log_det": f"{_POLICY}:8,63",
    "gaussian_eps": f"{_POLICY}:8,24",
    "log_prob_units": f"{_POLICY}:56-64",
    "critic_action_units": f"{_SAC}:394-429 (stored before it is scaled to the box)",
    "pathwise_noise": f"{_SAC}:166-175,236",
    "hidden": f"{_POLICY}:175-177",
    "first_critic_layer": f"{_POLICY}:246-256",
    "hidden_init": _DENSE,
    "critic_output_init": f"{_POLICY}:241-256 (the defaults of tf.layers.dense)",
    "actor_head": f"{_POLICY}:198-201",
    "mean_init": _HEADS,
    "log_std_init": _HEADS,
    "target_init": f"{_SAC}:269-273,312",
    "order": f"{_SAC}:277-291,463-467",
    "gradients": f"{_SAC}:277-291,341 (one session.run)",
    "first_update": f"{_SAC}:389,465 (environment steps, from 0)",
    "actor_every": f"{_SAC}:282-291",
    "actor_repeats": f"{_SAC}:282-291",
    "target_every": f"{_SAC}:63,465",
    "target_copy_every": f"{_SAC}:264-268,465-467 (moving average only)",
    "tau": f"{_SAC}:63",
    "batch_size": f"{_SAC}:62",
    "actor_lr": f"{_SAC}:61,254",
    "critic_lr": f"{_SAC}:61,258",
    "adam": f"{_SAC}:232,254,258 (TensorFlow 1's Adam with its defaults)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_SAC}:62,394",
    "warmup_range": f"{_SAC}:397-398 (over the box)",
    "warmup_rounding": f"{_SAC}:394",
    "epoch_steps": f"{_SAC}:389-467 (no epochs)",
    "learn_after": f"{_SAC}:62,412,455-457 (a batch of transitions is there by then)",
    "update_every": f"{_SAC}:62,447",
    "updates_per_burst": f"{_SAC}:64,452",
    "learn_in_warmup": f"{_SAC}:455-457 (the warm-up's last step is followed by an update)",
    "update_position": f"{_SAC}:410-467",
    "replay_capacity": f"{_SAC}:61",
    "insert": f"{_SAC}:429",
    "time_limit": f"{_CODE} stable_baselines/common/base_class.py:1005",
    "reset_every": f"{_SAC}:475-479 (only after an episode)",
    "action_to_env": f"{_SAC}:397-410",
    "evaluation_action": f"{_SAC}:526-533",
}

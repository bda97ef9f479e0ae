"""Softlearning at its last commit, in TensorFlow 2: rail-berkeley/softlearning@13cf187, with examples/development.

Not reproduced: the evaluation's cadence and number of episodes (one per epoch of 25,000 steps), which are the study's;
that warm-up steps are left out of its count of steps; its episodes of 1,000 steps on Reacher and Pusher, whose time
limit it takes off (here the task's own limit ends them, and the warm-up is ten times that); a replay smaller than 1e6
where the run is; gym 0.18 and the v3 tasks. It refuses to start on Swimmer.
"""

from suite.sac.schedule import Schedule
from suite.sac.spec import Adam, ExactLogDet, LearnedAlpha, SacSpec, SoftplusStd

SPEC = SacSpec(
    temperature=LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="alpha", sample="fresh", lr=3e-4),
    reward_scale=1.0,
    discount=0.99,
    critics=2,
    target_reduce="min",
    actor_reduce="mean",
    value_net=None,
    entropy_in_target=True,
    critic_loss_scale=0.5,
    std=SoftplusStd(floor=1e-5),
    log_det=ExactLogDet(),
    gaussian_eps=0.0,
    log_prob_units="unit",
    critic_action_units="unit",
    pathwise_noise="shared",
    hidden=(256, 256),
    first_critic_layer="concat",
    hidden_init="glorot_uniform",
    critic_output_init="glorot_uniform",
    actor_head="joint",
    mean_init="glorot_uniform",
    log_std_init="glorot_uniform",
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
    actor_lr=3e-4,
    critic_lr=3e-4,
    adam=Adam(beta1=0.9, beta2=0.999, eps=1e-7, eps_placement="tensorflow"),
    precision="float32",
)

SCHEDULE = Schedule(
    warmup_steps=10_000,
    warmup_range="unit",
    warmup_rounding="episode",
    epoch_steps=None,
    learn_after=10_001,
    update_every=1,
    updates_per_burst=1,
    learn_in_warmup=False,
    update_position="after_step",
    replay_capacity=1_000_000,
    insert="episode_end",
    time_limit="bootstrap",
    reset_every=None,
    action_to_env="rescale",
    evaluation_action="sample",
)

PER_TASK = {
    "Pendulum-v1": {"warmup_steps": 2_000, "learn_after": 2_001},
    "Reacher-v4": {"warmup_steps": 500, "learn_after": 501},
    "Reacher-v5": {"warmup_steps": 500, "learn_after": 501},
    "Pusher-v5": {"warmup_steps": 1_000, "learn_after": 1_001},
}

_CODE = "rail-berkeley/softlearning@13cf187"
_SAC = f"{_CODE} softlearning/algorithms/sac.py"
_LOOP = f"{_CODE} softlearning/algorithms/rl_algorithm.py"
_VARIANTS = f"{_CODE} examples/development/variants.py"
_SAMPLER = f"{_CODE} softlearning/samplers/simple_sampler.py"
_POLICY = f"{_CODE} softlearning/policies/gaussian_policy.py"
_GYM = f"{_CODE} softlearning/environments/adapters/gym_adapter.py"
_KERAS = f"{_CODE} softlearning/models/feedforward.py:25-35 (the defaults of Keras' Dense)"

SOURCES = {
    "temperature": f"{_SAC}:37-39 (-A), 139-140 (1), 245-264 (alpha itself; a sample of its own, after the actor's "
    "step); learning rate: examples/development/variants.py:39",
    "reward_scale": f"{_VARIANTS}:45",
    "discount": f"{_VARIANTS}:44",
    "critics": f"{_VARIANTS}:471",
    "target_reduce": f"{_SAC}:159",
    "actor_reduce": f"{_SAC}:225-228 (the minimum before commit 90247f2)",
    "value_net": f"{_SAC}:145-170 (targets of Q)",
    "entropy_in_target": f"{_SAC}:26-32",
    "critic_loss_scale": f"{_SAC}:197-199",
    "std": f"{_POLICY}:275-276",
    "log_det": f"{_CODE} softlearning/policies/base_policy.py:268 (TensorFlow Probability's Tanh)",
    "gaussian_eps": f"{_POLICY}:125-133",
    "log_prob_units": f"{_CODE} softlearning/policies/base_policy.py:262-264",
    "critic_action_units": f"{_SAMPLER}:55-70 (the action as played, in [-1, 1])",
    "pathwise_noise": f"{_SAC}:223-229",
    "hidden": f"{_VARIANTS}:13,453,473",
    "first_critic_layer": f"{_CODE} softlearning/value_functions/vanilla.py:47-58",
    "hidden_init": _KERAS,
    "critic_output_init": _KERAS,
    "actor_head": f"{_POLICY}:265-274",
    "mean_init": _KERAS,
    "log_std_init": _KERAS,
    "target_init": f"{_SAC}:108-109",
    "order": f"{_SAC}:276-299",
    "gradients": f"{_SAC}:276-281 (each loss where its step is taken)",
    "first_update": f"{_LOOP}:138-141,168,181-182 (steps since the warm-up, from 0)",
    "actor_every": f"{_SAC}:276-281",
    "actor_repeats": f"{_SAC}:276-281",
    "target_every": f"{_VARIANTS}:40",
    "target_copy_every": f"{_SAC}:292-299 (moving average only)",
    "tau": f"{_VARIANTS}:41",
    "batch_size": f"{_VARIANTS}:412",
    "actor_lr": f"{_VARIANTS}:37",
    "critic_lr": f"{_VARIANTS}:38",
    "adam": f"{_SAC}:129-143 (Keras' Adam with its defaults)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_VARIANTS}:23-28 (ten times the path length), 220-231 (1,000; Pendulum 200); ours on "
    "Reacher and Pusher: ten times the task's limit",
    "warmup_range": f"{_CODE} softlearning/policies/uniform_policy.py:30-36",
    "warmup_rounding": f"{_LOOP}:99-101 with {_SAMPLER}:74-82 (until the pool, which grows by episodes, is filled)",
    "epoch_steps": f"{_LOOP}:157-182 (epochs decide nothing about learning)",
    "learn_after": f"{_LOOP}:157-182 (after the first step that follows the warm-up)",
    "update_every": f"{_VARIANTS}:19",
    "updates_per_burst": f"{_VARIANTS}:20",
    "learn_in_warmup": f"{_LOOP}:89-105",
    "update_position": f"{_LOOP}:177-182",
    "replay_capacity": f"{_VARIANTS}:482-492",
    "insert": f"{_SAMPLER}:74-82",
    "time_limit": f"{_GYM}:85-90 with {_SAMPLER}:74-82 (cut without a terminal)",
    "reset_every": f"{_SAMPLER}:51-53,91-98 (only after an episode)",
    "action_to_env": f"{_GYM}:95-103",
    "evaluation_action": f"{_POLICY}:100-133,173-194 (meant to be the mean; the traced function never sees the flag)",
}

"""rlkit at its last commit, with examples/sac.py: rail-berkeley/rlkit@ac45a9d.

Not reproduced: the evaluation's cadence and length (5,000 steps each 1,000, before training), which are the study's;
its episodes of 1,000 steps on tasks with a shorter time limit, which its example never meets (HalfCheetah only, without
one); the float64 replay, which is cast to float32 for an update; gym 0.10.5.
"""

from suite.sac.schedule import Schedule
from suite.sac.spec import Adam, ClipLogStd, ExactLogDet, LearnedAlpha, SacSpec, Uniform

SPEC = SacSpec(
    temperature=LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
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
    critic_action_units="unit",
    pathwise_noise="shared",
    hidden=(256, 256),
    first_critic_layer="concat",
    hidden_init="fan_out",
    critic_output_init=Uniform(weight=3e-3, bias=0.0),
    actor_head="separate",
    mean_init=Uniform(weight=1e-3, bias=0.0),
    log_std_init=Uniform(weight=1e-3, bias=1e-3),
    target_init="independent",
    order=("value", "alpha", "actor", "critic", "target"),
    gradients="simultaneous",
    first_update=1,
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
    warmup_steps=0,
    warmup_range="unit",
    warmup_rounding="none",
    epoch_steps=None,
    learn_after=2_000,
    update_every=1_000,
    updates_per_burst=1_000,
    learn_in_warmup=True,
    update_position="after_step",
    replay_capacity=1_000_000,
    insert="step",
    time_limit="bootstrap",
    reset_every=1_000,
    action_to_env="rescale",
    evaluation_action="mean",
)

PER_TASK = {}

_CODE = "rail-berkeley/rlkit@ac45a9d"
_SAC = f"{_CODE} rlkit/torch/sac/sac.py"
_LOOP = f"{_CODE} rlkit/core/batch_rl_algorithm.py"
_SCRIPT = f"{_CODE} examples/sac.py"
_MLP = f"{_CODE} rlkit/torch/networks/mlp.py"
_POLICY = f"{_CODE} rlkit/torch/sac/policies/gaussian_policy.py"
_TANH = f"{_CODE} rlkit/torch/distributions.py"
_PATHS = f"{_CODE} rlkit/samplers/data_collector/path_collector.py"
_ROLLOUT = f"{_CODE} rlkit/samplers/rollout_functions.py"
_BOX = f"{_CODE} rlkit/envs/wrappers/normalized_box_env.py"

SOURCES = {
    "temperature": f"{_SAC}:56-68 (-A; 1; the actor's learning rate), 156-161 (its logarithm; the actor's sample)",
    "reward_scale": f"{_SCRIPT}:105",
    "discount": f"{_SCRIPT}:100",
    "critics": f"{_SCRIPT}:21-30",
    "target_reduce": f"{_SAC}:180-183",
    "actor_reduce": f"{_SAC}:166-169",
    "value_net": f"{_SAC}:175-187 (targets of Q)",
    "entropy_in_target": f"{_SAC}:180-183 (absent in v0.2.0)",
    "critic_loss_scale": f"{_SAC}:73,186-187",
    "std": f"{_POLICY}:26-27,114-116",
    "log_det": f"{_TANH}:338-364",
    "gaussian_eps": f"{_TANH}:358",
    "log_prob_units": f"{_TANH}:358-364",
    "critic_action_units": f"{_ROLLOUT}:109-126 (the action before the wrapper scales it)",
    "pathwise_noise": f"{_SAC}:156-170",
    "hidden": f"{_SCRIPT}:88",
    "first_critic_layer": f"{_MLP}:129-139",
    "hidden_init": f"{_MLP}:23-24,42-46 with rlkit/torch/pytorch_util.py:142-151 (a weight's first axis is its output)",
    "critic_output_init": f"{_MLP}:20,55-57",
    "actor_head": f"{_POLICY}:88-103",
    "mean_init": f"{_POLICY}:85-94 with {_MLP}:55-57",
    "log_std_init": f"{_POLICY}:101-103",
    "target_init": f"{_SCRIPT}:31-40,59-67 (networks of their own; nothing copies)",
    "order": f"{_SAC}:95-123",
    "gradients": f"{_SAC}:95-119 (every loss is computed first)",
    "first_update": f"{_SAC}:91,121-132 (updates, from 1)",
    "actor_every": f"{_SAC}:109-111",
    "actor_repeats": f"{_SAC}:109-111",
    "target_every": f"{_SCRIPT}:102",
    "target_copy_every": f"{_SAC}:130-140 (moving average only)",
    "tau": f"{_SCRIPT}:101",
    "batch_size": f"{_SCRIPT}:97",
    "actor_lr": f"{_SCRIPT}:103",
    "critic_lr": f"{_SCRIPT}:104",
    "adam": f"{_SAC}:36,76-87 (PyTorch's Adam with its defaults)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_LOOP}:58-66 (the policy acts from the start)",
    "warmup_range": f"{_BOX}:35-36 (no uniform phase uses it)",
    "warmup_rounding": f"{_LOOP}:58-66 (no uniform phase)",
    "epoch_steps": f"{_LOOP}:75-92 (bursts, not epochs, decide)",
    "learn_after": f"{_SCRIPT}:94-95 with {_LOOP}:58-92 (1,000 steps to begin with, then 1,000 and the first burst)",
    "update_every": f"{_SCRIPT}:94",
    "updates_per_burst": f"{_SCRIPT}:93",
    "learn_in_warmup": f"{_LOOP}:58-92 (no uniform phase)",
    "update_position": f"{_LOOP}:76-90",
    "replay_capacity": f"{_SCRIPT}:89",
    "insert": f"{_LOOP}:76-90 (the block of steps is added before its burst)",
    "time_limit": f"{_ROLLOUT}:119-124",
    "reset_every": f"{_PATHS}:45-56 with {_ROLLOUT}:101 (each block begins with a reset, its last path is cut)",
    "action_to_env": f"{_BOX}:48-52",
    "evaluation_action": f"{_SCRIPT}:46 with {_TANH}:416-418",
}

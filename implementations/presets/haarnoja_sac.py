"""The first paper's code at its last commit, with its Gaussian policy: haarnoja/sac@8258e33, examples/variants.py.

Not reproduced: the evaluation's cadence and number of episodes (one per epoch of 1,000 steps), which are the study's;
the mixture and latent-space policies of the same repository; its episodes of 1,000 steps on tasks with a shorter time
limit, which it takes off; rllab's Swimmer and Humanoid (the reward scale of its Swimmer serves gymnasium's); the order
of reads and writes within its one session.run, which TensorFlow leaves open (here: all gradients first); gym 0.7.4.
"""

from suite.sac.schedule import Schedule
from suite.sac.spec import Adam, ClipLogStd, EpsilonLogDet, FixedAlpha, SacSpec, ValueNet

SPEC = SacSpec(
    temperature=FixedAlpha(value=1.0),
    reward_scale=5.0,
    discount=0.99,
    critics=2,
    target_reduce="min",
    actor_reduce="first",
    value_net=ValueNet(loss_scale=0.5, target="per_sample"),
    entropy_in_target=True,
    critic_loss_scale=0.5,
    std=ClipLogStd(low=-20.0, high=2.0),
    log_det=EpsilonLogDet(eps=1e-6),
    gaussian_eps=0.0,
    log_prob_units="unit",
    critic_action_units="unit",
    pathwise_noise="shared",
    hidden=(256, 256),
    first_critic_layer="concat",
    hidden_init="glorot_per_input",
    critic_output_init="glorot_uniform",
    actor_head="joint",
    mean_init="glorot_uniform",
    log_std_init="glorot_uniform",
    target_init="soft_once",
    order=("value", "critic", "actor", "alpha", "target"),
    gradients="simultaneous",
    first_update=999,
    actor_every=1,
    actor_repeats=1,
    target_every=1,
    target_copy_every=None,
    tau=0.005,
    batch_size=256,
    actor_lr=3e-4,
    critic_lr=3e-4,
    adam=Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="tensorflow"),
    precision="float32",
)

SCHEDULE = Schedule(
    warmup_steps=1_000,
    warmup_range="unit",
    warmup_rounding="epoch",
    epoch_steps=1_000,
    learn_after=1_000,
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

PER_TASK = {"Pendulum-v1": {"reward_scale": 1.0}} | {  # ours, as are the other pendulums'
    f"{task}-{version}": values
    for version in ("v4", "v5")
    for task, values in {
        "InvertedPendulum": {"reward_scale": 1.0},
        "InvertedDoublePendulum": {"reward_scale": 1.0},
        "Swimmer": {"reward_scale": 25.0},
        "HalfCheetah": {"warmup_steps": 10_000},
        "Ant": {"warmup_steps": 10_000},
        "Humanoid": {"reward_scale": 20.0},
        "HumanoidStandup": {"reward_scale": 100.0},
    }.items()
}

_CODE = "haarnoja/sac@8258e33"
_SAC = f"{_CODE} sac/algos/sac.py"
_LOOP = f"{_CODE} sac/algos/base.py"
_VARIANTS = f"{_CODE} examples/variants.py"
_SCRIPT = f"{_CODE} examples/mujoco_all_sac.py"
_SAMPLER = f"{_CODE} sac/misc/sampler.py"
_MLP = f"{_CODE} sac/misc/mlp.py"
_NORMAL = f"{_CODE} sac/distributions/normal.py"
_POLICY = f"{_CODE} sac/policies/gaussian_policy.py"
_RLLAB = f"{_SCRIPT}:104 (rllab's normalize, which maps [-1, 1] to the box)"

SOURCES = {
    "temperature": f"{_SAC}:313,329-332 (1: the reward scale sets it)",
    "reward_scale": f"{_VARIANTS}:207-258; ours: 1 on the pendulums, 5 on Reacher and Pusher",
    "discount": f"{_VARIANTS}:192",
    "critics": f"{_SCRIPT}:113-114",
    "target_reduce": f"{_SAC}:310,327-332",
    "actor_reduce": f"{_SAC}:313",
    "value_net": f"{_SAC}:252-259,329-332",
    "entropy_in_target": f"{_SAC}:329-332",
    "critic_loss_scale": f"{_SAC}:261-262",
    "std": f"{_NORMAL}:8-9,55",
    "log_det": f"{_POLICY}:15,131-133",
    "gaussian_eps": f"{_NORMAL}:57-63",
    "log_prob_units": f"{_POLICY}:66-75",
    "critic_action_units": f"{_SAMPLER}:120-131 (the action as played, in [-1, 1])",
    "pathwise_noise": f"{_SAC}:292-313",
    "hidden": f"{_VARIANTS}:6,124 with {_SCRIPT}:112-122",
    "first_critic_layer": f"{_MLP}:129-143 (a matrix per input, summed before the ReLU: the same as concatenated)",
    "hidden_init": f"{_MLP}:24-25,43-44,129-149",
    "critic_output_init": f"{_MLP}:24-25,43-44,145-151",
    "actor_head": f"{_NORMAL}:23,48-55",
    "mean_init": f"{_MLP}:24-25,43-44,145-151",
    "log_std_init": f"{_MLP}:24-25,43-44,145-151",
    "target_init": f"{_SAC}:252-254,347-361 (a network of its own, then the moving average once)",
    "order": f"{_SAC}:363-372 (targets last; the others in one session.run)",
    "gradients": f"{_SAC}:368",
    "first_update": f"{_LOOP}:93,104-107 with {_SAMPLER}:90-92 (environment steps, from 0)",
    "actor_every": f"{_SAC}:368",
    "actor_repeats": f"{_SAC}:368",
    "target_every": f"{_VARIANTS}:193",
    "target_copy_every": f"{_SAC}:347-372 (moving average only)",
    "tau": f"{_VARIANTS}:194",
    "batch_size": f"{_VARIANTS}:267",
    "actor_lr": f"{_VARIANTS}:191",
    "critic_lr": f"{_VARIANTS}:191",
    "adam": f"{_SAC}:264-271,334-342 (TensorFlow 1's Adam with its defaults)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_VARIANTS}:200,224,237",
    "warmup_range": f"{_CODE} sac/policies/uniform_policy.py:21-24",
    "warmup_rounding": f"{_LOOP}:93-98",
    "epoch_steps": f"{_VARIANTS}:198",
    "learn_after": f"{_VARIANTS}:266 with {_LOOP}:99-101",
    "update_every": f"{_LOOP}:93-107",
    "updates_per_burst": f"{_VARIANTS}:199",
    "learn_in_warmup": f"{_LOOP}:93-107 (only the pool's size is asked for)",
    "update_position": f"{_LOOP}:99-107",
    "replay_capacity": f"{_VARIANTS}:261",
    "insert": f"{_SAMPLER}:126-131",
    "time_limit": f"{_CODE} sac/envs/gym_env.py:71-75 with {_SAMPLER}:126-136 (cut without a terminal)",
    "reset_every": f"{_SAMPLER}:133-136 (only after an episode)",
    "action_to_env": _RLLAB,
    "evaluation_action": f"{_POLICY}:116-127 with {_VARIANTS}:203",
}

"""The first paper's code at its last commit, with its Gaussian policy: haarnoja/sac@8258e33, examples/variants.py.

Not reproduced: how often and how long it evaluates (one episode per epoch of 1,000 steps; here the study decides); the
mixture and latent-space policies of the same repository; episodes of 1,000 steps on tasks with a shorter time limit,
which it removes; rllab's Swimmer and Humanoid (gymnasium's Swimmer has the reward scale of rllab's); the order of reads
and writes within its one session.run, which TensorFlow leaves open (here all gradients come first); gym 0.7.4.
"""

from implementations.presets.sac_v2 import PENDULUMS
from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, ClipLogStd, EpsilonLogDet, FixedAlpha, ValueNet

CODE = "haarnoja/sac@8258e33"
SAC = f"{CODE} sac/algos/sac.py"
LOOP = f"{CODE} sac/algos/base.py"
VARIANTS = f"{CODE} examples/variants.py"
SCRIPT = f"{CODE} examples/mujoco_all_sac.py"
SAMPLER = f"{CODE} sac/misc/sampler.py"
MLP = f"{CODE} sac/misc/mlp.py"
NORMAL = f"{CODE} sac/distributions/normal.py"
POLICY = f"{CODE} sac/policies/gaussian_policy.py"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(FixedAlpha(value=1.0), f"{SAC}:313,329-332 (1: the reward scale sets it)"),
    reward_scale=cited(
        5.0,
        f"{VARIANTS}:207-258; ours: 1 on the pendulums, 5 on Reacher and Pusher",
        {
            PENDULUMS: 1.0,
            ("Swimmer-v4", "Swimmer-v5"): 25.0,
            ("Humanoid-v4", "Humanoid-v5"): 20.0,
            ("HumanoidStandup-v4", "HumanoidStandup-v5"): 100.0,
        },
    ),
    discount=cited(0.99, f"{VARIANTS}:192"),
    critics=cited(2, f"{SCRIPT}:113-114"),
    target_reduce=cited("min", f"{SAC}:310,327-332"),
    actor_reduce=cited("first", f"{SAC}:313"),
    value_net=cited(ValueNet(loss_scale=0.5, target="per_sample"), f"{SAC}:252-259,329-332"),
    entropy_in_target=cited(True, f"{SAC}:329-332"),
    critic_loss_scale=cited(0.5, f"{SAC}:261-262"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{NORMAL}:8-9,55"),
    log_det=cited(EpsilonLogDet(eps=1e-6), f"{POLICY}:15,131-133"),
    gaussian_eps=cited(0.0, f"{NORMAL}:57-63"),
    log_prob_units=cited("unit", f"{POLICY}:66-75"),
    critic_action_units=cited("unit", f"{SAMPLER}:120-131 (the action as played, in [-1, 1])"),
    pathwise_noise=cited("shared", f"{SAC}:292-313"),
    # networks
    hidden=cited((256, 256), f"{VARIANTS}:6,124 with {SCRIPT}:112-122"),
    first_critic_layer=cited(
        "concat", f"{MLP}:129-143 (a matrix per input, summed before the ReLU: the same as concatenated)"
    ),
    hidden_init=cited("glorot_per_input", f"{MLP}:24-25,43-44,129-149"),
    critic_output_init=cited("glorot_uniform", f"{MLP}:24-25,43-44,145-151"),
    actor_head=cited("joint", f"{NORMAL}:23,48-55"),
    mean_init=cited("glorot_uniform", f"{MLP}:24-25,43-44,145-151"),
    log_std_init=cited("glorot_uniform", f"{MLP}:24-25,43-44,145-151"),
    target_init=cited("soft_once", f"{SAC}:252-254,347-361 (a network of its own, then the moving average once)"),
    # update
    order=cited(
        ("value", "critic", "actor", "alpha", "target"), f"{SAC}:363-372 (targets last; the others in one session.run)"
    ),
    gradients=cited("simultaneous", f"{SAC}:368"),
    first_update=cited(999, f"{LOOP}:93,104-107 with {SAMPLER}:90-92 (environment steps, from 0)"),
    actor_every=cited(1, f"{SAC}:368"),
    actor_repeats=cited(1, f"{SAC}:368"),
    target_every=cited(1, f"{VARIANTS}:193"),
    target_copy_every=cited(None, f"{SAC}:347-372 (moving average only)"),
    tau=cited(0.005, f"{VARIANTS}:194"),
    batch_size=cited(256, f"{VARIANTS}:267"),
    # optimisers
    actor_lr=cited(3e-4, f"{VARIANTS}:191"),
    critic_lr=cited(3e-4, f"{VARIANTS}:191"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="tensorflow"),
        f"{SAC}:264-271,334-342 (TensorFlow 1's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(
        1_000, f"{VARIANTS}:200,224,237", {("HalfCheetah-v4", "HalfCheetah-v5", "Ant-v4", "Ant-v5"): 10_000}
    ),
    warmup_range=cited("unit", f"{CODE} sac/policies/uniform_policy.py:21-24"),
    warmup_rounding=cited("epoch", f"{LOOP}:93-98"),
    epoch_steps=cited(1_000, f"{VARIANTS}:198"),
    # learning
    learn_after=cited(1_000, f"{VARIANTS}:266 with {LOOP}:99-101"),
    update_every=cited(1, f"{LOOP}:93-107"),
    updates_per_burst=cited(1, f"{VARIANTS}:199"),
    learn_in_warmup=cited(True, f"{LOOP}:93-107 (only the pool's size is asked for)"),
    update_position=cited("after_step", f"{LOOP}:99-107"),
    # data
    sampling=cited("with_replacement", f"{CODE} sac/replay_buffers/simple_replay_buffer.py:52"),
    replay_capacity=cited(1_000_000, f"{VARIANTS}:261"),
    insert=cited("step", f"{SAMPLER}:126-131"),
    time_limit=cited("bootstrap", f"{CODE} sac/envs/gym_env.py:71-75 with {SAMPLER}:126-136 (cut without a terminal)"),
    reset_every=cited(None, f"{SAMPLER}:133-136 (only after an episode)"),
    action_to_env=cited("rescale", f"{SCRIPT}:104 (rllab's normalize, which maps [-1, 1] to the box)"),
    evaluation_action=cited("mean", f"{POLICY}:116-127 with {VARIANTS}:203"),
)

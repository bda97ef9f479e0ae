"""rlkit at its last commit, with examples/sac.py: rail-berkeley/rlkit@ac45a9d.

Not reproduced: how often and how long it evaluates (5,000 steps every 1,000 steps, before training; here the study
decides); episodes of 1,000 steps on tasks with a shorter time limit, which its example never meets (it runs only
HalfCheetah, without a limit); the float64 replay, cast to float32 for an update; gym 0.10.5.
"""

from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, ClipLogStd, ExactLogDet, LearnedAlpha, Uniform

CODE = "rail-berkeley/rlkit@ac45a9d"
SAC = f"{CODE} rlkit/torch/sac/sac.py"
LOOP = f"{CODE} rlkit/core/batch_rl_algorithm.py"
SCRIPT = f"{CODE} examples/sac.py"
MLP = f"{CODE} rlkit/torch/networks/mlp.py"
POLICY = f"{CODE} rlkit/torch/sac/policies/gaussian_policy.py"
TANH = f"{CODE} rlkit/torch/distributions.py"
ROLLOUT = f"{CODE} rlkit/samplers/rollout_functions.py"
BOX = f"{CODE} rlkit/envs/wrappers/normalized_box_env.py"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
        f"{SAC}:56-68 (-A; 1; the actor's learning rate), 156-161 (its logarithm; the actor's sample)",
    ),
    reward_scale=cited(1.0, f"{SCRIPT}:105"),
    discount=cited(0.99, f"{SCRIPT}:100"),
    critics=cited(2, f"{SCRIPT}:21-30"),
    target_reduce=cited("min", f"{SAC}:180-183"),
    actor_reduce=cited("min", f"{SAC}:166-169"),
    value_net=cited(None, f"{SAC}:175-187 (targets of Q)"),
    entropy_in_target=cited(True, f"{SAC}:180-183 (absent in v0.2.0)"),
    critic_loss_scale=cited(1.0, f"{SAC}:73,186-187"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{POLICY}:26-27,114-116"),
    log_det=cited(ExactLogDet(), f"{TANH}:338-364"),
    gaussian_eps=cited(0.0, f"{TANH}:358"),
    log_prob_units=cited("unit", f"{TANH}:358-364"),
    critic_action_units=cited("unit", f"{ROLLOUT}:109-126 (the action before the wrapper scales it)"),
    pathwise_noise=cited("shared", f"{SAC}:156-170"),
    # networks
    hidden=cited((256, 256), f"{SCRIPT}:88"),
    first_critic_layer=cited("concat", f"{MLP}:129-139"),
    hidden_init=cited(
        "fan_out", f"{MLP}:23-24,42-46 with rlkit/torch/pytorch_util.py:142-151 (a weight's first axis is its output)"
    ),
    critic_output_init=cited(Uniform(weight=3e-3, bias=0.0), f"{MLP}:20,55-57"),
    actor_head=cited("separate", f"{POLICY}:88-103"),
    mean_init=cited(Uniform(weight=1e-3, bias=0.0), f"{POLICY}:85-94 with {MLP}:55-57"),
    log_std_init=cited(Uniform(weight=1e-3, bias=1e-3), f"{POLICY}:101-103"),
    target_init=cited("independent", f"{SCRIPT}:31-40,59-67 (networks of their own; nothing copies)"),
    # update
    order=cited(("value", "alpha", "actor", "critic", "target"), f"{SAC}:95-123"),
    gradients=cited("simultaneous", f"{SAC}:95-119 (every loss is computed first)"),
    first_update=cited(1, f"{SAC}:91,121-132 (updates, from 1)"),
    actor_every=cited(1, f"{SAC}:109-111"),
    actor_repeats=cited(1, f"{SAC}:109-111"),
    target_every=cited(1, f"{SCRIPT}:102"),
    target_copy_every=cited(None, f"{SAC}:130-140 (moving average only)"),
    tau=cited(0.005, f"{SCRIPT}:101"),
    batch_size=cited(256, f"{SCRIPT}:97"),
    # optimisers
    actor_lr=cited(3e-4, f"{SCRIPT}:103"),
    critic_lr=cited(3e-4, f"{SCRIPT}:104"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
        f"{SAC}:36,76-87 (PyTorch's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(0, f"{LOOP}:58-66 (the policy acts from the start)"),
    warmup_range=cited("unit", f"{BOX}:35-36 (no uniform phase uses it)"),
    warmup_rounding=cited("none", f"{LOOP}:58-66 (no uniform phase)"),
    epoch_steps=cited(None, f"{LOOP}:75-92 (bursts, not epochs, decide)"),
    # learning
    learn_after=cited(
        2_000, f"{SCRIPT}:94-95 with {LOOP}:58-92 (1,000 steps to begin with, then 1,000 and the first burst)"
    ),
    update_every=cited(1_000, f"{SCRIPT}:94"),
    updates_per_burst=cited(1_000, f"{SCRIPT}:93"),
    learn_in_warmup=cited(True, f"{LOOP}:58-92 (no uniform phase)"),
    update_position=cited("after_step", f"{LOOP}:76-90"),
    # data
    sampling=cited("with_replacement", f"{CODE} rlkit/data_management/simple_replay_buffer.py:17,72"),
    replay_capacity=cited(1_000_000, f"{SCRIPT}:89"),
    insert=cited("step", f"{LOOP}:76-90 (the block of steps is added before its burst)"),
    time_limit=cited("bootstrap", f"{ROLLOUT}:119-124"),
    reset_every=cited(
        1_000,
        f"{CODE} rlkit/samplers/data_collector/path_collector.py:45-56 with {ROLLOUT}:101 "
        "(each block begins with a reset, its last path is cut)",
    ),
    action_to_env=cited("rescale", f"{BOX}:48-52"),
    evaluation_action=cited("mean", f"{SCRIPT}:46 with {TANH}:416-418"),
)

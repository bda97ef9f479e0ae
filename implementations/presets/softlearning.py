"""Softlearning at its last commit, in TensorFlow 2: rail-berkeley/softlearning@13cf187, with examples/development.

Not reproduced: how often and how long it evaluates (one episode per epoch of 25,000 steps; here the study decides); its
count of steps does not include the warm-up; episodes of 1,000 steps on Reacher and Pusher, whose time limit it removes
(here the task's own limit ends them, and the warm-up is ten times that limit); a replay smaller than 1e6 where the run
is shorter; gym 0.18 and the v3 tasks. It refuses to start on Swimmer.
"""

from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, ExactLogDet, LearnedAlpha, SoftplusStd

CODE = "rail-berkeley/softlearning@13cf187"
SAC = f"{CODE} softlearning/algorithms/sac.py"
LOOP = f"{CODE} softlearning/algorithms/rl_algorithm.py"
VARIANTS = f"{CODE} examples/development/variants.py"
SAMPLER = f"{CODE} softlearning/samplers/simple_sampler.py"
POLICY = f"{CODE} softlearning/policies/gaussian_policy.py"
GYM = f"{CODE} softlearning/environments/adapters/gym_adapter.py"
KERAS = f"{CODE} softlearning/models/feedforward.py:25-35 (the defaults of Keras' Dense)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="alpha", sample="fresh", lr=3e-4),
        f"{SAC}:37-39 (-A), 139-140 (1), 245-264 (alpha itself; a sample of its own, after the actor's "
        "step); learning rate: examples/development/variants.py:39",
    ),
    reward_scale=cited(1.0, f"{VARIANTS}:45"),
    discount=cited(0.99, f"{VARIANTS}:44"),
    critics=cited(2, f"{VARIANTS}:471"),
    target_reduce=cited("min", f"{SAC}:159"),
    actor_reduce=cited("mean", f"{SAC}:225-228 (the minimum before commit 90247f2)"),
    value_net=cited(None, f"{SAC}:145-170 (targets of Q)"),
    entropy_in_target=cited(True, f"{SAC}:26-32"),
    critic_loss_scale=cited(0.5, f"{SAC}:197-199"),
    # policy
    std=cited(SoftplusStd(floor=1e-5), f"{POLICY}:275-276"),
    log_det=cited(ExactLogDet(), f"{CODE} softlearning/policies/base_policy.py:268 (TensorFlow Probability's Tanh)"),
    gaussian_eps=cited(0.0, f"{POLICY}:125-133"),
    log_prob_units=cited("unit", f"{CODE} softlearning/policies/base_policy.py:262-264"),
    critic_action_units=cited("unit", f"{SAMPLER}:55-70 (the action as played, in [-1, 1])"),
    pathwise_noise=cited("shared", f"{SAC}:223-229"),
    # networks
    hidden=cited((256, 256), f"{VARIANTS}:13,453,473"),
    first_critic_layer=cited("concat", f"{CODE} softlearning/value_functions/vanilla.py:47-58"),
    hidden_init=cited("glorot_uniform", KERAS),
    critic_output_init=cited("glorot_uniform", KERAS),
    actor_head=cited("joint", f"{POLICY}:265-274"),
    mean_init=cited("glorot_uniform", KERAS),
    log_std_init=cited("glorot_uniform", KERAS),
    target_init=cited("copy", f"{SAC}:108-109"),
    # update
    order=cited(("value", "critic", "actor", "alpha", "target"), f"{SAC}:276-299"),
    gradients=cited("sequential", f"{SAC}:276-281 (each loss where its step is taken)"),
    first_update=cited(0, f"{LOOP}:138-141,168,181-182 (steps since the warm-up, from 0)"),
    actor_every=cited(1, f"{SAC}:276-281"),
    actor_repeats=cited(1, f"{SAC}:276-281"),
    target_every=cited(1, f"{VARIANTS}:40"),
    target_copy_every=cited(None, f"{SAC}:292-299 (moving average only)"),
    tau=cited(0.005, f"{VARIANTS}:41"),
    batch_size=cited(256, f"{VARIANTS}:412"),
    # optimisers
    actor_lr=cited(3e-4, f"{VARIANTS}:37"),
    critic_lr=cited(3e-4, f"{VARIANTS}:38"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-7, eps_placement="tensorflow"),
        f"{SAC}:129-143 (Keras' Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(
        10_000,
        f"{VARIANTS}:23-28 (ten times the path length), 220-231 (1,000; Pendulum 200); ours on "
        "Reacher and Pusher: ten times the task's limit",
        {("Pendulum-v1",): 2_000, ("MultiGoal-v0",): 300, ("Reacher-v4", "Reacher-v5"): 500, ("Pusher-v5",): 1_000},
    ),
    warmup_range=cited("unit", f"{CODE} softlearning/policies/uniform_policy.py:30-36"),
    warmup_rounding=cited(
        "episode", f"{LOOP}:99-101 with {SAMPLER}:74-82 (until the pool, which grows by episodes, is filled)"
    ),
    epoch_steps=cited(None, f"{LOOP}:157-182 (epochs decide nothing about learning)"),
    # learning
    learn_after=cited(
        10_001,
        f"{LOOP}:157-182 (after the first step that follows the warm-up)",
        {("Pendulum-v1",): 2_001, ("MultiGoal-v0",): 301, ("Reacher-v4", "Reacher-v5"): 501, ("Pusher-v5",): 1_001},
    ),
    update_every=cited(1, f"{VARIANTS}:19"),
    updates_per_burst=cited(1, f"{VARIANTS}:20"),
    learn_in_warmup=cited(False, f"{LOOP}:89-105"),
    update_position=cited("after_step", f"{LOOP}:177-182"),
    # data
    sampling=cited("with_replacement", f"{CODE} softlearning/replay_pools/flexible_replay_pool.py:136-138"),
    replay_capacity=cited(1_000_000, f"{VARIANTS}:482-492"),
    insert=cited("episode_end", f"{SAMPLER}:74-82"),
    time_limit=cited("bootstrap", f"{GYM}:85-90 with {SAMPLER}:74-82 (cut without a terminal)"),
    reset_every=cited(None, f"{SAMPLER}:51-53,91-98 (only after an episode)"),
    action_to_env=cited("rescale", f"{GYM}:95-103"),
    evaluation_action=cited(
        "sample", f"{POLICY}:42-61,173-194 (meant to be the mean; the traced function never sees the flag)"
    ),
)

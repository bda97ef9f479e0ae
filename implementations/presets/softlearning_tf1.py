"""Softlearning's last TensorFlow 1 state, the code nearest to arXiv 1812.05905: rail-berkeley/softlearning@1d56928.

Not reproduced: how often and how long it evaluates (one episode per epoch of 1,000 steps; here the study decides); its
count of steps does not include the warm-up; episodes of 1,000 steps on Reacher and Pusher, whose time limit it removes
(here the task's own limit ends them, and the warm-up is ten times that limit); the order of reads and writes within its
one session.run, which TensorFlow leaves open (here all gradients come first); gym's v3 tasks.
"""

from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, ExactLogDet, ExpStd, LearnedAlpha

CODE = "rail-berkeley/softlearning@1d56928"
SAC = f"{CODE} softlearning/algorithms/sac.py"
LOOP = f"{CODE} softlearning/algorithms/rl_algorithm.py"
VARIANTS = f"{CODE} examples/development/variants.py"
SAMPLER = f"{CODE} softlearning/samplers/simple_sampler.py"
POLICY = f"{CODE} softlearning/policies/gaussian_policy.py"
GYM = f"{CODE} softlearning/environments/adapters/gym_adapter.py"
KERAS = f"{CODE} softlearning/models/feedforward.py:31-40 (the defaults of Keras' Dense)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
        f"{SAC}:18-20 (-A), 203-216 (1; its logarithm; the actor's sample and learning rate)",
    ),
    reward_scale=cited(1.0, f"{VARIANTS}:42"),
    discount=cited(0.99, f"{VARIANTS}:40"),
    critics=cited(2, f"{VARIANTS}:491"),
    target_reduce=cited("min", f"{SAC}:133"),
    actor_reduce=cited("min", f"{SAC}:238-239"),
    value_net=cited(None, f"{SAC}:117-143 (targets of Q)"),
    entropy_in_target=cited(True, f"{SAC}:134"),
    critic_loss_scale=cited(0.5, f"{SAC}:166-169"),
    # policy
    std=cited(ExpStd(), f"{POLICY}:69-105 (no bound)"),
    log_det=cited(ExactLogDet(), f"{POLICY}:111-114,135-152 (TensorFlow Probability's Tanh)"),
    gaussian_eps=cited(0.0, f"{POLICY}:135-152"),
    log_prob_units=cited("unit", f"{POLICY}:27-29"),
    critic_action_units=cited("unit", f"{SAMPLER}:54-68 (the action as played, in [-1, 1])"),
    pathwise_noise=cited("shared", f"{SAC}:199-200,236-244"),
    # networks
    hidden=cited((256, 256), f"{VARIANTS}:13,78,493"),
    first_critic_layer=cited("concat", f"{CODE} softlearning/models/feedforward.py:24-32"),
    hidden_init=cited("glorot_uniform", KERAS),
    critic_output_init=cited("glorot_uniform", KERAS),
    actor_head=cited("joint", f"{POLICY}:69-78,230-237"),
    mean_init=cited("glorot_uniform", KERAS),
    log_std_init=cited("glorot_uniform", KERAS),
    target_init=cited("copy", f"{SAC}:280-281"),
    # update
    order=cited(
        ("value", "critic", "actor", "alpha", "target"), f"{SAC}:294-302 (targets last; the others in one session.run)"
    ),
    gradients=cited("simultaneous", f"{SAC}:297-298"),
    first_update=cited(0, f"{LOOP}:203-206,248 (steps since the warm-up, from 0)"),
    actor_every=cited(1, f"{SAC}:297-298"),
    actor_repeats=cited(1, f"{SAC}:297-298"),
    target_every=cited(1, f"{VARIANTS}:34"),
    target_copy_every=cited(None, f"{SAC}:294-302 (moving average only)"),
    tau=cited(0.005, f"{VARIANTS}:35,41"),
    batch_size=cited(256, f"{VARIANTS}:510"),
    # optimisers
    actor_lr=cited(3e-4, f"{VARIANTS}:33"),
    critic_lr=cited(3e-4, f"{VARIANTS}:33"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="tensorflow"),
        f"{SAC}:171-175,213-214,251-253 (TensorFlow 1's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(
        10_000,
        f"{VARIANTS}:386-396,439-440 (ten times the path length), 218-229 (1,000; Pendulum 200); ours on "
        "Reacher and Pusher: ten times the task's limit",
        {("Pendulum-v1",): 2_000, ("MultiGoal-v0",): 300, ("Reacher-v4", "Reacher-v5"): 500, ("Pusher-v5",): 1_000},
    ),
    warmup_range=cited("unit", f"{CODE} softlearning/policies/uniform_policy.py:10-40 with {GYM}:89-90"),
    warmup_rounding=cited(
        "episode", f"{LOOP}:166-167 with {SAMPLER}:73-83 (until the pool, which grows by episodes, is filled)"
    ),
    epoch_steps=cited(None, f"{LOOP}:241-260 (epochs decide nothing about learning)"),
    # learning
    learn_after=cited(
        10_001,
        f"{LOOP}:241-260 (after the first step that follows the warm-up)",
        {("Pendulum-v1",): 2_001, ("MultiGoal-v0",): 301, ("Reacher-v4", "Reacher-v5"): 501, ("Pusher-v5",): 1_001},
    ),
    update_every=cited(1, f"{VARIANTS}:20"),
    updates_per_burst=cited(1, f"{VARIANTS}:21"),
    learn_in_warmup=cited(False, f"{LOOP}:157-167"),
    update_position=cited("after_step", f"{LOOP}:257-260,402-413"),
    # data
    sampling=cited("with_replacement", f"{CODE} softlearning/replay_pools/flexible_replay_pool.py:139-141"),
    replay_capacity=cited(1_000_000, f"{VARIANTS}:502"),
    insert=cited("episode_end", f"{SAMPLER}:73-83"),
    time_limit=cited("bootstrap", f"{GYM}:82-87 with {SAMPLER}:73-83 (cut without a terminal)"),
    reset_every=cited(None, f"{SAMPLER}:50-52,91-96 (only after an episode)"),
    action_to_env=cited("rescale", f"{GYM}:89-97"),
    evaluation_action=cited("mean", f"{POLICY}:128-133 with {VARIANTS}:24"),
)

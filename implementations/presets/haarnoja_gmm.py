"""The first paper's code before its Gaussian policy, a mixture of four: haarnoja/sac@ca39be1, examples/variants.py.

Not reproduced: which mean an evaluation plays (there that of one component, drawn anew each time; here of all means the
one of the highest Q, which is the code's own rule where no component is prescribed); how often and how long it
evaluates; episodes of 1,000 steps on tasks with a shorter time limit, which it removes; rllab's Swimmer and Humanoid
(gymnasium's have the reward scales of rllab's); the regulariser, which that code never adds up; the order of reads and
writes within its one session.run (here all gradients come first); gym 0.7.4. On MultiGoal it has soft Q-learning's
costs; those of its own examples/multigoal_sac.py:16-37,95 are 1 for acting and 0.1 for distance, with 1 for a goal and
a scale of 3, and it evaluates samples there.
"""

from implementations.presets.sac_v2 import PENDULUMS
from suite.sac.cited import cited, preset
from suite.sac.spec import Adam
from suite.sac.specs import MixtureSpec

CODE = "haarnoja/sac@ca39be1"
SAC = f"{CODE} sac/algos/sac.py"
LOOP = f"{CODE} sac/algos/base.py"
VARIANTS = f"{CODE} examples/variants.py"
SCRIPT = f"{CODE} examples/mujoco_all_sac.py"
GOALS = "examples/multigoal_sac.py"
SAMPLER = f"{CODE} sac/misc/sampler.py"
MLP = f"{CODE} sac/misc/mlp.py"
GMM = f"{CODE} sac/distributions/gmm.py"
POLICY = f"{CODE} sac/policies/gmm.py"
GOAL = ("MultiGoal-v0",)

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    MixtureSpec,
    # objective
    reward_scale=cited(
        1.0,
        f"{VARIANTS}:151-188; ours: 1 on the pendulums, Reacher, Pusher and HumanoidStandup, 0.5 on MultiGoal",
        {
            GOAL: 0.5,
            ("Swimmer-v4", "Swimmer-v5"): 100.0,
            ("Walker2d-v4", "Walker2d-v5", "Humanoid-v4", "Humanoid-v5"): 3.0,
            ("Ant-v4", "Ant-v5"): 10.0,
        },
    ),
    discount=cited(0.99, f"{VARIANTS}:138"),
    # policy
    components=cited(4, f"{VARIANTS}:45"),
    logit_floor=cited(-10.0, f"{GMM}:10,79"),
    log_std_cap=cited(2.0, f"{GMM}:8,77"),
    squash_eps=cited(1e-6, f"{POLICY}:15,153-155"),
    # networks
    hidden=cited((128, 128), f"{VARIANTS}:77 with {SCRIPT}:102-104,142"),
    init=cited("glorot_per_input", f"{MLP}:24-25,43-44,129-149 (a matrix per input, summed before the ReLU)"),
    target_init=cited("soft_once", f"{SAC}:231-233,312-326 (a network of its own, then the moving average once)"),
    # update
    tau=cited(0.01, f"{VARIANTS}:140; on MultiGoal as well: {GOALS}:97 has 1e-4, for 1,000,000 steps"),
    batch_size=cited(128, f"{VARIANTS}:197; on MultiGoal {GOALS}:33", {GOAL: 64}),
    # optimisers
    actor_lr=cited(3e-4, f"{VARIANTS}:137"),
    critic_lr=cited(3e-4, f"{VARIANTS}:137"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="tensorflow"),
        f"{SAC}:242-245,299-307 (TensorFlow 1's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(0, f"{SAMPLER}:113-118 (the policy acts from the start)"),
    warmup_range=cited("unit", f"{SAMPLER}:113-118 (nothing is drawn uniformly)"),
    warmup_rounding=cited("none", f"{SAMPLER}:113-118 (there is no warm-up)"),
    epoch_steps=cited(1_000, f"{VARIANTS}:143"),
    # learning
    learn_after=cited(
        1_000,
        f"{VARIANTS}:196 with {SAMPLER}:87-89 and {GOALS}:29; ours on the pendulums: an episode of Pendulum-v1",
        {PENDULUMS: 200, GOAL: 30},
    ),
    update_every=cited(1, f"{LOOP}:82-93"),
    updates_per_burst=cited(1, f"{VARIANTS}:144"),
    learn_in_warmup=cited(True, f"{LOOP}:82-93 (only the pool's size is asked for)"),
    update_position=cited("after_step", f"{LOOP}:82-93"),
    # data
    replay_capacity=cited(1_000_000, f"{VARIANTS}:191"),
    sampling=cited("with_replacement", f"{CODE} sac/replay_buffers/simple_replay_buffer.py:52"),
    insert=cited("step", f"{SAMPLER}:123-128"),
    time_limit=cited("bootstrap", f"{CODE} sac/envs/gym_env.py:71-75 with {SAMPLER}:123-140 (cut without a terminal)"),
    reset_every=cited(None, f"{SAMPLER}:130-140 (only after an episode)"),
    action_to_env=cited("rescale", f"{SCRIPT}:47 (rllab's normalize, which maps [-1, 1] to the box)"),
    evaluation_action=cited("mean", f"{POLICY}:120-148 with {VARIANTS}:147"),
)

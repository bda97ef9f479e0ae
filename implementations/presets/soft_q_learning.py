"""Soft Q-learning with amortised Stein gradients: haarnoja/softqlearning@6f51eac, examples/mujoco_all_sql.py.

Not reproduced: how often and how long it evaluates (one episode per epoch of 1,000 steps; here the study decides);
HalfCheetah's replay of 10,000,000; episodes of 1,000 steps on tasks with a shorter time limit, which it removes;
rllab's Swimmer and Humanoid (gymnasium's have the reward scales of rllab's); the order of reads and writes within its
one session.run, which TensorFlow leaves open (here all gradients come first); gym 0.10.8. It has no setting for
pendulums: theirs is ours.
"""

from implementations.presets.sac_v2 import PENDULUMS
from suite.sac.cited import cited, preset
from suite.sac.spec import Adam
from suite.sac.specs import SoftQSpec

CODE = "haarnoja/softqlearning@6f51eac"
SQL = f"{CODE} softqlearning/algorithms/sql.py"
LOOP = f"{CODE} softqlearning/algorithms/rl_algorithm.py"
SCRIPT = f"{CODE} examples/mujoco_all_sql.py"
GOALS = "examples/multigoal_sql.py"
SAMPLER = f"{CODE} softqlearning/misc/sampler.py"
KERNEL = f"{CODE} softqlearning/misc/kernel.py"
NETS = f"{CODE} softqlearning/misc/nn.py"
POLICY = f"{CODE} softqlearning/policies/stochastic_policy.py"
FAST = "ours on the pendulums: targets that move within their 20,000 steps"
RATE = "ours on the pendulums and MultiGoal: the class's own default"
GOAL_SCALE = "0.5 on MultiGoal: sharper than the 0.1 of examples/multigoal_sql.py:63, within a tenth of its steps"
GOAL = ("MultiGoal-v0",)

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    SoftQSpec,
    # objective
    reward_scale=cited(
        30.0,
        f"{SCRIPT}:39-91; ours: 1 on the pendulums, 30 on Reacher, Pusher and HumanoidStandup; {GOAL_SCALE}",
        {
            PENDULUMS: 1.0,
            GOAL: 0.5,
            ("Walker2d-v4", "Walker2d-v5"): 10.0,
            ("Ant-v4", "Ant-v5"): 300.0,
            ("Humanoid-v4", "Humanoid-v5"): 100.0,
        },
    ),
    discount=cited(0.99, f"{SCRIPT}:24"),
    value_particles=cited(16, f"{SCRIPT}:32"),
    # the actor's gradient
    fixed_particles=cited(8, f"{SCRIPT}:30-31 with {GOALS}:60-61 (16 or 32 times one half)", {GOAL: 16}),
    updated_particles=cited(8, f"{SCRIPT}:30-31 with {GOALS}:60-61 (16 or 32 times one half)", {GOAL: 16}),
    bandwidth_floor=cited(1e-3, f"{KERNEL}:7,57-58"),
    squash_eps=cited(1e-6, f"{SQL}:13,232-234"),
    # networks
    hidden=cited((128, 128), f"{SCRIPT}:25,149-152"),
    init=cited("glorot_per_input", f"{NETS}:13-28,31-40 (a matrix per input, summed before the ReLU)"),
    # update
    first_update=cited(
        999,
        f"{LOOP}:71-84 with {SAMPLER}:87-89 (environment steps, from 0) and {GOALS}:24",
        {PENDULUMS: 199, GOAL: 99},
    ),
    target_copy_every=cited(1_000, f"{SCRIPT}:33 with {SQL}:299-300; {FAST}", {PENDULUMS: 100}),
    batch_size=cited(128, f"{SCRIPT}:26 with {GOALS}:24", {GOAL: 64}),
    # optimisers
    actor_lr=cited(3e-4, f"{SCRIPT}:22; {RATE}, {SQL}:42", {(*PENDULUMS, *GOAL): 1e-3}),
    critic_lr=cited(3e-4, f"{SCRIPT}:23; {RATE}, {SQL}:43", {(*PENDULUMS, *GOAL): 1e-3}),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="tensorflow"),
        f"{SQL}:195-198,264-268 (TensorFlow 1's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(0, f"{SAMPLER}:113-118 (the policy acts from the start)"),
    warmup_range=cited("unit", f"{SAMPLER}:113-118 (nothing is drawn uniformly)"),
    warmup_rounding=cited("none", f"{SAMPLER}:113-118 (there is no warm-up)"),
    epoch_steps=cited(1_000, f"{SCRIPT}:29 with {GOALS}:28", {GOAL: 100}),
    # learning
    learn_after=cited(
        1_000,
        f"{SCRIPT}:138 with {SAMPLER}:87-89 and {GOALS}:24; ours on the pendulums: an episode of Pendulum-v1",
        {PENDULUMS: 200, GOAL: 100},
    ),
    update_every=cited(1, f"{LOOP}:75-84"),
    updates_per_burst=cited(1, f"{SCRIPT}:28"),
    learn_in_warmup=cited(True, f"{LOOP}:75-84 (only the pool's size is asked for)"),
    update_position=cited("after_step", f"{LOOP}:75-84"),
    # data
    replay_capacity=cited(1_000_000, f"{SCRIPT}:27"),
    sampling=cited("with_replacement", f"{CODE} softqlearning/replay_buffers/simple_replay_buffer.py:53"),
    insert=cited("step", f"{SAMPLER}:123-128"),
    time_limit=cited(
        "bootstrap",
        f"{CODE} softqlearning/environments/gym_env.py:70-74 with {SAMPLER}:130-142 (cut without a terminal)",
    ),
    reset_every=cited(None, f"{SAMPLER}:130-142 (only after an episode)"),
    action_to_env=cited("rescale", f"{SCRIPT}:131 (garage's normalize, which maps [-1, 1] to the box)"),
    evaluation_action=cited("sample", f"{LOOP}:110-118 with {POLICY}:32,48 (the policy as it explores)"),
)

"""Yarats and Kostrikov's pytorch_sac with its default configuration: denisyarats/pytorch_sac@81c5b53.

Not reproduced: when and where it evaluates (10 episodes of the training environment when an episode ends on a multiple
of 10,000 steps; here the study decides); DeepMind's control suite, for which it is written; it refuses boxes beyond
[-1, 1] (Pendulum, InvertedPendulum, Pusher), where here the tanh action reaches only a part of the box; it stores
actions clamped where a box is narrower (Humanoid; here as the policy chose them); alpha in float64.
"""

from suite.sac.cited import cited, preset
from suite.sac.schedule import BootstrapAtLength
from suite.sac.spec import Adam, ExactLogDet, LearnedAlpha, Orthogonal, SquashLogStd

CODE = "denisyarats/pytorch_sac@81c5b53"
SAC = f"{CODE} agent/sac.py"
ACTOR = f"{CODE} agent/actor.py"
TRAIN = f"{CODE} train.py"
AGENT = f"{CODE} config/agent/sac.yaml"
RUN = f"{CODE} config/train.yaml"
INIT = f"{CODE} utils.py:88-93 with agent/critic.py:18 and agent/actor.py:69"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(
        LearnedAlpha(init=0.1, entropy_per_dim=-1.0, objective="alpha", sample="actor", lr=1e-4),
        f"{AGENT}:12-13 (0.1; learning rate); {SAC}:40-41 (-A), 102-128 (alpha itself; the actor's sample)",
    ),
    reward_scale=cited(1.0, f"{SAC}:85 (none)"),
    discount=cited(0.99, f"{AGENT}:11"),
    critics=cited(2, f"{CODE} agent/critic.py:14-15"),
    target_reduce=cited("min", f"{SAC}:83-84"),
    actor_reduce=cited("min", f"{SAC}:107"),
    value_net=cited(None, f"{SAC}:79-86 (targets of Q)"),
    entropy_in_target=cited(True, f"{SAC}:83-84"),
    critic_loss_scale=cited(1.0, f"{SAC}:90-91"),
    # policy
    std=cited(SquashLogStd(low=-5.0, high=2.0), f"{AGENT}:40; {ACTOR}:74-80"),
    log_det=cited(ExactLogDet(), f"{ACTOR}:35-38"),
    gaussian_eps=cited(0.0, f"{ACTOR}:46"),
    log_prob_units=cited("unit", f"{ACTOR}:41-48"),
    critic_action_units=cited("unit", f"{SAC}:68-75 with train.py:144 (as the policy chose it, clamped)"),
    pathwise_noise=cited("shared", f"{SAC}:102-108"),
    # networks
    hidden=cited((1024, 1024), f"{AGENT}:30-31,38-39"),
    first_critic_layer=cited("concat", f"{CODE} agent/critic.py:23"),
    hidden_init=cited(Orthogonal(gain=1.0), INIT),
    critic_output_init=cited(Orthogonal(gain=1.0), INIT),
    actor_head=cited("joint", f"{ACTOR}:65-72"),
    mean_init=cited(Orthogonal(gain=1.0), INIT),
    log_std_init=cited(Orthogonal(gain=1.0), INIT),
    target_init=cited("copy", f"{SAC}:32-34"),
    # update
    order=cited(("value", "critic", "actor", "alpha", "target"), f"{SAC}:130-144"),
    gradients=cited("sequential", f"{SAC}:130-144 (each loss where its step is taken)"),
    first_update=cited(5_000, f"{TRAIN}:73,134-135,149 (environment steps, from 0)"),
    actor_every=cited(1, f"{AGENT}:17"),
    actor_repeats=cited(1, f"{SAC}:139-140"),
    target_every=cited(2, f"{AGENT}:21"),
    target_copy_every=cited(None, f"{SAC}:142-144 (moving average only)"),
    tau=cited(0.005, f"{AGENT}:20"),
    batch_size=cited(1024, f"{AGENT}:22"),
    # optimisers
    actor_lr=cited(1e-4, f"{AGENT}:15"),
    critic_lr=cited(1e-4, f"{AGENT}:18"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"), f"{AGENT}:14,16,19; {SAC}:44-54 (PyTorch's Adam)"
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(5_000, f"{RUN}:12 with train.py:127"),
    warmup_range=cited("env", f"{TRAIN}:128"),
    warmup_rounding=cited("none", f"{TRAIN}:127"),
    epoch_steps=cited(None, f"{TRAIN}:97-149 (no epochs)"),
    # learning
    learn_after=cited(5_000, f"{TRAIN}:134-135 (before step 5,000 is taken, counted from 0)"),
    update_every=cited(1, f"{TRAIN}:134-135"),
    updates_per_burst=cited(1, f"{TRAIN}:134-135"),
    learn_in_warmup=cited(True, f"{TRAIN}:127,134 (updates begin with the policy's first step)"),
    update_position=cited("before_step", f"{TRAIN}:126-137"),
    # data
    sampling=cited("with_replacement", f"{CODE} replay_buffer.py:40-42"),
    replay_capacity=cited(1_000_000, f"{RUN}:9-10"),
    insert=cited("step", f"{TRAIN}:144-145"),
    time_limit=cited(
        BootstrapAtLength(steps=1_000),
        f"{TRAIN}:141 (the task's own limit)",
        {
            ("Pendulum-v1",): BootstrapAtLength(steps=200),
            ("MultiGoal-v0",): BootstrapAtLength(steps=30),
            ("Reacher-v4", "Reacher-v5"): BootstrapAtLength(steps=50),
            ("Pusher-v5",): BootstrapAtLength(steps=100),
        },
    ),
    reset_every=cited(None, f"{TRAIN}:101,117 (only after an episode)"),
    action_to_env=cited("clip", f"{TRAIN}:36-37 with agent/sac.py:73"),
    evaluation_action=cited("mean", f"{TRAIN}:85 with agent/sac.py:72"),
)

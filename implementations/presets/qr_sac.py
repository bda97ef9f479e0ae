"""nnabla-rl's QR-SAC with the defaults of its class: sony/nnabla-rl@d6c9999.

Not reproduced: how often and how long it evaluates (10 episodes every 5,000 steps; here the study decides); an action
beyond the box reaches the environment as it is (here it is clipped, which MuJoCo does itself, but its control cost is
of what it was given); gym's v2 tasks.
"""

from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, ClipLogStd, ExactLogDet, LearnedAlpha, Quantiles

CODE = "sony/nnabla-rl@d6c9999"
QRSAC = f"{CODE} nnabla_rl/algorithms/qrsac.py"
TARGET = f"{CODE} nnabla_rl/model_trainers/q_value/qrsac_q_trainer.py"
LOSS = f"{CODE} nnabla_rl/model_trainers/q_value/quantile_distribution_function_trainer.py"
SOFT = f"{CODE} nnabla_rl/model_trainers/policy/soft_policy_trainer.py"
CRITIC = f"{CODE} nnabla_rl/models/mujoco/distributional_functions.py"
POLICY = f"{CODE} nnabla_rl/models/mujoco/policies.py"
SQUASHED = f"{CODE} nnabla_rl/distributions/squashed_gaussian.py"
EXPLORER = f"{CODE} nnabla_rl/environment_explorer.py"
REPLAY = f"{CODE} nnabla_rl/replay_buffer.py"
INIT = "sony/nnabla@2814df0d python/src/nnabla/parametric_functions.py:163-168 (NNabla's default; zero biases)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(
        LearnedAlpha(init=None, entropy_per_dim=-1.0, objective="alpha", sample="actor", lr=3e-4),
        f"{SOFT}:40-43 (drawn), 103 (-A), 199-200 (alpha itself; the actor's sample) with "
        "nnabla_rl/algorithms/qrsac.py:87,93,156 (the one learning rate; no first value)",
    ),
    quantiles=cited(
        Quantiles(n=32, dropped=0, target="minimum"),
        f"{QRSAC}:100 (32); {TARGET}:81-100 (of the smaller mean); {LOSS}:131-150 (the loss)",
    ),
    reward_scale=cited(1.0, f"{EXPLORER}:31 (1)"),
    discount=cited(0.99, f"{QRSAC}:86"),
    critics=cited(2, f"{QRSAC}:254-260"),
    target_reduce=cited("min", f"{TARGET}:90 (of their means)"),
    actor_reduce=cited("min", f"{SOFT}:194 (of their means)"),
    value_net=cited(None, f"{TARGET}:102 (targets of quantiles)"),
    entropy_in_target=cited(True, f"{TARGET}:102"),
    critic_loss_scale=cited(32.0, f"{LOSS}:148-150 (the sum over a critic's quantiles, 32 times the mean)"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{POLICY}:82-83,102-104"),
    log_det=cited(ExactLogDet(), f"{SQUASHED}:109"),
    gaussian_eps=cited(0.0, f"{CODE} nnabla_rl/distributions/common_utils.py:25"),
    log_prob_units=cited("unit", f"{SQUASHED}:98-102"),
    critic_action_units=cited("unit", f"{EXPLORER}:125-146 (as the policy gave it)"),
    pathwise_noise=cited("shared", f"{SOFT}:187-195"),
    # networks
    hidden=cited((256, 256), f"{CRITIC}:31-33; {POLICY}:93-95"),
    first_critic_layer=cited("concat", f"{CRITIC}:30"),
    hidden_init=cited("glorot_uniform", INIT),
    critic_output_init=cited("glorot_uniform", INIT),
    actor_head=cited("joint", f"{POLICY}:97-99"),
    mean_init=cited("glorot_uniform", INIT),
    log_std_init=cited("glorot_uniform", INIT),
    target_init=cited("copy", f"{QRSAC}:264,341-342"),
    # update
    order=cited(("value", "critic", "target", "actor", "alpha"), f"{QRSAC}:388-391"),
    gradients=cited(
        "sequential", f"{QRSAC}:388-391 with nnabla_rl/model_trainers/policy/soft_policy_trainer.py:147-160"
    ),
    first_update=cited(0, f"{QRSAC}:388-391 (nothing counts the updates)"),
    actor_every=cited(1, f"{QRSAC}:391"),
    actor_repeats=cited(1, f"{QRSAC}:391"),
    target_every=cited(1, f"{QRSAC}:389-390"),
    target_copy_every=cited(None, f"{QRSAC}:389-390 (moving average only)"),
    tau=cited(0.005, f"{QRSAC}:89"),
    batch_size=cited(256, f"{QRSAC}:88"),
    # optimisers
    actor_lr=cited(3e-4, f"{QRSAC}:87,156"),
    critic_lr=cited(3e-4, f"{QRSAC}:87,156"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="tensorflow"),
        "sony/nnabla@2814df0d build-tools/code_generator/solvers.yaml:332-336,346-362 (its formula and its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(9_999, f"{EXPLORER}:121-122 with nnabla_rl/algorithms/qrsac.py:95,175 (one step less)"),
    warmup_range=cited("env", f"{EXPLORER}:179"),
    warmup_rounding=cited("none", f"{EXPLORER}:121-127"),
    epoch_steps=cited(None, f"{QRSAC}:345-349 (no epochs)"),
    # learning
    learn_after=cited(10_001, f"{QRSAC}:95,359 (one step more)"),
    update_every=cited(1, f"{QRSAC}:90,346"),
    updates_per_burst=cited(1, f"{QRSAC}:91,348"),
    learn_in_warmup=cited(True, f"{QRSAC}:359 (it is over by then)"),
    update_position=cited("after_step", f"{QRSAC}:345-349"),
    # data
    sampling=cited("without_replacement", f"{REPLAY}:145"),
    replay_capacity=cited(1_000_000, f"{QRSAC}:96"),
    insert=cited("step", f"{QRSAC}:354-356"),
    time_limit=cited("bootstrap", f"{EXPLORER}:130-134,158-162 with nnabla_rl/algorithms/qrsac.py:177"),
    reset_every=cited(None, f"{EXPLORER}:148-151 (only after an episode)"),
    action_to_env=cited("clip", f"{EXPLORER}:125-129 (as it is)"),
    evaluation_action=cited("mean", f"{QRSAC}:279-281 with nnabla_rl/distributions/squashed_gaussian.py:91-92"),
)

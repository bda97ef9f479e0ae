"""jaxrl with examples/train.py and its configs/sac_default.py: ikostrikov/jaxrl@4a9abaf.

Not reproduced: how often and how long it evaluates (10 episodes every 5,000 steps; here the study decides); with old
versions of gym a fall on the very last step of the time limit bootstraps too, because it asks whether
TimeLimit.truncated is present (gymnasium has no such key: here only truncation bootstraps); a replay as large as the
run where the run is not 1e6 steps long; it clips sampled actions to [-1, 1], which float32 never leaves.
"""

from suite.sac.cited import cited, preset
from suite.sac.spec import Adam, ClipLogStd, ExactLogDet, LearnedAlpha, Orthogonal

CODE = "ikostrikov/jaxrl@4a9abaf"
SAC = f"{CODE} jaxrl/agents/sac/sac_learner.py"
CRITIC = f"{CODE} jaxrl/agents/sac/critic.py"
ACTOR = f"{CODE} jaxrl/agents/sac/actor.py"
POLICY = f"{CODE} jaxrl/networks/policies.py"
INIT = f"{CODE} jaxrl/networks/common.py:11-12,32 (every layer of its MLP)"
HEADS = f"{POLICY}:61-70 with jaxrl/agents/sac/sac_learner.py:71"
SCRIPT = f"{CODE} examples/train.py"
CONFIG = f"{CODE} examples/configs/sac_default.py"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(
        LearnedAlpha(init=1.0, entropy_per_dim=-0.5, objective="alpha", sample="actor", lr=3e-4),
        f"{CONFIG}:11,20 (1; learning rate); {SAC}:78-79 (-A/2), 43-45 (the actor's sample); "
        "jaxrl/agents/sac/temperature.py:24-25 (alpha itself)",
    ),
    reward_scale=cited(1.0, f"{CRITIC}:27 (none)"),
    discount=cited(0.99, f"{CONFIG}:15"),
    critics=cited(2, f"{CODE} jaxrl/networks/critic_net.py:36"),
    target_reduce=cited("min", f"{CRITIC}:25"),
    actor_reduce=cited("min", f"{ACTOR}:18"),
    value_net=cited(None, f"{CRITIC}:24-30 (targets of Q)"),
    entropy_in_target=cited(True, f"{CONFIG}:22; {CRITIC}:29-30"),
    critic_loss_scale=cited(1.0, f"{CRITIC}:35"),
    # policy
    std=cited(ClipLogStd(low=-10.0, high=2.0), f"{POLICY}:16-17,75-77"),
    log_det=cited(ExactLogDet(), f"{POLICY}:86-87 (TensorFlow Probability's Tanh)"),
    gaussian_eps=cited(0.0, f"{POLICY}:82-87"),
    log_prob_units=cited("unit", f"{POLICY}:82-87"),
    critic_action_units=cited("unit", f"{CODE} jaxrl/utils.py:43 (the action before the wrapper scales it)"),
    pathwise_noise=cited("shared", f"{ACTOR}:14-19"),
    # networks
    hidden=cited((256, 256), f"{CONFIG}:13"),
    first_critic_layer=cited("concat", f"{CODE} jaxrl/networks/critic_net.py:27"),
    hidden_init=cited(Orthogonal(gain=1.4142135623730951), INIT),
    critic_output_init=cited(Orthogonal(gain=1.4142135623730951), INIT),
    actor_head=cited("separate", f"{POLICY}:61-70"),
    mean_init=cited(Orthogonal(gain=1.0), HEADS),
    log_std_init=cited(Orthogonal(gain=1.0), HEADS),
    target_init=cited("copy", f"{SAC}:101-105 (both from one key)"),
    # update
    order=cited(("value", "critic", "target", "actor", "alpha"), f"{SAC}:28-45"),
    gradients=cited("sequential", f"{SAC}:28-45 (each loss where its step is taken)"),
    first_update=cited(2, f"{SAC}:117,131,136 (updates, from 2)"),
    actor_every=cited(1, f"{SAC}:42-43"),
    actor_repeats=cited(1, f"{SAC}:42-43"),
    target_every=cited(1, f"{CONFIG}:18"),
    target_copy_every=cited(None, f"{CRITIC}:10-15 (moving average only)"),
    tau=cited(0.005, f"{CONFIG}:17"),
    batch_size=cited(256, f"{SCRIPT}:26"),
    # optimisers
    actor_lr=cited(3e-4, f"{CONFIG}:9"),
    critic_lr=cited(3e-4, f"{CONFIG}:10"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
        f"{SAC}:98,103,109 (Optax' Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(9_999, f"{SCRIPT}:29,109-113"),
    warmup_range=cited("unit", f"{SCRIPT}:113 with jaxrl/utils.py:43"),
    warmup_rounding=cited("none", f"{SCRIPT}:112"),
    epoch_steps=cited(None, f"{SCRIPT}:109-141 (no epochs)"),
    # learning
    learn_after=cited(10_000, f"{SCRIPT}:29,138"),
    update_every=cited(1, f"{SCRIPT}:138-141"),
    updates_per_burst=cited(1, f"{SCRIPT}:27"),
    learn_in_warmup=cited(True, f"{SCRIPT}:112,138 (updates begin after it)"),
    update_position=cited("after_step", f"{SCRIPT}:116,138-141"),
    # data
    sampling=cited("with_replacement", f"{CODE} jaxrl/datasets/dataset.py:62"),
    replay_capacity=cited(1_000_000, f"{SCRIPT}:28,104-105 with examples/configs/sac_default.py:24"),
    insert=cited("step", f"{SCRIPT}:123-124"),
    time_limit=cited("bootstrap", f"{SCRIPT}:118-121"),
    reset_every=cited(None, f"{SCRIPT}:127-128 (only after an episode)"),
    action_to_env=cited("rescale", f"{CODE} jaxrl/utils.py:43"),
    evaluation_action=cited("mean", f"{CODE} jaxrl/evaluation.py:14 with jaxrl/networks/policies.py:82-84 (no noise)"),
)

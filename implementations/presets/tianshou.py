"""Tianshou's SAC with the defaults of its example: thu-ml/tianshou@f240205 (2.0.1), examples/mujoco/mujoco_sac.py.

Not reproduced: how often and how long it evaluates (10 episodes every 5,000 steps; here the study decides); rewards
kept in float64 until the return is cast to float32; that the rows which a replay draws are the same for every seed
(data/buffer/buffer_base.py:78); n-step returns and prioritised replay, off by default.
"""

from suite.sac.cited import cited, preset
from suite.sac.schedule import ResetFromWarmup
from suite.sac.spec import Adam, ClipLogStd, EpsilonLogDet, FixedAlpha

CODE = "thu-ml/tianshou@f240205"
SCRIPT = f"{CODE} examples/mujoco/mujoco_sac.py"
SAC = f"{CODE} tianshou/algorithm/modelfree/sac.py"
BASE = f"{CODE} tianshou/algorithm/algorithm_base.py"
NETS = f"{CODE} tianshou/utils/net/continuous.py"
TRAINER = f"{CODE} tianshou/trainer.py"
COLLECTOR = f"{CODE} tianshou/data/collector.py"
HEAD_INIT = f"{NETS}:204-211 (PyTorch's default)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(FixedAlpha(value=0.2), f"{SCRIPT}:35-36,126"),
    reward_scale=cited(1.0, f"{SCRIPT}:117-128 (none)"),
    discount=cited(0.99, f"{SCRIPT}:33"),
    critics=cited(2, f"{SCRIPT}:102-105"),
    target_reduce=cited("min", f"{CODE} tianshou/algorithm/modelfree/td3.py:97-102"),
    actor_reduce=cited("min", f"{SAC}:320"),
    value_net=cited(None, f"{SAC}:298-302 (targets of Q)"),
    entropy_in_target=cited(True, f"{SAC}:302"),
    critic_loss_scale=cited(1.0, f"{CODE} tianshou/algorithm/modelfree/ddpg.py:279-283"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{NETS}:22-23,233 with examples/mujoco/mujoco_sac.py:86-87"),
    log_det=cited(EpsilonLogDet(eps=1.1920928955078125e-07), f"{SAC}:28,38"),
    gaussian_eps=cited(0.0, f"{SAC}:115-120"),
    log_prob_units=cited("unit", f"{SAC}:120-123"),
    critic_action_units=cited("unit", f"{BASE}:254-287 (stored before it is mapped to the box)"),
    pathwise_noise=cited("shared", f"{SAC}:315-321"),
    # networks
    hidden=cited((256, 256), f"{SCRIPT}:57"),
    first_critic_layer=cited("concat", f"{SCRIPT}:90-101"),
    hidden_init=cited("torch", f"{SCRIPT}:82-104 (PyTorch's default)"),
    critic_output_init=cited("torch", f"{NETS}:128-134 (PyTorch's default)"),
    actor_head=cited("separate", f"{NETS}:204-211"),
    mean_init=cited("torch", HEAD_INIT),
    log_std_init=cited("torch", HEAD_INIT),
    target_init=cited("copy", f"{CODE} tianshou/utils/lagged_network.py:67"),
    # update
    order=cited(("value", "critic", "actor", "alpha", "target"), f"{SAC}:304-328"),
    gradients=cited("sequential", f"{SAC}:304-328 (each loss where its step is taken)"),
    first_update=cited(0, f"{SAC}:304-328 (nothing counts the updates)"),
    actor_every=cited(1, f"{SAC}:314-322"),
    actor_repeats=cited(1, f"{SAC}:314-322"),
    target_every=cited(1, f"{SAC}:328"),
    target_copy_every=cited(None, f"{SAC}:328 (moving average only)"),
    tau=cited(0.005, f"{SCRIPT}:34"),
    batch_size=cited(256, f"{SCRIPT}:44"),
    # optimisers
    actor_lr=cited(1e-3, f"{SCRIPT}:31"),
    critic_lr=cited(1e-3, f"{SCRIPT}:32"),
    adam=cited(
        Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="torch"),
        f"{SCRIPT}:89,103,105 (PyTorch's Adam with its defaults)",
    ),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(10_000, f"{SCRIPT}:38,146"),
    warmup_range=cited("unit", f"{COLLECTOR}:716-724 (over the box)"),
    warmup_rounding=cited("none", f"{SCRIPT}:146"),
    epoch_steps=cited(None, f"{SCRIPT}:40 (epochs decide only when it is evaluated)"),
    # learning
    learn_after=cited(10_001, f"{SCRIPT}:41,146; {TRAINER}:1051-1082 (after the first step that follows the warm-up)"),
    update_every=cited(1, f"{SCRIPT}:41"),
    updates_per_burst=cited(1, f"{SCRIPT}:42"),
    learn_in_warmup=cited(True, f"{SCRIPT}:146 (collected before training)"),
    update_position=cited("after_step", f"{TRAINER}:1051-1082"),
    # data
    sampling=cited("with_replacement", f"{CODE} tianshou/data/buffer/buffer_base.py:517"),
    replay_capacity=cited(1_000_000, f"{SCRIPT}:29"),
    insert=cited("step", f"{COLLECTOR}:930"),
    time_limit=cited("bootstrap", f"{BASE}:651"),
    reset_every=cited(
        ResetFromWarmup(every=None), f"{TRAINER}:459-460,769,856-858 (training begins with a reset of its collectors)"
    ),
    action_to_env=cited("rescale", f"{BASE}:281-286"),
    evaluation_action=cited("mean", f"{SAC}:60,116-117"),
)

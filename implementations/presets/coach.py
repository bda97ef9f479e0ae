"""Intel's Coach at its last commit, with its preset Mujoco_SAC: IntelLabs/coach@2c60cb5.

Not reproduced: how often and how long it evaluates (one episode every 1,000 steps; here the study decides); its budget
does not include the warm-up; gym 0.12.5 and the v2 tasks.
"""

from suite.sac.cited import cited, preset
from suite.sac.schedule import ResetFromWarmup
from suite.sac.spec import Adam, ClipLogStd, EpsilonLogDet, FixedAlpha, ValueNet

CODE = "IntelLabs/coach@2c60cb5"
PRESET = f"{CODE} rl_coach/presets/Mujoco_SAC.py"
AGENT = f"{CODE} rl_coach/agents/soft_actor_critic_agent.py"
ACT = f"{CODE} rl_coach/agents/agent.py"
GRAPH = f"{CODE} rl_coach/graph_managers/graph_manager.py"
DEFAULTS = f"{CODE} rl_coach/base_parameters.py"
HEADS = f"{CODE} rl_coach/architectures/tensorflow_components/heads"
GYM = f"{CODE} rl_coach/environments/gym_environment.py"
XAVIER = f"{HEADS}/head.py:100 (the scope's initializer; zero biases)"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    # objective
    temperature=cited(FixedAlpha(value=1.0), f"{AGENT}:231-244 (1: the reward scale sets it)"),
    reward_scale=cited(5.0, f"{PRESET}:51-52 (on every task; its comment asks for 20 on Humanoid)"),
    discount=cited(0.99, f"{DEFAULTS}:191"),
    critics=cited(2, f"{HEADS}/sac_q_head.py:58-80"),
    target_reduce=cited("min", f"{HEADS}/sac_q_head.py:83 with rl_coach/agents/soft_actor_critic_agent.py:205-207,244"),
    actor_reduce=cited("min", f"{HEADS}/sac_q_head.py:83-86"),
    value_net=cited(
        ValueNet(loss_scale=1.0, target="per_sample"),
        f"{HEADS}/v_head.py:38 with rl_coach/agents/soft_actor_critic_agent.py:239-266",
    ),
    entropy_in_target=cited(True, f"{AGENT}:244"),
    critic_loss_scale=cited(0.5, f"{HEADS}/sac_q_head.py:92-95"),
    # policy
    std=cited(ClipLogStd(low=-20.0, high=2.0), f"{HEADS}/sac_head.py:26-27,65-75"),
    log_det=cited(EpsilonLogDet(eps=1.1920928955078125e-07), f"{HEADS}/sac_head.py:58,85 with rl_coach/utils.py:38"),
    gaussian_eps=cited(0.0, f"{HEADS}/sac_head.py:74-91"),
    log_prob_units=cited("unit", f"{HEADS}/sac_head.py:80-91"),
    critic_action_units=cited("unit", f"{ACT}:856-862,935 (stored before the environment clips it)"),
    pathwise_noise=cited(
        "independent", f"{AGENT}:195,217-219,227-232 (three runs of the policy, each with its own draw)"
    ),
    # networks
    hidden=cited((256, 256), f"{PRESET}:33,36,43 with rl_coach/agents/soft_actor_critic_agent.py:52-54,88-90"),
    first_critic_layer=cited("sum_of_relus", f"{HEADS}/sac_q_head.py:61-63"),
    hidden_init=cited(
        "glorot_uniform", f"{CODE} rl_coach/architectures/tensorflow_components/architecture.py:100; zero biases"
    ),
    critic_output_init=cited("glorot_uniform", f"{XAVIER}; the value net's: {HEADS}/v_head.py:49-51"),
    actor_head=cited("joint", f"{HEADS}/sac_head.py:63-66"),
    mean_init=cited("glorot_uniform", XAVIER),
    log_std_init=cited("glorot_uniform", XAVIER),
    target_init=cited("copy", f"{GRAPH}:541-542 with rl_coach/architectures/network_wrapper.py:100-116"),
    # update
    order=cited(
        ("actor", "value", "critic", "alpha", "target"), f"{AGENT}:192-278 with rl_coach/agents/agent.py:742-761"
    ),
    gradients=cited("sequential", f"{AGENT}:192-278 (runs of their own; value and actor read the old critics)"),
    first_update=cited(1, f"{ACT}:732 (updates, from 1)"),
    actor_every=cited(1, f"{AGENT}:192-237"),
    actor_repeats=cited(1, f"{AGENT}:192-237"),
    target_every=cited(1, f"{AGENT}:124"),
    target_copy_every=cited(
        1_000,
        f"{GRAPH}:503-516,553-556 with rl_coach/architectures/network_wrapper.py:100-116 (each "
        "evaluation copies; one each 1,000 training steps: rl_coach/presets/Mujoco_SAC.py:20)",
    ),
    tau=cited(0.005, f"{AGENT}:125"),
    batch_size=cited(256, f"{PRESET}:31,37,41"),
    # optimisers
    actor_lr=cited(3e-4, f"{PRESET}:42"),
    critic_lr=cited(3e-4, f"{PRESET}:32,38"),
    adam=cited(Adam(beta1=0.9, beta2=0.99, eps=1e-4, eps_placement="tensorflow"), f"{DEFAULTS}:296-299"),
    precision=cited("float32", "float32, as the code base computes"),
    # warm-up
    warmup_steps=cited(10_000, f"{PRESET}:22"),
    warmup_range=cited("env", f"{ACT}:838-840 (over the box)"),
    warmup_rounding=cited("episode", f"{GRAPH}:385-388"),
    epoch_steps=cited(None, f"{GRAPH}:553-556 (evaluations, not epochs, divide the training)"),
    # learning
    learn_after=cited(10_001, f"{GRAPH}:544-555,476-484 (after the first step that follows the warm-up)"),
    update_every=cited(1, f"{DEFAULTS}:187"),
    updates_per_burst=cited(1, f"{DEFAULTS}:188"),
    learn_in_warmup=cited(False, f"{GRAPH}:378-388"),
    update_position=cited("after_step", f"{GRAPH}:483-484"),
    # data
    sampling=cited("with_replacement", f"{CODE} rl_coach/memories/non_episodic/experience_replay.py:34,80-81"),
    replay_capacity=cited(1_000_000, f"{CODE} rl_coach/memories/non_episodic/experience_replay.py:33"),
    insert=cited(
        "next_step", f"{CODE} rl_coach/level_manager.py:237-251,263-265 (its outcome is observed with the next action)"
    ),
    time_limit=cited("terminal", f"{GYM}:436 (done as gym gives it)"),
    reset_every=cited(
        ResetFromWarmup(every=1_000), f"{GRAPH}:472-474,503-505,553-556 with rl_coach/presets/Mujoco_SAC.py:20"
    ),
    action_to_env=cited("clip", f"{GYM}:76-81,432-436"),
    evaluation_action=cited(
        "unsquashed_mean", f"{AGENT}:312-320 with rl_coach/architectures/tensorflow_components/heads/sac_head.py:64"
    ),
)

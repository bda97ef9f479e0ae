"""Intel's Coach at its last commit, with its preset Mujoco_SAC: IntelLabs/coach@2c60cb5.

Not reproduced: the evaluation's cadence and number of episodes (one each 1,000 steps), which are the study's; that the
forced resets each 1,000 steps are counted from the end of the warm-up (here from step 0, none in the warm-up); that it
counts its budget without the warm-up; gym 0.12.5 and the v2 tasks.
"""

from suite.sac.schedule import Schedule
from suite.sac.spec import Adam, ClipLogStd, EpsilonLogDet, FixedAlpha, SacSpec, ValueNet

SPEC = SacSpec(
    temperature=FixedAlpha(value=1.0),
    reward_scale=5.0,
    discount=0.99,
    critics=2,
    target_reduce="min",
    actor_reduce="min",
    value_net=ValueNet(loss_scale=1.0, target="per_sample"),
    entropy_in_target=True,
    critic_loss_scale=0.5,
    std=ClipLogStd(low=-20.0, high=2.0),
    log_det=EpsilonLogDet(eps=1.1920928955078125e-07),
    gaussian_eps=0.0,
    log_prob_units="unit",
    critic_action_units="unit",
    pathwise_noise="independent",
    hidden=(256, 256),
    first_critic_layer="sum_of_relus",
    hidden_init="glorot_uniform",
    critic_output_init="glorot_uniform",
    actor_head="joint",
    mean_init="glorot_uniform",
    log_std_init="glorot_uniform",
    target_init="copy",
    order=("actor", "value", "critic", "alpha", "target"),
    gradients="sequential",
    first_update=1,
    actor_every=1,
    actor_repeats=1,
    target_every=1,
    target_copy_every=1_000,
    tau=0.005,
    batch_size=256,
    actor_lr=3e-4,
    critic_lr=3e-4,
    adam=Adam(beta1=0.9, beta2=0.99, eps=1e-4, eps_placement="tensorflow"),
    precision="float32",
)

SCHEDULE = Schedule(
    warmup_steps=10_000,
    warmup_range="env",
    warmup_rounding="episode",
    epoch_steps=None,
    learn_after=10_001,
    update_every=1,
    updates_per_burst=1,
    learn_in_warmup=False,
    update_position="after_step",
    replay_capacity=1_000_000,
    insert="step",
    time_limit="terminal",
    reset_every=1_000,
    action_to_env="clip",
    evaluation_action="unsquashed_mean",
)

PER_TASK = {}

_CODE = "IntelLabs/coach@2c60cb5"
_PRESET = f"{_CODE} rl_coach/presets/Mujoco_SAC.py"
_AGENT = f"{_CODE} rl_coach/agents/soft_actor_critic_agent.py"
_ACT = f"{_CODE} rl_coach/agents/agent.py"
_GRAPH = f"{_CODE} rl_coach/graph_managers/graph_manager.py"
_DEFAULTS = f"{_CODE} rl_coach/base_parameters.py"
_HEADS = f"{_CODE} rl_coach/architectures/tensorflow_components/heads"
_GYM = f"{_CODE} rl_coach/environments/gym_environment.py"
_XAVIER = f"{_HEADS}/head.py:100 (the scope's initializer; zero biases)"

SOURCES = {
    "temperature": f"{_AGENT}:231-244 (1: the reward scale sets it)",
    "reward_scale": f"{_PRESET}:51-52 (on every task; its comment asks for 20 on Humanoid)",
    "discount": f"{_DEFAULTS}:191",
    "critics": f"{_HEADS}/sac_q_head.py:58-80",
    "target_reduce": f"{_HEADS}/sac_q_head.py:83 with rl_coach/agents/soft_actor_critic_agent.py:205-207,244",
    "actor_reduce": f"{_HEADS}/sac_q_head.py:83-86",
    "value_net": f"{_HEADS}/v_head.py:38 with rl_coach/agents/soft_actor_critic_agent.py:239-266",
    "entropy_in_target": f"{_AGENT}:244",
    "critic_loss_scale": f"{_HEADS}/sac_q_head.py:92-95",
    "std": f"{_HEADS}/sac_head.py:26-27,65-75",
    "log_det": f"{_HEADS}/sac_head.py:58,85 with rl_coach/utils.py:38",
    "gaussian_eps": f"{_HEADS}/sac_head.py:74-91",
    "log_prob_units": f"{_HEADS}/sac_head.py:80-91",
    "critic_action_units": f"{_ACT}:856-862,935 (stored before the environment clips it)",
    "pathwise_noise": f"{_AGENT}:195,217-219,227-232 (three runs of the policy, each with its own draw)",
    "hidden": f"{_PRESET}:33,36,43 with rl_coach/agents/soft_actor_critic_agent.py:52-54,88-90",
    "first_critic_layer": f"{_HEADS}/sac_q_head.py:61-63",
    "hidden_init": f"{_CODE} rl_coach/architectures/tensorflow_components/architecture.py:100; zero biases",
    "critic_output_init": f"{_XAVIER}; the value net's: {_HEADS}/v_head.py:49-51",
    "actor_head": f"{_HEADS}/sac_head.py:63-66",
    "mean_init": _XAVIER,
    "log_std_init": _XAVIER,
    "target_init": f"{_GRAPH}:541-542 with rl_coach/architectures/network_wrapper.py:100-116",
    "order": f"{_AGENT}:192-278 with rl_coach/agents/agent.py:742-761",
    "gradients": f"{_AGENT}:192-278 (runs of their own; value and actor read the old critics)",
    "first_update": f"{_ACT}:732 (updates, from 1)",
    "actor_every": f"{_AGENT}:192-237",
    "actor_repeats": f"{_AGENT}:192-237",
    "target_every": f"{_AGENT}:124",
    "target_copy_every": f"{_GRAPH}:503-516,553-556 with rl_coach/architectures/network_wrapper.py:100-116 (each "
    "evaluation copies; one each 1,000 training steps: rl_coach/presets/Mujoco_SAC.py:20)",
    "tau": f"{_AGENT}:125",
    "batch_size": f"{_PRESET}:31,37,41",
    "actor_lr": f"{_PRESET}:42",
    "critic_lr": f"{_PRESET}:32,38",
    "adam": f"{_DEFAULTS}:296-299",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_PRESET}:22",
    "warmup_range": f"{_ACT}:838-840 (over the box)",
    "warmup_rounding": f"{_GRAPH}:385-388",
    "epoch_steps": f"{_GRAPH}:553-556 (evaluations, not epochs, divide the training)",
    "learn_after": f"{_GRAPH}:544-555,476-484 (after the first step that follows the warm-up)",
    "update_every": f"{_DEFAULTS}:187",
    "updates_per_burst": f"{_DEFAULTS}:188",
    "learn_in_warmup": f"{_GRAPH}:378-388",
    "update_position": f"{_GRAPH}:483-484",
    "replay_capacity": f"{_CODE} rl_coach/memories/non_episodic/experience_replay.py:33",
    "insert": f"{_ACT}:905-950",
    "time_limit": f"{_GYM}:436 (done as gym gives it)",
    "reset_every": f"{_GRAPH}:472-474,503-505 with rl_coach/presets/Mujoco_SAC.py:20",
    "action_to_env": f"{_GYM}:76-81,432-436",
    "evaluation_action": f"{_AGENT}:312-320 with rl_coach/architectures/tensorflow_components/heads/sac_head.py:64",
}

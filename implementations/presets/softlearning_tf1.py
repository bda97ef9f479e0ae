"""Softlearning's last TensorFlow 1 state, the code nearest to arXiv 1812.05905: rail-berkeley/softlearning@1d56928.

Not reproduced: the evaluation's cadence and number of episodes (one per epoch of 1,000 steps), which are the study's;
that warm-up steps are left out of its count of steps; its episodes of 1,000 steps on Reacher and Pusher, whose time
limit it takes off (here the task's own limit ends them, and the warm-up is ten times that); the order of reads and
writes within its one session.run, which TensorFlow leaves open (here: all gradients first). Its code was read, not run.
"""

from dataclasses import replace

from implementations.presets import softlearning
from suite.sac.spec import Adam, ExpStd, LearnedAlpha

SPEC = replace(
    softlearning.SPEC,
    temperature=LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
    actor_reduce="min",
    std=ExpStd(),
    gradients="simultaneous",
    adam=Adam(beta1=0.9, beta2=0.999, eps=1e-8, eps_placement="tensorflow"),
)

SCHEDULE = replace(softlearning.SCHEDULE, evaluation_action="mean")

PER_TASK = softlearning.PER_TASK

_CODE = "rail-berkeley/softlearning@1d56928"
_SAC = f"{_CODE} softlearning/algorithms/sac.py"
_LOOP = f"{_CODE} softlearning/algorithms/rl_algorithm.py"
_VARIANTS = f"{_CODE} examples/development/variants.py"
_SAMPLER = f"{_CODE} softlearning/samplers/simple_sampler.py"
_POLICY = f"{_CODE} softlearning/policies/gaussian_policy.py"
_GYM = f"{_CODE} softlearning/environments/adapters/gym_adapter.py"
_KERAS = f"{_CODE} softlearning/models/feedforward.py:31-40 (the defaults of Keras' Dense)"

SOURCES = {
    "temperature": f"{_SAC}:18-20 (-A), 203-216 (1; its logarithm; the actor's sample and learning rate)",
    "reward_scale": f"{_VARIANTS}:42",
    "discount": f"{_VARIANTS}:40",
    "critics": f"{_VARIANTS}:491",
    "target_reduce": f"{_SAC}:133",
    "actor_reduce": f"{_SAC}:238-239",
    "value_net": f"{_SAC}:117-143 (targets of Q)",
    "entropy_in_target": f"{_SAC}:134",
    "critic_loss_scale": f"{_SAC}:166-169",
    "std": f"{_POLICY}:69-105 (no bound)",
    "log_det": f"{_POLICY}:111-114,135-152 (TensorFlow Probability's Tanh)",
    "gaussian_eps": f"{_POLICY}:135-152",
    "log_prob_units": f"{_POLICY}:27-29",
    "critic_action_units": f"{_SAMPLER}:54-68 (the action as played, in [-1, 1])",
    "pathwise_noise": f"{_SAC}:199-200,236-244",
    "hidden": f"{_VARIANTS}:13,78,493",
    "first_critic_layer": f"{_CODE} softlearning/models/feedforward.py:24-32",
    "hidden_init": _KERAS,
    "critic_output_init": _KERAS,
    "actor_head": f"{_POLICY}:69-78,230-237",
    "mean_init": _KERAS,
    "log_std_init": _KERAS,
    "target_init": f"{_SAC}:280-281",
    "order": f"{_SAC}:294-302 (targets last; the others in one session.run)",
    "gradients": f"{_SAC}:297-298",
    "first_update": f"{_LOOP}:203-206,248 (steps since the warm-up, from 0)",
    "actor_every": f"{_SAC}:297-298",
    "actor_repeats": f"{_SAC}:297-298",
    "target_every": f"{_VARIANTS}:34",
    "target_copy_every": f"{_SAC}:294-302 (moving average only)",
    "tau": f"{_VARIANTS}:35,41",
    "batch_size": f"{_VARIANTS}:510",
    "actor_lr": f"{_VARIANTS}:33",
    "critic_lr": f"{_VARIANTS}:33",
    "adam": f"{_SAC}:171-175,213-214,251-253 (TensorFlow 1's Adam with its defaults)",
    "precision": "float32, as the code base computes",
    "warmup_steps": f"{_VARIANTS}:386-396,439-440 (ten times the path length), 218-229 (1,000; Pendulum 200); ours on "
    "Reacher and Pusher: ten times the task's limit",
    "warmup_range": f"{_CODE} softlearning/policies/uniform_policy.py:10-40 with {_GYM}:89-90",
    "warmup_rounding": f"{_LOOP}:166-167 with {_SAMPLER}:73-83 (until the pool, which grows by episodes, is filled)",
    "epoch_steps": f"{_LOOP}:241-260 (epochs decide nothing about learning)",
    "learn_after": f"{_LOOP}:241-260 (after the first step that follows the warm-up)",
    "update_every": f"{_VARIANTS}:20",
    "updates_per_burst": f"{_VARIANTS}:21",
    "learn_in_warmup": f"{_LOOP}:157-167",
    "update_position": f"{_LOOP}:257-260,402-413",
    "replay_capacity": f"{_VARIANTS}:502",
    "insert": f"{_SAMPLER}:73-83",
    "time_limit": f"{_GYM}:82-87 with {_SAMPLER}:73-83 (cut without a terminal)",
    "reset_every": f"{_SAMPLER}:50-52,91-96 (only after an episode)",
    "action_to_env": f"{_GYM}:89-97",
    "evaluation_action": f"{_POLICY}:128-133 with {_VARIANTS}:24",
}

"""The code bases as programs: one file each, written by hand, that trains by itself and knows nothing of the suite.

    python implementations/codebases/spinningup.py --task Pendulum-v1 --seed 0

A file is read from top to bottom: constants beside the original's lines, networks, the update, the loop. Each imports
its framework, NumPy and Gymnasium alone. So that tests and sweeps can hold a file to what it says, all of them have

* `NOISE`: the names of the standard-normal draws that one update takes, each as wide as an action, or as the hidden
  layer whose units dropout keeps by it;
* `Replay(obs_dim, action_dim)`: `add` of one transition, `sample` of the rows at given indices, as a `Batch`;
* `SAC(obs_dim, box)`: `act(obs, noise)`, with None for the action of an evaluation; `update(batch, noise)`, the noise
  by name, which returns losses and targets by name; `updates`, how many there have been; the networks, whose layers lie
  in the order of their use (of the actor's heads the mean's first): `actor`, `critics`, `target_critics`, `value`,
  `target_value`, `log_alpha`, as far as the code base has them (in JAX, `running`: the normalisations' statistics);
* `train(task, seed, make_env=gym.make, draw=None)`: plays and learns without end, and yields the agent once after every
  environment step, when all that happens before the next one is done. `draw` is where randomness comes from: by default
  `Draw(seed)`, of the framework's own generator on another stream than the weights', with `normal(shape)` and
  `integers(high, size)`, `high` being the number of transitions to sample from.

Uniform actions are the environment's `action_space.sample()`.
"""

CODEBASES: dict[str, tuple[str, ...]] = {
    "cleanrl": ("torch",),
    "coach": ("torch",),
    "haarnoja_sac": ("torch",),
    "jaxrl": ("jax", "optax"),
    "jaxrl_curves": ("jax", "optax"),
    "lwdrl": ("torch",),
    "pranz24": ("torch",),
    "pytorch_sac": ("torch",),
    "qr_sac": ("torch",),
    "redq": ("torch",),
    "rlkit": ("torch",),
    "sb3_contrib_crossq": ("torch",),
    "sb3_contrib_tqc": ("torch",),
    "sbx": ("jax", "optax"),
    "sbx_crossq": ("jax", "optax"),
    "sbx_droq": ("jax", "optax"),
    "sbx_tqc": ("jax", "optax"),
    "softlearning": ("torch",),
    "softlearning_tf1": ("torch",),
    "spinningup": ("torch",),
    "spinningup_2018": ("torch",),
    "spinningup_tf1": ("torch",),
    "stable_baselines": ("torch",),
    "stable_baselines3": ("torch",),
    "stable_baselines_zoo": ("torch",),
    "tianshou": ("torch",),
}
"""The files, each with the distributions that it computes with, its framework first."""

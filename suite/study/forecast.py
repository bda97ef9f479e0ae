"""What a run is expected to cost: seconds on one core, memory, bytes on disk; and what a job asks a cluster for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from suite.lab.replay import made_for
from suite.lab.tasks import TASKS
from suite.sac.contract import Spaces
from suite.sac.specs import MixtureSpec, SoftQSpec, Spec
from suite.sac.weights import shapes
from suite.study.cells import Cell

GFLOP_PER_S = {"torch": 66.0, "jax": 70.0}
"""Single-core float32 rate of matrix products in an update at 256 x 256; an engine not named is taken as torch.

Of the two processors of docs/speed.md torch does 56 and 82, jax 58 and 84, and jax in results/released/walk 77.
"""
PRECISION = {"bfloat16_hidden": 1.3}
"""So many times that rate, on a processor that has such products (docs/speed.md)."""
UPDATE_OVERHEAD_S = {"torch": 1.2e-3, "jax": 0.15e-3}
"""Per update beside its products: dispatch, element-wise work, optimisers; at hidden 64 x 64 (of jax, the records of
results/released/answers and high_ratio)."""
DRAW_S = 25e-9
"""A normal draw of an update's noise, with what is made of it: DroQ's dropout in results/released/high_ratio, 3.2 ms
for 123,000 of them."""
TORCH_TIMES = {
    "stable_baselines3": 1.8, "sbx": 1.3, "tianshou": 2.5,
    "codebase_stable_baselines3": 1.6, "codebase_sbx": 1.25, "codebase_tianshou": 1.25,
}  # fmt: skip
"""So many times as long as torch's takes a package's update, or its program's: medians of results/released/programs."""
START_S = {"sbx": 11.0, "tianshou": 9.0}
"""From a process's first line to its first update, compilation too (docs/speed.md); of the others about 2 s."""
ENV_STEP_S = {"Pendulum": 5e-5, "Inverted": 6e-5, "Reacher": 9e-5, "Humanoid": 3e-4, "Ant": 2.4e-4}
"""One environment step by family, measured on one core; the other MuJoCo tasks take about 1.5e-4."""
MARGIN = 1.5
"""So many times its forecast a job is granted."""
STARTING_S, SNAKEMAKE_MIB = 300.0, 400
"""Of a job on a cluster: its start, over a network's file system; its two Snakemake processes, of 166 MiB each."""


PROCESS_BYTES = {"torch": 310e6, "jax": 400e6, "stable_baselines3": 450e6, "sbx": 925e6, "tianshou": 690e6}
"""Peak memory of a process beside what grows with its runs: interpreter, framework, compilation. Of the engines that of
64 x 64 networks on Pendulum-v1, by their records (of jax midway: the same settings took from 330 to 530); of packages
docs/speed.md's without replay and parameters."""
MUJOCO_BYTES = 30e6
"""What the simulator adds: torch on HalfCheetah-v5, by its record."""
COPIES = {"torch": 5.0, "jax": 7.5}
"""So many times the parameters with their moments lie in memory at most: 1024 x 1024 networks on Pendulum-v1."""
CHECKPOINTS = 2
"""That are kept of a run: suite.lab.checkpoint.KEPT, which planning is too light to import."""
RECORD_BYTES = 25_000
"""A record and the rows of its evaluations; the final networks lie beside it."""


class Forecast(NamedTuple):
    """What a run is expected to cost: seconds on one core; bytes on disk while it runs, if it is checkpointed, and
    afterwards."""

    seconds: float
    work_bytes: int
    kept_bytes: int


def update_flop(spec: Spec, obs_dim: int, action_dim: int) -> float:
    """Useful matrix FLOPs of one update: 2 per multiply-add; forward 1, backward 2 (1 where only inputs need it)."""

    def products(inputs: int, outputs: int, net: str = "critic1") -> int:
        return sum(a * b for a, b in pairwise((inputs, *spec.network(net).hidden, outputs)))

    critic, value = products(obs_dim + action_dim, 1), products(obs_dim, 1)
    if isinstance(spec, SoftQSpec):
        n, m, actor = spec.fixed_particles, spec.updated_particles, products(obs_dim + action_dim, action_dim)
        return 2.0 * spec.batch_size * ((spec.value_particles + 3 + 2 * n) * critic + (n + 3 * m) * actor)
    if isinstance(spec, MixtureSpec):
        actor = products(obs_dim, spec.components * (2 * action_dim + 1))
        return 2.0 * spec.batch_size * (4 * critic + 4 * value + 3 * actor)
    actor = products(obs_dim, 2 * action_dim, "actor")
    critic = spec.critics * products(obs_dim + action_dim, spec.critic_outputs)
    value = value if spec.value_net else 0
    critic_stage = 3 * critic + (value if spec.value_net else actor + critic)
    critic_stage += spec.further_steps * ((1 + spec.weighs_actions) * actor + 2 * critic)
    actor_stage = 3 * actor + 2 * critic
    value_stage = 3 * value + (critic if spec.value_net else 0)
    return 2.0 * spec.batch_size * (critic_stage + actor_stage + value_stage)


@cache
def forecast(cell: Cell) -> Forecast:
    """The expected cost of one run of a cell on one core (a quiet one: on a busy one twice as much is no surprise)."""
    task, schedule = TASKS[cell.task], cell.schedule
    env_step = next((cost for family, cost in ENV_STEP_S.items() if cell.task.startswith(family)), 1.5e-4)
    learning = max(cell.env_steps - schedule.learn_after, 0) / schedule.update_every * schedule.updates_per_burst
    episodes = cell.env_steps // cell.evaluate_every * cell.evaluation_episodes
    episodes += max((cell.final_episodes or 0) - cell.evaluation_episodes, 0)
    seconds = START_S.get(cell.implementation, 2.0) + learning * _update_s(cell)
    seconds += cell.env_steps * (env_step + 1e-4) + episodes * task.time_limit * (env_step + 2e-5)
    parameters, networks = _parameter_bytes(cell)
    return Forecast(seconds, replay_bytes(cell) + CHECKPOINTS * parameters, RECORD_BYTES + networks)


def _update_s(cell: Cell) -> float:
    """The seconds of one update."""
    task, spec = TASKS[cell.task], cell.spec
    engine = cell.implementation if cell.implementation in GFLOP_PER_S else "torch"
    rate = GFLOP_PER_S[engine] * PRECISION.get(spec.precision, 1.0)
    products = update_flop(spec, task.obs_dim, task.action_dim) / (rate * 1e9)
    draws = len(spec.draws) * spec.batch_size * spec.noise_width(task.action_dim)
    update = products + UPDATE_OVERHEAD_S[engine] + draws * DRAW_S
    return update * TORCH_TIMES.get(cell.implementation, 1.0)


class Resources(NamedTuple):
    """What a training job asks a cluster for: memory in MiB and minutes of wall clock, on one core."""

    mem_mb: int
    minutes: int


def resources(cells: Sequence[Cell], in_turn: bool = False) -> Resources:
    """What a job is granted that trains a run of each of these cells, in lockstep or one after the other."""
    memory = SNAKEMAKE_MIB + MARGIN * process_bytes(cells, in_turn) / 2**20
    seconds = STARTING_S + MARGIN * sum(forecast(cell).seconds for cell in cells)
    return Resources(math.ceil(memory), math.ceil(seconds / 60))


def process_bytes(cells: Sequence[Cell], in_turn: bool = False) -> float:
    """The memory that a process needs which trains a run of each of these cells, in lockstep or one after the other."""
    engine = cells[0].implementation  # one process trains runs of one
    copies = COPIES.get(engine, COPIES["torch"])
    of_runs = [replay_bytes(cell) + copies * _parameter_bytes(cell)[0] for cell in cells]
    simulator = 0.0 if all(cell.task.startswith("Pendulum") for cell in cells) else MUJOCO_BYTES
    return PROCESS_BYTES.get(engine, PROCESS_BYTES["torch"]) + simulator + (max(of_runs) if in_turn else sum(of_runs))


def _spaces(cell: Cell) -> Spaces:
    return Spaces(TASKS[cell.task].obs_dim, TASKS[cell.task].action_dim)


def replay_bytes(cell: Cell) -> int:
    """What the replay of a run holds in the end."""
    row = made_for(1, _spaces(cell), cell.spec, cell.schedule).rows.nbytes
    return min(cell.schedule.replay_capacity, cell.env_steps) * row


def _parameter_bytes(cell: Cell) -> tuple[int, int]:
    """Of a run's networks with targets and both moments of Adam, and of those that are kept at its end."""
    sizes = {name: 4 * math.prod(shape) for name, shape in shapes(cell.spec, _spaces(cell)).items()}
    networks = sum(size for name, size in sizes.items() if name.split("/")[0] in cell.spec.online)
    return sum(sizes.values()) + 2 * networks, networks

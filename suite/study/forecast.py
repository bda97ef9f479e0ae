"""What a run is expected to cost: seconds on one core, bytes on disk; and what a job asks a cluster for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from suite.lab.replay import made_for
from suite.lab.tasks import TASKS
from suite.sac.contract import Spaces
from suite.sac.specs import MixtureSpec, SoftQSpec, Spec
from suite.study.cells import Cell

GFLOP_PER_S = {"torch": 50.0, "jax": 55.0}
"""Single-core float32 rate of matrix products in an update at 256 x 256; an engine not named is taken as torch."""
UPDATE_OVERHEAD_S = {"torch": 1.2e-3, "jax": 0.3e-3}
"""Per update beside its products: dispatch, element-wise work, optimisers; measured at hidden 64 x 64."""
ENV_STEP_S = {"Pendulum": 5e-5, "Inverted": 6e-5, "Reacher": 9e-5, "Humanoid": 3e-4, "Ant": 2.4e-4}
"""One environment step by family, measured on one core; the other MuJoCo tasks take about 1.5e-4."""
PROCESS_BYTES = {"torch": 400e6, "jax": 580e6}
"""Peak memory of a training process beside its replay: at most 396 and 577 MB measured, at Humanoid-v5."""
MARGIN = 1.5
"""So many times its forecast a job is granted."""
STARTING_S, SNAKEMAKE_MIB = 300.0, 400
"""Of a job on a cluster: its start, over a network's file system; its two Snakemake processes, of 166 MiB each."""


class Forecast(NamedTuple):
    """What a run is expected to cost on one core: seconds, and bytes on disk while it runs."""

    seconds: float
    work_bytes: int


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


def forecast(cell: Cell) -> Forecast:
    """The expected cost of one run of a cell on one core (a quiet one: a factor of two is no surprise)."""
    task, spec, schedule = TASKS[cell.task], cell.spec, cell.schedule
    env_step = next((cost for family, cost in ENV_STEP_S.items() if cell.task.startswith(family)), 1.5e-4)
    learning = max(cell.env_steps - schedule.learn_after, 0) / schedule.update_every * schedule.updates_per_burst
    engine = cell.implementation if cell.implementation in GFLOP_PER_S else "torch"
    products = update_flop(spec, task.obs_dim, task.action_dim) / (GFLOP_PER_S[engine] * 1e9)
    update = products + UPDATE_OVERHEAD_S[engine]
    evaluations = cell.env_steps // cell.evaluate_every * cell.evaluation_episodes * task.time_limit
    seconds = learning * update + cell.env_steps * (env_step + 1e-4) + evaluations * (env_step + 2e-5) + 4
    row = made_for(1, Spaces(task.obs_dim, task.action_dim), spec, schedule).rows.nbytes
    return Forecast(seconds, min(schedule.replay_capacity, cell.env_steps) * row)


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
    replays = [forecast(cell).work_bytes for cell in cells]
    process = max(PROCESS_BYTES.get(cell.implementation, PROCESS_BYTES["torch"]) for cell in cells)
    return process + (max(replays) if in_turn else sum(replays))

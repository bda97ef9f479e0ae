"""What trained policies do on MultiGoal-v0: episodes of sampled actions, and actions sampled at fixed positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import implementations
from suite.errors import UsageError
from suite.lab.multigoal import BOUND as BOUND
from suite.lab.multigoal import GOALS, REACHED, TASK
from suite.lab.records import RecordError, RunRecord, arrays_path, params_digest, read_meta
from suite.lab.tasks import Environment
from suite.sac import weights
from suite.specimens.naming import display_name, in_full

EPISODES, ACTIONS = 40, 300
PLACES = ((0.0, 0.0), (2.5, 2.5))
"""Where actions are sampled: as far from every goal, and as far from two (as examples/multigoal_sql.py:44 plots)."""
COLUMNS = ["policy", "series", "n", "step", "x", "y", "goal"]


class Policy:
    """The final policy of a run, with noise of its own."""

    def __init__(self, record: RunRecord, arrays: dict[str, np.ndarray], environment: Environment):
        self.spec, spaces = record.spec, environment.spaces
        self.engine: Any = implementations.load(record.implementation, type(self.spec).__name__)
        rng = np.random.Generator(np.random.PCG64(0))
        drawn = weights.params(self.spec, spaces, rng)
        if lacking := [name for name in drawn if not name.startswith("target_") and name not in arrays]:
            raise ValueError(f"{lacking[0]} is absent; the run is {record.status}")
        whole = drawn | arrays  # targets are drawn anew: no action reads them
        params = {name: np.asarray(value, self.spec.dtype)[None] for name, value in whole.items()}
        self.state, self.rng = self.engine.init(self.spec, spaces, params), rng

    def sample(self, obs: np.ndarray) -> np.ndarray:
        """Actions [N, 2] at obs [N, 2]."""
        width = len(self.spec.act_draws) * obs.shape[1]
        noise = self.rng.standard_normal((1, len(obs), width), np.float32)
        return self.engine.act(self.state, obs[None].astype(np.float32), noise)[0]


def played(records: Sequence[Path]) -> pd.DataFrame:
    """Rows of COLUMNS for each record: of every episode its positions, and of every place the actions sampled there.

    goal: the number of the one that an episode reached, -1 if it reached none; policy: a preset or an arm, and the
    implementation where these are several. UsageError for what is no such run, and for two runs of one policy.
    """
    metas = [_meta(path) for path in records]
    several = len({meta.implementation for meta in metas}) > 1
    rows: dict[str, list[tuple]] = {}
    for path, meta in zip(records, metas, strict=True):
        origin = meta.origin
        name = origin.variant if origin.ablation else display_name(origin.preset)
        name = in_full(meta.implementation, name) if several else name
        if name in rows:
            raise UsageError(f"{path} is another run of {name}; the figure shows one of each policy")
        rows[name] = [(name, *row) for row in _of_record(path, meta)]
    return pd.DataFrame([row for of_policy in rows.values() for row in of_policy], columns=COLUMNS)


def _meta(path: Path) -> RunRecord:
    """What a record says of its run; UsageError if it is none."""
    try:
        return read_meta(path)
    except (RecordError, OSError, ValueError) as error:
        raise UsageError(f"{path} is no record with its final networks ({error})") from None


def _of_record(path: Path, record: RunRecord) -> Iterator[tuple]:
    """The rows of a run, without the policy's name."""
    try:
        params_digest(path, record)
        with np.load(arrays_path(path)) as file:
            arrays = {name: file[name] for name in file.files}
    except (RecordError, OSError, ValueError) as error:
        raise UsageError(f"{path} is no record with its final networks ({error})") from None
    if record.task != TASK or record.implementation not in implementations.REGISTRY:
        raise UsageError(f"{path} is of {record.implementation} on {record.task}; goals are those of {TASK}")
    if record.schedule.normalise_observations != "none":
        raise UsageError(f"{path} is of a policy of normalised observations, which the figure does not show")
    environment = Environment(TASK)
    try:
        policy = Policy(record, arrays, environment)
    except ValueError as error:
        raise UsageError(f"{path} is no record with its final networks ({error})") from None
    for n in range(EPISODES):
        positions = _episode(policy, environment, n)
        distance = ((positions[-1] - GOALS) ** 2).sum(1)
        goal = int(distance.argmin()) if distance.min() < REACHED**2 else -1
        for step, (x, y) in enumerate(positions.tolist()):
            yield "episode", n, step, round(x, 3), round(y, 3), goal
    for place in PLACES:
        for n, (x, y) in enumerate(policy.sample(np.tile(place, (ACTIONS, 1))).tolist()):
            yield f"actions at ({place[0]:g}, {place[1]:g})", n, 0, round(x, 3), round(y, 3), -1
    environment.close()


def _episode(policy: Policy, environment: Environment, seed: int) -> np.ndarray:
    """The positions [T + 1, 2] of an episode."""
    positions, over = [environment.reset(seed)], False
    while not over:
        obs, _, terminated, truncated = environment.step(policy.sample(positions[-1][None])[0])
        positions.append(obs)
        over = terminated or truncated
    return np.stack(positions)

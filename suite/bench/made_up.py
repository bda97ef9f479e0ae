"""A made-up study of any size, as its config and records lie in a folder: for what comes after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import yaml

from suite.lab import records
from suite.lab.records import Attempt, Evaluations, RunRecord
from suite.published import anchors
from suite.sac import numerics
from suite.sac.contract import Origin
from suite.sac.numerics import Numerics
from suite.specimens import proofs
from suite.study.cells import Cell, Planned
from suite.study.plan import Plan

TASKS = ("HalfCheetah-v5", "Hopper-v5", "Walker2d-v5", "Ant-v5", "Humanoid-v5")
PRESETS = ("sac_v2", "sac_v1", "spinningup", "stable_baselines3")
QUESTIONS = ("actor_delay", "adam", "bursts", "std_bounds")  # three arms each, one of them sac_v2's own runs
EVERY, EPISODES = 10_000, 10
ENGINE, CONFIG = "torch", "study.yaml"


class Shape(NamedTuple):
    """The size of a study of the twelve variants that PRESETS and QUESTIONS are."""

    tasks: int = len(TASKS)
    seeds: int = 10
    checkpoints: int = 100  # evaluations of a run


STUDY = Shape()


def write_study(folder: Path, shape: Shape = STUDY) -> Plan:
    """Writes study.yaml and the records of all its runs, every one finished, into the folder."""
    asked = {"presets": list(PRESETS), "ablations": list(QUESTIONS), "seeds": shape.seeds}
    return _write(folder, shape, [_sweep(TASKS[: shape.tasks], shape) | asked])


def add_run(folder: Path, shape: Shape = STUDY) -> Plan:
    """Asks for one seed more of the last preset on the first task, and writes its record."""
    sweeps = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))["sweeps"]
    asked = {"presets": [PRESETS[-1]], "seeds": [shape.seeds]}
    return _write(folder, shape, [*sweeps, _sweep(TASKS[:1], shape) | asked])


def _sweep(tasks: Sequence[str], shape: Shape) -> dict[str, Any]:
    evaluate = {"every": EVERY, "episodes": EPISODES}
    budget = EVERY * shape.checkpoints
    return {"tasks": list(tasks), "env_steps": budget, "evaluate": evaluate, "implementations": [ENGINE]}


def _write(folder: Path, shape: Shape, sweeps: Sequence[Mapping[str, Any]]) -> Plan:
    """Writes the config, whose paths are relative to the folder, and the records that are not there."""
    (folder / CONFIG).write_text(yaml.safe_dump({"sweeps": list(sweeps)}), encoding="utf-8")
    plan = Plan(folder / CONFIG)
    for record, run in plan.runs.items():
        if not (folder / record).exists():
            write_record(folder / record, run, shape)
    return plan


def write_record(path: Path, run: Planned, shape: Shape) -> None:
    """Writes a finished run's record, without networks."""
    cell, now = run.cell, "2026-01-01T00:00:00+00:00"
    made = _numerics(cell)
    record = RunRecord(
        task=cell.task, implementation=cell.implementation, run_id=cell.run_id, seed=run.seed, spec=cell.spec,
        env_steps=cell.env_steps, schedule=cell.schedule, evaluation=Evaluations(EVERY, EPISODES), block=(run.seed,),
        kind_of_return="deterministic", origin=Origin("study", cell.label.preset), numerics=made, device="cpu",
        code_id=numerics.fingerprint(made), versions={"torch": "2"}, platform="Linux",
        status="finished", last_env_step=cell.env_steps, stopped_at=None, message="", updates=cell.env_steps,
        wall_time_s=3600.0, attempts=(Attempt(0, now, "cpu"),), ended=now, arrays="not kept",
    )  # fmt: skip
    records.write(path, record, _rows(run, shape.checkpoints))


@cache
def _numerics(cell: Cell) -> Numerics:
    return proofs.present(cell.implementation, cell.spec, cell.schedule, cell.task)


def _rows(run: Planned, checkpoints: int) -> pa.Table:
    """A record's rows: episodes near 0.8 of the way from random to reference in the end, and diagnostics."""
    cell, episodes = run.cell, checkpoints * EPISODES
    rng = np.random.default_rng([int(cell.run_id, 16), TASKS.index(cell.task), run.seed])
    scale, steps = anchors.anchors()[cell.task], EVERY * np.arange(1, checkpoints + 1)
    level = rng.normal(0.8, 0.1) * (1 - np.exp(-5 * steps / steps[-1]))
    noise = rng.normal(0, 0.05, (checkpoints, EPISODES))
    evaluations = {
        "env_step": np.repeat(steps, EPISODES),
        "kind": ["mean"] * episodes,
        "episode": np.tile(np.arange(EPISODES), checkpoints),
        "return": (scale.random + (scale.reference - scale.random) * (level[:, None] + noise)).ravel(),
        "length": np.full(episodes, 1000),
    }
    diagnostics = {"env_step": steps, "kind": ["diagnostic"] * checkpoints}
    diagnostics |= {name: rng.normal(size=checkpoints) for name in records.DIAGNOSTICS}
    return pa.concat_tables([_table(evaluations, episodes), _table(diagnostics, checkpoints)])


def _table(columns: Mapping[str, Any], length: int) -> pa.Table:
    """Columns as a table of a record's schema, nothing in those that are not named."""
    filled = [pa.array(columns.get(field.name, [None] * length), field.type) for field in records.SCHEMA]
    return pa.Table.from_arrays(filled, schema=records.SCHEMA)

"""The forecast against what runs took: those whose records are kept with the suite, and made-up ones."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders.runs import ROOT
from builders.sweeps import config

from suite.lab.checkpoint import KEPT
from suite.lab.records import RecordError, RunRecord, read_meta
from suite.lab.usage import Usage
from suite.study.accuracy import Costs, Taken, accuracy, taken
from suite.study.cells import Cell, Label, Planned
from suite.study.forecast import CHECKPOINTS, forecast, process_bytes
from suite.study.plan import Plan

RELEASED = sorted((ROOT / "results/released").glob("*/runs/**/*.parquet"))
QUIET = ("answers", "high_ratio", "programs", "walk")
"""Trained with little else on the machine. Of the others time tells nothing: they train beside other work, so that by
the clock runs of one cell differ by up to 130 times, and on cores, which share caches and units with it, by up to 4."""


def cell_of(run: RunRecord) -> Cell:
    """The cell of which a run was one."""
    every, episodes, _, final = run.evaluation
    label = Label(run.origin.preset, run.origin.ablation, run.origin.arm)
    return Cell(task=run.task, implementation=run.implementation, run_id=run.run_id, spec=run.spec, label=label,
                schedule=run.schedule, evaluate_every=every, evaluation_episodes=episodes, env_steps=run.env_steps,
                final_episodes=final)  # fmt: skip


def times() -> dict[tuple[str, str, str], list[tuple[float, float]]]:
    """Of the released runs by study, task and implementation: each cell's forecast, and the time on cores (by the
    clock in older records) of its faster runs, which little disturbed."""
    cells: dict[tuple, list[tuple[RunRecord, float]]] = defaultdict(list)
    for path in RELEASED:
        study = path.relative_to(ROOT / "results/released").parts[0]
        if study not in QUIET:
            continue
        try:
            run = read_meta(path)
        except RecordError:
            continue
        if run.status == "finished":
            seconds = run.wall_time_s if run.usage.cpu_time_s is None else run.usage.cpu_time_s
            cells[study, run.task, run.implementation, run.run_id].append((run, seconds))
    by_kind = defaultdict(list)
    for (study, task, implementation, _), runs in cells.items():
        faster = float(np.quantile([seconds for _, seconds in runs], 0.25))
        by_kind[study, task, implementation].append((forecast(cell_of(runs[0][0])).seconds, faster))
    return by_kind


def test_forecasts_of_studies_that_trained_in_quiet_are_within_one_and_a_half_times():
    factors = {kind: sum(b for _, b in cells) / sum(a for a, _ in cells) for kind, cells in times().items()}
    assert len(factors) >= 12
    assert not {kind: factor for kind, factor in factors.items() if not 1 / 1.5 < factor < 1.5}


@pytest.fixture
def plan(tmp_path, monkeypatch) -> Plan:
    monkeypatch.chdir(tmp_path)
    return Plan(config(tmp_path))


def record_of(run: Planned, **changes: object) -> RunRecord:
    """A record of a run as if it had finished."""
    kept = read_meta(next((ROOT / "tests/fixtures/records_schema_1").rglob("*.parquet")))
    return replace(kept, block=(run.seed,), **changes)


def test_what_a_run_took_is_its_share_of_its_process_on_cores(plan):
    run = next(iter(plan.runs.values()))
    Path("s0.parquet").write_bytes(bytes(100))
    Path("s0.npz").write_bytes(bytes(1000))
    usage = Usage(cpu_time_s=30.0, peak_bytes=400_000_000, work_bytes=0)
    alone = taken(run, record_of(run, wall_time_s=90.0, usage=usage), Path("s0.parquet"))
    assert alone.used == Costs(30.0, 4e8, 0.0, 1100.0) and not alone.by_the_clock
    cost = forecast(run.cell)
    assert alone.expected == Costs(cost.seconds, process_bytes([run.cell]), cost.work_bytes, cost.kept_bytes)
    three = replace(record_of(run, wall_time_s=90.0, usage=usage), block=(0, 1, 2))
    side_by_side = taken(run, three, Path("s0.parquet"))
    assert side_by_side.used.seconds == 10.0 and side_by_side.expected.peak_bytes > alone.expected.peak_bytes
    older = taken(run, record_of(run, wall_time_s=90.0), Path("s0.parquet"))
    assert older.by_the_clock and older.used.seconds == 90.0 and math.isnan(older.used.peak_bytes)


def test_accuracy_is_by_task_and_implementation_and_of_all():
    def run(task: str, used: Costs, by_the_clock: bool = False) -> Taken:
        return Taken(task, "torch", Costs(3600.0, 4e8, 2e6, 1e6), used, by_the_clock)

    runs = [
        run("a", Costs(7200.0, 3e8, 0.0, 2e6)),
        run("a", Costs(3600.0, 5e8, 1e6, 1e6)),
        run("b", Costs(1800.0), True),
    ]
    a, b, every = accuracy(runs)
    assert (a.task, a.runs, b.task, b.runs, every.task, every.runs, every.by_the_clock) == ("a", 2, "b", 1, "", 3, 1)
    assert a.core_hours == (2.0, 3.0) and a.core_hours.factor == 1.5 and every.core_hours == (3.0, 3.5)
    assert a.memory_mb == (400.0, 500.0), "of the largest process"
    assert a.work_mb == (2.0, 1.0), "of the run that was checkpointed"
    assert a.kept_mb == (2.0, 3.0) and math.isnan(b.kept_mb.factor) and accuracy([]) == []


def test_as_many_checkpoints_are_forecast_as_are_kept():
    assert CHECKPOINTS == KEPT


def test_memory_grows_with_the_replay_and_the_runs_of_a_process(plan):
    (first, *_) = plan.cells
    longer = first._replace(env_steps=50_000)  # of rows of nine numbers
    assert process_bytes([longer]) - process_bytes([first]) == (50_000 - first.env_steps) * 9 * 4
    assert process_bytes([first] * 3) - process_bytes([first]) == 2 * (
        process_bytes([first] * 2) - process_bytes([first])
    )
    assert process_bytes([first] * 3, in_turn=True) == process_bytes([first])

"""How far a sweep is, by its files alone: what counts as under way, and how long the rest will take."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from builders.runs import ROOT
from builders.sweeps import config

from suite.lab import records
from suite.lab.progress import Progress
from suite.study.cells import Planned
from suite.study.forecast import forecast
from suite.study.plan import Plan
from suite.study.under_way import Pace, State, Watch, counts, in_words, seconds_left

KEPT = records.read(next((ROOT / "tests/fixtures/records_schema_1").rglob("*.parquet")))


@pytest.fixture
def plan(tmp_path, monkeypatch) -> Plan:
    monkeypatch.chdir(tmp_path)
    return Plan(config(tmp_path))


def record(path: str | Path, **changes: object) -> None:
    """A record as a run leaves it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    records.write(Path(path), replace(KEPT.meta, **changes), KEPT.rows)


def progress(plan: Plan, run: Planned, env_step: int, age_s: float = 0.0, eta_s: float = 9.0) -> None:
    """A progress file, written so many seconds ago on some machine."""
    folder = plan.work(run.cell, run.seed)
    folder.mkdir(parents=True, exist_ok=True)
    one = Progress(env_step, -900.0, 0.2, 100.0, eta_s, False, 1, time.time() - age_s)
    (folder / "progress.json").write_text(json.dumps(one._asdict()))


def test_files_alone_tell_where_runs_stand(plan):
    a, b, c, d = plan.runs.values()
    record(a.record)
    record(plan.waiting(b), status="diverged", stopped_at=100)
    progress(plan, c, 700)
    progress(plan, d, 700, age_s=3600)
    watch = Watch(plan)
    assert [state.status for state in watch.states()] == ["finished", "diverged", "running", "stopped"]
    assert [state.share_left for state in watch.states()] == [0.0, 0.0, 0.5, 0.5]
    assert counts(watch.states()) == "1 finished, 1 diverged, 1 running, 1 stopped"
    Path(c.record).parent.mkdir(parents=True, exist_ok=True)
    Path(c.record).write_bytes(b"torn")
    progress(plan, d, 99_999)  # of a larger budget
    Path(a.record).unlink()
    assert [state.status for state in watch.states()] == ["missing", "diverged", "invalid", "missing"]


def test_a_record_is_read_once_while_it_does_not_change(plan, monkeypatch):
    run = next(iter(plan.runs.values()))
    record(run.record)
    watch, reads = Watch(plan), []
    monkeypatch.setattr("suite.study.under_way.read_meta", lambda path: reads.append(path) or records.read_meta(path))
    assert watch.state(run).status == watch.state(run).status == "finished" and len(reads) == 1
    record(run.record, status="crashed", message="a longer message than there was")
    assert watch.state(run).status == "crashed" and len(reads) == 2


def test_what_is_left_takes_what_runs_say_and_others_have_taken(plan):
    a, b, c, d = plan.runs.values()
    expected = forecast(a.cell).seconds
    missing = [State(run, "missing") for run in (a, b, c, d)]
    assert seconds_left(missing) is None, "nothing is under way"
    assert seconds_left(missing, at_once=2) == pytest.approx(2 * expected, rel=0.1)
    assert seconds_left(missing, at_once=100) == max(forecast(run.cell).seconds for run in (a, c))
    learning = Progress(1200, -900.0, 0.2, 100.0, 77.0, False, 1, 0.0)
    running = State(a, "running", learning)
    assert seconds_left([running]) == 77.0, "it learns, and says so itself"
    warming_up = State(a, "running", learning._replace(env_step=350, eta_s=1.0))
    assert seconds_left([warming_up]) == pytest.approx(0.75 * expected), "in the warm-up it cannot know"
    slow = State(b, "finished", record=replace(KEPT.meta, status="finished", wall_time_s=10 * expected))
    assert Pace([slow]).of(a.cell) == 10 and Pace([]).of(a.cell) == 1
    assert Pace([slow]).of(c.cell) == 10, "the nearest that is known"
    assert seconds_left([slow, warming_up]) == pytest.approx(7.5 * expected)
    assert seconds_left([slow]) == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0, "about 10 s left"), (64, "about 60 s left"), (170, "about 3 min left"),
     (5000, "about 83 min left"), (9000, "about 2.5 h left"), (200_000, "about 2.3 d left"), (2e6, "about 23 d left")],
)  # fmt: skip
def test_a_time_to_go_in_words(seconds, words):
    assert in_words(seconds) == words

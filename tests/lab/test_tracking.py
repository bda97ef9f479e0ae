"""Tracking mirrors a run without changing a number of it."""

from __future__ import annotations

import pytest
from builders.runs import job, places

import implementations
from suite.lab import tracking, training
from suite.lab.records import read


def train(folder, **options):
    engine = implementations.load("torch")
    training.train(engine, job(), places(folder), checkpoint_seconds=1e9, say=lambda line: None, **options)
    return read(places(folder)[0].record)


def test_offline_tracking_writes_a_run_and_changes_no_row(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    for name in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    made = []

    def make_tracker(own, seed, folder):
        made.append(tracking.tracker("offline", "sac-suite", own, seed, folder))
        return made[-1]

    tracked = train(tmp_path / "tracked", make_tracker=make_tracker)
    assert tracked.rows.equals(train(tmp_path / "plain").rows)
    run = made[0]._run
    assert run.group == "Pendulum-v1/torch/sac_v2_small" and run.id == f"torch-{job().run_id}-s0"
    assert run.config["env_id"] == "Pendulum-v1" and run.config["seed"] == 0
    (file,) = places(tmp_path / "tracked")[0].work.rglob("run-*.wandb")
    assert file.stat().st_size > 1000


def test_every_evaluation_is_logged_once_with_its_step(tmp_path):
    seen = []

    class Listening:
        def log(self, env_step, scalars):
            seen.append((env_step, scalars))

        def finish(self, status):
            seen.append(status)

    record = train(tmp_path, make_tracker=lambda own, seed, folder: Listening())
    *logged, status = seen
    assert status == "finished" and [step for step, _ in logged] == [100, 200]
    returns = [row["return"] for row in record.episodes.to_pylist() if row["env_step"] == 200]
    assert logged[1][1]["charts/episodic_return"] == pytest.approx(sum(returns) / 2)
    assert {"alpha", "entropy", "q_bias"} <= set(logged[1][1])


def test_off_imports_nothing_and_says_nothing(tmp_path):
    tracker = tracking.tracker("off", "sac-suite", job(), 0, tmp_path)
    tracker.log(1, {})
    tracker.finish("finished")
    assert list(tmp_path.iterdir()) == []

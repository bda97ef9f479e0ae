"""The training loop: determinism, exact resume, divergence, truncation, crashes, ownership."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT, SHORT, SMALL, job, places

import implementations
from suite import runner, seeding
from suite.checkpoint import Checkpoints, OwnedError
from suite.records import arrays_path, read
from suite.replay import Replay

ENGINE = implementations.load("torch")


def train(own, folder, engine=ENGINE, **options):
    """Trains quietly and returns the records read back."""
    said = []
    options = {"code_id": "c0de", "checkpoint_seconds": 1e9, "say": said.append} | options
    own_places = places(folder, own.seeds)
    runner.train(engine, own, own_places, **options)
    return [read(place.record) for place in own_places]


def arrays(folder, seed=0):
    with np.load(arrays_path(places(folder, (seed,))[0].record)) as file:
        return {name: file[name] for name in file.files}


def assert_same(folder_a, folder_b, seed=0):
    """Rows and final arrays of two runs, bit for bit."""
    a, b = (read(places(folder, (seed,))[0].record) for folder in (folder_a, folder_b))
    assert a.rows.equals(b.rows)
    left, right = arrays(folder_a, seed), arrays(folder_b, seed)
    assert left.keys() == right.keys()
    assert all(np.array_equal(left[name], right[name]) for name in left)


def test_the_same_seed_is_the_same_run_and_another_seed_is_not(tmp_path):
    train(job(), tmp_path / "a")
    train(job(), tmp_path / "b")
    assert_same(tmp_path / "a", tmp_path / "b")
    (other,) = train(job(seeds=(1,)), tmp_path / "c")
    assert not other.rows.equals(read(places(tmp_path / "a")[0].record).rows)


def test_a_record_says_all_about_itself(tmp_path):
    (record,) = train(job(), tmp_path)
    meta = record.meta
    assert meta["status"] == "finished" and meta["last_env_step"] == 200 and meta["stopped_at"] is None
    assert meta["updates"] == 161  # steps 40 to 200, one update each
    assert meta["code_id"] == "c0de" and meta["seed"] == 0 and meta["env_steps"] == 200
    assert {"python", "suite", "numpy", "gymnasium", "mujoco", "torch"} <= set(meta["versions"])
    assert meta["device"].startswith("cpu") and meta["wall_time_s"] > 0 and len(meta["attempts"]) == 1
    assert record.episodes["env_step"].to_pylist() == [100, 100, 200, 200]
    assert set(record.episodes["kind"].to_pylist()) == {"mean"} and set(record.episodes["length"].to_pylist()) == {200}
    diagnostics = record.diagnostics.to_pylist()
    assert [row["env_step"] for row in diagnostics] == [100, 200]
    assert all(np.isfinite(list(row.values())).all() for row in diagnostics)
    assert [row["updates"] for row in diagnostics] == [61, 161]
    names = set(arrays(tmp_path))
    assert {"actor/w0", "actor/w_mean", "critic1/w2", "critic2/b0", "log_alpha"} <= names
    assert not any(name.startswith(("target_", "adam_")) for name in names)


@pytest.mark.parametrize("task", ["Pendulum-v1", "Hopper-v5"])
@pytest.mark.parametrize("steps", [30, 77, 100, 163])
def test_stopped_and_resumed_equals_undisturbed(tmp_path, task, steps):
    """Every step boundary is alike to a checkpoint: before the first update, between, on an evaluation."""
    own = job(task=task)
    train(own, tmp_path / "whole")
    interrupted(own, tmp_path / "parts", steps)
    (record,) = train(own, tmp_path / "parts")
    assert [attempt["from_env_step"] for attempt in record.meta["attempts"]] == [0, steps]
    assert_same(tmp_path / "whole", tmp_path / "parts")


def interrupted(own, folder, steps):
    """Runs `own` up to `steps`, checkpoints there, and drops everything in memory."""
    own_places = places(folder, own.seeds)
    checkpoints = [Checkpoints(place.work) for place in own_places]
    lab = runner.Lab(ENGINE, own, [runner.Recorder(place.record, {}) for place in own_places])
    lab.resume(checkpoints)
    while lab.env_step < steps:
        lab.step()
    attempt = {"from_env_step": 0, "started": "then"}
    lab.save(checkpoints, [{"wall_time_s": 1.0, "attempts": [attempt]} for _ in own_places])
    for checkpoint in checkpoints:
        checkpoint.release()


def test_resume_survives_a_torn_newest_checkpoint_and_a_full_ring(tmp_path):
    """The replay (capacity 120) has wrapped; the newest checkpoint is cut short: the older one serves."""
    own = job(schedule=replace(SHORT, replay_capacity=120), env_steps=400)
    train(own, tmp_path / "whole")
    interrupted(own, tmp_path / "parts", 150)
    interrupted(own, tmp_path / "parts", 310)
    work = places(tmp_path / "parts")[0].work
    newest = max(work.glob("checkpoint-*.npz"))
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    (record,) = train(own, tmp_path / "parts")
    assert record.meta["attempts"][-1]["from_env_step"] == 150
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_resume_starts_anew_where_replay_rows_are_gone(tmp_path):
    own = job()
    train(own, tmp_path / "whole")
    interrupted(own, tmp_path / "parts", 150)
    next((places(tmp_path / "parts")[0].work / "replay").glob("*.npy")).unlink()
    (record,) = train(own, tmp_path / "parts")
    assert [attempt["from_env_step"] for attempt in record.meta["attempts"]] == [0]
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_a_longer_budget_continues_a_kept_checkpoint(tmp_path):
    train(job(env_steps=400), tmp_path / "whole")
    train(job(env_steps=200), tmp_path / "parts", keep_checkpoint=True)
    (record,) = train(job(env_steps=400), tmp_path / "parts")
    assert record.meta["attempts"][-1]["from_env_step"] == 200
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_checkpoints_keep_two_and_drop_chunks_nobody_needs(tmp_path):
    checkpoints, replay = Checkpoints(tmp_path), Replay(10, 1)
    for step in (8, 16, 24, 32):
        while replay.added < step:
            replay.add(np.array([replay.added]))
        checkpoints.save(step, {"x": np.array([step])}, {"note": step}, replay)
    assert checkpoints.env_steps() == [32, 24]
    assert sorted(file.name for file in (tmp_path / "replay").glob("*.npy")) == [
        "0000000008-0000000016.npy",  # rows 14 and 15 belong to the checkpoint at 24
        "0000000016-0000000024.npy",
        "0000000024-0000000032.npy",
    ]
    other = Replay(10, 1)
    found, state = checkpoints.load(24, other)
    assert found["x"] == [24] and state == {"note": 24} and other.added == 24
    assert np.array_equal(other.slice(14, 24)[:, 0], np.arange(14, 24))


def test_two_owners_are_refused(tmp_path):
    held = Checkpoints(places(tmp_path)[0].work)
    with pytest.raises(OwnedError, match="one run has one owner"):
        train(job(), tmp_path)
    held.release()
    train(job(), tmp_path)


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import implementations
from conftest import job, places
from suite import runner, seeding
own = job(env_steps={env_steps})
runner.train(implementations.load("torch"), own, places(Path({folder!r})), code_id="c0de", checkpoint_seconds=0.05)
"""


def start(folder, env_steps):
    code = SCRIPT.format(tests=str(ROOT / "tests"), folder=str(folder), env_steps=env_steps)
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)


def test_kill_9_at_any_moment_ends_as_if_undisturbed(tmp_path):
    """Real processes, killed wherever they happen to be (checkpoints come many times a second), then run to the end."""
    env_steps, folder = 1200, tmp_path / "killed"
    train(job(env_steps=env_steps), tmp_path / "whole")
    work, record = places(folder)[0].work, places(folder)[0].record
    kills = 0
    for delay in (0.0, 0.21, 0.43, 0.34):
        process = start(folder, env_steps)
        seen = set(work.glob("checkpoint-*.npz"))
        while process.poll() is None and set(work.glob("checkpoint-*.npz")) <= seen:
            time.sleep(0.01)
        time.sleep(delay)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        if record.exists():
            break
    assert kills >= 2
    if not record.exists():
        assert start(folder, env_steps).wait() == 0
    assert len(read(record).meta["attempts"]) > 1
    assert_same(tmp_path / "whole", folder)


def test_a_signal_checkpoints_and_interrupts(tmp_path):
    def say(line):
        if "step       100" in line:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(runner.Interrupted, match="SIGTERM at step 100"):
        train(job(), tmp_path / "parts", say=say)
    train(job(), tmp_path / "whole")
    (record,) = train(job(), tmp_path / "parts")
    assert record.meta["attempts"][-1]["from_env_step"] == 100
    assert_same(tmp_path / "whole", tmp_path / "parts")


class Poisoned:
    """The torch engine, but from its update number `at` on seed `seat` has NaN weights."""

    FRAMEWORK = "torch"

    def __init__(self, at, seat=0):
        self.at, self.seat, self.updates = at, seat, 0

    def __getattr__(self, name):
        return getattr(ENGINE, name)

    def update(self, state, rows, noise, obs=None, act_noise=None):
        self.updates += 1
        if self.updates == self.at:
            params = ENGINE.get_params(state)
            params["actor/w0"][self.seat] = np.nan
            state = ENGINE.set_params(state, params)
        return ENGINE.update(state, rows, noise, obs, act_noise)


def test_nan_weights_are_a_diverged_run_with_its_step(tmp_path):
    (record,) = train(job(), tmp_path, engine=Poisoned(at=71))
    meta = record.meta
    assert meta["status"] == "diverged" and meta["stopped_at"] == meta["last_env_step"] == 110
    assert "not a finite number" in meta["message"]
    assert record.episodes["env_step"].to_pylist() == [100, 100]  # what was measured before stays


def test_nan_during_the_warm_up_is_found_at_the_evaluation(tmp_path):
    schedule = replace(SHORT, warmup_steps=150)
    (record,) = train(job(schedule=schedule), tmp_path, engine=Poisoned(at=5))
    assert record.meta["status"] == "diverged" and record.meta["stopped_at"] == 100


def test_a_diverged_seed_leaves_its_neighbours_alone(tmp_path):
    alone = train(job(seeds=(1,)), tmp_path / "alone")[0]
    ill, well = train(job(seeds=(0, 1)), tmp_path / "block", engine=Poisoned(at=71, seat=0))
    assert (ill.meta["status"], well.meta["status"]) == ("diverged", "finished")
    assert well.rows.equals(alone.rows)


def test_a_block_of_seeds_equals_its_single_runs(tmp_path):
    train(job(seeds=(3, 5)), tmp_path / "block")
    for seed in (3, 5):
        train(job(seeds=(seed,)), tmp_path / "single")
        assert_same(tmp_path / "block", tmp_path / "single", seed)


class Broken(Poisoned):
    def update(self, *arguments):
        self.updates += 1
        if self.updates == self.at:
            raise ZeroDivisionError("a bug of the engine")
        return ENGINE.update(*arguments)


def test_an_exception_is_raised_again_and_on_the_last_attempt_recorded(tmp_path):
    with pytest.raises(ZeroDivisionError):
        train(job(), tmp_path, engine=Broken(at=80), last_attempt=False)
    assert not places(tmp_path)[0].record.exists()
    (record,) = train(job(), tmp_path, engine=Broken(at=80))
    assert record.meta["status"] == "crashed" and record.meta["message"] == "ZeroDivisionError: a bug of the engine"
    assert record.meta["stopped_at"] == 119
    assert record.episodes["env_step"].to_pylist() == [100, 100]


@pytest.mark.parametrize(("time_limit", "ends"), [("bootstrap", 0.0), ("terminal", 1.0)])
def test_truncation_bootstraps_unless_told_otherwise(tmp_path, time_limit, ends):
    own = job(schedule=replace(SHORT, time_limit=time_limit))
    lab = runner.Lab(ENGINE, own, [runner.Recorder(tmp_path / "r", {})])
    for _ in range(200):
        lab.step()
    stored = lab.seats[0].replay.rows[:200]
    assert stored[199, -1] == ends and not stored[:199, -1].any()
    assert not np.array_equal(stored[199, 5:8], lab.seats[0].obs)  # the true last observation, not the reset one


def test_a_fall_is_stored_as_terminal(tmp_path):
    own = job(task="InvertedPendulum-v5")
    lab = runner.Lab(ENGINE, own, [runner.Recorder(tmp_path / "r", {})])
    for _ in range(100):
        lab.step()
    assert lab.seats[0].replay.rows[:100, -1].sum() >= 3


def test_warm_up_and_updates_come_when_the_schedule_says(tmp_path):
    schedule = replace(SHORT, warmup_steps=10, learn_after=20, update_every=5, updates_per_burst=3)
    lab = runner.Lab(ENGINE, job(schedule=schedule), [runner.Recorder(tmp_path / "r", {})])
    counts, actions = [], []
    for _ in range(31):
        actions.append(lab.seats[0].action.copy())
        lab.step()
        counts.append(int(ENGINE.get_params(lab.state)["updates_done"][0]))
    assert counts[18] == 0 and counts[19] == 3 and counts[23] == 3 and counts[24] == 6 and counts[29] == 9
    uniform = seeding.stream(0, "warmup")
    expected = [uniform.uniform(-1, 1, 1).astype(np.float32) for _ in range(10)]
    assert np.array_equal(actions[:10], expected)
    assert not np.array_equal(actions[10], uniform.uniform(-1, 1, 1).astype(np.float32))


def test_evaluation_is_the_mean_action_or_a_sample(tmp_path):
    (mean,) = train(job(), tmp_path / "mean")
    (sample,) = train(job(schedule=replace(SHORT, evaluation_action="sample")), tmp_path / "sample")
    assert set(sample.episodes["kind"].to_pylist()) == {"sample"}
    assert mean.episodes["return"].to_pylist() != sample.episodes["return"].to_pylist()


def test_precision_float64_trains(tmp_path):
    (record,) = train(job(spec=replace(SMALL, precision="float64")), tmp_path)
    assert record.meta["status"] == "finished"
    assert arrays(tmp_path)["actor/w0"].dtype == np.float64

"""The training loop: determinism, exact resume, divergence, truncation, crashes, ownership."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
from builders.runs import ROOT, SHORT, SMALL, job, places
from builders.training import ENGINE, arrays, assert_same, interrupted, train

import implementations
from suite.lab import loop, seeding, training
from suite.lab.checkpoint import Checkpoints, OwnedError
from suite.lab.lab import Lab
from suite.lab.machine import commit, slowness
from suite.lab.records import RecordError, arrays_path, digest, params_digest, read
from suite.lab.replay import Replay
from suite.lab.seat import uniform_log_density
from suite.sac import weights as initial
from suite.sac.contract import Origin, row_width, unpack
from suite.sac.schedule import CHOICES as schedule_choices
from suite.sac.schedule import BootstrapAtLength, ResetFromWarmup, Schedule
from suite.sac.spec import Retrace, SpecError
from suite.specimens.catalogue import load_preset


def test_the_same_seed_is_the_same_run_and_another_seed_is_not(tmp_path):
    train(job(), tmp_path / "a")
    train(job(), tmp_path / "b")
    assert_same(tmp_path / "a", tmp_path / "b")
    (other,) = train(job(seeds=(1,)), tmp_path / "c")
    assert not other.rows.equals(read(places(tmp_path / "a")[0].record).rows)


@pytest.mark.parametrize("engine", ["torch", "jax"])
@pytest.mark.parametrize("action", ["mean", "sample"])
def test_final_episodes_go_on_from_the_last_evaluation_and_change_nothing_else(tmp_path, engine, action):
    own = job(seeds=(0, 1), schedule=replace(SHORT, evaluation_action=action))._replace(implementation=engine)
    plain = train(own, tmp_path / "plain", implementations.load(engine))
    more = train(own._replace(final_episodes=5), tmp_path / "more", implementations.load(engine))
    for seed, (before, record) in enumerate(zip(plain, more, strict=True)):
        rows = record.rows.to_pandas()
        final = rows[rows["kind"] == "final"]
        usual = rows[rows["kind"] != "final"].reset_index(drop=True)
        assert usual.equals(before.rows.to_pandas())
        last = usual[(usual["env_step"] == 200) & (usual["kind"] == action)]
        assert final["env_step"].tolist() == [200] * 5 and final["episode"].tolist() == list(range(5))
        assert final["return"].tolist()[:2] == last["return"].tolist()
        assert len(set(final["return"])) == 5 and record.final_returns.tolist() == final["return"].tolist()
        assert record.episodes.equals(before.episodes) and not len(before.final_returns)
        assert (record.meta.evaluation.final, before.meta.evaluation.final) == (5, None)
        left, right = arrays(tmp_path / "plain", seed), arrays(tmp_path / "more", seed)
        assert all(np.array_equal(left[name], right[name]) for name in left)
    alone = train(own._replace(seeds=(1,), final_episodes=5), tmp_path / "alone", implementations.load(engine))
    assert alone[0].final_returns == pytest.approx(more[1].final_returns, rel=1e-3)  # a jax block rounds otherwise


def test_a_longer_budget_has_final_episodes_of_its_own_end(tmp_path):
    short, long = (job(env_steps=steps)._replace(final_episodes=3) for steps in (100, 200))
    train(short, tmp_path / "parts", keep_checkpoint=True)
    places(tmp_path / "parts")[0].record.unlink()
    (record,) = train(long, tmp_path / "parts")
    (whole,) = train(long, tmp_path / "whole")
    assert len(record.final_returns) == 3 and np.array_equal(record.final_returns, whole.final_returns)


def test_a_record_says_all_about_itself(tmp_path):
    (record,) = train(job(), tmp_path)
    meta = record.meta
    assert meta.status == "finished" and meta.last_env_step == 200 and meta.stopped_at is None
    assert meta.updates == 161  # steps 40 to 200, one update each
    assert meta.implementation == "torch" and meta.seed == 0 and meta.env_steps == 200
    assert {"python", "suite", "numpy", "gymnasium", "mujoco", "torch"} <= set(meta.versions)
    assert meta.device.startswith("cpu") and meta.wall_time_s > 0 and len(meta.attempts) == 1
    assert meta.attempts[0].commit == commit()
    assert [at.env_step for at in meta.pace] == [100, 200]
    assert 0 < meta.pace[0].wall_time_s < meta.pace[1].wall_time_s <= meta.wall_time_s
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
    assert [attempt.from_env_step for attempt in record.meta.attempts] == [0, steps]
    assert [at.env_step for at in record.meta.pace] == [100, 200]
    assert record.meta.pace[0].wall_time_s < record.meta.pace[1].wall_time_s
    assert_same(tmp_path / "whole", tmp_path / "parts")


ODD = replace(
    SHORT,
    warmup_steps=50,
    warmup_range="env",
    warmup_rounding="episode",
    learn_after=200,
    update_every=7,
    updates_per_burst=3,
    learn_in_warmup=False,
    update_position="before_step",
    replay_capacity=150,
    insert="episode_end",
    time_limit=BootstrapAtLength(steps=200),
    reset_every=230,
    action_to_env="clip",
    evaluation_action="unsquashed_mean",
)


@pytest.mark.parametrize(("rounding", "updates"), [("episode", 42), ("epoch", 45)])
@pytest.mark.parametrize("steps", [30, 60, 100, 207, 251])
def test_stopped_and_resumed_equals_undisturbed_in_the_oddest_schedule(tmp_path, rounding, updates, steps):
    """In the warm-up, in its rest of an episode, at an evaluation without a stored row, at a burst, in mid-episode."""
    own = job(schedule=replace(ODD, warmup_rounding=rounding, epoch_steps=70), env_steps=300)
    train(own, tmp_path / "whole")
    interrupted(own, tmp_path / "parts", steps)
    (record,) = train(own, tmp_path / "parts")
    assert record.meta.attempts[-1].from_env_step == steps and record.meta.updates == updates
    assert_same(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.parametrize(
    "switches",
    [
        {"insert": "episode_end", "learn_after": 200},
        {"insert": "next_step", "reset_every": ResetFromWarmup(every=60)},
        {"update_position": "after_episode"},
        {"n_step": 3, "replay_capacity": 120},
        {"n_step": 3, "insert": "episode_end", "learn_after": 200},
        {"normalise_observations": "running", "reset_every": 60},
        {"reset_networks_every": 100, "update_every": 3, "updates_per_burst": 7},
    ],
)
def test_an_unfinished_episode_is_part_of_the_checkpoint(tmp_path, switches):
    own = job(schedule=replace(SHORT, **switches), env_steps=400)
    train(own, tmp_path / "whole")
    for steps in (77, 250):
        interrupted(own, tmp_path / "parts", steps)
    train(own, tmp_path / "parts")
    assert_same(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.parametrize(
    "switches",
    [
        {"replay_capacity": 120},
        {"insert": "episode_end", "learn_after": 200, "update_position": "before_step", "warmup_steps": 150},
        {"insert": "next_step", "reset_every": 60, "normalise_observations": "running"},
    ],
)
def test_stopped_and_resumed_equals_undisturbed_with_further_steps(tmp_path, switches):
    spec = replace(SMALL, retrace=Retrace(steps=3, decay=0.9, trace="ratio"))
    own = job(spec=spec, schedule=replace(SHORT, **switches), env_steps=300)
    train(own, tmp_path / "whole")
    for steps in (77, 205):
        interrupted(own, tmp_path / "parts", steps)
    train(own, tmp_path / "parts")
    assert_same(tmp_path / "whole", tmp_path / "parts")


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
    assert record.meta.attempts[-1].from_env_step == 150
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_resume_starts_anew_where_replay_rows_are_gone(tmp_path):
    own = job()
    train(own, tmp_path / "whole")
    interrupted(own, tmp_path / "parts", 150)
    next((places(tmp_path / "parts")[0].work / "replay").iterdir()).unlink()
    (record,) = train(own, tmp_path / "parts")
    assert [attempt.from_env_step for attempt in record.meta.attempts] == [0]
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_a_longer_budget_continues_a_kept_checkpoint(tmp_path):
    train(job(env_steps=400), tmp_path / "whole")
    train(job(env_steps=200), tmp_path / "parts", keep_checkpoint=True)
    (record,) = train(job(env_steps=400), tmp_path / "parts")
    assert record.meta.attempts[-1].from_env_step == 200
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_checkpoints_keep_two_and_drop_chunks_nobody_needs(tmp_path):
    checkpoints, replay = Checkpoints(tmp_path), Replay(10, 1)
    for step in (8, 16, 24, 32):
        while replay.added < step:
            replay.add(np.array([replay.added]))
        checkpoints.save(step, {"x": np.array([step])}, {"note": step}, replay)
    assert checkpoints.env_steps() == [32, 24]
    assert sorted(file.name for file in (tmp_path / "replay").iterdir()) == [
        "0000000008-0000000016.npy",  # rows 14 and 15 belong to the checkpoint at 24
        "0000000016-0000000024.npy",
        "0000000024-0000000032.npy",
    ]
    other = Replay(10, 1)
    found, state = checkpoints.load(24, other)
    assert found["x"] == [24] and state == {"note": 24} and other.added == 24
    assert np.array_equal(other.slice(14, 24)[:, 0], np.arange(14, 24))
    assert checkpoints.env_steps() == [24], "what came later is of a lost future"


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
from builders.runs import job, places
from suite.lab import training
own = job(env_steps={env_steps})
training.train(implementations.load("torch"), own, places(Path({folder!r})), checkpoint_seconds=0.05)
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
    assert len(read(record).meta.attempts) > 1
    assert_same(tmp_path / "whole", folder)


def test_a_signal_checkpoints_and_interrupts(tmp_path):
    def say(line):
        if "step       100" in line:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(loop.Interrupted, match="SIGTERM at step 100"):
        train(job(), tmp_path / "parts", say=say)
    train(job(), tmp_path / "whole")
    (record,) = train(job(), tmp_path / "parts")
    assert record.meta.attempts[-1].from_env_step == 100
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
    assert meta.status == "diverged" and meta.stopped_at == meta.last_env_step == 110
    assert "not a finite number" in meta.message
    assert record.episodes["env_step"].to_pylist() == [100, 100]  # what was measured before stays


def test_nan_during_the_warm_up_is_found_at_the_evaluation(tmp_path):
    schedule = replace(SHORT, warmup_steps=150)
    (record,) = train(job(schedule=schedule), tmp_path, engine=Poisoned(at=5))
    assert record.meta.status == "diverged" and record.meta.stopped_at == 100


def test_a_diverged_seed_leaves_its_neighbours_alone(tmp_path):
    alone = train(job(seeds=(1,)), tmp_path / "alone")[0]
    ill, well = train(job(seeds=(0, 1)), tmp_path / "block", engine=Poisoned(at=71, seat=0))
    assert (ill.meta.status, well.meta.status) == ("diverged", "finished")
    assert well.rows.equals(alone.rows)


def test_a_block_of_seeds_equals_its_single_runs(tmp_path):
    train(job(seeds=(3, 5)), tmp_path / "block")
    for seed in (3, 5):
        train(job(seeds=(seed,)), tmp_path / "single")
        assert_same(tmp_path / "block", tmp_path / "single", seed)


def test_a_block_equals_its_single_runs_whatever_each_ones_episodes_decide(tmp_path):
    """Seeds leave the warm-up and fill their replay at steps of their own."""
    schedule = replace(
        SHORT, warmup_steps=990, warmup_rounding="episode", learn_after=1000, insert="episode_end", replay_capacity=2000
    )
    options = {"task": "InvertedPendulum-v5", "schedule": schedule, "env_steps": 1100, "every": 550}
    lab = Lab(ENGINE, job(seeds=(3, 5), **options), [training.Recorder(tmp_path / "r")] * 2)
    while lab.env_step < 990 or all(seat.warm for seat in lab.seats):
        lab.step()
    assert any(seat.warm for seat in lab.seats) and lab.seats[0].replay.added != lab.seats[1].replay.added
    train(job(seeds=(3, 5), **options), tmp_path / "block")
    for seed in (3, 5):
        train(job(seeds=(seed,), **options), tmp_path / "single")
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
    assert record.meta.status == "crashed" and record.meta.message == "ZeroDivisionError: a bug of the engine"
    assert record.meta.stopped_at == 119
    assert record.episodes["env_step"].to_pylist() == [100, 100]


# --- the time limit


def hours(monkeypatch, each=1.0):
    """From now on every look at the clock finds it `each` hours later; the loop looks once a step."""
    ticks = itertools.count()
    clock = {"time": time.time, "process_time": time.process_time, "monotonic": lambda: 3600 * each * next(ticks)}
    monkeypatch.setattr(training, "time", SimpleNamespace(**clock))


def test_at_the_time_limit_a_run_says_so_and_keeps_its_checkpoint(tmp_path, monkeypatch):
    train(job(), tmp_path / "whole")
    (place,) = places(tmp_path / "parts")
    said = []
    with monkeypatch.context() as patched:
        hours(patched)
        (record,) = train(job(), tmp_path / "parts", time_limit_hours=150.5, say=said.append)
    reached = record.meta.last_env_step
    assert 100 < reached < 200 and record.meta.stopped_at == reached
    sentence = f"time limit of 150.5 h reached at environment step {reached} of 200"
    assert record.meta.status == "timeout" and record.meta.message == sentence
    assert said[-1] == f"seed 0: timeout: {sentence}"
    assert record.episodes["env_step"].to_pylist() == [100, 100]  # what was measured before stays
    assert "actor/w0" in arrays(tmp_path / "parts") and not (place.work / "progress.json").exists()

    (kept,) = train(job(), tmp_path / "parts", time_limit_hours=150.5)  # as after `retry`, with the limit as it was
    assert kept.meta.status == "timeout" and kept.meta.last_env_step == reached + 1
    (record,) = train(job(), tmp_path / "parts", time_limit_hours=1000.0)
    assert record.meta.status == "finished" and record.meta.message == ""
    assert [attempt.from_env_step for attempt in record.meta.attempts] == [0, reached, reached + 1]
    assert record.meta.wall_time_s > 150.5 * 3600 and not list(place.work.glob("checkpoint-*.npz"))
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_a_run_that_ends_within_its_last_step_is_finished(tmp_path, monkeypatch):
    hours(monkeypatch)
    (record,) = train(job(env_steps=100), tmp_path, time_limit_hours=100.5)
    assert record.meta.status == "finished" and record.meta.wall_time_s > 100.5 * 3600


def test_a_run_whose_record_takes_a_while_after_the_limit_is_not_taken_for_one_that_hangs(tmp_path, monkeypatch):
    left, networks = [], Lab.networks

    def slow(lab, i):
        time.sleep(2.5)  # the watchdog looks twice
        return networks(lab, i)

    monkeypatch.setattr(Lab, "networks", slow)
    hours(monkeypatch)
    (record,) = train(job(env_steps=100), tmp_path, time_limit_hours=100.5, leave=left.append)
    assert record.meta.status == "finished" and not left


def test_a_diverged_seed_of_a_block_at_its_time_limit_has_diverged(tmp_path, monkeypatch):
    hours(monkeypatch)
    engine = Poisoned(at=71, seat=0)
    ill, slow = train(job(seeds=(0, 1)), tmp_path, engine=engine, time_limit_hours=150.5)
    assert (ill.meta.status, slow.meta.status) == ("diverged", "timeout")
    assert ill.meta.stopped_at == 110 and "not a finite number" in ill.meta.message


# --- seeds


def test_a_record_knows_the_digest_of_its_final_arrays(tmp_path):
    (one,), (same,) = train(job(), tmp_path / "a"), train(job(), tmp_path / "b")
    (other,) = train(job(seeds=(1,)), tmp_path / "a")
    assert one.meta.params_digest == same.meta.params_digest != other.meta.params_digest
    found = arrays(tmp_path / "a")
    assert one.meta.params_digest == digest(found) == digest(dict(reversed(found.items())))
    (place,) = places(tmp_path / "a")
    older = replace(one.meta, params_digest=None)
    assert params_digest(place.record, older) == digest(found)  # of a record that is older than digests
    arrays_path(place.record).write_bytes(b"torn")
    with pytest.raises(RecordError, match=r"s0.npz cannot be read"):
        params_digest(place.record, older)


def test_a_digest_tells_names_shapes_and_values_apart():
    plain = {"a": np.zeros((2, 3)), "b": np.ones(2)}
    others = [
        {"a": np.zeros((3, 2)), "b": np.ones(2)},
        {"c": np.zeros((2, 3)), "b": np.ones(2)},
        {"a": np.zeros((2, 3)), "b": np.array([1.0, np.nextafter(1.0, 2.0)])},
        {"a": np.zeros((2, 3))},
    ]
    assert len({digest(each) for each in (plain, *others)}) == 5 and digest({}) == ""
    assert digest({"a": np.arange(6.0).reshape(2, 3).T}) == digest({"a": np.array([[0.0, 3], [1, 4], [2, 5]])})


class Still:
    """An engine that always plays `action`, never learns, and keeps a list of what it was asked for."""

    FRAMEWORK = "numpy"

    def __init__(self, action=0.25):
        self.action, self.calls = action, []

    def init(self, spec, spaces, params):
        self.params = params | {"updates_done": np.zeros(len(params["actor/w0"]), int)}
        self.spaces, self.spec = spaces, spec
        return self

    def act(self, state, obs, noise):
        self.calls.append("act")
        return np.full((*obs.shape[:2], self.spaces.action_dim), self.action, np.float32)

    def update(self, state, rows, noise, obs, act_noise):
        self.params["updates_done"] += rows.shape[1]
        self.calls.append("update" if obs is None else "update and act")
        actions = None if obs is None else np.full((len(obs), 1, self.spaces.action_dim), self.action, np.float32)
        return state, actions, {}

    def explain(self, state, rows, noise):
        names = ("alpha", "critic_loss", "actor_loss")
        shape = (len(rows), self.spec.batch_size)
        return state, {
            **{name: np.ones(len(rows)) for name in names},
            **{"log_prob": np.full(shape, -3.0), "action": np.zeros((*shape, 1)), "q": np.zeros((len(rows), 2, 16))},
            **{"grad/actor/w0": np.ones((len(rows), 2)), "grad/critic1/w0": np.ones((len(rows), 2))},
        }

    def get_params(self, state):
        return self.params

    def device(self):
        return None


def played(steps, engine=None, task="Pendulum-v1", seeds=(0,), spec=SMALL, **switches):
    """A lab after `steps` steps under `switches`, with each seat's warm flags, actions and update counts by step."""
    own = job(task=task, seeds=seeds, spec=spec, schedule=replace(SHORT, **switches), env_steps=10_000, every=10_000)
    engine = engine or Still()
    lab = Lab(engine, own, [training.Recorder("r") for _ in seeds])
    lab.warm, lab.actions, lab.counts = [], [], []
    for _ in range(steps):
        lab.warm.append(lab.seats[0].warm)
        lab.actions.append(lab.seats[0].action.copy())
        lab.step()
        lab.counts.append(lab.updates()[0])
    return lab


def stored(lab, i=0):
    """The rows in a seat's replay."""
    return lab.seats[i].replay.rows[: lab.seats[i].replay.added]


@pytest.mark.parametrize(
    ("time_limit", "ends"),
    [
        ("bootstrap", 0.0),
        ("terminal", 1.0),
        (BootstrapAtLength(steps=200), 0.0),
        (BootstrapAtLength(steps=1000), 1.0),  # the task's own limit is shorter: it counts as a fall
        (BootstrapAtLength(steps=100), 1.0),
    ],
    ids=str,
)
def test_truncation_bootstraps_unless_told_otherwise(time_limit, ends):
    lab = played(200, time_limit=time_limit)
    assert stored(lab)[199, -1] == ends and not stored(lab)[:199, -1].any()
    assert not np.array_equal(stored(lab)[199, 5:8], lab.seats[0].obs)  # the true last observation, not the reset one


def first_fall():
    """After how many steps of its first episode seed 0's inverted pendulum falls."""
    flags = stored(played(100, task="InvertedPendulum-v5", warmup_steps=100))[:, -1]
    assert flags.sum() >= 3
    return int(flags.argmax()) + 1


def test_a_fall_is_stored_as_terminal_unless_it_ends_an_episode_of_the_length_that_bootstraps():
    steps = first_fall()
    for length, flag in ((1000, 1.0), (steps, 0.0), (steps + 1, 1.0)):
        lab = played(100, task="InvertedPendulum-v5", warmup_steps=100, time_limit=BootstrapAtLength(steps=length))
        assert stored(lab)[steps - 1, -1] == flag and stored(lab)[:, -1].any()


def test_a_reset_abandons_the_episode_without_a_terminal():
    lab = played(65, warmup_steps=0, reset_every=30, time_limit="terminal")
    rows = stored(lab)
    assert not rows[:, -1].any()
    for step in range(1, 65):
        continues = np.array_equal(rows[step, :3], rows[step - 1, 5:8])
        assert continues == (step % 30 != 0)
    assert lab.seats[0].episode_steps == 5 == lab.seats[0].env.get_state()["elapsed"]
    assert played(65, time_limit="terminal").seats[0].episode_steps == 65


def test_a_fall_at_the_very_step_of_a_reset_is_terminal_all_the_same():
    steps = first_fall()
    for every, flag in ((steps, 1.0), (steps - 1, 0.0)):
        lab = played(every, task="InvertedPendulum-v5", warmup_steps=every - 1, reset_every=every)
        assert stored(lab)[every - 1, -1] == flag and lab.seats[0].episode_steps == 0


def test_warm_up_and_updates_come_when_the_schedule_says():
    lab = played(33, ENGINE, warmup_steps=10, learn_after=22, update_every=5, updates_per_burst=3)
    assert lab.counts[20:] == [0, *[3] * 5, *[6] * 5, *[9] * 2]  # after steps 22, 27 and 32
    uniform = seeding.stream(0, "warmup")
    expected = [uniform.uniform(-1, 1, 1).astype(np.float32) for _ in range(10)]
    assert np.array_equal(lab.actions[:10], expected)
    assert not np.array_equal(lab.actions[10], uniform.uniform(-1, 1, 1).astype(np.float32))


def test_without_a_warm_up_the_policy_acts_first():
    assert not any(played(3, warmup_steps=0, warmup_rounding="episode").warm)


@pytest.mark.parametrize(
    ("rounding", "epoch_steps", "last"), [("none", None, 10), ("none", 8, 10), ("epoch", 8, 16), ("epoch", 5, 10)]
)
def test_warm_up_lasts_until_its_epoch_is_over(rounding, epoch_steps, last):
    lab = played(40, warmup_steps=10, warmup_rounding=rounding, epoch_steps=epoch_steps)
    assert lab.warm == [True] * last + [False] * (40 - last)
    assert all((action == 0.25).all() != warm for action, warm in zip(lab.actions, lab.warm, strict=True))


def test_warm_up_lasts_until_its_episode_is_over():
    switches = {"task": "InvertedPendulum-v5", "warmup_steps": 10}
    plain, rounded = played(60, **switches), played(60, **switches, warmup_rounding="episode")
    last = rounded.warm.index(False)
    assert plain.warm.index(False) == 10 < last and not any(rounded.warm[last:])
    ends = np.flatnonzero(stored(rounded)[:, -1]) + 1
    assert last == min(ends[ends >= 10])
    assert all(played(60, warmup_steps=10, warmup_rounding="episode", reset_every=25).warm)  # Pendulum's are 200 long


def test_no_episode_is_abandoned_in_the_warm_up():
    rows = stored(played(65, warmup_steps=40, reset_every=20))
    begins = [step for step in range(1, 65) if not np.array_equal(rows[step, :3], rows[step - 1, 5:8])]
    assert begins == [60]


def test_seats_leave_the_warm_up_each_on_its_own_and_draw_for_themselves_alone():
    """A seat's streams stand where they would if it ran alone, though its neighbour asks the engine for an action."""
    switches = {"task": "InvertedPendulum-v5", "warmup_steps": 10, "warmup_rounding": "episode"}
    warm = {seed: played(60, seeds=(seed,), **switches).warm.index(False) for seed in range(6)}
    early, late = min(warm, key=warm.get), max(warm, key=warm.get)
    assert warm[early] < warm[late]
    lab = played(warm[late] - 1, seeds=(early, late), **switches)
    assert [seat.warm for seat in lab.seats] == [False, True]
    fresh = seeding.stream(late, "explore")
    assert seeding.get_state(lab.seats[1].streams["explore"]) == seeding.get_state(fresh)
    fresh = seeding.stream(early, "explore")
    fresh.standard_normal((warm[late] - warm[early], 1), np.float32)
    assert seeding.get_state(lab.seats[0].streams["explore"]) == seeding.get_state(fresh)


def test_warm_up_over_the_environments_box_is_stored_and_played_as_drawn():
    lab = played(30, warmup_steps=40, warmup_range="env", action_to_env="clip")
    uniform = seeding.stream(0, "warmup")
    expected = [uniform.uniform(-2, 2, 1).astype(np.float32) for _ in range(30)]
    assert np.array_equal(stored(lab)[:, 3:4], expected) and np.abs(expected).max() > 1
    assert lab.seats[0].env.env.unwrapped.last_u == pytest.approx(expected[-1][0])
    unit = played(30, warmup_steps=40, warmup_range="unit", action_to_env="clip")
    assert np.abs(stored(unit)[:, 3]).max() <= 1


def test_learning_in_the_warm_up_can_be_left_out():
    switches = {"warmup_steps": 20, "learn_after": 9, "update_every": 4}
    assert played(26, **switches).counts[-1] == 5  # after steps 9, 13, 17, 21, 25
    lab = played(26, **switches, learn_in_warmup=False)
    assert lab.counts == [0] * 20 + [1] * 4 + [2] * 2
    assert played(26, **switches | {"update_every": 1}, learn_in_warmup=False).counts[18:22] == [0, 0, 1, 2]
    late = played(34, **switches, learn_in_warmup=False, warmup_rounding="epoch", epoch_steps=30)
    assert late.counts == [0] * 32 + [1] * 2  # 21, 25 and 29 fall into the rest of the epoch


@pytest.mark.parametrize("others", [{"warmup_steps": 120}, {"warmup_steps": 0, "reset_every": 10}])
def test_updates_that_wait_for_the_episodes_end_are_those_that_were_due_in_it(others):
    switches = {"task": "InvertedPendulum-v5", "learn_after": 22, "update_every": 3, "updates_per_burst": 2} | others
    prompt, waiting = played(120, **switches), played(120, **switches, update_position="after_episode")
    rows = stored(waiting)
    ends = [step for step in range(1, 120) if not np.array_equal(rows[step, :4], rows[step - 1, 6:10])]
    expected = [max((prompt.counts[end - 1] for end in ends if end <= step), default=0) for step in range(1, 120)]
    assert waiting.counts[:119] == expected and len(set(expected)) > 4


def test_seeds_whose_episodes_decide_when_they_learn_are_refused_side_by_side():
    switches = {"learn_in_warmup": False, "warmup_rounding": "episode"}
    for one in (switches, {"update_position": "after_episode"}):
        with pytest.raises(SpecError, match=r"'after_episode'.* False.*seeds 3, 5 cannot be trained side by side"):
            played(0, seeds=(3, 5), **one)
    played(0, seeds=(3,), **switches)
    played(0, seeds=(3, 5), learn_in_warmup=False)


def test_insertion_at_the_episodes_end_keeps_the_order_and_waits():
    switches = {"warmup_steps": 500, "learn_after": 200}
    waits, plain = played(199, insert="episode_end", **switches), played(400, **switches)
    assert waits.seats[0].replay.added == 0
    waits.step()
    assert waits.seats[0].replay.added == 200 and not waits.seats[0].waiting
    waits.step()
    assert waits.seats[0].replay.added == 200
    for _ in range(199):
        waits.step()
    assert np.array_equal(stored(waits), stored(plain))


def test_an_abandoned_episode_is_inserted():
    lab = played(77, warmup_steps=0, insert="episode_end", learn_after=200, reset_every=50)
    assert lab.seats[0].replay.added == 50


def test_insertion_at_the_episodes_end_needs_an_episode_before_learning():
    with pytest.raises(SpecError, match=r"insert 'episode_end'.*learn_after must be at least .* time limit, 200"):
        played(0, insert="episode_end", learn_after=199)
    played(0, insert="episode_end", learn_after=200)


class Keeping(Still):
    """Keeps the batches that it was given."""

    def update(self, state, rows, noise, obs, act_noise):
        self.calls.append(rows[0].copy())
        return super().update(state, rows, noise, obs, act_noise)


def batches_of(engine):
    return [batch for call in engine.calls if isinstance(call, np.ndarray) for batch in call]


def test_a_batch_without_replacement_holds_no_transition_twice():
    for sampling, twice in (("with_replacement", True), ("without_replacement", False)):
        engine = Keeping()
        played(60, engine, warmup_steps=10, learn_after=20, updates_per_burst=2, sampling=sampling)
        batches = batches_of(engine)
        assert len(batches) == 2 * 41
        assert any(len(np.unique(batch, axis=0)) < SMALL.batch_size for batch in batches) == twice


def test_sampling_without_replacement_needs_a_batch_of_transitions():
    own = {"sampling": "without_replacement", "warmup_steps": 0}
    for few in ({"learn_after": 15}, {"learn_after": 215, "insert": "episode_end"}, {"replay_capacity": 15}):
        with pytest.raises(SpecError, match=r"sampling 'without_replacement' needs 16 .* may hold 15"):
            played(0, **own | few)
    lab = played(5, learn_after=16, **own)
    lab.evaluate()  # a diagnosis needs a batch, too: it holds transitions twice
    assert lab.seats[0].stopped_at is None


def test_an_evaluation_before_the_first_episode_is_over_reads_the_running_one(tmp_path):
    schedule = replace(SHORT, insert="episode_end", learn_after=200)
    (record,) = train(job(schedule=schedule), tmp_path)
    assert [row["env_step"] for row in record.diagnostics.to_pylist()] == [100, 200]
    assert np.isfinite(record.diagnostics["critic_loss"].to_numpy()).all()


def test_the_next_action_is_chosen_after_the_updates_or_before_them():
    for position, calls in (("after_step", ["update and act"]), ("before_step", ["act", "update"])):
        engine = Still()
        lab = played(60, engine, warmup_steps=10, learn_after=61, update_position=position)
        engine.calls.clear()
        lab.step()
        assert engine.calls == calls
    for position, same in (("after_step", False), ("before_step", True)):
        lab = played(60, ENGINE, warmup_steps=10, learn_after=61, updates_per_burst=3, update_position=position)
        before = ENGINE.init(SMALL, lab.spaces, ENGINE.get_params(lab.state))
        explore = lab.seats[0].streams["explore"]
        state = seeding.get_state(explore)
        noise = explore.standard_normal((1, 1, 1), np.float32)
        seeding.set_state(explore, state)
        lab.step()
        assert lab.updates() == [3]
        frozen = ENGINE.act(before, lab.seats[0].obs[None, None], noise)
        assert np.array_equal(lab.seats[0].action, frozen[0, 0]) == same


@pytest.mark.parametrize(("units", "entropy"), [("unit", 3.0), ("env", 3.0 - np.log(2))])
def test_entropy_is_recorded_of_the_action_in_the_unit_box(units, entropy):
    """The engine says 3 nats; where it means torques in +-2, log 2 of them are the box's."""
    lab = played(5, spec=replace(SMALL, log_prob_units=units))
    lab.evaluate()
    (row,) = [row for row in lab.seats[0].recorder.rows if row["kind"] == "diagnostic"]
    assert row["entropy"] == pytest.approx(entropy)


def test_evaluation_is_the_mean_action_or_a_sample_or_the_mean_before_tanh(tmp_path):
    records = {}
    for action in ("mean", "sample", "unsquashed_mean"):
        own = job(schedule=replace(SHORT, evaluation_action=action))
        (records[action],) = train(own, tmp_path / action)
    kinds = {action: set(record.episodes["kind"].to_pylist()) for action, record in records.items()}
    assert kinds == {"mean": {"mean"}, "sample": {"sample"}, "unsquashed_mean": {"mean"}}
    returns = [tuple(record.episodes["return"].to_pylist()) for record in records.values()]
    assert len(set(returns)) == 3
    for name, array in arrays(tmp_path / "mean").items():  # how it is evaluated changes nothing in the training
        assert np.array_equal(array, arrays(tmp_path / "unsquashed_mean")[name])


class Borrowed:
    """A job in progress that is not the suite's loop."""

    def __init__(self, engine, own, recorders):
        self.env_step, self.budget = 0, own.env_steps
        self.seats = [
            SimpleNamespace(seed=seed, recorder=recorder, stopped_at=None, message="")
            for seed, recorder in zip(own.seeds, recorders, strict=True)
        ]

    @property
    def done(self):
        return self.env_step >= self.budget

    def step(self):
        self.env_step += 1
        if self.env_step % 100 == 0:
            for seat in self.seats:
                seat.recorder.episode(self.env_step, "mean", 0, 7.0 + seat.seed, 3)

    def save(self, checkpoints, clocks):
        raise AssertionError("nobody asked for a checkpoint")

    def resume(self, checkpoints):
        return None

    def networks(self, i):
        return {"theirs": np.full(2, i)}

    def updates(self):
        return [11, 12]


def test_train_drives_another_loop_and_names_its_packages(tmp_path):
    engine = SimpleNamespace(PACKAGES=("scipy", "pandas"), device=lambda: "abacus")
    own = job(seeds=(3, 5))
    records = train(own, tmp_path, engine=engine, make_lab=Borrowed)
    for i, record in enumerate(records):
        assert record.meta.status == "finished" and record.meta.updates == 11 + i
        assert record.episodes["return"].to_pylist() == [7.0 + own.seeds[i]] * 2
        assert {"scipy", "pandas", "gymnasium"} <= set(record.meta.versions) and record.meta.device == "abacus"
        assert np.array_equal(arrays(tmp_path, own.seeds[i])["theirs"], [i, i])


def test_precision_float64_trains(tmp_path):
    (record,) = train(job(spec=replace(SMALL, precision="float64")), tmp_path)
    assert record.meta.status == "finished"
    assert arrays(tmp_path)["actor/w0"].dtype == np.float64


# --- several steps in one, normalised observations, networks that start anew


LATER = {"n_step": 3, "normalise_observations": "running", "reset_networks_every": 50}


def test_rows_of_several_steps_lead_to_where_the_last_step_led():
    """Engines are given sums of what was stored: within an episode, up to its fall or where it was abandoned."""
    engine = Keeping()
    lab = played(120, engine, task="InvertedPendulum-v5", warmup_steps=110, reset_every=7, n_step=3, learn_after=115)
    own, end = stored(lab), row_width(lab.spaces) - 1
    opens = [0, *(step for step in range(1, 120) if not np.array_equal(own[step, :4], own[step - 1, 6:10]))]
    assert np.flatnonzero(own[:, -1]).tolist() == opens and own[:, end].any()
    assert any(not own[step - 1, end] for step in opens[1:])  # abandoned
    lengths = []
    for row in batches_of(engine)[-1]:
        (first,) = [step for step in range(120) if np.array_equal(own[step, :5], row[:5])]
        stop = next((step for step in (*opens, 120) if step > first), 120)
        several = own[first : min(first + 3, stop)]
        lengths.append(len(several))
        assert row[5] == pytest.approx(sum(SMALL.discount**j * reward for j, reward in enumerate(several[:, 5])))
        assert np.array_equal(row[6:10], several[-1, 6:10])
        kept = SMALL.discount ** (len(several) - 1) * (1 - several[-1, end])
        assert row[10] == pytest.approx(1 - kept, abs=1e-6)
    assert set(lengths) >= {2, 3}


def test_engines_see_normalised_observations_and_the_replay_holds_raw_ones():
    class Looking(Keeping):
        def act(self, state, obs, noise):
            self.looked = obs.copy()
            return super().act(state, obs, noise)

    engine = Looking()
    lab = played(250, engine, normalise_observations="running", learn_after=250)
    rows, (seat,) = stored(lab), lab.seats
    acted_at = np.array([*rows[:, :3], seat.obs])
    # the start counts for 1e-4 observations of mean 0 and variance 1
    np.testing.assert_allclose(seat.normaliser.mean, acted_at.mean(0), atol=1e-5)
    np.testing.assert_allclose(seat.normaliser.variance, acted_at.var(0), atol=1e-4)
    assert not np.array_equal(rows[199, 5:8], rows[200, :3])  # an episode's last observation is not acted at
    batch = unpack(last := batches_of(engine)[-1], lab.spaces)
    raw = {tuple(row[3:5]): row for row in rows}
    for obs, next_obs, key in zip(batch.obs, batch.next_obs, last[:, 3:5], strict=True):
        for ours, own in ((obs, raw[tuple(key)][:3]), (next_obs, raw[tuple(key)][5:8])):
            expected = (own - acted_at.mean(0)) / acted_at.std(0)
            np.testing.assert_allclose(ours, np.clip(expected, -10, 10), atol=1e-3)
    before = vars(seat.normaliser).copy()
    lab.evaluate()
    assert all(np.array_equal(before[name], value) for name, value in vars(seat.normaliser).items())
    assert np.abs(engine.looked).max() > 1.5 > np.abs(rows[:, 0]).max()  # a raw cosine is 1 at most
    assert set(lab.networks(0)) >= {"observed/mean", "observed/variance"}


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_networks_start_anew_from_weights_of_their_own_and_the_replay_stays(name):
    engine = implementations.load(name)
    switches = {"warmup_steps": 0, "learn_after": 41, "update_every": 2, "updates_per_burst": 20}
    lab = played(41, engine, reset_networks_every=50, **switches)
    for env_step, updates, reset in ((43, 40, 0), (45, 60, 1), (47, 80, 1), (49, 100, 2), (51, 120, 2), (55, 160, 3)):
        before = None
        while lab.env_step < env_step:
            before = engine.get_params(lab.state)
            lab.step()
        assert lab.updates() == [updates] and len(lab.seats[0].replay) == env_step
        fresh = initial.params(SMALL, lab.spaces, seeding.stream(0, "initial", reset))
        params = engine.get_params(lab.state)
        is_fresh = updates // 50 > (updates - 20) // 50
        for key, value in fresh.items():
            assert np.array_equal(params[key][0], value.astype(np.float32)) == is_fresh, key
        assert params["updates_done"][0] == (0 if is_fresh else before["updates_done"][0] + 20)
        assert not is_fresh or not any(value.any() for key, value in params.items() if key.startswith("adam_"))


def test_the_action_after_a_reset_is_the_new_networks():
    lab = played(89, ENGINE, warmup_steps=0, reset_networks_every=50)
    assert lab.updates() == [50]
    fresh = initial.params(SMALL, lab.spaces, seeding.stream(0, "initial", 1))
    params = {name: value.astype(np.float32)[None] for name, value in fresh.items()}
    explore = seeding.stream(0, "explore")
    noise = [explore.standard_normal((1, 1), np.float32) for _ in range(90)][-1]
    expected = ENGINE.act(ENGINE.init(SMALL, lab.spaces, params), lab.seats[0].obs[None, None], noise[None])
    assert np.array_equal(lab.seats[0].action, expected[0, 0])


def test_seeds_side_by_side_go_as_each_alone():
    together = played(150, ENGINE, seeds=(3, 5), **LATER)
    for i, seed in enumerate((3, 5)):
        alone = played(150, ENGINE, seeds=(seed,), **LATER)
        assert np.array_equal(stored(together, i), stored(alone)) and together.updates()[i] == alone.updates()[0] == 111
        for name, value in ENGINE.get_params(alone.state).items():
            assert np.array_equal(ENGINE.get_params(together.state)[name][i], value[0]), name


RATIO = replace(SMALL, retrace=Retrace(steps=3, decay=0.9, trace="ratio"))


class Choosing:
    """An engine that remembers the parameters and observations at which it last chose an action."""

    def __init__(self, engine):
        self.engine = engine

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def act(self, state, obs, noise):
        self.chosen = self.engine.get_params(state), obs.copy()
        return self.engine.act(state, obs, noise)

    def update(self, state, rows, noise, obs, act_noise):
        state, actions, metrics = self.engine.update(state, rows, noise, obs, act_noise)
        if obs is not None:
            self.chosen = self.engine.get_params(state), obs.copy()
        return state, actions, metrics


@pytest.mark.parametrize("position", ["after_step", "before_step"])
@pytest.mark.parametrize("name", ["torch", "jax"])
def test_a_row_holds_how_likely_its_action_was_to_the_policy_that_chose_it(name, position):
    engine = Choosing(implementations.load(name))
    lab = played(0, engine, spec=RATIO, normalise_observations="running", update_position=position)
    expected, (seat,) = [], lab.seats
    for _ in range(80):
        if seat.warm:
            expected.append(uniform_log_density(seat.action))
        else:
            params, obs = engine.chosen
            then = engine.set_params(engine.init(RATIO, lab.spaces, params), params)
            expected.append(float(engine.log_prob(then, obs, seat.action[None, None])[0, 0]))
        lab.step()
    assert stored(lab)[:, -2] == pytest.approx(expected, rel=1e-6)
    assert lab.updates() == [41] and len({*expected}) == 80


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_seeds_side_by_side_with_further_steps_go_as_each_alone(name):
    """Rows to the bit in torch; a block of jax rounds otherwise."""
    engine = implementations.load(name)
    together = played(100, engine, seeds=(3, 5), spec=RATIO, normalise_observations="running")
    for i, seed in enumerate((3, 5)):
        alone = played(100, engine, seeds=(seed,), spec=RATIO, normalise_observations="running")
        assert together.updates()[i] == alone.updates()[0] == 61
        np.testing.assert_allclose(stored(together, i), stored(alone), rtol=0, atol=0 if name == "torch" else 1e-3)


def test_engines_see_the_further_steps_normalised_and_whole_traces_ask_for_no_density():
    engine, whole = Keeping(), replace(SMALL, retrace=Retrace(steps=3, decay=1.0, trace="whole"))
    lab = played(250, engine, spec=whole, normalise_observations="running", learn_after=250)
    rows, (seat,) = stored(lab), lab.seats
    last = unpack(batches_of(engine)[-1], lab.spaces, 2)
    known = {tuple(row[3:5]): n for n, row in enumerate(rows)}
    going = 0
    for i, key in enumerate(zip(last.action[:, 0], last.reward, strict=True)):
        n = known[key]
        for further, step in enumerate(last.further, start=1):
            goes_on = n + further < 250 and not rows[n + 1 : n + further + 1, -1].any()
            assert step.goes_on[i] == goes_on and step.log_prob[i] == 0
            if goes_on:
                np.testing.assert_array_equal(step.next_obs[i], seat.seen(rows[n + further, 5:8]))
                assert step.reward[i] == rows[n + further, 4] and step.action[i, 0] == rows[n + further, 3]
                going += 1
    assert going > len(last.reward)


def test_several_steps_are_summed_or_weighed_and_not_both():
    with pytest.raises(SpecError, match=r"retrace.*n_step 3"):
        played(0, spec=RATIO, n_step=3)


@pytest.mark.parametrize("preset", ["soft_q_learning", "haarnoja_gmm"])
def test_relatives_learn_from_several_steps_and_start_anew_too(preset):
    spec = replace(load_preset(preset).SPEC, hidden=(8, 8))
    engine = implementations.load("torch", type(spec).__name__)
    ends = [played(120, engine, "MultiGoal-v0", spec=spec, **switches) for switches in ({}, LATER, {"n_step": 3})]
    assert [lab.updates() for lab in ends] == [[81]] * 3
    assert [int(engine.get_params(lab.state)["updates_done"][0]) for lab in ends] == [81, 31, 81]
    assert len({float(engine.get_params(lab.state)["critic1/w0"].sum()) for lab in ends}) == 3


def test_arms_side_by_side_discount_by_their_own():
    own = job(schedule=replace(SHORT, **LATER))
    other = job(seeds=(1,), spec=replace(SMALL, discount=0.5), schedule=own.schedule)._replace(origin=Origin())
    lab = Lab(implementations.load("jax"), own._replace(beside=(other,)), [training.Recorder("r") for _ in range(2)])
    assert [seat.replay.discount for seat in lab.seats] == [SMALL.discount, 0.5]


def test_a_diagnosis_compares_the_value_at_the_observation_that_the_engine_sees():
    """Q is asked at the first states as the engine sees them; the return that it is compared with is of raw rewards."""
    lab = played(90, ENGINE, normalise_observations="running", learn_after=60)
    seen = {}

    class Explaining:
        def __getattr__(self, name):
            return getattr(ENGINE, name)

        def explain(self, state, rows, noise):
            seen.setdefault("rows", []).append(rows.copy())
            return ENGINE.explain(state, rows, noise)

    lab.engine = Explaining()
    lab.job = lab.job._replace(evaluate_every=90)
    lab.evaluate()
    _, start = seen["rows"]
    first = np.stack([env.reset(seeding.integer(0, "evaluate", 1, n)) for n, env in enumerate(lab.evaluation._envs[0])])
    np.testing.assert_allclose(start[0, 0, :2, :3], lab.seats[0].seen(first), rtol=1e-6)


# --- every switch of the schedule is alive

LATE = {"warmup_steps": 0, "learn_after": 200}
EPOCHS = {"warmup_steps": 50, "warmup_rounding": "epoch", "epoch_steps": 40}
SWITCHES = {
    "warmup_steps": [({}, 20)],
    "warmup_range": [({"action_to_env": "clip"}, "env")],
    "warmup_rounding": [({}, "episode"), ({"epoch_steps": 50}, "epoch")],
    "epoch_steps": [(EPOCHS, 90)],
    "learn_after": [({}, 45)],
    "update_every": [({}, 3)],
    "updates_per_burst": [({}, 2)],
    "learn_in_warmup": [({}, False)],
    "update_position": [({}, "before_step"), ({}, "after_episode")],
    "sampling": [({}, "without_replacement")],
    "replay_capacity": [({}, 30)],
    "insert": [(LATE, "episode_end"), ({}, "next_step")],
    "time_limit": [({}, "terminal"), ({}, BootstrapAtLength(steps=1000))],
    "n_step": [({}, 3)],
    "normalise_observations": [({}, "running")],
    "reset_networks_every": [({}, 100)],
    "reset_every": [({}, 70), ({}, ResetFromWarmup(every=None)), ({}, ResetFromWarmup(every=70))],
    "action_to_env": [({}, "clip")],
    "evaluation_action": [({}, "sample"), ({}, "unsquashed_mean")],
}
"""By field: what else is set, and a value that differs from SHORT's."""


def course(**switches) -> tuple:
    """Everything of 205 steps that a schedule can move: actions, stored rows, updates by step, evaluation returns."""
    lab = played(205, ENGINE, **switches)
    lab.job = lab.job._replace(evaluate_every=205)
    lab.evaluate()
    returns = [row["return"] for row in lab.seats[0].recorder.rows if "return" in row]
    rows = stored(lab)[:, : row_width(lab.spaces)]
    return np.array(lab.actions).tolist(), rows.tolist(), lab.counts, returns


@pytest.mark.parametrize(
    ("field", "others", "value"),
    [(field, others, value) for field, cases in SWITCHES.items() for others, value in cases],
    ids=lambda value: str(value) if isinstance(value, str | int) else "",
)
def test_every_switch_of_the_schedule_is_alive(field, others, value):
    assert course(**others) != course(**others | {field: value})


def test_the_switches_walked_are_all_there_are():
    assert set(SWITCHES) == {field.name for field in fields(Schedule)}
    for field, choices in schedule_choices.items():
        assert {getattr(SHORT, field), *(value for _, value in SWITCHES[field])} >= set(choices), field


def test_a_precision_that_the_processor_has_no_instructions_for_is_told(monkeypatch):
    rounded = replace(SMALL, precision="bfloat16_hidden")
    for has, told in {("avx2", "avx512f"): True, ("avx2", "avx512f", "avx512_bf16"): False, (): False}.items():
        monkeypatch.setattr("suite.lab.machine.instructions", lambda has=has: has)
        assert bool(slowness(rounded)) is told and slowness(SMALL) is None

"""Packages in the laboratory: their own loops leave the suite's records, and what they cannot do is said beforehand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from builders.runs import ROOT, job, places, suite
from click.testing import CliRunner

import implementations
from implementations.adapters import stable_baselines3, tianshou
from suite.cli import main
from suite.errors import UsageError
from suite.lab import loop, training
from suite.lab.evaluation import Evaluation
from suite.lab.package_loop import CHUNK, Guest
from suite.lab.records import arrays_path, read
from suite.lab.tasks import TASKS
from suite.sac import numerics
from suite.sac.schedule import ResetFromWarmup
from suite.sac.spec import FixedAlpha, LearnedAlpha, Retrace
from suite.specimens import proofs
from suite.specimens.catalogue import load_preset
from suite.study import gather, rules
from suite.study.plan import Plan

PEERS = sorted(implementations.PEERS)
TIANSHOU = implementations.PEERS["tianshou"].environment

TRAINS = """
import importlib, sys
from dataclasses import replace
from pathlib import Path
import implementations
from suite.lab import package_loop, training
from suite.lab.loop import Place
from suite.sac.contract import Job

name, folder = sys.argv[1], Path(sys.argv[2])
own, trainer = importlib.import_module(f"implementations.presets.{name}"), implementations.load(name)
spec = replace(own.SPEC, hidden=(16, 16), batch_size=16)
plain = {"warmup_steps": 60, "learn_after": 61, "replay_capacity": 150}
cases = {
    "whole": (500, {}),
    "pieces": (30, {"evaluation_action": "sample"}),
    "bursts": (30, {"update_every": 4, "updates_per_burst": 3, "learn_after": 64}),
}
for case, (package_loop.CHUNK, changes) in cases.items():
    job = Job("Pendulum-v1", name, "0123456789", spec, replace(own.SCHEDULE, **plain | changes), 100, 2, 300, (3,))
    place = Place(folder / f"{case}.parquet", folder / case)
    training.train(trainer, job, [place], checkpoint_seconds=1e9, make_lab=package_loop.Guest)
"""


@pytest.fixture(scope="module", params=PEERS)
def trained(request, tmp_path_factory):
    """A package's name and the records and arrays of three short runs of it, each by what is odd about it."""
    name, interpreter, folder = request.param, sys.executable, tmp_path_factory.mktemp(request.param)
    if name == "tianshou":
        if not (TIANSHOU / "ready").exists():
            pytest.skip("tianshou needs its own environment: make .venv-tianshou/ready")
        interpreter = str(TIANSHOU / "bin/python")
    else:
        pytest.importorskip(name)
    command, environment = [interpreter, "-c", TRAINS, name, str(folder)], os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    records = {path.stem: read(path) for path in folder.glob("*.parquet")}
    arrays = {}
    for case in records:
        with np.load(arrays_path(folder / f"{case}.parquet")) as file:
            arrays[case] = {part: file[part] for part in file.files}
    return name, records, arrays


# --- what they leave


def test_a_package_leaves_a_record_like_an_engine(trained):
    name, records, arrays = trained
    record = records["whole"]
    meta = record.meta
    assert meta.status == "finished" and meta.last_env_step == 300 and meta.stopped_at is None
    assert meta.implementation == name and meta.seed == 3 and meta.env_steps == 300
    assert set(implementations.load(name).PACKAGES) <= set(meta.versions)
    assert record.episodes["env_step"].to_pylist() == [100, 100, 200, 200, 300, 300]
    assert record.episodes["episode"].to_pylist() == [0, 1] * 3
    assert set(record.episodes["kind"].to_pylist()) == {"mean"}
    assert set(records["pieces"].episodes["kind"].to_pylist()) == {"sample"}
    assert set(record.episodes["length"].to_pylist()) == {200}
    assert all(-2000 < value < 0 for value in record.episodes["return"].to_pylist())
    assert all(array.size and np.isfinite(array).all() for array in arrays["whole"].values())
    assert any("actor" in part for part in arrays["whole"]) and not any("target" in part for part in arrays["whole"])


def test_updates_are_those_of_the_schedule(trained):
    _, records, _ = trained
    assert records["whole"].diagnostics["updates"].to_pylist() == [40, 140, 240]  # one a step from step 61 on
    assert records["whole"].meta.updates == 240
    assert records["bursts"].meta.updates == 3 * 60  # three after each fourth step from step 64 on
    alpha = records["whole"].diagnostics["alpha"].to_pylist()
    assert alpha == [pytest.approx(0.2)] * 3 if trained[0] == "tianshou" else 1 > alpha[0] > alpha[1] > alpha[2] > 0.8


def test_neither_pieces_nor_evaluations_move_the_training(trained):
    """Learnt 30 steps at a time, and with thousands of actions drawn in its evaluations, it comes to the same bits."""
    _, records, arrays = trained
    assert arrays["pieces"].keys() == arrays["whole"].keys()
    assert all(np.array_equal(arrays["pieces"][part], value) for part, value in arrays["whole"].items())
    returns = records["pieces"].episodes["return"].to_pylist()
    assert not set(returns) & set(records["whole"].episodes["return"].to_pylist())


# --- what they can be asked for


@pytest.mark.parametrize("name", PEERS)
def test_a_package_supports_its_own_defaults_and_the_common_configuration(name):
    trainer = implementations.load(name)
    for preset in (name, f"{name}_common"):
        own = load_preset(preset)
        assert trainer.supports(own.SPEC, own.SCHEDULE) is None


@pytest.mark.parametrize("name", PEERS)
def test_what_a_package_cannot_do_is_a_reason(name):
    trainer, own = implementations.load(name), load_preset(name)
    learned = LearnedAlpha(init=0.1, entropy_per_dim=-0.5, objective="log_alpha", sample="actor", lr=own.SPEC.actor_lr)

    def reason(changes=(), schedule=()):
        return trainer.supports(replace(own.SPEC, **dict(changes)), replace(own.SCHEDULE, **dict(schedule)))

    for temperature in (learned, FixedAlpha(value=0.3)):
        assert reason({"temperature": temperature, "discount": 0.9, "tau": 0.01, "hidden": (8, 8, 8)}) is None
    assert reason({}, {"warmup_steps": 40, "learn_after": 44, "update_every": 4, "updates_per_burst": 2}) is None
    sentence = f"{name} has no switch for actor_reduce: it is 'min' there, 'mean' here"
    assert reason({"actor_reduce": "mean"}) == sentence
    assert reason({"adam": replace(own.SPEC.adam, eps=1e-3)}).startswith(f"{name} has no switch for adam.eps: ")
    corrected = {"retrace": Retrace(steps=3, decay=1.0, trace="ratio")}
    assert reason(corrected).startswith(f"{name} has no switch for retrace: it is None there, Retrace(steps=3, ")
    assert "no switch for time_limit" in reason({}, {"time_limit": "terminal"})
    assert "learn_after must be 41, not 40" in reason({}, {"warmup_steps": 40, "learn_after": 40})
    assert "by its mean or a sample" in reason({}, {"evaluation_action": "unsquashed_mean"})
    assert "'log_alpha'" in reason({"temperature": replace(learned, objective="alpha")})
    assert "'actor'" in reason({"temperature": replace(learned, sample="fresh")})
    assert "temperature.init must be a number" in reason({"temperature": replace(learned, init=None)})


def test_learning_rates_are_as_many_as_the_package_has():
    for name, changes, words in (
        ("stable_baselines3", {"critic_lr": 1e-2}, "one learning rate"),
        ("sbx", {"critic_lr": 1e-2}, None),
        ("sbx", {"actor_lr": 1e-2}, "one learning rate beside the critics'"),
        ("tianshou", {"actor_lr": 1e-2, "critic_lr": 1e-4}, None),
    ):
        own = load_preset(name)
        reason = implementations.load(name).supports(replace(own.SPEC, **changes), own.SCHEDULE)
        assert reason is None if words is None else words in reason


def test_the_number_of_critics_where_there_is_a_switch():
    single = {"critics": 1, "target_reduce": "first", "actor_reduce": "first"}
    for name, words in (("stable_baselines3", None), ("sbx", None), ("tianshou", "no switch for critics")):
        own = load_preset(name)
        reason = implementations.load(name).supports(replace(own.SPEC, **single), own.SCHEDULE)
        assert reason is None if words is None else words in reason


RESETS = """
from dataclasses import replace
import implementations
from implementations.presets import tianshou as own
from suite.lab import scripted
from suite.sac.contract import Job

task, begun = scripted.register(200, (scripted.Episode(200, "limit"),)), []
for reset_every in (own.SCHEDULE.reset_every, None):
    schedule = replace(own.SCHEDULE, warmup_steps=50, learn_after=51, replay_capacity=100, reset_every=reset_every)
    spec = replace(own.SPEC, hidden=(4,), batch_size=4)
    loop = implementations.load("tianshou").start(Job(task, "tianshou", "", spec, schedule, 100, 1, 100, (0,)))
    for env_steps in (30, 20, 20):
        loop.learn(env_steps)
        begun.append(loop.collector.env.workers[0].env.unwrapped.begun)
print(begun)
"""


def test_tianshou_abandons_an_episode_with_its_warm_up_or_not_at_all():
    own, supports = load_preset("tianshou"), implementations.load("tianshou").supports
    assert supports(own.SPEC, replace(own.SCHEDULE, reset_every=None)) is None
    for other in (1000, ResetFromWarmup(every=1000)):
        assert "reset_every must" in supports(own.SPEC, replace(own.SCHEDULE, reset_every=other))
    if not (TIANSHOU / "ready").exists():
        pytest.skip("tianshou needs its own environment: make .venv-tianshou/ready")
    command, environment = [str(TIANSHOU / "bin/python"), "-c", RESETS], os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    first, *begun = json.loads(done.stdout)
    assert [each - first for each in begun] == [1, 1, 0, 0, 0], done.stderr


# --- in a plan


def write(folder, **sweep):
    """A config of one sweep on Pendulum-v1."""
    usual = {"tasks": ["Pendulum-v1"], "env_steps": 200, "evaluate": {"every": 100, "episodes": 2}, "seeds": 2}
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({"sweeps": [usual | sweep], "results": str(folder / "results")}))
    return path


def test_a_plan_imports_no_package(tmp_path):
    for name in PEERS:
        path = write(tmp_path, implementations=[name, "jax"], presets=[name, f"{name}_common"])
        code = f"import sys; from suite.study.plan import Plan; Plan({str(path)!r}); print(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        heavy = {"torch", "jax", "stable_baselines3", "sbx", "tianshou", "gymnasium", "pandas", "pyarrow"}
        assert not set(done.stdout.split()) & heavy


def test_what_a_package_cannot_do_is_told_before_anything_runs(tmp_path):
    path = write(tmp_path, implementations=["torch", "sbx"], presets=["stable_baselines3_common"])
    done = suite("plan", "--config", path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "sweeps[0]: sbx cannot train stable_baselines3_common on Pendulum-v1: sbx has no switch for " in done.stderr
    path = write(tmp_path, implementations=["sbx"], ablations=["temperature"], baseline="stable_baselines3")
    with pytest.raises(UsageError, match=r"sbx cannot train temperature/learned \(preset stable_baselines3\)"):
        Plan(path)


def test_a_package_trains_each_seed_alone(tmp_path):
    plan = Plan(write(tmp_path, implementations=["jax", "sbx"], presets=["sbx"], seeds=4))
    cells = {rule.name: rule.cells for rule in rules.of_training(plan, {"seeds_per_job": 3})}
    assert set(cells) == {"block_0_1_2", "block_3", "block_0", "block_1", "block_2"}
    assert "/sbx/" not in cells["block_0_1_2"] and "/jax/" not in cells["block_0"]
    assert "/sbx/" in cells["block_3"] and "/jax/" in cells["block_3"]
    records = [run.record for run in plan.runs.values() if run.cell.implementation == "sbx"]
    done = suite("run", "--config", plan.path, *records[:2])
    assert done.returncode == 2 and "sbx trains sbx one seed in a process; name one record" in done.stderr


def test_a_missing_environment_is_one_sentence(tmp_path, monkeypatch):
    peers = implementations.registered()
    absent = peers | {"tianshou": implementations.PEERS["tianshou"]._replace(interpreter=".venv-nowhere/bin/python")}
    monkeypatch.setattr(implementations, "registered", lambda: absent)
    path = write(tmp_path, implementations=["tianshou"], presets=["tianshou"])
    record = next(iter(Plan(path).runs))
    done = CliRunner().invoke(main, ["run", "--config", str(path), record])
    assert done.exit_code == 2
    assert done.output == "error: tianshou needs its own environment: make .venv-nowhere/ready\n"
    assert not (tmp_path / "results").exists()
    monkeypatch.setattr(implementations.load("sbx"), "PACKAGES", ("no-such-package",))
    with pytest.raises(UsageError, match="sbx needs no-such-package, which is not installed here"):
        Plan(write(tmp_path, implementations=["sbx"], presets=["sbx"])).check_environments()


def test_run_enters_the_side_environment_and_gather_knows_the_record(tmp_path):
    if not (TIANSHOU / "ready").exists():
        pytest.skip("tianshou needs its own environment: make .venv-tianshou/ready")
    plan = Plan(write(tmp_path, implementations=["tianshou"], presets=["tianshou"], seeds=1))
    (record,) = plan.runs
    done = suite("run", "--config", plan.path, record, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "tianshou" in read(tmp_path / record).meta.versions
    done = suite("gather", "--config", plan.path)
    assert done.returncode == 0 and done.stdout.split() == ["1", "finished"], done.stderr


def test_what_an_adapter_builds_on_is_part_of_its_code():
    """sbx builds on stable_baselines3's adapter; all on package_loop.py; an engine on neither."""
    names = [path.name for path in numerics.part_files("engine.sbx", ["implementations.adapters.sbx"], trainer=True)]
    assert sorted(names) == ["__init__.py", "package_loop.py", "sbx.py", "stable_baselines3.py"]
    assert ROOT / "implementations/sac_jax.py" in numerics.part_files("engine.jax", ["implementations.sac_jax"])


# --- the guest itself, with a package that does nothing


class Idle:
    """See suite.contract.Trainer and Loop: a package whose action is a constant, with weights and faults to choose."""

    FRAMEWORK, PACKAGES = "numpy", ("numpy",)

    def __init__(self, action=0.25, weight=1.0, fails_at=None):
        self.action, self.weight, self.fails_at, self.learned = action, weight, fails_at, []

    def supports(self, spec, schedule):
        return None if spec.critics == 2 else "idle has two critics"

    def start(self, own):
        return self

    def device(self):
        return None

    def learn(self, env_steps):
        self.learned.append(env_steps)
        if self.fails_at is not None and sum(self.learned) >= self.fails_at:
            raise ValueError("a distribution refuses what it is given")

    def act(self, obs, deterministic):
        return np.full((len(obs), 1), self.action, np.float32)

    def alpha(self):
        return 0.5

    def updates(self):
        return sum(self.learned)

    def networks(self):
        return {"weight": np.array(self.weight)}


def train(trainer, own, folder, **options):
    (place,) = places(folder, own.seeds[:1])
    options = {"checkpoint_seconds": 1e9, "make_lab": Guest, "say": lambda line: None} | options
    training.train(trainer, own, [place], **options)
    return read(place.record)


def test_a_guest_plays_the_episodes_an_engine_would(tmp_path):
    own = job(env_steps=2200, every=1100, seeds=(5,))
    idle = Idle()
    record = train(idle, own, tmp_path)
    assert idle.learned == [*[CHUNK] * 5, 100] * 2
    evaluation = Evaluation(own.seats)
    for index in (1, 2):
        episodes = evaluation.play(lambda obs, noise: np.full((1, 2, 1), 0.25, np.float32), index, [True])
        rows = [row for row in record.episodes.to_pylist() if row["env_step"] == 1100 * index]
        assert [row["return"] for row in rows] == list(episodes.returns[0])
    told = record.diagnostics.to_pylist()
    assert [(row["alpha"], row["updates"], row["q_bias"]) for row in told] == [(0.5, 1100, None), (0.5, 2200, None)]
    assert record.meta.origin.study == "test"


def test_a_guest_plays_final_episodes_too(tmp_path):
    own = job(env_steps=400, every=200, seeds=(5,))
    plain, more = (
        train(Idle(), own, tmp_path / "plain"),
        train(Idle(), own._replace(final_episodes=5), tmp_path / "more"),
    )
    assert more.episodes.equals(plain.episodes) and more.diagnostics.equals(plain.diagnostics)
    assert len(set(more.final_returns)) == 5 and not len(plain.final_returns)
    assert more.final_returns[:2].tolist() == more.episodes["return"].to_pylist()[-2:]


def test_weights_that_are_no_numbers_are_a_divergence(tmp_path):
    record = train(Idle(action=np.nan), job(env_steps=400), tmp_path / "act")
    assert record.meta.status == "diverged" and record.meta.stopped_at == 100
    assert "not a finite number" in record.meta.message and record.rows.num_rows == 0
    record = train(Idle(weight=np.nan, fails_at=250), job(env_steps=400), tmp_path / "learn")
    assert record.meta.status == "diverged" and record.meta.stopped_at == 300


def test_an_exception_at_sound_weights_is_a_crash(tmp_path):
    with pytest.raises(ValueError, match="a distribution refuses"):
        train(Idle(fails_at=250), job(env_steps=400), tmp_path / "first", last_attempt=False)
    record = train(Idle(fails_at=250), job(env_steps=400), tmp_path / "last")
    assert record.meta.status == "crashed" and record.meta.message.startswith("ValueError: a distribution")


def test_a_package_that_takes_no_notice_of_its_seed_is_found_out(tmp_path, monkeypatch):
    """Each seed has environments of its own, so that returns differ; what was learnt does not."""
    known = implementations.registered() | {"idle": implementations.Entry("numpy", trainer=True)}
    monkeypatch.setattr(implementations, "registered", lambda: known)
    monkeypatch.setattr(implementations, "load", lambda name: Idle())
    plan = Plan(write(tmp_path, implementations=["idle"], presets=["sac_v2_small"]))
    (cell,) = plan.cells
    for run in plan.runs.values():
        place = loop.Place(Path(run.record), plan.work(cell, run.seed))
        own = cell.job((run.seed,), plan.study, plan.declaration_id)
        made_by = proofs.present("idle", cell.spec, cell.schedule, cell.task)
        options = {"checkpoint_seconds": 1e9, "make_lab": Guest}
        training.train(Idle(), own, [place], lambda job, made_by=made_by: made_by, say=lambda line: None, **options)
    runs = gather.gather(plan)["runs"]
    assert set(runs["status"]) == {"invalid"} and not runs["stale"].any()
    assert set(runs["message"]) == {"seeds 0 and 1 ended with equal parameters: the seed is not wired"}


def test_a_package_at_its_time_limit_starts_again(tmp_path):
    record = train(Idle(), job(env_steps=1000, every=500), tmp_path, time_limit_hours=1e-9)
    assert record.meta.status == "timeout" and record.meta.last_env_step == CHUNK
    record = train(Idle(), job(env_steps=1000, every=500), tmp_path)
    assert record.meta.status == "finished" and len(record.meta.attempts) == 1


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (job(seeds=(0, 1)), "one seed in a process, not 2"),
        (job(schedule=replace(job().schedule, update_every=3)), "a multiple of 3"),
        (job(spec=replace(job().spec, critics=1, target_reduce="first", actor_reduce="first")), "two critics"),
    ],
)
def test_a_guest_refuses_what_it_cannot_do(own, words):
    with pytest.raises(ValueError, match=words):
        Guest(Idle(), own, [SimpleNamespace() for _ in own.seeds])


def test_samples_of_an_evaluation_are_not_made_of_the_numbers_that_training_draws():
    """PyTorch's generator takes 32 bits of a seed: 2**32 + 3 is 3 again."""
    torch = pytest.importorskip("torch")
    of_training = torch.randn(8, generator=torch.Generator().manual_seed(3))
    for package in (stable_baselines3.Loop(None, 3), tianshou.Loop(None, None, job(seeds=(3,)))):
        sampling = torch.Generator()
        sampling.set_state(package.sampling)
        assert not torch.equal(torch.randn(8, generator=sampling), of_training)


def test_nothing_is_learnt_before_an_episode_is_over(tmp_path, monkeypatch):
    schedule = replace(load_preset("sac_v2").SCHEDULE, insert="episode_end", learn_after=199)
    monkeypatch.setattr(
        "suite.specimens.catalogue._resolved", lambda preset, task: (load_preset("sac_v2").SPEC, schedule)
    )
    path = write(tmp_path, implementations=["jax"], presets=["sac_v2"])
    words = (
        "sac_v2 has nothing to learn from before an episode has ended: learn_after must be at least 200 on Pendulum-v1"
    )
    with pytest.raises(UsageError, match=words):
        Plan(path)
    schedule = replace(schedule, learn_after=TASKS["Pendulum-v1"].time_limit)
    assert Plan(path).runs

"""The code bases as files: equal to the engine at their presets, to the originals' own updates, and to their loops."""

from __future__ import annotations

import importlib
import runpy
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
from builders.codebases import AsEngine, Script, Stage, constants, framework
from builders.runs import ROOT, job, places
from gymnasium.envs.classic_control import PendulumEnv
from scipy.stats import ks_2samp

import implementations
from implementations.codebases import CODEBASES
from suite.lab import training
from suite.lab.package_loop import Guest
from suite.lab.records import arrays_path, read
from suite.lab.scripted import Episode
from suite.lab.tasks import TASKS
from suite.sac import numerics, weights
from suite.sac.spec import BatchRenorm, SpecError
from suite.specimens import conformance, loops
from suite.specimens.cases import SPACES, at, inputs, shrunk, start
from suite.specimens.catalogue import load_preset, resolve, with_changes

UPDATES = 20

TOLERANCE, SATURATED = 1e-12, 1e-8
"""Of a network's largest parameter: a file and the engine are the same formulas in float64, so that only the order of
additions differs. Where actions saturate, the last digit of tanh (1e-16) stands beside the floor of the logarithm."""


def module_of(name):
    return importlib.import_module(f"implementations.codebases.{name}")


def within_reach(spec):
    """The spec, with what it does seldom or late done in a test's updates."""
    changes = {"actor_every": min(spec.actor_every, 5)}
    if spec.target_copy_every:
        changes["target_copy_every"] = 7
    if isinstance(spec.critic_norm, BatchRenorm):
        changes |= dict.fromkeys(("critic_norm", "actor_norm"), replace(spec.critic_norm, warmup=2))
    return replace(spec, **changes)


@pytest.mark.parametrize("case", ["plain", "saturated", "clipped"])
@pytest.mark.parametrize("name", CODEBASES)
def test_a_file_is_the_engine_at_its_preset(name, case, monkeypatch):
    spec = within_reach(at(shrunk(load_preset(name).SPEC), "float64"))
    if spec.target_copy_every:
        monkeypatch.setattr(module_of(name), "TRAIN_STEPS", spec.target_copy_every)
    engine, file = implementations.load("torch"), AsEngine(module_of(name), monkeypatch)
    params = start(spec, 3)
    if case == "clipped":  # of every log std one beyond either bound
        params["actor/b_log_std"][:] = -23.0, 3.0
    rows, noise, _, _ = inputs(spec, updates=UPDATES, noise_scale=30.0 if case == "saturated" else 0.3)
    theirs, ours = engine.init(spec, SPACES, params), file.init(spec, SPACES, params)
    allowed, compared = TOLERANCE if case == "plain" else SATURATED, set[str]()
    for k in range(UPDATES):
        theirs, seen = engine.explain(theirs, rows[:, k : k + 1], noise[:, k : k + 1])
        ours, told = file.explain(ours, rows[:, k : k + 1], noise[:, k : k + 1])
        expected, found = engine.get_params(theirs), file.get_params(ours)
        for key, value in found.items():
            net = key.split("/")[0]
            scale = max(np.abs(other).max() for name, other in expected.items() if name.split("/")[0] == net)
            assert np.abs(value - expected[key]).max() <= allowed * scale, (k, key)
        compared |= told.keys() & seen.keys()
        for key in told.keys() & seen.keys():
            scale = np.abs(seen[key]).max()
            assert np.abs(told[key] - seen[key]).max() <= 10 * allowed * scale, (k, key)
    assert compared >= {"critic1_loss", "target_quantiles" if spec.quantiles else "target_q", "log_prob"}


@pytest.mark.parametrize("name", CODEBASES)
def test_a_file_has_the_sizes_of_its_preset(name):
    """What the other tests make small."""
    module, own = module_of(name), load_preset(name)
    sizes = constants(module, own.SPEC)
    assert sizes == {size: getattr(module, size) for size in sizes} and {"HIDDEN", "BATCH"} <= sizes.keys()
    assert own.SCHEDULE.replay_capacity == module.CAPACITY


@pytest.mark.parametrize("name", CODEBASES)
def test_a_file_starts_as_its_preset_says(name, monkeypatch):
    """Forty networks of each look like forty of the suite's: by every parameter's distribution, and the targets'."""
    spec = replace(shrunk(load_preset(name).SPEC), hidden=(24, 16), precision="float64")
    file, own, theirs = AsEngine(module_of(name), monkeypatch), [], []
    for seed in range(40):
        theirs.append(weights.params(spec, SPACES, np.random.default_rng(seed)))
        own.append({key: value[0] for key, value in file.get_params(file.init(spec, SPACES, None, seed)).items()})
    for key in theirs[0]:
        ours, expected = (np.concatenate([one[key].ravel() for one in every]) for every in (own, theirs))
        if np.ptp(expected) == 0:
            assert (ours == expected).all(), key
        else:
            assert ks_2samp(ours, expected).pvalue > 1e-4, key
            assert 0.8 <= np.ptp(ours) / np.ptp(expected) <= 1.25, key  # forty draws reach 95 % of their range
        if key.startswith("target_"):
            online = key.removeprefix("target_")
            assert np.allclose(own[0][key], own[0][online]) == np.allclose(theirs[0][key], theirs[0][online]), key


VECTORS = sorted(path for path in (ROOT / "tests/vectors").glob("*.npz") if path.stem.split("-")[0] in CODEBASES)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_a_file_arrives_at_the_numbers_of_its_original(path, monkeypatch):
    recorded = conformance.read(path)
    if recorded.case == "nstep3":  # this file tells what became of its actions, and not the actions
        for key in [key for key in recorded.arrays if key.endswith("pi_action")]:
            del recorded.arrays[key]
    file = AsEngine(module_of(recorded.preset), monkeypatch)
    monkeypatch.setattr(implementations, "load", lambda name, *kind: file)
    verdict = conformance.verdict(recorded, load_preset(recorded.preset).SPEC, recorded.preset, "float64")
    assert {"expect", "after"} <= set(verdict.deviations)
    assert verdict.passed, verdict


TOLD = {
    "cleanrl_common-mixed": {"LEARNING_STARTS": 10_000},
    "coach-mixed": {"HEATUP_STEPS": 1_500},
    "stable_baselines3_common-mixed": {"LEARNING_STARTS": 10_000},
}
"""What an original was told otherwise than it does by itself, by recorded loop."""

SCHEDULES = sorted(
    path
    for path in (ROOT / "tests/schedules").glob("*.npz")
    if path.stem.split("-")[0].removesuffix("_common") in CODEBASES
)


@pytest.mark.parametrize("path", SCHEDULES, ids=lambda path: path.stem)
def test_a_file_does_step_by_step_what_its_original_did(path, monkeypatch):
    script = Script(path)
    module = module_of(script.meta["preset"].removesuffix("_common"))
    for constant, value in TOLD.get(path.stem, {}).items():
        monkeypatch.setattr(module, constant, value)
    stage = Stage(module, script, monkeypatch)
    assert script.differences(stage.play()) == {}  # also where the preset declares that it differs


def test_spinning_up_of_2018_learns_when_an_episode_is_over_once_for_each_of_its_steps(monkeypatch):
    """No loop of it is recorded."""
    episodes = [(137, "fall"), (1000, "limit"), (45, "fall"), (1000, "fall"), (300, "fall")]
    script = SimpleNamespace(meta={"steps": 2_300, "time_limit": 1000, "episodes": episodes})
    played = Stage(module_of("spinningup_2018"), script, monkeypatch).play()
    ends = dict(zip(np.cumsum([length for length, _ in episodes[:4]]).tolist(), episodes[:4], strict=True))
    bursts = {at + 1: int(count) for at, count in enumerate(played["updates"]) if count}
    assert bursts == {end: length for end, (length, _) in ends.items()}
    assert all(played["stored"][end - 1] == end for end in ends)
    assert (np.flatnonzero(played["stored_done"]) + 1).tolist() == [137, 1182], "a fall at step 1,000 is stored as none"
    assert (np.flatnonzero(played["reset"]) + 1).tolist() == list(ends) and played["uniform"].all()


@pytest.mark.parametrize("name", [name for name in CODEBASES if load_preset(name).PER_TASK])
def test_what_depends_on_the_task_is_in_the_file_as_in_its_preset(name):
    """The warm-up's length, the first update and the reward's scale, on every task that has ones of its own."""
    for task, (warmup, first, scale) in distinct(name).items():
        limit = TASKS[task].time_limit
        meta = {"steps": max(warmup, first, limit) + 1, "time_limit": limit, "episodes": [(limit, "limit")]}
        with pytest.MonkeyPatch.context() as patch:
            stage = Stage(module_of(name), SimpleNamespace(meta=meta), patch)
            played = stage.play(task)
            assert np.argmin(np.append(played["uniform"], False)) == warmup, task
            assert np.argmax(played["updates"] > 0) + 1 == first, task
            assert getattr(stage.agent, "reward_scale", 1.0) == scale, task


def distinct(name):
    """A task for each warm-up's length, first update and reward's scale that the preset has."""
    tasks = {}
    for task in TASKS:
        spec, schedule = resolve(name, task, {})
        after_episode = schedule.update_position == "after_episode"
        first = TASKS[task].time_limit if after_episode else schedule.learn_after
        tasks[schedule.warmup_steps, first, spec.reward_scale] = task
    return {task: values for values, task in tasks.items()}


def test_redq_aims_on_every_task_at_the_entropy_of_its_preset():
    module = module_of("redq")
    for task, of in TASKS.items():
        agent = next(module.train(task, 0, make_env=lambda task: gym.make("Pendulum-v1")))
        dimensions = of.action_dim if task.split("-")[0] in module.TARGET_ENTROPY else 1
        assert agent.target_entropy == resolve("redq", task, {})[0].target_entropy(dimensions), task


@pytest.mark.parametrize(("name", "env_steps"), [("sbx", 300), ("spinningup", 1_100)])  # past the first updates
def test_a_file_trains_by_itself(name, env_steps, tmp_path):
    returned = run_by_itself(name, tmp_path, env_steps)
    assert -2_000 < returned < 0


@pytest.mark.slow
@pytest.mark.parametrize("name", CODEBASES)
def test_every_file_trains_by_itself(name, tmp_path):
    """Through its warm-up and into learning; what it learns is the report's to say."""
    schedule = resolve(name, "Pendulum-v1", {})[1]
    assert -2_000 < run_by_itself(name, tmp_path, max(schedule.warmup_steps, schedule.learn_after) + 400) < 0


def run_by_itself(name, folder, env_steps):
    """The return that the file prints after so many steps on Pendulum-v1."""
    path = ROOT / f"implementations/codebases/{name}.py"
    options = ["--task", "Pendulum-v1", "--env-steps", str(env_steps), "--evaluate-every", str(env_steps)]
    done = subprocess.run([sys.executable, path, *options], cwd=folder, capture_output=True, text=True, timeout=1_800)
    assert done.returncode == 0, done.stderr
    step, _, returned = done.stdout.partition("return")
    assert step.split() == ["step", f"{env_steps:,}"], done.stdout
    return float(returned)


@pytest.mark.parametrize("name", ["spinningup", "spinningup_tf1", "spinningup_2018"])
def test_an_evaluation_of_spinning_up_ends_after_1000_steps_at_most(name, monkeypatch, capsys):
    """On a task that does not end by itself."""
    monkeypatch.setitem(gym.registry, "Endless-v0", replace(gym.spec("Pendulum-v1"), max_episode_steps=None))
    options = ["--task", "Endless-v0", "--env-steps", "1", "--evaluate-every", "1"]
    monkeypatch.setattr(sys, "argv", [name, *options])
    counted, step = [], PendulumEnv.step

    def counting(env, action):
        counted.append(action)
        assert len(counted) <= 10_001
        return step(env, action)

    monkeypatch.setattr(PendulumEnv, "step", counting)
    runpy.run_path(str(ROOT / f"implementations/codebases/{name}.py"), run_name="__main__")
    assert len(counted) == 10_001 and "return" in capsys.readouterr().out  # one of training, ten episodes of 1,000


@pytest.mark.parametrize(
    ("name", "constant", "changes"),
    [
        ("lwdrl", "START_TIMESTEPS", {"warmup_steps": 1_400, "learn_after": 1_401}),
        ("pranz24", "START_STEPS", {"warmup_steps": 1_400}),
        ("qr_sac", "START_TIMESTEPS", {"warmup_steps": 1_399, "learn_after": 1_401}),
        ("redq", "START_STEPS", {"warmup_steps": 1_401, "learn_after": 1_401}),
        ("sb3_contrib_crossq", "LEARNING_STARTS", {"warmup_steps": 1_400, "learn_after": 1_401}),
        ("sb3_contrib_tqc", "LEARNING_STARTS", {"warmup_steps": 1_400, "learn_after": 1_401}),
        ("sbx_crossq", "LEARNING_STARTS", {"warmup_steps": 1_400, "learn_after": 1_401}),
        ("sbx_droq", "LEARNING_STARTS", {"warmup_steps": 1_400, "learn_after": 1_401}),
        ("sbx_tqc", "LEARNING_STARTS", {"warmup_steps": 1_400, "learn_after": 1_401}),
        ("spinningup_2018", "RANDOM_STEPS", {"warmup_steps": 1_400}),
    ],
)
def test_a_file_whose_original_is_not_recorded_does_what_the_suite_does_under_its_preset(
    name, constant, changes, monkeypatch
):
    """Two programs read from one source, the file and the preset in the suite's own loop, with another warm-up."""
    schedule = replace(load_preset(name).SCHEDULE, **changes)  # it ends where episodes may end before the limit
    script = Script(ROOT / "tests/schedules/pytorch_sac-mixed.npz")
    steps, limit = 4_500, script.meta["time_limit"]
    episodes = [Episode(*one) for one in script.meta["episodes"]]
    script.meta["steps"], script.arrays = steps, loops.play(schedule, steps, limit, episodes)
    monkeypatch.setattr(module_of(name), constant, 1_400)
    assert script.differences(Stage(module_of(name), script, monkeypatch).play()) == {}


@pytest.mark.parametrize("name", ["pranz24", "qr_sac"])
def test_a_batch_holds_no_transition_twice(name):
    """Its own draw; the suite's is held to the same in tests/lab."""
    draw = module_of(name).Draw(0)
    drawn = np.stack([draw.integers(40, 30) for _ in range(200)])
    assert all(len(np.unique(batch)) == 30 for batch in drawn)
    assert np.abs(np.bincount(drawn.ravel(), minlength=40) - 150).max() < 31  # 150 expected, with a deviation of 6.1


@pytest.mark.parametrize("name", CODEBASES)
def test_a_files_noise_is_not_made_of_the_numbers_that_its_weights_are_made_of(name):
    """The weights take a seed's own stream of the framework; jax.random.split leads there by its first keys."""
    module = module_of(name)
    noise = np.ravel(module.Draw(3).normal((64,)))
    if framework(module) == "torch":
        repeated = [module.torch.randn(64, generator=module.torch.Generator().manual_seed(3))]
    else:
        keys = module.jax.random.split(module.jax.random.key(3), 5)
        repeated = [module.jax.random.normal(key, (64,)) for key in keys]
    assert not any(np.array_equal(noise, np.ravel(one)) for one in repeated)


def test_a_file_is_short():
    for name in CODEBASES:
        lines = len((ROOT / f"implementations/codebases/{name}.py").read_text().splitlines())
        assert 100 <= lines <= 220, name


# --- in a sweep


@pytest.fixture
def small(monkeypatch):
    """Files with networks and batches of a test's size."""

    def shrink(name):
        module = module_of(name)
        monkeypatch.setattr(module, "HIDDEN", (8, 8))
        monkeypatch.setattr(module, "BATCH", 4)

    return shrink


def job_of(name, env_steps, every, task="Pendulum-v1", **schedule):
    spec, own = resolve(name, task, {})
    return job(env_steps=env_steps, every=every, task=task, spec=spec, schedule=replace(own, **schedule), seeds=(3,))


def train(name, own, folder):
    (place,) = places(folder, own.seeds)
    options = {"checkpoint_seconds": 1e9, "make_lab": Guest, "say": lambda line: None}
    training.train(implementations.load(f"codebase_{name}"), own, [place], **options)
    with np.load(arrays_path(place.record)) as file:
        return read(place.record), {part: file[part] for part in file.files}


def test_a_file_leaves_a_record_like_a_package(small, tmp_path):
    small("spinningup")
    record, arrays = train("spinningup", job_of("spinningup", 1200, 600), tmp_path)
    assert record.meta.status == "finished" and record.meta.updates == 50 * 4
    assert record.diagnostics["updates"].to_pylist() == [0, 200] and set(record.diagnostics["alpha"].to_pylist()) == {
        0.2
    }
    assert record.episodes["env_step"].to_pylist() == [600, 600, 1200, 1200]
    assert all(-2000 < value < 0 for value in record.episodes["return"].to_pylist())
    assert {name.split("/")[0] for name in arrays} == {"actor", "critics"}
    assert all(array.size and np.isfinite(array).all() for array in arrays.values())


@pytest.mark.parametrize("name", CODEBASES)
def test_a_file_learns_behind_the_adapter_and_acts_in_the_unit_box(name, small, rng):
    small(name)
    spec, schedule = resolve(name, "Pendulum-v1", {})
    loop = implementations.load(f"codebase_{name}").start(job(spec=spec, schedule=schedule, seeds=(3,)))
    assert loop.updates() == 0 and not loop.networks()
    loop.learn(schedule.learn_after + 1)
    assert 0 < loop.updates() <= 2 * schedule.updates_per_burst
    obs = rng.standard_normal((5, 3)).astype(np.float32)
    mean, sample, another = loop.act(obs, True), loop.act(obs, False), loop.act(obs, False)
    assert all(one.shape == (5, 1) and np.abs(one).max() <= 1 for one in (mean, sample, another))
    assert np.array_equal(loop.act(obs, True), mean) and not np.array_equal(sample, another)
    networks = loop.networks()
    assert {"actor", "critics"} <= {part.split("/")[0] for part in networks}
    assert all(np.isfinite(value).all() for value in networks.values()) and loop.alpha() > 0


def test_evaluations_do_not_move_a_files_training(small, tmp_path):
    small("spinningup")
    _, seldom = train("spinningup", job_of("spinningup", 1100, 1100), tmp_path / "seldom")
    _, often = train("spinningup", job_of("spinningup", 1100, 50), tmp_path / "often")
    assert all(np.array_equal(often[part], value) for part, value in seldom.items())


@pytest.mark.parametrize("name", CODEBASES)
def test_a_file_does_what_its_preset_says_and_nothing_else(name):
    trainer, own = implementations.load(f"codebase_{name}"), load_preset(name)
    for task in TASKS:
        assert trainer.supports(*resolve(name, task, {})) is None
    reason = trainer.supports(replace(own.SPEC, discount=0.9), own.SCHEDULE)
    assert reason == f"{name} has no switch for discount: it is {own.SPEC.discount} there, 0.9 here"
    assert f"{name} has no switch for evaluation_action" in trainer.supports(
        own.SPEC, replace(own.SCHEDULE, evaluation_action="unsquashed_mean" if name != "coach" else "mean")
    )


def test_a_file_refuses_what_its_preset_does_on_other_tasks(monkeypatch):
    name = next((name for name in CODEBASES if load_preset(name).PER_TASK), None)
    if name is None:
        pytest.skip("no file depends on the task")
    task, changes = next(iter(load_preset(name).PER_TASK.items()))
    own = load_preset(name)
    spec, schedule = with_changes(own.SPEC, own.SCHEDULE, {})
    assert (spec, schedule) != resolve(name, task, {}), changes
    with pytest.raises(SpecError, match=f"{name} does on {task} what its preset says"):
        implementations.load(f"codebase_{name}").start(job(task=task, spec=spec, schedule=schedule))


def test_a_file_is_out_of_date_when_itself_or_its_adapter_changes():
    files = numerics.part_files("engine.codebase_spinningup", ["implementations.codebases.spinningup"], trainer=True)
    assert sorted(path.name for path in files) == ["codebases.py", "package_loop.py", "spinningup.py"]

"""Tracking mirrors a run without changing a number of it, once and whole, however often the run was killed."""

from __future__ import annotations

import json
import sys
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from builders import tracked
from builders.runs import ROOT, job, places, suite
from click.testing import CliRunner

import implementations
from suite.cli import main
from suite.errors import UsageError
from suite.lab import tracking, training
from suite.lab.machine import provenance
from suite.lab.records import read
from suite.study import logs, wire
from suite.study.plan import Plan
from suite.study.series import Request

MIRRORS = ["wandb-offline", "tensorboard"]
KEY = "5ac0" * 10  # as long as W&B's are


@pytest.fixture(autouse=True)
def wandb_at_home(tmp_path, monkeypatch):
    """Whatever W&B writes beside the run lies in the test's own folder; an account that nobody has."""
    for name, value in home(tmp_path).items():
        monkeypatch.setenv(name, value)


def home(folder):
    """The environment of somebody with a key, at home in a folder."""
    places = ("HOME", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR")
    return {"WANDB_API_KEY": KEY} | {name: str(folder / "home" / name) for name in places}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with an undisturbed training, by the name of its tracking."""
    folder = tmp_path_factory.mktemp("trained")

    @cache
    def of(mirror):
        assert tracked.attempt(folder / mirror, mirror, environment=home(folder)) == 0
        return folder / mirror

    return of


def needs(mirror):
    pytest.importorskip(tracking.PACKAGES[mirror])


def train(folder, **options):
    engine = implementations.load("torch")
    training.train(engine, job(), places(folder), checkpoint_seconds=1e9, say=lambda line: None, **options)
    return read(places(folder)[0].record)


def run_of(own=None):
    """What is known of a run before its first step."""
    return provenance(implementations.load("torch"), own or job(), 0, {})


def mean_returns(record):
    """The record's own mean return of each evaluation, by its step."""
    episodes = record.episodes.to_pandas()
    return {int(step): float(np.mean(of_step)) for step, of_step in episodes.groupby("env_step")["return"]}


def imported(work, results):
    """The record that `python -m suite import` makes of a run's mirror, and what it says."""
    claims = ("--task", "Pendulum-v1", "--implementation", "mirror", "--preset", "sac_v2_small", "--kind", "mean")
    done = CliRunner().invoke(main, ["import", str(work), *claims, "--results", str(results)])
    assert done.exit_code == 0, done.output
    (path,) = results.rglob("s0-*.parquet")
    return read(path), done.stdout


def assert_mirrors(mirror, folder, results):
    """The mirror that a run left says what its record does: of W&B to the last digit, of TensorBoard in float32."""
    place = places(folder)[0]
    (series,) = logs.read([place.work], Request(("Pendulum-v1",), kind="mean"))
    assert [point.env_step for point in series.points] == [100, 200, 300, 400] and series.notes == ()
    record, sentence = imported(place.work, results)
    rounded = (lambda value: value) if mirror == "wandb-offline" else (lambda value: float(np.float32(value)))
    expected = {step: rounded(value) for step, value in mean_returns(read(place.record)).items()}
    assert mean_returns(record) == expected and list(expected) == [100, 200, 300, 400]
    assert "'eval/mean_return'" in sentence and "1 finished" in sentence


@pytest.mark.parametrize("mirror", MIRRORS)
def test_a_mirror_is_read_back_as_the_record_and_changes_no_row_of_it(mirror, trained, tmp_path):
    needs(mirror)
    ours, plain = (read(places(trained(name))[0].record) for name in (mirror, "off"))
    assert ours.rows.equals(plain.rows)
    assert_mirrors(mirror, trained(mirror), tmp_path / "imported")


@pytest.mark.parametrize("mirror", MIRRORS)
def test_a_killed_run_is_one_run_without_doubled_or_lost_steps(mirror, tmp_path):
    """It has logged step 300, and goes on from 249."""
    needs(mirror)
    assert tracked.attempt(tmp_path, mirror, 249, 350) == -9
    assert tracked.attempt(tmp_path, mirror) == 0
    assert [attempt.from_env_step for attempt in read(places(tmp_path)[0].record).meta.attempts] == [0, 249]
    assert_mirrors(mirror, tmp_path, tmp_path / "imported")
    pattern = "run-*.wandb" if mirror == "wandb-offline" else "*tfevents*"
    assert len(list(places(tmp_path)[0].work.rglob(pattern))) == 1


def test_openrlbenchmarks_filters_find_a_run(trained):
    needs("wandb-offline")
    (path,) = trained("wandb-offline").rglob("run-*.wandb")
    config, history, of_run = wandb_file(path)
    assert (config["env_id"], config["exp_name"], config["seed"]) == ("Pendulum-v1", "torch_sac_v2_small", 0)
    assert config["conformance"] == tracked.CONFORMS._asdict()
    assert config["spec"]["critics"] == 2 and config["schedule"]["warmup_steps"] == 60
    assert [row["global_step"] for row in history] == [row["_step"] for row in history] == [100, 200, 300, 400]
    assert {"charts/episodic_return", "_runtime", "alpha", "entropy", "q_bias"} <= set(history[-1])
    assert of_run["id"] == path.stem.removeprefix("run-") and of_run["project"] == "sac-suite"
    assert of_run["group"] == f"Pendulum-v1__torch__sac_v2_small__{job().run_id}" and of_run["job_type"] == "train"
    assert of_run["tags"] == ["suite-0.1.0", "test", "sac_v2_small", "conforms"]


def wandb_file(path):
    """Config, history and the run of a W&B file (wandb/proto/wandb_internal.proto: RunRecord 17, its run_id 1, project
    3, config 4, run_group 6, job_type 7, tags 10)."""
    config, history, of_run = {}, [], {}
    names = {1: "id", 3: "project", 6: "group", 7: "job_type"}

    def items(message):
        pairs = [list(wire.fields(item)) for field, item in wire.fields(message) if field == 1]
        return {"/".join(v.decode() for n, v in one if n in (1, 2)): json.loads(dict(one)[16]) for one in pairs}

    for record in wire.leveldb(path.read_bytes()):
        for field, message in wire.fields(record):
            if field == 2:
                history.append(items(message))
            if field == 17:
                fields = list(wire.fields(message))
                config |= items(dict(fields).get(4, b""))
                of_run |= {names[number]: value.decode() for number, value in fields if number in names}
                of_run["tags"] = [value.decode() for number, value in fields if number == 10]
    return config, history, of_run


class Server:
    """What W&B's package does with a run that it knows: `wandb.init` gives it at the step it has reached."""

    def __init__(self, step):
        self.step, self.rows, self.summary, self.asked = step, [], {}, {}

    def init(self, **asked):
        self.asked = asked
        return self

    def log(self, row, step, commit):
        assert commit and step >= self.step  # else the package drops it, with a warning
        self.rows.append(row)
        self.step = step + 1

    def define_metric(self, name, step_metric):
        self.metric = (name, step_metric)

    def finish(self, exit_code):
        self.exit_code = exit_code


def online(monkeypatch, folder, reached):
    """A training tracked online, on a server that has the run up to a step already."""
    server = Server(reached)
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=server.init, Settings=dict))

    def make_tracker(run, work):
        return tracking.tracker("wandb", run, work, tracked.CONFORMS)

    train(folder, make_tracker=make_tracker)
    return server


def test_a_run_that_its_server_knows_goes_on_in_it(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    first, second = (online(monkeypatch, tmp_path / str(reached), reached) for reached in (0, 101))
    assert first.asked["id"] == second.asked["id"] == tracking.run_name(run_of())
    assert (first.asked["mode"], first.asked["resume"], first.asked["project"]) == ("online", "allow", "mine")
    assert [row["global_step"] for row in first.rows] == [100, 200]
    assert [row["global_step"] for row in second.rows] == [200]
    assert second.summary == {"status": "finished"} and second.exit_code == 0


def test_a_run_of_other_numerics_is_another_run():
    run = run_of()
    names = [SimpleNamespace(version=1, digest="a"), SimpleNamespace(version=1, digest="b"), SimpleNamespace(version=2)]
    named = [
        tracking.run_name(SimpleNamespace(**vars(run) | {"numerics": {"loop": one}}))  # type: ignore[arg-type]
        for one in names
    ]
    assert named[0] == named[1] != named[2] and all(name.startswith(f"torch-{run.run_id}-s0-") for name in named)


@pytest.mark.parametrize("mirror", MIRRORS)
def test_no_key_is_written_anywhere(mirror, tmp_path):
    needs(mirror)
    config = tmp_path / "keyed.yaml"
    config.write_text(
        "sweeps:\n  - {tasks: [Pendulum-v1], env_steps: 200, evaluate: {every: 100, episodes: 1}, seeds: 1,\n"
        f"     implementations: [torch], presets: [sac_v2_small]}}\ntracking: {mirror}\n"
    )
    done = suite("sweep", "--config", config, "--cores", 1, "--until", "gather", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".wandb" or "tfevents" in path.name for path in files)
    assert {"log.txt", "200.log", "runs.parquet", "s0-200.parquet"} <= {path.name for path in files}
    for text in (KEY.encode(), KEY[:16].encode()):
        assert [path for path in files if text in path.read_bytes()] == []
    assert KEY not in done.stdout + done.stderr


def test_names_are_cut_to_what_wandb_takes(tmp_path, monkeypatch):
    server = Server(0)
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=server.init, Settings=dict))
    own = job()
    run = run_of(own._replace(origin=own.origin._replace(study="s" * 200, ablation="a" * 200, arm="b")))
    tracking.tracker("wandb", run, tmp_path, tracked.CONFORMS)
    assert max(map(len, server.asked["tags"])) == 64 and len(server.asked["group"]) == len(server.asked["name"]) == 128


def test_every_evaluation_is_logged_once_with_its_step(tmp_path):
    seen = []

    class Listening:
        def log(self, env_step, scalars):
            seen.append((env_step, scalars))

        def finish(self, status):
            seen.append(status)

    record = train(tmp_path, make_tracker=lambda run, folder: Listening())
    *logged, status = seen
    assert status == "finished" and [step for step, _ in logged] == [100, 200]
    assert {step: scalars["charts/episodic_return"] for step, scalars in logged} == mean_returns(record)
    assert {"alpha", "entropy", "q_bias"} <= set(logged[1][1])


def test_a_failed_run_is_told_to_its_tracker(tmp_path):
    seen = []

    class Failing:
        def log(self, env_step, scalars):
            raise OSError("the mirror is lost")

        def finish(self, status):
            seen.append(status)
            raise OSError("the mirror is lost")

    assert train(tmp_path, make_tracker=lambda run, folder: Failing()).meta.status == "interrupted"
    assert seen == ["interrupted"]


def test_off_imports_nothing_and_says_nothing(tmp_path):
    tracker = tracking.tracker("off", run_of(), tmp_path, tracked.CONFORMS)
    tracker.log(1, {})
    tracker.finish("finished")
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_not_installed_is_a_sentence(monkeypatch):
    monkeypatch.setattr(tracking, "find_spec", lambda package: None)
    tracking.check_installed("off")
    with pytest.raises(UsageError, match="tracking: wandb-offline needs wandb, which is not installed here: pip inst"):
        tracking.check_installed("wandb-offline")


@pytest.mark.slow
def test_what_a_mirror_costs(tmp_path):
    """A run of quick.yaml has 10 evaluations, one of a million steps 200 and more; at most 1 % is what users were told.

    W&B's package takes more than a second to be imported: 1 % of a run from some minutes on.
    """
    text = (ROOT / "config/quick.yaml").read_text()
    (tmp_path / "quick.yaml").write_text(text)
    planned = Plan(tmp_path / "quick.yaml").runs
    record = next(record for record, run in planned.items() if run.cell.label.preset == "sac_v2")
    training = tracked.spent(suite, "run", "--config", "quick.yaml", record, cwd=tmp_path)
    cost = {
        (name, count): tracked.spent(tracked.attempt, tmp_path / name, name, count, task="mirror")
        for name in ("off", *MIRRORS)
        for count in (10, 1010)
    }
    for name in MIRRORS:
        start, late = (cost[name, count] - cost["off", count] for count in (10, 1010))
        share = start / training
        print(f"\n{name}: {start:.2f} s, {share:.1%} of {training:.0f} s; {late - start:.2f} ms an evaluation")
        assert start <= 0.01 * (training if name == "tensorboard" else 300) and late - start <= 5

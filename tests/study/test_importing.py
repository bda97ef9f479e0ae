"""Import: logs of other people's runs, each in the format its writer gives it, become records like any other."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from builders.runs import ROOT
from click.testing import CliRunner

from suite.analysis import results as summary
from suite.cli import main as command_line
from suite.errors import UsageError
from suite.lab import records
from suite.published import anchors as references
from suite.study import gather, importing, logs, rules
from suite.study.plan import Plan
from suite.study.release import release
from suite.study.reproduction import draw

STEPS = np.array([1000, 2000, 3000, 4000])
RETURNS = -1000.0 + np.arange(24.0).reshape(3, 4, 2) ** 2
"""[seeds, evaluations, episodes]: what every log of these tests tells, as far as its format can."""
SAID = ("--task", "Pendulum-v1", "--implementation", "mylib", "--preset", "sac_v2")

# Written by torch 2.13.0's SummaryWriter with tensorboard 2.21.0: charts/episodic_return -1000.25 + 10 k at step 200 k
# for k = 1, 2, 3, and losses/alpha 0.5 at step 300.
EVENTS = base64.b64decode(
    "SAAAAAAAAAD+kkidCeQD8obdwNpBGg1icmFpbi5FdmVudDoyUi4KLHRlbnNvcmJvYXJkLnN1bW1hcnkud3JpdGVyLmV2ZW50X2Zp"
    "bGVfd3JpdGVyzOW+WC0AAAAAAAAAPEGK+wmJDfKG3cDaQRDIASofCh0KFmNoYXJ0cy9lcGlzb2RpY19yZXR1cm4VAJB3xKSMoEQt"
    "AAAAAAAAADxBivsJ5g3yht3A2kEQkAMqHwodChZjaGFydHMvZXBpc29kaWNfcmV0dXJuFQAQdcRWY8aWLQAAAAAAAAA8QYr7CR0O"
    "8obdwNpBENgEKh8KHQoWY2hhcnRzL2VwaXNvZGljX3JldHVybhUAkHLEUer4JiMAAAAAAAAAsJ93QwlTDvKG3cDaQRCsAioVChMK"
    "DGxvc3Nlcy9hbHBoYRUAAAA/7dpprA=="
)


def ask(**more: object) -> logs.Request:
    return logs.Request(tasks=("Pendulum-v1",), **more)


def evaluations(folder: Path, returns: np.ndarray = RETURNS, steps: np.ndarray = STEPS) -> list[str]:
    """A folder of stable-baselines3's evaluations.npz per seed."""
    for seed, own in enumerate(returns):
        (folder / f"seed_{seed}").mkdir(parents=True)
        with (folder / f"seed_{seed}/evaluations.npz").open("wb") as file:
            np.savez(file, timesteps=steps[: len(own)], results=own, ep_lengths=np.full(own.shape, 200))
    return [str(folder)]


def tidy(seeds: int = 3) -> pd.DataFrame:
    """The same as rows of seed, global_step, episode, return."""
    rows = [(s, STEPS[t], e, RETURNS[s, t, e]) for s in range(seeds) for t in range(4) for e in range(2)]
    return pd.DataFrame(rows, columns=["seed", "global_step", "episode", "return"])


def run(*arguments: object) -> tuple[int, str, str]:
    """Exit code, output and complaint of `python -m suite ARGUMENTS`, in this process."""
    done = CliRunner().invoke(command_line, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done.exit_code, done.stdout, done.stderr


def imported(folder: Path, *arguments: object) -> list[records.Record]:
    """The records that an import writes, by path."""
    code, _, complaint = run("import", *arguments, *SAID)
    assert code == 0, complaint
    return [records.read(path) for path in sorted(Path(folder, "results/runs").rglob("*.parquet"))]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- readers


def test_every_table_tells_the_same_runs(tmp_path):
    table, files = tidy(), {}
    for name, write in {
        "runs.csv": lambda path: table.to_csv(path, index=False),
        "runs.parquet": lambda path: table.to_parquet(path),
        "rows.json": lambda path: path.write_text(table.to_json(orient="records")),
        "columns.json": lambda path: path.write_text(json.dumps(table.to_dict("list"))),
        "pandas.json": lambda path: path.write_text(table.to_json()),
        "lines.json": lambda path: table.to_json(path, orient="records", lines=True),
        "indexed.parquet": lambda path: table.set_index(["seed", "global_step"]).to_parquet(path),
        "runs.jsonl": lambda path: table.to_json(path, orient="records", lines=True),
    }.items():
        files[name] = tmp_path / name
        write(files[name])
    for path in files.values():
        found = logs.read([path], ask())
        assert [one.seed for one in found] == [0, 1, 2] and {one.kind for one in found} == {"unknown"}
        for seed, one in enumerate(found):
            assert [point.env_step for point in one.points] == STEPS.tolist()
            assert [point.returns for point in one.points] == [tuple(own) for own in RETURNS[seed].tolist()]


def test_a_table_names_its_columns_otherwise_and_leaves_cells_empty(tmp_path):
    """As stable-baselines3's progress.csv does: a row per dump, with and without an evaluation."""
    path = tmp_path / "progress.csv"
    path.write_text("eval/mean_reward,time/total_timesteps,loss\n-9.5,500,\n,800,0.1\n-8.5,1000,\n")
    (found,) = logs.read([path], ask())
    assert found.points == (logs.Point(500, (-9.5,)), logs.Point(1000, (-8.5,))) and found.kind == "unknown"
    lines = tmp_path / "progress.json"  # its JSON is lines too, with the keys that a dump has
    lines.write_text(
        '{"eval/mean_reward": -9.5, "time/total_timesteps": 500}\n{"time/total_timesteps": 800, "loss": 0.1}\n'
        '{"eval/mean_reward": null, "time/total_timesteps": 900}\n'
        '{"eval/mean_reward": -8.5, "time/total_timesteps": 1000}\n'
    )
    assert logs.read([lines], ask())[0].points == found.points
    path.write_text("score,frame,trial\n-9.5,500,7\n-8.5,1000,7\n")
    (found,) = logs.read([path], ask(step="frame", value="score", seed="trial"))
    assert found.seed == 7 and found.points[1] == logs.Point(1000, (-8.5,))
    with pytest.raises(UsageError, match="no column known for the step; name it with --step-column"):
        logs.read([path], ask())
    with pytest.raises(UsageError, match="has no 'scores' for the return; give --return-column, such as 'score'"):
        logs.read([path], ask(step="frame", value="scores"))


def test_evaluations_and_monitors_of_stable_baselines3(tmp_path):
    evaluations(tmp_path / "runs")
    found = logs.read([tmp_path / "runs"], ask())
    assert [Path(one.source).parent.name for one in found] == ["seed_0", "seed_1", "seed_2"]
    assert found[2].points[1] == logs.Point(2000, tuple(RETURNS[2, 1]), (200, 200)) and found[2].kind == "mean"
    path = tmp_path / "monitor.csv"
    path.write_text('#{"t_start": 1.5, "env_id": "Hopper-v5"}\nr,l,t\n12.5,30,0.1\n14.5,45,0.2\n')
    (found,) = logs.read([path], ask())
    assert (found.task, found.kind, found.seed) == ("Hopper-v5", "training", None)
    assert found.points == (logs.Point(30, (12.5,), (30,)), logs.Point(75, (14.5,), (45,)))


def test_tensorboard_scalars_as_written_by_torch(tmp_path):
    path = tmp_path / "Pendulum-v1__sac__7__1700000000/events.out.tfevents.1795388955.vm.2570.1"
    path.parent.mkdir()
    path.write_bytes(EVENTS)
    (found,) = logs.read([tmp_path], ask())
    assert found.points == tuple(logs.Point(200 * k, (-1000.25 + 10 * k,)) for k in (1, 2, 3))
    assert found.kind == "training"
    (found,) = logs.read([path], ask(value="losses/alpha"))
    assert found.points == (logs.Point(300, (0.5,)),) and found.kind == "unknown"
    path.write_bytes(EVENTS[:-3])  # its writer was killed
    assert len(logs.read([path], ask())[0].points) == 3
    path.write_bytes(EVENTS[:100] + b"?" + EVENTS[101:])
    with pytest.raises(UsageError, match=r"cannot be read as tensorboard \(it is damaged at byte \d+\)"):
        logs.read([path], ask())


def wait_until_written(path):
    """wandb's own process may still be writing when `finish` returns: until the file has not grown for a second."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < 1:
        if path.stat().st_size != size:
            size, since = path.stat().st_size, time.monotonic()
        time.sleep(0.05)


def test_wandb_offline_run_as_written_by_wandb(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    wandb = pytest.importorskip("wandb")
    config = {"seed": 5, "env_id": "Pendulum-v1"}
    written = wandb.init(project="p", mode="offline", dir=str(tmp_path), config=config, reinit="create_new")
    for k in range(1, 401):  # more than a block of the file
        written.log({"charts/episodic_return": -1000.25 + k, "global_step": 10 * k, "losses": {"alpha": 0.5}})
        written.log({"global_step": 10 * k, "charts/SPS": 1})
    written.finish()
    (path,) = tmp_path.rglob("*.wandb")
    wait_until_written(path)
    (found,) = logs.read([tmp_path], ask(value="charts/episodic_return"))
    data = path.read_bytes()
    assert len(data) > 2 * 32768
    assert (found.seed, found.task, found.kind) == (5, "Pendulum-v1", "training")
    assert found.points == tuple(logs.Point(10 * k, (-1000.25 + k,)) for k in range(1, 401))
    (nested,) = logs.read([path], ask(value="losses.alpha", kind="sample"))
    assert nested.points[0] == logs.Point(10, (0.5,)) and nested.kind == "sample"
    path.write_bytes(data[:40_000])
    assert 0 < len(logs.read([path], ask())[0].points) < 400
    path.write_bytes(data[:20_000] + b"??" + data[20_002:])
    with pytest.raises(UsageError, match=r"cannot be read as wandb \(it is damaged at byte"):
        logs.read([path], ask())


class OnlineRun:
    """A run of wandb.Api, as far as an import may use it."""

    def __init__(self):
        self.config = {"seed": 3, "env_id": "Pendulum-v1"}
        self.summary = {"eval/mean_reward": 0, "global_step": 0, "_step": 0}

    def scan_history(self, keys: list[str]):
        assert keys == ["global_step", "eval/mean_reward"]
        rows = [{"global_step": 500.0, "eval/mean_reward": -9.5}, {"global_step": 1000, "eval/mean_reward": "NaN"}]
        return iter(rows)

    def history(self, *_, **__):
        raise AssertionError("history is a sample of the rows")


def test_wandb_runs_online_are_scanned_and_never_sampled(monkeypatch):
    wandb = pytest.importorskip("wandb")
    asked = []

    class Api:
        def run(self, path: str) -> OnlineRun:
            asked.append(path)
            return OnlineRun()

    monkeypatch.setattr(wandb, "Api", Api)
    (found,) = logs.read(["wandb:entity/project/run"], ask())
    assert asked == ["entity/project/run"] and found.source == "wandb:entity/project/run" and len(found.sha256) == 64
    assert (found.seed, found.task, found.kind, found.format) == (3, "Pendulum-v1", "unknown", "wandb")
    assert found.points[0] == logs.Point(500, (-9.5,)) and np.isnan(found.points[1].returns[0])

    def no_key():
        raise wandb.errors.UsageError("No API key configured.")

    monkeypatch.setattr(wandb, "Api", no_key)
    with pytest.raises(UsageError, match=r"No API key configured\); WANDB_API_KEY must hold the key"):
        logs.read(["wandb:entity/project/run"], ask())


@pytest.mark.parametrize("suffix", ["json", "npz", "npy"])
def test_rliables_arrays(tmp_path, suffix):
    scores = np.arange(12.0).reshape(3, 2, 2)  # runs, tasks, frames
    path = tmp_path / f"scores.{suffix}"
    if suffix == "json":
        path.write_text(json.dumps({"SAC": scores.tolist(), "TD3": scores.tolist()}))
    elif suffix == "npz":
        np.savez(path, SAC=scores, TD3=scores)
    else:
        np.save(path, scores)
    wanted = logs.Request(
        tasks=("Hopper-v5", "Ant-v5"), frames=(500, 1000), algorithm=None if suffix == "npy" else "SAC"
    )
    found = logs.read([path], wanted)
    assert [(one.seed, one.task) for one in found] == [(s, t) for s in range(3) for t in ("Hopper-v5", "Ant-v5")]
    assert found[3].points == (logs.Point(500, (6.0,)), logs.Point(1000, (7.0,)))
    with pytest.raises(UsageError, match=r"has the shape \(3, 2, 2\), not \[runs, tasks, frames\] with the 2 --task"):
        logs.read([path], wanted._replace(frames=(500,)))
    if suffix != "npy":
        with pytest.raises(UsageError, match="holds the algorithms SAC, TD3; choose one with --algorithm"):
            logs.read([path], wanted._replace(algorithm=None))
        with pytest.raises(UsageError, match="has no algorithm 'SACX'; give --algorithm 'SAC'"):
            logs.read([path], wanted._replace(algorithm="SACX"))


def test_scores_at_the_end_alone_and_no_pickle_is_opened(tmp_path):
    np.save(tmp_path / "end.npy", np.array([[1.0], [2.0]]))
    found = logs.read([tmp_path / "end.npy"], ask(frames=(4000,)))
    assert [one.points for one in found] == [(logs.Point(4000, (1.0,)),), (logs.Point(4000, (2.0,)),)]
    np.save(tmp_path / "dict.npy", np.array({"SAC": [[1.0]]}, dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match=r"dict.npy cannot be read as rliable .*allow_pickle"):
        logs.read([tmp_path / "dict.npy"], ask(frames=(4000,)))


# --- from logs to records


def test_a_record_says_what_was_imported_and_by_whose_word(here):
    written = imported(here, *evaluations(here / "runs"), "--version", "torch=2.1")
    assert [one.meta.seed for one in written] == [0, 1, 2]
    for seed, one in enumerate(written):
        own = one.episodes.to_pandas()
        np.testing.assert_array_equal(own["return"].to_numpy().reshape(4, 2), RETURNS[seed])
        assert set(own["kind"]) == {"mean"} and set(own["length"]) == {200} and one.diagnostics.num_rows == 4
    meta = written[1].meta
    log = meta.imported
    assert log.format == "sb3-evaluations" and log.claimed == ("implementation", "preset", "tasks", "versions")
    assert log.file == "runs/seed_1/evaluations.npz" and str(here) not in str(meta)
    assert meta.code_id == log.sha256[:10] != written[0].meta.code_id and meta.numerics == {}
    assert (meta.status, meta.last_env_step, meta.env_steps) == ("finished", 4000, 4000)
    assert (meta.versions, meta.device, meta.params_digest) == ({"torch": "2.1"}, "imported", "")


def test_from_logs_to_statistics(here):
    code, said, complaint = run("import", *evaluations(here / "runs"), *SAID, "--write-config", "config/mine.yaml")
    assert code == 0 and "mylib as sac_v2: 3 finished; 4,000 steps, a value every 1,000" in said, complaint
    plan = Plan(Path("config/mine.yaml"))
    assert [line for line in said.splitlines() if line.endswith(".parquet")] == list(plan.runs)
    tables = gather.main(plan)
    runs = tables["runs"]
    assert list(runs["status"]) == ["finished"] * 3 and not runs["stale"].any()
    assert set(runs["kind_of_return"]) == {"deterministic"} and set(runs["device"]) == {"imported"}
    assert len(tables["evaluations"]) == RETURNS.size
    summary.main(plan.study_dir, random_policy={}, anchors=references.anchors())
    (cell,) = json.loads((plan.study_dir / "results.json").read_text())["cells"]
    assert (cell["implementation"], cell["variant"]["preset"], cell["n_finished"]) == (
        "mylib",
        "mylib (claims sac_v2)",
        3,
    )
    assert cell["kind"] == "deterministic"
    assert cell["mean"]["estimate"] == pytest.approx(RETURNS[:, -1].mean())


def test_imported_runs_are_passed_on_and_never_trained_again(here):
    imported(here, *evaluations(here / "runs"), "--write-config", "mine.yaml")
    plan = Plan(Path("mine.yaml"))
    gather.main(plan)
    assert release(plan, Path("released"), lambda line: None).there == 3
    with pytest.raises(UsageError, match="0 released runs can be trained again"):
        draw([Path("released")], 1, 1, lambda line: None)


def test_the_same_import_again_changes_nothing_and_another_is_refused(here):
    logged = evaluations(here / "runs")
    first = imported(here, *logged, "--write-config", "mine.yaml")
    again = imported(here, *logged, "--write-config", "mine.yaml")
    assert [one.rows for one in again] == [one.rows for one in first]
    shutil.rmtree(here / "runs")
    code, _, complaint = run("import", *evaluations(here / "runs", RETURNS + 1), *SAID)
    assert code == 2 and "is there already and not of" in complaint
    code, _, complaint = run("import", *logged, *SAID, "--write-config", "mine.yaml", "--results", "elsewhere")
    assert code == 2 and "mine.yaml exists and says something else" in complaint
    assert not Path("elsewhere").exists()


def test_all_records_or_none(here, monkeypatch):
    logged, finish, calls = evaluations(here / "runs"), records.Recorder.finish, []

    def failing(self, *arguments, **more):
        calls.append(self.path)
        if len(calls) == 3:
            raise OSError(28, "No space left on device", str(self.path))
        finish(self, *arguments, **more)

    monkeypatch.setattr(records.Recorder, "finish", failing)
    code, _, complaint = run("import", *logged, *SAID, "--write-config", "mine.yaml")
    assert code == 2 and "No space left on device" in complaint and len(calls) == 3
    assert not [path for path in here.rglob("*") if path.is_file() and "results" in path.parts]
    assert not Path("mine.yaml").exists()


def test_training_returns_are_gathered_by_windows_and_told_from_evaluations(here):
    rows = "".join(f"{-1000 - k},200,{k}\n" for k in range(1, 13))  # twelve episodes: 2,400 steps
    Path("monitor.csv").write_text('#{"t_start": 0, "env_id": "Pendulum-v1"}\nr,l,t\n' + rows)
    code, _, complaint = run("import", "monitor.csv", *SAID)
    assert code == 2 and "--every says how many steps are averaged into one value" in complaint
    (one,) = imported(here, "monitor.csv", "--every", "1000", "--write-config", "mine.yaml")
    own = one.episodes.to_pandas()
    assert own["env_step"].tolist() == [1000] * 5 + [2000] * 5  # the last window has no end
    assert own["return"].tolist() == [-1000.0 - k for k in range(1, 11)] and set(own["kind"]) == {"sample"}
    runs = gather.main(Plan(Path("mine.yaml")))["runs"]
    assert list(runs["status"]) == ["finished"] and list(runs["kind_of_return"]) == ["training"]


def test_an_axis_that_leaves_out_the_warm_up(here):
    """tianshou counts from the end of 10,000 random steps: its 0 is our 10,000, and nothing is known from before."""
    table = pd.DataFrame({"step": range(0, 25_000, 5_000), "return": [-9.0, -8.0, -7.0, -6.0, -5.0]})
    table.to_csv("runs.csv", index=False)
    (one,) = imported(here, "runs.csv", "--step-offset", 10_000, "--write-config", "mine.yaml")
    assert one.episodes["env_step"].to_pylist() == [10_000, 15_000, 20_000, 25_000, 30_000]
    (row,) = gather.main(Plan(Path("mine.yaml")))["runs"].to_dict("records")
    assert (row["status"], row["evaluate_every"], row["last_env_step"]) == ("finished", 5_000, 30_000)
    table["step"] += 20_000
    table.to_csv("late.csv", index=False)
    code, _, complaint = run("import", "late.csv", *SAID, "--step-offset", 10_000)
    assert code == 2 and "has no return at step 5,000, though it has later ones" in complaint


def test_what_was_measured_before_the_first_step_is_left_out(here):
    pd.DataFrame({"step": [0, 1000, 2000], "return": [-9.0, -8.0, -7.0]}).to_csv("runs.csv", index=False)
    (one,) = imported(here, "runs.csv")
    assert one.episodes["env_step"].to_pylist() == [1000, 2000]


def test_an_unknown_length_is_nothing_and_no_number(here):
    tidy().drop(columns="episode").groupby(["seed", "global_step"]).mean().to_csv("runs.csv")
    imported(here, "runs.csv", "--episodes", 2, "--write-config", "mine.yaml")
    tables = gather.main(Plan(Path("mine.yaml")))
    assert tables["evaluations"]["length"].isna().all() and set(tables["runs"]["status"]) == {"finished"}
    assert set(tables["runs"]["evaluation_episodes"]) == {2} and len(tables["evaluations"]) == 12


@pytest.mark.parametrize("status", ["crashed", "diverged", "timeout"])
def test_a_short_run_is_what_the_importer_says(here, status):
    returns = RETURNS.copy()
    returns[1, 2:] = np.nan
    code, _, complaint = run("import", *evaluations(here / "runs", returns), *SAID)
    assert code == 2 and "(seed 1 of Pendulum-v1): its return at step 3,000 is no finite number" in complaint
    assert not Path("results").exists()
    imported(here, "runs", "--status-of-short", status, "--write-config", "mine.yaml")
    rows = gather.main(Plan(Path("mine.yaml")))["runs"]
    assert list(rows["status"]) == ["finished", status, "finished"]
    assert rows["stopped_at"][1] == 2000 and rows["message"][1] == "its return at step 3,000 is no finite number"


def test_seeds_from_paths_options_and_order(here):
    series = [logs.Series(None, "", "mean", (logs.Point(1000, (1.0,)),), source=source) for source in ("a", "b")]
    claim = importing.Claim("mylib", "sac_v2", ("Pendulum-v1",))

    def seeds(*sources: str, **more: object) -> list[int]:
        own = [one._replace(source=source) for one, source in zip(series, sources, strict=True)]
        return [run.series.seed for run in importing.fitted(own, claim._replace(**more))[1]]

    assert seeds("x/a.npz", "x/b.npz") == [0, 1]
    assert seeds("x/seed_4/a.npz", "x/Seed=2/a.npz") == [4, 2]
    assert seeds("Hopper-v5__sac__3__17000/events", "Hopper-v5__sac__1__17001/events") == [3, 1]
    assert seeds("x/seed_4/a.npz", "x/b.npz", seeds=(8, 9)) == [8, 9]
    with pytest.raises(UsageError, match=r"seed4\.csv and y/seed_4\.csv are both seed 4 on Pendulum-v1; --seeds tells"):
        seeds("x/seed4.csv", "y/seed_4.csv")
    with pytest.raises(UsageError, match="--seeds names 1, but 2 of the runs do not tell their seed"):
        seeds("a", "b", seeds=(3,))


WRONG = {
    "no such file": ("nothing.csv", {}, "nothing.csv is no file or folder"),
    "a folder of nothing": (".", {}, ". holds no log that is told by its name"),
    "an unknown kind of file": ("log.txt", {}, "is of no known kind; say which with --format (sb3-evaluations"),
    "not what it is called": ("broken.npz", {}, "broken.npz cannot be read as"),
    "an empty table": ("empty.csv", {}, "the files hold no runs"),
    "the same file twice": ("one.csv", {"and": "copy.csv"}, "one.csv and copy.csv are both seed 0 on Pendulum-v1"),
    "the same seed twice": ("one.csv", {"and": "other.csv"}, "are both seed 0 on Pendulum-v1"),
    "a step that is none": ("inf.csv", {}, "inf.csv cannot be read as table (the step 'inf' is no whole number)"),
    "a seed that is none": ("word.csv", {}, "word.csv cannot be read as table (the seed 'a' is no number)"),
    "no seeds": (
        "trials.csv",
        {},
        "step 1000 is told twice; episodes of one evaluation need a column named episode, and --seed",
    ),
    "an axis of another kind": (
        "rows.csv",
        {},
        "rows.csv (seed 0 of Pendulum-v1) ends at step 20, before an episode of 200 is over; --step-column must name",
    ),
    "JSON of nothing": ("five.json", {}, "five.json cannot be read as table (its rows are no names with values)"),
    "JSON of an empty list": ("bare.json", {}, "bare.json holds no values at all, so it has no step"),
    "columns of unequal length": ("split.json", {}, "split.json cannot be read as table (its columns are of unequal"),
    "an archive of something else": ("flat/evaluations.npz", {}, "results is (2,) and ep_lengths (2, 0), not [eval"),
    "an episode of no step": ("none.monitor.csv", {"--every": 100}, "has an episode of no step at step 0; leave it"),
    "evaluations and training": (
        "one.csv",
        {"and": "pendulum.monitor.csv"},
        "evaluations that do not say how they chose actions and pendulum.monitor.csv training returns; import one kind",
    ),
    "a step told twice": ("twice.csv", {}, "step 1000 is told twice; episodes of one evaluation need a column named"),
    "a missing evaluation": ("gap.csv", {}, "has no return at step 3,000, though it has later ones"),
    "a step beside the grid": ("odd.csv", {}, "is evaluated at step 2,500, which is no multiple of 1,000"),
    "unequal episodes": ("uneven.csv", {}, "equally many episodes"),
    "a return that is none": ("nan.csv", {}, "its return at step 2,000 is no finite number"),
    "runs of unequal length": ("short.csv", {}, "ends at step 1,000 of 2,000; --status-of-short says"),
    "a budget beyond the log": ("one.csv", {"--env-steps": 3000}, "ends at step 2,000 of 3,000"),
    "a budget off the grid": ("one.csv", {"--env-steps": 1300}, "no multiple of 1000; the nearest is 1000"),
    "another task's log": ("monitor.csv", {"--every": 100}, "is of Hopper-v5, and --task names Pendulum-v1 alone"),
    "an unknown task": (
        "one.csv",
        {"--task": "Pendulum-v9"},
        "--task is 'Pendulum-v9', which is no task; did you mean",
    ),
    "an unknown preset": ("one.csv", {"--preset": "sac_v3"}, "there is no preset 'sac_v3'; did you mean"),
    "an engine's name": ("one.csv", {"--implementation": "jax"}, "no name that the suite trains itself"),
    "no folder's name": ("one.csv", {"--implementation": "my/lib"}, "take 'imported-my-lib'"),
    "an unknown format": ("one.csv", {"--format": "sb3"}, "--format is 'sb3'; did you mean"),
    "seeds that are no numbers": ("one.csv", {"--seeds": "a"}, "--seeds is 'a'; it must be whole numbers"),
    "a version of nothing": ("one.csv", {"--version": "torch"}, "--version is 'torch'; it must be a package and"),
    "episodes that are there": ("pairs.csv", {"--episodes": 5}, "--episodes is 5, but the logs hold 2 episodes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_one_sentence_and_nothing_is_written(here, case):
    file, changes, words = WRONG[case]
    head = "seed,step,return\n"
    tables = {
        "one": "0,1000,-1\n0,2000,-2\n",
        "copy": "0,1000,-1\n0,2000,-2\n",
        "other": "0,1000,-3\n0,2000,-4\n",
        "empty": "",
        "twice": "0,1000,-1\n0,1000,-2\n",
        "gap": "0,1000,-1\n0,2000,-2\n0,4000,-2\n",
        "odd": "0,1000,-1\n0,2000,-2\n0,2500,-2\n",
        "nan": "0,1000,-1\n0,2000,nan\n",
        "short": "0,1000,-1\n0,2000,-2\n1,1000,-1\n",
        "inf": "0,inf,-1\n",
        "word": "a,1000,-1\n",
        "rows": "0,10,-1\n0,20,-2\n",
    }
    for name, rows in tables.items():
        Path(f"{name}.csv").write_text(head + rows)
    pairs = "seed,step,episode,return\n0,1000,0,-1\n0,1000,1,-2\n0,2000,0,-3\n"
    Path("uneven.csv").write_text(pairs)
    Path("pairs.csv").write_text(pairs + "0,2000,1,-4\n")
    Path("monitor.csv").write_text('#{"t_start": 0, "env_id": "Hopper-v5"}\nr,l,t\n1,100,1\n')
    Path("none.monitor.csv").write_text("#{}\nr,l,t\n-1,0,1\n")
    Path("pendulum.monitor.csv").write_text("#{}\nr,l,t\n-1,200,1\n")
    Path("trials.csv").write_text("trial,step,return\n0,1000,-1\n1,1000,-2\n")
    Path("five.json").write_text("5")
    Path("bare.json").write_text("[]")
    Path("split.json").write_text('{"columns": ["step", "return"], "data": [[1000, -1]]}')
    Path("flat").mkdir()
    np.savez("flat/evaluations.npz", timesteps=[1000, 2000], results=[-1.0, -2.0])
    Path("log.txt").write_text("")
    Path("broken.npz").write_bytes(b"PK\x03\x04 no archive")
    said = dict(zip(SAID[::2], SAID[1::2], strict=True)) | changes
    if case == "a folder of nothing":
        Path("bare").mkdir()
        file, words = "bare", words.replace(". holds", "bare holds")
    files = [file, *([said.pop("and")] if "and" in said else [])]
    before = sorted(here.rglob("*"))
    code, _, complaint = run("import", *files, *(str(part) for pair in said.items() for part in pair))
    assert code == 2 and words in complaint, complaint
    assert complaint.startswith("error: ") and complaint.count("\n") == 1
    assert sorted(here.rglob("*")) == before


def undamaged() -> dict[str, bytes]:
    """A log of each format that is a file of its own, by name."""
    table, folder = tidy(1), Path("whole")
    evaluations(folder, RETURNS[:1])
    table.to_csv(folder / "runs.csv", index=False)
    table.to_parquet(folder / "runs.parquet")
    (folder / "runs.json").write_text(table.to_json(orient="records"))
    table.to_json(folder / "lines.jsonl", orient="records", lines=True)
    rows = [f"{10.5 + k},200,{k}.5" for k in range(20)]
    (folder / "monitor.csv").write_text("\n".join(['#{"t_start": 1.5, "env_id": "Pendulum-v1"}', "r,l,t", *rows, ""]))
    (folder / "events.out.tfevents.1").write_bytes(EVENTS)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    shutil.rmtree(folder)
    return found


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """The bytes cut short, or some of them overwritten, lost or told twice."""
    start = int(rng.integers(len(data)))
    end = min(len(data), start + int(rng.integers(1, 40)))
    instead = [b"", rng.bytes(end - start), 2 * data[start:end], b"nan", b"\n"][rng.integers(5)]
    return data[:start] if rng.random() < 0.2 else data[:start] + instead + data[end:]


def test_a_damaged_log_is_one_sentence_or_a_whole_import(here, rng):
    refused = 0
    for name, whole in undamaged().items():
        for _ in range(40):
            shutil.rmtree("results", ignore_errors=True)
            file = Path("logs", name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(damaged(whole, rng))
            code, _, complaint = run("import", file, *SAID, *(["--every", 1000] if "monitor" in name else []))
            left = list(here.rglob("results/**/*.*"))
            if code:
                assert code == 2 and complaint.startswith("error: ") and complaint.count("\n") == 1, (name, complaint)
                assert not left, (name, left)
            else:
                assert all(records.read(path) for path in here.rglob("results/**/*.parquet")) and left
            refused += code == 2
    assert refused > 100


# --- what a plan makes of it


def config(folder: Path, **changes: object) -> Path:
    sweep = {"tasks": ["Pendulum-v1"], "env_steps": 4000, "evaluate": {"every": 1000, "episodes": 2}, "seeds": 2}
    sweep |= {"presets": ["sac_v2"]}
    data = {"imported": ["mylib"], "sweeps": [sweep | {"implementations": ["mylib"]}]} | changes
    data["sweeps"] += [sweep | {"implementations": ["torch"]}]
    path = folder / "both.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def test_what_is_imported_is_never_trained(here):
    plan = Plan(config(here))
    (one,) = rules.of_training(plan, {})
    assert re.fullmatch(one.cells, "Pendulum-v1/torch/0123456789")
    assert not re.fullmatch(one.cells, "Pendulum-v1/mylib/0123456789")
    for settings in ({"seeds_per_job": 2}, {"runs_per_job": 2}):
        (both,) = rules.of_training(plan, settings)
        assert len(both.records) == 2 and "mylib" not in both.cells and "mylib" not in both.records[0]
    with pytest.raises(UsageError, match=r"2 of 2 imported records are missing, the first is results/runs/Pendulum-v1"):
        plan.check_imported()
    plan.check_environments()
    assert list(gather.main(plan)["runs"]["status"]) == ["missing"] * 4
    imported(here, *evaluations(here / "runs", RETURNS[:2]))
    plan.check_imported()
    runs = gather.main(plan)["runs"].set_index(["implementation", "seed"])["status"]
    assert runs.to_dict() == {
        ("mylib", 0): "finished", ("mylib", 1): "finished", ("torch", 0): "missing", ("torch", 1): "missing"
    }  # fmt: skip


def test_every_command_knows_what_is_imported(here):
    path = config(here)
    plan = Plan(path)
    record, other = (name for name in plan.runs if "/mylib/" in name)
    code, _, complaint = run("run", "--config", path, record, other)
    words = f"{record} is missing, and mylib is imported, not trained here; python -m suite import makes its records"
    assert (code, complaint) == (2, f"error: {path}: {words}\n")
    code, text, _ = run("plan", "--config", path)
    assert code == 0 and re.search(r"mylib .* 2 +0 +8,000 +imported", text)
    assert "2 imported records are missing: python -m suite import makes them" in text
    planned = json.loads(run("plan", "--config", path, "--json")[1])
    costs = {row["implementation"]: (row["imported"], row["core_hours"], row["work_gb"]) for row in planned["cells"]}
    assert costs["mylib"] == (True, 0, 0) and not costs["torch"][0] and min(costs["torch"][1:]) > 0
    assert planned["total"]["core_hours"] == costs["torch"][1]
    code, text, _ = run("status", "--config", path)
    assert code == 0 and re.search(r"mylib +mylib \(claims sac_v2\) +0/2 +imported; python", text)
    assert "4 runs: 2 to import, 2 missing" in text
    assert run("show", record)[0] == run("retry", "--config", path, "--status", "missing")[0] == 2

    returns = RETURNS[:2].copy()
    returns[1, 2:] = np.nan
    imported(here, *evaluations(here / "runs", returns), "--status-of-short", "diverged", "--version", "torch=2.1")
    code, text, complaint = run("run", "--config", path, record)
    assert code == 0 and f"{record} exists and is kept" in complaint
    code, text, _ = run("status", "--config", path)
    assert code == 0 and re.search(r"mylib +mylib \(claims.* 1/2 +s1 .*imported", text)
    assert "imported records are missing" not in run("plan", "--config", path)[1]
    code, text, _ = run("retry", "--config", path, "--status", "diverged")
    assert text == f"kept {other}: it is imported, and no sweep could make it again\n0 diverged of 4 runs\n"
    assert Path(other).exists() and Path(other).with_suffix(".npz").exists()
    code, text, _ = run("show", other)
    assert (
        code == 0
        and "imported as sac_v2" in text
        and "from runs/seed_1/evaluations.npz (sb3-evaluations), mean action" in text
    )
    assert "by the importer's word alone: implementation, preset, tasks, short, versions" in text
    assert "torch 2.1" in text and "exactly" not in text


def test_a_watch_ends_though_an_imported_record_is_missing(here):
    sweep = {
        "tasks": ["Pendulum-v1"],
        "env_steps": 4000,
        "evaluate": {"every": 1000},
        "seeds": 1,
        "presets": ["sac_v2"],
    }
    Path("own.yaml").write_text(yaml.safe_dump({"imported": ["a"], "sweeps": [sweep | {"implementations": ["a"]}]}))
    code, text, _ = run("status", "--config", "own.yaml", "--watch")
    assert code == 0 and "1 runs: 1 to import" in text


def test_a_config_says_which_names_are_imported(here):
    with pytest.raises(UsageError, match=r"imported\[0\] is 'torch', which the suite trains; give it another name"):
        Plan(config(here, imported=["torch"]))
    with pytest.raises(UsageError, match=r"sweeps\[0\].implementations\[0\] is 'mylib', which is no implementation"):
        Plan(config(here, imported=["other"]))
    with pytest.raises(UsageError, match="imported names 'mylib' twice; name it once"):
        Plan(config(here, imported=["mylib", "mylib"]))
    with pytest.raises(UsageError, match=r"imported\[0\] .*'my/lib'"):
        Plan(config(here, imported=["my/lib"]))


def test_a_sweep_stops_before_it_starts_where_an_imported_record_is_missing(here):
    config(here)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1", "-n"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, "--configfile", "both.yaml"], env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and "2 of 2 imported records are missing" in done.stderr
    imported(here, *evaluations(here / "runs", RETURNS[:2]))
    done = subprocess.run([*command, "--configfile", "both.yaml"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and re.search(r"^run +2$", done.stdout, re.MULTILINE), done.stderr


def test_two_seeds_of_the_same_returns_count_for_nothing(here):
    twice = np.stack([RETURNS[0], RETURNS[0]])
    logged = evaluations(here / "runs", twice)
    with Path("runs/seed_1/evaluations.npz").open("wb") as file:  # another file of the same numbers
        np.savez(file, timesteps=STEPS, results=twice[1])
    imported(here, *logged, "--write-config", "mine.yaml")
    runs = gather.main(Plan(Path("mine.yaml")))["runs"]
    assert set(runs["status"]) == {"invalid"} and "equal returns in every evaluation" in runs["message"][0]


# --- examples/


@pytest.mark.parametrize(("level", "code"), [(-160.0, 0), (-1000.0, 1)])
def test_the_example_gates_a_librarys_runs(here, rng, level, code):
    steps = np.arange(1000, 20_001, 1000)
    evaluations(here / "runs", level + 10 * rng.standard_normal((5, 20, 10)), steps)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [str(ROOT / "examples/gate.sh"), "runs"], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert ("PASS" if code == 0 else "FAIL") in done.stdout
    assert {path.name for path in here.iterdir()} == {"runs", "gate"}
    shown = [(here / "gate" / name).read_text() for name in ("gate.md", "gate.html")]
    assert all(f"mylib: the gate {'passes' if code == 0 else 'fails'}" in text for text in shown)
    for wrong in ([], ["nothing"]):  # never 1, which says that runs fall short
        done = subprocess.run([str(ROOT / "examples/gate.sh"), *wrong], env=environment, capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr


def test_the_workflow_and_its_action_call_what_is_there():
    workflow, action = (
        yaml.safe_load((ROOT / "examples" / name).read_text()) for name in ("github-actions.yml", "action.yml")
    )
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    trained = next(step["run"] for step in steps if "train.py" in step.get("run", ""))
    assert re.search(r"sac-suite/examples/train.py runs --seed \$\{\{ matrix.seed \}\}", trained)
    (given,) = [
        step["with"] for step in steps if step.get("uses", "").startswith("your-organisation/sac-suite/examples@")
    ]
    needed = {name for name, one in action["inputs"].items() if one.get("required")}
    assert needed <= set(given) <= set(action["inputs"]) and given["preset"] in (ROOT / "examples/gate.sh").read_text()
    assert workflow["env"]["SUITE"] == "your-organisation/sac-suite"


def test_the_action_hands_every_input_to_the_gate():
    action = yaml.safe_load((ROOT / "examples/action.yml").read_text())
    (gated,) = [step for step in action["runs"]["steps"] if "gate.sh" in step.get("run", "")]
    named = re.findall(r"inputs\.(\w+)", json.dumps(gated["env"]))
    assert sorted(named) == sorted(action["inputs"])
    gate = (ROOT / "examples/gate.sh").read_text()
    for name in gated["env"]:
        assert f"${{{name}:" in gate or f'"${name}' in gated["run"], name
    assert all(step.get("shell") == "bash" for step in action["runs"]["steps"] if "run" in step)
    assert not re.search(
        r"\$\{\{", "".join(step.get("run", "") for step in action["runs"]["steps"])
    )  # quoted, not pasted
    assert os.access(ROOT / "examples/gate.sh", os.X_OK)

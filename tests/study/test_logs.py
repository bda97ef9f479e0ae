"""Logs as people bring them: every tree by one command, and what must be joined, refused or told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import logs as built
from builders.logs import SEEDS, STEPS, returned
from click.testing import CliRunner

from suite.cli import main as command_line
from suite.lab import records
from suite.study import gather, logs
from suite.study.plan import Plan

SAID = ("--implementation", "mylib", "--preset", "sac_v2")


def run(*arguments: object) -> tuple[int, str, str]:
    """Exit code, output and complaint of `python -m suite ARGUMENTS`, in this process."""
    done = CliRunner().invoke(command_line, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done.exit_code, done.stdout, done.stderr


def imported(*arguments: object, task: str = "HalfCheetah-v4") -> tuple[str, dict[int, records.Record]]:
    """What an import says, and its records by seed."""
    code, said, complaint = run("import", *arguments, "--task", task, *SAID)
    assert code == 0, complaint
    found = [records.read(path) for path in Path("results/runs").rglob("*.parquet")]
    return said, {one.meta.seed: one for one in found}


def refused(*arguments: object, task: str = "HalfCheetah-v4") -> str:
    """The sentence that an import ends with; it writes nothing."""
    before = sorted(Path.cwd().rglob("*"))
    code, _, complaint = run("import", *arguments, "--task", task, *SAID)
    assert code == 2 and complaint.startswith("error: ") and complaint.count("\n") == 1, complaint
    assert sorted(Path.cwd().rglob("*")) == before
    return complaint


def pairs(record: records.Record) -> list[tuple[int, float]]:
    rows = record.episodes.to_pandas()
    return list(zip(rows["env_step"], rows["return"], strict=True))


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- formats


@pytest.mark.parametrize("name", built.TREES)
def test_a_tree_of_runs_is_imported_by_one_command(here, name):
    built.TREES[name](Path("tree"))
    files = sorted(Path("tree").glob("*.csv")) if name in built.BY_FILE else ["tree"]
    said, found = imported(*files, *built.OPTIONS.get(name, ()))
    assert set(found) == set(SEEDS), said
    for seed, one in found.items():
        assert pairs(one)[0] == (1000, pytest.approx(returned(seed, 1000), abs=0.06))
        assert pairs(one)[-1][0] == 4000 and (one.meta.status, one.meta.env_steps) == ("finished", 4000)
        assert one.meta.imported.format == built.FORMATS.get(name, name)
        assert one.meta.imported.kind == built.KINDS.get(name, "unknown")
        assert one.meta.imported.file.startswith("tree/") and f"seed {seed} of HalfCheetah-v4 <- tree/" in said


def test_every_format_has_a_row_and_a_command_in_the_docs():
    text = (built.Path(__file__).parents[2] / "docs/import.md").read_text()
    for name in logs.FORMATS:
        assert f"`{name}`" in text, name


# --- whole runs


def evaluated(folder: str = "runs", seeds: int = 5, steps: range = range(1000, 20_001, 1000), bad: int = 0) -> None:
    """A folder of evaluations.npz; bad: the first step from which nothing is a number."""
    for seed in range(seeds):
        built.evaluations(Path(folder, f"seed_{seed}/evaluations.npz"), seed, steps)
        if bad:
            with np.load(f"{folder}/seed_{seed}/evaluations.npz") as file:
                arrays = dict(file)
            arrays["results"][np.array(steps) >= bad] = np.nan
            np.savez(f"{folder}/seed_{seed}/evaluations.npz", **arrays)


def test_a_diverged_log_keeps_its_budget_and_is_never_finished(here):
    evaluated(bad=12_000)
    assert "no finite number; --status-of-short says" in refused("runs")
    assert "no finite number; --status-of-short says" in refused("runs", "--env-steps", 11_000)
    said, found = imported("runs", "--status-of-short", "diverged", "--write-config", "mine.yaml")
    assert "5 diverged; 20,000 steps" in said and "seed 4 of HalfCheetah-v4 <- runs/seed_4/evaluations.npz" in said
    assert {(one.meta.status, one.meta.env_steps, one.meta.last_env_step) for one in found.values()} == {
        ("diverged", 20_000, 11_000)
    }
    assert set(gather.main(Plan(Path("mine.yaml")))["runs"]["status"]) == {"diverged"}
    shutil.rmtree("results")
    _, found = imported("runs", "--status-of-short", "diverged", "--env-steps", 11_000)
    assert {one.meta.status for one in found.values()} == {"diverged"}, "a cut run is never finished"


@pytest.mark.parametrize("written", ["empty", "null", "nan"])
def test_returns_that_a_table_leaves_empty_at_its_end_are_no_shorter_budget(here, written):
    """pandas writes a NaN as an empty cell, and as null in JSON."""
    frame = pd.DataFrame({"step": range(1000, 20_001, 1000), "return": [-1.0] * 11 + [np.nan] * 9})
    if written == "null":
        Path("a.json").write_text(frame.to_json(orient="records"))
    else:
        frame.to_csv("a.csv", index=False, na_rep="" if written == "empty" else "nan")
    (file,) = Path().glob("a.*")
    assert "--status-of-short says" in refused(file)
    said, _ = imported(file, "--status-of-short", "diverged")
    assert "1 diverged; 20,000 steps" in said


def test_training_windows_skip_what_ended_no_episode_and_keep_the_budget(here):
    columns = {"timesteps_total": range(1000, 11_000, 1000), "training_iteration": range(10)}
    built.table(Path("a.csv"), columns | {"episode_reward_mean": ["nan", "nan", *[-5.0] * 5, *["nan"] * 3]})
    said, found = imported("a.csv", "--every", 5000, "--status-of-short", "diverged")
    assert "1 diverged; 10,000 steps" in said and pairs(found[0]) == [(5000, -5.0)] * 3


# --- parallel environments


def test_parallel_monitors_are_one_run_by_time_with_summed_steps(here):
    for n in range(4):
        built.monitor(
            Path(f"run/{n}.monitor.csv"), [(-10.0 * k - n, 1000, 10.0 * k + n) for k in (1, 2, 3)], 100 + n / 9
        )
    said, found = imported("run", "--every", 4000)
    assert "4 parallel environments merged by time, their steps summed" in said
    assert pairs(found[0]) == [(4000 * k, -10.0 * k - n) for k in (1, 2, 3) for n in range(4)]
    assert set(found) == {0} and found[0].meta.imported.kind == "training"
    assert "is of the same run as run/" in refused("run/1.monitor.csv", "--every", 4000)
    one_after_the_other = "its files do not overlap in time: they are no parallel environments"
    built.monitor(Path("run/3.monitor.csv"), [(-1.0, 1000, 1.0)], 900)
    assert one_after_the_other in refused("run", "--every", 4000)
    Path("run/3.monitor.csv").write_text("r,l\n-1,1000\n")
    assert "tells no times" in refused("run", "--every", 4000)


# --- training is no evaluation


TRAINING = {
    "episode_reward_mean": "rllib",
    "charts/episodic_return": "table",
    "AverageEpRet": "table",
    "exploration/Average Returns": "table",
    "ep_rew_mean": "table",
    "rollout/ep_rew_mean": "table",
    "train/return": "table",
    "env_runners/episode_return_mean": "table",
    "mean_episode_reward": "table",
}


@pytest.mark.parametrize("column", TRAINING)
def test_a_training_column_is_known_by_its_name_and_cannot_be_claimed(here, column):
    built.table(Path("a.csv"), {"step": STEPS, column: [-1, -2, -3, -4]})
    named = ("a.csv", "--return-column", column)
    (found,) = logs.read(["a.csv"], logs.Request(tasks=("HalfCheetah-v4",), value=column))
    assert found.kind == "training"
    assert "which --kind mean does not make evaluations" in refused(*named, "--kind", "mean", "--every", 1000)
    said, _ = imported(*named, "--every", 1000, "--write-config", "mine.yaml")
    assert "training returns, which decide nothing" in said
    assert list(gather.main(Plan(Path("mine.yaml")))["runs"]["kind_of_return"]) == ["training"]
    exported = built.table(Path("wandb.csv"), {"global_step": STEPS, f"my-test-run - {column}": [-1, -2, -3, -4]})
    assert logs.read([exported], logs.Request(tasks=("HalfCheetah-v4",)))[0].kind == "training"


@pytest.mark.parametrize(
    "name", ["eval/mean_reward", "evaluation/step_return", "test/reward", "return", "eval_ep_return"]
)
def test_evaluations_say_how_they_acted_or_are_unknown_until_claimed(here, name):
    built.table(Path("a.csv"), {"step": STEPS, name: [-1, -2, -3, -4]})
    said, found = imported("a.csv", "--return-column", name, "--write-config", "mine.yaml")
    assert "do not say how they chose actions, which decide nothing: --kind says it" in said
    assert list(gather.main(Plan(Path("mine.yaml")))["runs"]["kind_of_return"]) == ["unknown"]
    assert "kind" not in found[0].meta.imported.claimed
    shutil.rmtree("results")
    _, found = imported("a.csv", "--return-column", name, "--kind", "mean")
    assert found[0].meta.kind_of_return == "deterministic" and "kind" in found[0].meta.imported.claimed


def test_rllibs_settings_say_whether_evaluations_explored(here):
    built.rllib(Path("tree"), explore=True)
    assert {one.kind for one in logs.read(["tree"], logs.Request(("HalfCheetah-v4",)))} == {"sample"}


# --- columns


def test_where_several_columns_fit_none_is_taken(here):
    built.table(Path("a.csv"), {"step": STEPS, "value": [0.5] * 4, "eval/mean_reward": [-1] * 4})
    words = "several columns for the return ('value', 'eval/mean_reward'); choose one with --return-column"
    assert words in refused("a.csv")
    said, _ = imported("a.csv", "--return-column", "eval.mean_reward")
    assert "seed 0 of HalfCheetah-v4 <- a.csv: 'eval/mean_reward' by 'step'" in said
    built.table(Path("b.csv"), {"step": STEPS, "global_step": STEPS, "return": [-1] * 4})
    assert "several columns for the step ('global_step', 'step')" in refused("b.csv")
    Path("c.csv").write_text("step,return,return\n1000,-1,-2\n")
    assert "two columns named 'return'" in refused("c.csv")


def test_a_mean_over_seeds_is_no_run(here):
    wide = {f"rew:seed_{seed}": [returned(seed, step) for step in STEPS] for seed in SEEDS}
    built.table(Path("a.csv"), {"step": STEPS, "rew": [-1] * 4, "rew:std": [1] * 4} | wide)
    _, found = imported("a.csv", "--return-column", "rew")
    assert set(found) == set(SEEDS) and pairs(found[10])[0] == (1000, returned(10, 1000))


@pytest.mark.parametrize("header", ["rew_std,hostname", "step|return", "time,host"])
def test_no_hint_names_what_is_no_return(here, header):
    Path("a.csv").write_text(f"step,{header}\n1000,1,2\n" if "," in header else f"{header}\n1000|1\n")
    words = refused("a.csv")
    assert "no column known for the" in words and "such as" not in words and "std" not in words.split("a.csv")[1]


# --- the axis of steps


def test_a_counter_of_log_calls_is_taken_only_when_named(here):
    built.table(Path("a.csv"), {"_step": STEPS, "eval/mean_reward": [-1, -2, -3, -4]})
    assert "'_step' may count log calls or epochs, and --step-scale says how many steps one is" in refused("a.csv")
    assert "no column known for the step" in refused("a.csv", "--step-offset", 1000)
    said, _ = imported("a.csv", "--step-column", "_step", "--step-scale", 10)
    assert "40,000 steps, a value every 10,000" in said and "by '_step'" in said
    built.table(Path("b.csv"), {"Step": STEPS, "run - eval/return": [-1, -2, -3, -4]})
    assert "'Step' may count log calls" in refused("b.csv")


USELESS = {
    "evaluations.npz": ("--seed-column", "--step-column", "--return-column", "--step-scale", "--algorithm", "--frames"),
    "monitor.csv": ("--seed-column", "--step-column", "--return-column", "--algorithm"),
    "events.out.tfevents.1": ("--seed-column", "--step-column", "--frames"),
    "a.csv": ("--algorithm", "--frames"),
    "a.npy": ("--seed-column", "--step-column", "--return-column"),
}


@pytest.mark.parametrize("file", USELESS)
def test_an_option_that_a_reader_would_ignore_is_refused(here, file):
    built.evaluations(Path("evaluations.npz"), 1)
    built.monitor(Path("monitor.csv"), [(-1.0, 1000, 1.0)] * 4)
    built.events(Path("events.out.tfevents.1"), "eval/return", [(1000, -1.0)])
    built.table(Path("a.csv"), {"step": STEPS, "return": [-1, -2, -3, -4]})
    np.save("a.npy", np.zeros((1, 1, 2)))
    for option in USELESS[file]:
        value = 1000 if option in ("--frames", "--step-scale") else "x"
        assert f"{option} is of no use to logs of" in refused(file, option, value)
    assert "--tolerance is of no use to training returns" in refused("monitor.csv", "--every", 1000, "--tolerance", 5)


def test_nested_keys_are_reached(here):
    rows = [{"at": {"step": step}, "evaluation": {"mean": returned(3, step)}, "args": {"seed": 3}} for step in STEPS]
    Path("a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    names = ("--step-column", "at.step", "--return-column", "evaluation/mean", "--seed-column", "args.seed")
    _, found = imported("a.jsonl", *names)
    assert pairs(found[3]) == [(step, returned(3, step)) for step in STEPS]
    assert "has no 'args.sed' for the seed" in refused("a.jsonl", *names[:5], "args.sed")
    built.table(Path("run/progress.csv"), {"step": STEPS, "return": [-1, -2, -3, -4]})
    Path("run/config.json").write_text(json.dumps({"args": {"seed": 7}, "env": {"seed": 9}}))
    shutil.rmtree("results")
    assert set(imported("run", "--seed-column", "args.seed")[1]) == {7}

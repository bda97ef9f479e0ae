"""Logs as people bring them: every tree by one command, and what must be joined, refused or told."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from builders import logs as built
from builders.logs import SEEDS, STEPS, returned
from builders.runs import ROOT
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


def test_every_format_has_a_row_in_the_docs():
    text = (ROOT / "docs/import.md").read_text()
    assert re.findall(r"^\| `([a-z0-9-]+)`", text, re.MULTILINE) == list(logs.FORMATS)


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


def test_a_tree_of_several_algorithms_is_not_taken_for_seeds_of_one(here):
    for seed, algorithm in enumerate(("sac", "td3")):
        built.evaluations(Path(f"logs/{algorithm}/HalfCheetah-v4_1/evaluations.npz"), seed)
    complaint = refused("logs")
    assert "sac (logs/sac/HalfCheetah-v4_1/evaluations.npz) and td3" in complaint
    assert "import the folder of one algorithm" in complaint
    assert len(imported("logs/sac")[1]) == 1


@pytest.mark.parametrize("names", [("env0", "env1"), ("train", "eval")])
def test_monitors_of_one_folder_that_tell_no_seed_are_not_taken_for_runs(here, names):
    for n, name in enumerate(names):
        built.monitor(Path(f"run/{name}.monitor.csv"), [(-1.0 - n, 1000, 1.0 + k) for k in range(3)])
    assert "monitors that tell no seed, and may be one run's environments" in refused("run", "--every", 1000)
    assert set(imported("run", "--every", 1000, "--seeds", "3,4")[1]) == {3, 4}, "unless their importer says so"


def test_an_export_of_a_group_is_no_run(here):
    columns = {"global_step": STEPS, "sac - eval/return": [2.0] * 4, "sac - eval/return__MIN": [2.0] * 4}
    built.table(Path("group.csv"), columns | {"sac - eval/return__MAX": [2.0, 2.0, 3.0, 2.0]})
    assert "is a mean of several runs or steps, since its __MIN and __MAX differ" in refused("group.csv")


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


def test_settings_that_speak_of_evaluations_make_none_of_training(here):
    built.softlearning(Path("tree"))
    for column in ("training/return-average", "training/return-max"):
        for path in Path("tree").rglob("progress.csv"):
            path.write_text(path.read_text().replace("training/return-average", column))
        named = logs.read(["tree"], logs.Request(("HalfCheetah-v4",), value=column))
        assert {one.kind for one in named} == {"training"}


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
    assert "'_step' may count log calls or epochs (--step-scale: the steps of one)" in refused("a.csv")
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


# --- one run in several files


def rows_of(seed: int, steps: range) -> list[tuple[int, float]]:
    return [(step, returned(seed, step)) for step in steps]


@pytest.mark.parametrize("tensor", [False, True])
def test_event_files_of_one_folder_are_one_run_and_the_later_supersedes(here, tensor):
    first, second = [(step, -1.0) for step in range(1000, 6001, 1000)], rows_of(1, range(4000, 9001, 1000))
    built.events(Path("SAC_1/events.out.tfevents.9.host"), "eval/mean_reward", first, tensor)
    built.events(Path("SAC_1/events.out.tfevents.10.host"), "eval/mean_reward", second, tensor)
    said, found = imported("SAC_1")
    assert "joined from 2 files; resumed: 3 returns of an earlier part are superseded by the later one" in said
    assert pairs(found[0]) == [*first[:3], *((step, pytest.approx(value, abs=1e-3)) for step, value in second)]
    built.events(Path("SAC_1/events.out.tfevents.11.host"), "eval/mean_reward", second[:1] + first)
    assert "several runs" in refused("SAC_1")


def test_a_part_that_tells_the_last_step_again_supersedes_it(here):
    for n, step in ((1, 1000), (2, 2000)):
        rows = [(at, -float(n)) for at in range(step, step + 2000, 1000)]
        built.events(Path(f"run/events.out.tfevents.{n}"), "eval/mean_reward", rows)
    _, found = imported("run")
    assert pairs(found[0]) == [(1000, -1.0), (2000, -2.0), (3000, -2.0)]


@pytest.mark.parametrize("column", ["return", "charts/episodic_return"])
def test_steps_that_go_back_in_a_table_are_a_run_resumed(here, column):
    steps = [*range(1000, 8001, 1000), *range(5000, 10_001, 1000)]
    built.table(Path("a.csv"), {"step": steps, column: [*range(8), *[-1.0] * 6]})
    said, found = imported("a.csv", "--every", 1000)
    assert "resumed: 4 returns of an earlier part are superseded by the later one" in said
    assert [value for _, value in pairs(found[0])] == [0, 1, 2, 3, *[-1.0] * 6], "and none of it is pooled"
    built.table(Path("b.csv"), {"step": [*STEPS, *STEPS], column: [*range(8)]})
    assert "step" in refused("b.csv", "--every", 1000), "two runs in one table, and no column that tells them apart"
    built.table(Path("c.csv"), {"step": [1000, 2000] * 30, column: [*range(60)]})
    refused("c.csv", "--every", 1000)


def test_a_table_in_another_order_is_sorted(here):
    built.table(Path("a.csv"), {"step": STEPS[::-1], "return": [4, 3, 2, 1]})
    assert pairs(imported("a.csv")[1][0]) == [(1000, 1), (2000, 2), (3000, 3), (4000, 4)]


def test_two_wandb_folders_of_one_id_are_one_run(here, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    wandb = pytest.importorskip("wandb")
    for steps in (range(1000, 6001, 1000), range(4000, 9001, 1000)):
        settings = wandb.Settings(init_timeout=120)
        written = wandb.init(project="p", id="abc", mode="offline", dir=here, reinit="create_new", settings=settings)
        for step in steps:
            written.log({"eval/mean_reward": -float(steps[0]), "global_step": step})
        written.finish()
        time.sleep(1.5)  # its own process may still write, and its folders are named by the second
    assert len(list(Path().rglob("*.wandb"))) == 2
    said, found = imported("wandb")
    assert "joined from 2 files; resumed: 3 returns" in said
    assert [value for _, value in pairs(found[0])] == [-1000.0] * 3 + [-4000.0] * 6


def test_a_run_whose_first_log_is_lost_is_imported_from_there_on(here):
    built.table(Path("a.csv"), {"step": range(5000, 10_001, 1000), "return": [-1.0] * 6})
    assert "if its earlier log is lost, --first-step 5000 imports it from there on" in refused("a.csv")
    said, found = imported("a.csv", "--first-step", 5000, "--write-config", "mine.yaml")
    assert "1 finished; 10,000 steps" in said and "from step 5,000 on" in said
    assert pairs(found[0])[0][0] == 5000 and found[0].meta.evaluation.first == 5000
    assert list(gather.main(Plan(Path("mine.yaml")))["runs"]["status"]) == ["finished"]


def test_training_windows_begin_with_the_log_and_never_in_its_midst(here):
    built.table(Path("a.csv"), {"step": range(5500, 12_001, 500), "train/return": range(14)})
    _, found = imported("a.csv", "--every", 2000, "--first-step", 5500)
    assert pairs(found[0]) == [*((8000, float(n)) for n in (2, 3, 4, 5)), *((10_000, float(n)) for n in (6, 7, 8, 9)),
                               *((12_000, float(n)) for n in (10, 11, 12, 13))]  # fmt: skip


def test_returns_without_a_step_are_told(here):
    Path("a.csv").write_text("step,return\n1000,-1\n,-9\n2000,-2\n")
    said, found = imported("a.csv")
    assert "1 returns stand in rows without a step and are left out" in said and len(pairs(found[0])) == 2


# --- files as they really are


@pytest.mark.parametrize("apart", [";", "\t"])
def test_monitors_with_other_separators(here, apart):
    rows = "r,l,t\n-1,1000,1\n-2,1000,2\n".replace(",", apart)
    Path("monitor.csv").write_text('#{"t_start": 1, "a": "b,c"}\n' + rows)
    assert pairs(imported("monitor.csv", "--every", 1000)[1][0]) == [(1000, -1.0), (2000, -2.0)]


MALFORMED = {
    "ran together": ("-1,1000,1\n-2,1000,2-3,1000,3\n-4,1000,4\n", "line 4 has 5 fields, not 3"),
    "two processes": ("-1,1000,1\n-2,1000,9\n-3,1000,2\n", "line 5 goes back in time, from 9 to 2"),
    "half a row": ("-1,1000,1\n-2,1000\n-3,1000,3\n", "line 4 has 2 fields, not 3"),
    "a time that is none": ("-1,1000,1\n-2,1000,2.1.3\n-3,1000,3\n", "the time of line 4 '2.1.3' is no number"),
    "a length that is none": ("-1,1000,1\n-2,10.5,2\n", "the length of line 4 '10.5' is no whole number"),
    "no length": ("-1,0,1\n-2,1000,2\n", "has an episode of no step"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_row_of_a_monitor_is_named_by_its_line(here, case):
    rows, words = MALFORMED[case]
    Path("monitor.csv").write_text('#{"t_start": 1}\nr,l,t\n' + rows)
    assert words in refused("monitor.csv", "--every", 1000)


@pytest.mark.parametrize("header", ["", "r,l,t\n", '#{"t_start": 1, "env_id": "HalfCheetah-v4"}\nr,l,t\n'])
def test_monitors_without_a_header_and_with_one_cut_short(here, header):
    Path("monitor.csv").write_text(header + "-1,1000,1\nnan,1000,2\n-3,1000,3\n-4,1000,4\n-5,10")
    (found,) = logs.read(["monitor.csv"], logs.Request(("HalfCheetah-v4",)))
    assert [point.env_step for point in found.points] == list(STEPS) and np.isnan(found.points[1].returns[0])


PACKED = {
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "gzip": gzip.compress,
    "gzip of a marked one": lambda text: gzip.compress(b"\xef\xbb\xbf" + text),
    "semicolons": lambda text: text.replace(b",", b";"),
    "tabs": lambda text: text.replace(b",", b"\t"),
    "spaces": lambda text: text.replace(b",", b"  "),
    "lines of Windows": lambda text: text.replace(b"\n", b"\r\n"),
    "no last line's end": lambda text: text[:-1],
    "a last line cut short": lambda text: text + b"3,50",
}


@pytest.mark.parametrize("case", PACKED)
def test_a_table_is_read_however_it_is_packed(here, case):
    text = "seed,step,return\n" + "".join(f"{s},{step},{returned(s, step)}\n" for s in SEEDS for step in STEPS)
    file = Path("a.csv.gz" if "gzip" in case else "a.csv")
    file.write_bytes(PACKED[case](text.encode()))
    found = logs.read([file], logs.Request(("HalfCheetah-v4",)))
    assert [one.seed for one in found] == list(SEEDS)
    assert all(one.points[3] == logs.Point(4000, (returned(one.seed, 4000),)) for one in found)


def test_rows_of_another_length_are_named(here):
    Path("a.csv").write_text("step,return\n1000,-1\n2000\n3000,-3\n")
    assert "the row '2000' has 1 fields, not 2" in refused("a.csv")
    Path("a.csv").write_text("step,return\n1000,-1\n2000,-2,7\n3000,-3\n")
    assert "the row '2000,-2,7' has 3 fields, not 2" in refused("a.csv")
    Path("a.csv").write_text("step,return\n1000,-1,5\n2000,-2,7\n")
    assert "the row '1000,-1,5' has 3 fields, not 2" in refused("a.csv"), "and no column is taken for an index"


def test_seeds_of_byte_identical_plateaus_are_two_runs(here):
    for seed in (0, 1):
        built.table(Path(f"seed_{seed}/progress.csv"), {"step": STEPS, "return": [-5.0] * 4})
    assert set(imported("seed_0", "seed_1")[1]) == {0, 1}
    for seed in (0, 1):
        built.table(Path(f"seed_{seed}/progress.csv"), {"step": STEPS, "return": [-5.0, 1, 2, 3]})
    assert "are the same file; name each run once" in refused("seed_0", "seed_1", "--results", "other")


# --- grids


GRIDS = {
    "from 1 on": (range(1, 20_002, 1000), 1000, 999, 20),
    "vectorised": (range(999, 20_000, 999), 1000, 20, 19),
    "Ray": ([3000, 7000, 11_000, 14_000, 19_000, 21_000], 5000, 3000, 4),
}


@pytest.mark.parametrize("case", GRIDS)
def test_a_grid_takes_the_last_evaluation_within_the_tolerance_and_shifts_nothing(here, case):
    steps, every, tolerance, count = GRIDS[case]
    built.table(Path("a.csv"), {"step": steps, "return": [-float(step) for step in steps]})
    least = int(refused("a.csv", "--every", every).split("--tolerance ")[1].split()[0])
    said, found = imported("a.csv", "--every", every, "--tolerance", tolerance)
    assert f"a value stands for an evaluation up to {tolerance:,} steps before it" in said
    assert [at for at, _ in pairs(found[0])] == [every * k for k in range(1, count + 1)]
    for at, value in pairs(found[0]):
        assert -value == max(step for step in steps if step <= at) and 0 <= at + value <= tolerance
    assert least == max(at + value for at, value in pairs(found[0]))
    assert "tolerance" in found[0].meta.imported.claimed
    assert "must be less than" in refused("a.csv", "--every", every, "--tolerance", every, "--results", "other")


def test_episodes_longer_than_the_tasks_are_told(here):
    built.monitor(Path("monitor.csv"), [(-1.0, 1500, 1.0)] * 4)
    assert "an episode has 1,500 steps, and HalfCheetah-v4 ends at 1,000" in imported("monitor.csv", "--every", 3000)[0]


def test_another_version_is_imported_under_its_own_name_where_it_stands_for_the_task(here):
    built.table(Path("a.csv"), {"env_id": ["HalfCheetah-v3"] * 4, "step": STEPS, "return": [-1] * 4})
    said, found = imported("a.csv", "--write-config", "mine.yaml")
    assert "of HalfCheetah-v3: reward and observation are the same" in said
    assert found[0].meta.versions["environment"] == "HalfCheetah-v3" and found[0].meta.task == "HalfCheetah-v4"
    assert list(gather.main(Plan(Path("mine.yaml")))["runs"]["status"]) == ["finished"]
    assert "is no task; take --task HalfCheetah-v4 or HalfCheetah-v5" in refused("a.csv", task="HalfCheetah-v3")
    assert "is of HalfCheetah-v3, and --task names Ant-v5 alone" in refused("a.csv", task="Ant-v5")


# --- seeds, tasks, several calls


def test_places_are_counted_as_people_count_and_shown(here):
    for n in (12, 1, 2, 10):
        built.table(Path(f"SAC_{n}/progress.csv"), {"step": STEPS, "return": [-n] * 4})
    said, found = imported(*sorted(Path().glob("SAC_*")))
    assert {seed: pairs(one)[0][1] for seed, one in found.items()} == {0: -1, 1: -2, 2: -10, 3: -12}
    assert "seed 3 of HalfCheetah-v4 <- SAC_12/progress.csv: 'return' by 'step'" in said
    shutil.rmtree("results")
    _, found = imported(".", "--seeds", "5,6,7,8")
    assert {seed: pairs(one)[0][1] for seed, one in found.items()} == {5: -1, 6: -2, 7: -10, 8: -12}


def test_a_table_of_several_environments_is_filtered_and_says_so(here):
    tasks = [*["HalfCheetah-v4"] * 4, *["Hopper-v4"] * 4, *["Walker2d-v4"] * 4]
    built.table(Path("a.csv"), {"env": tasks, "step": STEPS * 3, "return": [*range(12)]})
    said, found = imported("a.csv")
    assert "left out: 1 runs of Hopper-v4, 1 runs of Walker2d-v4" in said
    assert [value for _, value in pairs(found[0])] == [0, 1, 2, 3]
    code, said, complaint = run("import", "a.csv", "--task", "Hopper-v4", "--task", "Walker2d-v4", *SAID)
    assert code == 0 and "2 finished" in said and "left out: 1 runs of HalfCheetah-v4" in said, complaint


def test_json_lines_of_a_killed_writer_end_with_the_last_whole_one(here):
    rows = [json.dumps({"step": step, "return": -step}) for step in STEPS]
    Path("a.jsonl").write_text("\n".join(rows) + '\n{"step": 50')
    assert pairs(imported("a.jsonl")[1][0]) == [(step, -step) for step in STEPS]
    Path("b.jsonl").write_text("\n".join([*rows[:2], '{"step": 30', *rows[3:]]))
    assert "line 3 is no JSON" in refused("b.jsonl")


def test_the_tolerance_that_a_refusal_names_is_one_that_works(here):
    built.table(Path("a.csv"), {"step": STEPS, "return": [1.0, 2.0, 3.0, 4.0]})
    assert "--tolerance 1 lets each evaluation stand" in refused("a.csv", "--every", 2000)
    assert pairs(imported("a.csv", "--every", 2000, "--tolerance", 1)[1][0]) == [(2000, 2.0), (4000, 4.0)]


def test_a_tree_of_several_other_environments_is_not_of_the_task(here):
    for task in ("Hopper-v4", "Walker2d-v4"):
        built.table(Path(f"runs/{task}/progress.csv"), {"step": STEPS, "return": [float(len(task))] * 4})
    assert "is of Hopper-v4, and --task names HalfCheetah-v4 alone" in refused("runs")
    assert "its path names Hopper-v4, and its importer HalfCheetah-v4" in imported("runs/Hopper-v4")[0]


def test_a_tree_of_tasks_and_seeds_in_one_call(here):
    for task in ("HalfCheetah-v4", "Hopper-v4"):
        for seed in SEEDS:
            values = [returned(seed, step) + len(task) for step in STEPS]
            built.table(Path(f"runs/{task}/seed_{seed}/progress.csv"), {"step": STEPS, "return": values})
    code, said, complaint = run("import", "runs", "--task", "HalfCheetah-v4", "--task", "Hopper-v4", *SAID)
    assert code == 0 and "6 finished" in said and "seed 10 of Hopper-v4 <- runs/Hopper-v4/seed_10/" in said, complaint
    shutil.rmtree("results")
    said, found = imported("runs", task="Hopper-v4")
    assert "left out: 3 runs of HalfCheetah-v4" in said and set(found) == set(SEEDS)


def test_several_calls_make_one_config(here):
    for task in ("HalfCheetah-v4", "Hopper-v4"):
        columns = {"global_step": STEPS, f"{task}__sac__1__17 - eval/mean_reward": [-1, -2, -3, -4]}
        built.table(Path(f"{task}.csv"), columns)
        for _ in range(2):
            imported(f"{task}.csv", "--write-config", "mine.yaml", task=task)
    sweeps = yaml.safe_load(Path("mine.yaml").read_text())["sweeps"]
    assert [sweep["tasks"] for sweep in sweeps] == [["HalfCheetah-v4"], ["Hopper-v4"]]
    assert len(gather.main(Plan(Path("mine.yaml")))["runs"]) == 2
    Path("mine.yaml").write_text(Path("mine.yaml").read_text() + "tracking: wandb-offline\n")
    words = "exists and says something else; name another file"
    assert words in refused("Hopper-v4.csv", "--write-config", "mine.yaml", task="Hopper-v4")


def test_a_runs_evaluations_are_preferred_and_a_run_without_them_is_not_lost(here):
    built.evaluations(Path("runs/seed_1/evaluations.npz"), 1)
    built.monitor(Path("runs/seed_1/monitor.csv"), [(-1.0, 1000, 1.0)] * 4)
    assert imported("runs")[1][1].meta.imported.format == "sb3-evaluations"
    built.monitor(Path("runs/seed_2/monitor.csv"), [(-1.0, 1000, 1.0)] * 4)
    assert "holds sb3-evaluations and sb3-monitor logs; choose one with --format" in refused("runs")


# --- huge and hostile


def damaged_header() -> bytes:
    np.save("whole.npy", np.zeros((2, 2)))
    return Path("whole.npy").read_bytes().replace(b"'fortran_order'", b"'fortran_orde\x00(")


HOSTILE = {
    "a step of 1e18": ("a.csv", lambda: b"step,return\n1000,-1\n1e18,-2\n", (), "is beyond 1,000,000,000,000"),
    "a value every step": ("a.csv", lambda: b"step,return\n1000,-1\n1000000000,-2\n", ("--every", 1), "values"),
    "training every step": ("a.csv", lambda: b"step,train/return\n1,-1\n1000000000,-2\n", ("--every", 1), "values"),
    "steps below nothing": ("a.csv", lambda: b"step,return\n-1e12,-1\n-5,-2\n", (), "which no run reaches"),
    "one step below nothing": ("a.csv", lambda: b"step,return\n-5,-1\n1000,-2\n", (), "has the step -5"),
    "a damaged header": ("a.npy", damaged_header, ("--frames", 1000), "cannot be read as rliable"),
    "an array of 10^15": (
        *("a.npy", lambda: damaged_header().replace(b"e\x00(", b"er'").replace(b"(2, 2)", b"(9**9,9**9)")),
        *(("--frames", 1000), "cannot be read as rliable"),
    ),
    "deep JSON": ("a.json", lambda: b"[" * 100_000, (), "cannot be read as table"),
    "deep settings": ("a.json", lambda: b'{"a":' * 50_000, (), "cannot be read as table"),
    "digits without end": ("a.json", lambda: b'[{"step": ' + b"9" * 5000 + b', "return": 1}]', (), "cannot be read"),
    "no number's end": ("a.tfevents", lambda: b"", (), "holds no values at all"),
    "a seed without end": ("seed_99999999999999999999/progress.csv", lambda: b"step,return\n1000,1\n", (), "a seed is"),
    "a seed below nothing": ("a.csv", lambda: b"seed,step,return\n-1,1000,1\n", (), "a seed is from 0 to 4294967295"),
    "zeros, packed": ("a.csv.gz", lambda: gzip.compress(b"0," * 10**6, 1), (), "it has 1,000,001 columns"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_huge_or_hostile_ends_quickly_in_a_sentence(here, case):
    name, content, options, words = HOSTILE[case]
    file = Path(name)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content())
    began = time.process_time()
    assert words in refused(file, *options)
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "option", ["--step-offset", "--every", "--env-steps", "--tolerance", "--first-step", "--step-scale"]
)
def test_steps_without_end_are_no_option(here, option):
    built.table(Path("a.csv"), {"step": STEPS, "return": [-1] * 4})
    code, _, complaint = run("import", "a.csv", "--task", "HalfCheetah-v4", *SAID, option, 10**20)
    assert code == 2 and "is not in the range" in complaint and not Path("results").exists()
    code, _, complaint = run("import", "a.csv", "--task", "HalfCheetah-v4", *SAID, option, 10**12)
    assert code in (0, 2) and "Traceback" not in complaint


def test_a_million_rows_are_read_in_seconds(here):
    rows = pd.DataFrame({"step": range(1, 1_000_001), "train/return": np.arange(1e6)})
    rows.to_csv("a.csv", index=False)
    began = time.process_time()
    _, found = imported("a.csv", "--every", 100_000)
    assert time.process_time() - began < 30 and len(found[0].episodes) == 1_000_000


@pytest.mark.parametrize(("format", "options"), [("wandb-export", ()), ("dopamine", ("--step-scale", 1000))])
def test_a_folder_of_tables_without_telling_names_is_read_where_their_format_is_said(here, format, options):
    built.TREES[format](Path("tree"))
    assert "name the files themselves, or --format" in refused("tree")
    assert set(imported("tree", "--format", format, *options)[1]) == set(SEEDS)


@pytest.mark.parametrize("kind", ["unknown", "mean"])
def test_the_gate_takes_returns_of_unknown_kind_as_advice(here, rng, kind):
    for seed in range(5):
        values = -160 + 10 * rng.standard_normal(20)
        built.table(Path(f"seed_{seed}.csv"), {"step": range(1000, 20_001, 1000), "return": values.tolist()})
    said = ("--task", "Pendulum-v1", "--implementation", "mylib", "--preset", "stable_baselines3_common")
    claim = ("--kind", "mean") if kind == "mean" else ()
    files = sorted(Path().glob("*.csv"))
    code, _, complaint = run("import", *files, *said, "--episodes", 10, *claim, "--write-config", "mine.yaml")
    assert code == 0, complaint
    assert run("gather", "--config", "mine.yaml")[0] == 0
    code, text, _ = run("check", "--config", "mine.yaml", "--gate")
    assert code == (0 if kind == "mean" else 3), text


# --- docs/import.md


def commands() -> list[list[str]]:
    block = re.search(r"```sh\n(.*?)```", (ROOT / "docs/import.md").read_text(), re.DOTALL)
    assert block
    return [line.removeprefix("python -m suite ").split() for line in block[1].splitlines()]


@pytest.mark.parametrize("command", commands(), ids=lambda command: Path(command[1]).parts[1])
def test_the_commands_of_the_docs_work(here, command):
    name = Path(command[1]).parts[1]
    built.TREES[name](Path("logs", name))
    files = sorted(Path().glob(command[1])) if "*" in command[1] else [command[1]]
    code, said, complaint = run("import", *files, *command[2:], "--write-config", "mine.yaml")
    assert code == 0 and "3 finished" in said, complaint
    assert list(gather.main(Plan(Path("mine.yaml")))["runs"]["status"]) == ["finished"] * 3


def test_the_docs_have_a_command_for_every_tree():
    assert {Path(command[1]).parts[1] for command in commands()} == set(built.TREES)

"""The real thing: Snakemake on a small config, with what goes wrong in real sweeps."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from builders.runs import ROOT, called, suite
from builders.sweeps import (
    ENVIRONMENT,
    assert_same_tables,
    command_line,
    config,
    has_checkpoint,
    snakemake,
    tables,
    trainers,
)
from click.testing import CliRunner

from implementations import sac_torch
from suite.cli import main, sweep
from suite.errors import UsageError
from suite.lab import machine, records
from suite.sac import numerics
from suite.specimens import proofs
from suite.study import gather as gathering
from suite.study.plan import Plan


def rules(done: subprocess.CompletedProcess) -> dict[str, int]:
    """The jobs a dry run announces, by rule."""
    assert done.returncode == 0, done.stderr + done.stdout
    counts = {}
    for line in (done.stdout + done.stderr).splitlines():
        words = line.split()
        if len(words) == 2 and words[1].isdigit():
            counts[words[0]] = int(words[1])
    return counts


@pytest.fixture(scope="module")
def study(whole, tmp_path_factory) -> Path:
    """A finished study in a directory of its own."""
    return shutil.copytree(whole, tmp_path_factory.mktemp("pipeline") / "study")


def test_from_config_to_report(study):
    report = (study / "reports/study/report.html").read_text()
    assert "4 of 4 planned runs finished" in report
    assert (study / "log").read_text().endswith("\nreport: reports/study/report.html\n")
    assert (
        'src="http' not in report and 'href="http' not in report.split("<body")[0]
    )  # nothing is loaded from elsewhere
    index = json.loads((study / "reports/study/figures/index.json").read_text())
    assert index
    for entry in index:
        for name in entry["files"]:
            assert (study / "reports/study/figures" / name).stat().st_size > 100
    runs = tables(study)["runs"]
    assert list(runs["status"]) == ["finished"] * 4 and not runs["stale"].any()


def test_what_is_planned_and_declared_is_on_record_before_the_first_run(study):
    where = study / "results/studies/study"
    plan = Plan(study / "study.yaml")
    declared = json.loads((where / "declaration.json").read_text())
    assert declared["declaration"] == plan.declaration and declared["sha256"] == plan.declaration_id
    (entry,) = declared["history"]
    assert (entry["sha256"], entry["planned"], entry["records_before"]) == (plan.declaration_id, 4, 0)
    first = min(path.stat().st_mtime_ns for path in records_of(study))
    assert (where / "manifest.parquet").stat().st_mtime_ns < first
    assert {records.read_meta(path).origin.declaration for path in records_of(study)} == {plan.declaration_id[:10]}
    manifest, runs = (pd.read_parquet(where / f"{name}.parquet") for name in ("manifest", "runs"))
    assert len(runs) == manifest["path"].nunique() and set(runs["path"]) == set(manifest["path"]) == set(plan.runs)


def test_what_changes_after_the_first_record_is_said_on_the_page(study, tmp_path):
    folder = copied(study, tmp_path)
    config(folder, seeds=[0, 1, 2])
    for command in ("gather", "statistics", "figures", "report"):
        done = called(command, "--config", "study.yaml", cwd=folder)
        assert done.returncode == 0, done.stderr
    page = (folder / "reports/study/report.html").read_text()
    assert re.search(
        r"Changed on \S+ at \S+ UTC, after 4 records existed: seeds: 2 added \(2 of 6 planned runs are new", page
    )
    assert "Expected beforehand: learned at least as good on every task without tuning" in page


def test_a_dry_run_writes_nothing_and_a_refused_declaration_stops_before_the_first_run(tmp_path):
    config(tmp_path)
    rules(snakemake(tmp_path, "-n"))
    assert not (tmp_path / "results").exists() and not (tmp_path / "reports").exists()
    (tmp_path / "results/studies/study").mkdir(parents=True)
    (tmp_path / "results/studies/study/declaration.json").write_text("{")
    done = snakemake(tmp_path, "--until", "run")
    assert done.returncode == 1 and "declaration.json cannot be read" in done.stderr
    assert not (tmp_path / "results/runs").exists()


def test_nothing_is_left_to_do_and_only_what_is_new_is_run(study):
    assert "run" not in rules(snakemake(study, "-n"))
    shutil.copy(study / "study.yaml", study / "before.yaml")
    try:
        config(study, seeds=[0, 1, 2])
        assert rules(snakemake(study, "-n"))["run"] == 2
        config(study, ablations=["temperature", "critics"])
        assert rules(snakemake(study, "-n"))["run"] == 2
        config(study, evaluate={"every": 100, "episodes": 2})
        assert rules(snakemake(study, "-n"))["run"] == 4
    finally:
        shutil.copy(study / "before.yaml", study / "study.yaml")
    assert "run" not in rules(snakemake(study, "-n"))


def test_blocks_of_seeds_leave_the_same_results_and_a_record_that_exists_is_kept(study, tmp_path):
    config(tmp_path)
    blocks = "--config", "seeds_per_job=2", "--until", "statistics"
    assert blocks_of(snakemake(tmp_path, "-n", *blocks)) == 2
    done = snakemake(tmp_path, *blocks)
    assert done.returncode == 0, done.stderr
    assert_same_tables(tmp_path, study)
    kept, lost, *_ = records_of(tmp_path)
    assert records.read_meta(kept).block == (0, 1)
    before = kept.read_bytes()
    lost.unlink()
    done = snakemake(tmp_path, *blocks)
    assert done.returncode == 0, done.stderr
    assert kept.read_bytes() == before and records.read_meta(lost).block == (1,)
    assert_same_tables(tmp_path, study)


def test_a_profile_for_accelerators_trains_ten_seeds_in_one_process(tmp_path):
    config(tmp_path, seeds=list(range(12)))
    profile = "--workflow-profile", str(ROOT / "profiles/gpu")
    assert blocks_of(snakemake(tmp_path, "-n", *profile)) == 2 * 2  # of ten seeds and of two, a cell


def blocks_of(done):
    """How many blocks a dry run would train."""
    return sum(count for name, count in rules(done).items() if name.startswith("block_"))


def test_blocks_that_share_a_seed_are_told_apart_by_their_cells(tmp_path):
    data = yaml.safe_load(config(tmp_path).read_text())
    data["sweeps"].append(data["sweeps"][0] | {"seeds": [0, 1, 2], "ablations": ["critics"]})
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(data))
    found = blocks_of(snakemake(tmp_path, "-n", "--config", "seeds_per_job=3"))
    assert found == len(Plan(tmp_path / "study.yaml").cells)
    refused = snakemake(tmp_path, "-n", "--config", "seeds_per_job=0")
    assert refused.returncode == 2 and "seeds_per_job is 0" in refused.stderr


def test_runs_in_turn_survive_a_kill_and_leave_the_same_results(study, tmp_path):
    """A trainer of four runs is killed in its second: the first stays as it is, the second goes on."""
    config(tmp_path)
    turns = "--config", "runs_per_job=4", "--until", "statistics"
    assert rules(snakemake(tmp_path, "-n", *turns))["runs_0"] == 1
    finished = []
    thread = threading.Thread(target=lambda: finished.append(snakemake(tmp_path, *turns)))
    thread.start()
    work = tmp_path / "results/.work"
    while not (waiting := list(work.rglob("*.parquet"))) or not any(
        waiting[0].parent not in path.parents
        for path in work.rglob("checkpoint-*.npz")  # the second run's own
    ):
        assert thread.is_alive()
        time.sleep(0.02)
    (trainer,) = trainers(tmp_path)
    trainer.send_signal(signal.SIGKILL)
    first = waiting[0].read_bytes()
    assert not records_of(tmp_path), "Snakemake would delete them with the failed job"
    assert "finished" in called("status", "--config", "study.yaml", cwd=tmp_path).stdout
    thread.join()
    assert finished[0].returncode == 0, finished[0].stderr
    assert_same_tables(tmp_path, study)
    assert first in [path.read_bytes() for path in records_of(tmp_path)]
    attempts = [len(records.read_meta(path).attempts) for path in records_of(tmp_path)]
    assert sorted(attempts) == [1, 1, 1, 2]
    assert not list((tmp_path / "results/.work").rglob("*.parquet"))


def test_a_run_that_crashes_in_turn_leaves_the_others_alone(tmp_path, monkeypatch):
    config(tmp_path, env_steps=1200, evaluate={"every": 600, "episodes": 1}, seeds=[0])
    monkeypatch.chdir(tmp_path)
    plan = Plan(Path("study.yaml"))
    crashing, sound = plan.runs.values()
    update, updates = sac_torch.update, Counter()

    def failing(state, *arguments):
        updates[state[0].spec] += 1
        if state[0].spec == crashing.cell.spec and updates[state[0].spec] == 3:
            raise RuntimeError("made so by the test")
        return update(state, *arguments)

    monkeypatch.setattr(sac_torch, "update", failing)
    command = ["run", "--config", "study.yaml", "--in-turn", "--attempts", "2", "--attempt"]
    done = CliRunner().invoke(main, [*command, "1", *plan.runs])
    assert done.exit_code == 1, done.output
    assert not records_of(tmp_path) and plan.waiting(sound).exists() and not plan.waiting(crashing).exists()
    before = plan.waiting(sound).read_bytes()
    updates.clear()
    assert CliRunner().invoke(main, [*command, "2", *plan.runs]).exit_code == 0
    assert Path(sound.record).read_bytes() == before and records.read_meta(Path(sound.record)).status == "finished"
    crashed = records.read_meta(Path(crashing.record))
    assert (crashed.status, crashed.message) == ("crashed", "RuntimeError: made so by the test")


def test_a_sweep_brings_in_the_records_that_a_killed_job_left_waiting(study, tmp_path, monkeypatch):
    monkeypatch.chdir(copied(study, tmp_path))
    plan = Plan(Path("study.yaml"))
    run = next(iter(plan.runs.values()))
    records.move(Path(run.record), plan.waiting(run))
    assert not Path(run.record).exists()
    sweep._clear_interrupted(plan)
    assert Path(run.record).read_bytes() == (study / run.record).read_bytes()
    assert records.arrays_path(Path(run.record)).exists() and not plan.waiting(run).exists()


def test_the_snakemake_report_is_made(study):
    done = snakemake(study, "--report", "explore.html")
    assert done.returncode == 0, done.stderr
    text = (study / "explore.html").read_text()
    for category in ("Report", "Figures", "Tables", "Regression check"):
        assert f'"{category}"' in text
    index = json.loads((study / "reports/study/figures/index.json").read_text())
    tables = sorted(path.stem for path in (study / "reports/study/tables").glob("*.csv"))
    for kind, names in (("figure", [entry["name"] for entry in index]), ("table", tables), ("check", ["study"])):
        assert names and all(f'"{kind}": "{name}"' in text for name in names), kind
    for entry in index:
        assert f"<strong>{entry['title']}.</strong> {re.match('[A-Za-z ]+', entry['caption'])[0]}" in text, entry[
            "name"
        ]
    assert snakemake(study, "--report", "explore.zip").returncode == 0
    with zipfile.ZipFile(study / "explore.zip") as whole:
        assert any(name.endswith("report.html") for name in whole.namelist())


def test_status_show_and_check_speak_of_the_study(study):
    status = called("status", "--config", "study.yaml", cwd=study)
    assert status.returncode == 0 and "4 runs: 4 finished" in status.stdout
    fixed = next(cell for cell in Plan(study / "study.yaml").cells if cell.variant == "temperature/fixed")
    show = called("show", fixed.run_id[:6], cwd=study)
    assert show.returncode == 0
    assert "it is sac_v2_small, but:" in show.stdout
    assert "temperature is FixedAlpha(value=0.2) instead of LearnedAlpha(" in show.stdout
    assert "seed 1: finished at step 1,400 of 1,400" in show.stdout and "torch 2." in show.stdout
    commit = machine.commit()  # none where the tests run outside a checkout
    assert (f"from the sources of commit {commit.removesuffix('+')}" in show.stdout) == bool(commit)
    check = called("check", "--config", "study.yaml", cwd=study)
    assert check.returncode == 3 and "No cell of this study has a published counterpart" in check.stdout


def copied(study: Path, folder: Path) -> Path:
    for name in ("results", "study.yaml"):
        source = study / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    return folder


def records_of(folder: Path) -> list[Path]:
    return sorted((folder / "results/runs").rglob("*.parquet"))


def test_failures_are_named_in_the_report_and_not_averaged_away(study, tmp_path):
    """One record diverged, one made by other code, one missing, one that is not what its place says."""
    folder = copied(study, tmp_path)
    paths = records_of(folder)
    fixed = [path for path in paths if records.read_meta(path).origin.variant == "temperature/fixed"]
    learned = [path for path in paths if path not in fixed]
    rewrite(learned[0], status="diverged", stopped_at=900, last_env_step=900, message="made so by the test")
    rewrite(learned[1], schema_version=1, code_id="0123456789")
    fixed[0].unlink()
    rewrite(fixed[1], seed=17)
    for command in ("gather", "statistics", "check", "figures", "report"):
        done = called(command, "--config", "study.yaml", cwd=folder)
        assert done.returncode == (3 if command == "check" else 0), done.stderr  # nothing is comparable
        if command == "gather":
            assert "1 stale" in done.stdout and "1 missing" in done.stdout and "1 invalid" in done.stdout
    report = (folder / "reports/study/report.html").read_text()
    for words in ("made so by the test", "diverged", "stale", "missing", "seed is 17, its place says"):
        assert words in report, words
    assert "0 of 4 planned runs finished" in report or "1 of 4 planned runs finished" in report


def rewrite(path: Path, returns: Callable[[float], float] | None = None, **changes: object) -> None:
    """The record with other metadata (None: without that key), and other returns if asked for."""
    table = pq.read_table(path)
    meta = json.loads(table.schema.metadata[b"suite"]) | changes
    meta = {key: value for key, value in meta.items() if key not in changes or value is not None}
    if returns:
        other = [None if value is None else returns(value) for value in table["return"].to_pylist()]
        column = table.schema.get_field_index("return")
        table = table.set_column(column, table.schema.field("return"), pa.array(other, pa.float64()))
        meta["rows_digest"] = records.rows_digest(table)
    pq.write_table(table.replace_schema_metadata({"suite": json.dumps(meta)}), path)


def replaced(study: Path, folder: Path) -> tuple[Path, Path]:
    """A copy of the study in which seed 1 of a cell is seed 0 under another name; the two records."""
    first = next(path for path in records_of(copied(study, folder)) if path.name.startswith("s0"))
    second = first.with_name(first.name.replace("s0", "s1"))
    for source, target in ((first, second), (records.arrays_path(first), records.arrays_path(second))):
        shutil.copy(source, target)
    rewrite(second, seed=1)
    return first, second


def outcome(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """What gather says of each run of a study, by cell: status and message, in the order of seeds."""
    runs = gather(Plan(folder / "study.yaml"), folder).sort_values("seed")
    return {cell: list(zip(rows["status"], rows["message"], strict=True)) for cell, rows in runs.groupby("run_id")}


def test_equal_parameters_under_different_seeds_make_their_cell_invalid(study, tmp_path):
    first, second = replaced(study, tmp_path)
    bad = [("invalid", "seeds 0 and 1 ended with equal parameters: the seed is not wired")] * 2
    found = outcome(tmp_path)
    assert found.pop(first.parent.name) == bad and list(found.values()) == [[("finished", "")] * 2]
    for path in (first, second):  # as records were before they bore a digest
        rewrite(path, params_digest=None)
    assert outcome(tmp_path)[first.parent.name] == bad
    done = called("gather", "--config", "study.yaml", cwd=tmp_path)
    assert done.returncode == 0 and "2 finished" in done.stdout and "2 invalid" in done.stdout
    runs = pd.read_parquet(tmp_path / "results/studies/study/runs.parquet")
    evaluations = pd.read_parquet(tmp_path / "results/studies/study/evaluations.parquet")
    assert set(evaluations["run_id"]) == set(runs["run_id"]) - {first.parent.name}
    rewrite(first, status="diverged")  # what a failed run ended with tells nothing
    assert [status for status, _ in outcome(tmp_path)[first.parent.name]] == ["diverged", "finished"]


def test_equal_curves_under_different_seeds_make_their_cell_invalid(study, tmp_path):
    first, second = replaced(study, tmp_path)
    arrays = {"actor": np.ones(3)}
    np.savez(records.arrays_path(second), **arrays)
    rewrite(second, params_digest=records.digest(arrays))
    message = "seeds 0 and 1 have equal returns in every evaluation: the seed is not wired"
    assert outcome(tmp_path)[first.parent.name] == [("invalid", message)] * 2
    rewrite(second, returns=lambda value: value + 1e-9)
    assert outcome(tmp_path)[first.parent.name] == [("finished", "")] * 2
    for path in (first, second):  # every seed at the task's best return
        rewrite(path, returns=lambda value: 1000.0)
    assert outcome(tmp_path)[first.parent.name] == [("finished", "")] * 2


def test_a_table_that_breaks_its_promise_is_one_sentence(study, tmp_path, monkeypatch):
    monkeypatch.chdir(copied(study, tmp_path))
    tables = gathering.gather(Plan(Path("study.yaml")))
    assert gathering.checked(tables).keys() == tables.keys()
    runs, first = tables["runs"], tables["runs"][:1]
    for broken, words in {
        "a run lost": ({"runs": runs[1:]}, "is in the manifest only"),
        "a run too many": (
            {"runs": pd.concat([runs, first.assign(seed=7)], ignore_index=True)},
            "is in the table of runs",
        ),
        "a run twice": ({"runs": pd.concat([runs, first], ignore_index=True)}, "the table runs breaks its promise"),
        "a status of its own": ({"runs": runs.assign(status="fine")}, "'status'"),
        "a step for each row": ({"evaluations": tables["evaluations"].assign(env_step="x")}, "'env_step'"),
        "no temperature": ({"diagnostics": tables["diagnostics"].drop(columns="alpha")}, "the table diagnostics"),
    }.values():
        with pytest.raises(UsageError) as caught:
            gathering.checked(tables | broken)
        assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_time_limit_leaves_records_that_a_raised_limit_continues(study, tmp_path):
    """Tried on the command line from end to end: the run is cut short, named, cleared, and ends as if undisturbed."""
    config(tmp_path)
    limited = yaml.safe_load((tmp_path / "study.yaml").read_text())
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(limited | {"execution": {"time_limit_hours": 1e-6}}))
    done = snakemake(tmp_path, "--until", "gather")
    assert done.returncode == 0, done.stderr
    runs = pd.read_parquet(tmp_path / "results/studies/study/runs.parquet")
    sentence = "time limit of 1e-06 h reached at environment step 1 of 1,400"
    assert set(runs["status"]) == {"timeout"} and set(runs["message"]) == {sentence}
    assert "4 runs: 4 timeout" in called("status", "--config", "study.yaml", cwd=tmp_path).stdout
    assert called("retry", "--config", "study.yaml", "--status", "timeout", cwd=tmp_path).returncode == 0
    assert not records_of(tmp_path)
    config(tmp_path)
    done = snakemake(tmp_path, "--until", "gather")
    assert done.returncode == 0, done.stderr
    runs = pd.read_parquet(tmp_path / "results/studies/study/runs.parquet")
    assert set(runs["status"]) == {"finished"} and set(runs["attempts"]) == {2}
    for name in ("evaluations", "diagnostics"):
        own, whole = (pd.read_parquet(folder / f"results/studies/study/{name}.parquet") for folder in (tmp_path, study))
        pd.testing.assert_frame_equal(own, whole)


def test_stale_results_count_only_where_the_config_accepts_them(study, tmp_path):
    folder = copied(study, tmp_path)
    rewrite(records_of(folder)[0], schema_version=1, code_id="0123456789")
    assert gather(Plan(folder / "study.yaml"), folder)["stale"].sum() == 1
    data = yaml.safe_load((folder / "study.yaml").read_text())
    data["execution"]["accept_stale"] = True
    (folder / "study.yaml").write_text(yaml.safe_dump(data))
    accepted = gather(Plan(folder / "study.yaml"), folder)
    assert not accepted["stale"].any() and accepted["message"].str.contains("0123456789").sum() == 1


def gather(plan: Plan, folder: Path) -> pd.DataFrame:
    """The runs' table of a study in another directory."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return gathering.gather(plan)["runs"]
    finally:
        os.chdir(before)


def test_stale_results_are_cleared_by_retry(study, tmp_path):
    folder = copied(study, tmp_path)
    path = records_of(folder)[0]
    rewrite(path, schema_version=1, code_id="0123456789")
    listed = called("retry", "--config", "study.yaml", "--status", "stale", "--dry-run", cwd=folder)
    assert "would remove" in listed.stdout and path.exists()
    assert called("retry", "--config", "study.yaml", "--status", "stale", cwd=folder).returncode == 0
    assert not path.exists() and len(records_of(folder)) == 3


def test_a_removed_record_is_trained_again(study):
    path = records_of(study)[0]
    path.rename(study / "aside")
    try:
        assert rules(snakemake(study, "-n"))["run"] == 1
    finally:
        (study / "aside").rename(path)


def test_the_code_of_a_record_is_the_present_one(study):
    for path in records_of(study):
        record = records.read_meta(path)
        now = proofs.present("torch", record.spec, record.schedule, record.task)
        assert record.numerics == now and record.code_id == numerics.fingerprint(now)


def test_killed_trainers_and_a_killed_snakemake_change_nothing(study, tmp_path):
    """Three kill -9 of trainers, then one of Snakemake itself; the same command again ends with the same tables."""
    config(tmp_path)
    shutil.copy(ROOT / "Snakefile", tmp_path / "Snakefile")
    text = (tmp_path / "Snakefile").read_text().replace("Path(workflow.snakefile).parent", f"Path({str(ROOT)!r})")
    (tmp_path / "Snakefile").write_text(text)
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    words = "-m suite sweep --config study.yaml --cores 2 -- --until statistics"
    command = [sys.executable, *words.split()]
    with (tmp_path / "log").open("w") as log:
        sweep = subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stdout=log, stderr=log)
        rng = np.random.default_rng(0)
        killed = 0
        while killed < 3 and sweep.poll() is None:
            time.sleep(0.1)
            for trainer in trainers(tmp_path):
                if has_checkpoint(tmp_path, trainer) and rng.random() < 0.3 and killed < 3:
                    trainer.send_signal(signal.SIGKILL)
                    killed += 1
        assert killed == 3
        while not trainers(tmp_path) and sweep.poll() is None:
            time.sleep(0.05)
        own = psutil.Process(sweep.pid)
        snakemakes = [p for p in own.children(recursive=True) if "snakemake" in " ".join(command_line(p))]
        assert snakemakes and sweep.poll() is None
        for process in (own, *snakemakes):
            if "run" not in command_line(process)[3:6]:
                process.send_signal(signal.SIGKILL)
        sweep.wait()
        again = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=900)
        assert again.returncode == 0, again.stderr
        assert "an earlier sweep was killed" in again.stderr
        assert re.search(
            r"^\[4/4\] temperature/\w+ Pendulum-v1 seed [01]: return -[0-9.]+, [0-9]+ s$", again.stdout, re.M
        )
        assert "Select jobs" not in again.stdout + again.stderr
        killed_runs = re.findall(r"^failed: temperature/.* results/.work/.*$", (tmp_path / "log").read_text(), re.M)
        assert killed_runs, "of the last ones the sweep was killed before it could tell"
    assert_same_tables(study, tmp_path)
    assert pd.read_parquet(tmp_path / "results/studies/study/runs.parquet")["attempts"].max() > 1


def test_a_second_sweep_is_refused_while_one_runs(tmp_path):
    config(tmp_path)
    (tmp_path / "results/.work").mkdir(parents=True)
    code = "import filelock, sys; lock = filelock.FileLock('results/.work/sweep.lock'); lock.acquire();"
    code += "print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    (tmp_path / "elsewhere").mkdir()
    data = yaml.safe_load((tmp_path / "study.yaml").read_text()) | {"results": str(tmp_path / "results")}
    (tmp_path / "elsewhere/study.yaml").write_text(yaml.safe_dump(data))
    try:
        assert holder.stdout.readline() == "held\n"
        for done in (suite("sweep", "--config", "study.yaml", cwd=tmp_path), snakemake(tmp_path / "elsewhere")):
            assert done.returncode == 2 and "another sweep is running here" in done.stderr
            assert "Traceback" not in done.stderr
    finally:
        holder.communicate("")


def test_a_mistake_in_the_config_stops_snakemake_with_one_sentence(tmp_path):
    config(tmp_path, tasks=["Pendulm-v1"])
    done = snakemake(tmp_path)
    assert done.returncode == 2
    assert "error: " in done.stderr and "did you mean 'Pendulum-v1'?" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists() and not (tmp_path / "reports").exists()


def test_arms_of_one_structure_are_trained_in_one_process(tmp_path):
    """Records of several arms in one command, in any order: each says its own spec, seed and arm."""
    pytest.importorskip("jax")
    path = config(tmp_path, implementations=["jax"], ablations=["initialisation"], env_steps=400)
    plan = Plan(path)
    arms = [record for record, run in plan.runs.items() if run.cell.shape == next(iter(plan.runs.values())).cell.shape]
    assert len(arms) == len(plan.runs) >= 4
    done = suite("run", "--config", "study.yaml", *arms[::-1], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    metas = {record: records.read(tmp_path / record).meta for record in arms}
    for record, meta in metas.items():
        planned = plan.runs[record]
        assert (meta.run_id, meta.seed, meta.spec) == (planned.cell.run_id, planned.seed, planned.cell.spec)
        assert meta.origin.arm == planned.cell.label.arm and meta.status == "finished"
        assert sorted(meta.block) == sorted(run.seed for run in plan.runs.values())
    assert len({meta.params_digest for meta in metas.values()}) == len(arms)


def test_arms_of_several_structures_are_refused_in_one_process(tmp_path):
    for implementation, ablation in (("jax", "critics"), ("torch", "initialisation")):
        path = config(tmp_path, implementations=[implementation], ablations=[ablation])
        done = suite("run", "--config", "study.yaml", *Plan(path).runs, cwd=tmp_path)
        assert done.returncode == 2 and "the records belong to different cells" in done.stderr
        assert not (tmp_path / "results/runs").exists()

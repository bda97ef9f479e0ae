"""Places with names of any kind, settings on Snakemake's command line, and content that changes in silence."""

from __future__ import annotations

import html
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from builders.logs import evaluations
from builders.runs import ROOT, suite
from click.testing import CliRunner

from suite.cli import main
from suite.study import plan as planning
from suite.study.plan import Plan

PROJECT, CONFIG = "my pröject's [1] & 'more'", "-étude d'été;*.yaml"
PLACES = {"results": '-it\'s a "result" | #1 <?> \\n', "reports": "./ reports ☃//here/"}
ABLATION = """
from suite.sac.ablation import one_factor

SHORT = {"warmup_steps": 60, "learn_after": 60, "batch_size": 16, "hidden": (16, 16)}
ABLATION = one_factor(
    "mine",
    {"twin": SHORT, "single": {**SHORT, "critics": 1, "target_reduce": "first", "actor_reduce": "first"}},
    question="Is one critic enough?",
    baseline="sac_v2_small",
    outcomes=("final_return",),
    expected="no difference after 200 steps",
    literature=("none",),
)
"""
REFUSED = ["res{seed}", "}", "two\nlines", "r$(touch X)", "$HOME/r", "r`touch X`", "~/r", "s3://bucket/r", "r\0"]


def write(folder: Path, name: str = "study.yaml", **places: str) -> Path:
    """A study of two runs of a second each, in a folder with an ablation of its own."""
    (folder / "ablations").mkdir(parents=True, exist_ok=True)
    (folder / "ablations/mine.py").write_text(ABLATION)
    sweep = {
        "tasks": ["Pendulum-v1"],
        "env_steps": 200,
        "evaluate": {"every": 100, "episodes": 1},
        "seeds": 1,
        "implementations": ["torch"],
        "ablations": ["mine"],
    }
    (folder / name).write_text(yaml.safe_dump({"sweeps": [sweep], "report": {"resamples": 100}, **places}))
    return folder / name


def assert_refused(arguments: list[str], folder: Path, *words: str) -> None:
    """One sentence with these words, exit code 2, and no file but those that were there."""
    before = sorted(folder.rglob("*"))
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and not done.stdout
    for word in words:
        assert word in done.stderr
    assert sorted(folder.rglob("*")) == before


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A finished study whose project, config, results and reports have names of every kind."""
    folder = tmp_path_factory.mktemp("places") / PROJECT
    write(folder, CONFIG, **PLACES)
    done = suite("sweep", "--config", CONFIG, "--cores", "2", "--quiet", "rules", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def asked_for(project: Path) -> set[str]:
    """The rules that Snakemake would run now."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1", "-n"]
    command += ["--workflow-profile", str(ROOT / "profiles/default"), "--configfile", str(project / CONFIG)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"^(\w+) +[0-9]+$", done.stdout + done.stderr, re.MULTILINE)) - {"all", "total"}


AFTER_TRAINING = {"gather", "check", "statistics", "figures", "report"}


# --- names of places


def test_a_study_may_lie_in_places_with_names_of_any_kind(project):
    assert {path.name for path in project.iterdir()} == {
        *("ablations", CONFIG, PLACES["results"], " reports ☃", ".snakemake")
    }
    study = Path(CONFIG).stem
    tables = project / PLACES["results"] / "studies" / study
    assert (tables / "results.json").exists() and len(list(tables.glob("made_of-*.txt"))) == 1
    page = html.unescape((project / PLACES["reports"] / study / "report.html").read_text())
    assert "2 of 2 planned runs finished" in page
    assert shlex.split(re.search(r"snakemake --cores N --configfile .*?(?=</pre>)", page)[0])[-1] == CONFIG
    status = suite("status", "--config", CONFIG, cwd=project)
    assert status.returncode == 0 and "2 runs: 2 finished" in status.stdout


@pytest.mark.parametrize("value", REFUSED)
@pytest.mark.parametrize("key", ["results", "reports"])
def test_a_folder_that_would_mean_something_else_is_refused(tmp_path, monkeypatch, key, value):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, **{key: value})
    for command in (["sweep"], ["gather"], ["status"], ["run", "x"]):
        assert_refused([*command, "--config", "study.yaml"], tmp_path, f"study.yaml: {key} is ", "choose another path")


def test_so_is_such_a_name_of_a_config_or_of_the_project(tmp_path, monkeypatch):
    for value in ("res{seed}", "two\nlines", "r$(touch X)"):
        folder = tmp_path / value
        for place, name in ((tmp_path, f"{value}.yaml"), (folder, "study.yaml")):
            write(place, name)
            monkeypatch.chdir(place)
            assert_refused(["sweep", "--config", name], place, "the config is ")


def test_a_folder_with_too_long_a_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, results="long" * 100)
    assert_refused(["sweep", "--config", "study.yaml"], tmp_path, "results cannot be used (File name too long)")


def test_logs_are_not_imported_into_such_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evaluations(tmp_path / "runs/seed_0/evaluations.npz", seed=0)
    claim = ["import", "runs", "--task", "Pendulum-v1", "--implementation", "lib", "--preset", "sac_v2_small"]
    assert_refused([*claim, "--results", "res{seed}"], tmp_path, "--results is 'res{seed}'")
    assert_refused([*claim, "--write-config", "my{study}.yaml"], tmp_path, "--write-config is 'my{study}.yaml'")


def test_make_takes_a_config_with_any_name(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = tmp_path / "stub/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    for name in ("requirements.lock", "pyproject.toml", "stub/ready"):
        (tmp_path / name).touch()
    command = ["make", "--silent", "sweep", "VENV=stub", "CORES=1", f"CONFIG={CONFIG}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["-m", "suite", "sweep", "--config", CONFIG, "--cores", "1"]


def test_a_sweep_says_the_command_that_it_runs(tmp_path):
    """Copied into a shell, the line does as the sweep did, whatever the names of places."""
    write(tmp_path / PROJECT, CONFIG, **PLACES)
    arguments = ("--cores", 1, "-n", "--", "--config", "runs_per_job=1min")
    done = suite("sweep", "--config", CONFIG, *arguments, cwd=tmp_path / PROJECT)
    (line,) = (line for line in done.stderr.splitlines() if " -m snakemake " in line)
    assert line.endswith("--cores 1 -n --config runs_per_job=1min")
    command, environment = ["bash", "-c", line], os.environ | {"PYTHONPATH": str(ROOT)}
    again = subprocess.run(command, cwd=tmp_path / PROJECT, env=environment, capture_output=True, text=True)
    both = [re.findall(r"^(\w+) +([0-9]+)$", one.stdout + one.stderr, re.MULTILINE) for one in (done, again)]
    assert both[0] == both[1] and ("runs_0", "1") in both[0] and ("report", "1") in both[0]


# --- what Snakemake's command line says


@pytest.fixture
def refusal(tmp_path, monkeypatch, capsys):
    """What the Snakefile's first line ends with, in this process."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path)

    def stop(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(planning.os, "_exit", stop)

    def call(configs: list[str], settings: dict[str, object], *words: str, module: dict[str, object] | None = None):
        monkeypatch.setattr(sys, "argv", ["snakemake", *words])
        with pytest.raises(SystemExit) as stopped:
            planning.for_snakemake([tmp_path / config for config in configs], settings, module or settings)
        assert stopped.value.code == 2 and not (tmp_path / "results").exists()
        return capsys.readouterr().err

    return call


def test_settings_that_no_job_would_hear_of_are_refused(refusal):
    for key in ("results", "check", "seeds", "env_steps"):
        assert f"--config sets {key!r}, which the study's file alone says" in refusal(["study.yaml"], {key: 5})
    told = refusal(["study.yaml"], {"seeds_per_job": 2, "seed_per_job": 5})
    assert "--config sets 'seed_per_job'" in told and "did you mean 'seeds_per_job'?" in told


def test_a_module_says_its_study_and_settings_alone(refusal):
    """What the other project's command line and config files say is that project's business."""
    others = (["theirs.yaml", "more.yaml"], {"genes": 3}, "--configfile", "--configfile")
    told = refusal(*others, module={"study": "study.yaml", "seed_per_job": 5})
    assert "the module's config sets 'seed_per_job', which means nothing; did you mean 'seeds_per_job'?" in told
    assert "the module's config sets 'seeds', which" in refusal(*others, module={"study": "study.yaml", "seeds": 5})
    assert "config no.yaml cannot be read" in refusal(*others, module={"study": "no.yaml"})
    assert "--config sets 'study', which means nothing" in refusal(["study.yaml"], {"study": "study.yaml"})


def test_a_second_config_is_refused_in_every_spelling(refusal):
    assert "--configfile is given twice" in refusal(["study.yaml", "other.yaml"], {})
    for first, second in (("--configfile", "--configfiles=other.yaml"), ("--configfile=a.yaml", "--configf")):
        assert "--configfile is given twice" in refusal(["study.yaml"], {}, first, second)


def test_snakemake_itself_ends_with_the_sentence(project):
    before = sorted(project.glob("[!.]*/**/*"))
    for arguments, sentence in (
        (["--config", "results=elsewhere"], "--config sets 'results'"),
        (["--configfile", "other.yaml"], "--configfile is given twice"),
    ):
        shutil.copy(project / CONFIG, project / "other.yaml")
        done = suite("sweep", "--config", CONFIG, "--cores", "1", "--", *arguments, cwd=project)
        (project / "other.yaml").unlink()
        assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr
    assert sorted(project.glob("[!.]*/**/*")) == before and not (project / "elsewhere").exists()


# --- content, not time


@pytest.fixture
def copy(project, tmp_path) -> Path:
    """The finished study again, with its files' times, to be changed."""
    return Path(shutil.copytree(project, tmp_path / PROJECT))


def edited(path: Path, before: str, after: str) -> None:
    """The file reads differently, and its time does not say so."""
    times = path.stat()
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_what_reads_differently_is_gathered_anew_whatever_its_time(copy):
    config, ablation = copy / CONFIG, copy / "ablations/mine.py"
    assert asked_for(copy) == set()
    for path, before, after in ((config, "resamples: 100", "resamples: 101"), (ablation, "enough?", "enough, then?")):
        edited(path, before, after)
        assert asked_for(copy) == AFTER_TRAINING  # and no run is trained again
        edited(path, after, before)
    for path in (config, ablation):
        path.touch()
    assert asked_for(copy) == set()


def test_a_study_goes_on_from_other_content_and_back(copy):
    config = copy / CONFIG
    edited(config, "resamples: 100", "resamples: 101")
    assert suite("gather", "--config", CONFIG, cwd=copy).returncode == 0
    shutil.rmtree(copy / ".snakemake")  # Snakemake's own memory, which may be lost
    assert asked_for(copy) == AFTER_TRAINING - {"gather"}
    edited(config, "resamples: 101", "resamples: 100")
    assert asked_for(copy) == AFTER_TRAINING


def test_tables_that_lacked_a_record_are_made_again_however_old_it_is_when_it_comes(copy):
    record = next((copy / PLACES["results"] / "runs").rglob("*.parquet"))
    record.rename(copy / "aside")
    try:
        assert suite("gather", "--config", CONFIG, cwd=copy).returncode == 0
    finally:
        (copy / "aside").rename(record)
    assert asked_for(copy) == AFTER_TRAINING


def test_the_suites_own_files_count_by_their_content(tmp_path, monkeypatch):
    config = write(tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    code = tmp_path / "suite/code.py"
    code.parent.mkdir()
    code.write_text("a = 1\n")
    monkeypatch.setattr(planning, "ROOT", tmp_path)
    plan = Plan(config)
    names = [plan.made_of]
    code.touch()
    assert plan.made_of == names[0]
    for path, before, after in ((code, "1", "2"), (config, "100", "101"), (Path("ablations/mine.py"), "200", "201")):
        edited(path, before, after)
        names.append(plan.made_of)
    assert len(set(names)) == 4

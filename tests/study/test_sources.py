"""A run's own sources are found in the suite's repository, by the commit that its record names or by digests."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from builders.repository import Repository
from builders.runs import ROOT
from builders.written_study import written_study

from suite.errors import UsageError
from suite.lab import records
from suite.lab.records import Attempt, RunRecord
from suite.sac.numerics import PartNumerics
from suite.study import manifest
from suite.study.reproduction import read_table
from suite.study.sources import History, SourcesError, environment

DIGESTS = "from pathlib import Path\npart_digest = lambda part: (Path('suite') / part).read_text()\n"
"""A suite that says of its parts what their files hold."""


@pytest.fixture
def made(tmp_path: Path) -> tuple[Repository, dict[str, str]]:
    """A repository with a commit a day, by name; the third has the loop of the second."""
    folder = tmp_path / "repository"
    for name in ("suite/specimens", "implementations"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").touch()
    (folder / "suite/specimens/proofs.py").write_text(DIGESTS)
    (folder / "requirements.lock").write_text("# pinned\nnumpy==2.0\n    # via jax\n")
    repository, commits = Repository(folder), {}
    for day, (name, loop) in enumerate((("old", "1"), ("right", "2"), ("same", "2"), ("later", "3")), start=1):
        (folder / "suite" / "loop").write_text(loop)
        (folder / "suite" / "name").write_text(name)
        commits[name] = repository.commit(f"2026-01-0{day}T12:00:00+00:00")
    return repository, commits


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    plan = written_study(tmp_path)
    return records.read(Path(next(iter(plan.runs)))).meta


def run_of(record: RunRecord, started: str, commit: str = "", loop: str = "2") -> RunRecord:
    numerics = {"loop": PartNumerics(1, loop)}
    return replace(record, numerics=numerics, attempts=(Attempt(0, started, "cpu", commit),))


def test_the_commit_that_a_record_names_is_laid_out(made, record, tmp_path):
    repository, commits = made
    sources = History(tmp_path / "work", repository.folder).of(run_of(record, "2026-01-09", commits["old"]))
    assert sources.commit == commits["old"] and (sources.folder / "suite/loop").read_text() == "1"


@pytest.mark.parametrize(
    ("began", "name"),
    [("2026-01-02T20:00:00+00:00", "right"), ("2026-01-03T20:00:00+00:00", "same"), ("2026-02-01", "same")],
)
def test_an_older_record_is_of_the_newest_commit_before_it_with_its_digests(made, record, tmp_path, began, name):
    repository, commits = made
    sources = History(tmp_path / "work", repository.folder).of(run_of(record, began))
    assert sources.commit == commits[name] and (sources.folder / "suite/name").read_text() == name


def test_sources_that_are_not_to_be_had_are_said_with_the_reason(made, record, tmp_path):
    repository, commits = made
    history = History(tmp_path / "work", repository.folder)
    for run, reason in (
        (run_of(record, "2026-01-09", f"{commits['old']}+"), "with changes that nobody kept"),
        (run_of(record, "2026-01-09", "1" * 40), "git show says"),
        (run_of(record, "2026-01-09", f"--output={tmp_path}/written"), "which is no commit"),
        (run_of(record, "2026-01-02T02:00:00+00:00"), "no commit from before it began has the sources"),
        (run_of(record, "2026-01-09", loop="7"), "no commit from before it began has the sources"),
        (replace(run_of(record, "2026-01-09"), numerics=None), "no commit from before it began has the sources"),
    ):
        with pytest.raises(SourcesError, match=reason):
            history.of(run)
    assert not list(tmp_path.glob("written*"))
    (repository.folder / "requirements.lock").write_text("numpy==2.1\n")
    with pytest.raises(SourcesError, match=r"the lock of its commit .* has numpy==2.0: set up that commit"):
        history.of(run_of(record, "2026-01-09"))


def test_without_git_that_is_the_reason(made, record, tmp_path, monkeypatch):
    repository, commits = made
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(SourcesError, match="git cannot be asked: No such file or directory"):
        History(tmp_path / "work", repository.folder).of(run_of(record, "2026-01-09", commits["old"]))


def test_outside_a_repository_a_sentence_says_so(tmp_path):
    with pytest.raises(UsageError, match="is none; clone it"):
        History(tmp_path / "work", tmp_path)


def test_a_run_is_trained_again_by_its_own_sources_though_the_present_ones_are_damaged(tmp_path):
    clone, table = tmp_path / "clone", tmp_path / "table.csv"
    for name in ("suite", "implementations", "ablations"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.lock", ".gitignore"):  # bytecode is no change of the sources
        shutil.copy(ROOT / name, clone)
    commit = Repository(clone).commit()

    def suite(*words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "suite", *map(str, words)]
        return subprocess.run(command, cwd=clone, env=environment(clone), capture_output=True, text=True)

    plan = written_study(tmp_path)
    for path in plan.runs:
        Path(path).unlink()
        Path(path).with_suffix(".npz").unlink()
    manifest.write(plan)
    ended = suite("run", "--config", plan.path, "--in-turn", *plan.runs)
    assert ended.returncode == 0, ended.stderr
    assert {records.read_meta(path).attempts[0].commit for path in plan.runs} == {commit}
    assert suite("release", "--config", plan.path, tmp_path / "released").returncode == 0
    training = clone / "suite/lab/training.py"
    training.write_text(training.read_text() + "\nraise RuntimeError('damaged')\n")
    ended = suite("reproduce", tmp_path / "released", "--draw", "2", "--sources", "both", "--out", table)
    rows = read_table(table)
    assert [(row.sources, row.outcome) for row in rows] == [("present", "NO RECORD")] * 2 + [("own", "SAME")] * 2, ended
    assert [row.commit for row in rows] == [f"{commit}+"] * 2 + [commit] * 2
    assert ended.returncode == 1 and f"by the sources of {commit[:10]}: SAME" in ended.stdout

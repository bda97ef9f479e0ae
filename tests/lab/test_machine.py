"""Where numbers come from: the commit that a record bears."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.lab import machine

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """A repository with one commit, and a way to ask git in it; apart from the user's own settings."""
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")

    def ask(*words: str) -> str:
        command = ("git", *who, *words)
        return subprocess.run(
            command, cwd=tmp_path, env=os.environ | settings, check=True, capture_output=True, text=True
        ).stdout.strip()

    for folder in ("suite", "docs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "text.py").write_text("1\n")
    ask("init", "--quiet")
    ask("add", ".")
    ask("commit", "--quiet", "--message", "first")
    return ask


def commit(folder: Path) -> str:
    return machine.commit.__wrapped__(folder)  # as a process that has not asked before


def test_the_commit_is_the_one_checked_out(git: Git, tmp_path: Path):
    assert commit(tmp_path) == git("rev-parse", "HEAD")
    assert len(commit(tmp_path)) == 40


@pytest.mark.parametrize("changed", ["suite/text.py", "suite/new.py", "requirements.lock"])
def test_what_makes_numbers_and_was_changed_is_told(git: Git, tmp_path: Path, changed: str):
    (tmp_path / changed).write_text("2\n")
    assert commit(tmp_path) == git("rev-parse", "HEAD") + "+"


def test_what_makes_no_numbers_may_change(git: Git, tmp_path: Path):
    (tmp_path / "docs" / "text.py").write_text("2\n")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "new").write_text("2\n")
    assert commit(tmp_path) == git("rev-parse", "HEAD")


def test_somebody_elses_repository_is_not_the_suites(git: Git, tmp_path: Path):
    assert commit(tmp_path / "suite") == ""


def test_without_git_no_commit_is_known(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert commit(tmp_path) == ""


def test_a_damaged_repository_has_no_commit(git: Git, tmp_path: Path):
    (tmp_path / ".git" / "HEAD").write_text("nonsense")
    assert commit(tmp_path) == ""

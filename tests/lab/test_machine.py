"""Where numbers come from: the commit that a record bears."""

from pathlib import Path

import pytest
from builders.repository import Repository

from suite.lab import machine


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One of a suite and its docs."""
    for folder in ("suite", "docs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "text.py").write_text("1\n")
    return Repository(tmp_path)


def commit(folder: Path) -> str:
    return machine.commit.__wrapped__(folder)  # as a process that has not asked before


def test_the_commit_is_the_one_checked_out(repository):
    assert commit(repository.folder) == ""  # before the first one
    made = repository.commit()
    assert commit(repository.folder) == made and len(made) == 40


@pytest.mark.parametrize("changed", ["suite/text.py", "suite/new.py", "requirements.lock"])
def test_what_makes_numbers_and_was_changed_is_told(repository, changed):
    made = repository.commit()
    (repository.folder / changed).write_text("2\n")
    assert commit(repository.folder) == f"{made}+"


def test_a_new_file_is_told_though_the_user_does_not_ask_git_for_them(repository):
    made = repository.commit()
    repository.git("config", "status.showUntrackedFiles", "no")
    (repository.folder / "suite" / "new.py").write_text("2\n")
    assert commit(repository.folder) == f"{made}+"


def test_what_makes_no_numbers_may_change(repository):
    made = repository.commit()
    (repository.folder / "docs" / "text.py").write_text("2\n")
    (repository.folder / "results").mkdir()
    (repository.folder / "results" / "new").write_text("2\n")
    assert commit(repository.folder) == made


def test_somebody_elses_repository_is_not_the_suites(repository):
    repository.commit()
    assert commit(repository.folder / "suite") == ""


def test_without_git_no_commit_is_known(repository, monkeypatch):
    repository.commit()
    monkeypatch.setenv("PATH", str(repository.folder / "nothing"))
    assert commit(repository.folder) == ""


def test_a_damaged_repository_has_no_commit(repository):
    repository.commit()
    (repository.folder / ".git" / "HEAD").write_text("nonsense")
    assert commit(repository.folder) == ""

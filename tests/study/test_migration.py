"""migrate: what it says it does, what it leaves alone, and that a second time there is nothing to do."""

from __future__ import annotations

import shutil

import pytest
from builders.runs import ROOT, called

from suite.study import migration


@pytest.fixture
def old(tmp_path):
    """The results of a study as commit b5984bd left them."""
    shutil.copytree(ROOT / "tests/fixtures/records_schema_1", tmp_path / "results/runs")
    shutil.copytree(ROOT / "tests/fixtures/quick_b5984bd", tmp_path / "results/studies/quick")
    return tmp_path


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_tables_of_an_older_form_are_put_aside_once(old):
    before = files(old)
    tried = called("migrate", "--dry-run", cwd=old)
    assert tried.returncode == 0 and "would put the tables of study quick aside" in tried.stdout
    assert "2 records of schema 1: they are read as they are" in tried.stdout and files(old) == before
    done = called("migrate", cwd=old)
    assert done.returncode == 0 and "put the tables of study quick aside" in done.stdout
    study = old / "results/studies/quick"
    assert not (study / "runs.parquet").exists() and (study / "declaration.json").exists()
    assert (study / migration.ASIDE / "runs.parquet").exists() and (study / migration.ASIDE / "check.json").exists()
    assert sorted(files(old).values()) == sorted(before.values())  # nothing is rewritten or lost
    again = called("migrate", "results", cwd=old)
    assert again.returncode == 0 and "nothing in results needs to be migrated" in again.stdout


def test_a_config_is_looked_at_and_a_missing_folder_is_one_sentence(old):
    (old / "study.yaml").write_text((ROOT / "config/quick.yaml").read_text())
    looked = called("migrate", "--config", "study.yaml", "--dry-run", cwd=old)
    assert looked.returncode == 0 and "study.yaml is of the present form" in looked.stdout
    refused = called("migrate", "nowhere", cwd=old)
    assert refused.returncode == 2 and "there is no folder nowhere" in refused.stderr

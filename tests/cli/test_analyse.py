"""The commands that compute: how many processes they take."""

from __future__ import annotations

import pytest
from builders.runs import called
from builders.sweeps import config

from suite.analysis import results


@pytest.mark.parametrize(("seeds", "asked", "taken"), [(2, 8, 1), (250, 1, 1), (250, 8, 2), (1000, 3, 3)])
def test_the_statistics_take_a_process_for_so_many_runs_as_are_worth_one(tmp_path, monkeypatch, seeds, asked, taken):
    config(tmp_path, seeds=seeds)  # of each of two cells
    given = {}
    monkeypatch.setattr(results, "main", lambda folder, **options: given.update(options))
    done = called("statistics", "--config", "study.yaml", "--workers", asked, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert given["workers"] == taken

"""What a study was made with: from its table of runs."""

from pathlib import Path

import pandas as pd
import pytest

from suite.analysis.provenance import core_hours, making, provenance

RUNS = pd.read_parquet(Path(__file__).parents[1] / "fixtures" / "quick_b5984bd" / "runs.parquet")


def test_every_cell_has_its_time_and_its_code():
    rows = provenance(RUNS)
    assert len(rows) == 12 and sum(row.runs for row in rows) == sum(row.with_record for row in rows) == 36
    first = RUNS[RUNS["run_id"].eq(rows[0].run_id) & RUNS["task"].eq(rows[0].task) & RUNS["implementation"].eq("jax")]
    assert rows[0].hours == pytest.approx(first["wall_time_s"].sum() / 3600)
    assert (rows[0].updates, rows[0].code_id) == (11_001, "a9d6d8232e")


def test_core_hours_are_of_cores_and_by_the_clock_where_no_other_are_known():
    runs = RUNS.assign(wall_time_s=7200.0)
    n = len(runs)
    assert core_hours(runs) == pytest.approx(2 * n)
    measured = pd.Series([3600.0] * 6 + [float("nan")] * (n - 6), index=runs.index)
    assert core_hours(runs.assign(used_seconds=measured)) == pytest.approx(6 + 2 * (n - 6))
    assert core_hours(runs.assign(wall_time_s=float("nan"))) is None


def test_every_commit_that_trained_is_named_once():
    assert making(RUNS).commit == ()  # of before records had one
    commits = ["aa", "", "bb+, aa"] * (len(RUNS) // 3)
    assert making(RUNS.assign(commit=commits)).commit == ("aa", "bb+")


def test_all_runs_together_name_every_device_code_and_package():
    all_runs = making(RUNS)
    assert all_runs.code_id == ("a9d6d8232e", "bcdf1b3bca") and all_runs.packages["jax"] == ("0.10.2",)
    assert all_runs.hours == pytest.approx(sum(row.hours for row in provenance(RUNS)))
    assert making(RUNS.assign(device="", wall_time_s=float("nan"))).runs_with_time == 0

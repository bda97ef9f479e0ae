"""How a study's forecast held: from its table of runs, whichever version gathered it."""

from pathlib import Path

import pandas as pd
import pytest

from suite.analysis.plan_accuracy import FORECAST, USED, plan_accuracy

OLDER = pd.read_parquet(Path(__file__).parents[1] / "fixtures" / "quick_b5984bd" / "runs.parquet")
KNOWN = OLDER.assign(
    by_the_clock=[True] + [False] * (len(OLDER) - 1),
    **dict(zip(FORECAST, (100.0, 4e8, 2e6, 1e6), strict=True)),
    **dict(zip(USED, (150.0, 3e8, 0.0, 1e6), strict=True)),
)


def test_finished_runs_are_held_against_their_forecast():
    *rows, every = plan_accuracy(KNOWN)
    assert {(row.task, row.implementation) for row in rows} == set(
        zip(OLDER["task"], OLDER["implementation"], strict=True)
    )
    assert every.runs == len(OLDER) and every.by_the_clock == 1 and every.core_hours.factor == pytest.approx(1.5)
    assert every.memory_mb == (400, 300) and every.work_mb.used != every.work_mb.used and every.kept_mb.factor == 1


def test_runs_that_failed_or_came_from_elsewhere_are_left_out():
    status = ["crashed"] + ["finished"] * (len(KNOWN) - 1)
    imported = KNOWN["forecast_seconds"].where(KNOWN.index != 1)
    *_, every = plan_accuracy(KNOWN.assign(status=status, forecast_seconds=imported))
    assert every.runs == len(KNOWN) - 2 and every.by_the_clock == 0


def test_an_older_table_tells_nothing():
    assert plan_accuracy(OLDER) == []

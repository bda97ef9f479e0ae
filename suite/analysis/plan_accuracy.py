"""How the forecast of a study held, from its table of runs: beside the results, since no two makings agree in it."""

from __future__ import annotations

import pandas as pd

from suite.study.accuracy import Accuracy, Costs, Taken, accuracy

FORECAST, USED = ([f"{prefix}_{name}" for name in Costs._fields] for prefix in ("forecast", "used"))


def plan_accuracy(runs: pd.DataFrame) -> list[Accuracy]:
    """A row for each task and implementation, and one for all, of the finished runs that were trained here.

    None of a table from before it told what runs took.
    """
    if not {*FORECAST, *USED, "by_the_clock"} <= set(runs):
        return []
    rows = runs[runs["status"].eq("finished") & runs["forecast_seconds"].notna()].to_dict("records")
    return accuracy(_taken(row) for row in rows)


def _taken(row: dict) -> Taken:
    """What a row says of its run."""
    expected, used = (Costs(*(row[name] for name in names)) for names in (FORECAST, USED))
    return Taken(row["task"], row["implementation"], expected, used, by_the_clock=bool(row["by_the_clock"]))

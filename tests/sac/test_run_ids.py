"""Who a run is must not change: run ids of every preset on every task, recorded when the house was rebuilt."""

from __future__ import annotations

import csv

from builders.runs import ROOT

from suite.sac import identity
from suite.specimens.catalogue import resolve


def test_the_recorded_run_ids_are_those_of_today():
    with (ROOT / "tests/identity/run_ids.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 528 and len({row["preset"] for row in rows}) == 24
    changed = []
    for row in rows:
        spec, schedule = resolve(row["preset"], row["task"], {})
        evaluation = int(row["evaluate_every"]), int(row["evaluation_episodes"])
        if identity.run_id(spec, schedule, row["task"], *evaluation) != row["run_id"]:
            changed.append((row["preset"], row["task"]))
    assert not changed

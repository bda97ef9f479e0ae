"""The same records are judged as before: a study gathered and checked by commit b5984bd, checked again.

Rows that decide nothing by themselves have the numbers of then; what became primary is judged by looks since, and p
values are adjusted in other families.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from suite.analysis.declared import declared_of
from suite.analysis.results_file import to_plain
from suite.gate import baseline, check, drift, outcome, window_means
from suite.study import config

FIXTURE = Path(__file__).parents[1] / "fixtures" / "quick_b5984bd"
QUICK = config.load(FIXTURE.parents[2] / "config" / "quick.yaml")
OTHERWISE = {"p_adjusted", "p_fail_adjusted", "family", "family_size", "fails", "gated", "advisory", "sentence"}


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """The gathered tables, without what was made of them."""
    folder = tmp_path_factory.mktemp("quick")
    for name in ("runs", "evaluations", "manifest"):
        shutil.copy(FIXTURE / f"{name}.parquet", folder)
    return folder


def test_rows_that_are_no_primary_endpoint_say_value_for_value_what_they_said(study):
    rows = [to_plain(row) for row in check.main(study, QUICK.check, declared_of(QUICK)).rows]
    then = json.loads((FIXTURE / "check.json").read_text())["rows"]
    places = ("task", "implementation", "run_id", "reference", "env_step")
    old = {tuple(row[name] for name in places): row for row in then}
    primary = [row for row in rows if row["role"] == "primary"]
    assert len(primary) == 1 and primary[0]["ours"]["n"] == primary[0]["looks"][-1]["n"] == 3
    assert {tuple(row[name] for name in places) for row in rows} == set(old)
    for row in rows:
        was = old[tuple(row[name] for name in places)]
        assert (row["role"] == "advisory") == was["advisory"] and (was["gated"] or row["role"] != "primary")
        if row["role"] != "primary":
            assert {name: row[name] for name in was if name not in OTHERWISE} == {
                name: value for name, value in was.items() if name not in OTHERWISE
            }


def test_the_same_records_are_held_against_their_baseline(study):
    """It was saved by later code, whose sums run in another order, so that most runs end in other digits."""
    found = drift.compare(window_means.gathered(study), baseline.load("quick"), QUICK.check, declared_of(QUICK))
    assert Counter(row.verdict for row in found.rows) == {"EQUIVALENT": 34, "INCONCLUSIVE": 26}
    assert sum(0 < row.identical == row.seeds_in_both for row in found.rows) == 6
    assert outcome.exit_code(found.rows, gate=True) == 4 and found.notes == ()

"""The same records give the same check: a study gathered and checked by commit b5984bd, checked again."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from migration import results_b5984bd as migration

from suite.analysis.declared import declared_of
from suite.gate import baseline, check, drift, outcome, window_means
from suite.study import config

FIXTURE = Path(__file__).parents[1] / "fixtures" / "quick_b5984bd"
QUICK = config.load(FIXTURE.parents[2] / "config" / "quick.yaml")


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """The gathered tables, without what was made of them."""
    folder = tmp_path_factory.mktemp("quick")
    for name in ("runs", "evaluations", "manifest"):
        shutil.copy(FIXTURE / f"{name}.parquet", folder)
    return folder


def test_check_json_is_value_for_value_what_it_was(study):
    checked = check.main(study, QUICK.check, declared_of(QUICK))
    written = json.loads((study / "check.json").read_text())
    then = json.loads((FIXTURE / "check.json").read_text())
    assert checked.rows and migration.old_check(written) == then and written == migration.new_check(then)


def test_the_same_records_are_held_against_their_baseline_as_before(study):
    """It was saved on another machine, where most runs end in other digits: verdicts are those of b5984bd."""
    found = drift.compare(window_means.gathered(study), baseline.load("quick"), QUICK.check, declared_of(QUICK))
    assert Counter(row.verdict for row in found.rows) == {"EQUIVALENT": 32, "INCONCLUSIVE": 28}
    assert sum(0 < row.identical == row.seeds_in_both for row in found.rows) == 6
    assert outcome.exit_code(found.rows, gate=True) == 0 and len(found.notes) == 12
    assert all("python was 3.11.2 and is 3.11.7" in note for note in found.notes)

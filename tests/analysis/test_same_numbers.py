"""The same records give the same numbers: a study gathered and computed by commit b5984bd, computed again."""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders.made_up_study import ACCIDENTS, OPTIONS, write
from migration import results_b5984bd as migration

from suite.analysis import results, scores
from suite.analysis.declared import Declared, declared_of, stream_name
from suite.analysis.results_file import from_plain, to_plain
from suite.analysis.types import CellKey, Label, Results
from suite.published import anchors
from suite.study import config

UNKNOWN = {"variance": None, "learned": None}  # was not computed then, and the old layout has none
NO_PAIRS = 1_000_000  # seeds in common, which no study has
FIXTURE = Path(__file__).parents[1] / "fixtures" / "quick_b5984bd"


@pytest.fixture(scope="module")
def old() -> dict:
    with gzip.open(FIXTURE / "results.json.gz", "rt", encoding="utf-8") as file:
        old = json.load(file)
    old["families"]["regression"]["size"] = 0  # the check is judged anew: tests/gate/test_same_check.py
    return old | {"check": [], "unmatched": []}


@pytest.fixture(scope="module")
def every() -> dict:
    return migration.evaluate_every(pd.read_parquet(FIXTURE / "runs.parquet"))


@pytest.fixture(scope="module")
def again() -> dict:
    """The statistics of the old tables by the present code, as if no seeds were pairs: then nothing was paired."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "FEWEST_PAIRS", NO_PAIRS)
        return computed()


def computed() -> dict:
    """The statistics of the old tables by the present code, with the options of config/quick.yaml."""
    questions = json.loads((FIXTURE / "ablations.json").read_text())
    found = results.summarise(
        results.Tables(*(pd.read_parquet(FIXTURE / f"{name}.parquet") for name in results.Tables._fields)),
        {name: results.question_of(entry) for name, entry in questions.items()},
        study="quick",
        random_policy={task: anchor.mean for task, anchor in anchors.random_policy().items()},
        anchors=anchors.anchors(),
        second_anchors=anchors.anchors("second"),
        declaration=results.declaration_of(json.loads((FIXTURE / "declaration.json").read_text())),
        declared=declared_of(config.load(FIXTURE.parents[2] / "config" / "quick.yaml")),
    )
    return {"schema_version": migration.SCHEMA_VERSION} | to_plain(found)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Path and value of everything that is neither a dict nor a list."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}")
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield from leaves(item, f"{path}[{n}]")
    else:
        yield path, value


def different(now: dict, then: dict) -> dict[str, tuple]:
    """What the present code says otherwise, by path. Another processor than the fixture's rounds otherwise: floats were
    seen to be off by 6.3e-15, and may be by 1e-12."""
    assert now.keys() == then.keys()

    def same(a: Any, b: Any) -> bool:
        return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12) if type(a) is type(b) is float else a == b

    pairs = {path: (now[path], then[path]) for path in now}
    return {path: pair for path, pair in pairs.items() if not same(*pair) and not path.startswith(".versions.")}


EMPTY: dict[str, list] = {"answers": [], "traces": [], "redrawn": []}
"""Parts that were not computed."""


def numbers(value: Any) -> Counter:
    return Counter(leaf for _, leaf in leaves(value) if isinstance(leaf, int | float))


def test_the_same_records_give_the_same_numbers(again, old, every):
    plain = again | {
        "cells": [cell | {"variance": None, "learned": None} for cell in again["cells"]],
        "curves": [curve | {"reached": None} for curve in again["curves"]],
        **EMPTY,
    }  # was not computed
    assert not different(dict(leaves(plain)), dict(leaves(migration.new_results(old, every))))
    assert not different(dict(leaves(migration.old_results(again))), dict(leaves(old)))


def test_pairs_leave_the_numbers_of_all_runs_beside_them(old):
    now = computed()
    assert any(arm["difference"]["pairs"] for arm in migration.arms_of(now) if arm["difference"])
    of_pairs = (".p_adjusted", ".detectable", ".n_needed", ".df", ".standard_error")
    changed = different(dict(leaves(migration.old_results(now))), dict(leaves(old)))
    assert changed and all(path.endswith(of_pairs) or ".sensitivity[" in path for path in changed)


def test_old_to_new_to_old_is_identical(old, every):
    new = migration.new_results(old, every)
    assert migration.old_results(new) == old
    from_plain(Results, {name: part for name, part in new.items() if name != "schema_version"})  # nothing is missing


def test_no_number_changes_and_what_is_new_is_listed(old, every):
    new = migration.new_results(old, every)
    added = Counter([
        migration.NEW["schema_version"],
        migration.NEW["settings.order_statistics_needed"],
        migration.NEW["counts.interrupted"],
        *(migration.NEW["cells[].n_interrupted"] for _ in old["cells"]),
        *(migration.NEW["cells[].imported"] for _ in old["cells"]),
        *(migration.NEW["ablations[].walk"] for _ in old["ablations"]),
        *every.values(),
        *migration.NEW["declaration.declaration.check.looks"],
    ])  # fmt: skip
    again = Counter(leaf for path, leaf in leaves(new) if ".welch." in path and isinstance(leaf, int | float))
    assert again and numbers(new) == numbers(old) + added + again


def test_new_to_old_to_new_is_identical_where_everything_happens(tmp_path, monkeypatch):
    """On a study with a factorial, accidents and pairs of implementations that cannot be compared."""
    monkeypatch.setattr(scores, "FEWEST_PAIRS", NO_PAIRS)
    write(tmp_path, accidents=ACCIDENTS, implementations=("torch", "jax"))
    results.main(tmp_path, **OPTIONS | {"anchors": {}}, declared=Declared(config.Report(resamples=100)))
    new = json.loads((tmp_path / "results.json").read_text())
    assert new["ledger"] and any(agreement["equivalence"] is None for agreement in new["agreements"])
    assert any(table["factorial"] for ablation in new["ablations"] for table in ablation["tables"])
    every = migration.evaluate_every(pd.read_parquet(tmp_path / "runs.parquet"))
    new |= {"cells": [cell | UNKNOWN for cell in new["cells"]]} | EMPTY
    assert migration.new_results(migration.old_results(new), every) == new


def test_random_streams_go_by_their_old_names():
    """Their names are frozen: another name is another stream, and other numbers."""
    key = CellKey("Pendulum-v1", "jax", "b0341d1702")
    preset, arm = Label("sac_v2", "", ""), Label("", "critics", "single")
    assert stream_name("iqm", *key) == "iqm\0Pendulum-v1\0jax\0b0341d1702"
    assert stream_name("aggregate", "jax", arm, "profile") == "aggregate\0jax\0critics/single\0profile"
    assert stream_name("improvement", "jax", arm, preset) == "improvement\0jax\0critics/single\0sac_v2"
    name = "equivalence\0Pendulum-v1\0critics/single\0jax\0torch\0max-t"
    assert stream_name("equivalence", "Pendulum-v1", arm, "jax", "torch", "max-t") == name
    drawn = Declared(config.Report(seed=3)).rng("iqm", *key).integers(2**63, size=2)
    assert np.array_equal(drawn, DRAWN)


DRAWN = [5441711413279958512, 7485725864429392131]  # by commit b5984bd

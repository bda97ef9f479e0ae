"""The committed calibration: complete, what its targets say of it, and the same again from other random numbers."""

import csv
import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from suite.published import calibration
from suite.published.calibration import (
    COVERAGE,
    ERROR,
    NORMAL,
    ONE_TASK,
    POOLED,
    POWER,
    Row,
    calibrate,
    is_met,
    measured,
)

TARGETS = {  # what the intervals and tests have to reach, by quantity and seeds
    **{("iqm", n): share for n, share in {3: 0.90, 5: 0.92, 10: 0.93}.items()},
    **{(name, n): 0.90 for name in ("band", "band_means") for n in (10, 20)},
    **{(name, n): 0.05 for name in ("max_t", "tost") for n in (5, 10)},
}
OVER_TASKS = ("mean", "median", "optimality_gap", "profile", "improvement", "effect", "main_effect", "shapley", "pairs")
TASKS = {**dict.fromkeys(("iqm", *OVER_TASKS), (1, 2, 3, 5)), "iqm_plain": (5,)}
REPORTED = {  # what captions quote, with or without a target
    **dict.fromkeys(("mean_student", "mean_studentised", "iqm", "iqm_plain"), (3, 5, 10, 20)),
    **dict.fromkeys(("band", "band_means"), (5, 10, 20)),
    **dict.fromkeys(("pointwise", "pointwise_means"), (5, 10)),
    "welch": (3, 5, 10),
}
LIKE_A_STUDY = {  # in the one population that is like a study
    **dict.fromkeys(("superiority", "difference", "prediction", "tolerance"), (3, 5, 10)),
    **dict.fromkeys(("equivalence", "pairs_equivalence", "against_published"), (3, 5, 10)),
    **dict.fromkeys(OVER_TASKS, (3, 5, 10)),
    "band_of_difference": (5, 10),
}
AT_90 = ("equivalence", "pairs_equivalence", "against_published", "band_of_difference")
MISSED = {  # by a task at whose checkpoints one seed in ten fails alone
    *(("band", ONE_TASK, n) for n in (10, 20)),
    ("band_means", ONE_TASK, 10),
}
COMMITTED = list(calibration.committed().values())


def test_the_committed_table_has_every_row_once():
    with calibration.TABLE.open(newline="") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == Row._fields
    keys = [(row.quantity, row.population, row.tasks, row.n) for row in COMMITTED]
    assert len(rows) - 1 == len(keys) == len(set(keys))
    assert keys == [(cell.quantity.name, *cell[1:]) for cell in calibration.CELLS]
    asked = {
        key
        for populations, quantities in (((POOLED, ONE_TASK), REPORTED), ((ONE_TASK,), LIKE_A_STUDY))
        for name, sizes in quantities.items()
        for key in product([name], populations, TASKS.get(name, (1,)), sizes)
    }
    asked |= set(product(["tost"], [NORMAL, POOLED, ONE_TASK], [1], (5, 10)))
    asked |= set(product(["max_t"], [POOLED], [1], (5, 10))) | set(product(["failure_rate"], [NORMAL], [1], (3, 5, 10)))
    assert asked | set(product(["tost_power"], [NORMAL], [1], (5, 10, 20))) == set(keys)


def test_every_row_is_what_its_own_numbers_say():
    for row in COMMITTED:
        assert 0 <= row.measured <= 1
        assert row.mcse == pytest.approx(math.sqrt(row.measured * (1 - row.measured) / row.studies), abs=6e-5)
        assert row.mcse <= 0.01 and (row.kind == POWER or row.target is None or row.mcse <= 0.0085)
        level = 0.90 if row.quantity in AT_90 else 0.95
        assert row.nominal == {COVERAGE: level, ERROR: 0.05, POWER: row.target}[row.kind]
        assert row.met is (None if row.target is None else is_met(row.kind, row.measured, row.mcse, row.target))
        if row.kind != POWER:
            asked = row.quantity != "iqm" or row.tasks == 5
            assert row.target == (TARGETS.get((row.quantity, row.n)) if asked else None)


def test_the_targets_missed_are_those_known():
    missed = {(row.quantity, row.population, row.n) for row in COMMITTED if row.met is False}
    assert missed == MISSED


@pytest.mark.parametrize(
    ("kind", "share", "met"),
    [
        *((COVERAGE, share, met) for share, met in [(0.899, False), (0.9, True), (0.99, True)]),
        *((ERROR, share, met) for share, met in [(0.5, True), (0.93, True), (0.931, False)]),
        *((POWER, share, met) for share, met in [(0.869, False), (0.87, True), (0.93, True), (0.931, False)]),
    ],
)
def test_a_target_is_met(kind, share, met):
    assert is_met(kind, share, 0.01, 0.9) is met


def test_measured_prefers_the_population_most_like_a_study():
    assert measured("band", 10).population == ONE_TASK
    assert measured("band", 10, POOLED).population == POOLED
    assert measured("max_t", 5).population == POOLED
    assert measured("tost_power", 10).population == NORMAL
    with calibration.TABLE.open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if (row["quantity"], row["n"]) == ("mean_student", "3"))
    assert str(measured("mean_student", 3, row["population"]).measured) == row["measured"]
    assert measured("band", 3) is measured("nothing", 10) is measured("max_t", 5, NORMAL) is None


def test_the_rows_do_not_depend_on_the_workers_but_on_the_seed():
    studies = calibration.CHUNK + 10
    once = calibrate(studies, seed=3, only=["welch", "pointwise"])
    assert [(row.quantity, row.population, row.n) for row in once] == [
        (name, *cell) for name, sizes in (("welch", (3, 5, 10)), ("pointwise", (5, 10)))
        for cell in product((POOLED, ONE_TASK), sizes)
    ]  # fmt: skip
    assert {row.studies for row in once} == {studies}
    assert calibrate(studies, seed=3, workers=2, only=["welch", "pointwise"]) == once
    assert calibrate(studies, seed=3, only=["pointwise"]) == once[6:], "a quantity's studies depend on the others"
    assert calibrate(studies, seed=4, only=["welch", "pointwise"]) != once


def test_an_unknown_quantity_is_refused():
    with pytest.raises(ValueError, match="no quantity is called coverage; there are against_published, band,"):
        calibrate(1, only=["coverage"])


def test_an_interval_of_half_the_confidence_covers_half(monkeypatch):
    monkeypatch.setattr(calibration, "CONFIDENCE", 0.5)
    for row in calibrate(400, only=["mean_student", "band_means"]):
        if row.population == POOLED and row.n == 20:
            assert row.measured == pytest.approx(0.5, abs=0.1), row
            assert row.nominal == 0.5


def test_two_equal_groups_share_no_seed_and_come_from_a_task_that_has_enough():
    tasks = [np.arange(8.0).reshape(8, 1), 100 + np.arange(4.0).reshape(4, 1)]
    for seed in range(20):
        groups = calibration._equal_groups(tasks, calibration.SCORE, 4, np.random.default_rng(seed))
        assert sorted(groups.ravel()) == list(range(8))


SHAPES = pd.read_csv(calibration.SHAPES)


def test_a_shape_is_standardised_within_its_task():
    groups = SHAPES.drop(columns="seed").groupby(["source", "env"])
    assert groups.size().min() == 10 and len(groups) == 21 and len(SHAPES) == 330
    assert not SHAPES.duplicated(["source", "env", "seed"]).any()
    assert groups.mean().abs().max(axis=None) < 6e-4 and (groups.std() - 1).abs().max(axis=None) < 6e-4
    for task in (*calibration.tasks(ONE_TASK), *calibration.tasks(POOLED)):
        assert task.shape[1] == 1 + 20 + 50 and task.dtype == float
    assert sum(map(len, calibration.tasks(ONE_TASK))) == len(calibration.tasks(POOLED)[0]) == 330
    assert list(SHAPES.columns[3:5]) == ["final", "mean_5"] and SHAPES.columns[3 + 1 + 20] == "last_2"


def test_the_shapes_say_where_they_are_from():
    assert calibration.SHAPES.stat().st_size < 400_000
    told = calibration.SHAPES.with_suffix(".md").read_text()
    for source in SHAPES["source"].unique():
        (line,) = (line for line in told.splitlines() if line.startswith(f"| {source} |"))
        assert "MIT" in line and any(len(word.split("@")[-1]) == 40 for word in line.split()), source


def test_derive_takes_the_windows_it_says(tmp_path):
    """Runs that return their seed's number: three blips show which columns look at which evaluations."""
    whole = pd.DataFrame(list(product(["A"], range(10), range(1, 101))), columns=["env", "seed", "step"])
    whole["value"] = whole["seed"].astype(float)
    for step in (49, 60, 90):
        whole.loc[(whole["seed"] == 0) & (whole["step"] == step), "value"] = 50.0
    few = whole[whole["seed"] < 9].assign(env="nine seeds")
    sparse = whole[whole["step"] % 5 == 0].assign(env="every 5 %")
    agreed = whole.assign(env="agreed", value=whole["value"].where(whole["step"] != 70, 3.0))
    for source in calibration.PUBLISHED:
        pd.concat([few, sparse, agreed]).to_csv(tmp_path / f"{source}.csv", index=False)
    pd.concat([agreed, whole.sample(frac=1, random_state=0), few]).to_csv(tmp_path / "jaxrl.csv", index=False)
    found = calibration.derive(tmp_path)
    assert list(found["source"].unique()) == ["jaxrl"] and list(found["env"].unique()) == ["A"]
    assert list(found["seed"]) == list(range(10)) and list(found.columns) == list(SHAPES.columns)
    undisturbed = np.round((np.arange(10) - 4.5) / math.sqrt(82.5 / 9), 3)
    columns = found.columns[3:]
    differs = [name for name in columns if not np.allclose(found[name], undisturbed, atol=1e-9)]
    assert differs == ["mean_50", "mean_60", "mean_90", "last_60", "last_90"]
    values = np.array([10.0, *range(1, 10)])  # (4 * 0 + 50) / 5
    assert np.allclose(found["mean_60"], (values - values.mean()) / values.std(ddof=1), atol=5e-4)


@pytest.mark.slow
def test_other_random_numbers_find_the_same():
    for row in calibrate(studies=600, seed=1):
        committed = measured(row.quantity, row.n, row.population, row.tasks)
        assert abs(row.measured - committed.measured) <= 4 * math.hypot(row.mcse, committed.mcse) + 1e-3, row
        if committed.met:
            assert is_met(row.kind, row.measured + 3 * row.mcse * (row.kind == COVERAGE), row.mcse, row.target), row

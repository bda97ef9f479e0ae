"""What the statistics step says of cells against each other, on a small made-up study whose truth is known."""

import json
from dataclasses import fields, replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from suite.analysis import over_tasks
from suite.analysis.ablations import Question, planned_ablations
from suite.analysis.check_rows import CheckRow
from suite.analysis.declared import Declared
from suite.analysis.over_tasks import Inference
from suite.analysis.results_file import to_plain
from suite.analysis.run_curves import AlignedCurves
from suite.analysis.scores import bootstrapped, telling
from suite.analysis.types import Anchors, CellKey, CellResult, Estimate, Label, LeftOut, RunResult
from suite.analysis.workers import processes
from suite.published.anchors import Scale
from suite.statistics import aggregate, equivalence, multiplicity
from suite.statistics import two_samples as compare
from suite.study.config import Report

SCALES = {
    "easy": Scale(0.0, 100, 100.0, "made up", "nowhere", "", {}),
    "hard": Scale(-50.0, 100, 950.0, "made up", "nowhere", "", {}),
}
LEVELS = {"alpha": ("fixed", "learned"), "critics": ("single", "twin")}
GAIN = {"alpha": 0.3, "critics": 0.1}  # of the normalised score
DECLARED = Declared(Report(resamples=400))
TASKS, ENGINES, SEEDS = ("easy", "hard", "unscaled"), ("jax", "torch"), 8


def score(task: str, engine: str, levels: tuple[str, str], seed: int) -> float:
    gain = sum(share for (name, share), level in zip(GAIN.items(), levels, strict=True) if level == LEVELS[name][1])
    noise = np.random.default_rng([TASKS.index(task), ENGINES.index(engine), *map(len, levels), seed]).normal(0, 0.02)
    scale = SCALES.get(task, SCALES["easy"])
    return scale.random + (0.5 + gain + noise) * (scale.reference - scale.random)


def study(engines=ENGINES, seeds: int = SEEDS) -> tuple[list[CellResult], dict, pd.DataFrame]:
    """Cells, their curves (rising to the score) and the manifest of a 2 x 2 factorial on three tasks."""
    cells, curves, planned = [], {}, []
    for task, engine, levels in product(TASKS, engines, product(*LEVELS.values())):
        run_id, baseline = "-".join(levels), levels == ("fixed", "single")
        scores = [score(task, engine, levels, seed) for seed in range(seeds)]
        arm = Label("", "both", run_id)
        labels = (arm, Label("sac", "", "")) if baseline else (arm,)
        cells.append(cell_with(CellKey(task, engine, run_id), labels, scores))
        curves[cells[-1].key] = AlignedCurves(np.array([10, 20, 30]), np.outer(scores, [0.5, 0.9, 1.0]))
        planned.append({"task": task, "implementation": engine, "run_id": run_id, "ablation": "both", "arm": run_id,
                        "label": arm.name, "baseline": baseline,
                        "levels": json.dumps(dict(zip(LEVELS, levels, strict=True)))})  # fmt: skip
    return cells, curves, pd.DataFrame(planned)


def cell_with(key: CellKey, labels: tuple[Label, ...], scores: list[float], kind="deterministic") -> CellResult:
    """A cell of finished runs with these scores, and nothing else known of it."""
    counts = {field.name: 0 for field in fields(CellResult) if field.name.startswith("n_")}
    unknown = {field.name: None for field in fields(CellResult)}
    runs = tuple(RunResult(seed, "finished", False, None, value, "") for seed, value in enumerate(scores))
    return CellResult(**unknown | counts | key._asdict() | {
        **dict.fromkeys(("n_planned", "n_finished", "n_scored"), len(scores)),
        "variant": labels[0], "labels": labels, "kind": kind, "seeds": runs,
    })  # fmt: skip


def with_scores(cell: CellResult, scores: list[float]) -> CellResult:
    return cell_with(cell.key, cell.labels, scores, cell.kind)


def check_row(p: float, p_adjusted: float | None, family_size: int | None) -> CheckRow:
    """A row of the regression check of which only its p is known."""
    unknown = {field.name: None for field in fields(CheckRow)}
    return CheckRow(**unknown | {"p": p, "p_adjusted": p_adjusted, "family_size": family_size, "verdict": "PASS"})


CHECK = (check_row(0.01, 0.02, 2), check_row(0.03, 0.03, 2), check_row(0.5, None, None))


def infer(cells, curves, manifest, workers: int = 1, scales=SCALES) -> Inference:
    with processes(workers) as do:
        planned = planned_ablations(manifest, {"both": Question(factors=LEVELS)})
        anchors = Anchors(scales, {"easy": scales["easy"]})
        return over_tasks.infer(cells, curves, {}, planned, CHECK, anchors, DECLARED, do)


@pytest.fixture(scope="module")
def found() -> Inference:
    return infer(*study())


def text(found: object) -> str:
    return json.dumps(to_plain(found))


def test_aggregates_are_of_normalised_scores_of_the_tasks_with_anchors(found):
    row = next(row for row in found.aggregates if (row.implementation, row.variant.name) == ("jax", "both/fixed-twin"))
    assert row.tasks == ("easy", "hard")
    assert row.left_out == (LeftOut("unscaled", "no reference return"),)
    assert (row.n_planned, row.n_scored) == (3 * SEEDS, 3 * SEEDS)
    scores = [
        [(score(task, "jax", ("fixed", "twin"), seed) - scale.random) / (scale.reference - scale.random)
         for seed in range(SEEDS)]
        for task, scale in SCALES.items()
    ]  # fmt: skip
    assert row.iqm.estimate == pytest.approx(aggregate.iqm(scores))
    assert row.mean.estimate == pytest.approx(np.mean(scores))
    assert row.optimality_gap.estimate == pytest.approx(1 - np.minimum(scores, 1).mean())
    assert row.iqm.low < row.iqm.estimate < row.iqm.high
    share, taus = np.array(row.profile.share), np.array(row.profile.taus)
    assert share[taus < np.min(scores)].min() == 1 and share[taus >= np.max(scores)].max() == 0
    every = [entry.profile for entry in found.aggregates]
    assert {profile.taus for profile in every} == {row.profile.taus}
    assert all((profile.share[0], profile.share[-1]) == (1, 0) for profile in every)
    assert min(profile.share[12] for profile in every) < 1, "limits follow the scores"
    assert max(profile.share[-13] for profile in every) > 0
    assert [row.mean.low, row.mean.high] == pytest.approx(aggregate.student(scores, 0.95)[1:3])
    assert row.second.tasks == ("easy",)
    assert row.second.iqm.estimate == pytest.approx(aggregate.iqm(scores[:1]))


@pytest.mark.parametrize("seeds", [3, 4, 5])
def test_the_iqm_of_one_task_has_an_interval_from_five_runs_on(seeds):
    """Of fewer its ends would be the lowest and the highest run: a range, which covers 74 % at three."""
    scores, rng = np.random.default_rng(1).normal(size=seeds), np.random.default_rng(0)
    found = bootstrapped([scores], aggregate.iqm, DECLARED, rng)
    assert found.estimate == pytest.approx(aggregate.iqm(scores)) and (found.low is None) == (seeds < 5)
    assert bootstrapped([scores, scores], aggregate.iqm, DECLARED, rng).low is not None
    assert bootstrapped([scores], aggregate.mean, DECLARED, rng).low is not None


def test_a_probability_that_could_be_anything_has_no_interval():
    assert telling(0.0, 1.0) == (None, None)
    assert telling(0.0, 0.99) == (0.0, 0.99) and telling(0.1, 1.0) == (0.1, 1.0)
    cell = study()[0][0]
    few = [with_scores(cell, scores) for scores in ([0.0, 10.0, 5.0], [1.0, 9.0, 5.5])]
    estimate = over_tasks.probability_of_improvement([(few[0], few[1])], DECLARED, ("a", "b"))
    assert estimate.low is estimate.high is None and 0.2 < estimate.estimate < 0.8 and estimate.standard_error > 0


def test_labels_of_the_same_cells_are_one_variant(found):
    names = [row.variant.name for row in found.aggregates if row.implementation == "jax"]
    assert names == ["both/fixed-single", "both/fixed-twin", "both/learned-single", "both/learned-twin"]


def test_improvement_is_over_the_first_variant_and_bounds_nothing_where_all_resamples_agree(found):
    row = next(row for row in found.improvements if row.variant.name == "both/learned-twin")
    assert row.over.name == "both/fixed-single" and row.tasks == TASKS
    assert row.probability == Estimate(1.0, None, None, 0.0)
    assert [part.estimate for part in row.by_task] == [1, 1, 1]
    assert all(part.low < 0.9 for part in row.by_task)


def test_implementations_are_held_against_the_declared_margin(found):
    row = next(row for row in found.agreements if (row.task, row.variant.name) == ("hard", "both/fixed-single"))
    x, y = (np.array([score("hard", engine, ("fixed", "single"), seed) for seed in range(SEEDS)]) for engine in ENGINES)
    expected, welch = equivalence.tost_paired(x, y, 100.0, 0.90), equivalence.tost(x, y, 100.0, 0.90)
    test = row.equivalence
    assert test.welch == pytest.approx((welch.verdict, welch.p, welch.low, welch.high)) and row.difference.pairs.n == 8
    assert (row.a, row.b, test.margin) == ("jax", "torch", 100.0)
    assert (test.verdict, test.p) == (expected.verdict, pytest.approx(expected.p)) and test.verdict == "EQUIVALENT"
    assert row.difference.p == pytest.approx(compare.paired(x, y, 0.95).p)
    assert row.difference.welch.p == pytest.approx(compare.welch(x, y, 0.95).p)
    assert row.difference.permutation.assignments == 12_870
    assert [(part.share, part.margin) for part in test.sensitivity] == [(0.05, 50), (0.15, 150), (0.2, 200)]
    assert row.curve.verdict == "EQUIVALENT" and len(row.curve.low) == 3
    without = next(row for row in found.agreements if row.task == "unscaled")
    assert without.equivalence is None and without.difference is not None and "no reference return" in without.note


def test_implementations_that_differ_are_told_apart():
    cells, curves, manifest = study()
    cells = [
        with_scores(cell, [value + 30 for value in cell.scores]) if cell.implementation == "torch" else cell
        for cell in cells
    ]
    rows = [row for row in infer(cells, curves, manifest).agreements if row.task == "easy"]
    assert {row.equivalence.verdict for row in rows} == {"DIFFERENT"}
    assert all(row.equivalence.p > 0.9 and row.difference.p < 1e-6 for row in rows)


def test_ablations_over_all_tasks_find_what_was_put_in(found):
    (suite,) = (suite for suite in found.ablations[0].over_tasks if suite.implementation == "torch")
    assert suite.tasks == ("easy", "hard") and suite.left_out[0].task == "unscaled"
    effects = {effect.name: effect for effect in suite.effects}
    assert effects["alpha"].estimate == pytest.approx(0.3, abs=0.02)
    assert effects["critics"].estimate == pytest.approx(0.1, abs=0.02)
    assert effects["alpha"].p_adjusted < 0.05 < effects["alpha × critics"].p
    shares = {effect.name: effect.estimate for effect in suite.shapley}
    assert sum(shares.values()) == pytest.approx(0.4, abs=0.03)
    table = next(table for table in found.ablations[0].tables if table.task == "hard")
    simple = {effect.name: effect.estimate for effect in table.factorial.simple}
    assert simple["alpha | critics=twin"] == pytest.approx(300, abs=30)
    arm = next(arm for arm in table.arms if arm.arm == "learned-twin")
    assert arm.difference.difference == pytest.approx(400, abs=30)
    assert 0 < arm.difference.detectable < 60


def test_an_ablation_with_a_missing_cell_keeps_its_simple_effects():
    cells, curves, manifest = study(engines=("jax",))
    missing = CellKey("easy", "jax", "learned-twin")
    cells = [with_scores(cell, []) if cell.key == missing else cell for cell in cells]
    found = infer(cells, curves, manifest)
    (suite,) = found.ablations[0].over_tasks
    assert suite.tasks == ("hard",)
    assert LeftOut("easy", "fewer than two scored runs of learned-twin") in suite.left_out
    table = next(table for table in found.ablations[0].tables if table.task == "easy")
    assert table.factorial.effects == () and "alpha=1, critics=1" in table.factorial.note
    assert [effect.name for effect in table.factorial.simple] == [
        "alpha | critics=single",
        "critics | alpha=fixed",
    ]


def test_training_returns_are_not_held_against_evaluations():
    cells, curves, manifest = study()
    first = next(cell for cell in cells if cell.implementation == ENGINES[0])
    cells = [replace(cell, kind="training") if cell is first else cell for cell in cells]
    rows = infer(cells, curves, manifest).agreements
    (row,) = [row for row in rows if "another kind" in row.note]
    assert first.run_id in row.run_ids and "training and deterministic" in row.note
    assert row.equivalence is row.superiority is row.curve is row.difference is None


def test_families_are_adjusted_as_declared(found):
    assert {name: family.method for name, family in found.families.items()} == DECLARED.families.model_dump()
    rows = [row.equivalence for row in found.agreements if row.equivalence is not None]
    assert found.families["equivalence"].size == len(rows) == 8
    assert [row.p_adjusted for row in rows] == pytest.approx(multiplicity.adjust([row.p for row in rows], "holm"))
    assert found.families["regression"].size == 2  # adjusted by the check itself
    suites = [effect for suite in found.ablations[0].over_tasks for effect in suite.effects]
    assert {effect.family_size for effect in suites} == {len(suites)} == {6}
    assert all(effect.p_adjusted >= effect.p for effect in suites)


@pytest.mark.parametrize("workers", [1, 2])
def test_neither_the_order_of_cells_nor_the_number_of_workers_changes_a_bit(found, workers):
    cells, curves, manifest = study()
    np.random.seed(3)  # noqa: NPY002 - the global generator must not matter
    assert text(infer(cells, curves, manifest, workers)) == text(found)
    again = infer(cells[::-1], curves, manifest[::-1], workers)
    aggregates = {(row.implementation, row.variant): row for row in found.aggregates}
    for row in again.aggregates:
        twin = aggregates[row.implementation, row.variant]
        if row.tasks == twin.tasks:
            assert text(row) == text(twin)
    agreements = {(row.task, row.variant): row for row in found.agreements}
    for row in again.agreements:
        twin = agreements[row.task, row.variant]
        if (row.a, row.b) == (twin.a, twin.b):
            assert text(row) == text(twin)


def test_two_cells_with_too_few_runs_are_said_to_be_so():
    cells, curves, manifest = study(seeds=1)
    found = infer(cells, curves, manifest)
    assert {row.note for row in found.agreements} == {"needs two scored runs on each side, here are 1 and 1"}
    assert found.improvements == () and all(row.iqm is None for row in found.aggregates)

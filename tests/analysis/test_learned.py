"""NOT LEARNED: before all other verdicts, and in no family, from results to page."""

from __future__ import annotations

import pytest
from builders.made_up_study import OPTIONS, SCALES, write

from suite.analysis import results
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results
from suite.analysis.two_cells import compare
from suite.cli.comparison_tables import comparison_table
from suite.report import figures, page
from suite.study.config import Report

PENDULUM, CHEETAH = "Pendulum-v1", "HalfCheetah-v5"
DECLARED = Declared(Report(resamples=100))
FAR = SCALES | {PENDULUM: SCALES[PENDULUM]._replace(reference=20_000.0)}
"""Scales by which nobody has learned Pendulum."""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies") / "demo"
    write(folder, implementations=("torch", "jax"))
    results.main(folder, **OPTIONS | {"anchors": FAR}, declared=DECLARED)
    return folder


@pytest.fixture(scope="module")
def found(study):
    return read_results(study)


def test_cells_are_judged_by_their_own_task(found):
    states = {(cell.task, cell.learned) for cell in found.cells}
    assert states == {(CHEETAH, "learned"), (PENDULUM, "not learned")}


def test_engines_that_have_not_learned_do_not_agree_and_count_in_no_family(found):
    by_task = {task: [one for one in found.agreements if one.task == task] for task in (PENDULUM, CHEETAH)}
    for one in by_task[PENDULUM]:
        test = one.equivalence
        assert (test.verdict, test.p, test.p_adjusted, test.sensitivity) == ("NOT LEARNED", None, None, ())
        assert one.difference is None and one.curve is None and one.note.startswith("NOT LEARNED: of neither side")
    assert all(one.equivalence.verdict != "NOT LEARNED" and one.difference for one in by_task[CHEETAH])
    assert found.families["equivalence"].size == len(by_task[CHEETAH])


def test_arms_that_have_not_learned_have_no_effects(found):
    tables = [table for one in found.ablations for table in one.tables]
    for table in tables:
        arms = [arm for arm in table.arms if not arm.baseline]
        if table.task == PENDULUM:
            assert all(arm.difference is None and arm.note.startswith("NOT LEARNED") for arm in arms)
            assert table.factorial is None or (not table.factorial.effects and "NOT LEARNED" in table.factorial.note)
        else:
            assert all(arm.difference for arm in arms)
    overall = [one for ablation in found.ablations for one in ablation.over_tasks]
    assert all(one.tasks == (CHEETAH,) and one.effects for one in overall)
    assert all(one.left_out == ((PENDULUM, "NOT LEARNED by any arm"),) for one in overall)
    assert all(one.tasks == (CHEETAH,) for one in found.improvements)


def test_one_side_that_has_learned_is_enough(tmp_path):
    """By a scale of which only the better arms come to a tenth."""
    write(tmp_path, tasks=(PENDULUM,))
    near = {PENDULUM: SCALES[PENDULUM]._replace(reference=7_800.0)}
    results.main(tmp_path, **OPTIONS | {"anchors": near}, declared=DECLARED)
    some = read_results(tmp_path)
    states = {cell.variant.name: cell.learned for cell in some.cells}
    assert states["sac_v2"] == "learned" and states["critics/single"] != "learned"
    _, arm = next(one for one in some.ablations if one.name == "critics").tables[0].arms
    assert arm.difference is not None and arm.difference.p_adjusted is not None


def test_a_comparison_says_it_instead_of_a_verdict(study):
    compared = compare(study, "torch/sac_v2", "torch/sac_v1", anchors=FAR, declared=DECLARED)
    rows = {row.task: row for row in compared.tasks}
    assert "NOT LEARNED: of neither side" in rows[PENDULUM].sentence and rows[PENDULUM].difference is None
    assert rows[CHEETAH].difference.family_size == 1 and compared.improvement is None
    assert rows[PENDULUM].sentence in comparison_table(compared)


@pytest.mark.usefixtures("svg_alone")
def test_the_page_names_who_has_not_learned(study, tmp_path):
    figures.main(study, tmp_path)
    page.main(study, tmp_path, config_text="", command="make")
    html = (tmp_path / "report.html").read_text()
    assert "18 of 36 cells have not learned" in html and f"sac_v2 on {PENDULUM} (torch)" in html
    assert '<b class="NOT LEARNED">NOT LEARNED</b> 9' in html
    drawn = (tmp_path / "figures/equivalence.csv").read_text()
    assert "NOT LEARNED" in drawn

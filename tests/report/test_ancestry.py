"""The family: which ancestors a study shows, in which order, and that what they did is what the results say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders.made_up_study import OPTIONS, write

from suite.analysis import results as statistics
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results
from suite.analysis.types import Label, Results
from suite.report import ancestry
from suite.specimens.catalogue import load_preset
from suite.study.config import Report
from suite.wording import number


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Results:
    study = tmp_path_factory.mktemp("study")
    write(study, seeds=4)
    statistics.main(study, **OPTIONS, declared=Declared(Report(resamples=200)))
    return read_results(study)


def test_ancestors_stand_oldest_first_with_what_they_returned(results):
    paragraphs = ancestry.paragraphs(results)
    assert [one.ancestor.preset for one in paragraphs] == ["sac_v1", "sac_v2"]
    for one in paragraphs:
        cells = [cell for cell in results.cells if any(label.name == one.ancestor.preset for label in cell.labels)]
        assert len(one.did) == len(cells) == 2
        for cell, sentence in zip(cells, one.did, strict=True):
            scores = [seed.score for seed in cell.seeds]
            mean, low, high = (number(f(scores)) for f in (np.mean, min, max))
            assert sentence.startswith(f"{cell.task} (torch): {mean} ({low} to {high}), 4 runs")
    assert all("better than" not in sentence for sentence in paragraphs[0].did)


def test_in_how_many_pairs_a_run_is_better_than_the_ancestor_before_is_the_results_probability(results):
    (row,) = (one for one in results.improvements if {one.variant.name, one.over.name} == {"sac_v1", "sac_v2"})
    sentences = ancestry.paragraphs(results)[1].did
    for task, superiority in zip(row.tasks, row.by_task, strict=True):
        chance = superiority.estimate if row.variant.name == "sac_v2" else 1 - superiority.estimate
        (sentence,) = (one for one in sentences if one.startswith(task))
        assert sentence.endswith(
            f"; better than SAC, first version: a Gaussian in {round(16 * chance)} of 16 pairs of runs."
        )


def test_runs_that_failed_or_are_absent_are_said(results):
    def did(**counts):
        cells = tuple(replace(cell, **counts) for cell in results.cells)
        return [sentence for one in ancestry.paragraphs(replace(results, cells=cells)) for sentence in one.did]

    clean = {"n_planned": 3, "n_diverged": 0, "n_crashed": 0}
    assert all(", 1 run of 3 planned" in one for one in did(**clean, n_scored=1))
    assert all(", 3 runs, 2 of which failed" in one for one in did(**clean | {"n_crashed": 2}, n_scored=3))
    assert all(one.endswith(": no scored run.") for one in did(**clean, n_scored=0))


@pytest.mark.parametrize("shown", ["after sac_v1", "sac_v1 (from source)"])
def test_an_ancestor_is_known_whatever_its_state(results, shown):
    renamed = [
        replace(cell, labels=tuple(Label(shown, "", "") if one.name == "sac_v1" else one for one in cell.labels))
        for cell in results.cells
    ]
    paragraphs = ancestry.paragraphs(replace(results, cells=tuple(renamed)))
    assert [one.ancestor.preset for one in paragraphs] == ["sac_v1", "sac_v2"]


def test_a_study_of_one_of_them_shows_no_family(results):
    renamed = [
        replace(cell, labels=tuple(Label("other", "", "") if one.name == "sac_v1" else one for one in cell.labels))
        for cell in results.cells
    ]
    assert ancestry.paragraphs(replace(results, cells=tuple(renamed))) == []


def test_every_ancestor_is_a_preset():
    for one in ancestry.LINE:
        assert load_preset(one.preset)

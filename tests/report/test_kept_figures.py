"""Which figures are drawn anew and which stay as they are: whatever happens, the bytes are those of a fresh drawing."""

from __future__ import annotations

import json
import os
import shutil
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from builders.made_up_study import OPTIONS, write

from suite.analysis import results as statistics
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results
from suite.analysis.workers import processes
from suite.report import figures
from suite.report.figures import kept
from suite.report.figures.canvas import METADATA
from suite.sac.source import ROOT
from suite.study.config import Report

DRAWN = ("curves-presets", "effects-critics", "effects-temperature", "final")
"""The figures of the study that are drawn here: the others would tell no more."""
LATE = ("sac_v1", 3)
"""A run that comes later than the others: of a preset that is no arm of a question."""
every_picture = figures.pictures


@pytest.fixture(scope="module")
def studies(tmp_path_factory) -> Path:
    """A study before a run of it came, and after."""
    folder = tmp_path_factory.mktemp("studies")
    write(folder / "after", tasks=("Pendulum-v1",), seeds=4)
    shutil.copytree(folder / "after", folder / "before")
    runs, evaluations = (pd.read_parquet(folder / f"before/{name}.parquet") for name in ("runs", "evaluations"))
    late = [(table["variant"] == LATE[0]) & (table["seed"] == LATE[1]) for table in (runs, evaluations)]
    assert late[0].sum() == 1
    runs.loc[late[0], ["status", "last_env_step"]] = ["missing", None]
    runs.to_parquet(folder / "before/runs.parquet", index=False)
    evaluations[~late[1]].to_parquet(folder / "before/evaluations.parquet", index=False)
    for name in ("before", "after"):
        statistics.main(folder / name, **OPTIONS, declared=Declared(Report(resamples=200)))
    return folder


def few_pictures(results):
    return (one for one in every_picture(results) if one.name in DRAWN)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(figures, "pictures", few_pictures)


@pytest.fixture
def drawn(monkeypatch) -> list[str]:
    """The names of the figures whose drawing was called."""
    calls, save = [], figures.save_pictures

    def counted(content, stem):
        calls.append(stem.name)
        save(content, stem)

    monkeypatch.setattr(figures, "save_pictures", counted)
    return calls


@pytest.fixture(scope="module")
def drawn_once(studies, tmp_path_factory) -> Path:
    """Both studies and their figures, drawn where there was nothing to take over."""
    folder = tmp_path_factory.mktemp("drawn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "pictures", few_pictures)
        for name in ("before", "after"):
            shutil.copytree(studies / name, folder / name / "study")
            assert figures.main(folder / name / "study", folder / name) == (len(DRAWN), 0)
    return folder


@pytest.fixture(scope="module")
def fresh(drawn_once) -> dict[str, dict[str, bytes]]:
    return {name: contents(drawn_once / name / "figures") for name in ("before", "after")}


@pytest.fixture
def study(drawn_once, tmp_path) -> Path:
    """The study before the run came, drawn once."""
    shutil.copytree(drawn_once / "before", tmp_path, dirs_exist_ok=True)
    return tmp_path / "study"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_new_run_draws_what_depends_on_it_and_nothing_else(studies, study, fresh, drawn):
    before, after = (
        {one.name: one.content.data for one in figures.pictures(read_results(studies / name))}
        for name in ("before", "after")
    )
    changed = {name for name in DRAWN if not before[name].equals(after[name])}
    assert changed == {"curves-presets", "final"}, "the arms of the questions are other runs"
    shutil.copyfile(studies / "after/results.json", study / "results.json")
    assert figures.main(study, study.parent) == (2, 2)
    assert set(drawn) == changed and len(drawn) == 2
    assert contents(study.parent / "figures") == fresh["after"] != fresh["before"]


def test_of_what_has_not_changed_nothing_is_drawn_though_the_folder_is_gone(study, fresh, drawn):
    shutil.rmtree(study.parent / "figures")  # as Snakemake does with an output before it is made again
    assert figures.main(study, study.parent) == (0, len(DRAWN))
    assert not drawn and contents(study.parent / "figures") == fresh["before"]


def edited(study: Path) -> None:
    figures.main(study, study.parent)
    with (study.parent / "figures/final.png").open("r+b") as file:  # the same file as the kept one
        file.write(b"edited")


def truncated(study: Path) -> None:
    os.truncate(kept_file(study, "final.pdf"), 100)


def removed(study: Path) -> None:
    kept_file(study, "final.svg").unlink()


def of_another(study: Path) -> None:
    shutil.copyfile(study.parent / "figures/curves-presets.svg", kept_file(study, "final.svg"))


def kept_file(study: Path, name: str) -> Path:
    drawing = (study.parent / "figures" / name).read_bytes()
    (same,) = (one for one in (study / figures.KEPT).iterdir() if one.read_bytes() == drawing)
    return same


@pytest.mark.parametrize("damage", [edited, truncated, removed, of_another])
def test_a_damaged_picture_is_drawn_again(study, fresh, drawn, damage):
    damage(study)
    assert figures.main(study, study.parent) == (1, len(DRAWN) - 1)
    assert drawn == ["final"] and contents(study.parent / "figures") == fresh["before"]


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"a": 1}', '{"a": {"png": 1}}'])
def test_without_readable_digests_everything_is_drawn_again(study, fresh, drawn, text):
    path = study / figures.KEPT / kept.DIGESTS
    path.unlink() if text is None else path.write_text(text)
    assert figures.main(study, study.parent) == (len(DRAWN), 0)
    assert set(drawn) == set(DRAWN) and contents(study.parent / "figures") == fresh["before"]


@pytest.fixture
def sources(monkeypatch, tmp_path):
    """A copy of the suite's sources which is taken for them; a function that changes one of its files."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "suite", copy / "suite", ignore=lambda folder, names: {"__pycache__"})
    monkeypatch.setattr(kept, "ROOT", copy)

    def change(file: str) -> None:
        with (copy / file).open("a") as source:
            source.write("\n# changed\n")
        for cached in (kept.sources_digest, kept._imported):
            cached.cache_clear()

    yield change
    for cached in (kept.sources_digest, kept._imported):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("suite/report/figures/curves.py", {"curves-presets"}),
        ("suite/report/figures/cells.py", set(DRAWN) - {"curves-presets"}),
        ("suite/report/figures/canvas.py", set(DRAWN)),
        ("suite/report/figures/saving.py", set(DRAWN)),
        ("suite/wording.py", set(DRAWN)),
        ("suite/report/figures/agreement.py", set()),
        ("suite/report/page.py", set()),
    ],
)
def test_other_drawing_code_draws_what_it_draws_anew(study, fresh, drawn, sources, file, expected):
    assert figures.main(study, study.parent) == (0, len(DRAWN)), "the copy reads the same"
    sources(file)
    figures.main(study, study.parent)
    assert set(drawn) == expected and contents(study.parent / "figures") == fresh["before"]


def test_another_version_of_a_library_draws_everything_anew(study, drawn, monkeypatch):
    real = kept.version
    monkeypatch.setattr(kept, "version", lambda name: "0" if name == "matplotlib" else real(name))
    kept.libraries.cache_clear()
    figures.main(study, study.parent)
    kept.libraries.cache_clear()
    assert set(drawn) == set(DRAWN)


def test_several_processes_draw_the_same_bytes(studies, fresh, tmp_path, monkeypatch):
    shutil.copytree(studies / "before", tmp_path / "study")
    asked = []
    monkeypatch.setattr(figures, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(figures, "processes", lambda workers: asked.append(workers) or processes(workers))
    assert figures.main(tmp_path / "study", tmp_path, workers=2) == (len(DRAWN), 0)
    assert asked == [2] and contents(tmp_path / "figures") == fresh["before"]


def test_a_drawing_that_fails_leaves_what_was_there(studies, study, fresh, monkeypatch):
    before = contents(study / figures.KEPT)
    shutil.copyfile(studies / "after/results.json", study / "results.json")

    def fail(content, stem):
        raise OSError("the disk is full")

    monkeypatch.setattr(figures, "save_pictures", fail)
    with pytest.raises(OSError, match="full"):
        figures.main(study, study.parent)
    assert contents(study.parent / "figures") == fresh["before"] and contents(study / figures.KEPT) == before


def test_what_is_kept_is_the_last_drawing_alone(studies, study):
    shutil.copyfile(studies / "after/results.json", study / "results.json")
    figures.main(study, study.parent)
    digests = json.loads((study / figures.KEPT / kept.DIGESTS).read_text())
    assert len(digests) == len(DRAWN)
    named = {f"{made_of}.{kind}" for made_of in digests for kind in METADATA}
    assert {path.name for path in (study / figures.KEPT).iterdir()} == named | {kept.DIGESTS}


def test_a_file_system_without_links_gets_copies(study, fresh, monkeypatch):
    def refuse(source, target):
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert figures.main(study, study.parent) == (0, len(DRAWN))
    assert contents(study.parent / "figures") == fresh["before"]


def test_a_drawing_is_known_by_its_name_and_what_it_is_given():
    drawings = [kept.drawing_in_words(partial(_draw, wide=wide)) for wide in (True, False)]
    assert len({*drawings, kept.drawing_in_words(_draw)}) == 3
    hidden = 1
    for nameless in (lambda data: hidden, partial(_draw, wide=object())):
        with pytest.raises(AssertionError, match="does not tell by its name"):
            kept.drawing_in_words(nameless)


def _draw(data, wide=False):
    raise NotImplementedError


def test_every_figure_of_a_study_can_be_handed_to_another_process(studies):
    """All of them, drawn here or not: of a drawing that hides something nobody could say whether it has changed."""
    for picture in every_picture(read_results(studies / "after")):
        assert kept.drawing_in_words(picture.content.draw).startswith("suite.report.figures."), picture.name

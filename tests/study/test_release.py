"""Releasing: what is passed on can be gathered, trained on and reported again, and nothing there is ever replaced."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from builders.runs import ROOT, called
from builders.written_study import written_study

from suite.errors import UsageError
from suite.lab import records
from suite.study import manifest
from suite.study.gather import outcomes
from suite.study.plan import Plan
from suite.study.release import SUMS, Released, release, released, sums


@pytest.fixture
def plan(tmp_path) -> Plan:
    plan = written_study(tmp_path)
    manifest.write(plan)
    return plan


@pytest.fixture
def passed_on(plan, tmp_path) -> Path:
    """The folder into which it was released."""
    release(plan, tmp_path / "released", quiet)
    return tmp_path / "released"


def declared_anew(plan: Plan) -> Plan:
    """The study with another margin, declared."""
    plan.path.write_text(plan.path.read_text() + "check: {margin: 0.2}\n")
    changed = Plan(plan.path)
    manifest.write(changed)
    return changed


def quiet(line: str) -> None:
    """What says nothing."""


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_passed_on_counts_as_finished_without_its_networks(plan, tmp_path):
    folder = tmp_path / "released"
    assert release(plan, folder, quiet) == Released(3, 3, 3)
    assert not list(folder.rglob("*.npz"))
    theirs, own = outcomes(released(folder), quiet), outcomes(plan, quiet)
    assert [one.status for one in theirs] == ["finished"] * 3
    assert [one.params_digest for one in theirs] == [one.params_digest for one in own]
    assert [one.record.rows for one in theirs] == [one.record.rows for one in own]
    assert [one.record.meta.arrays for one in theirs] == ["not kept"] * 3


def test_a_second_release_writes_what_is_new_and_leaves_the_rest(plan, tmp_path):
    folder, last = tmp_path / "released", Path([*plan.runs][-1])
    kept = last.read_bytes()
    last.unlink()
    assert release(plan, folder, quiet) == Released(2, 2, 3)
    first = files(folder)
    last.write_bytes(kept)
    assert release(plan, folder, quiet) == Released(3, 1, 3)
    changed = {name for name, content in files(folder).items() if first.get(name) != content}
    assert changed == {SUMS, str(last.relative_to(tmp_path / "results"))}


def test_a_declaration_that_does_not_go_on_from_the_released_one_is_refused(plan, passed_on):
    before, declared = files(passed_on), plan.study_dir / "declaration.json"
    declared.unlink()
    again = declared_anew(plan)
    with pytest.raises(UsageError, match="does not go on from"):
        release(again, passed_on, quiet)
    declared.write_text("[]")
    with pytest.raises(UsageError, match=r"declaration.json cannot be read \(TypeError\); restore it"):
        release(again, passed_on, quiet)
    assert files(passed_on) == before


def test_a_declaration_that_was_changed_since_is_released_with_its_history(plan, passed_on):
    release(declared_anew(plan), passed_on, quiet)
    assert len(json.loads((passed_on / "studies" / plan.study / "declaration.json").read_text())["history"]) == 2


def test_a_folder_of_another_study_is_refused_and_left_as_it_is(plan, passed_on):
    (passed_on / "study.yaml").rename(passed_on / "another.yaml")
    before = files(passed_on)
    with pytest.raises(UsageError, match=r"has another\.yaml of another study; give each study a folder of its own"):
        release(plan, passed_on, quiet)
    assert files(passed_on) == before


def test_the_checksums_are_those_that_sha256sum_reads(plan, tmp_path):
    folder = tmp_path / "released"
    release(plan, folder, quiet)
    lines = (folder / SUMS).read_text().splitlines()
    assert len(lines) == 3 + 2  # the records, the config and the declaration
    for digest, name in (line.split("  ") for line in lines):
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--quiet", "--check", SUMS], cwd=folder, check=True)


def test_another_record_of_a_run_is_never_replaced(plan, tmp_path):
    folder, path = tmp_path / "released", Path(next(iter(plan.runs)))
    release(plan, folder, quiet)
    record, kept = records.read(path), files(folder)
    rows = record.rows.to_pylist()
    records.write(path, record.meta, [rows[0] | {"return": -1.0}, *rows[1:]])
    with pytest.raises(UsageError, match="is another record of the run of"):
        release(plan, folder, quiet)
    assert files(folder) == kept


def test_interrupted_and_damaged_runs_are_not_passed_on(plan, tmp_path):
    first, second, _ = map(Path, plan.runs)
    record = records.read(first)
    first.unlink()
    records.write(first, record.meta.__class__(**vars(record.meta) | {"status": "interrupted"}), record.rows)
    second.write_bytes(second.read_bytes()[:-40])
    assert release(plan, tmp_path / "released", quiet) == Released(1, 1, 3)


@pytest.mark.parametrize("where", ["results", "results/../results"])
def test_a_study_is_not_released_into_itself(plan, tmp_path, where):
    refused = called("release", "--config", "study.yaml", where, cwd=tmp_path)
    assert refused.returncode == 2 and "choose another folder" in refused.stderr


def test_the_page_is_made_of_a_released_folder_alone(plan, tmp_path):
    folder = tmp_path / "elsewhere/released"
    release(plan, folder, quiet)
    declared = folder / "studies/study/declaration.json"
    old = json.loads(declared.read_text())
    old["declaration"]["report"]["resamples"] += 1  # as if the suite had declared less, or otherwise, at that time
    declared.write_text(json.dumps(old))
    kept = files(folder)
    made = called("report", "--from", "released", cwd=tmp_path / "elsewhere")
    assert made.returncode == 0, made.stderr
    page = (tmp_path / "reports/study/report.html").read_text()
    assert "python -m suite report --from released" in page and "missing" not in made.stdout
    assert kept.items() <= files(folder).items(), "what was passed on stays as it was"


def test_a_page_made_later_leaves_what_was_declared_as_it_was_released(plan, tmp_path):
    release(plan, tmp_path / "released", quiet)
    declared = tmp_path / "released/studies/study/declaration.json"
    earlier = json.loads(declared.read_text())
    earlier["declaration"]["of_an_earlier_suite"] = True
    declared.write_text(json.dumps(earlier))
    manifest.write(released(tmp_path / "released"), declare=False)
    assert json.loads(declared.read_text()) == earlier
    manifest.write(released(tmp_path / "released"))
    assert json.loads(declared.read_text()) != earlier, "or the test changes nothing that is declared"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--from", "nowhere"), "nowhere has no config"),
        (("--from", "nowhere", "--config", "study.yaml"), "leave --config out"),
        (("--workers", "2"), "leave it out"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(plan, tmp_path, arguments, sentence):
    refused = called("report", *arguments, cwd=tmp_path)
    assert refused.returncode == 2 and sentence in refused.stderr and "Traceback" not in refused.stderr


@pytest.mark.parametrize("folder", sorted(path.parent for path in ROOT.glob("results/released/*/*.yaml")), ids=str)
def test_the_released_folders_hold_what_their_checksums_say(folder):
    assert (folder / SUMS).read_text() == sums(folder)
    assert released(folder).study == folder.name


def test_the_list_of_released_studies_says_how_many_runs_there_are():
    listed = (ROOT / "results/released/README.md").read_text()
    for folder in ROOT.glob("results/released/*/"):
        there, planned = len([*folder.glob("runs/**/*.parquet")]), len(released(folder).runs)
        line = next(line for line in listed.splitlines() if line.startswith(f"| `{folder.name}` |"))
        assert line.endswith(f"| {there} of {planned} |")

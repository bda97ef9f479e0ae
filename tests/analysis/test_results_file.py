"""results.json and check.json: what is written is read again, and another schema is refused in one sentence."""

import json
from pathlib import Path

import pytest
from builders.made_up_study import ACCIDENTS, OPTIONS, write

from suite.analysis import results
from suite.analysis.ablations import question_of
from suite.analysis.declared import Declared
from suite.analysis.results_file import SCHEMA_VERSION, read_check, read_results, to_plain, write_check, write_results
from suite.errors import UsageError
from suite.study.config import Report


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write(folder, accidents=ACCIDENTS)
    results.main(folder, **OPTIONS, declared=Declared(Report(resamples=100)))
    return folder


def test_what_is_written_is_read_again(study, tmp_path):
    found, check = read_results(study), read_check(study)
    write_results(tmp_path, found)
    write_check(tmp_path, check)
    assert read_results(tmp_path) == found and read_check(tmp_path) == check
    for name in ("results.json", "check.json"):
        data = json.loads((tmp_path / name).read_text())
        assert data["schema_version"] == SCHEMA_VERSION
        assert data == json.loads((study / name).read_text())
    assert found.check == check.rows and found.unmatched == check.notes
    json.dumps(to_plain(found), allow_nan=False)


def test_no_file_is_no_results(tmp_path):
    assert read_results(tmp_path) is None and read_check(tmp_path) is None


@pytest.mark.parametrize("name, read, command", [
    ("results.json", read_results, "statistics"), ("check.json", read_check, "check"),
])  # fmt: skip
def test_another_schema_is_refused_with_the_command_that_remakes_it(study, tmp_path, name, read, command):
    data = json.loads((study / name).read_text())
    del data["schema_version"]  # as before there were versions
    (tmp_path / name).write_text(json.dumps(data))
    remedy = f"run `python -m suite {command}` for this study again"
    with pytest.raises(UsageError, match=f"has schema version 1, and this suite reads {SCHEMA_VERSION}: {remedy}"):
        read(tmp_path)
    (tmp_path / name).write_text(json.dumps({"schema_version": SCHEMA_VERSION}))
    with pytest.raises(UsageError, match=f"is missing of .*: {remedy}"):
        read(tmp_path)


def test_what_was_declared_and_not_used_is_listed(study):
    assert read_results(study).departures == ()
    data = {
        "check": {}, "equivalence": {"margin": 0.2}, "families": {"ablation": "bh"}, "report": {"resamples": 100},
    }  # fmt: skip
    entry = {"sha256": "0", "planned": 1, "records_before": 0}
    declaration = results.declaration_of({"declaration": data, "sha256": "0", "history": [entry]})
    found = results.departures(declaration, Declared(Report(resamples=100)))
    assert {one.field: (one.declared, one.used) for one in found} == {
        "equivalence.margin": ("0.2", "0.1"),
        "families.ablation": ("bh", "holm"),
    }


@pytest.mark.parametrize("text", ["xx", "", "[1]", "[" * 100_000], ids=["no JSON", "empty", "a list", "nested"])
@pytest.mark.parametrize(("read", "name"), [(read_results, "results.json"), (read_check, "check.json")])
def test_a_damaged_file_is_refused_with_the_command_that_remakes_it(tmp_path, read, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=rf"{name} is damaged, .*: run `python -m suite (statistics|check)`"):
        read(tmp_path)


GATHERED = {
    "ablations.json": ['{"critics": 3}', '{"critics": {"question": 3}}', '{"critics": {"literature": "abc"}}',
                       '{"critics": {"factors": []}}', '{"critics": {"y": 1}}', '{"critics": {"outcomes": [1]}}'],
    "declaration.json": ["{}", '{"declaration": [], "history": {}, "sha256": "0"}',
                         '{"declaration": {"check": {}, "equivalence": {"margin": "x"}, "families": {}, "report": {}}, '
                         '"history": [{"sha256": "0", "planned": 1, "records_before": 0}], "sha256": "0"}',
                         '{"declaration": {"check": {}, "equivalence": {}, "families": {}, "report": {}}, '
                         '"history": [], "sha256": "0"}'],
}  # fmt: skip


@pytest.mark.parametrize("name, text", [(name, text) for name, texts in GATHERED.items() for text in ("[1]", *texts)])
def test_a_gathered_file_of_another_shape_is_refused_in_a_sentence(study, tmp_path, name, text):
    for file in study.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "results.json").unlink()
    (tmp_path / name).write_text(text)
    with pytest.raises(
        UsageError, match=rf"{name} is (damaged|not what this suite writes).*`python -m suite gather`"
    ) as error:
        results.main(tmp_path, **OPTIONS, declared=Declared(Report(resamples=100)))
    assert "\n" not in str(error.value) and not (tmp_path / "results.json").exists()


def test_a_question_of_before_outcomes_had_names_keeps_its_words():
    told = {"question": "?", "expected": "-", "literature": [], "factors": {"a": ["0", "1"]}}
    named = question_of(told | {"metric": "return of the last tenth of training"})
    assert named == question_of(told | {"outcomes": ["final_return"]}) and named.factors == {"a": ("0", "1")}
    assert question_of(told | {"metric": "by eye"}).outcomes == ("by eye",)

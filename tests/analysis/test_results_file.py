"""results.json and check.json: what is written is read again, and another schema is refused in one sentence."""

import json
from pathlib import Path

import pytest
from builders.made_up_study import ACCIDENTS, OPTIONS, write

from suite.analysis import results
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
    declaration = results.declaration_of({"declaration": data, "sha256": "0", "history": []})
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

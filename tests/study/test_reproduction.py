"""Released runs are trained again to the same numbers; a record of other numbers is noticed."""

from __future__ import annotations

import csv
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from builders.runs import ROOT, suite
from builders.written_study import written_study

from suite.errors import UsageError
from suite.lab import records
from suite.study import manifest, reproduction
from suite.study.plan import Plan
from suite.study.release import SUMS, release, sums
from suite.study.reproduction import Drawn, Reproduced, _held, draw, in_words, last_return, read_table, write

RELEASED = ROOT / "results" / "released"


def quiet(line: str) -> None:
    """What says nothing."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A released study of three runs, really trained."""
    folder = tmp_path_factory.mktemp("trained")
    plan = written_study(folder)
    for record in plan.runs:
        Path(record).unlink()
        Path(record).with_suffix(".npz").unlink()
    ended = suite("run", "--config", plan.path, "--in-turn", *plan.runs)
    assert ended.returncode == 0, ended.stderr
    manifest.write(plan)
    release(plan, folder / "released", quiet)
    return folder / "released"


@pytest.fixture
def made_up(tmp_path) -> Path:
    """A released study of three runs that nothing has trained, of a processor that nobody has."""
    plan = written_study(tmp_path)
    manifest.write(plan)
    release(plan, tmp_path / "released", quiet)
    return tmp_path / "released"


def changed(record: Path, **meta: object) -> None:
    """The record with other metadata and one return a little higher, as sound as before."""
    read = records.read(record)
    rows = read.rows.to_pylist()
    rows[0]["return"] += 1e-4
    records.write(record, replace(read.meta, **meta), rows)


def test_what_is_trained_again_has_the_same_numbers_and_another_record_is_noticed(trained, tmp_path):
    folder, table = shutil.copytree(trained, tmp_path / "released"), tmp_path / "out.csv"
    ended = suite("reproduce", folder, "--draw", 3, "--out", table)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.endswith("3 of 3 runs hold\n") and ended.stdout.count("SAME, every number") == 3
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row.outcome for row in read_table(table)] == ["SAME"] * 3
    assert {row["outcome"] for row in rows} == {"SAME"} and {row["seed"] for row in rows} == {"0", "1", "2"}
    assert all(row["then"] == row["now"] and float(row["low"]) < float(row["now"]) for row in rows)
    changed(next(folder.rglob("*.parquet")))
    (folder / SUMS).write_text(sums(folder))
    ended = suite("reproduce", folder, "--draw", 3)
    assert ended.returncode == 1 and ended.stdout.endswith("2 of 3 runs hold\n"), ended.stdout + ended.stderr


def test_the_seed_draws_and_no_run_is_drawn_twice(made_up):
    def paths(number: int, seed: int) -> list[str]:
        return [one.planned.record for one in draw([made_up], number, seed, quiet)]

    assert paths(3, 1) == paths(3, 1) and len({*paths(3, 1)}) == 3
    assert len({tuple(paths(3, seed)) for seed in range(20)}) == 6
    for number in (0, 4):
        with pytest.raises(UsageError, match=f"--draw is {number}, and 3 released runs can be trained again"):
            draw([made_up], number, 1, quiet)


def test_runs_that_failed_or_are_stale_are_not_drawn(made_up):
    first, second, _ = sorted(made_up.rglob("*.parquet"))
    changed(first, status="crashed")
    changed(second, numerics=None)
    assert len(draw([made_up], 1, 1, quiet)) == 1
    with pytest.raises(UsageError, match="1 released runs"):
        draw([made_up], 2, 1, quiet)


def test_what_a_config_accepts_as_stale_is_not_drawn(made_up):
    (config,) = made_up.glob("*.yaml")
    config.write_text(config.read_text() + "execution: {accept_stale: true}\n")
    first, *_ = sorted(made_up.rglob("*.parquet"))
    changed(first, numerics=None)
    assert len(draw([made_up], 2, 1, quiet)) == 2
    with pytest.raises(UsageError, match="and 2 released runs can be trained again"):
        draw([made_up], 3, 1, quiet)


def test_a_folder_named_twice_counts_once_and_two_of_one_study_are_refused(made_up, tmp_path):
    with pytest.raises(UsageError, match="and 3 released runs can be trained again"):
        draw([made_up, made_up / "." / ".." / made_up.name], 6, 1, quiet)
    copy = shutil.copytree(made_up, tmp_path / "copy")
    with pytest.raises(UsageError, match="several of these folders are of the study study"):
        draw([made_up, copy], 1, 1, quiet)


def test_a_run_that_leaves_no_record_does_not_hold_and_says_what_ended_it(made_up, tmp_path, monkeypatch):
    ended = subprocess.CompletedProcess([], 2, "", "much\nerror: no room is left\n")
    monkeypatch.setattr(reproduction, "subprocess", SimpleNamespace(run=lambda *_, **__: ended))
    lines: list[str] = []
    (row,) = reproduction.reproduce(draw([made_up], 1, 1, quiet), tmp_path, 1, lines.append)
    assert (row.outcome, row.holds, row.now) == ("NO RECORD", False, None)
    (line,) = lines
    assert line.endswith(": NO RECORD (error: no room is left)")


def test_nothing_is_tracked_of_what_is_trained_again(made_up, tmp_path, monkeypatch):
    (config,) = made_up.glob("*.yaml")
    config.write_text(config.read_text() + "tracking: wandb-offline\n")
    ended = subprocess.CompletedProcess([], 1, "", "")
    monkeypatch.setattr(reproduction, "subprocess", SimpleNamespace(run=lambda *_, **__: ended))
    reproduction.reproduce(draw([made_up], 1, 1, quiet), tmp_path, 1, quiet)
    (asked,) = tmp_path.glob("study-*.yaml")
    assert Plan(asked).config.tracking == "off" and Plan(asked).config.results == str(tmp_path / "present" / "study")


def drawn(folder: Path) -> Drawn:
    (one,) = draw([folder], 1, 1, quiet)
    return one


@pytest.mark.parametrize(
    ("device", "shift", "outcome", "holds"),
    [
        ("cpu", 0.0, "SAME", True),
        ("cpu", 1.0, "WITHIN", False),
        ("another", 1.0, "WITHIN", True),
        ("another", 1e4, "OTHER", False),
    ],
)
def test_other_numbers_hold_within_the_interval_of_their_cell_on_another_processor(
    made_up, device, shift, outcome, holds
):
    run = drawn(made_up)
    then = run.then
    rows = [
        row | ({"return": row["return"] + shift} if row["return"] is not None else {}) for row in then.rows.to_pylist()
    ]
    now = records.Record(replace(then.meta, device=device), records._table(rows))
    row = _held(run, now, "present", "")
    assert (row.outcome, row.holds) == (outcome, holds)
    assert row.now == pytest.approx(row.then + shift) and row.low < row.then < row.high
    assert f": {outcome}," in in_words(row)
    if shift:
        assert f" {row.then:,.6g} in its record and {row.now:,.6g} now" in in_words(row)


def test_a_cell_of_one_run_has_no_interval(made_up):
    run = drawn(made_up)
    row = _held(run._replace(returned=run.returned[:1]), run.then, "present", "")
    assert (row.outcome, row.low, row.high) == ("SAME", None, None)
    later = records.Record(replace(run.then.meta, params_digest="else"), run.then.rows)
    assert _held(run._replace(returned=run.returned[:1]), later, "present", "").outcome == "OTHER"


def test_the_last_return_is_of_the_last_evaluation_by_the_actions_that_the_schedule_evaluates(made_up):
    record = records.read(next(made_up.rglob("*.parquet")))
    last = [row["return"] for row in record.rows.to_pylist() if row["env_step"] == 400 and row["kind"] == "mean"]
    assert last_return(record) == pytest.approx(sum(last) / 2)
    assert Reproduced._fields[:3] == ("study", "task", "implementation")


def test_the_table_is_read_as_it_was_written_and_another_is_refused(made_up, tmp_path):
    run, path = drawn(made_up), tmp_path / "table.csv"
    rows = [_held(run, run.then, "present", "aa"), _held(run._replace(returned=run.returned[:1]), None, "own", "")]
    assert read_table(path) == []
    write(rows, path)
    assert read_table(path) == rows
    text = path.read_text()
    for damaged in (
        "",
        "a,b\n1,2\n",
        text.replace(",400,", ",many,"),
        text.replace(",own,", ",their,"),
        text[: len(text) - 20],
    ):
        path.write_bytes(damaged if isinstance(damaged, bytes) else damaged.encode())
        with pytest.raises(UsageError, match="is no table of python -m suite reproduce"):
            read_table(path)


def test_the_committed_table_is_of_released_records():
    rows = read_table(RELEASED / "reproduced.csv")
    assert rows and {row.sources for row in rows} == {"present", "own"}
    for row in rows:
        name = f"s{row.seed}-{row.env_steps}.parquet"
        record = records.read(RELEASED / row.study / "runs" / row.task / row.implementation / row.run_id / name)
        assert (last_return(record), record.meta.device) == (row.then, row.made_on)
        assert row.holds and (row.outcome == "SAME") == (row.now == row.then)

"""The benchmark of what comes after training: that its study is one, and that it calls what the Snakefile does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from builders.runs import ROOT
from click.testing import CliRunner

from suite.bench import made_up, pipeline
from suite.bench.watching import Watched, watched
from suite.cli import main
from suite.study.gather import outcomes
from suite.study.plan import Plan

TINY = made_up.Shape(tasks=1, seeds=2, checkpoints=5)


def test_the_made_up_study_is_one_of_twelve_variants_whose_runs_have_all_finished(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = made_up.write_study(Path(), TINY)
    assert len(plan.cells) == 12 and len({cell.variant for cell in plan.cells}) == 12 and len(plan.runs) == 24
    runs = outcomes(plan)
    assert {(one.status, one.stale) for one in runs} == {("finished", "")}
    assert {one.record.episodes.num_rows for one in runs} == {TINY.checkpoints * made_up.EPISODES}
    more = made_up.add_run(Path(), TINY)
    (added,) = set(more.runs) - set(plan.runs)
    assert {one.status for one in outcomes(more)} == {"finished"} and more.runs[added].seed == TINY.seeds


def test_a_command_is_watched_to_its_end():
    code = "import sys, time; b = bytearray(50_000_000); time.sleep(0.2); print('done'); sys.exit(3)"
    done = watched("slow", ["python3", "-c", code], {}, codes=(0, 3))
    assert done.answer == "done\n" and done.wall_s >= 0.2 and done.processor_s > 0 and done.peak_mb > 40
    with pytest.raises(RuntimeError, match="slow has failed:\nno"):
        watched("slow", ["python3", "-c", "import sys; sys.exit('no')"], {})


@pytest.fixture
def calls(monkeypatch) -> list[list[str]]:
    """The commands that are measured, none of them run: what Snakemake starts from must be there, and nothing else."""
    commands = []

    def measured(name, command, environment, folder, codes):
        commands.append(list(command[2:]))
        if command[2] == "snakemake":
            assert not (folder / "reports").exists() and not (folder / "results/studies").exists()
        elif command[3] == "gather":
            (folder / "results/studies").mkdir(exist_ok=True)
            (folder / "reports").mkdir(exist_ok=True)
            commands.append([f"{len(Plan(folder / made_up.CONFIG).runs)} runs"])
        return Watched("first\n42 figures drawn\n", 2.0, 3.0, 100.0)

    monkeypatch.setattr(pipeline, "watched", measured)
    return commands


def test_every_step_is_measured_twice_and_once_by_snakemake(calls):
    result = pipeline.run(TINY, workers=3)
    steps = [call for call in calls if call[0] == "suite"]
    assert [call[1] for call in steps] == [*pipeline.STEPS] * 2
    assert [call for call in calls if call[0].endswith("runs")] == [["24 runs"], ["25 runs"]]
    assert calls[-1][0] == "snakemake" and calls[-1][-2:] == ["--cores", "3"]
    assert {tuple(call[4:]) for call in steps} == {(), ("--workers", "3")}
    assert result.cells == 12 and result.runs == 24 and list(result.whole) == list(pipeline.STEPS)
    text = pipeline.render(result)
    assert re.search(r"together +10\.0 +15\.0 +10\.0 +15\.0", text) and "then 42 figures drawn" in text


def test_the_steps_are_those_of_the_snakefile():
    text = (ROOT / "Snakefile").read_text()
    called = re.findall(r"\{SUITE\} (\w+) \{CONFIG\}(.*--workers)?", text)
    after = [(name, bool(workers)) for name, workers in called if name not in ("manifest", "run")]
    assert after == [(name, name in pipeline.PARALLEL) for name in pipeline.STEPS]


def test_the_command_writes_every_number(calls, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline.run, "__defaults__", (TINY,))
    done = CliRunner().invoke(main, ["bench", "--pipeline", "--output", str(tmp_path / "new/bench.json")])
    assert done.exit_code == 0, done.output
    written = json.loads((tmp_path / "new/bench.json").read_text())
    assert written["whole"]["figures"]["seconds"] == 2.0 and written["limit_s"] == 60


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--pipeline", "--statistics"], "are two benchmarks"),
        (["--pipeline", "torch"], "--pipeline measures no engine"),
        (["--pipeline", "--blocks", "1"], "--pipeline measures no engine"),
    ],
)
def test_what_means_nothing_is_refused(options, sentence, tmp_path):
    done = CliRunner().invoke(main, ["bench", *options, "--output", str(tmp_path / "new/bench.json")])
    assert done.exit_code == 2 and sentence in done.output and not (tmp_path / "new").exists()

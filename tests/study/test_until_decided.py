"""A sweep that trains further seeds only where the check is open; what trains and judges is put in its place."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from builders.check_study import check_row

from suite.analysis.check_rows import CheckFile, CheckLook
from suite.cli import sweep
from suite.study.plan import Plan

STUDY = """
sweeps:
  - tasks: [Pendulum-v1, HalfCheetah-v5]
    env_steps: 10_000
    evaluate: {every: 1_000, episodes: 2}
    seeds: [7, 1, 5, 2, 4, 9, 3]
    implementations: [torch]
    presets: [sac_v2]
    ablations: [critics]
check: {gate: all, looks: [2, 3, 6]}
"""


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """The seeds trained at each look by task and variant, where HalfCheetah stays open until the third."""
    (tmp_path / "study.yaml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    plan, asked, commands = Plan("study.yaml"), [], []

    def train(plan, cores, arguments, children, targets):
        asked.append([(run.cell.task, run.cell.variant, run.seed) for run in map(plan.runs.get, targets)])
        return 0

    def judged(*_):
        rows = []
        for cell in {run.cell.key: run.cell for run in plan.runs.values()}.values():
            if cell.variant == "sac_v2":
                is_open = cell.task == "HalfCheetah-v5" and len(asked) < 3
                verdict = "INCONCLUSIVE" if is_open else "PASS"
                look = CheckLook((2, 3, 6)[len(asked) - 1], 0, 1.0, 0.5, 0.5, verdict, False)
                key = dict(zip(("task", "implementation", "run_id"), cell.key, strict=True))
                rows.append(check_row(**key, verdict=verdict, looks=(look,), looks_planned=(2, 3, 6)))
        return CheckFile(tuple(rows), ())

    def ran(command):
        commands.append(command[3])
        return 4 if command[3] == "nothing" else 0

    monkeypatch.setattr(sweep, "sweep", train)
    monkeypatch.setattr(sweep.gather, "main", lambda *_, **__: None)
    monkeypatch.setattr(sweep.check, "main", judged)
    assert sweep.until_decided(plan, 2, (), SimpleNamespace(run=ran)) == 0
    return asked, commands


def test_every_cell_gets_the_first_look_and_then_only_what_is_open(trained):
    asked, commands = trained
    cells = [("Pendulum-v1", "sac_v2"), ("Pendulum-v1", "critics/single"), ("HalfCheetah-v5", "sac_v2"),
             ("HalfCheetah-v5", "critics/single")]  # fmt: skip
    assert sorted(asked[0]) == sorted((*cell, seed) for cell in cells for seed in (7, 1))
    assert sorted(asked[1]) == sorted(("HalfCheetah-v5", "sac_v2", seed) for seed in (7, 1, 5))
    assert [seed for *_, seed in asked[2]] == [7, 1, 5, 2, 4, 9] and len(asked) == 3
    assert commands == ["gather", "check", "statistics", "figures", "report"]


@pytest.mark.parametrize("printing", ["-n", "--dry-run", "--summary"])
def test_what_only_prints_is_asked_once_of_the_whole_plan_and_makes_nothing(tmp_path, monkeypatch, printing):
    (tmp_path / "study.yaml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    plan, asked = Plan("study.yaml"), []
    monkeypatch.setattr(sweep, "sweep", lambda *options: asked.append(options) or 3)
    children = SimpleNamespace(run=lambda command: pytest.fail(f"ran {command}"))
    assert sweep.until_decided(plan, 2, (printing,), children) == 3
    assert asked == [(plan, 2, (printing,), children)]
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]

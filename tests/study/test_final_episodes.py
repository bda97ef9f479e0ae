"""Final episodes from config to score: asked for, gathered apart, used where every compared run has some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from builders.made_up_study import RANDOM_POLICY, SCALES

import implementations
from suite.analysis import results
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results
from suite.errors import UsageError
from suite.lab import training
from suite.lab.loop import Place
from suite.lab.records import read
from suite.specimens import proofs
from suite.study import gather as gathering
from suite.study.config import Report
from suite.study.declaration import changes
from suite.study.plan import Plan

SWEEP = {
    **{"tasks": ["Pendulum-v1"], "env_steps": 200, "evaluate": {"every": 100, "episodes": 2, "final_episodes": 6}},
    **{"seeds": 3, "implementations": ["torch"], "presets": ["sac_v2_small"]},
}


def plan_of(folder: Path, name: str = "study", sweeps=(SWEEP,)) -> Plan:
    data = {"sweeps": list(sweeps), "results": str(folder / "results"), "reports": str(folder / "reports")}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(data))
    return Plan(folder / f"{name}.yaml")


def without(sweep: dict) -> dict:
    return sweep | {"evaluate": {"every": 100, "episodes": 2}}


def trained(plan: Plan) -> None:
    """The plan's runs that have no record yet."""
    for run in plan.runs.values():
        if not Path(run.record).exists():
            job = run.cell.job((run.seed,), plan.study, plan.declaration_id)
            place = Place(Path(run.record), plan.work(run.cell, run.seed))

            def made(job):
                return proofs.present(job.implementation, job.spec, job.schedule, job.task)

            training.train(implementations.load("torch"), job, [place], made, say=lambda line: None)


def found(plan: Plan):
    gathering.main(plan, lambda line: None)
    options = {"random_policy": RANDOM_POLICY, "anchors": SCALES, "second_anchors": SCALES}
    results.main(plan.study_dir, **options, declared=Declared(Report(resamples=100)))
    return read_results(plan.study_dir)


def test_scores_are_of_final_episodes_where_every_run_has_some(tmp_path):
    plan = plan_of(tmp_path)
    trained(plan)
    (cell,) = found(plan).cells
    records = [read(Path(path)) for path in plan.runs]
    assert cell.scores == pytest.approx([record.final_returns.mean() for record in records])
    errors = [record.final_returns.var(ddof=1) / 6 for record in records]
    assert cell.variance.evaluation == pytest.approx(np.mean(errors))
    assert found(plan).settings.final_episodes == {"Pendulum-v1": (True, 3, 6)}
    gathered = gathering.gather(plan, lambda line: None)
    assert set(gathered["evaluations"]["kind"]) == {"mean"} and len(gathered["evaluations"]) == 3 * 2 * 2
    assert gathered["runs"]["final_episodes"].tolist() == [6, 6, 6]

    added = plan_of(tmp_path, sweeps=[without(SWEEP) | {"seeds": 4}])  # the records of before stay what they are
    trained(added)
    (mixed,) = found(added).cells
    assert mixed.n_finished == 4 and found(added).settings.final_episodes == {"Pendulum-v1": (False, 3, 6)}
    last = [record.episodes.to_pandas().query("env_step == 200")["return"].mean() for record in records]
    assert mixed.scores[:3] == pytest.approx(last)


def test_they_are_declared_and_no_part_of_a_runs_identity(tmp_path):
    plain, more = plan_of(tmp_path, "plain", [without(SWEEP)]), plan_of(tmp_path, "more")
    assert list(plain.runs) == list(more.runs)
    (change,) = changes(plain.declaration, more.declaration)
    assert (change.field, change.before, change.after, change.runs) == (("study", "final_episodes"), None, 6, 0)
    assert "final_episodes" not in str(plain.declaration)


@pytest.mark.parametrize("final, said", [(2, "is no more than evaluate.episodes 2"), (0, "greater than 0")])
def test_fewer_than_usual_are_refused(tmp_path, final, said):
    few = SWEEP | {"evaluate": {"every": 100, "episodes": 2, "final_episodes": final}}
    with pytest.raises(UsageError, match="final_episodes") as refused:
        plan_of(tmp_path, sweeps=[few])
    assert said.replace("is no more", "which is no more") in str(refused.value)


def test_two_sweeps_that_ask_for_different_ones_of_a_run_are_refused(tmp_path):
    other = without(SWEEP) | {"presets": [], "ablations": ["critics"], "baseline": "sac_v2_small"}
    with pytest.raises(UsageError, match="final episodes"):
        plan_of(tmp_path, sweeps=[SWEEP, other])

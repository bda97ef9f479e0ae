"""A study of three finished runs whose records were written and not trained: for what comes after training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from suite.lab import records
from suite.lab.records import Attempt, Evaluations, Recorder, RunEnd
from suite.sac import numerics
from suite.sac.contract import Origin
from suite.specimens import proofs
from suite.study.plan import Plan

SWEEP = {
    **{"tasks": ["Pendulum-v1"], "env_steps": 400, "evaluate": {"every": 100, "episodes": 2}, "seeds": [0, 1, 2]},
    **{"implementations": ["torch"], "presets": ["sac_v2_small"]},
}


def written_study(folder: Path) -> Plan:
    """Writes its config and records into the folder."""
    data = {"sweeps": [SWEEP], "report": {"resamples": 200}, "results": str(folder / "results")}
    (folder / "study.yaml").write_text(yaml.safe_dump(data | {"reports": str(folder / "reports")}))
    plan = Plan(folder / "study.yaml")
    for path, run in plan.runs.items():
        cell, rng = run.cell, np.random.default_rng(run.seed)
        made = proofs.present(cell.implementation, cell.spec, cell.schedule, cell.task)
        about = records.Provenance(
            task=cell.task, implementation=cell.implementation, run_id=cell.run_id, seed=run.seed, spec=cell.spec,
            env_steps=cell.env_steps, schedule=cell.schedule, evaluation=Evaluations(100, 2), block=(run.seed,),
            kind_of_return="deterministic", origin=Origin("study", "sac_v2_small"), numerics=made, device="cpu",
            code_id=numerics.fingerprint(made), versions={"numpy": "2"}, platform="Linux",
        )  # fmt: skip
        recorder = Recorder(Path(path), about)
        for step in range(100, 401, 100):
            for n in range(2):
                recorder.episode(step, "mean", n, float(rng.normal(-200, 9)), 200)
            recorder.diagnostic(step, {name: float(rng.normal()) for name in records.DIAGNOSTICS})
        end = RunEnd(status="finished", last_env_step=400, stopped_at=None, message="", updates=9, wall_time_s=1.0,
                     attempts=(Attempt(0, "then", "cpu"),), ended="now")  # fmt: skip
        recorder.finish(end, {"actor": rng.normal(size=(8, 8)), "critic": rng.normal(size=50)})
    return plan

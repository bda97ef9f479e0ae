"""A made-up study of sensitivity: the tables that a plan would be gathered to, the returns being what is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pandas as pd

from suite.analysis.ablations import Question
from suite.sac import identity
from suite.study import manifest
from suite.study.plan import Plan

Score = Callable[[str, str, str], float]
"""From task, ablation and arm to the return per episode that its runs are spread around."""


def write(plan: Plan, score: Score, sd: float = 5.0, without: tuple[str, str, int] | None = None) -> None:
    """Writes the study's tables; without: the task, arm and seed of runs that are missing."""
    rng = np.random.default_rng(0)
    planned = manifest.table(plan)
    runs, episodes = [], []
    for run in plan.runs.values():
        cell, missing = run.cell, without == (run.cell.task, run.cell.label.arm, run.seed)
        place = {"task": cell.task, "implementation": cell.implementation, "run_id": cell.run_id,
                 "variant": cell.variant, "seed": run.seed}  # fmt: skip
        mean = score(cell.task, cell.label.ablation, cell.label.arm) + rng.normal(0, sd)
        if not missing:
            episodes += [
                {**place, "env_step": step, "kind": "mean", "episode": n, "return": mean + off, "length": 200}
                for step in range(cell.evaluate_every, cell.env_steps + 1, cell.evaluate_every)
                for n, off in enumerate((-0.5, 0.5))
            ]
        runs.append({
            **place, "env_steps": cell.env_steps, "status": "missing" if missing else "finished", "stale": False,
            "last_env_step": None if missing else cell.env_steps, "stopped_at": None, "message": "",
            "wall_time_s": 1.0, "code_id": "c0de", "updates": 1, "env_steps_per_s": 500.0, "device": "cpu",
            "versions": "{}", "spec": json.dumps(identity.to_plain(cell.spec)),
            "schedule": json.dumps(identity.to_plain(cell.schedule)), "evaluate_every": cell.evaluate_every,
            "evaluation_episodes": 2, "path": run.record,
        })  # fmt: skip
    plan.study_dir.mkdir(parents=True)
    diagnostics = pd.DataFrame(episodes)[["task", "implementation", "run_id", "variant", "seed", "env_step"]]
    tables = {"manifest": planned, "runs": pd.DataFrame(runs), "evaluations": pd.DataFrame(episodes),
              "diagnostics": diagnostics.drop_duplicates().assign(q_bias=0.0)}  # fmt: skip
    for name, table in tables.items():
        table.to_parquet(plan.study_dir / f"{name}.parquet", index=False)
    asked = [field.name for field in fields(Question) if field.name != "meaningless"]
    questions = {name: {key: getattr(one, key) for key in asked} for name, one in plan.ablations.items()}
    (plan.study_dir / "ablations.json").write_text(json.dumps(questions))

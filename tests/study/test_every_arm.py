"""A tiny budget of every arm of every question, by Snakemake, in both engines; `make test` takes a sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest
import yaml
from builders.runs import suite

from suite.lab import records
from suite.study.plan import Plan

SMALL = {"sac_v2": "sac_v2_small", "sac_v1": "sac_v1_small"}
PATIENT = ("warmup",)
"""Questions of which an arm learns nothing in 2,000 steps; all arms of a question have the budget of its baseline."""
SAMPLED = 24
"""`make test` trains each (question, arm, engine) whose CRC-32 this divides: one in so many, chosen by name alone."""


def sampled(question: str, arm: str, engine: str) -> bool:
    return crc32(f"{question}/{arm} {engine}".encode()) % SAMPLED == 0


def everything(question: str, arm: str, engine: str) -> bool:
    return True


def studies(folder: Path, chosen: Callable[[str, str, str], bool]) -> dict[str, Plan]:
    """The chosen arms beside their baselines by file: a study a budget, since a cell has one in a study."""
    block = {"tasks": ["Pendulum-v1"], "seeds": 1, "baseline": SMALL, "evaluate": {"every": 400, "episodes": 1}}
    path = folder / "all.yaml"
    path.write_text(
        yaml.safe_dump({"sweeps": [block | {"env_steps": 400, "implementations": ["torch"], "ablations": ["all"]}]})
    )
    arms: dict[int, dict[str, dict[str, list[str]]]] = {}
    for asked in Plan(path).labels.values():
        question, arm = asked.label.ablation, asked.label.arm
        for engine in ("jax", "torch"):
            if not asked.label.baseline and chosen(question, arm, engine):
                steps = 10_400 if question in PATIENT else 2_400
                arms.setdefault(steps, {}).setdefault(engine, {}).setdefault(question, []).append(arm)
    plans = {}
    for steps, engines in arms.items():
        sweeps = [
            block | {"implementations": [engine], "env_steps": steps, "ablations": list(some), "arms": some}
            for engine, some in engines.items()
        ]
        file = f"steps_{steps}.yaml"
        (folder / file).write_text(yaml.safe_dump({"sweeps": sweeps}))
        plans[file] = Plan(folder / file)
    return plans


def trained(folder: Path, chosen: Callable[[str, str, str], bool], until: str) -> int:
    """How many chosen arms there are, once Snakemake has trained and tabulated them; each learned from its updates."""
    plans = studies(folder, chosen)
    for file, plan in plans.items():
        turns = "--config", f"runs_per_job={max(1, len(plan.runs) // 8)}", "--until", until
        done = suite("sweep", "--config", file, "--cores", 2, "--", *turns, cwd=folder, timeout=3600)
        assert done.returncode == 0, done.stderr[-3000:]
        made = {path: records.read_meta(folder / path) for path in plan.runs}
        assert {path for path, meta in made.items() if meta.status != "finished" or not meta.updates} == set()
    return sum(not asked.label.baseline for plan in plans.values() for asked in plan.labels.values())


def test_a_sample_of_all_arms_goes_through_the_pipeline(tmp_path):
    assert trained(tmp_path, sampled, "statistics") >= 5


@pytest.mark.slow
def test_every_arm_of_every_question_goes_through_the_pipeline_in_both_engines(tmp_path):
    assert trained(tmp_path, everything, "report") >= 170

"""Studies and references made up for the regression check."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from suite.analysis.check_rows import CheckRow, PublishedSummary, SampleSummary
from suite.gate.settings import settings_of_preset
from suite.gate.window_means import StudyTables
from suite.published.anchors import Anchor
from suite.published.references import Reference, Summary
from suite.sac.identity import to_plain
from suite.statistics import two_samples as compare

RANDOM = {"HalfCheetah-v5": Anchor(-280.0, 70.0, 100, {}), "Pendulum-v1": Anchor(-1200.0, 260.0, 100, {})}


EVERY = {"HalfCheetah-v5": 5000, "Pendulum-v1": 1000}


BUDGET = {"HalfCheetah-v5": 100_000, "Pendulum-v1": 10_000}


def reference(values=None, *, source="made_up", environment="HalfCheetah-v2", presets=None, summaries=None, **fields):
    """A published variant: the value of each run by step, or summaries alone."""
    values = values or {}
    cited = {
        **{"repository": "someone/something", "commit": "0123456789abcdef0123456789abcdef01234567"},
        **{"place": "results.csv", "licence": "MIT", "code_base": "something", "environment_version": "gym 0.18"},
        **{"step_axis": "true environment steps", "kind_of_return": "deterministic", "statistic": "window_mean"},
        **{"episodes_per_evaluation": 10, "evaluate_every": 5000, "derivation": "none", "not_compared": "nothing"},
        **{"caveat": "made up", "variant": "sac", "advisory": ()},
    }
    of_runs = {at: Summary(*compare.summary(runs), None, "sd_ddof1") for at, runs in values.items()}
    tasks = ("Pendulum-v1",) if environment.startswith("Pendulum") else ("HalfCheetah-v4", "HalfCheetah-v5")
    return Reference(
        source=source, environment=environment, presets={"sac_v2": {}} if presets is None else presets, tasks=tasks,
        values=values, summaries=summaries or of_runs, **cited | fields,
    )  # fmt: skip


# At 50k the mean is 2877 (SD 457), so that a tenth of it above the random policy is 316.
CHEETAH = reference({50_000: (2418.0, 3332.0, 2881.0), 100_000: (5020.0, 5420.0, 5140.0)}, source="cheetah")


V1 = reference({50_000: (2500.0, 2700.0, 2600.0)}, source="first_paper", presets={"sac_v1": {}})


HALF = reference(
    {50_000: (3900.0, 4100.0, 3700.0, 3950.0)}, source="half", presets={"sac_v2": {"temperature.entropy_per_dim": -0.5}}
)


PENDULUM = reference(
    {5_000: (-186.0, -211.0, -211.0, -210.0, -724.0), 10_000: (-173.0, -249.0, -195.0, -195.0, -197.0),
     20_000: (-167.0, -192.0, -193.0, -194.0, -193.0)},
    source="pendulum", environment="Pendulum-v1",
)  # fmt: skip


REFERENCES = (CHEETAH, V1, HALF, PENDULUM)


def study(per_seed, *, preset="sac_v2", task="HalfCheetah-v5", accidents=None, changes=None, cell=None):
    """The two tables of a study of one cell whose seeds return the values given, whatever the step.

    accidents: seed -> fields of its row in `runs` that replace those of a finished run.
    """
    spec, schedule = (json.dumps(to_plain(part)) for part in settings_of_preset(preset, task, changes or {}))
    cell = {"task": task, "implementation": "torch", "run_id": "0123456789", "variant": "sac_v2"} | (cell or {})
    runs, episodes = [], []
    for seed, value in enumerate(per_seed):
        row = {
            **cell,
            **{"seed": seed, "env_steps": BUDGET[task], "status": "finished", "stale": False, "message": ""},
            **{"last_env_step": BUDGET[task], "stopped_at": None, "evaluate_every": EVERY[task]},
            **{"evaluation_episodes": 2, "spec": spec, "schedule": schedule},
            **{"code_id": "c0de", "versions": '{"numpy": "2.4.6"}'},
            **(accidents or {}).get(seed, {}),
        }
        runs.append(row)
        if row["status"] != "missing":
            steps = np.arange(EVERY[task], (row["stopped_at"] or row["env_steps"]) + 1, EVERY[task])
            episodes += [
                {**cell, "seed": seed, "env_step": step, "kind": kind, "episode": i, "return": value + shift + wrong}
                for step in steps
                for i, shift in enumerate((-50.0, 50.0))
                for kind, wrong in (("sample", -1e6), ("mean", 0.0))
            ]
    frame = pd.DataFrame(runs)
    frame["stopped_at"] = frame["stopped_at"].astype("Int64")
    columns = [*cell, "seed", "env_step", "kind", "episode", "return"]
    return StudyTables(frame, pd.DataFrame(episodes, columns=columns))


def check_row(**fields) -> CheckRow:
    """A gated row that FAILs, but for the fields given."""
    cell = {"task": "Pendulum-v1", "implementation": "torch", "variant": "sac_v2", "run_id": "0123456789"}
    row = {
        **cell,
        **{"reference": "pendulum/sac/Pendulum-v1", "citation": "made up", "caveat": "made up", "env_step": 10_000},
        **{"ours": SampleSummary(-400.0, 10.0, 5, 5, 0, 0, 5, (-400.0,) * 5), "basis": "mean and spread"},
        **{"published": PublishedSummary(-200.0, 10.0, 5, ()), "random_policy": -1200.0, "verdict": "FAIL"},
        **{"difference": -200.0, "low": -210.0, "high": -190.0, "df": 8.0, "n_needed": None, "held_back": None},
        **{"inside": None, "p": 0.5, "p_fail": 0.001, "equivalence": None, "margin": 100.0, "confidence": 0.9},
        **{"role": "primary", "advice": (), "differs": (), "curve": None, "p_adjusted": None},
        **{"p_fail_adjusted": None, "family": None, "family_size": None, "sentence": ""},
    }
    return CheckRow(**row | fields)


def together(*studies):
    """One study of several cells."""
    return StudyTables(*(pd.concat(tables, ignore_index=True) for tables in zip(*studies, strict=True)))


def pendulum(per_seed, **options):
    return study(per_seed, task="Pendulum-v1", **options)


GOOD = [-190.0, -200.0, -195.0, -188.0, -205.0]


BROKEN = [value - 250 for value in GOOD]


def written(folder: Path, tables: StudyTables) -> Path:
    """The gathered study of these tables, all of whose cells are presets."""
    manifest = tables.runs[["task", "implementation", "run_id", "seed", "env_steps", "evaluate_every", "variant"]]
    manifest = manifest.rename(columns={"variant": "label"}).assign(
        preset="sac_v2", ablation="", arm="", baseline=False, levels="{}"
    )
    for name, table in {**tables._asdict(), "manifest": manifest}.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return folder

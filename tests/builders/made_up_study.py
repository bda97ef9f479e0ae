"""A made-up study as its tables lie in a folder: two tasks, two presets, three ablations, every kind of accident."""

from __future__ import annotations

import json
from dataclasses import fields
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from suite.analysis import check_rows
from suite.analysis.check_rows import CheckAgreement, CheckFile, CheckRow, PublishedSummary, SampleSummary
from suite.analysis.results_file import write_check
from suite.gate.families import with_families
from suite.published.anchors import Scale
from suite.statistics import equivalence, two_samples

RANDOM_POLICY = {"HalfCheetah-v5": -280.0, "Pendulum-v1": -1220.0}


SCALES = {
    task: Scale(random, 100, reference, "made up", "nowhere", "", {})
    for task, random, reference in (("HalfCheetah-v5", -280.0, 6000.0), ("Pendulum-v1", -1220.0, -160.0))
}


OPTIONS = {"random_policy": RANDOM_POLICY, "anchors": SCALES, "second_anchors": SCALES}


FACTORS = {"alpha": ["fixed", "learned"], "critics": ["single", "twin"], "value_net": ["without", "with"]}


BASELINE = {"alpha": "learned", "critics": "twin", "value_net": "without"}


SPAN = {"HalfCheetah-v5": (-280.0, 6000.0), "Pendulum-v1": (-1220.0, -160.0)}


BUDGET, EVERY, EPISODES = 50_000, 2_500, 10


def spec(levels: dict) -> dict:
    learned = {"kind": "LearnedAlpha", "init": 1.0, "lr": 3e-4}
    return {
        "temperature": learned if levels["alpha"] == "learned" else {"kind": "FixedAlpha", "value": 0.2},
        "critics": 1 + (levels["critics"] == "twin"),
        "value_net": None if levels["value_net"] == "without" else {"kind": "ValueNet", "loss_scale": 0.5, "lr": 3e-4},
        "hidden": [256, 256],
    }


def plan() -> list[dict]:
    """One dict per label: preset, ablation, arm, levels, baseline, label, variant and the effect of its levels."""
    v1 = {"alpha": "fixed", "critics": "twin", "value_net": "with"}
    rows = [
        {"preset": "sac_v2", "ablation": "", "arm": "", "of": BASELINE, "levels": {}, "label": "sac_v2"},
        {"preset": "sac_v1", "ablation": "", "arm": "", "of": v1, "levels": {}, "label": "sac_v1"},
    ]
    for ablation, names in {"temperature": ["alpha"], "critics": ["critics"], "factorial": list(FACTORS)}.items():
        for levels in product(*(FACTORS[name] for name in names)):
            chosen = dict(zip(names, levels, strict=True))
            arm = "+".join(levels) if len(names) == 1 else "+".join(f"{n}-{v}" for n, v in chosen.items())
            rows.append({"preset": "sac_v2", "ablation": ablation, "arm": arm, "of": BASELINE | chosen,
                         "levels": chosen, "label": f"{ablation}/{arm}"})  # fmt: skip
    for row in rows:
        row["key"] = "|".join(row["of"].values()) if row["label"] != "sac_v1" else "sac_v1"
        row["baseline"] = bool(row["ablation"]) and row["of"] == BASELINE
    return rows


def write(
    folder: Path, *, seeds: int = 5, accidents=None, tasks=tuple(SPAN), implementations=("torch",), outcomes=()
) -> None:
    """Write the study; accidents: (task, variant, seed) -> (status, environment step it stopped at, or None).

    outcomes: what its questions are measured by besides the final return.
    """
    rng = np.random.default_rng(0)
    accidents = accidents or {}
    rows = plan()
    manifest, runs, episodes, diagnostics = [], [], [], []
    variants = {}
    for row in rows:
        variants.setdefault(row["key"], row)
    ids = {key: f"{i:010x}" for i, key in enumerate(variants)}
    for task, engine in product(tasks, implementations):
        for row, seed in product(rows, range(seeds)):
            manifest.append({
                "task": task, "implementation": engine, "preset": row["preset"], "ablation": row["ablation"],
                "arm": row["arm"], "levels": json.dumps(row["levels"]), "baseline": row["baseline"],
                "label": row["label"], "run_id": ids[row["key"]], "seed": seed, "env_steps": BUDGET,
                "path": f"results/runs/{task}/{engine}/{ids[row['key']]}/s{seed}-{BUDGET}.parquet",
            })  # fmt: skip
        for (key, row), seed in product(variants.items(), range(seeds)):
            variant = row["label"]
            status, stopped = accidents.get((task, variant, seed), ("finished", None))
            identity = {"task": task, "implementation": engine, "run_id": ids[key], "variant": variant, "seed": seed}
            steps = [s for s in range(EVERY, BUDGET + 1, EVERY) if status != "missing" and (stopped or BUDGET) >= s]
            low, high = SPAN[task]
            quality = 0.55 + 0.2 * (row["of"]["alpha"] == "learned") + 0.25 * (row["of"]["critics"] == "twin")
            rate = rng.uniform(8_000, 16_000)
            quality += rng.normal(0, 0.05)
            for step in steps:
                level = low + (high - low) * quality * (1 - np.exp(-step / rate))
                returns = level + rng.normal(0, 0.04 * (high - low), EPISODES)
                episodes += [
                    {**identity, "env_step": step, "kind": "mean", "episode": i, "return": float(r), "length": 1000}
                    for i, r in enumerate(returns)
                ]
                diagnostics.append({**identity, "env_step": step, "q_bias": 10 * rng.normal(), "entropy": -3.0,
                                    "alpha": 0.2, "critic_loss": np.nan})  # fmt: skip
            stale = status == "stale"
            runs.append({
                **identity, "env_steps": BUDGET, "status": "finished" if stale else status, "stale": stale,
                "last_env_step": steps[-1] if steps else None, "stopped_at": stopped if status != "missing" else None,
                "message": {"diverged": "the critic's loss is NaN", "missing": ""}.get(status, ""),
                "wall_time_s": None if status == "missing" else 100.0 + seed, "code_id": "old" if stale else "c0de",
                "updates": BUDGET, "env_steps_per_s": 500.0, "device": "cpu", "versions": '{"torch": "2.13.0"}',
                "spec": json.dumps(spec(row["of"])), "schedule": json.dumps({"warmup_steps": 1000}),
                "evaluate_every": EVERY, "evaluation_episodes": EPISODES,
                "path": f"results/runs/{task}/{engine}/{ids[key]}/s{seed}-{BUDGET}.parquet",
            })  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"manifest": manifest, "runs": runs, "evaluations": episodes, "diagnostics": diagnostics}
    for name, table in tables.items():
        pd.DataFrame(table).to_parquet(folder / f"{name}.parquet", index=False)
    prose = {
        "temperature": {"alpha": FACTORS["alpha"]},
        "critics": {"critics": FACTORS["critics"]},
        "factorial": FACTORS,
    }
    told = {
        name: {
            "question": f"What does {name} change?", "outcomes": ["final_return", *outcomes],
            "expected": "The baseline is better.", "literature": ["arXiv 1812.05905"], "factors": factors,
        }
        for name, factors in prose.items()
    }  # fmt: skip
    (folder / "ablations.json").write_text(json.dumps(told), encoding="utf-8")
    rows = [row for engine in implementations for row in checked(engine, ids[rows[0]["key"]], seeds)]
    write_check(folder, CheckFile(tuple(rows), NOTES))


NOTES = ("Pendulum-v1, torch critics/single: nearest is <another> algorithm.",)


def checked(engine: str, run_id: str, seeds: int) -> list[CheckRow]:
    """Rows of a regression check of sac_v2 on Pendulum-v1: a PASS, a FAIL and, of a number alone, advice."""
    published = {"sb3/<own>/Pendulum-v1": (20_000, 50_000), "zoo/tuned/Pendulum-v0": (40_000,)}
    rows = [row(engine, run_id, reference, at, seeds) for reference, steps in published.items() for at in steps]
    return with_families(rows, "holm")


def row(engine: str, run_id: str, reference: str, at: int, seeds: int) -> CheckRow:
    """Our runs, from -180 to -160, against a reference, and of a number alone without its spread."""
    alone, values, mean = "zoo" in reference, np.linspace(-180.0, -160.0, seeds), -170.0 + 0.02 * (at - 20_000)
    floor = RANDOM_POLICY["Pendulum-v1"]
    margin, sd = 0.1 * (mean - floor), values.std(ddof=1) if seeds > 1 else None
    runs = () if alone else (mean - 10.0, mean, mean + 10.0)
    known = {"verdict": "INCONCLUSIVE", "difference": values.mean() - mean}
    if sd is not None:
        ours = (values.mean(), sd, seeds)
        known |= against_a_number(ours, mean, margin) if alone else against_a_spread(ours, (mean, 10.0, 3), margin)
    unknown = {field.name: None for field in fields(CheckRow)}
    role, looks = "secondary", ()
    if at == 50_000 and seeds >= 3:
        p, p_fail, verdict = (known[name] for name in ("p", "p_fail", "verdict"))
        role, looks = "primary", (check_rows.CheckLook(seeds, 0, -known["difference"], p_fail, p, verdict, False),)
    return CheckRow(**unknown | {
        "task": "Pendulum-v1", "implementation": engine, "variant": "sac_v2", "run_id": run_id,
        "reference": reference, "citation": f"told by {reference}", "caveat": "Few start states.", "env_step": at,
        "ours": SampleSummary(values.mean(), sd, seeds, seeds, 0, 0, seeds, tuple(values)),
        "published": PublishedSummary(mean, None if alone else 10.0, 3, runs),
        "basis": "a number" if alone else "runs", "random_policy": floor, "margin": margin, "confidence": 0.9,
        "role": "advisory" if alone else role, "advice": ("single agent",) if alone else (),
        "looks": looks, "waits_for": (), "later_failed": 0, "looks_planned": (3, 5, 7, 10) if looks else (),
        "seeds_planned": seeds if looks else 0,
        "differs": (), "sentence": f"{engine} sac_v2 at {at}: {reference}'s 1 < 2: {known['verdict']}", **known,
    })  # fmt: skip


def against_a_spread(ours: tuple, theirs: tuple, margin: float) -> dict:
    """The fields of a verdict, of two means with their SDs and numbers of runs."""
    test = equivalence.non_inferiority_from_summary(ours, theirs, margin, 0.9)
    both_ways = equivalence.tost_from_summary(ours, theirs, margin, 0.9)
    names = ("verdict", "difference", "low", "high", "df", "n_needed", "p")
    return {name: getattr(test, name) for name in names} | {
        "p_fail": two_samples.loss_p(ours, theirs, margin),
        "equivalence": CheckAgreement(both_ways.verdict, both_ways.p, both_ways.n_needed),
    }


def against_a_number(ours: tuple, number: float, margin: float) -> dict:
    """The fields of a verdict, of a mean with its SD and number of runs, and a number without a spread."""
    prediction = equivalence.prediction_check(ours, number, 0.9)
    low, high = prediction.low - number, prediction.high - number
    verdict = "FAIL" if high < -margin else "INCONCLUSIVE"
    return {"verdict": verdict, "low": low, "high": high, "inside": prediction.inside}


DIVERGED = ("Pendulum-v1", "sac_v1", 1)
MISSING = ("Pendulum-v1", "sac_v2", 2)
STALE = ("Pendulum-v1", "temperature/fixed", 0)
CRASHED = ("Pendulum-v1", "critics/single", 3)
ACCIDENTS = {
    DIVERGED: ("diverged", 18_300),
    MISSING: ("missing", None),
    STALE: ("stale", None),
    CRASHED: ("crashed", 1_000),
}

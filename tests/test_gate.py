"""What the gate says of real runs, frozen: those without a mistake pass, some with one fail (docs/gate.md)."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from suite import baseline, check, references
from suite.inference import CELL

ARMS = ("entropy_plus_half", "entropy_plus_one", "time_limit_terminal", "no_minimum", "tau")
BASELINES = {"HalfCheetah-v5": "jaxrl", "Pendulum-v1": "none"}
GATED = ("default", "HalfCheetah-v5@50_000")  # as config/mistakes.yaml


def tables(frozen: baseline.Baseline) -> dict[str, pd.DataFrame]:
    """A study whose runs have the frozen window means: each stands as the only evaluation of its window."""
    runs, evaluations = [], []
    for key, cell in frozen.cells.items():
        own = dict(zip(CELL, key, strict=True))
        for seed in sorted({seed for values in frozen.values[key].values() for seed in values}):
            runs.append(
                own
                | {"variant": cell["variant"], "seed": seed, "env_steps": cell["env_steps"][-1], "status": "finished"}
                | {"stale": False, "evaluate_every": cell["evaluation"]["every"], "stopped_at": None}
                | {name: json.dumps(cell[name]) for name in ("spec", "schedule")}
            )
        published = {at for one in references.load() if key[0] in one.tasks for at in one.summaries}
        evaluations += [
            own | {"seed": seed, "kind": "mean", "episode": 0, "env_step": at, "return": value}
            for at, values in frozen.values[key].items()
            if at in published
            for seed, value in values.items()
        ]
    return {"runs": pd.DataFrame(runs), "evaluations": pd.DataFrame(evaluations)}


def manifest(frozen: baseline.Baseline) -> pd.DataFrame:
    """Whatever is called mistakes/ARM is an arm; the baseline of a task is the cell that it was made in."""
    rows = []
    for key, cell in frozen.cells.items():
        name = cell["variant"].removeprefix("mistakes/")
        if name in ARMS or name.startswith(BASELINES[key[0]]):
            own = {"preset": key[0], "ablation": "mistakes", "arm": name, "baseline": name not in ARMS}
            rows.append(dict(zip(CELL, key, strict=True)) | own)
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    one, other = baseline.load("gate"), baseline.load("mistakes")
    frozen = baseline.Baseline("both", one.cells | other.cells, one.values | other.values)
    found = tables(frozen)
    return check.check(
        found | {"runs": check.blinded(found["runs"], manifest(frozen))},
        references.load(), references.random_policy(), margin=0.10, confidence=0.90, gate=GATED,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("variant", "reference", "runs", "published"),
    [("jaxrl", "jaxrl/learned_alpha/HalfCheetah-v2", 5, 10), ("sac_v2", "nnabla_rl/sac/HalfCheetah-v2", 3, 3)],
)
def test_settings_without_a_mistake_are_not_flagged(rows, variant, reference, runs, published):
    (row,) = [
        row for row in rows
        if (row["reference"], row["env_step"]) == (reference, 100_000) and row["variant"].startswith(variant)
    ]  # fmt: skip
    assert row["gated"] and (row["ours"]["n"], row["published"]["n"]) == (runs, published)
    assert row["verdict"] != "FAIL"


def test_nothing_without_a_mistake_fails(rows):
    fails = [row for row in rows if row["fails"]]
    assert fails and all(row["variant"].removeprefix("mistakes/") in ARMS for row in fails)


@pytest.mark.parametrize(
    ("arm", "caught", "passes"),
    [
        ("entropy_plus_one", {"Pendulum-v1"}, set()),
        ("tau", {"HalfCheetah-v5"}, set()),
        ("entropy_plus_half", set(), set()),
        ("time_limit_terminal", set(), {"Pendulum-v1"}),
        ("no_minimum", set(), {"Pendulum-v1"}),
    ],
)
def test_which_mistakes_the_published_seeds_can_catch(rows, arm, caught, passes):
    own = [row for row in rows if row["variant"] == f"mistakes/{arm}" and row["gated"]]
    assert {row["task"] for row in own if row["fails"]} == caught
    assert {row["task"] for row in own if row["verdict"] == "PASS"} == passes

"""What the gate says of real runs, frozen: those without a mistake pass, some with one fail (docs/gate.md)."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from suite.analysis.check_rows import CheckRow
from suite.gate import baseline, check, outcome, settings
from suite.gate.window_means import StudyTables
from suite.published import anchors, reading
from suite.statistics import two_samples as compare
from suite.study.config import Check

GATED = ["default", "HalfCheetah-v5@50_000"]  # as config/mistakes.yaml


def tables(frozen: baseline.Baseline) -> StudyTables:
    """A study whose runs have the frozen window means: each stands as the only evaluation of its window."""
    runs, evaluations = [], []
    for key, cell in frozen.cells.items():
        own = key._asdict()
        for seed in sorted({seed for values in frozen.values[key].values() for seed in values}):
            runs.append(
                own
                | {"variant": cell.variant, "seed": seed, "env_steps": cell.env_steps[-1], "status": "finished"}
                | {"stale": False, "evaluate_every": cell.evaluation.every, "stopped_at": None}
                | {"spec": json.dumps(cell.spec), "schedule": json.dumps(cell.schedule)}
            )
        published = {at for one in reading.load() if key.task in one.tasks for at in one.summaries}
        evaluations += [
            own | {"seed": seed, "kind": "mean", "episode": 0, "env_step": at, "return": value}
            for at, values in frozen.values[key].items()
            if at in published
            for seed, value in values.items()
        ]
    return StudyTables(pd.DataFrame(runs), pd.DataFrame(evaluations))


def manifest(frozen: baseline.Baseline) -> pd.DataFrame:
    """As the plan of config/mistakes.yaml has it: one ablation, whose baseline makes no mistake."""
    rows = []
    for key, cell in frozen.cells.items():
        arm = cell.variant.removeprefix("mistakes/")
        own = {"preset": key.task, "ablation": "mistakes", "arm": arm, "baseline": arm == "none"}
        rows.append(key._asdict() | own)
    return pd.DataFrame(rows)


def held(study: StudyTables, gate: list[str]) -> list[CheckRow]:
    published, floors = reading.load(), anchors.random_policy()
    return check.check(study, published, floors, Check(margin=0.10, confidence=0.90, gate=gate))


@pytest.fixture(scope="module")
def healthy() -> list[CheckRow]:
    """`python -m suite check --study gate --gate`"""
    return held(tables(baseline.load("gate")), ["HalfCheetah-v5@100_000"])


@pytest.fixture(scope="module")
def mistaken() -> list[CheckRow]:
    """`python -m suite check --study mistakes --blind --gate`"""
    frozen = baseline.load("mistakes")
    study = tables(frozen)
    return held(study._replace(runs=settings.blinded(study.runs, manifest(frozen))), GATED)


@pytest.mark.parametrize(
    ("variant", "reference", "published"),
    [
        ("jaxrl (from source)", "jaxrl/learned_alpha/HalfCheetah-v2", 10),
        ("jaxrl_curves (from source)", "jaxrl/learned_alpha/HalfCheetah-v2", 10),
        ("sac_v2", "nnabla_rl/sac/HalfCheetah-v2", 3),
    ],
)
def test_settings_without_a_mistake_are_not_flagged(healthy, variant, reference, published):
    place = (variant, reference, 100_000)
    (row,) = [row for row in healthy if (row.variant, row.reference, row.env_step) == place]
    assert row.gated and (row.ours.n, row.published.n) == (5, published)
    assert row.verdict in ("PASS", "INCONCLUSIVE")


def test_the_settings_of_the_curves_commit_return_what_the_curves_say_and_the_last_ones_later(healthy):
    rows = {(row.variant.split()[0], row.env_step): row for row in healthy if row.reference.startswith("jaxrl/")}
    assert rows["jaxrl_curves", 50_000].verdict == "PASS"
    assert rows["jaxrl_curves", 100_000].curve.p > 0.5
    late = rows["jaxrl", 100_000].curve
    assert late.p < 0.05 and late.env_step == 50_000
    curves, last = (rows[name, 50_000].ours.values for name in ("jaxrl_curves", "jaxrl"))
    assert compare.welch(curves, last, 0.90).p == pytest.approx(0.011, abs=0.0005)


def test_the_gain_of_the_first_weights_alone_settles_nothing():
    frozen = baseline.load("initialisation")
    at_50k = {cell.variant: list(frozen.values[key][50_000].values()) for key, cell in frozen.cells.items()}
    one, root_two = (at_50k[f"initialisation/{arm}"] for arm in ("one", "root_two"))
    assert len(one) == len(root_two) == 3 and compare.welch(one, root_two, 0.90).p > 0.5


def test_nothing_without_a_mistake_fails_the_gate(healthy, mistaken):
    assert not outcome.failing(healthy)
    fails = {row.variant for row in outcome.failing(mistaken)}
    assert fails and "mistakes/none" not in fails


@pytest.mark.parametrize(
    ("arm", "caught", "passes"),
    [
        ("entropy_plus_one", {"HalfCheetah-v5", "Pendulum-v1"}, set()),
        ("tau", {"HalfCheetah-v5"}, set()),
        ("entropy_plus_half", set(), set()),
        ("time_limit_terminal", set(), {"Pendulum-v1"}),
        ("no_minimum", {"HalfCheetah-v5"}, {"Pendulum-v1"}),
    ],
)
def test_which_mistakes_the_published_seeds_can_catch(mistaken, arm, caught, passes):
    own = [row for row in mistaken if row.variant == f"mistakes/{arm}" and row.gated]
    assert {row.task for row in own if row.fails} == caught
    assert {row.task for row in own if row.verdict == "PASS"} == passes

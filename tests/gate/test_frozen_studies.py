"""What the gate says of real runs, frozen, and that docs/gate.md tells it: those without a mistake are not failed, some
with one are."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from builders.runs import ROOT

from suite.analysis.check_rows import CheckRow
from suite.gate import baseline, check, outcome, settings
from suite.gate.simulation import SHARE, Scenario, simulate
from suite.gate.window_means import StudyTables
from suite.gate.wording import number, p_value
from suite.published import anchors, reading
from suite.statistics import two_samples as compare
from suite.statistics.looks import LOOKS
from suite.study import config
from suite.study.config import Check

HEALTHY = config.load(ROOT / "config/gate.yaml").check.gate
GATED = config.load(ROOT / "config/mistakes.yaml").check.gate


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


def held(study: StudyTables, gate: list[str], looks: Sequence[int] = LOOKS) -> list[CheckRow]:
    published, floors = reading.load(), anchors.random_policy()
    return check.check(study, published, floors, Check(margin=0.10, confidence=0.90, gate=gate, looks=list(looks)))


@pytest.fixture(scope="module")
def healthy() -> list[CheckRow]:
    """`python -m suite check --study gate --gate`"""
    return held(tables(baseline.load("gate")), HEALTHY)


@pytest.fixture(scope="module")
def mistaken() -> list[CheckRow]:
    """`python -m suite check --study mistakes --blind --gate`"""
    frozen = baseline.load("mistakes")
    study = tables(frozen)
    return held(study._replace(runs=settings.blinded(study.runs, manifest(frozen))), GATED)


PAGE = (ROOT / "docs/gate.md").read_text()
REAL_RUNS = " ".join(PAGE.partition("## Real runs")[2].split())
GATED_TASKS = ("HalfCheetah-v5", "Pendulum-v1")


def name(row: CheckRow) -> str:
    return row.variant.removeprefix("mistakes/")


def place(row: CheckRow) -> str:
    return f"{row.task.partition('-')[0]} | {name(row)} | {row.reference.partition('/')[0]} | {row.env_step:,}"


def runs(summary) -> str:
    return f"{number(summary.mean)} ± {number(summary.sd)} ({summary.n})"


def difference(row: CheckRow) -> str:
    return f"{number(row.difference)} [{number(row.low)}, {number(row.high)}] | {number(row.margin)}"


def primary_line(row: CheckRow) -> str:
    """As the page's table of primary endpoints has it: p of a loss beyond the margin and of none, at the last look."""
    looks = ", ".join(str(look.n) for look in row.looks)
    sides = f"{runs(row.ours)} | {runs(row.published)} | {difference(row)}"
    p = f"{p_value(row.p_fail)}, {p_value(row.p)}"
    return f"| {place(row)} | {looks} | {sides} | {p} | {row.verdict.replace('_', ' ')} |"


def secondary_line(row: CheckRow) -> str:
    sides = f"{runs(row.ours)} | {runs(row.published)} | {difference(row)}"
    return f"| {place(row)} | {sides} | {row.verdict} |"


def lost(mistaken: list[CheckRow], row: CheckRow) -> float:
    """What an arm returns less than the arm without a mistake at the same step, over all seeds of both."""
    of_arm, none = (at_step(one, row.task, row.env_step) for one in (row.variant, "mistakes/none"))
    return float(np.mean(none) - np.mean(of_arm))


def at_step(variant: str, task: str, at: int) -> list[float]:
    frozen = baseline.load("mistakes")
    (key,) = (key for key, cell in frozen.cells.items() if cell.variant == variant and cell.task == task)
    return list(frozen.values[key][at].values())


def chance(row: CheckRow, loss: float, finals: Sequence[float]) -> float:
    """How often so large a loss, with so large a spread, is failed by three and five seeds, by simulation."""
    theirs = row.published.sd
    spread = float(np.std(finals, ddof=1)) / theirs
    scenario = Scenario(row.published.n, (3, 5), max(loss, 0.0) * SHARE / row.margin, spread=spread)
    return simulate(scenario, studies=4_000, margin=row.margin / theirs).fail


def endpoint(mistaken: list[CheckRow], arm: str, task: str) -> str:
    """Three columns of the page's table of mistakes: the verdict, what is lost, and the chance of a FAIL then."""
    row = next((row for row in mistaken if row.gated and (name(row), row.task) == (arm, task)), None)
    if row is None:
        return "not trained | - | -"
    verdict = f"{row.verdict.replace('_', ' ')} after {row.looks[-1].n}"
    if arm == "none":
        return f"{verdict} | - | -"
    loss = lost(mistaken, row)
    odds = chance(row, loss, at_step(row.variant, task, row.env_step))
    return f"{verdict} | {number(loss)} of {number(row.margin)} tolerated | {odds:.2f}"


def family_line(mistaken: list[CheckRow], arm: str) -> str:
    """As the page's table of mistakes has it: each primary endpoint, and what the family does."""
    own = [row for row in mistaken if name(row) == arm and row.gated]
    assert {row.family for row in own} == {f"jax mistakes/{arm}"} and {row.family_size for row in own} == {len(own)}
    code = {0: "passes", 1: "**fails**", 4: "is open"}[outcome.exit_code(own, gate=True)]
    return f"| `{arm}` | {' | '.join(endpoint(mistaken, arm, task) for task in GATED_TASKS)} | {code} |"


ARMS = ("none", "entropy_plus_one", "tau", "no_minimum", "entropy_plus_half", "time_limit_terminal")


def test_the_page_has_every_primary_endpoint_and_secondary_row(healthy, mistaken):
    rows = healthy + mistaken
    expected = [primary_line(row) for row in rows if row.gated] + [secondary_line(row) for row in rows if not row.gated]
    assert len(expected) == 3 + 9 + 6 + 9 and {row.role for row in rows} == {"primary", "secondary"}
    shown = [line for line in PAGE.splitlines() if re.match(r"\| (HalfCheetah|Pendulum) \|", line)]
    assert sorted(shown) == sorted(expected)
    tested = {name(row) for row in rows if row.p_adjusted is not None}
    assert tested == {"no_minimum", "time_limit_terminal"}, "secondary rows of the families that pass"


def test_the_page_has_what_each_mistake_loses_and_what_its_family_does(mistaken):
    shown = [line for line in PAGE.splitlines() if re.match(r"\| `\w+` \|", line)]
    assert shown == [family_line(mistaken, arm) for arm in ARMS]


def test_a_family_fails_where_a_mistake_loses_more_than_is_tolerated_and_nowhere_else(mistaken):
    """What the mistake costs is counted from the arm without one."""
    primary = {(name(row), row.task): row for row in mistaken if row.gated}
    cheetah, pendulum = GATED_TASKS
    assert set(primary) == {(arm, pendulum) for arm in ARMS} | {
        (arm, cheetah) for arm in ("none", "tau", "entropy_plus_half")
    }
    beyond = {key for key, row in primary.items() if key[0] != "none" and lost(mistaken, row) > row.margin}
    failed = {key for key, row in primary.items() if row.fails}
    assert failed == {("entropy_plus_one", pendulum), ("tau", cheetah), ("entropy_plus_half", cheetah)}
    assert beyond - failed == {("tau", pendulum), ("entropy_plus_half", pendulum)}, "what five seeds leave open"
    assert failed < beyond, "nothing that should pass is failed"
    passed = {key for key, row in primary.items() if row.verdict == "PASS"}
    assert passed == {(arm, pendulum) for arm in ("none", "no_minimum", "time_limit_terminal")}


def test_the_page_tells_how_the_gates_end(healthy, mistaken):
    for rows in (healthy, mistaken):
        assert outcome.gate_line(rows) in REAL_RUNS
    five = {name(row): row.verdict for row in held(tables(baseline.load("gate")), HEALTHY, [5]) if row.gated}
    assert five == {"jaxrl": "INCONCLUSIVE", "jaxrl_curves": "PASS", "sac_v2": "PASS"}
    assert "With `check.looks: [5]` `jaxrl_curves` and `sac_v2` PASS and `jaxrl` stays INCONCLUSIVE" in REAL_RUNS


def test_nothing_without_a_mistake_fails_the_gate(healthy, mistaken):
    assert not outcome.failing(healthy)
    assert all(row.ours.n == 5 and row.published.n == (3 if name(row) == "sac_v2" else 10) for row in healthy)


def test_the_settings_of_the_curves_commit_return_what_the_curves_say_and_the_last_ones_later(healthy):
    rows = {(name(row), row.env_step): row for row in healthy if row.reference.startswith("jaxrl/")}
    curves, last = (rows[name, 50_000] for name in ("jaxrl_curves", "jaxrl"))
    assert curves.verdict == "PASS"
    late = rows["jaxrl", 100_000].curve
    assert late.p < 0.05 and late.env_step == 50_000
    p = [rows[name, 100_000].curve.p for name in ("jaxrl_curves", "jaxrl")]
    apart = compare.welch(curves.ours.values, last.ours.values, 0.90)
    assert (
        f"the means differ by {number(curves.difference)} of {number(curves.published.mean)}, and over the whole curve "
        f"nothing sets the two apart (max-t p {p_value(p[0])})"
    ) in REAL_RUNS
    assert f"climbs later than the same authors' curves (max-t p {p_value(p[1])})" in REAL_RUNS
    assert f"{number(apart.difference)} of the return there (Welch's p {p_value(apart.p)}, of a question" in REAL_RUNS


def test_the_gain_of_the_first_weights_alone_settles_nothing():
    frozen = baseline.load("initialisation")
    at_50k = {cell.variant: list(frozen.values[key][50_000].values()) for key, cell in frozen.cells.items()}
    one, root_two = (at_50k[f"initialisation/{arm}"] for arm in ("one", "root_two"))
    assert len(one) == len(root_two) == 3 and compare.welch(one, root_two, 0.90).p > 0.5
    means = [f"{np.mean(side):,.0f} ± {np.std(side, ddof=1):,.0f}" for side in (one, root_two)]
    assert f"with a gain of 1 the last state returns {means[0]}, with the root of 2 {means[1]}" in REAL_RUNS


def test_what_the_page_says_of_single_endpoints(mistaken):
    rows = {(name(row), row.task): row for row in mistaken if row.gated}
    none, tau = rows["none", "HalfCheetah-v5"], rows["tau", "Pendulum-v1"]
    assert f"its p of {p_value(tau.p_fail)} is above .0124, and the look at 7 seeds would come next" in REAL_RUNS
    assert f"its p of {p_value(none.p)} is above .026, and the look at 7 seeds would come next" in REAL_RUNS


# --- implementations that are wrong and do not know it

MISTAKES = {
    "no_tanh_correction": "log pi lacks the correction for tanh",
    "temperature_wrong_sign": "the temperature moves the wrong way",
    "no_target_update": "the targets never move",
    "entropy_target_of_box": "the entropy aimed at is in the box's unit",
    "sampled_evaluation": "evaluations called deterministic are sampled",
    "reward_of_step_before": "stored is the reward of the step before",
    "replay_never_overwrites": "the replay is full at 10,000 and stays",
}
"""implementations.mistaken, as the page calls them."""


@pytest.fixture(scope="module")
def wrong() -> dict[str, CheckRow]:
    """`python -m suite check --study mistaken --gate`: the primary endpoints, by implementation."""
    return {row.implementation: row for row in held(tables(baseline.load("mistaken")), ["default"]) if row.gated}


def final_returns(implementation: str) -> list[float]:
    """What an implementation's runs return at 10,000 steps."""
    frozen = baseline.load("mistaken")
    (key,) = (key for key in frozen.cells if key.implementation == implementation)
    return list(frozen.values[key][10_000].values())


def costs(implementation: str) -> float:
    """What an implementation returns less than the engine without a mistake at 10,000 steps."""
    return float(np.mean(final_returns("torch")) - np.mean(final_returns(implementation)))


def wrong_line(row: CheckRow) -> str:
    loss = costs(row.implementation)
    said = f"{row.verdict.replace('_', ' ')} after {row.looks[-1].n}"
    odds = chance(row, loss, final_returns(row.implementation))
    mistake = MISTAKES[row.implementation.removeprefix("mistaken_")]
    return f"| {mistake} | {said} | {number(loss)} of {number(row.margin)} tolerated | {odds:.2f} |"


def test_the_page_has_every_wrong_implementation(wrong):
    assert set(wrong) == {"torch", *(f"mistaken_{name}" for name in MISTAKES)}
    assert all(row.ours.n in (3, 5) and row.family_size == 1 for row in wrong.values())
    expected = [wrong_line(wrong[f"mistaken_{name}"]) for name in MISTAKES]
    assert [line for line in PAGE.splitlines() if line.split(" | ")[0][2:] in MISTAKES.values()] == expected
    assert outcome.gate_line(list(wrong.values())) in REAL_RUNS


def test_wrong_implementations_are_failed_where_they_lose_more_than_is_tolerated_and_nowhere_else(wrong):
    for name, row in wrong.items():
        assert row.fails == (costs(name) > row.margin), name
        assert row.verdict != "INCONCLUSIVE", name

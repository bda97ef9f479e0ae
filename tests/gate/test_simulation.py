"""What the gate decides how often: the committed simulation, and what it must show."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from builders.runs import ROOT

from suite.gate import simulation
from suite.gate.simulation import SCENARIOS, Row, Scenario, simulate
from suite.published.deciding import VALUE_NET_SHAPES, committed
from suite.statistics import looks
from suite.statistics.looks import LOOKS

ROWS = {scenario: row for scenario, row in zip(SCENARIOS, simulation.committed(), strict=True)}


def at(published: int, looked: tuple[int, ...] = LOOKS, **what) -> Row:
    return ROWS[Scenario(published, looked, **what)]


def test_against_ten_published_runs_the_gate_passes_what_is_right_and_fails_what_lost():
    right = at(10)
    assert right.fail <= 0.01 and right.passed >= 0.80 and right.seeds <= 6
    assert at(10, (5,), loss=0.30).fail >= 0.95 and at(10, loss=0.20).fail >= 0.70
    assert at(10, failing=0.02).fail <= 0.01, "where a run fails now and then, it is no alarm"
    assert at(10, loss=0.10).fail < 0.03 and at(10, loss=0.10).passed < 0.06, "errors at exactly the margin"


def test_runs_that_fail_are_noticed_by_their_number():
    """Two in five are in the first ten; a gate that has passed after three healthy runs has not seen them."""
    assert at(10, failing=0.4).by_count >= 0.85 and at(10, failing_of_ten=4).fail >= 0.90
    assert at(10, failing=0.4).fail >= 0.75


def test_against_three_published_runs_a_third_lost_is_noticed():
    assert at(3, loss=0.30).fail >= 0.85 and at(3).fail <= 0.01
    assert at(3).passed < 0.80, "they cannot pass what is right often enough to be a primary endpoint"


@pytest.mark.parametrize("scenario", SCENARIOS[::5], ids=str)
def test_the_committed_table_is_what_the_simulation_gives(scenario):
    """On other draws."""
    again, studies = simulate(scenario, studies=2_000, seed=1), 2_000
    for name in ("fail", "passed", "better", "undecided", "by_count"):
        share = getattr(ROWS[scenario], name)
        assert abs(getattr(again, name) - share) <= 4.5 * np.sqrt(max(share * (1 - share), 0.002) / studies) + 1e-3, (
            name
        )


@pytest.mark.slow
def test_the_committed_table_is_reproduced_to_the_digit():
    assert [simulate(scenario) for scenario in SCENARIOS] == list(simulation.committed())


@pytest.mark.slow
@pytest.mark.parametrize(("env_step", "spread"), [(100_000, 0.078), (1_000_000, 0.077)])
def test_on_the_192_real_runs_with_a_value_network_the_gate_does_what_it_does_on_shapes(env_step, spread):
    """openai/spinningup@07bb739 on HalfCheetah-v2: heavy left tails, and one run in hundreds that fails late."""
    runs = [pd.read_csv(VALUE_NET_SHAPES)[str(env_step)].to_numpy()]
    (row,) = (row for row in committed() if (row.task, row.env_step) == ("HalfCheetah-v5", env_step)
              and row.reference.startswith("rl_stats/"))  # fmt: skip
    assert row.spread == pytest.approx(spread, abs=0.0006)
    right, third, fifth = (
        simulate(Scenario(10, loss=loss), margin=0.1 / row.spread, shapes=runs) for loss in (0.0, 0.3, 0.2)
    )
    assert right.fail <= 0.01 and right.passed >= 0.80 and right.seeds <= 6
    assert third.fail >= 0.95 and fifth.fail >= 0.68  # .70 is wanted; at 1,000,000 steps it is .69, docs/gate.md


def test_one_look_errs_as_often_as_four_do():
    for loss in (0.0, 0.10):
        one, four = at(10, (5,), loss=loss), at(10, loss=loss)
        assert one.fail == pytest.approx(four.fail, abs=0.008)
    assert at(10, (5,), loss=0.10).passed == pytest.approx(at(10, loss=0.10).passed, abs=0.01)


def test_levels_of_other_looks_lie_between_one_look_and_many():
    one, two, four = looks.levels((10,), 10), looks.levels((3, 10), 10), looks.levels(LOOKS, 10)
    assert one.fail > two.fail > four.fail and one.passes > two.passes > four.passes
    assert looks.levels((3, 5, 7, 10, 20), 10).fail < four.fail


@pytest.mark.parametrize("error", [0.0, 0.5])
def test_a_look_of_many_studies_is_the_look_of_each(error):
    rng = np.random.default_rng(0)
    values, failed = rng.normal(size=(20, 7)), rng.random((20, 7)) < 0.2
    values[failed] = -10.0
    of = looks.Published(rng.normal(size=20), rng.uniform(0.5, 2, 20), 10, 9, error)
    for one in looks.looks(values, failed, of, -10.0, 0.1):
        for i in range(20):
            single = of._replace(mean=of.mean[i], sd=of.sd[i])
            alone = looks.looks(values[i, : one.n], failed[i, : one.n], single, -10.0, 0.1)[-1]
            assert (str(alone.verdict), float(alone.p_fail)) == (one.verdict[i], pytest.approx(one.p_fail[i]))


def test_without_any_spread_a_difference_is_certain():
    of = looks.Published(10.0, 0.0, 5, 4)
    verdicts = [str(looks.looks([value] * 3, [False] * 3, of, 0.0, 0.1)[0].verdict) for value in (10, 8, 12, 9, 0.5)]
    assert verdicts == ["PASS", "FAIL", "SUSPICIOUSLY_BETTER", "INCONCLUSIVE", "NOT_LEARNED"]


def test_the_page_quotes_the_table():
    page = (ROOT / "docs/gate.md").read_text().partition("## By simulation")[2].partition("## Real runs")[0]
    told = {
        **{"right": {}, "2 % of runs fail": {"failing": 0.02}, "40 % of runs fail": {"failing": 0.4}},
        **{"4 of 10 runs fail": {"failing_of_ten": 4}, "right, twice the spread": {"spread": 2.0}},
        **{f"lose {loss} %": {"loss": loss / 100} for loss in (15, 20, 30)},
        "lose 10 %, just the margin": {"loss": 0.10},
    }
    quoted = re.findall(r"^\| (.+) \| (\d+) \| ([\d.]+ \| [\d.]+ \| [\d.]+ \| [\d.]+) \|$", page, re.M)
    assert {(own, int(published)) for own, published, _ in quoted} == {(own, n) for own in told for n in (10, 3)}
    for own, published, shown in quoted:
        row = at(int(published), **told[own])
        shares = [float(one) for one in shown.split(" | ")]
        expected = [row.fail, row.passed, row.undecided, row.seeds]
        assert np.abs(np.subtract(shares, expected)).max() < 0.06, (own, published)
        assert np.abs(np.subtract(shares[:3], expected[:3])).max() <= 0.0006, (own, published)
    text, right, failing = " ".join(page.split()), at(10), at(10, failing=0.02)
    alarms = [[100 * (1 - (1 - row.fail) ** tasks) for tasks in (1, 2, 6)] for row in (right, failing)]
    first, second = ([f"{one:.{digits}f}".lstrip("0") for one in of] for of, digits in zip(alarms, (2, 1), strict=True))
    assert f"with 1 in {first[0]} %, {first[1]} % and {first[2]} % of studies of 1, 2 and 6 tasks" in text
    assert f"runs fail, in {second[0]} %, {second[1]} % and {second[2]} %" in text
    assert f"passes {100 * right.passed:.0f} % of them, after {right.seeds:.1f} seeds" in text
    assert f"INCONCLUSIVE in {100 * (1 - right.passed**6):.0f} % of studies" in text
    many, few = at(10, failing=0.4), at(3)
    assert f"the gate FAILs {many.fail:.2f}".replace(" 0.", " .") in text
    assert f"their number alone would have failed {many.by_count:.2f}".replace(" 0.", " .") in text
    assert f"4 of 10 fail, it is {at(10, failing_of_ten=4).fail:.2f}".replace(" 0.", " .") in text
    assert f"{1 - many.by_count:.2f} of such studies".lstrip("0") in text
    lost = f"{at(3, loss=0.30).fail:.2f}".lstrip("0")
    assert (
        f"lost 30 % ({lost}) and cannot pass what is right often enough ({few.passed:.2f})".replace("(0.", "(.") in text
    )

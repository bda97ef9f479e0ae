"""What each reference decides: the committed table is the simulation's, and the gate's marks and the page are its."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from builders.check_study import reference as made_up
from builders.runs import ROOT

from suite.published import comparability, deciding, reading
from suite.published.comparability import primary
from suite.published.deciding import Population
from suite.statistics.looks import Published

ROWS = {(row.task, row.reference, row.env_step): row for row in deciding.committed()}
SHARES = ("pass_3", "pass_5", "pass_7", "pass_10", "fail", "fail_20", "fail_30")
TEN = Population(5_000.0, 400.0, 0.0, 10, [np.linspace(-1, 1, 9)], None)


def test_the_table_is_what_the_simulation_says():
    """Every row anew, from fewer studies on other streams; a share of 300 of them is known to .03 at most."""
    found = {(row.task, row.reference, row.env_step): row for row in deciding.measured(300, seed=1)}
    assert list(found) == list(ROWS)
    off = []
    for key, row in found.items():
        then = ROWS[key]
        assert (row.published, row.spread) == (then.published, then.spread), key
        for share in SHARES:
            p = getattr(then, share)
            off.append((getattr(row, share) - p) / np.sqrt((p * (1 - p) + 0.003) / 300))
    assert np.abs(off).max() < 5.5 and abs(np.mean(off)) < 0.2


def test_every_reference_that_may_decide_is_there():
    expected = {
        (task, reference.name, at)
        for reference in reading.load()
        for task in reference.tasks
        for at in reference.summaries
        if not reference.advisory and comparability.comparable(task, reference.environment, at)
    }
    assert set(ROWS) == expected


def test_the_first_look_that_decides_stands():
    """5,000 are published; the first five seeds return as much, the others nothing."""
    published = Published(np.full(2, 5_000.0), np.full(2, 300.0), 10, 9)
    own = np.tile([5_000.0] * 5 + [0.0] * 5, (2, 1))
    own[1, :5] = 4_500.0  # just the margin is lost: these wait for the rest
    passed, failed = zip(*deciding.by_looks(published, own, TEN), strict=True)
    assert [list(one) for one in passed] == [[True, False]] * 4
    assert [list(one) for one in failed] == [[False, False]] * 3 + [[False, True]]


def test_few_published_runs_are_taken_to_scatter_as_those_of_other_sources():
    references = reading.load()
    (nnabla,) = (one for one in references if one.name == "nnabla_rl/sac/HalfCheetah-v2")
    runs = deciding.population(references, nnabla, "HalfCheetah-v5", 100_000, {"HalfCheetah-v5": -280.0})
    learned, own = runs.mean + 280.0, nnabla.summaries[100_000].sd
    assert 0.06 * learned < runs.prior_sd < 0.10 * learned and own < runs.sd < runs.prior_sd
    assert runs.sd == pytest.approx(np.sqrt((2 * own**2 + 8 * runs.prior_sd**2) / 10))
    (jaxrl,) = (one for one in references if one.name == "jaxrl/learned_alpha/HalfCheetah-v2")
    alone = deciding.population(references, jaxrl, "HalfCheetah-v5", 100_000, {"HalfCheetah-v5": -280.0})
    assert alone.prior_sd is None and alone.sd == jaxrl.summaries[100_000].sd


def test_of_what_is_smoothed_or_a_maximum_no_spread_is_taken_and_of_each_source_the_median():
    """As the gate takes it: both ask `spread_elsewhere`."""
    at, floor, runs = 100_000, 0.0, {100_000: (90.0, 100.0, 110.0)}
    own = made_up(runs, source="own")
    elsewhere = [
        made_up({at: (80.0, 100.0, 120.0)}, source="one"),
        made_up({at: (40.0, 50.0, 60.0)}, source="two"),
        *(made_up({at: (100.0 - by, 100.0, 100.0 + by)}, source="three") for by in (30.0, 30.0, 5.0)),
        made_up({at: (99.0, 100.0, 101.0)}, source="four", statistic="smoothed"),
        made_up({at: (-30.0, -20.0, -10.0)}, source="five"),
    ]
    sd = comparability.spread_elsewhere(own, [own, *elsewhere], "HalfCheetah-v5", at, floor)
    assert sd == pytest.approx(20.0)
    assert comparability.spread_elsewhere(own, [own], "HalfCheetah-v5", at, floor) is None


def test_a_known_error_is_drawn_and_reckoned_with():
    rows = {}
    for error in (0.0, 25.0):
        runs = TEN._replace(mean=0.0, sd=28.0, floor=-1_000.0, published=5, error=error)
        rng = np.random.default_rng(0)
        published, own = deciding._published(runs, 4_000, rng), deciding._drawn(runs, 4_000, 10, rng)
        passed, failed = list(deciding.by_looks(published, own, runs))[-1]
        rows[error] = passed.mean(), failed.mean(), published.mean.std()
    assert rows[25.0][2] == pytest.approx(np.hypot(rows[0.0][2], 25.0), rel=0.05)
    assert 0.9 < rows[25.0][0] < rows[0.0][0] - 0.01 and rows[25.0][1] <= 0.001


@pytest.mark.parametrize(
    ("task", "reference", "yes", "no"),
    [
        ("HalfCheetah-v5", "jaxrl/learned_alpha/HalfCheetah-v2", (100_000, 1_000_000), (50_000, 200_000, 500_000)),
        ("HalfCheetah-v5", "rl_stats/value_net/HalfCheetah-v2", (100_000, 1_000_000, 2_000_000), (200_000, 500_000)),
        ("HalfCheetah-v5", "spinningup_unsmoothed/pytorch/HalfCheetah-v2", (100_000,), (200_000, 1_000_000)),
        ("HalfCheetah-v5", "nnabla_rl/sac/HalfCheetah-v2", (3_000_000,), (100_000, 1_000_000)),
        ("HalfCheetah-v5", "mujoco_rl_benchmark/defaults/HalfCheetah-v5", (), (1_000_000,)),
        ("HalfCheetah-v5", "spinningup/pytorch/HalfCheetah-v3", (), (1_000_000,)),
        ("Hopper-v5", "tianshou_v0/fixed_alpha/Hopper-v3", (1_000_000,), (500_000,)),
        ("Hopper-v5", "jaxrl/learned_alpha/Hopper-v2", (), (300_000, 1_000_000)),
        ("Walker2d-v4", "tianshou_v0/fixed_alpha/Walker2d-v3", (1_000_000,), (500_000,)),
        ("Walker2d-v4", "lwdrl/fixed_alpha/Walker2d-v2", (1_500_000,), (1_000_000,)),
        ("Pendulum-v1", "sb3_pendulum/learned_alpha/Pendulum-v1", (10_000, 50_000), (5_000,)),
        ("Ant-v4", "lwdrl/fixed_alpha/Ant-v2", (), (1_000_000,)),
    ],
)
def test_which_steps_may_be_primary(task, reference, yes, no):
    assert all(primary(task, reference, at) for at in yes)
    assert not any(primary(task, reference, at) for at in no)


def test_primary_steps_pass_equal_runs_and_catch_a_loss_of_30_percent():
    marked = [row for key, row in ROWS.items() if primary(*key)]
    assert len(marked) > 100
    for row in marked:
        assert row.pass_10 >= 0.8 and row.fail <= 0.01 and row.fail_30 >= 0.95, row
    for task, ranges in comparability.gate().items():
        for steps in ranges:
            inside = [row for row in marked if row.task == task and steps.first <= row.env_step <= steps.last]
            assert bool(inside) == steps.primary, (task, steps)


def test_below_a_million_steps_hardly_anything_decides_on_hopper_and_walker():
    tasks, steps = ("Hopper-v5", "Walker2d-v4"), (100_000, 200_000, 300_000, 500_000)
    early = [row for row in ROWS.values() if row.task in tasks and row.env_step in steps]
    decides = [(row.reference, row.env_step) for row in early if row.pass_10 >= 0.8]
    assert len(early) > 40 and decides == [("spinningup_unsmoothed/pytorch/Hopper-v2", 500_000)]


def test_the_page_of_references_quotes_the_table():
    page = (ROOT / "docs/references.md").read_text()
    quoted = re.findall(r"^\| (\S+) \| (\S+) \| ([\d,]+) \| (.*) \|$", page.partition("**What decides.**")[2], re.M)
    assert len(quoted) >= 25
    for task, reference, at, cells in quoted:
        row = ROWS[task, reference, int(at.replace(",", ""))]
        shown = [f"{100 * row.spread:.0f} %", *(f"{getattr(row, name):.2f}" for name in ("pass_5", "pass_10"))]
        shown += [f"{row.fail_20:.2f}", f"{row.fail_30:.2f}", str(row.n or "none")]
        mark = "yes" if primary(task, reference, row.env_step) else ""
        assert [cell.strip() for cell in cells.split("|")] == [str(row.published), *shown, mark], (reference, at)


def test_the_shapes_of_the_192_runs_are_standardised():
    shapes = pd.read_csv(deciding.VALUE_NET_SHAPES)
    assert shapes.shape == (192, 9) and np.abs(shapes.mean()).max() < 1e-3 and np.abs(shapes.std() - 1).max() < 1e-3
    assert shapes["1000000"].skew() < -1 < shapes["100000"].skew()  # the heavy left tail comes late
    published = pd.DataFrame(
        [("value_net", "HalfCheetah-v2", seed, 5_000 * k, seed * 10.0 + k) for seed in range(3) for k in range(1, 401)],
        columns=["variant", "env", "seed", "step", "value"],
    )
    derived = deciding.derive(published)
    assert list(derived.columns) == [int(step) for step in shapes]
    assert (derived.to_numpy().T == [-1, 0, 1]).all()

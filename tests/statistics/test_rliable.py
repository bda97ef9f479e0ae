"""The aggregates against rliable 1.2.0, which needs an interpreter of its own: make .venv-rliable/ready"""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
from builders.runs import ROOT

from suite.statistics import aggregate, bootstrap

PYTHON = ROOT / ".venv-rliable/bin/python"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="rliable is not set up (make .venv-rliable/ready)")

TAUS = [-1.0, -0.3, 0.0, 0.25, 0.5, 1.0, 2.0]
GAMMAS = [1.0, 0.4]
RESAMPLES = {"iqm": 2_000, "probability_of_improvement": 400}  # as many as can be waited for

# Read by rliable's interpreter. Its bootstrap draws from numpy's global generator whatever it is given, hence the seed.
SCRIPT = """
import json, sys
import numpy as np
from rliable import library, metrics

asked = json.load(sys.stdin)
found = []
for case in asked["cases"]:
    x, y = np.array(case["x"]), np.array(case["y"])
    found.append({
        "mean": metrics.aggregate_mean(x),
        "median": metrics.aggregate_median(x),
        "iqm": metrics.aggregate_iqm(x),
        "optimality_gap": [metrics.aggregate_optimality_gap(x, gamma) for gamma in asked["gammas"]],
        "runs": library.score_distributions(x, np.array(asked["taus"])).tolist(),
        "means": library.average_score_distributions(x, np.array(asked["taus"])).tolist(),
        "probability_of_improvement": metrics.probability_of_improvement(x, y),
    })
np.random.seed(0)
curves, reps = np.array(asked["curves"]), asked["resamples"]
iqm = lambda scores: np.array([metrics.aggregate_iqm(scores[..., i]) for i in range(scores.shape[-1])])
intervals = {
    "iqm": library.get_interval_estimates({"": curves}, iqm, reps=reps["iqm"])[1][""].tolist(),
    "probability_of_improvement": library.get_interval_estimates(
        {"": [np.array(asked["cases"][0][name]) for name in "xy"]},
        lambda x, y: np.array([metrics.probability_of_improvement(x, y)]),
        reps=reps["probability_of_improvement"],
    )[1][""].tolist(),
}
json.dump({"cases": found, "intervals": intervals}, sys.stdout)
"""


def cases() -> list[dict[str, np.ndarray]]:
    """Scores [runs, tasks] of two arms: of many shapes, also with ties, equal columns and unequal numbers of runs."""
    rng = np.random.default_rng(0)
    drawn = []
    for runs, tasks in [(10, 5), (3, 1), (1, 4), (7, 3), (5, 2), (4, 1), (20, 6)]:
        x, y = rng.normal(0.6, 0.5, (runs, tasks)), rng.normal(0.5, 0.3, (runs + tasks % 3, tasks))
        drawn.append({"x": x, "y": y})
        drawn.append({"x": np.round(2 * x) / 2, "y": np.round(2 * y) / 2})
    x = np.round(rng.normal(0.5, 0.5, (6, 3)), 1)
    return [*drawn, {"x": x, "y": np.column_stack([x[:, 0], x[:, 1] + 1, x[:, 2] - 1])}]


CASES = cases()
CURVES = np.random.default_rng(1).normal([[[0.1, 0.5, 0.9]]], [[[0.3, 0.2, 0.1]]], (10, 5, 3)).cumsum(axis=-1)


@pytest.fixture(scope="module")
def theirs():
    asked = {
        "cases": [{name: side.tolist() for name, side in case.items()} for case in CASES],
        "curves": CURVES.tolist(),
        "taus": TAUS,
        "gammas": GAMMAS,
        "resamples": RESAMPLES,
    }
    done = subprocess.run([PYTHON, "-I", "-c", SCRIPT], input=json.dumps(asked), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("i", range(len(CASES)))
def test_point_estimates_are_rliable_s(theirs, i):
    x, y = CASES[i]["x"], CASES[i]["y"]
    ours = {
        "mean": aggregate.mean(x),
        "median": aggregate.median(x),
        "iqm": aggregate.iqm(x, weights="pooled"),
        "optimality_gap": [aggregate.optimality_gap(x, gamma) for gamma in GAMMAS],
        "runs": aggregate.performance_profile(x, TAUS),
        "means": aggregate.performance_profile(x, TAUS, of="means"),
        "probability_of_improvement": aggregate.probability_of_improvement(x, y),
    }
    for name, expected in theirs["cases"][i].items():
        np.testing.assert_allclose(ours[name], expected, rtol=1e-6, atol=1e-12, err_msg=name)


def test_equal_runs_per_task_make_both_weights_one_where_nothing_straddles_a_quartile(theirs):
    """20 runs of 6 tasks: 120 scores, whole at both quartiles."""
    (i,) = (i for i, case in enumerate(CASES) if case["x"].shape == (20, 6) and len(np.unique(case["x"])) > 100)
    assert float(aggregate.iqm(CASES[i]["x"])) == pytest.approx(theirs["cases"][i]["iqm"], rel=1e-9)


def assert_same_interval(ours: aggregate.Interval, theirs: dict, name: str) -> None:
    """Both ends within four Monte-Carlo errors of theirs, ours being drawn often enough to add little of its own."""
    error = 4 * bootstrap.limit_error(0.95, RESAMPLES[name]) * np.asarray(ours.standard_error)
    low, high = np.squeeze(theirs["intervals"][name])
    assert (abs(ours.low - low) < error).all() and (abs(ours.high - high) < error).all()
    assert (np.asarray(ours.high - ours.low) > 5 * error).all(), "an interval this narrow would show nothing"


def test_plain_intervals_of_a_curve_are_rliable_s(theirs):
    """At every checkpoint; rliable draws checkpoints apart, which changes no interval of a single one."""
    interval = bootstrap.stratified(CURVES, aggregate.iqm, scheme="plain", rng=np.random.default_rng(0))
    assert_same_interval(interval, theirs, "iqm")


def test_plain_intervals_of_two_arms_are_rliable_s(theirs):
    found = bootstrap.two_sample(
        CASES[0]["x"],
        CASES[0]["y"],
        aggregate.probability_of_improvement,
        scheme="plain",
        rng=np.random.default_rng(0),
    )
    assert_same_interval(found, theirs, "probability_of_improvement")

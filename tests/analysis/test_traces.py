"""What is kept of diagnostics over training."""

import numpy as np
import pandas as pd

from suite.analysis.runs import PlannedCell, PlannedRun
from suite.analysis.traces import POINTS, thinned, traces_of
from suite.analysis.types import CellKey, Label

KEY = CellKey("Pendulum-v1", "torch", "abc")


def run(seed: int, status="finished", stale=False) -> PlannedRun:
    return PlannedRun(seed, status, stale, None, "", False, None, "c0de", None)


def cell(*runs: PlannedRun) -> PlannedCell:
    return PlannedCell(KEY, Label("sac_v2", "", ""), (), 400, 100, 2, runs)


def table(*rows) -> pd.DataFrame:
    """Rows of seed, env_step, alpha, q_bias."""
    data = pd.DataFrame(rows, columns=["seed", "env_step", "alpha", "q_bias"])
    return data.assign(**KEY._asdict())


def test_at_most_so_many_points_are_kept_with_both_ends():
    steps = list(range(0, 1_000_001, 5_000))
    kept = thinned(steps)
    assert len(kept) == POINTS and (kept[0], kept[-1]) == (0, 1_000_000) and set(kept) <= set(steps)
    assert thinned([1, 2, 3]) == [1, 2, 3]
    assert max(np.diff(kept)) <= 2 * min(np.diff(kept))


def test_a_mean_is_of_finished_runs_where_all_have_a_value():
    rows = table((0, 100, 1.0, np.nan), (0, 200, 0.5, np.inf), (1, 100, 3.0, np.nan), (1, 200, np.nan, np.nan),
                 (2, 100, 9.0, np.nan), (3, 100, 99.0, 1.0))  # fmt: skip
    runs = run(0), run(1), run(2, "crashed"), run(3, stale=True)
    (trace,) = traces_of(rows, [cell(*runs)])
    assert trace.env_steps == (100, 200) and [one.seed for one in trace.runs] == [0, 1, 2]
    assert trace.mean["alpha"][0] == 2.0 and np.isnan(trace.mean["alpha"][1])
    assert "q_bias" not in trace.runs[0].values, "of it nothing finite is known of a run that is not stale"
    (trace,) = traces_of(rows, [cell(*runs, run(4))])
    assert trace.mean == {}, "a finished run of which nothing was recorded"


def test_a_cell_of_which_nothing_was_recorded_has_an_empty_trace():
    nothing = table((0, 100, np.nan, np.nan))
    for rows in (nothing, nothing.iloc[:0], pd.DataFrame()):
        (trace,) = traces_of(rows, [cell(run(0))])
        assert (trace.env_steps, trace.runs, trace.mean) == ((), (), {})


def test_an_evaluation_that_was_recorded_twice_counts_once():
    (trace,) = traces_of(table((0, 100, 1.0, 0.0), (0, 100, 2.0, 0.0)), [cell(run(0))])
    assert trace.runs[0].values["alpha"] == (2.0,)

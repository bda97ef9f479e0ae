"""The mean of an evaluation, the curve of a run, and its place on a grid."""

import numpy as np
import pandas as pd
import pytest
from builders.made_up_study import ACCIDENTS, BUDGET, EPISODES, OPTIONS, write

from suite.analysis import results
from suite.analysis.declared import Declared
from suite.analysis.evaluations import RunKey, evaluation_curves, evaluation_means
from suite.analysis.results_file import read_results
from suite.analysis.run_curves import aligned, aligned_where_known
from suite.analysis.types import CellKey, RunCurve
from suite.study.config import Report

KEY = CellKey("Pendulum-v1", "jax", "0123456789")
RUN = RunKey(KEY, 0)


def episodes(*rows: tuple[int, str, int, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["env_step", "kind", "episode", "return"])
    return table.assign(**KEY._asdict(), seed=0)


def test_an_evaluation_is_the_mean_of_its_episodes_each_counted_once():
    table = episodes((10, "mean", 0, 1.0), (10, "mean", 1, 3.0), (10, "mean", 1, 3.0), (20, "mean", 0, 5.0))
    assert evaluation_curves(table)[RUN][:3] == ((10, 20), (2.0, 5.0), (2, 1))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_evaluation_with_a_broken_episode_has_no_mean_and_ends_the_curve(bad):
    table = episodes((10, "mean", 0, 1.0), (20, "mean", 0, 4.0), (20, "mean", 1, bad), (30, "mean", 0, 2.0))
    means = evaluation_means(table)
    assert means["mean"].tolist() == pytest.approx([1.0, np.nan, 2.0], nan_ok=True)
    curve = evaluation_curves(table)[RUN]
    assert (curve.env_steps, curve.values, curve.broken_at) == ((10,), (1.0,), 20)


def test_deterministic_evaluations_go_before_sampled_ones():
    both = episodes((10, "mean", 0, 1.0), (10, "sample", 1, 9.0))
    curve = evaluation_curves(both)[RUN]
    assert (curve.values, curve.kind) == ((1.0,), "deterministic")
    sampled = evaluation_curves(both[both["kind"] == "sample"])[RUN]
    assert (sampled.values, sampled.kind) == ((9.0,), "sampled")
    assert evaluation_curves(both.iloc[:0]) == {}


def test_a_failed_run_is_at_its_floor_from_where_it_stopped():
    finished = RunCurve(0, "finished", None, -9.0, (10, 20, 30), (1.0, 2.0, 3.0))
    crashed = RunCurve(1, "crashed", 15, -9.0, (10,), (5.0,))
    curves = aligned_where_known([finished, crashed], 10, 30)
    assert curves.grid.tolist() == [10, 20, 30]
    assert curves.values.tolist() == [[1.0, 2.0, 3.0], [5.0, -9.0, -9.0]]


def test_a_point_that_one_run_lacks_is_left_out_for_all():
    runs = [RunCurve(0, "finished", None, None, (0, 10, 20), (1.0, 2.0, 3.0)),
            RunCurve(1, "finished", None, None, (10, 20), (4.0, 5.0))]  # fmt: skip
    curves = aligned_where_known(runs, 10, 20)
    assert curves.grid.tolist() == [10, 20]
    assert np.isnan(aligned(runs, np.array([0, 10, 20]), 10)[1, 0])
    assert aligned_where_known([RunCurve(0, "finished", None, None, (5,), (1.0,))], 2, 2) is None


def test_the_variance_between_seeds_is_split_by_the_spread_within_evaluations(tmp_path):
    write(tmp_path, tasks=("Pendulum-v1",), accidents=ACCIDENTS)
    results.main(tmp_path, **OPTIONS, declared=Declared(Report(resamples=100)))
    rows = pd.read_parquet(tmp_path / "evaluations.parquet")
    for cell in read_results(tmp_path).cells:
        finished = [run for run in cell.seeds if run.status == "finished" and not run.stale]
        late = rows[(rows["run_id"] == cell.run_id) & (rows["env_step"] > 0.9 * BUDGET)]
        late = late[late["seed"].isin([run.seed for run in finished])]
        within = late.groupby(["seed", "env_step"])["return"].var(ddof=1)
        evaluation = within.groupby("seed").mean().mean() / (2 * EPISODES)  # two evaluations of as many episodes
        total = np.var([run.score for run in finished], ddof=1)
        expected = (len(finished), total, evaluation, max(total - evaluation, 0))
        assert cell.variance == pytest.approx(expected)
        assert cell.variance.evaluation_share == pytest.approx(min(evaluation / total, 1))

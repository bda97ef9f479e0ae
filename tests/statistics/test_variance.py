"""The variance between seeds and its two parts."""

import numpy as np
import pytest

from suite.statistics.variance import parts


def studies(training: float, episode: float, n: int = 2_000, seeds: int = 5, episodes: int = 10) -> np.ndarray:
    """Returns [n, seeds, episodes] of simulated studies with these SDs."""
    rng = np.random.default_rng(0)
    trained = rng.normal(0, training, (n, seeds, 1)) if training else np.zeros((n, seeds, 1))
    return trained + rng.normal(0, episode, (n, seeds, episodes))


@pytest.mark.parametrize("training, episode", [(2.0, 3.0), (0.0, 93.0)])
def test_the_parts_are_what_went_in(training, episode):
    returns = studies(training, episode)
    found = [parts(study.mean(axis=1), study.var(axis=1, ddof=1) / study.shape[1]) for study in returns]
    evaluation = np.mean([one.evaluation for one in found])
    assert evaluation == pytest.approx(episode**2 / 10, rel=0.03)
    assert np.mean([one.total for one in found]) - evaluation == pytest.approx(
        training**2, abs=0.04 * episode**2 / 10 + 0.2
    )
    assert all(one.training == max(one.total - one.evaluation, 0) for one in found)


def test_a_study_whose_seeds_differ_by_evaluation_alone_has_no_training_part():
    assert parts([1.0, 2.0, 3.0], [4.0, 4.0, 4.0]) == (1.0, 4.0, 0.0)


@pytest.mark.parametrize("errors", [[1.0], [1.0, -1.0], [1.0, np.nan]])
def test_what_is_no_variance_is_refused(errors):
    with pytest.raises(ValueError, match="one per score"):
        parts([1.0, 2.0], errors)

"""The multi-goal environment: its rewards and ends, worked by hand from the cited source."""

from __future__ import annotations

import numpy as np
import pytest

from suite.lab.multigoal import MultiGoal
from suite.lab.tasks import Environment


@pytest.fixture
def environment():
    return MultiGoal()


def at(environment, *position):
    environment.reset(seed=0)
    environment.state = np.array(position, float)
    return environment


def test_it_starts_near_the_origin(environment):
    starts = np.array([environment.reset(seed=n)[0] for n in range(2_000)])
    np.testing.assert_allclose(starts.mean(0), 0, atol=0.01)
    np.testing.assert_allclose(starts.std(0), 0.1, atol=0.01)


@pytest.mark.parametrize(
    ("start", "action", "end", "reward", "reached"),
    [
        ((0, 0), (0, 0), (0, 0), -25.0, False),
        ((0, 0), (1, 0), (1, 0), -30.0 - 16.0, False),
        ((0, 1), (0.5, 0), (0.5, 1), -7.5 - 16.25, False),  # the northern goal is the nearest
        ((-4, 0), (-0.5, 0), (-4.5, 0), 10 - 7.5 - 0.25, True),
        ((0, -3), (0, -1), (0, -4), -30.0 - 1.0, False),  # at a distance of 1, which is not below it
        ((6.9, 6.9), (1, 1), (7, 7), -60.0 - 53.0, False),  # the wall
        ((0, 0), (3, 0), (1, 0), -30.0 - 16.0, False),  # an action beyond the box is clipped
    ],
)
def test_a_step(environment, start, action, end, reward, reached):
    obs, paid, terminated, truncated, _ = at(environment, *start).step(np.array(action, float))
    np.testing.assert_allclose(obs, end, atol=1e-6)
    assert paid == pytest.approx(reward) and (terminated, truncated) == (reached, False)


def test_it_is_registered_with_its_time_limit():
    environment = Environment("MultiGoal-v0")
    environment.reset(seed=0)
    ends = [environment.step(np.zeros(2))[2:] for _ in range(30)]
    assert ends[:-1] == [(False, False)] * 29 and ends[-1] == (False, True)

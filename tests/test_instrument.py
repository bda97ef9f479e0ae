"""Seeding, replay, initial weights and tasks: the parts a training loop is made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import SMALL

from suite import initial, seeding
from suite.contract import Spaces, row_width, unpack
from suite.replay import Replay
from suite.spec import ValueNet
from suite.tasks import TASKS, Environment

SPACES = Spaces(5, 3)


# --- seeding


@pytest.mark.parametrize("name", seeding.STREAMS)
def test_a_stream_is_its_seed_and_name_whatever_the_others_do(name):
    alone = seeding.stream(3, name).random(5)
    for other in seeding.STREAMS:
        seeding.stream(3, other).random(1000)
    assert np.array_equal(seeding.stream(3, name).random(5), alone)
    for other in seeding.STREAMS:
        if other != name:
            assert not np.intersect1d(seeding.stream(3, other).random(1000), alone).size
    assert not np.array_equal(seeding.stream(4, name).random(5), alone)
    assert not np.array_equal(seeding.stream(3, name, 1).random(5), alone)


def test_streams_are_uncorrelated():
    draws = np.stack([seeding.stream(0, name).standard_normal(4000) for name in seeding.STREAMS])
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)  # five standard errors


def test_an_unknown_stream_is_refused():
    with pytest.raises(KeyError, match="explor"):
        seeding.stream(0, "explor")


def test_a_stream_continues_from_its_state():
    generator = seeding.stream(0, "replay")
    generator.random(17)
    state = seeding.get_state(generator)
    expected = generator.random(5)
    other = seeding.stream(9, "replay")
    seeding.set_state(other, state)
    assert np.array_equal(other.random(5), expected)


# --- initial weights


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    first = initial.params(SMALL, SPACES, seeding.stream(0, "initial"))
    again = initial.params(SMALL, SPACES, seeding.stream(0, "initial"))
    other = initial.params(SMALL, SPACES, seeding.stream(1, "initial"))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["actor/w0"], other["actor/w0"])
    assert not np.array_equal(first["critic1/w0"], first["critic2/w0"])


@pytest.mark.parametrize("value_net", [None, ValueNet(loss_scale=0.5)])
@pytest.mark.parametrize("target_init", ["copy", "independent"])
def test_targets_start_as_told_and_every_shape_is_there(value_net, target_init):
    spec = replace(SMALL, value_net=value_net, target_init=target_init)
    params = initial.params(spec, SPACES, seeding.stream(0, "initial"))
    shapes = initial.shapes(spec, SPACES)
    assert {name: array.shape for name, array in params.items() if "/" in name} == shapes
    target, online = ("target_value/w0", "value/w0") if value_net else ("target_critic1/w0", "critic1/w0")
    assert np.array_equal(params[target], params[online]) == (target_init == "copy")
    assert ("target_critic1/w0" in params) == (value_net is None)


def test_initialisers_have_their_bounds():
    rng = np.random.default_rng(0)
    weight, bias = initial.dense(rng, "torch", 100, 4000)
    assert 0.099 < np.abs(weight).max() <= 0.1 and 0.09 < np.abs(bias).max() <= 0.1
    weight, bias = initial.dense(rng, "glorot_uniform", 100, 500)
    assert 0.099 < np.abs(weight).max() <= 0.1 and not bias.any()


# --- replay


def test_replay_overwrites_the_oldest_and_samples_all_it_has(rng):
    replay = Replay(4, 2)
    for i in range(6):
        replay.add(np.array([i, -i]))
    assert len(replay) == 4 and replay.added == 6
    out = np.empty((3, 200, 2), np.float32)
    replay.sample(rng, out)
    assert set(out[..., 0].ravel()) == {2, 3, 4, 5}
    assert np.array_equal(replay.slice(2, 6)[:, 0], [2, 3, 4, 5])


def test_replay_restores_what_slice_gave():
    replay, other = Replay(4, 1), Replay(4, 1)
    for i in range(7):
        replay.add(np.array([i]))
    other.restore(3, replay.slice(3, 5))
    other.restore(5, replay.slice(5, 7))
    assert np.array_equal(other.rows, replay.rows) and other.added == replay.added


def test_unpack_undoes_the_packed_layout():
    spaces = Spaces(3, 2)
    row = np.arange(row_width(spaces), dtype=float)
    batch = unpack(row[None], spaces)
    assert np.array_equal(batch.obs, [[0, 1, 2]]) and np.array_equal(batch.action, [[3, 4]])
    assert batch.reward == [5] and np.array_equal(batch.next_obs, [[6, 7, 8]]) and batch.terminated == [9]


# --- tasks


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_as_the_table_says_and_continues_bit_for_bit(task):
    env, fresh = Environment(task), Environment(task)
    assert env.spaces == (TASKS[task].obs_dim, TASKS[task].action_dim)
    assert env._time_limit._max_episode_steps == TASKS[task].time_limit
    actions = np.random.default_rng(0).uniform(-1, 1, (90, env.spaces.action_dim)).astype(np.float32)
    env.reset(seed=3)
    for action in actions[:30]:
        _, _, terminated, truncated = env.step(action)
        if terminated or truncated:
            env.reset()
    fresh.set_state(env.get_state())
    for action in actions[30:]:
        expected, found = env.step(action), fresh.step(action)
        assert np.array_equal(expected[0], found[0]) and expected[1:] == found[1:]
        assert found[0].dtype == np.float32
        if expected[2] or expected[3]:
            assert np.array_equal(env.reset(), fresh.reset())


def test_actions_are_rescaled_or_clipped_to_the_box():
    played = []
    for how in ("rescale", "clip"):
        env = Environment("Pendulum-v1", how)
        env.reset(seed=0)
        env.step(np.array([0.75], np.float32))
        played.append(float(env.env.unwrapped.last_u))
    assert played == [1.5, 0.75]


def test_a_time_limit_is_truncation_and_a_fall_is_termination():
    env = Environment("Pendulum-v1")
    env.reset(seed=0)
    ends = [env.step(np.zeros(1, np.float32))[2:] for _ in range(200)]
    assert ends[-1] == (False, True) and not any(terminated or truncated for terminated, truncated in ends[:-1])
    env = Environment("InvertedPendulum-v5")
    env.reset(seed=0)
    while not any(end := env.step(np.ones(1, np.float32))[2:]):
        pass
    assert end == (True, False)

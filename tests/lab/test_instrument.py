"""Seeding, replay, initial weights and tasks: the parts a training loop is made of."""

from __future__ import annotations

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from builders.runs import SMALL, job

from suite.lab import seeding
from suite.lab.evaluation import Evaluation, unsquashed
from suite.lab.normaliser import Normaliser
from suite.lab.replay import NStepReplay, Replay, StackedReplay
from suite.lab.seat import uniform_log_density
from suite.lab.tasks import TASKS, Environment
from suite.sac import weights as initial
from suite.sac.contract import Spaces, row_width, unpack
from suite.sac.spec import Orthogonal, Uniform, ValueNet

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


@pytest.mark.parametrize("value_net", [None, ValueNet(loss_scale=0.5, target="per_sample")])
@pytest.mark.parametrize("target_init", ["copy", "independent", "soft_once"])
def test_targets_start_as_told_and_every_shape_is_there(value_net, target_init):
    spec = replace(SMALL, value_net=value_net, target_init=target_init)
    params = initial.params(spec, SPACES, seeding.stream(0, "initial"))
    shapes = initial.shapes(spec, SPACES)
    assert {name: array.shape for name, array in params.items() if "/" in name} == shapes
    target, online = ("target_value/w0", "value/w0") if value_net else ("target_critic1/w0", "critic1/w0")
    assert np.array_equal(params[target], params[online]) == (target_init == "copy")
    assert ("target_critic1/w0" in params) == (value_net is None)


def drawn(net="critic1", seed=0, spaces=SPACES, **switches):
    """A network's first weights under the given switches, by suffix."""
    params = initial.params(replace(SMALL, **switches), spaces, seeding.stream(seed, "initial"))
    return {name.removeprefix(f"{net}/"): array for name, array in params.items() if name.startswith(f"{net}/")}


@pytest.mark.parametrize(
    ("init", "bound", "bias_bound"),
    [
        ("torch", 1 / np.sqrt(100), 1 / np.sqrt(100)),
        ("glorot_uniform", np.sqrt(6 / 500), 0),
        ("glorot_per_input", np.sqrt(6 / 500), 0),
        ("fan_in", 1 / np.sqrt(100), 0),
        ("fan_out", 1 / np.sqrt(400), 0),
        (Uniform(weight=0.02, bias=0.5), 0.02, 0.5),
        (Uniform(weight=0.003, bias=0.0), 0.003, 0),
    ],
)
def test_uniform_initialisers_fill_their_bounds(init, bound, bias_bound):
    """Of 40 000 draws the largest is within 0.1 % of the bound, of the 400 biases within 5 %; and the mean is 0."""
    weight, bias = initial.dense(np.random.default_rng(0), init, 100, 400)
    assert weight.shape == (100, 400) and bias.shape == (400,)
    assert 0.999 * bound < np.abs(weight).max() <= bound
    assert 0.95 * bias_bound <= np.abs(bias).max() <= bias_bound
    assert abs(weight.mean()) < 5 * bound / np.sqrt(3 * weight.size)  # five standard errors


def test_lecun_normal_is_truncated_and_has_the_variance_of_one_over_fan_in():
    """The variance of 200 000 draws to 1 %, where a normal one that is merely cut off would have 23 % less."""
    weight, bias = initial.dense(np.random.default_rng(0), "lecun_normal", 100, 2000)
    assert weight.var() * 100 == pytest.approx(1, rel=0.01) and not bias.any()
    cut = 2 / (initial.TRUNCATED_STD * 10)
    assert 0.99 * cut < np.abs(weight).max() <= cut


@pytest.mark.parametrize(("inputs", "outputs"), [(6, 6), (20, 6), (6, 20)])
def test_orthogonal_is_orthogonal_as_far_as_it_can_be(inputs, outputs):
    weight, bias = initial.dense(np.random.default_rng(0), Orthogonal(gain=1.5), inputs, outputs)
    short = weight.T @ weight if inputs >= outputs else weight @ weight.T
    np.testing.assert_allclose(short, 1.5**2 * np.eye(min(inputs, outputs)), atol=1e-12)
    assert weight.shape == (inputs, outputs) and not bias.any()


def test_orthogonal_prefers_no_sign():
    """QR alone leaves every diagonal entry of R, and with it the first entry of Q's first column, of one sign."""
    rng = np.random.default_rng(0)
    positive = [(initial.dense(rng, Orthogonal(gain=1.0), 3, 3)[0].diagonal() > 0).mean() for _ in range(400)]
    assert 0.4 < np.mean(positive) < 0.6  # six standard errors to either side


def test_glorot_per_input_bounds_observation_and_action_rows_apart():
    spaces, width = Spaces(200, 10), 300
    critic = drawn(spaces=spaces, hidden=(width, width), hidden_init="glorot_per_input")
    for rows, inputs in ((critic["w0"][:200], 200), (critic["w0"][200:], 10), (critic["w1"], width)):
        bound = np.sqrt(6 / (inputs + width))
        assert 0.99 * bound < np.abs(rows).max() <= bound
    assert critic["w0"].shape == (210, width) and not critic["b0"].any()
    actor = drawn("actor", spaces=spaces, hidden=(width, width), hidden_init="glorot_per_input")
    assert np.abs(actor["w0"]).max() <= np.sqrt(6 / (200 + width))


def test_each_layer_has_the_initialiser_of_its_kind():
    switches = {
        "hidden_init": Uniform(weight=1.0, bias=0.0),
        "critic_output_init": Uniform(weight=0.1, bias=0.0),
        "mean_init": Uniform(weight=0.01, bias=0.0),
        "log_std_init": Uniform(weight=0.001, bias=0.0),
        "value_net": ValueNet(loss_scale=0.5, target="per_sample"),
    }

    def order(weight):
        return int(np.ceil(np.log10(np.abs(weight).max())))

    for net in ("critic1", "value", "target_value"):
        assert [order(drawn(net, **switches)[name]) for name in ("w0", "w1", "w2")] == [0, 0, -1]
    actor = drawn("actor", **switches)
    assert [order(actor[name]) for name in ("w0", "w1", "w_mean", "w_log_std")] == [0, 0, -2, -3]


def test_joint_heads_are_one_layer_of_twice_the_outputs():
    switches = {"mean_init": "glorot_uniform", "log_std_init": "glorot_uniform", "hidden": (50, 4)}
    spaces = Spaces(5, 300)
    joint = drawn("actor", spaces=spaces, actor_head="joint", **switches)
    separate = drawn("actor", spaces=spaces, actor_head="separate", **switches)
    assert {name: array.shape for name, array in joint.items()} == {k: v.shape for k, v in separate.items()}
    for heads, outputs in ((joint, 600), (separate, 300)):
        bound = np.sqrt(6 / (4 + outputs))
        for name in ("w_mean", "w_log_std"):
            assert 0.97 * bound < np.abs(heads[name]).max() <= bound
    assert np.array_equal(joint["w1"], separate["w1"])
    switches = {"mean_init": Orthogonal(gain=1.0), "log_std_init": Orthogonal(gain=1.0), "hidden": (8, 8)}
    heads = drawn("actor", actor_head="joint", **switches)
    both = np.hstack([heads["w_mean"], heads["w_log_std"]])  # [8, 6]: orthogonal only together
    np.testing.assert_allclose(both.T @ both, np.eye(6), atol=1e-12)
    heads = drawn("actor", actor_head="separate", **switches)
    both = np.hstack([heads["w_mean"], heads["w_log_std"]])
    assert not np.allclose(both.T @ both, np.eye(6), atol=0.1)


def test_targets_that_are_moved_once_lie_a_step_from_independent_ones():
    independent = drawn("target_critic2", target_init="independent", tau=0.25)
    moved = drawn("target_critic2", target_init="soft_once", tau=0.25)
    for name, online in drawn("critic2", target_init="soft_once", tau=0.25).items():
        np.testing.assert_allclose(moved[name], 0.75 * independent[name] + 0.25 * online, rtol=1e-14)
        assert not np.allclose(moved[name], independent[name])


@pytest.mark.parametrize("target_init", ["copy", "independent", "soft_once"])
def test_a_first_layer_of_two_has_two_names_and_two_fans(target_init):
    spec = replace(SMALL, first_critic_layer="sum_of_relus", hidden_init="glorot_uniform", target_init=target_init)
    params = initial.params(spec, SPACES, seeding.stream(0, "initial"))
    shapes = initial.shapes(spec, SPACES)
    assert {name: array.shape for name, array in params.items() if "/" in name} == shapes
    for net in ("critic1", "target_critic2"):
        own = {name.split("/")[1]: shape for name, shape in shapes.items() if name.startswith(f"{net}/")}
        first = {"w0_obs": (5, 16), "b0_obs": (16,), "w0_act": (3, 16), "b0_act": (16,)}
        assert own == first | {"w1": (16, 16), "b1": (16,), "w2": (16, 1), "b2": (1,)}
        assert np.abs(params[f"{net}/w0_act"]).max() > np.sqrt(6 / (5 + 3 + 16))  # beyond the concatenated one's bound
    assert {"actor/w0", "actor/b0"} <= set(shapes)


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


def test_a_batch_without_replacement_holds_no_row_twice_and_each_as_often(rng):
    replay = Replay(50, 1)
    for i in range(40):
        replay.add(np.array([i]))
    out = np.empty((200, 30, 1), np.float32)
    replay.sample(rng, out, distinct=True)
    assert all(len(np.unique(batch)) == 30 for batch in out)
    counts = np.bincount(out.astype(int).ravel(), minlength=40)
    assert len(counts) == 40 and np.abs(counts - 150).max() < 31  # 150 expected, with a deviation of 6.1


def test_replay_restores_what_slice_gave():
    replay, other = Replay(4, 1), Replay(4, 1)
    for i in range(7):
        replay.add(np.array([i]))
    other.restore(3, replay.slice(3, 5))
    other.restore(5, replay.slice(5, 7))
    assert np.array_equal(other.rows, replay.rows) and other.added == replay.added


def walked(rng, replay, added, more=()):
    """A replay's rows (obs, action, reward, next_obs, terminated, *more, opens): episodes fall, or are cut without a
    terminal."""
    rows, opens = [], True
    for i in range(added):
        falls, cut = rng.random() < 0.15, rng.random() < 0.15
        rows.append((i, -i, rng.normal(), i + 0.5, falls, *(one + i for one in more), opens))
        replay.add(np.array(rows[-1], np.float32))
        opens = falls or cut
    return rows


@pytest.mark.parametrize("added", [13, 20, 33, 47])
@pytest.mark.parametrize("n_step", [1, 2, 3, 25])
def test_several_steps_in_one_are_the_sum_of_a_plain_walk(rng, added, n_step):
    """Over a ring of 20 that is half full, full, and wrapped."""
    spaces, discount = Spaces(1, 1), 0.9
    replay = NStepReplay(20, spaces, n_step, discount)
    rows = walked(rng, replay, added)
    oldest = max(added - 20, 0)
    number = np.arange(oldest, added)
    out = np.empty((len(number), row_width(spaces)), np.float32)
    replay.gather(number % 20, out)
    for i, row in zip(number, out, strict=True):
        reward, last = 0.0, i
        for j in range(n_step):
            reward, last = reward + discount**j * rows[i + j][2], i + j
            if rows[last][4] or last + 1 == added or rows[last + 1][5]:
                break
        kept = discount ** (last - i) * (1 - rows[last][4])
        assert row == pytest.approx([i, -i, reward, last + 0.5, 1 - kept], abs=1e-5)


@pytest.mark.parametrize("added", [13, 20, 33, 47])
@pytest.mark.parametrize("steps", [2, 3, 25])
def test_several_steps_in_a_row_are_those_of_a_plain_walk(rng, added, steps):
    """As above; what does not go on, nor anything behind it, is zero in every number."""
    spaces = Spaces(1, 1)
    replay = StackedReplay(20, spaces, steps)
    rows = walked(rng, replay, added, more=(0.25,))
    number = np.arange(max(added - 20, 0), added)
    out = np.full((len(number), row_width(spaces, steps - 1)), np.nan, np.float32)
    replay.gather(number % 20, out)
    for i, row in zip(number, out, strict=True):
        expected, last = [*map(float, rows[i][:5])], i
        for _ in range(steps - 1):
            if last is not None:
                over = rows[last][4] or last + 1 == added or rows[last + 1][-1]
                last = None if over else last + 1
            expected += [0.0] * 6 if last is None else [*map(float, rows[last][1:6]), 1.0]
        assert row == pytest.approx(expected, abs=1e-5)
    batch = unpack(out, spaces, steps - 1)
    shapes = [{np.shape(value) for value in step} for step in batch.further]
    assert len(shapes) == steps - 1 and all(one == {(len(number),), (len(number), 1)} for one in shapes)


def test_the_density_of_uniform_actions_before_tanh_integrates_to_one():
    u = np.linspace(-12, 12, 24_001)
    density = np.exp([uniform_log_density(np.tanh([one])) for one in u])
    assert density.sum() * 0.001 == pytest.approx(1, abs=1e-4)  # beyond A_MAX, u = 8.7, it stays at 6e-8
    two = uniform_log_density(np.array([0.3, -1.0], np.float32))
    apart = [uniform_log_density(np.array([one], np.float32)) for one in (0.3, -1.0)]
    assert two == pytest.approx(sum(apart)) and np.isfinite(two)


def test_a_normaliser_knows_mean_and_variance_of_all_it_has_observed(rng):
    """But for its start, which weighs as 1e-4 observations, so that the first one alone has a spread."""
    normaliser, observed = Normaliser(2), rng.normal((3, -100), (2, 0.1), (500, 2)).astype(np.float32)
    normaliser.observe(observed[0])
    assert np.isfinite(normaliser.normalised(observed[0])).all()
    for obs in observed[1:]:
        normaliser.observe(obs)
    np.testing.assert_allclose(normaliser.mean, observed.mean(0), rtol=1e-6)
    start = 1e-4 / 500 * (1 + np.array([3, -100]) ** 2)  # what the start adds: its own variance, and its distance
    np.testing.assert_allclose(normaliser.variance, observed.var(0, dtype=float) + start, rtol=1e-3)
    normal = normaliser.normalised(observed)
    assert normal.dtype == np.float32 and np.allclose(normal.mean(0), 0, atol=1e-2)
    np.testing.assert_array_equal(normaliser.normalised(np.array([1e9, -1e9], np.float32)), [10, -10])


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
    assert env.spaces[:2] == (TASKS[task].obs_dim, TASKS[task].action_dim)
    assert env.time_limit == TASKS[task].time_limit
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


class Skewed(gymnasium.Env):
    """An environment whose box lies skew; it remembers what was played."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Box(np.array([-1, 0], np.float32), np.array([2, 0.5], np.float32))

    def reset(self, *, seed=None, options=None):
        return np.zeros(1), {}

    def step(self, action):
        self.played = action
        return np.zeros(1), 0.0, False, False, {}


gymnasium.register("Skewed-v0", entry_point=Skewed, max_episode_steps=7)


def test_spaces_tell_the_box_that_actions_stand_for():
    assert Environment("HalfCheetah-v5").spaces == (17, 6, (), ())
    assert Environment("Pendulum-v1").spaces == (3, 1, (2.0,), (0.0,))
    assert Environment("Pendulum-v1", "clip").spaces == (3, 1, (), ())
    env = Environment("Skewed-v0")
    assert env.spaces == (1, 2, (1.5, 0.25), (0.5, 0.25)) and env.time_limit == 7
    assert all(type(number) is float for number in env.spaces.action_scale + env.spaces.action_center)
    env.reset()
    env.step(np.array([-0.5, 0.5], np.float32))
    played = np.array(env.spaces.action_center) + np.array(env.spaces.action_scale) * [-0.5, 0.5]
    np.testing.assert_allclose(env.env.unwrapped.played, played)


def test_range_is_what_is_played_without_clipping():
    assert np.array_equal(Environment("Skewed-v0", "rescale").range, [[-1, -1], [1, 1]])
    assert np.array_equal(Environment("Skewed-v0", "clip").range, [[-1, 0], [2, 0.5]])


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


# --- evaluation


def constant(value):
    """A policy that always plays `value`."""
    return lambda obs, noise: np.full((*obs.shape[:2], 1), value, np.float32)


def tilted(obs, noise):
    """A policy that depends on what it sees, and on the noise where there is any."""
    return np.tanh(obs[..., 2:] + (0 if noise is None else noise)).astype(np.float32)


def schedule(**switches):
    return replace(job().schedule, **switches)


def evaluation_of(own, *seeds):
    return Evaluation(own._replace(seeds=seeds).seats)


def test_evaluation_episodes_depend_on_seed_and_number_alone():
    for action in ("mean", "sample"):
        own = job(schedule=schedule(evaluation_action=action))
        block = evaluation_of(own, 3, 4)
        block.play(tilted, 1, [True, True])
        both = block.play(tilted, 2, [True, True])
        for i, seed in enumerate((3, 4)):
            alone = evaluation_of(own, seed).play(tilted, 2, [True])
            for ours, theirs in zip(both[:5], alone[:5], strict=True):
                assert np.array_equal(ours[i], theirs[0])
        assert len(np.unique(both.returns)) == 4 and both.lengths.tolist() == [[200, 200]] * 2
        assert both.failed == [False, False]
        assert not np.array_equal(block.play(tilted, 3, [True, True]).returns, both.returns)


def test_sampled_evaluations_have_noise_of_their_own():
    evaluation, seen = evaluation_of(job(schedule=schedule(evaluation_action="sample")), 3, 4), []

    def act(obs, noise):
        seen.append(noise)
        return tilted(obs, noise)

    for index in (1, 2, 1):
        evaluation.play(act, index, [True, True])
    first, second, again = np.array(seen).reshape(3, 200, 2, 2, 1)
    assert np.array_equal(first, again) and len(np.unique([first, second])) == first.size + second.size


def test_an_evaluation_adds_rewards_up_with_and_without_discount():
    own = job(spec=replace(SMALL, discount=0.9, reward_scale=3.0))
    found = evaluation_of(own, 5).play(constant(0.25), 2, [True])
    env = Environment("Pendulum-v1")
    first = env.reset(seeding.integer(5, "evaluate", 2, 1))
    rewards = [env.step(np.array([0.25], np.float32))[1] for _ in range(200)]
    assert found.returns[0, 1] == pytest.approx(sum(rewards))
    assert found.discounted[0, 1] == pytest.approx(3 * sum(0.9**k * reward for k, reward in enumerate(rewards)))
    assert np.array_equal(found.first_obs[0, 1], first) and found.first_action[0, 1] == 0.25


def test_a_seed_that_is_not_running_is_not_played():
    found = evaluation_of(job(), 3, 4).play(tilted, 1, [False, True])
    assert found.lengths.tolist() == [[0, 0], [200, 200]] and found.failed == [False, False]
    idle = evaluation_of(job(), 3, 4).play(tilted, 1, [False, False])
    assert idle.first_action is None and not idle.lengths.any()


def test_an_action_that_is_no_number_fails_its_seed_alone():
    for action in ("mean", "unsquashed_mean"):
        evaluation = evaluation_of(job(schedule=schedule(evaluation_action=action)), 3, 4)

        def ill(obs, noise):
            actions = tilted(obs, noise)
            actions[0, 1] = np.nan
            return actions

        found = evaluation.play(ill, 1, [True, True])
        assert found.failed == [True, False] and found.lengths[1].tolist() == [200, 200]


@pytest.mark.parametrize(("how", "u", "torque"), [("clip", 1.7, 1.7), ("clip", -30, -2), ("rescale", 0.6, 1.2)])
def test_the_unsquashed_mean_is_what_was_before_tanh_clipped_to_the_box(how, u, torque):
    """-30 is where tanh is -1 in float32, whose inverse is infinite. Six digits of float32 stay in tanh(1.7)."""
    own = job(schedule=schedule(evaluation_action="unsquashed_mean", action_to_env=how))
    found = evaluation_of(own, 0).play(constant(np.tanh(np.float32(u))), 1, [True])
    env = Environment("Pendulum-v1", "clip")
    env.reset(seeding.integer(0, "evaluate", 1, 0))
    rewards = [env.step(np.array([torque]))[1] for _ in range(200)]
    assert found.returns[0, 0] == pytest.approx(sum(rewards), rel=1e-4)
    assert found.first_action[0, 0, 0] == pytest.approx(torque / (2 if how == "rescale" else 1), rel=1e-5)
    assert found.failed == [False]
    squashed = job(schedule=schedule(evaluation_action="mean", action_to_env=how))
    other = evaluation_of(squashed, 0).play(constant(np.tanh(np.float32(u))), 1, [True])
    assert other.returns[0, 0] != pytest.approx(found.returns[0, 0], rel=1e-3)


def test_unsquashed_is_the_inverse_of_tanh_within_bounds():
    u = np.array([-3.0, -0.2, 0.0, 1.9, 40.0])
    np.testing.assert_allclose(unsquashed(np.tanh(u), -2.0, 2.0), [-2, -0.2, 0, 1.9, 2], rtol=1e-12)
    assert unsquashed(np.array([1 + 1e-7]), -2.0, 2.0) == [2.0]  # a tanh that rounds the wrong way


@pytest.mark.parametrize(("action", "kind"), [("mean", "mean"), ("sample", "sample"), ("unsquashed_mean", "mean")])
def test_episodes_are_recorded_as_what_was_played(action, kind):
    evaluation = evaluation_of(job(schedule=schedule(evaluation_action=action)), 3, 4)
    episodes = evaluation.play(tilted, 1, [True, True])
    rows = list(evaluation.rows(episodes, 1))
    assert rows == [(kind, n, episodes.returns[1, n], 200) for n in range(2)]
    assert [type(value) for value in rows[0]] == [str, int, float, int]

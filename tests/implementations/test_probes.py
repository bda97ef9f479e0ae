"""Five probe environments, each failing for one reason only, through the real training loop and every engine."""

from __future__ import annotations

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from builders.runs import SHORT, SMALL, job, places

import implementations
from suite.lab import training
from suite.lab.lab import Lab
from suite.lab.records import read
from suite.sac.spec import FixedAlpha


class Probe(gymnasium.Env):
    """Episodes of `steps` steps; the observation [1] is random or the step's number; reward(step, obs, action)."""

    action_space = gymnasium.spaces.Box(-1, 1, (1,))
    observation_space = gymnasium.spaces.Box(-2, 2, (1,))

    def __init__(self, steps, random, reward):
        self.steps, self.random, self.reward = steps, random, reward

    def _obs(self):
        value = self.np_random.choice([-1.0, 1.0]) if self.random else float(self.at)
        return np.array([value], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = 0
        self.obs = self._obs()
        return self.obs, {}

    def step(self, action):
        reward = self.reward(self.at, float(self.obs[0]), float(action[0]))
        self.at += 1
        self.obs = self._obs()
        return self.obs, reward, self.at == self.steps, False, {}


PROBES = {
    "ProbeOneStep-v0": (1, False, lambda at, obs, action: 1.0),
    "ProbeTwoSteps-v0": (2, False, lambda at, obs, action: float(at == 1)),
    "ProbeDiscount-v0": (3, False, lambda at, obs, action: 1.0),
    "ProbeAction-v0": (1, False, lambda at, obs, action: -((action - 0.5) ** 2)),
    "ProbeObsAction-v0": (1, True, lambda at, obs, action: -((action - 0.5 * obs) ** 2)),
}
for name, (steps, random, reward) in PROBES.items():
    gymnasium.register(
        name, entry_point=Probe, max_episode_steps=50, kwargs={"steps": steps, "random": random, "reward": reward}
    )

SPEC = replace(
    SMALL, temperature=FixedAlpha(value=0.0), hidden=(32, 32), batch_size=64, actor_lr=3e-3, critic_lr=3e-3, tau=0.05
)


def learned(engine, task, tmp_path, spec=SPEC, env_steps=900):
    """The learner after training on a probe, and functions that read its mean action and Q."""
    schedule = replace(SHORT, warmup_steps=200, learn_after=100, replay_capacity=2000)
    own = job(task=task, spec=spec, schedule=schedule, env_steps=env_steps, every=env_steps)
    lab = Lab(engine, own, [training.Recorder(places(tmp_path)[0].record, {})])
    while not lab.done:
        lab.step()
    width = 2 * 1 + 1 + 2

    def q(obs, action):
        rows = np.zeros((1, 1, spec.batch_size, width), np.float32)
        rows[..., 0], rows[..., 1] = obs, action
        noise = np.zeros((1, 1, len(spec.draws), spec.batch_size, 1), np.float32)
        return engine.explain(lab.state, rows, noise)[1]["q"][0, :, 0]

    def action(obs):
        return float(engine.act(lab.state, np.full((1, 1, 1), obs, np.float32), None)[0, 0, 0])

    return q, action


@pytest.fixture(params=sorted(implementations.REGISTRY))
def engine(request):
    return implementations.load(request.param)


def test_one_step_reward_becomes_the_value(engine, tmp_path):
    q, _ = learned(engine, "ProbeOneStep-v0", tmp_path)
    np.testing.assert_allclose(q(0, 0.0), 1, atol=0.05)


def test_two_steps_carry_the_reward_back(engine, tmp_path):
    q, _ = learned(engine, "ProbeTwoSteps-v0", tmp_path, replace(SPEC, discount=1.0))
    np.testing.assert_allclose(q(1, 0.0), 1, atol=0.05)
    np.testing.assert_allclose(q(0, 0.0), 1, atol=0.1)


def test_discounting(engine, tmp_path):
    q, _ = learned(engine, "ProbeDiscount-v0", tmp_path, replace(SPEC, discount=0.5))
    np.testing.assert_allclose([q(at, 0.0).mean() for at in (2, 1, 0)], [1, 1.5, 1.75], atol=0.1)


def test_the_action_with_the_best_reward_is_found(engine, tmp_path):
    _, action = learned(engine, "ProbeAction-v0", tmp_path)
    assert action(0) == pytest.approx(0.5, abs=0.1)


def test_the_best_action_of_each_observation_is_found(engine, tmp_path):
    _, action = learned(engine, "ProbeObsAction-v0", tmp_path, env_steps=1500)
    assert action(1) == pytest.approx(0.5, abs=0.15) and action(-1) == pytest.approx(-0.5, abs=0.15)


def test_a_probe_leaves_a_record(engine, tmp_path):
    own = job(task="ProbeOneStep-v0", spec=SPEC, env_steps=200)
    training.train(engine, own, places(tmp_path), checkpoint_seconds=1e9)
    record = read(places(tmp_path)[0].record)
    assert record.meta.status == "finished"
    assert record.episodes["return"].to_pylist() == [1.0] * 4 and record.episodes["length"].to_pylist() == [1] * 4

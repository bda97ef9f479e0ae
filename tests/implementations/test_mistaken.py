"""Each mistaken implementation makes its one mistake, and nothing else goes wrong in it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from builders.runs import SHORT, SMALL, job, places

import implementations
from implementations import sac_torch
from suite.lab import training
from suite.lab.lab import Lab
from suite.lab.records import Recorder, read
from suite.lab.replay import Replay
from suite.sac import weights
from suite.sac.contract import Spaces, row_width
from suite.specimens import proofs

SPACES = Spaces(3, 1, action_scale=(2.0,), action_center=(0.0,))
RIGHT_EXCEPT: dict[str, set[str]] = {
    "no_tanh_correction": {"log_prob", "next_log_prob", "target_q", "critic_loss", "critic1_loss", "critic2_loss",
                           "dq_da", "actor_loss", "alpha_loss"},  # dq_da: of critics that have moved otherwise
    "temperature_wrong_sign": {"alpha_loss"},
    "entropy_target_of_box": {"alpha_loss"},
    "no_target_update": set(),
    "sampled_evaluation": set(),
    "reward_of_step_before": set(),
    "replay_never_overwrites": set(),
}  # fmt: skip


def engine(name):
    return implementations.load(f"mistaken_{name}")


def states(wrong):
    params = {key: value[None] for key, value in weights.params(SMALL, SPACES, np.random.default_rng(0)).items()}
    return wrong.init(SMALL, SPACES, params), sac_torch.init(SMALL, SPACES, params)


def batch(k=1):
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(1, k, SMALL.batch_size, row_width(SPACES))).astype(np.float32)
    rows[..., -1] = 0
    return rows, rng.normal(size=(1, k, len(SMALL.draws), SMALL.batch_size, 1)).astype(np.float32)


def test_every_mistake_is_registered_and_tried_here():
    assert {f"mistaken_{name}" for name in RIGHT_EXCEPT} == set(implementations.MISTAKEN)


@pytest.mark.parametrize("name", sorted(RIGHT_EXCEPT))
def test_an_update_is_right_but_for_the_mistake(name):
    wrong = engine(name)
    ours, right = states(wrong)
    seen, true = (which.explain(state, *batch())[1] for which, state in ((wrong, ours), (sac_torch, right)))
    plain = {key for key in true if not key.startswith("grad/")}
    differing = {key for key in plain if not np.allclose(seen[key], true[key], rtol=1e-6)}
    assert differing <= RIGHT_EXCEPT[name] and bool(differing) == bool(RIGHT_EXCEPT[name])


def test_without_the_correction_log_pi_is_the_gaussians():
    wrong = engine("no_tanh_correction")
    ours, right = states(wrong)
    rows, noise = batch()
    seen, true = (which.explain(state, rows, noise)[1] for which, state in ((wrong, ours), (sac_torch, right)))
    correction = np.log(1 - true["action"].astype(float) ** 2).sum(-1)
    assert seen["log_prob"] == pytest.approx(true["log_prob"] + correction, abs=1e-4)


def test_the_temperature_moves_the_other_way():
    wrong = engine("temperature_wrong_sign")
    seen, true = (
        which.explain(state, *batch())[1] for which, state in zip((wrong, sac_torch), states(wrong), strict=True)
    )
    assert seen["grad/log_alpha"] == pytest.approx(-true["grad/log_alpha"]) and true["grad/log_alpha"] != 0


def test_targets_stay_where_they_were():
    wrong = engine("no_target_update")
    ours, right = states(wrong)
    before = wrong.get_params(ours)["target_critic1/w0"].copy()
    after, _, _ = wrong.update(ours, *batch(3), None, None)
    assert np.array_equal(wrong.get_params(after)["target_critic1/w0"], before)
    moved, _, _ = sac_torch.update(right, *batch(3), None, None)
    assert not np.array_equal(sac_torch.get_params(moved)["target_critic1/w0"], before)


def test_the_entropy_aimed_at_is_off_by_the_boxs_size():
    wrong = engine("entropy_target_of_box")
    ours, _ = states(wrong)
    assert ours[0].spec.temperature.entropy_per_dim == SMALL.temperature.entropy_per_dim - math.log(2)


def test_an_evaluation_is_sampled_and_repeats_itself():
    wrong = engine("sampled_evaluation")
    ours, right = states(wrong)
    obs = np.random.default_rng(2).normal(size=(1, 4, 3)).astype(np.float32)
    noise = np.ones((1, 4, 1), np.float32)
    mean = sac_torch.act(right, obs, None)
    assert np.abs(wrong.act(ours, obs, None) - mean).min() > 1e-3
    assert np.array_equal(wrong.act(ours, obs, None), wrong.act(ours, obs, None))
    assert np.array_equal(wrong.act(ours, obs, noise), sac_torch.act(right, obs, noise))


def lab_of(wrong, env_steps=60):
    one = job(env_steps=env_steps, every=env_steps)
    return wrong.LAB(wrong, one, [Recorder(Path("r")) for _ in one.seats])


def test_each_reward_is_the_one_before_and_survives_a_checkpoint():
    wrong = engine("reward_of_step_before")
    ours, right = lab_of(wrong).seats[0], lab_of(sac_torch_like()).seats[0]
    rewards = {"ours": [], "right": []}
    for step in range(1, 40):
        for name, seat in (("ours", ours), ("right", right)):
            seat.action = np.array([0.3], np.float32)
            seat.step(step)
            rewards[name].append(float(seat.replay.rows[step - 1, 4]))
    assert rewards["ours"] == [0.0, *rewards["right"][:-1]]
    again = lab_of(wrong).seats[0]
    again.set_state(*ours.get_state())
    assert again.env.reward == ours.env.reward != 0


def sac_torch_like():
    """The right engine in the shape of a mistaken one."""
    return type("Right", (), {"LAB": Lab, "__getattr__": lambda self, name: getattr(sac_torch, name)})()


def test_a_full_replay_keeps_its_first_rows(monkeypatch):
    monkeypatch.setattr("implementations.mistaken.CAPACITY", 5)
    replay = lab_of(engine("replay_never_overwrites")).seats[0].replay
    assert isinstance(replay, Replay) and len(replay.rows) == 5
    for i in range(8):
        replay.add(np.full(replay.rows.shape[1], i, np.float32))
    assert replay.rows[:, 0].tolist() == [0, 1, 2, 3, 4] and len(replay) == 5


def test_one_is_trained_and_recorded_under_its_own_name(tmp_path):
    name = "mistaken_reward_of_step_before"
    one = job()._replace(implementation=name, schedule=SHORT)
    wrong = implementations.load(name)
    training.train(wrong, one, places(tmp_path), lambda job: proofs.present(name, job.spec, job.schedule, job.task),
                   make_lab=wrong.LAB)  # fmt: skip
    meta = read(places(tmp_path)[0].record).meta
    assert meta.implementation == name and meta.status == "finished" and f"engine.{name}" in meta.numerics

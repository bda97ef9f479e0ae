"""Recorded training loops of the original code bases, played by the suite's own; and what no recording reaches."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from builders.runs import ROOT, called

from suite.errors import UsageError
from suite.lab import scripted
from suite.sac.schedule import BootstrapAtLength
from suite.specimens import conformance, loops
from suite.specimens.catalogue import load_preset, preset_names

FOLDER = ROOT / "tests/schedules"
FILES = sorted(FOLDER.glob("*.npz"))
CODE_BASES = [name for name in preset_names() if not hasattr(load_preset(name), "OURS")]


def examined(recorded, schedule=None, spec=None):
    module = load_preset(recorded.preset)
    return loops.examine(recorded, spec or module.SPEC, schedule or module.SCHEDULE)


@pytest.fixture(scope="module")
def short():
    """The shortest recording, to be spoilt."""
    return conformance.read(FOLDER / "stable_baselines-limits.npz")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_recorded_loops_are_played_as_they_were(file):
    assert examined(conformance.read(file)) == (*file.stem.split("-"), {}, ())


@pytest.mark.parametrize("array", loops.ARRAYS)
def test_one_step_that_is_otherwise_is_noticed(short, array):
    at = 2950  # in mid-episode, with an update
    other = short.arrays[array].copy()
    other[at] = not other[at] if other.dtype == bool else other[at] + 1
    if array == "stored_done":
        other[at] = -1
    found = examined(short._replace(arrays=short.arrays | {array: other}))
    assert found.differences[array] == (1, at + 1) and not found.passed
    assert f"{array} at 1 steps, first 2,951" in loops.render([found])


def test_what_nothing_reads_is_not_compared(short):
    """The replay's size where no update follows, and the next observation of a terminal."""
    stored, following = short.arrays["stored"].copy(), short.arrays["next_obs_id"].copy()
    stored[10] += 1
    following[np.flatnonzero(short.arrays["stored_done"] == 1)] = 0
    assert examined(short._replace(arrays=short.arrays | {"stored": stored, "next_obs_id": following})).passed


def test_steps_that_are_declared_to_differ_must_differ(monkeypatch):
    recorded = conformance.read(FOLDER / "jaxrl-mixed.npz")
    agreeing = recorded.arrays["stored_done"].copy()
    agreeing[2181] = 1
    assert examined(recorded._replace(arrays=recorded.arrays | {"stored_done": agreeing})).differences == {
        "stored_done": (1, 2182)
    }
    monkeypatch.setattr(loops, "DECLARED", {})
    assert "it is to differ at" in examined(recorded).contradictions[0]
    meta = recorded.meta | {"declared": {}}
    assert examined(recorded._replace(meta=meta)).differences == {"stored_done": (3, 2182)}


def test_a_schedule_of_the_files_own_is_refused(short):
    found = examined(short._replace(meta=short.meta | {"overrides": {"warmup_steps": 50}}))
    assert not found.passed and "{'warmup_steps': 50}" in found.contradictions[0]


def test_every_declaration_is_of_a_recording():
    assert set(loops.DECLARED) <= {tuple(file.stem.split("-")) for file in FILES}


def test_coachs_copies_come_where_its_loop_made_them():
    recorded = conformance.read(FOLDER / "coach-mixed.npz")
    spec = load_preset("coach").SPEC
    assert loops.copies_as_recorded(recorded, spec)
    for every in (None, 500, 999, 2000):
        assert not loops.copies_as_recorded(recorded, replace(spec, target_copy_every=every)), every
    early = recorded.arrays["copies"].copy()
    early[2998:3000] = early[2999], 0
    assert examined(recorded._replace(arrays=recorded.arrays | {"copies": early})).differences["copies"] == (2, 2999)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": None}, "holds no loop of the shared format"),
        ({"steps": 5}, "uniform is no array of 5 steps"),
        ({"episodes": []}, "it has no steps or no episodes"),
        ({"episodes": [[0, "fall"]]}, "it has no steps or no episodes"),
        ({"episodes": 3}, "holds no loop of the shared format"),
        ({"declared": {"stored": 3}}, "holds no loop of the shared format"),
        ({"episodes": [[10, "faint"]]}, "an episode ends by 'faint'"),
    ],
)
def test_a_malformed_recording_is_one_sentence(short, changes, words):
    with pytest.raises(UsageError, match=words):
        examined(short._replace(meta=dict(short.meta) | changes))


def test_a_recording_with_unread_lacking_or_idle_arrays_is_one_sentence(short):
    coach = conformance.read(FOLDER / "coach-mixed.npz")
    with pytest.raises(UsageError, match="copies is absent; the targets of coach become copies"):
        examined(coach._replace(arrays={name: coach.arrays[name] for name in loops.ARRAYS}))
    for arrays, words in (
        ({"copys": short.arrays["updates"]}, "copys is no array of the format"),
        ({"copies": np.zeros(3)}, "copies is no array of 3100 steps"),
        ({"updates": np.zeros(3100, int)}, "no update follows any of its steps"),
    ):
        with pytest.raises(UsageError, match=words):
            examined(short._replace(arrays=short.arrays | arrays))


def test_exit_codes(tmp_path, short):
    np.savez(tmp_path / "a.npz", meta=json.dumps(dict(short.meta) | {"steps": 5}), **short.arrays)
    alone = called("conformance", "--schedule", tmp_path)
    assert alone.returncode == 2 and alone.stderr.startswith("error: ") and "Traceback" not in alone.stderr
    np.savez(tmp_path / "b.npz", meta=json.dumps(dict(short.meta)), **short.arrays)
    both = called("conformance", "--schedule", tmp_path)
    assert both.returncode == 1 and "none differs" in both.stdout and both.stderr.startswith("not examined: ")
    good = called("conformance", "--schedule", "--json", tmp_path / "b.npz")
    assert good.returncode == 0 and json.loads(good.stdout)[0]["passed"]
    late = np.roll(short.arrays["updates"], 1)
    np.savez(tmp_path / "b.npz", meta=json.dumps(dict(short.meta)), **short.arrays | {"updates": late})
    assert called("conformance", "--schedule", tmp_path / "b.npz").returncode == 1


# --- what no recording reaches


def test_the_zoo_stores_a_shorter_limit_of_the_task_as_terminal_too():
    """hill-a/stable-baselines@259f278 stable_baselines/common/base_class.py:1005 stores done, whoever set it."""
    episodes = [scripted.Episode(200, "limit"), scripted.Episode(200, "fall"), scripted.Episode(30, "fall")]
    schedule = load_preset("stable_baselines_zoo").SCHEDULE
    done = loops.play(schedule, 430, 200, episodes)["stored_done"]
    assert np.flatnonzero(done == 1).tolist() == [199, 399, 429]
    other = loops.play(replace(schedule, time_limit=BootstrapAtLength(steps=200)), 430, 200, episodes)["stored_done"]
    assert np.flatnonzero(other == 1).tolist() == [429]


def test_tianshous_warm_up_ends_with_its_steps_in_the_middle_of_an_episode():
    """thu-ml/tianshou@f240205 examples/mujoco/mujoco_sac.py:146 collects so many steps; the episode is abandoned."""
    schedule = replace(load_preset("tianshou").SCHEDULE, warmup_steps=250, learn_after=251)
    found = loops.play(schedule, 320, 100, [scripted.Episode(100, "limit")])
    assert found["uniform"].tolist() == [True] * 250 + [False] * 70
    assert np.flatnonzero(found["reset"]).tolist() == [99, 199, 249] and found["stored_done"].max() == 0
    assert np.flatnonzero(found["updates"]).tolist() == list(range(250, 320))


class Watched(scripted.Scripted):
    """Keeps what actions reach the environment."""

    actions: ClassVar[list] = []

    def step(self, action):
        self.actions.append(np.array(action))
        return super().step(action)


def played_actions(monkeypatch, schedule, steps):
    monkeypatch.setattr(Watched, "actions", [])
    monkeypatch.setattr(scripted, "Scripted", Watched)
    loops.play(schedule, steps, 20, [scripted.Episode(20, "limit")])
    return np.array(Watched.actions)


@pytest.mark.parametrize("name", CODE_BASES)
def test_warm_up_actions_are_drawn_over_the_whole_box(monkeypatch, name):
    """Every code base with a warm-up draws from the environment's own action space, whatever its policy's range is."""
    schedule = load_preset(name).SCHEDULE
    if schedule.warmup_steps == 0:
        assert name in ("rlkit", "haarnoja_gmm", "soft_q_learning")
        return
    actions = played_actions(monkeypatch, replace(schedule, warmup_steps=300, learn_after=1000), 300)
    low, high = np.array([-2.0, -1.0]), np.array([2.0, 3.0])
    assert (actions >= low - 1e-6).all() and (actions <= high + 1e-6).all()
    assert np.abs(actions.min(0) - low).max() < 0.1 and np.abs(actions.max(0) - high).max() < 0.1


@pytest.mark.parametrize("name", CODE_BASES)
def test_policy_actions_reach_the_environment_as_the_code_base_hands_them_over(monkeypatch, name):
    """Rescaled from [-1, 1] to the box; Coach (rl_coach/environments/gym_environment.py:76-81,432-436), pytorch_sac
    and nnabla-rl hand them over as they are."""
    action = np.array([0.5, -0.25])
    monkeypatch.setattr(
        scripted.Counting, "act", lambda self, state, obs, noise: np.full((1, 1, 2), action, np.float32)
    )
    schedule = replace(load_preset(name).SCHEDULE, warmup_steps=0, learn_after=1000)
    expected = action if name in ("coach", "pytorch_sac", "qr_sac") else np.array([0.0, 1.0]) + 2 * action
    assert np.allclose(played_actions(monkeypatch, schedule, 5), expected, atol=1e-6)


def test_a_full_replay_loses_its_oldest_transitions():
    schedule = replace(load_preset("stable_baselines").SCHEDULE, replay_capacity=150)
    found = loops.play(schedule, 400, 100, [scripted.Episode(100, "limit")])
    kept = np.flatnonzero(found["obs_id"] >= 0)
    assert kept.tolist() == list(range(250, 400)) and found["stored"].tolist() == [*range(1, 151), *[150] * 250]
    assert np.array_equal(found["obs_id"][kept], 2 * kept + (kept % 100 == 0))

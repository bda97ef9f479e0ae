"""Damage at random places of the files that a run resumes from: it ends as if nothing had happened, every time."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from builders import damage
from builders.runs import SHORT, job, places
from builders.training import assert_same, interrupted, train

OWN = job(schedule=replace(SHORT, replay_capacity=120), env_steps=400)  # the ring has wrapped at either checkpoint


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A folder with an undisturbed run and one that was stopped twice, with a checkpoint at 150 and at 310."""
    folder = tmp_path_factory.mktemp("stopped")
    train(OWN, folder / "whole")
    interrupted(OWN, folder / "parts", 150)
    interrupted(OWN, folder / "parts", 310)
    return folder


def files_of(work):
    return sorted([*work.glob("checkpoint-*"), *(work / "replay").iterdir()])


def ends_well(stopped, folder):
    """The run at `folder` ends as the undisturbed one, in two attempts, so that it also resumes from what it saved."""
    interrupted(OWN, folder, 350)
    (record,) = train(OWN, folder)
    assert record.meta.status == "finished"
    assert record.meta.attempts[-1].from_env_step == 350
    assert_same(stopped / "whole", folder)
    assert not [one.name for one in places(folder)[0].work.iterdir() if one.suffix == ".tmp"]


@pytest.mark.parametrize("name", damage.EVERY)
@pytest.mark.parametrize("which", ["newest checkpoint", "older checkpoint", "newest rows", "oldest rows"])
def test_a_damaged_file_costs_what_it_held_and_no_more(stopped, tmp_path, name, which):
    shutil.copytree(stopped / "parts", tmp_path / "parts")
    work = places(tmp_path / "parts")[0].work
    checkpoints, chunks = sorted(work.glob("checkpoint-*")), sorted((work / "replay").iterdir())
    file = {
        "newest checkpoint": checkpoints[-1], "older checkpoint": checkpoints[0],
        "newest rows": chunks[-1], "oldest rows": chunks[0],
    }[which]  # fmt: skip
    damage.EVERY[name](file, np.random.default_rng(len(name)))
    ends_well(stopped, tmp_path / "parts")


@pytest.mark.parametrize("seed", range(12))
def test_damage_drawn_at_random_does_not_alter_a_run(stopped, tmp_path, seed):
    shutil.copytree(stopped / "parts", tmp_path / "parts")
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(rng.integers(1, 4)):
        if files := files_of(places(tmp_path / "parts")[0].work):
            drawn.append(damage.draw(files, rng))
    ends_well(stopped, tmp_path / "parts")

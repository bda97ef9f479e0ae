"""Trains small jobs, stops them where asked, and compares what they left."""

from __future__ import annotations

import numpy as np

import implementations
from builders.runs import places
from suite.lab import loop, training
from suite.lab.checkpoint import Checkpoints, Maker
from suite.lab.lab import Lab
from suite.lab.machine import provenance
from suite.lab.records import Attempt, Pace, arrays_path, read

ENGINE = implementations.load("torch")


def train(own, folder, engine=ENGINE, **options):
    """Trains quietly and returns the records read back."""
    said = []
    options = {"checkpoint_seconds": 1e9, "say": said.append} | options
    own_places = places(folder, own.seeds)
    training.train(engine, own, own_places, **options)
    return [read(place.record) for place in own_places]


def arrays(folder, seed=0):
    with np.load(arrays_path(places(folder, (seed,))[0].record)) as file:
        return {name: file[name] for name in file.files}


def assert_same(folder_a, folder_b, seed=0):
    """Rows and final arrays of two runs, bit for bit."""
    a, b = (read(places(folder, (seed,))[0].record) for folder in (folder_a, folder_b))
    assert a.rows.equals(b.rows)
    left, right = arrays(folder_a, seed), arrays(folder_b, seed)
    assert left.keys() == right.keys()
    assert all(np.array_equal(left[name], right[name]) for name in left)


def interrupted(own, folder, steps):
    """Runs `own` up to `steps`, checkpoints there, and drops everything in memory."""
    own_places = places(folder, own.seeds)
    runs = [provenance(ENGINE, own, seat, {}) for seat in range(len(own.seeds))]
    checkpoints = [Checkpoints(place.work, Maker.of(run)) for place, run in zip(own_places, runs, strict=True)]
    lab = Lab(ENGINE, own, [training.Recorder(place.record) for place in own_places])
    for checkpoint in checkpoints:
        checkpoint.admit()
    lab.resume(checkpoints)
    while lab.env_step < steps:
        lab.step()
    every = own.evaluate_every
    pace = tuple(Pace(at, at / own.env_steps) for at in range(every, steps + 1, every))
    lab.save(checkpoints, [loop.Clock(1.0, (Attempt(0, "then"),), pace=pace) for _ in own_places])
    for checkpoint in checkpoints:
        checkpoint.release()

"""Seats on several cores: the same to the last bit as one after the other."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from builders.runs import SMALL, job

from suite.lab import cores
from suite.lab.cores import TRIALS, Cores
from suite.lab.lab import Lab
from suite.lab.records import Recorder
from suite.specimens.golden import Counting


class Looking(Counting):
    """Acts on what it sees, in any number of dimensions."""

    def init(self, spec, spaces, params):
        self.action_dim = spaces.action_dim
        return super().init(spec, spaces, params)

    def act(self, state, obs, noise):
        drawn = obs[..., : self.action_dim] if noise is None else noise
        return np.tanh(0.1 * drawn).astype(np.float32)


class Always(Cores):
    """In threads, three of them, whatever is faster."""

    def each(self, work, seats):
        self._work(work, seats, True)


@pytest.mark.parametrize("task", ["HalfCheetah-v5", "Pendulum-v1"])
def test_seats_in_threads_play_as_one_after_the_other(tmp_path, task):
    """Every stored row and pending observation, the environment's state, and evaluations, over episodes that end."""
    labs = []
    for threaded in (False, True):
        own = job(seeds=(0, 1, 2, 3, 4), task=task, env_steps=230, spec=SMALL, every=115)
        lab = Lab(Looking(), own, [Recorder(tmp_path) for _ in own.seeds])
        lab._explain = lambda episodes, index: {"first_q": np.zeros((5, 2))}
        for owner in (lab, lab.evaluation):
            owner._cores = (Always if threaded else Cores)(5, 3 if threaded else 1)
        while not lab.done:
            lab.step()
        labs.append(lab)
    for one, other in zip(labs[0].seats, labs[1].seats, strict=True):
        assert one.recorder.rows == other.recorder.rows and len(one.recorder.rows) == 6
        ours, theirs = one.get_state()[0], other.get_state()[0]
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
        assert np.array_equal(one.replay.rows[: len(one.replay)], other.replay.rows[: len(other.replay)])


@pytest.mark.parametrize("threads_help", [True, False])
def test_the_faster_way_is_kept(threads_help):
    """Work that leaves Python's lock is faster side by side; work of which only one can be done at a time is not."""
    lock, seen = threading.Lock(), []

    def work(seat):
        seen.append(threading.get_ident())
        if threads_help:
            time.sleep(0.002)
        else:
            with lock:
                time.sleep(0.0005 if threading.current_thread() is threading.main_thread() else 0.002)

    both = Cores(2, cores=2)
    for _ in range(2 * TRIALS):
        both.each(work, [0, 1])
    seen.clear()
    both.each(work, [0, 1])
    assert len(seen) == 2 and len(set(seen)) == (2 if threads_help else 1)


def test_one_seat_or_one_core_needs_no_thread(monkeypatch):
    monkeypatch.setattr(cores, "usable_cores", lambda: 4)
    assert (Cores(1).threads, Cores(3).threads, Cores(10).threads, Cores(10, cores=1).threads) == (1, 3, 4, 1)


@pytest.mark.parametrize("seat", range(4))
def test_an_exception_in_any_thread_is_raised_when_all_are_done(seat):
    done = []

    def work(one):
        if one == seat:
            raise ZeroDivisionError
        time.sleep(0.01)
        done.append(one)

    with pytest.raises(ZeroDivisionError):
        Always(4, cores=4).each(work, range(4))
    assert sorted(done) == [one for one in range(4) if one != seat]

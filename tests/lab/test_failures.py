"""What becomes of a run that an exception ends: whose code raised it decides; and what a checkpoint may be used for."""

from __future__ import annotations

import pytest
from builders.runs import job, places

import implementations
from suite.lab import training
from suite.lab.checkpoint import Checkpoints, Maker
from suite.lab.loop import Clock, Interrupted
from suite.lab.records import read
from suite.lab.tasks import Environment
from suite.sac.numerics import PartNumerics

ENGINE = implementations.load("torch")
MADE_BY = {
    "engine.torch": PartNumerics(1, "aaaaaaaaaa"),
    "loop": PartNumerics(1, "bbbbbbbbbb"),
    "tasks": PartNumerics(1, "c"),
}


class Broken:
    """The torch engine, which raises `error` in one of its calls: at its n-th, counted from 1."""

    FRAMEWORK = "torch"

    def __init__(self, error, call="update", at=1):
        self.error, self.call, self.at, self.count = error, call, at, 0

    def __getattr__(self, name):
        value = getattr(ENGINE, name)
        if name != self.call:
            return value

        def breaking(*arguments):
            self.count += 1
            if self.count == self.at:
                raise self.error
            return value(*arguments)

        return breaking


def train(folder, engine=ENGINE, made_by=None, own=None, **options):
    said = []
    options = {"checkpoint_seconds": 1e9, "say": said.append} | options
    training.train(engine, own or job(), places(folder), lambda one: made_by or {}, **options)
    return read(places(folder)[0].record), said


@pytest.mark.parametrize(
    ("engine", "status"),
    [
        (Broken(ZeroDivisionError("a bug"), at=20), "crashed"),
        (Broken(ZeroDivisionError("a bug"), call="explain"), "crashed"),
        (Broken(ZeroDivisionError("a bug"), at=1), "interrupted"),
        (Broken(ZeroDivisionError("a bug"), call="init"), "interrupted"),
        (Broken(OSError("no space left on device"), at=20), "interrupted"),
        (Broken(MemoryError(), at=20), "interrupted"),
        (Broken(RuntimeError("CUDA out of memory. Tried to allocate"), at=20), "interrupted"),
    ],
    ids=["update", "explain", "first update", "init", "disk", "memory", "accelerator's memory"],
)
def test_whose_exception_it_was(tmp_path, engine, status):
    with pytest.raises(type(engine.error)):
        train(tmp_path, engine, last_attempt=False)
    assert not places(tmp_path)[0].record.exists()
    engine.count = 0
    record, said = train(tmp_path, engine)
    assert record.meta.status == status and str(engine.error) in record.meta.message
    assert said[-1].startswith(f"seed 0: {status}: ")


def test_the_environments_and_the_suites_own_exceptions_interrupt(tmp_path, monkeypatch):
    step = Environment.step

    def breaking(environment, action):
        if environment.env._elapsed_steps == 150:
            raise ValueError("the simulator is unstable")
        return step(environment, action)

    with monkeypatch.context() as patched:
        patched.setattr(Environment, "step", breaking)
        record, _ = train(tmp_path / "environment")
    assert record.meta.status == "interrupted" and record.meta.stopped_at == 100  # within the evaluation there

    class Deaf:
        def log(self, env_step, scalars):
            raise RuntimeError("a bug of the tracker")

    record, _ = train(tmp_path / "suite", make_tracker=lambda run, folder: Deaf())
    assert record.meta.status == "interrupted"


def test_a_crash_after_a_resume_needs_no_update_of_its_own(tmp_path):
    stopped(tmp_path, MADE_BY)
    record, _ = train(tmp_path, Broken(ZeroDivisionError("a bug"), at=1), MADE_BY)
    assert record.meta.status == "crashed"


# --- checkpoints


def stopped(folder, made_by, at=150):
    """A run that was told to stop at a step, and has left its checkpoint there."""

    class Stopping:
        asked, orphaned = "", False

        def __init__(self, parent):
            pass

        def look(self):
            pass

        def restore(self):
            pass

    class Listening(training.Lab):
        def step(self):
            super().step()
            if self.env_step == at:
                Stopping.asked = "the test"

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(training, "StopSignals", Stopping)
        train(folder, made_by=made_by, make_lab=Listening)


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        (MADE_BY, None),
        (MADE_BY | {"tasks": PartNumerics(1, "d")}, None),  # proven or not, the loop and the engine are the same
        (MADE_BY | {"tasks": PartNumerics(2, "c")}, "another version of tasks"),
        (MADE_BY | {"engine.torch": PartNumerics(2, "aaaaaaaaaa")}, "another version of engine.torch"),
        (MADE_BY | {"engine.torch": PartNumerics(1, "zzzzzzzzzz")}, "other code of engine.torch"),
        (MADE_BY | {"loop": PartNumerics(1, "zzzzzzzzzz")}, "other code of loop"),
        ({}, "another version of engine.torch"),
    ],
    ids=str,
)
def test_a_run_goes_on_from_its_own_numerics_alone(tmp_path, then, reason):
    stopped(tmp_path, then)
    record, said = train(tmp_path, made_by=MADE_BY)
    assert [attempt.from_env_step for attempt in record.meta.attempts] == [0] if reason else [0, 150]
    if reason:
        assert any(f"since it was made by {reason}: the run starts anew" in line for line in said)
    else:
        assert not any("anew" in line for line in said)


def test_a_checkpoint_that_does_not_tell_its_maker_is_not_used(tmp_path):
    own, place = job(), places(tmp_path)[0]
    checkpoints = Checkpoints(place.work)
    lab = training.Lab(ENGINE, own, [training.Recorder(place.record)])
    for _ in range(50):
        lab.step()
    lab.save([checkpoints], [Clock()])
    checkpoints.release()
    record, said = train(tmp_path)
    assert len(record.meta.attempts) == 1 and "it does not tell what made it" in said[0]


def test_another_processor_or_package_goes_on_and_is_told(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("suite.lab.machine.processor", lambda: "abacus")
        stopped(tmp_path, MADE_BY)
    record, said = train(tmp_path, made_by=MADE_BY)
    assert said[0].startswith("goes on from a checkpoint made elsewhere: cpu: abacus then, cpu: ")
    assert [attempt.from_env_step for attempt in record.meta.attempts] == [0, 150]
    assert record.meta.attempts[0].device == "cpu: abacus" != record.meta.attempts[1].device
    maker = Maker("0123456789", 0, MADE_BY, {"torch": "2.13.0"}, "cpu")
    assert maker.differs(maker._replace(versions={"torch": "2.12.0"})) == ["torch 2.12.0 then, 2.13.0 now"]
    assert maker.refuses(maker._replace(seed=1)) == "it is of seed 1, not 0"

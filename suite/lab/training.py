"""The one training loop: environments, replay, noise, evaluation and records around an engine it knows nothing of.

S seeds of one job run in lockstep; each has its own environment, replay, random streams and record. Everything random
is drawn here, from named streams, and handed to the engine, so that a run is the same numbers in any framework's hands,
and the same after a kill.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from suite.errors import no_room
from suite.files import atomic
from suite.lab.checkpoint import Checkpoints, Maker
from suite.lab.lab import Lab
from suite.lab.loop import Clock, Interrupted, Place, Training
from suite.lab.machine import commit, provenance
from suite.lab.progress import PROGRESS_SECONDS, latest_scalars, progress_line, progress_of, scalars_by_step
from suite.lab.records import Attempt, Pace, Provenance, Recorder, RunEnd
from suite.lab.signals import StopSignals
from suite.lab.tracking import Tracker
from suite.lab.usage import Usage, spent
from suite.lab.watchdog import GRACE_S, ORPHANS_GRACE_S, STALLED_S, Watchdog
from suite.lab.watched import Watched
from suite.sac.contract import Implementation, Job, Params
from suite.sac.numerics import Numerics
from suite.sac.status import Status

MakeLab = Callable[[Implementation, Job, Sequence[Recorder]], Training]
Made = Callable[[Job], Numerics]
MakeTracker = Callable[[Provenance, Path], Tracker]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a job is trained, apart from its numbers; time_limit_hours: wall clock, all attempts together."""

    checkpoint_seconds: float = 600.0
    keep_checkpoint: bool = False
    last_attempt: bool = True
    time_limit_hours: float | None = None
    parent: int | None = None  # the process whose death ends this one
    make_lab: MakeLab = Lab
    make_tracker: MakeTracker = lambda run, folder: Tracker()
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)
    leave: Callable[[bool], None] = lambda recorded: os._exit(1)  # ends a process that hangs, whether it has records


def train(
    engine: Implementation, job: Job, places: Sequence[Place], numerics: Made = lambda job: {}, **options: Any
) -> None:
    """Trains the job to its budget, resuming where a checkpoint lies, and writes one record per seat.

    numerics: what a seat's record is to say of what made it; options: fields of Options.

    At the time limit the records say `timeout` and the checkpoints stay, so that whoever raises the limit and removes
    the records continues. Raises OwnedError if another process trains one of the seeds, Interrupted after a signal
    (checkpointed). Any other exception is re-raised for another attempt, or on the last attempt becomes a record:
    `crashed` if the implementation raised it once it had learned, else `interrupted`.
    """
    process = _Process(engine, job, places, numerics, Options(**options))
    try:
        process.run()
    except (Interrupted, KeyboardInterrupt):
        raise
    except Exception as error:
        process.options.say(no_room(error) or traceback.format_exc())
        if not process.options.last_attempt:
            raise
        process.fail(error)
    else:
        process.conclude()
    finally:
        process.release()


class _Process:
    """One process's attempt at a job: its lab, checkpoints, clocks and trackers."""

    def __init__(self, engine: Implementation, job: Job, places: Sequence[Place], numerics: Made, options: Options):
        self.job, self.places, self.options = job, places, options
        arms = [f"{one.origin.variant or one.run_id} " if job.beside else "" for one in job.seats]
        self.names = [f"{arm}seed {one.seeds[0]}" for arm, one in zip(arms, job.seats, strict=True)]
        self.engine: Any = Watched(engine)
        self.runs = runs = [provenance(engine, job, i, numerics(one)) for i, one in enumerate(job.seats)]
        self.device = runs[0].device
        self.checkpoints: list[Checkpoints] = []
        for place, run in zip(places, runs, strict=True):
            self.checkpoints.append(Checkpoints(place.work, Maker.of(run)))
        self.recorders = [Recorder(place.record, run) for place, run in zip(places, runs, strict=True)]
        self.stop = StopSignals(options.parent)
        self.watchdog = Watchdog(self._hangs, self._abandon)
        self.started, self.cpu_began_s = time.monotonic(), time.process_time()
        self.saved, self.shown = self.started, 0.0
        self.first_step = self.reached = 0
        self.lab: Training | None = None
        self.clocks = [Clock() for _ in places]
        self.spent = [0.0 for _ in places]
        self.trackers: list[Tracker] = []
        self.late = ""  # the sentence on a time limit that is over

    def run(self) -> None:
        """Plays and learns until the budget is spent, the time is over or somebody asks to stop."""
        self.watchdog.start()
        self._start()
        lab, options = self._lab, self.options
        while not lab.done:
            lab.step()
            self.watchdog.beat()
            self.reached = lab.env_step
            now = time.monotonic()
            self._advance_clocks(now)
            self._show(now)
            self._look_at_the_time_limit()
            if now - self.saved > options.checkpoint_seconds or self.stop.asked or self.late:
                self._save()
            if self.stop.asked:
                kept = all(lab.env_step in checkpoint.env_steps() for checkpoint in self.checkpoints)
                ending = "checkpointed" if kept else "to start again"
                raise Interrupted(f"stopped by {self.stop.asked} at step {lab.env_step:,}, {ending}")
            if self.late:
                break
        if options.keep_checkpoint:
            self._save()

    def _advance_clocks(self, now: float) -> None:
        """What every seed has taken by now, and at an evaluation its pace."""
        self.clocks = [
            clock._replace(wall_time_s=before + now - self.started)
            for clock, before in zip(self.clocks, self.spent, strict=True)
        ]
        if self.reached % self.job.evaluate_every == 0:
            self.clocks = [
                clock._replace(pace=(*clock.pace, Pace(self.reached, clock.wall_time_s))) for clock in self.clocks
            ]

    def _save(self) -> None:
        """A checkpoint of every seed."""
        self._lab.save(self.checkpoints, [clock._replace(usage=self._used(i)) for i, clock in enumerate(self.clocks)])
        self.saved = time.monotonic()

    def _used(self, i: int) -> Usage:
        """What seed i has taken by now; its clock tells what it had before this attempt."""
        return spent(self.clocks[i].usage, self.cpu_began_s, self.places[i].work)

    @property
    def _lab(self) -> Training:
        assert self.lab is not None, "the lab is made when the process starts"
        return self.lab

    def _start(self) -> None:
        """Makes the lab, continues at a checkpoint if there is one, and says so."""
        job, say = self.job, self.options.say
        for checkpoint in self.checkpoints:
            for line in checkpoint.admit():
                say(line)
        self.lab = lab = self.options.make_lab(self.engine, job, self.recorders)
        self.clocks = lab.resume(self.checkpoints) or self.clocks
        attempt = Attempt(lab.env_step, _now(), self.device, commit())
        self.clocks = [clock._replace(attempts=(*clock.attempts, attempt)) for clock in self.clocks]
        self.trackers = [
            self.options.make_tracker(run, place.work) for run, place in zip(self.runs, self.places, strict=True)
        ]
        for seat, tracker in zip(lab.seats, self.trackers, strict=True):
            for env_step, scalars in scalars_by_step(seat).items():  # of earlier attempts
                tracker.log(env_step, scalars)
        verb = f"resumes at step {lab.env_step:,}" if lab.env_step else "starts"
        of_cells = [
            f"{one.origin.variant or one.run_id} seeds {', '.join(map(str, one.seeds))}" for one in (job, *job.beside)
        ]
        say(f"{job.task} {job.implementation} {'; '.join(of_cells)}: {verb}")
        self.spent = [clock.wall_time_s for clock in self.clocks]
        self.first_step = self.reached = lab.env_step
        self.saved = time.monotonic()

    def _show(self, now: float) -> None:
        """Tells files, terminal and trackers how far every seed is, every few seconds and at evaluations."""
        lab, job = self._lab, self.job
        evaluated = lab.env_step % job.evaluate_every == 0
        if not evaluated and now - self.shown <= PROGRESS_SECONDS:
            return
        self.shown = now
        rate = (lab.env_step - self.first_step) / (now - self.started)
        for seat, name, place, tracker in zip(lab.seats, self.names, self.places, self.trackers, strict=True):
            progress = progress_of(seat, lab.env_step, job.env_steps, rate)
            with atomic(place.work / "progress.json") as temporary:
                temporary.write_text(json.dumps(progress._asdict()))
            if evaluated:
                self.options.say(progress_line(name, progress, job.env_steps))
                if scalars := latest_scalars(seat, lab.env_step):  # none once it has diverged
                    tracker.log(lab.env_step, scalars)

    def _look_at_the_time_limit(self) -> None:
        lab, hours = self._lab, self.options.time_limit_hours
        limit_s = math.inf if hours is None else 3600 * hours
        if max(clock.wall_time_s for clock in self.clocks) > limit_s and not lab.done:
            reached = f"environment step {lab.env_step:,} of {self.job.env_steps:,}"
            self.late = f"time limit of {hours:g} h reached at {reached}"

    def _hangs(self, silent_s: float) -> str:
        """Why the process must end though its loop is silent, as the watchdog asks; "" if it need not."""
        self.stop.look()
        if self.stop.orphaned and silent_s > ORPHANS_GRACE_S:
            return "its parent process is gone"
        if self.stop.asked and silent_s > GRACE_S:
            return f"it was asked to stop by {self.stop.asked}"
        hours = self.options.time_limit_hours
        limit_s = math.inf if hours is None else 3600 * hours
        over = max(clock.wall_time_s for clock in self.clocks) + silent_s > limit_s + GRACE_S
        if over and silent_s > GRACE_S:  # else a long step has just ended, and the loop itself sees to what follows
            return f"time limit of {hours:g} h reached"
        return f"no step has ended for {silent_s / 60:.0f} min" if silent_s > STALLED_S else ""

    def _abandon(self, reason: str) -> None:
        """Ends a process whose loop hangs: with records of the status `timeout`, unless it was only asked to stop."""
        at = f"{reason}, while the step after {self.reached:,} of {self.job.env_steps:,} hangs"
        recorded = not self.stop.asked
        if recorded:
            for i in range(len(self.recorders)):
                self._finish(i, "timeout", self.reached, at, 0, {})
        else:
            self.options.say(f"{at}: it ends with the checkpoint it has")
        self.options.leave(recorded)

    def fail(self, error: Exception) -> None:
        """Writes every seed's record of an exception that ended the last attempt."""
        reason = traceback.format_exception_only(error)[-1].strip()
        status = self.engine.status_of(error)
        reached = self.lab.env_step if self.lab else 0
        for i in range(len(self.recorders)):
            self._finish(i, status, reached, reason, 0, self._final_arrays(i, status))
        for tracker in self.trackers:
            with suppress(Exception):  # the records are written, and it may be the tracker that failed
                tracker.finish(status)

    def _final_arrays(self, i: int, status: Status) -> dict:
        """Seed i's networks, as far as a failure has left them."""
        if self.lab is None:
            return {}
        try:
            return self.lab.networks(i)
        except Exception:
            if status == "crashed":
                self.options.say("the final networks are lost: " + traceback.format_exc(limit=1))
            return {}

    def conclude(self) -> None:
        """Writes every seed's record at the end, or at the time limit; removes what nobody needs any more."""
        lab, updates = self._lab, self._lab.updates()
        for i, (seat, tracker) in enumerate(zip(lab.seats, self.trackers, strict=True)):
            status: Status = "timeout" if self.late else "finished"
            reached, message = lab.env_step, self.late
            if seat.stopped_at is not None:
                status, reached, message = "diverged", seat.stopped_at, seat.message
            self._finish(i, status, reached, message, updates[i], lab.networks(i))
            tracker.finish(status)
        for checkpoint, place in zip(self.checkpoints, self.places, strict=True):
            if not (self.options.keep_checkpoint or self.late):
                checkpoint.clear()
            (place.work / "progress.json").unlink(missing_ok=True)

    def _finish(self, i: int, status: Status, last: int, message: str, updates: int, arrays: Params) -> None:
        """Writes seed i's record, and says so."""
        end = RunEnd(
            status=status,
            last_env_step=last,
            stopped_at=None if status == "finished" else last,
            message=message,
            updates=updates,
            wall_time_s=self.clocks[i].wall_time_s,
            attempts=self.clocks[i].attempts,
            ended=_now(),
            usage=self._used(i),
            pace=self.clocks[i].pace,
        )
        self.recorders[i].finish(end, arrays)
        self.options.say(f"{self.names[i]}: {status}" + (f": {message}" if message else ""))

    def release(self) -> None:
        """Gives signals and folders back."""
        self.watchdog.end()
        self.stop.restore()
        for checkpoint in self.checkpoints:
            checkpoint.release()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

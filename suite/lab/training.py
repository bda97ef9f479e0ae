"""The one training loop: environments, replay, noise, evaluation and records around an engine it knows nothing of.

S seeds of one job run in lockstep; each has its own environment, replay, random streams and record. Everything random
is drawn here, from named streams, and handed to the engine, so that a run is the same numbers in any framework's hands,
and the same after a kill.
"""

from __future__ import annotations

import json
import math
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from suite.files import atomic
from suite.lab.checkpoint import Checkpoints
from suite.lab.lab import Lab
from suite.lab.loop import Interrupted, Place, Training, listed
from suite.lab.machine import provenance
from suite.lab.progress import PROGRESS_SECONDS, latest_scalars, progress_line, progress_of
from suite.lab.records import Recorder
from suite.lab.signals import StopSignals
from suite.lab.tracking import Off, Tracker
from suite.sac.contract import Implementation, Job


def train(
    engine: Implementation,
    job: Job,
    places: Sequence[Place],
    *,
    code_id: str,
    checkpoint_seconds: float,
    keep_checkpoint: bool = False,
    last_attempt: bool = True,
    time_limit_hours: float | None = None,
    stop_with_parent: bool = False,
    make_lab: Callable[[Implementation, Job, Sequence[Recorder]], Training] = Lab,
    make_tracker: Callable[[Job, int, Path], Tracker] = lambda job, seed, folder: Off(),
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
) -> None:
    """Trains the job to its budget, resuming where a checkpoint lies, and writes one record per seed.

    At the time limit (wall clock, all attempts together) the records say `timeout` and the checkpoints stay, so that
    whoever raises the limit and removes the records continues. Raises OwnedError if another process trains one of the
    seeds, Interrupted after a signal (checkpointed). Any other exception is re-raised for another attempt, or on the
    last attempt becomes a `crashed` record.
    """
    checkpoints = [Checkpoints(place.work) for place in places]
    recorders = [
        Recorder(place.record, provenance(engine, job, seed, code_id))
        for place, seed in zip(places, job.seeds, strict=True)
    ]
    stop = StopSignals(stop_with_parent)
    started = time.monotonic()
    time_limit_s = math.inf if time_limit_hours is None else 3600 * time_limit_hours
    lab, late = None, ""
    clocks = [{"wall_time_s": 0.0, "attempts": []} for _ in places]
    trackers: list[Tracker] = []
    try:
        lab = make_lab(engine, job, recorders)
        clocks = lab.resume(checkpoints) or clocks
        attempt = {"from_env_step": lab.env_step, "started": datetime.now(UTC).isoformat(timespec="seconds")}
        clocks = [clock | {"attempts": [*clock["attempts"], attempt]} for clock in clocks]
        trackers = [make_tracker(job, seed, place.work) for seed, place in zip(job.seeds, places, strict=True)]
        verb = f"resumes at step {lab.env_step:,}" if lab.env_step else "starts"
        say(
            f"{job.task} {job.implementation} {job.origin.get('variant', job.run_id)} seeds {listed(job.seeds)}: {verb}"
        )
        spent = [clock["wall_time_s"] for clock in clocks]
        first_step, saved, shown = lab.env_step, time.monotonic(), 0.0
        while not lab.done:
            lab.step()
            now = time.monotonic()
            evaluated = lab.env_step % job.evaluate_every == 0
            clocks = [clock | {"wall_time_s": s + now - started} for clock, s in zip(clocks, spent, strict=True)]
            if evaluated or now - shown > PROGRESS_SECONDS:
                shown = now
                rate = (lab.env_step - first_step) / (now - started)
                for seat, place, tracker in zip(lab.seats, places, trackers, strict=True):
                    progress = progress_of(seat, lab.env_step, job.env_steps, rate)
                    with atomic(place.work / "progress.json") as temporary:
                        temporary.write_text(json.dumps(progress))
                    if evaluated:
                        say(progress_line(seat, progress, job.env_steps))
                        tracker.log(lab.env_step, latest_scalars(seat, lab.env_step))
            if max(clock["wall_time_s"] for clock in clocks) > time_limit_s and not lab.done:
                reached = f"environment step {lab.env_step:,} of {job.env_steps:,}"
                late = f"time limit of {time_limit_hours:g} h reached at {reached}"
            if now - saved > checkpoint_seconds or stop.asked or late:
                lab.save(checkpoints, clocks)
                saved = time.monotonic()
            if stop.asked:
                kept = all(lab.env_step in checkpoint.env_steps() for checkpoint in checkpoints)
                ending = "checkpointed" if kept else "to start again"
                raise Interrupted(f"stopped by {stop.asked} at step {lab.env_step:,}, {ending}")
            if late:
                break
        if keep_checkpoint:
            lab.save(checkpoints, clocks)
    except (Interrupted, KeyboardInterrupt):
        raise
    except Exception as error:
        say(traceback.format_exc())
        if not last_attempt:
            raise
        reason = traceback.format_exception_only(error)[-1].strip()
        reached = lab.env_step if lab else 0
        for i, recorder in enumerate(recorders):
            arrays = lab.networks(i) if lab else {}
            recorder.finish("crashed", arrays, **_end(reached, reached, reason, 0, clocks[i]))
        return
    else:
        for line in _conclude(lab, trackers, clocks, late):
            say(line)
        for checkpoint, place in zip(checkpoints, places, strict=True):
            if not (keep_checkpoint or late):
                checkpoint.clear()
            (place.work / "progress.json").unlink(missing_ok=True)
    finally:
        stop.restore()
        for checkpoint in checkpoints:
            checkpoint.release()


def _conclude(lab: Training, trackers: Sequence[Tracker], clocks: Sequence[dict], late: str) -> list[str]:
    """Writes the record of every seat of a job at its end, or at its time limit (`late` says so); a line on each."""
    updates, said = lab.updates(), []
    for i, (seat, tracker) in enumerate(zip(lab.seats, trackers, strict=True)):
        diverged = seat.stopped_at is not None
        status = "diverged" if diverged else "timeout" if late else "finished"
        reached, message = (seat.stopped_at, seat.message) if diverged else (lab.env_step, late)
        stopped_at = None if status == "finished" else reached
        end = _end(reached, stopped_at, message, updates[i], clocks[i])
        seat.recorder.finish(status, lab.networks(i), **end)
        tracker.finish(status)
        said.append(f"seed {seat.seed}: {status}" + (f": {message}" if message else ""))
    return said


def _end(last: int, stopped_at: int | None, message: str, updates: int, clock: dict) -> dict:
    own = {"last_env_step": last, "stopped_at": stopped_at, "message": message, "updates": updates}
    return own | clock | {"ended": datetime.now(UTC).isoformat(timespec="seconds")}

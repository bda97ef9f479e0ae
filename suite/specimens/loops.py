"""Recorded loops: does the suite's loop, under a preset's Schedule, do what the original's own loop did, step by step?

A file holds what an original training loop did on scripted episodes (suite/lab/scripted.py): which actions were drawn
uniformly, how many updates came when, and what was then in the replay. docs/conformance.md describes the format.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from suite.errors import UsageError
from suite.files import atomic
from suite.lab import scripted
from suite.lab.lab import Lab
from suite.lab.records import Recorder
from suite.sac.ablation import Changes
from suite.sac.contract import Job
from suite.sac.schedule import Schedule
from suite.sac.spec import SpecError
from suite.sac.specs import Spec
from suite.specimens import conformance
from suite.specimens.catalogue import load_preset
from suite.specimens.conformance import Recorded, Unread
from suite.specimens.naming import STATES, Proof, basis

ARRAYS = ("uniform", "updates", "policy_updates", "stored_done", "stored", "reset", "obs_id", "next_obs_id")


class Declared(NamedTuple):
    """A recording under another schedule than its preset's on purpose; differs: steps at which the suite's loop is
    known to do otherwise, by array."""

    changes: Changes
    differs: Mapping[str, tuple[int, ...]]
    reason: str


_PRESENCE = Declared(
    {},
    {"stored_done": (2182, 8037, 13892)},
    "a fall on the last step of the time limit bootstraps there, as the preset's docstring says it does not here",
)
DECLARED = {
    ("coach", "mixed"): Declared(
        {"warmup_steps": 1500, "learn_after": 1501}, {}, "a warm-up of 10,000 is long to play"
    ),
    ("jaxrl", "mixed"): _PRESENCE,
    ("jaxrl_curves", "mixed"): _PRESENCE,
}
"""By preset and case."""


class Verdict(NamedTuple):
    """One recording: in which arrays the suite's loop does otherwise, at how many steps and which is the first."""

    preset: str
    case: str
    differences: dict[str, tuple[int, int]]
    contradictions: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.differences and not self.contradictions


class _Engine(scripted.Counting):
    """Remembers how many updates there were when it last chose an action."""

    chosen_after = 0

    def act(self, state: np.ndarray, obs: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
        self.chosen_after = int(state[0])
        return super().act(state, obs, noise)


def play(
    schedule: Schedule, env_steps: int, time_limit: int, episodes: Sequence[scripted.Episode]
) -> dict[str, np.ndarray]:
    """What the suite's loop does on these episodes under a schedule: ARRAYS, over environment steps 1 to `env_steps`.

    SpecError if the schedule asks for what cannot be.
    """
    spec = replace(load_preset("sac_v2").SPEC, hidden=(2,), batch_size=1)
    task = scripted.register(time_limit, tuple(episodes))
    job = Job(task, "counting", "", spec, schedule, env_steps + 1, 1, env_steps, (0,))
    engine: Any = _Engine()
    seen: dict[str, list[Any]] = {name: [] for name in ("uniform", "policy_updates", "updates", "stored", "reset")}
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(engine, job, [Recorder(Path(folder, "0"))])
        (seat,) = lab.seats
        while not lab.done:
            before = int(lab.state[0])
            seen["uniform"].append(seat.warm)
            seen["policy_updates"].append(-1 if seat.warm else engine.chosen_after)
            lab.step()
            seen["updates"].append(int(lab.state[0]) - before)
            seen["stored"].append(len(seat.replay))
            seen["reset"].append(seat.episode_steps == 0)
    replay = seat.replay
    rows = replay.slice(replay.added - len(replay), replay.added)
    return {name: np.array(values) for name, values in seen.items()} | _stored(rows, env_steps)


def _stored(rows: np.ndarray, env_steps: int) -> dict[str, np.ndarray]:
    """What became of each step's transition in the replay [N, width]; -1 where it is not there."""
    width = scripted.OBS_DIM + scripted.ACTION_DIM + 1
    arrays = {name: np.full(env_steps, -1) for name in ("stored_done", "obs_id", "next_obs_id")}
    obs_id = np.rint(rows[:, 0] / scripted.ID_UNIT).astype(int)
    played = obs_id // 2
    arrays["stored_done"][played] = rows[:, width + scripted.OBS_DIM]
    arrays["obs_id"][played] = obs_id
    arrays["next_obs_id"][played] = np.rint(rows[:, width] / scripted.ID_UNIT)
    return arrays


def examine(recorded: Recorded, spec: Spec, schedule: Schedule) -> Verdict:
    """The recorded loop of a preset with these values, compared with what the suite's loop does.

    UsageError if something of the format is absent; SpecError if the schedule asks for what cannot be.
    """
    declared = DECLARED.get((recorded.preset, recorded.case), Declared({}, {}, ""))
    env_steps, time_limit, episodes, contradictions = _read(recorded, declared)
    if contradictions:
        return Verdict(recorded.preset, recorded.case, {}, contradictions)
    if getattr(spec, "target_copy_every", None) and "copies" not in recorded.arrays:
        raise UsageError(f"{recorded.path}: copies is absent; the targets of {recorded.preset} become copies")
    ours = play(replace(schedule, **declared.changes), env_steps, time_limit, episodes)
    differences = {}
    for name in ARRAYS:
        theirs = recorded.arrays[name]
        differs = np.asarray(ours[name] != theirs)
        if name == "stored":  # nothing but updates reads the replay
            differs &= recorded.arrays["updates"] > 0
        if name == "next_obs_id":  # a terminal's next observation reaches no target
            differs &= recorded.arrays["stored_done"] != 1
        known = np.zeros(env_steps, bool)
        known[np.array(declared.differs.get(name, ()), int) - 1] = True
        if (unexpected := np.flatnonzero(differs != known) + 1).size:
            differences[name] = (len(unexpected), int(unexpected[0]))
    if (unexpected := _other_copies(recorded, spec, ours["updates"])).size:
        differences["copies"] = (len(unexpected), int(unexpected[0]))
    return Verdict(recorded.preset, recorded.case, differences)


def copies_as_recorded(recorded: Recorded, spec: Spec) -> bool:
    """Whether targets become copies after the recorded loop's own updates where its code base made them copies."""
    return _other_copies(recorded, spec, recorded.arrays["updates"]).size == 0


def _other_copies(recorded: Recorded, spec: Spec, updates: np.ndarray) -> np.ndarray:
    """The steps after which targets become plain copies in one of the two alone; none where it is not recorded."""
    if "copies" not in recorded.arrays:
        return np.zeros(0, int)
    every = getattr(spec, "target_copy_every", None)  # a mixture has no such target
    done = np.cumsum(updates)
    due = (updates > 0) & (done % every == 0) if every else np.zeros(len(done), bool)
    return np.flatnonzero(due != (recorded.arrays["copies"] > 0)) + 1


def _read(recorded: Recorded, declared: Declared) -> tuple[int, int, list[scripted.Episode], tuple[str, ...]]:
    """Steps, time limit and episodes of a recording, and where its setting is not the declared one, in words."""
    try:
        meta, arrays = recorded.meta, recorded.arrays
        steps, time_limit = int(meta["steps"]), int(meta["time_limit"])
        episodes = [scripted.Episode(int(length), ends) for length, ends in meta["episodes"]]
        overrides, differs = meta["overrides"], {name: tuple(one["steps"]) for name, one in meta["declared"].items()}
        whole = (*ARRAYS, *(("copies",) if "copies" in arrays else ()))
        absent = [name for name in whole if name not in arrays or arrays[name].shape != (steps,)]
        odd = [f"{name} is no array of the format" for name in arrays if name not in whole]
        odd += [f"an episode ends by {one.ends!r}" for one in episodes if one.ends not in ("fall", "limit")]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(f"{recorded.path} holds no loop of the shared format ({reason})") from None
    if absent or not episodes or min(steps, time_limit, *(one.length for one in episodes)) < 1:
        what = f"{absent[0]} is no array of {steps} steps" if absent else "it has no steps or no episodes"
        raise UsageError(f"{recorded.path}: {what}")
    if not arrays["updates"].any():
        odd.append("no update follows any of its steps, so that it shows nothing of when they come")
    if odd:
        raise UsageError(f"{recorded.path}: {odd[0]}")
    contradictions = []
    if overrides != declared.changes:
        contradictions.append(f"its schedule has {overrides}, where {declared.changes} is declared")
    if differs != declared.differs:
        contradictions.append(f"it is to differ at {differs}, where {dict(declared.differs)} is declared")
    return steps, time_limit, episodes, tuple(contradictions)


def run(paths: Sequence[Path]) -> list[Verdict | Unread]:
    """Every recorded loop against its preset's schedule; what cannot be read is told and left."""
    results: list[Verdict | Unread] = []
    for path in conformance.find(paths):
        try:
            recorded = conformance.read(path)
            module = load_preset(recorded.preset)
            results.append(examine(recorded, module.SPEC, module.SCHEDULE))
        except (UsageError, SpecError) as error:
            results.append(Unread(path, str(error)))
    return results


def record(updates: Sequence[conformance.Verdict | Unread], played: Sequence[Verdict | Unread]) -> None:
    """Writes down which presets' recordings are reproduced, and what that rests on; UsageError if one is unread."""
    table: dict[str, Proof] = {}
    for one in (*updates, *played):
        if isinstance(one, Unread):
            raise UsageError(f"nothing is recorded: {one.reason}")
        proof = table.setdefault(one.preset, Proof([], {}, [], True, basis(one.preset)))
        if isinstance(one, Verdict):
            proof.loops.append(one.case)
            table[one.preset] = proof._replace(loop_passed=proof.loop_passed and one.passed)
        elif one.precision == "float64":
            proof.updates.extend({one.case} - {*proof.updates})
            proof.passed[one.implementation] = proof.passed.get(one.implementation, True) and one.passed
    plain = {name: proof._asdict() | {"basis": proof.basis._asdict()} for name, proof in table.items()}
    with atomic(STATES) as temporary:
        temporary.write_text(json.dumps(plain, indent=1, sort_keys=True) + "\n")


def render(verdicts: Sequence[Verdict]) -> str:
    """A table: per recording, the arrays in which the suite's loop does otherwise."""
    lines = [f"{'preset':<26}{'case':<10}loop"]
    for one in verdicts:
        found = [f"{name} at {count:,} steps, first {first:,}" for name, (count, first) in one.differences.items()]
        outcome = "; ".join([*one.contradictions, *found]) or "the same at every step"
        lines.append(f"{one.preset:<26}{one.case:<10}{outcome}")
    failed = sum(not one.passed for one in verdicts)
    lines.append(f"of {len(verdicts)} recorded loops, {failed or 'none'} {'differs' if failed < 2 else 'differ'}")
    return "\n".join(lines)

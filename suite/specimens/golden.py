"""Golden runs: what each part of the suite that makes numbers answered when its version was given, and whether it still
does.

A part is one of PARTS. Its golden runs are small, cover every switch, and are kept as tables in `specimens/golden`. An
engine answers with the parameters after 20 updates of every case, at both precisions; the loop with what it played,
stored and sampled under every schedule; the evaluation with its episodes; a task with one step from stored states,
never a rollout, since HalfCheetah amplifies the last bit to order 1 within a hundred steps.
"""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

import implementations
from implementations.unoptimised import Quick
from suite.files import atomic
from suite.lab import scripted
from suite.lab.lab import Lab
from suite.lab.records import Recorder
from suite.lab.tasks import TASKS, Environment
from suite.sac import weights as initial
from suite.sac.ablation import Changes
from suite.sac.contract import Job, Params, Spaces, unpack
from suite.sac.identity import to_plain
from suite.sac.numerics import NUMERICS, Change, holds, version
from suite.sac.schedule import CHOICES, BootstrapAtLength, ResetFromWarmup, Schedule
from suite.sac.spec import Retrace
from suite.specimens import catalogue
from suite.specimens.cases import BASE, SPACES, TOLERANCE, VARIANTS, WITH_V, at, inputs, shrunk, start

FOLDER = Path(__file__).resolve().parent / "golden"
CHANGES = FOLDER / "changes.json"
"""NUMERICS as it was when the golden runs were recorded."""

UPDATES = 20

SHARE = {"float64": 1e-9, "float32": 2e-5, "bfloat16_hidden": TOLERANCE["bfloat16_hidden"]}
"""How far an array may be off, in shares of its largest change in the 20 updates. Processors differ by 3e-16 in
float64; a wrong term, rate or order shows at 1e-5."""

ROUNDINGS = 8
"""And beside that, in roundings of the array's largest entry: a target that has moved by 1e-5 has no 2e-5 of it."""

STEPS = 200

STATES = 20

STEP_TOLERANCE = 1e-6
"""Of one step from a stored state, relative to the observation's largest entry: observations are float32."""


class Moved(NamedTuple):
    """A golden run that does not answer as it did."""

    part: str
    case: str
    what: str
    share: float  # of what is allowed


Differing = Iterator[tuple[str, float]]
"""What of a case has moved, and by how much of what is allowed."""


# --- engines and weights


@cache
def cases() -> Mapping[str, Any]:
    """What engines and weights are asked: every value of every switch, and every preset under its own name."""
    every = {"base": BASE, "base with V": WITH_V} | {name: spec for name, (_, spec) in VARIANTS.items()}
    for name in catalogue.preset_names():
        every[f"preset {name}"] = shrunk(catalogue.resolve(name, "HalfCheetah-v5", {})[0])
    return MappingProxyType(every)


def sketch(array: np.ndarray) -> np.ndarray:
    """Four numbers that any change of the array moves: its ends, and two projections on signs, of length 1."""
    flat = np.asarray(array, np.float64).ravel()
    signs = np.random.Generator(np.random.PCG64(len(flat))).choice([-1.0, 1.0], (2, len(flat)))
    return np.array([flat[0], flat[-1], *(signs @ flat) / np.sqrt(len(flat))])


def rows(run: dict[str, object], before: Params, after: Params) -> list[dict]:
    """A golden table's rows of one run: an array each, with its largest change and largest entry."""
    table = []
    for name, x in sorted(after.items()):
        if name.startswith("adam_") or name == "updates_done":
            continue  # the networks have felt the optimiser
        first = np.asarray(before[name], np.float64)
        change = np.abs(np.asarray(x, np.float64) - first).max()
        marks = dict(zip(("first", "last", "projection_1", "projection_2"), sketch(x), strict=True))
        table.append(run | {"array": name, "change": change, "largest": np.abs(x).max()} | marks)
    return table


BLOCK = "block of two seeds"
"""A case of its own: 20 updates in one call, in float64."""


def engine_rows(name: str, case: str, precision: Literal["float32", "float64"]) -> list[dict]:
    """A case's golden rows of the engine registered as `name`: in float64 one update at a time as `explain` steps; in
    float32 as a run has it, `update` with the next action."""
    spec = at(replace(BASE, target_every=2) if case == BLOCK else cases()[case], precision)
    seeds, noise_scale = (0, 1) if case == BLOCK else (0,), 0.25 if precision == "float32" else 1.0
    before, (batch, noise, obs, act_noise) = start(spec, *seeds), inputs(spec, len(seeds), UPDATES, noise_scale)
    engine: Any = Quick(implementations.load(name, type(spec).__name__))
    state = engine.init(spec, SPACES, before)
    at_once = UPDATES if case == BLOCK else 1
    for k in range(0, UPDATES, at_once):
        calls = batch[:, k : k + at_once], noise[:, k : k + at_once]
        if precision == "float64" and case != BLOCK:
            state, _ = engine.explain(state, *calls)
        else:
            state, *_ = engine.update(state, *calls, obs, act_noise)
    return rows({"case": case, "precision": precision}, before, engine.get_params(state))


def engine_runs() -> list[tuple[str, Literal["float32", "float64"]]]:
    """Every (case, precision) an engine is asked."""
    return [(BLOCK, "float64"), *((case, "float64") for case in cases()), *((case, "float32") for case in cases())]


def _engine(name: str) -> pd.DataFrame:
    return pd.DataFrame([row for run in engine_runs() for row in engine_rows(name, *run)])


def _weights() -> pd.DataFrame:
    table = []
    for case, spec in cases().items():
        drawn = initial.params(spec, SPACES, np.random.Generator(np.random.PCG64(3)))
        table += rows({"case": case, "precision": "float64"}, {name: 0 * x for name, x in drawn.items()}, drawn)
    return pd.DataFrame(table)


def differing_arrays(then: pd.DataFrame, now: pd.DataFrame) -> Differing:
    """The arrays of a case that are further off than SHARE and ROUNDINGS allow, or are there on one side alone."""
    marks = ["first", "last", "projection_1", "projection_2"]
    both = then.merge(now, on=["precision", "array"], how="outer", suffixes=("", "_now"), indicator="side")
    bits = both["precision"].map({"float64": np.finfo(np.float64).eps}).fillna(np.finfo(np.float32).eps)
    spec = cases().get(then["case"].iloc[0], BASE)
    share = SHARE["bfloat16_hidden"] if spec.precision == "bfloat16_hidden" else both["precision"].map(SHARE)
    allowed = share * both["change"] + ROUNDINGS * bits * both["largest"]
    off = np.abs(both[marks].to_numpy() - both[[f"{mark}_now" for mark in marks]].to_numpy()).max(axis=1)
    shares = np.where(both["side"] == "both", off / np.maximum(allowed, 1e-300), np.inf)
    for row, each in zip(both.itertuples(), np.where(np.isfinite(shares), shares, np.inf), strict=True):
        if each > 1:
            yield f"{row.array} in {row.precision}", float(each)


# --- loop and evaluation

TIME_LIMIT = 20

SCRIPT = (
    scripted.Episode(7, "fall"),
    scripted.Episode(20, "limit"),
    scripted.Episode(20, "fall"),
    scripted.Episode(3, "fall"),
    scripted.Episode(13, "fall"),
    scripted.Episode(20, "limit"),
)

CALM = Schedule(
    warmup_steps=40,
    warmup_range="unit",
    warmup_rounding="none",
    epoch_steps=None,
    learn_after=40,
    update_every=1,
    updates_per_burst=1,
    learn_in_warmup=True,
    update_position="after_step",
    sampling="with_replacement",
    replay_capacity=1000,
    insert="step",
    time_limit="bootstrap",
    reset_every=None,
    action_to_env="rescale",
    evaluation_action="mean",
)


def schedules() -> dict[str, Schedule]:
    """What the loop is asked: every value of every switch of a schedule, and every preset's, shortened."""
    also: dict[str, Changes] = {"epoch": {"epoch_steps": 30}, "env": {"action_to_env": "clip"}}
    named = {"calm": CALM}
    for name, choices in CHOICES.items():
        for value in choices:
            changes: Changes = {name: value, **also.get(value, {})}
            named[f"{name}={value}"] = replace(CALM, **changes)
    named |= {
        "no warm-up": replace(CALM, warmup_steps=0, learn_after=20),
        "bursts": replace(CALM, update_every=4, updates_per_burst=3),
        "bursts before the step": replace(CALM, update_every=4, updates_per_burst=3, update_position="before_step"),
        "full replay": replace(CALM, replay_capacity=50),
        "bootstrap at length": replace(CALM, time_limit=BootstrapAtLength(steps=20)),
        "bootstrap at another length": replace(CALM, time_limit=BootstrapAtLength(steps=13)),
        "abandoned": replace(CALM, reset_every=25),
        "abandoned when warm": replace(CALM, reset_every=ResetFromWarmup(every=None)),
        "abandoned from warm-up": replace(CALM, reset_every=ResetFromWarmup(every=25), insert="next_step"),
        "abandoned, inserted at the end": replace(CALM, reset_every=25, insert="episode_end"),
        "three steps in one": replace(CALM, n_step=3),
        "three steps in one, full replay": replace(CALM, n_step=3, replay_capacity=50, insert="episode_end"),
        "three steps in one, abandoned": replace(CALM, n_step=3, reset_every=25, insert="next_step"),
        "networks start anew": replace(CALM, reset_networks_every=50, update_every=4, updates_per_burst=3),
        "no learning in warm-up": replace(CALM, learn_in_warmup=False, learn_after=30),
        "no learning in a rounded warm-up": replace(CALM, learn_in_warmup=False, warmup_rounding="episode"),
    }
    for name in catalogue.preset_names():
        named[f"preset {name}"] = shortened(catalogue.resolve(name, "HalfCheetah-v5", {})[1])
    return named


def loops() -> dict[str, tuple[Schedule, Retrace | None]]:
    """The loop's cases: every schedule, and rows that hold further steps."""
    three, weighed = Retrace(steps=3, decay=1.0, trace="whole"), Retrace(steps=3, decay=1.0, trace="ratio")
    cut = replace(CALM, reset_every=25, insert="next_step", normalise_observations="running")
    return {name: (schedule, None) for name, schedule in schedules().items()} | {
        "three steps in a row": (CALM, weighed),
        "three steps in a row, full replay": (replace(CALM, replay_capacity=50, insert="episode_end"), three),
        "three steps in a row, abandoned": (cut, weighed),
    }


def shortened(schedule: Schedule) -> Schedule:
    """A preset's schedule with its counts brought down to 200 steps; every order among them is kept."""
    warm = min(schedule.warmup_steps, 40)
    apart = schedule.learn_after - schedule.warmup_steps
    limit = schedule.time_limit
    return replace(
        schedule,
        warmup_steps=warm,
        learn_after=max(warm + apart if abs(apart) <= 20 else 60, TIME_LIMIT),
        update_every=min(schedule.update_every, 10),
        updates_per_burst=min(schedule.updates_per_burst, 10),
        epoch_steps=schedule.epoch_steps and 30,
        reset_every=_shortened_reset(schedule),
        replay_capacity=min(schedule.replay_capacity, 1000),
        time_limit=BootstrapAtLength(steps=TIME_LIMIT) if isinstance(limit, BootstrapAtLength) else limit,
    )


def _shortened_reset(schedule: Schedule) -> int | ResetFromWarmup | None:
    if isinstance(schedule.reset_every, ResetFromWarmup):
        return ResetFromWarmup(every=schedule.reset_every.every and 25)
    return schedule.reset_every and 25


class Counting(scripted.Counting):
    """An engine that counts, and remembers what it was given to learn from."""

    def __init__(self) -> None:
        self.sampled = 0  # a number that depends on every row of every batch, in order

    def init(self, spec: Any, spaces: Spaces, params: Params) -> np.ndarray:
        self.spaces, self.further = spaces, spec.further_steps
        return super().init(spec, spaces, params)

    def update(self, state: np.ndarray, rows: np.ndarray, noise: np.ndarray, obs: Any, act_noise: Any) -> tuple:
        batch = unpack(rows, self.spaces, self.further)
        seen = (batch.obs, batch.next_obs, *(step.next_obs for step in batch.further))
        ids, next_ids, *later = (np.rint(obs[..., 0] / np.float32(scripted.ID_UNIT)).astype(np.int64) for obs in seen)
        ends = batch.terminated.astype(np.int64)
        further = (next_ids - ids + ids % 2) // 2 - 1  # steps that a row has in one
        for step, reached in zip(batch.further, later, strict=True):  # and those beside it
            further = 3 * further + reached + (step.goes_on + 2 * step.terminated).astype(np.int64)
        order = np.arange(1, ids.size + 1).reshape(ids.shape)
        self.sampled = (31 * self.sampled + int((order * (4 * ids + ends + 7 * further)).sum())) % (1 << 40)
        return super().update(state, rows, noise, obs, act_noise)

    def explain(
        self, state: np.ndarray, rows: np.ndarray, noise: np.ndarray
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        level = rows[:, 0].mean(axis=(1, 2))
        return state, {
            "log_prob": noise[:, 0, 0].sum(axis=2),
            "alpha": level,
            "action": np.tanh(noise[:, 0, 0]),
            "grad/actor/w0": rows[:, 0],
            "grad/critic1/w0": noise[:, 0, 0],
            "critic_loss": level,
            "actor_loss": -level,
            "q": np.stack([rows[:, 0, :, 0], rows[:, 0, :, 1]], axis=1),
        }


def played(
    schedule: Schedule, seeds: tuple[int, ...], retrace: Retrace | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """200 steps of the scripted task under a schedule: what each seed did at every step, and its recorded rows."""
    task = scripted.register(TIME_LIMIT, SCRIPT)
    spec = replace(BASE, hidden=(4,), batch_size=4, precision="float32", reward_scale=2.0, retrace=retrace)
    job = Job(task, "counting", "", spec, schedule, 50, 2, STEPS, seeds)
    engine: Any = Counting()
    steps = []
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(engine, job, [Recorder(Path(folder, str(seed))) for seed in seeds])
        while not lab.done:
            actions, warm = [seat.action.copy() for seat in lab.seats], [seat.warm for seat in lab.seats]
            lab.step()
            for seat, action, uniform in zip(lab.seats, actions, warm, strict=True):
                newest = seat.replay.rows[(seat.replay.added - 1) % len(seat.replay.rows)]
                stored = newest if seat.replay.added else np.zeros_like(newest)
                steps.append({
                    "seed": seat.seed, "env_step": lab.env_step, "uniform": uniform, "action_0": float(action[0]),
                    "action_1": float(action[1]), "updates": int(lab.state[0]), "sampled": engine.sampled,
                    "stored": seat.replay.added, "stored_id": round(float(stored[0]) / scripted.ID_UNIT),
                    "stored_reward": float(stored[5]), "stored_end": float(stored[9]),
                    "obs_id": round(float(seat.obs[0]) / scripted.ID_UNIT),
                })  # fmt: skip
    recorded = [{"seed": seat.seed} | row for seat in lab.seats for row in seat.recorder.rows]
    return pd.DataFrame(steps), pd.DataFrame(recorded)


def _played(what: int) -> pd.DataFrame:
    tables = []
    for name, (schedule, retrace) in loops().items():
        for seeds in ((0, 1), (2,)) if schedule.lockstep else ((2,),):
            tables.append(played(schedule, seeds, retrace)[what].assign(case=name))
    return pd.concat(tables, ignore_index=True)


def differing_rows(then: pd.DataFrame, now: pd.DataFrame) -> Differing:
    """The first column in which the loop does not do what it did: counts exactly, numbers to 1e-6."""
    if len(now) != len(then):
        yield "number of rows", np.inf
        return
    for column in then.columns:
        a, b = then[column].to_numpy(), now[column].to_numpy()
        if a.dtype.kind == "f":
            same = np.isclose(a, b, rtol=1e-6, atol=1e-6, equal_nan=True).all()
        else:
            same = (a == b).all() or bool((pd.isna(a) & pd.isna(b) | (a == b)).all())
        if not same:
            yield column, np.inf
            return


# --- tasks


def states(task: str) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Twenty states of a task to step from, on the way of a random policy: positions, velocities, an action."""
    environment, rng = Environment(task), np.random.Generator(np.random.PCG64(zlib.crc32(task.encode())))
    environment.reset(seed=int(rng.integers(2**31)))
    for _ in range(STATES):
        for _ in range(int(rng.integers(1, 8))):
            action = rng.uniform(-1, 1, environment.spaces.action_dim)
            *_, terminated, truncated = environment.step(action)
            if terminated or truncated:
                environment.reset()
        inner: Any = environment.env.unwrapped
        if hasattr(inner, "data"):
            yield inner.data.qpos.copy(), inner.data.qvel.copy(), rng.uniform(-1, 1, environment.spaces.action_dim)
        else:
            yield np.array(inner.state), np.zeros(0), rng.uniform(-1, 1, environment.spaces.action_dim)
    environment.close()


def stepped(environment: Environment, position: np.ndarray, velocity: np.ndarray, action: np.ndarray) -> dict:
    """One step of a task from a state: what the run sees of it."""
    environment.reset(seed=0)
    inner: Any = environment.env.unwrapped
    if hasattr(inner, "data"):
        inner.set_state(np.asarray(position), np.asarray(velocity))
    else:
        inner.state = np.array(position)
    obs, reward, terminated, _ = environment.step(np.asarray(action))
    return {"obs": obs, "reward": reward, "terminated": terminated}


def _tasks() -> pd.DataFrame:
    """What each task answers at the states of the golden table, or, where there is none, at states of its own."""
    kept = golden("tasks") if path("tasks").exists() else None
    table = []
    for task in TASKS:
        environment = Environment(task)
        if kept is not None and (of_task := kept[kept["case"] == task]).size:
            starts = [(row.position, row.velocity, row.action) for row in of_task.itertuples()]
        else:
            starts = list(states(task))
        for n, (position, velocity, action) in enumerate(starts):
            table.append({"case": task, "state": n, "position": position, "velocity": velocity, "action": action}
                         | stepped(environment, position, velocity, action))  # fmt: skip
        environment.close()
    return pd.DataFrame(table)


def differing_steps(then: pd.DataFrame, now: pd.DataFrame) -> Differing:
    """How far a step from a stored state ends from where it ended."""
    if len(now) != len(then) or (then["terminated"].to_numpy() != now["terminated"].to_numpy()).any():
        yield "ends", np.inf
        return
    a, b = (np.stack(table["obs"].to_list()).astype(float) for table in (then, now))
    off = np.abs(a - b).max() / (STEP_TOLERANCE * max(np.abs(a).max(), 1.0))
    reward = np.abs(then["reward"].to_numpy() - now["reward"].to_numpy())
    share = max(off, (reward / (STEP_TOLERANCE * np.maximum(np.abs(then["reward"].to_numpy()), 1.0))).max())
    if not share <= 1:
        yield "step", float(share)


# --- all parts

_PARTS: dict[str, tuple[Callable[[], pd.DataFrame], Callable[[pd.DataFrame, pd.DataFrame], Differing]]] = {
    "weights": (_weights, differing_arrays),
    "engine.torch": (lambda: _engine("torch"), differing_arrays),
    "engine.jax": (lambda: _engine("jax"), differing_arrays),
    "loop": (lambda: _played(0), differing_rows),
    "evaluation": (lambda: _played(1), differing_rows),
    "tasks": (_tasks, differing_steps),
}
"""What a part answers now, and where a case's answer differs from what it was."""


def path(part: str) -> Path:
    """Where a part's golden runs lie."""
    return FOLDER / f"{part}.parquet"


def golden(part: str) -> pd.DataFrame:
    """What a part answered when its version was given."""
    return pd.read_parquet(path(part))


def answers(part: str) -> pd.DataFrame:
    """What it answers now."""
    return _PARTS[part][0]()


def compare(part: str, kept: pd.DataFrame, now: pd.DataFrame) -> list[Moved]:
    """Where a part's answers are not as the kept ones; cases that are in one of the two alone are left out."""
    moved = []
    for case, then in kept.groupby("case", sort=False):
        answered = now[now["case"] == case]
        if not answered.empty:
            moved += [Moved(part, str(case), what, share) for what, share in _PARTS[part][1](then, answered)]
    return moved


def moved(part: str) -> list[Moved]:
    """The golden runs of a part that no longer answer as they did."""
    return compare(part, golden(part), answers(part))


class Recording(NamedTuple):
    """What recording a part's golden runs anew would come to: refusals are sentences, and forbid it."""

    table: pd.DataFrame
    moved: list[str]  # cases that answer otherwise, with a version that rose
    added: list[str]  # cases that nobody asked before
    refusals: list[str]


def recording(part: str, now: pd.DataFrame, changes: Sequence[Change] = NUMERICS) -> Recording:
    """A part's golden runs as they would be written: those that did not move stay as they are, to the bit.

    now: what the part answers. A case may move only where a version rose since the last recording, and every change of
    version must move a case, or come with a new one.
    """
    kept, before, settings = golden(part), recorded_changes(), settings_of_cases(part)
    known = set(kept["case"])
    moved = {one.case for one in compare(part, kept, now)}
    added = [case for case in dict.fromkeys(now["case"]) if case not in known]

    def rose(case: str) -> bool:
        return version(part, settings[case], changes) > version(part, settings[case], before)

    refusals = [
        f"{part} answers otherwise in {case!r}, and its version has not risen: add a change to suite/sac/numerics.py"
        for case in sorted(moved)
        if not rose(case)
    ]
    for change in changes:
        if change.part != part or change in before:
            continue
        if not any(holds(change.when, settings[case]) for case in (*moved, *added)):
            refusals.append(f"version {change.version} of {part} ({change.reason}) moves no golden run")
    fresh = now[now["case"].isin({*moved, *added})]
    table = pd.concat([kept[~kept["case"].isin(moved)], fresh], ignore_index=True)
    return Recording(table, sorted(moved), added, refusals)


def settings_of_cases(part: str) -> dict[str, Any]:
    """The plain settings that a part's cases stand for, which conditions of versions speak of."""
    if part == "tasks":
        return {task: {"task": task} for task in TASKS}
    if part in ("loop", "evaluation"):
        return {
            name: to_plain(one) | ({"retrace": to_plain(retrace)} if retrace else {})
            for name, (one, retrace) in loops().items()
        }
    return {name: to_plain(spec) for name, spec in cases().items()} | {BLOCK: to_plain(BASE)}


def recorded_changes() -> list[Change]:
    """The changes of versions that the golden runs on file know of."""
    return [Change(**one) for one in json.loads(CHANGES.read_text())]


def record(parts: Mapping[str, Recording], changes: Sequence[Change] = NUMERICS) -> None:
    """Writes down golden runs that have moved or are new, and the changes of versions they know of."""
    for part, new in parts.items():
        assert not new.refusals, new.refusals
        if new.moved or new.added:
            small = {name: "int32" for name in ("env_step", "updates", "stored") if name in new.table}
            small = {name: kind for name, kind in small.items() if new.table[name].notna().all()}
            with atomic(path(part)) as temporary:
                new.table.astype(small).to_parquet(temporary, index=False, compression="zstd")
    with atomic(CHANGES) as temporary:
        temporary.write_text(json.dumps([one._asdict() for one in changes], indent=1) + "\n")

"""Conformance: does a preset, in our engines, arrive at the numbers of the original code base's own update?

A file of vectors holds weights, batches and noise, and what the original made of them: losses, gradients, parameters
afterwards. docs/conformance.md describes the format. What the file says of the original's settings must be what the
preset says: nothing that a preset decides is taken from a file.
"""

from __future__ import annotations

import importlib
import json
import math
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

import implementations
from suite.errors import UsageError, nearest
from suite.lab.replay import NStepReplay
from suite.sac import weights as initial
from suite.sac.ablation import Changes
from suite.sac.contract import Implementation, Spaces, row_width, unpack
from suite.sac.spec import BatchRenorm, LearnedAlpha, SacSpec, SpecError
from suite.specimens.catalogue import load_preset, preset_names

RELATIVE = 2e-5
"""Losses, targets and gradients: relative to the array's largest entry (of a scalar: to 1 at least; of a gradient: to
1 % of its network's largest at least)."""

FIRST, LATER = 2e-3, 5e-3
"""Parameters after the first and after later updates: in learning rates of their network, about Adam's step."""

KINDS = ("init", "batch", "noise", "expect", "grad", "after")
BATCH = ("obs", "action", "reward", "next_obs", "terminated")


class Declared(NamedTuple):
    """A case that is recorded in another setting than its preset's on purpose."""

    changes: Changes
    reason: str


_COUNT = Declared({"first_update": 0}, "the recording counts from 0; no delay of this code base divides the count")
_RENORM = BatchRenorm(eps=1e-3, momentum=0.99, warmup=0, variance="unbiased", renorm="after")
_REDQ = {"critics": 4, "actor_every": 3}
_HOPPER = LearnedAlpha(
    init=1.0, entropy_per_dim=-1 / 3, objective="log_alpha", sample="actor", lr=3e-4, in_use_at_first=0.2
)
DECLARED = {
    **dict.fromkeys(
        [
            *(("coach", "default"), ("haarnoja_sac", "default"), ("jaxrl", "default"), ("rlkit", "default")),
            *(("sbx", "default"), ("stable_baselines", "auto"), ("stable_baselines_zoo", "auto")),
        ],
        _COUNT,
    ),
    ("redq", "default"): Declared(
        {**_REDQ, "temperature": _HOPPER},
        "four critics; one call of three updates, whose last one moves the actor; the target entropy of Hopper",
    ),
    ("redq", "delay1"): Declared({**_REDQ, "actor_every": 1}, "four critics; the actor moves in every update"),
    ("sb3_contrib_crossq", "renorm"): Declared(
        {"critic_norm": _RENORM, "actor_norm": _RENORM, "actor_every": 1},
        "renormalisation without its first 100,000 updates; the actor moves in every update",
    ),
    ("sbx_droq", "default"): Declared(
        {"actor_every": 1}, "the actor moves in every update, as by the default of its class"
    ),
    ("stable_baselines3", "nstep3"): Declared({"n_step": 3}, "the package's own option n_steps, which is 1 by default"),
    ("tianshou", "autoalpha"): Declared(
        {"temperature": LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4)},
        "the example's own option --auto_alpha; its default is a fixed temperature, which is one line of the same code",
    ),
}
"""By preset and case."""

ACTIONS = {"pi_action": "action", "next_pi_action": "next_action"}
"""What some files call what an update expects of the actions, by our name."""

FREE = ("obs_dim", "act_dim", "action_high", "hidden", "batch_size")
"""What of the original's setting is the recording's own affair: sizes, and the bounds of the actions."""

OWN_KEYS: dict[str, str] = dict.fromkeys(("soft_q_learning", "haarnoja_gmm"), "suite.specimens.relatives")
OWN_KEYS |= dict.fromkeys(
    ("redq", "sb3_contrib_crossq", "sb3_contrib_tqc", "sbx_crossq", "sbx_droq", "sbx_tqc"), "suite.specimens.later"
)
"""Specimens whose vectors have keys of their own: preset -> the module whose `examine` answers in place of ours."""


class Recorded(NamedTuple):
    """A file as it lies there: what it says of itself, and its arrays."""

    path: Path
    meta: Mapping[str, Any]
    arrays: dict[str, np.ndarray]

    @property
    def preset(self) -> str:
        return self.meta["preset"]

    @property
    def case(self) -> str:
        return self.meta["case"]


class Vectors(NamedTuple):
    """One file of updates: the setting of its preset, and the original's numbers by key ("expect/0/alpha").

    contradictions: where the original was set otherwise than the preset says, in words.
    """

    path: Path
    preset: str
    case: str
    spec: Any  # of a kind of suite.sac.specs
    spaces: Spaces
    updates: int
    arrays: dict[str, np.ndarray]
    contradictions: tuple[str, ...]


class Deviation(NamedTuple):
    """The largest distance from the original's numbers of one kind, against what is allowed, and where it is."""

    size: float
    allowed: float
    where: str

    @property
    def share(self) -> float:
        """The distance in units of what is allowed; what is not a number is infinitely far, and so is any from zero."""
        if self.size == 0:
            return 0.0
        return self.size / self.allowed if np.isfinite(self.size) and self.allowed > 0 else np.inf


class Verdict(NamedTuple):
    """One file through one engine at one precision; deviations of "expect", "grad" and "after", where recorded."""

    preset: str
    case: str
    implementation: str
    precision: str
    deviations: dict[str, Deviation]
    contradictions: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.contradictions and all(one.share <= 1 for one in self.deviations.values())


def find(paths: Sequence[Path]) -> list[Path]:
    """The files meant: themselves, and every .npz of a folder; UsageError if there is nothing."""
    files_meant = []
    for path in map(Path, paths):
        files = sorted(path.glob("*.npz")) if path.is_dir() else [path]
        if not files:
            raise UsageError(f"there are no vectors (.npz) in the folder {path}")
        files_meant += files
    return files_meant


def read(path: Path) -> Recorded:
    """The recording at `path`; UsageError with one sentence if it holds none, or of a preset there is not."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        recorded = Recorded(path, json.loads(str(arrays.pop("meta"))), arrays)
        preset, case = recorded.preset, recorded.case
        if not isinstance(case, str):
            raise ValueError(f"case is {case!r}, which is no name")
        for name, array in arrays.items():
            if array.dtype.kind not in "biuf":
                raise ValueError(f"{name} is not of real numbers")
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror or 'no .npz file'})") from None
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, KeyError, TypeError) as error:
        raise UsageError(f"{path} holds no vectors of the shared format ({type(error).__name__}: {error})") from None
    if preset not in preset_names():
        close = nearest(str(preset), preset_names())
        raise UsageError(f"{path} is of preset {preset!r}, which is unknown; did you mean {close}?")
    return recorded


def vectors_of(recorded: Recorded, spec: SacSpec) -> Vectors:
    """The recorded updates of a preset with that spec; UsageError if they lack something of the format."""
    try:
        meta = recorded.meta
        overrides, rates, updates = meta["overrides"], meta["learning_rates"], meta["updates"]
        declared = DECLARED.get((recorded.preset, recorded.case), Declared({}, ""))
        free = {"hidden": tuple(overrides["hidden"]), "batch_size": overrides["batch_size"]}
        n_step = declared.changes.get("n_step", 1)  # of the schedule, and the only such field that an update can show
        changes = {name: value for name, value in declared.changes.items() if name != "n_step"}
        spec, spaces = replace(spec, **changes, **free), spaces_of(overrides)
        contradictions = tuple(_contradictions(spec, n_step, spaces.action_dim, overrides, rates))
        if n_step > 1:
            capacity = len(recorded.arrays["buffer/done"])
            recorded = _rebuilt(recorded, NStepReplay(capacity, spaces, n_step, spec.discount))
    except (SpecError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(f"{recorded.path} holds no vectors of the shared format ({reason})") from None
    made = Vectors(
        recorded.path, recorded.preset, recorded.case, spec, spaces, updates, recorded.arrays, contradictions
    )
    if not contradictions:
        draws = {name.replace("action", "actor") for name in spec.draws if name != "next_action"} | {*spec.draws}
        size = (spec.batch_size, spec.noise_width(spaces.action_dim))
        numbers = range(updates) if isinstance(updates, int) else ()
        check(made, draws, {f"noise/{k}/{name}": size for k in numbers for name in _needed(spec, k)})
    return made


def load(path: Path) -> Vectors:
    """The recorded updates at `path` of the preset they name; UsageError if they are none."""
    recorded = read(path)
    return vectors_of(recorded, load_preset(recorded.preset).SPEC)


def spaces_of(overrides: Mapping[str, Any]) -> Spaces:
    """The original's spaces, as the file says; ValueError if they are none."""
    obs_dim, action_dim, high = overrides["obs_dim"], overrides["act_dim"], float(overrides["action_high"])
    if type(obs_dim) is not int or type(action_dim) is not int or min(obs_dim, action_dim) < 1:
        raise ValueError(f"obs_dim and act_dim must be whole numbers from 1, not {obs_dim!r} and {action_dim!r}")
    if not 0 < high < math.inf:
        raise ValueError(f"action_high must be positive, not {high}")
    box = ((high,) * action_dim, (0.0,) * action_dim) if high != 1 else ()
    return Spaces(obs_dim, action_dim, *box)


def _rebuilt(recorded: Recorded, replay: NStepReplay) -> Recorded:
    """The recording with the batches that `replay`, an empty one, makes of the recorded replay in place of its own.

    ValueError if they are not the recorded ones.
    """
    arrays, spaces, capacity = dict(recorded.arrays), replay.spaces, len(replay.rows)
    buffer = {name: arrays.pop(name) for name in recorded.arrays if name.startswith("buffer/")}
    done, timeout = (buffer[f"buffer/{name}"] for name in ("done", "timeout"))
    fields = [buffer[f"buffer/{name}"] for name in ("obs", "action", "reward", "next_obs")]
    rows = np.column_stack([*fields, done * (1 - timeout), np.roll(done, 1)])  # after an end, an episode opens
    stop, full = int(buffer["buffer/pos"]), int(buffer["buffer/full"])
    added = np.arange(stop, stop + capacity) if full else np.arange(stop)
    replay.restore(int(added[0]), rows[added % capacity])
    for k in range(recorded.meta["updates"]):
        index, discount = arrays.pop(f"batch/{k}/index"), arrays.pop(f"batch/{k}/discount")
        out = np.empty((len(index), row_width(spaces)), np.float32)
        replay.gather(index, out)
        ours = unpack(out, spaces)
        theirs = {name: arrays[f"batch/{k}/{name}"] for name in BATCH}
        theirs["terminated"] = 1 - discount * (1 - theirs["terminated"]) / replay.discount
        for name, b in theirs.items():
            a = getattr(ours, name)
            if not np.allclose(a, b, rtol=0, atol=RELATIVE * np.abs(b).max()):
                raise ValueError(f"batch/{k}/{name} is not what {replay.n_step} steps of the recorded replay come to")
            arrays[f"batch/{k}/{name}"] = a
    return recorded._replace(arrays=arrays)


def _contradictions(
    spec: SacSpec, n_step: int, action_dim: int, overrides: Mapping[str, Any], rates: Mapping[str, float]
) -> Iterator[str]:
    """What the file says the original was set to, where it is not what the spec says."""
    learned = spec.temperature if isinstance(spec.temperature, LearnedAlpha) else None
    overrides = {"n_steps": 1} | dict(overrides)
    settings: dict[str, Any] = {
        "n_steps": n_step,
        "critics": spec.critics,
        "reward_scale": spec.reward_scale,
        "first_update_index": spec.first_update,
        "fixed_alpha": None if isinstance(spec.temperature, LearnedAlpha) else spec.temperature.value,
        "target_entropy": spec.target_entropy(action_dim) if learned else None,
        "learned_alpha": {name: getattr(learned, name) for name in ("objective", "sample", "lr")} if learned else None,
    }
    for name in overrides.keys() - {*settings, *FREE}:
        yield f"{name} is {overrides[name]!r} in the file, and nothing here knows what that is"
    for name, ours in settings.items():
        if overrides[name] != ours:
            yield f"{name} is {overrides[name]!r} in the file and {ours!r} in the preset"
    nets = {"actor", "critic"} | ({"value"} if spec.value_net else set()) | ({"alpha"} if learned else set())
    ours_by_net = {net: spec.learning_rate(net) for net in sorted(nets)}
    if dict(rates) != ours_by_net:
        yield f"the learning rates are {dict(rates)} in the file and {ours_by_net} in the preset"


def check(vectors: Vectors, draws: Collection[str], noise: dict[str, tuple[int, ...]]) -> None:
    """UsageError unless a file has all that its updates need and all parameters after each, and nothing that is unread.

    draws: what the file may call its noise; noise: shapes of what it must have of it, by key.
    """
    spec, spaces, size = vectors.spec, vectors.spaces, vectors.spec.batch_size
    _check_names(vectors, draws)
    widths = {"obs": (spaces.obs_dim,), "next_obs": (spaces.obs_dim,), "action": (spaces.action_dim,)}
    parameters = initial.shapes(spec, spaces)
    if isinstance(spec, SacSpec) and spec.learns_alpha:
        parameters = parameters | {"log_alpha": ()}
    expected = {f"init/{name}": shape for name, shape in parameters.items()}
    for k in range(vectors.updates):
        expected |= {f"batch/{k}/{name}": (size, *widths.get(name, ())) for name in BATCH}
        expected |= {f"after/{k}/{name}": shape for name, shape in parameters.items()}
    for name, shape in (expected | noise).items():
        array = vectors.arrays.get(name)
        if array is None and name in noise:
            array = vectors.arrays.get(name.replace("/action", "/actor"))
        if array is None or array.shape != shape:
            what = "absent" if array is None else f"of shape {array.shape}"
            raise UsageError(f"{vectors.path}: {name} is {what}; {vectors.preset} needs it as {shape}")
    for name in vectors.arrays:
        if name.startswith(("init/", "batch/")) and name not in expected:
            raise UsageError(f"{vectors.path}: {name} is nothing that {vectors.preset} has")


def _check_names(vectors: Vectors, draws: Collection[str]) -> None:
    """UsageError unless every key is of a kind, of an update, and of a draw where it is noise."""
    if type(vectors.updates) is not int or vectors.updates < 1:
        raise UsageError(f"{vectors.path}: updates must be a whole number from 1, not {vectors.updates!r}")
    for name in vectors.arrays:
        kind, *rest = name.split("/")
        if kind not in KINDS:
            raise UsageError(f"{vectors.path}: {name} is no key of the format; did you mean {nearest(kind, KINDS)}?")
        if kind != "init" and (len(rest) < 2 or rest[0] not in {str(k) for k in range(vectors.updates)}):
            raise UsageError(f"{vectors.path}: {name} names none of the updates 0 to {vectors.updates - 1}")
        if kind == "noise" and "/".join(rest[1:]) not in draws:
            its = ", ".join(vectors.spec.draws)
            raise UsageError(f"{vectors.path}: {name} is no draw of {vectors.preset}; its draws: {its}")


def _needed(spec: SacSpec, k: int) -> tuple[str, ...]:
    """The draws that update number k (from 0) cannot do without."""
    due = spec.due(spec.actor_every, k + 1) or spec.value_net
    return (
        spec.draws if due else tuple(name for name in spec.draws if not name.startswith(("action", "actor", "alpha")))
    )


def _draw(vectors: Vectors, k: int, name: str) -> np.ndarray:
    """A draw by our name: the format calls the actor's "action" or, where other draws are apart from it, "actor"."""
    for key in (f"noise/{k}/{name}", f"noise/{k}/{name.replace('action', 'actor', 1)}"):
        if key in vectors.arrays and not (name == "next_action" and key.endswith("actor")):
            return vectors.arrays[key].astype(np.float64)
    width = vectors.spec.noise_width(vectors.spaces.action_dim)
    return np.zeros((vectors.spec.batch_size, width))  # of an update that does not read it


def examine(
    vectors: Vectors,
    name: str,
    precision: Literal["float64", "float32"],
    draw_of: Callable[[Vectors, int, str], np.ndarray] = _draw,
) -> Verdict:
    """The vectors' updates through the engine registered as `name`, compared with the original's numbers.

    draw_of: an update's draw [B, A] by our name, from the file's.
    """
    if vectors.contradictions:
        return Verdict(vectors.preset, vectors.case, name, precision, {}, vectors.contradictions)
    engine: Implementation = implementations.load(name, type(vectors.spec).__name__)
    spec, spaces, arrays = replace(vectors.spec, precision=precision), vectors.spaces, vectors.arrays
    starts = {key.removeprefix("init/"): value[None] for key, value in arrays.items() if key.startswith("init/")}
    state = engine.init(spec, spaces, {key: value.astype(spec.dtype) for key, value in starts.items()})
    deviations: dict[str, list[Deviation]] = {}
    for k in range(vectors.updates):
        batch = [np.asarray(arrays[f"batch/{k}/{field}"], np.float64) for field in BATCH]
        rows = np.concatenate([field.reshape(spec.batch_size, -1) for field in batch], axis=1)
        assert rows.shape[1] == row_width(spaces)
        draws = [draw_of(vectors, k, draw) for draw in spec.draws]
        state, seen = engine.explain(state, rows[None, None], np.stack(draws)[None, None])
        after = engine.get_params(state)
        for key, expected in arrays.items():
            kind, number, *rest = key.split("/")
            if kind in ("expect", "grad", "after") and int(number) == k:
                inner = "/".join(rest)
                inner = ACTIONS.get(inner, inner)
                ours = (after if kind == "after" else seen).get(f"grad/{inner}" if kind == "grad" else inner)
                deviations.setdefault(kind, []).append(_deviation(vectors, kind, k, inner, ours, expected))
    worst = {kind: max(them, key=lambda one: one.share) for kind, them in deviations.items()}
    return Verdict(vectors.preset, vectors.case, name, precision, worst)


def _deviation(
    vectors: Vectors, kind: str, k: int, name: str, ours: np.ndarray | None, expected: np.ndarray
) -> Deviation:
    """How far one of our arrays (with a leading axis of seeds) is from the original's; absent is infinitely far."""
    where, expected = f"{name}, update {k}", np.asarray(expected, np.float64)
    if ours is None or ours[0].shape != expected.shape:
        return Deviation(np.inf, 0.0, f"{where}: not there" if ours is None else f"{where}: another shape")
    if kind == "after":
        net = name.split("/")[0].removeprefix("target_").rstrip("0123456789")
        unit = vectors.spec.learning_rate("alpha" if name == "log_alpha" else net)
        allowed = (FIRST if k == 0 else LATER) * unit
        if name.endswith(("_mean", "_var")) and "/bn" in name:  # a running statistic, which no learning rate moves
            allowed = RELATIVE * np.abs(expected).max()
    else:
        largest = np.abs(expected).max()
        if kind == "grad":
            net = f"grad/{k}/{name.split('/')[0]}"
            its = [np.abs(value).max() for key, value in vectors.arrays.items() if key.startswith(net) and value.size]
            largest = max(largest, 0.01 * max(its))
        elif expected.ndim == 0:
            largest = max(largest, 1.0)
        allowed = RELATIVE * largest
    distance = np.abs(np.asarray(ours[0], np.float64) - expected).max()
    return Deviation(float(distance), float(allowed), where)


class Unread(NamedTuple):
    """A file that could not be examined, and why, in a sentence."""

    path: Path
    reason: str


def run(paths: Sequence[Path], names: Sequence[str]) -> Iterator[Verdict | Unread]:
    """Every file through every engine, in float64 and, beside it, in float32; what cannot be read is told and left."""
    for path in find(paths):
        try:
            yield from _of_file(read(path), names)
        except UsageError as error:
            yield Unread(path, str(error))


def _of_file(recorded: Recorded, names: Sequence[str]) -> list[Verdict]:
    """Its verdicts."""
    precisions: tuple[Literal["float64", "float32"], ...] = ("float64", "float32")
    spec = load_preset(recorded.preset).SPEC
    return [verdict(recorded, spec, name, precision) for name in names for precision in precisions]


def verdict(recorded: Recorded, spec: Any, name: str, precision: Literal["float64", "float32"]) -> Verdict:
    """The recorded updates of a preset with that spec through an engine, by the examiner of the file's format."""
    if recorded.preset in OWN_KEYS:
        examiner = importlib.import_module(OWN_KEYS[recorded.preset])
        return examiner.examine(recorded, spec, name, precision)
    if "own_keys" in recorded.meta:
        raise UsageError(f"{recorded.path} has keys of its own, which nothing here knows to read")
    return examine(vectors_of(recorded, spec), name, precision)


def render(verdicts: Sequence[Verdict]) -> str:
    """A table: per file, engine and precision the largest deviation of each kind in units of what is allowed."""
    head = f"{'preset':<22}{'case':<12}{'engine':<8}{'precision':<10}{'expect':>10}{'grad':>10}{'after':>10}  worst at"
    failed = [one for one in verdicts if one.precision == "float64" and not one.passed]
    cases = {(one.preset, one.case) for one in verdicts}
    ending = f"{len(failed)} exceed it" if failed else "none exceeds it"
    last = f"deviations in units of the tolerance; of {len(cases)} cases in float64, {ending}"
    return "\n".join([head, *map(_row, verdicts), last])


def _row(one: Verdict) -> str:
    start = f"{one.preset:<22}{one.case:<12}{one.implementation:<8}{one.precision:<10}"
    if one.contradictions:
        return f"{start}  is another setting: {'; '.join(one.contradictions)}"
    shares = "".join(
        f"{one.deviations[kind].share:>10.3f}" if kind in one.deviations else f"{'-':>10}"
        for kind in ("expect", "grad", "after")
    )
    worst = max(one.deviations.values(), key=lambda deviation: deviation.share)
    excused = "" if one.precision == "float64" else " (not held against it)"
    return f"{start}{shares}  {worst.where}{'' if one.passed else f'   EXCEEDS{excused}'}"

"""Mutations: each value of a preset changed alone, and which of these changes no recording of the code base notices.

What nobody notices is read from the source and not proved: unnoticed.json beside the presets lists it, docs/presets.md
shows it, and it may only shrink.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from implementations import presets
from suite.errors import UsageError
from suite.files import atomic, hints
from suite.sac import identity
from suite.sac.schedule import BootstrapAtLength, ResetFromWarmup, Schedule
from suite.sac.spec import (
    STAGES,
    BatchRenorm,
    ClipLogStd,
    EpsilonLogDet,
    ExactLogDet,
    ExpStd,
    FixedAlpha,
    FlooredLogDet,
    LayerNorm,
    LearnedAlpha,
    Orthogonal,
    Quantiles,
    Retrace,
    SacSpec,
    SoftplusStd,
    SpecError,
    SquashLogStd,
    Uniform,
    ValueNet,
)
from suite.sac.specs import Spec
from suite.specimens import conformance, loops
from suite.specimens.catalogue import load_preset, replaced
from suite.specimens.conformance import Recorded

UNNOTICED = Path(presets.__file__).parent / "unnoticed.json"

NORMS = (
    LayerNorm(eps=1e-6),
    BatchRenorm(eps=1e-3, momentum=0.99, warmup=100_000, variance="biased", renorm="from"),
)
INITS = (Orthogonal(gain=1.0), Uniform(weight=3e-3, bias=3e-3))
KINDS: dict[str, tuple[Any, ...]] = {
    "temperature": (
        FixedAlpha(value=0.2),
        LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=3e-4),
    ),
    "value_net": (None, ValueNet(loss_scale=0.5, target="per_sample")),
    "std": (ClipLogStd(low=-20.0, high=2.0), SquashLogStd(low=-5.0, high=2.0), SoftplusStd(floor=1e-5), ExpStd()),
    "log_det": (ExactLogDet(), EpsilonLogDet(eps=1e-6), FlooredLogDet(floor=1e-6)),
    "hidden_init": INITS,
    "critic_output_init": INITS,
    "mean_init": INITS,
    "log_std_init": INITS,
    "target_copy_every": (None, 2),
    "temperature.init": (None, 1.0),
    "temperature.in_use_at_first": (None, 0.2),
    "temperature.beta1": (None, 0.5),
    "quantiles": (None, Quantiles(n=25, dropped=2, target="pool")),
    "target_subset": (None, 1),
    "retrace": (None, Retrace(steps=3, decay=0.95, trace="ratio")),
    "actor_hidden": (None, (64, 64)),
    "actor_norm": (None, *NORMS),
    "critic_norm": (None, *NORMS),
    "gradient_clip": (None, 1e-3),
    "epoch_steps": (None, 1000),
    "time_limit": (BootstrapAtLength(steps=1000),),
    "reset_every": (None, 1000, ResetFromWarmup(every=None)),
    "reset_every.every": (None, 1000),
    "reset_networks_every": (None, 1000),
}
"""Values for a field that has one of another kind."""


class Mutant(NamedTuple):
    """A spec or a schedule with one value changed: "field is value", and the tableau."""

    field: str
    value: str
    tableau: Spec | Schedule

    @property
    def name(self) -> str:
        return f"{self.field} is {self.value}"


def mutants(tableau: Spec | Schedule) -> Iterator[Mutant]:
    """Every legal change of one value: words to all others, numbers doubled, kinds to all others, parts field by field.

    A number that must not be doubled is halved, and zero becomes 1 or 0.01. Orders that run the same stages alike are
    one; under simultaneous gradients the order is no setting, and no updates wait where each burst ends an episode.
    """
    for path, value in _changes(tableau, ""):
        try:
            yield _mutant(tableau, path, value)
        except SpecError:
            if isinstance(value, float):  # it was doubled
                with contextlib.suppress(SpecError):
                    yield _mutant(tableau, path, value / 4)


def _mutant(tableau: Spec | Schedule, path: str, value: Any) -> Mutant:
    made = replaced(tableau, {path: value})
    return Mutant(path, " ".join(made.stages) if path == "order" else str(value), made)


def _changes(part: Any, above: str) -> Iterator[tuple[str, Any]]:
    """(path, other value) of a tableau or a part of one, legal or not."""
    kind: Any = type(part)
    for name, hint in hints(kind).items():
        value, path = getattr(part, name), f"{above}{name}"
        yield from ((path, other) for other in _others(part, path, value, hint))
        if dataclasses.is_dataclass(value):
            yield from _changes(value, f"{path}.")


def _others(part: Any, path: str, value: Any, hint: Any) -> Iterator[Any]:
    """Other values of one field."""
    kinds = get_args(hint) if get_origin(hint) is not Literal and get_args(hint) else (hint,)
    words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    same = {"after_episode"} if path == "update_position" and _bursts_end_episodes(part) else set()
    yield from (word for word in words if word not in {value, *same})
    yield from (kind for kind in KINDS.get(path, ()) if type(kind) is not type(value))
    if path == "order":
        yield from _orders(part)
    elif isinstance(value, tuple):
        yield tuple(2 * width for width in value)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield 2 * value or 1
    elif isinstance(value, float):
        yield 2 * value or 0.01


def _bursts_end_episodes(schedule: Schedule) -> bool:
    """Whether an episode is abandoned with every step that updates follow, so that these never wait for its end."""
    every = schedule.reset_every
    if not isinstance(every, int) or schedule.warmup_steps:
        return False
    return schedule.learn_after % every == schedule.update_every % every == 0


def _orders(spec: SacSpec) -> Iterator[tuple[str, ...]]:
    """The orders in which a spec's stages run otherwise."""
    if spec.gradients == "simultaneous":
        return
    unused = tuple(stage for stage in STAGES if stage not in spec.stages)
    for order in itertools.permutations(spec.stages):
        if order != spec.stages:
            yield (*unused, *order)


def notices(recorded: Recorded, mutant: Mutant) -> bool:
    """Whether a recording tells the mutant from its preset: by other numbers, by another setting, or by not fitting."""
    try:
        if isinstance(mutant.tableau, Schedule):
            return not loops.examine(recorded, load_preset(recorded.preset).SPEC, mutant.tableau).passed
        if "copies" in recorded.arrays:
            return not loops.copies_as_recorded(recorded, mutant.tableau)
        return not conformance.verdict(recorded, mutant.tableau, "torch", "float64").passed
    except (UsageError, SpecError):
        return True


class Recordings(NamedTuple):
    """A preset's recorded updates and loops."""

    updates: list[Recorded]
    loops: list[Recorded]

    @property
    def digest(self) -> str:
        """Ten hex digits of what is recorded, however its file is packed."""
        digest = hashlib.sha256()
        for one in (*self.updates, *self.loops):
            digest.update(json.dumps(dict(one.meta), sort_keys=True).encode())
            for name, array in sorted(one.arrays.items()):
                digest.update(name.encode() + array.tobytes())
        return digest.hexdigest()[:10]

    def asked(self, preset: str) -> Iterator[tuple[Mutant, list[Recorded]]]:
        """Every mutant of the preset, and the recordings that may notice it."""
        module = load_preset(preset)
        copies = [one for one in self.loops if "copies" in one.arrays]
        tableaux = ((module.SPEC, self.updates and self.updates + copies), (module.SCHEDULE, self.loops))
        for tableau, recordings in tableaux:
            if recordings:
                yield from ((mutant, recordings) for mutant in mutants(tableau))


def recordings(updates: Path, of_loops: Path) -> dict[str, Recordings]:
    """What is recorded in two folders, by preset."""
    table: dict[str, Recordings] = {}
    for folder, where in ((updates, 0), (of_loops, 1)):
        for recorded in map(conformance.read, conformance.find([folder])):
            table.setdefault(recorded.preset, Recordings([], []))[where].append(recorded)
    return table


class Unnoticed(NamedTuple):
    """The changes of a preset that nothing notices: fields of which no change is noticed, and others' values.

    basis: digests of the preset's values and of its recordings.
    """

    fields: list[str]
    values: list[str]
    basis: list[str]


def unnoticed(preset: str, recorded: Recordings) -> Unnoticed:
    """Every mutant of the preset, asked of its recordings; that takes seconds."""
    noticed = {mutant: any(notices(one, mutant) for one in of) for mutant, of in recorded.asked(preset)}
    fields = {mutant.field for mutant in noticed}
    blind = {field for field in fields if not any(seen for mutant, seen in noticed.items() if mutant.field == field)}
    values = [mutant.name for mutant, seen in noticed.items() if not seen and mutant.field not in blind]
    return Unnoticed(sorted(blind), sorted(values), basis(preset, recorded))


def basis(preset: str, recorded: Recordings) -> list[str]:
    """What a list of unnoticed changes rests on."""
    module = load_preset(preset)
    values = identity.canonical([identity.to_plain(one) for one in (module.SPEC, module.SCHEDULE)])
    return [hashlib.sha256(values.encode()).hexdigest()[:10], recorded.digest]


def known() -> dict[str, Unnoticed]:
    """The list as it is recorded, by preset."""
    table = json.loads(UNNOTICED.read_text()) if UNNOTICED.exists() else {}
    return {preset: Unnoticed(**one) for preset, one in table.items()}


def record(updates: Path, of_loops: Path, say: Callable[[str], None]) -> list[str]:
    """Writes the list anew and gives nothing; or, where a preset's list would grow, leaves it and gives what is new.

    A preset whose entry was removed by hand may have any list.
    """
    before, table, grown = known(), {}, []
    for preset, recorded in sorted(recordings(updates, of_loops).items()):
        table[preset] = unnoticed(preset, recorded)
        if preset in before:
            grown += [f"{preset}: {name}" for name in _more(before[preset], table[preset])]
        count = len(list(recorded.asked(preset)))
        say(f"{preset}: {count} changes; unnoticed: {', '.join(table[preset].fields + table[preset].values)}")
    if not grown:
        with atomic(UNNOTICED) as temporary:
            plain = {preset: one._asdict() for preset, one in table.items()}
            temporary.write_text(json.dumps(plain, indent=1) + "\n")
    return grown


def _more(before: Unnoticed, now: Unnoticed) -> list[str]:
    """What is unnoticed now and was not before."""
    values = [one for one in now.values if one not in before.values and one.split(" is ")[0] not in before.fields]
    return [*(field for field in now.fields if field not in before.fields), *values]

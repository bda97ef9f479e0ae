"""Numerics: a version for every part of the suite that makes numbers, raised when the part's answers change.

A record keeps the versions it was made by. It is out of date when one of them has risen since in a case that is its
own, whatever else was rewritten meanwhile. Beside each version stands a digest of the part's source: where it differs
though the version does not, the part's golden runs (suite/specimens/golden.py) must show that the numbers are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from suite.sac.source import ROOT, digest, file_of, with_siblings

PARTS = ("weights", "engine.torch", "engine.jax", "loop", "evaluation", "tasks")
"""The parts that have golden runs."""


class Change(NamedTuple):
    """From this version on, `part` answers otherwise than before wherever `when` holds.

    when: dotted path -> value, of the plain spec, the plain schedule, or "task"; all must hold, and an empty one always
    does. A field that stands at its neutral value is left out of plain data, so no path can name that value.
    """

    part: str
    when: Mapping[str, object]
    version: int
    reason: str


_ROUNDED = {"precision": "bfloat16_hidden"}
_TOO = "products between hidden layers are rounded to bfloat16 themselves, not only their factors"
NUMERICS = (
    *(Change(part, {}, 1, "what commit b5984bd computes") for part in PARTS),
    Change("engine.torch", _ROUNDED, 2, _TOO),
    Change("engine.jax", _ROUNDED, 2, _TOO),
)
"""Every change of answers since. Whoever adds one records the golden runs anew: python -m suite identity --record."""


class PartNumerics(NamedTuple):
    """What made a run's numbers in one part: a version, and a digest of the source ("" where nobody knows it)."""

    version: int
    digest: str


Numerics = dict[str, PartNumerics]
"""By part."""


def parts_of(implementation: str, trainer: bool = False) -> tuple[str, ...]:
    """The parts that make a run's numbers; a package's own training loop draws its own weights and batches."""
    engine = f"engine.{implementation}"
    return (engine, "evaluation", "tasks") if trainer else ("weights", engine, "loop", "evaluation", "tasks")


CODE_IDS = {
    "a9d6d8232e": parts_of("jax"),
    "bcdf1b3bca": parts_of("torch"),
    "e00151f822": parts_of("stable_baselines3", trainer=True),
    "84ae3ebffc": parts_of("sbx", trainer=True),
    "dfb87c109d": parts_of("tianshou", trainer=True),
}
"""What records of schema 1 bear instead of versions, where it stands for version 1 of these parts."""


def of_code_id(code_id: str) -> Numerics | None:
    """The numerics of a record of schema 1; None where its code is not known."""
    parts = CODE_IDS.get(code_id)
    return None if parts is None else {part: PartNumerics(1, "") for part in parts}


def holds(when: Mapping[str, object], settings: Mapping[str, object]) -> bool:
    """Whether every path of a condition leads to its value in the settings."""
    return all(_at(path, settings) == _untupled(value) for path, value in when.items())


def settings_of(spec: Mapping[str, object], schedule: Mapping[str, object], task: str) -> dict[str, object]:
    """What conditions speak of: the fields of both plain tableaux, which share no name, and the task."""
    return {**spec, **schedule, "task": task}


def version(part: str, settings: Mapping[str, object], changes: Sequence[Change] = NUMERICS) -> int:
    """The highest version of a part among the changes whose condition holds; 1 for a part that nobody listed."""
    return max((one.version for one in changes if one.part == part and holds(one.when, settings)), default=1)


def reason(part: str, settings: Mapping[str, object], changes: Sequence[Change] = NUMERICS) -> str:
    """What changed with a part's present version, as far as it concerns these settings."""
    number = version(part, settings, changes)
    risen = (one for one in changes if one.part == part and one.version == number and holds(one.when, settings))
    return "; ".join(one.reason for one in risen)


def of_run(implementation: str, modules: Sequence[str], trainer: bool, settings: Mapping[str, object]) -> Numerics:
    """The numerics of a run that is made now; modules: where the implementation's engines are, as dotted names."""
    parts = parts_of(implementation, trainer)
    return {part: PartNumerics(version(part, settings), part_digest(part, modules, trainer)) for part in parts}


def part_digest(part: str, modules: Sequence[str], trainer: bool = False) -> str:
    """The digest of a part's source; modules: of the implementation, for its engine."""
    return digest(part_files(part, modules, trainer))


def part_files(part: str, modules: Sequence[str], trainer: bool = False) -> list[Path]:
    """The files that decide what a part answers."""
    if not part.startswith("engine."):
        return [ROOT / "suite" / name for name in _FILES[part]]
    sources = file_of(modules[0])
    if not sources.is_relative_to(ROOT / "implementations"):
        return [sources]
    if not trainer:
        engines = dict.fromkeys(file for module in modules for file in with_siblings(file_of(module)))
        return [*engines, *(ROOT / "suite" / name for name in _TABLEAU)]
    adapter = ROOT / "implementations/adapters/codebases.py"  # what makes a Trainer of the files of that folder
    beside = adapter if sources.parent.name == adapter.stem else sources.parent / "__init__.py"
    return [*with_siblings(sources), beside, ROOT / "suite/lab/package_loop.py"]


_TABLEAU = ("sac/spec.py", "sac/specs.py", "sac/contract.py")
_FILES = {
    "weights": ("sac/weights.py",),
    "loop": (
        *("lab/lab.py", "lab/cores.py", "lab/seat.py", "lab/replay.py", "lab/normaliser.py", "lab/seeding.py"),
        "sac/schedule.py",
    ),
    "evaluation": ("lab/evaluation.py", "lab/cores.py", "lab/lab.py", "lab/seeding.py"),
    "tasks": ("lab/tasks.py",),
}


def fingerprint(numerics: Numerics) -> str:
    """Ten hex digits for all of a run's numerics: what tables show as its code."""
    text = ";".join(f"{part}:{one.version}:{one.digest}" for part, one in sorted(numerics.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _at(path: str, settings: object) -> object:
    for name in path.split("."):
        settings = settings.get(name) if isinstance(settings, Mapping) else None
    return _untupled(settings)


def _untupled(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value

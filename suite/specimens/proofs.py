"""Proofs: does a part whose source has changed still answer as its golden runs say? Asked once per digest.

The suite comes with the proofs of its own source, which its tests repeat: who has changed none need not ask again.

`python -m suite.specimens.proofs PART` runs a part's golden runs and prints those that moved, as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import implementations
from implementations import Entry
from suite.files import atomic, fits
from suite.lab.machine import distribution_of
from suite.sac import identity, numerics
from suite.sac.numerics import Numerics
from suite.sac.schedule import Schedule
from suite.sac.source import ROOT, file_digest
from suite.sac.specs import Spec

GOLDEN = Path(__file__).resolve().parent / "golden"
"""A table of golden runs for each part."""

COMMITTED = GOLDEN / "proofs.json"
"""The names of the proofs that the suite's own source has passed."""

FRAMEWORKS = ("torch", "jax")
"""Another version of these makes no run stale: readers are told."""

USUAL = {"weights": "seconds", "engine.torch": "about a minute", "engine.jax": "about 3 minutes"}


class Proof(NamedTuple):
    """What a part's golden runs said of a digest: how many moved, and the first of them in words."""

    moved: int
    first: str

    @property
    def passed(self) -> bool:
        return self.moved == 0


class Prover:
    """Proofs of the present code, each made once and kept in `folder`."""

    def __init__(self, folder: Path, say: Callable[[str], None]):
        self.folder, self.say = Path(folder), say
        self._proofs: dict[str, Proof] = {}

    def prove(self, part: str) -> Proof:
        """What the part's golden runs say of its present source."""
        if part not in self._proofs:
            digest = part_digest(part)
            kept = self.kept(part, digest)
            self._proofs[part] = self._make(part, digest) if kept is None else kept
        return self._proofs[part]

    def kept(self, part: str, digest: str) -> Proof | None:
        """The proof of a digest that was made before; None if there is none."""
        if name_of(part, digest) in committed():
            return Proof(0, "")
        try:
            proof = Proof(**json.loads(self._file(part, digest).read_text()))
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        return proof if fits(proof, Proof) else None

    def _make(self, part: str, digest: str) -> Proof:
        self.say(f"the source of {part} has changed: its golden runs are repeated ({USUAL.get(part, 'seconds')})")
        started = time.monotonic()
        try:
            moved = _golden_runs(part)
        except RuntimeError as error:
            self.say(f"golden runs of {part} cannot be run: {error}")
            return Proof(1, f"they cannot be run ({error})")
        proof = Proof(len(moved), moved[0] if moved else "")
        outcome = "they are as they were" if proof.passed else f"{proof.moved} have moved"
        self.say(f"golden runs of {part}: {outcome} ({time.monotonic() - started:.0f} s)")
        with atomic(self._file(part, digest)) as temporary:
            temporary.write_text(json.dumps(proof._asdict()))
        return proof

    def _file(self, part: str, digest: str) -> Path:
        """Where a proof lies."""
        return self.folder / f"{name_of(part, digest)}.json"


def name_of(part: str, digest: str) -> str:
    """What a proof is called: of this source against the golden runs as they are."""
    return f"{part}-{digest}-{file_digest(GOLDEN / f'{part}.parquet')}"


def committed() -> list[str]:
    """The names of the proofs that come with the suite."""
    return json.loads(COMMITTED.read_text())


def commit(prover: Prover) -> None:
    """Keeps the names of the present source's proofs with the suite, of those parts that pass them."""
    passed = [name_of(part, part_digest(part)) for part in numerics.PARTS if prover.prove(part).passed]
    with atomic(COMMITTED) as temporary:
        temporary.write_text(json.dumps(passed, indent=1) + "\n")


def _golden_runs(part: str) -> list[str]:
    """The golden runs of a part that moved, in words; in a process of its own, which loads the framework.

    RuntimeError if they cannot be run.
    """
    command = [sys.executable, "-m", "suite.specimens.proofs", part]
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run(command, env=environment, capture_output=True, text=True)
    if process.returncode:
        raise RuntimeError((process.stderr.strip().splitlines() or ["no message"])[-1])
    return json.loads(process.stdout.splitlines()[-1])


def part_digest(part: str) -> str:
    """The digest of the present source of a part that has golden runs."""
    return numerics.part_digest(part, modules_of(part.removeprefix("engine.")) if part.startswith("engine.") else ())


def modules_of(implementation: str) -> tuple[str, ...]:
    """Where an implementation's engines are, as dotted names."""
    return implementations.registered()[implementation].modules


def present(implementation: str, spec: Spec, schedule: Schedule, task: str) -> Numerics:
    """The numerics of a run that an implementation would make now."""
    settings = numerics.settings_of(identity.to_plain(spec), identity.to_plain(schedule), task)
    trainer = implementations.registered()[implementation].trainer
    return numerics.of_run(implementation, modules_of(implementation), trainer, settings)


def packages(implementation: str) -> dict[str, str]:
    """The present versions of the packages whose exact version is part of an implementation: none of our engines'.

    A package that is not installed, here or in the implementation's own environment, is left out.
    """
    entry = implementations.registered()[implementation]
    names: list[str] = []
    if not entry.module.startswith("implementations."):
        names += [name for name in [distribution_of(entry.module)] if name]
    elif entry.trainer:
        names += implementations.load(implementation).PACKAGES  # type: ignore[attr-defined]
    versions = {name: _version(name, entry) for name in names if name not in FRAMEWORKS}
    return {name: version for name, version in versions.items() if version}


def _version(package: str, entry: Entry) -> str | None:
    """A package's version where the implementation runs."""
    if entry.environment is None:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            return None
    places = [str(path) for path in entry.environment.glob("lib/python*/site-packages")]
    return next((one.version for one in metadata.distributions(name=package, path=places)), None)


def main(part: str) -> None:
    """Prints the golden runs of a part that moved, as a JSON list of sentences."""
    from suite.specimens import golden

    moved = [f"{one.case}: {one.what}" for one in golden.moved(part)]
    print(json.dumps(moved))


if __name__ == "__main__":
    main(sys.argv[1])

"""Staleness: would a record's numbers be others if its run were made now? By versions and proofs, not by text."""

from __future__ import annotations

from collections.abc import Iterable

from suite.lab.records import RunRecord
from suite.sac import identity, numerics
from suite.sac.numerics import PARTS, Numerics, PartNumerics
from suite.specimens import proofs
from suite.specimens.proofs import Prover

NOTED = ("mujoco", "gymnasium", "jax", "torch")  # packages of which several versions within a cell are worth a note


class Judge:
    """Says of records why they are stale; whatever is asked of the present code is asked once."""

    def __init__(self, prover: Prover):
        self.prover = prover
        self._present: dict[tuple[str, str, str], Numerics] = {}
        self._packages: dict[str, dict[str, str]] = {}

    def reason(self, record: RunRecord) -> str:
        """Why a record is stale, in words; "" if it is not."""
        if record.imported:
            return ""
        if record.numerics is None:
            return f"made by other code (code_id {record.code_id}), of which no versions are known"
        for part in self.present(record):
            if reason := self.reason_of_part(part, record):
                return reason
        return self._of_packages(record)

    def reason_of_part(self, part: str, record: RunRecord) -> str:
        """Why one part makes a record stale; "" if it does not."""
        then, now = (record.numerics or {}).get(part), self.present(record)[part]
        if then and now.version > then.version:
            settings = numerics.settings_of(
                identity.to_plain(record.spec), identity.to_plain(record.schedule), record.task
            )
            return f"{part} answers otherwise since: {numerics.reason(part, settings)}"
        return self._of_part(part, then, now)

    def present(self, record: RunRecord) -> Numerics:
        """The numerics of a run if it were made now."""
        key = record.task, record.implementation, record.run_id
        if key not in self._present:
            self._present[key] = proofs.present(record.implementation, record.spec, record.schedule, record.task)
        return self._present[key]

    def _of_part(self, part: str, then: PartNumerics | None, now: PartNumerics) -> str:
        if then is None:
            return f"made without the part {part}"
        if now.version < then.version:
            return f"made by version {then.version} of {part}, which is newer than this suite's {now.version}"
        if then.digest == now.digest:
            return ""
        if part not in PARTS:  # no golden runs: a package's own part is the text it was made by, where that is known
            return f"made by other code of {part}" if then.digest else ""
        proof = self.prover.prove(part)
        if not proof.passed:
            return f"{part} no longer answers as it did ({proof.first})"
        before = self.prover.kept(part, then.digest) if then.digest else None
        if before is not None and not before.passed:
            return f"made by code of {part} that did not answer as it should ({before.first})"
        return ""

    def _of_packages(self, record: RunRecord) -> str:
        """A package that brings its own algorithm: its exact version is part of what made the numbers."""
        name = record.implementation
        if name not in self._packages:
            self._packages[name] = proofs.packages(name)
        for package, now in self._packages[name].items():
            then = record.versions.get(package)
            if then not in (None, now):
                return f"made with {package} {then}, where {now} is installed now"
        return ""


def note_of(records: Iterable[RunRecord]) -> str:
    """What is different among a cell's runs though it makes none of them stale; "" if nothing is."""
    versions = [record.versions for record in records]
    seen = {package: sorted({of_run[package] for of_run in versions if package in of_run}) for package in NOTED}
    notes = [f"{package} {', '.join(several)}" for package, several in seen.items() if len(several) > 1]
    return f"made with different versions: {'; '.join(notes)}" if notes else ""


def device_note(record: RunRecord) -> str:
    """That a run changed its device on the way; "" if it did not."""
    devices = list(dict.fromkeys(attempt.device for attempt in record.attempts if attempt.device))
    return f"went on from {' to '.join(devices)}" if len(devices) > 1 else ""

"""What a study declared before its runs: level, draws and seed, margins, families of questions."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from suite.analysis.types import Declaration, Departure
from suite.study.config import Config, Equivalence, Families, Report, Section

CURVE_RESAMPLES = 10_000


class Declared(NamedTuple):
    """The sections of a config that the statistics take: level, draws and seed; margins; families of p values."""

    report: Report = Report()
    equivalence: Equivalence = Equivalence()
    families: Families = Families()

    @property
    def confidence(self) -> float:
        return self.report.confidence

    @property
    def resamples(self) -> int:
        return self.report.resamples

    @property
    def curve_resamples(self) -> int:
        """Resamples of curves, effects and of the bootstrap-t."""
        return min(self.resamples, CURVE_RESAMPLES)

    @property
    def seed(self) -> int:
        return self.report.seed

    def rng(self, *key: object) -> np.random.Generator:
        """A stream of its own for every number that needs draws, whatever the order in which they are made."""
        digest = hashlib.sha256(stream_name(*key).encode()).digest()
        entropy = [self.seed, *np.frombuffer(digest, np.uint32)]
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))


def stream_name(*key: object) -> str:
    """The text that names a random stream; a label stands in it as "critics/single". Changing it changes numbers."""
    return "\0".join(map(str, key))


def declared_of(config: Config) -> Declared:
    return Declared(config.report, config.equivalence, config.families)


def departures(declaration: Declaration | None, declared: Declared) -> tuple[Departure, ...]:
    """Where the statistics used something else than what is on record as declared."""
    if declaration is None:
        return ()
    sections = declaration.declaration
    pairs = [
        *_fields("equivalence", sections.equivalence, declared.equivalence),
        *_fields("families", sections.families, declared.families),
        *_fields("report", sections.report, declared.report),
    ]
    return tuple(Departure(name, str(on_record), str(used)) for name, on_record, used in pairs if on_record != used)


def _fields(section: str, on_record: Section, used: Section) -> list[tuple[str, object, object]]:
    return [(f"{section}.{name}", value, getattr(used, name)) for name, value in on_record]

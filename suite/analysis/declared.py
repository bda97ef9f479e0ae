"""What a study declared before its runs: levels, draws and seed, margins, families of questions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

CURVE_RESAMPLES = 10_000


class Declared(NamedTuple):
    """What was decided before the runs: level, draws and seed; margins; how p values are adjusted in each family."""

    confidence: float = 0.95
    resamples: int = 50_000
    seed: int = 0
    equivalence: Mapping = {"margin": 0.10, "sensitivity": (0.05, 0.15, 0.20), "superiority": 0.15,
                            "confidence": 0.90, "after": 0.2}  # fmt: skip
    families: Mapping = {"equivalence": "holm", "regression": "holm", "ablation": "holm", "exploratory": "bh"}

    @property
    def curve_resamples(self) -> int:
        return min(self.resamples, CURVE_RESAMPLES)

    def rng(self, *key: object) -> np.random.Generator:
        """A stream of its own for every number that needs draws, whatever the order in which they are made."""
        digest = hashlib.sha256("\0".join(map(str, key)).encode()).digest()
        entropy = [self.seed, *np.frombuffer(digest, np.uint32)]
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))


def declared_of(config: Any) -> Any:
    """A config's declarations as the statistics take them."""
    pass

    return Declared(
        **config.report.model_dump(),
        equivalence=config.equivalence.model_dump(),
        families=config.families.model_dump(),
    )

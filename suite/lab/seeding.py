"""One seed, many named random streams that know nothing of each other.

A stream's key is its name, not its place in a list, so adding one leaves the others as they were; and drawing more from
one (a longer warm-up, a second action draw) shifts no other. No global generator is used anywhere in the suite.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

STREAMS = ("environment", "initial", "warmup", "explore", "replay", "update", "evaluate", "diagnose", "final")


def stream(seed: int, name: str, *index: int) -> np.random.Generator:
    """The generator of one purpose within one seed's run; `index` tells repeated occasions of the purpose apart."""
    if name not in STREAMS:
        raise KeyError(f"no stream named {name!r}; there are {', '.join(STREAMS)}")
    key = (zlib.crc32(name.encode()), *index)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def integer(seed: int, name: str, *index: int) -> int:
    """A 31-bit seed for a library that wants an integer, derived like a stream."""
    return int(stream(seed, name, *index).integers(2**31))


def get_state(generator: np.random.Generator) -> Mapping[str, Any]:
    """The generator's position as JSON-able data."""
    return generator.bit_generator.state


def set_state(generator: np.random.Generator, state: Mapping[str, Any]) -> None:
    """Moves the generator to a position `get_state` gave."""
    generator.bit_generator.state = state

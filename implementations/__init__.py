"""The specimens: one file per engine, and the registry that finds them without importing them."""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import entry_points
from typing import NamedTuple


class Entry(NamedTuple):
    """Where an implementation is ("module" or "module:attribute") and the interpreter it needs (None: this)."""

    target: str
    interpreter: str | None = None


REGISTRY: dict[str, Entry] = {
    "torch": Entry("implementations.sac_torch"),
    "jax": Entry("implementations.sac_jax"),
}

PEERS: dict[str, Entry] = {
    "stable_baselines3": Entry("implementations.adapters.stable_baselines3"),
    "sbx": Entry("implementations.adapters.sbx"),
    "tianshou": Entry("implementations.adapters.tianshou", ".venv-tianshou/bin/python"),
}
"""Third-party packages, each behind an adapter; they are measured beside the suite's engines (suite.bench)."""


@cache
def registered() -> dict[str, Entry]:
    """The suite's own implementations and installed packages' (entry-point group "sac_suite.implementations")."""
    outside = {point.name: Entry(point.value) for point in entry_points(group="sac_suite.implementations")}
    return outside | REGISTRY


def load(name: str) -> object:
    """The implementation registered as `name`: this is where its framework is imported."""
    module, _, attribute = registered()[name].target.partition(":")
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found

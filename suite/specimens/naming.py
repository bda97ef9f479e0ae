"""What a preset may be called: only one whose own vectors pass bears the bare name of its code base."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import implementations
from implementations import presets
from suite.sac import identity, numerics
from suite.specimens.catalogue import load_preset, preset_names

STATES = Path(presets.__file__).parent / "conformance.json"


class State(NamedTuple):
    """How far a preset is its code base: conforms, from source, after, or ours; and why, in a sentence."""

    name: str
    reason: str


class Basis(NamedTuple):
    """What a preset's conformance rests on: the version of every engine's part, and a digest of the preset's values.

    Neither depends on how a file is written or where it lies.
    """

    versions: dict[str, int]  # by implementation
    spec: str


def basis(preset: str) -> Basis:
    """What a preset's conformance rests on now."""
    plain = identity.to_plain(load_preset(preset).SPEC)
    versions = {name: numerics.version(f"engine.{name}", plain) for name in implementations.REGISTRY}
    return Basis(versions, hashlib.sha256(identity.canonical(plain).encode()).hexdigest()[:10])


def state(preset: str) -> State:
    """What the suite can say of a preset: see `State`; "conforms" holds for the present values and versions only."""
    module = load_preset(preset)
    if hasattr(module, "OURS"):
        return State("ours", module.OURS)
    if hasattr(module, "AFTER"):
        return State("after", module.AFTER)
    entry = json.loads(STATES.read_text()).get(preset) if STATES.exists() else None
    if entry is None:
        return State("from source", "no vectors of its own update are at hand")
    cases = ", ".join(entry["cases"])
    failed = [name for name, passed in entry["passed"].items() if not passed]
    if failed:
        return State("after", f"its vectors ({cases}) are exceeded in {' and '.join(failed)}")
    now = basis(preset)
    if now.versions.keys() - entry["passed"].keys() or now != Basis(entry["versions"], entry["spec"]):
        reason = f"its vectors ({cases}) passed with other code or values; python -m suite conformance --record"
        return State("from source", reason)
    return State("conforms", f"its vectors ({cases}) pass in torch and in JAX")


def display_name(preset: str) -> str:
    """A preset's name as reports may print it: only one that conforms bears the bare name of its code base."""
    known = state(preset).name
    return {"after": f"after {preset}", "from source": f"{preset} (from source)"}.get(known, preset)


def claimed(name: str, implementation: str) -> str:
    """A preset's name as a run may bear it: that it is this preset is only a claim of what the suite does not ship."""
    return name if implementations.ours(implementation) else f"{implementation} (claims {name})"


def unclaimed(shown: str, implementation: str) -> str:
    """What the suite's own implementations would bear in place of a claim: what cells are compared by."""
    if implementations.ours(implementation):
        return shown
    names = map(display_name, preset_names())
    return next((name for name in names if claimed(name, implementation) == shown), shown)


def summary(preset: str) -> str:
    """What a preset is, by the first paragraph of its docstring."""
    return " ".join((load_preset(preset).__doc__ or "").strip().split("\n\n")[0].split())


def not_reproduced(preset: str) -> str:
    """What of its code base a preset does not reproduce, by its docstring; empty if it says nothing of it."""
    _, marked, rest = (load_preset(preset).__doc__ or "").partition("Not reproduced:")
    return " ".join(rest.split("\n\n")[0].split()) if marked else ""


def in_full(implementation: str, variant: str) -> str:
    """A cell's implementation and variant as sentences name it; a claim names its implementation itself."""
    return variant if variant.startswith(f"{implementation} (") else f"{implementation} {variant}"

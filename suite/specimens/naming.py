"""What a preset may be called: only one whose recorded updates and loop are reproduced bears its code base's name."""

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
    """What a preset's conformance rests on: the versions of engines and loop, and digests of the preset's values.

    None depends on how a file is written or where it lies.
    """

    versions: dict[str, int]  # by implementation, and of the loop
    spec: str
    schedule: str


def basis(preset: str) -> Basis:
    """What a preset's conformance rests on now."""
    module = load_preset(preset)
    spec, schedule = identity.to_plain(module.SPEC), identity.to_plain(module.SCHEDULE)
    versions = {name: numerics.version(f"engine.{name}", spec) for name in implementations.REGISTRY}
    versions["loop"] = numerics.version("loop", schedule)
    return Basis(
        versions, *(hashlib.sha256(identity.canonical(one).encode()).hexdigest()[:10] for one in (spec, schedule))
    )


class Proof(NamedTuple):
    """What recordings of a code base's own running say of its preset, in the suite's words.

    updates: recorded cases; passed: by implementation; loops: recorded cases, of which `loop_passed` speaks.
    """

    updates: list[str]
    passed: dict[str, bool]
    loops: list[str]
    loop_passed: bool
    basis: Basis


def proofs() -> dict[str, Proof]:
    """Every preset's proof, as it was last recorded."""
    table = json.loads(STATES.read_text()) if STATES.exists() else {}
    return {name: Proof(**one | {"basis": Basis(**one["basis"])}) for name, one in table.items()}


def state(preset: str) -> State:
    """What the suite can say of a preset: see `State`; "conforms" holds for the present values and versions only."""
    module = load_preset(preset)
    if hasattr(module, "OURS"):
        return State("ours", module.OURS)
    if hasattr(module, "AFTER"):
        return State("after", module.AFTER)
    proof = proofs().get(preset)
    if proof is None:
        return State("from source", "neither its update nor its loop is recorded")
    updates, its_loops = (f"({', '.join(sorted(cases))})" for cases in (proof.updates, proof.loops))
    failed = [f"its recorded updates {updates} are exceeded in {name}" for name, ok in proof.passed.items() if not ok]
    if not proof.loop_passed:
        failed.append(f"its recorded loops {its_loops} do otherwise")
    if failed:
        return State("after", "; ".join(failed))
    now = basis(preset)
    if now != proof.basis or (proof.updates and now.versions.keys() - {"loop"} != proof.passed.keys()):
        reason = "its recordings passed with other code or values; python -m suite conformance --record"
        return State("from source", reason)
    if not proof.loops:
        return State("from source", f"its update conforms {updates}; its loop is not recorded")
    if not proof.updates:
        return State("from source", f"its loop conforms {its_loops}; its update is not recorded")
    return State("conforms", f"its update {updates} in torch and in JAX, its loop {its_loops}")


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

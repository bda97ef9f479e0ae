"""The specimens: one file per engine, and the registry that finds them without importing them."""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

from implementations.codebases import CODEBASES

_PARENT = Path(__file__).resolve().parent.parent
CHECKOUT: Path | None = _PARENT if (_PARENT / "pyproject.toml").is_file() else None
"""The checkout that this code is imported from; None where the suite is installed as a package."""

ROOT = CHECKOUT or Path.cwd()
"""Where packages' own environments lie: beside the code, or in the working directory where it is installed."""


class Entry(NamedTuple):
    """Where an implementation is ("module" or "module:attribute") and what else one must know before importing it."""

    target: str  # of the engine for SacSpec
    interpreter: str | None = None  # of an environment of its own, from ROOT; None: this one's
    trainer: bool = False  # a suite.sac.contract.Trainer, not an Implementation
    arms: bool = False  # its blocks may hold seeds of several specs, if these have one `structure`
    through: str = ""  # the module whose `Trainer(module)` makes a suite.sac.contract.Trainer of it, if it is none
    seeds: range = range(2**63)  # those it takes; a package of others may say so itself, by a range called SEEDS
    beside: tuple[tuple[str, str], ...] = ()  # the engines for specs of other kinds: (the kind's name, target)

    @property
    def module(self) -> str:
        """Its dotted name."""
        return self.target.partition(":")[0]

    @property
    def modules(self) -> tuple[str, ...]:
        """The dotted names of all its engines."""
        return (self.module, *(target.partition(":")[0] for _, target in self.beside))

    @property
    def targets(self) -> dict[str, str]:
        """The engine for each kind of spec that it trains."""
        return {"SacSpec": self.target, **dict(self.beside)}

    @property
    def environment(self) -> Path | None:
        """The folder of its own environment; None if it needs none."""
        return ROOT / Path(self.interpreter).parent.parent if self.interpreter else None


def _relatives(framework: str) -> tuple[tuple[str, str], ...]:
    """The engines of SAC's relatives: what changes the algorithm's shape has a file of its own."""
    files = {"SoftQSpec": "soft_q_learning", "MixtureSpec": "mixture"}
    return tuple((kind, f"implementations.{file}_{framework}") for kind, file in files.items())


REGISTRY: dict[str, Entry] = {
    "torch": Entry("implementations.sac_torch", beside=_relatives("torch")),
    "jax": Entry("implementations.sac_jax", arms=True, beside=_relatives("jax")),
}

PEERS: dict[str, Entry] = {
    "stable_baselines3": Entry("implementations.adapters.stable_baselines3", trainer=True, seeds=range(2**32)),
    "sbx": Entry("implementations.adapters.sbx", trainer=True, seeds=range(2**32)),
    "tianshou": Entry(
        "implementations.adapters.tianshou", ".venv-tianshou/bin/python", trainer=True, seeds=range(2**32)
    ),
}
"""Third-party packages, each behind an adapter: they are trained beside the suite's engines, and measured."""

FILES = {
    f"codebase_{name}": Entry(
        f"implementations.codebases.{name}",
        trainer=True,
        through="implementations.adapters.codebases",
        seeds=range(2**32),
    )
    for name in CODEBASES
}
"""The code bases as files of their own, each a program that knows nothing of the suite."""

MISTAKEN = {
    f"mistaken_{name}": Entry(f"implementations.mistaken:{name}")
    for name in (
        "no_tanh_correction",
        "temperature_wrong_sign",
        "no_target_update",
        "entropy_target_of_box",
        "sampled_evaluation",
        "reward_of_step_before",
        "replay_never_overwrites",
    )
}
"""The torch engine with a mistake each, for the regression check to notice; nobody else's business."""


def ours(name: str) -> bool:
    """Whether the suite answers for what an implementation is: of others it knows what they claim."""
    return name in REGISTRY or name in PEERS or name in FILES or name in MISTAKEN


@cache
def registered() -> dict[str, Entry]:
    """The suite's own engines and adapters, and installed packages' (entry-point groups "sac_suite.implementations" and
    "sac_suite.trainers")."""
    outside = {point.name: Entry(point.value) for point in entry_points(group="sac_suite.implementations")}
    trainers = {point.name: Entry(point.value, trainer=True) for point in entry_points(group="sac_suite.trainers")}
    return outside | trainers | REGISTRY | PEERS | FILES | MISTAKEN


def load(name: str, kind: str = "SacSpec") -> Any:
    """The implementation registered as `name`, its engine for a kind of spec: here the framework is imported."""
    entry = registered()[name]
    if entry.through:
        return importlib.import_module(entry.through).Trainer(entry.module)
    module, _, attribute = entry.targets[kind].partition(":")
    imported = importlib.import_module(module)
    return getattr(imported, attribute) if attribute else imported

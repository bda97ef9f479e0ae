"""How much must a variant be tuned? Its settings over a declared grid, as the arms of an ablation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from suite.sac.ablation import Ablation, Arm, Changes
from suite.sac.cited import Module
from suite.sac.spec import SpecError

Setting = Mapping[str, float]
"""Parameter -> its value; the others are as the preset has them."""


class Parameter(NamedTuple):
    """A hyper-parameter: the fields of a spec that it is, the values to try, and why these."""

    fields: tuple[str, ...]  # by path; as many of them as a spec has get the value together
    values: tuple[float, ...]
    reason: str
    log: bool = True  # whether values between the ends are spread by their logarithm
    whole: bool = False  # whether it is a whole number


GRID = {
    "lr": Parameter(
        ("actor_lr", "critic_lr", "temperature.lr"),
        (1e-4, 3e-4, 1e-3, 3e-3),
        "half decades around 3e-4 (arXiv 1812.05905, table 1) and 1e-3 (openai/spinningup@038665d)",
    ),
    "tau": Parameter(
        ("tau",),
        (0.001, 0.005, 0.02, 0.05),
        "around 0.005 (arXiv 1812.05905, table 1), within the 1e-4 to 0.1 of arXiv 1801.01290, figure 3 (c)",
    ),
    "alpha": Parameter(
        ("temperature.init", "temperature.value"),
        (0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
        "half decades around 0.2 (openai/spinningup@038665d); a learned one starts there, a fixed one stays",
    ),
    "entropy": Parameter(
        ("temperature.entropy_per_dim",),
        (-2.0, -1.0, -0.5, 0.0),
        "per dimension: -1 (arXiv 1812.05905, table 1) and -1/2 (jaxrl), twice the one and none of it",
        log=False,
    ),
    "batch": Parameter(
        ("batch_size",),
        (64, 128, 256, 512),
        "doublings around 256 (arXiv 1812.05905, table 1) and 100 (openai/spinningup@038665d)",
        whole=True,
    ),
    "reward_scale": Parameter(
        ("reward_scale",),
        (0.1, 1.0, 10.0),
        "a decade to either side; arXiv 1801.01290, figure 3 (b) tries 1 to 100 at a temperature of 1",
    ),
}
"""Every hyper-parameter that a study of sensitivity knows, with the values it tries unless it has its own."""

AS_IS = "as_is"
"""The arm of the variant's own setting."""

LITERATURE = ("arXiv 2412.07165", "jadkins99/hyperparameter_sensitivity@e571b0b analysis/utils.py")


def one_at_a_time(values: Mapping[str, Iterable[float]] | None = None) -> tuple[Setting, ...]:
    """Every value of every parameter (of the grid, unless others are given), the rest being as the preset has it."""
    chosen = values or {name: one.values for name, one in GRID.items()}
    return tuple({name: value} for name, several in chosen.items() for value in several)


def sensitivity(
    preset: str, module: Module, settings: Iterable[Setting], variant: str, changes: Changes | None = None
) -> Ablation:
    """The settings of a variant: the preset of that name with `changes` of whole fields, as it is and at each setting.

    A parameter that means nothing with the variant is left out, and the question says so; so is a setting that has no
    other, or is what the variant is. SpecError for a parameter that GRID lacks, and where nothing is left.
    """
    changes = dict(changes or {})
    spec, settings = replace(module.SPEC, **changes), tuple(map(dict, settings))
    asked = dict.fromkeys(name for setting in settings for name in setting)
    if unknown := next((name for name in asked if name not in GRID), None):
        raise SpecError(f"{unknown} is no hyper-parameter of the grid, which has {', '.join(GRID)}")
    known = [name for name in asked if fields_of(name, spec)]
    own = {name: value for name in known if (value := _own(name, spec, module)) is not None}
    others: dict[tuple, dict[str, float]] = {}
    for setting in settings:
        kept = {name: rounded(name, setting[name]) for name in known if name in setting}
        if any(own.get(name) != value for name, value in kept.items()):
            others.setdefault(tuple(kept.items()), kept)
    arms = [Arm(name=AS_IS, changes=changes, levels=_levels(own))]
    for n, kept in enumerate(others.values(), start=1):
        levels = _levels(kept)
        name = f"point_{n}" if len(kept) > 1 else "".join(f"{key}={level}" for key, level in levels.items())
        values = {path: value for name, value in kept.items() for path in fields_of(name, spec)}
        arms.append(Arm(name=name, changes=changes | values, levels=levels))
    if len(arms) == 1:
        raise SpecError(f"no setting asked for is another than {variant} has: there is nothing to tune")
    without = [name for name in asked if name not in known]
    left_out = f" (left out, for it means nothing here: {', '.join(without)})" if without else ""
    return Ablation(
        question=f"How much must {variant} be tuned for each task: {', '.join(known)}{left_out}?",
        baseline=preset,
        arms=tuple(arms),
        outcomes=("final_return",),
        expected="one setting for all tasks does nearly as well as the best one of each",
        literature=LITERATURE,
        variant=variant,
    )


def fields_of(name: str, spec: Any) -> tuple[str, ...]:
    """The fields of a spec, by path, that a parameter is; none where it means nothing."""
    return tuple(path for path in GRID[name].fields if any(True for _ in _values((path,), spec)))


def rounded(name: str, value: float) -> float:
    """The value as the parameter's fields take it, with the six digits that an arm's name has."""
    return round(value) if GRID[name].whole else float(f"{value:g}")


def _levels(values: Setting) -> dict[str, str]:
    return {name: f"{value:g}" for name, value in values.items()}


def _own(name: str, spec: Any, module: Module) -> float | None:
    """The variant's own value; None where its fields have several, or some task has another."""
    paths = fields_of(name, spec)
    values = set(_values(paths, spec))
    of_tasks = any(path.partition(".")[0] in changed for changed in module.PER_TASK.values() for path in paths)
    return values.pop() if len(values) == 1 and not of_tasks else None


def _values(paths: Iterable[str], spec: Any) -> Iterator[float]:
    """The values that a spec has at those of the paths that lead somewhere."""
    for path in paths:
        part = spec
        for name in path.split("."):
            part = getattr(part, name, None)
        if part is not None:
            yield part

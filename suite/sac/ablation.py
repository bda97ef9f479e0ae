"""Ablation: a question put as differences of specs, beside what the literature expects of the answer."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal, NamedTuple

from suite.sac.cited import Module
from suite.sac.schedule import Schedule, check_together
from suite.sac.spec import SpecError
from suite.sac.specs import Spec

Changes = dict[str, Any]
"""Fields of the spec or the Schedule to replace in the baseline, by name; of a part, by path: "temperature.init"."""


class Outcome(NamedTuple):
    """A number by which arms are compared, as reports speak of it; higher_is_better: None where neither is."""

    brief: str
    words: str
    unit: str
    higher_is_better: bool | None


OUTCOMES = {
    "final_return": Outcome("final return", "return of the last tenth of training", "return per episode", True),
    "area": Outcome(
        "area under the learning curve",
        "area under the learning curve, divided by its span",
        "return per episode",
        True,
    ),
    "steps_to_threshold": Outcome(
        "steps to half way",
        "when half of the way from the random policy to the task's reference is first seen; if never, the budget",
        "environment steps",
        False,
    ),
    "stability": Outcome(
        "deepest fall", "deepest fall of a run's learning curve from a peak", "return per episode", False
    ),
    "failures": Outcome("failures", "share of runs that diverged or crashed", "share of runs", False),
    "q_bias": Outcome(
        "bias of Q", "Q minus the return then obtained, at the end of training", "discounted return", None
    ),
    "entropy": Outcome("entropy", "entropy of the policy at the end of training", "nats", None),
    "alpha": Outcome("temperature", "temperature at the end of training", "return per nat", None),
}
"""Every outcome there is: what the analysis computes of each arm against its baseline, and nothing else."""
SCORE = "final_return"
"""The outcome that runs are scored by."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One variant: what it changes in the baseline (nothing: it is the baseline), and the level of each factor."""

    name: str
    changes: Changes
    levels: dict[str, str]


Direction = Literal["better", "worse", "equal"]

TAGS = {
    "core": "temperature, critics and value net",
    "papers": "what the papers of SAC say matters",
    "codebases": "where the code bases differ",
    "practice": "what people tune",
    "later": "what came after SAC",
}
"""Under which questions may be asked together: a config's `ablations` takes these words, and `all` of them."""


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """A question, the preset it starts from, and its arms; the first arm is the baseline. outcomes: of OUTCOMES.

    directions: what is expected of an arm's first outcome beside the baseline's (of an arm left out, nothing), on the
    `tasks` on which it should show (none named: on any). margin: the share of what learning gains that would matter
    (None: the study's). tags: of TAGS.
    """

    question: str
    baseline: str
    arms: tuple[Arm, ...]
    outcomes: tuple[str, ...]
    expected: str
    literature: tuple[str, ...]
    directions: Mapping[str, Direction] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    margin: float | None = None
    tags: tuple[str, ...] = ()
    walk: bool = False  # whether every arm goes one step further than the arm before, from one preset to another
    variant: str = ""  # of which the arms are all settings, in a study of sensitivity (suite.sac.sensitivity)

    @property
    def factors(self) -> dict[str, list[str]]:
        """Every factor's levels, the baseline's first."""
        factors: dict[str, list[str]] = {}
        for arm in self.arms:
            for factor, level in arm.levels.items():
                levels = factors.setdefault(factor, [])
                if level not in levels:
                    levels.append(level)
        return factors

    @property
    def doses(self) -> tuple[str, dict[str, float]] | None:
        """The field of which arms are values, and nothing else, with the value of each; None of fewer than two, and
        where arms are settings of several fields."""
        if self.variant:
            return None
        alone = [(arm.name, *next(iter(arm.changes.items()))) for arm in self.arms if len(arm.changes) == 1]
        by_field: dict[str, dict[str, float]] = {}
        for name, path, value in alone:
            if len(numbers := list(_numbers(value))) == 1:
                by_field.setdefault(path, {})[name] = float(numbers[0])
        path = max(by_field, key=lambda one: len(by_field[one]), default="")
        return (path, by_field[path]) if path and len(set(by_field[path].values())) > 1 else None

    def dose_of_baseline(self, spec: Spec, schedule: Schedule) -> float | None:
        """What the baseline has where arms are values of a field; None where that is not one number."""
        if self.doses is None:
            return None
        numbers = list(_numbers(_value(spec, schedule, self.doses[0])))
        return float(numbers[0]) if len(numbers) == 1 else None

    @property
    def switched(self) -> tuple[str, ...]:
        """The fields that an arm changes, in the order first named."""
        return tuple(dict.fromkeys(field for arm in self.arms for field in arm.changes))

    def belied(self, arm: Arm, spec: Spec, schedule: Schedule) -> str:
        """What contradicts an arm's name that is a value ("0.005", "tau=0.005"), "tau is 0.01"; "" if nothing does.

        spec, schedule: what the arm is, the values of the baseline included.
        """
        for name in (arm.name, *arm.levels.values()):
            of, number = _valued(name)
            switched = [one for one in self.switched if of in ("", one, one.rpartition(".")[2])]
            values = {one: _value(spec, schedule, one) for one in switched}
            numbers = {one: list(_numbers(value)) for one, value in values.items()}
            known = [value for several in numbers.values() for value in several]
            if number is not None and known and not any(math.isclose(number, value) for value in known):
                return " and ".join(f"{one} is {values[one]}" for one in switched if numbers[one])
        return ""


def _value(spec: Spec, schedule: Schedule, path: str) -> Any:
    """What a field is, or a part's field; None where the part has none of that name."""
    name, _, inner = path.partition(".")
    value = getattr(spec if hasattr(spec, name) else schedule, name)
    return getattr(value, inner, None) if inner else value


def _valued(name: str) -> tuple[str, float | None]:
    """(field or "", number) of a name that is a value; ("", None) of another."""
    match = re.fullmatch(r"(?:([a-z_]*[a-z])[ =_]?)?([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)", name.strip().lower())
    return (match[1] or "", float(match[2])) if match else ("", None)


def _numbers(value: object) -> Iterator[float]:
    """The numbers that a field's value is or holds."""
    if is_dataclass(value):
        value = tuple(getattr(value, field.name) for field in fields(value))
    if isinstance(value, tuple):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def one_factor(factor: str, levels: dict[str, Changes], **prose: Any) -> Ablation:
    """An ablation of one factor: an arm per level, the first being the baseline's own (no changes)."""
    arms = tuple(Arm(name=level, changes=changes, levels={factor: level}) for level, changes in levels.items())
    return Ablation(arms=arms, **prose)


def factorial(*ablations: Ablation, **prose: Any) -> Ablation:
    """The full cross of one-factor ablations: an arm per combination of their arms."""
    arms = []
    for chosen in itertools.product(*(ablation.arms for ablation in ablations)):
        changes = {field: value for arm in chosen for field, value in arm.changes.items()}
        levels = {factor: level for arm in chosen for factor, level in arm.levels.items()}
        arms.append(Arm(name="-".join(arm.name for arm in chosen), changes=changes, levels=levels))
    return Ablation(arms=tuple(arms), **prose)


def walk(start: str, end: str, a: Module, b: Module, task: str, groups: tuple[tuple[str, ...], ...] = ()) -> Ablation:
    """The way from preset `start`, the module a, to `end`, the module b, on a task: an arm for each switch on it.

    Arms add up: each has the switches of those before it, and the last one is b. Switches of one of `groups` change
    together, and so do those that contradict each other alone.
    """
    if type(a.SPEC) is not type(b.SPEC):
        raise SpecError(f"{start} and {end} are no settings of one algorithm, so that there is no way between them")
    target = differences(a, b, task)
    values, names = _values(a, task), list(target)
    together = [tuple(one for one in group if one in names) for group in groups]
    alone = [(name,) for name in names if not any(name in group for group in together)]
    arms = [Arm(name=start, changes={}, levels={"walk": start})]
    waiting: tuple[str, ...] = ()
    for step in sorted((*filter(None, together), *alone), key=lambda group: names.index(group[0])):
        waiting += step
        changes = arms[-1].changes | {name: target[name] for name in waiting}
        if _consistent(type(a.SPEC), values | changes):
            name = "+".join(waiting)
            arms.append(Arm(name=name, changes=changes, levels={"walk": name}))
            waiting = ()
    return Ablation(
        question=f"Which switch on the way from {start} to {end} moves the curve on {task}?",
        baseline=start,
        arms=tuple(arms),
        outcomes=("final_return", "steps_to_threshold", "area"),
        expected="one or two switches carry the whole difference",
        literature=(f"the presets {start} and {end}, every value with its source",),
        tasks=(task,),
        walk=True,
    )


def differences(a: Module, b: Module, task: str) -> Changes:
    """Every field in which preset b, of the same algorithm, differs from a on a task, with b's value."""
    values, target = (_values(one, task) for one in (a, b))
    return {name: target[name] for name in target if target[name] != values[name]}


def _values(preset: Module, task: str) -> dict[str, Any]:
    """Every field of a preset's tableaux on a task."""
    tableaux = preset.SPEC, preset.SCHEDULE
    values = {field.name: getattr(one, field.name) for one in tableaux for field in fields(one)}
    return values | preset.PER_TASK.get(task, {})


def _consistent(kind: type, values: Mapping[str, Any]) -> bool:
    try:
        tableaux = [made(**{field.name: values[field.name] for field in fields(made)}) for made in (kind, Schedule)]
        check_together(*tableaux)
    except SpecError:
        return False
    return True

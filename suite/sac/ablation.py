"""Ablation: a question put as differences of specs, beside what the literature expects of the answer."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple

Changes = dict[str, Any]
"""SacSpec or Schedule fields to replace in the baseline, by name."""


class Outcome(NamedTuple):
    """A number by which arms are compared, as reports speak of it; higher_is_better: None where neither is."""

    words: str
    unit: str
    higher_is_better: bool | None


OUTCOMES = {
    "final_return": Outcome("return of the last tenth of training", "return per episode", True),
    "area": Outcome("area under the learning curve, divided by its span", "return per episode", True),
    "stability": Outcome("deepest fall of a run's learning curve from a peak", "return per episode", False),
    "failures": Outcome("share of runs that diverged or crashed", "share of runs", False),
    "q_bias": Outcome("Q minus the return then obtained, at the end of training", "discounted return", None),
    "entropy": Outcome("entropy of the policy at the end of training", "nats", None),
    "alpha": Outcome("temperature at the end of training", "return per nat", None),
}
"""Every outcome there is: what the analysis computes of each arm against its baseline, and nothing else."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One variant: what it changes in the baseline (nothing: it is the baseline), and the level of each factor."""

    name: str
    changes: Changes
    levels: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """A question, the preset it starts from, and its arms; the first arm is the baseline. outcomes: of OUTCOMES."""

    question: str
    baseline: str
    arms: tuple[Arm, ...]
    outcomes: tuple[str, ...]
    expected: str
    literature: tuple[str, ...]

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

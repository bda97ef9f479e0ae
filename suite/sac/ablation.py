"""Ablation: a question put as differences of specs, beside what the literature expects of the answer."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

Changes = dict[str, Any]
"""SacSpec or Schedule fields to replace in the baseline, by name."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One variant: what it changes in the baseline (nothing: it is the baseline), and the level of each factor."""

    name: str
    changes: Changes
    levels: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """A question, the preset it starts from, and its arms; the first arm is the baseline."""

    question: str
    baseline: str
    arms: tuple[Arm, ...]
    metric: str
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

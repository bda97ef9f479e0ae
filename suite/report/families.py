"""Families of questions in words: how p values are adjusted, and what that bounds."""

from collections.abc import Iterable
from typing import cast

from suite.analysis.types import SIGNIFICANT, AdjustedDifference, FamilyName, Results
from suite.study.config import Method

METHODS: dict[Method, str] = {
    "holm": "Holm",
    "hommel": "Hommel",
    "bonferroni": "Bonferroni",
    "bh": "Benjamini-Hochberg",
    "by": "Benjamini-Yekutieli",
}
SHARES: tuple[Method, ...] = ("bh", "by")  # bound the share of false alarms among the alarms, others the chance of any


def adjusted_in(name: FamilyName, results: Results) -> str:
    """The method, and the family that p values are adjusted in, within a sentence."""
    family = results.families[name]
    among = ", interactions among them" if name == "ablation" and _interactions(results) else ""
    return f"{METHODS[family.method]}, over the {family.size} of the family “{name}”{among}"


def _interactions(results: Results) -> bool:
    return any(effect.is_interaction for one in results.ablations for over in one.over_tasks for effect in over.effects)


def family_sentence(name: FamilyName, results: Results) -> str:
    """How the p values of a family are adjusted and what that bounds, as a sentence."""
    family = results.families[name]
    if name == "regression":
        return (
            "Primary endpoints decide without adjustment; those secondary to the same implementation and preset are "
            f"adjusted among themselves by {METHODS[family.method]}."
        )
    if not family.size:
        return f"{METHODS[family.method]} would adjust; this study asks no question of the family “{name}”."
    questions = "question" if family.size == 1 else "questions"
    in_shares = family.method in SHARES
    bounded = "the share of false alarms among the alarms" if in_shares else "the chance of any false alarm in it"
    of_family = f"the {family.size} {questions} of the family “{name}”"
    return f"Adjusted by {METHODS[family.method]} for {of_family}, which bounds {bounded}."


def out_of_reach(differences: Iterable[AdjustedDifference | None], results: Results) -> str:
    """That so few runs cannot reach significance by permutation in their family, where that is so."""
    beyond = [one for one in differences if one is not None and one.out_of_reach]
    if not beyond:
        return ""
    family = cast(FamilyName, beyond[0].family)
    size, method = beyond[0].family_size, results.families[family].method
    floors = " or ".join(f"{floor:.2g}" for floor in sorted({one.permutation.floor for one in beyond}))
    alone = " on its own" if method in SHARES else ""
    return (
        f"With this n the permutation test cannot reach significance{alone}, whatever the returns: its p is at least "
        f"{floors}, and the least of {size} must be at most {SIGNIFICANT:g}/{size} = {SIGNIFICANT / size:.2g}."
    )

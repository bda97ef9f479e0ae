"""How many seeds a question needs, and what a number of seeds can settle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from suite.analysis import scores as inference
from suite.analysis.declared import Declared
from suite.analysis.results_file import plain
from suite.analysis.scores import scores_of
from suite.analysis.two_cells import cell_name, study_results
from suite.errors import UsageError
from suite.published.anchors import Scale
from suite.statistics import power as planning
from suite.statistics import two_samples as comparing
from suite.study.cells import key_of

SEEDS = (3, 5, 10, 20, 30)  # per group: the numbers shown where none is asked for


STUDIES = 400  # simulated for the power of a cell: to 0.025 at worst


def power_table(
    *,
    n: Sequence[int] = SEEDS,
    effect: float | None = None,
    difference: float | None = None,
    sd: float | None = None,
    margin: float | None = None,
    target: float = 0.8,
    alpha: float = 0.05,
) -> dict:
    """What n seeds in each of two groups of normal scores can settle, and how many a question needs; JSON-able.

    effect in SDs, or difference with sd in return units; margin of an equivalence test at the level alpha, in return
    units with sd, else in SDs. `detectable` is the effect found with the power `target`.
    """
    if difference is not None and (effect is not None or sd is None):
        raise UsageError("--difference is in return units: it needs --sd, and takes the place of --effect (in SDs)")
    if sd is not None and not sd > 0:
        raise UsageError(f"--sd must be a positive number of return units, not {sd}")
    unit = 1.0 if sd is None else sd
    asked = effect if difference is None else difference / unit
    confidence = 1 - 2 * alpha

    def row(seeds: int) -> dict:
        found = planning.minimum_detectable_effect(seeds, target, alpha)
        return {
            "n": seeds,
            "detectable": found,
            "detectable_return": None if sd is None else found * sd,
            "power": None if asked is None else planning.power(seeds, asked, alpha),
            "equivalence": None if margin is None else planning.tost_power(seeds, margin, unit, confidence=confidence),
        }

    def answer() -> dict:
        needed = {
            "difference": None if asked is None else planning.required_n(asked, target, alpha),
            "equivalence": None
            if margin is None
            else planning.tost_required_n(margin, unit, power=target, confidence=confidence),
        }
        asked_for = {"effect": asked, "sd": sd, "margin": margin, "target": target, "alpha": alpha}
        return {"asked": asked_for, "rows": [row(seeds) for seeds in n], "needed": needed}

    return plain(_or_usage(answer))


def study_power(
    study_dir: str | Path,
    *,
    task: str | None = None,
    anchors: Mapping[str, Scale],
    declared: Declared = Declared(),  # noqa: B008 - immutable
    target: float = 0.8,
    studies: int = STUDIES,
) -> dict:
    """What the seeds of every cell of a gathered study could settle against a cell like it; JSON-able.

    The declared margin is a true difference to find (level 1 - confidence) and one to exclude (equivalence); the
    simulated power is Welch's test of scores drawn from the cell's own, apart by the margin, at its number of seeds.
    """
    results, _ = study_results(study_dir, task)
    alpha, options = 1 - declared.confidence, declared.equivalence

    def row(cell: dict) -> dict:
        scores, scale = scores_of(cell), anchors.get(cell["task"])
        margin = None if scale is None else options["margin"] * (scale.reference - scale.random)
        numbers = ("detectable", "power", "simulated", "n_difference", "equivalence", "n_equivalence")
        told = {"task": cell["task"], "name": cell_name(cell), "run_id": cell["run_id"], "n": len(scores),
                "n_planned": cell["n_planned"], "mean": cell["mean"]["estimate"], "sd": cell["sd"], "margin": margin,
                **dict.fromkeys(numbers), "note": ""}  # fmt: skip
        if len(scores) < inference.FEWEST or not cell["sd"]:
            return told | {"note": f"{len(scores)} scored runs and no spread: nothing to plan with"}
        n, sd = len(scores), cell["sd"]
        told["detectable"] = planning.minimum_detectable_effect(n, target, alpha) * sd
        if margin is None:
            return told | {"note": "no margin: the task has no reference return"}
        rng = declared.rng("power", *key_of(cell))
        drawn = planning.simulated(
            scores, scores, n, _welch_p, difference=margin, alpha=alpha, studies=studies, rng=rng
        )
        level = options["confidence"]
        return told | {
            "power": planning.power(n, margin / sd, alpha),
            "simulated": drawn._asdict(),
            "n_difference": planning.required_n(margin / sd, target, alpha),
            "equivalence": planning.tost_power(n, margin, sd, confidence=level),
            "n_equivalence": planning.tost_required_n(margin, sd, power=target, confidence=level),
        }

    settings = {"target": target, "alpha": alpha, "margin": options["margin"], "confidence": options["confidence"]}
    rows = _or_usage(lambda: [row(cell) for cell in results["cells"]])
    return plain({"study": results["study"], "settings": settings, "rows": rows})


def _welch_p(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    return comparing.welch(x, y).p


def _or_usage(call: Callable):
    """What the call returns; a number that cannot be planned with is the caller's mistake."""
    try:
        return call()
    except ValueError as refusal:
        raise UsageError(str(refusal)) from None

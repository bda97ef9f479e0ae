"""Two implementations of one preset: do they agree within the declared margin?"""

from __future__ import annotations

from functools import partial
from itertools import combinations

import numpy as np

from suite.analysis.scores import COUNTS, FEWEST, groups_of, scores_of
from suite.statistics import curves, equivalence, power
from suite.statistics import two_samples as compare
from suite.study.cells import key_of


def compared(x: np.ndarray, y: np.ndarray, confidence: float, rng: np.random.Generator) -> dict:
    """Everything said of two samples of scores [n], [m]: Welch's test in the scores' own unit, and beside it what does
    not lean on normality, effect sizes, and what a study of this size could have seen (at 80 % power)."""
    welch = compare.welch(x, y, confidence)
    permuted = compare.permutation(x, y, rng=rng, confidence=confidence)
    spread = float(np.sqrt((x.var(ddof=1) + y.var(ddof=1)) / 2))
    seeds = 2 / (1 / len(x) + 1 / len(y))
    count = permuted.assignments
    floor = compare.permutation_floor(len(x), len(y)) if permuted.exact else 1 / (count + 1)
    return {
        **welch._asdict(),
        "permutation": {"p": permuted.p, "assignments": count, "exact": permuted.exact, "floor": floor},
        "superiority": superiority_of(x, y, confidence),
        **compare.effect_sizes(x, y)._asdict(),
        "yuen_p": compare.yuen(x, y).p,
        "detectable": power.minimum_detectable_effect(seeds) * spread,
    }  # fmt: skip


def superiority_of(x, y, confidence) -> dict:
    """P(x > y) + P(x = y) / 2 with Brunner and Munzel's interval."""
    found = compare.brunner_munzel(x, y, confidence)
    return {"estimate": found.difference, "low": found.low, "high": found.high, "p": found.p}


def equivalences(cells, aligned, anchors, declared, run) -> list[dict]:
    """Every pair of implementations of the same variant on the same task."""
    alike: dict[tuple[str, str], dict[str, dict]] = {}
    for (implementation, label), group in groups_of(cells).items():
        for task, cell in group.items():
            alike.setdefault((task, label), {})[implementation] = cell
    told, jobs = [], []
    for (task, label), group in alike.items():
        for a, b in combinations(group, 2):
            ours, theirs = group[a], group[b]
            told.append({
                "task": task, "variant": label, "a": a, "b": b, "run_ids": [ours["run_id"], theirs["run_id"]],
                **{what: [cell[what] for cell in (ours, theirs)] for what in COUNTS},
            })  # fmt: skip
            kinds = [cell["kind"] for cell in (ours, theirs) if cell.get("kind")]
            jobs.append(partial(
                _uncompared, f"returns are of another kind on either side ({' and '.join(kinds)})"
            ) if len(set(kinds)) > 1 else partial(
                equivalent, scores_of(ours), scores_of(theirs), aligned.get(key_of(ours)), aligned.get(key_of(theirs)),
                anchors.get(task), declared, ("equivalence", task, label, a, b),
            ))  # fmt: skip
    return [names | numbers for names, numbers in zip(told, run(jobs), strict=True)]


def _uncompared(note: str) -> dict:
    names = ("difference", "margin", "verdict", "p", "n_needed", "interval", "sensitivity", "superiority", "curve")
    return dict.fromkeys(names) | {"note": note}


def equivalent(x, y, curve_a, curve_b, scale, declared, key) -> dict:
    """Whether two cells, given by their scores and their grid and curves, agree within the declared margin."""
    if min(len(x), len(y)) < FEWEST:
        return _uncompared(f"needs two scored runs on each side, here are {len(x)} and {len(y)}")
    told = _uncompared("") | {"difference": compared(x, y, declared.confidence, declared.rng(*key))}
    options = declared.equivalence
    told["superiority"] = equivalence.tost_superiority(x, y, options["superiority"], options["confidence"])._asdict()
    told["curve"] = _curve_difference(curve_a, curve_b, scale, declared, key)
    if scale is None:
        return told | {"note": "no margin: the task has no reference return"}
    span = scale.reference - scale.random
    main = equivalence.tost(x, y, options["margin"] * span, options["confidence"])
    told |= {"margin": main.margin, "verdict": main.verdict, "p": main.p, "n_needed": main.n_needed,
             "interval": {"low": main.low, "high": main.high, "confidence": main.confidence}}  # fmt: skip
    told["sensitivity"] = [
        {"share": share, **{name: getattr(found, name) for name in ("margin", "verdict", "p")}}
        for share in options["sensitivity"]
        for found in [equivalence.tost(x, y, share * span, options["confidence"])]
    ]
    return told


def _curve_difference(curve_a, curve_b, scale, declared, key) -> dict | None:
    """Max-t over the checkpoints both have, and the band of the difference where there are runs enough."""
    if curve_a is None or curve_b is None:
        return None
    grid, at_a, at_b = np.intersect1d(curve_a[0], curve_b[0], return_indices=True)
    if not len(grid):
        return None
    a, b = curve_a[1][:, at_a], curve_b[1][:, at_b]
    tested = compare.max_t(a, b, rng=declared.rng(*key, "max-t"))
    first = int(np.argmin(tested.p_adjusted))
    found = {
        "p": float(tested.p_adjusted[first]), "env_step": int(grid[first]), "assignments": tested.assignments,
        "grid": grid, "difference": a.mean(axis=0) - b.mean(axis=0), "low": None, "high": None, "verdict": None,
    }  # fmt: skip
    try:
        band = curves.difference_band(
            a, b, declared.equivalence["confidence"], declared.curve_resamples, declared.rng(*key, "band")
        )
    except ValueError as refusal:
        return found | {"note": str(refusal)}
    found |= {"low": band.low, "high": band.high, "note": ""}
    if scale is not None:
        burnt_in = int(np.searchsorted(grid, declared.equivalence["after"] * grid[-1]))
        margin = declared.equivalence["margin"] * (scale.reference - scale.random)
        found["verdict"] = equivalence.band_verdict(band, margin, burnt_in)
    return found

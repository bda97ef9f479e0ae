"""What the cells of a study say against each other: suite-level aggregates, implementations, ablations, p values.

Scores are made comparable over tasks by anchors: (return - random policy) / (reference - random policy). Every number
that needs draws has a stream of its own, so neither the order of the cells nor the number of workers changes a bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from suite.references import Scale
from suite.statistics import aggregate, bootstrap, compare, curves, equivalence, factorial, multiplicity, power

CELL = ["task", "implementation", "run_id"]
COUNTS = ("n_planned", "n_finished", "n_scored")
CURVE_RESAMPLES = 10_000
TAUS = np.round(np.arange(-0.2, 1.61, 0.02), 2)  # of the performance profiles
SIMPLE_ONLY = "The differences to the baseline are simple effects only."
FEWEST = 2  # scored runs on either side of any comparison


class Declared(NamedTuple):
    """What was decided before the runs: level, draws and seed; margins; how p values are adjusted in each family."""

    confidence: float = 0.95
    resamples: int = 50_000
    seed: int = 0
    equivalence: Mapping = {"margin": 0.10, "sensitivity": (0.05, 0.15, 0.20), "superiority": 0.15,
                            "confidence": 0.90, "after": 0.2}  # fmt: skip
    families: Mapping = {"equivalence": "holm", "regression": "holm", "ablation": "holm", "exploratory": "bh"}

    @property
    def curve_resamples(self) -> int:
        return min(self.resamples, CURVE_RESAMPLES)

    def rng(self, *key: object) -> np.random.Generator:
        """A stream of its own for every number that needs draws, whatever the order in which they are made."""
        digest = hashlib.sha256("\0".join(map(str, key)).encode()).digest()
        entropy = [self.seed, *np.frombuffer(digest, np.uint32)]
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))


Run = Callable[[Iterable[Callable[[], dict]]], list[dict]]
"""Does jobs, possibly in other processes, and returns what they return in the same order."""


def infer(
    cells: list[dict],
    aligned: Mapping[tuple, tuple[np.ndarray, np.ndarray]],
    manifest: pd.DataFrame,
    prose: Mapping,
    check: list[dict],
    anchors: Mapping[str, Scale],
    second: Mapping[str, Scale],
    declared: Declared,
    run: Run,
) -> dict:
    """The parts of results.json that compare cells (those of suite.summary, with their scores).

    aligned: by cell, the grid [T] and the curves [runs, T] of its scored runs; check: the regression check's rows;
    anchors and second: two sets of anchors by task, the second only to see how much hangs on the first.
    """
    found = {
        "aggregates": _aggregates(cells, anchors, second, declared, run),
        "improvement": _improvement(cells, anchors, declared, run),
        "equivalence": _equivalence(cells, aligned, anchors, declared, run),
        "ablations": _ablations(manifest, cells, prose, anchors, declared, run),
        "check": [dict(row) for row in check],
    }
    return found | {"families": _adjust(found, declared)}


# --- over all tasks


def _groups(cells: list[dict]) -> dict[tuple[str, str], dict[str, dict]]:
    """(implementation, label) -> task -> cell; of labels that mean the same cells the first."""
    groups: dict[tuple[str, str], dict[str, dict]] = {}
    for cell in cells:
        for label in cell["labels"]:
            groups.setdefault((cell["implementation"], label), {})[cell["task"]] = cell
    distinct: dict[tuple, tuple[str, str]] = {}
    for name, group in groups.items():
        distinct.setdefault(tuple(sorted(key_of(cell) for cell in group.values())), name)
    return {name: groups[name] for name in distinct.values()}


def _aggregates(cells, anchors, second, declared, run) -> list[dict]:
    """Every variant over all its tasks that have anchors and enough runs."""
    told, jobs = [], []
    for (implementation, label), group in _groups(cells).items():
        used, left_out = _usable(group, anchors)
        told.append({
            "implementation": implementation, "variant": label, "tasks": list(used), "left_out": left_out,
            **{what: sum(cell[what] for cell in group.values()) for what in COUNTS},
        })  # fmt: skip
        again = {task: cell for task, cell in used.items() if task in second}
        scores = [_normalised(cell, anchors) for cell in used.values()]
        scores_again = [_normalised(cell, second) for cell in again.values()]
        key = "aggregate", implementation, label
        jobs.append(partial(_aggregate, scores, scores_again, list(again), declared, key))
    return [names | numbers for names, numbers in zip(told, run(jobs), strict=True)]


def _aggregate(scores, again, again_tasks, declared, key) -> dict:
    nothing = dict.fromkeys(("mean", "median", "iqm", "optimality_gap", "profile", "second"))
    if not scores:
        return nothing
    options = {"confidence": declared.confidence, "resamples": declared.resamples}
    statistics = {"mean": aggregate.mean, "median": aggregate.median, "iqm": aggregate.iqm,
                  "optimality_gap": aggregate.optimality_gap}  # fmt: skip
    found = {  # each from the same stream: one draw of runs for all of them
        name: bootstrap.stratified(scores, statistic, rng=declared.rng(*key), **options)._asdict()
        for name, statistic in statistics.items()
    }
    band = curves.profile_band(
        scores, TAUS, declared.confidence, declared.curve_resamples, declared.rng(*key, "profile")
    )
    profile = {"taus": TAUS, "share": band.center, "low": band.low, "high": band.high}
    if again:
        iqm = bootstrap.stratified(again, aggregate.iqm, rng=declared.rng(*key, "second"), **options)._asdict()
        nothing["second"] = {"tasks": again_tasks, "iqm": iqm}
    return nothing | found | {"profile": profile}


def _improvement(cells, anchors, declared, run) -> list[dict]:
    """Every variant against the study's first of the same implementation: does a run of it beat a run of that?"""
    told, jobs = [], []
    groups = _groups(cells)
    for implementation in dict.fromkeys(name for name, _ in groups):
        first, *others = [label for name, label in groups if name == implementation]
        theirs = groups[implementation, first]
        for label in others:
            ours = groups[implementation, label]
            both = [task for task in ours if task in theirs and key_of(ours[task]) != key_of(theirs[task])]
            both = [task for task in both if min(len(scores_of(ours[task])), len(scores_of(theirs[task]))) >= FEWEST]
            if both:
                told.append({"implementation": implementation, "variant": label, "over": first, "tasks": both})
                x, y = ([scores_of(side[task]) for task in both] for side in (ours, theirs))
                jobs.append(partial(improved, x, y, declared, ("improvement", implementation, label, first)))
    return [names | numbers for names, numbers in zip(told, run(jobs), strict=True)]


def improved(x, y, declared, key) -> dict:
    """P(a run of x beats one of y) over all tasks and for each; x, y: scores by task."""
    found = bootstrap.two_sample(x, y, aggregate.probability_of_improvement, confidence=declared.confidence,
                                 resamples=declared.resamples, rng=declared.rng(*key))  # fmt: skip
    told = found._asdict()
    if found.standard_error == 0:  # every resample agrees: that bounds nothing
        told |= {"low": None, "high": None}
    return {
        "probability": told,
        "by_task": [_superiority(a, b, declared.confidence) for a, b in zip(x, y, strict=True)],
    }


# --- two cells


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
        "superiority": _superiority(x, y, confidence),
        **compare.effect_sizes(x, y)._asdict(),
        "yuen_p": compare.yuen(x, y).p,
        "detectable": power.minimum_detectable_effect(seeds) * spread,
    }  # fmt: skip


def _superiority(x, y, confidence) -> dict:
    """P(x > y) + P(x = y) / 2 with Brunner and Munzel's interval."""
    found = compare.brunner_munzel(x, y, confidence)
    return {"estimate": found.difference, "low": found.low, "high": found.high, "p": found.p}


def _equivalence(cells, aligned, anchors, declared, run) -> list[dict]:
    """Every pair of implementations of the same variant on the same task."""
    alike: dict[tuple[str, str], dict[str, dict]] = {}
    for (implementation, label), group in _groups(cells).items():
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


# --- ablations


def _ablations(manifest, cells, prose, anchors, declared, run) -> list[dict]:
    """Every ablation's arms against the baseline by task and implementation, its factorial, and all tasks at once."""
    by_key = {key_of(cell): cell for cell in cells}
    found, jobs = [], []
    for name, rows in manifest[manifest["ablation"] != ""].groupby("ablation", sort=False):
        told = prose.get(name, {})
        fields = {key: told.get(key) for key in ("question", "metric", "expected", "literature", "factors")}
        levels = told.get("factors") or {}
        tables = []
        for (task, implementation), part in rows.groupby(["task", "implementation"], sort=False):
            planned = part.drop_duplicates("arm").sort_values("baseline", ascending=False, kind="stable")
            arms = [
                {
                    **{key: row[key] for key in ("arm", "label")},
                    "levels": json.loads(row["levels"]),
                    "baseline": bool(row["baseline"]),
                    "cell": by_key[task, implementation, row["run_id"]],
                }
                for row in planned.to_dict("records")
            ]
            tables.append({"task": task, "implementation": implementation, "arms": arms})
        for table in tables:
            jobs.append(
                partial(_table, table["arms"], levels, declared, (name, table["task"], table["implementation"]))
            )
        found.append(fields | {"name": name, "tables": tables, "suite": []})
        for implementation in dict.fromkeys(table["implementation"] for table in tables):
            own = [table for table in tables if table["implementation"] == implementation]
            told, job = _suite_job(name, implementation, own, levels, anchors, declared)
            found[-1]["suite"].append(told)
            jobs.append(job)
    done = iter(run(jobs))
    for ablation in found:
        for table in ablation["tables"]:
            table |= next(done)
        for suite in ablation["suite"]:
            suite |= next(done)
    return found


def _table(arms: list[dict], levels: Mapping[str, list], declared: Declared, key: tuple) -> dict:
    baseline = next((arm["cell"] for arm in arms if arm["baseline"]), None)
    shown = [_arm(arm, baseline, declared, (*key, arm["arm"])) for arm in arms]
    return {"arms": shown, "factorial": _factorial(arms, levels, declared, key)}


def _arm(arm: dict, baseline: dict | None, declared: Declared, key: tuple) -> dict:
    """An arm with its difference to the baseline, or the sentence why there is none."""
    cell = arm["cell"]
    told = {**{name: arm[name] for name in ("arm", "label", "levels", "baseline")}, "variant": cell["variant"],
            "run_id": cell["run_id"], "difference": None, "failures": None, "note": ""}  # fmt: skip
    if baseline is None:
        return told | {"note": "no baseline is planned here"}
    if arm["baseline"] or cell is baseline or cell["run_id"] == baseline["run_id"]:
        return told
    x, y = scores_of(cell), scores_of(baseline)
    told["failures"] = _failures(cell, baseline)
    if min(len(x), len(y)) < FEWEST:
        return told | {"note": f"a difference needs two scored runs on each side, here are {len(x)} and {len(y)}"}
    return told | {"difference": compared(x, y, declared.confidence, declared.rng("arm", *key))}


def _failures(cell: dict, baseline: dict) -> dict | None:
    """Barnard's exact test of the failure rates, where a run failed at all."""
    from suite.statistics import failures

    counts = [(one["n_diverged"] + one["n_crashed"], one["n_scored"]) for one in (cell, baseline)]
    if not any(failed for failed, _ in counts) or not all(n for _, n in counts):
        return None
    tested = failures.barnard(*counts[0], *counts[1])
    return {"failed": [failed for failed, _ in counts], "n": [n for _, n in counts], "p": tested.p}


def _cells_of(
    arms: list[dict], levels: Mapping[str, list], scores: Callable[[dict], np.ndarray]
) -> dict[tuple, np.ndarray]:
    """The arms' scores by their factors' levels as 0 and 1, without cells that have none."""
    found = {}
    for arm in arms:
        if set(arm["levels"]) == set(levels):
            key = tuple(levels[factor].index(arm["levels"][factor]) for factor in levels)
            if len(own := scores(arm["cell"])):
                found[key] = own
    return found


def _two_levels(levels: Mapping[str, list]) -> bool:
    return len(levels) >= 2 and all(len(own) == 2 for own in levels.values())


def _factorial(arms, levels, declared, key) -> dict | None:
    """Main effects, interactions, simple effects and Shapley shares where every factor has two levels; a sentence
    instead of what a missing cell forbids."""
    if not _two_levels(levels):
        return None
    names, cells = list(levels), _cells_of(arms, levels, scores_of)
    told = {"effects": [], "simple": [], "shapley": [], "note": ""}
    with suppress(ValueError):  # no two cells to compare: the refusal below says what is missing
        told["simple"] = [
            effect | {"name": _named(effect["name"], levels)}
            for effect in _effects(factorial.simple_effects(cells, names, declared.confidence))
        ]
    try:
        told["effects"] = _effects(factorial.contrasts(cells, names, declared.confidence))
        rng = declared.rng("shapley", *key)
        options = {"resamples": declared.curve_resamples, "rng": rng}
        told["shapley"] = _effects(factorial.shapley(cells, names, declared.confidence, **options))
    except ValueError as refusal:
        told["note"] = f"{refusal}. {SIMPLE_ONLY}"
    return told


def _named(effect: str, levels: Mapping[str, list]) -> str:
    """A simple effect's name with its levels' own names instead of 0 and 1."""
    factor, held = effect.split(" | ")
    pairs = (pair.rsplit("=", 1) for pair in held.split(", "))
    return f"{factor} | " + ", ".join(f"{other}={levels[other][int(level)]}" for other, level in pairs)


def _effects(effects: Iterable[factorial.Effect]) -> list[dict]:
    return [effect._asdict() for effect in effects]


def _suite_job(name, implementation, tables, levels, anchors, declared) -> tuple[dict, Callable[[], dict]]:
    """The ablation over all tasks: what is said of it, and the job that makes its numbers."""
    used, left_out = [], []
    for table in tables:
        if table["task"] not in anchors:
            left_out.append({"task": table["task"], "why": "no reference return"})
        elif short := [arm["arm"] for arm in table["arms"] if len(scores_of(arm["cell"])) < FEWEST]:
            left_out.append({"task": table["task"], "why": f"fewer than two scored runs of {', '.join(short)}"})
        else:
            used.append(table)
    told = {"implementation": implementation, "tasks": [table["task"] for table in used], "left_out": left_out}

    def scores(cell: dict) -> np.ndarray:
        return _normalised(cell, anchors)

    if _two_levels(levels):
        tasks = {"factorial": [_cells_of(table["arms"], levels, scores) for table in used]}
    else:
        tasks = {}
        for table in used:
            base = next((arm for arm in table["arms"] if arm["baseline"]), None)
            for arm in table["arms"]:
                if base is not None and not arm["baseline"]:
                    pair = {(0,): scores(base["cell"]), (1,): scores(arm["cell"])}
                    tasks.setdefault(f"{arm['arm']} − {base['arm']}", []).append(pair)
    return told, partial(_suite, tasks, list(levels), declared, ("suite", name, implementation))


def _suite(tasks: dict[str, list[dict]], factors: list[str], declared: Declared, key: tuple) -> dict:
    options = {"confidence": declared.confidence, "resamples": declared.curve_resamples}
    if "factorial" not in tasks:
        effects = []
        for name, pairs in tasks.items():
            (effect,) = factorial.suite_contrasts(pairs, [name], rng=declared.rng(*key, name), **options)
            effects.append(effect._asdict())
        return {"effects": effects, "shapley": [], "note": ""}
    try:
        effects = factorial.suite_contrasts(tasks["factorial"], factors, rng=declared.rng(*key), **options)
        shares = factorial.suite_shapley(tasks["factorial"], factors, rng=declared.rng(*key, "shapley"), **options)
    except ValueError as refusal:
        return {
            "effects": [],
            "shapley": [],
            "note": f"{refusal}. The differences to the baseline are simple effects only.",
        }
    return {"effects": _effects(effects), "shapley": _effects(shares), "note": ""}


# --- p values


def _adjust(found: dict, declared: Declared) -> dict:
    """Puts `p_adjusted`, `family` and `family_size` beside every p of a declared family; says what the families are.

    The regression check has adjusted its own rows: its gate, too, must stand where no statistics are made.
    """
    members: dict[str, list[dict]] = {
        "equivalence": [row for row in found["equivalence"] if row["p"] is not None],
        "ablation": [
            effect for ablation in found["ablations"] for suite in ablation["suite"] for effect in suite["effects"]
        ],
        "exploratory": [
            entry
            for ablation in found["ablations"]
            for table in ablation["tables"]
            for entry in (
                *(arm["difference"] for arm in table["arms"] if arm["difference"]),
                *(table["factorial"]["effects"] if table["factorial"] else ()),
            )
        ],
    }
    told = {}
    for family, entries in members.items():
        method = declared.families[family]
        raw = np.array([np.nan if entry["p"] is None else entry["p"] for entry in entries])
        adjusted = multiplicity.adjust(raw, method) if len(raw) else raw
        size = int(np.isfinite(raw).sum())
        for entry, p in zip(entries, adjusted, strict=True):
            entry |= {"p_adjusted": float(p), "family": family, "family_size": size}
        told[family] = {"method": method, "size": size}
    size = max((row["family_size"] or 0 for row in found["check"]), default=0)
    return told | {"regression": {"method": declared.families["regression"], "size": size}}


# --- scores


def key_of(cell: dict) -> tuple:
    """Task, implementation and run id."""
    return tuple(cell[name] for name in CELL)


def scores_of(cell: dict) -> np.ndarray:
    """The scores of the cell's runs that have one, in the order of their seeds."""
    return np.array([run["score"] for run in cell["seeds"] if run["score"] is not None], dtype=float)


def _normalised(cell: dict, anchors: Mapping[str, Scale]) -> np.ndarray:
    scale = anchors[cell["task"]]
    return (scores_of(cell) - scale.random) / (scale.reference - scale.random)


def _usable(group: Mapping[str, dict], anchors: Mapping[str, Scale]) -> tuple[dict[str, dict], list[dict]]:
    """The cells with anchors and enough scored runs by task, and why the others are left out."""
    used, left_out = {}, []
    for task, cell in group.items():
        if task not in anchors:
            left_out.append({"task": task, "why": "no reference return"})
        elif len(scores_of(cell)) < FEWEST:
            left_out.append({"task": task, "why": f"{len(scores_of(cell))} scored runs"})
        else:
            used[task] = cell
    return used, left_out

"""What an ablation says: every arm against the baseline, the factorial of its switches, and all tasks at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial

import numpy as np

from suite.analysis.agreement import compared
from suite.analysis.declared import Declared
from suite.analysis.scores import FEWEST, normalised, scores_of
from suite.statistics import factorial
from suite.study.cells import key_of

SIMPLE_ONLY = "The differences to the baseline are simple effects only."


def ablation_tables(manifest, cells, prose, anchors, declared, run) -> list[dict]:
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
        return normalised(cell, anchors)

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

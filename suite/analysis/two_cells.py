"""Two cells of a study against each other, and what numbers of seeds can settle: for people, and as JSON.

Scores, failed runs at the floor, and curves are those of results.json, so that what is said here is what the report
says. A cell is named by its label or variant ("sac_v2", "critics/single"), by its preset or by the start of its run
id, with its implementation in front ("jax/sac_v2") where several have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from suite.analysis import agreement, over_tasks, scores
from suite.analysis.declared import Declared
from suite.analysis.results_file import plain, read
from suite.analysis.scores import scores_of
from suite.errors import UsageError, nearest
from suite.published.anchors import Scale
from suite.sac.status import FAILED
from suite.statistics import curves, failures, multiplicity
from suite.statistics.equivalence import EQUIVALENT, INCONCLUSIVE
from suite.study.cells import CELL, key_of

SHORTEST_ID = 4  # characters of a run id that can name it


def compare(
    study_dir: str | Path,
    a: str,
    b: str,
    *,
    task: str | None = None,
    anchors: Mapping[str, Scale],
    declared: Declared = Declared(),  # noqa: B008 - immutable
) -> dict:
    """Everything two cells of a gathered study say against each other, a - b, by task and over all tasks, JSON-able.

    anchors: random policy and reference by task, of which the margin is a share; declared: level, draws, seed and the
    equivalence margins. p values of the differences are adjusted by Holm over the tasks (`difference.p_adjusted`).
    """
    results, of = study_results(study_dir, task)
    wanted = [{cell["task"]: cell for cell in _named(results, of, name)} for name in (a, b)]
    rows, pairs = [], [(x, wanted[1][where]) for where, x in wanted[0].items() if where in wanted[1]]
    if not pairs:
        where = [", ".join(sorted(side)) for side in wanted]
        raise UsageError(f"{a!r} and {b!r} have no task in common: the one has {where[0]}, the other {where[1]}")
    for x, y in pairs:
        if key_of(x) == key_of(y):
            raise UsageError(f"{a!r} and {b!r} are the same runs, {cell_name(x)} ({x['run_id']}); name two cells")
        key = ("comparison", x["task"], *sorted("/".join(key_of(cell)) for cell in (x, y)))
        curve = [_aligned(results, cell) for cell in (x, y)]
        found = agreement.equivalent(scores_of(x), scores_of(y), *curve, anchors.get(x["task"]), declared, key)
        rows.append({"task": x["task"], "a": _side(x), "b": _side(y), **_parts(found)})
    tested = [row["difference"] for row in rows if row["difference"]]
    for difference, p in zip(tested, multiplicity.adjust([one["p"] for one in tested], "holm"), strict=True):
        difference |= {"p_adjusted": p, "family_size": len(tested)}
    both = [(x, y) for x, y in pairs if min(x["n_scored"], y["n_scored"]) >= scores.FEWEST]
    improvement = None
    if len(both) > 1:
        sides = ([scores_of(pair[side]) for pair in both] for side in (0, 1))
        found = over_tasks.improved(*sides, declared, ("comparison", a, b))
        improvement = {"tasks": [x["task"] for x, _ in both], **found["probability"]}
    settings = {"confidence": declared.confidence, "resamples": declared.resamples, "seed": declared.seed,
                "equivalence": declared.equivalence}  # fmt: skip
    found = plain({"study": results["study"], "settings": settings, "tasks": rows, "improvement": improvement})
    for row in found["tasks"]:
        row["sentence"] = _sentence(row, found["settings"])
    return found


def study_results(study_dir: str | Path, task: str | None = None) -> tuple[dict, dict[tuple, set[str]]]:
    """results.json, of the one task if it is named, and for every cell of it the names it goes by."""
    study_dir = Path(study_dir)
    results = read(study_dir, "results.json")
    if not results:
        raise UsageError(f"{study_dir} holds no results.json: run `python -m suite statistics` for this study first")
    tasks = {cell["task"] for cell in results["cells"]}
    if task not in (None, *tasks):
        raise UsageError(f"{task!r} is no task of study {results['study']}; did you mean {nearest(task, tasks)}?")
    results["cells"] = [cell for cell in results["cells"] if task in (None, cell["task"])]
    planned = pd.read_parquet(study_dir / "manifest.parquet", columns=[*CELL, "preset", "ablation"])
    presets = planned[planned["ablation"] == ""].groupby(CELL)["preset"].unique()
    names = {}
    for cell in results["cells"]:
        own = {*cell["labels"], cell["variant"], *presets.get(key_of(cell), ())}
        names[key_of(cell)] = own | {f"{cell['implementation']}/{name}" for name in own}
    return results, names


def _named(results: dict, of: Mapping[tuple, set[str]], name: str) -> list[dict]:
    """The cells a name means, one per task; UsageError if there is none, or several of one task."""
    cells = results["cells"]
    found = [cell for cell in cells if name in of[key_of(cell)]]
    if not found and len(name.rpartition("/")[2]) >= SHORTEST_ID:
        ids = [(cell, (cell["run_id"], f"{cell['implementation']}/{cell['run_id']}")) for cell in cells]
        found = [cell for cell, forms in ids if any(form.startswith(name) for form in forms)]
    if not found:
        choices = sorted(set().union(*(of[key_of(cell)] for cell in cells)))
        raise UsageError(f"{name!r} is no cell of study {results['study']}; did you mean {nearest(name, choices)}?")
    if len({cell["task"] for cell in found}) < len(found):
        forms = dict.fromkeys(cell_name(cell) for cell in found)
        if len(forms) == 1:
            forms = dict.fromkeys(cell["run_id"] for cell in found)
        told = f"did you mean {nearest(name, forms)}?"
        raise UsageError(f"{name!r} is the name of several cells, {', '.join(forms)}; {told}")
    return found


def cell_name(cell: dict) -> str:
    return f"{cell['implementation']}/{cell['labels'][0]}"


def _aligned(results: dict, cell: dict) -> tuple[np.ndarray, np.ndarray] | None:
    """Grid [T] and curves [runs, T] of the cell's scored runs, a failed run's at the floor from where it stopped."""
    curve = next(one for one in results["curves"] if key_of(one) == key_of(cell))
    if not curve["grid"]:
        return None
    scored = {run["seed"] for run in cell["seeds"] if run["score"] is not None}
    grid, own = np.array(curve["grid"]), []
    steps = [step for run in curve["runs"] for step in np.diff(run["env_steps"], prepend=0) if step > 0]
    window = min(steps, default=cell["env_steps"])
    for run in (run for run in curve["runs"] if run["seed"] in scored):
        values = curves.align(run["env_steps"], run["values"], grid, window)
        failed = run["status"] in FAILED
        own.append(failures.curve_at_floor(values, grid, run["stopped_at"], run["floor"]) if failed else values)
    return grid, np.array(own)


def _side(cell: dict) -> dict:
    """What a row says of one cell: its names, its runs, its mean and spread."""
    told = ("implementation", "variant", "run_id", "env_steps", "n_planned", "n_finished", "n_scored", "sd", "bounds")
    n_failed = cell["n_diverged"] + cell["n_crashed"]
    return {"name": cell_name(cell), **{name: cell[name] for name in told},
            "n_failed": n_failed, "n_absent": cell["n_planned"] - cell["n_scored"],
            "mean": cell["mean"]["estimate"]}  # fmt: skip


def _parts(found: dict) -> dict:
    """The pieces of a row from those of an equivalence of two cells."""
    tested = ("margin", "verdict", "p", "n_needed", "interval", "sensitivity", "superiority")
    curve = found["curve"]
    if curve is not None:
        apart = None if curve["low"] is None else (np.asarray(curve["low"]) > 0) | (np.asarray(curve["high"]) < 0)
        curve |= {"band_leaves_zero": None if apart is None else [int(step) for step in curve["grid"][apart]]}
    equivalence = {name: found[name] for name in tested} if found["margin"] is not None else None
    return {"difference": found["difference"], "equivalence": equivalence, "curve": curve, "note": found["note"]}


def _sentence(row: dict, settings: Mapping) -> str:
    """The row in words."""
    a, b, tested, same = row["a"], row["b"], row["difference"], row["equivalence"]
    head = f"{row['task']}: {_counted(a)} against {_counted(b)}: "
    if tested is None:
        return f"{head}no comparison, it {row['note']}."
    alpha, level = 1 - settings["confidence"], f"{settings['confidence']:.0%}"
    said = (
        f"{a['name']} scores {number(abs(tested['difference']))} {'more' if tested['difference'] >= 0 else 'less'} on "
        f"average ({level} interval of the difference {number(tested['low'])} to {number(tested['high'])}), "
    )
    adjusted = f"p {p_text(tested['p_adjusted'])}"
    if tested["family_size"] > 1:
        adjusted += f" after Holm over {tested['family_size']} tasks"
    if tested["p_adjusted"] <= alpha:
        said += f"a difference at the {alpha:.0%} level ({adjusted})"
    else:
        said += (
            f"which is no evidence of a difference ({adjusted}; one of {number(tested['detectable'])} would have been "
            "found in 4 of 5 such studies)"
        )
    if same is None:
        said += "; no margin is known for this task, so equivalence is not judged"
    elif same["verdict"] == INCONCLUSIVE:
        more = f"about {same['n_needed']:,} seeds each would" if same["n_needed"] else "no number of seeds would"
        said += f"; whether they are equivalent within ±{number(same['margin'])} is not settled ({more})"
    else:
        inside = "equivalent within" if same["verdict"] == EQUIVALENT else "different by more than"
        said += f"; the two are {inside} ±{number(same['margin'])}"
    if (curve := row["curve"]) is not None:
        apart, checkpoints = curve["band_leaves_zero"], len(curve["grid"])
        band = (
            f"no band, {curve['note']}"
            if apart is None
            else f"the simultaneous band of the difference leaves zero at {len(apart)} of {checkpoints} checkpoints"
        )
        at, p = f"{curve['env_step']:,}", p_text(curve["p"])
        said += f"; their curves are farthest apart at environment step {at} (p {p} over the whole curve; {band})"
    return f"{head}{said}."


def _counted(side: dict) -> str:
    told = f"{side['name']} ({side['n_finished']} of {side['n_planned']} planned runs finished"
    if side["n_failed"]:
        told += f", {side['n_failed']} failed and counted at the floor"
    if side["n_absent"]:
        told += f", {side['n_absent']} without a result"
        if side["bounds"]:
            told += f": its mean lies between {number(side['bounds']['worst'])} and {number(side['bounds']['best'])}"
    return told + ")"


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def p_text(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"

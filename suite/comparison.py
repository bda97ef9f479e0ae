"""Two cells of a study against each other, and what numbers of seeds can settle: for people, and as JSON.

Scores, failed runs at the floor, and curves are those of results.json, so that what is said here is what the report
says. A cell is named by its label or variant ("sac_v2", "critics/single"), by its preset or by the start of its run
id, with its implementation in front ("jax/sac_v2") where several have it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from suite import UsageError, inference, nearest
from suite.inference import CELL, Declared, key_of, scores_of
from suite.references import Scale
from suite.statistics import compare as comparing
from suite.statistics import curves, failures, multiplicity
from suite.statistics import power as planning
from suite.statistics.equivalence import EQUIVALENT, INCONCLUSIVE
from suite.summary import plain, read

SHORTEST_ID = 4  # characters of a run id that can name it
SEEDS = (3, 5, 10, 20, 30)  # per group: the numbers shown where none is asked for
STUDIES = 400  # simulated for the power of a cell: to 0.025 at worst


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
    results, of = _results(study_dir, task)
    wanted = [{cell["task"]: cell for cell in _named(results, of, name)} for name in (a, b)]
    rows, pairs = [], [(x, wanted[1][where]) for where, x in wanted[0].items() if where in wanted[1]]
    if not pairs:
        where = [", ".join(sorted(side)) for side in wanted]
        raise UsageError(f"{a!r} and {b!r} have no task in common: the one has {where[0]}, the other {where[1]}")
    for x, y in pairs:
        if key_of(x) == key_of(y):
            raise UsageError(f"{a!r} and {b!r} are the same runs, {_name(x)} ({x['run_id']}); name two cells")
        key = ("comparison", x["task"], *sorted("/".join(key_of(cell)) for cell in (x, y)))
        curve = [_aligned(results, cell) for cell in (x, y)]
        found = inference.equivalent(scores_of(x), scores_of(y), *curve, anchors.get(x["task"]), declared, key)
        rows.append({"task": x["task"], "a": _side(x), "b": _side(y), **_parts(found)})
    tested = [row["difference"] for row in rows if row["difference"]]
    for difference, p in zip(tested, multiplicity.adjust([one["p"] for one in tested], "holm"), strict=True):
        difference |= {"p_adjusted": p, "family_size": len(tested)}
    both = [(x, y) for x, y in pairs if min(x["n_scored"], y["n_scored"]) >= inference.FEWEST]
    improvement = None
    if len(both) > 1:
        sides = ([scores_of(pair[side]) for pair in both] for side in (0, 1))
        found = inference.improved(*sides, declared, ("comparison", a, b))
        improvement = {"tasks": [x["task"] for x, _ in both], **found["probability"]}
    settings = {"confidence": declared.confidence, "resamples": declared.resamples, "seed": declared.seed,
                "equivalence": declared.equivalence}  # fmt: skip
    found = plain({"study": results["study"], "settings": settings, "tasks": rows, "improvement": improvement})
    for row in found["tasks"]:
        row["sentence"] = _sentence(row, found["settings"])
    return found


def _results(study_dir: str | Path, task: str | None = None) -> tuple[dict, dict[tuple, set[str]]]:
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
        forms = dict.fromkeys(_name(cell) for cell in found)
        if len(forms) == 1:
            forms = dict.fromkeys(cell["run_id"] for cell in found)
        told = f"did you mean {nearest(name, forms)}?"
        raise UsageError(f"{name!r} is the name of several cells, {', '.join(forms)}; {told}")
    return found


def _name(cell: dict) -> str:
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
        failed = run["status"] in failures.FAILED
        own.append(failures.curve_at_floor(values, grid, run["stopped_at"], run["floor"]) if failed else values)
    return grid, np.array(own)


def _side(cell: dict) -> dict:
    """What a row says of one cell: its names, its runs, its mean and spread."""
    told = ("implementation", "variant", "run_id", "env_steps", "n_planned", "n_finished", "n_scored", "sd", "bounds")
    n_failed = cell["n_diverged"] + cell["n_crashed"]
    return {"name": _name(cell), **{name: cell[name] for name in told},
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
        f"{a['name']} scores {_number(abs(tested['difference']))} {'more' if tested['difference'] >= 0 else 'less'} on "
        f"average ({level} interval of the difference {_number(tested['low'])} to {_number(tested['high'])}), "
    )
    adjusted = f"p {_p(tested['p_adjusted'])}"
    if tested["family_size"] > 1:
        adjusted += f" after Holm over {tested['family_size']} tasks"
    if tested["p_adjusted"] <= alpha:
        said += f"a difference at the {alpha:.0%} level ({adjusted})"
    else:
        said += (
            f"which is no evidence of a difference ({adjusted}; one of {_number(tested['detectable'])} would have been "
            "found in 4 of 5 such studies)"
        )
    if same is None:
        said += "; no margin is known for this task, so equivalence is not judged"
    elif same["verdict"] == INCONCLUSIVE:
        more = f"about {same['n_needed']:,} seeds each would" if same["n_needed"] else "no number of seeds would"
        said += f"; whether they are equivalent within ±{_number(same['margin'])} is not settled ({more})"
    else:
        inside = "equivalent within" if same["verdict"] == EQUIVALENT else "different by more than"
        said += f"; the two are {inside} ±{_number(same['margin'])}"
    if (curve := row["curve"]) is not None:
        apart, checkpoints = curve["band_leaves_zero"], len(curve["grid"])
        band = (
            f"no band, {curve['note']}"
            if apart is None
            else f"the simultaneous band of the difference leaves zero at {len(apart)} of {checkpoints} checkpoints"
        )
        at, p = f"{curve['env_step']:,}", _p(curve["p"])
        said += f"; their curves are farthest apart at environment step {at} (p {p} over the whole curve; {band})"
    return f"{head}{said}."


def _counted(side: dict) -> str:
    told = f"{side['name']} ({side['n_finished']} of {side['n_planned']} planned runs finished"
    if side["n_failed"]:
        told += f", {side['n_failed']} failed and counted at the floor"
    if side["n_absent"]:
        told += f", {side['n_absent']} without a result"
        if side["bounds"]:
            told += f": its mean lies between {_number(side['bounds']['worst'])} and {_number(side['bounds']['best'])}"
    return told + ")"


def render(found: dict) -> str:
    """A comparison as a table for a terminal and a sentence for each task."""
    first = found["tasks"][0]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), title_justify="left",
                  title=escape(f"study {found['study']}: A {first['a']['name']}, B {first['b']['name']}"))  # fmt: skip
    for title in ("task", "A", "B", "A − B", "p, adjusted", "permuted", "P(A > B)", "effect", "curves", "equivalence"):
        table.add_column(title, justify="left" if title in ("task", "equivalence") else "right", overflow="fold")
    for row in found["tasks"]:
        table.add_row(row["task"], *(_shown_side(row[side]) for side in "ab"), *_shown(row))
    lines = [_printed(table), *(row["sentence"] for row in found["tasks"])]
    if (better := found["improvement"]) is not None:
        level = f"{found['settings']['confidence']:.0%}"
        interval = (
            "no interval: no two runs of any task are in another order"
            if better["low"] is None
            else f"{level} interval {_number(better['low'])} to {_number(better['high'])}"
        )
        lines.append(
            f"Over {len(better['tasks'])} tasks a run of A beats a run of B with probability "
            f"{_number(better['estimate'])} ({interval})."
        )
    return "\n".join(lines)


def _shown_side(side: dict) -> str:
    return f"{_number(side['mean'])} ± {_number(side['sd'])}\n{side['n_finished']}/{side['n_planned']} finished"


def _shown(row: dict) -> list[str]:
    tested, same, curve = row["difference"], row["equivalence"], row["curve"]
    if tested is None:
        return [*["-"] * 6, row["note"]]
    permuted, better = tested["permutation"], tested["superiority"]
    exact = "" if permuted["exact"] else " draws"
    verdict = "no margin" if same is None else f"{same['verdict']}\n±{_number(same['margin'])}, TOST p {_p(same['p'])}"
    return [
        f"{_number(tested['difference'])}\n{_interval(tested)}",
        f"{_p(tested['p'])}, {_p(tested['p_adjusted'])}\nYuen {_p(tested['yuen_p'])}",
        f"{_p(permuted['p'])} of {permuted['assignments']:,}{exact}\nleast {_p(permuted['floor'])}",
        f"{better['estimate']:.2f}\n{_interval(better)}",
        f"g {_number(tested['hedges_g'])}\nδ {_number(tested['cliff_delta'])}",
        "-" if curve is None else f"{_p(curve['p'])}\nat {curve['env_step']:,}",
        verdict,
    ]


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
    results, _ = _results(study_dir, task)
    alpha, options = 1 - declared.confidence, declared.equivalence

    def row(cell: dict) -> dict:
        scores, scale = scores_of(cell), anchors.get(cell["task"])
        margin = None if scale is None else options["margin"] * (scale.reference - scale.random)
        numbers = ("detectable", "power", "simulated", "n_difference", "equivalence", "n_equivalence")
        told = {"task": cell["task"], "name": _name(cell), "run_id": cell["run_id"], "n": len(scores),
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


def render_power(found: dict) -> str:
    """Either power table for a terminal, and in words what it means."""
    if "study" in found:
        return _render_study_power(found)
    asked, needed = found["asked"], found["needed"]
    target, level = f"{asked['target']:.0%}", f"{asked['alpha']:.3g}"
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    titles = {"n": "seeds per group", "detectable": f"found in {target} (SDs)"}
    if asked["sd"] is not None:
        titles["detectable_return"] = f"found in {target} (return)"
    if asked["effect"] is not None:
        titles["power"] = f"power at {_number(asked['effect'])} SDs"
    if asked["margin"] is not None:
        titles["equivalence"] = f"power of equivalence within ±{_number(asked['margin'])}"
    for title in titles.values():
        table.add_column(title, justify="right")
    for row in found["rows"]:
        table.add_row(
            *(f"{row[name]:.3f}" if name in ("power", "equivalence") else _number(row[name]) for name in titles)
        )
    lines = [_printed(table)]
    if asked["effect"]:
        lines.append(
            f"A difference of {_number(abs(asked['effect']))} SDs is found in {target} of studies with "
            f"{_number(np.ceil(needed['difference']))} seeds per group (two-sided t test at {level})."
        )
    if asked["margin"]:
        unit = "" if asked["sd"] is not None else " SDs"
        seeds = (
            f"with {needed['equivalence']:,} seeds per group" if needed["equivalence"] else "with no number of seeds"
        )
        lines.append(
            f"Two equal implementations are shown equivalent within ±{_number(asked['margin'])}{unit} in {target} of "
            f"studies {seeds} (two one-sided tests at {level})."
        )
    return "\n".join(lines)


def _render_study_power(found: dict) -> str:
    settings = found["settings"]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), title=escape(f"study {found['study']}"), title_justify="left")
    for title in ("cell", "seeds", "mean ± SD", "found", "margin", "power, simulated", "seeds needed", "equivalence",
                  "seeds needed"):  # fmt: skip
        table.add_column(title, justify="left" if title == "cell" else "right", overflow="fold")
    for row in found["rows"]:
        drawn = row["simulated"]
        table.add_row(
            f"{row['task']}\n{escape(row['name'])}",
            f"{row['n']}/{row['n_planned']}",
            f"{_number(row['mean'])} ± {_number(row['sd'])}",
            _number(row["detectable"]),
            _number(row["margin"]),
            "-" if drawn is None else f"{row['power']:.2f}, {drawn['power']:.2f}",
            "-" if row["n_difference"] is None else f"{np.ceil(row['n_difference']):,.0f}",
            "-" if row["equivalence"] is None else f"{row['equivalence']:.2f}",
            f"{row['n_equivalence']:,}" if row["n_equivalence"] else "-",
        )
    target, share = f"{settings['target']:.0%}", f"{settings['margin']:.0%}"
    said = (
        f"found: the difference to an equal number of seeds that {target} of studies would find. margin: {share} of "
        f"(reference - random policy); power, equivalence and seeds needed (for {target}) are of a true difference of "
        "the margin and of none."
    )
    notes = [f"{row['task']}, {row['name']}: {row['note']}." for row in found["rows"] if row["note"]]
    return "\n".join([_printed(table), said, *notes])


def _printed(table: Table) -> str:
    text = io.StringIO()
    Console(file=text, width=160).print(table)
    return text.getvalue().rstrip() + "\n"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _p(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"


def _interval(of: Mapping) -> str:
    return f"\\[{_number(of['low'])}, {_number(of['high'])}]"

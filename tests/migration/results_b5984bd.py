"""results.json between the layout of commit b5984bd (schema version 1) and the present one (7).

It renames and moves keys and takes labels and effects' names apart, or joins them again; it computes nothing, and no
number changes. What else differs is listed: words in KINDS, and the keys in NEW, which the old layout lacks. The old
layout knows no pairs: where there are some, it has what stands beside them, of all runs. `python
results_b5984bd.py FOLDER old|new` prints the folder's results.json in the other layout.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 10

KINDS = {"mean": "deterministic", "sample": "sampled", "training": "training", None: "unknown"}
"""cells[].kind: the only words that change."""

NEW: Mapping[str, Any] = {
    "schema_version": SCHEMA_VERSION,
    "settings.order_statistics_needed": 46,  # the page computed it: runs of a tolerance interval 90/95
    "settings.final_episodes": {},  # there were none
    "counts.interrupted": 0,  # the status did not exist
    "cells[].n_interrupted": 0,
    "curves[].evaluate_every": None,  # stood in the table of runs only
    "departures": [],  # the page computed them
    "declaration.history[].changes": [],  # were not kept
    "ablations[].tables[].arms[].outcomes": {},  # the final return alone was compared
    "ablations[].tables[].arms[].step": None,  # there were no walks
    "ablations[].directions": {},  # was prose alone
    "ablations[].tasks": [],
    "ablations[].margin": None,
    "ablations[].meaningless": [],  # was refused
    "ablations[].walk": False,
    "ablations[].variant": "",
    "ablations[].doses": None,
    "sensitivity": [],  # no study was one of it
    "answers": [],  # nobody gave any; all their numbers stand elsewhere, too, but for the margin's interval
    "traces": [],  # of diagnostics, the end of training alone was kept
    "redrawn": [],  # no figures of papers were
    "curves[].reached": None,  # was not computed
    "declaration.declaration.check.looks": [3, 5, 7, 10],  # the check took all seeds at once
    "cells[].imported": False,  # nobody told
    "cells[].learned": None,  # was not asked
    "cells[].variance": None,  # was not computed
    "difference.pairs": None,  # there were none; "welch" has the numbers of the test itself again
    "over_tasks[].effects[].pairs": None,
    "over_tasks[].effects[].unpaired": None,
}
"""Keys that the old layout lacks, with the value each has for an old file (evaluate_every is given by the caller)."""

WHOLE = ("departures", "sensitivity", "answers", "traces", "redrawn")
"""Parts of the results that the old layout lacks."""

OF_QUESTIONS = ("directions", "tasks", "margin", "meaningless", "walk", "variant", "doses")

RENAMED = {"improvement": "improvements", "equivalence": "agreements"}
"""Keys of the file; besides, ablations[].suite is ablations[].over_tasks now."""

OUTCOMES = {"return of the last tenth of training": "final_return", "final return": "final return"}
"""ablations[].metric, a text, and the names that are ablations[].outcomes now."""

MARGIN_TEST = ("margin", "verdict", "p", "n_needed", "interval", "sensitivity", "p_adjusted", "family", "family_size")
"""Keys of an agreement that stand under its key "equivalence" now, where a margin is known."""

WELCH = ("statistic", "df", "p", "difference", "low", "high", "confidence")
"""Keys of a difference that stand under its key "welch" a second time, of all runs."""

Convert = Callable[[Any], Any]
CellKey = tuple[str, str, str]


def new_results(old: dict, evaluate_every: Mapping[CellKey, int]) -> dict:
    """The present layout; evaluate_every: environment steps between evaluations, by task, implementation, run_id."""
    results = {RENAMED.get(name, name): part for name, part in copy.deepcopy(old).items()}
    _labels(results, label_parts)
    results["settings"]["order_statistics_needed"] = NEW["settings.order_statistics_needed"]
    results["settings"]["final_episodes"] = {}
    results["counts"]["interrupted"] = NEW["counts.interrupted"]
    for cell in results["cells"]:
        cell |= {name: NEW[f"cells[].{name}"] for name in ("n_interrupted", "imported", "learned", "variance")}
        cell["kind"] = KINDS[cell["kind"]]
    for curve in results["curves"]:
        curve["evaluate_every"] = evaluate_every[curve["task"], curve["implementation"], curve["run_id"]]
        curve["reached"] = NEW["curves[].reached"]
    results["agreements"] = [_with_margin_test(agreement) for agreement in results["agreements"]]
    for ablation in results["ablations"]:
        ablation["over_tasks"] = [one | {"outcome": "final_return", "simple": []} for one in ablation.pop("suite")]
        ablation["outcomes"] = [OUTCOMES[ablation.pop("metric")]]
        ablation |= {name: copy.copy(NEW[f"ablations[].{name}"]) for name in OF_QUESTIONS}
    for arm in arms_of(results):
        arm |= {"outcomes": {}, "step": None}
    for of in _differences(results):
        of |= {"pairs": None, "welch": {name: of[name] for name in WELCH}}
    for entry in _history(results):
        entry["changes"] = []
    if results["declaration"]:
        results["declaration"]["declaration"]["check"]["looks"] = NEW["declaration.declaration.check.looks"]
    _effects(results, effect_parts, suite_effect_parts)
    for effect in _suite_effects(results):
        effect |= {"pairs": None, "unpaired": None}
    return {"schema_version": SCHEMA_VERSION} | results | {name: [] for name in WHOLE}


def old_results(new: dict) -> dict:
    """The layout of b5984bd."""
    results = copy.deepcopy(new)
    for name in ("schema_version", *WHOLE):
        del results[name]
    _labels(results, label_name)
    del results["settings"]["order_statistics_needed"], results["settings"]["final_episodes"]
    del results["counts"]["interrupted"]
    old_kinds = {kind: word for word, kind in KINDS.items()}
    for cell in results["cells"]:
        cell["kind"] = old_kinds[cell["kind"]]
        del cell["n_interrupted"], cell["imported"], cell["learned"], cell["variance"]
    for curve in results["curves"]:
        del curve["evaluate_every"], curve["reached"]
    results["agreements"] = [_without_margin_test(agreement) for agreement in results["agreements"]]
    for of in _differences(results):
        of |= of.pop("welch")
        del of["pairs"]
    for effect in _suite_effects(results):
        effect |= effect.pop("unpaired") or {}
        del effect["pairs"]
    _effects(results, named_effect, named_effect)
    for ablation in results["ablations"]:
        ablation["suite"] = [
            {name: part for name, part in one.items() if name not in ("outcome", "simple")}
            for one in ablation.pop("over_tasks")
        ]
        ablation["metric"] = {name: words for words, name in OUTCOMES.items()}[ablation.pop("outcomes")[0]]
        for name in OF_QUESTIONS:
            del ablation[name]
    for arm in arms_of(results):
        del arm["step"]
    if results["declaration"]:
        del results["declaration"]["declaration"]["check"]["looks"]
    for entry in (*arms_of(results), *_history(results)):
        del entry["outcomes" if "outcomes" in entry else "changes"]
    old_names = {now: before for before, now in RENAMED.items()}
    return {old_names.get(name, name): part for name, part in results.items()}


# --- labels


def label_parts(name: str) -> dict:
    """The parts of "critics/single" or "sac_v2"."""
    ablation, _, arm = name.rpartition("/")
    return {"preset": "" if ablation else name, "ablation": ablation, "arm": arm if ablation else ""}


def label_name(label: dict) -> str:
    return f"{label['ablation']}/{label['arm']}" if label["ablation"] else label["preset"]


def _labels(results: dict, convert: Convert) -> None:
    """Converts every label of the results in place."""
    for entry in (*results["cells"], *results["curves"], *results["ledger"]):
        entry["labels"] = [convert(label) for label in entry["labels"]]
    lists = ("cells", "curves", "ledger", "aggregates", "improvements", "agreements")
    for entry in (*arms_of(results), *(entry for name in lists for entry in results[name])):
        for key in ("variant", "label", "over"):
            if key in entry:
                entry[key] = convert(entry[key])


def arms_of(results: dict) -> list[dict]:
    return [arm for ablation in results["ablations"] for table in ablation["tables"] for arm in table["arms"]]


def _history(results: dict) -> list[dict]:
    return (results["declaration"] or {}).get("history", [])


def _differences(results: dict) -> list[dict]:
    arms = arms_of(results)
    further = [one for arm in arms for one in arm.get("outcomes", {}).values()]
    return [one["difference"] for one in (*results["agreements"], *arms) if one["difference"]] + further


def _suite_effects(results: dict) -> list[dict]:
    return [effect for one in results["ablations"] for suite in one["over_tasks"] for effect in suite["effects"]]


# --- agreements


def _with_margin_test(agreement: dict) -> dict:
    flat = {key: value for key, value in agreement.items() if key not in MARGIN_TEST}
    test = {key: agreement[key] for key in MARGIN_TEST if key in agreement}
    if test["margin"] is None:
        return flat | {"equivalence": None}
    ends = {name: test["interval"][name] for name in ("low", "high")}
    return flat | {"equivalence": test | {"welch": {name: test[name] for name in ("verdict", "p")} | ends}}


def _without_margin_test(agreement: dict) -> dict:
    flat = {key: value for key, value in agreement.items() if key != "equivalence"}
    if agreement["equivalence"] is None:
        return flat | dict.fromkeys(MARGIN_TEST[:6])
    test = dict(agreement["equivalence"])
    welch = test.pop("welch")
    ends = {name: welch.pop(name) for name in ("low", "high")}
    return flat | test | welch | {"interval": test["interval"] | ends}


# --- effects


def effect_parts(effect: dict) -> dict:
    """An effect by its factors and the levels at which others are held, of "a", "a × b" or "a | b=0, c=1"."""
    crossed, _, held = effect["name"].partition(" | ")
    levels = dict(pair.rsplit("=", 1) for pair in held.split(", ") if pair)
    return {"factors": crossed.split(" × "), "held": levels} | _unnamed(effect)


def suite_effect_parts(effect: dict) -> dict:
    """An effect over all tasks by its factors, or by arm and baseline, of "single − twin"."""
    arm, minus, baseline = effect["name"].partition(" − ")
    factors = [] if minus else effect["name"].split(" × ")
    return {"factors": factors, "arm": arm if minus else "", "baseline": baseline} | _unnamed(effect)


def _unnamed(effect: dict) -> dict:
    return {key: value for key, value in effect.items() if key != "name"}


def named_effect(effect: dict) -> dict:
    """An effect with its old name in place of its parts."""
    numbers = {key: value for key, value in effect.items() if key not in ("factors", "held", "arm", "baseline")}
    held = ", ".join(f"{factor}={level}" for factor, level in effect.get("held", {}).items())
    crossed = " × ".join(effect["factors"]) or f"{effect['arm']} − {effect['baseline']}"
    return {"name": f"{crossed} | {held}" if held else crossed} | numbers


def _effects(results: dict, convert: Convert, convert_suite: Convert) -> None:
    """Converts every effect of the ablations in place."""
    for ablation in results["ablations"]:
        for table in ablation["tables"]:
            for name in ("effects", "simple", "shapley") if table["factorial"] else ():
                table["factorial"][name] = [convert(effect) for effect in table["factorial"][name]]
        for suite in ablation["over_tasks"]:
            suite["effects"] = [convert_suite(effect) for effect in suite["effects"]]
            suite["shapley"] = [convert(effect) for effect in suite["shapley"]]


def evaluate_every(runs: Any) -> dict[CellKey, int]:
    """Environment steps between evaluations by cell, from the study's table of runs."""
    cells = runs.drop_duplicates(["task", "implementation", "run_id"])
    columns = (cells[name] for name in ("task", "implementation", "run_id", "evaluate_every"))
    return {(task, implementation, run_id): int(n) for task, implementation, run_id, n in zip(*columns, strict=True)}


def main(folder: Path, wanted: str) -> None:
    """Print the folder's results.json in the layout that is wanted, "old" or "new"."""
    import pandas as pd

    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    runs = pd.read_parquet(folder / "runs.parquet")
    converted = old_results(results) if wanted == "old" else new_results(results, evaluate_every(runs))
    print(json.dumps(converted, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

"""The figures of a study, drawn from results.json alone: PDF, SVG and PNG of the same bytes on every call.

Every interval was computed by the statistics step, but Student's beside published means, which follows from mean,
spread and number of runs; seaborn gives palette and style and computes nothing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt

from suite.report.figures import agreement, cells, effects, overall, published
from suite.report.figures.canvas import CROWD, METADATA, STYLE
from suite.report.tables import held_against

matplotlib.use("Agg")


def main(study_dir: Path, out_dir: Path) -> None:
    """Draw all figures of the study into out_dir/figures, the data of each as CSV beside it, and index.json."""
    results = json.loads((Path(study_dir) / "results.json").read_text(encoding="utf-8"))
    folder = Path(out_dir) / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    index = []
    with plt.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", **STYLE}):
        for name, ablation, title, caption, figure, data in _figures(results):
            name = re.sub(r"[^A-Za-z0-9_-]+", "-", name)
            for kind, metadata in METADATA.items():
                figure.savefig(folder / f"{name}.{kind}", metadata=metadata)
            plt.close(figure)
            data.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
            files = [f"{name}.{kind}" for kind in (*METADATA, "csv")]
            index.append({"name": name, "ablation": ablation, "title": title, "caption": caption, "files": files})
    (folder / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _figures(results: dict) -> Iterator[tuple]:
    """Name, ablation ("" for the whole study), title, caption, figure and data of every figure there is to draw."""
    for name, title, *drawn in (*_of_presets(results), *_of_all_tasks(results), *_of_pairs(results)):
        yield name, "", title, *drawn
    for ablation in results["ablations"]:
        for name, title, *drawn in _of_ablation(ablation, results):
            yield f"{name}-{ablation['name']}", ablation["name"], f"{title}: {ablation['name']}", *drawn
    if any(cell["n_scored"] for cell in results["cells"]):
        for name, groups in cells.alike(results["cells"]).items():
            yield name, "", "Final return of every cell", *cells.final_performance(groups, results)
    for (task, implementation, variant), references in held_against(results["check"]).items():
        title = f"{variant} ({implementation}) on {task} over what is published"
        name = f"published-{task}-{implementation}-{variant}"
        yield name, "", title, *published.over_published(references, results)


def _of_presets(results: dict) -> Iterator[tuple]:
    presets = [curve for curve in results["curves"] if any("/" not in label for label in curve["labels"])]
    apart = [(curve, cells.apart(curve), curve["implementation"]) for curve in presets]
    if max(Counter(map(cells.panel, presets)).values(), default=0) > CROWD:
        for task in dict.fromkeys(curve["task"] for curve in presets):
            own = [line for line in apart if line[0]["task"] == task]
            title = f"Learning curves of the presets: {task}"
            yield f"curves-presets-{task}", title, *cells.learning_curves(own, results)
    elif presets:
        lines = [(curve, cells.panel(curve), curve["variant"]) for curve in presets]
        yield "curves-presets", "Learning curves of the presets", *cells.learning_curves(lines, results)
    several = Counter(panel for _, panel, _ in apart)
    both = [line for line in apart if several[line[1]] > 1]
    if both:
        title = "The same preset in several implementations"
        yield "curves-implementations", title, *cells.learning_curves(both, results)


def _of_all_tasks(results: dict) -> Iterator[tuple]:
    if any(entry["iqm"] for entry in results["aggregates"]):
        yield "aggregates", "All tasks together", *overall.aggregates(results)
        yield "profiles", "Performance profiles over all tasks", *overall.profiles(results)
    if results["improvement"]:
        yield "improvement", "Does a run of a variant beat one of the first?", *overall.improvement(results)


def _of_pairs(results: dict) -> Iterator[tuple]:
    for ending, pair, entries in agreement.pairs(results["equivalence"]):
        if any(entry["verdict"] for entry in entries):
            title = f"Do implementations agree? {pair}"
            yield f"equivalence{ending}", title, *agreement.verdicts(pair, entries, results)
        for task, own in agreement.banded(entries):
            title = f"Do implementations learn alike? {pair}"
            yield f"equivalence-curves{ending}{task}", title, *agreement.curves(pair, own, results)


def _of_ablation(ablation: dict, results: dict) -> Iterator[tuple]:
    yield "curves", "Learning curves", *cells.learning_curves(cells.lines_of(ablation, results), results)
    yield "effects", "Final return of every arm", *cells.arm_effects(ablation, results)
    if any(suite["effects"] for suite in ablation["suite"]):
        yield "suite", "Effects over all tasks", *effects.over_tasks(ablation, results)
    factorials = [table["factorial"] for table in ablation["tables"] if table["factorial"]]
    if any(found["simple"] for found in factorials):
        yield "interaction", "Means of all combinations of levels", *effects.interaction(ablation, results)
    if any(found["effects"] for found in factorials):
        yield "factorial", "Main effects and interactions", *effects.factorial(ablation, results)
    if any(found["shapley"] for found in factorials):
        yield "shapley", "What each factor contributes", *effects.shapley(ablation, results)

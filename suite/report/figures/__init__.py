"""The figures of a study, drawn from results.json, but for that of the runs' speed: PDF, SVG and PNG of the same bytes
on every call.

A figure is data, drawing and caption: a drawing sees nothing of the results but the table written beside it. Every
interval was computed by the statistics step; seaborn gives palette and style and computes nothing. What is drawn of the
same table by the same code as the last time is taken over as it is (`kept`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from suite.analysis.tables import read_table
from suite.analysis.types import AblationResult, Results
from suite.analysis.workers import processes
from suite.files import whole_folder
from suite.report.comparisons import checked_cells
from suite.report.figures import (
    agreement,
    answers,
    cells,
    curves,
    diagnostics,
    doses,
    effects,
    overall,
    published,
    redrawn,
    sensitivity,
    speed,
    threshold,
)
from suite.report.figures.canvas import CROWD, METADATA, Content, Picture
from suite.report.figures.kept import Kept, made_of
from suite.report.figures.saving import save_pictures
from suite.report.files import IndexEntry, csv_bytes, results_of, write_captions, write_index
from suite.specimens.naming import unclaimed

KEPT = ".drawn"
"""The folder of pictures that may be taken over, beside results.json."""
WORTH_A_PROCESS = 4  # pictures: a process takes as long to start as it takes to draw two or three


class Done(NamedTuple):
    """How many figures were drawn, and how many taken over."""

    drawn: int
    taken_over: int


def main(study_dir: Path, out_dir: Path, workers: int = 1) -> Done:
    """Draw all figures of the study into out_dir/figures, with the data of each as CSV, index.json and captions.rst.

    workers: processes at once; they change no byte.
    """
    study_dir, target = Path(study_dir), Path(out_dir) / "figures"
    shown = [*pictures(results_of(study_dir)), *_of_runs(study_dir)]
    kept = Kept(study_dir / KEPT)
    with whole_folder(target) as folder:
        known = {picture.name: _with_table(picture.content, folder / picture.name) for picture in shown}
        new = [picture for picture in shown if not kept.take_over(known[picture.name], folder / picture.name)]
        _draw(new, folder, workers)
        index = [_entry(picture) for picture in shown]
        write_index(folder / "index.json", index)
        write_captions(folder / "captions.rst", index)
    kept.keep({digest: target / name for name, digest in known.items()})
    return Done(len(new), len(shown) - len(new))


def _with_table(content: Content, stem: Path) -> str:
    """Writes a figure's data as CSV, and says what its pictures are made of."""
    table = csv_bytes(content.data)
    stem.with_name(f"{stem.name}.csv").write_bytes(table)
    return made_of(content, table)


def _draw(new: Sequence[Picture], folder: Path, workers: int) -> None:
    """Draws these figures, that of the longest table first: so no process is left with it at the end."""
    in_turn = sorted(new, key=lambda picture: len(picture.content.data), reverse=True)
    with processes(max(1, min(workers, len(new) // WORTH_A_PROCESS))) as do:
        do([partial(save_pictures, picture.content, folder / picture.name) for picture in in_turn])


def _entry(picture: Picture) -> IndexEntry:
    files = tuple(f"{picture.name}.{kind}" for kind in (*METADATA, "csv"))
    return IndexEntry(picture.name, picture.kind, picture.ablation, picture.title, picture.content.caption, files)


def pictures(results: Results) -> Iterator[Picture]:
    """Every figure there is to draw."""
    if any(answer.estimate is not None for answer in results.answers):
        yield Picture("answers", "What every question found", answers.answers(results))
    yield from _of_presets(results)
    yield from _of_all_tasks(results)
    yield from _of_pairs(results)
    yield from _of_sensitivity(results)
    for figure in results.redrawn:
        title = f"{figure.paper}, {figure.number}, with our runs"
        yield Picture("redrawn", title, redrawn.redrawn(figure, results), figure.name)
    for ablation in results.ablations:
        yield from _of_ablation(ablation, results)
    if any(cell.n_scored for cell in results.cells):
        for n, shown in enumerate(cells.alike(results.cells), start=1):
            part = "" if n == 1 else str(n)
            yield Picture("final", "Final return of every cell", cells.final_performance(shown, results), part)
    for cell in checked_cells(results.check):
        title = f"{cell.variant} ({cell.implementation}) on {cell.task} over what is published"
        yield Picture("published", title, published.over_published(cell.references, results), cell.slug)


def _of_presets(results: Results) -> Iterator[Picture]:
    presets = [curve for curve in results.curves if any(not label.ablation for label in curve.labels)]
    lines = [curves.Line(curve, curve.variant.name) for curve in presets]
    alike = [curves.Line(curve, unclaimed(curve.variant.name, curve.implementation)) for curve in presets]
    implementations = Counter((line.curve.task, line.name) for line in alike)
    several = [line for line in alike if implementations[line.curve.task, line.name] > 1]
    in_panel = Counter((curve.task, curve.implementation) for curve in presets)
    title, fullest = "Learning curves of the presets", max(in_panel.values(), default=0)
    if fullest > CROWD:
        for task in dict.fromkeys(curve.task for curve in presets):
            of_task = [line for line in lines if line.curve.task == task]
            content = curves.learning_curves(of_task, results, curves.BY_VARIANT)
            yield Picture("curves", f"{title}: {task}", content, f"presets-{task}")
    elif fullest > 1 or len(several) < len(presets):  # else each curve alone, and all of them together below
        yield Picture("curves", title, curves.learning_curves(lines, results), "presets")
    if several:
        content = curves.learning_curves(several, results, curves.BY_VARIANT)
        yield Picture("curves", "The same preset in several implementations", content, "implementations")


def _of_runs(study_dir: Path) -> Iterator[Picture]:
    """What the results do not hold, where the table of runs lies beside them."""
    if (study_dir / "runs.parquet").exists() and (content := speed.over_training(read_table(study_dir, "runs"))):
        yield Picture("speed", "Speed over training", content)


def _of_all_tasks(results: Results) -> Iterator[Picture]:
    if any(entry.iqm for entry in results.aggregates):
        yield Picture("aggregates", "All tasks together", overall.aggregates(results))
        yield Picture("profiles", "Performance profiles over all tasks", overall.profiles(results))
    if results.improvements:
        yield Picture("improvement", "Does a run of a variant beat one of the first?", overall.improvement(results))


def _of_pairs(results: Results) -> Iterator[Picture]:
    pairs = agreement.pairs(results.agreements)
    for pair in pairs:
        implementations = () if len(pairs) == 1 else (pair.a, pair.b)
        if any(entry.equivalence for entry in pair.entries):
            title = f"Do implementations agree? {pair.name}"
            yield Picture("equivalence", title, agreement.verdicts(pair, results), "-".join(implementations))
        title = f"Do implementations learn alike? {pair.name}"
        for task, of_task in agreement.banded(pair):
            part = "-".join(filter(None, ("curves", *implementations, task)))
            yield Picture("equivalence", title, agreement.curves(of_task, results), part)


def _of_sensitivity(results: Results) -> Iterator[Picture]:
    for entry in (one for one in results.sensitivity if one.variants):
        part = "" if len(results.sensitivity) == 1 else entry.implementation
        yield Picture("settings", "The score at each setting", sensitivity.settings(entry, results), part)
        yield Picture("plane", "Tuned score over sensitivity", sensitivity.plane(entry, results), part)


def _of_ablation(ablation: AblationResult, results: Results) -> Iterator[Picture]:
    def picture(kind: str, title: str, content: Content) -> Picture:
        return Picture(kind, f"{title}: {ablation.name}", content, ablation=ablation.name)

    yield picture("curves", "Learning curves", curves.learning_curves(curves.lines_of(ablation, results), results))
    yield picture("effects", "Final return of every arm", cells.arms(ablation, results))
    if ablation.doses:
        yield picture("doses", f"Final return over {ablation.doses.field}", doses.response(ablation, results))
    if any(arm.step for table in ablation.tables for arm in table.arms):
        yield picture("waterfall", "Which step moves the final return", effects.waterfall(ablation, results))
    if any(entry.effects for entry in ablation.over_tasks):
        yield picture("suite", "Effects over all tasks", effects.over_tasks(ablation, results))
    factorials = [table.factorial for table in ablation.tables if table.factorial]
    if any(one.simple for one in factorials):
        yield picture("interaction", "Means of all combinations of levels", effects.interaction(ablation, results))
    if any(one.effects for one in factorials):
        yield picture("factorial", "Main effects and interactions", effects.factorial(ablation, results))
    if any(one.shapley for one in factorials):
        yield picture("shapley", "What each factor contributes", effects.shapley(ablation, results))
    if over_steps := threshold.reached(ablation, results):
        yield picture("threshold", "Steps until half is learned", over_steps)
    for n, content in enumerate(diagnostics.over_training(ablation, results), start=1):
        title = f"Diagnostics over training: {ablation.name}"
        yield Picture("diagnostics", title, content, "" if n == 1 else str(n), ablation.name)

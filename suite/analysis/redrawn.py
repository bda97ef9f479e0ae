"""Which cells of a study draw a published figure again, and what was published of its panels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from suite.analysis.types import (
    AblationResult,
    CellKey,
    CellResult,
    PublishedCurve,
    RedrawnFigure,
    RedrawnPanel,
)
from suite.published.comparability import versions
from suite.published.paper_figures import FIGURES, PaperFigure, PaperPanel
from suite.published.reading import load
from suite.published.references import Reference, ReferenceName
from suite.specimens.naming import display_name, unclaimed


def redrawn_figures(cells: Sequence[CellResult], ablations: Sequence[AblationResult]) -> tuple[RedrawnFigure, ...]:
    """The published figures of which a study has a panel, in the order of the papers; it has one if a cell has runs."""
    known = [cell for cell in cells if cell.n_scored]
    figures = []
    for figure in FIGURES:
        panels = [panel for one in figure.panels for panel in _panels(one, figure, known, ablations)]
        if panels:
            there = {(panel.environment, panel.ablation) for panel in panels}
            missing = [panel for panel in figure.panels if (panel.environment, panel.ablation) not in there]
            names = tuple(" of ".join(filter(None, (one.ablation, one.environment))) for one in missing)
            figures.append(RedrawnFigure(figure.name, figure.paper, figure.number, tuple(panels), names))
    return tuple(figures)


def _panels(
    panel: PaperPanel, figure: PaperFigure, cells: Sequence[CellResult], ablations: Sequence[AblationResult]
) -> Iterator[RedrawnPanel]:
    """A panel for every task of ours that is the paper's, in whatever version."""
    groups = _arms(panel, cells, ablations) if panel.ablation else _presets(panel, figure, cells)
    for task, keys in groups.items():
        published = tuple(_published(panel, figure, task))
        yield RedrawnPanel(panel.environment, task, panel.last_step, panel.ablation, tuple(keys), published)


def _is_of(task: str, panel: PaperPanel) -> bool:
    return bool(panel.stands_as) and task.rpartition("-")[0] == panel.environment.rpartition("-")[0]


def _presets(panel: PaperPanel, figure: PaperFigure, cells: Sequence[CellResult]) -> dict[str, list[CellKey]]:
    """The cells with the paper's settings, by task."""
    names = {display_name(preset) for preset in figure.presets}
    groups: dict[str, list[CellKey]] = {}
    for cell in cells:
        shown = {unclaimed(label.preset, cell.implementation) for label in cell.labels if label.preset}
        if _is_of(cell.task, panel) and shown & names:
            groups.setdefault(cell.task, []).append(cell.key)
    return groups


def _arms(
    panel: PaperPanel, cells: Sequence[CellResult], ablations: Sequence[AblationResult]
) -> dict[str, list[CellKey]]:
    """The cells of the question's arms, by task."""
    known = {cell.key for cell in cells}
    groups: dict[str, list[CellKey]] = {}
    for table in (table for one in ablations if one.name == panel.ablation for table in one.tables):
        if _is_of(table.task, panel):
            keys = [key for key in map(table.key_of, table.arms) if key in known]
            groups.setdefault(table.task, []).extend(keys)
    return {task: keys for task, keys in groups.items() if keys}


def _published(panel: PaperPanel, figure: PaperFigure, task: str) -> Iterator[PublishedCurve]:
    """What was published of a panel, where its environment stands for the task."""
    if not figure.sources or (task, panel.stands_as) not in versions():
        return
    bare = panel.environment.rpartition("-")[0]
    for reference in load():
        if reference.source in figure.sources and reference.environment in (panel.environment, bare):
            yield _curve_of(reference)


def _curve_of(reference: Reference) -> PublishedCurve:
    steps = sorted(reference.summaries)
    summaries = [reference.summaries[step] for step in steps]
    return PublishedCurve(
        ReferenceName(reference.source, reference.variant, reference.environment),
        f"{reference.repository}@{reference.commit[:7]}",
        reference.caveat,
        summaries[0].n,
        tuple(steps),
        tuple(one.mean for one in summaries),
        tuple(float("nan") if one.sd is None else one.sd for one in summaries),
    )

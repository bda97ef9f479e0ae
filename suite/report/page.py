"""The report of a study: one self-contained HTML page and its tables, from its results and the tidy tables."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup, escape

from suite.analysis.plan_accuracy import plan_accuracy
from suite.analysis.provenance import core_hours, making, provenance
from suite.analysis.types import Results
from suite.errors import UsageError
from suite.files import atomic, whole_folder
from suite.gate.outcome import gate_line
from suite.published import calibration
from suite.report import ancestry, tables
from suite.report.answers import beside_the_questions
from suite.report.checklist import checklist, made_with, not_finished, studied
from suite.report.comparisons import failing_in_words, overview
from suite.report.declared import history_in_words, wordings
from suite.report.every_run import anchor, cell_anchor, every_run, run_anchor
from suite.report.explorable import explorable
from suite.report.families import family_sentence, out_of_reach
from suite.report.files import IndexEntry, Study, read_index, study_of
from suite.report.outcomes import arms_on_outcomes, over_all, short
from suite.report.paper_table import paper_tables
from suite.report.presets import changes_of, presets_of, rounded, tasks_of
from suite.report.summary import Summary, summary_of
from suite.report.summary import write as write_summary
from suite.sac.ablation import OUTCOMES
from suite.sac.status import KindOfReturn
from suite.wording import interval, number, p_value, ranges, score, sentence, share, with_range

TEMPLATES = Path(__file__).resolve().parent / "templates"
LARGEST_SVG = 600_000  # bytes; a larger drawing is embedded as PNG
SECTIONS = {
    "answers": "answers",
    "curves": "curves", "redrawn": "curves", "aggregates": "suite", "profiles": "suite", "improvement": "suite",
    "equivalence": "implementations", "published": "check", "settings": "sensitivity", "plane": "sensitivity",
    "speed": "provenance",
}  # fmt: skip
"""Where a figure of the whole study stands, by its kind; others stand with the final performance."""
MARKS = {"PASS": "✓ PASS", "FAIL": "✗ FAIL", "INCONCLUSIVE": "? INCONCLUSIVE", "SUSPICIOUSLY_BETTER": "▲ BETTER",
         "NOT_LEARNED": "✗ NOT LEARNED"}  # fmt: skip
KINDS: dict[KindOfReturn, str] = {
    "sampled": "evaluated with sampled instead of deterministic actions",
    "training": "training returns, not evaluations",
}
"""Kinds of return that are not what a reader expects, in words."""


@dataclass(frozen=True)
class PageFigure(IndexEntry):
    """A figure as the page shows it."""

    section: str
    source: str  # its picture as a data URI
    over_all_tasks: bool  # it stands above the others
    curves: dict[str, Any] | None  # what the page's script draws of it


class Calibration(NamedTuple):
    rows: list[calibration.Row]  # what was measured of the methods, by simulation
    tasks: int  # the most that any variant of the study is shown over at once

    def of(self, quantity: str, over_tasks: bool = False) -> list[calibration.Row]:
        """The rows of a quantity that are most like a study, in order of n; over_tasks: over as many as this one."""
        tasks = self.tasks if over_tasks else 1
        sizes = sorted({int(row.n) for row in self.rows if row.quantity == quantity})
        nearest = (calibration.nearest(quantity, n, tasks) for n in sizes)
        return [row for row in nearest if row is not None]


def main(study_dir: Path, out_dir: Path, *, config_text: str, command: str) -> None:
    """Write out_dir/report.html and out_dir/tables; out_dir/figures must have been drawn before.

    config_text: the study's config as it was read; command: what makes this report again.
    """
    out_dir = Path(out_dir)
    study = study_of(Path(study_dir))
    folder = out_dir / "figures"
    figures = [_page_figure(entry, folder, study.results) for entry in read_index(folder / "index.json")]
    with whole_folder(out_dir / "tables") as folder:
        tables.write(study.results, study.runs, folder)
    summary = summary_of(study.results, out_dir, core_hours(study.runs))
    content = _content(study, figures, summary) | {"config_text": config_text, "command": command}
    html = html_of("report.html.j2", content)
    with atomic(out_dir / "report.html") as temporary:
        temporary.write_text(html, encoding="utf-8")
    write_summary(summary, out_dir)


def _content(study: Study, figures: Sequence[PageFigure], summary: Summary) -> dict[str, Any]:
    """What the templates name."""
    results, presets = study.results, presets_of(study)
    return {
        "styles": _styles(),
        "scripts": _scripts(),
        "results": results,
        "figures": figures,
        "figure_of": {figure.name: figure for figure in figures},
        "curves_of": {figure.ablation: figure.name for figure in figures if figure.kind == "curves"},
        "answered": summary.questions,
        "beside_the_questions": list(beside_the_questions(results)),
        "changed": summary.changed,
        **_against_published(results, summary),
        "tasks": tasks_of(study),
        "ancestors": ancestry.paragraphs(results),
        "presets": presets,
        "rounded": rounded(study.runs),
        "changes": {ablation.name: changes_of(ablation, study.runs) for ablation in results.ablations},
        "made_with": made_with(making(study.runs)),
        "provenance": provenance(study.runs),
        "plan_accuracy": plan_accuracy(study.runs),
        "every_run": every_run(results, study.runs),
        "diagnostics": list(dict.fromkeys(name for cell in results.cells for name in cell.diagnostics)),
        "declared": history_in_words(results.declaration, study.declared_at),
        "wordings": {one.name: wordings(one, results.declaration) for one in results.ablations},
        **_outcomes(results),
        "calibration": _calibration(results),
        "paper_tables": list(paper_tables(results)),
        "checklist": checklist(study, presets),
        **_head(results),
        "limits": share(results.settings.equivalence.confidence),
        "marks": MARKS,
        "kinds": KINDS,
        "adjusted": lambda family: family_sentence(family, results),
        "out_of_reach": lambda differences: out_of_reach(differences, results),
        "score": score,
        "with_range": with_range,
    }


def _head(results: Results) -> dict[str, Any]:
    """What the first lines name."""
    return {
        "not_finished": not_finished(results),
        "studied": studied(results),
        "percent": share(results.settings.confidence),
    }


def _against_published(results: Results, summary: Summary) -> dict[str, Any]:
    """What the templates name of the regression check."""
    return {
        "overview": overview(results.check),
        "outcome": gate_line(results.check),
        "expected": summary.expected,
        "failing": failing_in_words(results.check),
    }


def _outcomes(results: Results) -> dict[str, Any]:
    """What the templates name of outcomes."""
    return {
        "outcomes": OUTCOMES,
        "short_outcome": short,
        "over_all": over_all,
        "arms_on_outcomes": {one.name: arms_on_outcomes(one, results) for one in results.ablations},
    }


def html_of(template: str, content: Mapping[str, Any]) -> str:
    """The page that one of the templates makes of what it names."""
    return _templates().get_template(template).render(content)


def _templates() -> jinja2.Environment:
    loader, undefined = jinja2.FileSystemLoader(TEMPLATES), jinja2.StrictUndefined
    templates = jinja2.Environment(
        loader=loader, autoescape=True, undefined=undefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters |= {
        one.__name__: one
        for one in (
            *(number, interval, p_value, ranges, score, sentence, share),
            *(anchor, cell_anchor, run_anchor, sha256, breakable),
        )
    }
    return templates


def _styles() -> list[Markup]:
    """The style sheets of the page: the charts' and its own."""
    return [_text(_uplot("uPlot.min.css")), _text(TEMPLATES / "page.css")]


def _scripts() -> list[Markup]:
    """The scripts of the page: the library that draws charts, what is drawn with it, and what tables do."""
    return [_text(path) for path in (_uplot("uPlot.iife.js"), TEMPLATES / "curves.js", TEMPLATES / "tables.js")]


def _uplot(name: str) -> Path:
    """A file of uPlot as its package carries it; the package itself is not loaded, since it would load IPython."""
    package = find_spec("uplot")
    if package is None or package.origin is None:
        raise UsageError("the package uplot-python is missing, whose charts the page carries: pip install uplot-python")
    return Path(package.origin).parent / "static" / name


def _text(path: Path) -> Markup:
    return Markup(path.read_text(encoding="utf-8"))


def breakable(name: object) -> Markup:
    """A name that a narrow column breaks after its signs, not within a word."""
    return Markup(re.sub("([/_+])", r"\1<wbr>", str(escape(name))))


def sha256(text: str) -> str:
    """What a Content-Security-Policy allows a text within the page by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _page_figure(entry: IndexEntry, folder: Path, results: Results) -> PageFigure:
    """A figure with its picture as a data URI: the SVG, or the PNG where the SVG is large."""
    svg, png = (folder / f"{entry.name}.{kind}" for kind in ("svg", "png"))
    path, kind = (svg, "svg+xml") if svg.stat().st_size <= LARGEST_SVG else (png, "png")
    section = "ablation" if entry.ablation else SECTIONS.get(entry.kind, "final")
    source = f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return PageFigure(**vars(entry), section=section, source=source,
                      over_all_tasks=entry.kind in ("suite", "shapley", "interaction"),
                      curves=explorable(entry, folder, results))  # fmt: skip


def _calibration(results: Results) -> Calibration | None:
    if not calibration.TABLE.exists():
        return None
    most = max((len(entry.tasks) for entry in results.aggregates), default=1)
    return Calibration(list(calibration.committed().values()), max(most, 1))

"""A study's main figures and tables as a short PDF, set by Typst: no TeX is needed, and one small package brings it.

The template, its data and the figures stay beside the PDF, in the report's folder, so that both can be changed and set
again: `typst compile --root .. paper/paper.typ paper.pdf`.
"""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from suite.analysis.types import Results
from suite.errors import UsageError
from suite.files import atomic
from suite.report.answers import beside_the_questions, questions_answered, what_failed
from suite.report.files import IndexEntry, read_index, results_of
from suite.report.paper_table import PaperTable, paper_tables

TEMPLATE = Path(__file__).resolve().parent / "templates" / "paper.typ"
OF_THE_STUDY = ("answers", "curves", "aggregates")
OF_A_QUESTION = ("curves", "waterfall", "interaction")
"""Kinds of figures that are a paper's; all others stand on the page."""


class PaperFigure(NamedTuple):
    path: str  # from the report's folder
    title: str
    caption: str


def main(study_dir: Path, out_dir: Path) -> Path:
    """Write out_dir/paper.pdf and return its path; out_dir/paper has what it is set from.

    UsageError without results, figures or the package typst.
    """
    results = results_of(Path(study_dir))
    index = Path(out_dir) / "figures" / "index.json"
    if not index.is_file():
        raise UsageError(f"{index} is missing: run `python -m suite figures` for this study first")
    typst = _typst()
    folder = Path(out_dir) / "paper"
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(_content(results, read_index(index)), indent=1, ensure_ascii=False) + "\n"
    with atomic(folder / "paper.json") as temporary:
        temporary.write_text(content, encoding="utf-8")
    shutil.copyfile(TEMPLATE, folder / TEMPLATE.name)
    path = Path(out_dir) / "paper.pdf"
    with atomic(path) as temporary:  # fonts of its own alone: the same pages everywhere
        typst.compile(folder / TEMPLATE.name, temporary, root=out_dir, ignore_system_fonts=True, format="pdf")
    return path


def _typst() -> Any:
    try:
        return importlib.import_module("typst")
    except ImportError:
        raise UsageError("the package typst sets the PDF, and it is not installed: pip install typst") from None


def _content(results: Results, entries: list[IndexEntry]) -> dict[str, Any]:
    """What the template reads."""
    counts, declared = results.counts, results.declaration
    return {
        "study": results.study,
        "runs": f"{counts.finished} of {counts.planned} planned runs finished.",
        "declaration": declared.sha256[:10] if declared else "",
        "answers": [
            {"question": one.question or one.ablation, "verdict": one.verdict, "sentence": one.text}
            for one in questions_answered(results)
        ],
        "beside": [*beside_the_questions(results), *what_failed(results)],
        "figures": [figure._asdict() for figure in main_figures(entries)],
        "tables": [_plain(table) for table in paper_tables(results)],
    }


def main_figures(entries: list[IndexEntry]) -> Iterator[PaperFigure]:
    """The figures that a paper shows, those of the whole study first."""
    for entry in sorted(entries, key=lambda entry: bool(entry.ablation)):
        if entry.kind in (OF_A_QUESTION if entry.ablation else OF_THE_STUDY):
            yield PaperFigure(f"figures/{entry.name}.pdf", entry.title, entry.caption)


def _plain(table: PaperTable) -> dict[str, Any]:
    """A table as rows of texts; best: whether a text is the marked one."""
    heads = [*(["implementation"] if table.of_several else []), "variant"]
    rows = []
    for row in table.rows:
        name = row.variant + (" (baseline)" if row.baseline else "")
        rows.append({
            "names": [row.implementation, name] if table.of_several else [name],
            "values": [table.printed(row, task) for task in table.tasks],
            "best": [task in row.cells and row.cells[task].best for task in table.tasks],
        })  # fmt: skip
    return {"caption": table.caption, "names": heads, "tasks": list(table.tasks), "rows": rows}

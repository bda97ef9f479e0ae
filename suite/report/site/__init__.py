"""The pages of the site as Markdown, made from data, docstrings and the documents; `make docs` builds HTML of them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from suite.files import whole_folder
from suite.report.site import documents, matrix, navigation, published, questions, start, studies
from suite.report.site.studies import StudyPage
from suite.sac import identity

CONFIG = identity.ROOT / "docs" / "mkdocs.yml"
"""How the site looks; its navigation and folders are added when the pages are written."""

LOOKS = ("site.css", "iframe-worker.js")
"""Files of docs/ that the pages need beside the documents and their figures."""


def write(folder: Path, reports: Sequence[Path]) -> int:
    """Writes folder/pages and folder/mkdocs.yml; returns the number of pages. reports: of the released studies.

    What a page says of a study stands in the study's summary.json and figures/index.json, which `suite report` wrote.
    """
    known = [study for report in reports if (study := studies.read(report)) is not None]
    pages = texts(known)
    folder.mkdir(parents=True, exist_ok=True)
    with whole_folder(folder / "pages") as target:
        for name, text in pages.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for source, name in files(known):
            _copy(source, target / name)
        published.draw(target / "published")
    (folder / "mkdocs.yml").write_text(_config(pages), encoding="utf-8")
    return len(pages)


def texts(known: Sequence[StudyPage]) -> dict[str, str]:
    """Every page by its path in the site."""
    made = {
        **start.pages(known),
        **questions.pages(known),
        **studies.pages(known),
        **published.pages(),
        **matrix.pages(),
    }
    return {**made, **documents.pages(made)}


def files(known: Sequence[StudyPage]) -> list[tuple[Path, str]]:
    """What the pages show or link to that is no page: (where it lies, its path in the site)."""
    docs = identity.ROOT / "docs"
    shown = [*sorted((docs / "figures").iterdir()), *(docs / name for name in LOOKS)]
    of_studies = [(study.folder / name, f"studies/{study.name}/{name}") for study in known for name in studies.FILES]
    return [*((path, path.relative_to(docs).as_posix()) for path in shown), *of_studies]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def _config(pages: Mapping[str, str]) -> str:
    """docs/mkdocs.yml with the navigation of these pages."""
    tree = yaml.safe_dump({"nav": navigation.tree(pages)}, sort_keys=False, allow_unicode=True, width=120)
    return f"{CONFIG.read_text(encoding='utf-8')}\n{tree}"

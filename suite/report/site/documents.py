"""The documents of docs/ as pages, and the files that they link to: links that lead out of docs/ stay in the site."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

from suite.report.site.markdown import NO_SEARCH
from suite.sac import identity

ROOT = identity.ROOT
LINK = re.compile(r"\]\((?!\w+:)(?P<target>[^)#\s]+)(?P<rest>#[^)\s]*)?\)")
"""A link to a file of the repository; rest: the heading."""

SOURCES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".csv": "text", ".sh": "bash"}
"""The language of a file that is shown as it is, by its ending; of any other, text."""

OUTSIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md", "results/README.md")
"""Documents beside those of docs/."""


def pages(made: Collection[str]) -> dict[str, str]:
    """Every document, the files that pages lead to, and the questions' own; made: the pages there are besides."""
    docs = ROOT / "docs"
    waiting = [
        *sorted(docs.rglob("*.md")),
        *(ROOT / name for name in OUTSIDE),
        *sorted((ROOT / "ablations").glob("*.py")),
    ]
    written: dict[str, str] = {}
    while waiting:
        path = waiting.pop()
        name = place(path)
        if name in written or name in made:
            continue
        text, linked = _page(path, name)
        written[name] = text
        waiting += linked
    return written


def place(path: Path) -> str:
    """Where a file of the repository stands in the site: documents as in docs/, others as pages under source/."""
    relative = path.relative_to(ROOT)
    if relative.parts[0] == "docs" and path.suffix == ".md":
        name = Path(*relative.parts[1:])
        return (name.with_name("index.md") if name.name == "README.md" else name).as_posix()
    if path.suffix == ".md":
        return f"source/{relative.as_posix()}"
    return f"source/{relative.as_posix()}.md"


def _page(path: Path, name: str) -> tuple[str, list[Path]]:
    """A file as a page, and the files that it leads to."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        heading = "" if text.startswith("# ") else f"# {path.parent.name}\n\n"
        return _with_links(heading + text, path, name)
    fence = "`" * (max(map(len, re.findall("`+", text)), default=2) + 1)
    fence = max(fence, "```", key=len)
    relative, language = path.relative_to(ROOT).as_posix(), SOURCES.get(path.suffix, "text")
    return f"{NO_SEARCH}# `{relative}`\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n", []


def _with_links(text: str, path: Path, name: str) -> tuple[str, list[Path]]:
    """The text of a document with its links as they lead in the site, and the files they lead to."""
    linked: list[Path] = []

    def replaced(link: re.Match[str]) -> str:
        target = (path.parent / link["target"]).resolve()
        if target.suffix in (".png", ".csv") and target.is_relative_to(ROOT / "docs"):
            to = target.relative_to(ROOT / "docs").as_posix()
        else:
            linked.append(target)
            to = place(target)
        return f"]({os.path.relpath(to, Path(name).parent.as_posix())}{link['rest'] or ''})"

    return LINK.sub(replaced, text), linked

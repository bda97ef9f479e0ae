"""The site's navigation: which page stands under which heading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from suite.report.site import questions
from suite.report.site.markdown import title
from suite.specimens.catalogue import load_ablation, shipped_ablation_names

Tree = list[dict[str, Any]]

CODE_BASES = ("codebases/index.md", "matrix.md", "presets.md", "switches.md", "conformance.md", "relatives.md")
METHOD = ("statistics.md", "gate.md", "checks.md", "theory.md")
USE = ("tour.md", "cli.md", "extending.md", "import.md", "clusters.md", "kubernetes.md", "platforms.md",
       "source/examples/README.md")  # fmt: skip
SUITE = ("architecture.md", "runs.md", "reliability.md", "speed.md")
PROJECT = ("source/results/README.md", "source/CHANGELOG.md", "source/CONTRIBUTING.md")


def tree(pages: Mapping[str, str]) -> Tree:
    """Headings with the pages below them, those that the site has; every other page is reached from one of these."""
    return [
        {"Answers": ["index.md", *_of(pages, ["findings.md"])]},
        {"Questions": ["questions/index.md", *_by_tag()]},
        {"Studies": ["studies/index.md", *_of(pages, _inside(pages, "studies/"))]},
        {"Code bases": [*_of(pages, CODE_BASES), {"As programs": _named(_inside(pages, "codebases/"))}]},
        {
            "Published": [
                "published/index.md",
                *_of(pages, ["references.md"]),
                {"Sources": _named(_inside(pages, "published/"))},
            ]
        },
        {"Method": _of(pages, METHOD)},
        {"Use": _of(pages, USE)},
        {"The suite": _of(pages, (*SUITE, *PROJECT))},
    ]


def _of(pages: Mapping[str, str], names: Iterable[str]) -> Tree:
    """Pages under their own headings."""
    return [{title(pages[name]): name} for name in names if name in pages]


def _inside(pages: Mapping[str, str], folder: str) -> list[str]:
    return sorted(name for name in pages if name.startswith(folder) and not name.endswith("/index.md"))


def _named(names: Iterable[str]) -> Tree:
    """Pages under their files' names."""
    return [{name.rpartition("/")[2].removesuffix(".md"): name} for name in names]


def _by_tag() -> Tree:
    asked = {name: load_ablation(name) for name in shipped_ablation_names()}
    groups = questions.by_tag(asked).items()
    return [
        {f"{words[:1].upper()}{words[1:]}": _named(f"questions/{name}.md" for name in names)} for words, names in groups
    ]

"""A page a released study: its summary, and the report that it is taken from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.report import summary
from suite.report.answers import QuestionAnswered
from suite.report.files import IndexEntry, read_index
from suite.report.site.markdown import escaped, verdict
from suite.report.summary import Summary
from suite.wording import sentence

FILES = ("report.html", "figures", "tables")
"""What of a report's folder the site holds."""


@dataclass(frozen=True)
class StudyPage:
    """A study as its report tells it; folder: where the report lies."""

    summary: Summary
    figures: tuple[IndexEntry, ...]
    folder: Path

    @property
    def name(self) -> str:
        """The study's name, which is its report's folder, too."""
        return self.summary.study

    def question(self, ablation: str) -> QuestionAnswered | None:
        """What the study found of a question; None if it does not ask it."""
        return next((one for one in self.summary.questions if one.ablation == ablation), None)

    def figures_of(self, ablation: str) -> Iterator[IndexEntry]:
        """The figures of one question; of the whole study with an empty name."""
        return (one for one in self.figures if one.ablation == ablation)


def read(report: Path) -> StudyPage | None:
    """The study whose report lies in the folder; None if there is no report that this suite understands."""
    known = summary.read(report / "summary.json")
    if known is None:
        return None
    return StudyPage(known, tuple(read_index(report / "figures" / "index.json")), report)


def pages(known: Sequence[StudyPage]) -> dict[str, str]:
    """The page of each study, and the one that leads to them."""
    return {"studies/index.md": _index(known)} | {f"studies/{one.name}.md": _page(one) for one in known}


def _index(known: Sequence[StudyPage]) -> str:
    rows = [
        f"- [{escaped(one.name)}]({one.name}.md): {one.summary.counts.finished:,} of {one.summary.counts.planned:,} "
        f"runs finished, {len(one.summary.questions)} questions asked ([whole report]({one.name}/report.html))"
        for one in known
    ]
    return f"""# Studies

The records of these studies are kept with the suite, in `results/released`. Every number of a report is computed of
them again by `python -m suite report --from results/released/STUDY`.

{chr(10).join(rows) or "No report has been made of them yet."}
"""


def _page(one: StudyPage) -> str:
    counts = one.summary.counts
    parts = [
        f"# {escaped(one.name)}",
        f"{counts.finished:,} of {counts.planned:,} planned runs finished. [The whole report]({one.name}/report.html) "
        "has every curve, table and test, and what each run was made of.",
        *(found(of, f"../questions/{of.ablation}.md") for of in one.summary.questions),
        *(escaped(words) for words in one.summary.beside),
        *(figure(of, f"{one.name}/") for of in one.figures_of("") if of.kind in ("answers", "curves", "settings")),
    ]
    return "\n\n".join(parts) + "\n"


def found(one: QuestionAnswered, link: str) -> str:
    """A question with its verdict and its answer."""
    asked = escaped(one.question or one.ablation)
    return f"**[{asked}]({link})** {verdict(one.verdict)}\n: {escaped(one.text)}"


def figure(one: IndexEntry, folder: str) -> str:
    """A figure with its caption and its data; folder: the study's, from the page, with a slash."""
    stem = f"{folder}figures/{one.name}"
    files = ", ".join(f"[{name.rpartition('.')[2].upper()}]({folder}figures/{name})" for name in one.files)
    alt = one.title.replace("[", "(").replace("]", ")")
    return f"![{alt}]({stem}.svg)\n{{ .figure }}\n\n*{escaped(sentence(one.title))}* {escaped(one.caption)} ({files})"

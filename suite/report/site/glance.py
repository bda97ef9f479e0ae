"""The findings at a glance: every answer that is decided, drawn and as a table, and the questions still open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from suite.analysis.answers import DECIDED
from suite.analysis.types import Answer
from suite.report.answers import difference, side_of
from suite.report.figures.answers import of_studies
from suite.report.figures.canvas import Content
from suite.report.site.markdown import escaped, table
from suite.report.site.studies import StudyPage
from suite.specimens.catalogue import load_ablation

FIGURE = "figures/findings.png"
HEADING = ("question", "what", "instead of", "difference", "verdict", "as expected", "on", "study")


def at_a_glance(names: Sequence[str], known: Sequence[StudyPage]) -> Iterator[str]:
    """What is decided of these questions, as a figure and a table in their order, and the names of the others."""
    by_name = {name: list(_decided(name, known)) for name in names}
    if content := drawn(names, known):
        yield f"![Every decided answer]({FIGURE})"
        yield f"*{content.caption}*"
        yield table(HEADING, [row for name, answers in by_name.items() for row in _rows(name, answers)])
    if still_open := [f"*{_asked(name)}*" for name, answers in by_name.items() if not answers]:
        yield f"Of {len(still_open)} more the seeds so far decide nothing: {' '.join(still_open)}"


def drawn(names: Sequence[str], known: Sequence[StudyPage]) -> Content | None:
    """The figure of what is decided of these questions; None while nothing is."""
    answers = [(study.name, answer) for name in names for study, answer in _decided(name, known)]
    return of_studies(answers) if answers else None


def _decided(name: str, known: Sequence[StudyPage]) -> Iterator[tuple[StudyPage, Answer]]:
    """The decided answers to a question, each with its study; none of a question whose runs are not all there."""
    for study in known:
        answers = [one for one in study.summary.answers if one.ablation == name]
        if not any(one.finding == "INCOMPLETE" for one in answers):
            yield from ((study, one) for one in answers if one.finding in DECIDED)


def _rows(name: str, answers: Sequence[tuple[StudyPage, Answer]]) -> Iterator[tuple[str, ...]]:
    """A question's rows, of which the first has its name."""
    for place, (study, answer) in enumerate(answers):
        expected = {"CONFIRMED": "yes", "REFUTED": f"no: {answer.expected}", None: "–"}[answer.held]
        on = answer.tasks[0] if len(answer.tasks) == 1 else f"{len(answer.tasks)} tasks"
        sides = "" if place else _asked(name), escaped(side_of(answer)), escaped(answer.beside)
        yield *sides, difference(answer), f"**{answer.finding}**", expected, on, f"`{study.name}`"


def _asked(name: str) -> str:
    return escaped(load_ablation(name).question)

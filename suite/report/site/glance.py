"""The findings at a glance: a row for each answer that is decided, and the questions that nothing decides yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from suite.analysis.answers import DECIDED
from suite.analysis.types import Answer
from suite.report.answers import difference, side_of
from suite.report.site.markdown import escaped, table
from suite.report.site.studies import StudyPage
from suite.specimens.catalogue import load_ablation

HEADING = ("question", "what", "instead of", "difference", "verdict", "as expected", "on", "study")


def at_a_glance(names: Sequence[str], known: Sequence[StudyPage]) -> Iterator[str]:
    """What is decided of these questions, as a table in their order, and the names of those of which nothing is."""
    decided = {name: list(_decided(name, known)) for name in names}
    rows = [
        (_asked(name) if row == 0 else "", *_row(study, answer))
        for name, answers in decided.items()
        for row, (study, answer) in enumerate(answers)
    ]
    if rows:
        yield table(HEADING, rows)
    if still_open := [f"*{_asked(name)}*" for name, answers in decided.items() if not answers]:
        yield f"Of {len(still_open)} more the seeds so far decide nothing: {' '.join(still_open)}"


def _asked(name: str) -> str:
    return escaped(load_ablation(name).question)


def _decided(name: str, known: Sequence[StudyPage]) -> Iterator[tuple[StudyPage, Answer]]:
    """The decided answers to a question, each with its study; none of a question whose runs are not all there."""
    for study in known:
        answers = [one for one in study.summary.answers if one.ablation == name]
        if not any(one.finding == "INCOMPLETE" for one in answers):
            yield from ((study, one) for one in answers if one.finding in DECIDED)


def _row(study: StudyPage, answer: Answer) -> tuple[str, ...]:
    expected = {"CONFIRMED": "yes", "REFUTED": f"no: {answer.expected}", None: "–"}[answer.held]
    on = answer.tasks[0] if len(answer.tasks) == 1 else f"{len(answer.tasks)} tasks"
    sides = escaped(side_of(answer)), escaped(answer.beside)
    return *sides, difference(answer), f"**{answer.finding}**", expected, on, f"`{study.name}`"

"""The summary of a study, for those who read one screen: summary.md, and summary.json for what reads none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from suite.analysis.results_file import from_plain, to_plain
from suite.analysis.types import Answer, Counts, Results
from suite.files import atomic
from suite.gate.chances import expected_line, waiting
from suite.report.answers import QuestionAnswered, beside_the_questions, questions_answered, what_failed

FIRST = "This is the first report of this study here."
NOT_UNDERSTOOD = "What is new since the last report is not known: another version of the suite wrote that one."


@dataclass(frozen=True)
class Summary:
    """What a study found; changed: since the report before, which is kept as it is if nothing was; hours: core-hours
    that its runs took, None where none tells; expected: how many of the gate's decisions were, empty without a
    gate; settled: nothing but the gate is asked, and it waits for no further seeds."""

    study: str
    counts: Counts
    questions: tuple[QuestionAnswered, ...]
    beside: tuple[str, ...]
    answers: tuple[Answer, ...]
    changed: str
    hours: float | None = None
    expected: str = ""
    settled: bool = False


def summary_of(results: Results, folder: Path, hours: float | None = None) -> Summary:
    """The summary of these results, held against the one that lies in the folder of the report."""
    now = Summary(
        results.study,
        results.counts,
        tuple(questions_answered(results)),
        (*beside_the_questions(results), *what_failed(results)),
        results.answers,
        FIRST,
        hours,
        expected_line(results.check),
        settled(results),
    )
    before = read(folder / "summary.json")
    if before is not None:
        return _with_changes(now, before)
    return replace(now, changed=NOT_UNDERSTOOD) if (folder / "summary.json").exists() else now


def settled(results: Results) -> bool:
    """Whether the gate, and nothing else, was asked, and no primary endpoint waits for a further look."""
    return not results.answers and any(row.gated for row in results.check) and not waiting(results.check)


def read(path: Path) -> Summary | None:
    """The summary there; None if there is none that this suite understands."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return from_plain(Summary, {name: data[name] for name in Summary.__dataclass_fields__})
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _with_changes(now: Summary, before: Summary) -> Summary:
    parts = vars(now) | {"changed": before.changed}
    if Summary(**parts) == before:
        return before
    return Summary(**parts | {"changed": _changes(now, before)})


def _changes(now: Summary, before: Summary) -> str:
    """What is otherwise than in the report before, as a sentence."""
    words = []
    if now.counts.finished != before.counts.finished or now.counts.planned != before.counts.planned:
        words.append(
            f"{now.counts.finished} of {now.counts.planned} runs are finished, where there were "
            f"{before.counts.finished} of {before.counts.planned}"
        )
    then = {one.ablation: one.verdict for one in before.questions}
    for one in now.questions:
        if one.ablation not in then:
            words.append(f"{one.ablation} is new")
        elif then[one.ablation] != one.verdict:
            words.append(f"{one.ablation} was {then[one.ablation]} and is {one.verdict}")
    gone = [name for name in then if name not in {one.ablation for one in now.questions}]
    words += [f"{name} is no longer asked" for name in gone]
    if not words:
        words.append("numbers have moved, and no verdict has")
    return f"Since the last report: {'; '.join(words)}."


def write(summary: Summary, folder: Path) -> None:
    """Writes summary.md and summary.json into the folder."""
    for name, text in (("summary.md", markdown(summary)), ("summary.json", _json(to_plain(summary)))):
        with atomic(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def markdown(summary: Summary) -> str:
    """The summary as Markdown: what a CI job shows."""
    counts = summary.counts
    lines = [f"# {summary.study}", "", f"{counts.finished} of {counts.planned} planned runs finished.", ""]
    lines += [line for one in summary.questions for line in _in_markdown(one)]
    return "\n".join(
        [*lines, *(f"{words}\n" for words in (*summary.beside, summary.expected, summary.changed) if words)]
    )


def _in_markdown(one: QuestionAnswered) -> Sequence[str]:
    asked = escaped(one.question or one.ablation)
    return [f"- **{asked}** {one.verdict}", f"  {escaped(one.text)}", ""]


def escaped(text: str) -> str:
    """Text in which nothing means anything to Markdown."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#|" else sign for sign in text)


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"

"""A LaTeX command for every headline number of a study."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, NamedTuple

from suite.analysis.types import AblationOverTasks, AblationResult, Agreement, CellResult, Results
from suite.report.tex import escaped
from suite.wording import WithInterval, number, p_value

DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


class Headline(NamedTuple):
    """A number: the words its command is named by, its value whole and as it is printed, and what it is."""

    words: tuple[str, ...]
    value: Any
    printed: str
    meaning: str


def macros(results: Results) -> str:
    """A LaTeX command for every headline number, named by letters alone; above it what it is and the number whole."""
    lines = [f"% Numbers of the study {_line(results.study)}, a command each, and above it what it is, unrounded."]
    taken = set()
    for words, value, printed, meaning in _headlines(results):
        name = "sac" + "".join(_spelled(word) for word in words)
        while name in taken:
            name += "Again"
        taken.add(name)
        printed = escaped(printed).replace(",", "{,}")  # no space after it in mathematics
        lines += [f"% {_line(meaning)}: {_line(str(value))}", f"\\newcommand{{\\{name}}}{{{printed}}}"]
    return "\n".join(lines) + "\n"


def _spelled(words: str) -> str:
    parts = re.findall(r"[A-Za-z]+|[0-9]", words)
    return "".join(DIGITS[int(part)] if part.isdigit() else part[0].upper() + part[1:] for part in parts)


def _line(text: str) -> str:
    return " ".join(text.split())


def _headlines(results: Results) -> Iterator[Headline]:
    percent = 100 * results.settings.confidence
    yield Headline(("confidence",), percent, f"{percent:g}", "level of the intervals in percent")
    for field in fields(results.counts):
        n = getattr(results.counts, field.name)
        yield Headline(("runs", field.name), n, number(n), f"runs {field.name}")
    digest = results.declaration.sha256 if results.declaration else "none"
    yield Headline(("declaration",), digest, digest[:10], "SHA-256 of the declaration, its first ten digits")
    for entry in results.aggregates:
        words = ("aggregate", entry.implementation, entry.variant.name, "iqm")
        what = f"{entry.variant.name} ({entry.implementation}) over {len(entry.tasks)} tasks"
        yield from _with_ends(words, entry.iqm, f"IQM of {what}")
    for cell in results.cells:
        yield from _of_cell(cell)
    for pair in results.agreements:
        yield from _of_pair(pair)
    for ablation in results.ablations:
        for over_tasks in ablation.over_tasks:
            yield from _of_ablation(ablation, over_tasks)


def _of_cell(cell: CellResult) -> Iterator[Headline]:
    what = f"{cell.variant.name} ({cell.implementation}) on {cell.task}"
    words = ("cell", cell.task, cell.implementation, cell.variant.name)
    yield from _with_ends((*words, "mean"), cell.mean, f"mean final return of {what}")
    yield Headline((*words, "runs"), cell.n_scored, number(cell.n_scored), f"runs averaged of {what}")


def _of_pair(pair: Agreement) -> Iterator[Headline]:
    what = f"{pair.a} and {pair.b}, {pair.variant.name} on {pair.task}"
    words = ("equivalence", pair.task, pair.variant.name, pair.a, pair.b)
    test = pair.equivalence
    verdict = test.verdict if test else None
    yield Headline((*words, "verdict"), verdict, verdict or "none", f"verdict on {what}")
    yield from _with_ends((*words, "difference"), pair.difference, f"difference of {what}")
    margin, p, p_adjusted = (test.margin, test.p, test.p_adjusted) if test else (None, None, None)
    yield Headline((*words, "margin"), margin, number(margin), f"margin of the equivalence of {what}")
    yield Headline((*words, "p"), p, p_value(p), f"p of the equivalence of {what}")
    adjusted = f"p_adjusted of the equivalence of {what}"
    yield Headline((*words, "p_adjusted"), p_adjusted, p_value(p_adjusted), adjusted)


def _of_ablation(ablation: AblationResult, over_tasks: AblationOverTasks) -> Iterator[Headline]:
    for effect in over_tasks.effects:
        what = f"{effect.name} in {ablation.name} ({over_tasks.implementation}) over all tasks"
        words = ("suite", ablation.name, over_tasks.implementation, effect.name)
        yield from _with_ends(words, effect, f"effect of {what}")
        p = effect.p_adjusted
        yield Headline((*words, "p_adjusted"), p, p_value(p), f"adjusted p of {what}")


def _with_ends(words: tuple[str, ...], value: WithInterval | None, what: str) -> Iterator[Headline]:
    """An estimate and the ends of its interval."""
    estimate, low, high = (value.estimate, value.low, value.high) if value else (None, None, None)
    yield Headline((*words, ""), estimate, number(estimate), what)
    yield Headline((*words, "low"), low, number(low), f"{what}, low end of its interval")
    yield Headline((*words, "high"), high, number(high), f"{what}, high end of its interval")

"""What a study found, at a glance: every answer on one axis, what does not matter being shaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from suite.analysis.types import AblationOverTasks, AblationResult, Answer, Effect, Results
from suite.report.answers import beside_baseline
from suite.report.families import adjusted_in
from suite.report.figures.canvas import Content, grid, label, rows
from suite.report.figures.captions import arms_of, finished, level
from suite.report.outcomes import short
from suite.sac.ablation import SCORE
from suite.wording import percent

REACH = 1.6  # in normalised scores: what lies further out stands at the edge, with its number
HELD = "no verdict"
FINDINGS = {"BETTER": ("^", 0), "WORSE": ("v", 3), "EQUIVALENT": ("s", 2), "TOO FEW SEEDS": ("o", 7),
            "INCOMPLETE": ("D", 7), HELD: ("o", 7)}  # fmt: skip
"""Marker and place in the palette of each finding that has numbers; hollow of what has no verdict."""
IN_CAPTION = {
    "TOO FEW SEEDS": "Circle: too few seeds. ",
    "INCOMPLETE": "Diamond: planned runs are absent. ",
    HELD: "Hollow: two arms that differ in one factor alone; not declared, so without a verdict. ",
}
"""What a caption says of the findings that do not always occur."""


def answers(results: Results) -> Content:
    """One panel per implementation: the difference of every side to its baseline, over all its tasks, and of a factor
    with the others held."""
    shown = [answer for answer in results.answers if answer.estimate is not None]
    questions = dict.fromkeys(answer.ablation for answer in shown)
    data = pd.DataFrame([row for question in questions for row in _rows(question, shown, results)])
    asked = [table for one in results.ablations if not one.variant for table in one.tables]
    return Content(data, _draw, _caption(shown, data, results) + finished(arms_of(asked, results)))


def of_studies(answers: Sequence[tuple[str, Answer]]) -> Content:
    """Answers with numbers, each with the name of its study: one panel, those of a question in one study together."""
    questions = [one.ablation if one.ablation == study else f"{one.ablation} ({study})" for study, one in answers]
    data = pd.DataFrame([_row(one) for _, one in answers]).assign(implementation="", question=questions)
    caption = (
        "Side minus baseline over the tasks of a study (in brackets where it has another name than the question), in "
        "percent of what learning gains. Thin bar: the interval that the test goes by; thick bar: the one that is held "
        "against the margin, which is shaded. Triangles: BETTER and WORSE; squares: EQUIVALENT. "
        "Rows with one baseline share its runs."
    )
    return Content(data, _draw, caption)


def _caption(shown: Sequence[Answer], data: pd.DataFrame, results: Results) -> str:
    without = sum(answer.p_adjusted is None for answer in shown)
    constant = f"; without a p: {without} of the differences drawn" if without else ""
    explained = [words for finding, words in IN_CAPTION.items() if finding in set(data["finding"])]
    caption = (
        "What each question found: side minus baseline over all tasks that have learned, in percent of what learning "
        f"gains, of pairs of runs where they share seeds. Thin bar: {level(results)} interval; thick bar: "
        f"{results.settings.equivalence.confidence:.0%}, EQUIVALENT (square) if all of it lies in the shaded margin. "
        f"BETTER and WORSE (triangles): p at most 5 %, adjusted ({adjusted_in('ablation', results)}{constant}). "
        + "".join(explained)
    )
    if len(shown) > len({(one.ablation, one.implementation, one.beside) for one in shown}):
        caption += "Rows with one baseline share its runs: what these happen to be moves all of them alike. "
    if len({answer.tasks for answer in shown}) > 1:
        caption += "Questions are of different tasks here; their answers name them. "
    others = dict.fromkeys(answer.outcome for answer in shown if answer.outcome != SCORE)
    return caption + "".join(f"({outcome}): by the {short(outcome)}, not by final return. " for outcome in others)


def _rows(question: str, shown: Sequence[Answer], results: Results) -> Iterator[dict[str, Any]]:
    """A question's answers, then what a factor does with the others held."""
    yield from (_row(answer) for answer in shown if answer.ablation == question)
    for ablation in results.ablations:
        for over in ablation.over_tasks if ablation.name == question else ():
            held = (effect for effect in over.simple if not beside_baseline(effect, ablation))
            yield from (_row_held(effect, over, ablation, results) for effect in held)


def _row_held(effect: Effect, over: AblationOverTasks, ablation: AblationResult, results: Results) -> dict[str, Any]:
    first, second = ablation.factors[effect.factors[0]]
    by = "" if over.outcome == SCORE else f" ({over.outcome})"
    return {
        "implementation": over.implementation,
        "question": ablation.name,
        "name": f"{second} − {first} at {', '.join(effect.held.values())}{by}",
        "finding": HELD,
        "estimate": effect.estimate,
        "low": effect.low,
        "high": effect.high,
        "margin": ablation.margin or results.settings.equivalence.margin,
        "tasks": ", ".join(over.tasks),
    }


def _row(answer: Answer) -> dict[str, Any]:
    thin, thick = answer.difference, answer.within
    side = f"{answer.factor} {answer.side}" if answer.factor else answer.side
    by = "" if answer.outcome == SCORE else f" ({answer.outcome})"
    return {
        "implementation": answer.implementation,
        "question": answer.ablation,
        "name": f"{side} − {answer.beside}{by}",
        "side": f"{side}{by}",
        "beside": answer.beside,
        "finding": answer.finding,
        "estimate": answer.estimate,
        "low": thin.low if thin else None,
        "high": thin.high if thin else None,
        "within_low": thick.low if thick else None,
        "within_high": thick.high if thick else None,
        "margin": answer.margin,
        "tasks": ", ".join(answer.tasks),
        "seeds": answer.seeds,
        "n_needed": answer.n_needed,
    }


def _draw(data: pd.DataFrame) -> Figure:
    panels = {str(name): _under_questions(part) for name, part in data.groupby("implementation", sort=False)}
    most = max(len(part) for part in panels.values())
    figure, axes = grid(list(panels), height=0.4 + 0.2 * most, columns=1 if most > 12 else 2, sharex=True)
    outer = data[["estimate", "low", "high"]].abs().max().max()
    reach = min(max(1.15 * outer, 1.5 * data["margin"].max()), REACH)
    for axis, part in zip(axes, panels.values(), strict=True):
        rows(axis, list(part["name"]))
        for place, (row, tick) in enumerate(zip(part.itertuples(), axis.yaxis.get_major_ticks(), strict=True)):
            if pd.isna(row.estimate):
                tick.label1.set_fontweight("bold")
                tick.tick1line.set_visible(False)
            else:
                _draw_row(axis, place, row, reach)
        axis.axvline(0, color="0.4", linewidth=0.6, zorder=1)
        axis.set_xlim(-1.03 * reach, 1.03 * reach)
    for axis in axes:
        axis.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0, symbol="\u00a0%"))
    label(axes, "← worse     better →")
    return figure


def _under_questions(part: pd.DataFrame) -> pd.DataFrame:
    """The rows of a panel, those of a question under its name, and under the baseline where they share one; beside it
    where no question has several."""
    by_question = dict(list(part.groupby("question", sort=False)))
    if len(by_question) == len(part):
        return part.assign(name=part["question"] + ": " + part["name"])
    shown = []
    for question, of_question in by_question.items():
        names, title = of_question["name"], question
        if len(besides := of_question["beside"].dropna().unique()) == 1:
            title = f"{question}, minus {besides[0]}"
            names = of_question["side"].fillna(names)
        shown += [of_question.iloc[:1].assign(name=title, estimate=None), of_question.assign(name=names)]
    return pd.concat(shown)


def _draw_row(axis: Axes, place: int, row: Any, reach: float) -> None:
    """The margin, both intervals and the estimate, which stands at the edge with its number where it lies beyond."""
    marker, at = FINDINGS[row.finding]
    color = sns.color_palette("colorblind", 8)[at]
    if row.finding != HELD:  # nothing is equivalent without having been declared
        axis.fill_betweenx([place - 0.5, place + 0.5], -row.margin, row.margin, color="0.9", linewidth=0, zorder=0)
    for low, high, width in ((row.low, row.high, 0.9), (row.within_low, row.within_high, 2.6)):
        if not pd.isna(low):
            axis.plot([low, high], [place] * 2, color=color, linewidth=width, zorder=3)
    inside = max(-reach, min(row.estimate, reach))
    fill, edge, line = ("white", color, 0.8) if row.finding == HELD else (color, "white", 0.4)
    axis.plot(inside, place, marker, mfc=fill, mec=edge, mew=line, markersize=4.5, zorder=4)
    if inside != row.estimate:
        axis.text(0.9 * inside, place, percent(row.estimate), va="center", fontsize="x-small",
                  ha="left" if inside < 0 else "right")  # fmt: skip

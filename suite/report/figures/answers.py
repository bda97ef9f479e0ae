"""What a study found, at a glance: every answer on one axis, what does not matter being shaded."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from suite.analysis.types import Answer, Results
from suite.report.families import adjusted_in
from suite.report.figures.canvas import Content, grid, label, rows
from suite.report.figures.captions import arms_of, finished, level
from suite.report.outcomes import short
from suite.sac.ablation import SCORE
from suite.wording import score

REACH = 1.6  # in normalised scores: what lies further out stands at the edge, with its number
FINDINGS = {"BETTER": ("^", 0), "WORSE": ("v", 3), "EQUIVALENT": ("s", 2), "TOO FEW SEEDS": ("o", 7),
            "INCOMPLETE": ("x", 7)}  # fmt: skip
"""Marker and place in the palette of each finding that has numbers."""


def answers(results: Results) -> Content:
    """One panel per implementation: the difference of every side to its baseline, over all its tasks."""
    shown = [answer for answer in results.answers if answer.estimate is not None]
    data = pd.DataFrame([_row(answer) for answer in shown])
    settings = results.settings
    caption = (
        "What each question found: side less baseline in normalised score, over all tasks that have learned, 1 being "
        f"what learning gains. Thin bar: {level(results)} interval; thick bar: "
        f"{settings.equivalence.confidence:.0%}, EQUIVALENT (square) if all of it lies in the shaded margin. BETTER "
        f"and WORSE (triangles): p at most 5 %, adjusted ({adjusted_in('ablation', results)}). Circle: too few seeds; "
        "cross: planned runs are absent. Questions may be of different tasks; their answers name them. "
    )
    others = dict.fromkeys(answer.outcome for answer in shown if answer.outcome != SCORE)
    caption += "".join(f"({outcome}): by the {short(outcome)}, not by final return. " for outcome in others)
    asked = [table for one in results.ablations if not one.variant for table in one.tables]
    return Content(data, _draw, caption + finished(arms_of(asked, results)))


def _row(answer: Answer) -> dict:
    thin, thick = answer.difference, answer.within
    side = f"{answer.factor} {answer.side}" if answer.factor else answer.side
    by = "" if answer.outcome == SCORE else f" ({answer.outcome})"
    return {
        "implementation": answer.implementation,
        "question": answer.ablation,
        "name": f"{answer.ablation}: {side} − {answer.beside}{by}",
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
    panels = {str(name): part for name, part in data.groupby("implementation", sort=False)}
    most = max(len(part) for part in panels.values())
    figure, axes = grid(list(panels), height=0.4 + 0.2 * most, columns=1 if most > 12 else 2, sharex=True)
    palette = sns.color_palette("colorblind", 8)
    outer = data[["estimate", "low", "high"]].abs().max().max()
    reach = min(max(1.15 * outer, 1.5 * data["margin"].max()), REACH)
    for axis, part in zip(axes, panels.values(), strict=True):
        rows(axis, list(part["name"]))
        for place, row in enumerate(part.itertuples()):
            marker, at = FINDINGS[row.finding]
            axis.fill_betweenx([place - 0.5, place + 0.5], -row.margin, row.margin, color="0.9", linewidth=0, zorder=0)
            for low, high, width in ((row.low, row.high, 0.9), (row.within_low, row.within_high, 2.6)):
                if not pd.isna(low):
                    axis.plot([low, high], [place] * 2, color=palette[at], linewidth=width, zorder=3)
            inside = max(-reach, min(row.estimate, reach))
            axis.plot(inside, place, marker, color=palette[at], markersize=4.5, mec="white", mew=0.4, zorder=4)
            if inside != row.estimate:
                axis.text(0.9 * inside, place, score(row.estimate), va="center", fontsize="x-small",
                          ha="left" if inside < 0 else "right")  # fmt: skip
        axis.axvline(0, color="0.4", linewidth=0.6, zorder=1)
        axis.set_xlim(-1.03 * reach, 1.03 * reach)
    label(axes, "difference of the normalised score")
    return figure

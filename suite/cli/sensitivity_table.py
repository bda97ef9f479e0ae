"""What a study of sensitivity found, as a terminal shows it."""

from __future__ import annotations

import io

from rich import box
from rich.console import Console
from rich.table import Table

from suite.analysis.types import Sensitivity
from suite.wording import interval, score, share

HEADS = ("variant", "settings", "sensitivity", "tuned for each task", "one for all", "as it is", "gain of tuning",
         "to tune")  # fmt: skip


def table(entry: Sensitivity, confidence: float) -> str:
    """The variants of one implementation, their differences, and what is left out."""
    shown = Table(title=f"{entry.implementation}, {', '.join(entry.tasks)}", title_justify="left", box=box.SIMPLE_HEAD)
    for head in HEADS:
        shown.add_column(head, justify="left" if head == "variant" else "right")
    for one in entry.variants:
        estimates = [one.sensitivity, one.tuned, one.single, one.as_is, one.gain]
        cells = [interval(value, score) for value in estimates]
        cells[0] += f"\nsame seeds {score(one.naive_sensitivity)}"
        cells[1] += f"\nsame seeds {score(one.naive_tuned)}"
        shown.add_row(one.variant, str(len(one.settings)), *cells, str(one.dimensionality))
    printed = io.StringIO()
    Console(file=printed, width=200, markup=False, emoji=False).print(shown)
    lines = [printed.getvalue().rstrip()] if entry.variants else []
    for a, b, difference in entry.differences:
        lines.append(f"sensitivity of {a} less that of {b}: {interval(difference, score)}")
    lines += [f"left out: {task}, {why}" for task, why in entry.left_out]
    lines += filter(None, (entry.note,))
    lines.append(
        "scores: 0 and 1 are the 5th and 95th percentile of all settings' means; one half of the seeds chooses a "
        f"setting, the other scores it; {share(confidence)} intervals of seeds"
    )
    return "\n".join(lines)

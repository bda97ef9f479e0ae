"""Do two implementations of the same agree? Differences over the margin, of final returns and of whole curves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.analysis.types import NOT_LEARNED, Agreement, Estimate, LeftOut, Results
from suite.report.figures.canvas import Content, fold, grid, instead, interval, label, legend, over_steps, rows, write
from suite.report.figures.captions import Shown, Without, cells_of, coverage, finished, left_out, one_task, undrawn
from suite.wording import WITH_POWER

FARTHEST_FINAL, FARTHEST_CURVE = 5, 10  # margins, where the axis ends at the latest
PANELS = 18  # in one figure of curves; more of them get a figure per task
_COLORS = sns.color_palette("colorblind")
VERDICTS = {"EQUIVALENT": (_COLORS[2], "o", "-"), "INCONCLUSIVE": (_COLORS[1], "s", "--"),
            "DIFFERENT": (_COLORS[4], "D", "-.")}  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Two implementations, and every comparison of them."""

    a: str
    b: str
    entries: tuple[Agreement, ...]

    @property
    def name(self) -> str:
        """What the differences are of."""
        return f"{self.a} − {self.b}"


def pairs(agreements: Sequence[Agreement]) -> list[Pair]:
    """The comparisons by pair of implementations."""
    by_pair: dict[tuple[str, str], list[Agreement]] = {}
    for entry in agreements:
        by_pair.setdefault((entry.a, entry.b), []).append(entry)
    return [Pair(a, b, tuple(entries)) for (a, b), entries in by_pair.items()]


def banded(pair: Pair) -> list[tuple[str, Pair]]:
    """What has a margin and a band of the curves' difference: all tasks at once ("") or, if that is much, by task."""
    known = [entry for entry in pair.entries if entry.equivalence and entry.curve and entry.curve.low]
    tasks = dict.fromkeys(entry.task for entry in known)
    by_task = {task: tuple(entry for entry in known if entry.task == task) for task in tasks}
    if 0 < len(known) <= PANELS:
        return [("", replace(pair, entries=tuple(chain.from_iterable(by_task.values()))))]
    return [(task, replace(pair, entries=entries)) for task, entries in by_task.items()]


def verdicts(pair: Pair, results: Results) -> Content:
    """A panel per task, a row per variant: the difference over the margin, its verdict by colour and shape."""
    data = pd.DataFrame([_verdict_row(entry) for entry in pair.entries])
    notes: dict[str, list[LeftOut]] = {entry.variant.name: [] for entry in pair.entries}
    for entry in pair.entries:
        notes[entry.variant.name] += [LeftOut(entry.task, entry.note)] if entry.note else []
    without = [Without(name, left) for name, left in notes.items()]
    _, cut = _edge(_in_margins(data), FARTHEST_FINAL)
    of_pairs = [entry.difference.pairs is not None for entry in pair.entries if entry.difference]
    kind = "pairs_equivalence" if all(of_pairs) else "equivalence"
    trust = coverage(kind, one_task(_shown(pair, results)), results.settings.equivalence.confidence)
    caption = (
        f"Difference of the mean final returns, {pair.name}, in margins; the margin (shaded) is {_margin(results)}. "
        f"Bars: {results.settings.equivalence.confidence:.0%} interval, {_paired(pair)}{trust}{cut}. EQUIVALENT: it "
        f"lies within ±1; DIFFERENT: beyond; else INCONCLUSIVE, and beside it n, the seeds per side that would decide "
        f"it at these means and spreads {WITH_POWER}. Each verdict is of its own interval. "
        f"{undrawn('equivalence', results)}{left_out(without)}"
    )
    return Content(data, _draw_verdicts, caption + finished(_shown(pair, results)))


def _paired(pair: Pair) -> str:
    """Whether the intervals are those of pairs."""
    known = [entry.difference.pairs is not None for entry in pair.entries if entry.difference]
    if not any(known):
        return "Welch's"
    of_pairs = "Student's of the differences seed by seed"
    return of_pairs if all(known) else f"{of_pairs} where three seeds are common, else Welch's"


def _verdict_row(entry: Agreement) -> dict[str, Any]:
    place = {"task": entry.task, "variant": entry.variant.name, "a": entry.a, "b": entry.b}
    of_test, of_interval = ("margin", "verdict", "n_needed", "p", "p_adjusted"), ("low", "high", "confidence")
    test, difference = entry.equivalence, entry.difference
    if test is None:
        return {**place, **dict.fromkeys((*of_test, "estimate", *of_interval))}
    estimate = difference.difference if difference else None
    numbers = {name: getattr(test, name) for name in of_test} | {"estimate": estimate}
    return {**place, **numbers, **{name: getattr(test.interval, name) for name in of_interval}}


def _draw_verdicts(data: pd.DataFrame) -> Figure:
    tasks = list(dict.fromkeys(data["task"][data["verdict"].notna()]))
    names = list(dict.fromkeys(data["variant"]))
    figure, axes = grid(tasks, 0.35 + 0.22 * len(names), sharex=True, sharey=True)
    edge, _ = _edge(_in_margins(data), FARTHEST_FINAL)
    for axis, task in zip(axes, tasks, strict=True):
        axis.axvspan(-1, 1, color="0.92", zorder=0)
        axis.axvline(0, color="0.6", linewidth=0.7, zorder=0)
        by_name = {row.variant: row for row in data[data["task"] == task].itertuples()}
        for place, name in enumerate(names):
            if name not in by_name:
                instead(axis, place, "not planned")
            elif pd.isna(by_name[name].verdict):
                instead(axis, place, "fewer than two scored runs")
            elif by_name[name].verdict == NOT_LEARNED:
                instead(axis, place, NOT_LEARNED)
            else:
                _draw_verdict(axis, by_name[name], place, edge)
        rows(axis, names)
    axes[0].set_xlim(-1.06 * edge, 1.06 * edge)
    label(axes, "difference / margin")
    legend(figure, {name: axes[0].plot([], [], color=color, marker=marker, markersize=4)[0]
                    for name, (color, marker, _) in VERDICTS.items()})  # fmt: skip
    return figure


def _draw_verdict(axis: Axes, row: Any, place: int, edge: float) -> None:
    """An interval in margins, its ends held on the axis; beside it the seeds it lacks."""
    color, marker, _ = VERDICTS[row.verdict]
    estimate, low, high = (value / row.margin for value in (row.estimate, row.low, row.high))
    if abs(estimate) > edge:
        marker = "<" if estimate < 0 else ">"
    estimate, low, high = (max(-edge, min(edge, value)) for value in (estimate, low, high))
    interval(axis, Estimate(estimate, low, high, None), place, color, marker)
    if row.verdict == "INCONCLUSIVE":
        needed = "no n" if pd.isna(row.n_needed) else f"n = {int(row.n_needed):,}"
        write(axis, 1.02, place, needed, fontsize="small")


def curves(pair: Pair, results: Results) -> Content:
    """A panel per task and variant: the difference of the mean curves over the margin, with its band."""
    declared = results.settings.equivalence
    data = pd.concat(_curve_tables(pair))
    _, cut = _edge(_in_margins(data), FARTHEST_CURVE)
    trust = coverage("band_of_difference", one_task(_shown(pair, results)), declared.confidence)
    caption = (
        f"Difference of the mean learning curves, {pair.name}, in margins; the margin (grey strip) is "
        f"{_margin(results)}. Shaded: simultaneous {declared.confidence:.0%} sup-t bootstrap band (it covers all of "
        f"it){trust}{cut}. From {declared.after:.0%} of the budget on (dotted), EQUIVALENT: it lies within ±1 "
        f"everywhere; DIFFERENT: beyond one side somewhere; else INCONCLUSIVE. No p value is drawn, and nothing is "
        f"adjusted. "
    )
    return Content(data, partial(_draw_curves, after=declared.after), caption + finished(_shown(pair, results)))


def _curve_tables(pair: Pair) -> Iterator[pd.DataFrame]:
    for entry in pair.entries:
        curve, test = entry.curve, entry.equivalence
        if curve is not None and test is not None:
            table = pd.DataFrame({"difference": curve.difference, "low": curve.low, "high": curve.high})
            yield table.assign(env_step=curve.grid, verdict=curve.verdict, task=entry.task, variant=entry.variant.name,
                               a=entry.a, b=entry.b, margin=test.margin)  # fmt: skip


def _draw_curves(data: pd.DataFrame, after: float) -> Figure:
    """after: the share of the budget from which on the verdict counts."""
    panels = {tuple(key): part for key, part in data.groupby(["task", "variant"], sort=False)}
    figure, axes = grid([f"{task}\n{fold(variant)}" for task, variant in panels], height=1.0, sharey=True)
    handles = {}
    for axis, part in zip(axes, panels.values(), strict=True):
        verdict, margin, env_step = part["verdict"].iloc[0], part["margin"].iloc[0], part["env_step"]
        color, _, style = VERDICTS[verdict]
        axis.axhspan(-1, 1, color="0.92", zorder=0)
        axis.axhline(0, color="0.6", linewidth=0.7, zorder=0)
        axis.axvline(after * env_step.iloc[-1], color="0.5", linewidth=0.7, linestyle=":")
        axis.fill_between(env_step, part["low"] / margin, part["high"] / margin, color=color, alpha=0.3, linewidth=0)
        handles[verdict] = axis.plot(env_step, part["difference"] / margin, color=color, linestyle=style)[0]
        over_steps(axis, env_step.iloc[-1])
    edge, _ = _edge(_in_margins(data), FARTHEST_CURVE)
    axes[0].set_ylim(-edge, edge)
    label(axes, "environment steps", "difference\n/ margin")
    legend(figure, handles)
    return figure


def _in_margins(data: pd.DataFrame) -> list[float]:
    """The ends of all intervals, in margins."""
    known = data.dropna(subset=["margin", "low"])
    return [*(known["low"] / known["margin"]), *(known["high"] / known["margin"])]


def _edge(ends: Sequence[float], farthest: int) -> tuple[float, str]:
    """Where an axis of margins ends, and what is to be said of it."""
    reach = max([1.5, *map(abs, ends)])
    return min(reach, farthest), f", cut at ±{farthest}" if reach > farthest else ""


def _margin(results: Results) -> str:
    return f"{results.settings.equivalence.margin:.0%} of reference minus random policy"


def _shown(pair: Pair, results: Results) -> list[Shown]:
    return [
        one
        for entry in pair.entries
        for implementation in (entry.a, entry.b)
        for one in cells_of(implementation, entry.variant, [entry.task], results)
    ]

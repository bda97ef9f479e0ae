"""Policies on MultiGoal-v0, one beside the other: where they go, and the actions they draw where there is a choice."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from suite.analysis.goals import ACTIONS, BOUND, EPISODES, GOALS, PLACES, REACHED
from suite.report.figures.canvas import WIDTH, Content, grid, looks

GOAL_NAMES = ("east", "west", "north", "south")


def policies(data: pd.DataFrame) -> Content:
    """The rows of suite.analysis.goals.played as a figure: a column for each policy."""
    return Content(data, draw, _caption(data))


def draw(data: pd.DataFrame) -> Figure:
    names, series = list(data["policy"].unique()), list(data["series"].unique())
    panels = [*names, *[""] * (len(names) * (len(series) - 1))]
    figure, axes = grid(panels, WIDTH / len(names) - 0.5, columns=len(names))
    colors = [look["color"] for look in looks(GOAL_NAMES).values()]
    for axis, (kind, name) in zip(axes, [(kind, name) for kind in series for name in names], strict=True):
        rows = data[(data["policy"] == name) & (data["series"] == kind)]
        axis.set_aspect("equal")
        if name == names[0]:
            axis.set_ylabel(f"{EPISODES} episodes" if kind == "episode" else kind, fontsize="small")
        if kind == "episode":
            _episodes(axis, rows, colors)
        else:
            axis.plot(rows["x"], rows["y"], ".", markersize=1.5, color="0.25")
            axis.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    return figure


def _episodes(axis: Axes, rows: pd.DataFrame, colors: list) -> None:
    """Every episode's way in the colour of the goal that it reaches, grey if it reaches none."""
    for goal, color in zip(GOALS, colors, strict=True):
        axis.add_patch(Circle(tuple(goal), REACHED, facecolor=color, alpha=0.25, linewidth=0))
    for _, way in rows.groupby("n"):
        reached = int(way["goal"].iloc[0])
        axis.plot(way["x"], way["y"], linewidth=0.6, alpha=0.8, color="0.6" if reached < 0 else colors[reached])
    axis.set(xlim=(-BOUND, BOUND), ylim=(-BOUND, BOUND), xticks=(-5, 0, 5), yticks=(-5, 0, 5))


def _caption(data: pd.DataFrame) -> str:
    ends = data[data["series"] == "episode"].groupby(["policy", "n"], sort=False)["goal"].first()
    counts = []
    for name, of_policy in ends.groupby("policy", sort=False):
        reached = ", ".join(f"{goal} {int((of_policy == i).sum())}" for i, goal in enumerate(GOAL_NAMES))
        counts.append(f"{name}: {reached}, none {int((of_policy < 0).sum())}")
    places = " and ".join(f"({x:g}, {y:g})" for x, y in PLACES)
    return (
        f"MultiGoal-v0: {EPISODES} episodes of each policy's own samples, in the colour of the goal that they reach, "
        f"and {ACTIONS} actions sampled at {places}. Episodes that ended at each goal: {'; '.join(counts)}."
    )

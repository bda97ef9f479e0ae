"""Published figures that a study's runs can be drawn over again: their panels, axes, and what was published of them.

The papers' figures were published as drawings: of 1801.01290 and 1812.05905 there are others' readings of single points
alone, of Spinning Up the curves. An axis ends where the authors' code ends training: haarnoja/sac@8258e33
examples/variants.py:190-268 (epochs of 1,000 steps), rail-berkeley/softlearning@13cf187
examples/development/variants.py:87-123, Spinning Up's docs/spinningup/bench.rst.
"""

from __future__ import annotations

from typing import NamedTuple

MILLION = 1_000_000


class PaperPanel(NamedTuple):
    environment: str  # as the paper names it
    last_step: int  # where the authors' code ends training, and the axis here
    stands_as: str = ""  # the environment of versions.csv that it is taken for; "": of none that the suite has
    ablation: str = ""  # the question whose arms it draws; "": presets


class PaperFigure(NamedTuple):
    name: str
    paper: str
    number: str
    presets: tuple[str, ...]  # with its settings
    sources: tuple[str, ...]  # of what was published of it
    panels: tuple[PaperPanel, ...]


RLLAB = PaperPanel("Humanoid (rllab)", 10 * MILLION)
FIGURES = (
    PaperFigure(
        "1801.01290-1", "arXiv 1801.01290", "figure 1",
        presets=("sac_v1", "haarnoja_sac"), sources=("sac_v1_paper_by_tianshou",),
        panels=(
            PaperPanel("Hopper-v1", MILLION, "Hopper-v2"),
            PaperPanel("Walker2d-v1", MILLION, "Walker2d-v2"),
            PaperPanel("HalfCheetah-v1", 3 * MILLION, "HalfCheetah-v2"),
            PaperPanel("Ant-v1", 3 * MILLION, "Ant-v2"),
            PaperPanel("Humanoid-v1", 10 * MILLION, "Humanoid-v2"),
            RLLAB,
        ),
    ),
    PaperFigure(
        "1801.01290-3", "arXiv 1801.01290", "figure 3", presets=(), sources=(),
        panels=(
            PaperPanel("Ant-v1", 3 * MILLION, "Ant-v2", "evaluation"),  # (a)
            PaperPanel("Ant-v1", 3 * MILLION, "Ant-v2", "reward_scale"),  # (b)
            PaperPanel("Ant-v1", 3 * MILLION, "Ant-v2", "tau"),  # (c)
        ),
    ),
    PaperFigure(
        "1812.05905-1", "arXiv 1812.05905", "figure 1",
        presets=("sac_v2", "softlearning_tf1", "softlearning"),
        sources=("sac_v2_paper_by_pfrl", "sac_v2_paper_by_cleanrl"),
        panels=(
            PaperPanel("Hopper-v2", MILLION, "Hopper-v2"),
            PaperPanel("Walker2d-v2", 3 * MILLION, "Walker2d-v2"),
            PaperPanel("HalfCheetah-v2", 3 * MILLION, "HalfCheetah-v2"),
            PaperPanel("Ant-v2", 3 * MILLION, "Ant-v2"),
            PaperPanel("Humanoid-v2", 10 * MILLION, "Humanoid-v2"),
            RLLAB,
        ),
    ),
    PaperFigure(
        "spinningup", "Spinning Up", "its benchmarks (docs/spinningup/bench.rst)",
        presets=("spinningup", "spinningup_tf1"), sources=("spinningup",),
        panels=tuple(
            PaperPanel(f"{robot}-v3", 3 * MILLION, f"{robot}-v3")
            for robot in ("HalfCheetah", "Hopper", "Walker2d", "Swimmer", "Ant")
        ),
    ),
)  # fmt: skip
"""In the order of a report. What the figures draw of other algorithms is left out."""

"""The family of SAC in a study: what each ancestor changed, and what came of it in this study's runs."""

from __future__ import annotations

from typing import NamedTuple

from suite.analysis.types import CellResult, Label, Results
from suite.wording import number


class Ancestor(NamedTuple):
    """A preset of the family, oldest first: what it is called, where it stands, and what it changed."""

    preset: str
    called: str
    source: str
    changed: str


LINE = (
    Ancestor(
        "soft_q_learning", "Soft Q-learning", "arXiv 1702.08165",
        "Learns the optimal soft Q itself: its target is a log-sum-exp over actions drawn uniformly, so that no policy "
        "is evaluated. The policy is a network that turns noise into actions, moved by Stein's variational gradient "
        "towards the density exp Q, whatever its shape; it only draws from that density, and improves nothing.",
    ),
    Ancestor(
        "haarnoja_gmm", "SAC, first version: a mixture", "arXiv 1801.01290v1, haarnoja/sac@ca39be1",
        "Turns the sampler into an actor: Q and a value network V evaluate the present policy, and the policy is "
        "improved towards exp Q. The policy is a mixture of four Gaussians through tanh, learned by the likelihood "
        "ratio with V for its baseline. There is one critic.",
    ),
    Ancestor(
        "sac_v1", "SAC, first version: a Gaussian", "arXiv 1801.01290v2",
        "One Gaussian in the mixture's place, so that the policy can be learned through its sample, with the gradient "
        "of Q; and the minimum of two critics against overestimation. The reward's scale still sets the temperature.",
    ),
    Ancestor(
        "sac_v2", "SAC, second version", "arXiv 1812.05905",
        "Learns the temperature, so that the policy keeps an entropy that is asked for; and leaves the value network "
        "out: critics regress on targets of their own.",
    ),
)  # fmt: skip


class Paragraph(NamedTuple):
    """An ancestor in a study, and what it did there: a sentence for each task and implementation."""

    ancestor: Ancestor
    did: tuple[str, ...]


def paragraphs(results: Results) -> list[Paragraph]:
    """The ancestors that a study trains, oldest first; none where it trains fewer than two."""
    cells = {one: _cells(results, one) for one in LINE}
    line = [one for one in LINE if cells[one]]
    if len(line) < 2:
        return []
    told = []
    for n, one in enumerate(line):
        before = line[n - 1] if n else None
        told.append(Paragraph(one, tuple(_did(results, cell, before) for cell in cells[one])))
    return told


def _cells(results: Results, one: Ancestor) -> list[CellResult]:
    return [cell for cell in results.cells if any(_is(label, one) for label in cell.labels)]


def _is(label: Label, one: Ancestor) -> bool:
    """Whether a label is an ancestor's; a report's may have its state: "sac_v1 (from source)", "after sac_v1"."""
    return not label.ablation and one.preset in label.preset.split(" ")


def _did(results: Results, cell: CellResult, before: Ancestor | None) -> str:
    """What a cell's runs returned at the end, and how often they are better than those of the ancestor before."""
    where = f"{cell.task} ({cell.implementation})"
    if cell.n_scored == 0:
        return f"{where}: no scored run."
    runs = f"{cell.n_scored} run{'' if cell.n_scored == 1 else 's'}"
    absent = f" of {cell.n_planned} planned" if cell.n_absent else ""
    failed = f", {cell.n_failed} of which failed" if cell.n_failed else ""
    spread = f" ({number(cell.lowest)} to {number(cell.highest)})" if cell.n_scored > 1 else ""
    better = _better(results, cell, before) if before else ""
    return f"{where}: {number(cell.mean.estimate)}{spread}, {runs}{absent}{failed}{better}."


def _better(results: Results, cell: CellResult, before: Ancestor) -> str:
    """In how many pairs a run of a cell beats one of the ancestor before, on its task; "" where that has no run."""
    place = cell.task, cell.implementation
    theirs = [
        score for one in _cells(results, before) if (one.task, one.implementation) == place for score in _scores(one)
    ]
    pairs = [score > other for score in _scores(cell) for other in theirs]
    return f"; better than {before.called} in {sum(pairs)} of {len(pairs)} pairs of runs" if pairs else ""


def _scores(cell: CellResult) -> list[float]:
    return [seed.score for seed in cell.seeds if seed.score is not None]

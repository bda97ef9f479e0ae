"""The start page: what the released studies answer."""

from __future__ import annotations

from collections.abc import Sequence

from suite.report.answers import QuestionAnswered
from suite.report.site.markdown import escaped
from suite.report.site.studies import StudyPage, figure, found
from suite.specimens.catalogue import load_ablation, shipped_ablation_names

FIRST = "core"
"""The tag of the questions that stand first."""


def pages(known: Sequence[StudyPage]) -> dict[str, str]:
    """The start page."""
    return {"index.md": _page(known)}


def _page(known: Sequence[StudyPage]) -> str:
    answered = sorted(
        ((study, one) for study in known for one in study.summary.questions), key=lambda pair: not _is_core(pair[1])
    )
    runs, asked = sum(study.summary.counts.finished for study in known), len({one.ablation for _, one in answered})
    answers = "\n\n".join(_answer(study, one) for study, one in answered)
    beside = "\n".join(
        f"- {escaped(words)} ([{study.name}](studies/{study.name}.md))" for study, words in _besides(known)
    )
    return f"""# What really makes Soft Actor-Critic work?

The SAC Suite trains SAC and its ablations from one frozen description of the update, gathers every run into honest
statistics, and holds the result against what the world has published. These are the answers of the {runs:,} runs that
are kept with it, to {asked} of its {len(shipped_ablation_names())} [questions](questions/index.md).

## Answers

{answers or "No report has been made of the released studies yet."}

{_drawn(known)}## Beside the questions

{beside or "Nothing else was asked."}

## How to read a verdict

BETTER and WORSE are differences that a test adjusted for all questions of its family shows. EQUIVALENT: the whole
interval lies within the margin that was declared to matter. TOO FEW SEEDS settles nothing; the sentence says how many
seeds would. INCOMPLETE: planned runs are absent, so that nothing is decided yet. CONFIRMED and REFUTED stand where a
direction had been declared. What is estimated and how: [statistics](statistics.md).

## Where to go

- [Every question](questions/index.md), with what was expected and from which literature.
- [The code bases](codebases/index.md) of the world, and [switch by switch](switches.md) what they differ in.
- [Published results](published/index.md), every curve with its source.
- [A tour](tour.md): from a config to a report. [Every command](cli.md). [How to extend it](extending.md).
"""


def _drawn(known: Sequence[StudyPage]) -> str:
    """Every study's answers on one axis."""
    drawn = [(study, one) for study in known for one in study.figures_of("") if one.kind == "answers"]
    parts = [f"### {study.name}\n\n{figure(one, f'studies/{study.name}/')}\n\n" for study, one in drawn]
    return f"## The answers drawn\n\n{''.join(parts)}" if parts else ""


def _is_core(one: QuestionAnswered) -> bool:
    return one.ablation in shipped_ablation_names() and FIRST in load_ablation(one.ablation).tags


def _answer(study: StudyPage, one: QuestionAnswered) -> str:
    runs = f"[{study.name}](studies/{study.name}.md)"
    return f"{found(one, f'questions/{one.ablation}.md')} *Study: {runs}.*"


def _besides(known: Sequence[StudyPage]) -> list[tuple[StudyPage, str]]:
    return [(study, words) for study in known for words in study.summary.beside]

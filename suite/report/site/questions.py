"""A page a question: what is asked, what was expected, the literature, and what the released studies found."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from suite.report.site.markdown import cited, escaped, table, verdict
from suite.report.site.studies import StudyPage, figure
from suite.sac.ablation import OUTCOMES, TAGS, Ablation, Arm
from suite.specimens import switches
from suite.specimens.catalogue import load_ablation, shipped_ablation_names
from suite.wording import share

OTHERS = "not asked together with others"
"""What stands over the questions that have no tag."""

MOST_FIGURES = ("curves", "effects", "factorial", "walk", "response")
"""The kinds of a question's figures that its page shows; the whole report has all."""


def pages(known: Sequence[StudyPage]) -> dict[str, str]:
    """The page of each question that the suite ships, and the one that leads to them."""
    asked = {name: load_ablation(name) for name in shipped_ablation_names()}
    return {"questions/index.md": _index(asked, known)} | {
        f"questions/{name}.md": _page(name, one, known) for name, one in asked.items()
    }


def by_tag(asked: dict[str, Ablation]) -> dict[str, list[str]]:
    """The names under the first of their tags, in the order of TAGS; those without one last."""
    groups = {words: [name for name in asked if asked[name].tags[:1] == (tag,)] for tag, words in TAGS.items()}
    return {
        words: names for words, names in (groups | {OTHERS: [n for n in asked if not asked[n].tags]}).items() if names
    }


def _index(asked: dict[str, Ablation], known: Sequence[StudyPage]) -> str:
    sections = [
        f"## {words[:1].upper()}{words[1:]}\n\n"
        + table(("question", "asks", "found"), (_row(n, asked[n], known) for n in names))
        for words, names in by_tag(asked).items()
    ]
    return f"""# Questions

Each is a file in `ablations/`: a baseline, and arms that differ from it in the values named. What was expected, and
from which literature, was written down before the runs. A question without a verdict is asked by no released study yet;
`ablations:` of a config asks it ([tour](../tour.md)).

{chr(10).join(f"{section}{chr(10)}" for section in sections)}"""


def _row(name: str, one: Ablation, known: Sequence[StudyPage]) -> tuple[str, str, str]:
    verdicts = [verdict(found.verdict) for study in known if (found := study.question(name))]
    return f"[{escaped(name)}]({name}.md)", escaped(one.question), " ".join(verdicts)


def _page(name: str, one: Ablation, known: Sequence[StudyPage]) -> str:
    tags = ", ".join(f"`{tag}` ({TAGS[tag]})" for tag in one.tags) or "none"
    margin = f"{share(one.margin)} of what learning gains" if one.margin is not None else "the study's"
    return f"""# {escaped(one.question)}

`{name}`, from the preset `{one.baseline}`; [its file](../source/ablations/{name}.py.md). Tags: {tags}.

## What the released studies found

{_found(name, known)}

## What was expected

{escaped(one.expected)}

Margin: {margin}.{_tasks(one)}

## Arms

{table(("arm", "what it changes in the baseline", "expected of it"), (_arm(arm, one) for arm in one.arms))}

## Outcomes

{table(("outcome", "what it is", "unit", "better"), map(_outcome, one.outcomes))}

## Literature

{chr(10).join(f"- {cited(source)}" for source in one.literature)}
"""


def _tasks(one: Ablation) -> str:
    return f" It should show on {', '.join(one.tasks)}." if one.tasks else ""


def _arm(arm: Arm, one: Ablation) -> tuple[str, str, str]:
    changes = "; ".join(f"{_switch(path)} is {_value(value)}" for path, value in arm.changes.items())
    return f"`{arm.name}`", changes or "nothing: the baseline", one.directions.get(arm.name, "")


def _switch(path: str) -> str:
    """A switch as a link to what the code bases have there, if they differ in it."""
    name = path.partition(".")[0]
    if name in _differing():
        return f"[{escaped(path)}](../switches.md#{name})"
    return escaped(path)


@functools.cache
def _differing() -> set[str]:
    """The switches that have a section on the page of switches."""
    return set(re.findall(r"^### (\w+)$", (switches.DOCS / "switches.md").read_text(), flags=re.MULTILINE))


def _value(value: object) -> str:
    text = switches.shown(value)
    return text if text.startswith("`") else escaped(text)


def _outcome(name: str) -> tuple[str, str, str, str]:
    one = OUTCOMES[name]
    better = {True: "higher", False: "lower", None: "neither"}[one.higher_is_better]
    return f"`{name}`", escaped(one.words), escaped(one.unit), better


def _found(name: str, known: Sequence[StudyPage]) -> str:
    parts = [part for study in known for part in _found_by(name, study)]
    return "\n\n".join(parts) or "No released study asks this yet."


def _found_by(name: str, study: StudyPage) -> list[str]:
    """What one study found, with its figures; nothing if it does not ask."""
    one = study.question(name)
    if one is None:
        return []
    places = f"[{study.name}](../studies/{study.name}.md) ([whole report](../studies/{study.name}/report.html))"
    drawn = [of for of in study.figures_of(name) if of.kind in MOST_FIGURES]
    figures = [figure(of, f"../studies/{study.name}/") for of in drawn]
    return [f"{verdict(one.verdict)} in the study {places}:", escaped(one.text), *figures]

"""What a study declares before its runs, as plain data, and how two declarations differ, field by field.

It covers margins and their anchors, levels and families; every question in its words, with outcomes and arms; every
preset's values; and the study itself: tasks, seeds, budgets, evaluations, engines. No order counts (of tasks, seeds,
arms, outcomes, literature), and neither does the way a text is broken into lines.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from suite.published import anchors
from suite.sac import identity
from suite.sac.ablation import Ablation
from suite.specimens.catalogue import load_preset
from suite.study.cells import RECORD, Asked

if TYPE_CHECKING:
    from suite.study.plan import Plan

SETTINGS = ("preset", "env_steps", "evaluate_every", "evaluation_episodes", "final_episodes", "seeds")
"""What may change of a label on a task in an engine while it stays planned."""

Place = tuple[str, str, str]  # task, engine, label as text
Places = Mapping[Place, Mapping[str, Any]]  # with the settings of the label there


class Change(NamedTuple):
    """A field of the declaration that became another value; None where there was none, or is none any more."""

    field: tuple[str, ...]  # its path, ("questions", "critics", "expected")
    before: Any
    after: Any
    runs: int  # planned runs that are others than before by it


def contents(plan: Plan) -> dict[str, Any]:
    """Everything the plan declares."""
    sections = plan.config.model_dump(include={"check", "equivalence", "families", "report"})
    study: dict[str, dict[str, dict[str, Any]]] = {}
    tasks: dict[str, set[str]] = {}
    for (task, engine, _), asked in plan.labels.items():
        study.setdefault(task, {}).setdefault(engine, {})[str(asked.label)] = _settings(asked)
        tasks.setdefault(asked.label.preset, set()).add(task)
    return sections | {
        "anchors": anchors.anchors_digest(),
        "questions": {name: _question(ablation) for name, ablation in plan.ablations.items()},
        "presets": {name: _preset(name, tasks[name]) for name in sorted(tasks)},
        "study": study,
    }


def _settings(asked: Asked) -> dict[str, Any]:
    label, cell = asked.label, asked.cell
    of_cell = {name: getattr(cell, name) for name in ("run_id", *SETTINGS[1:4])}
    if cell.final_episodes is not None:  # left out where there are none: so it was declared before there could be any
        of_cell["final_episodes"] = cell.final_episodes
    return (
        {"preset": label.preset, "ablation": label.ablation, "arm": label.arm}
        | of_cell
        | {"seeds": sorted(asked.seeds)}
    )


def _question(ablation: Ablation) -> dict[str, Any]:
    """Every field of an ablation that says something; the arms by their names."""
    fields = {field.name: reflowed(getattr(ablation, field.name)) for field in dataclasses.fields(ablation)}
    plain = {arm.name: {name: identity.to_plain(value) for name, value in arm.changes.items()} for arm in ablation.arms}
    arms = {arm.name: {"changes": plain[arm.name], "levels": arm.levels} for arm in ablation.arms}
    fields |= {"arms": arms, "baseline_arm": ablation.arms[0].name}
    return {name: value for name, value in fields.items() if value not in (None, False, "", [], {})}


def reflowed(value: Any) -> Any:
    """Prose without its line breaks; several texts in alphabetical order."""
    if isinstance(value, str):
        return " ".join(value.split())
    several = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    return sorted(map(reflowed, value)) if several else value


def _preset(name: str, tasks: set[str]) -> dict[str, Any]:
    """A preset's values, and what else holds on some of the tasks."""
    preset = load_preset(name)
    per_task = {
        task: {field: identity.to_plain(value) for field, value in preset.PER_TASK[task].items()}
        for task in sorted(tasks & preset.PER_TASK.keys())
    }
    spec, schedule = identity.to_plain(preset.SPEC), identity.to_plain(preset.SCHEDULE)
    return {"spec": spec, "schedule": schedule, "per_task": per_task}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What became otherwise from one declaration to the next.

    A section that the former does not have at all, as one of an earlier version of the suite, is one change.
    """
    were, are = (_places(one.get("study", {})) for one in (before, after))
    if "study" not in before:
        were = are
    changes = []
    for section in after:
        if section not in before:
            changes.append(Change((section,), None, None, 0))
        elif section != "study":
            changes += _differences((section,), before[section], after[section])
    known = {run for place, settings in were.items() for run in runs_of(place, settings)}
    new = {place: set(runs_of(place, settings)) - known for place, settings in are.items()}
    counted = [one._replace(runs=_count(_touched(one.field, are), new)) for one in changes]
    return counted + list(_of_study(were, are, new))


def runs_of(place: Place, settings: Mapping[str, Any]) -> Iterator[str]:
    """The records, under the results folder, that a label's runs must leave."""
    task, engine, _ = place
    for seed in settings["seeds"]:
        cell = f"{task}/{engine}/{settings['run_id']}"
        yield RECORD.format(cell=cell, seed=seed, env_steps=settings["env_steps"])


def records_of(declared: Mapping[str, Any]) -> set[str]:
    """The records of every run of a declaration; none of one that does not tell its runs."""
    return {run for place, settings in _places(declared.get("study", {})).items() for run in runs_of(place, settings)}


def _places(study: Mapping[str, Any]) -> Places:
    return {
        (task, engine, label): settings
        for task, engines in study.items()
        for engine, labels in engines.items()
        for label, settings in labels.items()
    }


def _differences(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Change]:
    """The fields that differ; a choice of another kind is one difference, and so is what came or went as a whole."""
    nested = isinstance(before, Mapping) and isinstance(after, Mapping) and before.get("kind") == after.get("kind")
    if nested:
        for name in dict.fromkeys((*before, *after)):
            yield from _differences((*path, name), before.get(name), after.get(name))
    elif identity.canonical(before) != identity.canonical(after):
        yield Change(path, before, after, 0)


def _touched(field: tuple[str, ...], are: Places) -> Iterator[Place]:
    """Whose runs may be others since a preset or a question changed."""
    for place, settings in are.items():
        arm = ("questions", settings["ablation"], "arms", settings["arm"])
        if field[:2] == ("presets", settings["preset"]) or field[:4] == arm:
            yield place


def _count(places: Iterable[Place], new: Mapping[Place, set[str]]) -> int:
    return len(set().union(*(new[place] for place in places)))


def _of_study(were: Places, are: Places, new: Mapping[Place, set[str]]) -> Iterator[Change]:
    """Tasks, engines and variants that came or went; other cells that did; and what became of those that stayed."""
    sides = [(frozenset(place[n] for place in were), frozenset(place[n] for place in are)) for n in range(3)]
    named = list(zip(("tasks", "engines", "variants"), sides, strict=True))
    for n, (name, (old, now)) in enumerate(named):
        if old != now:
            count = _count((place for place in are if place[n] not in old), new)
            yield Change(("study", name), sorted(old), sorted(now), count)
    same = [old & now for _, (old, now) in named]
    went, came = (
        sorted(place for place in here.keys() - there.keys() if all(map(frozenset.__contains__, same, place)))
        for here, there in ((were, are), (are, were))
    )
    if went or came:
        yield Change(("study", "cells"), list(map(_cell, went)), list(map(_cell, came)), _count(came, new))
    for name in SETTINGS:
        groups: dict[str, list[Place]] = {}
        for place in (place for place in are if place in were and were[place].get(name) != are[place].get(name)):
            groups.setdefault(identity.canonical([were[place].get(name), are[place].get(name)]), []).append(place)
        for first, *others in groups.values():
            yield Change(("study", name), were[first].get(name), are[first].get(name), _count((first, *others), new))


def _cell(place: Place) -> str:
    task, engine, label = place
    return f"{label} on {task} ({engine})"

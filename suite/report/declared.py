"""What was declared and when, in words: every change by its field and both values, and which wording came first."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from suite.analysis.types import AblationResult, Declaration, DeclarationEntry
from suite.report.presets import word
from suite.sac.ablation import OUTCOMES
from suite.study.declaration import Change, reflowed

PROSE = ("question", "outcomes", "expected", "literature")
ENTITIES = {"questions": "question", "presets": "preset", "arms": "arm"}
UNSAID = ("study", "spec", "schedule", "per_task", "changes")
"""Parts of a field's path that a reader can do without."""


class Wording(NamedTuple):
    """A field of a question as it was declared before the first record, "" where it was not, and as it reads now."""

    beforehand: str
    present: str
    mark: str  # what is to be said of the present wording; "" where it was declared beforehand


def history_in_words(declaration: Declaration | None, times: Sequence[str] = ()) -> list[str]:
    """A sentence for every entry of the history and, where there are several, what they come to; times: of entries."""
    if declaration is None:
        return ["No declaration is on record, so nothing here may be called declared beforehand."]
    first, *changes = history = declaration.history
    on = [f" on {time[:10]} at {time[11:16]} UTC," if time else "" for time in times[: len(history)]]
    on += [""] * (len(history) - len(on))
    sentences = [f"{'First declared' if changes else 'Declared'}{on[0]} {_when(first)}."]
    for (before, after), time in zip(pairwise(history), on[1:], strict=True):
        words = [change_in_words(one, after.planned) for one in after.changes] or _digests(before, after)
        sentences.append(f"Changed{time} {_when(after)}: {'; '.join(words)}.")
    if changes:
        sentences.append(f"So what stands here was declared {_when(changes[-1])}.")
    return sentences


def _when(entry: DeclarationEntry) -> str:
    if entry.records_before:
        return f"after {_records(entry.records_before)} existed"
    return f"before any of its {entry.planned} planned runs had a record"


def _records(n: int) -> str:
    return f"{n} record{'s' if n != 1 else ''}"


def _digests(before: DeclarationEntry, after: DeclarationEntry) -> list[str]:
    """All that can be said where the fields that changed were not kept."""
    words = []
    if before.sha256 != after.sha256:
        words.append(f"the declaration ({before.sha256[:10]} became {after.sha256[:10]})")
    if before.plan_sha256 != after.plan_sha256:
        words.append(f"the plan ({before.planned} planned runs became {after.planned})")
    return words


def change_in_words(change: Change, planned: int) -> str:
    """A change by its field and both values: "preset sac_v2: tau 0.005 became 0.01 (12 of 36 planned runs changed)"."""
    section, *names = change.field
    if not names:
        return f"{section} came under the declaration, which an earlier version of the suite left out"
    verb = "changed" if section in ENTITIES else "are new"
    runs = f" ({change.runs} of {planned} planned runs {verb})" if change.runs else ""
    unordered = section == "study" or (section == "questions" and len(names) == 2)
    lists = isinstance(change.before, list) and isinstance(change.after, list)
    became = _came_and_went if unordered and lists else _became
    return f"{_name(change.field)}{became(change.before, change.after)}{runs}"


def _name(path: Sequence[str]) -> str:
    entities, fields, parts = [], [], iter(path)
    for part in parts:
        if part in ENTITIES:
            entities.append(f"{ENTITIES[part]} {next(parts)}")
        elif part not in UNSAID:
            fields.append(part)
    return ": ".join(filter(None, [*entities, ".".join(fields)]))


def _became(before: Any, after: Any) -> str:
    whole = after if before is None else before
    if None in (before, after) and isinstance(whole, Mapping) and "kind" not in whole:
        return " was added" if before is None else " was removed"
    return f" {_value(before)} became {_value(after)}"


def _came_and_went(before: list, after: list) -> str:
    moved = {"added": [x for x in after if x not in before], "removed": [x for x in before if x not in after]}
    return ": " + ", ".join(f"{', '.join(map(_item, some))} {what}" for what, some in moved.items() if some)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        parts = [f"{name}={_value(part)}" for name, part in value.items() if name != "kind"]
        return f"{value.get('kind', '')}({', '.join(parts)})"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return _item(value)


def _item(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_item, value))
    return f"“{value}”" if isinstance(value, str) and " " in value else word(value)


def wordings(ablation: AblationResult, declaration: Declaration | None) -> dict[str, Wording]:
    """A question's prose, field by field, with what is to be said of when it was declared."""
    return {name: _wording(name, getattr(ablation, name), ablation.name, declaration) for name in PROSE}


def _wording(name: str, present: Any, ablation: str, declaration: Declaration | None) -> Wording:
    text, path = _prose(present), ("questions", ablation, name)
    if declaration is None:
        return Wording("", text, "with no declaration on record")
    most, changes = 0, []
    for entry in declaration.history:  # records that were there once were seen, though they be gone now
        most = max(most, entry.records_before)
        changes += [(most, one) for one in entry.changes if most and one.field == path[: len(one.field)]]
    records = changes[-1][0] if changes else declaration.history[0].records_before
    beforehand = _part(changes[0][1].before, path[len(changes[0][1].field) :]) if changes else present
    if declaration.history[0].records_before or beforehand is None:
        return Wording("", text, f"put on record after {_records(records)} existed")
    if reflowed(present) == reflowed(beforehand):
        return Wording(text, text, "")
    what = "reworded" if isinstance(present, str) else "changed"
    return Wording(_prose(beforehand), text, f"{what} after {_records(records)} existed")


def _part(value: Any, path: Sequence[str]) -> Any:
    """What lies at the path in nested mappings; None where nothing does."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _prose(value: str | Sequence[str]) -> str:
    """A text, or several one after the other; outcomes by their words."""
    names = [value] if isinstance(value, str) else value
    return "; ".join(OUTCOMES[name].words if name in OUTCOMES else name for name in names)

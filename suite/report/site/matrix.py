"""One page with every switch in every code base: where they differ, at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from markupsafe import escape

from suite.specimens.switches import GROUPS, PAPERS, Entry, agree, every_entry, on_tasks, shown

LONGEST = 14  # characters of a value that a cell has room for
SHADES = 6  # of values other than the most frequent; site.css has as many


def pages() -> dict[str, str]:
    """The page, by its path in the site."""
    entries = every_entry()
    tables = [
        f"## {group.capitalize()}\n\n{_table({field: entries[field] for field in fields if not agree(entries[field])})}"
        for group, fields in GROUPS.items()
        if not all(agree(entries[field]) for field in fields)
    ]
    text = f"""# Switches × code bases

Every switch in which they differ. White: the value that most have; each other value of a row has its own shade. A cell
tells its value in full where the pointer rests, and * that it is another on some tasks. Where each is read:
[switches.md](switches.md); what each code base is: [presets.md](presets.md).

{chr(10).join(f"{one}{chr(10)}" for one in tables)}"""
    return {"matrix.md": text}


def _table(entries: dict[str, list[Entry]]) -> str:
    """The table of a group's switches, as HTML: Markdown has neither shades nor titles of cells."""
    columns = [one.preset for one in next(iter(entries.values()))]
    names = (f"<em>{name}</em>" if name in PAPERS else name for name in columns)
    heading = "".join(f"<th><span>{name}</span></th>" for name in names)
    rows = "\n".join(_row(field, of_field) for field, of_field in entries.items())
    return f'<div class="matrix"><table>\n<tr><th>switch</th>{heading}</tr>\n{rows}\n</table></div>'


def _row(field: str, entries: Sequence[Entry]) -> str:
    """A switch: the most frequent value first in shades, then in the order in which they occur."""
    counts = Counter(shown(one.value) for one in entries)
    ranks = {value: rank for rank, (value, _) in enumerate(counts.most_common())}
    brief = briefly(list(ranks))
    cells = "".join(_cell(one, brief[shown(one.value)], ranks[shown(one.value)]) for one in entries)
    return f'<tr><th><a href="switches.html#{field}">{field}</a></th>{cells}</tr>'


def _cell(one: Entry, words: str, rank: int) -> str:
    shade = f' class="other{min(rank, SHADES)}"' if rank else ""
    full = escape(f"{one.preset}: {shown(one.value)}{on_tasks(one)}".replace("`", ""))
    return f'<td{shade} title="{full}">{escape(words)}{"*" if one.per_task else ""}</td>'


def briefly(values: Sequence[str]) -> dict[str, str]:
    """Values in as few characters as a cell has room for, no two alike: of long ones their kind, with a letter."""
    short = {value: value.strip("`").removesuffix("()") for value in values}
    cut = {value: text if len(text) <= LONGEST else text.partition("(")[0][:LONGEST] for value, text in short.items()}
    met: Counter[str] = Counter()
    brief = {}
    for value, text in cut.items():
        alike = sum(other == text for other in cut.values())
        brief[value] = text if alike == 1 else f"{text} {chr(ord('a') + met[text])}"
        met[text] += 1
    return brief

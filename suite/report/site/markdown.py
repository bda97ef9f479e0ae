"""Markdown that the site's pages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from suite.specimens.switches import links

NO_SEARCH = "---\nsearch:\n  exclude: true\n---\n\n"
"""What a page begins with that the search leaves out."""


def escaped(text: str) -> str:
    """Text in which nothing means anything to Markdown or HTML, line breaks apart."""
    return re.sub(r"([\\`*_{}\[\]<>#|&])", lambda sign: f"\\{sign[0]}" if sign[0] != "&" else "&amp;", text)


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def verdict(words: str) -> str:
    """A verdict, in the colour of its kind."""
    return f"**{words}**{{ .verdict .{kind(words)} }}"


def kind(words: str) -> str:
    """The class of a verdict: of its one finding, or `mixed`."""
    if "," in words:
        return "mixed"
    return re.sub(r"\d+ ", "", words).lower().replace(" ", "-")


def cited(source: str) -> str:
    """A source in words, as links to the places it names."""
    places = links(source)
    if len(places) == 1:
        return f"[{escaped(source)}]({places[0]})"
    numbered = (f" [{n}]({address})" for n, address in enumerate(places, start=1))
    return f"{escaped(source)}{''.join(numbered)}"


def relative(target: str, page: str) -> str:
    """The link from a page to another file of the site, both by their paths in it."""
    up = len(PurePosixPath(page).parent.parts)
    return "../" * up + target


def title(text: str) -> str:
    """The first heading of a page, in plain words."""
    heading = re.search(r"^# +(.+)$", text, flags=re.MULTILINE)
    assert heading, "a page without a heading"
    return re.sub(r"\\(.)", r"\1", heading[1].replace("`", ""))

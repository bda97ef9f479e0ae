"""docs/cli.md, made from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from suite.cli import app
from suite.sac import identity

PATH = identity.ROOT / "docs" / "cli.md"
WIDTH = 100
INTRODUCTION = """# The command line
<!-- made by: python -m suite docs -->

`python -m suite COMMAND`, with the interpreter of the virtual environment (`.venv/bin/python`, or `python` once it is
activated). `-h` shows the same texts as this page.

| exit code | means |
|---|---|
| 0 | done |
| 1 | what was asked for was found wanting: the gate fails, a vector or a check is not met, a page is out of date |
| 2 | a mistake of the caller: one sentence on standard error, nothing written |
| 3 | `check` alone: nothing is comparable (with `--gate`: nothing that decides has runs enough) |
| 4 | `check --gate` alone: nothing fails, and not everything that decides passes |
| 75 | `run` and `sweep`: stopped by a signal, with the checkpoints kept |
| 76 | `run` alone: another process owns the run |

`sweep` ends with Snakemake's exit code, with `--until-decided` too, unless a signal stops it.
"""


def write(check: bool) -> list[str]:
    """Writes the page if it is out of date, unless `check` is set; returns its path if it was."""
    text = page()
    if PATH.exists() and PATH.read_text() == text:
        return []
    if not check:
        PATH.write_text(text)
    return ["docs/cli.md"]


def page() -> str:
    """Every command that is not hidden, with its help."""
    sections = [f"## {name}\n\n```text\n{text}\n```\n" for name, text in _helps(app.main, "suite")]
    return "\n".join([INTRODUCTION, *sections])


def _helps(group: click.Group, path: str, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """(name, help) of every command of a group by name, those of the groups inside it too."""
    sizes: dict[str, Any] = {"terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(group, info_name=path, parent=parent, **sizes, **group.context_settings)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _helps(command, name, context)
        elif not command.hidden:
            inner = click.Context(command, info_name=name, parent=context, **sizes)
            text = command.get_help(inner).replace("Usage: suite", "Usage: python -m suite")
            yield inner.command_path.removeprefix("suite "), "\n".join(map(str.rstrip, text.splitlines()))

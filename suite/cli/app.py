"""The command line itself: the group of commands, its exit codes, and how a mistake is answered."""

from __future__ import annotations

import importlib
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click

from suite.errors import UsageError, nearest, no_room
from suite.study.config import DEFAULT_CONFIG
from suite.study.plan import Plan
from suite.study.workflow import default_config

EXIT_USAGE, EXIT_INTERRUPTED, EXIT_OWNED = 2, 75, 76
BLOCKED = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
"""What a file that a command reads or writes fails with where it is not there, or a folder or its rights forbid it."""

_config_option = partial(
    click.option,
    "--config",
    default=default_config,
    show_default=f"{DEFAULT_CONFIG}; outside a checkout the quick.yaml that comes with the suite",
    help="The study's YAML file.",
)
config_option = _config_option("config")
plan_option = _config_option("plan", callback=lambda context, option, path: Plan(Path(path)))
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def as_json_text(value: Any) -> str:
    """A value as JSON that every reader takes: what has fields as an object, numbers that are not finite as null."""
    from suite.analysis.results_file import to_plain

    return json.dumps(to_plain(value), indent=1, allow_nan=False)


class Commands(click.Group):
    """A group that turns our own errors into a sentence and names the nearest command."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            fail(f"there is no command {args[0]!r}; did you mean {nearest(args[0], self.list_commands(ctx))}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            fail(str(error))
        except BLOCKED as error:
            fail(f"{error.filename2 or error.filename} cannot be read or written ({error.strerror})")
        except OSError as error:
            if not (sentence := no_room(error)):
                raise
            fail(sentence)


class Suite(Commands):
    """The whole command line: a file of commands is imported only if the ones before it lack the command asked for."""

    FILES = ("train", "study", "analyse", "judge", "report", "specimens", "questions", "sensitivity", "starters",
             "identity", "speed")  # fmt: skip

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for file in self.FILES:
            if cmd_name in self.commands:
                break
            importlib.import_module(f"suite.cli.{file}")
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        for file in self.FILES:
            importlib.import_module(f"suite.cli.{file}")
        return super().list_commands(ctx)


def fail(sentence: str, code: int = EXIT_USAGE) -> NoReturn:
    click.echo(f"error: {sentence}", err=True)
    sys.exit(code)


@click.group(cls=Suite, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--parent", type=int, hidden=True, help="The process that starts this one, which ends when it is gone.")
@click.pass_context
def main(context: click.Context, parent: int | None) -> None:
    """Train, compare and check reference implementations of Soft Actor-Critic."""
    context.obj = parent
    if parent is None:
        return
    from suite.lab.signals import go_with, is_orphan

    if is_orphan(parent):
        sys.exit(EXIT_INTERRUPTED)
    if context.invoked_subcommand != "run":  # which checkpoints before it goes
        go_with(parent)

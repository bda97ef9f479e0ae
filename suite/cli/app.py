"""The command line itself: the group of commands, its exit codes, and how a mistake is answered."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from suite.errors import UsageError, nearest
from suite.study.config import DEFAULT_CONFIG
from suite.study.plan import Plan
from suite.study.workflow import default_config

EXIT_USAGE, EXIT_INTERRUPTED, EXIT_OWNED = 2, 75, 76

plan_option = click.option(
    "--config",
    "plan",
    default=default_config,
    show_default=f"{DEFAULT_CONFIG}; outside a checkout the quick.yaml that comes with the suite",
    callback=lambda context, option, path: Plan(Path(path)),
    help="The study's YAML file.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


class Commands(click.Group):
    """A group that turns our own errors into a sentence and names the nearest command."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            fail(f"there is no command {args[0]!r}; did you mean {nearest(args[0], self.commands)}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            fail(str(error))


def fail(sentence: str, code: int = EXIT_USAGE) -> NoReturn:
    click.echo(f"error: {sentence}", err=True)
    sys.exit(code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Train, compare and check reference implementations of Soft Actor-Critic."""

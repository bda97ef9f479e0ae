"""The command line: a file for each group of commands; `main` has them all."""

from suite.cli import analyse, identity, judge, report, specimens, speed, study, train  # noqa: F401 - they add commands
from suite.cli.app import main

__all__ = ["main"]

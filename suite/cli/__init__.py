"""The command line: a file for each group of commands; `main` has them all."""

from suite.cli import (  # noqa: F401 - each adds its commands
    analyse,
    identity,
    judge,
    migrate,
    report,
    specimens,
    speed,
    study,
    train,
)
from suite.cli.app import main

__all__ = ["main"]

"""The command line: a file for each group of commands; `main` has them all."""

from suite.cli.app import main

__all__ = ["main"]

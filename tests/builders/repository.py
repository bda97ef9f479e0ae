"""A git repository of its own in a test's folder, apart from the user's settings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class Repository:
    """Made in a folder; its files are the folder's."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.git("init", "--quiet")

    def git(self, *words: str, when: str | None = None) -> str:
        """What git answers there. when: ISO 8601, the date of a commit."""
        settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when} if when else {}
        command = ("git", "-c", "user.name=nobody", "-c", "user.email=nobody@example.org", *words)
        environment = os.environ | settings | dates
        ended = subprocess.run(command, cwd=self.folder, env=environment, check=True, capture_output=True, text=True)
        return ended.stdout.strip()

    def commit(self, when: str | None = None) -> str:
        """Commits all that is there; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "as it is", when=when)
        return self.git("rev-parse", "HEAD")

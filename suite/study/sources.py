"""Sources: the suite itself as it was when a run was trained, from its git repository, laid out in a folder of its own.

A record names the commit of each attempt. Older ones name none, but the digests of the parts that made their numbers:
the newest commit from before the run began whose parts have these digests gives the same numbers.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

from suite.errors import UsageError
from suite.lab.machine import MAKES_NUMBERS
from suite.lab.records import RunRecord
from suite.sac.source import ROOT

_DIGESTS = """
import json, sys
from suite.specimens.proofs import part_digest
print(json.dumps({part: part_digest(part) for part in sys.argv[1:]}))
"""
"""What a commit's own code says of its parts."""


class SourcesError(Exception):
    """A run's own sources are not to be had here, or need other packages than are installed; with the reason."""


class Sources(NamedTuple):
    """The suite as it was at a commit. folder: holds its suite/ and implementations/."""

    commit: str
    folder: Path


class History:
    """The suite's git repository; lays sources out under `work`, each once. UsageError if there is no repository."""

    def __init__(self, work: Path, root: Path = ROOT):
        if not (root / ".git").exists():
            raise UsageError(f"a run's own sources are in the suite's git repository, and {root} is none; clone it")
        self.work, self.root = work, root
        self._digests: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {}

    def of(self, record: RunRecord) -> Sources:
        """The sources that trained a run, fit for the packages that are installed; SourcesError if there are none."""
        named = record.attempts[-1].commit
        if named.endswith("+"):
            raise SourcesError(f"it was trained from commit {named[:10]} with changes that nobody kept")
        if named and not re.fullmatch("[0-9a-f]{40}", named):  # somebody else's record may name an option of git's
            raise SourcesError(f"it names {named[:40]!r}, which is no commit")
        commit = named or self._found(record)
        lacking = sorted(self._pins(commit) - _pins((self.root / "requirements.lock").read_text()))
        if lacking:
            raise SourcesError(f"the lock of its commit {commit[:10]} has {', '.join(lacking)}: set up that commit")
        return self._laid_out(commit)

    def _found(self, record: RunRecord) -> str:
        """The newest commit from before a run began whose parts have the digests of its record."""
        wanted = {part: one.digest for part, one in (record.numerics or {}).items()}
        began = record.attempts[-1].started
        for commit in self._git("log", "--format=%H", f"--before={began}", "--", *MAKES_NUMBERS).split():
            if wanted and self._digests_at(commit, tuple(wanted)) == wanted:
                return commit
        raise SourcesError("it names no commit, and no commit from before it began has the sources of its parts")

    def _digests_at(self, commit: str, parts: tuple[str, ...]) -> dict[str, str]:
        """The digests of these parts at a commit; none where its code cannot tell."""
        try:
            trees = self._git("rev-parse", f"{commit}:suite", f"{commit}:implementations")
        except SourcesError:  # from before there was either
            return {}
        if (trees, parts) not in self._digests:
            folder = self._laid_out(commit).folder
            asked = (sys.executable, "-c", _DIGESTS, *parts)
            ended = subprocess.run(asked, cwd=folder, env=environment(folder), capture_output=True, text=True)
            self._digests[trees, parts] = {} if ended.returncode else json.loads(ended.stdout)
        return self._digests[trees, parts]

    def _laid_out(self, commit: str) -> Sources:
        folder = self.work / commit[:10]
        if not folder.exists():
            archive = self._run("archive", commit, "--", ".", ":!results", ":!docs", ":!tests")
            careful: Any = (
                {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            )  # there is none before Python 3.11.4
            with tarfile.open(fileobj=io.BytesIO(archive)) as files:
                files.extractall(folder, **careful)
        return Sources(commit, folder)

    def _pins(self, commit: str) -> set[str]:
        return _pins(self._git("show", f"{commit}:requirements.lock"))

    def _git(self, *words: str) -> str:
        return self._run(*words).decode()

    def _run(self, *words: str) -> bytes:
        """What git answers; SourcesError if it cannot."""
        try:
            ended = subprocess.run(("git", *words), cwd=self.root, capture_output=True)
        except OSError as error:
            raise SourcesError(f"git cannot be asked: {error.strerror}") from None
        if ended.returncode:
            raise SourcesError(f"git {words[0]} says: {ended.stderr.decode().strip()}")
        return ended.stdout


def environment(folder: Path) -> dict[str, str]:
    """The environment of a process that imports the suite from a folder."""
    return os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}


def _pins(lock: str) -> set[str]:
    """The packages of a lock, each with its version."""
    return {line.split()[0] for line in lock.splitlines() if "==" in line and not line.startswith((" ", "#"))}

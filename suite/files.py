"""Files that are there whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from suite.errors import UsageError


class atomic:
    """A temporary path beside `path`, moved into place on leaving (synced to disk first); removed on an exception."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self.temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")

    def __enter__(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in self.path.parent.glob(f".{self.path.name}.*.tmp"):  # of a writer that was killed
            leftover.unlink()
        return self.temporary

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self.temporary.unlink(missing_ok=True)
            return
        with self.temporary.open("rb+") as file:
            os.fsync(file.fileno())
        self.temporary.replace(self.path)


def read_json(path: Path, remedy: str, kind: type = dict) -> Any:
    """The JSON at `path`, an object (or a list); UsageError ending in the remedy if it is damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is damaged, it is not JSON ({type(error).__name__}): {remedy}") from None
    if not isinstance(data, kind):
        raise UsageError(f"{path} is damaged, it holds a {type(data).__name__}: {remedy}")
    return data

"""Code that users bring, ablations and implementations: what is wrong with it is a sentence with file and line."""

from __future__ import annotations

import ast
import importlib.util
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from suite.errors import UsageError, quoted

NO_HINTS: Mapping[type, str] = {}


@contextmanager
def sentence(what: str, home: Path | str, hints: Mapping[type, str] = NO_HINTS) -> Iterator[None]:
    """Whatever exception ends the block is a UsageError: where, what it is about, what it said.

    home: the file whose code is run, or the dotted name of its module; hints: what to add, by the exception's type.
    """
    try:
        yield
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        said = " ".join(f"{type(error).__name__}: {getattr(error, 'msg', None) or error}".split()).removesuffix(":")
        at, hint = _where(error, home if isinstance(home, Path) else file_of(home)), hints.get(type(error), "")
        raise UsageError(f"{at or what}: {what if at else 'it'} cannot be used ({said}){hint}") from None


def _where(error: BaseException, file: Path | None) -> str:
    """The file and line at which an exception arose: in `file`, or where Python could not read the text of another."""
    if isinstance(error, SyntaxError) and error.filename:
        return place(Path(error.filename), error.lineno)
    if file is None:
        return ""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    lines = [line for name, line in frames if Path(name).resolve() == file.resolve()]
    return place(file, lines[-1] if lines else None)


def place(file: Path, line: int | None) -> str:
    """A file as one would name it from here, and a line of it."""
    path = file.resolve()
    named = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{named}, line {line}" if line else str(named)


def place_of_word(file: Path, word: str | None = None) -> str:
    """A file and the line on which it has a text of its own, or else the one on which ABLATION is given."""
    nodes = list(ast.walk(ast.parse(file.read_bytes())))
    words = [node.lineno for node in nodes if isinstance(node, ast.Constant) and node.value == word is not None]
    named = [node.lineno for node in nodes if isinstance(node, ast.Name) and node.id == "ABLATION"]
    return place(file, min(words, default=min(named, default=None)))


def check_unique_keys(file: Path, tree: ast.AST) -> None:
    """UsageError for a dict written out with a key twice, of which Python quietly keeps the last."""
    for node in (node for node in ast.walk(tree) if isinstance(node, ast.Dict)):
        seen: set[object] = set()
        for key in (key for key in node.keys if isinstance(key, ast.Constant)):
            if key.value in seen:
                raise UsageError(f"{place(file, key.lineno)}: {quoted(key.value)} is given twice; name it once")
            seen.add(key.value)


def file_of(module: str) -> Path | None:
    """The file of a dotted module; None where it cannot be told. It imports what the module lies in."""
    try:
        found = importlib.util.find_spec(module)
    except Exception:  # of a package's own __init__: whoever imports the module will be told
        return None
    return Path(found.origin) if found and found.origin else None

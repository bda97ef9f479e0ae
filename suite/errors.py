"""How a mistake of the caller, or a disk that is full, is answered: one sentence, exit code 2."""

from __future__ import annotations

import difflib
import errno
import os
import reprlib
from collections.abc import Iterable

LONGEST_SENTENCE, LONGEST_VALUE = 800, 120
"""Characters of a sentence, and of a value in it: what is longer loses its middle, and keeps what was to be done."""


class UsageError(Exception):
    """A mistake of the caller, in one sentence that says what, where, and the nearest valid choice; exit code 2.

    Whatever stands in it, a terminal is shown one line of it, and no control character.
    """

    def __init__(self, sentence: str):
        shown = (c if c.isprintable() or c == "\xa0" else repr(c)[1:-1] for c in _cut(sentence, LONGEST_SENTENCE))
        super().__init__("".join(shown))


def _cut(text: str, longest: int) -> str:
    """A text without its middle where it is too long."""
    kept = longest // 2
    return text if len(text) <= longest else f"{text[:kept]} ... {text[-kept:]}"


def nearest(word: object, choices: Iterable[str]) -> str:
    """The valid choice most like `word`, quoted, for the end of an error's sentence."""
    choices = list(choices)
    close = difflib.get_close_matches(str(word)[:LONGEST_VALUE], choices, n=1, cutoff=0.0)
    return repr(close[0]) if close else "nothing: there is no valid choice"


_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxother, _REPR.maxstring, _REPR.maxlong = 3, LONGEST_VALUE, LONGEST_VALUE, LONGEST_VALUE


def quoted(value: object) -> str:
    """A value as Python writes it, for a sentence: cut where it is long or deep, of a number without end its type."""
    try:
        return _cut(_REPR.repr(value), 2 * LONGEST_VALUE)
    except (ValueError, RecursionError):
        return f"something too long to show, of type {type(value).__name__}"


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""What a disk says that is full, read-only or broken, or a limit on what one may write."""


def no_room(error: BaseException) -> str:
    """A sentence on a disk that takes no more; "" for any other error."""
    if not isinstance(error, OSError) or error.errno not in NO_ROOM:
        return ""
    what = error.filename2 or error.filename or "a file"
    return f"{what} cannot be written ({os.strerror(error.errno)}); make room, and the same command goes on"

"""How a mistake of the caller is answered: one sentence, exit code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UsageError(Exception):
    """A mistake of the caller, in one sentence that says what, where, and the nearest valid choice; exit code 2."""


def nearest(word: object, choices: Iterable[str]) -> str:
    """The valid choice most like `word`, quoted, for the end of an error's sentence."""
    choices = list(choices)
    close = difflib.get_close_matches(str(word), choices, n=1, cutoff=0.0)
    return repr(close[0]) if close else "nothing: there is no valid choice"
